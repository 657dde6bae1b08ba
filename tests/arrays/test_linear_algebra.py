"""Linear algebra: values against NumPy and SciPy, gradients against the other mode, differences and mpmath, to second
order, in every engine; stacks, empty matrices, float32, and what has no answer."""

import mpmath
import numpy as np
import pytest
import scipy.linalg

import gradc
from gradc.check.reals import REALS
from gradc.ir.reader import read_graph
from gradc.loops.evaluate import run as run_loops
from gradc.loops.reader import read_kernel
from gradc.loops.text import print_kernel
from gradc.loops.verify import verify_kernel

DRAW = np.random.default_rng(7)
A, B, b = DRAW.normal(size=(4, 4)), DRAW.normal(size=(4, 3)), DRAW.normal(size=4)
K = A @ A.T + 2 * np.eye(4)
S, T = DRAW.normal(size=(2, 3, 3)), DRAW.normal(size=(2, 1, 3, 3))
P = T @ np.swapaxes(T, -1, -2) + np.eye(3)
c, D = DRAW.normal(size=3), DRAW.normal(size=(2, 2, 3, 2))
VALUES = {"A": A, "B": B, "b": b, "K": K, "S": S, "T": T, "P": P, "c": c, "D": D}
TRIANGULAR = scipy.linalg.solve_triangular


PROGRAMS = {
    "solve(A, b)": np.linalg.solve,
    "solve(A, B)": np.linalg.solve,
    "solve(A.T, b)": lambda A, b: np.linalg.solve(A.T, b),
    "solve(A, b, transposed=True)": lambda A, b: np.linalg.solve(A.T, b),
    'solve(K, b, assume_a="pos")': np.linalg.solve,
    "solve(S, c)": lambda S, c: np.linalg.solve(S, np.broadcast_to(c[:, None], (2, 3, 1)))[..., 0],
    "solve(T, D)": np.linalg.solve,
    "inv(A)": np.linalg.inv,
    "inv(S)": np.linalg.inv,
    'inv(K, assume_a="pos")': np.linalg.inv,
    "logdet(K)": lambda K: np.linalg.slogdet(K)[1],
    "logdet(P)": lambda P: np.linalg.slogdet(P)[1],
    'logdet(P, assume_a="pos")': lambda P: np.linalg.slogdet(P)[1],
    "cholesky(K)": np.linalg.cholesky,
    "cholesky(P)": np.linalg.cholesky,
    "solve_triangular(A, b)": TRIANGULAR,
    "solve_triangular(A, B, lower=True)": lambda A, B: TRIANGULAR(A, B, lower=True),
    'solve_triangular(A, B, trans="T")': lambda A, B: TRIANGULAR(A, B, trans="T"),
    "solve_triangular(A, b, trans=1, lower=True)": lambda A, b: TRIANGULAR(A, b, trans=1, lower=True),
    "solve_triangular(A, b, unit_diagonal=True)": lambda A, b: TRIANGULAR(A, b, unit_diagonal=True),
    "cho_solve((A, True), b)": lambda A, b: scipy.linalg.cho_solve((A, True), b),
    "cho_solve((A, False), B)": lambda A, B: scipy.linalg.cho_solve((A, False), B),
    "det(A)": np.linalg.det,
    "det(S)": np.linalg.det,
    "(s, l) = slogdet(A); s * l": lambda A: np.prod(np.linalg.slogdet(A)),
    "eigvalsh(K)": np.linalg.eigvalsh,
    "(w, V) = eigh(K); V @ (w[:, None]**2 * V.T)": lambda K: K @ K,
    "svdvals(B)": lambda B: np.linalg.svd(B)[1],
    "(U, s, V) = svd(B); (U * s) @ V + U @ V": lambda B: B + scipy.linalg.polar(B)[0],
    "(Q, R) = qr(B); Q @ R + B @ R + Q": lambda B: B + B @ np.linalg.qr(B)[1] + np.linalg.qr(B)[0],
    "(Q, R) = qr(B.T); Q @ R**2": lambda B: np.linalg.qr(B.T)[0] @ np.linalg.qr(B.T)[1] ** 2,
    "pinv(B)": np.linalg.pinv,
    "pinv(D)": np.linalg.pinv,
    "lstsq(B, b)": lambda B, b: np.linalg.lstsq(B, b)[0],
    "expm(A)": scipy.linalg.expm,
    "expm(S)": scipy.linalg.expm,
    "matrix_power(A, 3)": lambda A: np.linalg.matrix_power(A, 3),
    "matrix_power(K, -2)": lambda K: np.linalg.matrix_power(K, -2),
    'norm(B, "fro")': lambda B: np.linalg.norm(B, "fro"),
    'norm(B, "nuc")': lambda B: np.linalg.norm(B, "nuc"),
    "norm(B, 2)": lambda B: np.linalg.norm(B, 2),
    "norm(D, ord=2)": lambda D: np.linalg.norm(D, 2, axis=(-2, -1)),
    "b @ inv(A) @ b": lambda b, A: b @ np.linalg.inv(A) @ b,
    "B.T @ inv(A)": lambda B, A: B.T @ np.linalg.inv(A),
    "log(det(K))": lambda K: np.linalg.slogdet(K)[1],
    "matrix_transpose(S)": lambda S: np.swapaxes(S, -1, -2),
    "L = cholesky(K); sum(log(diag(L))) + b @ cho_solve((L, True), b)": lambda K, b: (
        np.linalg.slogdet(K)[1] / 2 + b @ np.linalg.solve(K, b)
    ),
}
SLOW = ["solve(T, D)", "L = cholesky(K); logdet(K) + b @ cho_solve((L, True), b)"]
"""What the slow engines run; Numba the last one."""


