"""The ops of the table over SymPy expressions, with real symbols."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from gradc.check.oracles import Arithmetic
from gradc.frontends.sympy.functions import function

Expression = Any

REDUCTIONS: dict[str, Callable[[list], Expression]] = {
    "sum": lambda xs: sympy.Add(*xs),
    "prod": lambda xs: sympy.Mul(*xs),
    "max": lambda xs: sympy.Max(*xs),
    "min": lambda xs: sympy.Min(*xs),
    "any": lambda cs: sympy.Or(*cs),
    "all": lambda cs: sympy.And(*cs),
    "norm": lambda xs: sympy.sqrt(sympy.Add(*(x**2 for x in xs))),
    "logsumexp": lambda xs: sympy.log(sympy.Add(*map(sympy.exp, xs))),
}


def number(value: float) -> Expression:
    """A float, every bit of it."""
    if value != value:
        return sympy.nan
    return sympy.oo * (1 if value > 0 else -1) if value in (float("inf"), float("-inf")) else sympy.Rational(value)


SYMBOLS = Arithmetic(number, function, REDUCTIONS.__getitem__)
"""SymPy's expressions."""
