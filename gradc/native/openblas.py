"""OpenBLAS's own threads, which rest while a routine of LAPACK runs for a kernel.

They wait for each other awake, so that with fewer free processors than threads a factor of a small matrix takes
milliseconds, and they change the last bits of a result.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from gradc.native.link import Code
from gradc.native.shelf import SharedCode
from gradc.native.source import source
from gradc.native.target import llvm

PREFIXES = ("scipy_openblas", "openblas")
"""What the names of its functions begin with, in SciPy's wheels and elsewhere."""
NOTHING = "\n".join(f"define void @{name}() {{\n  ret void\n}}" for name in ("alone", "together", "forget"))
"""The functions where SciPy has another library."""


@cache
def code() -> Code:
    """The functions; they do nothing where SciPy's LAPACK is not OpenBLAS."""
    from gradc.native.entry import loaded

    found = _functions()
    if found is None:
        return loaded(SharedCode("no OpenBLAS", lambda: NOTHING))
    for name, address in zip(("get", "set"), found):
        llvm().add_symbol(f"gradc_openblas_{name}", address)
    return loaded(SharedCode("OpenBLAS", lambda: source("openblas")))


def _functions() -> tuple[int, int] | None:
    """What tells and sets the number of threads: found through the library that SciPy's LAPACK is linked with."""
    from gradc.loops.compiled import lapack_file

    try:
        library = ctypes.CDLL(lapack_file())
    except OSError:
        return None
    for prefix in PREFIXES:
        get, set = (getattr(library, f"{prefix}_{verb}_num_threads", None) for verb in ("get", "set"))
        if get is not None and set is not None:
            return _address(get), _address(set)
    return None


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def forget_routines() -> None:
    """What the child of a fork does: none runs there."""
    if code.cache_info().currsize:
        ctypes.CFUNCTYPE(None)(code().address("forget"))()