def compiled(text, engine="interpreter", dtype="f64"):
    """The program with declared shapes, and its arguments."""
    values = {name: VALUES[name] for name in gradc.compile(text).inputs}
    shapes = "; ".join(f"{name}: {dtype}[{', '.join(map(str, value.shape))}]" for name, value in values.items())
    return gradc.compile(f"{shapes}; {text}", engine=engine), values


@pytest.mark.parametrize("text", PROGRAMS)
def test_value_and_derivatives(text):
    """The gradient against differences, and its own derivative against differences of it."""
    f, values = compiled(text)
    np.testing.assert_allclose(f(**values), PROGRAMS[text](*values.values()), rtol=1e-10, atol=1e-12)
    step = 1e-6
    along = {name: np.random.default_rng(1).normal(size=value.shape) for name, value in values.items()}
    ahead, behind = ({name: values[name] + sign * step * along[name] for name in values} for sign in (1, -1))
    slope = np.sum(f(**ahead) - f(**behind)) / (2 * step)
    grads = f.grad(**values)._asdict()
    assert sum(np.sum(grads[name] * along[name]) for name in values) == pytest.approx(slope, rel=2e-6, abs=1e-7)
    assert np.sum(f.jvp(along, **values)) == pytest.approx(slope, rel=2e-6, abs=1e-7)
    for got, one, other in zip(f.hvp(along, **values), f.grad(**ahead), f.grad(**behind)):
        quotient = (one - other) / (2 * step)
        np.testing.assert_allclose(got, quotient, rtol=1e-5, atol=1e-5 * (1 + np.abs(quotient).max()))


@pytest.mark.parametrize("engine, text", [("native", text) for text in PROGRAMS] + [("numba", SLOW[1])])
def test_engines(engine, text):
    f, values = compiled(text)
    value, grads = compiled(text, engine)[0].value_and_grad(**values)
    np.testing.assert_allclose(value, f(**values), rtol=1e-12, atol=1e-13)
    for got, wanted in zip(grads, f.grad(**values)):
        np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-12 * (1 + np.abs(wanted).max()))


