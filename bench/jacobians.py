"""Jacobians and Hessians beside JAX, CasADi and PyTorch: `python -m bench.jacobians`.

The libraries are in the environment of `python -m bench --against all`, or in that of another interpreter: `--python
FILE`. Each is a process of its own; they take turns, and the least time of a call counts. Answers are compared with
gradc's first. JAX's functions are compiled and awaited, CasADi's are of scalars and called through buffers, PyTorch's
are those of `torch.func`. Prints the table of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np

from bench.race import environment
from bench.race.process import timed

ROUNDS = 3
"""How often each library has its turn."""
CLOCK = 10, 20_000_000, 2_000_000_000
"""Batches of a turn; nanoseconds of a batch, and of all of them."""


@dataclass(frozen=True)
class Case:
    """A program as gradc's text and as a function of other libraries, whose functions are those of `m`."""

    name: str
    form: str
    """jacobian, hessian, gauss_newton, jvp or hvp."""
    text: str
    function: Callable[..., Any]
    values: dict[str, Any]
    wrt: tuple[str, ...]
    libraries: tuple[str, ...] = ("JAX",)
    is_backward: bool = False
    """Whether a Jacobian has fewer rows than columns."""

    @property
    def places(self) -> tuple[int, ...]:
        return tuple(list(self.values).index(name) for name in self.wrt)


# ---------------------------------------------------------------- programs

OF_VECTOR = "p[0]*exp(-p[1]*t) + p[2]*exp(-p[3]*t) + p[4]*t + p[5]"
OF_NUMBERS = "a*exp(-b*t) + c*exp(-d*t) + g*t + h"


def of_vector(m: Any, p: Any, t: Any) -> Any:
    return p[0] * m.exp(-p[1] * t) + p[2] * m.exp(-p[3] * t) + p[4] * t + p[5]


def of_numbers(m: Any, *given: Any) -> Any:
    return of_vector(m, given[:6], given[6])


def squares(m: Any, p: Any, t: Any, y: Any) -> Any:
    return m.sum((of_vector(m, p, t) - y) ** 2)


def logistic(m: Any, w: Any, X: Any, y: Any) -> Any:
    return m.mean(m.softplus(-y * (X @ w)))


def network(m: Any, A: Any, B: Any, C: Any, x: Any) -> Any:
    return C @ m.tanh(B @ m.tanh(A @ x))


def fitted(m: Any, W: Any, b: Any, v: Any, X: Any, y: Any) -> Any:
    return m.mean((m.tanh(X @ W + b) @ v - y) ** 2)


def rosenbrock(m: Any, x: Any) -> Any:
    return m.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def neuron(m: Any, w0: Any, x0: Any, w1: Any, x1: Any, w2: Any) -> Any:
    return 1 / (1 + m.exp(-(w0 * x0 + w1 * x1 + w2)))


def elementwise(m: Any, x: Any, a: Any, b: Any) -> Any:
    return m.exp(a * x) * m.sin(b * x)


