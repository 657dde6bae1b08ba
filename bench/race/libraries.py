"""How each library computes value and gradients of a program of `bench.objectives`.

The process of a library reads this file, in an interpreter in which gradc need not be installed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from bench.objectives import OBJECTIVES, RECURRENCES, loop

HALF_ROOT = math.sqrt(0.5)


@dataclass(frozen=True)
class Case:
    """A program, its inputs in order, and the positions of those that it is differentiated for."""

    workload: str
    size: int
    text: str
    inputs: dict[str, Any]
    wrt: tuple[int, ...]
    operations: int = 0

    @property
    def values(self) -> list[Any]:
        return list(self.inputs.values())

    @property
    def is_of_numbers(self) -> bool:
        return not any(np.ndim(x) for x in self.values)

    def objective(self, **functions: Any) -> Callable[..., Any]:
        return partial(OBJECTIVES[self.workload], SimpleNamespace(size=self.size, **functions))


Call = Callable[[], Any]
"""Computes value and gradients and waits until they are there."""


@dataclass(frozen=True)
class Prepared:
    """`call` is what is timed; `answer` turns what it gives into the value and the gradients, as arrays.

    `value` computes the value alone, where that is measured too. A time counts `scale` times.
    """

    call: Call
    answer: Callable[[Any], Iterable[Any]] = lambda given: [given[0], *given[1]]
    value: Call | None = None
    scale: float = 1.0


class Declined(Exception):
    """This library does not take this program; the text says why."""


def jax(case: Case) -> Prepared:
    import jax
    import jax.numpy as jnp
    from jax.scipy.special import logsumexp, ndtr

    jax.config.update("jax_enable_x64", True)

    def fold(step: Any, start: Any, rows: Any) -> Any:
        start = tuple(jnp.asarray(x, dtype=float) for x in start)
        return jax.lax.scan(lambda state, row: (step(state, row), None), start, rows)[0]

    objective = case.objective(
        exp=jnp.exp, log=jnp.log, sqrt=jnp.sqrt, tanh=jnp.tanh, sin=jnp.sin, cos=jnp.cos, sum=jnp.sum, mean=jnp.mean,
        normal_cdf=ndtr, relu=jax.nn.relu, sigmoid=jax.nn.sigmoid, softmax=jax.nn.softmax, softplus=jax.nn.softplus,
        logsumexp=partial(logsumexp, axis=-1), turned=partial(jnp.swapaxes, axis1=-1, axis2=-2),
        least=partial(jnp.min, axis=-1), picked=lambda scores, y: scores[jnp.arange(y.size), y],
        fold=fold, zeros=jnp.zeros, eye=jnp.eye, diagonal=jnp.diagonal, cholesky=jnp.linalg.cholesky,
        solved=lambda L, y: jax.scipy.linalg.cho_solve((L, True), y),
    )  # fmt: skip

    def total(*args: Any) -> Any:
        value = objective(*args)
        return jnp.sum(value), value

    function = jax.jit(jax.value_and_grad(total, argnums=case.wrt, has_aux=True))
    args = [jnp.asarray(x) for x in case.values]
    return Prepared(lambda: jax.block_until_ready(function(*args)), lambda given: [given[0][1], *given[1]])


def torch(case: Case, compiled: bool = False) -> Prepared:
    import torch

    if compiled and case.workload in RECURRENCES:
        raise Declined("compiles every step on its own")
    args = [torch.from_numpy(np.array(x)) for x in case.values]
    for k in case.wrt:
        args[k].requires_grad_()
    objective = case.objective(
        exp=torch.exp, log=torch.log, sqrt=torch.sqrt, tanh=torch.tanh, sin=torch.sin, cos=torch.cos, sum=torch.sum,
        mean=torch.mean, normal_cdf=torch.special.ndtr, relu=torch.relu, sigmoid=torch.sigmoid,
        softplus=torch.nn.functional.softplus, softmax=lambda x: torch.softmax(x, dim=-1),
        logsumexp=lambda x: torch.logsumexp(x, dim=-1), turned=lambda x: x.transpose(-1, -2),
        least=lambda x: torch.amin(x, dim=-1), picked=lambda scores, y: scores[torch.arange(y.numel()), y],
        fold=lambda step, start, rows: loop(step, tuple(torch.as_tensor(x, dtype=torch.float64) for x in start), rows),
        zeros=partial(torch.zeros, dtype=torch.float64), eye=partial(torch.eye, dtype=torch.float64),
        diagonal=torch.diagonal, cholesky=torch.linalg.cholesky,
        solved=lambda L, y: torch.cholesky_solve(y[:, None], L)[:, 0],
    )  # fmt: skip
    if compiled:
        torch._dynamo.reset()
        objective = torch.compile(objective)
    wrt = [args[k] for k in case.wrt]

    def call() -> Any:
        value = objective(*args)
        return value, torch.autograd.grad(value.sum(), wrt, allow_unused=True, materialize_grads=True)

    return Prepared(call, lambda given: [given[0].detach(), *given[1]])


def pytensor(case: Case) -> Prepared:
    import pytensor
    import pytensor.tensor as pt
    from pytensor.tensor.special import softmax

    if case.workload in RECURRENCES or case.workload == "Gaussian process":
        raise Declined("written with other functions there")
    objective = case.objective(
        exp=pt.exp, log=pt.log, sqrt=pt.sqrt, tanh=pt.tanh, sin=pt.sin, cos=pt.cos, sum=pt.sum, mean=pt.mean,
        sigmoid=pt.sigmoid, normal_cdf=lambda x: 0.5 * pt.erfc(-x * HALF_ROOT), relu=lambda x: pt.maximum(x, 0.0),
        softplus=pt.softplus, softmax=partial(softmax, axis=-1), logsumexp=partial(pt.logsumexp, axis=-1),
        turned=lambda x: pt.swapaxes(x, -1, -2), least=partial(pt.min, axis=-1),
        picked=lambda scores, y: scores[pt.arange(y.shape[0]), y],
    )  # fmt: skip
    values = [np.asarray(x) for x in case.values]
    kind = case.text, case.is_of_numbers
    if kind not in PYTENSOR_FUNCTIONS:
        inputs = [pt.tensor(name, dtype=x.dtype, shape=(None,) * x.ndim) for name, x in zip(case.inputs, values)]
        value = objective(*inputs)
        grads = pytensor.grad(value.sum(), [inputs[k] for k in case.wrt])
        PYTENSOR_FUNCTIONS[kind] = pytensor.function(inputs, [value, *grads])
    return Prepared(partial(PYTENSOR_FUNCTIONS[kind], *values), list)


PYTENSOR_FUNCTIONS: dict[tuple[str, bool], Any] = {}
"""What is compiled serves every size."""


def drjit(case: Case) -> Prepared:
    """Arrays of one axis only; a number is an array of one element."""
    import drjit as dr
    from drjit.llvm.ad import Float64

    if any(np.ndim(x) > 1 for x in case.values):
        raise Declined("no products of matrices in its arrays")
    if case.workload == "rosenbrock":
        raise Declined("no slices")
    if case.workload in RECURRENCES:
        raise Declined("loops are functions of another kind there")
    objective = case.objective(
        exp=dr.exp, log=dr.log, sqrt=dr.sqrt, tanh=dr.tanh, sin=dr.sin, cos=dr.cos, sum=dr.sum,
        normal_cdf=lambda x: 0.5 + 0.5 * dr.erf(x * HALF_ROOT),
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
        is_total = case.is_of_numbers or case.workload in TOTALS or case.workload == "log-sum-exp"
        shapes[0] = () if is_total else value.shape
        return [part.reshape(shape) for part, shape in zip([value, *grads], shapes)]

    return Prepared(call, answer)


def autograd(case: Case) -> Prepared:
    import autograd.numpy as anp
    from autograd.builtins import tuple as boxed
    from autograd.core import make_vjp
    from autograd.scipy.special import expit, logsumexp
    from autograd.scipy.stats import norm

    if case.workload in RECURRENCES:
        raise Declined("has every operation of every step done by Python: seconds")
    objective = case.objective(
        exp=anp.exp, log=anp.log, sqrt=anp.sqrt, tanh=anp.tanh, sin=anp.sin, cos=anp.cos, sum=anp.sum, mean=anp.mean,
        normal_cdf=norm.cdf, relu=lambda x: anp.maximum(0.0, x), sigmoid=expit, softplus=partial(anp.logaddexp, 0.0),
        logsumexp=partial(logsumexp, axis=-1), softmax=lambda x: anp.exp(x - logsumexp(x, axis=-1, keepdims=True)),
        turned=lambda x: anp.swapaxes(x, -1, -2), least=partial(anp.min, axis=-1),
        picked=lambda scores, y: scores[np.arange(y.size), y],
        fold=loop, zeros=np.zeros, eye=np.eye, diagonal=lambda x: anp.diagonal(x, 0, -1, -2),
        cholesky=anp.linalg.cholesky, solved=lambda L, y: anp.linalg.solve(L.T, anp.linalg.solve(L, y)),
    )  # fmt: skip
    args = case.values

    def of(wrt: Any) -> Any:
        given = list(args)
        for k, x in zip(case.wrt, wrt):
            given[k] = x
        return objective(*given)

    start = tuple(args[k] for k in case.wrt)

    def call() -> Any:
        back, value = make_vjp(of, boxed(start))
        return value, back(np.ones_like(value) if np.ndim(value) else 1.0)

    return Prepared(call)


def casadi(case: Case) -> Prepared:
    """Scalar expressions of numbers, matrix expressions of arrays; called through buffers, where results stay."""
    import casadi as ca

    if any(np.ndim(x) > 2 for x in case.values) or case.workload not in CASADI:
        raise Declined("its matrices have two axes and do not broadcast")
    symbol = ca.SX if case.is_of_numbers or case.workload in RECURRENCES else ca.MX
    objective = case.objective(
        exp=ca.exp, log=ca.log, sqrt=ca.sqrt, tanh=ca.tanh, sin=ca.sin, cos=ca.cos, sum=ca.sum1,
        mean=lambda x: ca.sum1(x) / x.numel(), normal_cdf=lambda x: 0.5 + 0.5 * ca.erf(x * HALF_ROOT),
        softplus=lambda x: ca.fmax(x, 0) + ca.log1p(ca.exp(-ca.fabs(x))), fold=loop,
    )  # fmt: skip
    inputs = [symbol.sym(name, *np.shape(x)) for name, x in case.inputs.items()]
    value = objective(*inputs)
    total = ca.sum1(value)
    function = ca.Function("f", inputs, [value, *(ca.gradient(total, inputs[k]) for k in case.wrt)])
    given = [np.array(x, float, order="F").reshape(-1, order="F") for x in case.values]
    shapes = [np.shape(value) if value.numel() > 1 else (), *(np.shape(case.values[k]) for k in case.wrt)]
    results = [np.zeros(math.prod(shape)) for shape in shapes]
    buffer, evaluate = function.buffer()
    for k, x in enumerate(given):
        buffer.set_arg(k, memoryview(x))
    for k, x in enumerate(results):
        buffer.set_res(k, memoryview(x))

    def answer(nothing: Any, alive: Any = (function, buffer, given)) -> list[np.ndarray]:
        return [x.reshape(shape[:1] if shape[1:] == (1,) else shape) for x, shape in zip(results, shapes)]

    return Prepared(evaluate, answer)


# ---------------------------------------------------------------- formulas: derivatives of what is summed, by SymPy

CASADI = (
    "neuron", "gelu", "black-scholes", "exponential-fit", "rosenbrock", "log-sum-exp", "sum-of-squares",
    "logistic-regression", "SIR", "Kalman", "GARCH", "RK4", "scalar graph",
)  # fmt: skip
TOTALS = ("exponential-fit", "sum-of-squares")
"""Sums of one formula of the inputs at each place."""
LONGEST_FORMULA = 2000
"""Operations of a program that SymPy is asked to differentiate."""


def formulas(case: Case) -> tuple[list[Any], list[Any]]:
    """The inputs as symbols; the value and its derivatives as SymPy's expressions."""
    import sympy

    if case.workload not in ("neuron", "gelu", "black-scholes", "scalar graph", *TOTALS):
        raise Declined("no formula of numbers")
    if case.size > LONGEST_FORMULA and case.workload == "scalar graph":
        raise Declined("differentiates by formulas, which grow without end here")
    objective = case.objective(
        exp=sympy.exp, log=sympy.log, sqrt=sympy.sqrt, tanh=sympy.tanh, sin=sympy.sin, cos=sympy.cos,
        sum=lambda x: x, normal_cdf=lambda x: (1 + sympy.erf(x / sympy.sqrt(2))) / 2,
    )  # fmt: skip
    inputs = sympy.symbols(list(case.inputs), real=True)
    value = objective(*inputs)
    return list(inputs), [value, *(sympy.diff(value, inputs[k]) for k in case.wrt)]


