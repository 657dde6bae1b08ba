"""The native engine: kernels as machine code, called with arrays."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc.compiler import Compilation
from gradc.ir.types import DTYPES
from gradc.native import link, target
from gradc.native.kernel import INTERRUPTED, OUT_OF_MEMORY, Machine, machine

CTYPES = {"f64": ctypes.c_double, "f32": ctypes.c_float, "i64": ctypes.c_int64, "bool": ctypes.c_bool}
KINDS = {"ValueError": ValueError, "IndexError": IndexError}


class NativeKernel:
    """A kernel that is loaded."""

    def __init__(self, compilation: Compilation):
        self.made: Machine = machine(compilation.loops, target.vector_doubles())
        if "@gradc_" in self.made.text:
            link.blas()
        self.code = link.Code(target.object_code(self.made.text))
        self.kernel = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(self.code.address("kernel"))
        shapes = self.code.address("shapes") if self.made.frame.dims else 0
        self.shapes = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)(shapes) if shapes else None

    def run(self, arrays: Sequence[Any], sizes: dict[str, int]) -> list[Any]:
        """The outputs; the arrays are contiguous and have the element types of the kernel."""
        frame = self.made.frame
        slots = np.zeros(max(frame.size, 1), np.int64)
        kept = []
        for field, array in zip(frame.inputs, arrays):
            if field.type.shape:
                slots[field.slot] = array.ctypes.data
                slots[field.slot + 1 : field.slot + 1 + array.ndim] = array.shape
            else:
                _put(slots, field.slot, field.type.dtype, array)
        if self.shapes is not None:
            dims = np.zeros(frame.dims, np.int64)
            self._check(self.shapes(slots.ctypes.data, dims.ctypes.data))
        at = 0
        for field in frame.outputs:
            if field.type.shape:
                rank = field.type.rank
                made = np.empty(dims[at : at + rank], DTYPES[field.type.dtype])
                at += rank
                slots[field.slot] = made.ctypes.data
                kept.append(made)
            else:
                kept.append(None)
        self._check(self.kernel(slots.ctypes.data))
        return [
            _get(slots, field.slot, field.type.dtype) if made is None else made
            for field, made in zip(frame.outputs, kept)
        ]

    def _check(self, status: int) -> None:
        if status == 0:
            return
        if status == OUT_OF_MEMORY:
            raise MemoryError
        if status == INTERRUPTED:
            raise KeyboardInterrupt
        kind, message = self.made.errors[status - 1]
        raise KINDS[kind](message)


def _put(slots: np.ndarray, slot: int, dtype: str, value: Any) -> None:
    slots[slot : slot + 1].view(DTYPES[dtype])[0] = value


def _get(slots: np.ndarray, slot: int, dtype: str) -> Any:
    return slots[slot : slot + 1].view(DTYPES[dtype])[0]
