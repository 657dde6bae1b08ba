"""Calls that read their arguments from flat vectors, and have the kernel write its results into flat vectors."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from gradc.native.engine import NativeKernel
from gradc.native.frame import Field

Place = tuple[int, int]
"""Which of the vectors of a call, and the first element in it."""


class FlatCall:
    """A kernel for arguments that are always the same, but for those that stand in vectors of float64.

    The frame is laid out once. A call copies it and fills in where the vectors are, and what numbers they hold: no
    array is made, and none is copied. Vectors are contiguous; those that results go into are written by the kernel.
    """

    def __init__(
        self, kernel: NativeKernel, arrays: Sequence[Any], given: Sequence[Place | None], made: Sequence[Place]
    ):
        """`arrays` are arguments of the kernel, of which those with a place in `given` only tell a shape; `made` are
        the places of the results. Everything that has a place is float64. Raises what a call would for such sizes."""
        frame = kernel.loaded.frame
        self._loaded = kernel.loaded
        self._arrays = list(arrays)
        self._slots, _ = kernel.loaded.laid_out(arrays)
        read = [(field, place) for field, place in zip(frame.inputs, given) if place is not None]
        written = list(zip(frame.outputs, made))
        self._addresses = _by_vector([(f, p) for f, p in (*read, *written) if f.rank], 8)
        self._numbers_in = _by_vector([(f, p) for f, p in read if not f.rank])
        self._numbers_out = _by_vector([(f, p) for f, p in written if not f.rank])
        self._work = sum(np.size(array) for array in arrays)

    def __call__(self, *vectors: np.ndarray) -> None:
        slots = self._slots.copy()
        for vector, places, offsets in self._addresses:
            slots[places] = offsets + _address(vectors[vector])
        for vector, places, elements in self._numbers_in:
            slots[places] = vectors[vector].view(np.int64)[elements]
        status = self._loaded.run(_address(slots), self._work)
        if status:
            self._loaded.check(status)
        for vector, places, elements in self._numbers_out:
            vectors[vector].view(np.int64)[elements] = slots[places]


def _address(array: np.ndarray) -> int:
    """Where an array is; `array.ctypes` takes a few times as long."""
    return ctypes.addressof(ctypes.c_char.from_buffer(cast(Any, array))) if array.flags.writeable else array.ctypes.data


def _by_vector(fields: Sequence[tuple[Field, Place]], size: int = 1) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """For each vector, the slots of these fields and where in the vector they are, in units of this size."""
    found = []
    for vector in sorted({place[0] for _, place in fields}):
        mine = [(field.slot, first) for field, (number, first) in fields if number == vector]
        slots, firsts = np.array(mine, np.int64).T
        found.append((vector, slots, firsts * size))
    return found