def cases() -> Iterator[Case]:
    """All of them, with the same inputs in every process."""
    rng = np.random.default_rng(0)
    everybody, p = ("JAX", "CasADi", "PyTorch"), np.array([1.0, 2.0, 3.0, 0.4, 0.5, 0.6])
    numbers = dict(zip("abcdgh", p.tolist()))
    for n in (401, 10_000):
        t = np.linspace(0, 4, n)
        yield Case(f"Jacobian of a curve for 6 numbers, {n:,} points", "jacobian", OF_NUMBERS, of_numbers,
                   numbers | {"t": t}, tuple(numbers))  # fmt: skip
        yield Case(f"the same for a vector that is read as `p[0]`, ..., `p[5]`, {n:,} points", "jacobian", OF_VECTOR,
                   of_vector, {"p": p, "t": t}, ("p",), everybody)  # fmt: skip
        data = {"p": p, "t": t, "y": np.sin(t)}
        yield Case(f"Hessian of its sum of squares, {n:,} points", "hessian", f"sum(({OF_VECTOR} - y)**2)", squares,
                   data, ("p",), everybody)  # fmt: skip
        yield Case(f"Gauss-Newton matrix, {n:,} points", "gauss_newton", f"{OF_VECTOR} - y",
                   lambda m, p, t, y: of_vector(m, p, t) - y, data, ("p",))  # fmt: skip
        yield Case(f"product of the curve's Jacobian with a vector, {n:,} points", "jvp", OF_VECTOR, of_vector,
                   {"p": p, "t": t}, ("p",))  # fmt: skip
    for n, d in ((1_000, 10), (10_000, 20), (10_000, 100)):
        data = {"w": rng.normal(size=d), "X": rng.normal(size=(n, d)), "y": np.sign(rng.normal(size=n))}
        text = "mean(softplus(-y*(X @ w)))"
        yield Case(f"Hessian of a logistic regression, {n:,} x {d}", "hessian", text, logistic, data, ("w",),
                   ("JAX", "PyTorch"))  # fmt: skip
        yield Case(f"its product with a vector, {n:,} x {d}", "hvp", text, logistic, data, ("w",))
    layers = {"W": rng.normal(size=(4, 8)), "b": rng.normal(size=8), "v": rng.normal(size=8)}
    yield Case("Hessian of a network 4-8-1, 500 rows", "hessian", "mean((tanh(X @ W + b) @ v - y)**2)", fitted,
               layers | {"X": rng.normal(size=(500, 4)), "y": rng.normal(size=500)}, tuple(layers))  # fmt: skip
    layers = {"A": rng.normal(size=(64, 32)), "B": rng.normal(size=(64, 64)), "C": rng.normal(size=(3, 64))}
    deep, text = layers | {"x": rng.normal(size=32)}, "C @ tanh(B @ tanh(A @ x))"
    yield Case("network 32-64-64-3: Jacobian for its input", "jacobian", text, network, deep, ("x",),
               ("JAX", "PyTorch"), True)  # fmt: skip
    yield Case("the same for its weights", "jacobian", text, network, deep, tuple(layers), ("JAX", "PyTorch"), True)
    for n in (100, 1_000):
        yield Case(f"elementwise program of {n:,} numbers and two parameters", "jacobian", "exp(a*x)*sin(b*x)",
                   elementwise, {"x": np.linspace(0, 1, n), "a": 1.0, "b": 2.0}, ("x", "a", "b"),
                   ("JAX", "CasADi"))  # fmt: skip
    for n in (100, 500):
        yield Case(f"Hessian of Rosenbrock's function, {n} variables", "hessian",
                   "sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)", rosenbrock, {"x": np.linspace(0, 1, n)},
                   ("x",), everybody)  # fmt: skip
    inputs = dict(zip(("w0", "x0", "w1", "x1", "w2"), (1.0, 2.0, 3.0, 4.0, 5.0)))
    yield Case("5 numbers: the neuron's Hessian", "hessian", "1/(1 + exp(-(w0*x0 + w1*x1 + w2)))", neuron, inputs,
               tuple(inputs), ("JAX", "CasADi"))  # fmt: skip


# ---------------------------------------------------------------- libraries

Call = Callable[[], Any]


def of_gradc(case: Case) -> Call:
    import gradc

    f = gradc.compile(case.text, inputs=list(case.values), wrt=case.wrt)
    values = tuple(case.values.values())
    tangents = tuple(case.values[name] for name in case.wrt)
    match case.form:
        case "gauss_newton":
            return lambda: f.gauss_newton(*values)[2]
        case "jvp" | "hvp":
            method = getattr(f, case.form)
            return lambda: method(tangents, *values)
    method = getattr(f, case.form)
    return lambda: method(*values)


def of_jax(case: Case) -> Call:
    os.environ["JAX_PLATFORMS"] = "cpu"
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    m = SimpleNamespace(exp=jnp.exp, sin=jnp.sin, tanh=jnp.tanh, sum=jnp.sum, mean=jnp.mean, softplus=jax.nn.softplus)
    return _transformed(case, jax, m, [jnp.asarray(x) for x in case.values.values()], jax.jit, jax.block_until_ready)


def of_torch(case: Case) -> Call:
    import torch
    from torch import func

    m = SimpleNamespace(exp=torch.exp, sin=torch.sin, tanh=torch.tanh, sum=torch.sum, mean=torch.mean,
                        softplus=torch.nn.functional.softplus)  # fmt: skip
    args = [torch.as_tensor(x, dtype=torch.float64) for x in case.values.values()]
    return _transformed(case, func, m, args, lambda function: function, lambda found: found)


def _transformed(
    case: Case, library: Any, m: Any, args: Sequence[Any], compiled: Callable[[Any], Any], awaited: Callable[[Any], Any]
) -> Call:
    """A form by the transforms that JAX and `torch.func` both have."""
    places = case.places if len(case.places) > 1 else case.places[0]

    def function(*args: Any) -> Any:
        return case.function(m, *args)

    def along(derived: Callable[..., Any]) -> Callable[..., Any]:
        def product(*args: Any) -> Any:
            x, *rest = args
            return library.jvp(lambda x: derived(x, *rest), (x,), (x,))[1]

        return product

    def normal(*args: Any) -> Any:
        J = library.jacfwd(function, places)(*args)
        return J.T @ J

    jacobian = library.jacrev if case.is_backward else library.jacfwd
    forms: dict[str, Callable[[], Any]] = {
        "jacobian": lambda: jacobian(function, places), "hessian": lambda: library.hessian(function, places),
        "gauss_newton": lambda: normal, "jvp": lambda: along(function), "hvp": lambda: along(library.grad(function)),
    }  # fmt: skip
    made = compiled(forms[case.form]())
    return lambda: awaited(made(*args))


