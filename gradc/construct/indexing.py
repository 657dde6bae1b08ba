"""Indices: whole numbers, slices, new axes, ellipses, and arrays of integers."""

from __future__ import annotations

from typing import Any

from gradc.construct.builder import GraphBuilder, as_integers
from gradc.construct.describe import operands, sides, within
from gradc.construct.selected import Selected
from gradc.construct.site import Site
from gradc.construct.static import static_integer, static_whole
from gradc.ir.graph import Check, IndexCheck, Node, broadcast, constant, make, size_node, squeeze
from gradc.ir.ops import others
from gradc.ir.sizes import MAX_TERMS, Size, derive, product, slice_extent, terms
from gradc.ir.types import Type
from gradc.language.diagnostics import Error
from gradc.language.source import Span


def index(builder: GraphBuilder, value: Node, items: tuple[Any, ...], site: Site) -> Node:
    """`value[items]`, as in NumPy: axes that are not mentioned are kept whole."""
    spans = [site.part(position) for position in range(len(items))]
    items, spans = _without_ellipsis(value, items, spans, site)
    used = sum(item is not None for item in items)
    if used > value.type.rank:
        rank = value.type.rank
        indices = "1 index" if used == 1 else f"{used} indices"
        raise Error(
            "G0204",
            f"{indices} for a value with {rank} ax{'i' if rank == 1 else 'e'}s" if rank else "a number has no elements",
            site.span,
            label=f"this is {value.type}",
            help=_help_for(site, rank),
        )
    parts, dropped, arrays = [], [], []
    axis = 0
    for item, span in zip(items, spans):
        if item is None:
            continue
        size = value.shape[axis]
        if isinstance(item, slice):
            parts.append(_part(item, size, site, span))
        elif isinstance(item, Node) and item.is_constant and item.shape == ():
            parts.append((_position(builder, item, size, span), 1, 1))
            dropped.append(axis)
        elif isinstance(item, Node):
            parts.append((0, 1, size))
            arrays.append((axis, item, span))
        else:
            raise Error("G0204", "an index must be a whole number, a slice or an array of integers", span)
        axis += 1
    parts += [(0, 1, size) for size in value.shape[axis:]]
    result = squeeze(slice_node(value, tuple(parts)), tuple(dropped))
    arrays = [(axis - sum(d < axis for d in dropped), item, span) for axis, item, span in arrays]
    result = _gather(builder, result, arrays)
    first = arrays[0][0] if arrays else 0
    chosen = tuple(range(first, first + max((item.type.rank for _, item, _ in arrays), default=0)))
    before = _place_of_chosen(items) if chosen else 0
    if chosen and before == 0 < first:
        result = make("transpose", result, attrs=(chosen + others(result.type.rank, chosen),))
    is_new = [item is None for item in items if not isinstance(item, Node)]
    is_new[before:before] = [False] * len(chosen)
    return _with_new_axes(result, [place for place, new in enumerate(is_new) if new])


def select(builder: GraphBuilder, value: Node, items: tuple[Any, ...], site: Site) -> Selected:
    """`value[c]`: the elements where a condition holds that runs over some axes of the value; other items are numbers,
    slices and new axes."""
    spans = [site.part(position) for position in range(len(items))]
    conditions = [k for k, item in enumerate(items) if isinstance(item, Node) and item.type.dtype == "bool"]
    at = conditions[0]
    condition = items[at]
    if len(conditions) > 1 or any(isinstance(item, Node) and item.shape for k, item in enumerate(items) if k != at):
        raise Error(
            "G0204", "a condition cannot be combined with other arrays in an index", spans[conditions[-1]],
            help="select rows and columns one after the other, or write `where(c, x, 0)`",
        )  # fmt: skip
    if not condition.shape:
        raise Error("G0204", "an index cannot be a single condition", spans[at], help="write `where(c, x, 0)`")
    whole = (*items[:at], *[slice(None)] * condition.type.rank, *items[at + 1 :])
    if Ellipsis in items[:at]:
        used = sum(item is not None and item is not Ellipsis for item in whole)
        missing = max(value.type.rank - used, 0)
        where = items.index(Ellipsis)
        whole = (*whole[:where], *[slice(None)] * missing, *whole[where + 1 :])
        at += missing - 1
    places = tuple(spans[min(k, len(spans) - 1)] for k in range(len(whole)))
    values = index(builder, value, whole, Site(site.span, site.name, places))
    axis = sum(not isinstance(item, Node) for item in whole[:at])
    for k, size in enumerate(condition.shape):
        builder.equal_sizes(size, values.shape[axis + k], (condition, value), places[at])
    return Selected(values, condition, axis)


