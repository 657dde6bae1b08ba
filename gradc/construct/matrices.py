"""Linear algebra: the functions of NumPy and SciPy, from the arguments of a call, and what texts of the op table say of
matrices beside them.

Vectors become matrices of one column here, stacks broadcast, and what is read of a triangle or a flag is settled, so
that an op takes matrices and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradc.construct.calls import CallArguments
from gradc.construct.products import diagonal, matmul
from gradc.ir.graph import Node, broadcast, constant, iota, make, squeeze
from gradc.ir.sizes import Size, derive
from gradc.ir.types import Type
from gradc.language.diagnostics import Error
from gradc.language.spelling import closest


def transposed(x: Node) -> Node:
    """The matrices with rows and columns exchanged."""
    rank = x.type.rank
    if x.op == "transpose" and x.attrs[0] == (*range(rank - 2), rank - 1, rank - 2):
        return x.args[0]
    return make("transpose", x, attrs=((*range(rank - 2), rank - 1, rank - 2),))


def matrix_transpose(call: CallArguments) -> Node:
    return transposed(_matrix(call, "x"))


def _matrix(call: CallArguments, parameter: str) -> Node:
    """An argument that holds matrices of real numbers."""
    (x,) = call.builder.numbers((call.array(parameter),))
    if x.type.rank < 2:
        raise Error("G0202", f"`{call.written}` takes a matrix", call.span(parameter), label=f"this is {x.type}")
    return x


OF_ANY_SHAPE = "`lstsq`, `pinv` and `svd` take a matrix of any shape"


def _square(call: CallArguments, parameter: str) -> Node:
    x = _matrix(call, parameter)
    rows, columns = x.shape[-2:]
    if isinstance(rows, int) and isinstance(columns, int) and rows != columns:
        raise Error(
            "G0202", f"`{call.written}` takes a square matrix, not one of {rows} rows and {columns} columns",
            call.span(parameter), label=f"this is {x.type}", help=OF_ANY_SHAPE,
        )  # fmt: skip
    if rows != columns:
        call.builder.same_size(rows, columns, call.span(parameter), f"`{call.written}` takes a square matrix: ")
    return x


def of_square(call: CallArguments) -> Node:
    """A function of one square matrix, which is an op."""
    x = _square(call, call.parameters[0])
    return make(call.name + _positive(call), x)


POSITIVE = "pos", "positive definite"
"""What SciPy's `assume_a` calls matrices that have a Cholesky factor."""


def _positive(call: CallArguments) -> str:
    """The end of the name of the op for matrices that are known to be positive definite."""
    assumed = call.given.get("assume_a")
    if assumed in (None, "gen", "general"):
        return ""
    if assumed in POSITIVE:
        return "_positive"
    near = closest(assumed, POSITIVE) if isinstance(assumed, str) else None
    raise Error(
        "G0204", f"`{call.written}` assumes nothing else of a matrix", call.span("assume_a"),
        help=f'did you mean `assume_a="{near}"`?' if near else
        'write `assume_a="pos"` for one that is symmetric and positive definite, or leave it out',
    )  # fmt: skip


def inverse(call: CallArguments) -> Node:
    """The inverse of matrices; of a number 1 / x, as symbolic regression has it."""
    if call.array("a").type.rank < 2:
        return call.builder.elementwise("div", constant(1.0), call.array("a"))
    return of_square(call)


def solve(call: CallArguments) -> Node:
    """SciPy's `solve`, of which NumPy's is a part: A may be transposed, or positive definite."""
    op, A = "solve" + _positive(call), _square(call, "a")
    if call.flag("transposed") and op == "solve":
        op = "solve_transposed"
    return solved(call, op, A, call.array("b"))


