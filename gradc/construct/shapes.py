"""The functions that give an array other axes or another shape, and those that join arrays."""

from __future__ import annotations

from typing import Any

from gradc.construct.calls import CallArguments
from gradc.construct.describe import describe
from gradc.construct.indexing import slice_node
from gradc.construct.joined import Listed, number, stacked
from gradc.construct.products import diagonal
from gradc.construct.static import static_integer, static_size
from gradc.ir.graph import Check, Node, broadcast, constant, iota, make, side_by_side, squeeze
from gradc.ir.ops import others
from gradc.ir.sizes import Derived, Size, derive, product
from gradc.ir.types import shape_text
from gradc.language.diagnostics import Error
from gradc.language.spelling import counted


def reordered(node: Node, order: tuple[int, ...] | None = None) -> Node:
    """The axes in another order; without one, NumPy's `.T`: in reverse order."""
    order = order or tuple(reversed(range(node.type.rank)))
    return node if order == tuple(range(node.type.rank)) else make("transpose", node, attrs=(order,))


def transpose(call: CallArguments) -> Node:
    rank = call.x.type.rank
    order = call.axes(rank, "axes")
    if order is not None and len(order) != rank:
        raise Error("G0204", f"`axes` names {len(order)} axes of {rank}", call.span("axes"))
    return reordered(call.x, order)


def expand_dims(call: CallArguments) -> Node:
    x, value = call.x, call.given["axis"]
    parts = value if isinstance(value, tuple) else (value,)
    numbers = [static_integer(part, call.span("axis"), "`axis`") for part in parts]
    rank = x.type.rank + len(numbers)
    for axis in numbers:
        if not -rank <= axis < rank:
            help = f"valid axes are {-rank} to {rank - 1}"
            raise Error("G0204", f"axis {axis} is out of range", call.span("axis"), help=help)
    axes = {axis % rank for axis in numbers}
    if len(axes) < len(numbers):
        raise Error("G0204", "`axis` names an axis twice", call.span("axis"))
    dims = others(rank, tuple(axes))
    sizes = iter(x.shape)
    return broadcast(x, tuple(next(sizes) if k in dims else 1 for k in range(rank)), dims)


def without_axes(call: CallArguments) -> Node:
    """The array without axes of size 1; whether a size that the program computes is 1 is checked at the call."""
    x = call.x
    axes = call.axes(x.type.rank)
    if axes is None:
        axes = tuple(axis for axis, size in enumerate(x.shape) if size == 1)
    for axis in axes:
        size = x.shape[axis]
        if isinstance(size, Derived):
            call.builder.demand(Check(size, "==", 1, f"axis {axis} has size {size}, not 1"))
        elif isinstance(size, str) and size in call.builder.nameable:
            call.builder.same_size(size, 1, call.site.span)
        elif size != 1:
            raise Error("G0204", f"axis {axis} has size {size}, not 1", call.site.span, label=f"this is {x.type}")
    first = tuple((0, 1, 1) if axis in axes else (0, 1, size) for axis, size in enumerate(x.shape))
    return squeeze(slice_node(x, first), axes)


def reshape(call: CallArguments) -> Node:
    """The elements in the same order under another shape; one size may be -1."""
    x, wanted = call.x, call.given["shape"]
    span = call.span("shape")
    parts = list(wanted) if isinstance(wanted, tuple) else [wanted]
    count = product(x.shape)
    unknown = [k for k, part in enumerate(parts) if _is_minus_one(part)]
    if len(unknown) > 1:
        raise Error("G0204", "only one size of a shape can be -1", span)
    shape = [1 if k in unknown else static_size(call.builder, part, span) for k, part in enumerate(parts)]
    known = product(tuple(shape))
    if unknown and not (isinstance(known, int) and known > 0):
        message = f"the size -1 is not determined where the other sizes of {_with_minus_one(shape, unknown)} come to 0"
        if known == 0:
            raise Error("G0204", message, span)
        call.builder.demand(Check(known, ">=", 1, message, span))
        known = derive("max", known, 1)
    if unknown:
        shape[unknown[0]] = derive("//", count, known)
    total = product(tuple(shape))
    if total != count:
        message = f"{x.type} cannot be reshaped to {shape_text(tuple(shape))}"
        if isinstance(total, int) and isinstance(count, int):
            raise Error(
                "G0201", message, call.site.span, help=f"it has {counted(count, 'element')}, the shape {total:,}"
            )
        call.builder.checks.append(Check(count, "==", total, message, call.site.span))
    if not shape:
        return squeeze(slice_node(x, ((0, 1, 1),) * x.type.rank), tuple(range(x.type.rank)))
    if not x.shape:
        return broadcast(x, (1,) * len(shape))
    return make("reshape", x, attrs=(tuple(shape),)) if tuple(shape) != x.shape else x


