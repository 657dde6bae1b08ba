"""What every command shares: exit codes, arguments that start with a minus, programs read and files written whole."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

from gradc.cli.streams import discard, echo, open_streams, reason, say, say_painted, unwritable
from gradc.language.diagnostics import Error, out_of_memory
from gradc.language.source import Source

USER_ERROR, CHECK_FAILED, FAULT, INTERRUPTED, BROKEN_PIPE = 1, 3, 70, 130, 141
"""Exit codes besides 0, and 2 for wrong usage, which is click's. The last two are 128 plus the signal."""

LONG_OPTION = re.compile(r"--[a-z][a-z-]*(=.*)?", re.DOTALL)
"""What can only be meant as an option: `--size`, but not `--x*y`."""


class Commands(click.Group):
    """The group of all commands: whatever happens in it ends in an exit code."""

    def main(self, *args: Any, standalone_mode: bool = True, **keywords: Any) -> Any:
        run = partial(super().main, *args, standalone_mode=False, **keywords)
        if not standalone_mode:
            return run()
        open_streams()
        try:
            code: Any = run()
        except click.ClickException as error:
            shown = io.StringIO()
            error.show(shown)
            say(shown.getvalue().removesuffix("\n"))
            code = error.exit_code
        sys.exit(flushed(code if isinstance(code, int) else 0))

    def make_context(self, *args: Any, **keywords: Any) -> click.Context:
        with endings():
            return super().make_context(*args, **keywords)

    def invoke(self, ctx: click.Context) -> Any:
        with endings():
            return super().invoke(ctx)


@contextmanager
def endings() -> Iterator[None]:
    """Turn what ends a command early into its exit code."""
    try:
        yield
    except KeyboardInterrupt:
        say("interrupted")
        code = INTERRUPTED
    except BrokenPipeError:
        code = BROKEN_PIPE
    except Error as error:
        code = report(error, as_json=False)
    except OSError as error:  # from help and version, which click writes
        code = report(unwritable(error), as_json=False)
    else:
        return
    raise click.exceptions.Exit(code)


def flushed(code: int) -> int:
    """The exit code after the last of the output is written."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = BROKEN_PIPE
    except (OSError, ValueError) as error:
        code = report(unwritable(error), as_json=False)
    if code == BROKEN_PIPE:
        discard(sys.stdout)
    return code


class Command(click.Command):
    """A command whose arguments may start with a minus, and which turns what goes wrong into an exit code."""

    def __init__(self, *args: Any, **keywords: Any):
        super().__init__(*args, **keywords)
        self.params.append(
            click.Option(
                ["--color"], type=click.Choice(["auto", "always", "never"]), expose_value=False, callback=_set_colour,
                help="Colour on terminals only (auto, the default), always or never.",
            )
        )  # fmt: skip

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(guarded(args, self, ctx)))

    def invoke(self, ctx: click.Context) -> Any:
        as_json = bool(ctx.params.get("as_json"))
        try:
            return super().invoke(ctx)
        except Error as error:
            ctx.exit(report(error, as_json))
        except MemoryError:
            ctx.exit(report(out_of_memory(), as_json))
        except (KeyboardInterrupt, BrokenPipeError, click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as fault:
            if os.environ.get("GRADC_DEBUG"):
                raise
            ctx.exit(report_bug(fault))


def _set_colour(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    ctx.color = {"always": True, "never": False}.get(value or "auto")


def guarded(args: list[str], command: click.Command, ctx: click.Context) -> Iterator[str]:
    """The arguments with a blank in front of each one that starts with a minus but is an expression."""
    takes_value = {
        name: isinstance(param, click.Option) and not param.is_flag and not param.count
        for param in command.get_params(ctx)
        for name in (*param.opts, *param.secondary_opts)
    }
    remaining = iter(args)
    for arg in remaining:
        yield f" {arg}" if is_negative(arg) and arg not in takes_value else arg
        if arg == "--":
            yield from remaining
        elif takes_value.get(arg):
            yield from (value for value in [next(remaining, None)] if value is not None)


def is_negative(arg: str) -> bool:
    """Whether an argument starts with a minus and may be an expression."""
    return arg.startswith("-") and arg not in ("-", "--") and not LONG_OPTION.fullmatch(arg)


def unguarded(arg: str) -> str:
    """An argument without the blank that `guarded` put there."""
    return arg[1:] if arg.startswith(" -") else arg


# ---------------------------------------------------------------- what went wrong


def report(error: Error, as_json: bool) -> int:
    """Say what the user got wrong: as a drawing on standard error, or as JSON on standard output."""
    if as_json:
        try:
            echo(json.dumps({"error": error.as_dict()}, indent=2))
        except Error as unwritten:
            error = unwritten
        else:
            return USER_ERROR
    say_painted(error.parts())
    return USER_ERROR


def report_bug(fault: Exception) -> int:
    """Say what we got wrong, in one line."""
    from gradc.version import __version__

    what = " ".join(f"{type(fault).__name__}: {fault}".split())[:200]
    place = where_to_report()
    say(
        f"internal error in gradc {__version__}: {what}; please report it{place and f' at {place}'} with the command "
        "you typed (GRADC_DEBUG=1 shows where it happened)"
    )
    return FAULT


REPORT_LABELS = ("issues", "bug tracker", "bugtracker", "tracker", "source", "repository", "homepage")
"""What the address for reports may be called among the package's `project.urls`, the best first."""


def where_to_report() -> str:
    """The address that the installed package gives for reports; nothing if it gives none."""
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        given = metadata("gradc").get_all("Project-URL") or []
    except PackageNotFoundError:
        return ""
    addresses = {label.strip().lower(): url.strip() for label, _, url in (line.partition(",") for line in given)}
    return next((addresses[label] for label in REPORT_LABELS if label in addresses), "")


# ---------------------------------------------------------------- programs and files


def program_source(expression: str | None, file: str | None) -> Source:
    """The program: EXPR, standard input for `-`, or a file."""
    if expression is not None and file is not None:
        raise click.UsageError("give EXPR or -f FILE, not both")
    if file is not None:
        return Source(decoded(read_bytes(file), file), file)
    if expression is None:
        raise click.UsageError("give a program: EXPR, - for standard input, or -f FILE")
    if expression == "-":
        return Source(decoded(read_stdin(), "standard input"), "standard input")
    try:
        expression.encode()
    except UnicodeEncodeError as error:
        raise Error("G0701", f"EXPR is not UTF-8 text from character {error.start + 1} on") from None
    return Source(unguarded(expression))


def read_stdin() -> bytes:
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise Error("G0701", f"standard input cannot be read: {reason(error)}") from None


def read_bytes(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as error:
        raise Error("G0701", f"{file!r} cannot be read: {reason(error)}") from None


def decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise Error("G0701", f"{name} is not UTF-8 text: byte {error.start} is {data[error.start]:#04x}") from None


def write_file(file: str, content: str | bytes) -> None:
    """Write a file whole or not at all; pipes and devices are written as they are."""
    data = content.encode() if isinstance(content, str) else content
    try:
        path = Path(file)
        if path.exists() and not path.is_file():
            path.write_bytes(data)
        else:
            _replace(Path(os.path.realpath(path)), data)
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        raise Error("G0701", f"{file!r} cannot be written: {reason(error)}") from None


def _replace(path: Path, data: bytes) -> None:
    """Write beside the file, then rename; the new file keeps the old one's permissions."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    try:
        with open(handle, "wb") as stream:
            stream.write(data)
        os.chmod(temporary, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
