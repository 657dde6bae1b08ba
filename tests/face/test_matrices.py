"""Jacobians and Hessians from one kernel: against products with unit vectors, with and without their zeros."""

import numpy as np
import pytest

import gradc
from gradc.autodiff import families
from gradc.runtime import matrices

RNG = np.random.default_rng(3)
X = RNG.normal(size=4)
A = RNG.normal(size=(3, 4))
S = RNG.normal(size=(4, 4))
K = np.array([2, 0, 3, 0])

PROGRAMS = {
    "a * exp(-b * t) + c": dict(a=2.0, b=1.5, t=X, c=0.3),
    "x * a": dict(x=X, a=A),
    "a.T * 2 + 1": dict(a=A),
    "x[1:] * x[:-1] + x[::2][0]": dict(x=X),
    "x[k] * y[k]": dict(x=X, y=X + 1, k=K),
    "a[:, k] * 2": dict(a=A, k=K),
    "A: f64[n, m]; take_along_axis(A, argsort(A, axis=1), axis=1)": dict(A=A),
    "a @ x": dict(a=A, x=X),
    "tanh(a @ S)": dict(a=A, S=S),
    "einsum('ij,ij->i', a, b)": dict(a=A, b=A + 1),
    "x[:, None] + x[None, :] * y": dict(x=X, y=X + 2),
    "sum(a, axis=1) * sum(a)": dict(a=A),
    "cumsum(a, axis=0) * cumsum(a, axis=1)": dict(a=A),
    "reshape(a, (2, 6)) ** 2": dict(a=A),
    "reshape(a, -1) * reshape(b, -1)": dict(a=A, b=A - 1),
    "concatenate([x, x ** 2])": dict(x=X),
    "stack([x, sin(x)])": dict(x=X),
    "softmax(a, axis=1)": dict(a=A),
    "where(x > 0, x, x * y) * norm(x)": dict(x=X, y=0.5),
    "max(a, axis=0) + prod(a, axis=0)": dict(a=A),
    "logsumexp(a * x)": dict(a=A, x=X),
    "cumprod(x)": dict(x=X),
    "sum(log1p(exp(-y * (a @ x))))": dict(a=A, x=X, y=np.array([1.0, -1.0, 1.0])),
    "sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)": dict(x=X),
    "sum(exp(x)) + sum(y ** 3) + sum(x) * z": dict(x=X, y=X + 1, z=2.0),
    "abs(x) ** 2.5 * hypot(x, y)": dict(x=X, y=2.0),
    "mean((x - mean(x)) ** 2)": dict(x=X),
    "a[0, 1] * x[2]": dict(a=A, x=X),
    "3.0 + 0 * k": dict(k=K.astype(float)),
}  # fmt: skip


@pytest.fixture
def by_products(monkeypatch):
    """Functions that take one product with a unit vector at a time."""

    def call(f, inputs):
        with monkeypatch.context() as patch:
            patch.setattr(matrices, "plan", lambda *args: None)
            value, jacobian = f.value_and_jacobian(**inputs)
            return value, jacobian, f.value_grad_and_hessian(**inputs)

    return call


def same(found, wanted):
    if isinstance(wanted, tuple):
        assert len(found) == len(wanted)
        for one, other in zip(tuple(found), tuple(wanted)):
            same(one, other)
    else:
        assert np.shape(found) == np.shape(wanted) and type(found) is type(wanted)
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("program", PROGRAMS)
def test_one_kernel_gives_what_unit_vectors_give(program, by_products):
    inputs = PROGRAMS[program]
    f = gradc.compile(program, engine="interpreter")
    value, jacobian, second = by_products(f, inputs)
    found = f.value_and_jacobian(**inputs)
    same(found, (value, jacobian))
    same(f.jacobian(**inputs), jacobian)
    same(f.value_grad_and_hessian(**inputs), second)
    same(tuple(np.asarray(each) for each in f.jacobian(**inputs, compact=True)), tuple(map(np.asarray, jacobian)))
    for line, wanted in zip(f.hessian(**inputs, compact=True), second[2], strict=True):
        same(tuple(np.asarray(each) for each in line), tuple(map(np.asarray, wanted)))


@pytest.mark.parametrize("program", PROGRAMS)
def test_both_modes_give_the_same(program):
    inputs = PROGRAMS[program]
    calls = gradc.compile(program, engine="interpreter")._calls
    prepared = calls.prepare([inputs[name] for name in calls.inputs])
    found = []
    for transform in ("jacobian_forward", "jacobian_backward"):
        plan = matrices.MatrixPlan(
            transform, calls.planned(transform, prepared.types).blocks,
            [x.shape for x in calls.wrt_arrays(prepared)], [np.float64] * len(calls.wrt), False,
        )  # fmt: skip
        value, *outputs = calls.run_prepared(transform, prepared, [])
        found.append([np.asarray(block) for block in matrices.jacobian(plan, np.shape(value), outputs)])
    same(tuple(found[0]), tuple(found[1]))


