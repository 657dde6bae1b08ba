"""Machine code as SciPy's integrators call it, without Python on the way."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gradc.function import BoundFunction, Function
from gradc.interop.flat import calls_for, differentiated, unbound
from gradc.interop.parameters import by_name, check_roles, listed_names
from gradc.ir.types import Type
from gradc.language.diagnostics import Error
from gradc.native.callback import Callback
from gradc.native.engine import NativeKernel
from gradc.program import Program

if TYPE_CHECKING:
    from scipy import LowLevelCallable


def integrand(
    function: Function | BoundFunction | str | Program,
    variables: str | Iterable[str],
    /,
    *,
    args: str | Iterable[str] = (),
    user_data: np.ndarray | None = None,
    fixed: Mapping[str, Any] | None = None,
    derivative: str | None = None,
) -> LowLevelCallable:
    """A function as `quad`, `dblquad` and `nquad` call it fastest: a `scipy.LowLevelCallable`, which keeps its code.

    variables: the inputs to integrate over, in the order in which the integrator passes them.
    args: inputs that the integrator's `args` gives, in order; or that `user_data` holds.
    user_data: a float64 array with a number for each of `args`, read at every call, so that it may change in between.
    fixed: the other inputs, numbers and arrays, as they are now.
    derivative: an input; the integrand is the derivative for it, and the integral that of the whole integral.

    With one variable and without `args`, or with `user_data`, the C signature is `double (double, void *)`, else
    `double (int, double *)`. Raises `Error` G0607 for inputs without a value and for a result that is no number.

    >>> from scipy.integrate import quad
    >>> gauss = integrand("exp(-(x/s)**2)", "x", args="s")
    >>> round(quad(gauss, -10, 10, args=(0.5,))[0], 12)
    0.886226925453
    """
    from scipy import LowLevelCallable

    over, given, known = listed_names(variables), listed_names(args), by_name("fixed", fixed)
    whole, bound = unbound(function, (*over, *given, *known))
    check_roles(whole, variables=over, args=given, fixed=[*bound, *known])
    if not over:
        raise Error("G0607", "there is no variable to integrate over", help='such as integrand(f, "x")')
    if derivative is not None and derivative not in (*over, *given):
        raise Error("G0607", f"derivative names `{derivative}`, which is no number of a call", help="name one of args")
    if user_data is not None:
        _check_user_data(user_data, given, over)
    differentiable = differentiated(whole, () if derivative is None else (derivative,))
    callback = _callback(differentiable.bind(**bound, **known), over, given, user_data is not None)
    if user_data is not None or (len(over) == 1 and not given):
        memory = None if user_data is None else _address(user_data)
        return LowLevelCallable(callback.of_number(), memory, "double (double, void *)")
    return LowLevelCallable(callback.of_points(), None, "double (int, double *)")


def _callback(function: BoundFunction, over: tuple[str, ...], given: tuple[str, ...], is_apart: bool) -> Callback:
    number = np.float64(0.5)
    calls = calls_for(function, dict.fromkeys(function.inputs, number))
    prepared = calls.prepare([number for _ in calls.inputs])
    transform = "value_and_grad" if calls.wrt else "value"
    compilation = calls.specialiser.compilation(transform, prepared.types)
    prepared.sizes(compilation.graph)
    result = compilation.graph["value"].type
    if result.shape:
        help = "sum it, or integrate one element"
        raise Error("G0607", "the integrand is an array, not a number", help=help)
    _, run = calls.specialise(transform, prepared.types)
    if not isinstance(run, NativeKernel):
        help = "leave `engine` out, or integrate `f` itself"
        raise Error("G0604", f"the engine {calls.engine!r} makes no code that SciPy could call", help=help)
    numbers = [type for name, type in zip(calls.specialiser.inputs, prepared.types) if name in calls.inputs]
    if any(type != Type("f64") for type in (*numbers, result)):
        raise Error("G0607", "the numbers of an integrand are f64", help="change the declarations")
    data = {name: array for name, array in zip(calls.specialiser.inputs, prepared.arrays) if name in calls.data}
    first = (over, given) if is_apart else ((*over, *given), ())
    return Callback(run, *first, data, len(calls.wrt))


def _check_user_data(user_data: Any, args: tuple[str, ...], over: tuple[str, ...]) -> None:
    if len(over) != 1:
        raise Error("G0607", "with user_data there is one variable", help="pass the others by the integrator's args")
    is_array = isinstance(user_data, np.ndarray) and user_data.dtype == np.float64
    if not is_array or user_data.shape != (len(args),) or not user_data.flags.carray:
        help = f"such as np.zeros({len(args)}): {', '.join(args) or 'args names nothing'}"
        raise Error("G0607", "user_data is no array of float64 with a number for each of args", help=help)


def _address(array: np.ndarray) -> Any:
    """Where an array is; it lives as long as this."""
    address = ctypes.c_void_p(array.ctypes.data)
    address.owner = array  # type: ignore[attr-defined]
    return address
