"""Indices: whole numbers, slices, new axes, ellipses, and arrays of integers."""

from __future__ import annotations

from typing import Any

from gradc.frontends.algebra import Algebra, operands, sides, static_whole
from gradc.frontends.functions import known_functions
from gradc.ir.graph import Check, Node, broadcast, constant, make, squeeze
from gradc.ir.ops import others
from gradc.ir.sizes import MAX_TERMS, Size, derive, slice_extent, terms
from gradc.language.diagnostics import Error
from gradc.language.source import Span
from gradc.language.syntax import Index, Name


def index(algebra: Algebra, value: Node, items: tuple[Any, ...], node: Index) -> Node:
    """`value[items]`, as in NumPy: axes that are not mentioned are kept whole."""
    spans = [item.span for item in node.items]
    items, spans = _without_ellipsis(value, items, spans, node)
    used = sum(item is not None for item in items)
    if used > value.type.rank:
        rank = value.type.rank
        indices = "1 index" if used == 1 else f"{used} indices"
        raise Error(
            "G0204",
            f"{indices} for a value with {rank} ax{'i' if rank == 1 else 'e'}s" if rank else "a number has no elements",
            node.span,
            label=f"this is {value.type}",
            help=_help_for(node, rank),
        )
    parts, dropped, arrays = [], [], []
    axis = 0
    for item, span in zip(items, spans):
        if item is None:
            continue
        size = value.shape[axis]
        if isinstance(item, slice):
            parts.append(_part(item, size, node, span))
        elif isinstance(item, Node) and item.is_constant and item.shape == ():
            parts.append((_position(algebra, item, size, span), 1, 1))
            dropped.append(axis)
        elif isinstance(item, Node):
            parts.append((0, 1, size))
            arrays.append((axis, item, span))
        else:
            raise Error("G0204", "an index is a whole number, a slice or an array of integers", span)
        axis += 1
    parts += [(0, 1, size) for size in value.shape[axis:]]
    result = squeeze(slice_node(value, tuple(parts)), tuple(dropped))
    arrays = [(axis - sum(d < axis for d in dropped), item, span) for axis, item, span in arrays]
    result = _gather(algebra, result, arrays)
    first = arrays[0][0] if arrays else 0
    chosen = tuple(range(first, first + max((item.type.rank for _, item, _ in arrays), default=0)))
    before = _place_of_chosen(items) if chosen else 0
    if chosen and before == 0 < first:
        result = make("transpose", result, attrs=(chosen + others(result.type.rank, chosen),))
    is_new = [item is None for item in items if not isinstance(item, Node)]
    is_new[before:before] = [False] * len(chosen)
    return _with_new_axes(result, [place for place, new in enumerate(is_new) if new])


def _place_of_chosen(items: tuple[Any, ...]) -> int:
    """How many axes come before those of the arrays of indices. As in NumPy: none, where a slice or a new axis stands
    between arrays or whole numbers."""
    places = [place for place, item in enumerate(items) if isinstance(item, Node)]
    return places[0] if places[-1] - places[0] < len(places) else 0


def _help_for(node: Index, rank: int) -> str:
    """What to do about too many indices."""
    if rank:
        return "give one index for each axis"
    if isinstance(node.value, Name) and node.value.id in known_functions():
        return f"`{node.value.id}` is an input here; write `{node.value.id}(...)` for the function"
    return "pass an array, or declare one, as in `x: f64[n]`"


def _without_ellipsis(
    value: Node, items: tuple[Any, ...], spans: list[Span], node: Index
) -> tuple[tuple[Any, ...], list[Span]]:
    """The items with `...` replaced by as many whole slices as are missing."""
    where = [k for k, item in enumerate(items) if item is Ellipsis]
    if not where:
        return items, spans
    if len(where) > 1:
        raise Error("G0204", "an index has one `...` at most", spans[where[1]])
    (at,) = where
    missing = max(value.type.rank - sum(item is not None for item in items) + 1, 0)
    items = (*items[:at], *[slice(None)] * missing, *items[at + 1 :])
    return items, [*spans[:at], *[node.span] * missing, *spans[at + 1 :]]


def _with_new_axes(node: Node, new_axes: list[int]) -> Node:
    if not new_axes:
        return node
    rank = node.type.rank + len(new_axes)
    dims = others(rank, tuple(new_axes))
    sizes = iter(node.shape)
    return broadcast(node, tuple(next(sizes) if k in dims else 1 for k in range(rank)), dims)


# ---------------------------------------------------------------- whole numbers and slices


def slice_node(value: Node, parts: tuple[tuple, ...]) -> Node:
    if all(part == (0, 1, size) for part, size in zip(parts, value.shape)):
        return value
    return make("slice", value, attrs=(parts,))


