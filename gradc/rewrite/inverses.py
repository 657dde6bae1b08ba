"""Inverses and determinants that need not be computed: `inv(A) @ b` solves, and the logarithm of a determinant is a
sum of logarithms, which does not overflow."""

from __future__ import annotations

from collections.abc import Iterable

from gradc.ir.graph import Node, build, make, squeeze, topological
from gradc.ir.ops import OPS
from gradc.rewrite.engine import Applied
from gradc.rewrite.spectra import of_spectrum

CONCERNED = OPS["inv"].bit | OPS["inv_positive"].bit | OPS["det"].bit | OPS["eigenvectors"].bit
"""The ops without which there is nothing to do."""


def without_inverses(results: Iterable[Node]) -> tuple[list[Node], list[Applied]]:
    """The results with the rules applied, and where they were."""
    results = tuple(results)
    applied: list[Applied] = []
    new: dict[Node, Node] = {}
    for node in topological(results):
        args = tuple(new[arg] for arg in node.args)
        here = node if args == node.args else build(node.op, args, node.attrs)
        rule, found = _found(here)
        if rule:
            applied.append(Applied(rule, node, found))
        new[node] = found
    return [new[node] for node in results], applied


def _found(node: Node) -> tuple[str, Node]:
    if node.row.kind == "contraction":
        if node.ops & OPS["eigenvectors"].bit:
            whole = of_spectrum(node)
            if whole is not None:
                return "V @ diag(g) @ V.T -> a function of the matrix", whole
        for position, other in enumerate(node.args[::-1]):
            side = node.args[position]
            if side.row.inverts and side.type.rank == 2 and other.type.rank <= 2:
                found = _solved(node, position)
                if found is not None:
                    return found
    if node.op == "log" and node.args[0].op == "det":
        return "log(det(A)) -> logdet(A)", make("logdet", node.args[0].args[0])
    if node.op == "log" and node.args[0].op == "abs" and node.args[0].args[0].op == "det":
        return "log(abs(det(A))) -> slogdet(A)[1]", make("log_abs_det", node.args[0].args[0].args[0])
    return "", node


def _solved(node: Node, position: int) -> tuple[str, Node] | None:
    """A product with an inverse at a position; None where it is no product of matrices, or of a matrix and a vector."""
    own, its, labels = node.attrs[position], node.attrs[1 - position], node.attrs[2]
    other = node.args[1 - position]
    shared = [label for label in own if label in its]
    if len(shared) != 1 or shared[0] in labels or len(labels) != len(its):
        return None
    free = [label for label in its if label not in shared]
    if not free:
        other = make("reshape", other, attrs=((*other.shape, 1),))
    elif its.index(shared[0]) == 1:
        other = make("transpose", other, attrs=((1, 0),))
    A = node.args[position].args[0]
    is_last = own.index(shared[0]) == 1
    if node.args[position].op == "inv":
        found = make("solve" if is_last else "solve_transposed", A, other)
    else:
        found = make("solve_positive", A, other)
    if not free:
        found = squeeze(found, (1,))
    elif labels[0] == free[0]:
        found = make("transpose", found, attrs=((1, 0),))
    return "inv(A) @ b -> solve(A, b)" if is_last else "b @ inv(A) -> solve(A.T, b)", found
