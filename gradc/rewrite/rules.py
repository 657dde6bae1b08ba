"""Rewrite rules as data: one line of text is the rule, its documentation and its test.

Names in a rule stand for any value; those that begin with `c` are conditions, those that begin with a letter of
`conditions.SIDE_CONDITIONS` are values that meet it: k is a positive number, n a negative one, i and j are numbers with
exact sums, p a positive value, e one with an exponential in it, u one that may overflow, q a sum of squares. In a rule
that reduces, the reductions on both sides go over the same axes, and names that begin with `s` have the shape of the
results of those reductions. Left sides are written in the form that the rules before leave behind: `square(x)` for
`x * x` and `x**2`, negations outermost, `expm1(x)` for `exp(x) - 1`.
"""

from __future__ import annotations

from gradc.ir.ops import ROWS
from gradc.rewrite.differences import DIFFERENCES
from gradc.rewrite.vanishing import VANISHING

EXACT = """
x * 1                      -> x
x / 1                      -> x
x - 0                      -> x
x + (-0.0)                 -> x
x + n                      -> x - (-n)
x - n                      -> x + (-n)
x / 2                      -> 0.5 * x
x * -1                     -> -x
x / -1                     -> -x
x / n                      -> -(x / (-n))
-(-x)                      -> x
x + (-y)                   -> x - y
x - (-y)                   -> x + y
-x * y                     -> -(x * y)
-x / y                     -> -(x / y)
x / -y                     -> -(x / y)
x * x                      -> square(x)
abs(abs(x))                -> abs(x)
abs(square(x))             -> square(x)
square(abs(x))             -> square(x)
max(x, x)                  -> x
min(x, x)                  -> x
where(c, x, x)             -> x
where(not c, x, y)         -> where(c, y, x)
not (not c)                -> c
c and c                    -> c
c or c                     -> c
mask(c, 0)                 -> 0
mask(c, mask(c, x))        -> mask(c, x)
mask(c, where(c, x, y))    -> mask(c, x)
where(c, mask(c, x), y)    -> where(c, x, y)
log(where(c, x, 0))        -> where(c, log(x), -inf)
hypot(abs(x), y)           -> hypot(x, y)
""" + "".join(
    f"{row.name}(-x) -> {'-' * row.odd}{row.name}(x)\n" for row in ROWS if row.even or (row.odd and row.name != "neg")
)
"""Equal bit for bit for every IEEE value (the sign of a NaN aside), and tested so."""

