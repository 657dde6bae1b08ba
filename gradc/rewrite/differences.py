"""STABLE rules about sums and differences of functions: each serves every spelling (`spellings.py`).

`minus(x, y)` is a difference that no rule is about.
"""

from __future__ import annotations

import re

SINGLE = """
exp(x) - 1                 -> expm1(x)
exp2(x) - 1                -> where(abs(x) < 1, expm1(0.6931471805599453 * x), minus(exp2(x), 1))
power(k, x) - 1            -> where(abs(x * log(k)) < 1, expm1(x * log(k)), minus(power(k, x), 1))
max(x, 0) + softplus(-abs(x)) -> softplus(x)
softplus(x) - x            -> softplus(-x)
x + softplus(-x)           -> softplus(x)
softplus(x) - softplus(-x) -> x
1 - sigmoid(x)             -> sigmoid(-x)
2 * sigmoid(x) - 1         -> tanh(0.5 * x)
exp(x) - exp(-x)           -> 2 * sinh(x)
exp(x) + exp(-x)           -> 2 * cosh(x)
cosh(x) - sinh(x)          -> exp(-x)
cosh(x) + sinh(x)          -> exp(x)
cosh(x) - abs(sinh(x))     -> exp(-abs(x))
1 - square(tanh(x))        -> 4 * logistic_pdf(2 * x)
1 - tanh(x)                -> 2 * sigmoid(-2 * x)
1 - cos(x)                 -> 2 * square(sin(0.5 * x))
cos(x) + 1                 -> 2 * square(cos(0.5 * x))
1 - square(cos(x))         -> square(sin(x))
1 - square(sin(x))         -> square(cos(x))
hypot(x, 1) - 1            -> where(abs(x) < 1, x * (x / (hypot(x, 1) + 1)), minus(hypot(x, 1), 1))
sqrt(x + 1) - 1            -> where(x < 1, x / (sqrt(x + 1) + 1), minus(sqrt(x + 1), 1))
sqrt(1 - x) - 1            -> where(x > -1, -x / (1 + sqrt(1 - x)), minus(sqrt(1 - x), 1))
1 / sqrt(x + 1) - 1        -> where(abs(x) < 0.5, -x / (sqrt(x + 1) * (1 + sqrt(x + 1))), minus(1 / sqrt(x + 1), 1))
1 / sqrt(1 - x) - 1        -> where(abs(x) < 0.5, x / (sqrt(1 - x) * (1 + sqrt(1 - x))), minus(1 / sqrt(1 - x), 1))
1 / (x + 1) - 1            -> where(abs(x) < 0.5, -x / (x + 1), minus(1 / (x + 1), 1))
1 / (1 - x) - 1            -> where(abs(x) < 0.5, x / (1 - x), minus(1 / (1 - x), 1))
power(x + 1, y) - 1        -> where(abs(x) < 0.5, expm1(y * log1p(x)), minus(power(x + 1, y), 1))
power(1 - x, y) - 1        -> where(abs(x) < 0.5, expm1(y * log1p(-x)), minus(power(1 - x, y), 1))
square(x + 1) - 1          -> x * (x + 2)
square(1 - x) - 1          -> x * (x - 2)
square(x - 1) - 1          -> x * (x - 2)
cbrt(x + 1) - 1            -> where(abs(x) < 0.5, x / (square(cbrt(x + 1)) + cbrt(x + 1) + 1), minus(cbrt(x + 1), 1))
cosh(x) - 1                -> 2 * square(sinh(0.5 * x))
1 - sech(x)                -> tanh(x) * tanh(0.5 * x)
1 - x / hypot(x, y)        -> where(x > abs(y), y / hypot(x, y) * (y / (x + hypot(x, y))), minus(1, x / hypot(x, y)))
1 - x / (x + y)            -> where(abs(y) < abs(x), y / (x + y), minus(1, x / (x + y)))
hypot(x, y) - x            -> where(x > abs(y), y * (y / minus(hypot(x, y), -x)), minus(hypot(x, y), x))
hypot(x, y) + x            -> where(-x > abs(y), y * (y / minus(hypot(x, y), x)), minus(hypot(x, y), -x))
sqrt(square(x) + y) - abs(x) ->
    where(abs(y) < square(x), y / minus(sqrt(square(x) + y), -abs(x)), minus(sqrt(square(x) + y), abs(x)))
hypot(x, y) - abs(x)       ->
    where(abs(y) < abs(x), y * (y / (hypot(x, y) + abs(x))), minus(hypot(x, y), abs(x)))
sqrt(square(x) + y) - x    ->
    where(x > 0 and abs(y) < square(x), y / minus(sqrt(square(x) + y), -x), minus(sqrt(square(x) + y), x))
sqrt(square(x) + y) + x    ->
    where(x < 0 and abs(y) < square(x), y / minus(sqrt(square(x) + y), x), minus(sqrt(square(x) + y), -x))
sqrt(square(x) - y) - x    ->
    where(x > 0 and abs(y) < square(x), -y / minus(sqrt(square(x) - y), -x), minus(sqrt(square(x) - y), x))
sqrt(square(x) - y) + x    ->
    where(x < 0 and abs(y) < square(x), -y / minus(sqrt(square(x) - y), x), minus(sqrt(square(x) - y), -x))
log1p(x) - log(x)          -> where(x > 1, log1p(1 / x), minus(log1p(x), log(x)))
log1p(x) - log1p(-x)       -> 2 * arctanh(x)
1 - erf(x)                 -> erfc(x)
1 - erfc(x)                -> erf(x)
1 - normal_cdf(x)          -> normal_cdf(-x)
2 - erfc(x)                -> erfc(-x)
x + inverse_mills(x)       -> truncated_gap(x)
"""
"""Differences that are a function of their own, or have another form that does not cancel."""

