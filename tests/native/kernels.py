"""Kernels for vectors of any width, called with arrays that stand between pages nobody may touch."""

import ctypes
import mmap
from contextlib import contextmanager

import numpy as np

import gradc
from gradc.ir.types import DTYPES
from gradc.native.engine import KERNEL, SHAPES, NativeKernel, build


@contextmanager
def using_threads(count):
    """So many threads, while the body runs."""
    gradc.set_threads(count)
    try:
        yield
    finally:
        gradc.set_threads(None)


WIDTHS = (1, 2, 4, 8)
PAGE = mmap.PAGESIZE


def compilation(text, *arguments, transform="value_and_grad", wrt=None):
    """The compilation of a program for arguments like these."""
    calls = gradc.compile(text, wrt=wrt, engine="interpreter")._calls
    return calls.specialiser.compilation(transform, calls.prepare(arguments).types)


def kernel(text, width, *arguments, **options):
    """The native kernel of a program for vectors of so many doubles."""
    return NativeKernel(build(compilation(text, *arguments, **options).loops, width))


def guarded(shape, dtype, behind=True):
    """An array at the end of its memory, or at the beginning: the page behind it, or before it, cannot be accessed."""
    dtype = np.dtype(dtype)
    bytes = int(np.prod(shape)) * dtype.itemsize
    pages = -(-max(bytes, 1) // PAGE)
    memory = mmap.mmap(-1, (pages + 2) * PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for page in (0, pages + 1):
        assert protect(start + page * PAGE, PAGE, 0) == 0
    first = PAGE + (pages * PAGE - bytes if behind else 0)
    made = np.frombuffer(memory, dtype, int(np.prod(shape)), first).reshape(shape)
    return made if made.flags.writeable else np.array(made)


def run_guarded(loaded, arrays, behind=True):
    """The outputs of a kernel whose arrays, in and out, are guarded."""
    frame = loaded.frame
    slots = np.zeros(max(frame.size, 1), np.int64)
    kept = []  # until the kernel has run
    for field, array in zip(frame.inputs, arrays, strict=True):
        if field.rank:
            copy = guarded(array.shape, array.dtype, behind)
            copy[...] = array
            kept.append(copy)
            slots[field.slot] = copy.ctypes.data
            slots[field.slot + 1 : field.slot + 1 + array.ndim] = array.shape
        else:
            slots[field.slot : field.slot + 1].view(DTYPES[field.dtype])[0] = array
    dims = np.zeros(frame.dims, np.int64)
    if loaded.shapes:
        assert SHAPES(loaded.shapes)(slots.ctypes.data, dims.ctypes.data) == 0
    sizes = iter(dims.tolist())
    outputs = []
    for field in frame.outputs:
        if field.rank:
            outputs.append(guarded([next(sizes) for _ in range(field.rank)], DTYPES[field.dtype], behind))
            slots[field.slot] = outputs[-1].ctypes.data
        else:
            outputs.append(slots[field.slot : field.slot + 1].view(DTYPES[field.dtype])[:1])
    assert KERNEL(loaded.kernel)(slots.ctypes.data) == 0
    return outputs
