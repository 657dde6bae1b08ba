"""Standard input, output and error, which may be closed, full, or read by somebody who leaves early; and colours.

Output that cannot be written is an error of its own, and a reader who left ends the command as the signal SIGPIPE
would. Complaints that cannot be written are lost, and change nothing about the exit code.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from gradc.language.diagnostics import Error

STYLES: dict[str, dict[str, Any]] = {
    "error": {"fg": "red", "bold": True},
    "message": {"bold": True},
    "gutter": {"fg": "blue", "bold": True},
    "carets": {"fg": "red", "bold": True},
    "help": {"fg": "cyan", "bold": True},
}
"""How the parts of a diagnostic look in colour."""


class Closed(io.TextIOBase):
    """A standard stream that the shell has closed."""

    def __init__(self, name: str):
        self.name = name

    def write(self, text: str) -> int:
        raise self._error()

    def read(self, size: int | None = -1) -> str:
        raise self._error()

    @property
    def buffer(self) -> Closed:
        return self

    def _error(self) -> Error:
        return Error("G0701", f"{self.name} is closed")


def open_streams() -> None:
    """Put something in the place of standard streams that are closed, so that no file that is opened later takes it."""
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    sys.stdin = sys.stdin or Closed("standard input")
    sys.stdout = sys.stdout or Closed("standard output")
    sys.stderr = sys.stderr or io.StringIO()


def echo(text: str, color: bool | None = None) -> None:
    """Write to standard output. Raises `Error` G0701 where that is impossible, `BrokenPipeError` if nobody reads."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    with writing():
        click.echo(text.encode(encoding, "backslashreplace").decode(encoding), nl=not text.endswith("\n"), color=color)


@contextmanager
def writing() -> Iterator[None]:
    """What is written to standard output here raises `Error` G0701 where that is impossible."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(error) from None


def say(text: str, color: bool | None = None) -> None:
    """Write to standard error, if that is possible."""
    try:
        click.echo(text, err=True, color=color)
    except (OSError, ValueError):
        discard(sys.stderr)


def unwritable(error: Exception) -> Error:
    """The error for standard output that takes no more; nothing else is written to it."""
    discard(sys.stdout)
    return Error("G0701", f"standard output cannot be written: {reason(error)}")


def discard(stream: Any) -> None:
    """Nothing more is written to a stream, not even by the interpreter's last flush."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):  # it is no file of the operating system's
        pass


def reason(error: Exception) -> str:
    """Why the operating system refused."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


# ---------------------------------------------------------------- colours


def colours(stream: Any) -> bool:
    """Whether a stream is written in colour: `--color` says so, or NO_COLOR, or FORCE_COLOR, or it is a terminal."""
    context = click.get_current_context(silent=True)
    if context is not None and context.color is not None:
        return context.color
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")


def say_painted(parts: Iterable[tuple[str, str]]) -> None:
    """Write the parts of a text, each with the name of its style, to standard error."""
    if colours(sys.stderr):
        painted = (click.style(text, **STYLES[style]) if style and text else text for text, style in parts)
        say("".join(painted), color=True)
    else:
        say("".join(text for text, _ in parts))
