"""Neighbours: one small module for each library that gradc works with, imported when it is first named."""

from __future__ import annotations

from importlib import import_module
from typing import Any

NEIGHBOURS = ("blocks", "dask", "lmfit", "scipy")


def __getattr__(name: str) -> Any:
    if name in NEIGHBOURS:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *NEIGHBOURS])
