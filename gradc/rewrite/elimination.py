"""Systems of a few equations, element by element: each step is a node for all matrices of a stack.

Rows are exchanged by comparisons, so that the lanes of a vector may choose each its own pivot. It is the largest of its
column, as in LAPACK, with the same bounds of errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from math import nan

from gradc.ir.graph import Node, constant, make

Rows = list[list[Node]]
"""A matrix of values of one type."""


def transposed(rows: Rows) -> Rows:
    return [list(column) for column in zip(*rows)]


def eliminated(a: Rows, b: Rows) -> tuple[Rows, Rows, Node]:
    """The upper triangle that a becomes, what b becomes with it, and the sign of the exchanges of rows."""
    rows = [[*left, *right] for left, right in zip(a, b)]
    n = len(rows)
    sign = constant(1.0, rows[0][0].type)
    for k in range(n):
        top = rows[k]
        for i in range(k + 1, n):
            is_larger = make("gt", make("abs", rows[i][k]), make("abs", top[k]))
            top[k:], rows[i][k:] = (
                [make("where", is_larger, x, y) for x, y in zip(rows[i][k:], top[k:])],
                [make("where", is_larger, y, x) for x, y in zip(rows[i][k:], top[k:])],
            )
            sign = make("where", is_larger, make("neg", sign), sign)
        for row in rows[k + 1 :]:
            factor = make("div", row[k], top[k])
            row[k + 1 :] = [make("sub", x, make("mul", factor, y)) for x, y in zip(row[k + 1 :], top[k + 1 :])]
    return [row[:n] for row in rows], [row[n:] for row in rows], sign


def solve(a: Rows, b: Rows) -> Rows:
    """x with a @ x = b."""
    upper, b, _ = eliminated(a, b)
    return solve_upper(upper, b)


def solve_upper(a: Rows, b: Rows) -> Rows:
    """The same where a has an upper triangle and nothing else is read."""
    n = len(a)
    found: Rows = [[] for _ in a]
    for k in reversed(range(n)):
        found[k] = [make("div", _less(value, a[k], found, range(k + 1, n), c), a[k][k]) for c, value in enumerate(b[k])]
    return found


def solve_lower(a: Rows, b: Rows) -> Rows:
    """The same where a has a lower triangle."""
    found: Rows = []
    for k, row in enumerate(b):
        found.append([make("div", _less(value, a[k], found, range(k), c), a[k][k]) for c, value in enumerate(row)])
    return found


def _less(value: Node, factors: list[Node], found: Rows, places: range, column: int) -> Node:
    """A value without the products of a row with what is found of a column."""
    for j in places:
        value = make("sub", value, make("mul", factors[j], found[j][column]))
    return value


def solve_transposed(a: Rows, b: Rows) -> Rows:
    return solve(transposed(a), b)


def solve_lower_transposed(a: Rows, b: Rows) -> Rows:
    return solve_upper(transposed(a), b)


def inv(a: Rows) -> Rows:
    return solve(a, unit(a))


def unit(a: Rows) -> Rows:
    """The identity matrix."""
    return [[constant(float(i == j), x.type) for j, x in enumerate(row)] for i, row in enumerate(a)]


def cholesky(a: Rows) -> Rows:
    """The lower triangle L with L @ L.T = a, of which the lower triangle is read; elsewhere zeros."""
    zero = constant(0.0, a[0][0].type)
    lower = [[zero] * len(a) for _ in a]
    for j in range(len(a)):
        for i in range(j, len(a)):
            value = a[i][j]
            for k in range(j):
                value = make("sub", value, make("mul", lower[i][k], lower[j][k]))
            lower[i][j] = make("sqrt", value) if i == j else make("div", value, lower[j][j])
    return lower


def solve_positive(a: Rows, b: Rows) -> Rows:
    lower = cholesky(a)
    return solve_upper(transposed(lower), solve_lower(lower, b))


def inv_positive(a: Rows) -> Rows:
    return solve_positive(a, unit(a))


def _product(values: Iterable[Node], op: str = "mul") -> Node:
    return reduce(lambda x, y: make(op, x, y), values)


def _diagonal(a: Rows) -> list[Node]:
    return [row[k] for k, row in enumerate(a)]


def det(a: Rows) -> Node:
    """The product of the pivots, with the sign of the exchanges."""
    upper, _, sign = eliminated(a, [[] for _ in a])
    return make("mul", sign, _product(_diagonal(upper)))


def det_sign(a: Rows) -> Node:
    upper, _, sign = eliminated(a, [[] for _ in a])
    return make("mul", sign, _product(make("sign", pivot) for pivot in _diagonal(upper)))


def log_abs_det(a: Rows) -> Node:
    upper, _, _ = eliminated(a, [[] for _ in a])
    return _product((make("log", make("abs", pivot)) for pivot in _diagonal(upper)), "add")


def logdet(a: Rows) -> Node:
    """The logarithm of a determinant that is positive; NaN of another."""
    is_negative = make("lt", det_sign(a), constant(0.0, a[0][0].type))
    return make("where", is_negative, constant(nan, a[0][0].type), log_abs_det(a))


def logdet_positive(a: Rows) -> Node:
    total = _product((make("log", x) for x in _diagonal(cholesky(a))), "add")
    return make("mul", constant(2.0, total.type), total)


EXPANDED = 4
"""The largest matrices whose cofactors are written out, as sums of products."""


def cofactor(a: Rows) -> Rows:
    """The slopes of the determinant, which a singular matrix has too: determinants without a row and a column."""
    return [[_signed(i + j, _minor(a, i, j)) for j in range(len(a))] for i in range(len(a))]


def _minor(a: Rows, i: int, j: int) -> Node:
    return _expanded([[x for m, x in enumerate(row) if m != j] for k, row in enumerate(a) if k != i], a[0][0])


def _expanded(a: Rows, like: Node) -> Node:
    """A determinant along its first row; of at most three rows."""
    if not a:
        return constant(1.0, like.type)
    terms = [make("mul", x, _signed(j, _minor(a, 0, j))) for j, x in enumerate(a[0])] if len(a) > 1 else a[0]
    return _product(terms, "add")


def _signed(place: int, value: Node) -> Node:
    return make("neg", value) if place % 2 else value


OPS: dict[str, Callable[..., Rows | Node]] = {
    op.__name__: op
    for op in (
        solve, solve_transposed, solve_positive, solve_lower, solve_lower_transposed, inv, inv_positive, det, det_sign,
        log_abs_det, logdet, logdet_positive, cholesky, cofactor,
    )
}  # fmt: skip
"""What each op on matrices is for small ones."""
ANSWERED = frozenset(op.__name__ for op in (det, det_sign, log_abs_det, logdet, cofactor))
"""The ops that have an answer for every matrix: what others do with one that has none is an error."""
