"""What Numba has to be told before it meets a method of ours as a value, as in `vg = f.value_and_grad`: its kernel.

Functions and kernels tell their types themselves; bound methods and built-in functions cannot, so that their types are
asked for here. Numba is not imported for it: where it comes later, it is told then.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import BuiltinFunctionType, MethodType, ModuleType
from typing import Any

from gradc.native.entry import answered_otherwise

TYPES = "numba.core.typing.typeof"
"""Numba's module that finds the types of values."""


def announce() -> None:
    """Tell Numba now, or as soon as it is imported."""
    if TYPES in sys.modules:
        _tell(sys.modules[TYPES])
    else:
        sys.meta_path.insert(0, _UntilNumbaComes())


class _UntilNumbaComes(MetaPathFinder):
    """Waits for one module, and goes as soon as it is asked for."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != TYPES:
            return None
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = _and_then(spec.loader.exec_module, _tell)  # type: ignore[method-assign]
        return spec


def _and_then(execute: Callable[[ModuleType], None], tell: Callable[[ModuleType], None]) -> Callable[..., None]:
    def exec_module(module: ModuleType) -> None:
        execute(module)
        tell(module)

    return exec_module


def _tell(typeof: Any) -> None:
    """Types of methods and built-in functions: ours first, all others as before."""
    for kind in (MethodType, BuiltinFunctionType):
        typeof.typeof_impl.register(kind, _typeof(typeof.typeof_impl.dispatch(kind)))


def _typeof(before: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def type_of(value: Any, context: Any) -> Any:
        kernel = numba_kernel_of(value)
        return before(value, context) if kernel is None else kernel._numba_type_

    return type_of


def numba_kernel_of(function: Any) -> Any:
    """The Numba function for a method of a function of ours, such as `f.grad`; None for every other callable."""
    if isinstance(function, BuiltinFunctionType) and function.__module__ == "gradc":
        function = answered_otherwise(function)
    owner = getattr(function, "__self__", None)
    if not type(owner).__module__.startswith("gradc."):
        return None
    return getattr(getattr(owner, "kernel", None), NAMES.get(function.__name__, function.__name__), None)


NAMES = {"__call__": "value"}
"""What kernels call a method, where that is another name."""
