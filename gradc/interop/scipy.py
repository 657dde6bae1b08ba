"""Objectives for SciPy: parameters in one vector, value and flat gradient in one call."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gradc.function import BoundFunction, Function
from gradc.interop.flat import FlatFunction, differentiated, unbound, units
from gradc.interop.parameters import Parameters, by_name, check_roles, checked
from gradc.program import Program
from gradc.runtime.dense import check_dense

if TYPE_CHECKING:
    from scipy.optimize import Bounds


def objective(
    function: Function | BoundFunction | str | Program,
    /,
    *,
    start: Mapping[str, Any],
    data: Mapping[str, Any] | None = None,
    fixed: Mapping[str, Any] | None = None,
    bounds: Mapping[str, tuple[Any, Any]] | None = None,
    check_finite: bool = True,
) -> Loss | Residuals:
    """A function of one vector, for SciPy's optimisers, from a function of named inputs.

    function: what `gradc.compile` returns or takes. Where its result is a number the objective is a `Loss`, for
        `minimize`; where it is an array, `Residuals`, for `least_squares` and `root`.
    start: where the fit begins, by name: numbers and arrays, whose shapes are those of the parameters.
    data: the other inputs, checked, converted and copied once.
    fixed: parameters that stay as they are.
    bounds: by name, `(lower, upper)`: numbers or arrays, None for no bound.
    check_finite: whether NaN and infinities in data are an error.

    Raises `Error` G0607 and others, before anything is compiled, for names, values, shapes and bounds that do not fit.

    >>> data = {"t": [0.0, 1.0], "y": [2.0, 1.0]}
    >>> loss = objective("sum((y - a*exp(-b*t))**2)", data=data, start={"a": 1.0, "b": 1.0})
    >>> value, gradient = loss(loss.x0)
    >>> loss.names, gradient.shape
    (('a', 'b'), (2,))
    """
    parameters = Parameters(start, bounds, fixed)
    given, known = by_name("data", data), by_name("fixed", fixed)
    function, bound = unbound(function)
    check_roles(function, data=[*bound, *given], start=parameters.start, fixed=known)
    if check_finite:
        for name, value in (*given.items(), *known.items()):
            checked(f"`{name}`", value, help="leave such elements out, or pass check_finite=False")
    differentiable = differentiated(function, parameters.start)
    flat = FlatFunction(differentiable.bind(**bound, **given, **known), parameters)
    return (Residuals if flat.shape else Loss)(differentiable, parameters, bound | given, flat)


class Objective:
    """What `objective` returns: a function of one vector that holds the parameters."""

    def __init__(self, function: Function, parameters: Parameters, data: dict[str, Any], flat: FlatFunction):
        self.function = function
        self.parameters = parameters
        self.data = data
        self._flat = flat

    def __reduce__(self) -> tuple[Any, ...]:
        p = self.parameters
        return _rebuilt, (self.function, self.data, p.start, p.given_bounds, p.fixed)

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()} of {self.size} numbers, {self.function!r}>"

    @property
    def x0(self) -> np.ndarray:
        """Where the fit begins."""
        return self.parameters.x0.copy()

    @property
    def size(self) -> int:
        """How many numbers the vector holds."""
        return self.parameters.size

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each element of the vector: `a`, `W[0,1]`."""
        return self.parameters.names

    @property
    def bounds(self) -> Bounds:
        """The bounds as `minimize`, `least_squares` and `curve_fit` take them; infinite where there are none."""
        from scipy.optimize import Bounds

        return Bounds(self.parameters.lower.copy(), self.parameters.upper.copy())

    def unpack(self, x: Any) -> dict[str, Any]:
        """Numbers and arrays by name, those of fixed parameters too."""
        return self.parameters.unpack(x)

    def pack(self, values: Mapping[str, Any]) -> np.ndarray:
        """The vector for numbers and arrays by name; what is missing stands at its start."""
        return self.parameters.pack(values)


