"""The ops of the table over mpmath numbers: the truth that floating point is measured against.

An op whose name mpmath knows needs no entry here. Outside its domain a function is NaN, as in IEEE arithmetic;
there is one zero, without a sign.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import mpmath
from mpmath import mpf

from gradc.check.oracles import Arithmetic

Number = Any
"""An mpf, or a bool."""


def is_nan(x: Number) -> bool:
    return x != x


def divide(x: Number, y: Number) -> Number:
    if y == 0:
        return mpmath.nan if x == 0 or is_nan(x) else mpmath.sign(x) * mpmath.inf
    return x / y


def sqrt(x: Number) -> Number:
    return mpmath.nan if x < 0 else mpmath.sqrt(x)


def cbrt(x: Number) -> Number:
    return mpmath.sign(x) * mpmath.cbrt(abs(x))


def sign(x: Number) -> Number:
    return x if is_nan(x) else mpmath.sign(x)


def log(x: Number) -> Number:
    return mpmath.nan if x < 0 else mpmath.log(x)


def log1p(x: Number) -> Number:
    if x <= -1:
        return -mpmath.inf if x == -1 else mpmath.nan
    return x if x == mpmath.inf else mpmath.log1p(x)


def log1mexp(x: Number) -> Number:
    return log1p(-mpmath.exp(x)) if x < -1 else log(-mpmath.expm1(x))


def softplus(x: Number) -> Number:
    return max(x, mpf(0)) + mpmath.log1p(mpmath.exp(-abs(x))) if not is_nan(x) else x


def sigmoid(x: Number) -> Number:
    return 1 / (1 + mpmath.exp(-x))


def logistic_pdf(x: Number) -> Number:
    e = mpmath.exp(-abs(x))
    return e / (1 + e) ** 2


def expm1_reciprocal(x: Number) -> Number:
    return divide(mpf(1), mpmath.expm1(x))


def logcosh(x: Number) -> Number:
    return abs(x) if mpmath.isinf(x) else mpmath.log1p(mpmath.sinh(x) ** 2) / 2


def tanh(x: Number) -> Number:
    doubled = mpmath.expm1(2 * abs(x))
    return sign(x) * (mpf(1) if doubled == mpmath.inf else doubled / (doubled + 2)) if not is_nan(x) else x


def normal_cdf(x: Number) -> Number:
    return erfc(-x / mpmath.sqrt(2)) / 2


def normal_pdf(x: Number) -> Number:
    return mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mpmath.pi)


def gaussian(x: Number) -> Number:
    return mpmath.exp(-x * x)


def _fraction(a: Number) -> tuple[Number, Number, Number]:
    """For a far above zero: the gap 1 / (a + 2 / (a + 3 / (a + ...))) at -a, and its derivatives in x."""
    value, slope, bend = a, mpf(1), mpf(0)
    for k in range(100, 1, -1):
        bend = k * (2 * slope**2 / value - bend) / value**2
        value, slope = a + k / value, 1 - k * slope / value**2
    return 1 / value, slope / value**2, (2 * slope**2 / value - bend) / value**2


def inverse_mills(x: Number) -> Number:
    if x < -1000:
        return truncated_gap(x) - x
    with mpmath.extradps(30):
        return normal_pdf(x) / normal_cdf(x)


def truncated_gap(x: Number) -> Number:
    if x < -1000:
        return _fraction(-x)[0]
    with mpmath.extradps(30):
        return x + inverse_mills(x)


def truncated_variance(x: Number) -> Number:
    if x < -1000:
        return _fraction(-x)[1]
    with mpmath.extradps(30):
        return 1 - inverse_mills(x) * truncated_gap(x)


def truncated_skew(x: Number) -> Number:
    if x < -1000:
        return _fraction(-x)[2]
    with mpmath.extradps(30):
        return inverse_mills(x) * (truncated_gap(x) ** 2 - truncated_variance(x))


def log_ndtr(x: Number) -> Number:
    if x < -1000:
        return -x * x / 2 - mpmath.log(mpmath.sqrt(2 * mpmath.pi) * inverse_mills(x))
    return log1p(-normal_cdf(-x)) if x > 0 else log(normal_cdf(x))


def erfcx(x: Number) -> Number:
    return mpmath.sqrt(2 / mpmath.pi) / inverse_mills(-mpmath.sqrt(2) * x) if x > 0 else mpmath.exp(x * x) * erfc(x)


def erfc(x: Number) -> Number:
    if abs(x) > 1e9:
        return mpf(0) if x > 0 else mpf(2)
    return mpmath.erfc(x)


def gamma(x: Number) -> Number:
    if x == -mpmath.inf or (x < 0 and mpmath.isint(x)):
        return mpmath.nan
    return mpmath.inf if x == 0 else mpmath.gamma(x)


def lgamma(x: Number) -> Number:
    if mpmath.isinf(x) or (x <= 0 and mpmath.isint(x)):
        return mpmath.inf
    return mpmath.re(mpmath.loggamma(x))


def digamma(x: Number) -> Number:
    if x == -mpmath.inf or (x < 0 and mpmath.isint(x)):
        return mpmath.nan
    return -mpmath.inf if x == 0 else mpmath.digamma(x)


def polygamma(n: Number, x: Number) -> Number:
    if x == mpmath.inf:
        return mpf(0)
    if x <= 0 and mpmath.isint(x):
        return mpmath.inf if int(n) % 2 else mpmath.nan
    return mpmath.psi(int(n), x)


def floor(x: Number) -> Number:
    return mpmath.floor(x) if mpmath.isfinite(x) else x


def ceil(x: Number) -> Number:
    return -floor(-x)


def rounded(x: Number) -> Number:
    return mpmath.nint(x) if mpmath.isfinite(x) else x


def trunc(x: Number) -> Number:
    return floor(x) if x >= 0 else ceil(x)


def floordiv(x: Number, y: Number) -> Number:
    return floor(divide(x, y))


def mod(x: Number, y: Number) -> Number:
    if mpmath.isinf(y) and mpmath.isfinite(x):
        return x if x == 0 or (x > 0) == (y > 0) else y
    return mpmath.nan if y == 0 else x - y * floor(x / y)


def power(x: Number, y: Number) -> Number:
    if x == 0 and y < 0:
        return mpmath.inf
    if x == 1 or y == 0:
        return mpf(1)
    if mpmath.isinf(y) and not is_nan(x):
        return mpmath.inf if (abs(x) > 1) == (y > 0) else mpf(0 if abs(x) != 1 else 1)
    if x == -mpmath.inf:
        size = mpmath.inf if y > 0 else mpf(0)
        return -size if mpmath.isint(y) and int(y) % 2 else size
    if x < 0 and not mpmath.isint(y):
        return mpmath.nan
    return mpmath.power(x, y)


def maximum(x: Number, y: Number) -> Number:
    return x if is_nan(x) else y if is_nan(y) else max(x, y)


def minimum(x: Number, y: Number) -> Number:
    return x if is_nan(x) else y if is_nan(y) else min(x, y)


def clip(x: Number, lower: Number, upper: Number) -> Number:
    return minimum(maximum(x, lower), upper)


def hypot(x: Number, y: Number) -> Number:
    return mpmath.inf if mpmath.isinf(x) or mpmath.isinf(y) else mpmath.sqrt(x * x + y * y)


def logaddexp(x: Number, y: Number) -> Number:
    if x == y:
        return x + mpmath.log(2)
    return maximum(x, y) + mpmath.log1p(mpmath.exp(-abs(x - y)))


def erfcinv(x: Number) -> Number:
    if not 0 < x < 2:
        return mpmath.inf if x == 0 else -mpmath.inf if x == 2 else mpmath.nan
    if x > 1:
        return -erfcinv(2 - x)
    with mpmath.extradps(10):
        found = mpmath.erfinv(1 - x) if x > 1e-5 else mpmath.sqrt(-log(x))
        for _ in range(100):
            e = mpmath.erfc(found)
            step = e / (2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-found * found)) * mpmath.log(e / x)
            found += step
            if abs(step) < abs(found) * mpmath.eps:
                break
    return +found


def erfinv(x: Number) -> Number:
    return mpmath.sign(x) * erfcinv(1 - abs(x)) if abs(x) > 0.9 else mpmath.erfinv(x)


def ndtri(x: Number) -> Number:
    if abs(x - 0.5) < 0.25:
        return mpmath.sqrt(2) * mpmath.erfinv(2 * x - 1)
    return -mpmath.sqrt(2) * erfcinv(2 * x)


def log1prest(x: Number) -> Number:
    if x <= -1:
        return mpmath.inf if x == -1 else mpmath.nan
    with mpmath.extradps(30):
        return mpmath.hyp2f1(1, 2, 3, -x) / 2


def stirling(x: Number) -> Number:
    with mpmath.extradps(20):
        return mpmath.loggamma(x) - (x - mpf(1) / 2) * mpmath.log(x) + x - mpmath.log(2 * mpmath.pi) / 2


def lambertw(x: Number) -> Number:
    return x if x == mpmath.inf or x == 0 else mpmath.lambertw(x)


def gamma_pdf(a: Number, x: Number) -> Number:
    return mpmath.exp((a - 1) * mpmath.log(x) - x - mpmath.loggamma(a))


def beta_pdf(a: Number, b: Number, x: Number) -> Number:
    return mpmath.exp((a - 1) * mpmath.log(x) + (b - 1) * mpmath.log1p(-x)) / mpmath.beta(a, b)


def gammainc(a: Number, x: Number) -> Number:
    return mpmath.gammainc(a, 0, x, regularized=True)


def gammaincc(a: Number, x: Number) -> Number:
    return mpmath.gammainc(a, x, regularized=True)


def betainc(a: Number, b: Number, x: Number) -> Number:
    return mpmath.betainc(a, b, 0, x, regularized=True)


def betaincc(a: Number, b: Number, x: Number) -> Number:
    return mpmath.betainc(a, b, x, 1, regularized=True)


def _solved(f: Callable[[Number], Number], slope: Callable[[Number], Number], first: Any) -> Number:
    """Newton's steps from a float that is nearly a zero."""
    found = mpf(float(first))
    for _ in range(12):
        found -= f(found) / slope(found)
    return found


