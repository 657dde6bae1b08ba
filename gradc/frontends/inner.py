"""What derivatives inside programs are made by: autodiff, with the rules that come before and after it."""

from __future__ import annotations

from collections.abc import Sequence

from gradc.autodiff.adjoint import adjoint
from gradc.autodiff.tangent import second_tangent, tangent
from gradc.construct.derivatives import Derivatives, Variables
from gradc.ir.graph import Node, constant
from gradc.rewrite.pipeline import settled


def derivatives(variables: Variables) -> Derivatives:
    """The derivatives of one program."""
    return Derivatives(variables, _gradients, _tangents)


def _gradients(value: Node, chosen: Sequence[Node]) -> list[Node]:
    (value,) = settled([value], False)
    return settled(adjoint(value, chosen, constant(1.0, value.type)), False)


def _tangents(value: Node, directions: dict[Node, Node], is_gradient: bool) -> Node:
    (value,) = settled([value], False)
    along = second_tangent if is_gradient else tangent
    return settled(along([value], directions), False)[0]
