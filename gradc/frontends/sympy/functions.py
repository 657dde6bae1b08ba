"""SymPy's functions and gradc's, in both directions.

Where both have a function, `NAMES` has it once. `TEXTS` says how functions that only SymPy has are written in gradc's
language, and `EXPRESSIONS` how ops that only gradc has are written in SymPy's. `check` reads the same table.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import sympy
from sympy.codegen import cfunctions, numpy_nodes, scipy_nodes

Expression = Any


NAMES = {
    "abs": "Abs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "beta": "beta",
    "binom": "binomial",
    "ceil": "ceiling",
    "cos": "cos",
    "cosh": "cosh",
    "digamma": "digamma",
    "erf": "erf",
    "erfc": "erfc",
    "erfcinv": "erfcinv",
    "erfinv": "erfinv",
    "exp": "exp",
    "floor": "floor",
    "gamma": "gamma",
    "iv": "besseli",
    "jv": "besselj",
    "kv": "besselk",
    "lambertw": "LambertW",
    "lgamma": "loggamma",
    "log": "log",
    "maximum": "Max",
    "minimum": "Min",
    "polygamma": "polygamma",
    "sech": "sech",
    "sign": "sign",
    "sin": "sin",
    "sinh": "sinh",
    "tan": "tan",
    "tanh": "tanh",
    "yv": "bessely",
}
"""By gradc's name, that of the same function in SymPy, with the same arguments."""


# ---------------------------------------------------------------- from SymPy

TEXTS: dict[str, str] = {
    "Abs": "abs({0})",
    "Heaviside": "Heaviside({0}, {1})",
    "KroneckerDelta": "where({0.atom} == {1.atom}, 1, 0)",
    "LambertW": "lambertw({0})",
    "Max": "max({all})",
    "Min": "min({all})",
    "Mod": "{0.atom} % {1.atom}",
    "acot": "where({0.atom} == 0, pi/2, arctan(1/{0.atom}))",
    "acoth": "arctanh(1/{0.atom})",
    "acsc": "arcsin(1/{0.atom})",
    "acsch": "arcsinh(1/{0.atom})",
    "arg": "where({0.atom} < 0, pi, 0)",
    "asec": "arccos(1/{0.atom})",
    "asech": "arccosh(1/{0.atom})",
    "betainc": "(betainc({0}, {1}, {3}) - betainc({0}, {1}, {2}))*beta({0}, {1})",
    "betainc_regularized": "betainc({0}, {1}, {3}) - betainc({0}, {1}, {2})",
    "conjugate": "{0.atom}",
    "cot": "1/tan({0})",
    "coth": "1/tanh({0})",
    "csc": "1/sin({0})",
    "csch": "1/sinh({0})",
    "erf2": "erf({1}) - erf({0})",
    "factorial": "gamma({0.atom} + 1)",
    "FallingFactorial": "gamma({0.atom} + 1)/gamma({0.atom} - {1.atom} + 1)",
    "UnevaluatedExpr": "{0.atom}",
    "frac": "{0.atom} - floor({0})",
    "harmonic": "digamma({0.atom} + 1) + 0.5772156649015329",
    "im": "0",
    "jn": "sqrt(pi/(2*{1.atom}))*jv({0.atom} + 0.5, {1})",
    "lowergamma": "gammainc({0}, {1})*gamma({0})",
    "re": "{0.atom}",
    "RisingFactorial": "gamma({0.atom} + {1.atom})/gamma({0})",
    "sec": "1/cos({0})",
    "sinc": "sin({0})/{0.atom}",
    "uppergamma": "gammaincc({0}, {1})*gamma({0})",
    "yn": "sqrt(pi/(2*{1.atom}))*yv({0.atom} + 0.5, {1})",
    # conditions
    "Equality": "{0.atom} == {1.atom}",
    "GreaterThan": "{0.atom} >= {1.atom}",
    "ITE": "where({0}, {1}, {2})",
    "Implies": "not {0.atom} or {1.atom}",
    "LessThan": "{0.atom} <= {1.atom}",
    "Nand": "not ({all_and})",
    "Nor": "not ({all_or})",
    "Not": "not {0.atom}",
    "And": "{all_and}",
    "Or": "{all_or}",
    "StrictGreaterThan": "{0.atom} > {1.atom}",
    "StrictLessThan": "{0.atom} < {1.atom}",
    "Unequality": "{0.atom} != {1.atom}",
    "Xor": "{all_xor}",
    # arrays
    "DotProduct": "sum({0.atom}*{1.atom})",
    "HadamardPower": "{0.atom}**{1.atom}",
    "HadamardProduct": "{all_times}",
    "KroneckerProduct": "kron({all})",
    "Trace": "trace({0})",
    "Determinant": "det({0})",
    "Inverse": "inv({0})",
    "Transpose": "{0.atom}.T",
    "Adjoint": "{0.atom}.T",
    # sympy.codegen
    "Cbrt": "{0.atom}**(1/3)",
    "Sqrt": "sqrt({0})",
    "cosm1": "cosm1({0})",
    "exp2": "exp2({0})",
    "expm1": "expm1({0})",
    "fma": "{0.atom}*{1.atom} + {2.atom}",
    "hypot": "hypot({0}, {1})",
    "log10": "log10({0})",
    "log1p": "log1p({0})",
    "log2": "log2({0})",
    "logaddexp": "logaddexp({0}, {1})",
    "powm1": "powm1({0}, {1})",
}
"""By SymPy's name, the text in gradc's language. `{0}` is the first argument, `{0.atom}` the same in brackets where it
needs them, `{all}` are all of them."""