class Loss(Objective):
    """A number as a function of one vector.

    `minimize(loss, loss.x0, jac=True, bounds=loss.bounds)`; `hess=loss.hess` or `hessp=loss.hessp` for methods that
    use them; `Minuit(loss.value, *loss.x0)`, which finds gradient, names and limits.
    """

    def __call__(self, x: Any) -> tuple[float, np.ndarray]:
        """The value and the gradient: what `minimize` takes with `jac=True`."""
        value, gradient = np.empty(1), np.empty(self.size)
        self._flat.run("value_and_grad", self.parameters.vector(x), value, gradient)
        return float(value[0]), gradient

    @cached_property
    def value(self) -> LossValue:
        """The value alone, as a function of the vector or of its numbers."""
        return LossValue(self)

    def grad(self, x: Any) -> np.ndarray:
        """The gradient alone."""
        return self(x)[1]

    def hessp(self, x: Any, v: Any) -> np.ndarray:
        """The product of the Hessian with a vector."""
        product = np.empty(self.size)
        self._flat.run("hvp", self.parameters.vector(x), self.parameters.vector(v, "the other vector"), product)
        return product

    def hess(self, x: Any) -> np.ndarray:
        """The Hessian, dense: one product for each parameter."""
        check_dense(self.size**2, "Hessian", "hessp")
        x = self.parameters.vector(x)
        rows = np.empty((self.size, self.size))
        for row, unit in zip(rows, units(self.size)):
            self._flat.run("hvp", x, unit, row)
        return rows


class LossValue:
    """The value of a `Loss`. Called with numbers it has the names and limits that iminuit looks for, and `grad`."""

    def __init__(self, loss: Loss):
        self._loss = loss

    def __reduce__(self) -> tuple[Any, ...]:
        return LossValue, (self._loss,)

    def __call__(self, *x: Any) -> float:
        loss, value = self._loss, np.empty(1)
        loss._flat.run("value", loss.parameters.vector(_one(x)), value)
        return float(value[0])

    def grad(self, *x: Any) -> np.ndarray:
        """The gradient."""
        return self._loss.grad(_one(x))

    @property
    def _parameters(self) -> dict[str, tuple[float, float] | None]:
        """Names and limits, as `iminuit.describe` reads them."""
        parameters = self._loss.parameters
        return dict(zip(parameters.names, zip(parameters.lower.tolist(), parameters.upper.tolist())))


def _one(x: tuple[Any, ...]) -> Any:
    """The vector that a call gives whole, or as its numbers."""
    return x[0] if len(x) == 1 and np.ndim(x[0]) else x


class Residuals(Objective):
    """An array as a function of one vector: its elements in order, and their Jacobian.

    `least_squares(r.value, r.x0, jac=r.jac, bounds=r.bounds)`; `root(r, r.x0, jac=True)`.
    """

    def __call__(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        """The values and their Jacobian: what `root` takes with `jac=True`."""
        return self.value(x), self.jac(x)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array that the function gives."""
        return self._flat.shape

    def value(self, x: Any) -> np.ndarray:
        """The elements of the array, in one vector."""
        values = np.empty(self._flat.size)
        self._flat.run("value", self.parameters.vector(x), values)
        return values

    def jac(self, x: Any) -> np.ndarray:
        """The Jacobian: a row for each element of the array, a column for each parameter."""
        x = self.parameters.vector(x)
        rows, columns = self._flat.size, self.size
        check_dense(rows * columns, "Jacobian", "jvp or vjp")
        if rows < columns:
            lines = np.empty((rows, columns))
            for line, unit in zip(lines, units(rows)):
                self._flat.run("vjp", x, unit, line)
            return lines
        lines = np.empty((columns, rows))
        for line, unit in zip(lines, units(columns)):
            self._flat.run("jvp", x, unit, line)
        return lines.T


def _rebuilt(function: Function, data: dict, start: dict, bounds: dict, fixed: dict) -> Any:
    return objective(function, data=data, start=start, bounds=bounds, fixed=fixed, check_finite=False)
