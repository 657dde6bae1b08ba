"""gradc as a tool of GradBench (https://github.com/gradbench/gradbench): `python -m bench.gradbench`.

Reads messages, a line of JSON each, and answers with one. The evaluations are the programs in bench/gradbench/; here is
how their inputs are taken from a message and what of the results is sent back. With a checkout of the suite, in it:

    ./gradbench run --eval "./gradbench repo eval gmm" --tool "python -m bench.gradbench"
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from time import perf_counter_ns
from typing import Any, TextIO

import numpy as np
from scipy.sparse import csr_array
from scipy.special import multigammaln

import gradc

PROGRAMS = Path(__file__).parent / "gradbench"

Message = dict[str, Any]
Call = Callable[[], Any]


Prepared = tuple[Call, Callable[[Any], Any]]
"""What is timed, and what makes JSON of what that returns."""

EVALUATIONS: dict[str, dict[str, Callable[[Any], Prepared]]] = {}
"""By module and function: what makes a call of the input of a message."""


def evaluation(module: str, function: str) -> Callable[[Any], Any]:
    """Registers what answers a function of a module."""

    def register(prepare: Any) -> Any:
        EVALUATIONS.setdefault(module, {})[function] = prepare
        return prepare

    return register


@cache
def program(name: str, wrt: str | None = None, **parts: str) -> gradc.Function:
    """The program of a file, with parts of its text filled in."""
    text = (PROGRAMS / f"{name}.gradc").read_text(encoding="utf-8")
    for word, part in parts.items():
        text = text.replace(word, part)
    return gradc.compile(text, wrt=wrt)


def array(values: Any) -> np.ndarray:
    return np.asarray(values, dtype=float)


def plain(value: Any) -> Any:
    """Lists and numbers for JSON."""
    return np.asarray(value).tolist()


# ---------------------------------------------------------------- the evaluations


@evaluation("hello", "square")
def square(x: float):
    return lambda: program("hello")(x), float


@evaluation("hello", "double")
def double(x: float):
    return lambda: program("hello").grad(x).x, float


@evaluation("lse", "primal")
def lse(given: Message):
    x = array(given["x"])
    return lambda: program("lse")(x), float


@evaluation("lse", "gradient")
def lse_gradient(given: Message):
    x = array(given["x"])
    return lambda: program("lse").grad(x).x, plain


def least_squares(given: Message) -> tuple[gradc.Function, np.ndarray, np.ndarray]:
    return program("llsq", "x"), array(given["x"]), np.linspace(-1.0, 1.0, given["n"])


@evaluation("llsq", "primal")
def llsq(given: Message):
    f, x, t = least_squares(given)
    return lambda: f(x, t), float


@evaluation("llsq", "gradient")
def llsq_gradient(given: Message):
    f, x, t = least_squares(given)
    return lambda: f.grad(x, t).x, plain


def square_matrix(given: Message) -> np.ndarray:
    return array(given["A"]).reshape(given["ell"], -1)


@evaluation("det", "primal")
def det(given: Message):
    """By factors, not by minors: the suite compares the number."""
    A = square_matrix(given)
    return lambda: program("det")(A), float


@evaluation("det", "gradient")
def det_gradient(given: Message):
    A = square_matrix(given)
    return lambda: program("det").grad(A).A, lambda grad: plain(grad.reshape(-1))


def clusters(given: Message, result: str) -> tuple[gradc.Function, np.ndarray, np.ndarray]:
    return program("kmeans", RESULT=result), array(given["points"]), array(given["centroids"])


@evaluation("kmeans", "cost")
def cost(given: Message):
    f, points, centroids = clusters(given, "cost(centroids)")
    return lambda: f(points, centroids), float


@evaluation("kmeans", "dir")
def direction(given: Message):
    f, points, centroids = clusters(given, "newton")
    return lambda: f(points, centroids), plain


def mixture(given: Message) -> tuple[gradc.Function, dict[str, Any]]:
    """The elements below the diagonal of a factor come column by column."""
    n, d, k, m, gamma = (given[name] for name in ("n", "d", "k", "m", "gamma"))
    below = np.tril(np.ones((d, d)), -1)
    place = np.zeros((d, d), dtype=int)
    place.T[np.triu_indices(d, 1)] = np.arange(d * (d - 1) // 2)
    freedom = d + m + 1
    normal = -0.5 * n * d * math.log(2 * math.pi)
    prior = freedom * d * (math.log(gamma) - 0.5 * math.log(2)) - float(multigammaln(0.5 * freedom, d))
    inputs = {name: array(given[name]) for name in ("x", "alpha", "mu", "q", "l")}
    inputs["l"] = inputs["l"].reshape(k, -1)
    constants = {"place": place, "below": below, "gamma": float(gamma), "m": float(m), "constant": normal + k * prior}
    return program("gmm", "alpha mu q l"), inputs | constants


@evaluation("gmm", "objective")
def gmm(given: Message):
    f, inputs = mixture(given)
    return lambda: f(**inputs), float


@evaluation("gmm", "jacobian")
def gmm_jacobian(given: Message):
    f, inputs = mixture(given)
    return lambda: f.grad(**inputs), lambda grads: {name: plain(grads[name]) for name in ("mu", "q", "l", "alpha")}


CAMERA = ("r1", "r2", "r3", "c1", "c2", "c3", "focal", "u0", "v0", "k1", "k2")
OBSERVED = (*CAMERA, "x1", "x2", "x3", "w")
"""What an observation depends on, in the order of the Jacobian's columns."""


