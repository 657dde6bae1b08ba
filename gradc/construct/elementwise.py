"""The functions that work element by element."""

from __future__ import annotations

from math import nan
from typing import Any

from gradc.construct.calls import CallArguments
from gradc.construct.joined import number
from gradc.construct.static import static_integer
from gradc.ir.graph import Node, constant, replace, topological
from gradc.ir.ops import OPS
from gradc.ir.types import Type
from gradc.language.diagnostics import Error

MAX_ORDER = 1_000
"""Of `polygamma`: what computes it adds up as many terms."""

Value = Any
"""What an expression is worth: a node; for parts of calls and indices also a slice, a tuple, a text, a flag or None."""


def elementwise(call: CallArguments) -> Node:
    """An op of the table by its name."""
    args = [number(call.builder, call.given[parameter], call.span(parameter)) for parameter in OPS[call.name].params]
    return call.builder.elementwise(call.name, *args, span=call.site.span)


def extreme(call: CallArguments) -> Node:
    return call.builder.extreme(call.name, call.x, call.y, call.site.span)


def clip(call: CallArguments) -> Node:
    bounded = (call.array(parameter) for parameter in ("x", "lower", "upper"))
    return call.builder.elementwise("clip", *bounded, span=call.site.span)


def polygamma(call: CallArguments) -> Node:
    span, what = call.span("n"), "the order of `polygamma`"
    n = static_integer(_one_of(call.given["n"]), span, what, "write it as in `polygamma(1, x)`")
    if n < 0:
        raise Error("G0202", f"{what} cannot be negative", span)
    if n > MAX_ORDER:
        raise Error(
            "G0202", f"{what} is at most {MAX_ORDER:,}", span, help="beyond 170, nearly all values are infinite"
        )
    builder = call.builder
    return builder.elementwise("digamma", call.x) if n == 0 else builder.elementwise("polygamma", constant(n), call.x)


def _one_of(value: Any) -> Any:
    """One element of a constant that is the same everywhere, as the order is in the derivative over an array."""
    if not isinstance(value, Node) or not value.is_constant:
        return value
    leaves = [node for node in topological((value,)) if node.op == "const"]
    (one,) = replace((value,), {leaf: constant(leaf.value, Type(leaf.type.dtype)) for leaf in leaves})
    return one


def piecewise(call: CallArguments) -> Node:
    """SymPy's `Piecewise((value, condition), ...)`: the value of the first condition that holds; NaN if none does."""
    builder = call.builder
    pieces = []
    for at, piece in enumerate(call.args):
        span = call.site.part(at)
        if not isinstance(piece, tuple) or len(piece) != 2 or piece[1] is False:
            help = "write `Piecewise((x, x > 0), (0, True))`"
            raise Error("G0202", f"`{call.written}` takes pairs of a value and a condition", span, help=help)
        value = number(builder, piece[0], span)
        pieces.append((value, None if piece[1] is True else number(builder, piece[1], span)))
    result = constant(nan)
    for value, condition in reversed(pieces):
        result = value if condition is None else builder.elementwise("where", condition, value, result)
    return result


ELEMENTWISE = (elementwise, extreme, clip, polygamma)
"""The functions of this file that take numbers and arrays only."""
