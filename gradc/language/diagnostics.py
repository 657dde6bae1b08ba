"""The error a user can cause: a code, a message, the place, and what to do about it."""

from __future__ import annotations

from typing import Any

from gradc.language.source import Span

CODES = {
    # syntax
    "G0101": "unexpected character",
    "G0102": "unexpected token",
    "G0103": "unbalanced bracket",
    "G0104": "missing operator",
    "G0105": "empty or unfinished program",
    "G0106": "malformed number",
    "G0107": "operator of another language",
    "G0108": "construct outside the language",
    # names, functions and declarations
    "G0201": "shapes or types of operands do not fit",
    "G0202": "wrong type",
    "G0203": "shapes do not broadcast",
    "G0204": "index or slice does not fit",
    "G0205": "tuple does not fit",
    "G0206": "state of a loop changes",
    "G0301": "unknown name",
    "G0302": "unknown function",
    "G0303": "wrong number of arguments",
    "G0304": "unknown or repeated keyword argument",
    "G0305": "name defined twice",
    "G0306": "recursive definition",
    "G0307": "name cannot be used here",
    # derivatives
    "G0401": "no derivative exists",
    "G0402": "wrt names no differentiable input",
    "G0403": "a stated derivative is wrong",
    # limits
    "G0501": "text too long",
    "G0502": "program too large",
    "G0503": "result too large",
    "G0504": "memory budget too small",
    # arguments of a call
    "G0601": "missing, unknown or repeated argument",
    "G0602": "argument has an unusable type",
    "G0603": "argument shapes do not fit",
    "G0604": "option has an unusable value",
    "G0605": "backward before forward",
    "G0606": "out cannot take the result",
    "G0607": "start, data or bounds of a fit do not fit",
    "G0608": "program does not add up over rows",
    "G0609": "matrix without an answer",
    "G0610": "iteration reaches its limit",
    # files and the command line
    "G0701": "file cannot be read or written",
    "G0702": "unusable value on the command line",
    # functions written in Python
    "G0801": "value of a traced array is needed",
    "G0802": "traced array is changed in place",
    "G0803": "function or attribute without a counterpart",
    "G0804": "function cannot be traced",
    # SymPy
    "G0901": "part of a SymPy expression cannot be taken",
    "G0902": "part of a program has no SymPy expression",
}
"""Every code, and what its errors have in common. Groups: 01 syntax, 02 types and shapes, 03 names,
04 derivatives, 05 limits, 06 arguments of a call, 07 files and the command line, 08 functions written in Python,
09 SymPy. What each one means, with an example: `explanations.py`."""


def written(text: str) -> str:
    """A text that every file and stream takes: halves of characters, as in odd file names, become escapes."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


class Error(ValueError):
    """Base of every error a user can cause.

    Attributes: `code` (a key of `CODES`), `message` (one line), `span` (the place in the program's
    text, or None), `label` (written beside the carets), `help` (what to do, or None).
    `str(error)` is the whole drawing.
    """

    def __init__(self, code: str, message: str, span: Span | None = None, *, label: str = "", help: str | None = None):
        assert code in CODES, code
        message = written(message)
        super().__init__(message)
        self.code = code
        self.message = message
        self.span = span
        self.label = written(label)
        self.help = written(help) if help else help

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.code, self.message), self.__dict__

    def __str__(self) -> str:
        return "".join(text for text, _ in self.parts())

    def parts(self) -> list[tuple[str, str]]:
        """The pieces of the drawing, each with its kind: "error", "message", "help", those of the span, or none."""
        parts = [(f"error[{self.code}]", "error"), (f": {self.message}", "message")]
        if self.span is not None:
            parts += [("\n", ""), *self.span.parts(self.label)]
        if self.help:
            parts += [("\n", ""), ("help", "help"), (f": {self.help}", "")]
        return parts

    def as_dict(self) -> dict[str, Any]:
        """The same facts for `--json`: code, message, line, column, start, stop, label, help."""
        place = {}
        if self.span is not None:
            line, column = self.span.position
            place = {"line": line, "column": column, "start": self.span.start, "stop": self.span.stop}
        return {"code": self.code, "message": self.message, **place, "label": self.label, "help": self.help}


def out_of_memory() -> Error:
    """The error for a computation whose arrays do not fit."""
    return Error("G0503", "not enough memory", help="compute on fewer elements at a time")
