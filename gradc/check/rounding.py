"""What rounding does to the results of a graph: exact arithmetic in which every operation is off by a little."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import mpmath
import numpy as np

from gradc.check.oracles import Arithmetic, Value, digits_for
from gradc.check.reals import REALS
from gradc.ir.graph import Node

ROUNDING = 1e-16
"""By how much, relative to its result, an operation is off."""

RUNS = 3
"""How often the graph is evaluated with different errors."""


@dataclass(frozen=True)
class Rounded(Arithmetic):
    """mpmath's numbers, but for a small random error wherever a float64 cannot hold a result."""

    draw: Random = field(default_factory=lambda: Random(0))

    def apply(self, node: Node, args: Sequence[Value], sizes: Mapping[str, int]) -> Value:
        if node.row.adds:
            args = [self._moved(arg) if source.type.is_float else arg for source, arg in zip(node.args, args)]
        result = super().apply(node, args, sizes)
        return self._moved(result, inexact_only=True) if node.type.is_float else result

    def _moved(self, value: Value, inexact_only: bool = False) -> Value:
        def moved(x: Any) -> Any:
            if not mpmath.isfinite(x) or (inexact_only and x == float(x)):
                return x
            return x + x * self.draw.uniform(-ROUNDING, ROUNDING)

        return np.frompyfunc(moved, 1, 1)(value)


def terms(results: Iterable[Node], inputs: Mapping[Node, Any], sizes: Mapping[str, int]) -> list[Any]:
    """The size of the terms that make up each result: the effect of rounding every operation, divided by the rounding.

    For `x + 1 - x` that is about the size of x, whatever cancels. This is Monte Carlo arithmetic (Parker, "Monte Carlo
    arithmetic", 1997), with errors added to exact results.
    """
    results = tuple(results)
    with mpmath.workdps(digits_for(inputs.values())):
        known = {node: REALS.exact(value) if node.type.is_float else value for node, value in inputs.items()}
        exact = REALS.run(results, known, sizes)
        rounded = Rounded(REALS.number, REALS.function, REALS.reduction)
        moved = [rounded.run(results, known, sizes) for _ in range(RUNS)]
        return [
            np.max([np.abs(np.asarray(run[k] - value, object).astype(float)) for run in moved], axis=0) / ROUNDING
            for k, value in enumerate(exact)
        ]
