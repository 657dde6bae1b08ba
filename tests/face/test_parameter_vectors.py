"""Jacobians and Hessians for a vector that is read element by element, as in `p[0]*exp(-p[1]*t)`."""

import numpy as np
import pytest

import gradc

T = np.linspace(0.1, 2.0, 9)
PARAMETERS = np.array([1.5, 0.7, -0.3, 0.9])
PROGRAMS = {
    "curve": "p[0]*exp(-p[1]*t) + p[2]",
    "out of order": "p[3]*t**2 + p[0]*p[1]",
    "from the end": "p[-1]*t + p[0]",
    "one": "sin(p[2]*t)",
    "an element of no use": "p[0]*t + 0*p[1]",
    "a slice too": "p[0]*t + sum(p[1:3])",
    "a choice": "where(t > 1, p[0]*t, sqrt(p[1] - 0.7))",
    "a loss": "sum((p[0]*exp(-p[1]*t) + p[2] - cos(t))**2)",
    "itself": "p",
    "numbers alone": "p[0]*p[1]**2*p[3]",
    "a matrix of results": "outer(t, t)*p[1] + p[0]",
}


def by_differences(function, p, step=1e-5):
    columns = []
    for k in range(len(p)):
        e = np.zeros(len(p))
        e[k] = step
        columns.append((np.asarray(function(p + e)) - np.asarray(function(p - e))) / (2 * step))
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize("engine", ["native", "interpreter"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_jacobians_and_hessians(name, engine):
    f = gradc.compile(PROGRAMS[name], inputs="p t", wrt="p", engine=engine)
    args = (PARAMETERS, T)
    found = f.jacobian(*args).p
    rows = [f.vjp(unit.reshape(np.shape(f(*args)))[()], *args).p for unit in np.eye(np.size(f(*args)))]
    np.testing.assert_allclose(found, np.reshape(rows, found.shape), rtol=1e-12, atol=1e-14)
    hessian = f.hessian(*args).p.p
    np.testing.assert_allclose(hessian, [f.hvp(unit, *args).p for unit in np.eye(4)], rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(f.hessian(*args, diagonal=True).p, np.diag(hessian), rtol=1e-11, atol=1e-13)
    if name == "a choice":
        return  # one of its slopes is infinite
    np.testing.assert_allclose(found, by_differences(lambda p: f(p, T), PARAMETERS), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(hessian, by_differences(lambda p: f.grad(p, T).p, PARAMETERS), rtol=1e-6, atol=1e-6)
    residuals = f.gauss_newton(*args)[2].p.p
    flat = np.reshape(found, (-1, 4))
    np.testing.assert_allclose(residuals, flat.T @ flat, rtol=1e-11, atol=1e-13)


def test_with_other_parameters_beside():
    f = gradc.compile("sum((p[0]*exp(-p[1]*t) + X @ w + b)**2)", wrt="p w b")
    rng = np.random.default_rng(4)
    args = {"p": PARAMETERS, "t": T, "X": rng.normal(size=(9, 3)), "w": rng.normal(size=3), "b": 0.5}
    found, (value, grads, again) = f.hessian(**args), f.value_grad_and_hessian(**args)
    for one in f.wrt:
        for other in f.wrt:
            units = np.eye(np.size(args[other])).reshape(-1, *np.shape(args[other]))
            zeros = {name: np.zeros(np.shape(args[name])) for name in f.wrt}
            columns = [f.hvp({**zeros, other: unit}, **args)[one] for unit in units]
            wanted = np.moveaxis(np.array(columns), 0, -1).reshape(
                found[one][other].shape if np.ndim(found[one][other]) else ()
            )
            np.testing.assert_allclose(found[one][other], wanted, rtol=1e-11, atol=1e-12)
            np.testing.assert_array_equal(found[one][other], again[one][other])
    assert value == f(**args) and grads.b == pytest.approx(f.grad(**args).b)


def test_float32_and_many_parameters():
    text = " + ".join(f"p[{k}]*t**{k}" for k in range(12))
    p, t = np.linspace(-1, 1, 12).astype("f4"), T.astype("f4")
    f = gradc.compile(text, inputs="p t", wrt="p")
    found = f.jacobian(p, t).p
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, t[:, None] ** np.arange(12), rtol=1e-5)
    np.testing.assert_array_equal(f.hessian(p, t).p.p, np.zeros((12, 12)))


def test_too_few_parameters():
    f = gradc.compile("p[0]*exp(-p[1]*t)", wrt="p")
    f.jacobian(PARAMETERS, T)
    with pytest.raises(gradc.Error, match="index 1 is out of range"):
        f.jacobian(PARAMETERS[:1], T)
