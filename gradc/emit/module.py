"""A whole module: the functions, what they call, and a docstring; it needs numpy and numba only."""

from __future__ import annotations

from typing import Iterable

from gradc.emit.python import BLOCK, Function
from gradc.emit.special import REASSOCIATED, source

OPTIONS = 'error_model="numpy", nogil=True'
"""IEEE arithmetic instead of ZeroDivisionError, and no hold on the interpreter lock."""


def module(functions: Iterable[Function], doc: str, docs: dict[str, str], *, cache: bool) -> str:
    """The text of a module. `docs` has a docstring for each function; with `cache`, Numba keeps its machine code
    beside the file."""
    functions = tuple(functions)
    calls = sorted(set().union(*(function.calls for function in functions)))
    body = "\n".join("\n".join(function.lines) for function in functions)
    imports = ["import math\n"] * ("math." in body or any("math." in source(name) for name in calls))
    parts = [f'"""{escaped(doc)}\n"""\n', "".join([*imports, "\nimport numpy as np\nfrom numba import njit\n" if imports else "import numpy as np\nfrom numba import njit\n"])]
    if "BLOCK" in body:
        parts.append(f"BLOCK = {BLOCK}  # a sum adds this many terms, then carries its rounding error on\n")
    options = OPTIONS + ", cache=True" * cache
    for name in calls:
        flags = ', fastmath={"reassoc", "nsz"}' if name in REASSOCIATED else ""
        parts.append(f"\n@njit({options}{flags})\n{source(name)}\n")
    for function in functions:
        parts.append(f"\n@njit({options})\n{definition(function, docs.get(function.name, ''))}\n")
    return "\n".join(parts)


def definition(function: Function, doc: str) -> str:
    """The text of one function."""
    lines = [f"def {function.name}({', '.join(function.parameters)}):"]
    if doc:
        lines.append(f'    """{escaped(doc)}"""')
    return "\n".join([*lines, *function.lines])


def escaped(text: str) -> str:
    """Text that is safe inside a docstring."""
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
