"""The functions that make arrays of numbers, and those that move or cut off what an array holds."""

from __future__ import annotations

from typing import Any

from gradc.construct.calls import CallArguments
from gradc.construct.indexing import slice_node
from gradc.construct.static import static_integer, static_size, static_whole
from gradc.ir.graph import Check, Node, broadcast, constant, iota, make, size_node
from gradc.ir.sizes import Shape, Size, derive, product
from gradc.ir.types import Type
from gradc.language.diagnostics import Error
from gradc.language.source import Span

FILLS = {"zeros": 0.0, "zeros_like": 0.0, "ones": 1.0, "ones_like": 1.0}


def filled(call: CallArguments) -> Node:
    """`zeros`, `ones` and `full` of a shape."""
    return _filled(call, _shape(call, "shape"))


def filled_like(call: CallArguments) -> Node:
    """The same with the shape of an array."""
    return _filled(call, call.x.shape)


def _filled(call: CallArguments, shape: Shape) -> Node:
    if call.name in FILLS:
        return constant(FILLS[call.name], Type(call.builder.float_dtype, shape))
    value = call.array("fill_value")
    (value,) = call.builder.broadcast_together((value,), call.span("fill_value"))
    if value.type.rank > len(shape):
        raise Error(
            "G0203", f"a value with {value.type.rank} axes does not fit a shape with {len(shape)}",
            call.span("fill_value"), label=f"this is {value.type}",
        )  # fmt: skip
    wanted = constant(0.0, Type(call.builder.float_dtype, shape))
    joined = call.builder.common_shape((value, wanted), call.span("fill_value"))
    return call.builder.broadcast_to(value, joined)


def _shape(call: CallArguments, parameter: str) -> Shape:
    """A shape: one size, or a list of them."""
    value, span = call.given[parameter], call.span(parameter)
    parts = value if isinstance(value, tuple) else (value,)
    return tuple(static_size(call.builder, part, span) for part in parts)


def eye(call: CallArguments) -> Node:
    """Ones on a diagonal, the k-th above the main one."""
    (rows,) = _shape(call, "N")
    (columns,) = _shape(call, "M") if call.given.get("M") is not None else (rows,)
    type = Type(call.builder.float_dtype, (rows, columns))
    return make("where", _beside(call, "eq", type.shape), constant(1.0, type), constant(0.0, type))


def triangle(call: CallArguments) -> Node:
    """What lies on and below (`tril`), or on and above (`triu`), the k-th diagonal of a matrix; zeros elsewhere."""
    (x,) = call.builder.numbers((call.x,))
    if x.type.rank < 2:
        raise Error("G0202", f"`{call.written}` takes a matrix", call.span("x"), label=f"this is {x.type}")
    here = _beside(call, "le" if call.name == "tril" else "ge", x.shape)
    return make("where", here, x, constant(0.0, x.type))


def _beside(call: CallArguments, relation: str, shape: Shape) -> Node:
    """Where the column stands in a relation to the k-th diagonal."""
    rank = len(shape)
    row, column = iota(shape, rank - 2), iota(shape, rank - 1)
    k = call.integer("k") if "k" in call.given else 0
    return make(relation, column, make("add", row, constant(k, row.type)) if k else row)


# ---------------------------------------------------------------- elements elsewhere


FLIPPED = {"flipud": 0, "fliplr": 1}


def flip(call: CallArguments) -> Node:
    """The elements in reverse order along some axes, or all."""
    x = call.x
    axes = call.axes(x.type.rank)
    if call.name in FLIPPED:
        if x.type.rank <= FLIPPED[call.name]:
            raise Error("G0202", f"`{call.name}` takes a matrix", call.span("x"), label=f"this is {x.type}")
        axes = (FLIPPED[call.name],)
    parts: list[tuple[Size, int, Size]] = [(0, 1, size) for size in x.shape]
    for axis in range(x.type.rank) if axes is None else axes:
        parts[axis] = derive("-", x.shape[axis], 1), -1, x.shape[axis]
    return slice_node(x, tuple(parts))


def roll(call: CallArguments) -> Node:
    """The elements moved along axes, those beyond the end back to the start; without `axis` in reading order."""
    x, span = call.x, call.span("shift")
    if call.given.get("axis") is None:
        flat = make("reshape", x, attrs=((product(x.shape),),)) if x.type.rank != 1 else x
        moved = _rolled(call, flat, call.given["shift"], 0, span)
        return make("reshape", moved, attrs=(x.shape,)) if x.type.rank != 1 else moved
    axis, shift = call.given["axis"], call.given["shift"]
    call.axes(x.type.rank)
    parts = axis if isinstance(axis, tuple) else (axis,)
    axes = [static_integer(part, call.span("axis"), "`axis`") % x.type.rank for part in parts]
    shifts = shift if isinstance(shift, tuple) else (shift,) * len(axes)
    if len(shifts) != len(axes):
        raise Error("G0204", f"{len(shifts)} shifts for {len(axes)} axes", span)
    for each, at in zip(shifts, axes):
        x = _rolled(call, x, each, at, span)
    return x


