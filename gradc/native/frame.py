"""How a kernel gets its arguments and hands out its results: one array of 64-bit slots."""

from __future__ import annotations

from enum import IntEnum

from gradc.language.record import dataclass

WHICH = 32
"""The bits of a status below the number of the matrix that an error is about."""


class Status(IntEnum):
    """What a kernel returns; from 1 on it is the number of the error that it raises."""

    FINE = 0
    OUT_OF_MEMORY = -1
    INTERRUPTED = -2


@dataclass(frozen=True)
class Field:
    """An input or an output. A scalar has one slot with its value, an array a slot with its address; arrays that come
    in have a slot for the size of each axis behind it."""

    name: str
    dtype: str
    rank: int
    slot: int


@dataclass(frozen=True)
class Frame:
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    size: int
    """Slots in all."""

    @property
    def dims(self) -> int:
        """How many sizes the output arrays have together."""
        return sum(field.rank for field in self.outputs)
