"""The functions of the language that look at shapes: reductions, extremes, products, axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradc.frontends.algebra import Algebra, describe, static_integer, static_size
from gradc.frontends.functions import REDUCTIONS, SHAPED
from gradc.frontends.indexing import one_hot, slice_node, take, take_along
from gradc.frontends.products import diagonal, einsum, inner, matmul, outer
from gradc.ir.graph import Check, Node, broadcast, constant, iota, make, replace, squeeze, topological
from gradc.ir.ops import others
from gradc.ir.sizes import Derived, Size, derive, product
from gradc.ir.types import Type, shape_text
from gradc.language.diagnostics import Error
from gradc.language.source import Span
from gradc.language.syntax import Call


def call(algebra: Algebra, name: str, args: tuple[Any, ...], keywords: dict[str, Any], node: Call) -> Node:
    """A call of one of `functions.SHAPED`; `outline` has checked that the arguments fit its parameters."""
    if name in ("max", "min") and (len(args) > 1 or "y" in keywords):
        return _extremes(algebra, {"max": "maximum", "min": "minimum"}[name], args, keywords, node)
    skipped = ("y=", "...") if name in ("max", "min") else ()
    names = [part.rstrip("=") for part in SHAPED[name].split() if part not in skipped]
    given = dict(zip(names, args)) | keywords
    spans = dict(zip(names, (arg.span for arg in node.args))) | {key.id: part.span for key, part in node.keywords}
    if name == "einsum":
        return _einsum(algebra, args, keywords, node)
    asked = Asked(algebra, name, given, spans, node)
    for operand in ("x", "y"):
        if operand in given and not isinstance(given[operand], Node):
            raise Error("G0202", f"`{node.function}` takes numbers or arrays", spans[operand])
    return BUILDERS.get(name, _reduction)(asked)


OF_VALUES = {"sum": "x + y", "mean": "(x + y) / 2", "prod": "x * y"}
"""Reductions that people also ask for several values, and what to write for two."""

AXIS = "write it as in `axis=0` or `axis=(0, 1)`"


def _is_constant(part: Any) -> bool:
    return isinstance(part, Node) and part.is_constant


class Asked:
    """The arguments of a call by name, and where each was written."""

    def __init__(self, algebra: Algebra, name: str, given: dict[str, Any], spans: dict[str, Span], node: Call):
        self.algebra, self.name, self.given, self.spans, self.node = algebra, name, given, spans, node

    @property
    def x(self) -> Node:
        return self.given["x"]

    @property
    def y(self) -> Node:
        return self.given["y"]

    def span(self, argument: str) -> Span:
        return self.spans.get(argument, self.node.span)

    def integer(self, argument: str) -> int:
        return static_integer(self.given[argument], self.span(argument), f"`{argument}`")

    def axes(self, rank: int, argument: str = "axis") -> tuple[int, ...] | None:
        """The axes asked for, from zero on, ascending unless they are `axes`, an order; None where none were named."""
        value = self.given.get(argument)
        if value is None:
            return None
        parts = value if isinstance(value, tuple) else (value,)
        span = self.span(argument)
        if self.name in OF_VALUES and len(self.node.args) > 1 and not all(map(_is_constant, parts)):
            raise Error(
                "G0204", f"`{self.node.function}` takes one array and then the axis, not several values", span,
                help=f"write `{OF_VALUES[self.name]}`; an axis is a number, as in `{self.node.function}(x, axis=0)`",
            )  # fmt: skip
        numbers = [static_integer(part, span, f"`{argument}`", AXIS) for part in parts]
        for number in numbers:
            if not -rank <= number < rank:
                shape = shape_text(self.x.shape) if rank else "a scalar"
                raise Error(
                    "G0204", f"axis {number} is out of range for {shape}", span,
                    help=f"valid axes are {-rank} to {rank - 1}" if rank else "leave it out",
                )  # fmt: skip
        axes = tuple(number % rank for number in numbers)
        if len(set(axes)) < len(axes):
            raise Error("G0204", f"`{argument}` names an axis twice", span)
        return axes if argument == "axes" else tuple(sorted(axes))

    def flag(self, argument: str) -> bool:
        value = self.given.get(argument, False)
        if not isinstance(value, bool):
            raise Error("G0204", f"`{argument}` is True or False", self.span(argument))
        return value


# ---------------------------------------------------------------- elementwise


def _extremes(algebra: Algebra, op: str, args: tuple[Any, ...], keywords: dict[str, Any], node: Call) -> Node:
    for key, _ in node.keywords:
        if key.id in ("axis", "keepdims"):
            raise Error("G0304", f"`{node.function}` of several values has no `{key.id}`", key.span)
    values = args + tuple(keywords[key] for key in ("x", "y") if key in keywords)
    for value, part in zip(values, (*node.args, *(part for _, part in node.keywords))):
        if not isinstance(value, Node):
            raise Error("G0202", f"`{node.function}` takes numbers or arrays", part.span)
    result = values[0]
    for value in values[1:]:
        result = algebra.extreme(op, result, value, node.span)
    return result


def _extreme(asked: Asked) -> Node:
    return asked.algebra.extreme(asked.name, asked.x, asked.y, asked.node.span)


def _clip(asked: Asked) -> Node:
    given = asked.given
    for bound in ("lower", "upper"):
        if not isinstance(given[bound], Node):
            raise Error("G0202", "`clip` takes numbers or arrays", asked.span(bound))
    return asked.algebra.elementwise("clip", given["x"], given["lower"], given["upper"], span=asked.node.span)


def _polygamma(asked: Asked) -> Node:
    span, what = asked.span("n"), "the order of `polygamma`"
    n = static_integer(_one_of(asked.given["n"]), span, what, "write it as in `polygamma(1, x)`")
    if n < 0:
        raise Error("G0202", f"{what} cannot be negative", span)
    algebra = asked.algebra
    return algebra.elementwise("digamma", asked.x) if n == 0 else algebra.elementwise("polygamma", constant(n), asked.x)


def _one_of(value: Any) -> Any:
    """One element of a constant that is the same everywhere, as the order is in the derivative over an array."""
    if not isinstance(value, Node) or not value.is_constant:
        return value
    leaves = [node for node in topological((value,)) if node.op == "const"]
    (one,) = replace((value,), {leaf: constant(leaf.value, Type(leaf.type.dtype)) for leaf in leaves})
    return one


# ---------------------------------------------------------------- reductions


def _reduction(asked: Asked) -> Node:
    """The functions that reduce over `axis`, with `keepdims`."""
    algebra, x = asked.algebra, asked.x
    axes = asked.axes(x.type.rank)
    if asked.name in ("max", "min", "argmax", "argmin"):
        _check_elements(asked, axes)
    if asked.name in REDUCTIONS or asked.name == "count":
        result = algebra.reduce(asked.name, x, axes)
    else:
        result = {"mean": _mean, "var": _var, "std": _std}[asked.name](asked, axes)
    if not asked.flag("keepdims"):
        return result
    reduced = tuple(range(x.type.rank)) if axes is None else axes
    shape = tuple(1 if axis in reduced else size for axis, size in enumerate(x.shape))
    return broadcast(result, shape, others(x.type.rank, reduced))


def _mean(asked: Asked, axes: tuple[int, ...] | None) -> Node:
    algebra = asked.algebra
    total = algebra.reduce("sum", asked.x, axes)
    return algebra.elementwise("div", total, algebra.reduce("count", asked.x, axes), span=asked.node.span)


def _deviation(asked: Asked, axes: tuple[int, ...] | None) -> tuple[Node, Node]:
    """The distance from the mean, and the number of elements it is to be divided by."""
    algebra, x = asked.algebra, asked.x
    count = algebra.reduce("count", x, axes)
    if "ddof" in asked.given:
        count = algebra.elementwise("sub", count, constant(asked.integer("ddof"), count.type))
    return algebra.elementwise("sub", x, along(_mean(asked, axes), x, axes)), count


def _var(asked: Asked, axes: tuple[int, ...] | None) -> Node:
    deviation, count = _deviation(asked, axes)
    total = asked.algebra.reduce("sum", asked.algebra.elementwise("square", deviation), axes)
    return asked.algebra.elementwise("div", total, count)


def _std(asked: Asked, axes: tuple[int, ...] | None) -> Node:
    deviation, count = _deviation(asked, axes)
    algebra = asked.algebra
    return algebra.elementwise("div", algebra.reduce("norm", deviation, axes), algebra.elementwise("sqrt", count))


def _softmax(asked: Asked) -> Node:
    """exp(x - logsumexp(x)) over the last axis, or those asked for; `log_softmax` is its logarithm."""
    x, algebra = asked.x, asked.algebra
    if x.type.rank == 0:
        raise Error(
            "G0202", f"`{asked.name}` takes an array", asked.span("x"), label=f"this is {x.type}",
            help="pass an array, or declare one, as in `x: f64[n]`",
        )  # fmt: skip
    axes = asked.axes(x.type.rank) if "axis" in asked.given else (x.type.rank - 1,)
    shifted = algebra.elementwise("sub", x, along(algebra.reduce("logsumexp", x, axes), x, axes))
    return shifted if asked.name == "log_softmax" else algebra.elementwise("exp", shifted)


def along(value: Node, x: Node, axes: tuple[int, ...] | None) -> Node:
    """A reduction's result repeated along the axes of x that it reduced."""
    reduced = tuple(range(x.type.rank)) if axes is None else axes
    return broadcast(value, x.shape, others(x.type.rank, reduced))


