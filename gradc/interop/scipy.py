"""Objectives for SciPy: parameters in one vector, value and flat gradient in one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from gradc.function import BoundFunction, Function
from gradc.interop.flat import FlatFunction, calls_for, differentiated, side_by_side, unbound
from gradc.interop.integrands import integrand
from gradc.interop.parameters import Parameters, by_name, check_roles, checked, listed_names
from gradc.language.diagnostics import Error
from gradc.program import Program

if TYPE_CHECKING:
    from scipy.optimize import Bounds

__all__ = ["Loss", "Model", "Residuals", "integrand", "model", "objective"]


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
    function, bound = unbound(function, (*given, *parameters.start, *known))
    check_roles(function, data=[*bound, *given], start=parameters.start, fixed=known)
    if check_finite:
        for name, value in (*given.items(), *known.items()):
            checked(f"`{name}`", value, help="leave such elements out, or pass check_finite=False")
    differentiable = differentiated(function, parameters.start)
    at = {name: parameters.part(parameters.x0, name)[()] for name in parameters.start}
    whole = differentiable.bind(**bound, **given, **known)
    flat = FlatFunction(calls_for(whole, at), parameters, function=whole)
    return (Residuals if flat.shape else Loss)(differentiable, parameters, bound | given, flat)


class Vector:
    """A function of parameters that stand in one vector."""

    def __init__(self, function: Function, parameters: Parameters, data: dict[str, Any]):
        self.function = function
        self.parameters = parameters
        self.data = data

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


class Transforms(Protocol):
    """What computes a loss and its derivatives."""

    def run(self, transform: str, /, *vectors: np.ndarray) -> None:
        """Fill the vectors behind those that are given."""

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """The Hessian, dense."""

    def sparse_hessian(self, x: np.ndarray) -> Any:
        """The Hessian as a SciPy array in CSR format."""


class Objective(Vector):
    """What `objective` returns: a number, or an array, as a function of one vector."""

    def __reduce__(self) -> tuple[Any, ...]:
        p = self.parameters
        return _rebuilt, (objective, self.function, self.data, p.start, p.given_bounds, p.fixed)


class Loss(Objective):
    """A number as a function of one vector.

    `minimize(loss, loss.x0, jac=True, bounds=loss.bounds)`; `hess=loss.hess` or `hessp=loss.hessp` for methods that
    use them; `Minuit(loss.value, *loss.x0)`, which finds gradient, names and limits.
    """

    def __init__(self, function: Function, parameters: Parameters, data: dict[str, Any], flat: Transforms):
        super().__init__(function, parameters, data)
        self._flat = flat

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
        """The Hessian, dense."""
        return self._flat.hessian(self.parameters.vector(x))

    def sparse_hess(self, x: Any) -> Any:
        """The Hessian as a SciPy array in CSR format: `minimize(loss, loss.x0, jac=True, hess=loss.sparse_hess,
        method="trust-constr")`. See `Function.hessian`."""
        return self._flat.sparse_hessian(self.parameters.vector(x))


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

    def __init__(self, function: Function, parameters: Parameters, data: dict[str, Any], flat: FlatFunction):
        super().__init__(function, parameters, data)
        self._flat = flat

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
        return self._flat.jacobian(self.parameters.vector(x))

    def sparse_jac(self, x: Any) -> Any:
        """The Jacobian as a SciPy array in CSR format: `least_squares(r.value, r.x0, jac=r.sparse_jac)`. See
        `Function.jacobian`."""
        return self._flat.sparse_jacobian(self.parameters.vector(x))


def model(
    function: Function | BoundFunction | str | Program,
    variables: str | Iterable[str],
    /,
    *,
    start: Mapping[str, Any],
    data: Mapping[str, Any] | None = None,
    fixed: Mapping[str, Any] | None = None,
    bounds: Mapping[str, tuple[Any, Any]] | None = None,
) -> Model:
    """A model as `curve_fit` calls it, `m(t, a, b, ...)`, whatever the order of the function's inputs.

    variables: the inputs that the fit's x values go to; of several, x has a row for each.
    start, data, fixed, bounds: as for `objective`.

    >>> from scipy.optimize import curve_fit
    >>> t = np.linspace(0, 2, 9)
    >>> m = model("a*exp(-b*t)", "t", start={"a": 1.0, "b": 1.0})
    >>> curve_fit(m, t, 3 * np.exp(-2 * t), m.x0, jac=m.jac)[0].round(6)
    array([3., 2.])
    """
    parameters = Parameters(start, bounds, fixed)
    given, known = by_name("data", data), by_name("fixed", fixed)
    names = listed_names(variables)
    whole, bound = unbound(function, (*names, *given, *parameters.start, *known))
    check_roles(whole, variables=names, start=parameters.start, data=[*bound, *given], fixed=known)
    if not names:
        raise Error("G0607", "the model has no variable", help="name the input that x is given for, such as 't'")
    for name, value in (*given.items(), *known.items()):
        checked(f"`{name}`", value)
    return Model(differentiated(whole, parameters.start), names, parameters, bound | given)


class Model(Vector):
    """What `model` returns: called with x and the numbers of the parameters, it gives the values.

    `curve_fit(m, t, y, m.x0, jac=m.jac, bounds=m.bounds)`; `LeastSquares(t, y, error, m, grad=m.grad)` of iminuit.
    """

    def __init__(self, function: Function, variables: tuple[str, ...], parameters: Parameters, data: dict[str, Any]):
        super().__init__(function, parameters, data)
        self.variables = variables
        self._bound = function.bind(**data, **parameters.fixed)
        self.__name__ = self.__qualname__ = function.__name__
        names = [*variables, *(name.translate(IDENTIFIER) for name in self.names)]
        self.__signature__ = Signature([Parameter(name, Parameter.POSITIONAL_ONLY) for name in names])

    def __reduce__(self) -> tuple[Any, ...]:
        p = self.parameters
        return _rebuilt, (model, self.function, self.data, p.start, p.given_bounds, p.fixed, self.variables)

    def __call__(self, x: Any, /, *p: Any) -> np.ndarray:
        """The values for x."""
        return self._bound(**self._arguments(x, p))

    def jac(self, x: Any, /, *p: Any) -> np.ndarray:
        """The Jacobian: a row for each value, a column for each parameter."""
        by_name = self._arguments(x, p)
        calls = calls_for(self._bound, by_name)
        given = [by_name[name] for name in calls.inputs]
        return side_by_side(calls, given, self.parameters)

    def grad(self, x: Any, /, *p: Any) -> np.ndarray:
        """The same with a row for each parameter, as iminuit takes it."""
        return self.jac(x, *p).T

    def _arguments(self, x: Any, p: Sequence[Any]) -> dict[str, Any]:
        """The arguments by name."""
        vector = self.parameters.vector(p)
        several = len(self.variables) > 1
        if several and len(x) != len(self.variables):
            raise Error("G0603", f"x has {len(x)} rows, not one for each of {', '.join(self.variables)}")
        values = dict(zip(self.variables, x if several else [x]))
        return values | {name: self.parameters.part(vector, name)[()] for name in self.parameters.first}


IDENTIFIER = str.maketrans({"[": "_", ",": "_", "]": None})
"""What makes the name of an element, `W[0,1]`, one that Python and lmfit take: `W_0_1`."""


def _rebuilt(make: Any, function: Function, data: dict, start: dict, bounds: dict, fixed: dict, *first: Any) -> Any:
    unchecked = {} if first else {"check_finite": False}
    return make(function, *first, data=data, start=start, bounds=bounds, fixed=fixed, **unchecked)
