"""Types: an element type and a shape. There is no other kind of value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import lru_cache

import numpy as np

from gradc.ir.sizes import Shape, Size, substitute
from gradc.language.record import dataclass

DTYPES: dict[str, np.dtype] = {
    "f64": np.dtype(np.float64),
    "f32": np.dtype(np.float32),
    "i64": np.dtype(np.int64),
    "bool": np.dtype(np.bool_),
}
"""gradc's names for element types, and NumPy's."""

MAX_AXES = 32
"""The most axes of a value: a Hessian has twice as many, which is what NumPy's arrays have at most."""

PROMOTION = ("bool", "i64", "f32", "f64")
"""Two element types meet at the later one (an integer that meets f32 gives f32)."""


@dataclass(frozen=True, slots=True)
class Type:
    """`dtype` is a key of `DTYPES`; `shape` is a tuple of sizes, empty for a scalar."""

    dtype: str
    shape: Shape = ()
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.dtype, self.shape)))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:  # as nearly always
            return True
        return isinstance(other, Type) and self.dtype == other.dtype and self.shape == other.shape

    def __reduce__(self) -> tuple:
        return Type, (self.dtype, self.shape)  # hashes of texts differ from process to process

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_float(self) -> bool:
        return self.dtype in ("f64", "f32")

    def with_dtype(self, dtype: str) -> Type:
        return self if dtype == self.dtype else _type(dtype, self.shape)

    def with_shape(self, shape: Shape) -> Type:
        return Type(self.dtype, shape)

    def with_sizes(self, replacement: Mapping[str, Size]) -> Type:
        return Type(self.dtype, tuple(substitute(size, replacement) for size in self.shape))

    def __str__(self) -> str:
        return self.dtype + (shape_text(self.shape) if self.shape else "")


@lru_cache(maxsize=1_000)
def _type(dtype: str, shape: Shape) -> Type:
    """A type that many nodes share."""
    return Type(dtype, shape)


def shape_text(shape: Shape) -> str:
    """`[n, 3]`."""
    return "[" + ", ".join(map(str, shape)) + "]"


def promote(*dtypes: str) -> str:
    """The element type at which operands of these types meet."""
    return max(dtypes, key=PROMOTION.index)
