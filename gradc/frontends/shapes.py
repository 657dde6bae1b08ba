"""The functions of the language that look at shapes: reductions, extremes, indices."""

from __future__ import annotations

from typing import Any

from gradc.frontends.algebra import Algebra
from gradc.ir.graph import Check, Node, constant, make, squeeze
from gradc.ir.interpret import evaluate_constant
from gradc.ir.sizes import MAX_TERMS, product, slice_extent, terms
from gradc.language.diagnostics import Error
from gradc.language.source import Span
from gradc.language.syntax import Binary, Call, Index


def static_integer(value: Any, span: Span, what: str) -> int:
    """A whole number that the program fixes."""
    if isinstance(value, Node) and value.is_constant and value.shape == ():
        number = float(evaluate_constant(value))
        if number.is_integer() and abs(number) < 2**53:
            return int(number)
    raise Error("G0204", f"{what} needs whole numbers written in the program", span)


# ---------------------------------------------------------------- calls


def call(algebra: Algebra, name: str, args: tuple[Any, ...], keywords: dict[str, Any], node: Call) -> Node:
    """A call of one of `functions.SHAPED`."""
    for value, part in zip(args, node.args):
        if not isinstance(value, Node):
            raise Error("G0202", f"`{node.function}` takes numbers or arrays", part.span)
    if (name in ("max", "min") and len(args) > 1) or name in ("maximum", "minimum"):
        values = args + tuple(keywords[key] for key in ("x", "y") if key in keywords)
        result = values[0]
        for value in values[1:]:
            result = algebra.extreme({"max": "maximum", "min": "minimum"}.get(name, name), result, value, node.span)
        return result
    if name == "polygamma":
        given = dict(zip(("n", "x"), args)) | keywords
        return _polygamma(algebra, given["n"], given["x"], node)
    if name == "clip":
        given = dict(zip(("x", "lower", "upper"), args)) | keywords
        return algebra.elementwise("clip", given["x"], given["lower"], given["upper"], span=node.span)
    operand = args[0] if args else keywords["x"]
    if name in ("max", "min"):
        _check_elements(algebra, operand, node)
    if name == "mean":
        total = algebra.reduce("sum", operand)
        return algebra.elementwise("div", total, algebra.reduce("count", operand), span=node.span)
    return algebra.reduce(name, operand)


def _polygamma(algebra: Algebra, order: Node, x: Node, node: Call) -> Node:
    span = node.args[0].span if node.args else node.span
    n = static_integer(order, span, "the order of `polygamma`")
    if n < 0:
        raise Error("G0202", "the order of `polygamma` cannot be negative", span)
    return algebra.elementwise("digamma", x) if n == 0 else algebra.elementwise("polygamma", constant(n), x)


def _check_elements(algebra: Algebra, operand: Node, node: Call) -> None:
    """`max` and `min` have no value for an empty array."""
    count = product(operand.shape)
    message = f"`{node.function}` of an empty array"
    if count == 0:
        raise Error("G0204", message, node.span, label=f"this is {operand.type}")
    if not isinstance(count, int):
        algebra.checks.append(Check(count, ">=", 1, message))


def matmul(algebra: Algebra, left: Node, right: Node, node: Binary) -> Node:
    raise Error(
        "G0108", "matrix products are not part of the language yet", node.span,
        help="write sum(x * y) for a dot product",
    )  # fmt: skip


def transpose(node: Node) -> Node:
    """NumPy's `.T`: the axes in reverse order."""
    return node if node.type.rank < 2 else make("transpose", node, attrs=(tuple(reversed(range(node.type.rank))),))


# ---------------------------------------------------------------- indices


def index(algebra: Algebra, value: Node, items: tuple[Any, ...], node: Index) -> Node:
    """`value[items]` for whole numbers and slices, one for each leading axis."""
    if len(items) > value.type.rank:
        rank = value.type.rank
        indices = "1 index" if len(items) == 1 else f"{len(items)} indices"
        raise Error(
            "G0204",
            f"{indices} for a value with {rank} ax{'i' if rank == 1 else 'e'}s" if rank else "a number has no elements",
            node.span,
            label=f"this is {value.type}",
            help=None if rank else "pass an array, or declare one, as in `x: f64[n]`",
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
            valid = f"valid indices are {-size} to {size - 1}" if size else "the array is empty"
            raise Error("G0204", message, span, help=valid)
        return position % size
    algebra.checks.append(Check(size, ">=", needed, message))
    return position if position >= 0 else slice_extent(size, position, None, 1)[0]