STABLE = (
    DIFFERENCES
    + VANISHING
    + """
absorb(k, x)               -> k * x
absorb(n, x)               -> n * x
power(x, 1)                -> x
power(x, 0)                -> 1
power(x, 2)                -> square(x)
power(x, 0.5)              -> sqrt(x)
power(x, -0.5)             -> 1 / sqrt(x)
power(x, -1)               -> 1 / x
power(2, x)                -> exp2(x)
1 / power(x, y)            -> power(x, -y)

(x + i) + j                -> x + (i + j)
(x + i) - j                -> x - (j - i)
(x - i) + j                -> x - (i - j)
(x - i) - j                -> x - (i + j)
(i - x) + j                -> (i + j) - x
(i - x) - j                -> (i - j) - x
i - (x + j)                -> (i - j) - x
i - (x - j)                -> (i + j) - x
i - (j - x)                -> x - (j - i)

exp(x) / exp(y)            -> exp(x - y)
1 / exp(x)                 -> exp(-x)
softplus(x) / exp(x)       -> where(x < 40, log1prel(exp(min(x, 40))), x * exp(-x))
exp(x) / softplus(x)       -> where(x < 40, 1 / log1prel(exp(min(x, 40))), exp(x) / x)
x / exp(y)                 -> x * exp(-0.5 * y) * exp(-0.5 * y)
sqrt(exp(x))               -> exp(0.5 * x)
exp(log(x))                -> where(x < 0, nan, x)
exp(log(x) * y)            -> where(x >= 0, power(x, y), nan)
exp(log(x) / k)            -> where(x >= 0, power(x, 1 / k), nan)
exp(-log(x))               -> where(x < 0, nan, 1 / x)
exp(-(log(x) * y))         -> where(x >= 0, power(x, -y), nan)
exp(-(log(x) / k))         -> where(x >= 0, power(x, -1 / k), nan)
exp(x) / expm1(x)          -> -expm1_reciprocal(-x)
1 / expm1(x)               -> expm1_reciprocal(x)
x / expm1(y)               -> x * expm1_reciprocal(y)

log(x + 1)                 -> log1p(x)
log(1 - x)                 -> log1p(-x)
log(1 / x)                 -> -log(x)
log(exp(x))                -> x
log(sqrt(x))               -> 0.5 * log(x)
log(square(x))             -> 2 * log(abs(x))
log(power(x, k))           -> k * log(where(k % 2 == 0, abs(x), x))
log(power(x, n))           -> n * log(where(n % 2 == 0, abs(x), x))
log(abs(x + 1))            -> where(x > -1, log1p(x), log(-1 - x))
log2(x + 1)                -> 1.4426950408889634 * log1p(x)
log10(x + 1)               -> 0.4342944819032518 * log1p(x)
log2(1 - x)                -> 1.4426950408889634 * log1p(-x)
log10(1 - x)               -> 0.4342944819032518 * log1p(-x)
log2(power(x, k))          -> (1.4426950408889634 * k) * log(where(k % 2 == 0, abs(x), x))
log10(power(x, k))         -> (0.4342944819032518 * k) * log(where(k % 2 == 0, abs(x), x))
log(expm1(x))              -> x + log1mexp(-x)
log(-expm1(x))             -> log1mexp(x)
log1p(-exp(x))             -> log1mexp(x)
log(cosh(x))               -> logcosh(x)
log(2 * cosh(x))           -> logcosh(x) + 0.6931471805599453
gamma(x + 1) / gamma(x)    -> x
gamma(x) / gamma(y)        ->
    where(min(x, y) > 0 and max(x, y) > 170, exp(lgamma(x) - lgamma(y)), minus(gamma(x), 0) / gamma(y))
log(gamma(x))              -> where(gamma(x) < 0, nan, lgamma(x))
log((x + 1) / (1 - x))     -> 2 * arctanh(x)
log(where(-x > 1, 1 / minus(hypot(x, 1), x), minus(hypot(x, 1), -x))) -> arcsinh(x)
log(where(x < 0 and 1 < square(x), -1 / minus(sqrt(square(x) - 1), x), minus(sqrt(square(x) - 1), -x))) -> arccosh(x)

log1p(x - 1)               -> log(x)
log1p(exp(x))              -> softplus(x)
log1p(u)                   -> softplus(log(u))
log(exp(x) + exp(y))       -> logaddexp(x, y)
log(where(abs(x - y) < 1, exp(y) * expm1(x - y), minus(exp(x), exp(y)))) -> logdiffexp(x, y)
log((u + 1) + p)           -> logaddexp(softplus(log(u)), log(p))
log(u + p)                 -> logaddexp(log(u), log(p))
log(ea + eb)               -> logaddexp(log(ea), log(eb))
log(ea - eb)               -> logdiffexp(log(ea), log(eb))
log(minus(ea, eb))         -> logdiffexp(log(ea), log(eb))
log(where(c, x, minus(ea, eb))) -> where(c, log(x), logdiffexp(log(ea), log(eb)))
log(where(c, ea, eb * minus(ec, 0))) -> where(c, log(ea), log(eb) + log(ec))
log(where(c, e, p))        -> where(c, log(e), log(p))
log(where(c, p, e))        -> where(c, log(p), log(e))
log(normal_cdf(x))         -> log_ndtr(x)
log(normal_pdf(x))         -> -0.5 * square(x) - 0.9189385332046727
log(logistic_pdf(x))       -> -2 * logcosh(0.5 * x) - 1.3862943611198906
log(erfc(x)) ->
    where(abs(x) < 0.5, log1p(-erf(x)), log_ndtr(-1.4142135623730951 * x) + 0.6931471805599453)
log(erf(x))                -> where(x > 0.5, log1p(-erfc(x)), log(minus(erf(x), 0)))
log(tanh(x))               -> log1mexp(-2 * x) - softplus(-2 * x)
log2(exp2(x))              -> x
log10(power(10, x))        -> x
log(sinh(x))               -> where(x < 1, log(minus(sinh(x), 0)), x + log1mexp(-2 * x) - 0.6931471805599453)
log2(e)                    -> 1.4426950408889634 * log(e)
log10(e)                   -> 0.4342944819032518 * log(e)
log(exp2(x))               -> 0.6931471805599453 * x
log(sech(x))               -> -logcosh(x)
log(exp_shifted(x, y))     -> shifted(x, y)

expm1(x) / (exp(x) + 1)    -> tanh(0.5 * x)
exp(x) / (exp(x) + 1)      -> sigmoid(x)
1 / (exp(x) + 1)           -> sigmoid(-x)
x / (exp(y) + 1)           -> x * sigmoid(-y)
exp(x) / square(exp(x) + 1) -> logistic_pdf(x)
x / square(exp(y) + 1)     -> x * square(sigmoid(-y))
sigmoid(x) * sigmoid(-x)   -> logistic_pdf(x)
exp(x) / (exp(x) + exp(y)) -> sigmoid(x - y)
exp(x) / (exp(x) + exp(y) + exp(z)) -> sigmoid(x - logaddexp(y, z))
exp(z) / (exp(x) + exp(y) + exp(z)) -> sigmoid(z - logaddexp(x, y))
log(sigmoid(x))            -> -softplus(-x)
log1p(-sigmoid(x))         -> -softplus(x)
sigmoid(x) / sigmoid(-x)   -> exp(x)

exp(x) / (2 * cosh(x))     -> sigmoid(2 * x)
exp(-x) / (2 * cosh(x))    -> sigmoid(-2 * x)
(2 * x) / 2                -> x
0.5 * (2 * x)              -> x
(2 * x) / (2 * y)          -> x / y
sinh(x) / cosh(x)          -> tanh(x)
cosh(x) / sinh(x)          -> 1 / tanh(x)
sqrt(sigmoid(x))           -> exp(-0.5 * softplus(-x))
power(sigmoid(x), y)       -> exp(-(softplus(-x) * y))
power(exp(x), y)           -> exp(x * y)
exp(x) * cosh(x)           -> 0.5 + 0.5 * exp(2 * x)
exp(-x) * cosh(x)          -> 0.5 + 0.5 * exp(-2 * x)
exp(x) * sinh(x)           -> 0.5 * expm1(2 * x)
exp(-x) * sinh(x)          -> -0.5 * expm1(-2 * x)
exp(x) * cosh(y)           -> where(abs(y) > 300, exp(x + (abs(y) - 0.6931471805599453)), exp(x) * minus(cosh(y), 0))
exp(x) * sinh(y)           ->
    where(abs(y) > 300, sign(y) * exp(x + (abs(y) - 0.6931471805599453)), exp(x) * minus(sinh(y), 0))
exp(x) * sech(y)           -> where(abs(y) > 300, exp(x - (abs(y) - 0.6931471805599453)), exp(x) * minus(sech(y), 0))
cosh(x) * sech(y)          -> where(min(abs(x), abs(y)) > 300, exp(abs(x) - abs(y)), cosh(x) * minus(sech(y), 0))
sinh(x) * sech(y) ->
    where(min(abs(x), abs(y)) > 300, sign(x) * exp(abs(x) - abs(y)), sinh(x) * minus(sech(y), 0))
sinh(x) / sinh(y)          ->
    where(min(abs(x), abs(y)) > 300, sign(x) * sign(y) * exp(abs(x) - abs(y)), minus(sinh(x), 0) / sinh(y))
cosh(x) / sinh(y) ->
    where(min(abs(x), abs(y)) > 300, sign(y) * exp(abs(x) - abs(y)), minus(cosh(x), 0) / sinh(y))
sigmoid(x) * exp(-x)       -> sigmoid(-x)
sigmoid(-x) * exp(x)       -> sigmoid(x)
exp(square(x)) * erfc(x)   -> erfcx(x)
exp(square(x)) * erfc(abs(x)) -> erfcx(abs(x))
exp(x) * erfc(sqrt(x))     -> erfcx(sqrt(x))
exp(0.5 * square(x)) * normal_cdf(-x) -> 0.3989422804014327 / inverse_mills(-x)
exp(x) * exp(y)            -> exp(x + y)
1 / cosh(x)                -> sech(x)
x / cosh(y)                -> x * sech(y)
x / (2 * cosh(y))          -> 0.5 * (x * sech(y))
x / square(cosh(y))        -> x * square(sech(y))

sin(x) / cos(x)            -> tan(x)

max(x, -x)                 -> abs(x)
min(x, -x)                 -> -abs(x)
sign(x) * x                -> abs(x)
abs(p)                     -> p
sqrt(square(x))            -> abs(x)
square(sqrt(x))            -> where(x < 0, nan, x)
sqrt(square(x) + square(y)) -> hypot(x, y)
sqrt(qa + qb)              -> hypot(sqrt(qa), sqrt(qb))
sqrt(q + k)                -> hypot(sqrt(q), sqrt(k))
sqrt(q * k)                -> sqrt(q) * sqrt(k)
sqrt(q / k)                -> sqrt(q) / sqrt(k)
sqrt(qa * qb)              -> sqrt(qa) * sqrt(qb)
sqrt(qa / qb)              -> sqrt(qa) / sqrt(qb)

normal_pdf(x) / normal_cdf(x) -> inverse_mills(x)
normal_pdf(x) / normal_cdf(-x) -> inverse_mills(-x)
normal_cdf(x) / normal_pdf(x) -> 1 / inverse_mills(x)
normal_cdf(-x) / normal_pdf(x) -> 1 / inverse_mills(-x)
e / normal_cdf(x)          -> where(x > -37, e / minus(normal_cdf(x), 0), exp(log(e) - log_ndtr(x)))
e / erfc(x)                -> where(x < 26, e / minus(erfc(x), 0), exp(log(e) - log(erfc(x))))

log(sum(e))                -> logsumexp(log(e))
log(sum(exp(x)) / s)       -> logsumexp(x) - log(s)
log(sum(e * y))            -> log(sum(exp_shifted(log(e), max(log(e))) * y)) - shifted(0, max(log(e)))
log(prod(e))               -> sum(log(e))
logsumexp(x - max(x)) + max(x) -> logsumexp(x)
exp(x - max(x)) / sum(exp(x - max(x))) -> exp_shifted(x, max(x)) / sum(exp_shifted(x, max(x)))
exp(x) / sum(exp(x))       -> exp_shifted(x, max(x)) / sum(exp_shifted(x, max(x)))
exp(s) / sum(exp(x))       -> exp_shifted(s, max(x)) / sum(exp_shifted(x, max(x)))
sum(exp(x) * y) / sum(exp(x)) -> sum(exp_shifted(x, max(x)) * y) / sum(exp_shifted(x, max(x)))
(x - max(x)) - logsumexp(x - max(x)) -> shifted(x, max(x)) - log(sum(exp_shifted(x, max(x))))
x - logsumexp(x)           -> shifted(x, max(x)) - log(sum(exp_shifted(x, max(x))))
s - logsumexp(x)           -> shifted(s, max(x)) - log(sum(exp_shifted(x, max(x))))
logsumexp(x) - s           -> log(sum(exp_shifted(x, max(x)))) - shifted(s, max(x))
log(exp_shifted(x, y) / z) -> shifted(x, y) - log(z)
log(exp_shifted(x, y) * z) -> shifted(x, y) + log(z)
log(e * x)                 -> log(e) + log(x)
log(e / x)                 -> log(e) - log(x)
log(x / e)                 -> log(x) - log(e)
log(square(e))             -> 2 * log(e)
log(power(e, y))           -> y * log(e)
log(q)                     -> 2 * log(sqrt(q))
log1p(q)                   -> where(q < 1, log1p(min(q, 1)), 2 * log(hypot(sqrt(q), 1)))
log2(q)                    -> 1.4426950408889634 * log(q)
log10(q)                   -> 0.4342944819032518 * log(q)
exp(shifted(x, max(y)) - log(sum(exp_shifted(y, max(y))))) -> exp_shifted(x, max(y)) / sum(exp_shifted(y, max(y)))
sqrt(sum(square(x)))       -> norm(x)
sqrt(sum(q))               -> norm(sqrt(q))
norm(abs(x))               -> norm(x)
square(norm(x))            -> sum(square(x))
square(hypot(x, y))        -> square(x) + square(y)
sqrt(sum(square(x)) / s)   -> norm(x) / sqrt(s)

ua / ub                    -> exp(log(ua) - log(ub))
x / u                      -> x * exp(-log(u))

(1 / x) * y                -> y / x
"""
)
"""Equal over the reals wherever the left side is defined; value and gradient at least as accurate as the left side's,
or within what rounding the inputs does to them: proved by SymPy, checked by mpmath. The first rule that fits is
taken."""

