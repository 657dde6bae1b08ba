"""The point at which a program is evaluated, as people type it: `x=-2, y=5, t=[1, 2, 3], X=rows.csv`.

point  = name "=" value { "," name "=" value }
value  = number | list | [ "@" ] file [ ":" columns ], which `tables.py` reads
list   = "[" numbers or lists "]"
number = a literal, or a program without inputs such as pi/4
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from gradc.cli.tables import DECIMAL, EXTENSIONS, INTEGER, names_file, read_array
from gradc.frontends.text import TextProgram
from gradc.ir.interpret import evaluate_constant
from gradc.language.diagnostics import Error
from gradc.language.source import Source, Span

NUMBER = re.compile(rf"[+-]?(?:{DECIMAL}|inf|nan)", re.ASCII)
NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*", re.ASCII)
BLANK = re.compile(r"\s*")
PATH = re.compile(r"(?:~|\.{0,2})/.*|[^\s()]*[A-Za-z_]\w*\.[A-Za-z]\w*(?::.*)?", re.DOTALL)
"""What looks like the name of a file."""
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
                raise Error("G0702", f"`{name.text}` is given twice", name, help="drop one of them")
            point[name.text] = _value(value)
    return point


def _pieces(source: Source) -> Iterator[Span]:
    """The text between the commas that stand in no bracket and in no quotes."""
    open_brackets: list[int] = []
    start, quoted = 0, False
    for place, character in enumerate(source.text):
        if character == '"':
            quoted = not quoted
        if quoted:
            continue
        if character in "[(":
            open_brackets.append(place)
        elif character in ")]":
            if not open_brackets or source.text[open_brackets.pop()] + character not in ("[]", "()"):
                raise Error("G0702", f"unmatched `{character}`", Span(source, place, place + 1), help="delete it")
        elif character == "," and not open_brackets:
            yield Span(source, start, place)
            start = place + 1
    if open_brackets:
        place = open_brackets[-1]
        closing = {"[": "]", "(": ")"}[source.text[place]]
        span = Span(source, place, place + 1)
        raise Error("G0702", f"this `{source.text[place]}` is never closed", span, help=f"add the missing `{closing}`")
    if source.text[start:].strip() or start == 0:
        yield Span(source, start, len(source.text))


def _halves(piece: Span) -> tuple[Span, Span]:
    """The name and the value of `name = value`."""
    equals = piece.text.find("=")
    if equals < 0:
        raise Error("G0702", "expected a name, `=` and a value", _stripped(piece), help=EXAMPLE)
    name = _stripped(Span(piece.source, piece.start, piece.start + equals))
    value = _stripped(Span(piece.source, piece.start + equals + 1, piece.stop))
    if not NAME.fullmatch(name.text):
        raise Error("G0702", "expected a name before `=`", name, help=EXAMPLE)
    if not value.text:
        raise Error("G0702", f"expected a value after `{name.text}=`", value, help=EXAMPLE)
    return name, value


def _stripped(span: Span) -> Span:
    """The span without blanks at its ends."""
    text = span.text
    start = span.start + len(text) - len(text.lstrip())
    return Span(span.source, start, max(start, span.stop - (len(text) - len(text.rstrip()))))


def _value(span: Span) -> Any:
    if names_file(span.text):
        return read_array(span)
    return _list(span) if span.text[0] == "[" else _number(span)


def _number(span: Span) -> int | float:
    text = span.text
    if INTEGER.fullmatch(text):
        return int(text)
    if not NUMBER.fullmatch(text):
        return _computed(span)
    value = float(text)
    if math.isinf(value) and not text.endswith("inf"):
        raise Error("G0702", "this number is too large for a float64", span, help="write inf for infinity")
    return value


def _computed(span: Span) -> float:
    """The value of a program without inputs."""
    try:
        program = TextProgram(Source(span.text, "--at"))
        inputs = program.signature.inputs
        reason = f"it uses {', '.join(f'`{name}`' for name in inputs)}"
        if not inputs:
            return float(evaluate_constant(program.elaborate({}).graph["value"]))
    except Error as error:
        reason = error.message
    if PATH.fullmatch(span.text):
        help = f"the extensions are {', '.join(EXTENSIONS)}"
        raise Error("G0702", "this is neither a number nor a file whose extension says how to read it", span, help=help)
    raise Error("G0702", f"this is not a number: {reason}", span, help=EXAMPLE)


def _list(span: Span) -> np.ndarray:
    """A list of numbers, or of lists, as an array."""
    text = span.source.text
    outer: list[list[Any]] = []
    items: list[Any] = []
    place, may_close, wants_value = span.start, False, True
    while True:
        place = BLANK.match(text, place).end()  # type: ignore[union-attr]
        here = Span(span.source, place, place + 1)
        character = text[place]
        if character == "]" and may_close:
            outer[-1].append(items)
            items = outer.pop()
            place, wants_value = place + 1, False
            if not outer:
                break
        elif character == "," and not wants_value:
            place, wants_value = place + 1, True
        elif character == "[" and wants_value:
            if len(outer) == MAX_AXES:
                raise Error("G0702", f"lists nest deeper than {MAX_AXES}", here)
            outer.append(items)
            items = []
            place, may_close = place + 1, True
            continue
        elif wants_value and character not in ",]":
            element = _stripped(Span(span.source, place, _end_of_element(text, place)))
            items.append(_number(element))
            place, wants_value = element.stop, False
        else:
            wanted = "a number" if wants_value else "a comma"
            raise Error("G0702", f"expected {wanted}", here, help=EXAMPLE)
        may_close = True
    if BLANK.match(text, place, span.stop).end() < span.stop:  # type: ignore[union-attr]
        raise Error("G0702", "unexpected text after the list", Span(span.source, place, span.stop))
    try:
        return np.array(items[0])
    except (ValueError, OverflowError):
        help = "give all rows the same length"
        raise Error("G0702", "the rows of this list differ in length", span, help=help) from None


def _end_of_element(text: str, place: int) -> int:
    """Where a number of a list ends: at a comma or a square bracket that stands in no round one."""
    depth = 0
    while depth or text[place] not in "[],":
        depth += (text[place] == "(") - (text[place] == ")")
        place += 1
    return place