def gammaincinv(a: Number, y: Number) -> Number:
    from scipy import special

    first = special.gammaincinv(float(a), float(y))
    return _solved(lambda x: gammainc(a, x) - y, lambda x: gamma_pdf(a, x), first)


def gammainccinv(a: Number, y: Number) -> Number:
    from scipy import special

    first = special.gammainccinv(float(a), float(y))
    return _solved(lambda x: y - gammaincc(a, x), lambda x: gamma_pdf(a, x), first)


def betaincinv(a: Number, b: Number, y: Number) -> Number:
    from scipy import special

    first = special.betaincinv(float(a), float(b), float(y))
    return _solved(lambda x: betainc(a, b, x) - y, lambda x: beta_pdf(a, b, x), first)


def betainccinv(a: Number, b: Number, y: Number) -> Number:
    return betaincinv(a, b, 1 - y)


def ive(v: Number, x: Number) -> Number:
    return mpmath.exp(-abs(x)) * mpmath.besseli(v, x)


def kve(v: Number, x: Number) -> Number:
    return mpmath.exp(x) * mpmath.besselk(v, x)


def ive_slope(v: Number, x: Number) -> Number:
    with mpmath.extradps(30):
        return (ive(v - 1, x) + ive(v + 1, x)) / 2 - mpmath.sign(x) * ive(v, x)


