"""Bits of error of a program and of its derivatives, as gradc computes them and as the plain formula does.

The truth is the program as written over mpmath's numbers, with as many digits as it takes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import mpmath
import numpy as np

from gradc.autodiff.transforms import TRANSFORMS
from gradc.check.reals import REALS
from gradc.compiler import Compilation
from gradc.frontends.text import TextProgram
from gradc.ir.graph import Node
from gradc.ir.interpret import run
from gradc.ir.types import Type
from gradc.language.source import Source

PRECISIONS = (50, 400, 1500)
"""Decimal digits that are tried until nothing changes."""
WORST = 64.0
"""Bits of an answer that is NaN or has the wrong sign of infinity where there is a number."""
KINDS = ("value", "gradient", "second")


class Errors(NamedTuple):
    """Bits of error at one point: of the value, the gradient and the second derivatives, the mean over each."""

    point: tuple[float, ...]
    rewritten: dict[str, float]
    plain: dict[str, float]


def ordinal(x: float) -> int:
    """Floats in order, as integers."""
    (bits,) = struct.unpack("<q", struct.pack("<d", x))
    return bits if bits >= 0 else -(bits & 2**63 - 1)


def bits_of(got: float, true: Any) -> float:
    """The logarithm of how many floats lie between an answer and the truth, rounded."""
    if math.isnan(got):
        return WORST
    return math.log2(1 + abs(ordinal(got) - ordinal(float(true))))


class Measured:
    """A program of scalars, with all derivatives up to the second: rewritten, plain, and exactly."""

    def __init__(self, program: str):
        text = TextProgram(Source(program, "expression"))
        self.inputs = text.signature.inputs
        types = {name: Type("f64") for name in self.inputs}
        compilations = [Compilation(text, types, self.inputs, transform=name) for name in ("value_and_grad", "hvp")]
        first, second = compilations
        self.wrt = first.wrt_nodes
        self.rewritten = first.derivative.results, second.derivative.results
        self.seeds = second.adjoint.inputs[len(self.inputs) :]
        self.plain = self._plain("value_and_grad", first), self._plain("hvp", second)

    def _plain(self, transform: str, compilation: Compilation) -> tuple[Node, ...]:
        extra, outputs = TRANSFORMS[transform].build(compilation.graph, compilation.wrt_nodes, list)
        assert extra in ((), self.seeds)
        return tuple(node for _, node in outputs)

    def _all(self, nodes: tuple[tuple[Node, ...], ...], values: dict[Node, Any], evaluate: Any) -> list[Any]:
        """The value, the gradient, then a row of the Hessian for each input."""
        first, second = nodes
        found = list(evaluate(first, values))
        for chosen in self.seeds:
            found += evaluate(second, values | {seed: float(seed is chosen) for seed in self.seeds})
        return found

    def floats(self, nodes: tuple[tuple[Node, ...], ...], point: Sequence[float]) -> list[float]:
        values = dict(zip(self.wrt, map(np.float64, point)))
        with np.errstate(all="ignore"):
            return [float(x) for x in self._all(nodes, values, lambda n, v: run(n, v, {}))]

    def truth(self, point: Sequence[float]) -> list[Any] | None:
        """All numbers exactly; None where the value is no finite number."""
        before: list[Any] = []
        for digits in PRECISIONS:
            with mpmath.workdps(digits):
                values = {node: np.float64(x) for node, x in zip(self.wrt, point)}
                true = [x[()] if isinstance(x, np.ndarray) else x for x in self._all(self.plain, values, _exactly)]
            if not mpmath.isfinite(true[0]):
                return None
            if before and all(_same(x, y) for x, y in zip(before, true)):
                break
            before = true
        return true

    def errors(self, points: Sequence[Sequence[float]]) -> Iterator[Errors]:
        """The errors at points where the value exists; numbers that do not exist there have none."""
        count = len(self.inputs)
        kinds = [KINDS[0], *[KINDS[1]] * count, *[KINDS[2]] * count**2]
        for point in points:
            true = self.truth(point)
            if true is None:
                continue
            found = [self._by_kind(kinds, self.floats(nodes, point), true) for nodes in (self.rewritten, self.plain)]
            yield Errors(tuple(point), *found)

    @staticmethod
    def _by_kind(kinds: Sequence[str], got: Sequence[float], true: Sequence[Any]) -> dict[str, float]:
        found: dict[str, list[float]] = {}
        for kind, x, t in zip(kinds, got, true):
            if mpmath.isfinite(t):
                found.setdefault(kind, []).append(bits_of(x, t))
        return {kind: sum(bits) / len(bits) for kind, bits in found.items()}


def _exactly(nodes: tuple[Node, ...], values: Mapping[Node, Any]) -> Sequence[Any]:
    return REALS.run(nodes, {node: REALS.exact(np.float64(x)) for node, x in values.items()}, {})


def _same(before: Any, now: Any) -> bool:
    if not mpmath.isfinite(now):
        return bool(mpmath.isnan(before)) == bool(mpmath.isnan(now))
    if now == 0:
        return False  # what cancellation has left, it may be
    return abs(before - now) <= abs(now) * mpmath.mpf(10) ** -25


def means(errors: Sequence[Errors]) -> Mapping[str, tuple[float, float]]:
    """By kind, the mean of gradc and that of the plain form."""
    found = {}
    for kind in KINDS:
        pairs = [(e.rewritten[kind], e.plain[kind]) for e in errors if kind in e.rewritten]
        if pairs:
            found[kind] = tuple(sum(column) / len(pairs) for column in zip(*pairs))
    return found
