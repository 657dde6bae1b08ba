"""GradBench's evaluations, timed: `python -m bench.gradbench_times [EVALUATION ...] [--against COMMAND ...]`.

Plays the suite's part of the protocol: sends inputs of its sizes to gradc, and to other tools that speak it, such as
those of a checkout of the suite, and prints the least time of each as a table. Answers are compared before times count,
by the suite's rule; tools take turns, so that a busy minute of the machine falls on all of them:

    OMP_NUM_THREADS=1 GRADC_NUM_THREADS=1 taskset -c 0 python -m bench.gradbench_times lse gmm \\
        --against "uv run python/gradbench/gradbench/tools/jax/run.py"
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Message = dict[str, Any]

ROUNDS = 3
"""How often each tool has its turn."""

LONG = 10.0
"""Seconds after which a tool is not asked again, nor for what comes later of that evaluation."""


@dataclass(frozen=True)
class Workload:
    """An input of an evaluation, and the functions that get it: the value first, or one that has none."""

    module: str
    size: str
    given: Callable[[np.random.Generator], Message]
    functions: tuple[str, ...]


def clusters(rng: np.random.Generator, k: int, n: int, d: int) -> Message:
    points = rng.random((n, d)).tolist()
    return {"points": points, "centroids": points[-k:]}


def mixture(rng: np.random.Generator, d: int, k: int, n: int) -> Message:
    drawn = {
        "x": rng.normal(size=(n, d)), "alpha": rng.normal(size=k), "mu": rng.uniform(size=(k, d)),
        "q": rng.normal(size=(k, d)), "l": rng.normal(size=(k, d * (d - 1) // 2)),
    }  # fmt: skip
    return {"d": d, "k": k, "n": n, "m": 0, "gamma": 1.0} | {name: value.tolist() for name, value in drawn.items()}


def bundle(rng: np.random.Generator, n: int, m: int, p: int) -> Message:
    camera = [0.02, -0.01, 0.003, -0.03, -0.1, 1.1, 400.0, 0.1, -0.1, -3e-7, 6e-13]
    return {"n": n, "m": m, "p": p, "cam": camera, "x": [-0.6, 0.6, -1.6], "w": 0.9, "feat": [-333.0, 262.0]}


def cells(rng: np.random.Generator, layers: int, count: int) -> Message:
    width = 14
    shapes = {"main_params": (2 * layers, 4 * width), "extra_params": (3, width), "state": (2 * layers, width)}
    drawn = {name: rng.random(shape).tolist() for name, shape in shapes.items()}
    return drawn | {"sequence": rng.integers(0, 2, (count, width)).tolist()}


def hand(rng: np.random.Generator, vertices: int, points: int, on_triangles: bool) -> Message:
    """Four bones to a finger hang on the wrist; the forearm is the last."""
    parents = [-1, *(bone for k in range(5) for bone in (0, 1 + 4 * k, 2 + 4 * k, 3 + 4 * k)), 0]
    bones = len(parents)
    frames = np.tile(np.eye(4), (2, bones, 1, 1))
    frames[:, :, :3] += 0.1 * rng.normal(size=(2, bones, 3, 4))
    model = {
        "bone_count": bones, "bone_names": [f"bone{k}" for k in range(bones)], "parents": parents,
        "base_relatives": frames[0].tolist(), "inverse_base_absolutes": frames[1].tolist(),
        "base_positions": np.c_[rng.normal(size=(vertices, 3)), np.ones(vertices)].tolist(),
        "weights": rng.dirichlet(np.ones(bones), vertices).tolist(),
        "triangles": rng.integers(0, vertices, (2 * vertices, 3)).tolist(), "is_mirrored": False,
    }  # fmt: skip
    places = rng.integers(0, 2 * vertices if on_triangles else vertices, points)
    data = {"model": model, "correspondences": places.tolist(), "points": rng.normal(size=(points, 3)).tolist()}
    us = rng.random((points, 2)).tolist() if on_triangles else []
    return {"theta": (0.3 * rng.normal(size=26)).tolist(), "data": data, "us": us}


def workloads() -> Iterator[Workload]:
    """The suite's evaluations in sizes of up to about a second; data that it keeps in files are made up."""
    for n in (2500, 40_000, 1_280_000):
        yield Workload("lse", f"n={n}", lambda rng, n=n: {"x": rng.random(n).tolist()}, ("primal", "gradient"))
    for n in (16, 1024, 16_392):
        yield Workload("llsq", f"n={n}, m=128", lambda rng, n=n: {"x": rng.random(128).tolist(), "n": n},
                       ("primal", "gradient"))  # fmt: skip
    for ell in (5, 8, 11):
        yield Workload("det", f"{ell}", lambda rng, ell=ell: {"A": rng.random(ell**2).tolist(), "ell": ell},
                       ("primal", "gradient"))  # fmt: skip
    for k, n, d in ((10, 1000, 8), (10, 100_000, 8), (100, 10_000, 16), (1000, 10_000, 16)):
        yield Workload("kmeans", f"k={k}, n={n}, d={d}", lambda rng, k=k, n=n, d=d: clusters(rng, k, n, d),
                       ("cost", "dir"))  # fmt: skip
    for d, k in ((2, 5), (10, 25), (20, 50), (32, 50), (64, 25), (64, 100)):
        yield Workload("gmm", f"d={d}, k={k}, n=1000", lambda rng, d=d, k=k: mixture(rng, d, k, 1000),
                       ("objective", "jacobian"))  # fmt: skip
    for n, m, p in ((5, 50, 200), (49, 7776, 31_843), (356, 226_730, 1_255_268)):
        yield Workload("ba", f"n={n}, m={m}, p={p}", lambda rng, n=n, m=m, p=p: bundle(rng, n, m, p),
                       ("objective", "jacobian"))  # fmt: skip
    for layers, count in ((2, 1024), (4, 1024), (4, 4096)):
        yield Workload("lstm", f"l={layers}, c={count}", lambda rng, a=layers, c=count: cells(rng, a, c),
                       ("objective", "jacobian"))  # fmt: skip
    for vertices, points, on in ((544, 100, False), (10_597, 1600, False), (544, 100, True), (10_597, 1600, True)):
        size = f"{vertices} vertices, {points} points{', on triangles' if on else ''}"
        yield Workload("ht", size, lambda rng, v=vertices, p=points, on=on: hand(rng, v, p, on),
                       ("objective", "jacobian"))  # fmt: skip
    for n, s in ((1000, 10), (10_000, 10), (1000, 100), (100_000, 100)):
        yield Workload("ode", f"n={n}, s={s}", lambda rng, n=n, s=s: {"x": rng.random(n).tolist(), "s": s},
                       ("primal", "gradient"))  # fmt: skip
    for modes in ("ff", "fr", "rf", "rr"):
        yield Workload("particle", modes, lambda rng: {"w": 0.0}, (modes,))
        yield Workload("saddle", modes, lambda rng: {"start": [1.0, 1.0]}, (modes,))


