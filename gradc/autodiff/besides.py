"""Second derivatives of products: the tangent of the product of all elements but one.

As a quotient, prod(x) / x[i], it would have a tangent that is the difference of two nearly equal numbers, larger than
the result by any factor. Its terms are x_dot[k] * prod(x) / x[k], over x[i]; the one with k = i belongs to both numbers
and is left out by adding up the terms before it and those behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradc.autodiff.masked import Masked
from gradc.autodiff.recurrence import before
from gradc.ir.graph import Node, make
from gradc.ir.ops import others
from gradc.ir.sizes import product


def tangent_of_others(node: Node, given: Sequence[Masked | None]) -> Masked | None:
    """The tangent of `besides(prod(x), x)`, where the product goes along one axis or all; None for any other."""
    total, x = node.args
    total_dot, x_dot = given
    if total.op != "broadcast" or total_dot is None or x_dot is None:
        return None
    axes = others(x.type.rank, total.attrs[1])
    if len(axes) not in (1, x.type.rank):
        return None
    terms = make("mul", node, x_dot.filled)
    axis = axes[0]
    if len(axes) > 1:
        terms, axis = make("reshape", terms, attrs=((product(x.shape),),)), 0
    sums = [before(make("cumsum", terms, attrs=(axis, back)), axis, back) for back in (False, True)]
    rest = make("add", *sums)
    if len(axes) > 1:
        rest = make("reshape", rest, attrs=(x.shape,))
    mask = total_dot.whole.mask
    return Masked(make("div", rest, x), mask, mask, left_out=total_dot.left_out)
