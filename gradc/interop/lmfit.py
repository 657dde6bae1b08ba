"""Exact Jacobians for lmfit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradc.interop import scipy
from gradc.language.diagnostics import Error

if TYPE_CHECKING:
    import lmfit


class Problem:
    """An objective of residuals for `lmfit.minimize(p.residual, p.parameters, Dfun=p.Dfun)`.

    Elements of arrays are parameters of their own: `W[0,1]` is called `W_0_1`. Fixed parameters do not vary.
    """

    def __init__(self, residuals: scipy.Residuals):
        if not isinstance(residuals, scipy.Residuals):
            raise Error(
                "G0607", "lmfit minimises residuals, not a number", help="write the function without the sum of squares"
            )
        self.residuals = residuals
        self._names = [name.translate(scipy.IDENTIFIER) for name in residuals.names]

    @property
    def parameters(self) -> lmfit.Parameters:
        """The parameters as `lmfit` keeps them, with their bounds, at their start."""
        from lmfit import Parameters

        mine, made = self.residuals.parameters, Parameters()
        for name, value, lower, upper in zip(self._names, mine.x0, mine.lower, mine.upper):
            made.add(name, value=value, min=lower, max=upper)
        for name, value in mine.fixed.items():
            if np.ndim(value) == 0:
                made.add(name, value=value, vary=False)
        return made

    def residual(self, params: Any) -> np.ndarray:
        """The residuals."""
        return self.residuals.value(self._vector(params))

    def Dfun(self, params: Any) -> np.ndarray:
        """Their Jacobian: a column for each parameter that varies."""
        jacobian = self.residuals.jac(self._vector(params))
        return np.array(jacobian[:, _varying(params, self._names)])

    def _vector(self, params: Any) -> np.ndarray:
        return np.array([params[name].value for name in self._names], np.float64)


class ModelSlopes:
    """`Dfun` for `lmfit.Model(f).fit(y, params, t=t, fit_kws={"Dfun": ...})`."""

    def __init__(self, model: scipy.Model, prefix: str = ""):
        self.model = model
        self._names = [prefix + name.translate(scipy.IDENTIFIER) for name in model.names]

    def __call__(self, params: Any, data: Any, weights: Any = None, **variables: Any) -> np.ndarray:
        """The Jacobian of `(data - model) * weights`: a column for each parameter that varies."""
        x = [variables[name] for name in self.model.variables]
        numbers = [params[name].value for name in self._names]
        jacobian = -self.model.jac(x if len(x) > 1 else x[0], *numbers)[:, _varying(params, self._names)]
        return jacobian if weights is None else jacobian * np.reshape(weights, (-1, 1))


def problem(residuals: scipy.Residuals, /) -> Problem:
    """An objective of residuals as `lmfit.minimize` takes it.

    >>> import lmfit
    >>> data = {"t": np.arange(4.0), "y": [3.0, 1.0, 0.4, 0.1]}
    >>> p = problem(scipy.objective("a*exp(-b*t) - y", data=data, start={"a": 1.0, "b": 1.0}))
    >>> found = lmfit.minimize(p.residual, p.parameters, Dfun=p.Dfun)
    >>> round(found.params["a"].value, 2), found.nfev < 12
    (3.0, True)
    """
    return Problem(residuals)


def slopes(function: Any, variables: Any, /, *, start: Any, prefix: str = "", **options: Any) -> ModelSlopes:
    """`Dfun` for a fit of `lmfit.Model(function)`.

    variables, start and options such as `fixed`: as for `gradc.interop.scipy.model`. prefix: that of the model.
    """
    return ModelSlopes(scipy.model(function, variables, start=start, **options), prefix)


def _varying(params: Any, names: Sequence[str]) -> list[int]:
    """The columns of parameters that vary, in the order in which lmfit counts them."""
    for name, parameter in params.items():
        if parameter.expr:
            help = "leave Dfun out, or write the expression into the program"
            raise Error("G0607", f"`{name}` is tied to other parameters, which Dfun does not follow", help=help)
    return [names.index(name) for name, parameter in params.items() if parameter.vary]
