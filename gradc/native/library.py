"""Products of matrices: a module of its own that all kernels share, compiled once for each machine."""

from __future__ import annotations

from gradc.native import panels
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

SHARE = "declare i64 @gradc_share(ptr, ptr, ptr, i64)"
"""What shares a loop among threads."""
PRODUCT = "gradc_product_"
"""How the name of a function for products begins."""


def product_name(t: str, doubles: int) -> str:
    """What products of matrices of an element type are called, with vectors of so many doubles."""
    return f"{PRODUCT}{t}_{doubles}"


def product_module(name: str) -> str:
    """The module that has the products of this name."""
    t, _, width = name.removeprefix(PRODUCT).partition("_")
    doubles, declared = int(width), set[str]()
    declared.add(SHARE)
    functions = [_product(name, t, doubles, declared), source("shared")]
    return "\n".join([*functions, *sorted(declared)]) + "\n"


def _product(name: str, t: str, doubles: int, declared: set[str]) -> str:
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
        "product", NAME=name, T=t, REAL=real, ALIGN=align, LANES=lanes, VECTOR=vector, MASK=-lanes,
        SMALL=SMALL_PRODUCT, PARTED=PARTED_PRODUCT, ROWS=ROWS, LEAST=LEAST, WIDTH=WIDTH, THIN=THIN, TERMS=TERMS,
        INTERRUPTED=int(Status.INTERRUPTED), GEMM=GEMM[t],
    )  # fmt: skip
    return product + "\n" + panels.text(t, real, align, lanes)
