"""Rewrite rules as data: one line of text is the rule, its documentation and its test.

Names in a rule stand for any value; those that begin with `c` are conditions. In a rule that reduces, the
reductions on both sides go over the same axes. Left sides are written in the form that EXACT leaves behind:
`square(x)` for `x * x` and `x**2`, negations outermost.
"""

from __future__ import annotations

EXACT = """
x * 1                      -> x
x / 1                      -> x
x - 0                      -> x
x + (-0.0)                 -> x
x * -1                     -> -x
x / -1                     -> -x
-(-x)                      -> x
x + (-y)                   -> x - y
x - (-y)                   -> x + y
-x * y                     -> -(x * y)
-x / y                     -> -(x / y)
x / -y                     -> -(x / y)
x * x                      -> square(x)
abs(-x)                    -> abs(x)
abs(abs(x))                -> abs(x)
abs(square(x))             -> square(x)
square(-x)                 -> square(x)
square(abs(x))             -> square(x)
max(x, x)                  -> x
min(x, x)                  -> x
where(c, x, x)             -> x
where(not c, x, y)         -> where(c, y, x)
not (not c)                -> c
c and c                    -> c
c or c                     -> c
gate(c, 0)                 -> 0
gate(c, gate(c, x))        -> gate(c, x)
gate(c, where(c, x, y))    -> gate(c, x)
where(c, gate(c, x), y)    -> where(c, x, y)
"""
"""Equal bit for bit for every IEEE value (the sign of a NaN aside), and tested so."""

STABLE = """
power(x, 1)                -> x
power(x, 0)                -> 1
power(x, 2)                -> square(x)
power(x, 0.5)              -> sqrt(x)
power(x, -0.5)             -> 1 / sqrt(x)
power(x, -1)               -> 1 / x
exp(x) - 1                 -> expm1(x)
1 - exp(x)                 -> -expm1(x)
-exp(x) + 1                -> -expm1(x)
log(x + 1)                 -> log1p(x)
log(1 - x)                 -> log1p(-x)
log(exp(x))                -> x
log(-expm1(x))             -> log1mexp(x)
log1p(-exp(x))             -> log1mexp(x)
log(1 + exp(x))            -> softplus(x)
log1p(exp(x))              -> softplus(x)
1 / (exp(x) + 1)           -> sigmoid(-x)
exp(x) / (exp(x) + 1)      -> sigmoid(x)
exp(x) / (exp(x) + exp(y)) -> sigmoid(x - y)
1 - sigmoid(x)             -> sigmoid(-x)
log(sigmoid(x))            -> -softplus(-x)
log(1 - sigmoid(x))        -> -softplus(x)
log1p(-sigmoid(x))         -> -softplus(x)
log(exp(x) + exp(y))       -> logaddexp(x, y)
exp(x) - exp(-x)           -> 2 * sinh(x)
exp(x) + exp(-x)           -> 2 * cosh(x)
(2 * x) / 2                -> x
(2 * x) / (2 * y)          -> x / y
sinh(x) / cosh(x)          -> tanh(x)
expm1(2 * x) / (exp(2 * x) + 1) -> tanh(x)
1 - square(tanh(x))        -> 1 / square(cosh(x))
1 - cos(x)                 -> 2 * square(sin(0.5 * x))
1 - square(cos(x))         -> square(sin(x))
1 - square(sin(x))         -> square(cos(x))
sin(x) / cos(x)            -> tan(x)
exp(log(x) * y)            -> where(x < 0, nan, power(x, y))
exp(log(x))                -> where(x < 0, nan, x)
log(square(x))             -> 2 * log(abs(x))
log(sqrt(x))               -> 0.5 * log(x)
sqrt(square(x))            -> abs(x)
square(sqrt(x))            -> where(x < 0, nan, x)
sqrt(square(x) + square(y)) -> hypot(x, y)
sqrt(1 + square(x))        -> hypot(1, x)
sqrt(square(x) + 1)        -> hypot(x, 1)
square(x) - square(y)      -> (x - y) * (x + y)
sqrt(x + 1) - sqrt(x)      -> 1 / (sqrt(x + 1) + sqrt(x))
1 - erf(x)                 -> erfc(x)
1 - erfc(x)                -> erf(x)
1 - normal_cdf(x)          -> normal_cdf(-x)
log(sum(exp(x)))           -> logsumexp(x)
sqrt(sum(square(x)))       -> norm(x)
exp(x) / sum(exp(x))       -> exp(x - logsumexp(x))
x - log(sum(exp(x)))       -> x - logsumexp(x)
log(exp(x) / sum(exp(x)))  -> x - logsumexp(x)
(1 / x) * y                -> y / x
"""
"""Equal over the reals wherever the left side is defined, and at least as accurate: proved by SymPy, checked by mpmath."""

KERNEL = """
sigmoid(x) * sigmoid(-x)   -> exp(-abs(x)) / square(1 + exp(-abs(x)))
power(x, 3)                -> x * square(x)
power(x, 4)                -> square(square(x))
power(x, -2)               -> square(1 / x)
exp(x - (log(y) + z))      -> exp(x - z) / y
gate(any(c), sum(where(c, x, 0))) -> sum(where(c, x, 0))
gate(any(not c), sum(where(c, 0, x))) -> sum(where(c, 0, x))
gate(any(c), sum(gate(c, x))) -> sum(gate(c, x))
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
