"""A user's function with other modules around it: functions that look at values, such as `np.array`, and those of
autograd and JAX, in forms that take traced values.

The function itself is untouched: its code runs with a copy of its globals, and so do the user's own functions that
these globals hold.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from gradc.frontends.traced.table import NEURAL, NORMAL, Numpy, normal
from gradc.frontends.traced.values import tracing_in

LIKE_NUMPY = ("numpy", "autograd.numpy", "autograd.numpy.numpy_wrapper", "jax.numpy")
LIKE_LINALG = ("numpy.linalg", "autograd.numpy.linalg", "jax.numpy.linalg")
LIKE_SPECIAL = ("scipy.special", "autograd.scipy.special", "jax.scipy.special")
LIKE_STATS = ("scipy.stats", "autograd.scipy.stats", "jax.scipy.stats")
LIKE_RANDOM = ("numpy.random", "autograd.numpy.random")
PARENTS = ("scipy", "autograd.scipy", "autograd", "jax", "jax.scipy")
NOT_SWAPPED = ("gradc",)
INSTALLED = tuple({sysconfig.get_path(kind) + os.sep for kind in ("stdlib", "platstdlib", "purelib", "platlib")})

MAKERS = ("array", "asarray", "asanyarray", "ascontiguousarray", "zeros", "ones", "empty", "full", "eye", "identity",
          "arange", "linspace", "logspace", "atleast_1d", "atleast_2d", "hstack", "vstack", "concatenate", "stack",
          "polyval", "vander", "sum", "mean", "prod", "max", "min", "amax", "amin", "std", "var", "median", "average",
          "any", "all", "argmax", "argmin", "sort", "cumsum", "cumprod", "dot", "diff")  # fmt: skip
"""NumPy's functions that know traced values only when they are told, if at all: those in a list."""

SPECIAL = ("logsumexp", "softmax", "log_softmax", "polygamma", "multigammaln", "comb", "factorial")
"""Functions of `scipy.special` that are no ufuncs."""


DRAWING = tuple(
    name for name in dir(np.random)
    if getattr(getattr(np.random, name), "__self__", None) is np.random.mtrand._rand  # type: ignore[attr-defined]
    and "seed" not in name and "state" not in name and "generator" not in name
)  # fmt: skip
"""What draws from NumPy's one generator for all."""

ONCE = "the numbers would be drawn once and for all, when the function is traced: draw them before, and pass them on"


class Overlay:
    """A module some of whose functions are replaced; everything else is the module's own."""

    def __init__(self, module: Any, replaced: dict[str, Any], fallback: Any = None):
        self.__dict__.update(_module=module, _replaced=replaced, _fallback=fallback)

    def __getattr__(self, name: str) -> Any:
        if name in self._replaced:
            return self._replaced[name]
        if self._fallback is not None and hasattr(self._fallback, name):
            return getattr(self._fallback, name)
        return getattr(self._module, name)

    def __repr__(self) -> str:
        return repr(self._module)