def kve_slope(v: Number, x: Number) -> Number:
    with mpmath.extradps(30):
        return kve(v, x) - (kve(v - 1, x) + kve(v + 1, x)) / 2


def logdiffexp(x: Number, y: Number) -> Number:
    return x + log1mexp(shifted(y, x))


def exprel(x: Number, n: int = 0) -> Number:
    """The integral of t**n * exp(x * t) from 0 to 1 (DLMF 13.4.1)."""
    if x == -mpmath.inf:
        return mpf(0)
    return mpmath.hyp1f1(n + 1, n + 2, x) / (n + 1) if x < 1e9 else mpmath.inf


def log1prel(x: Number, n: int = 0) -> Number:
    """The derivatives of log1p(x) / x (DLMF 15.6.1)."""
    if x < -1:
        return mpmath.nan
    if x == -1:
        return mpmath.inf * (-1) ** n
    if mpmath.isinf(x):
        return mpf(0)
    if n == 0 and x != 0:
        return mpmath.log1p(x) / x
    with mpmath.extradps(30):
        return mpmath.factorial(n) * (-1) ** n / (n + 1) * mpmath.hyp2f1(n + 1, n + 1, n + 2, -x)


def sinrel(x: Number, n: int = 0) -> Number:
    """The spherical Bessel function of order n over x**n (DLMF 10.53.1)."""
    if abs(x) < 100:
        return mpmath.hyp0f1(n + mpf(3) / 2, -x * x / 4) / mpmath.fac2(2 * n + 1)
    if n == 0:
        return mpmath.sin(x) / x
    last = sinrel(x, n - 2) if n > 1 else mpmath.cos(x)
    return ((2 * n - 1) * sinrel(x, n - 1) - last) / x**2


