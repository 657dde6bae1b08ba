"""Somebody who fits models: a decay with errors, from the README's objective to a covariance, with three libraries."""

import pickle

import iminuit
import lmfit
import numpy as np
from iminuit.cost import LeastSquares
from scipy.optimize import curve_fit, least_squares, minimize

import gradc

rng = np.random.default_rng(3)
t = np.linspace(0, 5, 150)
y = 3.0 * np.exp(-0.8 * t) + 1.0 + 0.05 * rng.normal(size=t.size)
start = {"a": 1.0, "b": 1.0, "c": 0.0}
truth = {"a": 3.0, "b": 0.8, "c": 1.0}


def close(found, to, within=1e-3):
    np.testing.assert_allclose(list(found), list(to), atol=within)


# the loss in one line, minimised, and its errors
loss = gradc.interop.scipy.objective(
    "0.5*sum(((y - a*exp(-b*t) - c) / s)**2)", data={"t": t, "y": y, "s": 0.05}, start=start, bounds={"b": (0, None)}
)
fit = minimize(loss, loss.x0, jac=True, bounds=loss.bounds)
best = loss.unpack(fit.x)
errors = np.sqrt(np.diag(np.linalg.inv(loss.hess(fit.x))))
assert all(abs(best[name] - truth[name]) < 4 * error for name, error in zip(loss.names, errors))

# the same by residuals, by a curve, and with other libraries
r = gradc.interop.scipy.objective("(y - a*exp(-b*t) - c) / s", data={"t": t, "y": y, "s": 0.05}, start=start)
close(least_squares(r.value, r.x0, jac=r.jac, bounds=r.bounds).x, best.values())
m = gradc.interop.scipy.model("a*exp(-b*t) + c", "t", start=start)
found, covariance = curve_fit(m, t, y, m.x0, jac=m.jac, sigma=np.full(t.size, 0.05), absolute_sigma=True)
close(found, best.values())
np.testing.assert_allclose(np.sqrt(np.diag(covariance)), errors, rtol=0.05)
minuit = iminuit.Minuit(loss.value, *loss.x0)
minuit.errordef = iminuit.Minuit.LIKELIHOOD
assert minuit.migrad().valid and minuit.ngrad > 0
np.testing.assert_allclose(minuit.errors, errors, rtol=0.05)
chi2 = iminuit.Minuit(LeastSquares(t, y, 0.05, m, grad=m.grad), **start)
assert chi2.migrad().valid
close(chi2.values, best.values(), 2e-3)


def decay(t, a, b, c):
    return a * np.exp(-b * t) + c


compiled = gradc.compile(decay)
for function in (compiled, gradc.compile("a*exp(-b*t) + c", inputs="t a b c")):
    close(curve_fit(function, t, y)[0], best.values())
report = lmfit.Model(compiled).fit(y, t=t, **start)
close([report.params[name].value for name in best], best.values())
assert "decay" in report.fit_report()

# one parameter stays, another is an array; the objective goes to another process and back
peaks = gradc.interop.scipy.objective(
    "sum((y - w[0]*exp(-w[1]*t) - c)**2)", data={"t": t, "y": y}, start={"w": [1.0, 1.0]}, fixed={"c": 1.0}
)
again = pickle.loads(pickle.dumps(peaks))
assert (
    minimize(again, again.x0, jac=True, bounds=again.bounds).fun
    == minimize(peaks, peaks.x0, jac=True, bounds=peaks.bounds).fun
)

# mistakes have answers
for mistake in (
    {"start": {"a": 1.0, "bb": 1.0, "c": 0.0}},
    {"start": start, "bounds": {"b": (2, 1)}},
    {"start": start, "fixed": {"c": 1.0}},
    {"start": start, "data": {"t": t, "y": np.where(t > 4, np.nan, y)}},
):
    try:
        gradc.interop.scipy.objective("sum((y - a*exp(-b*t) - c)**2)", **({"data": {"t": t, "y": y}} | mistake))
    except gradc.Error as error:
        assert error.help and error.code.startswith("G06"), error
    else:
        raise AssertionError(mistake)
