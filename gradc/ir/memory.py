"""Amounts of memory: what a function may take for what loops keep of their steps."""

from __future__ import annotations

import re
from typing import Any

from gradc.language.diagnostics import Error

MEMORY = 256 * 2**20
"""How many bytes the loops of one length may keep of their steps, unless the caller says otherwise."""

UNITS = {
    "": 1, "B": 1, "bytes": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip

_BY_WORD = {unit.lower(): size for unit, size in UNITS.items()}


def bytes_of(amount: Any) -> int:
    """The bytes of an amount such as `"64 MiB"` or `64 * 2**20`. Raises `Error` G0604 for what is none."""
    help = 'write it as "64 MiB" or "2 GB", or as a number of bytes'
    if isinstance(amount, str):
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([a-z]*)", amount.strip().lower())
        if found is None or found[2] not in _BY_WORD:
            raise Error("G0604", f"memory={amount!r} is no amount of memory", help=help)
        value = float(found[1]) * _BY_WORD[found[2]]
    elif isinstance(amount, bool) or not hasattr(amount, "__index__"):
        whole = isinstance(amount, float) and amount.is_integer() and amount > 0
        if not whole:
            raise Error("G0604", f"memory={amount!r} is no amount of memory", help=help)
        value = amount
    else:
        value = amount.__index__()
    if value < 1:
        raise Error("G0604", f"memory={amount!r} leaves no room for anything", help=help)
    if value > 2**62:
        raise Error("G0604", f"memory={amount!r} is more than any machine has", help=help)
    return int(value)


def shown(amount: int) -> str:
    """Bytes as a reader counts them: `1.5 MiB`."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if amount >= UNITS[unit]:
            return f"{amount / UNITS[unit]:.4g} {unit}"
    return f"{amount} bytes"
