"""Object code in memory: loaded for as long as something refers to it."""

from __future__ import annotations

import ctypes
from typing import Any

from gradc.native.target import llvm, target_machine


class Code:
    """The functions of object files that know each other's, until the last reference to this goes."""

    def __init__(self, *object_code: bytes):
        engine = llvm().create_mcjit_compiler(llvm().parse_assembly(""), target_machine())
        for each in object_code:
            engine.add_object_file(llvm().ObjectFileRef.from_data(each))
        engine.finalize_object()
        self.engine = engine

    def address(self, name: str) -> int:
        """Where a function is; 0 if there is none of this name."""
        return self.engine.get_function_address(name)


def pointer(capsule: Any) -> int:
    """What a capsule holds."""
    python = ctypes.pythonapi
    python.PyCapsule_GetName.restype = ctypes.c_char_p
    python.PyCapsule_GetName.argtypes = [ctypes.py_object]
    python.PyCapsule_GetPointer.restype = ctypes.c_void_p
    python.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    return python.PyCapsule_GetPointer(capsule, python.PyCapsule_GetName(capsule))