@dataclass
class Tool:
    """A process that speaks the protocol."""

    command: list[str]
    asked: int = 0
    name: str = ""
    slow_at: set[str] = field(default_factory=set)
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.name = self.ask({"kind": "start"}).get("tool", self.command[0])

    def ask(self, message: Message) -> Message:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps({"id": self.asked} | message) + "\n")
        self.process.stdin.flush()
        self.asked += 1
        if not (line := self.process.stdout.readline()):
            raise SystemExit(f"{' '.join(self.command)} ended without an answer")
        return json.loads(line)

    def defines(self, module: str) -> bool:
        return self.ask({"kind": "define", "module": module})["success"]

    def evaluate(self, workload: Workload, function: str, given: Message, runs: int, seconds: float) -> Message:
        repeats = {"min_runs": runs, "min_seconds": seconds}
        return self.ask({"kind": "evaluate", "module": workload.module, "function": function, "input": given | repeats})

    def close(self) -> None:
        self.process.communicate()


def agree(one: Any, other: Any, tolerance: float = 1e-4) -> bool:
    """Whether two answers are one by the suite's rule: numbers that differ by a little of their size, or of 1."""
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(agree(one[k], other[k]) for k in one)
    (one, other) = (np.asarray(one, dtype=float), np.asarray(other, dtype=float))
    if one.shape != other.shape:
        return False
    return bool(np.all(np.abs(one - other) <= tolerance * np.maximum(1.0, np.abs(one) + np.abs(other))))