def of_casadi(case: Case) -> Call:
    """Results are in their sparse form where they have one; they are made dense for the comparison."""
    import casadi as ca

    m = SimpleNamespace(exp=ca.exp, sin=ca.sin, sum=ca.sum1)
    given = [np.atleast_1d(np.asarray(x, float)) for x in case.values.values()]
    symbols = [ca.SX.sym(name, x.size) for name, x in zip(case.values, given)]
    value, wrt = case.function(m, *symbols), [symbols[k] for k in case.places]
    if case.form == "hessian":
        whole = ca.hessian(value, ca.vertcat(*wrt))[0]
        results = [whole]
    else:
        results = [ca.jacobian(value, x) for x in wrt]
    function = ca.Function("function", symbols, results)
    buffer, call = function.buffer()
    for k, x in enumerate(given):
        buffer.set_arg(k, memoryview(x))
    places = [np.zeros(function.nnz_out(k)) for k in range(function.n_out())]
    for k, x in enumerate(places):
        buffer.set_res(k, memoryview(x))

    def filled() -> Any:
        call()
        return _Filled(function, given, buffer, places)

    return filled


@dataclass(frozen=True)
class _Filled:
    """CasADi's results, and what has to live as long as they do."""

    function: Any
    given: list[np.ndarray]
    buffer: Any
    places: list[np.ndarray]


LIBRARIES: dict[str, Callable[[Case], Call]] = {
    "gradc": of_gradc, "JAX": of_jax, "CasADi": of_casadi, "PyTorch": of_torch,
}  # fmt: skip


def numbers_of(answer: Any) -> np.ndarray:
    """All numbers of an answer, sorted: its blocks may come one by one or as one matrix, and dense or not."""
    if isinstance(answer, _Filled):
        answer = [part.full() for part in answer.function.call(answer.given)]
    waiting, found = [answer], []
    while waiting:
        part = waiting.pop()
        if isinstance(part, (tuple, list)):
            waiting += part
        else:
            found.append(np.ravel(np.asarray(part, float)))
    return np.sort(np.concatenate(found))


# ---------------------------------------------------------------- the run


def run(library: str, folder: Path) -> None:
    """Measure all cases of a library; answers go to files, times to standard output."""
    times = {}
    for number, case in enumerate(cases()):
        if library != "gradc" and library not in case.libraries:
            continue
        call = LIBRARIES[library](case)
        np.save(folder / f"{library}{number}.npy", numbers_of(call()))
        times[number] = min(timed(call, *CLOCK)[0])
    print(json.dumps(times))


def shown(nanoseconds: float | None) -> str:
    if nanoseconds is None:
        return ""
    scale, unit = next((s, u) for s, u in ((1e6, "ms"), (1e3, "us"), (1, "ns")) if nanoseconds >= s)
    return f"{nanoseconds / scale:.{1 if nanoseconds / scale < 10 else 0}f} {unit}"


def main() -> None:
    """Let the libraries take turns, compare their answers and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.jacobians", description=__doc__)
    parser.add_argument("--python", help="an interpreter that has the libraries, instead of making one")
    parser.add_argument("--library", choices=LIBRARIES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.library:
        run(chosen.library, chosen.folder)
        return
    python = chosen.python or environment.prepared(partial(print, file=sys.stderr))[0]
    least: dict[tuple[str, int], float] = {}
    with TemporaryDirectory() as folder:
        for turn in range(ROUNDS):
            for library in LIBRARIES:
                interpreter = sys.executable if library == "gradc" else python
                command = [interpreter, "-m", "bench.jacobians", "--library", library, "--folder", folder]
                print(f"{library}, turn {turn + 1} of {ROUNDS}", file=sys.stderr)
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                for number, taken in json.loads(done.stdout.splitlines()[-1]).items():
                    at = library, int(number)
                    least[at] = min(taken, least.get(at, taken))
        for library, number in least:
            ours, theirs = (np.load(f"{folder}/{each}{number}.npy") for each in ("gradc", library))
            np.testing.assert_allclose(theirs, ours, rtol=1e-8, atol=1e-8, err_msg=f"{library}, case {number}")
    print("| | " + " | ".join(LIBRARIES) + " |")
    print("| --- " * (len(LIBRARIES) + 1) + "|")
    for number, case in enumerate(cases()):
        print(f"| {case.name} | " + " | ".join(shown(least.get((each, number))) for each in LIBRARIES) + " |")


if __name__ == "__main__":
    main()
