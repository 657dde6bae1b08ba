"""Small functions that become part of every module that needs them: memory, threads, routines of LAPACK's."""

from __future__ import annotations

from collections.abc import Iterable

from gradc.native import lapack
from gradc.native.library import REALS, SHARE
from gradc.native.source import source


def text(names: Iterable[str], declared: set[str]) -> str:
    """The functions with these names; what they declare is added to `declared`."""
    parts = []
    for name in sorted(names):
        kind, _, t = name.partition(".")
        if kind == "shared":
            declared.add(SHARE)
            parts.append(source("shared"))
        elif kind == "room":
            declared |= {"declare ptr @gradc_take(i64)", "declare void @gradc_give(ptr)"}
            parts.append(source("room"))
        elif kind == "routine":
            op, _, dtype = t.partition(".")
            parts.append(lapack.routine(op, dtype, declared))
        else:
            parts.append(source("sparse", T=t, REAL=REALS[t], ALIGN=8 if t == "f64" else 4))
    return "\n".join(parts)
