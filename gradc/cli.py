"""The command line: parses arguments, calls the public face, prints.

Only the artefact goes to standard output; everything said about it goes to standard error. Exit codes: 0 fine,
1 the user's expression or data is wrong, 2 wrong usage, 3 a check failed, 70 a fault of ours.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from gradc.language.diagnostics import Error
from gradc.language.source import Source

USER_ERROR, CHECK_FAILED, FAULT, INTERRUPTED, BROKEN_PIPE = 1, 3, 70, 130, 141

LONG_OPTION = re.compile(r"--[a-z][a-z-]*(=.*)?", re.DOTALL)
"""What can only be meant as an option: `--size`, but not `--x*y`."""


class Command(click.Command):
    """A command whose arguments may start with a minus, and which turns what goes wrong into an exit code."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(guarded(args, self, ctx)))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except Error as error:
            ctx.exit(report(error, ctx.params.get("as_json", False)))
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            sever_stdout()
            ctx.exit(BROKEN_PIPE)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except MemoryError:
            ctx.exit(report(Error("G0503", "this needs more memory than there is"), ctx.params.get("as_json", False)))
        except Exception as fault:
            if os.environ.get("GRADC_DEBUG"):
                raise
            ctx.exit(confess(fault))


def guarded(args: list[str], command: click.Command, ctx: click.Context) -> Iterator[str]:
    """The arguments with a blank in front of each expression that starts with a minus and would pass for options."""
    takes_value = {
        name: isinstance(param, click.Option) and not param.is_flag and not param.count
        for param in command.get_params(ctx)
        for name in param.opts + param.secondary_opts
    }
    remaining = iter(args)
    for arg in remaining:
        if arg == "--":
            yield arg
            yield from remaining
        elif arg in takes_value:
            yield arg
            if takes_value[arg]:
                yield from (value for value in [next(remaining, None)] if value is not None)
        elif arg.startswith("-") and arg != "-" and not LONG_OPTION.fullmatch(arg):
            yield " " + arg
        else:
            yield arg


def report(error: Error, as_json: bool) -> int:
    """Say what the user got wrong."""
    if as_json:
        print_json({"error": error.as_dict()})
    else:
        click.echo(str(error), err=True)
    return USER_ERROR


def confess(fault: Exception) -> int:
    """Say what we got wrong, in one line."""
    from gradc import __version__

    what = " ".join(f"{type(fault).__name__}: {fault}".split())[:200]
    click.echo(
        f"gradc {__version__} failed: {what}; this is our fault, please report it with your command"
        " (GRADC_DEBUG=1 shows where)",
        err=True,
    )
    return FAULT


def sever_stdout() -> None:
    """After a broken pipe: nothing more is written there, not even by the interpreter's last flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# ---------------------------------------------------------------- what the commands share


def program_source(expression: str | None, file: str | None) -> Source:
    """The program: EXPR, standard input for `-`, or a file."""
    if (expression is None) == (file is None):
        raise click.UsageError("give a program: EXPR, - for standard input, or -f FILE")
    if expression == "-":
        return Source(decoded(sys.stdin.buffer.read(), "standard input"), "standard input")
    if file is not None:
        try:
            return Source(decoded(Path(file).read_bytes(), file), file)
        except OSError as error:
            raise Error("G0701", f"{file} cannot be read: {error.strerror or error}") from None
    return Source(expression[1:] if expression.startswith(" -") else expression)


def decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Error("G0701", f"{name} is no UTF-8 text: byte {error.start} is {data[error.start]:#04x}") from None


def point_of(at: tuple[str, ...]) -> dict[str, Any]:
    """The values of all `--at`."""
    if not at:
        return {}
    from gradc.point import read_point

    return read_point(at)


def print_json(facts: dict[str, Any]) -> None:
    from gradc.show.encode import json_text

    click.echo(json_text(facts))


def shared(*options: Callable) -> Callable:
    """Several options as one decorator, in the order in which help shows them."""

    def decorate(function: Callable) -> Callable:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


program_arguments = shared(
    click.argument("expression", metavar="EXPR", required=False),
    click.option("-f", "file", metavar="FILE", help="Read the program from a file instead."),
)
at_option = click.option(
    "--at", multiple=True, metavar="POINT", help="Values of the inputs: x=-2,y=5 or t=[1,2,3] or t=@data.npy. Repeatable."
)
wrt_option = click.option("--wrt", metavar="NAMES", help="Differentiate for these inputs only, as in x,y.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(None, "-V", "--version", package_name="gradc")
def main() -> None:
    """gradc turns mathematics into compiled gradients."""


@main.command("eval", cls=Command)
@program_arguments
@at_option
@wrt_option
@json_option
def eval_command(expression: str | None, file: str | None, at: tuple[str, ...], wrt: str | None, as_json: bool) -> None:
    """Value and gradients of a program at a point.

    gradc eval "(x+y)*z" --at x=-2,y=5,z=-4
    """
    from gradc.function import Function
    from gradc.show.table import abbreviated

    function = Function(program_source(expression, file), wrt=wrt, engine="interpreter")
    value, grads = function.value_and_grad(**point_of(at))
    if as_json:
        print_json({"program": function.text, "value": value, "gradients": dict(zip(function.wrt, grads))})
    else:
        for name, number in [("value", value), *((f"d/d{name}", grad) for name, grad in zip(function.wrt, grads))]:
            click.echo(f"{name}  {abbreviated(number)}")


@main.command("trace", cls=Command)
@program_arguments
@at_option
@json_option
def trace_command(expression: str | None, file: str | None, at: tuple[str, ...], as_json: bool) -> None:
    """Every gate of a program: value, local gradients, what flows back.

    gradc trace "(x+y)*z" --at x=-2,y=5,z=-4
    """
    from gradc.show.trace import trace_source

    traced = trace_source(program_source(expression, file), point_of(at))
    if as_json:
        print_json(traced.as_dict())
    else:
        click.echo(str(traced))
