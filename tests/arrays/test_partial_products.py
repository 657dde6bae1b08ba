"""Of a product only what is asked for is computed: diagonals, rows that indices pick, sums of rows."""

import numpy as np
import pytest

import gradc

SIZES = {"n": 5, "m": 3, "k": 4, "v": 6, "d": 2}
PROGRAMS = {
    "trace": "A: f64[n, m]; B: f64[m, n]; trace(A @ B)",
    "diagonal": "A: f64[n, m]; B: f64[m, n]; diag(sin(A @ B)) * diag((A @ B).T)",
    "einsum": "A: f64[n, m]; B: f64[m, n]; einsum('ij,ji->', A, B) + einsum('ii->', A @ B)",
    "one-hot rows": "y: i64[n]; E: f64[v, d]; (one_hot(y, v) @ E)**2",
    "one-hot columns": "y: i64[n]; E: f64[d, v]; E @ one_hot(y, v).T",
    "diagonal matrix": "u: f64[n]; A: f64[n, k]; tanh(diag(u) @ A)",
    "diagonal matrix behind": "u: f64[n]; A: f64[k, n]; tanh(A @ diag(u))",
    "product with a vector": "A: f64[n, m]; B: f64[m, k]; x: f64[k]; sum(A @ B @ x)",
    "sum": "A: f64[n, m]; B: f64[m, k]; sum(A @ B)",
}


def arguments(f) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = [[SIZES[size] for size in f.stages.types[name].shape] for name in f.inputs]
    return [
        rng.integers(0, 6, shape) if name == "y" else rng.normal(size=shape) for name, shape in zip(f.inputs, shapes)
    ]


@pytest.mark.parametrize("what", PROGRAMS)
def test_value_and_gradients(what, engine):
    f = gradc.compile(PROGRAMS[what], engine=engine)
    args = arguments(f)
    reverse = f.grad(*args)
    step = 1e-6
    for name in f.wrt:
        position = f.inputs.index(name)
        for index in np.ndindex(args[position].shape):
            moved = []
            for sign in (1, -1):
                other = args[position].copy()
                other[index] += sign * step
                moved.append(np.sum(f(*args[:position], other, *args[position + 1 :])))
            assert reverse[name][index] == pytest.approx((moved[0] - moved[1]) / (2 * step), rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("what", PROGRAMS)
def test_no_array_holds_what_is_not_asked_for(what):
    f = gradc.compile(PROGRAMS[what])
    returned = {name for name, _ in f.stages.lowered.outputs}
    arrays = f.stages.loops.arrays.items()
    kept = {type.shape for name, type in arrays if name not in f.inputs and name not in returned}
    assert not kept & {("n", "n"), ("n", "v"), ("n", "k")}


def test_what_is_beside_the_diagonal_does_not_matter():
    f = gradc.compile("trace(A @ B)", engine="interpreter")
    value, grads = f.value_and_grad([[1.0, 2.0], [3.0, 4.0]], [[1.0, np.inf], [3.0, 4.0]])
    np.testing.assert_array_equal(grads.A, [[1.0, 3.0], [np.inf, 4.0]])
    assert value == np.inf