def _place_of_chosen(items: tuple[Any, ...]) -> int:
    """How many axes come before those of the arrays of indices. As in NumPy: none, where a slice or a new axis stands
    between arrays or whole numbers."""
    places = [place for place, item in enumerate(items) if isinstance(item, Node)]
    return places[0] if places[-1] - places[0] < len(places) else 0


def _help_for(site: Site, rank: int) -> str:
    """What to do about too many indices."""
    if rank:
        return "give one index for each axis"
    if site.name:
        return f"`{site.name}` is an input here; write `{site.name}(...)` for the function"
    return "pass an array, or declare one, as in `x: f64[n]`"


def _without_ellipsis(
    value: Node, items: tuple[Any, ...], spans: list[Span | None], site: Site
) -> tuple[tuple[Any, ...], list[Span | None]]:
    """The items with `...` replaced by as many whole slices as are missing."""
    where = [k for k, item in enumerate(items) if item is Ellipsis]
    if not where:
        return items, spans
    if len(where) > 1:
        raise Error("G0204", "an index can have only one `...`", spans[where[1]])
    (at,) = where
    missing = max(value.type.rank - sum(item is not None for item in items) + 1, 0)
    items = (*items[:at], *[slice(None)] * missing, *items[at + 1 :])
    return items, [*spans[:at], *[site.span] * missing, *spans[at + 1 :]]


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


def _part(item: slice, size: Size, site: Site, span: Span | None) -> tuple[Size, int, Size]:
    step = 1 if item.step is None else item.step
    if step == 0:
        raise Error("G0204", "the step of a slice cannot be zero", span, help="write 1 or -1 for every element")
    computed = [part for part in (item.start, item.stop) if part is not None and not isinstance(part, int)]
    if not isinstance(step, int) or (computed and step < 0):
        raise Error(
            "G0204", "a slice bounded by named sizes must go forwards, by a step written in the program", span,
            help="slice first and reverse the result, as in `x[:n][::-1]`",
        )  # fmt: skip
    first, length = slice_extent(size, item.start, item.stop, step)
    if max(terms(first), terms(length)) > MAX_TERMS:
        raise Error(
            "G0502", f"the size of this slice is a formula of more than {MAX_TERMS} terms", site.span,
            help="declare the sizes as numbers, or slice fewer times",
        )  # fmt: skip
    return first, step, length


def _position(builder: GraphBuilder, item: Node, size: Size, span: Span | None) -> Size:
    position = static_whole(builder, item, span, "an index")
    if not isinstance(position, int):
        needed = derive("+", position, 1)
        if needed != size:
            builder.demand(Check(size, ">=", needed, f"index {position} is out of range for size {size}"))
        return position
    needed = position + 1 if position >= 0 else -position
    message = f"index {position} is out of range for size {size}"
    if isinstance(size, int):
        if size < needed:
            valid = f"valid indices are {-size} to {size - 1}" if size else "the array is empty"
            raise Error("G0204", message, span, help=valid)
        return position % size
    builder.checks.append(Check(size, ">=", needed, message, span))
    return position if position >= 0 else slice_extent(size, position, None, 1)[0]


