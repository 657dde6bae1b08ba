"""Generated modules in memory: from text to functions. Numba is imported here and nowhere above.

Functions made here name this module as theirs: Numba's caches then find it again in the next process.
"""

from __future__ import annotations

import hashlib
import linecache
from functools import cache
from typing import Any

from gradc.elementary.python import IMPORTS, primitive_texts
from gradc.ir import own
from gradc.loops.support import HELPERS, SCIPY

NEVER_CALLED_FROM_PYTHON = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Options that spare Numba the entries of a function for other callers."""

_carried: dict[str, Any] = {}
"""The functions that modules carry along, by name: all modules loaded here share them, and Numba compiles each once."""


def load(text: str) -> dict[str, Any]:
    """The namespace of a module that the compiler emitted. Tracebacks and debuggers can show its lines."""
    filename = f"<gradc {hashlib.sha256(text.encode()).hexdigest()[:12]}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"__name__": __name__}
    for name, primitive in primitive_texts().items():
        if primitive in text:
            text = text.replace(primitive, "\n" * primitive.count("\n"))
            namespace[name] = _primitives()[name]
    namespace |= {name: own.function(name) for name in own.CALLED.findall(text)}
    exec(compile(text, filename, "exec"), namespace)
    for name in HELPERS.intersection(namespace):
        if hasattr(namespace[name], "targetoptions"):  # otherwise NUMBA_DISABLE_JIT leaves functions as they are
            namespace[name].targetoptions.update(NEVER_CALLED_FROM_PYTHON)
            namespace[name] = _carried.setdefault(name, namespace[name])
    for name in SCIPY.keys() & namespace.keys():
        namespace[name] = _carried.setdefault(name, namespace[name])
    return namespace


@cache
def _primitives() -> dict[str, Any]:
    """The functions that Numba has been told an instruction for: once, for all modules."""
    namespace: dict[str, Any] = {"__name__": __name__}
    exec(f"import struct\nimport numpy as np\n{IMPORTS}{''.join(primitive_texts().values())}", namespace)
    return namespace
