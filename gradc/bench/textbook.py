"""Functions and their derivatives as a textbook has them, for the two naive tapes.

Written apart from gradc's op table, so that a tape is a second opinion. The formulas are the same for one number
and for an array; only the namespace differs from which `exp` and its like are taken.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import special

Rule = tuple[Callable[..., Any], tuple[Callable[..., Any] | None, ...]]
"""A function of numbers, and its partial derivatives as functions of (*arguments, out); None where there is none."""

Columns = dict[str, tuple[Any, ...]]


def _sign(x: float) -> float:
    return float((x > 0) - (x < 0)) if x == x else x


NUMBERS = SimpleNamespace(
    **{name: function for name, function in vars(math).items() if not name.startswith("_")}
    | {
        "abs": abs, "sign": _sign, "where": lambda c, x, y: x if c else y,
        "floor": lambda x: float(math.floor(x)), "ceil": lambda x: float(math.ceil(x)),
        "trunc": lambda x: float(math.trunc(x)), "round": lambda x: float(round(x)),
        "maximum": lambda x, y: x if x >= y else y, "minimum": lambda x, y: x if x <= y else y,
        "digamma": lambda x: float(special.digamma(x)), "polygamma": lambda n, x: float(special.polygamma(n, x)),
    }
)  # fmt: skip
"""Functions of one number."""

ARRAYS = SimpleNamespace(
    **{name: getattr(np, name) for name in (
        "abs sign where floor ceil trunc maximum minimum sqrt cbrt exp exp2 expm1 log log2 log10 log1p sin cos"
        " tan asin acos atan sinh cosh tanh asinh acosh atanh hypot atan2 pow"
    ).split()},
    **{name: getattr(special, name) for name in ("erf", "erfc", "gamma", "digamma", "polygamma")},
    round=np.rint, lgamma=special.gammaln,
)  # fmt: skip
"""Functions of arrays."""


def rules(m: SimpleNamespace) -> dict[str, Rule]:
    """The rules by the name of the op, over one of the namespaces above."""

    def sigmoid(x: Any) -> Any:
        e = m.exp(-abs(x))
        return m.where(x >= 0, 1, e) / (1 + e)

    def softplus(x: Any) -> Any:
        return m.maximum(x, 0.0) + m.log1p(m.exp(-abs(x)))

    def logcosh(x: Any) -> Any:
        return abs(x) + m.log1p(m.exp(-2 * abs(x))) - math.log(2)

    def density(x: Any) -> Any:
        return m.exp(-x * x / 2) / math.sqrt(2 * math.pi)

    def zero(*_: Any) -> float:
        return 0.0

    def first(*_: Any) -> float:
        return 1.0

    def share(wins: Any, ties: Any) -> Any:
        return m.where(wins, 1.0, m.where(ties, 0.5, 0.0))

    # fmt: off
    one_argument: Columns = {
        "neg":        (operator.neg, lambda x, y: -1.0),
        "abs":        (m.abs,     lambda x, y: m.sign(x)),
        "sign":       (m.sign,    zero),
        "square":     (lambda x: x * x, lambda x, y: 2 * x),
        "sqrt":       (m.sqrt,    lambda x, y: 1 / (2 * y)),
        "cbrt":       (m.cbrt,    lambda x, y: 1 / (3 * y**2)),
        "exp":        (m.exp,     lambda x, y: y),
        "exp2":       (m.exp2,    lambda x, y: y * math.log(2)),
        "expm1":      (m.expm1,   lambda x, y: y + 1),
        "log":        (m.log,     lambda x, y: 1 / x),
        "log2":       (m.log2,    lambda x, y: 1 / (x * math.log(2))),
        "log10":      (m.log10,   lambda x, y: 1 / (x * math.log(10))),
        "log1p":      (m.log1p,   lambda x, y: 1 / (1 + x)),
        "log1mexp":   (lambda x: m.log(-m.expm1(x)), lambda x, y: -1 / m.expm1(-x)),
        "sin":        (m.sin,     lambda x, y: m.cos(x)),
        "cos":        (m.cos,     lambda x, y: -m.sin(x)),
        "tan":        (m.tan,     lambda x, y: 1 / m.cos(x) ** 2),
        "arcsin":     (m.asin,    lambda x, y: 1 / m.sqrt(1 - x * x)),
        "arccos":     (m.acos,    lambda x, y: -1 / m.sqrt(1 - x * x)),
        "arctan":     (m.atan,    lambda x, y: 1 / (1 + x * x)),
        "sinh":       (m.sinh,    lambda x, y: m.cosh(x)),
        "cosh":       (m.cosh,    lambda x, y: m.sinh(x)),
        "tanh":       (m.tanh,    lambda x, y: 1 - y * y),
        "logcosh":    (logcosh,   lambda x, y: m.tanh(x)),
        "logistic_pdf": (lambda x: sigmoid(x) * sigmoid(-x), lambda x, y: y * (1 - 2 * sigmoid(x))),
        "sech":       (lambda x: 1 / m.cosh(x), lambda x, y: -y * m.tanh(x)),
        "arcsinh":    (m.asinh,   lambda x, y: 1 / m.sqrt(x * x + 1)),
        "arccosh":    (m.acosh,   lambda x, y: 1 / m.sqrt(x * x - 1)),
        "arctanh":    (m.atanh,   lambda x, y: 1 / (1 - x * x)),
        "sigmoid":    (sigmoid,   lambda x, y: y * (1 - y)),
        "softplus":   (softplus,  lambda x, y: sigmoid(x)),
        "erf":        (m.erf,     lambda x, y: 2 / math.sqrt(math.pi) * m.exp(-x * x)),
        "erfc":       (m.erfc,    lambda x, y: -2 / math.sqrt(math.pi) * m.exp(-x * x)),
        "normal_cdf": (lambda x: m.erfc(-x / math.sqrt(2)) / 2, lambda x, y: density(x)),
        "normal_pdf": (density,   lambda x, y: -x * y),
        "gamma":      (m.gamma,   lambda x, y: y * m.digamma(x)),
        "lgamma":     (m.lgamma,  lambda x, y: m.digamma(x)),
        "digamma":    (m.digamma, lambda x, y: m.polygamma(1, x)),
        "floor":      (m.floor,   zero),
        "ceil":       (m.ceil,    zero),
        "round":      (m.round,   zero),
        "trunc":      (m.trunc,   zero),
    }
    two_arguments: Columns = {
        "add":        (operator.add,      first,                      first),
        "sub":        (operator.sub,      first,                      lambda x, y, z: -1.0),
        "mul":        (operator.mul,      lambda x, y, z: y,          lambda x, y, z: x),
        "div":        (operator.truediv,  lambda x, y, z: 1 / y,      lambda x, y, z: -z / y),
        "floordiv":   (operator.floordiv, zero,                       zero),
        "mod":        (operator.mod,      first,                      lambda x, y, z: -(x // y)),
        "power":      (m.pow,             lambda x, y, z: y * m.pow(x, y - 1), lambda x, y, z: z * m.log(x)),
        "maximum":    (m.maximum,         lambda x, y, z: share(x > y, x == y), lambda x, y, z: share(y > x, x == y)),
        "minimum":    (m.minimum,         lambda x, y, z: share(x < y, x == y), lambda x, y, z: share(y < x, x == y)),
        "clamp_min":  (m.maximum,         lambda x, c, z: m.where(x > c, 1.0, 0.0), None),
        "clamp_max":  (m.minimum,         lambda x, c, z: m.where(x < c, 1.0, 0.0), None),
        "hypot":      (m.hypot,           lambda x, y, z: x / z,      lambda x, y, z: y / z),
        "arctan2":    (m.atan2,           lambda y, x, z: x / (x * x + y * y), lambda y, x, z: -y / (x * x + y * y)),
        "logaddexp":  (lambda x, y: m.maximum(x, y) + m.log1p(m.exp(-abs(x - y))),
                       lambda x, y, z: m.exp(x - z),                  lambda x, y, z: m.exp(y - z)),
        "polygamma":  (m.polygamma,       None,                       lambda n, x, z: m.polygamma(n + 1, x)),
    }
    more_arguments: Columns = {
        "where":      (m.where, None, lambda c, x, y, z: m.where(c, 1.0, 0.0), lambda c, x, y, z: m.where(c, 0.0, 1.0)),
        "clip":       (lambda x, low, high: m.minimum(m.maximum(x, low), high),
                       lambda x, low, high, z: m.where((x > low) & (x < high), 1.0, 0.0),
                       lambda x, low, high, z: m.where((x <= low) & (low < high), 1.0, 0.0),
                       lambda x, low, high, z: m.where((x >= high) | (low >= high), 1.0, 0.0)),
    }
    # fmt: on
    return {name: (row[0], row[1:]) for name, row in {**one_argument, **two_arguments, **more_arguments}.items()}
