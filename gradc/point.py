"""The point at which a program is evaluated, as people type it: `x=-2, y=5, t=[1, 2, 3], X=@rows.csv`.

    point  = name "=" value { "," name "=" value }
    value  = number | list | "@" file | a program without inputs, such as pi/4
    list   = "[" values "]", nested for more axes
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gradc.language.diagnostics import Error
from gradc.language.source import Source, Span

NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf|nan)", re.ASCII)
INTEGER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*", re.ASCII)
BLANK = re.compile(r"\s*")
MAX_AXES = 32
"""Lists nested deeper than this are refused."""
EXAMPLE = "write it as x=-2,y=5 or t=[1,2,3]"


def read_point(texts: Iterable[str]) -> dict[str, Any]:
    """The values of several texts by name: numbers, and arrays for lists and files.

    Raises `Error` G0702, with the place marked, for what is no point; G0701 for a file that cannot be read.
    """
    point: dict[str, Any] = {}
    for text in texts:
        source = Source(text, "--at")
        for piece in _pieces(source):
            name, value = _halves(piece)
            if name.text in point:
                raise Error("G0702", f"`{name.text}` is given twice", name)
            point[name.text] = _value(value)
    return point


def _pieces(source: Source) -> Iterator[Span]:
    """The text between the commas that stand in no bracket."""
    open_brackets: list[int] = []
    start = 0
    for place, character in enumerate(source.text):
        if character in "[(":
            open_brackets.append(place)
        elif character in ")]":
            if not open_brackets or source.text[open_brackets.pop()] + character not in ("[]", "()"):
                raise Error("G0702", f"this `{character}` closes nothing", Span(source, place, place + 1))
        elif character == "," and not open_brackets:
            yield Span(source, start, place)
            start = place + 1
    if open_brackets:
        raise Error("G0702", "this bracket is never closed", Span(source, open_brackets[-1], open_brackets[-1] + 1))
    if source.text[start:].strip() or start == 0:
        yield Span(source, start, len(source.text))


def _halves(piece: Span) -> tuple[Span, Span]:
    """The name and the value of `name = value`."""
    equals = piece.text.find("=")
    if equals < 0:
        raise Error("G0702", "a name, `=` and a value are wanted here", _stripped(piece), help=EXAMPLE)
    name = _stripped(Span(piece.source, piece.start, piece.start + equals))
    value = _stripped(Span(piece.source, piece.start + equals + 1, piece.stop))
    if not NAME.fullmatch(name.text):
        raise Error("G0702", "a name is wanted before `=`", name, help=EXAMPLE)
    if not value.text:
        raise Error("G0702", f"a value is wanted after `{name.text}=`", value, help=EXAMPLE)
    return name, value


def _stripped(span: Span) -> Span:
    """The span without blanks at its ends."""
    text = span.text
    start = span.start + len(text) - len(text.lstrip())
    return Span(span.source, start, max(start, span.stop - (len(text) - len(text.rstrip()))))


def _value(span: Span) -> Any:
    text = span.text
    if text[0] == "@":
        return read_array(Path(text[1:]), span)
    if text[0] == "[":
        return _list(span)
    return _number(text) if NUMBER.fullmatch(text) else _computed(span)


def _number(text: str) -> int | float:
    return int(text) if INTEGER.fullmatch(text) else float(text)


def _list(span: Span) -> np.ndarray:
    """A list of numbers as an array."""
    text, place = span.source.text, span.start
    outer: list[list[Any]] = []
    items: list[Any] = []
    wanted = "value"
    while place < span.stop:
        place = BLANK.match(text, place).end()  # type: ignore[union-attr]
        character = text[place]
        number = NUMBER.match(text, place)
        here = Span(span.source, place, place + 1)
        if character == "[" and wanted in ("value", "value or ]"):
            if len(outer) == MAX_AXES:
                raise Error("G0702", f"lists nest deeper than {MAX_AXES}", here)
            outer.append(items)
            items = []
            place, wanted = place + 1, "value or ]"
        elif character == "]" and wanted in ("comma", "value or ]"):
            outer[-1].append(items)
            items = outer.pop()
            place, wanted = place + 1, "comma"
            if not outer:
                break
        elif character == "," and wanted == "comma":
            place, wanted = place + 1, "value or ]"
        elif number and wanted in ("value", "value or ]"):
            items.append(_number(number.group()))
            place, wanted = number.end(), "comma"
        else:
            raise Error("G0702", f"a {'comma' if wanted == 'comma' else 'number'} is wanted here", here, help=EXAMPLE)
    if BLANK.match(text, place, span.stop).end() < span.stop:  # type: ignore[union-attr]
        raise Error("G0702", "the list ends before this", Span(span.source, place, span.stop))
    try:
        return np.array(items[0])
    except (ValueError, OverflowError):
        raise Error("G0702", "the rows of this list differ in length", span) from None


def _computed(span: Span) -> float:
    """The value of a program without inputs."""
    from gradc.frontends.text import elaborate
    from gradc.ir.interpret import evaluate_constant
    from gradc.language.parser import parse

    try:
        node = elaborate(parse(Source(span.text, "--at")), {}).graph["value"]
    except (Error, KeyError) as error:
        reason = error.message if isinstance(error, Error) else "it depends on other names"
        raise Error("G0702", f"no number: {reason}", span, help=EXAMPLE) from None
    return float(evaluate_constant(node))


# ---------------------------------------------------------------- files


def read_array(path: Path, span: Span | None = None) -> np.ndarray:
    """The array of a .npy, .csv (commas) or .txt (blanks) file; `#` starts a comment in the latter two."""
    readers: dict[str, Callable[[Path], Any]] = {".npy": _read_npy, ".csv": _read_csv, ".txt": np.loadtxt}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        help = "the endings are .npy, .csv, .txt"
        raise Error("G0702", f"{path.name} has no ending that says how to read it", span, help=help)
    try:
        return reader(path)
    except OSError as error:
        raise Error("G0701", f"{path} cannot be read: {error.strerror or error}", span) from None
    except (ValueError, EOFError) as error:
        reason = (str(error).splitlines() or ["it is empty"])[0]
        raise Error("G0702", f"{path} holds no array of numbers: {reason}", span) from None


def _read_npy(path: Path) -> np.ndarray:
    return np.load(path, allow_pickle=False)


def _read_csv(path: Path) -> np.ndarray:
    return np.loadtxt(path, delimiter=",")
