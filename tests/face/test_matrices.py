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
            [x.shape for x in calls.wrt_arrays(prepared)], [np.float64] * len(calls.wrt),
        )  # fmt: skip
        found.append([np.asarray(b) for b in matrices.jacobian(plan, calls.run_prepared(transform, prepared, []))])
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