def sinrest(x: Number, n: int = 0) -> Number:
    """(x - sin(x)) / x**3, and its derivatives over -x."""
    if abs(x) < 100:
        first = mpf(1) / (6, 60, 630)[n]
        return first * mpmath.hyper([n + 1], [n + 2, n + mpf(5) / 2], -x * x / 4)
    return (1 - sinrel(x)) / x**2 if n == 0 else (2 * n * sinrest(x, n - 1) - sinrel(x, n)) / x**2


def sinhrel(x: Number, n: int = 0) -> Number:
    """The modified spherical Bessel function i_n(x) / x**n (DLMF 10.47.7)."""
    return mpmath.hyp0f1(n + mpf(3) / 2, x * x / 4) / mpmath.fac2(2 * n + 1) if abs(x) < 1e9 else abs(x) * mpmath.inf


def sinhrest(x: Number, n: int = 0) -> Number:
    """(sinh(x) - x) / x**3, and its derivatives over x."""
    if abs(x) > 1e9:
        return mpmath.inf
    if abs(x) > 100:
        last = (sinhrel(x) - 1) / x**2
        for k in range(1, n + 1):
            last = (sinhrel(x, k) - 2 * k * last) / x**2
        return last
    first = mpf(1) / (6, 60, 630)[n]
    return first * mpmath.hyper([n + 1], [n + 2, n + mpf(5) / 2], x * x / 4)


def arctanrel(x: Number, n: int = 0) -> Number:
    """The integral of t**(2 * n) / (1 + x * x * t * t)**(n + 1) from 0 to 1 (DLMF 15.6.1)."""
    return _rational(x, n, mpf(n + 1), n + mpf(1) / 2)


def arctanrest(x: Number, n: int = 0) -> Number:
    """The integral of t**(2 * n + 2) / (1 + x * x * t * t)**(n + 1) from 0 to 1."""
    return _rational(x, n, mpf(n + 1), n + mpf(3) / 2)


def arcsinhrel(x: Number, n: int = 0) -> Number:
    """The integral of t**(2 * n) / (1 + x * x * t * t)**(n + 1 / 2) from 0 to 1."""
    return _rational(x, n, n + mpf(1) / 2, n + mpf(1) / 2)


def _rational(x: Number, n: int, power: Number, b: Number) -> Number:
    """The integral of t**(2 * b - 1) / (1 + x * x * t * t)**power from 0 to 1."""
    if mpmath.isinf(x):
        return mpf(0)
    with mpmath.extradps(30):
        return mpmath.hyp2f1(power, b, b + 1, -x * x) / (2 * b)


