"""The facts of a row that the compiler relies on, against the reference meaning of its op."""

import numpy as np
import op_rows as rows
import pytest

from gradc.ir.graph import constant, input_node, make
from gradc.ir.interpret import run
from gradc.ir.ops import ROWS
from gradc.ir.types import Type

RUNNING = [row for row in ROWS if row.combine]


@pytest.mark.parametrize("row", RUNNING, ids=rows.by_name)
def test_partial_results_combine(row):
    dtype = "bool" if isinstance(row.identity, bool) else "f64"
    x, left, right = (input_node(name, Type(dtype, (size,))) for name, size in (("x", 4), ("left", 1), ("right", 3)))
    whole, *parts = (make(row.name, node, attrs=((0,),)) for node in (x, left, right))
    combined = make(row.combine, *parts)
    from_identity = make(row.combine, constant(row.identity, whole.type), whole)
    for array in ([3.0, 0.5, 2.0, 1.0], [-np.inf, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0], [np.inf, 1.0, 1.0, 2.0]):
        array = np.array(array).astype(bool if dtype == "bool" else float)
        found = run((whole, combined, from_identity), {x: array, left: array[:1], right: array[1:]}, {})
        assert len(set(map(float, found))) == 1


def test_what_no_kernel_runs_over_is_lowered():
    assert all(row.combine or row.lowered for row in ROWS if row.kind == "reduction")
