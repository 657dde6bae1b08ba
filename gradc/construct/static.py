"""Whole numbers and sizes that a program fixes: those of indices, slices, axes and shapes."""

from __future__ import annotations

from typing import Any

from gradc.construct.builder import GraphBuilder
from gradc.construct.describe import quoted
from gradc.ir.graph import Check, Node, topological
from gradc.ir.interpret import evaluate_constant
from gradc.ir.ops import ROWS
from gradc.ir.sizes import MAX_TERMS, OPERATIONS, Derived, Size, derive, terms
from gradc.ir.types import Type
from gradc.language.diagnostics import Error
from gradc.language.source import Span

OF_NUMBERS = "write a whole number, such as 0 or -1"
OF_SIZES = "write a number, or the name of a size, as the n of `x: f64[n]`"


def static_integer(value: Any, span: Span | None, what: str, help: str = OF_NUMBERS) -> int:
    """A whole number that the program fixes."""
    if isinstance(value, Node) and value.is_constant and value.shape == () and not _depends_on_sizes(value):
        number = float(evaluate_constant(value))
        if number.is_integer() and abs(number) < 2**53:
            return int(number)
    raise Error("G0204", f"{what} needs whole numbers written in the program", span, help=help)


def _depends_on_sizes(value: Node) -> bool:
    """Whether a constant is known only when the sizes that have names are."""
    return any(
        node.op == "size" or not all(isinstance(size, int) for size in node.shape) for node in topological((value,))
    )


SIZE_OPS = {row.name: row.symbol for row in ROWS if row.symbol in OPERATIONS}
"""Ops on sizes that give a size, and what `Derived` calls them."""


def static_whole(
    builder: GraphBuilder, value: Any, span: Span | None, what: str, help: str = OF_NUMBERS, inputs: bool = False
) -> Size:
    """A whole number that the program fixes, or that it computes from sizes; what is computed is not negative.

    inputs: whether inputs that are whole numbers count as sizes, of their own names.
    """
    if isinstance(value, Node) and value.op == "broadcast":
        value = value.args[0]
    is_computed = isinstance(value, Node) and ((inputs and not value.is_constant) or _depends_on_sizes(value))
    if not is_computed or value.shape != () or not (inputs or value.is_constant):
        return static_integer(value, span, what, help)
    found: dict[Node, Size] = {}
    for node in topological((value,)):
        if node.op == "size":
            found[node] = node.attrs[0]
        elif node.op == "const" and float(node.value).is_integer():
            found[node] = int(node.value)
        elif inputs and is_whole_input(node):
            found[node] = node.name
        elif node.op in SIZE_OPS and all(arg in found for arg in node.args):
            left, right = (found[arg] for arg in node.args)
            if node.op == "floordiv":
                right = _divisor(builder, right, span, what)
            found[node] = derive(SIZE_OPS[node.op], left, right)
            if terms(found[node]) > MAX_TERMS:
                break
        else:
            break
    else:
        size = found[value]
        if isinstance(size, Derived) or value.op == "input":
            builder.demand(Check(size, ">=", 0, f"{quoted(span, what)} is negative"))
        return size
    raise Error("G0204", f"{what} needs whole numbers written in the program", span, help=help)


def is_whole_input(node: Node) -> bool:
    """Whether a node is an input of the program, and no stand-in for one, that is a whole number."""
    return node.op == "input" and node.type == Type("i64") and "@" not in node.name


def _divisor(builder: GraphBuilder, size: Size, span: Span | None, what: str) -> Size:
    """What a size is divided by: not zero, which calls check."""
    if size == 0:
        raise Error("G0204", f"{quoted(span, what)} divides by zero", span)
    if isinstance(size, int):
        return size
    builder.demand(Check(size, ">=", 1, f"{quoted(span, what)} divides by a size of 0", span))
    return derive("max", size, 1)


def static_size(builder: GraphBuilder, value: Any, span: Span | None) -> Size:
    """A size: a whole number that is not negative, or computed from the names of others."""
    size = static_whole(builder, value, span, "a size", OF_SIZES)
    if isinstance(size, int) and size < 0:
        raise Error("G0204", "a size cannot be negative", span)
    return size