CONSTANTS = {
    "Catalan": 0.915965594177219,
    "EulerGamma": 0.5772156649015329,
    "Exp1": 2.718281828459045,
    "GoldenRatio": 1.618033988749895,
    "TribonacciConstant": 1.8392867552141612,
}
"""Numbers with a name in SymPy, as the nearest floats."""

REFUSED = {
    "AccumulationBounds": "it is a range, not a number; take a limit at another point",
    "ComplexInfinity": "the formula divides by zero; simplify it, or put numbers in",
    "ComplexRootOf": "evaluate it first: `expr.evalf()`",
    "DiracDelta": "it is no function of a number; integrate it first: `expr.doit()`",
    "ImaginaryUnit": "gradc computes with real numbers: write real and imaginary part as two expressions, "
    "`expr.as_real_imag()`",
    "Integral": "integrate first: `expr.doit()`; where there is no closed form, sum over points: `trapezoid(y, x)`",
    "Limit": "take it first: `expr.doit()`",
    "Order": "drop the remainder of the series first: `expr.removeO()`",
    "Poly": "make an expression of it: `poly.as_expr()`",
    "Quantity": "replace units by numbers first: `convert_to(...)` and `expr.subs(unit, 1)`",
    "RootSum": "evaluate it first: `expr.doit()`",
    "Subs": "substitute first: `expr.doit()`",
}
"""What cannot be taken, by its name in SymPy, and what to write instead."""


@cache
def texts() -> dict[type, str]:
    """`TEXTS` and `NAMES` by SymPy's class."""
    found: dict[type, str] = {}
    for ours, theirs in NAMES.items():
        if theirs not in TEXTS:
            found[getattr(sympy, theirs)] = ours + "({all})"
    for name, text in TEXTS.items():
        for module in (sympy, cfunctions, numpy_nodes, scipy_nodes):
            if (cls := getattr(module, name, None)) is not None:
                found.setdefault(cls, text)
    return found


# ---------------------------------------------------------------- to SymPy


class Floor(sympy.Function):
    """SymPy's `floor`, but flat: SymPy leaves the derivative of its own one as it is and cannot put numbers in."""

    @classmethod
    def eval(cls, x: Expression) -> Expression | None:
        return sympy.floor(x) if x.is_number else None

    def fdiff(self, argindex: int = 1) -> Expression:
        return sympy.S.Zero


def inverse_mills(x: Expression) -> Expression:
    return EXPRESSIONS["normal_pdf"](x) / EXPRESSIONS["normal_cdf"](x)


