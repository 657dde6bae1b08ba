"""Forward mode: from a graph to the graph of its Jacobian-vector product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gradc.autodiff import linear_maps, recurrence, steep, steps
from gradc.autodiff.besides import tangent_of_others
from gradc.autodiff.masked import Masked, apply_linear, contract, direction, is_nonzero, joined, plus, times
from gradc.autodiff.partials import fades, partial
from gradc.autodiff.sides import at_kink, has_kink, limit, turning, unless_zero
from gradc.ir.graph import Node, build, constant, dependent, make, reached, topological
from gradc.ir.ops import JOINS


def tangent(results: Iterable[Node], seeds: Mapping[Node, Node]) -> list[Node]:
    """The tangents of the results, given the tangents of some nodes below them."""
    return _tangent(tuple(results), seeds)


def second_tangent(bars: Iterable[Node], seeds: Mapping[Node, Node]) -> list[Node]:
    """The tangents of gradients: at a kink of the program, the mean of what they are on both sides of it."""
    bars = tuple(bars)
    moving = dependent(topological(bars), seeds)
    if not any(node in moving and has_kink(node) for node in reached(bars, _numbers_below)):
        return tangent(bars, seeds)
    ahead, behind = (_tangent(bars, seeds, side) for side in (1.0, -1.0))
    return [_mean(one, other) for one, other in zip(ahead, behind)]


def _numbers_below(node: Node) -> tuple[Node, ...]:
    """The arguments that are not conditions, whose kinks do not matter."""
    return tuple(arg for arg in node.args if arg.type.is_float)


def _mean(one: Node, other: Node) -> Node:
    if one is other:
        return one
    half = constant(0.5, one.type)
    return make("add", make("mul", half, one), make("mul", half, other))


def _tangent(results: tuple[Node, ...], seeds: Mapping[Node, Node], side: float | None = None) -> list[Node]:
    """The tangents; with a side, those just ahead (1) or behind (-1) along the seeds, where values are limits too."""
    dots: dict[Node, Masked] = {node: direction(seed) for node, seed in seeds.items()}
    near: dict[Node, Node] = {}
    """The nodes whose value next to the point is another one than at it."""
    for node in topological(results):
        if node in dots or not node.type.is_float:
            continue
        args = tuple([near.get(arg, arg) for arg in node.args])
        here = node if args == node.args else build(node.op, args, node.attrs)
        given = [dots.get(arg) for arg in node.args]
        total = steps.pushed(here, args, given, tangent) if here.op == "loop" and any(given) else None
        if node.op in JOINS and any(given):
            total = joined(here, given)
        for position, x_dot in enumerate(given if here.op not in ("loop", *JOINS) else ()):
            if x_dot is not None:
                contribution = push(here, position, x_dot)
                if side is not None and contribution is not None and node.op == "mul":
                    if node.args[position].op == "unit":
                        contribution = unless_zero(here.args[1 - position], contribution)
                if contribution is not None:
                    total = contribution if total is None else plus(total, contribution)
        if here.op == "besides":
            total = tangent_of_others(here, given) or total
        if side is not None and total is not None:
            if here.row.homogeneous:
                total = at_kink(here, given, total, side)
            if here.op == "unit":
                total = turning(here, given, total)
        if side is not None and any(given):
            here = limit(here, given, side)
        if here is not node:
            near[node] = here
        if total is not None:
            dots[node] = total
    return [dots[node].node if node in dots else constant(0.0, node.type) for node in results]


def push(node: Node, position: int, x_dot: Masked) -> Masked | None:
    """What an argument's tangent contributes to the tangent of a node."""
    if node.row.transpose is not None:
        return apply_linear(node.op, x_dot, node.attrs, node.args[1:])
    if node.row.kind == "contraction":
        return contract(x_dot, node.args[1 - position], node.attrs, position)
    if node.row.kind == "scan":
        return recurrence.pushed(node, position, x_dot)
    if node.row.kind == "matrix":
        return linear_maps.pushed(node, position, x_dot)
    local = partial(node, position)
    if local is None:
        return None
    if fades(node):
        local = make("mask", is_nonzero(local), local)
    moved_on = steep.pushed(node, position, x_dot, local) or times(x_dot, local)
    return apply_linear("sum", moved_on, node.attrs) if node.row.kind == "reduction" else moved_on
