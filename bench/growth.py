"""`python -m bench.growth`: the time of every stage up to the loops, against the length of the program.

Prints processor time and, from the shortest to the longest program, the exponent with which it grows.
"""

from __future__ import annotations

import gc
import math
import sys
import time
from collections.abc import Callable

import gradc
from gradc.show.table import table

STAGES = ("program", "graph", "rewritten", "adjoint", "derivative", "lowered", "schedule", "loops")
SIZES = (300, 1_000, 3_000, 10_000)
REPEATS = 3

SHAPES: dict[str, Callable[[int], str]] = {
    "sum of sines": lambda n: " + ".join(f"sin({k + 1}*x)" for k in range(n // 3)),
    "selections": lambda n: "y = x\n" + "y = 2*y if y > 0 else 3*y\n" * (n // 4) + "y",
    "statements": lambda n: "y = x\n" + "".join(f"y = y*x + {k}\n" for k in range(n // 2)) + "y",
    "many inputs": lambda n: " + ".join(f"x{k}*y{k}" for k in range(n // 2)),
    "nested calls": lambda n: "sin(cos(" * (n // 2) + "x" + "))" * (n // 2),
}
"""By kind: the text of a program of about so many operations."""

MODELS: dict[str, tuple[str, str | None]] = {
    "neuron": ("1/(1+exp(-(w0*x0+w1*x1+w2*x2)))", None),
    "network": (
        "X: f64[n,d]; W1: f64[d,h]; b1: f64[h]; W2: f64[h,k]; b2: f64[k]; y: i64[n]\n"
        "softmax_cross_entropy(max(0, X@W1 + b1)@W2 + b2, y)",
        "W1 b1 W2 b2",
    ),
    "LSTM step": (
        "X: f64[n,d]; H: f64[n,h]; C: f64[n,h]; Wf: f64[d,h]; Uf: f64[h,h]; Wi: f64[d,h]; Ui: f64[h,h]\n"
        "Wo: f64[d,h]; Uo: f64[h,h]; Wc: f64[d,h]; Uc: f64[h,h]\n"
        "f = sigmoid(X@Wf + H@Uf); i = sigmoid(X@Wi + H@Ui); o = sigmoid(X@Wo + H@Uo)\n"
        "c = f*C + i*tanh(X@Wc + H@Uc); sum((o*tanh(c))**2)",
        "Wf Uf Wi Ui Wo Uo Wc Uc",
    ),
    "attention": (
        "Q: f64[b,h,n,d]; K: f64[b,h,n,d]; V: f64[b,h,n,d]\n"
        "sum((softmax(Q @ transpose(K, (0,1,3,2)) / sqrt(16), axis=-1) @ V)**2)",
        None,
    ),
}
"""Programs as people write them, and what they differentiate."""


def times(text: str, wrt: str | None = None, repeats: int = REPEATS) -> dict[str, float]:
    """The least processor time of each stage, in seconds."""
    best: dict[str, float] = {}
    for _ in range(repeats):
        gc.collect()
        for name, seconds in _once(text, wrt).items():
            best[name] = min(best.get(name, math.inf), seconds)
    return best


def _once(text: str, wrt: str | None) -> dict[str, float]:
    taken: dict[str, float] = {}
    start = time.process_time()
    compilation = gradc.compile(text, wrt=wrt).stages._compilation
    taken["program"] = time.process_time() - start
    for name in STAGES[1:]:
        start = time.process_time()
        getattr(compilation, name)
        taken[name] = time.process_time() - start
    return taken


def main() -> None:
    times("x: f64[n]; sum(sin(x)**2)")
    sizes = [int(word) for word in sys.argv[1:]] or list(SIZES)
    headings = ["program", "operations", *STAGES, "front", "total"]
    rows: list[list[str]] = []
    for kind, write in SHAPES.items():
        found = [times(write(size)) for size in sizes]
        rows += [[kind, str(size), *_milliseconds(one)] for size, one in zip(sizes, found)]
        if len(sizes) > 1:
            span = math.log(sizes[-1] / sizes[0])
            last, first = (_with_sums(one) for one in (found[-1], found[0]))
            rows.append([kind, "exponent", *(f"{math.log(b / a) / span:.2f}" for a, b in zip(first, last))])
    for name, (text, wrt) in MODELS.items():
        rows.append([name, "", *_milliseconds(times(text, wrt, 10))])
    print("\n".join(table(headings, rows, left=2)))


def _with_sums(found: dict[str, float]) -> list[float]:
    """The stages, all before the schedule, and everything."""
    front = sum(found[name] for name in STAGES[:-2])
    return [*(found[name] for name in STAGES), front, front + found["schedule"] + found["loops"]]


def _milliseconds(found: dict[str, float]) -> list[str]:
    return [f"{1000 * seconds:.1f}" for seconds in _with_sums(found)]


if __name__ == "__main__":
    main()
