"""Emitted Python, run as it is: the same text, with a decorator that does nothing in the place of Numba's."""

from typing import Any

import numpy as np

from gradc.compiler import Compilation
from gradc.runtime import kernel

IMPORT = "from numba import njit\n"
PASS_THROUGH = "def njit(**options):\n    return lambda function: function\n"


def plain(text: str) -> dict[str, Any]:
    """The namespace of a generated module without Numba."""
    assert text.count(IMPORT) == 1
    namespace: dict[str, Any] = {}
    exec(compile(text.replace(IMPORT, PASS_THROUGH), "<plain>", "exec"), namespace)
    return namespace


def engine(compilation: Compilation) -> kernel.Run:
    """An engine for `gradc.compile(..., engine="plain")`."""
    name = compilation.derived.name
    function = plain(compilation.python)[name]

    def run(arrays, sizes):
        with np.errstate(all="ignore"):
            result = function(*arrays)
        if name == "value":
            return (result,)
        return (result[0], *result[1]) if name == "value_and_grad" else result

    return run
