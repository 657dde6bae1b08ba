"""Loops over rows with loops inside: whatever goes side by side, the bits are those of single rows."""

import numpy as np
import pytest

import gradc
from gradc.loops.ir import Close, CombineExactly, For, every
from gradc.native.blocks import in_one_block
from gradc.native.target import is_possible
from tests.native.kernels import WIDTHS, compilation, kernel, run_guarded

pytestmark = pytest.mark.skipif(not is_possible(), reason="LLVM does not know this machine")

PROGRAMS = {
    "nearest": "sum(min(sum((X[:, None, :] - C)**2, axis=2), axis=1))",
    "farthest": "sum(max(sum(abs(X[:, None, :] - C), axis=2), axis=1))",
    "mirrored": "sum(min(sum((C[:, None, :] - X)**2, axis=2), axis=0))",
    "columns": "sum(min(sum((X.T[:, :, None] - C.T[:, None, :])**2, axis=0), axis=1))",
    "mixture": "sum(logsumexp(-0.5*sum((X[:, None, :] - C)**2, axis=2), axis=1))",
    "kernel": "sum(exp(-sum((X[:, None, :] - C)**2, axis=2))**2)",
    "logistic": "sum(log(1 + exp(-(X @ C[0]))))",
    "softmax": "sum(log_softmax(X * C[0], axis=1)[:, 0])",
    "norms": "sum(sqrt(1 + sum(X**2, axis=1))) + sum(C)",
    "product": "sum(tanh(prod(X * C[0], axis=1)))",
    "picked": "sum(where(sum(X*C[0], axis=1) > 0, exp(sum(X, axis=1)), 1))",
}


def drawn(rows: int, classes: int, coordinates: int, dtype=np.float64) -> list[np.ndarray]:
    random = np.random.default_rng(rows)
    return [random.normal(size=(n, coordinates)).astype(dtype) for n in (rows, classes)]


NEAR = {"f64": (1e-11, 1e-12), "f32": (1e-4, 1e-3)}
SIZES = ((1, 1, 1), (3, 2, 3), (4, 5, 2), (21, 3, 8), (35, 16, 9), (18, 17, 3), (19, 2, 17), (150, 20, 40))


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_bits_of_single_rows(name):
    dtype = "f32" if name in ("nearest", "logistic") else "f64"
    text = f"X: {dtype}[n, d]; C: {dtype}[k, d]; {PROGRAMS[name]}"
    kind = np.dtype(dtype.replace("f", "float"))
    kernels = [kernel(text, width, *drawn(3, 2, 3, kind)) for width in WIDTHS]
    by_interpreter = gradc.compile(text, engine="interpreter")
    for sizes in SIZES:
        arrays = drawn(*sizes, kind)
        expected = run_guarded(kernels[0].loaded, arrays, behind=sizes[0] % 2 == 0)
        for other in kernels[1:]:
            for a, b in zip(expected, run_guarded(other.loaded, arrays, behind=sizes[0] % 2 == 1), strict=True):
                np.testing.assert_array_equal(a, b)
        value, bars = by_interpreter.value_and_grad(*arrays)
        for a, b in zip(expected, (value, *bars), strict=True):
            np.testing.assert_allclose(np.reshape(a, np.shape(b)), b, *NEAR[dtype])


@pytest.mark.parametrize("name", ["nearest", "mixture", "logistic"])
def test_special_values_stay_with_their_rows(name):
    """NaN and infinity in one row are in what that row gives to the gradients and in no other row's."""
    text = f"X: f64[n, d]; C: f64[k, d]; {PROGRAMS[name]}"
    kernels = [kernel(text, width, *drawn(3, 2, 3)) for width in WIDTHS]
    for special in (np.nan, np.inf, -np.inf):
        X, C = drawn(22, 5, 3)
        X[5, 1] = X[21, 2] = special
        expected = kernels[0]([X, C], {})
        for other in kernels[1:]:
            for a, b in zip(expected, other([X, C], {}), strict=True):
                np.testing.assert_array_equal(a, b)
        bar = np.delete(expected[1], (5, 21), axis=0)
        assert np.isfinite(bar).all()


@pytest.mark.parametrize("coordinates", [5, 30])
def test_the_nearest_centre_alone_gets_a_gradient(coordinates):
    """What the others get is zero, which nobody adds: NaN that only they would meet stays absent."""
    f = gradc.compile(f"X: f64[n, d]; C: f64[k, d]; {PROGRAMS['nearest']}", wrt=["C"])
    X, C = drawn(40, 7, coordinates)
    C[3, 1] = np.inf
    nearest = ((X[:, None] - C) ** 2).sum(2).argmin(1)
    by_hand = np.zeros_like(C)
    np.add.at(by_hand, nearest, 2 * (C[nearest] - X))
    _, (bar,) = f.value_and_grad(X, C)
    np.testing.assert_allclose(bar, by_hand, 1e-12, 1e-12)


def test_short_sums_are_one_block():
    """No error is kept of a sum in one block; a sum that goes on from block to block stays as it is."""
    text = f"X: f64[n, d]; C: f64[k, d]; {PROGRAMS['nearest']}"
    loops = compilation(text, *drawn(3, 2, 3), wrt=("C",)).loops
    (rows,) = [s for s in every(loops.body) if isinstance(s, For) and s.start == "block0"]
    before, after = (list(every(body)) for body in (rows.body, in_one_block(rows.body, {"BLOCK"})))
    assert any(isinstance(s, CombineExactly) for s in before)
    assert not any(isinstance(s, CombineExactly) or (isinstance(s, For) and s.step == "BLOCK") for s in after)
    assert all(s.error is None for s in after if isinstance(s, Close))
    assert len(after) < len(before) == len(list(every(in_one_block(rows.body, ()))))
    assert any(isinstance(s, CombineExactly) for s in every(in_one_block(loops.body, {"BLOCK"})))
