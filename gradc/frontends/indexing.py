"""Indices: whole numbers and slices."""

from __future__ import annotations

from typing import Any

from gradc.frontends.algebra import Algebra
from gradc.frontends.shapes import static_integer
from gradc.ir.graph import Check, Node, make, squeeze
from gradc.ir.sizes import MAX_TERMS, slice_extent, terms
from gradc.language.diagnostics import Error
from gradc.language.source import Span
from gradc.language.syntax import Index


def index(algebra: Algebra, value: Node, items: tuple[Any, ...], node: Index) -> Node:
    """`value[items]` for whole numbers and slices, one for each leading axis."""
    if len(items) > value.type.rank:
        raise Error(
            "G0204",
            f"{len(items)} indices for a value of rank {value.type.rank}",
            node.span,
            label=f"this is {value.type}",
            help="only an array can be indexed; declare it, as in `x: f64[n]`" if value.type.rank == 0 else None,
        )
    parts, dropped = [], []
    for axis, size in enumerate(value.shape):
        item = items[axis] if axis < len(items) else slice(None)
        span = node.items[axis].span if axis < len(items) else node.span
        if isinstance(item, slice):
            step = 1 if item.step is None else item.step
            if step == 0:
                raise Error("G0204", "the step of a slice cannot be zero", span)
            first, length = slice_extent(size, item.start, item.stop, step)
            if max(terms(first), terms(length)) > MAX_TERMS:
                raise Error(
                    "G0502", f"the size of this slice is a formula of more than {MAX_TERMS} terms", node.span,
                    help="declare the sizes as numbers, or slice fewer times",
                )  # fmt: skip
            parts.append((first, step, length))
        elif isinstance(item, Node):
            parts.append((_position(algebra, item, size, span), 1, 1))
            dropped.append(axis)
        else:
            raise Error("G0204", "an index is a whole number or a slice", span)
    return squeeze(slice_node(value, tuple(parts)), tuple(dropped))


def slice_node(value: Node, parts: tuple[tuple, ...]) -> Node:
    if all(part == (0, 1, size) for part, size in zip(parts, value.shape)):
        return value
    return make("slice", value, attrs=(parts,))


def _position(algebra: Algebra, item: Node, size: Any, span: Span) -> Any:
    position = static_integer(item, span, "an index")
    needed = position + 1 if position >= 0 else -position
    message = f"index {position} is out of range for size {size}"
    if isinstance(size, int):
        if size < needed:
            raise Error("G0204", message, span, help=f"valid indices are {-size} to {size - 1}" if size else "the array is empty")
        return position % size
    algebra.checks.append(Check(size, ">=", needed, message))
    return position if position >= 0 else slice_extent(size, position, None, 1)[0]
