"""The gamma functions that generated modules carry, as plain Python, against mpmath."""

import math

import mpmath
import numpy as np
import op_rows as rows
import pytest

from gradc.autodiff.adjoint import adjoint
from gradc.check.reals import REALS, function
from gradc.ir.graph import constant, input_node, make
from gradc.ir.interpret import reference
from gradc.ir.ops import OPS
from gradc.ir.types import Type
from gradc.loops import support as special

POINTS = [
    1e-300, 1e-8, 0.1, 0.5, 0.9, 0.9999999, 1.0, 1.0000001, 1.46, 1.9, 2.0, 2.5, 3.0, 7.7, 20.0, 100.5, 171.0, 1000.0,
    1e10, 1e300,
    -1e-300, -1e-8, -0.1, -0.5, -0.9999999, -1.5, -2.5000001, -7.3, -20.01, -100.5, -170.5, -1000.25,
]  # fmt: skip
FUNCTIONS = {
    "gamma": special._gamma,
    "lgamma": special._lgamma,
    "digamma": special._digamma,
    "polygamma": lambda x: special._polygamma(1.0, x),
}


def sensitivity(op: str, point: float) -> float:
    """How many ULP of the result one ULP of the argument makes."""
    x = input_node("x", Type("f64"))
    node = make(op, constant(1.0), x) if op == "polygamma" else make(op, x)
    value, slope = REALS.run([node, *adjoint(node, [x], constant(1.0))], {x: REALS.exact(point)}, {})
    return float(abs(mpmath.mpf(point) * slope / value)) if value != 0 else math.inf


@pytest.mark.parametrize("op", FUNCTIONS)
def test_against_mpmath(op):
    wrong = []
    draw = np.random.default_rng(3)
    f = function(op)
    with mpmath.workdps(60), np.errstate(all="ignore"):
        for x in [*POINTS, *draw.uniform(-6.0, 30.0, 100)]:
            x = float(x)
            true = f(1, mpmath.mpf(x)) if op == "polygamma" else f(mpmath.mpf(x))
            error = rows.ulps(float(FUNCTIONS[op](np.float64(x))), true)
            if error > 16 * (1 + sensitivity(op, x)):
                wrong.append(f"{op}({x}): {error:.3g} ULP")
    assert not wrong


@pytest.mark.parametrize("op", FUNCTIONS)
def test_zeros_poles_and_infinities_are_the_references(op):
    f = reference(OPS[op].numpy)
    with np.errstate(all="ignore"):
        for x in (0.0, -0.0, -1.0, -2.0, -7.0, math.inf, -math.inf, math.nan):
            (expected,) = f(1.0, np.array([x])) if op == "polygamma" else f(np.array([x]))
            got = FUNCTIONS[op](np.float64(x))
            assert np.array_equal(got, expected, equal_nan=True), (x, got, expected)


@pytest.mark.parametrize("x", [0.9999999999, 1.0000001, 1.9999999999, 2.0000001, 0.6, 1.5, 2.4])
def test_reference_of_lgamma_is_accurate_around_its_zeros(x):
    got = reference(OPS["lgamma"].numpy)(np.float64(x))
    with mpmath.workdps(40):
        assert rows.ulps(float(got), mpmath.loggamma(mpmath.mpf(x))) <= 8