def _check_elements(asked: Asked, axes: tuple[int, ...] | None) -> None:
    """Extremes and their positions have no value for an empty array; in a template they are infinite."""
    if asked.algebra.axes is not None:
        return
    x = asked.x
    count = product(tuple(size for axis, size in enumerate(x.shape) if axes is None or axis in axes))
    message = f"`{asked.node.function}` of an empty array"
    if count == 0:
        raise Error("G0204", message, asked.node.span, label=f"this is {x.type}")
    if not isinstance(count, int):
        asked.algebra.checks.append(Check(count, ">=", 1, message, asked.node.span))


# ---------------------------------------------------------------- axes


def transpose(node: Node, order: tuple[int, ...] | None = None) -> Node:
    """The axes in another order; without one, NumPy's `.T`: in reverse order."""
    order = order or tuple(reversed(range(node.type.rank)))
    return node if order == tuple(range(node.type.rank)) else make("transpose", node, attrs=(order,))


def _transpose(asked: Asked) -> Node:
    rank = asked.x.type.rank
    order = asked.axes(rank, "axes")
    if order is not None and len(order) != rank:
        raise Error("G0204", f"`axes` names {len(order)} axes of {rank}", asked.span("axes"))
    return transpose(asked.x, order)


def _expand_dims(asked: Asked) -> Node:
    x, value = asked.x, asked.given["axis"]
    parts = value if isinstance(value, tuple) else (value,)
    numbers = [static_integer(part, asked.span("axis"), "`axis`") for part in parts]
    rank = x.type.rank + len(numbers)
    for axis in numbers:
        if not -rank <= axis < rank:
            help = f"valid axes are {-rank} to {rank - 1}"
            raise Error("G0204", f"axis {axis} is out of range", asked.span("axis"), help=help)
    axes = {axis % rank for axis in numbers}
    if len(axes) < len(numbers):
        raise Error("G0204", "`axis` names an axis twice", asked.span("axis"))
    dims = others(rank, tuple(axes))
    sizes = iter(x.shape)
    return broadcast(x, tuple(next(sizes) if k in dims else 1 for k in range(rank)), dims)


