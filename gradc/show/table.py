"""Plain text tables, and numbers, arrays and programs short enough to stand in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

MAX_SHOWN_ELEMENTS = 6
"""Arrays with more elements are shown by their corners."""


def abbreviated(value: Any, precise: bool = False) -> str:
    """A number to six digits, or to all that matter; the first and last elements of an array; nothing for None."""
    if value is None:
        return ""
    element = _exact if precise else _rounded
    if isinstance(value, float) or np.ndim(value) == 0:
        return element(value)
    text = np.array2string(
        value,
        threshold=MAX_SHOWN_ELEMENTS,
        edgeitems=2,
        separator=", ",
        max_line_width=10**9,
        formatter={"all": element},  # type: ignore[arg-type]
    )
    return " ".join(text.split())


def _rounded(value: Any) -> str:
    return format(value, ".6g") if isinstance(value, (float, np.floating)) else str(value)


def _exact(value: Any) -> str:
    return str(value)


def size_text(count: int) -> str:
    """A number of bytes to three digits: `340 KiB`."""
    size, units = float(count), ["bytes", "KiB", "MiB", "GiB"]
    while size >= 999.5 and len(units) > 1:
        size, units = size / 1024, units[1:]
    return f"{size:.3g} {units[0]}"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], left: int, gap_before: str = "") -> list[str]:
    """Aligned lines under headings; the first `left` columns to the left, the others to the right.

    Columns that are empty in every row are dropped; a rule stands before the column `gap_before`.
    """
    rows = list(rows)
    used = [k for k, heading in enumerate(headings) if any(row[k] for row in rows)]
    widths = {k: max(len(headings[k]), *(len(row[k]) for row in rows)) for k in used}

    def line(cells: Sequence[str]) -> str:
        parts = []
        for k in used:
            ruled = bool(gap_before) and headings[k] == gap_before
            side = "<" if k < left or ruled else ">"
            parts.append(f"{'| ' * ruled}{cells[k]:{side}{widths[k]}}")
        return "  ".join(parts).rstrip()

    return [line(headings), *(line(row) for row in rows)] if used else []
