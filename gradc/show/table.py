"""Plain text tables, and numbers, arrays and programs short enough to stand in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

MAX_SHOWN_ELEMENTS = 6
"""Arrays with more elements are shown by their corners."""


def abbreviated(value: Any) -> str:
    """A number to six digits; the first and last elements of an array; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, float):
        return format(value, ".6g")
    if np.ndim(value) == 0:
        return _element(value)
    text = np.array2string(
        value,
        threshold=MAX_SHOWN_ELEMENTS,
        edgeitems=2,
        separator=", ",
        max_line_width=10**9,
        formatter={"all": _element},  # type: ignore[arg-type]
    )
    return " ".join(text.split())


def _element(value: Any) -> str:
    return format(value, ".6g") if isinstance(value, (float, np.floating)) else str(value)


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
            aligned = f"{cells[k]:<{widths[k]}}" if k < left or headings[k] == gap_before else f"{cells[k]:>{widths[k]}}"
            parts.append(("| " if headings[k] == gap_before else "") + aligned)
        return "  ".join(parts).rstrip()

    return [line(headings), *(line(row) for row in rows)] if used else []
