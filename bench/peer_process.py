"""One peer at work, in a process of its own: `python -m bench.peer_process`, started by `bench.peers`.

Reads a request in JSON from standard input, and for each set of inputs writes the answer to files beside them and a
line of JSON to standard output. It runs in the interpreter of the peers, where gradc need not be installed: it imports
NumPy and the peer only.
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module, metadata
from pathlib import Path
from time import perf_counter_ns, process_time_ns
from types import SimpleNamespace
from typing import Any

import numpy as np

from bench.objectives import OBJECTIVES

HALF_ROOT = math.sqrt(0.5)


@dataclass(frozen=True)
class Case:
    """A program, its inputs in order, and the positions of those that it is differentiated for."""

    workload: str
    text: str
    inputs: dict[str, Any]
    wrt: tuple[int, ...]

    @property
    def values(self) -> list[Any]:
        return list(self.inputs.values())

    def objective(self, functions: Any) -> Callable[..., Any]:
        return partial(OBJECTIVES[self.workload], functions)


Call = Callable[[], Any]
"""Computes value and gradients and waits until they are there."""


@dataclass(frozen=True)
class Prepared:
    """`call` is what is timed; `answer` turns what it gives into the value and the gradients, as arrays."""

    call: Call
    answer: Callable[[Any], Iterable[Any]] = lambda given: [given[0], *given[1]]


class Declined(Exception):
    """This peer does not take this program; the text says why."""


# ---------------------------------------------------------------- gradc itself, and copying


def gradc(engine: str, case: Case) -> Prepared:
    import gradc

    names = list(case.inputs)
    function = gradc.compile(case.text, wrt=[names[k] for k in case.wrt], engine=engine)
    values = tuple(case.values)
    return Prepared(lambda: function.value_and_grad(*values))


def copy(case: Case) -> Prepared:
    """NumPy copies as many bytes as value and gradients read and write: half of all these arrays to the other half."""
    arrays = [x for x in case.values if np.ndim(x)]
    if case.workload not in ("neuron", "gelu"):
        raise Declined("only where memory is the limit")
    count = len(arrays) + 1 + len(case.wrt)
    size = arrays[0].size
    pairs = [(np.ones(size), np.ones(size)) for _ in range(count // 2)]
    if count % 2:
        pairs.append((np.ones(size // 2), np.ones(size // 2)))

    def call() -> None:
        for target, source in pairs:
            np.copyto(target, source)

    return Prepared(call, lambda given: ())


# ---------------------------------------------------------------- the peers


def jax(case: Case) -> Prepared:
    import jax
    import jax.numpy as jnp
    from jax.scipy.special import logsumexp, ndtr

    jax.config.update("jax_enable_x64", True)
    objective = case.objective(
        SimpleNamespace(
            exp=jnp.exp, log=jnp.log, sqrt=jnp.sqrt, tanh=jnp.tanh, sum=jnp.sum, mean=jnp.mean, normal_cdf=ndtr,
            relu=jax.nn.relu, sigmoid=jax.nn.sigmoid, softmax=jax.nn.softmax,
            logsumexp=partial(logsumexp, axis=-1), turned=partial(jnp.swapaxes, axis1=-1, axis2=-2),
            picked=lambda scores, y: scores[jnp.arange(y.size), y],
        )
    )  # fmt: skip

    def total(*args: Any) -> Any:
        value = objective(*args)
        return jnp.sum(value), value

    function = jax.jit(jax.value_and_grad(total, argnums=case.wrt, has_aux=True))
    args = [jnp.asarray(x) for x in case.values]
    return Prepared(lambda: jax.block_until_ready(function(*args)), lambda given: [given[0][1], *given[1]])


def torch(case: Case, compiled: bool = False) -> Prepared:
    import torch

    args = [torch.from_numpy(np.array(x)) for x in case.values]
    for k in case.wrt:
        args[k].requires_grad_()
    objective = case.objective(
        SimpleNamespace(
            exp=torch.exp, log=torch.log, sqrt=torch.sqrt, tanh=torch.tanh, sum=torch.sum, mean=torch.mean,
            normal_cdf=torch.special.ndtr, relu=torch.relu, sigmoid=torch.sigmoid,
            softmax=lambda x: torch.softmax(x, dim=-1), logsumexp=lambda x: torch.logsumexp(x, dim=-1),
            turned=lambda x: x.transpose(-1, -2), picked=lambda scores, y: scores[torch.arange(y.numel()), y],
        )
    )  # fmt: skip
    if compiled:
        objective = torch.compile(objective)
    wrt = [args[k] for k in case.wrt]

    def call() -> Any:
        value = objective(*args)
        return value, torch.autograd.grad(value.sum(), wrt)

    return Prepared(call, lambda given: [given[0].detach(), *given[1]])


def pytensor(case: Case) -> Prepared:
    import pytensor
    import pytensor.tensor as pt
    from pytensor.tensor.special import softmax

    functions = SimpleNamespace(
        exp=pt.exp, log=pt.log, sqrt=pt.sqrt, tanh=pt.tanh, sum=pt.sum, mean=pt.mean, sigmoid=pt.sigmoid,
        normal_cdf=lambda x: 0.5 * pt.erfc(-x * HALF_ROOT), relu=lambda x: pt.maximum(x, 0.0),
        softmax=partial(softmax, axis=-1), logsumexp=partial(pt.logsumexp, axis=-1),
        turned=lambda x: pt.swapaxes(x, -1, -2), picked=lambda scores, y: scores[pt.arange(y.shape[0]), y],
    )  # fmt: skip
    values = [np.asarray(x) for x in case.values]
    inputs = [pt.tensor(name, dtype=x.dtype, shape=(None,) * x.ndim) for name, x in zip(case.inputs, values)]
    value = case.objective(functions)(*inputs)
    grads = pytensor.grad(value.sum(), [inputs[k] for k in case.wrt])
    function = pytensor.function(inputs, [value, *grads])
    return Prepared(partial(function, *values), list)


def drjit(case: Case) -> Prepared:
    """Arrays of one axis only; a number is an array of one element."""
    import drjit as dr
    from drjit.llvm.ad import Float64

    if any(np.ndim(x) > 1 for x in case.values):
        raise Declined("no products of matrices in its arrays")
    if case.workload == "rosenbrock":
        raise Declined("no slices")
    objective = case.objective(
        SimpleNamespace(
            exp=dr.exp, log=dr.log, sqrt=dr.sqrt, tanh=dr.tanh, sum=dr.sum,
            normal_cdf=lambda x: 0.5 + 0.5 * dr.erf(x * HALF_ROOT),
        )
    )  # fmt: skip
    given = [np.atleast_1d(x) for x in case.values]

    def call() -> Any:
        args = [Float64(x) for x in stored]
        wrt = [args[k] for k in case.wrt]
        dr.enable_grad(*wrt)
        value = objective(*args)
        dr.backward(value)
        result = (dr.detach(value), [dr.grad(x) for x in wrt])
        dr.eval(result)
        dr.sync_thread()
        return result

    stored = [Float64(x) for x in given]
    dr.eval(stored)
    shapes = [None, *(np.shape(case.values[k]) for k in case.wrt)]

    def answer(found: Any) -> list[np.ndarray]:
        value, grads = np.array(found[0]), [np.array(grad) for grad in found[1]]
        is_total = case.workload in ("exponential-fit", "log-sum-exp", "sum-of-squares")
        shapes[0] = () if is_total else value.shape
        return [part.reshape(shape) for part, shape in zip([value, *grads], shapes)]

    return Prepared(call, answer)


def autograd(case: Case) -> Prepared:
    import autograd.numpy as anp
    from autograd.core import make_vjp
    from autograd.scipy.special import expit, logsumexp
    from autograd.scipy.stats import norm

    objective = case.objective(
        SimpleNamespace(
            exp=anp.exp, log=anp.log, sqrt=anp.sqrt, tanh=anp.tanh, sum=anp.sum, mean=anp.mean, normal_cdf=norm.cdf,
            relu=lambda x: anp.maximum(0.0, x), sigmoid=expit, logsumexp=partial(logsumexp, axis=-1),
            softmax=lambda x: anp.exp(x - logsumexp(x, axis=-1, keepdims=True)),
            turned=lambda x: anp.swapaxes(x, -1, -2), picked=lambda scores, y: scores[np.arange(y.size), y],
        )
    )  # fmt: skip
    args = case.values

    def of(wrt: Any) -> Any:
        given = list(args)
        for k, x in zip(case.wrt, wrt):
            given[k] = x
        return objective(*given)

    start = tuple(args[k] for k in case.wrt)

    def call() -> Any:
        back, value = make_vjp(lambda wrt: of(wrt), _boxable(start))
        return value, back(np.ones_like(value) if np.ndim(value) else 1.0)

    return Prepared(call)


def _boxable(parts: tuple[Any, ...]) -> Any:
    from autograd.builtins import tuple as boxed

    return boxed(parts)


def casadi_function(case: Case) -> Any:
    """Of numbers only."""
    import casadi

    if any(np.ndim(x) for x in case.values):
        raise Declined("of numbers only")
    functions = SimpleNamespace(
        exp=casadi.exp, log=casadi.log, sqrt=casadi.sqrt, tanh=casadi.tanh, sum=lambda x: x,
        normal_cdf=lambda x: 0.5 + 0.5 * casadi.erf(x * HALF_ROOT),
    )  # fmt: skip
    inputs = [casadi.SX.sym(name) for name in case.inputs]
    value = case.objective(functions)(*inputs)
    return casadi.Function("f", inputs, [value, *(casadi.gradient(value, inputs[k]) for k in case.wrt)])


def casadi_buffer(case: Case) -> Prepared:
    """The call alone: inputs and results stay where the buffers are."""
    function = casadi_function(case)
    buffer, evaluate = function.buffer()
    given = [np.array([x], float) for x in case.values]
    results = [np.zeros(1) for _ in range(1 + len(case.wrt))]
    for k, x in enumerate(given):
        buffer.set_arg(k, memoryview(x))
    for k, x in enumerate(results):
        buffer.set_res(k, memoryview(x))
    return Prepared(evaluate, lambda nothing, alive=(function, buffer, given): [x[0] for x in results])


def casadi_call(case: Case) -> Prepared:
    function = casadi_function(case)
    return Prepared(partial(function, *case.values), lambda given: [float(x) for x in given])


def gradc_by_name(case: Case) -> Prepared:
    import gradc

    function = gradc.compile(case.text)
    w0, x0, w1, x1, w2, x2 = case.values
    return Prepared(lambda: function.value_and_grad(w0=w0, x0=x0, w1=w1, x1=x1, w2=w2, x2=x2))


PEERS: dict[str, tuple[str, Callable[[Case], Prepared]]] = {
    "gradc": ("gradc", partial(gradc, "native")),
    "gradc, Numba engine": ("gradc", partial(gradc, "numba")),
    "copying": ("numpy", copy),
    "autograd": ("autograd", autograd),
    "JAX": ("jax", jax),
    "PyTorch": ("torch", torch),
    "torch.compile": ("torch", partial(torch, compiled=True)),
    "PyTensor": ("pytensor", pytensor),
    "Dr.Jit": ("drjit", drjit),
}
"""By the name in the tables: the distribution whose version is told, and what prepares a case."""

OF_NUMBERS: dict[str, tuple[str, Callable[[Case], Prepared]]] = {
    "gradc": PEERS["gradc"],
    "gradc, by name": ("gradc", gradc_by_name),
    "gradc, Numba engine": PEERS["gradc, Numba engine"],
    "CasADi, buffer call": ("casadi", casadi_buffer),
    "CasADi, ordinary call": ("casadi", casadi_call),
}
"""The same for calls with Python floats."""


ALSO_IMPORTED = {
    "gradc": ("scipy.linalg.cython_blas",),
    "gradc, Numba engine": ("numba", "scipy.linalg.cython_blas"),
    "JAX": ("jax.numpy", "jax.scipy.special"),
    "torch.compile": ("torch._dynamo", "torch._inductor.compile_fx"),
    "PyTensor": ("pytensor.tensor", "pytensor.tensor.special"),
    "Dr.Jit": ("drjit.llvm.ad",),
    "autograd": ("autograd.numpy", "autograd.scipy.special", "autograd.scipy.stats"),
}
"""What libraries import when they are first used; it is not part of the first call."""


# ---------------------------------------------------------------- clocks


def batch(call: Call, repeats: int) -> tuple[float, float]:
    """Nanoseconds that a call takes, and keeps processors busy."""
    before, start = process_time_ns(), perf_counter_ns()
    for _ in range(repeats):
        call()
    taken, busy = perf_counter_ns() - start, process_time_ns() - before
    return taken / repeats, busy / repeats


def timed(call: Call, rounds: int, shortest: int, budget: int) -> tuple[list[float], float]:
    """Nanoseconds a call took in each batch, and how many processors it kept busy. A batch is `shortest` or longer."""
    call()  # the second one, for which libraries still make things
    repeats = 1
    while (taken := batch(call, repeats)[0] * repeats) < shortest / 2:
        repeats *= 2 if taken * 100 > shortest else 10
    repeats = math.ceil(repeats * max(1.0, shortest / taken))
    rounds = max(1, min(rounds, int(budget / max(taken, shortest))))
    gc.collect()
    gc.disable()
    found = [batch(call, repeats) for _ in range(rounds)]
    gc.enable()
    return [each for each, _ in found], sum(busy for _, busy in found) / sum(each for each, _ in found)


# ---------------------------------------------------------------- the process


def inputs_in(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """What `bench.peers` has put there; numbers are Python floats."""
    found = {name: np.load(folder / f"{name}.npy") for name in names}
    return {name: x if x.ndim else x.item() for name, x in found.items()}


def threads_text(peer: str) -> str:
    """How many threads it says that it uses."""
    if peer.startswith(("PyTorch", "torch")):
        import torch

        return str(torch.get_num_threads())
    if peer == "Dr.Jit":
        import drjit

        return str(drjit.thread_count())
    return ""


def main() -> None:
    """Answer the request on standard input. What the peer prints goes to standard error."""
    request = json.load(sys.stdin)
    if request["one_cpu"] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    peer = request["peer"]
    distribution, prepare = (OF_NUMBERS if request["numbers"] else PEERS)[peer]
    for module in (distribution, *ALSO_IMPORTED.get(peer, ())):
        import_module(module)
    with contextlib.suppress(metadata.PackageNotFoundError):
        print(json.dumps({"version": metadata.version(distribution)}), file=out, flush=True)
    for folder in map(Path, request["folders"]):
        case = Case(request["workload"], request["text"], inputs_in(folder, request["inputs"]), tuple(request["wrt"]))
        start = perf_counter_ns()
        try:
            with np.errstate(all="ignore"):
                prepared = prepare(case)
                given = prepared.call()
                first = perf_counter_ns() - start
        except Declined as why:
            print(json.dumps({"declined": str(why)}), file=out, flush=True)
            return
        parts = [np.asarray(part) for part in prepared.answer(given)]
        np.savez(folder / "answer.npz", *parts)
        line: dict[str, Any] = {"folder": str(folder), "first": first}
        if request["rounds"]:
            batches, cpus = timed(prepared.call, request["rounds"], request["shortest"], request["budget"])
            line |= {"batches": batches, "cpus": cpus, "threads": threads_text(peer)}
        print(json.dumps(line), file=out, flush=True)


if __name__ == "__main__":
    main()
