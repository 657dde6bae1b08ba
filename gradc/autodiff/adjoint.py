"""Reverse mode: from a graph to the graph of its vector-Jacobian product."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from gradc.autodiff import linear_maps, recurrence, steep, steps
from gradc.autodiff.masked import Masked, apply_linear, contract, direction, fading, plus, times
from gradc.autodiff.partials import fades, partial
from gradc.ir.graph import Node, constant, dependent, part_of, topological
from gradc.ir.ops import JOINS, others
from gradc.ir.step import loops_among


def adjoint(result: Node, wrt: Iterable[Node], upstream: Node) -> list[Node]:
    """The cotangents of `wrt`, given the cotangent of the result: `upstream`, of the result's type."""
    wrt = tuple(wrt)
    bars = cotangents(result, wrt, upstream)
    return [bars[node].node if node in bars else constant(0.0, node.type) for node in wrt]


def cotangents(result: Node, wrt: Iterable[Node], upstream: Node) -> dict[Node, Masked]:
    """The cotangents of the nodes between `wrt` and the result, with their masks.

    Walks the nodes in reverse topological order; each hands its cotangent, times its partial, to its arguments.
    """
    order = topological((result,))
    return swept(order, dependent(order, wrt), {result: direction(upstream)})


def swept(order: Sequence[Node], reached: Container[Node], bars: dict[Node, Masked]) -> dict[Node, Masked]:
    """Cotangents, and what they contribute through some nodes, in topological order, to nodes that are `reached`."""
    loops = {nodes[0]: nodes for nodes in loops_among(order).values()}  # the others follow from the same arguments
    for node in reversed(order):
        if node in loops:
            given = {each.attrs[1]: bars[each] for each in loops[node] if each in bars and each in reached}
            if given:
                for arg, bar in steps.pulled(node.attrs[0], node.args, given, reached, swept).items():
                    bars[arg] = plus(bars[arg], bar) if arg in bars else bar
        elif node in bars and node in reached and node.op != "loop":
            own: dict[Node, Masked] = {}  # what a node hands to one argument in two places may cancel, as in x/x
            for position, arg in enumerate(node.args):
                if arg in reached and arg.type.is_float:
                    contribution = pull(node, position, bars[node])
                    if contribution is not None:
                        own[arg] = plus(own[arg], contribution) if arg in own else contribution
            for arg, contribution in own.items():
                bars[arg] = plus(bars[arg], contribution) if arg in bars else contribution
    return bars


def pull(node: Node, position: int, out_bar: Masked) -> Masked | None:
    """What a node's cotangent contributes to the cotangent of one of its arguments."""
    if node.row.transpose is not None:
        op, attrs = node.row.transpose(node.args[position].type, node.attrs)
        return apply_linear(op, out_bar, attrs, node.args[1:])
    if node.op in JOINS:
        return apply_linear("slice", out_bar, (part_of(node, position),))
    if node.row.kind == "contraction":
        return contracted(node, position, out_bar)
    if node.row.kind == "scan":
        return recurrence.pulled(node, position, out_bar)
    if node.row.kind == "matrix":
        return linear_maps.pulled(node, position, out_bar, cotangents)
    if node.row.kind == "loop":
        arg = node.args[position]
        return steps.pulled(node.attrs[0], node.args, {node.attrs[1]: out_bar}, {arg}, swept).get(arg)
    local = partial(node, position)
    return None if local is None else scaled(node, position, out_bar, local)


def scaled(node: Node, position: int, out_bar: Masked, local: Node) -> Masked:
    """A node's cotangent times its partial derivative for an argument."""
    if node.row.steep:
        return steep.pulled(node, position, out_bar, local)
    multiplied = fading if fades(node) else times
    return multiplied(along_reduced(node, out_bar), local)


def contracted(node: Node, position: int, out_bar: Masked) -> Masked:
    """The cotangent of one side of a product, by the other side: a product of the same kind."""
    x_labels, y_labels, labels = node.attrs
    other = node.args[1 - position]
    if position == 0:
        return contract(out_bar, other, (labels, y_labels, x_labels), 0)
    return contract(out_bar, other, (x_labels, labels, y_labels), 1)


def along_reduced(node: Node, out_bar: Masked) -> Masked:
    """The cotangent of a reduction, repeated along the reduced axes; any other cotangent as it is."""
    if node.row.kind != "reduction":
        return out_bar
    x = node.args[0]
    return apply_linear("broadcast", out_bar, (x.shape, others(x.type.rank, node.attrs[0])))
