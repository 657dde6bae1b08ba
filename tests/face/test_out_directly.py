"""Large results go straight into the caller's arrays, where that is safe; anywhere else the answer is the same."""

import numpy as np
import pytest

import gradc

N = 20_000
TEXT = "1 / (1 + exp(-(w*x + b)))"


@pytest.fixture(scope="module")
def function():
    return gradc.compile(TEXT)


def arguments():
    random = np.random.default_rng(1)
    return [random.normal(size=N) for _ in range(3)]


def test_results_are_written_in_place(function):
    arrays = arguments()
    value, grads = function.value_and_grad(*arrays)
    targets = [np.full(N, np.nan) for _ in range(4)]
    got, bars = function.value_and_grad(*arrays, out=(targets[0], targets[1:]))
    assert got is targets[0] and all(bar is target for bar, target in zip(bars, targets[1:]))
    for found, expected in zip((got, *bars), (value, *grads), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", ["overlaps an input", "is strided", "is new for some"])
def test_any_array_will_do(function, kind):
    arrays = arguments()
    value, grads = function.value_and_grad(*[array.copy() for array in arrays])
    targets = {"w": np.empty(N), "x": np.empty(N), "b": np.empty(N)}
    if kind == "overlaps an input":
        targets["x"] = arrays[1]
    elif kind == "is strided":
        targets["w"] = np.empty(2 * N)[::2]
    else:
        del targets["b"]
    got, bars = function.value_and_grad(*arrays, out=targets)
    np.testing.assert_array_equal(got, value)
    for name, bar in bars._asdict().items():
        assert name not in targets or bar is targets[name]
        np.testing.assert_array_equal(bar, grads[name])


def test_nothing_is_written_where_something_does_not_fit(function):
    arrays = arguments()
    targets = [np.zeros(N), np.zeros(N), np.zeros(N + 1)]
    with pytest.raises(gradc.Error, match="G0606"):
        function.value_and_grad(*arrays, out=targets)
    with pytest.raises(gradc.Error, match="G0603"):
        function.value_and_grad(arrays[0], arrays[1], arrays[2][:-1], out=[np.zeros(N)] * 2 + [np.zeros(N - 1)])
    gather = gradc.compile("x: f64[n]; i: i64[m]; x[i] * 2")
    written = np.zeros(N)
    with pytest.raises(gradc.Error, match="G0204"):
        gather.value_and_grad(arrays[0], np.full(N, N), out=[written])
    assert not any(target.any() for target in (*targets, written))
