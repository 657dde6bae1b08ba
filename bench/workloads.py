"""The workloads: a program, the hand-written NumPy, and inputs of every size. More are more rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bench import by_hand
from bench.objectives import recipe
from gradc.bench import Workload
from gradc.bench.workload import Answer, Inputs

SCALAR = 0
"""Stands for a call with plain numbers among the sizes."""

SIZES = (1, 1_000, 30_000, 2_000_000)
LENGTHS = SIZES[1:]
BATCHES = (16, 256, 8192)


@dataclass(frozen=True)
class Case:
    """A workload with `draw(rng, size)`, its inputs for arrays of `size` elements, and the sizes that make sense.

    `race` are the sizes at which it is in the table of `--against all`, and `operations(size)` the additions and
    multiplications that its matrix products cannot do without. `text(size)` is the program if it grows with the size.
    """

    workload: Workload
    draw: Callable[[np.random.Generator, int], Inputs]
    sizes: tuple[int, ...] = SIZES
    race: tuple[int, ...] = ()
    operations: Callable[[int], int] | None = None
    text: Callable[[int], str] | None = None

    @property
    def name(self) -> str:
        return self.workload.name

    def at(self, size: int) -> Workload:
        """The workload at a size."""
        return self.workload if self.text is None else replace(self.workload, program=self.text(size))

    def inputs(self, size: int) -> Inputs:
        """The inputs for a size, the same at every call; plain numbers for `SCALAR`."""
        drawn = self.draw(np.random.default_rng(20_231), size or 1)
        return {name: float(np.reshape(value, -1)[0]) for name, value in drawn.items()} if size == SCALAR else drawn


CASES: dict[str, Case] = {}
"""The workloads by name."""


def _case(
    name: str,
    text: str,
    written: Callable[..., Answer] | None,
    draw: Callable[[np.random.Generator, int], Inputs],
    wrt: tuple[str, ...] | None = None,
    sizes: tuple[int, ...] = SIZES,
    race: tuple[int, ...] = (),
    operations: Callable[[int], int] | None = None,
) -> None:
    CASES[name] = Case(Workload(name, text, wrt, written), draw, sizes, race, operations)


def _fit_data(rng: np.random.Generator, size: int) -> Inputs:
    """A decay with noise, away from the best parameters, so that no gradient is nearly zero."""
    t = np.linspace(0.0, 4.0, size)
    y = 2.5 * np.exp(-1.3 * t) + 0.5 + rng.normal(0.0, 0.02, size)
    return {"y": y, "a": 2.0, "b": 1.0, "t": t, "c": 0.3}


_case(
    "neuron", "1 / (1 + exp(-(w0*x0 + w1*x1 + w2*x2)))", by_hand.neuron,
    lambda rng, n: {name: rng.normal(size=n) for name in ("w0", "x0", "w1", "x1", "w2", "x2")},
    sizes=(SCALAR, *SIZES), race=(SCALAR, *LENGTHS),
)  # fmt: skip
_case(
    "gelu", "0.5*x*(1 + tanh(0.7978845608028654*(x + 0.044715*x**3)))", by_hand.gelu,
    lambda rng, n: {"x": rng.normal(size=n)}, sizes=(SCALAR, *SIZES), race=LENGTHS,
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
    sizes=(SCALAR, *SIZES), race=LENGTHS,
)  # fmt: skip
_case(
    "exponential-fit", "sum((y - a*exp(-b*t) - c)**2)", by_hand.exponential_fit, _fit_data, wrt=("a", "b", "c"),
    race=LENGTHS,
)  # fmt: skip
_case(
    "rosenbrock", "sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)", by_hand.rosenbrock,
    lambda rng, n: {"x": rng.uniform(-2, 2, n)}, sizes=(2, *LENGTHS), race=LENGTHS,
)  # fmt: skip
_case("log-sum-exp", "log(sum(exp(x)))", by_hand.log_sum_exp, lambda rng, n: {"x": rng.normal(size=n)}, race=LENGTHS)
_case("sum-of-squares", "sum(x**2)", by_hand.sum_of_squares, lambda rng, n: {"x": rng.normal(size=n)}, race=SIZES[3:])
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
    wrt=("w",), sizes=(1_000, 100_000), race=(100, 10_000, 100_000), operations=lambda n: 4 * n * 50,
)  # fmt: skip
_case(
    "softmax-net",
    """X: f64[n, d]; y: i64[n]; W1: f64[d, h]; b1: f64[h]; W2: f64[h, k]; b2: f64[k]
       softmax_cross_entropy(max(0, X @ W1 + b1) @ W2 + b2, y)""",
    by_hand.softmax_net,
    lambda rng, n: {
        "X": rng.normal(size=(n, 64)), "y": _labels(rng, n, 10),
        "W1": 0.1 * rng.normal(size=(64, 32)), "b1": 0.1 * rng.normal(size=32),
        "W2": 0.1 * rng.normal(size=(32, 10)), "b2": 0.1 * rng.normal(size=10),
    },
    wrt=("W1", "b1", "W2", "b2"), sizes=BATCHES, race=BATCHES,
    operations=lambda n: 2 * n * (2 * 64 * 32 + 3 * 32 * 10),
)  # fmt: skip
_case(
    "svm",
    "X: f64[n, d]; y: i64[n]; W: f64[d, k]; b: f64[k]; multiclass_hinge(X @ W + b, y)",
    by_hand.svm,
    lambda rng, n: {
        "X": rng.normal(size=(n, 64)), "y": _labels(rng, n, 10),
        "W": 0.1 * rng.normal(size=(64, 10)), "b": 0.1 * rng.normal(size=10),
    },
    wrt=("W", "b"), sizes=BATCHES, race=BATCHES, operations=lambda n: 4 * n * 64 * 10,
)  # fmt: skip


# ---------------------------------------------------------------- programs of machine learning: the size is rows again


def _draw(**shapes: Callable[[int], tuple[int, ...]]) -> Callable[[np.random.Generator, int], Inputs]:
    """Normal numbers of these shapes, a tenth of them where the name is that of weights."""

    def draw(rng: np.random.Generator, n: int) -> Inputs:
        return {name: (0.1 if name[0] in "WU" else 1.0) * rng.normal(size=shape(n)) for name, shape in shapes.items()}

    return draw


HEADS = (4, 64, 32)
"""Heads, positions and components of attention."""

_case(
    "attention",
    """Q: f64[b,h,n,d]; K: f64[b,h,n,d]; V: f64[b,h,n,d]
       sum((softmax(Q @ transpose(K, (0,1,3,2)) / sqrt(32), axis=-1) @ V)**2)""",
    None,
    _draw(Q=lambda n: (n, *HEADS), K=lambda n: (n, *HEADS), V=lambda n: (n, *HEADS)),
    sizes=(1, 8), race=(1, 8), operations=lambda n: 6 * 2 * n * HEADS[0] * HEADS[1] ** 2 * HEADS[2],
)  # fmt: skip
GATES = ("Wf", "Uf", "Wi", "Ui", "Wo", "Uo", "Wc", "Uc")
_case(
    "LSTM step",
    """X: f64[n,d]; H: f64[n,h]; C: f64[n,h]; Wf: f64[d,h]; Uf: f64[h,h]; Wi: f64[d,h]; Ui: f64[h,h]
       Wo: f64[d,h]; Uo: f64[h,h]; Wc: f64[d,h]; Uc: f64[h,h]
       f = sigmoid(X@Wf + H@Uf); i = sigmoid(X@Wi + H@Ui); o = sigmoid(X@Wo + H@Uo)
       c = f*C + i*tanh(X@Wc + H@Uc); sum((o*tanh(c))**2)""",
    None,
    _draw(X=lambda n: (n, 64), H=lambda n: (n, 128), C=lambda n: (n, 128),
          **{name: (lambda n: (64, 128)) if name[0] == "W" else (lambda n: (128, 128)) for name in GATES}),
    wrt=GATES, sizes=(32, 512), race=(32, 512), operations=lambda n: 4 * 4 * n * 128 * (64 + 128),
)  # fmt: skip
_case(
    "convolution",
    """X: f64[n, c, l]; W: f64[3, o, c]; b: f64[o]
       s = einsum("ncl,oc->nol", X[:, :, :-2], W[0]) + einsum("ncl,oc->nol", X[:, :, 1:-1], W[1]) \
         + einsum("ncl,oc->nol", X[:, :, 2:], W[2])
       sum(max(0, s + b[:, None])**2)""",
    None,
    _draw(X=lambda n: (n, 16, 258), W=lambda n: (3, 32, 16), b=lambda n: (32,)),
    wrt=("W", "b"), sizes=(1, 32), race=(1, 32), operations=lambda n: 4 * n * 3 * 32 * 16 * 256,
)  # fmt: skip
_case(
    "k-means",
    "X: f64[n, d]; C: f64[k, d]; sum(min(sum((X[:, None, :] - C)**2, axis=2), axis=1))",
    None, _draw(X=lambda n: (n, 8), C=lambda n: (10, 8)), wrt=("C",), sizes=(100, 10_000), race=(100, 10_000),
)  # fmt: skip
_case(
    "mixture",
    """X: f64[n, d]; a: f64[k]; mu: f64[k, d]; s: f64[k, d]
       z = (X[:, None, :] - mu) / exp(s)
       component = sum(normal_logpdf(z) - s, axis=2)
       sum(logsumexp(log_softmax(a) + component, axis=1))""",
    None, _draw(X=lambda n: (n, 4), a=lambda n: (5,), mu=lambda n: (5, 4), s=lambda n: (5, 4)),
    wrt=("a", "mu", "s"), sizes=(100, 10_000), race=(100, 10_000),
)  # fmt: skip
_case(
    "kernel ridge",
    """X: f64[n, d]; t: f64[n]; a: f64[n]
       K = exp(-gamma * sum((X[:, None, :] - X)**2, axis=2))
       0.5 * sum((t - K @ a)**2) + 0.5 * decay * dot(a, K @ a)""",
    None,
    lambda rng, n: {
        "X": rng.normal(size=(n, 4)), "t": rng.normal(size=n), "a": rng.normal(size=n), "gamma": 0.5, "decay": 0.1,
    },
    wrt=("a", "gamma"), sizes=(20, 500), race=(20, 500),
)  # fmt: skip
_case(
    "batch norm",
    """X: f64[n, d]; T: f64[n, d]; g: f64[d]; b: f64[d]
       z = X - mean(X, axis=0)
       sum((g * z / sqrt(mean(z**2, axis=0) + 1e-5) + b - T)**2)""",
    None, _draw(X=lambda n: (n, 64), T=lambda n: (n, 64), g=lambda n: (64,), b=lambda n: (64,)),
    wrt=("X", "g", "b"), sizes=(256, 8192), race=(256, 8192),
)  # fmt: skip


# ---------------------------------------------------------------- recurrences: the size is how many steps

_case(
    "SIR",
    """Y: f64[n]; beta: f64; gamma: f64
       def step((s, i, loss), y) = {
         caught = 0.05*beta*s*i; recovered = 0.05*gamma*i
         (s - caught, i + caught - recovered, loss + (i - y)**2)
       }
       (s, i, loss) = fold(step, (0.99, 0.01, 0), Y)
       loss""",
    None, lambda rng, n: {"Y": rng.uniform(0, 0.3, n), "beta": 0.4, "gamma": 0.1},
    wrt=("beta", "gamma"), sizes=(1_400,), race=(1_400,),
)  # fmt: skip
_case(
    "Kalman",
    """Y: f64[n]; q: f64; r: f64
       def step((m, P, loss), y) = {
         V = P + q; S = V + r; K = V / S; e = y - m
         (m + K*e, (1 - K)*V, loss + log(S) + e**2/S)
       }
       (m, P, loss) = fold(step, (0, 10, 0), Y)
       loss""",
    None, lambda rng, n: {"Y": rng.normal(size=n).cumsum(), "q": 0.8, "r": 0.5},
    wrt=("q", "r"), sizes=(300,), race=(300,),
)  # fmt: skip
_case(
    "GARCH",
    """R: f64[n]; w: f64; a: f64; b: f64
       def step((h, loss), r) = {
         next = w + a*r**2 + b*h
         (next, loss + log(next) + r**2/next)
       }
       (h, loss) = fold(step, (1, 0), R)
       loss""",
    None, lambda rng, n: {"R": rng.normal(size=n), "w": 0.1, "a": 0.1, "b": 0.8},
    wrt=("w", "a", "b"), sizes=(2_500,), race=(2_500,),
)  # fmt: skip
_case(
    "RK4",
    """stiffness: f64; friction: f64; T: f64[n]
       def slope(x, v) = -stiffness*sin(x) - friction*v
       def step((x, v), t) = {
         a1 = slope(x, v)
         v2 = v + 0.005*a1; a2 = slope(x + 0.005*v, v2)
         v3 = v + 0.005*a2; a3 = slope(x + 0.005*v2, v3)
         v4 = v + 0.01*a3; a4 = slope(x + 0.01*v3, v4)
         (x + 0.01/6*(v + 2*v2 + 2*v3 + v4), v + 0.01/6*(a1 + 2*a2 + 2*a3 + a4) + t)
       }
       (x, v) = fold(step, (1, 0), T)
       x**2 + v**2""",
    None, lambda rng, n: {"stiffness": 4.0, "friction": 0.1, "T": 0.001 * rng.normal(size=n)},
    sizes=(1_000,), race=(1_000,),
)  # fmt: skip
_case(
    "RNN",
    """X: f64[n, d]; W: f64[h, d]; U: f64[h, h]
       def step(s, x) = tanh(W @ x + U @ s)
       sum(fold(step, zeros(64), X)**2)""",
    None, _draw(X=lambda n: (n, 32), W=lambda n: (64, 32), U=lambda n: (64, 64)),
    wrt=("W", "U"), sizes=(20, 1_000), race=(20, 1_000),
)  # fmt: skip
_case(
    "LSTM",
    """X: f64[n, d]; Wf: f64[h, d]; Uf: f64[h, h]; Wi: f64[h, d]; Ui: f64[h, h]
       Wo: f64[h, d]; Uo: f64[h, h]; Wc: f64[h, d]; Uc: f64[h, h]
       def step((s, c), x) = {
         f = sigmoid(Wf@x + Uf@s); i = sigmoid(Wi@x + Ui@s); o = sigmoid(Wo@x + Uo@s)
         next = f*c + i*tanh(Wc@x + Uc@s)
         (o*tanh(next), next)
       }
       (s, c) = fold(step, (zeros(32), zeros(32)), X)
       sum(s**2)""",
    None,
    _draw(X=lambda n: (n, 16),
          **{name: (lambda n: (32, 16)) if name[0] == "W" else (lambda n: (32, 32)) for name in GATES}),
    wrt=GATES, sizes=(20, 1_000), race=(20, 1_000),
)  # fmt: skip


# ---------------------------------------------------------------- factors of matrices: the size is rows

_case(
    "Gaussian process",
    """X: f64[n, d]; y: f64[n]; lengths: f64[d]; scale: f64; noise: f64
       Z = X / lengths
       r = sum(Z**2, axis=1)
       K = scale**2 * exp(Z @ Z.T - 0.5*(r[:, None] + r)) + noise**2 * eye(n)
       0.5 * (dot(y, solve(K, y, assume_a="pos")) + logdet(K, assume_a="pos"))""",
    None,
    lambda rng, n: {
        "X": rng.normal(size=(n, 10)), "y": rng.normal(size=n), "lengths": np.full(10, 2.0), "scale": 1.3, "noise": 0.3,
    },
    wrt=("lengths", "scale", "noise"), sizes=(50, 500), race=(50, 500, 2_000),
    operations=lambda n: n**3,
)  # fmt: skip


# ---------------------------------------------------------------- numbers only: the size is how many operations

WRITTEN = {"sin": "sin({})", "cos": "cos({})", "tanh": "tanh({})", "product": "{}*{}", "mean": "0.5*({} + {})"}


def scalar_graph(size: int) -> str:
    """The program of `objectives.recipe` as text."""
    names = [f"x{k}" for k in range(8)]
    lines = ["; ".join(f"{name}: f64" for name in names)]
    for k, (kind, first, second) in enumerate(recipe(size)):
        lines.append(f"v{k} = {WRITTEN[kind].format(names[first], names[second])}")
        names.append(f"v{k}")
    return "\n".join([*lines, " + ".join(names[-8:])])


CASES["scalar graph"] = Case(
    Workload("scalar graph", scalar_graph(100)),
    lambda rng, n: {f"x{k}": float(x) for k, x in enumerate(rng.uniform(-1, 1, 8))},
    sizes=(100, 1_000), race=(1_000, 10_000, 100_000), text=scalar_graph,
)  # fmt: skip