EXPRESSIONS: dict[str, Callable[..., Expression]] = {
    "neg": lambda x: -x,
    "square": lambda x: x**2,
    "cbrt": lambda x: sympy.sign(x) * sympy.cbrt(sympy.Abs(x)),
    "exp2": lambda x: 2**x,
    "expm1": lambda x: sympy.exp(x) - 1,
    "log2": lambda x: sympy.log(x) / sympy.log(2),
    "log10": lambda x: sympy.log(x) / sympy.log(10),
    "log1p": lambda x: sympy.log(1 + x),
    "log1mexp": lambda x: sympy.log(1 - sympy.exp(x)),
    "expm1_reciprocal": lambda x: 1 / (sympy.exp(x) - 1),
    "logcosh": lambda x: sympy.log(sympy.cosh(x)),
    "sech": lambda x: 1 / sympy.cosh(x),
    "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
    "logistic_pdf": lambda x: sympy.exp(-x) / (1 + sympy.exp(-x)) ** 2,
    "softplus": lambda x: sympy.log(1 + sympy.exp(x)),
    "normal_cdf": lambda x: sympy.erfc(-x / sympy.sqrt(2)) / 2,
    "gaussian": lambda x: sympy.exp(-(x**2)),
    "normal_pdf": lambda x: sympy.exp(-(x**2) / 2) / sympy.sqrt(2 * sympy.pi),
    "log_ndtr": lambda x: sympy.log(EXPRESSIONS["normal_cdf"](x)),
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
    "arctanrel1": lambda x: (EXPRESSIONS["arctanrel"](x) - 1 / (1 + x**2)) / (2 * x**2),
    "arctanrel2": lambda x: (3 * EXPRESSIONS["arctanrel1"](x) - (1 + x**2) ** -2) / (4 * x**2),
    "arctanrel3": lambda x: (5 * EXPRESSIONS["arctanrel2"](x) - (1 + x**2) ** -3) / (6 * x**2),
    "arctanrest": lambda x: (x - sympy.atan(x)) / x**3,
    "arctanrest1": lambda x: (3 * EXPRESSIONS["arctanrest"](x) - 1 / (1 + x**2)) / (2 * x**2),
    "arctanrest2": lambda x: (5 * EXPRESSIONS["arctanrest1"](x) - (1 + x**2) ** -2) / (4 * x**2),
    "arcsinhrel": lambda x: sympy.asinh(x) / x,
    "arcsinhrel1": lambda x: (EXPRESSIONS["arcsinhrel"](x) - 1 / sympy.sqrt(1 + x**2)) / x**2,
    "arcsinhrel2": lambda x: (EXPRESSIONS["arcsinhrel1"](x) - 1 / sympy.sqrt(1 + x**2) ** 3 / 3) / x**2,
    "arcsinhrel3": lambda x: (EXPRESSIONS["arcsinhrel2"](x) - 1 / sympy.sqrt(1 + x**2) ** 5 / 5) / x**2,
    "erfrel": lambda x: sympy.erf(x) / x,
    "erfrel1": lambda x: (EXPRESSIONS["erfrel"](x) - 2 / sympy.sqrt(sympy.pi) * sympy.exp(-(x**2))) / (2 * x**2),
    "erfrel2": lambda x: (3 * EXPRESSIONS["erfrel1"](x) - 2 / sympy.sqrt(sympy.pi) * sympy.exp(-(x**2))) / (2 * x**2),
    "erfrel3": lambda x: (5 * EXPRESSIONS["erfrel2"](x) - 2 / sympy.sqrt(sympy.pi) * sympy.exp(-(x**2))) / (2 * x**2),
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
    "clamp_min": sympy.Max,
    "clamp_max": sympy.Min,
    "clip": lambda x, lower, upper: sympy.Min(sympy.Max(x, lower), upper),
    "hypot": lambda x, y: sympy.sqrt(x**2 + y**2),
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

NO_EXPRESSION = frozenset({"round", "trunc", "erfcinv", "ndtri", "betainc"})


@cache
def function(op: str) -> Callable[..., Expression]:
    """The op over SymPy expressions. Raises KeyError for one that has no expression."""
    found = EXPRESSIONS.get(op) or getattr(sympy, NAMES.get(op, op), None)
    if op in NO_EXPRESSION or found is None:
        raise KeyError(op)
    return found