def solve_triangular(call: CallArguments) -> Node:
    """SciPy's: of an upper triangle unless `lower`, with the transposed matrix for `trans`, and with ones on the
    diagonal for `unit_diagonal`."""
    A, b = _square(call, "a"), call.array("b")
    if call.flag("unit_diagonal"):
        A = _with_diagonal(A, constant(1.0, A.type))
    is_lower, is_transposed = call.flag("lower"), _trans(call)
    if not is_lower:
        A, is_transposed = transposed(A), not is_transposed
    return solved(call, "solve_lower_transposed" if is_transposed else "solve_lower", A, b)


def _trans(call: CallArguments) -> bool:
    value = call.given.get("trans")
    if isinstance(value, str) and value in "NTC" and value:
        return value != "N"
    if value is None:
        return False
    number = call.integer("trans")
    if number not in (0, 1, 2):
        raise Error(
            "G0204", "`trans` is 0, 1 or 2", call.span("trans"), help='write `trans=1` or `trans="T"` for the transpose'
        )
    return number != 0


def cho_solve(call: CallArguments) -> Node:
    """`A x = b` for the Cholesky factor of A; SciPy wants it with a flag, as in `cho_solve((L, True), b)`."""
    given, is_lower = call.given["c_and_lower"], True
    if isinstance(given, tuple):
        if len(given) != 2 or not isinstance(given[1], bool):
            raise Error(
                "G0202", "`cho_solve` takes a factor and whether it is the lower one", call.span("c_and_lower"),
                help="write `cho_solve((L, True), b)`",
            )  # fmt: skip
        given, is_lower = given
    inner = CallArguments(call.builder, call.name, ("c_and_lower", "b"), (given, call.given["b"]), {}, call.site)
    L = _square(inner, "c_and_lower")
    L = L if is_lower else transposed(L)
    half = solved(inner, "solve_lower", L, call.array("b"))
    return solved(inner, "solve_lower_transposed", L, half)


def solved(call: CallArguments, op: str, A: Node, b: Node) -> Node:
    """A system of equations; a right side with one axis is a vector, or with two, one of matrices in a stack."""
    builder = call.builder
    A, b = builder.numbers((A, b))
    if b.type.rank == 0:
        raise Error("G0202", f"`{call.written}` takes a vector or a matrix", call.span("b"), label=f"this is {b.type}")
    is_vector = b.type.rank == 1
    if is_vector:
        b = make("reshape", b, attrs=((*b.shape, 1),))
    if A.shape[-1] != b.shape[-2]:
        one, other = A.shape[-1], b.shape[-2]
        if isinstance(one, int) and isinstance(other, int):
            raise Error(
                "G0201", f"a matrix of {one} rows and a right side of {other} do not fit", call.site.span,
                label=f"the matrix is {A.type}, the right side {call.array('b').type}",
            )  # fmt: skip
        builder.same_size(one, other, call.site.span)
    A, b = stacked(call, A, b)
    found = make(op, A, b)
    return squeeze(found, (found.type.rank - 1,)) if is_vector else found


def stacked(call: CallArguments, *matrices: Node) -> tuple[Node, ...]:
    """The matrices with their stacks broadcast to one shape."""
    stack: tuple = ()
    for x in matrices:
        inner = Type(x.type.dtype, x.shape[:-2])
        stack = call.builder.common_shape(
            (constant(0.0, Type(x.type.dtype, stack)), constant(0.0, inner)), call.site.span
        )
    return tuple(
        x if x.shape[:-2] == stack else call.builder.broadcast_to(x, (*stack, *x.shape[-2:])) for x in matrices
    )


def _with_diagonal(x: Node, value: Node) -> Node:
    return make("where", on_diagonal(x), value, x)


def on_diagonal(x: Node) -> Node:
    """Whether an element of matrices is on the diagonal."""
    rank = x.type.rank
    return make("eq", iota(x.shape, rank - 2), iota(x.shape, rank - 1))


# ---------------------------------------------------------------- parts of factors


