"""Values and gradients of every elementwise op against mpmath: a few ULP at random points and at the extremes.

At random points the truth of a gradient is a difference quotient of the op, which knows nothing of the partials;
at the extremes it is the partial, which SymPy has proved, at high precision. What happens at kinks and poles is
documented in tests/special_points.
"""

import math

import mpmath
import numpy as np
import op_rows as rows
import pytest
from mpmath import mpf

from gradc.autodiff.adjoint import adjoint
from gradc.check.oracles import difference
from gradc.check.reals import REALS, function
from gradc.ir.graph import constant
from gradc.ir.interpret import run
from gradc.rewrite.engine import Rewriter
from tests.stage_rules import first_rules

FEW = 5.0
"""ULP."""

GAUSSIAN = {"erf", "erfc", "normal_cdf", "normal_pdf"}
"""exp of a rounded square: each ULP of x*x counts x*x times."""
CONDITIONED = {"gamma", "lgamma", "digamma", "polygamma"}
"""SciPy's gamma family has zeros and poles near which an ULP of the argument is many of the result."""
CHAIN_ENDS = {
    "exprel2", "log1prel1", "log1prel2", "spherical_j1", "sinrel3", "sinrest2", "sinhrel3", "sinhrest2", "arctanrel2",
    "arctanrel3", "arctanrest1", "arctanrest2", "arcsinhrel1", "arcsinhrel2", "arcsinhrel3",
    "erfrel3",
}  # fmt: skip
"""Second derivatives of functions with removable singularities, and the third as their partial."""
DIGITS = {"mod": 700, "floordiv": 700}
"""Quotients of up to 1e600, every digit of them."""


class Measured:
    """An op with its partials and theirs, in floats and in mpmath's numbers."""

    def __init__(self, row):
        self.row = row
        self.inputs = rows.inputs_of(row)
        node = rows.node_of(row, self.inputs)
        self.smooth = rows.smooth_arguments(row)
        wrt = [self.inputs[k] for k in self.smooth]
        self.exact = [node, *adjoint(node, wrt, constant(1.0))]
        self.curvatures = [adjoint(bar, [x], constant(1.0))[0] for bar, x in zip(self.exact[1:], wrt)]
        self.rewritten = Rewriter(first_rules("derivative")).rewrite(self.exact)
        self.names = [row.name, *(f"d/d{row.params[k]} {row.name}" for k in self.smooth)]

    def floats(self, point) -> list[float]:
        values = {node: np.float64(x) for node, x in zip(self.inputs, point) if node.op == "input"}
        return [float(x) for x in run(self.rewritten, values, {})]

    def truths(self, point) -> tuple[list[mpf], list[mpf]]:
        """The value and the partials; the second derivatives."""
        values = {node: REALS.exact(x) for node, x in zip(self.inputs, point)}
        found = REALS.run(self.exact + self.curvatures, values, {})
        return found[: len(self.exact)], found[len(self.exact) :]

    def allowed(self, point, truths, curvatures) -> list[float]:
        """The bound for the value and for each partial, in ULP."""
        name = self.row.name
        if name in GAUSSIAN:
            return [FEW + 2 * min(abs(point[0]), 100.0) ** 2] * len(truths)
        if name == "power" and point[0] != 0:
            return [FEW + abs(math.log(abs(point[0])))] * len(truths)  # y - 1 is rounded
        if name in CHAIN_ENDS:
            return [3 * FEW, 20 * FEW]
        if name == "truncated_skew":  # a fourth derivative: of three terms, and all cancel far below
            lost = 50**2 if abs(point[0]) > 3 else 0.1 / abs(float(truths[1]))
            return [2 * FEW, 16 * FEW * (1 + lost)]
        if name not in CONDITIONED:
            return [FEW] * len(truths)
        slopes = [truths[1], *curvatures]
        return [FEW * (1 + float(abs(mpf(point[-1]) * s / t))) if t != 0 else math.inf for s, t in zip(slopes, truths)]


def report(what: str, point, got: float, true: mpf, bound: float):
    """A line for a number that is further from the truth than allowed."""
    error = rows.ulps(got, true)
    if error > bound:
        yield f"{what}{point} is {got!r}, not {mpmath.nstr(true, 17)}: {error:.3g} ULP, allowed {bound:.3g}"


@pytest.mark.parametrize("row", rows.ELEMENTWISE, ids=rows.by_name)
def test_at_random_points(row):
    measured, f, wrong = Measured(row), function(row.name), []
    with mpmath.workdps(60):
        for point in rows.random_points(row, 15):
            exact = [REALS.exact(x) for x in point]
            truths = [f(*exact)]
            for k in measured.smooth:
                truths.append(difference(lambda x, k=k, at=exact: f(*at[:k], x, *at[k + 1 :]), exact[k], 60))
            bounds = measured.allowed(point, *measured.truths(point))
            for what, got, true, bound in zip(measured.names, measured.floats(point), truths, bounds):
                wrong += report(what, point, got, true, bound)
    assert not wrong


@pytest.mark.parametrize("row", rows.ELEMENTWISE, ids=rows.by_name)
def test_at_special_points(row):
    measured, wrong, compared = Measured(row), [], 0
    with mpmath.workdps(DIGITS.get(row.name, 60)):
        for point in rows.special_points(row):
            truths, curvatures = measured.truths(point)
            got = measured.floats(point)
            if mpmath.isnan(truths[0]):
                assert math.isnan(got[0]), f"{row.name}{point} is {got[0]}, not NaN"
            elif all(map(mpmath.isfinite, truths)):
                compared += 1
                bounds = measured.allowed(point, truths, curvatures)
                for what, x, true, bound in zip(measured.names, got, truths, bounds):
                    wrong += report(what, point, x, true, bound)
    assert not wrong
    assert compared > 3
