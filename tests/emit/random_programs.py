"""Random programs, with the shapes of their inputs."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

UNARY = (
    "exp({})", "log({})", "log(1 + exp({}))", "sqrt({})", "sqrt(1 + ({})**2)", "sin(a) * {}", "tanh({})", "arctan({})",
    "sigmoid({})", "softplus({})", "({})**2", "({})**3", "({})**-0.5", "-({})", "abs({})", "relu({})", "gelu({})",
    "erf({})", "lgamma({})", "gamma({})", "where({} > 1, {}, 0.5)", "where({} > 1, 0, 2)", "max({}, 0.7)",
    "clip({}, 0.3, 1.2)", "floor(a) * {}", "log1p(({})**2)", "expm1(-abs({}))", "1 / ({})", "cbrt({})",
    "normal_cdf({})",
)  # fmt: skip
BINARY = (
    "({} + {})", "({} - {})", "({}) * ({})", "({}) * ({})", "({}) / ({})", "({}) / (2 + ({})**2)", "max({}, {})",
    "min({}, {})", "hypot({}, {})", "arctan2({}, {})", "({})**({})", "(1 + ({})**2)**({})", "logaddexp({}, {})",
    "({} if a > 1 else {})", "mod(c, d) * ({} + {})", "(a // b) * min({}, {})", "where({} < 1, {}, 0)",
)  # fmt: skip
REDUCTIONS = (
    "sum({})", "mean({})", "max({})", "min({})", "logsumexp({})", "norm({})", "prod({})", "prod(1 + 0.1 * tanh({}))",
    "std({})", "var({})",
)  # fmt: skip
SLICES = ("v[1:]", "v[:-1]", "(v[1:] - v[:-1])", "v[1:] * v[:-1]**2", "v[::-1][1:]", "v[0]", "v[-1]", "sum(v[::2])**2")
"""All of the elements of `v` but one, or a single number."""


SIZES = ((5, 4, 3), (5, 4, 1), (1, 3, 2), (2, 1, 1), (0, 2, 2), (130, 2, 1))
"""Sizes of the last axis, the one before, the first."""
SPECIAL = (0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 30.0)


@dataclass(frozen=True)
class Example:
    """A program, and arrays for its inputs by name."""

    text: str
    arrays: dict[str, np.ndarray]

    def values(self, inputs: tuple[str, ...]) -> list[np.ndarray]:
        return [self.arrays[name] for name in inputs]

    def astype(self, dtype: type) -> "Example":
        return Example(self.text, {name: array.astype(dtype) for name, array in self.arrays.items()})

    def __str__(self) -> str:
        shapes = ", ".join(f"{name}{list(array.shape)}" for name, array in self.arrays.items() if name in self.text)
        return f"{self.text}  with  {shapes}"


def random_examples(seed: int, count: int, special: bool = False) -> Iterator[Example]:
    """Programs over a, b, c, d, which broadcast, and over the slices of v; with `special`, there are infinities, NaN
    and zeros among the values."""
    choose = random.Random(seed)
    for number in range(count):
        text = _expression(choose, choose.randint(2, 5))
        if choose.random() < 0.3:
            text = f"h = {text}; {_expression(choose, 2, (*'abh',))}"
        if choose.random() < 0.6:
            head, semicolon, result = text.rpartition("; ")
            text = f"{head}{semicolon}{choose.choice(('sum', 'mean', 'norm'))}({result})"
        n, m, k = choose.choice(SIZES)
        shapes = [(), (n,), (m, n), (m, 1), (1, n), (1,), (k, m, n), (k, 1, n)]
        generator = np.random.default_rng((seed, number))
        arrays = {name: generator.uniform(0.2, 2.0, choose.choice(shapes)) for name in "abcd"}
        arrays["v"] = generator.uniform(0.2, 2.0, n + 1)
        if special:
            for array in arrays.values():
                array[generator.random(array.shape) < 0.3] = choose.choice(SPECIAL)
        yield Example(text, arrays)


def _expression(choose: random.Random, depth: int, leaves: tuple[str, ...] = (*"abcd",)) -> str:
    if depth == 0:
        return choose.choice(leaves)
    kind = choose.choices(("unary", "binary", "reduction", "slice"), (5, 8, 3, 2))[0]
    if kind == "slice":
        return choose.choice(SLICES)
    operands = [_expression(choose, depth - 1, leaves) for _ in range(2)]
    if kind == "binary":
        return choose.choice(BINARY).format(*operands)
    return choose.choice(UNARY if kind == "unary" else REDUCTIONS).replace("{}", operands[0])
