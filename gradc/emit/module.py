"""A whole module: the functions, what they call, and a docstring; it needs numpy and numba, and SciPy for functions
that SciPy computes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import count

from gradc.elementary.python import IMPORTS, primitive_texts
from gradc.emit.python import EmittedFunction
from gradc.ir.own import SYMBOL
from gradc.loops import written
from gradc.loops.compiled import FROM_LAPACK, FROM_SCIPY, imports_of
from gradc.loops.support import ELEMENTARY, MATRICES, NEEDED, REASSOCIATED, SCIPY, source
from gradc.schedule.expand import BLOCK
from gradc.schedule.tiles import ROWS

CONSTANTS = {
    "BLOCK": f"BLOCK = {BLOCK}  # a sum adds this many terms, then carries on the rounding error of its total",
    "ROWS": f"ROWS = {ROWS}  # matrix products take this many rows at a time, which the cache still holds afterwards",
}
"""What a module defines if its functions name it."""

CACHE = """\
try:  # Numba keeps its machine code beside this file, or in the user's cache directory,
    CACHE = bool(njit(cache=True)(lambda: None))
except RuntimeError:  # or nowhere, where it can write to neither
    CACHE = False
"""
"""What a module begins with if its functions are cached: Numba refuses to make them where it finds no directory."""

OPTIONS = 'error_model="numpy", nogil=True'
"""IEEE arithmetic instead of ZeroDivisionError, and no hold on the interpreter lock."""


def module(functions: Iterable[EmittedFunction], doc: str, docs: Mapping[str, list[str]], *, cache: bool) -> str:
    """The text of a module. `docs` has the lines of each function's docstring; with `cache`, Numba keeps its
    machine code beside the file."""
    functions, tables = _with_tables(functions)
    calls = set().union(*(function.calls for function in functions))
    calls |= {needed for name in calls for needed in NEEDED.get(name, ())}
    body = "\n".join("\n".join(function.lines) for function in functions)
    from_scipy = sorted(calls & SCIPY.keys())
    owned = sorted(name for name in calls if name.startswith(SYMBOL))
    carried = {name: source(name) for name in sorted(calls - SCIPY.keys() - {*owned})}
    primitives = [
        text for name, text in primitive_texts().items() if any(f"{name}(" in text for text in carried.values())
    ]
    options = OPTIONS + ", cache=CACHE" * cache
    used = "\n".join((body, *primitives, *carried.values()))
    standard = "".join(f"import {name}\n" for name in ("math", "struct") if f"{name}." in used)
    from_lapack = sorted(set().union(*(written.source(*MATRICES[name])[1] for name in calls & MATRICES.keys())))
    if from_scipy or from_lapack:
        modules = {name for name in ("math", "struct") if f"{name}." in used}
        standard, imports = "", imports_of(modules, bool(from_scipy), bool(from_lapack))
    else:
        own = IMPORTS if primitives else "from numba import njit\n"
        imports = "\n" * bool(standard) + "import numpy as np\n" + own
    parts = [f'"""{escaped(doc)}\n"""\n\n{standard}{imports}']
    constants = [line for name, line in CONSTANTS.items() if re.search(rf"\b{name}\b", body)]
    constants += [f"{name} = {text}" for name, text in tables.items()]
    if constants:
        parts.append("\n".join(constants) + "\n")
    if cache:
        parts.append(CACHE)
    if owned:
        parts.append("".join(f"# {name} is a Numba function of the user's own\n" for name in owned))
    if from_scipy:
        parts.append(FROM_SCIPY + "".join(map(_from_scipy, from_scipy)))
    if from_lapack:
        parts.append(FROM_LAPACK + "".join(map(_from_lapack, from_lapack)))
    parts += primitives
    for name, text in carried.items():
        flags = ', fastmath={"reassoc", "nsz"}' if name in REASSOCIATED else ""
        flags += ", forceinline=True" * (name in ELEMENTARY)
        parts.append(f"\n@njit({options}{flags})\n{text}\n")
    for function in functions:
        parts.append(f"\n@njit({options})\n{definition(function, docs.get(function.name, []))}\n")
    return "\n".join(parts)


def _with_tables(functions: Iterable[EmittedFunction]) -> tuple[tuple[EmittedFunction, ...], dict[str, str]]:
    """The functions with the names that their tables have in the module, and these: equal ones are one."""
    tables: dict[str, str] = {}
    made = []
    for function in functions:
        named = {text: name for name, text in tables.items()}
        renamed = {}
        for name, text in function.tables.items():
            if text not in named:
                free = (wanted for k in count(1) if (wanted := f"TABLE{k if k > 1 else ''}") not in tables)
                named[text] = next(free)
                tables[named[text]] = text
            renamed[name] = named[text]
        if renamed:
            function = replace(function, lines=[_renamed(line, renamed) for line in function.lines])
        made.append(function)
    return tuple(made), tables


def _renamed(line: str, names: Mapping[str, str]) -> str:
    return re.sub(rf"\b({'|'.join(map(re.escape, names))})\b", lambda found: names[found[1]], line)


def _from_scipy(name: str) -> str:
    """The line that makes a function of SciPy's."""
    scipys, count = SCIPY[name]
    return f'{name} = _from_scipy("{scipys}", {count})\n'


def _from_lapack(called: str) -> str:
    """The line that makes a routine of LAPACK's."""
    name, _, count = called.rpartition("_")
    return f'{name} = _from_lapack("{name.removeprefix(written.LAPACK)}", {count})\n'


def definition(function: EmittedFunction, doc: list[str]) -> str:
    """The text of one function."""
    lines = [f"def {function.name}({', '.join(function.parameters)}):"]
    if doc:
        lines += [f'    """{escaped(doc[0])}', *(f"    {escaped(line)}".rstrip() for line in doc[1:]), '    """']
    return "\n".join([*lines, *function.lines])


def escaped(text: str) -> str:
    """Text that is safe inside a docstring: backslashes and what no source file may hold are written as escapes."""
    quoted = text.replace("\\", "\\\\").replace('"', "'" if '"""' in text else '"')
    return "".join(char if char in "\n\t" or char.isprintable() else ascii(char)[1:-1] for char in quoted)