NEIGHBOURS = """
exp(x + y) - exp(x)        -> where(abs(y) <= 1, exp(x) * expm1(y), minus(exp(x + y), exp(x)))
tan(x + y) - tan(x)        -> where(abs(y) <= 1, sin(y) / (cos(x + y) * cos(x)), minus(tan(x + y), tan(x)))
tanh(x + y) - tanh(x)      ->
    where(abs(y) <= max(1, min(300, x * (x + y) - 8)), sinh(y) * (sech(x + y) * sech(x)), minus(tanh(x + y), tanh(x)))
sigmoid(x + y) - sigmoid(x) ->
    where(abs(y) <= 1, 0.5 * sinh(0.5 * y) * (sech(0.5 * (x + y)) * sech(0.5 * x)), minus(sigmoid(x + y), sigmoid(x)))
arctan(x + y) - arctan(x) ->
    where(abs(y) <= 1 and abs(x) < 1e150, arctan2(y, 1 + x * (x + y)), minus(arctan(x + y), arctan(x)))
log(x + y) - log(x)        -> where(abs(y) < x, log1p(y / x), minus(log(x + y), log(x)))
sqrt(x + y) - sqrt(x)      -> where(abs(y) < x, y / (sqrt(x + y) + sqrt(x)), minus(sqrt(x + y), sqrt(x)))
cbrt(x + y) - cbrt(x) ->
    where(abs(y) < abs(x), y / (square(cbrt(x + y)) + cbrt(x + y) * cbrt(x) + square(cbrt(x))),
    minus(cbrt(x + y), cbrt(x)))
1 / (x + y) - 1 / x        -> where(abs(y) < abs(x), -(y / x / (x + y)), minus(1 / (x + y), 1 / x))
1 / sqrt(x + y) - 1 / sqrt(x) ->
    where(abs(y) < x, -(y / x / (sqrt(x + y) * (1 + sqrt(x + y) / sqrt(x)))), minus(1 / sqrt(x + y), 1 / sqrt(x)))
square(x + y) - square(x)  -> y * (2 * x + y)
sin(x + y) - sin(x)        -> where(abs(y) <= 1, 2 * (cos(x + 0.5 * y) * sin(0.5 * y)), minus(sin(x + y), sin(x)))
cos(x + y) - cos(x)        -> where(abs(y) <= 1, -2 * (sin(x + 0.5 * y) * sin(0.5 * y)), minus(cos(x + y), cos(x)))
sinh(x + y) - sinh(x) ->
    where(abs(y) <= 1 and abs(x) < 700, 2 * (cosh(x + 0.5 * y) * sinh(0.5 * y)), minus(sinh(x + y), sinh(x)))
cosh(x + y) - cosh(x) ->
    where(abs(y) <= 1 and abs(x) < 700, 2 * (sinh(x + 0.5 * y) * sinh(0.5 * y)), minus(cosh(x + y), cosh(x)))
"""
"""At two points `x + y` and `x`: they serve `x - y` too."""

