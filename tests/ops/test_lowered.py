"""The kernels' meaning of an op that is no primitive is the reference's, in both precisions and at the extremes."""

import math

import numpy as np
import op_rows as rows
import pytest

from gradc.ir.graph import make
from gradc.ir.interpret import run
from gradc.ir.ops import ROWS
from gradc.rewrite.lower import lower

ULPS = {"normal_cdf": 4000.0}
"""The argument of erfc is rounded: x*x ULP in the tail."""
ARRAYS = [
    (3e-200, 4e-200, 0.0), (1e300, 1e300, 1e-300), (5e-324, 0.0, 0.0), (1.0, 1e-170, 1e170), (1000.0, 1001.0, -1000.0),
    (0.0, 0.0, 0.0), (3e-30, 4e-30, 0.0), (3e30, 4e30, 0.0), (1.0, 2.0, 3.0), (-1.0, 1e25, 1e-25), (math.inf, 1.0, 2.0),
    (-math.inf, 1.0, 2.0), (-math.inf,) * 3, (math.nan, 1.0, math.inf),
]  # fmt: skip
EXTREMES = [0.0, -0.0, math.inf, -math.inf, math.nan]
LOWERED = [row for row in ROWS if row.lowered and row.kind != "matrix"]


def agree(row, got, expected, dtype: str) -> bool:
    info = np.finfo(np.float64 if dtype == "f64" else np.float32)
    got, expected = np.float64(got), np.float64(expected)
    if np.isnan(expected) or np.isinf(expected):
        return np.array_equal(got, expected, equal_nan=True)
    return abs(got - expected) <= ULPS.get(row.name, 8.0) * info.eps * abs(expected) + info.tiny


@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize(
    "row", [row for row in LOWERED if row.kind == "elementwise" and row.name not in rows.IN_TABLE], ids=rows.by_name
)
def test_elementwise(row, dtype):
    inputs = rows.inputs_of(row, dtype)
    node = rows.node_of(row, inputs)
    (lowered,) = lower([node])
    assert lowered.type == node.type
    points = rows.random_points(row, 20) + rows.special_points(row)
    points += [(x,) * len(row.params) for x in EXTREMES]
    for point in points:
        with np.errstate(over="ignore"):
            values = {x: np.float64(v) if dtype == "f64" else np.float32(v) for x, v in zip(inputs, point)}
        expected, got = run([node, lowered], values, {})
        assert agree(row, got, expected, dtype), (point, got, expected)


@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize("row", [row for row in LOWERED if row.kind == "reduction"], ids=rows.by_name)
def test_reductions(row, dtype):
    x = rows.array_input(dtype)
    node = make(row.name, x, attrs=((0,),))
    (lowered,) = lower([node])
    assert lowered.type == node.type
    for array in ARRAYS:
        with np.errstate(over="ignore"):
            value = np.array(array, np.float64 if dtype == "f64" else np.float32)
        expected, got = run([node, lowered], {x: value}, {})
        assert agree(row, got, expected, dtype), (array, got, expected)


def test_lowering_leaves_primitives_only():
    for row in LOWERED:
        inputs = [rows.array_input()] if row.kind == "reduction" else rows.inputs_of(row)
        stack = lower([rows.node_of(row, inputs)])
        while stack:
            node = stack.pop()
            assert not node.row.lowered, (row.name, node.op)
            stack.extend(node.args)