@dataclass(frozen=True)
class Bundle:
    """Cameras, points, weights, and which camera and point each observation is of."""

    cameras: np.ndarray
    points: np.ndarray
    weights: np.ndarray
    camera: np.ndarray
    point: np.ndarray
    features: np.ndarray

    @staticmethod
    def of(given: Message) -> Bundle:
        """One camera, point, weight and feature stand for all."""
        n, m, p = given["n"], given["m"], given["p"]
        return Bundle(
            np.tile(array(given["cam"]), (n, 1)), np.tile(array(given["x"]), (m, 1)), np.full(p, float(given["w"])),
            np.arange(p) % n, np.arange(p) % m, np.tile(array(given["feat"]), (p, 1)),
        )  # fmt: skip

    def observations(self) -> dict[str, np.ndarray]:
        """A column for each number that an observation depends on."""
        columns = [*self.cameras[self.camera].T, *self.points[self.point].T, self.weights]
        return dict(zip(OBSERVED, columns)) | {"feature_u": self.features[:, 0], "feature_v": self.features[:, 1]}

    def errors(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the projections, two in a row for each observation, and of the weights."""
        observed = self.observations()
        seen = [program("ba", " ".join(OBSERVED), SEEN=axis)(**observed) for axis in "uv"]
        return np.stack(seen, axis=1), program("weight")(self.weights)

    def jacobian(self) -> csr_array:
        """Two rows for each observation, with 15 columns each; then one for each weight.

        Everything in a row belongs to one observation, so the gradients of the sums are all of the Jacobian.
        """
        observed, (n, m, p) = self.observations(), map(len, (self.cameras, self.points, self.weights))
        seen = [program("ba", " ".join(OBSERVED), SEEN=axis).grad(**observed) for axis in "uv"]
        values = np.stack([np.stack(grads, axis=1) for grads in seen], axis=1).reshape(-1)
        columns = np.concatenate(
            [11 * self.camera[:, None] + np.arange(11), 11 * n + 3 * self.point[:, None] + np.arange(3),
             11 * n + 3 * m + np.arange(p)[:, None]], axis=1,
        )  # fmt: skip
        rows = np.concatenate([15 * np.arange(2 * p + 1), 30 * p + 1 + np.arange(p)])
        return csr_array(
            (
                np.concatenate([values, program("weight").grad(self.weights)[0]]),
                np.concatenate([np.repeat(columns, 2, axis=0).reshape(-1), 11 * n + 3 * m + np.arange(p)]),
                rows,
            ),
            shape=(3 * p, 11 * n + 3 * m + p),
        )


@evaluation("ba", "objective")
def bundle(given: Message):
    """All observations are equal: the first stands for them."""

    def shown(errors: Any) -> Message:
        seen, weight = errors
        return {
            "reproj_error": {"elements": plain(seen[0]), "repeated": len(seen)},
            "w_err": {"element": float(weight[0]), "repeated": len(weight)},
        }

    return Bundle.of(given).errors, shown


@evaluation("ba", "jacobian")
def bundle_jacobian(given: Message):
    """The first observation and the last weight stand for all."""

    def shown(found: csr_array) -> Message:
        parts = {"rows": found.indptr, "cols": found.indices, "vals": found.data}
        return {name: plain([*part[:30], part[-1]]) for name, part in parts.items()}

    return Bundle.of(given).jacobian, shown


FINGERS = 5
"""Each has four bones, of which three bend; the first of these to the side too."""


ON_VERTICES = {"PLACES": "first: i64[c]", "RESULT": "points - hand(first)"}
ON_TRIANGLES = {
    "PLACES": "first: i64[c]; second: i64[c]; third: i64[c]; u1: f64[c]; u2: f64[c]",
    "RESULT": "points - (u1[:, None]*hand(first) + u2[:, None]*hand(second) + (1 - u1 - u2)[:, None]*hand(third))",
}


def hand(given: Message) -> tuple[gradc.Function, dict[str, Any]]:
    """The program for this tree of bones, and its inputs: points are compared with vertices, or with places on
    triangles, which are inputs too."""
    model, on_triangles = given["data"]["model"], len(given["us"]) > 0
    parents = model["parents"]
    chain = [f"A{k} = bone[{k}]" if parent < 0 else f"A{k} = A{parent} @ bone[{k}]" for k, parent in enumerate(parents)]
    place, bends = np.zeros((len(parents), 3), dtype=int), np.zeros((len(parents), 3))
    angle = 6
    for finger in range(FINGERS):
        for joint in range(3):
            for axis in range(2 if joint == 0 else 1):
                place[2 + 4 * finger + joint, axis], bends[2 + 4 * finger + joint, axis] = angle, 1.0
                angle += 1
    f = program(
        "ht", "u1 u2 theta" if on_triangles else "theta", CHAIN="\n".join(chain),
        ABSOLUTE=", ".join(f"A{k}" for k in range(len(parents))), MIRROR="-1" if model["is_mirrored"] else "1",
        **ON_TRIANGLES if on_triangles else ON_VERTICES,
    )  # fmt: skip
    inputs = {
        "theta": array(given["theta"]), "place": place, "bends": bends, "rest": array(model["base_relatives"]),
        "unrest": array(model["inverse_base_absolutes"]), "skin": array(model["base_positions"]),
        "weights": array(model["weights"]), "points": array(given["data"]["points"]),
        "first": np.asarray(given["data"]["correspondences"]),
    }  # fmt: skip
    if on_triangles:
        vertices = np.asarray(model["triangles"])[inputs["first"]].T
        inputs |= dict(zip(("u1", "u2"), array(given["us"]).T)) | dict(zip(("first", "second", "third"), vertices))
    return f, inputs


@evaluation("ht", "objective")
def ht(given: Message):
    f, inputs = hand(given)
    return lambda: f(**inputs), lambda errors: plain(errors.reshape(-1))


@evaluation("ht", "jacobian")
def ht_jacobian(given: Message):
    """An error depends on the place on its own triangle only: two columns stand for all places."""
    f, inputs = hand(given)

    def call() -> np.ndarray:
        *places, theta = f.jacobian(**inputs, compact=True)
        return np.concatenate([*(place.values[..., None] for place in places), theta.values], axis=-1)

    return call, lambda found: plain(found.reshape(-1, found.shape[-1]))


def equation(given: Message, result: str) -> tuple[gradc.Function, np.ndarray, np.ndarray]:
    steps = np.full(given["s"], 2.0 / given["s"])
    return program("ode", "x", RESULT=result), array(given["x"]), steps


@evaluation("ode", "primal")
def ode(given: Message):
    f, x, steps = equation(given, "y")
    return lambda: f(x, steps), plain


@evaluation("ode", "gradient")
def ode_gradient(given: Message):
    """Of the last component."""
    f, x, steps = equation(given, "y[n - 1]")
    return lambda: f.grad(x, steps).x, plain


def cells(given: Message) -> tuple[gradc.Function, tuple[np.ndarray, ...]]:
    """The program for so many layers, and its inputs: weights and biases in turn, of four gates each."""
    main, state = array(given["main_params"]), array(given["state"])
    layers = range(len(main) // 2)
    f = program(
        "lstm", "main extra", STATES=", ".join(f"h{k + 1}, m{k + 1}" for k in layers), TOP=f"h{len(layers)}",
        STARTS=", ".join(f"state[{k}]" for k in range(len(state))),
        LAYERS="; ".join(
            f"(h{k + 1}, m{k + 1}) = cell((h{k + 1}, m{k + 1}), h{k}, main[{2 * k}], main[{2 * k + 1}])" for k in layers
        ),
    )  # fmt: skip
    return f, (main.reshape(len(main), 4, -1), array(given["extra_params"]), state, array(given["sequence"]))


@evaluation("lstm", "objective")
def lstm(given: Message):
    f, inputs = cells(given)
    return lambda: f(*inputs), float


@evaluation("lstm", "jacobian")
def lstm_jacobian(given: Message):
    f, inputs = cells(given)
    return lambda: f.grad(*inputs), lambda grads: plain(np.concatenate([grad.reshape(-1) for grad in grads]))


def descended(f: Callable[[np.ndarray], float], slope: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    """Where f is least, by descents of which one in ten is bolder, and one that climbs is not taken.

    B. A. Pearlmutter, J. M. Siskind, "Using Programming Language Theory to Make Automatic Differentiation Sound and
    Efficient", 2008.
    """
    value, rate, good = f(x), 1e-5, 0
    while np.linalg.norm(direction := slope(x)) > CLOSE:
        further = x - rate * direction
        if np.linalg.norm(further - x) <= CLOSE:
            break
        found = f(further)
        if found < value:
            x, value, good = further, found, good + 1
            if good == 10:
                rate, good = 2 * rate, 0
        else:
            rate, good = rate / 2, 0
    return x


CLOSE = 1e-5
"""Slopes and steps that are as good as none."""


def saddle(modes: str, given: Message):
    outer, inner = modes
    start = array(given["start"])
    value, slope, at = (
        program("saddle", "x", SLOPE=SADDLE["y"][inner], RESULT=result)
        for result in ("f(x, y)", SADDLE["x"][outer], "y")
    )

    def call() -> np.ndarray:
        x = descended(lambda x: value(x, start), lambda x: slope(x, start), start)
        return np.concatenate([x, at(x, start)])

    return call, plain


SADDLE = {
    axis: {"f": f"[jvp(f(x, y), {axis}, [1, 0]), jvp(f(x, y), {axis}, [0, 1])]", "r": f"grad(f(x, y), {axis})"}
    for axis in "xy"
}
"""Slopes along x, for the letter of the outer mode, and along y, for that of the inner one."""


def particle(modes: str, given: Message):
    """The control w is a number, and a vector of one for the descent."""
    outer, inner = modes
    value, slope = (program("particle", "w", SLOPE=PUSH[inner], RESULT=result) for result in ("miss", MISS[outer]))

    def call() -> float:
        return descended(lambda w: value(w[0]), lambda w: array([slope(w[0])]), array([given["w"]]))[0]

    return call, float


PUSH = {"f": "(jvp(potential(x, y), x, 1), jvp(potential(x, y), y, 1))", "r": "grad(potential(x, y), (x, y))"}
MISS = {"f": "jvp(miss, w, 1)", "r": "grad(miss, w)"}
"""The slopes of the potential and of the result, by the letters of the inner and the outer mode."""


for modes in ("ff", "fr", "rf", "rr"):
    evaluation("saddle", modes)(partial(saddle, modes))
    evaluation("particle", modes)(partial(particle, modes))


# ---------------------------------------------------------------- the protocol


def timed(call: Call, runs: int, seconds: float) -> tuple[Any, list[dict[str, Any]]]:
    """The result, and how long it took, at least so many times and for so many seconds."""
    timings: list[dict[str, Any]] = []
    total = 0
    while len(timings) < runs or total < 1e9 * seconds:
        start = perf_counter_ns()
        result = call()
        timings.append({"name": "evaluate", "nanoseconds": perf_counter_ns() - start})
        total += timings[-1]["nanoseconds"]
    return result, timings


def evaluated(message: Message) -> Message:
    """What is answered to an evaluate message."""
    given, functions = message["input"], EVALUATIONS[message["module"]]
    if message["function"] not in functions:
        raise ValueError(f"{message['module']} has no function {message['function']}, only {', '.join(functions)}")
    repeats = given if isinstance(given, dict) else {}
    runs = repeats.get("min_runs", repeats.get("runs", 1))
    start = perf_counter_ns()
    call, shown = functions[message["function"]](given)
    prepared = {"name": "prepare", "nanoseconds": perf_counter_ns() - start}
    result, timings = timed(call, max(1, runs), repeats.get("min_seconds", 0))
    return {"success": True, "output": shown(result), "timings": [prepared, *timings]}


def answer(message: Message) -> Message:
    """What is answered to a message; a mistake of the evaluation is text in it."""
    if message["kind"] == "start":
        return {"tool": "gradc"}
    if message["kind"] == "define":
        known = message["module"] in EVALUATIONS
        return {"success": known} | ({} if known else {"error": f"there is no program for {message['module']}"})
    if message["kind"] != "evaluate":
        return {}
    try:
        return evaluated(message)
    except Exception as error:
        return {"success": False, "error": f"{type(error).__name__}: {error}"}


def written(message: Message) -> str:
    """The line of the answer. JSON has no NaN and no infinity: an answer that holds one is a mistake of ours."""
    number = {"id": message["id"]}
    try:
        return json.dumps(number | answer(message), allow_nan=False)
    except ValueError:
        return json.dumps(number | {"success": False, "error": "the result is not finite"})


def main(messages: Iterable[str], out: TextIO) -> None:
    for line in messages:
        print(written(json.loads(line)), file=out, flush=True)


if __name__ == "__main__":
    main(sys.stdin, sys.stdout)