@pytest.mark.parametrize(
    ("engine", "program"),
    [
        ("native", "x[k] * y[k]"),
        ("native", "tanh(a @ S)"),
        ("native", "sum(exp(x)) + sum(y ** 3) + sum(x) * z"),
        ("numba", "x[k] * y[k]"),
    ],
)
def test_engines_agree(program, engine):
    inputs = PROGRAMS[program]
    wanted = gradc.compile(program, engine="interpreter")
    f = gradc.compile(program, engine=engine)
    for _ in range(2):  # the second call takes the short way
        same(f.value_and_jacobian(**inputs), wanted.value_and_jacobian(**inputs))
        same(f.value_grad_and_hessian(**inputs), wanted.value_grad_and_hessian(**inputs))


@pytest.mark.parametrize(
    ("program", "inputs", "pairs", "shape"),
    [
        ("exp(x) * 2", dict(x=X), ((0, 0),), (4,)),
        ("a * x + sin(a)", dict(x=X, a=A), ((1, 0),), (3, 4)),
        ("x * a.T[:, 0]", dict(x=X, a=A), ((0, 0),), (4,)),
        ("x @ S", dict(x=A, S=S), ((0, 0),), (3, 4, 4)),
        ("x[::-1]", dict(x=X), (), (4, 4)),
        ("x + x[::-1]", dict(x=X), (), (4, 4)),
    ],
)
def test_zeros_that_the_structure_shows_are_left_out(program, inputs, pairs, shape):
    f = gradc.compile(program, engine="interpreter")
    block = f.jacobian(**inputs, compact=True)["x"]
    assert (block.pairs, block.values.shape) == (pairs, shape)
    np.testing.assert_allclose(np.asarray(block), f.jacobian(**inputs)["x"], rtol=0)


def test_a_diagonal_hessian_of_many_elements():
    x = np.linspace(0, 1, 50_000)
    block = gradc.compile("sum(exp(x)) * 2", engine="interpreter").hessian(x, compact=True).x.x
    np.testing.assert_allclose(block.values, 2 * np.exp(x), rtol=1e-14)
    assert block.pairs == ((0, 0),) and block.shape == (50_000, 50_000)


def test_a_block_of_zeros_takes_no_memory():
    x = np.ones(30_000)
    f = gradc.compile("sum(exp(x)) + sum(y**2)", engine="interpreter")
    block = f.hessian(x, x, compact=True).x.y
    assert block.shape == block.values.shape == (30_000, 30_000) and block.values.strides == (0, 0)


def test_an_input_may_be_called_compact():
    f = gradc.compile("compact * x", engine="interpreter")
    assert tuple(f.jacobian(x=2.0, compact=3.0)) == (2.0, 3.0)
    assert f.jacobian(3.0, 2.0, compact=True)["x"].values == 3.0


def test_a_program_with_an_op_that_takes_no_families_goes_by_products(monkeypatch):
    def refuse(*args):
        raise families.NoFamily("add")

    f = gradc.compile("x * y + x", engine="interpreter")
    wanted = f.jacobian(X, X), f.hessian(X, X)
    monkeypatch.setattr("gradc.autodiff.matrices.families", refuse)
    g = gradc.compile("x * y + x", engine="interpreter")
    same((g.jacobian(X, X), g.hessian(X, X)), wanted)


# ---------------------------------------------------------------- sparse


