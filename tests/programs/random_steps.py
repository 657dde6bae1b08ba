"""Random recurrences: states that are numbers and vectors, data row by row, steps that forget and steps that keep."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

UNARY = ("tanh({})", "sin({})", "(0.5 * {})", "sigmoid({})", "exp(-({})**2)", "abs({})", "sqrt(1 + ({})**2)")
BINARY = ("({} + {})", "({} - {})", "(0.7 * {} * {})", "max({}, {})", "min({}, {})", "({} / (1 + ({})**2))")
TOTALS = ("sum({})", "max({})", "mean({})", "logsumexp({})", "dot(w, {})", "({})[1]")
DECLARED = "a: f64; b: f64; w: f64[3]; M: f64[3, 3]; X: f64[n]; Y: f64[n, 3]"


@dataclass
class Writer:
    """Writes expressions over names of numbers and of vectors."""

    choose: random.Random
    numbers: list[str]
    vectors: list[str]

    def number(self, depth: int) -> str:
        kind = self.choose.random()
        if not depth or kind < 0.2:
            return self.choose.choice(self.numbers)
        if kind < 0.4:
            return self.choose.choice(TOTALS).format(self.vector(depth - 1))
        return self._applied(self.number, depth)

    def vector(self, depth: int) -> str:
        kind = self.choose.random()
        if not depth or kind < 0.15:
            return self.choose.choice(self.vectors)
        if kind < 0.3:
            return f"(M @ {self.vector(depth - 1)})"
        if kind < 0.4:
            return f"({self.number(1)} * {self.vector(depth - 1)})"
        return f"{self.choose.choice(self.vectors)}[::-1]" if kind < 0.45 else self._applied(self.vector, depth)

    def _applied(self, write, depth: int) -> str:
        form = self.choose.choice(self.choose.choice([UNARY, BINARY]))
        return form.format(*(write(depth - 1) for _ in range(form.count("{}"))))


def program(choose: random.Random) -> str:
    states = choose.choice([["s"], ["v"], ["s", "t"], ["s", "v"], ["v", "u"], ["s", "t", "v"]])
    data = choose.choice([[], ["X"], ["Y"], ["X", "Y"]])
    numbers = [name for name in states if name in "st"]
    vectors = [name for name in states if name in "vu"]
    write = Writer(choose, [*numbers, "a", "b", *("x" for name in data if name == "X")],
                   [*vectors, "w", *("y" for name in data if name == "Y")])  # fmt: skip
    made = [write.number(2) if name in numbers else write.vector(2) for name in states]
    starts = [choose.choice(["a", "0.3"] if name in numbers else ["w", "zeros(3)"]) for name in states]
    state, new, start, last = (_tuple(each) for each in (states, made, starts, [f"last_{name}" for name in states]))
    repeat = choose.choice(["fold", "scan"]) if data else "iterate"
    further = [*data, *(["reverse=True"] if choose.random() < 0.3 else [])] if data else ["5"]
    return "\n".join([
        DECLARED,
        f"def step({', '.join([state, *(name.lower() for name in data)])}) = {new}",
        f"{last} = {repeat}(step, {', '.join([start, *further])})",
        " + ".join(f"sum(tanh({k} * (last_{name} + zeros(1))))" for k, name in enumerate(states, 1)),
    ])  # fmt: skip


def _tuple(parts: list[str]) -> str:
    return f"({', '.join(parts)})" if len(parts) > 1 else parts[0]


def examples(seed: int, count: int, length: int = 6) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Programs, and values for the names in `DECLARED`."""
    choose, drawn = random.Random(seed), np.random.default_rng(seed)
    shapes = {"a": (), "b": (), "w": (3,), "M": (3, 3), "X": (length,), "Y": (length, 3)}
    for _ in range(count):
        yield program(choose), {name: 0.7 * drawn.normal(size=shape) for name, shape in shapes.items()}
