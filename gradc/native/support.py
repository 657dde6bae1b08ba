"""Functions that become part of every module that needs them: memory, and products of matrices."""

from __future__ import annotations

from collections.abc import Iterable

from gradc.native import lapack, panels
from gradc.native.frame import Status
from gradc.native.source import source

SMALL_PRODUCT = 256
"""Multiplications of a product up to which loops over its elements do."""
PARTED_PRODUCT = 2**19
"""Multiplications of a product from which it is made in parts."""
ROWS, LEAST, WIDTH = 96, 24, 512
"""The most and the fewest rows of a part, and its columns: what it reads again and again fits the second cache."""
THIN = 2**18
"""Multiplications of a part of a thin product, which BLAS computes; it would call threads of its own for more."""
TERMS = 2**14
"""Terms of a part that are done without looking for interrupts."""
GEMM = {"f64": "dgemm", "f32": "sgemm"}
REALS = {"f64": "double", "f32": "float"}


def text(names: Iterable[str], declared: set[str], doubles: int) -> str:
    """The functions with these names; what they declare is added to `declared`."""
    parts = []
    for name in sorted(names):
        kind, _, t = name.partition(".")
        if kind == "shared":
            declared |= {"declare i64 @gradc_share(ptr, ptr, ptr, i64)"}
            parts.append(source("shared"))
        elif kind == "room":
            declared |= {"declare ptr @gradc_take(i64)", "declare void @gradc_give(ptr)"}
            parts.append(source("room"))
        elif kind == "routine":
            op, _, dtype = t.partition(".")
            parts.append(lapack.routine(op, dtype, declared))
        elif kind == "sparse":
            parts.append(source("sparse", T=t, REAL=REALS[t], ALIGN=8 if t == "f64" else 4))
        else:
            parts.append(_product(t, doubles, declared))
    return "\n".join(parts)


def _product(t: str, doubles: int, declared: set[str]) -> str:
    lanes = max(2, doubles) * (2 if t == "f32" else 1)
    real = REALS[t]
    vector = f"<{lanes} x {real}>"
    declared |= {
        f"declare {real} @llvm.fma.{t}({real}, {real}, {real})",
        f"declare {vector} @llvm.fma.v{lanes}{t}({vector}, {vector}, {vector})",
        "declare i32 @llvm.smax.i32(i32, i32)",
        "declare i64 @llvm.umax.i64(i64, i64)",
        "declare i64 @llvm.umin.i64(i64, i64)",
        "declare i32 @gradc_poll()",
        f"declare void @gradc_{GEMM[t]}({', '.join(['ptr'] * 13)})",
    }
    align = 8 if t == "f64" else 4
    product = source(
        "product", T=t, REAL=real, ALIGN=align, LANES=lanes, VECTOR=vector, MASK=-lanes,
        SMALL=SMALL_PRODUCT, PARTED=PARTED_PRODUCT, ROWS=ROWS, LEAST=LEAST, WIDTH=WIDTH, THIN=THIN, TERMS=TERMS,
        INTERRUPTED=int(Status.INTERRUPTED), GEMM=GEMM[t],
    )  # fmt: skip
    return product + "\n" + panels.text(t, real, align, lanes)