def _squeeze(asked: Asked) -> Node:
    """The array without axes of size 1; whether a size that the program computes is 1 is checked at the call."""
    x = asked.x
    axes = asked.axes(x.type.rank)
    if axes is None:
        axes = tuple(axis for axis, size in enumerate(x.shape) if size == 1)
    for axis in axes:
        size = x.shape[axis]
        if isinstance(size, Derived):
            asked.algebra.demand(Check(size, "==", 1, f"axis {axis} has size {size}, not 1"))
        elif size != 1:
            raise Error("G0204", f"axis {axis} has size {size}, not 1", asked.node.span, label=f"this is {x.type}")
    first = tuple((0, 1, 1) if axis in axes else (0, 1, size) for axis, size in enumerate(x.shape))
    return squeeze(slice_node(x, first), axes)


def _product(asked: Asked) -> Node:
    build: Callable[..., Node] = {"dot": inner, "outer": outer, "matmul": matmul}[asked.name]
    return build(asked.algebra, asked.x, asked.y, asked.node.span)


def _reshape(asked: Asked) -> Node:
    """The elements in the same order under another shape; one size may be -1."""
    x, wanted = asked.x, asked.given["shape"]
    span = asked.span("shape")
    parts = list(wanted) if isinstance(wanted, tuple) else [wanted]
    count = product(x.shape)
    unknown = [k for k, part in enumerate(parts) if _is_minus_one(part)]
    if len(unknown) > 1:
        raise Error("G0204", "only one size of a shape can be -1", span)
    shape = [1 if k in unknown else static_size(asked.algebra, part, span) for k, part in enumerate(parts)]
    known = product(tuple(shape))
    if unknown and not (isinstance(known, int) and known > 0):
        message = f"the size -1 is not determined where the other sizes of {_with_minus_one(shape, unknown)} come to 0"
        if known == 0:
            raise Error("G0204", message, span)
        asked.algebra.demand(Check(known, ">=", 1, message, span))
        known = derive("max", known, 1)
    if unknown:
        shape[unknown[0]] = derive("//", count, known)
    total = product(tuple(shape))
    if total != count:
        message = f"{x.type} cannot be reshaped to {shape_text(tuple(shape))}"
        if isinstance(total, int) and isinstance(count, int):
            raise Error("G0201", message, asked.node.span, help=f"it has {count} elements, the shape {total}")
        asked.algebra.checks.append(Check(count, "==", total, message, asked.node.span))
    if not shape:
        return squeeze(slice_node(x, ((0, 1, 1),) * x.type.rank), tuple(range(x.type.rank)))
    if not x.shape:
        return broadcast(x, (1,) * len(shape))
    return make("reshape", x, attrs=(tuple(shape),)) if tuple(shape) != x.shape else x


