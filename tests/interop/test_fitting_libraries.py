"""Real libraries take a function as it is: they find its name, its signature and its gradient."""

import inspect
import pickle

import iminuit.cost
import lmfit
import numpy as np
import pytest
from iminuit import Minuit
from scipy.optimize import curve_fit

import gradc
from gradc.interop import lmfit as exact
from gradc.interop.scipy import model, objective

T = np.linspace(0, 4, 120)
NOISE = 0.02
Y = 2.5 * np.exp(-1.3 * T) + 0.5 + np.random.default_rng(0).normal(size=T.size) * NOISE
TEXT = "a*exp(-b*t) + c"
START = {"a": 1.0, "b": 1.0, "c": 0.0}
FOUND, COVARIANCE = curve_fit(lambda t, a, b, c: a * np.exp(-b * t) + c, T, Y, sigma=np.full(T.size, NOISE),
                              absolute_sigma=True)  # fmt: skip
ERRORS = np.sqrt(np.diag(COVARIANCE))


@pytest.fixture(params=["by order", "by name"])
def f(request):
    """The variable comes first, as these libraries want it."""
    if request.param == "by order":
        return gradc.compile(TEXT, inputs="t a b c")
    return gradc.compile(f"decay(t, a, b, c) = {TEXT}")


@pytest.fixture
def m():
    return model(TEXT, "t", start=START)


def test_names_and_signatures(f, m):
    assert f.__name__ in ("function", "decay") and list(inspect.signature(f).parameters) == ["t", "a", "b", "c"]
    assert list(inspect.signature(m).parameters) == ["t", "a", "b", "c"]
    arrays = model("X @ W", "X", start={"W": np.zeros((2, 2))})
    assert list(inspect.signature(arrays).parameters) == ["X", "W_0_0", "W_0_1", "W_1_0", "W_1_1"]


def test_curve_fit(f, m):
    np.testing.assert_allclose(curve_fit(f, T, Y)[0], FOUND, rtol=1e-5)
    np.testing.assert_allclose(curve_fit(m, T, Y)[0], FOUND, rtol=1e-5)
    found, covariance = curve_fit(
        m, T, Y, m.x0, sigma=np.full(T.size, NOISE), absolute_sigma=True, jac=m.jac, bounds=m.bounds
    )
    np.testing.assert_allclose(found, FOUND, rtol=1e-5)
    np.testing.assert_allclose(covariance, COVARIANCE, rtol=1e-4)
    assert m.unpack(found)["b"] == found[1]


def test_the_covariance_is_that_of_the_hessian():
    loss = objective("0.5 * sum(((y - a*exp(-b*t) - c) / s)**2)", data={"t": T, "y": Y, "s": NOISE},
                     start=dict(zip("abc", FOUND)))  # fmt: skip
    np.testing.assert_allclose(np.linalg.inv(loss.hess(loss.x0)), COVARIANCE, rtol=0.05)


def test_iminuit_least_squares(f, m):
    for function, grad in ((f, None), (m, None), (m, m.grad)):
        fit = Minuit(iminuit.cost.LeastSquares(T, Y, NOISE, function, grad=grad), **START)
        fit.migrad()
        assert fit.valid and fit.parameters == ("a", "b", "c")
        assert grad is None or fit.ngrad > 0
        np.testing.assert_allclose(fit.values, FOUND, rtol=1e-3)
        np.testing.assert_allclose(fit.errors, ERRORS, rtol=0.05)


def test_iminuit_finds_the_gradient():
    loss = objective("sum(((y - a*exp(-b*t) - c) / s)**2)", data={"t": T, "y": Y, "s": NOISE},
                     start=START, bounds={"b": (0, 5)})  # fmt: skip
    for fit in (Minuit(loss.value, *loss.x0), Minuit(loss.value, loss.x0, name=loss.names)):
        fit.migrad()
        assert fit.valid and fit.ngrad > 0 and fit.parameters == ("a", "b", "c")
        np.testing.assert_allclose(fit.values, FOUND, rtol=1e-3)
    limits = Minuit(loss.value, *loss.x0).limits
    assert limits["b"] == (0, 5) and limits["a"] == (-np.inf, np.inf)
    by_itself = Minuit(gradc.compile("(a - 1)**2 + (b - 2)**2"), a=0, b=0)
    by_itself.migrad()
    assert by_itself.ngrad > 0 and np.allclose(by_itself.values, [1, 2], atol=1e-3)


