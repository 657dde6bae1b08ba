"""Infinite slopes of finite values: where a zero that meets one is nothing, and where its limit is unknown.

A factor that does not depend on what a root is taken of stays zero while that moves: `x * sqrt(y)` is flat in y at
(0, 0). And the root of a smooth function whose slope is zero has a kink there, or is flat: `sqrt(w * d**2)` at d = 0
has the slope that `norm` has, which is 0. Any other zero stands for a limit that nobody knows, and times infinity it is
NaN.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from gradc.autodiff.masked import Masked, is_finite, times
from gradc.ir.graph import Node, make
from gradc.ir.ops import ROWS, Op, bits
from gradc.ir.squares import is_sum_of_squares

STEEP = bits(row.name for row in ROWS if row.steep)


def _is_rough(row: Op) -> bool:
    """Whether an op is not differentiable twice wherever it is finite."""
    jumps = row.steep or row.homogeneous or bool(row.limit) or row.selects or "0" in row.partials
    return jumps or any("mask" in partial for partial in row.partials if partial)


ROUGH = bits(row.name for row in ROWS if _is_rough(row))


def pulled(node: Node, position: int, out_bar: Masked, local: Node) -> Masked:
    """The cotangent of a steep op, times its slope."""
    out_bar, arg = out_bar.whole, node.args[position]
    found = times(out_bar, local)
    upstream = out_bar.value
    if not _is_nonzero_number(upstream) and independent(upstream, arg):
        found = found._replace(value=make("absorb", upstream, local))
    if has_kink_where_flat(node):
        found = found._replace(steep=is_finite(upstream))
    return found


def pushed(node: Node, position: int, x_dot: Masked, local: Node) -> Masked | None:
    """The tangent of a product with a steep op below it, or of the op itself; None where nothing is to be known."""
    arg = node.args[position]
    if node.op == "absorb" and position == 1:
        first, second = node.args[0], x_dot.filled
    elif has_kink_where_flat(node):
        first, second = x_dot.filled, local
    elif node.op == "mul" and arg.ops & STEEP and local.op != "const" and independent(local, arg):
        first, second = local, x_dot.filled
    else:
        return None
    return Masked(make("absorb", first, second), x_dot.whole.mask, left_out=x_dot.left_out)


def _is_nonzero_number(node: Node) -> bool:
    return node.op == "const" and node.value != 0


def has_kink_where_flat(node: Node) -> bool:
    """Whether a node is the root of a value that has two derivatives wherever it is finite."""
    arg = node.args[0]
    if not node.row.root or arg.ops & ROUGH:
        return False
    return node.op != "sqrt" or not _is_offset(arg)


def _is_offset(node: Node) -> bool:
    """Whether a value is the sum or difference of a number and squares, and so has a slope where it is zero."""
    if node.row.sign not in ("+", "-") or len(node.args) != 2:
        return False
    return any(
        one.op == "const" and one.value != 0 and is_sum_of_squares(other, averaged=True)
        for one, other in (node.args, reversed(node.args))
    )


_inputs: WeakKeyDictionary[Node, frozenset[Node]] = WeakKeyDictionary()


def inputs_of(node: Node) -> frozenset[Node]:
    """The inputs that a value depends on."""
    if node not in _inputs:
        stack = [node]
        while stack:
            part = stack[-1]
            pending = [arg for arg in part.args if arg not in _inputs]
            if pending:
                stack += pending
                continue
            stack.pop()
            own = {part} if part.op == "input" else ()
            _inputs[part] = frozenset(own).union(*[_inputs[arg] for arg in part.args])
    return _inputs[node]


def independent(one: Node, other: Node) -> bool:
    """Whether no input moves both."""
    return inputs_of(one).isdisjoint(inputs_of(other))