CENTRED = """
exp(x + y) - exp(x - y)    -> where(abs(y) <= 1 and x < 700, 2 * (exp(x) * sinh(y)), minus(exp(x + y), exp(x - y)))
sin(x + y) - sin(x - y)  -> where(abs(y) <= 1, 2 * (cos(x) * sin(y)), minus(sin(x + y), sin(x - y)))
cos(x + y) - cos(x - y)  -> where(abs(y) <= 1, -2 * (sin(x) * sin(y)), minus(cos(x + y), cos(x - y)))
tan(x + y) - tan(x - y)    ->
    where(abs(y) <= 1, sin(2 * y) / (cos(x + y) * cos(x - y)), minus(tan(x + y), tan(x - y)))
sinh(x + y) - sinh(x - y) ->
    where(abs(y) <= 1 and abs(x) < 700, 2 * (cosh(x) * sinh(y)), minus(sinh(x + y), sinh(x - y)))
cosh(x + y) - cosh(x - y) ->
    where(abs(y) <= 1 and abs(x) < 700, 2 * (sinh(x) * sinh(y)), minus(cosh(x + y), cosh(x - y)))
tanh(x + y) - tanh(x - y) ->
    where(abs(y) <= 1, sinh(2 * y) * (sech(x + y) * sech(x - y)), minus(tanh(x + y), tanh(x - y)))
arctan(x + y) - arctan(x - y) ->
    where(abs(y) <= 1 and abs(x) < 1e150, arctan2(2 * y, 1 + (x + y) * (x - y)), minus(arctan(x + y), arctan(x - y)))
log(x + y) - log(x - y)    -> where(abs(y) < x, 2 * arctanh(y / x), minus(log(x + y), log(x - y)))
sqrt(x + y) - sqrt(x - y) ->
    where(abs(y) < x, 2 * (y / (sqrt(x + y) + sqrt(x - y))), minus(sqrt(x + y), sqrt(x - y)))
1 / (x + y) - 1 / (x - y)  -> where(abs(y) < abs(x), -2 * (y / (x + y) / (x - y)), minus(1 / (x + y), 1 / (x - y)))
square(x + y) - square(x - y) -> 4 * (x * y)
1 / (x + y) - 2 / x + 1 / (x - y) ->
    where(abs(y) < abs(x), 2 * y / x * (y / (x - y)) / (x + y), minus(1 / (x + y), minus(2 / x, 1 / (x - y))))
x / (x + y) - (x - y) / x  -> where(abs(y) < abs(x), y / x * (y / (x + y)), minus(x / (x + y), (x - y) / x))
(x + y) / x - x / (x - y)  -> where(abs(y) < abs(x), -(y / x * (y / (x - y))), minus((x + y) / x, x / (x - y)))
"""
"""At both sides of a point."""

GENERAL = """
normal_cdf(x) - normal_cdf(y) ->
    where(x + y > 0, minus(normal_cdf(-y), normal_cdf(-x)), minus(normal_cdf(x), normal_cdf(y)))
erfc(x) - erfc(y)          -> where(x + y < 0, minus(erfc(-y), erfc(-x)), minus(erfc(x), erfc(y)))
erf(x) - erf(y) ->
    where(x + y > 1, minus(erfc(y), erfc(x)), where(x + y < -1, minus(erfc(-x), erfc(-y)), minus(erf(x), erf(y))))
sigmoid(x) - sigmoid(y)    -> where(x + y > 0, minus(sigmoid(-y), sigmoid(-x)), minus(sigmoid(x), sigmoid(y)))
exp(x) - exp(y)            -> where(abs(x - y) < 1, exp(y) * expm1(x - y), minus(exp(x), exp(y)))
"""
"""For arguments of any kind, where no other rule fits."""


def _mirrored(text: str) -> str:
    """Rules with `x - y` where these have `x + y`."""
    return re.sub(r"\by\b", "(-y)", text).replace("x + (-y)", "x - y").replace("abs((-y))", "abs(y)")


DIFFERENCES = SINGLE + NEIGHBOURS + _mirrored(NEIGHBOURS) + CENTRED + GENERAL
