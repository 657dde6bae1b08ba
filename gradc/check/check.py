"""`check`: a gradient against every other way to know it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

MAX_SINGLE = 16
"""The most elements of an array that are moved one by one; those of larger ones move together, in random directions."""

SMALLEST = 1e-300
"""What a difference counts against where a gradient is zero."""

DIRECTIONS = 2
"""How many of these directions there are."""

MAX_LINES = 12
"""How many inputs a report lists, the worst first if they are more."""

MAX_ELEMENTS = 6
"""The longest array that a report shows whole."""

Along = Callable[[np.ndarray], Any]
"""The derivative along a direction: a number for a weight of each element of an input."""

Progress = Callable[[int, int, str], None]
"""Told how many comparisons are done, of how many, and what comes next."""


@dataclass(frozen=True)
class Row:
    """One comparison: for an input, by an oracle. `difference` is relative to the gradient, or to the terms that
    cancel in it where those are larger; it is that of `element` (such as `t[3]`) where one can be named."""

    input: str
    oracle: str
    difference: float
    passed: bool
    element: str = ""


@dataclass(frozen=True)
class CheckReport:
    """All comparisons at one point. `str` has a line for each input and its worst comparison, `details` all of them."""

    program: str
    point: dict[str, Any]
    rows: tuple[Row, ...]
    count: int = 0
    """How many derivatives were compared: the elements of all inputs."""

    @property
    def passed(self) -> bool:
        return all(row.passed for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        point = {name: np.asarray(value).tolist() for name, value in self.point.items()}
        rows = [asdict(row) for row in self.rows]
        return {"program": self.program, "point": point, "passed": self.passed, "comparisons": rows}

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        """What notebooks show."""
        from gradc.show.notebook import of_table

        rows = [
            (f"d/d{row.element or row.input}", row.oracle, f"{row.difference:.1e}", VERDICTS[row.passed])
            for row in self.rows
        ]
        text = str(self)
        return of_table(text, self.program, ("", "compared with", "difference", ""), rows, text.splitlines()[-1])

    @property
    def details(self) -> str:
        """The whole point, and every comparison."""
        point = ", ".join(f"{name} = {np.asarray(value).tolist()}" for name, value in self.point.items())
        return self._lines(point, self.rows, self.rows)

    def __str__(self) -> str:
        point = ", ".join(f"{name} = {_shown(value)}" for name, value in self.point.items())
        by_input: dict[str, list[Row]] = {}
        for row in self.rows:
            by_input.setdefault(row.input, []).append(row)
        shown: list[Row] = []
        for rows in by_input.values():
            wrong = [row for row in rows if not row.passed]
            shown += wrong or [max(rows, key=lambda row: row.difference)]
        if len(shown) > MAX_LINES:
            shown.sort(key=lambda row: (row.passed, -row.difference))
        return self._lines(point, shown[:MAX_LINES], shown)

    def _lines(self, point: str, rows: Any, instead_of: Any) -> str:
        names = [f"d/d{row.element or row.input}" for row in rows]
        width = max(map(len, names), default=0)
        lines = [f"at {point}"] if point else []
        lines += [
            f"{name:<{width}}  {row.oracle:<18}  {row.difference:8.1e}  {VERDICTS[row.passed]}"
            for name, row in zip(names, rows)
        ]
        if len(rows) < len(instead_of):
            lines.append(f"... and {len(instead_of) - len(rows):,} more, which differ less")
        oracles = list(dict.fromkeys(row.oracle for row in self.rows))
        with_all = f"{', '.join(oracles[:-1])} and {oracles[-1]}" if len(oracles) > 1 else "".join(oracles)
        count = f"{self.count:,} derivative{'s' * (self.count != 1)}"
        verdict = f"{count}: {with_all} agree" if self.passed else f"{count}: they do not all agree"
        return "\n".join([*lines, verdict] if self.rows else lines or ["nothing to differentiate"])


def _shown(value: Any) -> str:
    """An argument in a few words."""
    array = np.asarray(value)
    if array.size <= MAX_ELEMENTS:
        return str(array.tolist())
    size = f"{array.size:,} numbers" if array.ndim == 1 else " x ".join(map(str, array.shape)) + " numbers"
    return f"{size} from {array.min().item():.6g} to {array.max().item():.6g}"


def check(
    program: str | Program,
    values: Mapping[str, Any] | None = None,
    wrt: Any = None,
    progress: Progress | None = None,
) -> CheckReport:
    """The gradient of a program's (summed) value at a point, compared with forward mode, with mpmath on the graph
    of the derivative, with central differences of the value at high precision, which know nothing of our partial
    derivatives, and with SymPy's derivative where the program is scalar. Without values a point is drawn.

    mpmath and SymPy give every element. Forward mode and differences do so for arrays of up to 16 elements; for larger
    ones they give the derivative along two random directions in which every element moves, which no wrong element
    leaves as it is, and look for the element where it differs.

    Raises `Error` if the program or the point is wrong.
    """
    told = progress or _untold
    f = compile_program(program, wrt=wrt, engine="interpreter")
    point = dict(values) if values is not None else drawn(f)
    bound = arguments.bind(f.inputs, (), point)
    told(0, 1, "gradient")
    grads = f.grad(*bound)
    found = dict(zip(names_of(grads), grads))
    prepared = arguments.prepare(f.program.signature, bound)
    total = 3 * len(found) + 2
    told(1, total, "mpmath")
    oracles: dict[str, Mapping[str, np.ndarray | Along]] = {
        "forward mode": _forward(f, bound, found), **_exact(f, prepared, found), **_symbolic(f, prepared, found)
    }  # fmt: skip
    tolerance = TOLERANCES["f32" if any(type.dtype == "f32" for type in prepared.types) else "f64"]
    scales: dict[str, float] = {}
    rows: list[Row] = []
    for name, bar in found.items():
        grad = np.asarray(bar, float)
        for oracle, answers in oracles.items():
            told(min(2 + len(rows), total), total, f"d/d{name}, {oracle}")
            difference, place = compared(grad, answers[name], max(largest(grad), SMALLEST))
            if difference > tolerance:
                scales = scales or _scales(f, prepared, found)
                difference, place = compared(grad, answers[name], scales[name], tolerance)
            element = f"{name}[{', '.join(map(str, place))}]" if place else ""
            rows.append(Row(name, oracle, difference, difference <= tolerance, element))
    told(total, total, "done")
    return CheckReport(f.text, point, tuple(rows), sum(np.size(grad) for grad in found.values()))


def _untold(done: int, total: int, what: str) -> None:
    pass


def compared(
    grad: np.ndarray, answer: np.ndarray | Along, scale: float, tolerance: float = np.inf
) -> tuple[float, tuple[int, ...]]:
    """The largest difference, relative to the scale, and its element; () where a direction tells of all of them. One
    above the tolerance is looked for."""
    if callable(answer) and grad.size > MAX_SINGLE:
        return _compared_along(grad, answer, scale, tolerance)
    if callable(answer):
        along, answer = answer, np.zeros(grad.shape)
        for place in np.ndindex(grad.shape):
            weights = np.zeros(grad.shape)
            weights[place] = 1.0
            answer[place] = float(along(weights))
    differences = _differences(grad, answer, scale)
    if not differences.size:
        return 0.0, ()
    place = np.unravel_index(np.argmax(differences), grad.shape)
    return float(differences[place]), tuple(int(k) for k in place)


def _compared_along(grad: np.ndarray, along: Along, scale: float, tolerance: float) -> tuple[float, tuple[int, ...]]:
    """As `compared`, in random directions; where one differs, halves of it are taken until one element is left.
    Elements that are not finite go one by one, the first few of them."""
    rng = np.random.default_rng(0)
    flat = grad.ravel()
    worst: tuple[float, tuple[int, ...]] = 0.0, ()

    def difference(weights: np.ndarray) -> float:
        moved = np.flatnonzero(weights)
        expected = np.sum(flat[moved] * weights[moved])
        return float(_differences(expected, float(along(weights.reshape(grad.shape))), scale).max())

    def only(weights: np.ndarray, kept: np.ndarray) -> np.ndarray:
        return np.where(np.isin(np.arange(flat.size), kept), weights, 0.0)

    finite = np.flatnonzero(np.isfinite(flat))
    for k in np.flatnonzero(~np.isfinite(flat))[:MAX_SINGLE]:
        found = difference(only(np.ones(flat.size), np.array([k])))
        worst = max(worst, (found, tuple(int(i) for i in np.unravel_index(k, grad.shape))), key=lambda pair: pair[0])
    for _ in range(DIRECTIONS):
        weights = rng.uniform(0.5, 1.0, flat.size) * rng.choice([-1.0, 1.0], flat.size)
        places = finite
        place: tuple[int, ...] = ()
        found = difference(only(weights, places))
        while found > tolerance and len(places) > 1:
            halves = [(difference(only(weights, half)), half) for half in np.array_split(places, 2)]
            found, places = max(halves, key=lambda pair: pair[0])
        if found > tolerance:
            place = tuple(int(i) for i in np.unravel_index(places[0], grad.shape))
        if found > worst[0]:
            worst = found, place
    return worst


def _differences(grad: Any, other: Any, scale: float) -> np.ndarray:
    """The differences relative to a scale; equal infinities and NaN do not differ."""
    grad, other = np.asarray(grad, float), np.asarray(other, float)
    same = (grad == other) | (np.isnan(grad) & np.isnan(other))
    with np.errstate(all="ignore"):
        differences = np.where(same, 0.0, np.abs(grad - other) / scale)
    return np.where(np.isnan(differences), np.inf, differences)


def _scales(f: Function, prepared: Any, found: Mapping[str, Any]) -> dict[str, float]:
    """What differences count against, for each input: the gradient's largest element, or the terms that cancel in it
    where those are larger, as they are in the gradient of `softmax(x)`, whose sum is constant. The terms take longer
    than all comparisons together, so that they are asked for only where the first is not enough."""
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
        scales[name] = max(largest(grad), largest(cancelling), RESOLUTION * largest(summed) / unit, SMALLEST)
    return scales


def largest(values: Any) -> float:
    """The size of the largest finite element."""
    sizes = np.abs(np.asarray(values, float))
    return float(np.max(sizes[np.isfinite(sizes)], initial=0.0))


def _forward(f: Function, bound: list[Any], found: Mapping[str, Any]) -> dict[str, Along]:
    """Each derivative by Jacobian-vector products."""
    zeros = {name: np.zeros(np.shape(grad)) for name, grad in found.items()}

    def along(name: str) -> Along:
        return lambda weights: np.sum(f.jvp({**zeros, name: weights}, *bound))

    return {name: along(name) for name in found}


def _exact(f: Function, prepared: Any, found: Mapping[str, Any]) -> dict[str, Mapping[str, np.ndarray | Along]]:
    """The derivative's graph, and central differences of the value, in mpmath's arithmetic."""
    import mpmath

    from gradc.check.oracles import difference, digits_for
    from gradc.check.reals import REALS

    compilation = f.stages_for(prepared.types)
    graph = compilation.derivative
    sizes = prepared.sizes(compilation.graph)
    digits = digits_for(prepared.arrays)
    with mpmath.workdps(digits):
        known = {
            node: REALS.exact(array) if node.type.is_float else array
            for node, array in zip(graph.inputs, prepared.arrays)
        }
        _, *bars = REALS.run(graph.results, known, sizes)
        nodes = {node.name: node for node in graph.inputs}

        def along(name: str) -> Along:
            node = nodes[name]
            at = np.asarray(known[node], object)

            def derivative(weights: np.ndarray) -> Any:
                places = np.argwhere(weights)
                alone = tuple(places[0]) if len(places) == 1 else None
                with mpmath.workdps(digits):
                    exact = REALS.exact(weights)

                    def summed(x: Any) -> Any:
                        moved = at + x * exact if alone is None else _put(at, alone, x)
                        (value,) = REALS.run(compilation.graph.results, {**known, node: moved[()]}, sizes)
                        return np.sum(value)

                    if alone is None:
                        return difference(summed, mpmath.mpf(0), digits)
                    return difference(summed, at[alone], digits) * np.asarray(exact, object)[alone]

            return derivative

        by_graph = {name: np.asarray(bar, object).astype(float) for name, bar in zip(found, bars)}
        return {"mpmath": by_graph, "finite differences": {name: along(name) for name in found}}


def _put(array: np.ndarray, place: tuple[int, ...], value: Any) -> np.ndarray:
    """The array with another element."""
    moved = array.copy()
    moved[place] = value
    return moved


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
        (value,) = SYMBOLS.run(compilation.graph.results, symbols, prepared.bound(compilation.graph))
        for node, symbol in symbols.items():
            if node.name in found:
                answers[node.name] = np.asarray(float(sympy.diff(value, symbol).subs(point).evalf(30)))
    except (TypeError, ValueError, KeyError, NotImplementedError, AttributeError, RecursionError):
        return {}  # an op or a point for which SymPy has no number, or a program too deep for it
    return {"sympy": answers}
