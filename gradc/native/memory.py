"""Memory of large results: blocks that were given back serve again, so that their pages need not be mapped anew.

NumPy asks a handler (NEP 49) for the memory of the arrays that the entry makes. Blocks begin at multiples of 64 bytes,
large ones at huge pages. All of this runs under the interpreter's lock.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

from gradc.native.source import source

PAGE = 2**12
"""Blocks that are kept have a multiple of these bytes."""
POOL = 2**28
"""Bytes that are kept at most."""
SLOTS = 32
"""Blocks that are kept at most."""
HUGE = 2**21
"""Bytes of a huge page."""


def in_huge_pages(bytes: str) -> dict[str, str | int]:
    """For sources that ask for memory: from how many bytes on to ask the system for huge pages, and how, where it has
    any; `bytes` is the value that has the size of `%block`."""
    advises = sys.platform == "linux"
    return {
        "HUGE": HUGE, "HUGE_FROM": 2 * HUGE,
        "DECLARED": "declare i32 @madvise(ptr, i64, i32)" if advises else "",
        "ADVISE": f"call i32 @madvise(ptr %block, i64 %{bytes}, i32 14)" if advises else "",
    }  # fmt: skip


def text() -> str:
    """The functions of the handler, in LLVM's language."""
    return source(
        "memory", POOLED_FROM=PAGE, PAGE=PAGE, LAST_OF_PAGE=PAGE - 1, POOL=POOL, SLOTS=SLOTS, LAST_SLOT=SLOTS - 1,
        **in_huge_pages("whole"),
    )  # fmt: skip


class _Handler(ctypes.Structure):
    """NumPy's `PyDataMem_Handler`."""

    _fields_ = (
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        ("context", ctypes.c_void_p),
        ("malloc", ctypes.c_void_p),
        ("calloc", ctypes.c_void_p),
        ("realloc", ctypes.c_void_p),
        ("free", ctypes.c_void_p),
    )


_kept: list[Any] = []
"""Handlers, which arrays may outlive everything else with."""


def handler(code: Any) -> Any:
    """A capsule with the handler whose functions are in `code`."""
    addresses = [code.address(f"pool.{name}") for name in ("malloc", "calloc", "realloc", "free")]
    made = _Handler(b"gradc", 1, None, *addresses)
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    name = b"mem_handler"
    capsule = new(ctypes.addressof(made), name, None)
    _kept.append((made, name, capsule, code))
    return capsule
