"""What every command shares with the shell: exit codes, arguments that start with a minus, files written whole."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gradc.language.diagnostics import Error, out_of_memory
from gradc.language.source import Source

USER_ERROR, CHECK_FAILED, FAULT, INTERRUPTED, BROKEN_PIPE = 1, 3, 70, 130, 141
"""Exit codes besides 0, and 2 for wrong usage, which is click's. The last two are 128 plus the signal."""

LONG_OPTION = re.compile(r"--[a-z][a-z-]*(=.*)?", re.DOTALL)
"""What can only be meant as an option: `--size`, but not `--x*y`."""


class Command(click.Command):
    """A command whose arguments may start with a minus, and which turns what goes wrong into an exit code."""

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
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            close_stdout()
            ctx.exit(BROKEN_PIPE)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as fault:
            if os.environ.get("GRADC_DEBUG"):
                raise
            ctx.exit(report_bug(fault))


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
        echo(json.dumps({"error": error.as_dict()}, indent=2))
    else:
        click.echo(str(error), err=True)
    return USER_ERROR


def report_bug(fault: Exception) -> int:
    """Say what we got wrong, in one line."""
    from gradc.version import __version__

    what = " ".join(f"{type(fault).__name__}: {fault}".split())[:200]
    click.echo(
        f"internal error in gradc {__version__}: {what}; please report it with the command you typed "
        "(GRADC_DEBUG=1 shows where it happened)",
        err=True,
    )
    return FAULT


def close_stdout() -> None:
    """Nothing more is written to standard output, not even by the interpreter's last flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# ---------------------------------------------------------------- programs and files


def echo(text: str) -> None:
    """Write to standard output."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        click.echo(text.encode(encoding, "backslashreplace").decode(encoding), nl=not text.endswith("\n"))
    except BrokenPipeError:
        raise
    except OSError as error:
        close_stdout()
        raise Error("G0701", f"standard output cannot be written: {_reason(error)}") from None


def program_source(expression: str | None, file: str | None) -> Source:
    """The program: EXPR, standard input for `-`, or a file."""
    if expression is not None and file is not None:
        raise click.UsageError("give EXPR or -f FILE, not both")
    if file is not None:
        return Source(decoded(read_bytes(file), file), file)
    if expression is None:
        raise click.UsageError("give a program: EXPR, - for standard input, or -f FILE")
    if expression == "-":
        return Source(decoded(sys.stdin.buffer.read(), "standard input"), "standard input")
    try:
        expression.encode()
    except UnicodeEncodeError as error:
        raise Error("G0701", f"EXPR is not UTF-8 text from character {error.start + 1} on") from None
    return Source(unguarded(expression))


def read_bytes(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as error:
        raise Error("G0701", f"{file!r} cannot be read: {_reason(error)}") from None


def decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise Error("G0701", f"{name} is not UTF-8 text: byte {error.start} is {data[error.start]:#04x}") from None


def write_file(file: str, text: str) -> None:
    """Write a file whole or not at all; pipes and devices are written as they are."""
    try:
        path = Path(os.path.realpath(file))
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
        else:
            _replace(path, text)
    except (OSError, ValueError) as error:
        raise Error("G0701", f"{file!r} cannot be written: {_reason(error)}") from None


def _replace(path: Path, text: str) -> None:
    """Write beside the file, then rename; the new file keeps the old one's permissions."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        os.chmod(temporary, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