def _with_minus_one(shape: list[Size], unknown: list[int]) -> str:
    return shape_text(tuple(-1 if k in unknown else size for k, size in enumerate(shape)))


def _is_minus_one(part: Any) -> bool:
    return isinstance(part, Node) and part.op == "const" and part.value == -1


def _cumsum(asked: Asked) -> Node:
    (x,) = asked.algebra.numbers((asked.x,))
    axes = asked.axes(x.type.rank)
    if axes is None and x.type.rank != 1:
        raise Error("G0204", "`cumsum` over several axes needs `axis`", asked.node.span, label=f"this is {x.type}")
    return make("cumsum", x, attrs=(axes[0] if axes else 0, False))


def _diag(asked: Asked) -> Node:
    """Of a matrix its diagonal, of a vector the matrix that has it as diagonal; `trace` sums the diagonal."""
    algebra = asked.algebra
    (x,) = algebra.numbers((asked.x,))
    if x.type.rank == 2:
        algebra.equal_sizes(x.shape[0], x.shape[1], (x,), asked.node.span)
        along = diagonal(x, 0, 1)
        return algebra.reduce("sum", along, None) if asked.name == "trace" else along
    if x.type.rank != 1 or asked.name == "trace":
        raise Error("G0202", f"`{asked.name}` takes a matrix", asked.span("x"), label=f"this is {x.type}")
    shape = (x.shape[0], x.shape[0])
    here = make("eq", iota(shape, 0), iota(shape, 1))
    return make("where", here, broadcast(x, shape, (0,)), constant(0.0, x.type.with_shape(shape)))


# ---------------------------------------------------------------- indices, and arrays side by side


def _take(asked: Asked) -> Node:
    x, chosen = asked.x, _indices(asked)
    axes = asked.axes(x.type.rank)
    if axes is None and x.type.rank != 1:
        raise Error("G0204", "`take` from several axes needs `axis`", asked.node.span, label=f"this is {x.type}")
    axis = axes[0] if axes else 0
    return take(asked.algebra, x, chosen, axis, asked.span("indices"))


def _take_along(asked: Asked) -> Node:
    axes = asked.axes(asked.x.type.rank)
    assert axes is not None
    return take_along(asked.algebra, asked.x, _indices(asked), axes[0], asked.span("indices"))