def erfrel(x: Number, n: int = 0) -> Number:
    """The integral of 2 / sqrt(pi) * t**(2 * n) * exp(-x * x * t * t) from 0 to 1 (DLMF 13.4.1)."""
    if abs(x) < 100:
        scale = 2 / mpmath.sqrt(mpmath.pi) / (2 * n + 1)
        return scale * mpmath.hyp1f1(n + mpf(1) / 2, n + mpf(3) / 2, -x * x)
    return mpmath.gamma(n + mpf(1) / 2) / mpmath.sqrt(mpmath.pi) / abs(x) ** (2 * n + 1)


def shifted(x: Number, s: Number) -> Number:
    return mpf(0) if x == s else x - s


def exp_shifted(x: Number, s: Number) -> Number:
    return mpmath.exp(shifted(x, s))


CHAINS = (
    (exprel, 2), (log1prel, 2), (sinrel, 3), (sinrest, 2), (sinhrel, 3), (sinhrest, 2), (arctanrel, 3), (arctanrest, 2),
    (arcsinhrel, 3), (erfrel, 3),
)  # fmt: skip
"""Functions with removable singularities, and how far the chain of their derivatives goes."""

BY_OP: dict[str, Callable[..., Number]] = {
    "neg": lambda x: -x,
    "abs": abs,
    "square": lambda x: x * x,
    "exp2": lambda x: mpmath.power(2, x),
    "log2": lambda x: log(x) / mpmath.log(2),
    "log10": lambda x: log(x) / mpmath.log(10),
    "arcsin": mpmath.asin,
    "arccos": mpmath.acos,
    "arctan": mpmath.atan,
    "arcsinh": mpmath.asinh,
    "arccosh": lambda x: mpmath.nan if x < 1 else mpmath.acosh(x),
    "arctanh": mpmath.atanh,
    "arctan2": mpmath.atan2,
    "round": rounded,
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "minus": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": divide,
    "clamp_min": maximum,
    "clamp_max": minimum,
    "unit": lambda x, size: mpf(0) if size == 0 else divide(x, size),
    "besides": divide,
    "absorb": lambda x, y: mpf(0) if x == 0 else x * y,
    "mask": lambda c, x: x if c else mpf(0),
    "where": lambda c, x, y: x if c else y,
    **{f"{f.__name__}{n}": partial(f, n=n) for f, most in CHAINS for n in range(1, most + 1)},
    "spherical_j1": lambda x: x * sinrel(x, 1),
    "lambertw1": lambda x: 1 + lambertw(x),
    "j0": lambda x: mpmath.besselj(0, x),
    "j1": lambda x: mpmath.besselj(1, x),
    "jv": mpmath.besselj,
    "y0": lambda x: mpmath.bessely(0, x),
    "y1": lambda x: mpmath.bessely(1, x),
    "yv": mpmath.bessely,
    "i0": lambda x: mpmath.besseli(0, x),
    "i1": lambda x: mpmath.besseli(1, x),
    "iv": mpmath.besseli,
    "k0": lambda x: mpmath.besselk(0, x),
    "k1": lambda x: mpmath.besselk(1, x),
    "kv": mpmath.besselk,
    "i0e": lambda x: ive(0, x),
    "i1e": lambda x: ive(1, x),
    "k0e": lambda x: kve(0, x),
    "k1e": lambda x: kve(1, x),
    "betaln": lambda a, b: mpmath.loggamma(a) + mpmath.loggamma(b) - mpmath.loggamma(a + b),
    "beta": mpmath.beta,
    "binom": mpmath.binomial,
    "sinc": lambda x: sinrel(mpmath.pi * x),
    "sinc_slope": lambda x: -mpmath.pi * (mpmath.pi * x * sinrel(mpmath.pi * x, 1)),
    "cosrel": lambda x: sinrel(x / 2) ** 2 / 2,
    "lt": lambda x, y: x < y,
    "le": lambda x, y: x <= y,
    "gt": lambda x, y: x > y,
    "ge": lambda x, y: x >= y,
    "eq": lambda x, y: x == y,
    "ne": lambda x, y: x != y,
    "and": lambda x, y: x and y,
    "or": lambda x, y: x or y,
    "not": lambda x: not x,
}
"""Ops that mpmath knows by another name, or that are a few characters long."""

