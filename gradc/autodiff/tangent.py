"""Forward mode: from a graph to the graph of its Jacobian-vector product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gradc.autodiff.masked import Masked, apply_linear, contract, masked, plus, times
from gradc.autodiff.partials import partial
from gradc.ir.graph import Node, constant, topological


def tangent(results: Iterable[Node], seeds: Mapping[Node, Node]) -> list[Node]:
    """The tangents of the results, given the tangents of some nodes below them."""
    results = tuple(results)
    dots: dict[Node, Masked] = {node: masked(seed) for node, seed in seeds.items()}
    for node in topological(results):
        if node in dots or not node.type.is_float:
            continue
        total = None
        for position, arg in enumerate(node.args):
            if arg in dots:
                contribution = push(node, position, dots[arg])
                if contribution is not None:
                    total = contribution if total is None else plus(total, contribution)
        if total is not None:
            dots[node] = total
    return [dots[node].node if node in dots else constant(0.0, node.type) for node in results]


def push(node: Node, position: int, x_dot: Masked) -> Masked | None:
    """What an argument's tangent contributes to the tangent of a node."""
    if node.row.transpose is not None:
        return apply_linear(node.op, x_dot, node.attrs, node.args[1:])
    if node.row.kind == "contraction":
        return contract(x_dot, node.args[1 - position], node.attrs, position)
    local = partial(node, position)
    if local is None:
        return None
    moved_on = times(x_dot, local)
    return apply_linear("sum", moved_on, node.attrs) if node.row.kind == "reduction" else moved_on