class Surroundings:
    """What a traced function finds around it."""

    def __init__(self, tracing: Any):
        self.tracing = tracing
        self.home = ""
        self.pending: list[tuple[FunctionType, FunctionType]] = []
        self.functions: dict[int, tuple[Any, Any]] = {}
        self.globals: dict[int, dict[str, Any]] = {}
        self.overlays: dict[str, Overlay] = {}
        numpy = Numpy(tracing)
        self.numpy = {name: self._either(getattr(np, name), self._named(name)) for name in MAKERS}
        self.special = {name: self._special(name, getattr(numpy, name)) for name in SPECIAL}
        self.normal = {name: self._normal(name) for name in NORMAL}

    # ------------------------------------------------------------ functions that take both

    @staticmethod
    def _either(plain: Callable[..., Any], traced: Callable[..., Any]) -> Callable[..., Any]:
        def either(*args: Any, **keywords: Any) -> Any:
            is_traced = tracing_in([*args, *keywords.values()]) is not None
            return (traced if is_traced else plain)(*args, **keywords)

        return either

    def _named(self, name: str) -> Callable[..., Any]:
        return lambda *args, **keywords: self.tracing.function(name, *args, **keywords)

    def _special(self, name: str, traced: Callable[..., Any]) -> Callable[..., Any]:
        def plain(*args: Any, **keywords: Any) -> Any:
            import scipy.special

            return getattr(scipy.special, name)(*args, **keywords)

        return self._either(plain, traced)

    def _normal(self, name: str) -> Callable[..., Any]:
        def plain(*args: Any, **keywords: Any) -> Any:
            from scipy.stats import norm

            return getattr(norm, name)(*args, **keywords)

        return self._either(plain, lambda *args, **keywords: normal(self.tracing, name, *args, **keywords))

    def _drawing(self, name: str) -> Callable[..., Any]:
        return lambda *args, **keywords: self.tracing.unknown(f"np.random.{name}", ONCE)

    def _seeded(self, name: str) -> Callable[..., Any]:
        return lambda *seed: (
            getattr(np.random, name)(*seed) if seed else self.tracing.unknown(f"np.random.{name}", ONCE)
        )

    # ------------------------------------------------------------ modules

    def module(self, name: str, real: Any) -> Any:
        """A module as a traced function sees it."""
        if name not in self.overlays:
            self.overlays[name] = self._overlay(name, real)
        return self.overlays[name]

    def _overlay(self, name: str, real: Any) -> Any:
        if name in LIKE_NUMPY:
            inner = {"linalg": self.module("numpy.linalg", np.linalg), "random": self.module("numpy.random", np.random)}
            return Overlay(real, self.numpy | inner, None if name == "numpy" else np)
        if name in LIKE_RANDOM:
            drawing = {each: self._drawing(each) for each in DRAWING}
            return Overlay(real, {**drawing, "default_rng": self._seeded("default_rng")}, np.random)
        if name in LIKE_LINALG:
            return Overlay(real, {"norm": self._either(np.linalg.norm, self._named("norm"))}, np.linalg)
        if name in LIKE_SPECIAL:
            import scipy.special

            return Overlay(real, self.special, scipy.special)
        if name in LIKE_STATS or name.endswith("stats.norm"):
            norm = Overlay(getattr(real, "norm", real), self.normal)
            return norm if name.endswith("norm") else Overlay(real, {"norm": norm})
        if name == "jax.nn":
            own = {each: self._named(ours) for each, ours in NEURAL.items()}
            own |= {each: self.special[each] for each in ("softmax", "log_softmax", "logsumexp")}
            return Overlay(real, {**own, "one_hot": self._named("one_hot"), "gelu": self._named("gelu")})
        inner = {key: value for key, value in vars(real).items() if isinstance(value, ModuleType)}
        return Overlay(real, {key: self.module(value.__name__, value) for key, value in inner.items()
                              if _is_known(value.__name__)})  # fmt: skip

    # ------------------------------------------------------------ what a function's names stand for

    def around(self, function: Any) -> Any:
        """The function that was handed over, with these surroundings, and with it all that it calls of the user's."""
        inner = getattr(function, "__func__", getattr(function, "__wrapped__", function))
        caller, self.home = self.home, str(getattr(inner, "__module__", None) or "").split(".")[0]
        found = self.swapped(function)
        while self.pending:
            self._surround(*self.pending.pop())
        self.home = caller
        return found

    def swapped(self, value: Any) -> Any:
        """What stands for a global or a captured value."""
        if isinstance(value, ModuleType):
            return self.module(value.__name__, value) if _is_known(value.__name__) else value
        if isinstance(value, FunctionType):
            return self._imported(value) or self.function(value)
        if isinstance(value, MethodType) and isinstance(value.__func__, FunctionType):
            return MethodType(self.function(value.__func__), value.__self__)
        inner = getattr(value, "__wrapped__", None)
        if isinstance(inner, FunctionType) and type(value).__module__.startswith(("jax", "jaxlib", "functools")):
            return self._imported(value) or self.function(inner)
        return self._imported(value) or value

    def _imported(self, value: Any) -> Any:
        """What stands for a function that was imported from one of the modules."""
        if not callable(value) or isinstance(value, type):
            return self._distribution(value)
        name = getattr(value, "__name__", None)
        if not isinstance(name, str):
            return self._distribution(value)
        for path in (*LIKE_NUMPY, *LIKE_LINALG, *LIKE_SPECIAL, *LIKE_RANDOM, "jax.nn"):
            module = sys.modules.get(path)
            if module is not None and getattr(module, name, None) is value:
                return getattr(self.module(path, module), name)
        return None

    def _distribution(self, value: Any) -> Any:
        stats = sys.modules.get("scipy.stats")
        if stats is not None and value is getattr(stats, "norm", None):
            return self.module("scipy.stats.norm", value)
        return None

    def function(self, function: FunctionType) -> Any:
        """A function of the user's with these surroundings."""
        if not self._is_own(function):
            return function
        known = self.functions.get(id(function))
        if known is None:
            made = FunctionType(
                function.__code__, self._copy(function), function.__name__, function.__defaults__,
                tuple(CellType() for _ in function.__closure__ or ()) or None,
            )  # fmt: skip
            made.__kwdefaults__ = function.__kwdefaults__
            made.__qualname__ = function.__qualname__
            made.__dict__.update(function.__dict__)
            known = self.functions[id(function)] = function, made
            self.pending.append((function, made))
        return known[1]

    def _is_own(self, function: FunctionType) -> bool:
        """Whether a function is the user's: of the package of the one that was handed over, or of no installed one."""
        package = str(function.__module__ or "").split(".")[0]
        if package in NOT_SWAPPED:
            return False
        return package == self.home or not function.__code__.co_filename.startswith(INSTALLED)

    def _surround(self, function: FunctionType, made: FunctionType) -> None:
        """Swap what a function has in its closure, and the globals that it names."""
        for cell, new in zip(function.__closure__ or (), made.__closure__ or ()):
            try:
                new.cell_contents = self.swapped(cell.cell_contents)
            except ValueError:  # an empty cell
                pass
        original, copy = function.__globals__, made.__globals__
        for name in _names(function.__code__):
            if name in original and copy.get(name) is original[name]:
                copy[name] = self.swapped(original[name])

    def _copy(self, function: FunctionType) -> dict[str, Any]:
        """A copy of the globals of a function, the same for all functions of its module."""
        original = function.__globals__
        copy = self.globals.get(id(original))
        if copy is None:
            copy = self.globals[id(original)] = dict(original)
        return copy


def _names(code: CodeType) -> set[str]:
    """The names that a function and those inside it look up."""
    found: set[str] = set()
    stack = [code]
    while stack:
        each = stack.pop()
        found |= set(each.co_names)
        stack += [constant for constant in each.co_consts if isinstance(constant, CodeType)]
    return found


def _is_known(name: str) -> bool:
    known = (*LIKE_NUMPY, *LIKE_LINALG, *LIKE_SPECIAL, *LIKE_STATS, *LIKE_RANDOM, *PARENTS, "jax.nn")
    return name in known or name.endswith("stats.norm")
