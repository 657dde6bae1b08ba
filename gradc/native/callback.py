"""C functions for callers that know nothing of kernels, such as SciPy's integrators."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

from gradc.native.engine import NativeKernel
from gradc.native.entry import preset
from gradc.native.link import Code
from gradc.native.target import object_code

POINTS = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, ctypes.POINTER(ctypes.c_double))
NUMBER = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_void_p)


class Callback:
    """A kernel of float64 numbers as a C function, which fills a frame on its stack and gives one of the results; NaN
    where the kernel fails.

    `variables` are inputs that stand in the array that the function takes, in order; `parameters` in the one that its
    user data point to. `data` are the others.
    """

    def __init__(
        self,
        kernel: NativeKernel,
        variables: Sequence[str],
        parameters: Sequence[str],
        data: Mapping[str, Any],
        output: int = 0,
    ):
        loaded = kernel.loaded
        frame = loaded.frame
        lines = [f"  %frame = alloca [{max(frame.size, 1)} x i64], align 64"]
        for field in frame.inputs:
            if field.name in data:
                for slot, word in preset(field, data[field.name]):
                    lines += [_at(slot), f"  store i64 {word}, ptr %slot{slot}, align 8"]
                continue
            array, names = ("%x", variables) if field.name in variables else ("%p", parameters)
            k = names.index(field.name)
            lines += [
                _at(field.slot),
                f"  %at{field.slot} = getelementptr double, ptr {array}, i64 {k}",
                f"  %word{field.slot} = load i64, ptr %at{field.slot}, align 8",
                f"  store i64 %word{field.slot}, ptr %slot{field.slot}, align 8",
            ]
        result = frame.outputs[output].slot
        body = "\n".join(
            [
                *lines,
                f"  %status = call i64 inttoptr (i64 {loaded.kernel} to ptr)(ptr %frame)",
                "  %failed = icmp ne i64 %status, 0",
                f"  %out = getelementptr i64, ptr %frame, i64 {result}",
                "  %value = load double, ptr %out, align 8",
                "  %result = select i1 %failed, double 0x7FF8000000000000, double %value",
                "  ret double %result",
            ]
        )
        text = (
            f"define internal double @value(ptr %x, ptr %p) {{\n{body}\n}}\n"
            "define double @points(i32 %n, ptr %x) {\n"
            "  %result = call double @value(ptr %x, ptr null)\n  ret double %result\n}\n"
            "define double @number(double %x, ptr %p) {\n  %at = alloca double, align 8\n"
            "  store double %x, ptr %at, align 8\n"
            "  %result = call double @value(ptr %at, ptr %p)\n  ret double %result\n}\n"
        )
        self._kept = (loaded, data)
        self._code = Code(object_code(text))

    def of_points(self) -> Any:
        """`double (int, double *)`, as ctypes has it; it keeps the code."""
        return self._pointer(POINTS, "points")

    def of_number(self) -> Any:
        """`double (double, void *)`, as ctypes has it; it keeps the code."""
        return self._pointer(NUMBER, "number")

    def _pointer(self, kind: Any, name: str) -> Any:
        pointer = kind(self._code.address(name))
        pointer.owner = self
        return pointer


def _at(slot: int) -> str:
    return f"  %slot{slot} = getelementptr i64, ptr %frame, i64 {slot}"
