"""Derivatives of ops on matrices, from one text for each argument: what its tangent contributes to that of the result.

The text is linear in the tangent, and so reverse mode needs no other: the graph that forward mode builds is walked
backwards from the cotangent of the result to the tangent, which is a linear map transposed. An op that is itself linear
in an argument says what its transpose is.
"""

from __future__ import annotations

from collections.abc import Callable

from gradc.autodiff.masked import Masked
from gradc.autodiff.spectra import slopes
from gradc.construct.template import instantiate
from gradc.ir.graph import Node, build, input_node

DOT, BAR, SLOPES = "dot", "bar", "slopes"
"""What texts call the tangent, the cotangent, and the divided differences of a function of eigenvalues."""

Cotangents = Callable[[Node, tuple[Node, ...], Node], dict[Node, Masked]]


def pushed(node: Node, position: int, x_dot: Masked) -> Masked | None:
    """What the tangent of an argument contributes."""
    found = _pushed(node, position, x_dot.filled)
    return None if found is None else Masked(found)


def _pushed(node: Node, position: int, dot: Node) -> Node | None:
    row = node.row
    if row.transposes[position]:
        return build(node.op, (*node.args[:position], dot, *node.args[position + 1 :]), node.attrs)
    return _read(node, row.tangents[position], DOT, dot)


def pulled(node: Node, position: int, out_bar: Masked, cotangents: Cotangents) -> Masked | None:
    """What a cotangent contributes to that of an argument; `cotangents` walks a graph backwards."""
    bar = out_bar.filled
    if node.row.transposes[position]:
        found = _read(node, node.row.transposes[position], BAR, bar)
        return None if found is None else Masked(found)
    dot = input_node(DOT, node.args[position].type)
    moved = _pushed(node, position, dot)
    return None if moved is None else cotangents(moved, (dot,), bar).get(dot)


def _read(node: Node, text: str, name: str, flow: Node) -> Node | None:
    if not text:
        return None
    bindings = dict(zip(node.row.params, node.args)) | {"out": node, name: flow}
    if SLOPES in text:
        bindings[SLOPES] = slopes(*node.args)
    return instantiate(text, bindings, dtype=node.type.dtype)
