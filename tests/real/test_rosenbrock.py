"""Rosenbrock's function in 1,000 dimensions, written with slices, minimised with L-BFGS."""

import numpy as np
import pytest
from scipy.optimize import minimize, rosen, rosen_der, rosen_hess_prod

import gradc

PROGRAM = "sum(100 * (x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)"
SIZE = 1_000


def test_value_gradient_and_curvature_are_scipys(every_engine):
    function = gradc.compile(PROGRAM, engine=every_engine)
    rng = np.random.default_rng(0)
    x, direction = rng.normal(size=SIZE), rng.normal(size=SIZE)
    value, grads = function.value_and_grad(x)
    assert value == pytest.approx(rosen(x), rel=1e-13)
    np.testing.assert_allclose(grads.x, rosen_der(x), rtol=1e-11, atol=1e-9)
    np.testing.assert_allclose(function.hvp(direction, x).x, rosen_hess_prod(x, direction), rtol=1e-11, atol=1e-9)


@pytest.mark.parametrize(("engine", "start"), [("native", "zeros"), ("native", "random"), ("interpreter", "random")])
def test_lbfgs_reaches_the_minimum(engine, start):
    function = gradc.compile(PROGRAM, engine=engine)
    x = np.zeros(SIZE) if start == "zeros" else np.random.default_rng(7).uniform(0, 2, SIZE)

    def objective(x):
        value, grads = function.value_and_grad(x)
        return value, grads.x

    options = dict(maxiter=20_000, maxfun=40_000, ftol=0, gtol=1e-9)
    found = minimize(objective, x, jac=True, method="L-BFGS-B", options=options)
    assert found.fun < 1e-10
    np.testing.assert_allclose(found.x, 1.0, atol=1e-5)