@pytest.mark.parametrize("text", SLOW)
def test_loops_are_read_back_and_mean_the_same(text):
    f, values = compiled(text)
    kernel = read_kernel(print_kernel(f.stages.loops))
    verify_kernel(kernel)
    value, *grads = run_loops(kernel, list(values.values()))
    np.testing.assert_allclose(value, f(**values), rtol=1e-12)
    for got, wanted in zip(grads, f.grad(**values)):
        np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-12 * (1 + np.abs(wanted).max()))


@pytest.mark.parametrize(
    "text", ["solve(A, b)", "inv(A)", "logdet(K)", "cholesky(K)", "solve_triangular(A, b)", "det(A)"]
)
def test_badly_conditioned_matrices_against_mpmath(text):
    """Errors as the condition of the matrix makes them, 1e8 here, and no larger."""
    f, values = compiled(text)
    name = next(iter(values))
    u, _, v = np.linalg.svd(values[name])
    values[name] = u @ np.diag(np.logspace(0, -8, 4)) @ (u.T if name == "K" else v)
    if text.startswith("solve_t"):
        values[name] = np.triu(A) * np.logspace(0, -8, 4)
    graph = read_graph(str(f.stages["graph"]))
    (wanted,) = REALS.run(graph.results, {node: REALS.exact(values[node.name]) for node in graph.inputs}, {})
    wanted = np.asarray(wanted, float)
    np.testing.assert_allclose(f(**values), wanted, rtol=1e-6, atol=1e-7 * np.abs(wanted).max())


@pytest.mark.parametrize("text", ["solve(A, b)", "logdet(P)", "cholesky(K)"])
def test_float32(text):
    f, values = compiled(text, "native", "f32")
    small = {name: value.astype(np.float32) for name, value in values.items()}
    value, grads = f.value_and_grad(**small)
    assert np.asarray(value).dtype == np.float32 and all(grad.dtype == np.float32 for grad in grads)
    np.testing.assert_allclose(value, compiled(text)[0](**values), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("engine", ["interpreter", "native"])
def test_empty_and_single(engine):
    solve = gradc.compile("solve(A, b)", engine=engine)
    assert solve(np.zeros((0, 0)), np.zeros(0)).shape == (0,)
    assert solve([[4.0]], [2.0]) == [0.5]
    logdet = gradc.compile("K: f64[p, n, n]; logdet(K)", engine=engine)
    assert logdet(np.zeros((2, 0, 0))).tolist() == [0.0, 0.0]
    assert logdet.grad(np.zeros((0, 3, 3))).K.shape == (0, 3, 3)


@pytest.mark.parametrize("engine", ["interpreter", "native"])
def test_matrices_without_an_answer_are_named(engine):
    singular, definite = np.array([[1.0, 2.0], [2.0, 4.0]]), np.eye(2)
    with pytest.raises(gradc.Error, match="the matrix `A` is singular"):
        gradc.compile("solve(A, b)", engine=engine)(singular, np.ones(2))
    with pytest.raises(gradc.Error, match="matrix 1 of the stack `K` is not positive definite"):
        gradc.compile("K: f64[p, n, n]; cholesky(K)", engine=engine)([definite, -definite])
    assert gradc.compile("logdet(A)", engine=engine)(singular) == -np.inf
    assert np.isnan(gradc.compile("logdet(A)", engine=engine)([[0.0, 1.0], [1.0, 0.0]]))


def test_a_computed_matrix_has_its_text():
    f = gradc.compile("A: f64[n, n]; cholesky(A @ A.T - 2 * A)")
    with pytest.raises(gradc.Error, match=r"the matrix `A @ A.T - 2 \* A` is not positive definite"):
        f(np.eye(3))


@pytest.mark.parametrize(
    "text, message",
    [
        ("A: f64[3, 4]; inv(A)", "`inv` takes a square matrix, not one of 3 rows and 4 columns"),
        ("A: f64[3, 3]; b: f64[4]; solve(A, b)", "a matrix of 3 rows and a right side of 4 do not fit"),
        ('A: f64[3, 3]; inv(A, assume_a="sym")', "`inv` assumes nothing else of a matrix"),
        ("x: f64[3]; logdet(x)", "`logdet` takes a matrix"),
        ("A: f64[3, 3]; solve(A, 2)", "`solve` takes a vector or a matrix"),
        ("A: f64[3, 3]; b: f64[3]; solve_triangular(A, b, trans=7)", "`trans` is 0, 1 or 2"),
        ("A: f64[3, 3]; b: f64[3]; cho_solve((A, b), b)", "`cho_solve` takes a factor"),
    ],
)
def test_arguments_that_do_not_fit(text, message):
    with pytest.raises(gradc.Error, match=message):
        str(gradc.compile(text).stages["graph"])


def test_one_factor_serves_value_and_gradient():
    text = str(gradc.compile("A: f64[n, n]; b: f64[n]; solve(A, b) @ b + logdet(A)").stages["lowered"])
    assert text.count("lu(A)") == 1


def test_the_determinant_of_a_singular_matrix_has_derivatives():
    f = gradc.compile("det(A)")
    A = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]])
    cofactors = [[4.0, 4.0, -4.0], [-2.0, -2.0, 2.0], [0.0, 0.0, 0.0]]
    np.testing.assert_allclose(f.grad(A).A, cofactors, atol=1e-13)
    direction, step = np.arange(9.0).reshape(3, 3) ** 2, 1e-6
    quotient = (f.grad(A + step * direction).A - f.grad(A - step * direction).A) / (2 * step)
    np.testing.assert_allclose(f.hvp(direction, A).A, quotient, atol=1e-7)
    assert np.all(f.grad(np.zeros((3, 3))).A == 0)