OWN = {
    f.__name__: f
    for f in (
        sqrt, cbrt, sign, log, log1p, log1mexp, softplus, sigmoid, logistic_pdf, expm1_reciprocal, logcosh,
        tanh, normal_cdf, normal_pdf, gaussian, erfc, gamma, lgamma, digamma, polygamma, floor, ceil, trunc, floordiv,
        mod, power, maximum, minimum, clip, hypot, logaddexp, logdiffexp, shifted, exp_shifted, inverse_mills,
        truncated_gap, truncated_variance, truncated_skew, log_ndtr, erfcx, log1prest, stirling, lambertw,
        gamma_pdf, beta_pdf, gammainc, gammaincc, betainc, betaincc, betainccinv, gammaincinv, gammainccinv,
        betaincinv, ive, kve, ive_slope, kve_slope, erfinv, erfcinv, ndtri, exprel, log1prel, sinrel, sinrest,
        sinhrel, sinhrest, arctanrel, arctanrest, arcsinhrel, erfrel,
    )
}  # fmt: skip
"""The functions above by the names of their ops."""


@cache
def function(op: str) -> Callable[..., Number]:
    """The op over mpmath numbers; NaN where mpmath refuses or leaves the reals."""
    inner = BY_OP.get(op) or OWN.get(op) or getattr(mpmath, op)

    def real(*args: Number) -> Number:
        try:
            result = inner(*args)
        except (ZeroDivisionError, ValueError, OverflowError):
            return mpmath.nan
        if isinstance(result, mpmath.mpc):
            return result.real if result.imag == 0 else mpmath.nan
        return result

    return real


# ---------------------------------------------------------------- reductions


def extreme(choose: Callable[[list], Number]) -> Callable[[list], Number]:
    """The largest or the smallest of some numbers, or NaN if one of them is."""
    return lambda xs: mpmath.nan if any(map(is_nan, xs)) else choose(xs)


def _position(xs: list, chosen: Number) -> int:
    return next(k for k, x in enumerate(xs) if x == chosen or is_nan(x))


def logsumexp(xs: list) -> Number:
    largest = REDUCTIONS["max"](xs)
    if not mpmath.isfinite(largest):
        return largest
    rest = list(xs)
    rest.remove(largest)
    return largest + mpmath.log1p(mpmath.fsum(mpmath.exp(x - largest) for x in rest))


REDUCTIONS: dict[str, Callable[[list], Any]] = {
    "sum": mpmath.fsum,
    "prod": mpmath.fprod,
    "max": extreme(max),
    "min": extreme(min),
    "argmax": lambda xs: mpf(_position(xs, REDUCTIONS["max"](xs))),
    "argmin": lambda xs: mpf(_position(xs, REDUCTIONS["min"](xs))),
    "any": any,
    "all": all,
    "norm": lambda xs: mpmath.sqrt(mpmath.fsum(x * x for x in xs)),
    "logsumexp": logsumexp,
}

MEANT: dict[float, Callable[[], Number]] = {
    0.6931471805599453: lambda: mpmath.log(2),
    1.4426950408889634: lambda: 1 / mpmath.log(2),
    0.4342944819032518: lambda: 1 / mpmath.log(10),
    1.1283791670955126: lambda: 2 / mpmath.sqrt(mpmath.pi),
}
"""What the rounded constants in the partials of the op table stand for."""


def real(x: float) -> Number:
    """A float as a number, a constant of the table as what it stands for."""
    meant = MEANT.get(abs(x))
    return mpf(x) if meant is None else mpmath.sign(x) * meant()


REALS = Arithmetic(real, function, REDUCTIONS.__getitem__)
"""mpmath's numbers, at its current precision."""