def _part(item: slice, size: Size, node: Index, span: Span) -> tuple[Size, int, Size]:
    step = 1 if item.step is None else item.step
    if step == 0:
        raise Error("G0204", "the step of a slice cannot be zero", span, help="write 1 or -1 for every element")
    computed = [part for part in (item.start, item.stop) if part is not None and not isinstance(part, int)]
    if not isinstance(step, int) or (computed and step < 0):
        raise Error(
            "G0204", "a slice that goes by sizes goes forwards, by a step written in the program", span,
            help="slice first and reverse the result, as in `x[:n][::-1]`",
        )  # fmt: skip
    first, length = slice_extent(size, item.start, item.stop, step)
    if max(terms(first), terms(length)) > MAX_TERMS:
        raise Error(
            "G0502", f"the size of this slice is a formula of more than {MAX_TERMS} terms", node.span,
            help="declare the sizes as numbers, or slice fewer times",
        )  # fmt: skip
    return first, step, length


def _position(algebra: Algebra, item: Node, size: Size, span: Span) -> Size:
    position = static_whole(algebra, item, span, "an index")
    if not isinstance(position, int):
        needed = derive("+", position, 1)
        if needed != size:
            algebra.demand(Check(size, ">=", needed, f"index {position} is out of range for size {size}"))
        return position
    needed = position + 1 if position >= 0 else -position
    message = f"index {position} is out of range for size {size}"
    if isinstance(size, int):
        if size < needed:
            valid = f"valid indices are {-size} to {size - 1}" if size else "the array is empty"
            raise Error("G0204", message, span, help=valid)
        return position % size
    algebra.checks.append(Check(size, ">=", needed, message, span))
    return position if position >= 0 else slice_extent(size, position, None, 1)[0]


# ---------------------------------------------------------------- arrays of integers


def _gather(algebra: Algebra, value: Node, arrays: list[tuple[int, Node, Span]]) -> Node:
    """The elements that arrays of integers choose: one array, or a pair of which one runs over its whole axis."""
    if not arrays:
        return value
    if len(arrays) == 1:
        ((axis, chosen, span),) = arrays
        return take(algebra, value, chosen, axis, span)
    if len(arrays) == 2 and arrays[1][0] == arrays[0][0] + 1:
        (rows, running, _), (axis, chosen, span) = arrays
        if running.op == "iota" and chosen.type.rank == 1:
            algebra.equal_sizes(running.shape[0], value.shape[rows], (value,), span)
            algebra.equal_sizes(running.shape[0], chosen.shape[0], (value, chosen), span)
            if rows == 0 and value.type.rank == 2:
                return squeeze(take_along(algebra, value, broadcast(chosen, (*chosen.shape, 1), (0,)), 1, span), (1,))
    raise Error(
        "G0204", "these arrays of indices cannot be combined", arrays[-1][2],
        help="use one array of indices, or `x[arange(n), y]`, or `take_along_axis`",
    )  # fmt: skip


def take(algebra: Algebra, value: Node, chosen: Node, axis: int, span: Span) -> Node:
    """NumPy's `take`: along an axis, the elements at these indices; a slice where the program fixes one index."""
    if chosen.is_constant and chosen.shape == ():
        parts: list[tuple[Size, int, Size]] = [(0, 1, size) for size in value.shape]
        parts[axis] = _position(algebra, chosen, value.shape[axis], span), 1, 1
        return squeeze(slice_node(value, tuple(parts)), (axis,))
    return make("take", value, algebra.indices(chosen, value.shape[axis], span), attrs=(axis,))


def take_along(algebra: Algebra, value: Node, chosen: Node, axis: int, span: Span) -> Node:
    """NumPy's `take_along_axis`: indices of the value's rank, of its sizes but for `axis`."""
    if chosen.type.rank != value.type.rank:
        raise Error(
            "G0201", "the indices do not have the axes of the array", span,
            label=operands((chosen, value)),
            help="labels are one for each row; `take_along_axis` takes indices with as many axes as the array",
        )  # fmt: skip
    for k, (own, size) in enumerate(zip(chosen.shape, value.shape)):
        if k != axis and own != size:
            if isinstance(own, int) and isinstance(size, int):
                label = sides((chosen, value))
                raise Error("G0201", f"indices of size {own} for an axis of size {size}", span, label=label)
            algebra.same_size(own, size, span)
    return make("take_along", value, algebra.indices(chosen, value.shape[axis], span), attrs=(axis,))


def one_hot(chosen: Node, size: Size, algebra: Algebra, span: Span) -> Node:
    """1 where a last axis of this size meets the index, 0 elsewhere."""
    shape = (*chosen.shape, size)
    wanted = broadcast(algebra.indices(chosen, size, span), shape, tuple(range(chosen.type.rank)))
    here = make("eq", make("iota", attrs=(len(shape) - 1, wanted.type)), wanted)
    type = wanted.type.with_dtype(algebra.float_dtype)
    return make("where", here, constant(1.0, type), constant(0.0, type))