# ---------------------------------------------------------------- arrays of integers


def _gather(builder: GraphBuilder, value: Node, arrays: list[tuple[int, Node, Span | None]]) -> Node:
    """The elements that arrays of integers choose."""
    if not arrays:
        return value
    if len(arrays) == 1:
        ((axis, chosen, span),) = arrays
        return take(builder, value, chosen, axis, span)
    if len(arrays) == 2 and arrays[1][0] == arrays[0][0] + 1:
        (rows, running, _), (axis, chosen, span) = arrays
        if running.op == "iota" and chosen.type.rank == 1 and running.shape[0] == value.shape[rows]:
            builder.equal_sizes(running.shape[0], chosen.shape[0], (value, chosen), span)
            if rows == 0 and value.type.rank == 2:
                return squeeze(take_along(builder, value, broadcast(chosen, (*chosen.shape, 1), (0,)), 1, span), (1,))
    return _together(builder, value, arrays)


def _together(builder: GraphBuilder, value: Node, arrays: list[tuple[int, Node, Span | None]]) -> Node:
    """NumPy's `value[i, j]`: the arrays broadcast, and an element of all of them is a place in their axes, which
    become one."""
    axes = tuple(axis for axis, _, _ in arrays)
    first, rank = axes[0], value.type.rank
    kept = others(rank, axes)
    order = (*kept[:first], *axes, *kept[first:])
    moved = value if order == tuple(range(rank)) else make("transpose", value, attrs=(order,))
    sizes = tuple(value.shape[axis] for axis in axes)
    builder.common_shape(tuple(index for _, index, _ in arrays), arrays[-1][2])
    indices = tuple(checked(builder, index, value.shape[axis], span) for axis, index, span in arrays)
    place, *rest = builder.broadcast_together(indices, arrays[-1][2])
    for index, size in zip(rest, sizes[1:]):
        place = make("add", make("mul", place, broadcast(size_node(size, "i64"), index.shape)), index)
    shape = (*moved.shape[:first], product(sizes), *moved.shape[first + len(axes) :])
    return make("take", make("reshape", moved, attrs=(shape,)), place, attrs=(first,))


def take(builder: GraphBuilder, value: Node, chosen: Node, axis: int, span: Span | None) -> Node:
    """NumPy's `take`: along an axis, the elements at these indices; a slice where the program fixes one index."""
    if chosen.is_constant and chosen.shape == ():
        parts: list[tuple[Size, int, Size]] = [(0, 1, size) for size in value.shape]
        parts[axis] = _position(builder, chosen, value.shape[axis], span), 1, 1
        return squeeze(slice_node(value, tuple(parts)), (axis,))
    return make("take", value, checked(builder, chosen, value.shape[axis], span), attrs=(axis,))


def take_along(builder: GraphBuilder, value: Node, chosen: Node, axis: int, span: Span | None) -> Node:
    """NumPy's `take_along_axis`: indices of the value's rank, of its sizes but for `axis`."""
    if chosen.type.rank != value.type.rank:
        raise Error(
            "G0201", "the indices and the array differ in their number of axes", span,
            label=operands((chosen, value)),
            help="labels have one entry for each row; `take_along_axis` takes indices with as many axes as the array",
        )  # fmt: skip
    for k, (own, size) in enumerate(zip(chosen.shape, value.shape)):
        if k != axis and own != size:
            if isinstance(own, int) and isinstance(size, int):
                label = sides((chosen, value))
                raise Error("G0201", f"indices of size {own} for an axis of size {size}", span, label=label)
            builder.same_size(own, size, span)
    return make("take_along", value, checked(builder, chosen, value.shape[axis], span), attrs=(axis,))


