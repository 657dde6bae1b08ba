"""Value and gradients for numexpr, which has no derivatives: derived on paper, shared parts computed once.

`evaluate` finds the names in its text among the variables of its caller.
"""
# ruff: noqa: F841

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numexpr import evaluate
from scipy.special import ndtr

ROOT_OF_TWO_OVER_PI = 0.7978845608028654
DENSITY_AT_ZERO = 0.3989422804014327


def neuron(w0, x0, w1, x1, w2, x2):
    value = evaluate("1 / (1 + exp(-(w0*x0 + w1*x1 + w2*x2)))")
    slope = evaluate("value * (1 - value)")
    inputs = {"w0": w0, "x0": x0, "w1": w1, "x1": x1, "w2": w2, "x2": x2, "slope": slope}
    return value, [evaluate(f"slope * {name}", inputs) for name in ("x0", "w0", "x1", "w1", "x2", "w2")]


def gelu(x):
    k = ROOT_OF_TWO_OVER_PI
    bend = evaluate("tanh(k * (x + 0.044715 * x * x * x))")
    slope = evaluate("0.5 + 0.5 * bend + 0.5 * x * (1 - bend * bend) * k * (1 + 0.134145 * x * x)")
    return evaluate("0.5 * x * (1 + bend)"), [slope]


def black_scholes(S, K, r, sigma, T):
    """The normal distribution is SciPy's: numexpr has none."""
    k = DENSITY_AT_ZERO
    d1 = evaluate("(log(S / K) + (r + 0.5 * sigma * sigma) * T) / (sigma * sqrt(T))")
    inside, exercised = ndtr(d1), ndtr(evaluate("d1 - sigma * sqrt(T)"))
    paid = evaluate("K * exp(-r * T) * exercised")
    density = evaluate("S * k * exp(-0.5 * d1 * d1) * sqrt(T)")
    grads = [inside, evaluate("-paid / K"), evaluate("T * paid"), density,
             evaluate("density * sigma / (2 * T) + r * paid")]  # fmt: skip
    return evaluate("S * inside - paid"), grads


def exponential_fit(y, a, b, t, c):
    decay = evaluate("exp(-b * t)")
    residual = evaluate("y - a * decay - c")
    by_b = evaluate("sum(residual * decay * t)")
    grads = [-2 * evaluate("sum(residual * decay)"), 2 * a * by_b, -2 * evaluate("sum(residual)")]
    return evaluate("sum(residual * residual)"), grads


def rosenbrock(x):
    head, tail = x[:-1], x[1:]
    bend, rest = evaluate("tail - head * head"), evaluate("1 - head")
    grad = np.zeros_like(x)
    grad[1:] = evaluate("200 * bend")
    grad[:-1] -= evaluate("400 * bend * head + 2 * rest")
    return evaluate("sum(100 * bend * bend + rest * rest)"), [grad]


def log_sum_exp(x):
    largest = evaluate("max(x)")
    weights = evaluate("exp(x - largest)")
    total = evaluate("sum(weights)")
    return evaluate("log(total) + largest"), [evaluate("weights / total")]


def sum_of_squares(x):
    return evaluate("sum(x * x)"), [evaluate("2 * x")]


WRITTEN: dict[str, Callable[..., Any]] = {
    "neuron": neuron, "gelu": gelu, "black-scholes": black_scholes, "exponential-fit": exponential_fit,
    "rosenbrock": rosenbrock, "log-sum-exp": log_sum_exp, "sum-of-squares": sum_of_squares,
}  # fmt: skip
"""By the names of `bench.workloads`."""