def columns(blocks, inputs, f):
    """The blocks of a Jacobian side by side: what a sparse one is."""
    parts = [np.reshape(block, (-1, np.size(inputs[name]))) for name, block in zip(f.wrt, tuple(blocks))]
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("program", PROGRAMS)
def test_sparse_matrices_are_the_dense_ones(program):
    inputs = PROGRAMS[program]
    f = gradc.compile(program, engine="interpreter")
    dense_value, dense = f.value_and_jacobian(**inputs)
    value, matrix = f.value_and_jacobian(**inputs, sparse=True)
    assert matrix.format == "csr" and matrix.has_sorted_indices
    same(value, dense_value)
    np.testing.assert_allclose(matrix.toarray(), columns(dense, inputs, f), rtol=1e-12, atol=1e-13)
    _, grads, lines = f.value_grad_and_hessian(**inputs)
    value, sparse_grads, matrix = f.value_grad_and_hessian(**inputs, sparse=True)
    same((value, sparse_grads), (dense_value, grads))
    wanted = np.concatenate([columns(line, inputs, f) for line in lines])
    np.testing.assert_allclose(matrix.toarray(), wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("program", "shape", "entries"),
    [
        ("x[1:] * x[:-1]", (9, 10), 18),
        ("x[::2] + x[1::2]", (5, 10), 10),
        ("exp(x)", (10, 10), 10),
        ("x[::-1]", (10, 10), 10),
        ("x[k]", (4, 10), 4),
        ("x[k] * x[k + 1]", (4, 10), 8),
        ("concatenate([x**2, [sum(x)]])", (11, 10), 20),
        ("where(x > 0, x, 0) * x[0]", (10, 10), 19),
        ("reshape(x, (2, 5)).T * 2", (10, 10), 10),
        ("cumsum(x)", (10, 10), 55),
    ],
)
def test_patterns_are_what_the_program_shows(program, shape, entries):
    f = gradc.compile(program, wrt="x", engine="interpreter")
    given = {"k": np.array([3, 0, 7, 3])} if "k" in f.inputs else {}
    matrix = f.jacobian(x=np.linspace(-1, 1, 10), **given, sparse=True)
    assert matrix.shape == shape and matrix.nnz == entries
    np.testing.assert_allclose(matrix.toarray(), f.jacobian(x=np.linspace(-1, 1, 10), **given).x.reshape(shape))


@pytest.mark.parametrize("engine", ["native", "numba", "interpreter"])
def test_sparse_matrices_on_every_engine(engine):
    f = gradc.compile("sum((x[k] - y)**4) + sum(x[1:] * x[:-1])", inputs="x y k", wrt="x y", engine=engine)
    k = np.array([2, 0, 3])
    for x in (X, X[::-1].copy(), RNG.normal(size=6)):
        dense = f.hessian(x, np.ones(3), k)
        wanted = np.block([[dense.x.x, dense.x.y], [dense.y.x, dense.y.y]])
        np.testing.assert_allclose(f.hessian(x, np.ones(3), k, sparse=True).toarray(), wanted, rtol=1e-13)
    np.testing.assert_allclose(
        f.hessian(X, np.ones(3), k[::-1].copy(), sparse=True).toarray()[:4, :4], f.hessian(X, np.ones(3), k[::-1]).x.x
    )


def test_a_pattern_is_found_once_for_the_same_shapes_and_indices(monkeypatch):
    from gradc.autodiff import patterns

    made, found = [], patterns.pattern
    monkeypatch.setattr(patterns, "pattern", lambda *args: made.append(1) or found(*args))
    f = gradc.compile("x[k] ** 2 * a", wrt="x", engine="interpreter")
    for x, k, count in ((X, K, 1), (X + 1, K, 1), (X, K[::-1].copy(), 2), (X[:4], K, 2), (np.ones(5), K, 3)):
        matrix = f.jacobian(x=x, k=k, a=2.0, sparse=True)
        matrix.data[:], matrix.indices[:] = 0, 0  # the caller's own
        np.testing.assert_allclose(
            f.jacobian(x=x, k=k, a=2.0, sparse=True).toarray(), f.jacobian(x=x, k=k, a=2.0).x, rtol=1e-15
        )
        assert len(made) == count


def test_an_arrow_takes_two_directions_only():
    f = gradc.compile("sum(x[0] * x[1:] ** 2) + x[0] ** 2", engine="interpreter")
    x = np.linspace(1, 2, 300)
    np.testing.assert_allclose(f.hessian(x, sparse=True).toarray(), f.hessian(x).x.x, rtol=1e-14)
    (plan,) = f._calls.patterns.values()
    assert len(plan.seeds[0]) == 2


def test_few_long_rows_go_backwards():
    f = gradc.compile("concatenate([[sum(x**2)], x])", engine="interpreter")
    x = np.linspace(1, 2, 300)
    np.testing.assert_allclose(f.jacobian(x, sparse=True).toarray(), f.jacobian(x).x, rtol=1e-14)
    (plan,) = f._calls.patterns.values()
    assert plan.transform == "vjps" and len(plan.seeds[0]) == 2


def test_sparse_matrices_of_large_programs():
    n = 20_000
    f = gradc.compile("sum(100 * (x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)", engine="interpreter")
    x, v = RNG.normal(size=n), RNG.normal(size=n)
    matrix = f.hessian(x, sparse=True)
    assert matrix.nnz == 3 * n - 2
    np.testing.assert_allclose(matrix @ v, f.hvp(v, x).x, rtol=1e-11, atol=1e-9)


