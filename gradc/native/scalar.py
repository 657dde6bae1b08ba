"""Scalar functions of kernels, from the Python that generated modules carry."""

from __future__ import annotations

from collections.abc import Iterable


def definitions(names: Iterable[str], declared: set[str]) -> str:
    """LLVM functions with these names, and whatever they call; what they declare is added to `declared`."""
    return ""
