"""The partial derivative of a node, read from its row of the op table."""

from __future__ import annotations

from gradc.construct.template import instantiate
from gradc.ir.graph import Node, broadcast
from gradc.ir.ops import others
from gradc.ir.squares import is_sum_of_squares
from gradc.language.errors.expressions import no_closed_form, not_stated


def partial(node: Node, position: int) -> Node | None:
    """The partial derivative for one argument, in the shape of that argument; None where there is none."""
    text = node.row.partials[position]
    if text is None and node.row.params[position] in node.row.orders:
        if node.row.owned:
            raise not_stated(node.row.symbol, node.row.params[position])
        raise no_closed_form(node.op, node.row.params[position])
    if text is None or text == "0":
        return None
    bindings = dict(zip(node.row.params, node.args))
    if node.row.kind != "reduction":
        return instantiate(text, bindings | {"out": node}, dtype=node.type.dtype)
    x = node.args[0]
    out = along(node, node)
    return instantiate(text, bindings | {"out": out}, dtype=node.type.dtype, axes=node.attrs[0], rank=x.type.rank)


def fades(node: Node) -> bool:
    """Whether the slope of a node vanishes, where it does, faster than any power: that of a normal distribution."""
    if node.row.fades:
        return True
    if node.op != "exp":
        return False
    arg = node.args[0]
    if arg.op == "neg":
        return is_sum_of_squares(arg.args[0])
    factors = arg.args if arg.op == "mul" else ()
    return any(
        factor.op == "const" and factor.value < 0 and is_sum_of_squares(other)
        for factor, other in ((factors, factors[::-1]) if factors else ())
    )


def along(value: Node, reduction: Node) -> Node:
    """A value in the shape of a reduction's result, repeated along the axes that were reduced."""
    x = reduction.args[0]
    return broadcast(value, x.shape, others(x.type.rank, reduction.attrs[0]))
