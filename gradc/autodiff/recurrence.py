"""Derivatives of `out[k] = a[k] * out[k - 1] + b[k]`: recurrences again, backwards in reverse mode.

The tangent is out_dot[k] = a[k] * out_dot[k - 1] + (a_dot[k] * out[k - 1] + b_dot[k]), and so b_bar = u and a_bar[k] =
u[k] * out[k - 1] with u[k] = out_bar[k] + a[k + 1] * u[k + 1].
"""

from __future__ import annotations

from gradc.autodiff.masked import Masked, recurred, times
from gradc.ir.graph import Node, make
from gradc.ir.sizes import Size, shrink


def pulled(node: Node, position: int, out_bar: Masked) -> Masked | None:
    """What a cotangent contributes to that of the factors (position 0) or of the terms."""
    if not node.type.is_float:
        return None
    axis, backwards = node.attrs
    flow = recurred(before(node.args[0], axis, not backwards), out_bar, (axis, not backwards))
    return flow if position == 1 else times(flow, before(node, axis, backwards))


def pushed(node: Node, position: int, x_dot: Masked) -> Masked | None:
    """What the tangent of the factors or of the terms contributes."""
    if not node.type.is_float:
        return None
    axis, backwards = node.attrs
    term = x_dot if position == 1 else times(x_dot, before(node, axis, backwards))
    return recurred(node.args[0], term, node.attrs)


def before(x: Node, axis: int, backwards: bool) -> Node:
    """Of each element the one before it in the direction of a recurrence; 0 before the first."""
    read: list[tuple[Size, int, Size]] = [(0, 1, size) for size in x.shape]
    write = list(read)
    length = shrink(x.shape[axis], 1)
    read[axis], write[axis] = ((1, 1, length), (0, 1, length))[:: 1 if backwards else -1]
    return make("pad", make("slice", x, attrs=(tuple(read),)), attrs=(tuple(write), x.shape))