def test_sparse_matrices_of_nothing_and_of_empty_arrays():
    assert gradc.compile("x * 2", wrt="", engine="interpreter").jacobian(X, sparse=True).shape == (4, 0)
    for text in ("x * 2", "cumsum(x**2)"):
        f = gradc.compile(f"x: f64[n]; {text}", engine="interpreter")
        assert f.jacobian(np.ones(0), sparse=True).shape == f.hessian(np.ones(0), sparse=True).shape == (0, 0)
    assert gradc.compile("x * y", engine="interpreter").jacobian(2.0, 3.0, sparse=True).toarray().tolist() == [[3, 2]]


def test_a_sparse_matrix_of_ops_that_take_one_vector_at_a_time(monkeypatch):
    def refuse(*args):
        raise families.NoFamily("add")

    wanted = gradc.compile("x[1:] * x[:-1]", engine="interpreter")
    monkeypatch.setattr("gradc.autodiff.families.families", refuse)
    f = gradc.compile("x[1:] * x[:-1]", engine="interpreter")
    value, grads, matrix = f.value_grad_and_hessian(X, sparse=True)
    same((value, grads), wanted.value_and_grad(X))
    np.testing.assert_allclose(matrix.toarray(), wanted.hessian(X).x.x)
    np.testing.assert_allclose(f.jacobian(X, sparse=True).toarray(), wanted.jacobian(X).x)


def test_two_forms_at_once_are_refused():
    f = gradc.compile("x * 2", engine="interpreter")
    with pytest.raises(gradc.Error, match="different forms of a matrix"):
        f.jacobian(X, compact=True, sparse=True)


def test_elements_of_float32():
    f = gradc.compile("x[1:] * x[:-1]", engine="interpreter")
    matrix = f.jacobian(X.astype(np.float32), sparse=True)
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(matrix.toarray(), f.jacobian(X).x, rtol=1e-6)


# ---------------------------------------------------------------- Gauss-Newton, diagonals


@pytest.mark.parametrize("program", PROGRAMS)
def test_gauss_newton_and_diagonals(program):
    inputs = PROGRAMS[program]
    f = gradc.compile(program, engine="interpreter")
    value, blocks = f.value_and_jacobian(**inputs)
    J, r = columns(blocks, inputs, f), np.ravel(value)
    shapes = [np.shape(inputs[name]) for name in f.wrt]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    for options in ({}, {"compact": True}, {"sparse": True}):
        found, grads, matrix = f.gauss_newton(**inputs, **options)
        same(found, value)
        for part, wanted, shape in zip(tuple(grads), np.split(J.T @ r, ends), shapes, strict=True):
            np.testing.assert_allclose(part, wanted.reshape(shape), rtol=1e-12, atol=1e-12)
        if "sparse" in options:
            whole = matrix.toarray()
        else:
            whole = np.concatenate([columns(tuple(map(np.asarray, line)), inputs, f) for line in matrix])
        np.testing.assert_allclose(whole, J.T @ J, rtol=1e-12, atol=1e-12)
    hessian = np.concatenate([columns(line, inputs, f) for line in f.hessian(**inputs)])
    value, grads, second = f.value_grad_and_hessian(**inputs, diagonal=True)
    same((value, grads), f.value_and_grad(**inputs))
    for part, wanted, shape in zip(tuple(second), np.split(np.diag(hessian), ends), shapes, strict=True):
        np.testing.assert_allclose(part, wanted.reshape(shape), rtol=1e-12, atol=1e-12)


def test_gauss_newton_of_an_elementwise_program_is_a_diagonal():
    x = np.linspace(0, 1, 50_000)
    _, _, matrix = gradc.compile("exp(x) * 2", engine="interpreter").gauss_newton(x, compact=True)
    assert matrix.x.x.pairs == ((0, 0),)
    np.testing.assert_allclose(matrix.x.x.values, 4 * np.exp(2 * x), rtol=1e-14)


def test_gauss_newton_on_kernels():
    inputs = PROGRAMS["a * exp(-b * t) + c"]
    f, g = (gradc.compile("a * exp(-b * t) + c", wrt="a b c", engine=e) for e in ("native", "interpreter"))
    for _ in range(2):
        same(f.gauss_newton(**inputs), g.gauss_newton(**inputs))
        same(f.hessian(**inputs, diagonal=True), g.hessian(**inputs, diagonal=True))


def test_gauss_newton_by_products(monkeypatch):
    def refuse(*args):
        raise families.NoFamily("add")

    text = "x[1:] * x[:-1] * y"
    g = gradc.compile(text, engine="interpreter")
    wanted = g.gauss_newton(X, 2.0), g.hessian(X, 2.0, diagonal=True)
    monkeypatch.setattr("gradc.autodiff.matrices.families", refuse)
    f = gradc.compile(text, engine="interpreter")
    same((f.gauss_newton(X, 2.0), f.hessian(X, 2.0, diagonal=True)), wanted)
