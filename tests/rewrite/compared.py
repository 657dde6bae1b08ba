"""Both sides of a rule with their derivatives, in floats as the compiler would have them, and exactly; hard points."""

from __future__ import annotations

import itertools
import zlib

import mpmath
import numpy as np
from rule_graphs import STABLE, inputs_of, sides, values_for

from gradc.autodiff.adjoint import adjoint
from gradc.check.reals import REALS
from gradc.ir.graph import input_node
from gradc.ir.interpret import run
from gradc.rewrite.engine import Rewriter
from tests.stage_rules import first_rules

SIZE = 3
"""Elements of an array that a rule reduces."""


def graphs(rule, size: int, shape: tuple = ()):
    """The inputs of a rule by name, and its two sides; rules that reduce do so over arrays of some size."""
    inputs = inputs_of(rule, (size,) if rule.reduces else shape)
    return inputs, sides(rule, inputs, (0,) if rule.reduces else None, 1 if rule.reduces else 0)


# ---- points

ORDINARY = [-7.3, -2.1, -1.0, -0.6, -0.01, 0.003, 0.4, 1.0, 1.7, 2.0, 5.9]


def draws(rule, inputs, values, count: int, seed: int = 0):
    """Assignments of values to the inputs: all combinations if they are few, else a sample."""
    draw = np.random.default_rng(zlib.crc32(rule.text.encode()) + seed)
    if all(not node.shape for node in inputs.values()) and len(values) ** len(inputs) <= count:
        combinations = itertools.product(*(values_for(name, values) for name in inputs))
        yield from (dict(zip(inputs, point)) for point in combinations)
        return
    for _ in range(count):
        yield {
            name: draw.integers(2, size=node.shape).astype(bool)
            if node.type.dtype == "bool"
            else draw.choice(values_for(name, values), size=node.shape)
            for name, node in inputs.items()
        }


HARD = [
    s * x for s in (1.0, -1.0)
    for x in (1e-300, 1e-160, 1e-17, 1e-9, 1e-4, 0.3, 0.9999999, 1.0, 1.0000001, 3.0, 20.3, 37.1, 300.7, 711.3, 999.5,
              1e5, 1e9, 1e160, 1e300)
]  # fmt: skip
MILD = [x for x in HARD if 1e-10 < abs(x) < 1e4]
"""mpmath's gamma function takes long for the others."""
WITHIN = [0.01, 0.7, 1.3]
"""Of the hard points few lie where this one is defined."""

# ---- sides

PRECISIONS = (50, 400, 1500)
"""Decimal digits: 1 - cos(1e-300) is 5e-601."""


class Case:
    """Both sides of a rule with their gradients, in floats as the compiler would have them, and exactly."""

    def __init__(self, rule, shape: tuple = ()):
        """The shape is that of the inputs of a rule that reduces nothing."""
        self.inputs, (left, right) = graphs(rule, SIZE, shape)
        self.wrt = [self.inputs[name] for name in rule.variables if self.inputs[name].type.is_float]
        self.upstream = input_node("upstream", left.type)
        self.left = [left, *adjoint(left, self.wrt, self.upstream)]
        (rewritten,) = Rewriter(first_rules("rewritten")).rewrite([right])
        if rule in STABLE:
            self.right = Rewriter(first_rules("derivative")).rewrite(
                [rewritten, *adjoint(rewritten, self.wrt, self.upstream)]
            )
        else:
            self.right = [right]

    def floats(self, point):
        """All numbers of the left side and of the right one, flat."""
        values = {self.inputs[name]: value for name, value in point.items()} | {self.upstream: self._ones()}
        left, right = (run(nodes, values, {}) for nodes in (self.left[: len(self.right)], self.right))
        return flat(left), flat(right)

    def truth(self, point):
        """The numbers of the left side, exactly, and the precision that it took.

        The precision grows until nothing changes; a zero may be what cancellation has left, so it has to wait for
        the highest.
        """
        before: list = []
        for digits in PRECISIONS:
            with mpmath.workdps(digits):
                true = self._exact(point, None)
                if before and all(map(same, before, true)):
                    break
                before = true
        return true, digits

    def moved(self, point, true, digits):
        """How far rounding the arguments moves the numbers of the left side."""
        moved = [mpmath.mpf(0)] * len(true)
        with mpmath.workdps(digits):
            for seed in range(2):
                other = self._exact(point, np.random.default_rng(seed))
                moved = [max(m, abs(t - o)) if mpmath.isfinite(o) else m for m, t, o in zip(moved, true, other)]
        return moved

    def _exact(self, point, signs) -> list:
        """The numbers of the left side, its arguments and the upstream moved by half an ULP if there are `signs`."""
        values = {self.inputs[name]: REALS.exact(value) for name, value in point.items()}
        values[self.upstream] = REALS.exact(self._ones())
        if signs is not None:
            half = mpmath.mpf(2) ** -53
            moved = ((node, signs.choice([-1, 1], size=node.shape)) for node in values)
            values = {node: values[node] * (1 + sign * half) for node, sign in moved}
        return flat(REALS.run(self.left[: len(self.right)], values, {}))

    def _ones(self):
        return np.array([1.0, -2.0, 0.5]) if self.upstream.shape else np.float64(1.0)


def same(before, now) -> bool:
    return mpmath.isfinite(now) and now != 0 and abs(before - now) <= abs(now) * mpmath.mpf(10) ** -25


def flat(arrays) -> list:
    return [x for array in arrays for x in np.asarray(array, object).reshape(-1)]