def summed(case: Case, parts: list[Any]) -> list[Any]:
    """Sums over all places of the value, and of the derivatives for numbers."""
    if case.workload not in TOTALS:
        return parts
    shapes = [(), *(np.shape(case.values[k]) for k in case.wrt)]
    return [np.sum(part) if shape == () else part for part, shape in zip(parts, shapes)]


def sympy(case: Case) -> Prepared:
    import sympy

    inputs, results = formulas(case)
    function = sympy.lambdify(inputs, results, modules=["numpy", "scipy"], cse=True)
    values = case.values
    return Prepared(lambda: summed(case, function(*values)), list)


def symjit(case: Case) -> Prepared:
    import symjit

    inputs, results = formulas(case)
    function = symjit.compile_func(inputs, results)
    values = case.values
    return Prepared(lambda: summed(case, function(*values)), list)


def numexpr(case: Case) -> Prepared:
    from bench.race import by_numexpr

    function = by_numexpr.WRITTEN.get(case.workload)
    if function is None or case.is_of_numbers:
        raise Declined("nobody wrote this program for it")
    return Prepared(partial(function, *case.values))


LIBRARIES: dict[str, tuple[str, Callable[[Case], Prepared]]] = {
    "autograd": ("autograd", autograd),
    "JAX": ("jax", jax),
    "PyTorch": ("torch", torch),
    "CasADi": ("casadi", casadi),
    "Dr.Jit": ("drjit", drjit),
    "numexpr": ("numexpr", numexpr),
    "SymPy": ("sympy", sympy),
    "symjit": ("symjit", symjit),
    "PyTensor": ("pytensor", pytensor),
    "torch.compile": ("torch", partial(torch, compiled=True)),
}
"""By the name in the tables: the distribution whose version is told, and what prepares a case. Those that take longest
to compile come last."""

ALSO_IMPORTED = {
    "JAX": ("jax.numpy", "jax.scipy.special"),
    "torch.compile": ("torch._dynamo", "torch._inductor.compile_fx"),
    "PyTensor": ("pytensor.tensor", "pytensor.tensor.special"),
    "Dr.Jit": ("drjit.llvm.ad",),
    "autograd": ("autograd.numpy", "autograd.scipy.special", "autograd.scipy.stats"),
    "SymPy": ("scipy.special",),
}
"""What libraries import when they are first used; it is not part of the first call."""
