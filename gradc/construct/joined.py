"""Arrays side by side: what is concatenated, and lists of numbers as the arrays that they are."""

from __future__ import annotations

from typing import Any

from gradc.construct.builder import GraphBuilder, as_integers
from gradc.construct.selected import Selected, no_selection
from gradc.ir.graph import Node, broadcast, side_by_side, table
from gradc.ir.ops import others
from gradc.language.diagnostics import Error
from gradc.language.errors.expressions import no_number, tuple_for_number
from gradc.language.source import Span

MAX_DEPTH = 32
"""How deep lists may be nested."""


class Listed(tuple):
    """The values of a list in square brackets: an array where one is wanted, otherwise as good as a tuple."""

    span: Span
    spans: tuple[Span, ...]
    """Where each of the values was written."""


def listed(values: tuple[Any, ...], span: Span, spans: tuple[Span, ...]) -> Listed:
    result = Listed(values)
    result.span, result.spans = span, spans
    return result


def number(builder: GraphBuilder, value: Any, span: Span | None) -> Node:
    """A value that has to be a number or an array."""
    if isinstance(value, Node):
        return value
    if isinstance(value, Listed):
        return array(builder, value)
    if isinstance(value, tuple):
        raise tuple_for_number(span, len(value))
    raise no_selection(span) if isinstance(value, Selected) else no_number(span)


def array(builder: GraphBuilder, values: Listed) -> Node:
    """A list, and lists in it, as an array; the innermost lists come first."""
    lists, depths = [values], [1]
    for inner, depth in zip(lists, depths):  # which grow
        deeper = [value for value in inner if isinstance(value, Listed)]
        if deeper and depth == MAX_DEPTH:
            raise Error("G0502", f"a list has more than {MAX_DEPTH} axes", values.span, help="NumPy's arrays end there")
        lists += deeper
        depths += [depth + 1] * len(deeper)
    known = _known(builder, values)
    if known is not None:
        return known
    found: dict[int, Node] = {}
    for inner in reversed(lists):
        rows = []
        for value, span in zip(inner, inner.spans):
            row = found.get(id(value), value)
            if not isinstance(row, Node):
                number(builder, row, span)
            rows.append(row)
        found[id(inner)] = _row(builder, tuple(rows), inner)
    return found[id(values)]


def _known(builder: GraphBuilder, values: Listed) -> Node | None:
    """Numbers alone, in rows of one length; None for any other list."""
    shape, items = [], [values]
    while isinstance(items[0], Listed):
        if any(not isinstance(item, Listed) or len(item) != len(items[0]) for item in items):
            return None
        shape.append(len(items[0]))
        items = [value for item in items for value in item]
        if not items:
            return None
    if any(not isinstance(item, Node) or item.op != "const" or item.shape for item in items):
        return None
    numbers = builder.numbers(tuple(items), "add")
    return table([number.value for number in numbers], numbers[0].type.dtype, tuple(shape))


def _row(builder: GraphBuilder, items: tuple[Node, ...], values: Listed) -> Node:
    """The items of a list along a first axis."""
    if not items:
        raise Error("G0108", "an empty list has no shape", values.span, help="`zeros(0)` is an array without elements")
    items = builder.numbers(items, "add")
    first = items[0].shape
    for item, span in zip(items, values.spans):
        same_rank = len(item.shape) == len(first)
        if not same_rank or any(a != b for a, b in zip(item.shape, first) if isinstance(a, int) and isinstance(b, int)):
            raise Error(
                "G0201", "the items of a list have different shapes", span,
                label=f"this is {item.type}, the first one {items[0].type}",
                help="the rows of a matrix are equally long; `concatenate` joins arrays of different sizes",
            )  # fmt: skip
        for a, b in zip(first, item.shape):
            builder.equal_sizes(a, b, (items[0], item), span)
    return stacked(items, 0)


def stacked(arrays: tuple[Node, ...], axis: int) -> Node:
    """Arrays of one shape along a new axis."""
    rank = arrays[0].type.rank + 1
    dims = others(rank, (axis,))
    return side_by_side(tuple(broadcast(a, (*a.shape[:axis], 1, *a.shape[axis:]), dims) for a in arrays), axis)


def whole(builder: GraphBuilder, values: Listed) -> Node:
    """A list as an array of indices: of integers where all its items are whole numbers."""
    node = array(builder, values)
    integers = as_integers(node)
    return node if integers is None else integers
