"""Functions written in Python are fitted as programs are."""

import pickle

import dask.array as da
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import curve_fit, least_squares, minimize

import gradc
from gradc.interop import blocks, scipy
from gradc.interop import dask as over_dask

T = np.linspace(0, 4, 60)
RNG = np.random.default_rng(0)
X, NOISE = RNG.normal(size=(60, 3)), RNG.normal(size=60)


def decay(t, a, b, c):
    return a * np.exp(-b * t) + c


def ridge(w, X, y, strength=0.1):
    return np.mean((y - X @ w) ** 2) + strength * np.sum(w**2)


Y = decay(T, 2.5, 1.3, 0.5)
START = {"a": 1.0, "b": 1.0, "c": 0.0}


def test_curves():
    np.testing.assert_allclose(curve_fit(gradc.compile(decay), T, Y)[0], [2.5, 1.3, 0.5])
    m = scipy.model(decay, "t", start=START)
    assert m.__name__ == "decay"
    np.testing.assert_allclose(curve_fit(m, T, Y, m.x0, jac=m.jac)[0], [2.5, 1.3, 0.5])
    residuals = scipy.objective(lambda t, y, a, b, c: decay(t, a, b, c) - y, data={"t": T, "y": Y}, start=START)
    np.testing.assert_allclose(least_squares(residuals.value, residuals.x0, jac=residuals.jac).x, [2.5, 1.3, 0.5])


def test_losses_here_and_by_blocks():
    start = {"w": np.zeros(3)}
    here = scipy.objective(ridge, data={"X": X, "y": NOISE}, start=start)
    expected = minimize(here, here.x0, jac=True, tol=1e-12).x
    np.testing.assert_allclose(expected, np.linalg.solve(X.T @ X / 60 + 0.1 * np.eye(3), X.T @ NOISE / 60), rtol=1e-5)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(here))(expected)[1], here(expected)[1])
    halves = [{"X": X[i : i + 30], "y": NOISE[i : i + 30]} for i in (0, 30)]
    lazy = {"X": da.from_array(X, chunks=(25, 3)), "y": NOISE}
    for loss in (blocks.objective(ridge, halves, start=start), over_dask.objective(ridge, data=lazy, start=start)):
        np.testing.assert_allclose(loss(expected + 1)[1], here(expected + 1)[1], rtol=1e-12)
        np.testing.assert_allclose(loss.hess(expected), here.hess(expected), rtol=1e-10)
    stronger = scipy.objective(ridge, data={"X": X, "y": NOISE}, fixed={"strength": 2.0}, start=start)
    assert stronger.value([1.0, 1.0, 1.0]) - here.value([1.0, 1.0, 1.0]) == pytest.approx(1.9 * 3)


def test_integrands_and_elements():
    assert quad(scipy.integrand(decay, "t", args="a b c"), 0, 1, args=(1.0, 2.0, 0.0))[0] == pytest.approx(
        (1 - np.exp(-2)) / 2
    )
    g = over_dask.elementwise(decay)
    lazy = da.from_array(T, chunks=20)
    np.testing.assert_array_equal(g(lazy, 2.5, 1.3, 0.5).compute(), gradc.compile(decay)(T, 2.5, 1.3, 0.5))
    assert float(g.grad(lazy, 2.5, 1.3, 0.5).c.compute()) == 60.0


def test_what_mixes_rows_is_shown_in_the_file():
    def centred(w, y):
        return np.sum((y - np.mean(y) - w) ** 2)

    with pytest.raises(gradc.Error, match="G0608") as caught:
        blocks.objective(centred, [{"y": T}], start={"w": 0.0})
    assert "np.mean(y)" in str(caught.value)