def test_functions_of_repeated_eigenvalues_have_gradients():
    np.testing.assert_allclose(gradc.compile("sum(eigvalsh(A)**3)").grad(np.eye(3)).A, 3 * np.eye(3))
    np.testing.assert_allclose(gradc.compile('norm(A, "nuc")').grad(2 * np.eye(3)).A, np.eye(3), atol=1e-15)
    assert np.all(np.isfinite(gradc.compile("(w, V) = eigh(A); sum(V[:, 0]**2)").grad(np.eye(3)).A))


Q = np.linalg.qr(DRAW.normal(size=(5, 5)))[0]
EQUAL = Q @ np.diag([1.0, 1.0, 2.0, 3.0, 3.0]) @ Q.T
TOWARDS = (lambda E: E + E.T)(DRAW.normal(size=(5, 5)))


@pytest.mark.parametrize("engine", ["interpreter", "native"])
@pytest.mark.parametrize(
    "text",
    [
        "V @ diag(exp(w)) @ V.T", "(V * exp(w)) @ V.T", "V @ (exp(w)[:, None] * V.T)", "(V / exp(-w)) @ V.T",
        'einsum("ik,k,jk->ij", V, exp(w), V)',
    ],
)  # fmt: skip
def test_functions_of_a_matrix_with_equal_eigenvalues(text, engine):
    """The derivative along a direction is the one that SciPy knows."""
    f = gradc.compile(f"A: f64[5, 5]; C: f64[5, 5]; (w, V) = eigh(A); sum(C * ({text}))", engine=engine, wrt="A")
    C = DRAW.normal(size=(5, 5))
    wanted = scipy.linalg.expm_frechet(EQUAL, TOWARDS, compute_expm=False)
    assert np.sum(f.grad(EQUAL, C) * TOWARDS) == pytest.approx(np.sum(C * wanted), rel=1e-10)
    assert f.jvp({"A": TOWARDS}, EQUAL, C) == pytest.approx(np.sum(C * wanted), rel=1e-10)