def _rolled(call: CallArguments, x: Node, shift: Any, axis: int, span: Span | None) -> Node:
    size = x.shape[axis]
    if isinstance(shift, Node) and shift.type.dtype == "i64" and not shift.is_constant and shift.shape == ():
        here = iota((size,), 0)
        return _chosen(x, axis, make("mod", make("sub", here, broadcast(shift, (size,))), _whole(size, (size,))))
    by = static_whole(call.builder, shift, span, "`shift`")
    some = derive("max", size, 1)
    if isinstance(by, int) and isinstance(some, int):
        by %= some
    else:
        by = derive("-", by, derive("*", derive("//", by, some), some))
    rest = derive("-", size, by)
    if by == 0:
        return x
    result = None
    for read, length, write in ((0, rest, by), (rest, by, 0)):
        parts: list[tuple[Size, int, Size]] = [(0, 1, each) for each in x.shape]
        places = list(parts)
        parts[axis], places[axis] = (read, 1, length), (write, 1, length)
        moved = make("pad", make("slice", x, attrs=(tuple(parts),)), attrs=(tuple(places), x.shape))
        result = moved if result is None else make("add", result, moved)
    assert result is not None
    return result


def _whole(size: Size, shape: Shape) -> Node:
    """A size as an integer everywhere."""
    return broadcast(size_node(size, "i64"), shape)


def _chosen(x: Node, axis: int, index: Node) -> Node:
    """The elements along an axis at indices that are within its size."""
    return make("take", x, index, attrs=(axis,))


MODES = ("constant", "edge", "wrap", "reflect", "symmetric")


def pad(call: CallArguments) -> Node:
    """The array with elements added before and behind along each axis."""
    (x,) = call.builder.numbers((call.x,))
    mode = call.given.get("mode", "constant")
    if mode not in MODES:
        help = "the modes are " + ", ".join(f'"{name}"' for name in MODES)
        raise Error("G0204", "`pad` has no such mode", call.span("mode"), help=help)
    widths = _widths(call, x.type.rank)
    if mode == "constant":
        return _padded_with(call, x, widths)
    for axis, (before, after) in enumerate(widths):
        if (before, after) != (0, 0):
            x = _continued(call, x, axis, before, after, mode)
    return x


def _widths(call: CallArguments, rank: int) -> list[tuple[Size, Size]]:
    """For each axis how many elements are added before and behind: one number, a pair, or a pair for each axis."""
    value, span = call.given["pad_width"], call.span("pad_width")

    def width(part: Any) -> Size:
        if isinstance(part, tuple):
            raise _bad_width(span, rank)
        size = static_whole(call.builder, part, span, "`pad_width`")
        if isinstance(size, int) and size < 0:
            raise Error("G0204", "`pad_width` cannot be negative", span, help="a slice leaves elements out")
        return size

    if not isinstance(value, tuple):
        return [(width(value), width(value))] * rank
    if any(isinstance(part, tuple) for part in value):
        pairs = list(value) * rank if len(value) == 1 else list(value)
        if len(pairs) != rank or any(not isinstance(pair, tuple) or len(pair) not in (1, 2) for pair in pairs):
            raise _bad_width(span, rank)
        return [(width(pair[0]), width(pair[-1])) for pair in pairs]
    if len(value) not in (1, 2):
        raise _bad_width(span, rank)
    return [(width(value[0]), width(value[-1]))] * rank


def _bad_width(span: Span | None, rank: int) -> Error:
    return Error(
        "G0204", f"`pad_width` does not fit an array with {rank} {'axis' if rank == 1 else 'axes'}", span,
        help="give one number, a pair (before, after), or a list with a pair for each axis",
    )  # fmt: skip


def _padded_with(call: CallArguments, x: Node, widths: list[tuple[Size, Size]]) -> Node:
    shape = tuple(derive("+", derive("+", before, size), after) for (before, after), size in zip(widths, x.shape))
    parts = tuple((before, 1, size) for (before, _), size in zip(widths, x.shape))
    result = make("pad", x, attrs=(parts, shape))
    if "constant_values" not in call.given:
        return result
    value = call.array("constant_values")
    if value.shape:
        raise Error("G0202", "`constant_values` is one number here", call.span("constant_values"))
    inside = None
    for axis, ((before, after), size) in enumerate(zip(widths, x.shape)):
        here = iota(shape, axis)
        conditions = []
        if before != 0:
            conditions.append(make("ge", here, _whole(before, shape)))
        if after != 0:
            conditions.append(make("lt", here, _whole(derive("+", before, size), shape)))
        for condition in conditions:
            inside = condition if inside is None else make("and", inside, condition)
    return result if inside is None else call.builder.elementwise("where", inside, result, value)


def _continued(call: CallArguments, x: Node, axis: int, before: Size, after: Size, mode: str) -> Node:
    """The array with its own elements added before and behind along an axis."""
    size = x.shape[axis]
    message = f"`pad` has nothing to repeat along axis {axis}, which is empty"
    if size == 0:
        raise Error("G0204", message, call.span("x"), label=f"this is {x.type}")
    if not isinstance(size, int):
        call.builder.demand(Check(size, ">=", 1, message, call.span("x")))
    shape = (derive("+", derive("+", before, size), after),)
    place = make("sub", iota(shape, 0), _whole(before, shape))
    count, zero = _whole(size, shape), constant(0, place.type)
    last = _whole(derive("-", size, 1), shape)
    if mode == "edge":
        index = make("minimum", make("maximum", place, zero), last)
    elif mode == "wrap":
        index = make("mod", place, count)
    elif mode == "symmetric":
        there = make("mod", place, make("add", count, count))
        index = make("minimum", there, make("sub", make("add", count, last), there))
    else:
        period = make("maximum", make("add", last, last), constant(1, place.type))
        index = make("abs", make("sub", make("mod", make("add", place, last), period), last))
    return _chosen(x, axis, index)
