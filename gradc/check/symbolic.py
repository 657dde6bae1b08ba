"""The ops of the table over SymPy expressions, with real symbols.

An op whose name SymPy knows needs no entry here; those without an expression (`round`, `trunc`) have none.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import sympy

from gradc.check.oracles import Arithmetic

Expression = Any


class Floor(sympy.Function):
    """SymPy's `floor`, but flat: SymPy leaves the derivative of its own one as it is and cannot put numbers in."""

    @classmethod
    def eval(cls, x: Expression) -> Expression | None:
        return sympy.floor(x) if x.is_number else None

    def fdiff(self, argindex: int = 1) -> Expression:
        return sympy.S.Zero


def inverse_mills(x: Expression) -> Expression:
    return BY_OP["normal_pdf"](x) / BY_OP["normal_cdf"](x)


BY_OP: dict[str, Callable[..., Expression]] = {
    "neg": lambda x: -x,
    "abs": sympy.Abs,
    "square": lambda x: x**2,
    "cbrt": lambda x: sympy.sign(x) * sympy.cbrt(sympy.Abs(x)),
    "exp2": lambda x: 2**x,
    "expm1": lambda x: sympy.exp(x) - 1,
    "log2": lambda x: sympy.log(x) / sympy.log(2),
    "log10": lambda x: sympy.log(x) / sympy.log(10),
    "log1p": lambda x: sympy.log(1 + x),
    "log1mexp": lambda x: sympy.log(1 - sympy.exp(x)),
    "expm1_reciprocal": lambda x: 1 / (sympy.exp(x) - 1),
    "arcsin": sympy.asin,
    "arccos": sympy.acos,
    "arctan": sympy.atan,
    "logcosh": lambda x: sympy.log(sympy.cosh(x)),
    "arcsinh": sympy.asinh,
    "arccosh": sympy.acosh,
    "arctanh": sympy.atanh,
    "sech": lambda x: 1 / sympy.cosh(x),
    "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
    "logistic_pdf": lambda x: sympy.exp(-x) / (1 + sympy.exp(-x)) ** 2,
    "softplus": lambda x: sympy.log(1 + sympy.exp(x)),
    "normal_cdf": lambda x: sympy.erfc(-x / sympy.sqrt(2)) / 2,
    "gaussian": lambda x: sympy.exp(-(x**2)),
    "normal_pdf": lambda x: sympy.exp(-(x**2) / 2) / sympy.sqrt(2 * sympy.pi),
    "log_ndtr": lambda x: sympy.log(BY_OP["normal_cdf"](x)),
    "erfcx": lambda x: sympy.exp(x**2) * sympy.erfc(x),
    "inverse_mills": inverse_mills,
    "truncated_gap": lambda x: x + inverse_mills(x),
    "truncated_variance": lambda x: 1 - inverse_mills(x) * (x + inverse_mills(x)),
    "truncated_skew": lambda x: inverse_mills(x) * ((x + inverse_mills(x)) * (x + 2 * inverse_mills(x)) - 1),
    "exprel": lambda x: (sympy.exp(x) - 1) / x,
    "exprel1": lambda x: (sympy.exp(x) * (x - 1) + 1) / x**2,
    "exprel2": lambda x: (sympy.exp(x) * (x * (x - 2) + 2) - 2) / x**3,
    "log1prel": lambda x: sympy.log(1 + x) / x,
    "log1prel1": lambda x: (x / (1 + x) - sympy.log(1 + x)) / x**2,
    "log1prel2": lambda x: (2 * sympy.log(1 + x) - 2 * x / (1 + x) - (x / (1 + x)) ** 2) / x**3,
    "sinrel": lambda x: sympy.sin(x) / x,
    "spherical_j1": lambda x: (sympy.sin(x) - x * sympy.cos(x)) / x**2,
    "sinrel1": lambda x: (sympy.sin(x) - x * sympy.cos(x)) / x**3,
    "sinrel2": lambda x: ((3 - x**2) * sympy.sin(x) - 3 * x * sympy.cos(x)) / x**5,
    "sinrel3": lambda x: ((15 - 6 * x**2) * sympy.sin(x) - (15 - x**2) * x * sympy.cos(x)) / x**7,
    "sinc": lambda x: sympy.sin(sympy.pi * x) / (sympy.pi * x),
    "cosrel": lambda x: (1 - sympy.cos(x)) / x**2,
    "sinrest": lambda x: (x - sympy.sin(x)) / x**3,
    "sinrest1": lambda x: (2 * x + x * sympy.cos(x) - 3 * sympy.sin(x)) / x**5,
    "sinrest2": lambda x: (8 * x + 7 * x * sympy.cos(x) - (15 - x**2) * sympy.sin(x)) / x**7,
    "sinhrel": lambda x: sympy.sinh(x) / x,
    "sinhrel1": lambda x: (x * sympy.cosh(x) - sympy.sinh(x)) / x**3,
    "sinhrel2": lambda x: ((3 + x**2) * sympy.sinh(x) - 3 * x * sympy.cosh(x)) / x**5,
    "sinhrel3": lambda x: ((15 + x**2) * x * sympy.cosh(x) - (15 + 6 * x**2) * sympy.sinh(x)) / x**7,
    "sinhrest": lambda x: (sympy.sinh(x) - x) / x**3,
    "sinhrest1": lambda x: (x * sympy.cosh(x) - 3 * sympy.sinh(x) + 2 * x) / x**5,
    "sinhrest2": lambda x: ((15 + x**2) * sympy.sinh(x) - 7 * x * sympy.cosh(x) - 8 * x) / x**7,
    "arctanrel": lambda x: sympy.atan(x) / x,
    "arctanrel1": lambda x: (BY_OP["arctanrel"](x) - 1 / (1 + x**2)) / (2 * x**2),
    "arctanrel2": lambda x: (3 * BY_OP["arctanrel1"](x) - (1 + x**2) ** -2) / (4 * x**2),
    "arctanrel3": lambda x: (5 * BY_OP["arctanrel2"](x) - (1 + x**2) ** -3) / (6 * x**2),
    "arctanrest": lambda x: (x - sympy.atan(x)) / x**3,
    "arctanrest1": lambda x: (3 * BY_OP["arctanrest"](x) - 1 / (1 + x**2)) / (2 * x**2),
    "arctanrest2": lambda x: (5 * BY_OP["arctanrest1"](x) - (1 + x**2) ** -2) / (4 * x**2),
    "arcsinhrel": lambda x: sympy.asinh(x) / x,
    "arcsinhrel1": lambda x: (BY_OP["arcsinhrel"](x) - 1 / sympy.sqrt(1 + x**2)) / x**2,
    "arcsinhrel2": lambda x: (BY_OP["arcsinhrel1"](x) - 1 / sympy.sqrt(1 + x**2) ** 3 / 3) / x**2,
    "arcsinhrel3": lambda x: (BY_OP["arcsinhrel2"](x) - 1 / sympy.sqrt(1 + x**2) ** 5 / 5) / x**2,
    "erfrel": lambda x: sympy.erf(x) / x,
    "erfrel1": lambda x: (BY_OP["erfrel"](x) - 2 / sympy.sqrt(sympy.pi) * sympy.exp(-(x**2))) / (2 * x**2),
    "erfrel2": lambda x: (3 * BY_OP["erfrel1"](x) - 2 / sympy.sqrt(sympy.pi) * sympy.exp(-(x**2))) / (2 * x**2),
    "erfrel3": lambda x: (5 * BY_OP["erfrel2"](x) - 2 / sympy.sqrt(sympy.pi) * sympy.exp(-(x**2))) / (2 * x**2),
    "lgamma": sympy.loggamma,
    "floor": Floor,
    "ceil": lambda x: -Floor(-x),
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "minus": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "floordiv": lambda x, y: Floor(x / y),
    "mod": lambda x, y: x - y * Floor(x / y),
    "power": lambda x, y: x**y,
    "maximum": sympy.Max,
    "minimum": sympy.Min,
    "clamp_min": sympy.Max,
    "clamp_max": sympy.Min,
    "clip": lambda x, lower, upper: sympy.Min(sympy.Max(x, lower), upper),
    "hypot": lambda x, y: sympy.sqrt(x**2 + y**2),
    "arctan2": sympy.atan2,
    "logaddexp": lambda x, y: sympy.log(sympy.exp(x) + sympy.exp(y)),
    "logdiffexp": lambda x, y: sympy.log(sympy.exp(x) - sympy.exp(y)),
    "shifted": lambda x, s: x - s,
    "exp_shifted": lambda x, s: sympy.exp(x - s),
    "unit": lambda x, size: x / size,
    "besides": lambda x, y: x / y,
    "absorb": lambda x, y: x * y,
    "mask": lambda c, x: sympy.Piecewise((x, c), (0, True)),
    "where": lambda c, x, y: sympy.Piecewise((x, c), (y, True)),
    "lt": sympy.Lt,
    "le": sympy.Le,
    "gt": sympy.Gt,
    "ge": sympy.Ge,
    "eq": sympy.Eq,
    "ne": sympy.Ne,
    "and": sympy.And,
    "or": sympy.Or,
    "not": sympy.Not,
}

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

NO_EXPRESSION = frozenset({"round", "trunc", "erfcinv", "ndtri", "betainc"})


@cache
def function(op: str) -> Callable[..., Expression]:
    """The op over SymPy expressions. Raises KeyError for one that has no expression."""
    found = BY_OP.get(op) or getattr(sympy, op, None)
    if op in NO_EXPRESSION or found is None:
        raise KeyError(op)
    return found


def number(value: float) -> Expression:
    """A float, every bit of it."""
    if value != value:
        return sympy.nan
    return sympy.oo * (1 if value > 0 else -1) if value in (float("inf"), float("-inf")) else sympy.Rational(value)


SYMBOLS = Arithmetic(number, function, REDUCTIONS.__getitem__)
"""SymPy's expressions."""
