"""What the loops over the op table share: nodes of an op over inputs, test points, and errors in ULP."""

from __future__ import annotations

import itertools
import math
import zlib

import numpy as np
from mpmath import mpf

from gradc.ir.graph import Node, constant, input_node, make
from gradc.ir.ops import ROWS, Op
from gradc.ir.types import Type

IN_TABLE = {
    "gamma_pdf",
    "beta_pdf",
    "ive_slope",
    "kve_slope",
    "stirling",
    "log1prest",
    "lambertw",
    "lambertw1",
    "sinc",
    "sinc_slope",
}
"""Ops that are tested at points of their own, as those are that SciPy computes (test_special.py)."""
ELEMENTWISE = [
    row
    for row in ROWS
    if row.kind == "elementwise" and any(row.partials) and not row.scipy and row.name not in IN_TABLE
]
REDUCTIONS = [row for row in ROWS if row.kind == "reduction" and (any(row.partials) or row.transpose)]
ARRAY_SIZE = 3

UNARY_POINTS = [
    sign * size
    for sign in (1.0, -1.0)
    for size in (0.0, 1e-300, 1e-160, 1e-8, 0.1, 0.5, 0.9999999, 1.0, 1.0000001, 1.46, 2.5, 3.0, 8.3, 20.0, 38.0,
                 300.0, 700.0, 1000.0, 1e10, 1e160, 1e300)
]  # fmt: skip
OTHER_POINTS = (0.0, 1.0, -1.0, 0.5, 1e-300, -1e-300, 1e300, -1e300, 1000.0, -1000.0, 3.0, -2.5)


def by_name(row: Op) -> str:
    """The identity of a test over rows."""
    return row.name


def generator(row: Op) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(row.name.encode()))


def inputs_of(row: Op, dtype: str = "f64") -> list[Node]:
    """Inputs for the arguments of an elementwise op; the order of a polygamma is the number 1."""
    return [
        constant(1.0, Type(dtype))
        if name == "n"
        else input_node(name, Type("bool" if is_condition(row, name) else dtype))
        for name in row.params
    ]


def is_condition(row: Op, name: str) -> bool:
    return name == "c" and row.name in ("mask", "where")


def array_input(dtype: str = "f64") -> Node:
    return input_node("x", Type(dtype, (ARRAY_SIZE,)))


def node_of(row: Op, inputs: list[Node]) -> Node:
    return make(row.name, *inputs, attrs=((0,),) if row.kind == "reduction" else ())


def smooth_arguments(row: Op) -> list[int]:
    """The arguments that have a derivative."""
    return [k for k, text in enumerate(row.partials) if text is not None]


def random_points(row: Op, count: int) -> list[tuple[float, ...]]:
    """Points from the row's domain."""
    draw = generator(row)
    return [
        tuple(
            bool(draw.integers(2)) if is_condition(row, name) else float(draw.uniform(*interval))
            for name, interval in zip(row.params, row.domain)
        )
        for _ in range(count)
    ]


def special_points(row: Op) -> list[tuple[float, ...]]:
    """Zeros, ones, and numbers at both ends of what a float holds, in every combination."""
    if row.params == ("x",):
        return [(x,) for x in UNARY_POINTS]
    others = UNARY_POINTS if row.params[0] == "n" else OTHER_POINTS if len(row.params) == 2 else OTHER_POINTS[:6]
    choices = ((False, True) if is_condition(row, name) else (1.0,) if name == "n" else others for name in row.params)
    return list(itertools.product(*choices))


SMALLEST = np.finfo(float).tiny
"""Below it floats lose digits: an error of this size is none."""


def ulps(got: float, true: mpf) -> float:
    """The error of a float in units of the last place of the true number; underflow and overflow are no errors."""
    rounded = float(true)
    if math.isnan(rounded) or math.isinf(rounded) or math.isnan(got):
        same = math.isnan(got) if math.isnan(rounded) else got == rounded
        return 0.0 if same else math.inf
    if math.isinf(got):
        overflow = np.finfo(float).max * (1 - 1e-15)
        return 0.0 if abs(rounded) >= overflow and got * rounded > 0 else math.inf
    error = abs(mpf(got) - true)
    return 0.0 if error <= SMALLEST else float(error / mpf(float(np.spacing(abs(rounded)))))