def one_hot(builder: GraphBuilder, chosen: Node, size: Size, span: Span | None) -> Node:
    """1 where a last axis of this size meets the index, 0 elsewhere."""
    shape = (*chosen.shape, size)
    wanted = broadcast(checked(builder, chosen, size, span), shape, tuple(range(chosen.type.rank)))
    here = make("eq", make("iota", attrs=(len(shape) - 1, wanted.type)), wanted)
    type = wanted.type.with_dtype(builder.float_dtype)
    return make("where", here, constant(1.0, type), constant(0.0, type))


# ---------------------------------------------------------------- whether integers are indices


def checked(builder: GraphBuilder, index: Node, size: Size, span: Span | None, from_end: bool = True) -> Node:
    """An array of indices, those below zero counted from the end, or refused; what an input holds is checked at the
    call."""
    if index.is_constant and index.type.dtype != "i64":
        if index.shape == ():
            index = constant(static_integer(index, span, "an index"), Type("i64"))
        else:
            index = as_integers(index) or index
    if index.type.dtype != "i64":
        floats = _float_inputs(index) if index.type.is_float else []
        raise Error(
            "G0204", "an index must be made of integers", span,
            label=operands(floats) if floats else f"{span.excerpt(40)} is {index.type}" if span else "",
            help=(
                "write `where(condition, x, 0)` instead of indexing by conditions"
                if index.type.dtype == "bool"
                else "states of loops are floats: `fold(step, start, arange(n))` gives each step an index as its row"
                if any("@" in node.name for node in floats)
                else "pass integers, or declare it, as in `y: i64[n]`"
                if floats
                else "compute it from integers, by `+ - * // %`, `abs`, `min`, `max`, `clip` or `where`"
            ),
        )  # fmt: skip
    if not _in_range(builder, integer_source(index), size, span, from_end) or not from_end:
        return index
    end = broadcast(size_node(size, "i64"), index.shape)
    below = make("lt", index, constant(0, index.type))
    return make("where", below, make("add", index, end), index)


def _in_range(builder: GraphBuilder, source: Node, size: Size, span: Span | None, from_end: bool) -> bool:
    """Demand that the integers of a source are indices for this size; whether some can be below zero."""
    last: int | None
    if source.op == "const":
        last = int(source.value)
        if last < 0 and not from_end:
            raise Error("G0204", f"label {last} is below zero", span, help="labels count from 0")
        needed: Size = last + 1 if last >= 0 else -last
    elif source.op == "iota":
        needed = source.shape[source.attrs[0]]
        last = needed - 1 if isinstance(needed, int) else None
    elif source.row.positions:
        (axes,) = source.attrs if isinstance(source.attrs[0], tuple) else (source.attrs,)
        needed = product(tuple(source.args[0].shape[axis] for axis in axes))
        last = needed - 1 if isinstance(needed, int) else None
    else:
        check = IndexCheck(source, size, from_end=from_end)
        if check not in builder.index_checks:
            builder.index_checks.append(check)
        return True
    if needed == size:
        return False
    if isinstance(needed, int) and isinstance(size, int):
        if needed > size:
            raise Error(
                "G0204", f"index {last} is out of range for size {size}", span,
                help=f"valid indices are {-size} to {size - 1}" if size else "the indexed axis is empty",
            )  # fmt: skip
    else:
        what = f"index {last} is" if last is not None else f"indices up to {needed} - 1 are"
        builder.demand(Check(size, ">=", needed, f"{what} out of range for size {size}{within(span)}", span))
    return source.op == "const" and source.value < 0


def _float_inputs(index: Node) -> list[Node]:
    """The float inputs without which an array of indices would be one of integers."""
    seen, stack = {index: None}, [index]
    while stack:
        node = stack.pop()
        if node.row.keeps_elements or node.row.keeps_integers:
            new = [arg for arg in node.args if arg not in seen]
            seen.update(dict.fromkeys(new))
            stack += new
    return [node for node in seen if node.op == "input" and node.type.is_float]


def integer_source(index: Node) -> Node:
    """Where the elements of an array of integers come from, before they are moved about."""
    while index.row.keeps_elements:
        index = index.args[0]
    return index