def slogdet(call: CallArguments) -> Any:
    """The sign of the determinant, and the logarithm of its size."""
    A = _square(call, "a")
    return make("det_sign", A), make("log_abs_det", A)


def eigh(call: CallArguments) -> Any:
    """Eigenvalues in ascending order and eigenvectors in columns, of the symmetric matrix with this lower triangle."""
    A = _square(call, "a")
    return make("eigvalsh", A), make("eigenvectors", A)


def svd(call: CallArguments) -> Any:
    """The factors U, S and Vh without the vectors that belong to no singular value."""
    if "full_matrices" in call.given and call.flag("full_matrices"):
        raise Error(
            "G0204", "`svd` has no full matrices", call.span("full_matrices"), help="write `full_matrices=False`"
        )
    A = _matrix(call, "a")
    return make("svd_u", A), make("svd_values", A), transposed(make("svd_v", A))


def svdvals(call: CallArguments) -> Node:
    return make("svd_values", _matrix(call, "a"))


def qr(call: CallArguments) -> Any:
    """The factors Q and R, of which the shorter side of the matrix is the common one."""
    A = _matrix(call, "a")
    return make("qr_q", A), make("qr_r", A)


def pinv(call: CallArguments) -> Node:
    """The pseudoinverse; singular values below 1e-15 of the largest count as zero."""
    return make("pinv", _matrix(call, "a"))


def lstsq(call: CallArguments) -> Node:
    """The shortest of the x with the least sum of squares of `A @ x - b`: NumPy's first result."""
    A, b = _matrix(call, "a"), call.array("b")
    return matmul(call.builder, make("pinv", A), b, call.site.span)


MAX_POWER = 1_000


def matrix_power(call: CallArguments) -> Node:
    """A whole power by repeated squares; a negative one of the inverse."""
    A, n = _square(call, "a"), call.integer("n")
    if abs(n) > MAX_POWER:
        raise Error("G0502", f"the power is at most {MAX_POWER:,}", call.span("n"))
    if n == 0:
        return _with_diagonal(constant(0.0, A.type), constant(1.0, A.type))
    base = make("inv", A) if n < 0 else A
    found = None
    for bit in range(abs(n).bit_length()):
        if bit:
            base = matmul(call.builder, base, base, call.site.span)
        if abs(n) >> bit & 1:
            found = base if found is None else matmul(call.builder, found, base, call.site.span)
    assert found is not None
    return found


MAX_SQUARINGS = 16
"""Of the exponential: enough for matrices with a 1-norm up to 350,000."""
PADE_NORM = 5.371920351148152
PADE = (
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0,
    10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0,
)  # fmt: skip
"""The 1-norm up to which the approximant of degree 13 has all digits, and the numbers in it."""


def expm(call: CallArguments) -> Node:
    """The exponential of matrices by squares of a Pade approximant: Higham, "The scaling and squaring method for the
    matrix exponential revisited" (2005), method 2.3 with degree 13 for all norms. NaN for a matrix that would need more
    squares."""
    A = _square(call, "A")
    rank = A.type.rank

    def number(value: float, like: Node = A) -> Node:
        return constant(value, like.type)

    def product(x: Node, y: Node) -> Node:
        return matmul(call.builder, x, y, call.site.span)

    columns = make("sum", make("abs", A), attrs=((rank - 2,),))
    norm = (
        make("max", columns, attrs=((rank - 2,),)) if A.shape[-1] != 0 else make("sum", columns, attrs=((rank - 2,),))
    )
    relative = make("maximum", make("div", norm, number(PADE_NORM, norm)), number(1.0, norm))
    squares = make("ceil", make("log2", relative))
    scale = make("exp2", make("neg", squares))
    X = make("mul", A, broadcast(scale, A.shape, tuple(range(rank - 2))))
    one = _with_diagonal(number(0.0), number(1.0))
    X2 = product(X, X)
    X4 = product(X2, X2)
    X6 = product(X4, X2)

    def mixed(a: int, b: int, c: int) -> Node:
        """The sixth, fourth and second power with their numbers."""
        terms = [make("mul", number(PADE[k]), power) for k, power in ((a, X6), (b, X4), (c, X2))]
        return make("add", make("add", terms[0], terms[1]), terms[2])

    def with_one(x: Node, k: int) -> Node:
        return make("add", x, make("mul", number(PADE[k]), one))

    odd = product(X, with_one(make("add", product(X6, mixed(13, 11, 9)), mixed(7, 5, 3)), 1))
    even = with_one(make("add", product(X6, mixed(12, 10, 8)), mixed(6, 4, 2)), 0)
    found = make("solve", make("sub", even, odd), make("add", even, odd))
    for k in range(MAX_SQUARINGS):
        again = make("lt", number(float(k), squares), squares)
        found = make("where", broadcast(again, A.shape, tuple(range(rank - 2))), product(found, found), found)
    is_known = make("le", squares, number(float(MAX_SQUARINGS), squares))
    return make("where", broadcast(is_known, A.shape, tuple(range(rank - 2))), found, number(float("nan")))


