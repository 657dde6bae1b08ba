"""The workloads: a program, the hand-written NumPy, and inputs of every size. More are more rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench import by_hand
from gradc.bench import Workload
from gradc.bench.workload import Answer, Inputs

SCALAR = 0
"""Stands for a call with plain numbers among the sizes."""

SIZES = (1, 1_000, 30_000, 2_000_000)
BATCHES = (16, 256, 8192)


@dataclass(frozen=True)
class Case:
    """A workload with `draw(rng, size)`, its inputs for arrays of `size` elements, and the sizes that make sense."""

    workload: Workload
    draw: Callable[[np.random.Generator, int], Inputs]
    sizes: tuple[int, ...] = SIZES

    @property
    def name(self) -> str:
        return self.workload.name

    def inputs(self, size: int) -> Inputs:
        """The inputs for a size, the same at every call; plain numbers for `SCALAR`."""
        drawn = self.draw(np.random.default_rng(20_231), size or 1)
        return {name: float(np.reshape(value, -1)[0]) for name, value in drawn.items()} if size == SCALAR else drawn


CASES: dict[str, Case] = {}
"""The workloads by name."""


def _case(
    name: str,
    text: str,
    written: Callable[..., Answer],
    draw: Callable[[np.random.Generator, int], Inputs],
    wrt: tuple[str, ...] | None = None,
    sizes: tuple[int, ...] = SIZES,
) -> None:
    CASES[name] = Case(Workload(name, text, wrt, written), draw, sizes)


def _fit_data(rng: np.random.Generator, size: int) -> Inputs:
    """A decay with noise, away from the best parameters, so that no gradient is nearly zero."""
    t = np.linspace(0.0, 4.0, size)
    y = 2.5 * np.exp(-1.3 * t) + 0.5 + rng.normal(0.0, 0.02, size)
    return {"y": y, "a": 2.0, "b": 1.0, "t": t, "c": 0.3}


_case(
    "neuron", "1 / (1 + exp(-(w0*x0 + w1*x1 + w2*x2)))", by_hand.neuron,
    lambda rng, n: {name: rng.normal(size=n) for name in ("w0", "x0", "w1", "x1", "w2", "x2")},
    sizes=(SCALAR, *SIZES),
)  # fmt: skip
_case(
    "gelu", "0.5*x*(1 + tanh(0.7978845608028654*(x + 0.044715*x**3)))", by_hand.gelu,
    lambda rng, n: {"x": rng.normal(size=n)}, sizes=(SCALAR, *SIZES),
)  # fmt: skip
_case(
    "black-scholes",
    """d1 = (log(S / K) + (r + sigma**2 / 2) * T) / (sigma * sqrt(T))
       d2 = d1 - sigma * sqrt(T)
       S * normal_cdf(d1) - K * exp(-r * T) * normal_cdf(d2)""",
    by_hand.black_scholes,
    lambda rng, n: {
        "S": rng.uniform(80, 120, n), "K": rng.uniform(80, 120, n), "r": rng.uniform(0.01, 0.05, n),
        "sigma": rng.uniform(0.1, 0.5, n), "T": rng.uniform(0.2, 2.0, n),
    },
    sizes=(SCALAR, *SIZES),
)  # fmt: skip
_case("exponential-fit", "sum((y - a*exp(-b*t) - c)**2)", by_hand.exponential_fit, _fit_data, wrt=("a", "b", "c"))
_case(
    "rosenbrock", "sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)", by_hand.rosenbrock,
    lambda rng, n: {"x": rng.uniform(-2, 2, n)}, sizes=(2, *SIZES[1:]),
)  # fmt: skip
_case("log-sum-exp", "log(sum(exp(x)))", by_hand.log_sum_exp, lambda rng, n: {"x": rng.normal(size=n)})
_case("sum-of-squares", "sum(x**2)", by_hand.sum_of_squares, lambda rng, n: {"x": rng.normal(size=n)})
_case(
    "logistic-loss", "mean(log(1 + exp(-y*s)))", by_hand.logistic_loss,
    lambda rng, n: {"y": rng.choice([-1.0, 1.0], n), "s": rng.normal(0, 2, n)},
)  # fmt: skip


# ---------------------------------------------------------------- matrices: the size is the number of rows


def _labels(rng: np.random.Generator, rows: int, classes: int) -> np.ndarray:
    return rng.integers(0, classes, rows)


_case(
    "logistic-regression",
    "X: f64[n, d]; y: f64[n]; w: f64[d]; mean(log(1 + exp(-y * (X @ w))))",
    by_hand.logistic_regression,
    lambda rng, n: {"X": rng.normal(size=(n, 50)), "y": rng.choice([-1.0, 1.0], n), "w": 0.1 * rng.normal(size=50)},
    wrt=("w",), sizes=(1_000, 100_000),
)  # fmt: skip
_case(
    "softmax-net",
    """X: f64[n, d]; y: i64[n]; W1: f64[d, h]; b1: f64[h]; W2: f64[h, k]; b2: f64[k]
       softmax_cross_entropy(max(0, X @ W1 + b1) @ W2 + b2, y)""",
    by_hand.softmax_net,
    lambda rng, n: {
        "X": rng.normal(size=(n, 64)), "y": _labels(rng, n, 10),
        "W1": 0.1 * rng.normal(size=(64, 100)), "b1": 0.1 * rng.normal(size=100),
        "W2": 0.1 * rng.normal(size=(100, 10)), "b2": 0.1 * rng.normal(size=10),
    },
    wrt=("W1", "b1", "W2", "b2"), sizes=BATCHES,
)  # fmt: skip
_case(
    "svm",
    "X: f64[n, d]; y: i64[n]; W: f64[d, k]; b: f64[k]; multiclass_hinge(X @ W + b, y)",
    by_hand.svm,
    lambda rng, n: {
        "X": rng.normal(size=(n, 64)), "y": _labels(rng, n, 10),
        "W": 0.1 * rng.normal(size=(64, 10)), "b": 0.1 * rng.normal(size=10),
    },
    wrt=("W", "b"), sizes=BATCHES,
)  # fmt: skip