def test_stacks_of_matrices_with_equal_eigenvalues():
    f = gradc.compile("A: f64[p, n, n]; (w, V) = eigh(A); (V * exp(w)[:, None]) @ matrix_transpose(V)")
    pair = np.array([EQUAL, np.eye(5)])
    wanted = [scipy.linalg.expm_frechet(A, TOWARDS, compute_expm=False) for A in pair]
    np.testing.assert_allclose(f.jvp({"A": np.array([TOWARDS, TOWARDS])}, pair), wanted, rtol=1e-10, atol=1e-10)


def test_second_derivatives_of_functions_of_equal_eigenvalues():
    f = gradc.compile("A: f64[5, 5]; sum(exp(eigvalsh(A)))")
    got = f.hvp({"A": TOWARDS}, EQUAL).A
    wanted = scipy.linalg.expm_frechet(EQUAL, TOWARDS, compute_expm=False)
    np.testing.assert_allclose((got + got.T) / 2, wanted, rtol=1e-10, atol=1e-10)


def test_the_space_of_equal_eigenvalues_has_a_derivative_and_a_part_of_it_has_none():
    f, part = (
        gradc.compile(f"A: f64[5, 5]; (w, V) = eigh(A); V[:, :{k}] @ V[:, :{k}].T", engine="native") for k in (2, 1)
    )
    step = 1e-5
    quotient = (f(EQUAL + step * TOWARDS) - f(EQUAL - step * TOWARDS)) / (2 * step)
    np.testing.assert_allclose(f.jvp({"A": TOWARDS}, EQUAL), quotient, atol=1e-6)
    assert np.isnan(part.jvp({"A": TOWARDS}, EQUAL)).any()


@pytest.mark.parametrize("text", ["sum((V * (w + c)) @ V.T)", "sum(V[0]**4)", "sum((V @ (w * (V.T @ c)))**2)"])
def test_what_needs_vectors_of_equal_eigenvalues_is_no_wrong_number(text):
    f = gradc.compile(f"A: f64[5, 5]; c: f64[5]; (w, V) = eigh(A); {text} + 0 * sum(c)", wrt="A")
    assert np.isnan(f.grad(A=EQUAL, c=np.arange(5.0))).any()
    distinct = EQUAL + np.diag(np.arange(5.0))
    assert np.all(np.isfinite(f.grad(A=distinct, c=np.arange(5.0))))


def test_logarithms_of_large_determinants_do_not_overflow():
    f = gradc.compile("log(det(K)) + log(abs(det(-K)))")
    value, grads = f.value_and_grad(1e3 * np.eye(200))
    assert value == pytest.approx(400 * np.log(1e3))
    np.testing.assert_allclose(grads.K, 2e-3 * np.eye(200))


@pytest.mark.parametrize("text", ["inv(A) @ b", "inv(A) @ B", "b @ inv(A)", "B.T @ inv(A)"])
def test_products_with_inverses_are_solved(text):
    f, _ = compiled(text)
    shown = str(f.stages["rewritten"])
    assert "solve" in shown and "= inv(" not in shown


def test_a_step_of_a_recurrence_solves():
    text = "A: f64[n, n]; Y: f64[t, n]\ndef step(x, y) = solve(A, x + y)\nsum(fold(step, Y[0] * 0, Y)**2)"
    A, Y = DRAW.normal(size=(12, 12)) + 5 * np.eye(12), DRAW.normal(size=(7, 12))
    (value, grads), (wanted, others) = (
        gradc.compile(text, engine=engine).value_and_grad(A, Y) for engine in ("native", "interpreter")
    )
    assert value == pytest.approx(wanted, rel=1e-12)
    np.testing.assert_allclose(grads.A, others.A, rtol=1e-10, atol=1e-12)


UNKNOWN = {"nan": [[2.0, 0.0], [np.nan, 1.0]], "infinite": [[np.inf, 0.0], [0.0, 1.0]], "first": [[np.nan, 0], [0, -1]]}