def norm_of_matrices(call: CallArguments, order: str | int) -> Node:
    """Frobenius' norm, the sum of the singular values, or the largest one."""
    A = _matrix(call, "x")
    if order == "fro":
        return make("norm", A, attrs=((A.type.rank - 2, A.type.rank - 1),))
    values = make("svd_values", A)
    return make("sum" if order == "nuc" else "max", values, attrs=((values.type.rank - 1,),))


# ---------------------------------------------------------------- what only texts of the op table say


def symmetric(x: Node) -> Node:
    """The symmetric matrix of which x has the lower triangle."""
    rank = x.type.rank
    lower = make("ge", iota(x.shape, rank - 2), iota(x.shape, rank - 1))
    return make("where", lower, x, transposed(x))


def rows(x: Node, first: Size, count: Size) -> Node:
    """Some rows of matrices."""
    *stack, _, columns = x.shape
    return make("slice", x, attrs=((*((0, 1, size) for size in stack), (first, 1, count), (0, 1, columns)),))


def first_columns(x: Node, R: Node) -> Node:
    """As many columns of matrices as R has rows."""
    *others, columns = x.shape
    count = R.shape[-2]
    if columns == count:
        return x
    return make("slice", x, attrs=((*((0, 1, size) for size in others), (0, 1, count)),))


def lu_diagonal(F: Node) -> Node:
    """The diagonal of a triangle."""
    rank = F.type.rank
    n = F.shape[-1]
    return diagonal(F if F.shape[-2] == n else rows(F, 0, n), rank - 2, rank - 1)


def lu_sign(F: Node) -> Node:
    """Whether the exchanges of rows are an even number, 1, or an odd one, -1."""
    rank, pivots = F.type.rank, last_row(F)
    own = make("add", iota(pivots.shape, rank - 2, F.type.dtype), constant(1.0, pivots.type))
    signs = make("where", make("eq", pivots, own), constant(1.0, pivots.type), constant(-1.0, pivots.type))
    return make("prod", signs, attrs=((rank - 2,),))


def lu_perturbed(F: Node) -> Node:
    """The factor of a nearby matrix that has an inverse: Stewart, "On the adjugate matrix" (1998)."""
    rank, n = F.type.rank, F.shape[-1]
    d = lu_diagonal(F)
    size = make("abs", d)
    largest = make("max", size, attrs=((rank - 2,),)) if n != 0 else None
    if largest is None:
        return F
    epsilon, tiny = (2.0**-52, 1e-300) if F.type.dtype == "f64" else (2.0**-23, 1e-37)
    least = make("maximum", make("mul", largest, constant(epsilon, largest.type)), constant(tiny, largest.type))
    least = broadcast(least, d.shape, tuple(range(rank - 2)))
    signed = make("where", make("lt", d, constant(0.0, d.type)), make("neg", least), least)
    moved = make("where", make("lt", size, least), signed, d)
    along = broadcast(moved, F.shape, (*range(rank - 2), rank - 1))
    return _with_diagonal(F, along)


