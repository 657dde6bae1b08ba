"""Divided differences of functions of eigenvalues: Daleckii and Krein's derivative of a function of a matrix."""

from __future__ import annotations

from gradc.autodiff.partials import partial
from gradc.construct.matrices import beside, on_diagonal, times_largest
from gradc.ir.graph import Node, broadcast, constant, make, squeeze, topological

CLOSE = {"f64": 1e-7, "f32": 1e-3}
"""Relative distance of two eigenvalues below which the mean of two slopes is more accurate than a difference."""


def slopes(A: Node, g: Node) -> Node:
    """(g[j] - g[i]) / (w[j] - w[i]) for a matrix g of one row and the eigenvalues w of A; where they are equal, the
    slope of g as a function of each, and NaN where g is no such function. 0 on the diagonal: that g changes is known
    elsewhere."""
    w = make("eigvalsh", A)
    slope, is_uniform = _slope(g, w)
    left, right = beside(w)
    (g_left, g_right), (s_left, s_right) = (beside(squeeze(x, (x.type.rank - 2,))) for x in (g, slope))
    half, zero, one = (constant(number, left.type) for number in (0.5, 0.0, 1.0))
    difference, rise = make("sub", right, left), make("sub", g_right, g_left)
    near = make("le", make("abs", difference), times_largest(w, left.type))
    mean = make("mul", half, make("add", s_left, s_right))
    if is_uniform:
        size = make("maximum", make("abs", left), make("abs", right))
        close = make("mul", constant(CLOSE[w.type.dtype], left.type), size)
        near = make("or", near, make("le", make("abs", difference), close))
    else:
        same = make("and", make("eq", g_left, g_right), make("eq", s_left, s_right))
        mean = make("where", same, mean, constant(float("nan"), left.type))
    quotient = make("div", rise, make("where", near, one, difference))
    return make("where", on_diagonal(left), zero, make("where", near, mean, quotient))


def _slope(g: Node, w: Node) -> tuple[Node, bool]:
    """The derivative of each element of g by that of w, as far as g is elementwise, and whether it is the same function
    of all of them."""
    dots: dict[Node, Node] = {w: constant(1.0, w.type)}
    uniform: dict[Node, bool] = {w: True}
    for node in topological((g,)):
        if node in uniform:
            continue
        if node.op == "broadcast" and node.args[0] in dots and _is_row(node):
            uniform[node] = uniform[node.args[0]]
            dots[node] = broadcast(dots[node.args[0]], node.shape, node.attrs[1])
        elif node.op == "broadcast":
            uniform[node] = node.type.rank - 1 not in node.attrs[1]
        elif node.row.kind != "elementwise":
            uniform[node] = node.op == "const"
        else:
            uniform[node] = all(uniform[arg] for arg in node.args)
            terms = []
            for position, arg in enumerate(node.args):
                local = partial(node, position) if arg in dots and node.type.is_float else None
                if local is not None:
                    spread = local if local.type.rank else broadcast(local, node.shape, ())
                    terms.append(make("mul", dots[arg], spread))
            for term in terms:
                dots[node] = make("add", dots[node], term) if node in dots else term
    return dots.get(g, constant(0.0, g.type)), uniform[g]


def _is_row(node: Node) -> bool:
    """Whether vectors become matrices of one row."""
    rank = node.type.rank
    return node.attrs[1] == (*range(rank - 2), rank - 1) and node.shape[-2] == 1
