"""Emitted Python, run as it is: the same text, with a decorator that does nothing in the place of Numba's."""

import re
from dataclasses import replace
from typing import Any

import numpy as np

from gradc.compiler import Compilation
from gradc.ir.types import Type
from gradc.runtime import kernel

IMPORT = re.compile("^from numba import njit(, types)?\n", re.MULTILINE)
PASS_THROUGH = "def njit(**options):\n    return lambda function: function\n"


def plain(text: str) -> dict[str, Any]:
    """The namespace of a generated module without Numba."""
    text, count = IMPORT.subn(lambda match: PASS_THROUGH + "from numba import types\n" * bool(match[1]), text)
    assert count == 1
    namespace: dict[str, Any] = {}
    exec(compile(text, "<plain>", "exec"), namespace)
    return namespace


def engine(compilation: Compilation, length: int = 0) -> kernel.Run:
    """An engine for `gradc.compile(..., engine="plain")`; tiles and blocks may have another length."""
    name = compilation.transform
    text = compilation.python
    if length:
        text = re.sub(r"^(ROWS|BLOCK) = \d+", rf"\1 = {length}", text, flags=re.MULTILINE)
    function = plain(text)[name]

    types = [node.type for node in compilation.derivative.results]

    def run(arrays, sizes):
        with np.errstate(all="ignore"):
            result = function(*arrays)
        if name == "value":
            result = (result,)
        elif name == "value_and_grad":
            result = (result[0], *result[1])
        return [np.float32(x) if type == Type("f32") else x for x, type in zip(result, types, strict=True)]

    return run


def unshared(compilation: Compilation, length: int = 0) -> kernel.Run:
    """The same engine with an array of its own for every saved value."""
    vars(compilation)["schedule"] = replace(compilation.schedule, aliases={})
    return engine(compilation, length)