def _indices(asked: Asked) -> Node:
    chosen = asked.given["indices"]
    if not isinstance(chosen, Node):
        raise Error("G0202", f"`{asked.name}` takes an array of integers", asked.span("indices"))
    return chosen


def _one_hot(asked: Asked) -> Node:
    size = static_size(asked.algebra, asked.given["size"], asked.span("size"))
    return one_hot(_indices(asked), size, asked.algebra, asked.span("indices"))


def _arange(asked: Asked) -> Node:
    return iota((static_size(asked.algebra, asked.given["size"], asked.span("size")),), 0)


def _concatenate(asked: Asked) -> Node:
    """Arrays one after the other along an axis (`concatenate`), or along a new one (`stack`)."""
    algebra, arrays, name = asked.algebra, asked.given["arrays"], asked.name
    if not isinstance(arrays, tuple) or not arrays or not all(isinstance(array, Node) for array in arrays):
        raise Error("G0202", f"`{name}` takes a list of arrays, as in `{name}([x, y])`", asked.span("arrays"))
    arrays = algebra.numbers(arrays)
    rank = arrays[0].type.rank + (name == "stack")
    axis = asked.integer("axis") if "axis" in asked.given else 0
    if any(array.type.rank != arrays[0].type.rank for array in arrays) or rank == 0:
        label = ", ".join(f"{describe(array)} is {array.type}" for array in arrays)
        raise Error("G0201", f"`{name}` needs arrays of one rank", asked.node.span, label=label)
    if not -rank <= axis < rank:
        valid = f"valid axes are {-rank} to {rank - 1}"
        raise Error("G0204", f"axis {axis} is out of range", asked.span("axis"), help=valid)
    axis %= rank
    if name == "stack":
        dims = others(rank, (axis,))
        arrays = algebra.meet(arrays, asked.node.span)
        arrays = tuple(broadcast(a, (*a.shape[:axis], 1, *a.shape[axis:]), dims) for a in arrays)
    for array in arrays[1:]:
        for k in others(rank, (axis,)):
            algebra.equal_sizes(arrays[0].shape[k], array.shape[k], arrays, asked.node.span)
    return side_by_side(arrays, axis)


def side_by_side(arrays: tuple[Node, ...], axis: int) -> Node:
    """The sum of the arrays, each padded to its place."""
    total: Size = 0
    for array in arrays:
        total = derive("+", total, array.shape[axis])
    shape = (*arrays[0].shape[:axis], total, *arrays[0].shape[axis + 1 :])
    first: Size = 0
    result = None
    for array in arrays:
        parts = tuple((first, 1, size) if k == axis else (0, 1, size) for k, size in enumerate(array.shape))
        placed = make("pad", array, attrs=(parts, shape))
        result = placed if result is None else make("add", result, placed)
        first = derive("+", first, array.shape[axis])
    assert result is not None
    return result


def _einsum(algebra: Algebra, args: tuple[Any, ...], keywords: dict[str, Any], node: Call) -> Node:
    if not isinstance(args[0], str) or keywords:
        raise Error(
            "G0202", "`einsum` takes its subscripts first", node.span,
            help='write them in quotes, a letter for each axis, as in `einsum("ij,jk->ik", A, B)`',
        )  # fmt: skip
    for value, part in zip(args[1:], node.args[1:]):
        if not isinstance(value, Node):
            raise Error("G0202", "`einsum` takes arrays after its subscripts", part.span)
    return einsum(algebra, args[0], args[1:], node.span)


BUILDERS: dict[str, Callable[[Asked], Node]] = {
    "maximum": _extreme,
    "minimum": _extreme,
    "clip": _clip,
    "polygamma": _polygamma,
    "softmax": _softmax,
    "log_softmax": _softmax,
    "transpose": _transpose,
    "reshape": _reshape,
    "cumsum": _cumsum,
    "diag": _diag,
    "trace": _diag,
    "take": _take,
    "take_along_axis": _take_along,
    "one_hot": _one_hot,
    "arange": _arange,
    "concatenate": _concatenate,
    "stack": _concatenate,
    "expand_dims": _expand_dims,
    "squeeze": _squeeze,
    "dot": _product,
    "outer": _product,
    "matmul": _product,
}
"""How each function is built; all others reduce."""
