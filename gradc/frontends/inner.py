"""What derivatives inside programs are made by: autodiff, with the rules that come before and after it."""

from __future__ import annotations

from collections.abc import Sequence

from gradc.autodiff.adjoint import adjoint
from gradc.autodiff.families import Family, NoFamily, families, laid_out, units
from gradc.autodiff.tangent import second_tangent, tangent
from gradc.construct.derivatives import Derivatives, Variables
from gradc.ir.graph import Node, broadcast, constant, input_node, iota, make
from gradc.rewrite.pipeline import settled


def derivatives(variables: Variables) -> Derivatives:
    """The derivatives of one program."""
    return Derivatives(variables, _gradients, _tangents, _matrices)


def _gradients(value: Node, chosen: Sequence[Node]) -> list[Node]:
    (value,) = settled([value], False)
    return settled(adjoint(value, chosen, constant(1.0, value.type)), False)


def _tangents(value: Node, directions: dict[Node, Node], is_gradient: bool) -> Node:
    (value,) = settled([value], False)
    along = second_tangent if is_gradient else tangent
    return settled(along([value], directions), False)[0]


def _matrices(value: Node, x: Node, is_gradient: bool) -> Node | None:
    """The derivatives for every element of x at once; None for an op that many directions cannot go through."""
    seed = input_node(f"{x.name.partition('@')[0]}_dot@", x.type)
    dot = _tangents(value, {x: seed}, is_gradient)
    try:
        (found,) = families(
            [dot], {seed: units(x.shape, constant(1.0, x.type))}, x.shape, lambda nodes: settled(nodes, False)
        )
    except NoFamily:
        return None
    shape, rank = (*value.shape, *x.shape), value.type.rank
    if not isinstance(found, Family):
        return constant(0.0, value.type.with_shape(shape))
    node, pairs = laid_out(found, "input")
    along = {axis for _, axis in pairs}
    full = broadcast(node, shape, (*range(rank), *(rank + k for k in range(x.type.rank) if k not in along)))
    for axis, other in pairs:
        here = make("eq", iota(shape, axis), iota(shape, rank + other))
        full = make("where", here, full, constant(0.0, full.type))
    return full
