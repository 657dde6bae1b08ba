"""Reverse mode: from a graph to the graph of its vector-Jacobian product."""

from __future__ import annotations

from typing import Iterable

from gradc.frontends.template import instantiate
from gradc.ir.graph import Node, broadcast, build, constant, dependent, make, topological
from gradc.ir.ops import others


def partial(node: Node, position: int) -> Node | None:
    """The partial derivative of a node for one argument, in the shape of that argument; None if there is none."""
    text = node.row.partials[position]
    if text is None:
        return None
    bindings = dict(zip(node.row.params, node.args))
    axes, rank, out = None, 0, node
    if node.row.kind == "reduction":
        (axes,), rank = node.attrs, node.args[0].type.rank
        out = broadcast(node, node.args[0].shape, others(rank, axes))
    return instantiate(text, bindings | {"out": out}, dtype=node.type.dtype, axes=axes, rank=rank)


def pull(node: Node, position: int, out_bar: Node) -> Node | None:
    """What a node's cotangent contributes to the cotangent of one of its arguments."""
    arg = node.args[position]
    if node.row.transpose is not None:
        op, attrs = node.row.transpose(arg.type, node.attrs)
        return build(op, (out_bar,), attrs)
    local = partial(node, position)
    if local is None:
        return None
    if node.row.kind == "reduction":
        out_bar = broadcast(out_bar, arg.shape, others(arg.type.rank, node.attrs[0]))
    return times(out_bar, local)


def times(left: Node, right: Node) -> Node:
    """A product whose scalar constant takes the shape of the other side."""
    if right.shape != left.shape:
        right = broadcast(right, left.shape)
    return make("mul", left, right)


def adjoint(result: Node, wrt: Iterable[Node], upstream: Node) -> list[Node]:
    """The cotangents of `wrt`, given the cotangent of the result.

    The reverse pass of HIPS autograd: cotangents by node, nodes in reverse topological order, the rule of
    each node's op, a sum for each argument.
    """
    wrt = tuple(wrt)
    reached = dependent((result,), wrt)
    bars: dict[Node, Node] = {result: upstream}
    for node in reversed(topological((result,))):
        if node not in bars or node not in reached or node in wrt:
            continue
        out_bar = bars.pop(node)
        for position, arg in enumerate(node.args):
            if arg in reached and arg.type.is_float:
                contribution = pull(node, position, out_bar)
                if contribution is not None:
                    bars[arg] = make("add", bars[arg], contribution) if arg in bars else contribution
    return [bars.get(node, constant(0.0, node.type)) for node in wrt]