def _with_minus_one(shape: list[Size], unknown: list[int]) -> str:
    return shape_text(tuple(-1 if k in unknown else size for k, size in enumerate(shape)))


def _is_minus_one(part: Any) -> bool:
    return isinstance(part, Node) and part.op == "const" and part.value == -1


def cumsum(call: CallArguments) -> Node:
    (x,) = call.builder.numbers((call.x,))
    axes = call.axes(x.type.rank)
    if axes is None and x.type.rank != 1:
        raise Error("G0204", "`cumsum` over several axes needs `axis`", call.site.span, label=f"this is {x.type}")
    return make("cumsum", x, attrs=(axes[0] if axes else 0, False))


def diag(call: CallArguments) -> Node:
    """Of a matrix its diagonal, of a vector the matrix that has it as diagonal; `trace` sums the diagonal."""
    builder = call.builder
    (x,) = builder.numbers((call.x,))
    if x.type.rank == 2:
        builder.equal_sizes(x.shape[0], x.shape[1], (x,), call.site.span)
        along = diagonal(x, 0, 1)
        return builder.reduce("sum", along, None) if call.name == "trace" else along
    if x.type.rank != 1 or call.name == "trace":
        axes = "...ii->..." if call.name == "trace" else "...ii->...i"
        raise Error(
            "G0202", f"`{call.name}` takes a matrix", call.span("x"), label=f"this is {x.type}",
            help=f'of each matrix in a stack: `einsum("{axes}", {describe(x) if x.op == "input" else "A"})`'
            if x.type.rank > 2 else None,
        )  # fmt: skip
    shape = (x.shape[0], x.shape[0])
    here = make("eq", iota(shape, 0), iota(shape, 1))
    return make("where", here, broadcast(x, shape, (0,)), constant(0.0, x.type.with_shape(shape)))


# ---------------------------------------------------------------- arrays side by side


def concatenate(call: CallArguments) -> Node:
    """Arrays one after the other along an axis (`concatenate`), or along a new one (`stack`)."""
    builder, arrays, name = call.builder, call.given["arrays"], call.name
    if not isinstance(arrays, tuple) or not arrays:
        raise Error("G0202", f"`{name}` takes a list of arrays, as in `{name}([x, y])`", call.span("arrays"))
    spans = arrays.spans if isinstance(arrays, Listed) else (call.span("arrays"),) * len(arrays)
    arrays = builder.numbers(tuple(number(builder, array, span) for array, span in zip(arrays, spans)))
    rank = arrays[0].type.rank + (name == "stack")
    axis = call.integer("axis") if "axis" in call.given else 0
    if any(array.type.rank != arrays[0].type.rank for array in arrays) or rank == 0:
        label = ", ".join(f"{describe(array)} is {array.type}" for array in arrays)
        if rank == 0 and not any(array.type.rank for array in arrays):
            raise Error(
                "G0201", "`concatenate` joins arrays, and these are numbers", call.site.span, label=label,
                help="`stack` makes an array of numbers, as in `stack([x, y])`; so does `[x, y]`",
            )  # fmt: skip
        raise Error(
            "G0201", f"`{name}` takes arrays of the same rank", call.site.span, label=label,
            help="`expand_dims(x, 0)` gives one another axis" if rank else "a number becomes an array as `[x]`",
        )  # fmt: skip
    if not -rank <= axis < rank:
        valid = f"valid axes are {-rank} to {rank - 1}"
        raise Error("G0204", f"axis {axis} is out of range", call.span("axis"), help=valid)
    axis %= rank
    if name == "stack":
        return stacked(builder.broadcast_together(arrays, call.site.span), axis)
    for array in arrays[1:]:
        for k in others(rank, (axis,)):
            builder.equal_sizes(arrays[0].shape[k], array.shape[k], arrays, call.site.span)
    return side_by_side(arrays, axis)
