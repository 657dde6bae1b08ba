"""What stands at a wire: a number, a small vector, or the shape and a heat map of an array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

SMALL_VECTOR = 3
"""Vectors with no more elements are written out."""
WIDEST_VECTOR = 20
"""Those that take more characters have a heat map at their wires all the same."""
MAX_ROWS, MAX_COLUMNS = 6, 10
"""Larger arrays are sampled."""
SHADES = 6
MAP_HEIGHT, MAP_WIDTH, CELL = 18.0, 36.0, 6.0
CHARACTER = 0.61
"""How wide a character of a monospaced font is, in sizes of the font."""


@dataclass(frozen=True)
class HeatMap:
    """Rows of shades: from `-SHADES` to `SHADES`, None for NaN."""

    rows: tuple[tuple[int | None, ...], ...]

    @property
    def cell(self) -> float:
        return min(CELL, MAP_HEIGHT / len(self.rows), MAP_WIDTH / len(self.rows[0]))

    @property
    def width(self) -> float:
        return self.cell * len(self.rows[0])

    @property
    def height(self) -> float:
        return self.cell * len(self.rows)


@dataclass(frozen=True)
class Label:
    """A text, behind a heat map where the value is an array."""

    text: str
    heat: HeatMap | None = None

    def width(self, size: float) -> float:
        return text_width(self.text, size) + (self.heat.width + 5 if self.heat else 0.0)

    def height(self, size: float) -> float:
        return max(size, self.heat.height + 1 if self.heat else 0.0)


NOTHING = Label("")


def label(value: Any) -> Label:
    """What stands for a value at its wire; nothing for None."""
    if value is None:
        return NOTHING
    shape = np.shape(value)
    if not is_large(value) and (not shape or len(short(value)) <= WIDEST_VECTOR):
        return Label(short(value))
    if 0 in shape:
        return Label("empty " + shape_text(shape))
    return Label(shape_text(shape), heat_map(np.asarray(value)))


def is_large(value: Any) -> bool:
    """Whether a value is too large to be written out."""
    return np.ndim(value) > 1 or np.size(value) > SMALL_VECTOR or np.size(value) == 0


def short(value: Any) -> str:
    """A number to three digits, a small vector in full, the shape of a larger array; nothing for None.

    >>> short(0.36787944), short(np.array([1.0, 2.5])), short(np.ones((3, 4))), short(np.ones(5))
    ('0.368', '[1, 2.5]', '3×4', '5 values')
    """
    if value is None:
        return ""
    if np.ndim(value) == 0:
        return str(bool(value)) if isinstance(value, (bool, np.bool_)) else format(float(value), ".3g")
    if is_large(value):
        return shape_text(np.shape(value))
    return "[" + ", ".join(map(short, value)) + "]"


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape, so that nobody takes it for a value: `3×4`, and `5 values` for a vector."""
    return "×".join(map(str, shape)) if len(shape) > 1 else f"{shape[0]:,} value{'s' * (shape[0] != 1)}"


def heat_map(array: np.ndarray) -> HeatMap:
    """Shades of an array's elements by their share of the largest; large arrays are sampled evenly.

    A vector is one row; of more than two axes, the last one runs to the right and the others down.
    """
    flat = array.reshape(-1, array.shape[-1]) if array.ndim else array.reshape(1, 1)
    rows = np.unique(np.linspace(0, len(flat) - 1, MAX_ROWS).round().astype(int))
    columns = np.unique(np.linspace(0, flat.shape[1] - 1, MAX_COLUMNS).round().astype(int))
    sampled = flat[np.ix_(rows, columns)].astype(float)
    with np.errstate(all="ignore"):
        finite = np.abs(sampled[np.isfinite(sampled)])
        largest = finite.max() if finite.size else 0.0
        share = np.clip(sampled / largest if largest else np.sign(sampled), -1.0, 1.0)
        share[np.isinf(sampled)] = np.sign(sampled[np.isinf(sampled)])
    return HeatMap(tuple(tuple(_shade(element) for element in row) for row in share.tolist()))


def _shade(share: float) -> int | None:
    """The shade of a share; what is not zero is not shown as zero."""
    if share != share:
        return None
    shade = round(share * SHADES)
    return shade if shade or not share else (1 if share > 0 else -1)


def text_width(text: str, size: float) -> float:
    """How wide a text of a monospaced font is; characters that are wide there count twice."""
    from unicodedata import east_asian_width

    return CHARACTER * size * sum(2 if east_asian_width(c) in "WF" else 1 for c in text)