def seconds_of(answer: Message) -> float:
    """The least time of the evaluations that an answer tells of."""
    return min(timing["nanoseconds"] for timing in answer["timings"] if timing["name"] == "evaluate") / 1e9


def timed(
    tools: list[Tool], workload: Workload, function: str, given: Message, seconds: float
) -> dict[str, float | str]:
    """Seconds by the tool's name, or what is wrong with it."""
    found: dict[str, float | str] = {}
    first: Any = None
    awake = []
    for tool in tools:
        answer = tool.evaluate(workload, function, given, 2, 0.0)  # the first may compile
        if not answer["success"]:
            found[tool.name] = answer.get("error", "failed").strip().splitlines()[-1]
        elif first is not None and not agree(first, answer["output"]):
            found[tool.name] = "another answer"
        else:
            first = answer["output"]
            found[tool.name] = seconds_of(answer)
            if found[tool.name] < LONG or tool is tools[0]:
                awake.append(tool)
            else:
                tool.slow_at.add(workload.module)
    for _ in range(ROUNDS):
        for tool in awake:
            again = seconds_of(tool.evaluate(workload, function, given, 2, seconds))
            found[tool.name] = min(again, float(found[tool.name]))
    return found


def shown(seconds: float) -> str:
    return next(f"{seconds * by:.3g} {unit}" for unit, by in (("us", 1e6), ("ms", 1e3), ("s", 1)) if seconds * by < 1e3)


def row(workload: Workload, names: list[str], found: dict[str, dict[str, float | str]]) -> str:
    """gradc's times and their ratio, and how many times as long the others take for the derivative."""
    mine = [found[function][names[0]] for function in workload.functions]
    if any(isinstance(time, str) for time in mine):
        return f"| {workload.module} {workload.size} | {' | '.join(map(str, mine))} |"
    primal, derivative = mine if len(mine) == 2 else (None, mine[0])
    cells = [shown(primal) if primal else "", shown(derivative), f"{derivative / primal:.2f}" if primal else ""]
    for name in names[1:]:
        theirs = found[workload.functions[-1]].get(name, "")
        cells.append(theirs if isinstance(theirs, str) else f"{theirs / derivative:.3g}")
    return f"| {workload.module} {workload.size} | {' | '.join(cells)} |"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.gradbench_times", description=__doc__.splitlines()[0])
    parser.add_argument("evaluations", nargs="*", metavar="EVALUATION", help="those to time; all if none is named")
    parser.add_argument("--against", action="append", default=[], metavar="COMMAND", help="another tool of the suite")
    parser.add_argument("--size", default="", help="only sizes with this in their names")
    parser.add_argument("--seconds", type=float, default=0.2, help="how long a turn takes at least (0.2)")
    asked = parser.parse_args(arguments)
    commands = [[sys.executable, "-m", "bench.gradbench"], *map(shlex.split, asked.against)]
    tools = [Tool(command) for command in commands]
    for count, tool in enumerate(tools, 1):
        tool.name += f" ({count})" if tool.name in [other.name for other in tools[: count - 1]] else ""
    names = [tool.name for tool in tools]
    print(f"| evaluation | primal | derivative | their ratio |{''.join(f' {name} |' for name in names[1:])}")
    print(f"|{' --- |' * (3 + len(names))}", flush=True)
    for workload in workloads():
        if asked.size not in workload.size or (asked.evaluations and workload.module not in asked.evaluations):
            continue
        given = workload.given(np.random.default_rng(31337))
        able = [tool for tool in tools if workload.module not in tool.slow_at and tool.defines(workload.module)]
        print(
            row(workload, names, {f: timed(able, workload, f, given, asked.seconds) for f in workload.functions}),
            flush=True,
        )
    for tool in tools:
        tool.close()


if __name__ == "__main__":
    main()