def test_lmfit_model(f):
    plain = lmfit.Model(f)
    assert (
        plain.independent_vars == ["t"]
        and plain.param_names == ["a", "b", "c"]
        and plain.name == f"Model({f.__name__})"
    )
    slow = plain.fit(Y, t=T, weights=1 / NOISE, **START)
    fast = plain.fit(
        Y, t=T, weights=1 / NOISE, fit_kws={"Dfun": exact.slopes(TEXT, "t", start=START)}, **START
    )  # fmt: skip
    for fit in (slow, fast):
        np.testing.assert_allclose([fit.params[name].value for name in "abc"], FOUND, rtol=1e-4)
    assert fast.nfev < slow.nfev


def test_lmfit_by_any_order():
    """The names protect: the order of the program's own inputs does not matter."""
    fit = lmfit.Model(gradc.compile(TEXT), independent_vars=["t"]).fit(Y, t=T, **START)
    np.testing.assert_allclose([fit.params[name].value for name in "abc"], FOUND, rtol=1e-4)


@pytest.mark.parametrize("method", ["leastsq", "least_squares"])
def test_lmfit_minimize(method):
    residuals = objective("(y - w[0]*exp(-w[1]*t) - c) / s", data={"t": T, "y": Y, "s": NOISE},
                          start={"w": [1.0, 1.0], "c": 0.1}, bounds={"c": (0, None)})  # fmt: skip
    p = exact.problem(residuals)
    fit = lmfit.minimize(p.residual, p.parameters, method=method, Dfun=p.Dfun)
    np.testing.assert_allclose([fit.params[name].value for name in ("w_0", "w_1", "c")], FOUND, rtol=1e-4)
    parameters = p.parameters
    parameters["w_1"].set(value=1.3, vary=False)
    fit = lmfit.minimize(p.residual, parameters, method=method, Dfun=p.Dfun)
    assert fit.params["w_1"].value == 1.3 and fit.success
    parameters["c"].set(expr="w_0 / 5")
    with pytest.raises(gradc.Error, match="tied to other parameters"):
        lmfit.minimize(p.residual, parameters, Dfun=p.Dfun)


def test_slopes_of_models():
    """One pass where the model is elementwise; as exact where it is not."""
    for text, values in ((TEXT, FOUND), ("a*exp(-b*t) + max(c) + sum(a)", FOUND)):
        m = model(text, "t", start=START)
        by_name = m.function.jacobian(t=T, **dict(zip("abc", values)))
        np.testing.assert_allclose(m.jac(T, *values), np.stack(by_name, axis=1), rtol=1e-13)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(m)).grad(T, *values), m.jac(T, *values).T)
    two = model("a*x + b*y**2", "x y", start={"a": 1.0, "b": 1.0})
    found, _ = curve_fit(two, np.stack([T, T - 1]), 3 * T - 2 * (T - 1) ** 2, two.x0, jac=two.jac)
    np.testing.assert_allclose(found, [3, -2])


BAD = {
    "a number for lmfit": lambda: exact.problem(objective("sum(a**2)", start={"a": 1.0})),
    "no variable": lambda: model(TEXT, "", start=START | {"t": 1.0}),
    "the variable is a parameter": lambda: model(TEXT, "t a", start=START),
    "too few parameters": lambda: model(TEXT, "t", start=START)(T, 1.0, 2.0),
    "too few rows of x": lambda: model("a*x + y", "x y", start={"a": 1.0})(np.zeros((3, 4)), 1.0),
}


def test_messages(golden):
    rendered = []
    for title, call in BAD.items():
        with pytest.raises(gradc.Error) as caught:
            call()
        rendered.append(f"== {title}\n{caught.value}\n")
    golden("messages/models.txt", "\n".join(rendered))
