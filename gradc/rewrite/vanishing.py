"""STABLE rules about functions that vanish, alone or together: those over an argument serve every quotient with such a
function in it (`quotients.py`).
"""

ALIKE = """
expm1(x) / x               -> exprel(x)
sinh(x) / x                -> sinhrel(x)
tanh(x) / x                -> where(abs(x) < 3, sinhrel(x) * sech(x), minus(tanh(x), 0) / x)
tan(x) / x                 -> sinrel(x) / cos(x)
"""
"""Functions of which one over another is better left alone: it may overflow, or is a function of its own."""

OVER = (
    ALIKE
    + """
log1p(x) / x               -> log1prel(x)
sin(x) / x                 -> sinrel(x)
arctan(x) / x              -> arctanrel(x)
arcsinh(x) / x             -> arcsinhrel(x)
erf(x) / x                 -> erfrel(x)
spherical_j1(x) / x        -> sinrel1(x)
logcosh(x) / x ->
    where(abs(x) < 1, 0.5 * sinh(x) * sinhrel(x) * log1prel(square(sinh(x))), \
minus(sign(x), (0.6931471805599453 - log1p(exp(-2 * abs(x)))) / x))
"""
)
"""A function over its argument."""

UNDER = """
x / expm1(x)               -> where(abs(x) < 3, 1 / exprel(x), minus(x, 0) * expm1_reciprocal(x))
x / sinh(x)                -> where(abs(x) < 3, 1 / sinhrel(x), exp(-abs(x)) / exprel(-2 * abs(x)))
x / tanh(x)                -> where(abs(x) < 3, cosh(x) / sinhrel(x), x / minus(tanh(x), 0))
x / sin(x)                 -> where(abs(x) < 3, 1 / sinrel(x), x / minus(sin(x), 0))
x / tan(x)                 -> where(abs(x) < 3, cos(x) / sinrel(x), x / minus(tan(x), 0))
x / log1p(x)               -> where(abs(x) < 3, 1 / log1prel(x), x / minus(log1p(x), 0))
x / arctan(x)              -> where(abs(x) < 3, 1 / arctanrel(x), x / minus(arctan(x), 0))
x / arcsinh(x)             -> where(abs(x) < 3, 1 / arcsinhrel(x), x / minus(arcsinh(x), 0))
x / erf(x)                 -> where(abs(x) < 3, 1 / erfrel(x), x / minus(erf(x), 0))
"""
"""An argument over its function."""

