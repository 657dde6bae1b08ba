"""The machine and the libraries: what a reader of a report or a measurement needs to know. Imports none but LLVM."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from gradc.native import target, threads
from gradc.native.cache import store

LIBRARIES = ("numpy", "scipy", "numba", "llvmlite", "sympy")

VECTOR_BITS = {"avx512f": 512, "avx2": 256, "avx": 256, "sse2": 128, "asimd": 128, "neon": 128}
"""Widths of the vector registers by the flag that the processor reports, the widest first."""


def facts() -> dict[str, Any]:
    """Versions, processor, vector width in bits, threads, the engine, and where kernels are kept."""
    from gradc.version import __version__

    return {
        "gradc": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        **{name: installed(name) for name in LIBRARIES},
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_name(),
        "vector_bits": vector_bits(),
        "threads": threads.get_threads(),
        "engine": default_engine(),
        "cache": cached(),
    }


def default_engine() -> dict[str, Any]:
    """The engine that answers where none is named, and for what it compiles; why it is not the native one."""
    why_not = target.why_not()
    if why_not:
        return {"name": "numba", "why_not_native": why_not}
    return {
        "name": "native",
        "llvm": ".".join(map(str, target.llvm().llvm_version_info[:2])),
        "processor": target.host()[0],
        "vector_doubles": target.vector_doubles(),
        "why_not_native": None,
    }


def cached() -> dict[str, Any]:
    """Where kernels are kept, how many they are and their bytes; why none are read, and why none are written."""
    place, why_not_read = store.place()
    kernels, size = store.totals()
    return {
        "place": place,
        "kernels": kernels,
        "bytes": size,
        "limit": store.limit,
        "why_not_read": why_not_read,
        "why_not_written": store.why_not_written(),
    }


def installed(name: str) -> str | None:
    """The version of an installed distribution."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def cpu_name() -> str:
    return _reported("model name") or platform.processor() or platform.machine()


def vector_bits() -> int | None:
    """The width of the vector registers; None if the system does not say."""
    flags = set((_reported("flags") or _reported("Features")).split())
    if not flags and platform.machine().lower() in ("arm64", "aarch64"):
        flags = {"asimd"}
    if not flags and platform.machine().lower() in ("x86_64", "amd64"):
        flags = {"sse2"}
    return next((bits for flag, bits in VECTOR_BITS.items() if flag in flags), None)


def _reported(field: str) -> str:
    """A line of /proc/cpuinfo; "" where there is none."""
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == field:
                return value.strip()
    return ""