FINAL = """
power(x + y, z) - power(x, z) ->
    where(abs(y) < abs(x), power(x, z) * expm1(z * log1p(y / x)), minus(power(x + y, z), power(x, z)))
power(x - y, z) - power(x, z) ->
    where(abs(y) < abs(x), power(x, z) * expm1(z * log1p(-y / x)), minus(power(x - y, z), power(x, z)))
2 * normal_cdf(x) - 1      -> erf(0.7071067811865476 * x)
square(x) - square(y)      -> (x - y) * (x + y)
arccos(1 - x)              -> where(x < 1, 2 * arcsin(sqrt(0.5 * x)), arccos(minus(1, x)))
arccosh(x + 1)             -> 2 * arcsinh(sqrt(0.5 * x))
x / y - 1                  -> where(abs(x - y) < abs(y), (x - y) / y, minus(x / y, 1))
1 - square(x)              -> where(abs(x) < 0.7, minus(1, square(x)), (1 - x) * (1 + x))
"""
"""STABLE for the value only: the derivatives of the right side are less accurate than those of the left side, so
these wait until no further derivative is taken."""

KERNEL = """
power(x, 3)                -> x * square(x)
power(x, 4)                -> square(square(x))
power(x, -2)               -> square(1 / x)
power(x, -3)               -> square(1 / x) / x
power(x, -4)               -> square(square(1 / x))
"""
"""Cheaper for a kernel, once no further derivative is taken."""

FAST = """
x / x                      -> 1
x - x                      -> 0
x + 0                      -> x
x * 0                      -> 0
"""
"""Only with `fast_math=True`."""

REJECTED = """
x + 0                      -> x                 ; x = -0.0 gives 0.0
0 - x                      -> -x                ; x = 0.0 gives 0.0, not -0.0
x * 0                      -> 0                 ; x = inf gives NaN
x - x                      -> 0                 ; x = inf gives NaN
x / x                      -> 1                 ; x = 0 gives NaN
not (x < y)                -> x >= y            ; x = nan gives True on the left, False on the right
-(x + y)                   -> -x - y            ; x = 0.0, y = -0.0 gives -0.0 on the left and 0.0 on the right
x * y / y                  -> x                 ; y = 0 gives NaN
max(x, y)                  -> where(x > y, x, y) ; x = nan gives y on the right
"""
"""Tempting but false as EXACT rules, each with its counterexample; a test keeps them false."""
