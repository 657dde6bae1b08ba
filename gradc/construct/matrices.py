"""Linear algebra: the functions of NumPy and SciPy, from the arguments of a call, and what texts of the op table say of
matrices beside them.

Vectors become matrices of one column here, stacks broadcast, and what is read of a triangle or a flag is settled, so
that an op takes matrices and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

from gradc.construct.calls import CallArguments
from gradc.construct.products import diagonal
from gradc.ir.graph import Node, constant, iota, make, squeeze
from gradc.ir.sizes import Size
from gradc.ir.types import Type
from gradc.language.diagnostics import Error


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


def _square(call: CallArguments, parameter: str) -> Node:
    x = _matrix(call, parameter)
    rows, columns = x.shape[-2:]
    if isinstance(rows, int) and isinstance(columns, int) and rows != columns:
        raise Error(
            "G0202", f"`{call.written}` takes a square matrix, not one of {rows} rows and {columns} columns",
            call.span(parameter), label=f"this is {x.type}",
        )  # fmt: skip
    if rows != columns:
        call.builder.same_size(rows, columns, call.span(parameter))
    return x


def of_square(call: CallArguments) -> Node:
    """A function of one square matrix, which is an op."""
    x = _square(call, call.parameters[0])
    return make(call.name + _positive(call), x)


POSITIVE = "pos", "positive definite"
"""What SciPy's `assume_a` calls matrices that have a factor of Cholesky."""


def _positive(call: CallArguments) -> str:
    """The end of the name of the op for matrices that are known to be positive definite."""
    assumed = call.given.get("assume_a")
    if assumed in (None, "gen", "general"):
        return ""
    if assumed in POSITIVE:
        return "_positive"
    raise Error(
        "G0204", f"`{call.written}` assumes nothing else of a matrix", call.span("assume_a"),
        help='write `assume_a="pos"` for one that is symmetric and positive definite, or leave it out',
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
    """`A x = b` for the factor of Cholesky of A; SciPy wants it with a flag, as in `cho_solve((L, True), b)`."""
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
    return make("where", _on_diagonal(x), value, x)


def _on_diagonal(x: Node) -> Node:
    rank = x.type.rank
    return make("eq", iota(x.shape, rank - 2), iota(x.shape, rank - 1))


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


def lu_diagonal(F: Node) -> Node:
    """The diagonal of a triangle."""
    rank = F.type.rank
    n = F.shape[-1]
    square = (
        F
        if F.shape[-2] == n
        else make("slice", F, attrs=((*((0, 1, size) for size in F.shape[:-2]), (0, 1, n), (0, 1, n)),))
    )
    return diagonal(square, rank - 2, rank - 1)


def lu_sign(F: Node) -> Node:
    """Whether the exchanges of rows are an even number, 1, or an odd one, -1."""
    rank, n = F.type.rank, F.shape[-1]
    pivots = squeeze(
        make("slice", F, attrs=((*((0, 1, size) for size in F.shape[:-2]), (n, 1, 1), (0, 1, n)),)), (rank - 2,)
    )
    own = make("add", iota(pivots.shape, rank - 2, F.type.dtype), constant(1.0, pivots.type))
    signs = make("where", make("eq", pivots, own), constant(1.0, pivots.type), constant(-1.0, pivots.type))
    return make("prod", signs, attrs=((rank - 2,),))


IN_TEXTS: dict[str, Callable[[Node], Node]] = {each.__name__: each for each in (symmetric, lu_diagonal, lu_sign)}
"""Functions that only texts of the op table call."""