def last_row(F: Node) -> Node:
    return squeeze(rows(F, F.shape[-1], 1), (F.type.rank - 2,))


def other_rows(F: Node) -> Node:
    return rows(F, 0, F.shape[-1])


def gaps(w: Node) -> Node:
    """1 / (w[j] - w[i]); NaN where they cannot be told apart, and 0 on the diagonal."""
    left, right = beside(w)
    zero, one, none = (constant(number, left.type) for number in (0.0, 1.0, float("nan")))
    difference = make("sub", right, left)
    near = make("le", make("abs", difference), times_largest(w, left.type))
    found = make("div", one, make("where", near, none, difference))
    return make("where", on_diagonal(left), zero, found)


def beside(w: Node) -> tuple[Node, Node]:
    """Vectors as matrices with w[i], and with w[j], in row i and column j."""
    rank, shape = w.type.rank, (*w.shape, w.shape[-1])
    return broadcast(w, shape, tuple(range(rank))), broadcast(w, shape, (*range(rank - 1), rank))


def times_largest(w: Node, type: Type) -> Node:
    """How far computed eigenvalues may be apart that are equal, for each matrix: rounding of the largest one."""
    if w.shape[-1] == 0:
        return constant(0.0, type)
    rank = w.type.rank
    largest = make("max", make("abs", w), attrs=((rank - 1,),))
    rounding = constant(64 * (2.0**-52 if w.type.dtype == "f64" else 2.0**-23), largest.type)
    return broadcast(make("mul", largest, rounding), type.shape, tuple(range(rank - 1)))


def svd_part_u(A: Node, F: Node) -> Node:
    return rows(F, 0, A.shape[-2])


def svd_part_s(A: Node, F: Node) -> Node:
    return squeeze(rows(F, A.shape[-2], 1), (F.type.rank - 2,))


def svd_part_v(A: Node, F: Node) -> Node:
    return rows(F, derive("+", A.shape[-2], 1), A.shape[-1])


def qr_part_q(A: Node, F: Node) -> Node:
    return rows(F, 0, A.shape[-2])


def qr_part_r(A: Node, F: Node) -> Node:
    return transposed(rows(F, A.shape[-2], A.shape[-1]))


def cofactor_slope(s: Node, B: Node) -> Node:
    """Of the diagonal matrix of s: what a change B makes of its cofactors, which are products of all but two of s."""
    rank, n = B.type.rank, s.shape[-1]
    shape = (*B.shape, n)
    each = broadcast(s, shape, (*range(rank - 2), rank))
    here = iota(shape, rank)
    left_out = make("or", make("eq", here, iota(shape, rank - 2)), make("eq", here, iota(shape, rank - 1)))
    products = make("prod", make("where", left_out, constant(1.0, each.type), each), attrs=((rank,),))
    others = make("where", on_diagonal(B), constant(0.0, B.type), products)
    diagonal_of = broadcast(diagonal(B, rank - 2, rank - 1), B.shape, (*range(rank - 2), rank - 1))
    sums = make("sum", make("mul", others, diagonal_of), attrs=((rank - 1,),))
    spread = broadcast(sums, B.shape, tuple(range(rank - 1)))
    return make("where", on_diagonal(B), spread, make("neg", make("mul", others, transposed(B))))


IN_TEXTS: dict[str, Callable[..., Node]] = {
    each.__name__: each
    for each in (
        symmetric, lu_diagonal, lu_sign, lu_perturbed, last_row, other_rows, gaps, svd_part_u, svd_part_s, svd_part_v,
        qr_part_q, qr_part_r, first_columns, cofactor_slope,
    )
}  # fmt: skip
"""Functions that only texts of the op table call."""