@pytest.mark.parametrize("engine", ["native", "numba", "interpreter"])
@pytest.mark.parametrize("text", ["cholesky(S)[:, 1, 0]", "eigvalsh(S)[:, 0]", "svdvals(S)[:, 0]", "pinv(S)[:, 0, 0]"])
def test_factors_of_unknown_numbers_are_nan(text, engine):
    """Not an error, which is for a matrix of known numbers; the others of the stack have their answers."""
    f = gradc.compile(f"S: f64[k, n, n]; {text}", engine=engine)
    for matrix in UNKNOWN.values():
        value, grads = f.value_and_grad(np.stack([np.eye(2) + np.diag([0, 1.0]), matrix]))
        assert np.isfinite(value[0]) and np.isnan(value[1])
        assert np.isfinite(grads.S[0]).all() and not np.isfinite(grads.S[1]).all()


def test_what_factors_do_not_read_may_be_unknown():
    assert gradc.compile("sum(cholesky(A)) + sum(eigvalsh(A))")([[1.0, np.nan], [0.0, 4.0]]) == pytest.approx(8.0)


@pytest.mark.parametrize(
    "text",
    [
        "def step(x, M) = solve(M, x)\nsum(fold(step, x, S)**2)",
        "def step(N, M) = inv(M) @ inv(M + N)\nsum(scan(step, eye(n), S)**2) + sum(x)",
        "def step(N, M) = inv(M)\nsum(scan(step, eye(n), S)**2) + sum(x)",
        "def step(x, M) = {L = cholesky(M @ M.T + eye(n)); solve(L, x) + logdet(M @ M.T)}\nsum(fold(step, x, S)**2)",
        "def step(x, M) = {(w, V) = eigh(M); V @ (w * (V.T @ x))}\nsum(scan(step, x, S)**2)",
    ],
)
def test_the_rows_of_a_recurrence_are_matrices(text):
    text = "S: f64[p, n, n]; x: f64[n]\n" + text
    S, x = DRAW.normal(size=(4, 9, 9)) + 3 * np.eye(9), DRAW.normal(size=9)
    (value, grads), (wanted, others) = (
        gradc.compile(text, engine=engine).value_and_grad(S, x) for engine in ("native", "interpreter")
    )
    assert value == pytest.approx(wanted, rel=1e-12)
    np.testing.assert_allclose(grads.S, others.S, rtol=1e-9, atol=1e-11 * np.abs(others.S).max())


@pytest.mark.parametrize("engine", ["interpreter", "native"])
@pytest.mark.parametrize("scale", [0.0, 1e-3, 1.0, 200.0])
def test_exponentials_of_small_and_large_matrices(scale, engine):
    """The derivative against SciPy's, the value against mpmath."""
    draw = np.random.default_rng(2)
    A, C, towards = draw.normal(size=(3, 5, 5))
    A = scale * (A - A.T) + np.diag(draw.normal(size=5))
    _, grads = gradc.compile("A: f64[n, n]; C: f64[n, n]; sum(C * expm(A))", engine=engine).value_and_grad(A, C)
    with mpmath.workdps(40):
        wanted = np.array(mpmath.expm(mpmath.matrix(A.tolist())).tolist(), float)
    np.testing.assert_allclose(grads.C, wanted, rtol=1e-9, atol=1e-12 * np.abs(wanted).max())
    slope = np.sum(C * scipy.linalg.expm_frechet(A, towards, compute_expm=False))
    assert np.sum(grads.A * towards) == pytest.approx(slope, rel=1e-9)


def test_exponentials_beyond_the_bound_are_nan():
    f = gradc.compile("A: f64[n, n]; expm(A)")
    assert np.isnan(f(-1e7 * np.eye(2))).all() and f(np.zeros((0, 0))).shape == (0, 0)
    np.testing.assert_allclose(f(-1e5 * np.eye(2)), 0, atol=0)
