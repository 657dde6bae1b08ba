"""Named parameters in one vector: where each one stands, where the fit starts, between which bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from gradc.function import Function
from gradc.ir.types import shape_text
from gradc.language.diagnostics import Error
from gradc.language.spelling import closest
from gradc.runtime import arguments


class Parameters:
    """The parameters of a fit, in the order of `start`, each array row by row.

    Raises `Error` G0607 for a start that is empty, not finite or outside of its bounds, and for bounds that are
    inverted or belong to no parameter.
    """

    def __init__(self, start: Any, bounds: Any = None, fixed: Any = None):
        self.start = by_name("start", start)
        self.given_bounds = by_name("bounds", bounds)
        self.fixed = by_name("fixed", fixed)
        if not self.start:
            raise Error("G0607", "start names no parameter", help="such as start={'a': 1.0}")
        values = {name: checked(f"the start of `{name}`", value) for name, value in self.start.items()}
        self.shapes = {name: value.shape for name, value in values.items()}
        self.first: dict[str, int] = {}
        """Where each parameter begins in the vector."""
        self.size = 0
        for name, value in values.items():
            self.first[name] = self.size
            self.size += value.size
        if not self.size:
            raise Error("G0607", "the parameters have no elements", help="start gives each one its shape")
        self.x0 = np.empty(self.size)
        self.lower, self.upper = np.full(self.size, -np.inf), np.full(self.size, np.inf)
        for name, value in values.items():
            self.part(self.x0, name)[...] = value
        for name, pair in self.given_bounds.items():
            self._bound(name, pair)

    def _bound(self, name: str, pair: Any) -> None:
        """Set the bounds of one parameter."""
        if name not in self.first:
            if name in self.fixed:
                raise Error("G0607", f"`{name}` has bounds and is fixed", help="drop one of them")
            near = closest(name, self.first)
            known = f"did you mean `{near}`?" if near else f"start names {arguments.listed(tuple(self.first))}"
            raise Error("G0607", f"bounds name `{name}`, which is no parameter", help=known)
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise Error("G0607", f"the bounds of `{name}` are no pair", help="as in (0, None): from 0 on, without end")
        for vector, what, none, value in zip((self.lower, self.upper), ("lower", "upper"), (-np.inf, np.inf), pair):
            subject = f"the {what} bound of `{name}`"
            array = arguments.as_array(subject, none if value is None else value)
            if np.isnan(array).any():
                raise Error("G0607", f"{subject} is NaN", help="None stands for no bound")
            try:
                self.part(vector, name)[...] = array
            except ValueError:
                raise Error(
                    "G0607", f"{subject} {arguments.has_shape(array)}, and `{name}` {_shaped(self.shapes[name])}",
                    help="a number, or an array of the parameter's shape",
                ) from None  # fmt: skip
        lower, upper = self.part(self.lower, name), self.part(self.upper, name)
        start = self.part(self.x0, name)
        if (at := _where(lower > upper)) is not None:
            raise Error(
                "G0607", f"the bounds of `{_element(name, at)}` are inverted: {lower[at]:g} to {upper[at]:g}",
                help="the lower one comes first",
            )  # fmt: skip
        if (at := _where((start < lower) | (start > upper))) is not None:
            raise Error(
                "G0607",
                f"`{_element(name, at)}` starts at {start[at]:g}, outside of its bounds {lower[at]:g} to {upper[at]:g}",
                help="start inside of the bounds",
            )

    # ------------------------------------------------------------ by name

    def places(self, name: str) -> slice:
        """Where a parameter's numbers are in the vector."""
        return slice(self.first[name], self.first[name] + int(np.prod(self.shapes[name])))

    def part(self, vector: np.ndarray, name: str) -> np.ndarray:
        """The part of a vector that belongs to a parameter, in its shape; a view."""
        shape = self.shapes[name]
        size = int(np.prod(shape))
        first = self.first[name]
        return vector[first : first + size].reshape(shape)

    @property
    def is_few_numbers(self) -> bool:
        """Whether there are no arrays among the parameters, and few of them."""
        return self.size <= 20 and not any(self.shapes.values())

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each element of the vector: `a`, `W[0,1]`."""
        return tuple(_element(name, at) for name, shape in self.shapes.items() for at in product(*map(range, shape)))

    def vector(self, x: Any, what: str = "the vector of parameters") -> np.ndarray:
        """A vector as kernels read it; raises `Error` G0603 for another size."""
        if type(x) is np.ndarray and x.dtype == np.float64 and x.shape == (self.size,) and x.flags.carray:
            return x
        array = arguments.as_array(what, x)
        if array.shape != (self.size,):
            raise Error(
                "G0603", f"{what} {arguments.has_shape(array)}, not {shape_text((self.size,))}",
                help=f"it holds {arguments.listed(self.names)}",
            )  # fmt: skip
        return np.ascontiguousarray(array, np.float64)

    def unpack(self, x: Any) -> dict[str, Any]:
        """Numbers and arrays by name, those of fixed parameters too."""
        vector = self.vector(x).copy()
        found = {name: self.part(vector, name) for name in self.shapes}
        return {name: part if part.ndim else float(part) for name, part in found.items()} | self.fixed

    def pack(self, values: Mapping[str, Any]) -> np.ndarray:
        """The vector of numbers and arrays by name; what is missing stands at its start."""
        x = self.x0.copy()
        for name, value in by_name("the values", values).items():
            if name in self.fixed:
                if not np.array_equal(value, self.fixed[name]):
                    raise Error("G0607", f"`{name}` is fixed at another value", help="leave it out")
                continue
            if name not in self.first:
                raise arguments.unknown(name, tuple(self.first), "parameter")
            array = checked(f"`{name}`", value, finite=False)
            if array.shape != self.shapes[name]:
                raise Error(
                    "G0603", f"`{name}` {arguments.has_shape(array)}, but its start {_shaped(self.shapes[name])}"
                )
            self.part(x, name)[...] = array
        return x


def by_name(what: str, given: Any) -> dict[str, Any]:
    """What the caller gave by name; raises `Error` G0607 for anything else."""
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        shown = "(0, None)" if what == "bounds" else "1.0"
        raise Error("G0607", f"{what} is no mapping from names", help=f"as in {{'a': {shown}, 'b': {shown}}}")
    return dict(given)


def listed_names(given: str | Iterable[str]) -> tuple[str, ...]:
    """Names given as `"a b"`, `"a, b"` or one by one; raises `Error` G0607 for anything else."""
    found = given.replace(",", " ").split() if isinstance(given, str) else given
    found = tuple(found) if isinstance(found, Iterable) else (found,)
    if not all(isinstance(name, str) for name in found):
        raise Error("G0607", f"names are expected, not {type(given).__name__}", help='as in "a b" or ["a", "b"]')
    return found


def checked(subject: str, value: Any, finite: bool = True, help: str = "every number must be finite") -> np.ndarray:
    """A value as an array of numbers; raises `Error` G0607 where one is not finite."""
    array = arguments.as_array(subject, value)
    if finite and array.dtype.kind == "f" and (at := _where(~np.isfinite(array))) is not None:
        where = f" at [{', '.join(map(str, at))}]" if at else ""
        raise Error("G0607", f"{subject} is {array[at]}{where}", help=help)
    return array


def check_roles(function: Function, **roles: Iterable[str]) -> None:
    """Raise `Error` unless every input has one role, such as to be `data`, and those of `start` are floats."""
    inputs, signature = function.inputs, function.program.signature
    role_of: dict[str, str] = {}
    for role, names in roles.items():
        for name in names:
            if name not in inputs:
                raise arguments.unknown(name, inputs, "input")
            if name in role_of:
                help = "every input stands in one of them"
                raise Error("G0607", f"`{name}` is in {role_of[name]} and in {role}", help=help)
            role_of[name] = role
            if role == "start" and not signature.is_float(name):
                help = "put it into data or fixed"
                raise Error("G0607", f"`{name}` holds integers, which cannot be fitted", help=help)
    missing = [f"`{name}`" for name in inputs if name not in role_of]
    if missing:
        what = f"inputs {arguments.listed(missing)} have" if len(missing) > 1 else f"input {missing[0]} has"
        *others, last = roles
        raise Error("G0607", f"{what} no value", help=f"put it into {', '.join(others)} or {last}")


def _where(found: Any) -> tuple[int, ...] | None:
    """The index of the first element for which something was found."""
    if not np.any(found):
        return None
    return tuple(int(k) for k in np.unravel_index(int(np.argmax(found)), np.shape(found)))


def _element(name: str, at: Sequence[int]) -> str:
    return f"{name}[{','.join(map(str, at))}]" if at else name


def _shaped(shape: tuple[int, ...]) -> str:
    return f"has shape {shape_text(shape)}" if shape else "is a scalar"