LEFT = """
x - sin(x)                 -> where(abs(x) < 4, x * square(x) * sinrest(x), minus(x, sin(x)))
sinh(x) - x                -> where(abs(x) < 6, x * square(x) * sinhrest(x), minus(sinh(x), x))
x - arctan(x)              -> where(abs(x) < 2, x * square(x) * arctanrest(x), minus(x, arctan(x)))
x - tanh(x)                -> where(abs(x) < 3, x * square(x) * (sinhrel1(x) * sech(x)), minus(x, tanh(x)))
tan(x) - x                 -> where(abs(x) < 4, x * (x * spherical_j1(x)) / cos(x), minus(tan(x), x))
sin(x) - x * cos(x)        -> where(abs(x) < 4, x * (x * spherical_j1(x)), minus(sin(x), x * cos(x)))
sinh(x) - sin(x) ->
    where(abs(x) < 4, x * square(x) * (sinhrest(x) + sinrest(x)), minus(sinh(x), sin(x)))
cosh(x) - cos(x) ->
    where(abs(x) < 4, 0.5 * square(x) * (square(sinhrel(0.5 * x)) + square(sinrel(0.5 * x))), minus(cosh(x), cos(x)))
tan(x) - sin(x)            -> 2 * tan(x) * square(sin(0.5 * x))
expm1(x) - x               -> where(abs(x) < 2, square(x) * (exp(x) * exprel1(-x)), minus(expm1(x), x))
exp(x) - (x + 1)           -> where(abs(x) < 2, square(x) * (exp(x) * exprel1(-x)), minus(expm1(x), x))
expm1(-x) + x              -> where(abs(x) < 2, square(x) * (exp(-x) * exprel1(x)), minus(x, -expm1(-x)))
x - log1p(x) ->
    where(x > -0.5 and x < 1, -square(x / (1 + x)) * log1prel1(-x / (1 + x)), minus(x, log1p(x)))
x + log1p(-x) ->
    where(x > -1 and x < 0.5, square(x / (1 - x)) * log1prel1(x / (1 - x)), minus(x, -log1p(-x)))
exp(x) - cos(x) ->
    where(abs(x) < 1, x * (exprel(x) + sin(0.5 * x) * sinrel(0.5 * x)), minus(exp(x), cos(x)))
1 - sinrel(x)              -> where(abs(x) < 4, square(x) * sinrest(x), minus(1, sinrel(x)))
sinhrel(x) - 1             -> where(abs(x) < 6, square(x) * sinhrest(x), minus(sinhrel(x), 1))
1 - arctanrel(x)           -> where(abs(x) < 2, square(x) * arctanrest(x), minus(1, arctanrel(x)))
exprel(x) - 1              -> where(abs(x) < 2, x * (exp(x) * exprel1(-x)), minus(exprel(x), 1))
1 - log1prel(x) ->
    where(x > -0.5 and x < 1, -x / square(1 + x) * log1prel1(-x / (1 + x)), minus(1, log1prel(x)))
sinrel(x) - cos(x)         -> where(abs(x) < 4, square(x) * sinrel1(x), minus(sinrel(x), cos(x)))
cosh(x) - sinhrel(x)       -> where(abs(x) < 6, square(x) * sinhrel1(x), minus(cosh(x), sinhrel(x)))
1 - where(abs(x) < 3, cos(x) / sinrel(x), x / minus(tan(x), 0)) ->
    where(abs(x) < 3, x * (spherical_j1(x) / sinrel(x)), minus(1, x / minus(tan(x), 0)))
where(abs(x) < 3, 1 / sinrel(x), x / minus(sin(x), 0)) - 1 ->
    where(abs(x) < 3, square(x) * (sinrest(x) / sinrel(x)), minus(x / minus(sin(x), 0), 1))
1 - where(abs(x) < 3, sinhrel(x) * sech(x), minus(tanh(x), 0) / x) ->
    where(abs(x) < 3, square(x) * (sinhrel1(x) * sech(x)), minus(1, minus(tanh(x), 0) / x))
where(abs(x) < 3, cosh(x) / sinhrel(x), x / minus(tanh(x), 0)) - 1 ->
    where(abs(x) < 3, square(x) * (sinhrel1(x) / sinhrel(x)), minus(x / minus(tanh(x), 0), 1))
1 - where(abs(x) < 3, 1 / sinhrel(x), exp(-abs(x)) / exprel(-2 * abs(x))) ->
    where(abs(x) < 3, square(x) * (sinhrest(x) / sinhrel(x)), minus(1, exp(-abs(x)) / exprel(-2 * abs(x))))
1 - where(abs(x) < 3, 1 / exprel(x), minus(x, 0) * expm1_reciprocal(x)) ->
    where(abs(x) < 3, x * (exprel1(-x) / exprel(-x)), minus(1, minus(x, 0) * expm1_reciprocal(x)))
log1prel(x) - 1 / (x + 1) ->
    where(x > -0.5 and x < 1, -x * log1prel1(x), minus(log1prel(x), 1 / (x + 1)))
1 / x - 1 / log1p(x) ->
    where(x > -0.9 and x < 10, 0.25 * log1p(x) * (sinhrel1(0.5 * log1p(x)) / sinhrel(0.5 * log1p(x))) - 0.5, \
minus(1 / x, 1 / log1p(x)))
exp(x) * (x - 1) + 1       -> where(abs(x) < 2, square(x) * exprel1(x), minus(exp(x) * (x - 1), -1))
x * exp(x) - expm1(x)      -> where(abs(x) < 2, square(x) * exprel1(x), minus(x * exp(x), expm1(x)))
1 - exp(-x) * (x + 1)      -> where(abs(x) < 2, square(x) * exprel1(-x), minus(1, exp(-x) * (x + 1)))
x * exp(-x) + expm1(-x)    -> where(abs(x) < 2, -square(x) * exprel1(-x), minus(x * exp(-x), -expm1(-x)))
1 / square(sin(x)) - 1 / square(x) ->
    where(abs(x) < 3, sinrest(x) * (1 + sinrel(x)) / square(sinrel(x)), minus(1 / square(sin(x)), 1 / square(x)))
1 / square(x) - 1 / square(sinh(x)) ->
    where(abs(x) < 3, sinhrest(x) * (1 + sinhrel(x)) / square(sinhrel(x)), minus(1 / square(x), 1 / square(sinh(x))))
1 / (2 * square(sin(0.5 * x))) - 2 / square(x) ->
    where(abs(x) < 3, 0.5 * (sinrest(0.5 * x) * (1 + sinrel(0.5 * x)) / square(sinrel(0.5 * x))), \
minus(1 / (2 * square(sin(0.5 * x))), 2 / square(x)))
0.5 * square(x) - 2 * square(sin(0.5 * x)) ->
    where(abs(x) < 3, 0.125 * square(square(x)) * (sinrest(0.5 * x) * (1 + sinrel(0.5 * x))), \
minus(0.5 * square(x), 2 * square(sin(0.5 * x))))
where(abs(x) < 2, square(x) * (exp(x) * exprel1(-x)), minus(expm1(x), x)) - 0.5 * square(x) ->
    where(abs(x) < 2, 0.5 * x * square(x) * (exp(x) * exprel2(-x)), minus(minus(expm1(x), x), 0.5 * square(x)))
1 / sin(x) - 1 / x         -> where(abs(x) < 4, x * (sinrest(x) / sinrel(x)), minus(1 / sin(x), 1 / x))
1 / x - 1 / tan(x)         -> spherical_j1(x) / sinrel(x)
1 / tanh(x) - 1 / x        -> where(abs(x) < 3, x * (sinhrel1(x) / sinhrel(x)), minus(1 / tanh(x), 1 / x))
1 / x - 1 / sinh(x)        -> where(abs(x) < 3, x * (sinhrest(x) / sinhrel(x)), minus(1 / x, 1 / sinh(x)))
1 / x - expm1_reciprocal(x) ->
    where(abs(x) < 3, 0.5 - 0.25 * x * (sinhrel1(0.5 * x) / sinhrel(0.5 * x)), minus(1 / x, expm1_reciprocal(x)))
(x + 1) * log1p(x) - x * log(x) ->
    where(x > 1 and x < 1e100, log1p(x) + x * log1p(1 / x), minus((x + 1) * log1p(x), x * log(x)))
"""
"""What is left of a function without the first term of its series, or of two that begin alike."""

