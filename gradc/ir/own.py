"""Functions of users' own: rows beside the table, each under a name that says what is in it.

A row is found by its name only, which no other definition has; what a program calls it is the program's affair.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from threading import Lock
from typing import Any

from gradc.ir.ops import OPS, OWN, Attrs, Op
from gradc.ir.types import Type

SYMBOL = "_own_"
"""Before the name of a Numba function: what emitted Python and kernels call it."""

CALLED = re.compile(rf"\b{SYMBOL}\w+(?=\()")

_references: dict[str, Callable[..., Any]] = {}
_compiled: dict[str, tuple[Any, Callable[[], int]]] = {}
_lock = Lock()


def __getattr__(name: str) -> Callable[..., Any]:
    """How NumPy evaluates a function, for the interpreter."""
    if name in _references:
        return _references[name]
    raise AttributeError(name)


def _widest(types: tuple[Type, ...], attrs: Attrs) -> Type:
    return types[-1]


def add(
    name: str,
    params: tuple[str, ...],
    reference: Callable[..., Any],
    compiled: tuple[Any, Callable[[], int]] | None = None,
    **columns: Any,
) -> str:
    """Put a row beside the table. `compiled` is a Numba function and what compiles it for an address. Returns the
    name of the row: another function under the same one has a number behind it."""
    with _lock:
        free, count = name, 1
        while compiled is not None and free in _compiled and _compiled[free][0] is not compiled[0]:
            count += 1
            free = f"{name}_{count}"
        if free not in OPS:
            arguments = ", ".join(f"{{{k}}}" for k, _ in enumerate(params))
            _references[free] = reference
            if compiled is not None:
                _compiled[free] = compiled
            OPS[free] = Op(
                free, "elementwise", params, _widest, numpy=f"{__name__}.{free}", bit=OWN, hidden=True,
                python=f"{SYMBOL}{free}({arguments})" if compiled else "", owned=compiled is not None, **columns,
            )  # fmt: skip
        return free


def function(called: str) -> Any:
    """The Numba function that emitted Python calls so."""
    return _compiled[called.removeprefix(SYMBOL)][0]


def address(called: str) -> int:
    """Where its machine code is."""
    return _compiled[called.removeprefix(SYMBOL)][1]()
