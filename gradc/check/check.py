"""`check`: a gradient against every other way to know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gradc.check.points import drawn
from gradc.function import Function
from gradc.function import compile as compile_program
from gradc.program import Program
from gradc.runtime import arguments
from gradc.runtime.results import names_of

TOLERANCES = {"f64": 1e-12, "f32": 5e-4}
"""By the narrowest input: the largest difference from an oracle, relative to the scale of the gradient (`_scales`)."""

RESOLUTION = 1e-28
"""What differences and SymPy's numbers, at 60 digits, can tell from zero, relative to what a program adds up."""

VERDICTS = {True: "ok", False: "DIFFERS"}


@dataclass(frozen=True)
class Row:
    """One comparison: for an input, by an oracle. `difference` is relative to the gradient, or to the terms that
    cancel in it where those are larger."""

    input: str
    oracle: str
    difference: float
    passed: bool


@dataclass(frozen=True)
class CheckReport:
    """All comparisons at one point."""

    program: str
    point: dict[str, Any]
    rows: tuple[Row, ...]

    @property
    def passed(self) -> bool:
        return all(row.passed for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        point = {name: np.asarray(value).tolist() for name, value in self.point.items()}
        rows = [asdict(row) for row in self.rows]
        return {"program": self.program, "point": point, "passed": self.passed, "comparisons": rows}

    def __str__(self) -> str:
        width = max((len(row.input) for row in self.rows), default=0) + 3
        point = ", ".join(f"{name} = {np.asarray(value).tolist()}" for name, value in self.point.items())
        lines = [f"at {point}"] if point else []
        lines += [
            f"{f'd/d{row.input}':<{width}}  {row.oracle:<18}  {row.difference:8.1e}  {VERDICTS[row.passed]}"
            for row in self.rows
        ]
        return "\n".join([*lines, "all agree" if self.passed else "they do not all agree"])


def check(program: str | Program, values: Mapping[str, Any] | None = None, wrt: Any = None) -> CheckReport:
    """The gradient of a program's (summed) value at a point, compared with forward mode, with mpmath on the graph
    of the derivative, with central differences of the value at high precision, which know nothing of our partial
    derivatives, and with SymPy's derivative where the program is scalar. Without values a point is drawn.

    Raises `Error` if the program or the point is wrong.
    """
    f = compile_program(program, wrt=wrt, engine="interpreter")
    point = dict(values) if values is not None else drawn(f)
    bound = arguments.bind(f.inputs, (), point)
    grads = f.grad(*bound)
    found = dict(zip(names_of(grads), grads))
    prepared = arguments.prepare(f.program.signature, bound)
    oracles = {"forward mode": _forward(f, bound, found), **_exact(f, prepared, found), **_symbolic(f, prepared, found)}
    scales = _scales(f, prepared, found)
    tolerance = TOLERANCES["f32" if any(type.dtype == "f32" for type in prepared.types) else "f64"]
    rows = []
    for name, grad in found.items():
        for oracle, answers in oracles.items():
            difference = _difference(np.asarray(grad, float), np.asarray(answers[name], float), scales[name])
            rows.append(Row(name, oracle, difference, difference <= tolerance))
    return CheckReport(f.text, point, tuple(rows))


def _difference(grad: np.ndarray, other: np.ndarray, scale: float) -> float:
    """The largest difference relative to a scale; equal infinities and NaN do not differ."""
    same = (grad == other) | (np.isnan(grad) & np.isnan(other))
    with np.errstate(all="ignore"):
        differences = np.where(same, 0.0, np.abs(grad - other) / scale)
    return float(np.max(np.where(np.isnan(differences), np.inf, differences), initial=0.0))


def _scales(f: Function, prepared: Any, found: Mapping[str, Any]) -> dict[str, float]:
    """What differences count against, for each input: the gradient's largest element, or the terms that cancel in it
    where those are larger, as they are in the gradient of `softmax(x)`, whose sum is constant."""
    from gradc.check.rounding import terms

    compilation = f.stages_for(prepared.types)
    sizes = prepared.sizes(compilation.graph)
    inputs = dict(zip(compilation.graph.inputs, prepared.arrays))
    (summed,) = terms(compilation.graph.results, inputs, sizes)
    _, *cancelled = terms(compilation.adjoint.results, inputs, sizes)
    points = dict(zip(f.inputs, prepared.arrays))
    scales = {}
    for (name, grad), cancelling in zip(found.items(), cancelled):
        point = np.abs(points[name])
        unit = float(np.min(point, initial=1.0, where=point > 0))
        scales[name] = max(largest(grad), largest(cancelling), RESOLUTION * largest(summed) / unit, 1e-300)
    return scales


def largest(values: Any) -> float:
    """The size of the largest finite element."""
    sizes = np.abs(np.asarray(values, float))
    return float(np.max(sizes[np.isfinite(sizes)], initial=0.0))


def _forward(f: Function, bound: list[Any], found: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Each derivative by one Jacobian-vector product."""
    answers = {}
    for name, grad in found.items():
        answer = np.zeros(np.shape(grad))
        for place in np.ndindex(answer.shape):
            tangents = {other: np.zeros(np.shape(g)) for other, g in found.items()}
            tangents[name][place] = 1.0
            answer[place] = np.sum(f.jvp(tangents, *bound))
        answers[name] = answer
    return answers


def _exact(f: Function, prepared: Any, found: Mapping[str, Any]) -> dict[str, dict[str, np.ndarray]]:
    """The derivative's graph, and central differences of the value, in mpmath's arithmetic."""
    import mpmath

    from gradc.check.oracles import difference, digits_for
    from gradc.check.reals import REALS

    compilation = f.stages_for(prepared.types)
    graph = compilation.derivative
    sizes = prepared.sizes(compilation.graph)
    digits = digits_for(prepared.arrays)
    by_graph: dict[str, np.ndarray] = {}
    by_difference: dict[str, np.ndarray] = {}
    with mpmath.workdps(digits):
        known = {
            node: REALS.exact(array) if node.type.is_float else array
            for node, array in zip(graph.inputs, prepared.arrays)
        }
        _, *bars = REALS.run(graph.results, known, sizes)
        for name, bar in zip(found, bars):
            (node,) = (node for node in graph.inputs if node.name == name)
            by_graph[name] = np.asarray(bar, object).astype(float)
            answer = np.zeros(np.shape(found[name]))
            for place in np.ndindex(answer.shape):

                def summed(x: Any, node: Any = node, place: tuple = place) -> Any:
                    moved = np.array(known[node], object)
                    moved[place] = x
                    (value,) = REALS.run(compilation.graph.results, {**known, node: moved if place else x}, sizes)
                    return np.sum(value)

                at = np.asarray(known[node], object)[place]
                answer[place] = float(difference(summed, at, digits))
            by_difference[name] = answer
    return {"mpmath": by_graph, "finite differences": by_difference}


def _symbolic(f: Function, prepared: Any, found: Mapping[str, Any]) -> dict[str, dict[str, np.ndarray]]:
    """SymPy's derivative of a scalar program, at the point; nothing where SymPy cannot say."""
    compilation = f.stages_for(prepared.types)
    if any(node.shape for node in compilation.graph.inputs):
        return {}
    import sympy

    from gradc.check.symbolic import SYMBOLS

    symbols = {node: sympy.Symbol(f"x{k}", real=True) for k, node in enumerate(compilation.graph.inputs)}
    point = {symbols[node]: sympy.Float(float(x), 60) for node, x in zip(symbols, prepared.arrays)}
    answers = {}
    try:
        (value,) = SYMBOLS.run(compilation.graph.results, symbols, {})
        for node, symbol in symbols.items():
            if node.name in found:
                answers[node.name] = np.asarray(float(sympy.diff(value, symbol).subs(point).evalf(30)))
    except (TypeError, ValueError, KeyError, NotImplementedError, AttributeError):
        return {}  # an op or a point for which SymPy has no number
    return {"sympy": answers}