FURTHER = """
(2 * square(sin(0.5 * x))) / sin(x) -> tan(0.5 * x)
(2 * square(sin(x))) / sin(2 * x) -> tan(x)
sin(x) / (2 * square(cos(0.5 * x))) -> tan(0.5 * x)
sin(2 * x) / (2 * square(cos(x))) -> tan(x)
(2 * square(sinh(0.5 * x))) / sinh(x) -> tanh(0.5 * x)
(2 * square(sinh(x))) / sinh(2 * x) -> tanh(x)
sinh(x) / (cosh(x) + 1)    -> tanh(0.5 * x)
tanh(x) / sinh(x)          -> sech(x)
tan(x) / sin(x)            -> 1 / cos(x)
sin(x) / tan(x)            -> cos(x)
where(abs(x) < 1, x * (x / (hypot(x, 1) + 1)), minus(hypot(x, 1), 1)) / square(x) -> 1 / (hypot(x, 1) + 1)
where(square(x) < 1, log1p(min(square(x), 1)), 2 * log(hypot(x, 1))) / x ->
    where(square(x) < 1, x * log1prel(min(square(x), 1)), 2 * (minus(log(hypot(x, 1)), 0) / x))
where(square(x) < 1, log1p(min(square(x), 1)), 2 * log(hypot(x, 1))) / square(x) ->
    where(square(x) < 1, log1prel(min(square(x), 1)), 2 * (minus(log(hypot(x, 1)), 0) / square(x)))
log(x) / (x - 1) ->
    where(abs(x - 1) < 0.5, log1prel(x - 1), minus(log(x), 0) / (x - 1))
(x - 1) / log(x) ->
    where(abs(x - 1) < 0.5, 1 / log1prel(x - 1), (x - 1) / minus(log(x), 0))
exp(x) * exprel(-x)        -> exprel(x)
exp(-x) * exprel(x)        -> exprel(-x)
exp(x) * sinhrel(x)        -> exprel(2 * x)
exp(-x) * sinhrel(x)       -> exprel(-2 * x)
log(exprel(x)) ->
    where(abs(x) < 1, x * (0.5 + 0.25 * x * sinhrest(0.5 * x) * log1prel(0.25 * square(x) * sinhrest(0.5 * x))), \
minus(max(x, 0) + log1mexp(-abs(x)), log(abs(x))))
log(sinhrel(x)) ->
    where(abs(x) < 1, square(x) * sinhrest(x) * log1prel(square(x) * sinhrest(x)), \
minus(abs(x) + log1mexp(-2 * abs(x)), log(2 * abs(x))))
log(sinrel(x)) ->
    where(abs(x) < 1, -square(x) * sinrest(x) * log1prel(-square(x) * sinrest(x)), log(minus(sinrel(x), 0)))
"""
"""Quotients with half of an angle, and what else follows from the functions above."""

VANISHING = OVER + UNDER + LEFT + FURTHER
