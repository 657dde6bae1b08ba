"""Long functions are written so that Numba takes linear time: no more branches and loops than short ones have."""

import numpy as np
import pytest

import gradc
from gradc.emit.expressions import MAX_CALLS, MAX_CONDITIONALS
from tests.emit.plain import plain

SELECTIONS = "y = x\n" + "y = 2*y if y > 0 else 3*y\n" * (MAX_CONDITIONALS + 1) + "y"
SINES = "x + " + " + ".join(f"sin({k}*x)*x**{k}" for k in range(1, MAX_CALLS + 1))


@pytest.mark.parametrize(("text", "word"), [(SELECTIONS, " if "), (SINES, "np.sin")])
def test_what_numba_is_slow_with_stands_in_a_helper(text, word):
    assert word not in "\n".join(gradc.compile(text).stages.function.lines)
    assert word in "\n".join(gradc.compile("sin(x) if x > 0 else cos(x)").stages.function.lines)


@pytest.mark.parametrize("text", [SELECTIONS, SINES])
def test_helpers_change_no_number(text):
    f = gradc.compile(text, engine="interpreter")
    value, (slope,) = plain(f.source)["value_and_grad"](0.3)
    expected, (expected_slope,) = f.value_and_grad(0.3)
    np.testing.assert_allclose([value, slope], [expected, expected_slope], rtol=1e-13)
