"""NumPy meanings of the ops for which NumPy and SciPy have no function of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import wraps
from importlib import import_module
from typing import Any

import numpy as np

from gradc.ir.gamma import _digamma, _gamma, _lgamma, _polygamma
from gradc.ir.types import DTYPES

Array = Any


def special(of_arrays: str, of_numbers: Callable[..., float]) -> Callable[..., Array]:
    """A function of SciPy's; for single numbers one that does without, because importing SciPy takes 0.2 seconds.

    `math.lgamma` is no match for SciPy's near 1 and 2, so that one stays.
    """

    def function(*args: Array) -> Array:
        if all(np.ndim(arg) == 0 for arg in args):
            return of_numbers(*map(float, args))
        return getattr(import_module("scipy.special"), of_arrays)(*args)

    return function


def own(name: str) -> Callable[..., float]:
    """An elementary function of our own."""

    def function(*args: float) -> float:
        from gradc.elementary import python  # which few programs need

        return python.function(name)(*map(np.float64, args))

    return function


def in_double(function: Callable[..., Array]) -> Callable[..., Array]:
    """A function of arrays that computes in double precision; for single numbers the elementary one of its name."""
    of_numbers = own(function.__name__)

    @wraps(function)
    def wide(*args: Array) -> Array:
        return (of_numbers if all(np.ndim(arg) == 0 for arg in args) else function)(*map(np.float64, args))

    return wide


erf = special("erf", math.erf)
erfc = special("erfc", math.erfc)
normal_cdf = special("ndtr", lambda x: 0.5 * math.erfc(-x * 0.7071067811865476))
polygamma = special("polygamma", _polygamma)


def of_gamma_family(name: str, own: Callable[[float], float]) -> Callable[[Array], Array]:
    """SciPy's function of an array, but what kernels compute for its negative elements, around the zeros of lgamma and
    below the normal numbers, where SciPy's is inaccurate; that for single numbers too."""
    own_of_arrays = np.vectorize(own, otypes=[float])

    def function(x: Array) -> Array:
        if np.ndim(x) == 0:
            return own(float(x))
        x = np.asarray(x, np.float64)
        found = getattr(import_module("scipy.special"), name)(x)
        inaccurate = x < 1e-300
        if name == "gammaln":
            inaccurate |= np.minimum(np.abs(x - 1), np.abs(x - 2)) < 0.19
        if np.any(inaccurate):
            found[inaccurate] = own_of_arrays(x[inaccurate])
        return found

    return function


gamma = of_gamma_family("gamma", _gamma)
lgamma = of_gamma_family("gammaln", _lgamma)
digamma = of_gamma_family("digamma", _digamma)


log_ndtr = special("log_ndtr", own("log_ndtr"))
erfcx = special("erfcx", own("erfcx"))
ndtri = special("ndtri", own("ndtri"))
erfinv = special("erfinv", own("erfinv"))
erfcinv = special("erfcinv", own("erfcinv"))


@in_double
def inverse_mills(x: Array) -> Array:
    """The density of the normal distribution over the probability below x."""
    from scipy.special import erfcx, ndtr

    return np.where(x < 0, 0.7978845608028654 / erfcx(np.abs(x) * 0.7071067811865476), normal_pdf(x) / ndtr(x))


@in_double
def truncated_gap(x: Array) -> Array:
    """x less the mean of a standard normal variable below x; far out the continued fraction DLMF 7.9.1."""
    return np.where(x < -2, _fraction(-x)[0], x + inverse_mills(x))


@in_double
def truncated_variance(x: Array) -> Array:
    """The variance of a standard normal variable below x."""
    ratio = inverse_mills(x)
    return np.where(x < -2, _fraction(-x)[1], 1 - ratio * (np.minimum(x, 40) + ratio))


@in_double
def truncated_skew(x: Array) -> Array:
    """The third central moment of a standard normal variable below x."""
    ratio = inverse_mills(x)
    gap = np.minimum(x, 40) + ratio
    return np.where(x < -2, _fraction(-x)[2], ratio * (gap * gap + ratio * gap - 1))


def _fraction(a: Array) -> tuple[Array, Array, Array]:
    """1 / (a + 2 / (a + 3 / (a + ...))) for a > 2, minus its first and its second derivative."""
    value, slope, bend = a, np.ones_like(a), np.zeros_like(a)
    for k in range(90, 1, -1):
        part, change = k / value, slope / value
        value, slope, bend = a + part, 1 - part * change, part * (2 * change * change - bend / value)
    change = slope / value
    return 1 / value, change / value, (2 * change * change - bend / value) / value


def near_and_far(radius: float, near: Callable[[Array], Array], far: Callable[[Array], Array]) -> Callable[..., Array]:
    """A function with a series at zero, where its formula would lose digits."""

    def function(x: Array) -> Array:
        x = np.asarray(x, np.float64)
        is_near = np.abs(x) < radius
        return np.where(is_near, near(np.where(is_near, x, 0.0)), far(np.where(is_near, 1.0, x)))

    return function


def hypergeometric(z: Array, above: Iterable[float], below: Iterable[float], terms: int = 50) -> Array:
    """The series DLMF 16.2.1, for small z, from its last term."""
    total = np.ones_like(z)
    for k in reversed(range(terms)):
        ratio = math.prod(a + k for a in above) / math.prod(b + k for b in below) / (k + 1)
        total = 1 + z * ratio * total
    return total


def _exprel_beyond(n: int) -> Callable[[Array], Array]:
    """From exp(x) and the function before; split, so that neither overflows before the quotient does."""

    def far(x: Array) -> Array:
        large = np.minimum(x, 1500)
        half = np.exp(0.5 * large)
        size = np.minimum(np.abs(x), 1e4)  # where x is large, inverse powers of it
        falling = 1 - n / size * (1 - (n - 1) / size)
        usual = np.expm1(x) / x if n == 0 else (np.exp(x) - n * (exprel, exprel1)[n - 1](x)) / x
        return np.where(x > 40, half * (half * falling / large), usual)

    return far


exprel = near_and_far(1e-9, lambda x: 1 + 0.5 * x, _exprel_beyond(0))
exprel1 = near_and_far(2, lambda x: hypergeometric(x, (2,), (3,)) / 2, _exprel_beyond(1))
exprel2 = near_and_far(2, lambda x: hypergeometric(x, (3,), (4,)) / 3, _exprel_beyond(2))
log1prel = near_and_far(1e-9, lambda x: 1 - 0.5 * x, lambda x: np.log1p(x) / x)
log1prel1 = near_and_far(
    0.4, lambda x: -hypergeometric(-x, (2, 2), (3,)) / 2, lambda x: (1 / (1 + x) - log1prel(x)) / x
)
log1prel2 = near_and_far(
    0.4, lambda x: hypergeometric(-x, (3, 3), (4,)) / 1.5, lambda x: -(1 / (1 + x) / (1 + x) + 2 * log1prel1(x)) / x
)


def _bessel(n: int, far: Callable[[Array], Array]) -> Callable[..., Array]:
    """The spherical Bessel function of order n over x**n (DLMF 10.53.1)."""
    first = math.prod(range(1, 2 * n + 2, 2))
    return near_and_far(3, lambda x: hypergeometric(-x * x / 4, (), (n + 1.5,)) / first, far)


sinrel = near_and_far(1e-9, np.ones_like, lambda x: np.sin(x) / x)
sinrel1 = _bessel(1, lambda x: (np.sin(x) / x - np.cos(x)) / x / x)
spherical_j1 = near_and_far(3, lambda x: x * sinrel1(x), lambda x: (np.sin(x) / x - np.cos(x)) / x)
sinrel2 = _bessel(2, lambda x: (3 * sinrel1(x) - sinrel(x)) / x / x)
sinrel3 = _bessel(3, lambda x: (5 * sinrel2(x) - sinrel1(x)) / x / x)


def _sinrest(n: int, first: float, far: Callable[[Array], Array]) -> Callable[..., Array]:
    """What is left of the sine, and its derivatives over -x."""
    near = lambda x: hypergeometric(-x * x / 4, (n + 1,), (n + 2, n + 2.5)) * first  # noqa: E731
    return near_and_far(4, near, far)


sinrest = _sinrest(0, 1 / 6, lambda x: (1 - sinrel(x)) / x / x)
sinrest1 = _sinrest(1, 1 / 60, lambda x: (2 * sinrest(x) - sinrel1(x)) / x / x)
sinrest2 = _sinrest(2, 1 / 630, lambda x: (4 * sinrest1(x) - sinrel2(x)) / x / x)


def _of_pi(function: Callable[[Array], Array], x: Array) -> Array:
    """The sine or cosine of pi * x, whose fraction is exact."""
    whole = np.rint(x)
    return np.where(np.rint(0.5 * whole) == 0.5 * whole, 1, -1) * function(np.pi * (x - whole))


sinc = near_and_far(1e-9, np.ones_like, lambda x: _of_pi(np.sin, x) / (np.pi * x))
sinc_slope = near_and_far(0.9, lambda x: -np.pi * spherical_j1(np.pi * x), lambda x: (_of_pi(np.cos, x) - sinc(x)) / x)


def cosrel(x: Array) -> Array:
    """(1 - cos(x)) / x**2"""
    return 0.5 * np.square(sinrel(0.5 * x))


def _modified_bessel(n: int, far: Callable[[Array], Array], *falling: float) -> Callable[..., Array]:
    """The modified spherical Bessel function of order n over x**n (DLMF 10.53.3), beyond 40 split in two."""
    first = math.prod(range(1, 2 * n + 2, 2))

    def beyond(x: Array) -> Array:
        size = np.abs(x)
        half, falls = np.exp(0.5 * size), np.ones_like(x)
        for ratio in falling:
            falls = 1 - ratio / np.maximum(size, 40) * falls
        return np.where(size > 40, half * (half * (0.5 / size) * falls / size**n), far(x))

    return near_and_far(6 if n else 1e-9, lambda x: hypergeometric(x * x / 4, (), (n + 1.5,)) / first, beyond)


sinhrel = _modified_bessel(0, lambda x: np.sinh(x) / x)
sinhrel1 = _modified_bessel(1, lambda x: (np.cosh(x) - sinhrel(x)) / x / x, 1)
sinhrel2 = _modified_bessel(2, lambda x: (sinhrel(x) - 3 * sinhrel1(x)) / x / x, 1, 3)
sinhrel3 = _modified_bessel(3, lambda x: (sinhrel1(x) - 5 * sinhrel2(x)) / x / x, 1, 2.5, 6)


def _sinhrest(n: int, first: float, usual: Callable[[Array], Array], *falling: float) -> Callable[..., Array]:
    """What is left of the hyperbolic sine, and its derivatives over x; beyond 40 all follow from the first."""

    def far(x: Array) -> Array:
        size, falls = np.maximum(np.abs(x), 40), np.ones_like(x)
        for ratio in falling:
            falls = 1 - ratio / size * falls
        return np.where(size > 40, sinhrest(x) * falls / size**n, usual(x)) if n else usual(x)

    near = lambda x: hypergeometric(x * x / 4, (n + 1,), (n + 2, n + 2.5)) * first  # noqa: E731
    return near_and_far(6, near, far)


sinhrest = _sinhrest(0, 1 / 6, lambda x: (sinhrel(x) - 1) / x / x)
sinhrest1 = _sinhrest(1, 1 / 60, lambda x: (sinhrel1(x) - 2 * sinhrest(x)) / x / x, 3)
sinhrest2 = _sinhrest(2, 1 / 630, lambda x: (sinhrel2(x) - 4 * sinhrest1(x)) / x / x, 15 / 7, 7)


def _rational(power: float, b: float, far: Callable[[Array], Array]) -> Callable[..., Array]:
    """The integral of t**(2 * b - 1) / (1 + x * x * t * t)**power from 0 to 1 (DLMF 15.8.1)."""

    def near(x: Array) -> Array:
        z = x * x
        return hypergeometric(z / (1 + z), (power, 1), (b + 1,), 100) / (1 + z) ** power / (2 * b)

    return near_and_far(1.4, near, far)


arctanrel = near_and_far(1e-9, np.ones_like, lambda x: np.arctan(x) / x)
arctanrel1 = _rational(2, 1.5, lambda x: (arctanrel(x) - 1 / (1 + x * x)) / 2 / x / x)
arctanrel2 = _rational(3, 2.5, lambda x: (3 * arctanrel1(x) - 1 / (1 + x * x) ** 2) / 4 / x / x)
arctanrel3 = _rational(4, 3.5, lambda x: (5 * arctanrel2(x) - 1 / (1 + x * x) ** 3) / 6 / x / x)
arctanrest = _rational(1, 1.5, lambda x: (1 - arctanrel(x)) / x / x)
arctanrest1 = _rational(2, 2.5, lambda x: (3 * arctanrest(x) - 1 / (1 + x * x)) / 2 / x / x)
arctanrest2 = _rational(3, 3.5, lambda x: (5 * arctanrest1(x) - 1 / (1 + x * x) ** 2) / 4 / x / x)
arcsinhrel = near_and_far(1e-9, np.ones_like, lambda x: np.arcsinh(x) / x)
arcsinhrel1 = _rational(1.5, 1.5, lambda x: (arcsinhrel(x) - (1 + x * x) ** -0.5) / x / x)
arcsinhrel2 = _rational(2.5, 2.5, lambda x: (arcsinhrel1(x) - (1 + x * x) ** -1.5 / 3) / x / x)
arcsinhrel3 = _rational(3.5, 3.5, lambda x: (arcsinhrel2(x) - (1 + x * x) ** -2.5 / 5) / x / x)


def _erfrel(n: int, far: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    """The integral of 2 / sqrt(pi) * t**(2 * n) * exp(-x * x * t * t) from 0 to 1 (DLMF 13.2.39)."""
    first = 1.1283791670955126 / (2 * n + 1)

    def near(x: Array) -> Array:
        return np.exp(-x * x) * hypergeometric(x * x, (1,), (n + 1.5,)) * first

    return near_and_far(2, near, lambda x: far(x, 1.1283791670955126 * np.exp(-x * x)))


erfrel = near_and_far(1e-9, lambda x: np.full_like(x, 1.1283791670955126), lambda x: erf(x) / x)
erfrel1 = _erfrel(1, lambda x, end: 0.5 * (erfrel(x) - end) / x / x)
erfrel2 = _erfrel(2, lambda x, end: 0.5 * (3 * erfrel1(x) - end) / x / x)
erfrel3 = _erfrel(3, lambda x, end: 0.5 * (5 * erfrel2(x) - end) / x / x)


def sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def logistic_pdf(x: Array) -> Array:
    """The density of the logistic distribution, the slope of `sigmoid`."""
    e = np.exp(-np.abs(x))
    return e / np.square(1 + e)


def softplus(x: Array) -> Array:
    return np.where(x < 0, 0, x) + np.log1p(np.exp(-np.abs(x)))


def log1mexp(x: Array) -> Array:
    """log(1 - exp(x)) for x < 0 (Maechler, "Accurately computing log(1 - exp(-|a|))", 2012)."""
    return np.where(x > -0.6931471805599453, np.log(-np.expm1(x)), np.log1p(-np.exp(x)))


def expm1_reciprocal(x: Array) -> Array:
    """1 / (exp(x) - 1)."""
    return 1 / np.expm1(x)


def sech(x: Array) -> Array:
    return 1 / np.cosh(x)


def logcosh(x: Array) -> Array:
    size = np.abs(x)
    near = 0.5 * np.log1p(np.square(np.sinh(x)))
    far = size + np.log1p(np.exp(-2 * size)) - 0.6931471805599453
    return np.where(size < 1, near, far)


log1prest = near_and_far(
    0.4, lambda x: 0.5 - x * hypergeometric(-x, (1, 3), (4,)) / 3, lambda x: (x - np.log1p(x)) / x / x
)


@in_double
def lambertw(x: Array) -> Array:
    """The real branch through zero."""
    from scipy.special import lambertw

    return np.where(x < -0.2, lambertw1(x) - 1, lambertw(x).real)


@in_double
def lambertw1(x: Array) -> Array:
    """1 + W; next to the branch point by its series (Corless and others, On the Lambert W function, 1996, 4.22)."""
    from scipy.special import lambertw

    is_near = x < -0.36
    p = np.sqrt(2 * (np.e * x + 1 + x * 1.4456468917292502e-16))
    terms = (1, -1 / 3, 11 / 72, -43 / 540, 769 / 17280, -221 / 8505, 680863 / 43545600, -1963 / 204120)
    return np.where(is_near, p * np.polynomial.polynomial.polyval(p, terms), 1 + lambertw(x).real)


def stirling(x: Array) -> Array:
    """What Stirling's formula lacks of lgamma(x), for x of 10 and more (DLMF 5.11.1)."""
    r = 1 / (x * x)
    return (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * (1 / 1188 - r * 691 / 360360))))) / x


def gamma_pdf(a: Array, x: Array) -> Array:
    """x**(a - 1) * exp(-x) / gamma(a); for large a about the largest value (Loader, 2000)."""
    far = np.sqrt(a / (2 * np.pi)) / x * np.exp(-a * _deviance((x - a) / a) - stirling(a))
    near = np.exp(np.where(a == 1, 0, (a - 1) * np.log(x)) - x - lgamma(a))
    return np.where(a < 10, near, np.where(x == 0, 0, far))


def beta_pdf(a: Array, b: Array, x: Array) -> Array:
    """x**(a - 1) * (1 - x)**(b - 1) / beta(a, b), in the same way."""
    from scipy.special import betaln

    d = x * b - a * (1 - x)
    rest = stirling(a + b) - stirling(a) - stirling(b)
    far = np.sqrt(a / (2 * np.pi) * (b / (a + b))) / (x * (1 - x))
    far = far * np.exp(-a * _deviance(d / a) - b * _deviance(-d / b) + rest)
    powers = np.where(a == 1, 0, (a - 1) * np.log(x)) + np.where(b == 1, 0, (b - 1) * np.log1p(-x))
    is_end = (x == 0) | (x == 1)
    return np.where((a < 10) | (b < 10), np.exp(powers - betaln(a, b)), np.where(is_end, 0, far))


def _deviance(r: Array) -> Array:
    """r - log1p(r)"""
    return np.where(np.abs(r) < 0.4, r * r * log1prest(r), r - np.log1p(r))


def _slope(scaled: str, sign: int) -> Callable[[Array, Array], Array]:
    """The derivative in x of a scaled Bessel function; far out by Hankel's expansion (DLMF 10.40.1 and 10.40.2)."""

    def slope(v: Array, x: Array) -> Array:
        function = getattr(import_module("scipy.special"), scaled)
        u, series = 4.0 * v * v, 14.5
        for k in range(13, -1, -1):
            series = k + 0.5 + sign * (u - (2 * k + 1) ** 2) / (8 * (k + 1) * x) * series
        factor = 1.2533141373155003 if sign > 0 else 0.3989422804014327
        near = 0.5 * (function(v - 1, x) + function(v + 1, x)) - np.sign(x) * function(v, x)
        return np.where(x > 30 + 2 * v * v, -factor / np.sqrt(x) / x * series, -near if sign > 0 else near)

    return slope


ive_slope, kve_slope = _slope("ive", -1), _slope("kve", 1)


def logdiffexp(x: Array, y: Array) -> Array:
    """log(exp(x) - exp(y))"""
    return x + log1mexp(shifted(y, x))


def shifted(x: Array, s: Array) -> Array:
    """x - s, and 0 for two equal infinities."""
    return np.where(x == s, np.zeros((), np.asarray(x).dtype), x - s)


def exp_shifted(x: Array, s: Array) -> Array:
    """exp(x - s), and 1 for two equal infinities."""
    return np.exp(shifted(x, s))


def normal_pdf(x: Array) -> Array:
    return 0.3989422804014327 * _exponential_of_square(np.minimum(np.abs(x), 40), 0.5)


def gaussian(x: Array) -> Array:
    """exp(-x * x)."""
    return _exponential_of_square(np.minimum(np.abs(x), 28), 1.0)


def _exponential_of_square(x: Array, factor: float) -> Array:
    """exp(-factor * x * x), with what rounding takes from the square (Dekker, Numerische Mathematik 18, 1971)."""
    x = np.asarray(x)
    wide = np.asarray(x, np.float64)
    square = wide * wide
    high = wide * 134217729
    high = high - (high - wide)
    low = wide - high
    lost = (high * high - square + 2 * high * low) + low * low
    return (np.exp(-factor * square) * (1 - factor * lost)).astype(x.dtype)[()]


def unit(x: Array, size: Array) -> Array:
    """x / size, and 0 where the size is."""
    return np.where(size == 0, np.zeros((), np.asarray(x).dtype), np.divide(x, size))


def absorb(x: Array, y: Array) -> Array:
    """x * y, and 0 where x is, whatever y."""
    return np.where(x == 0, np.zeros((), np.asarray(x).dtype), x * y)


def mask(c: Array, x: Array) -> Array:
    return np.where(c, x, np.zeros((), np.asarray(x).dtype))


def largest(x: Array, axis: tuple[int, ...]) -> Array:
    """`np.max`, and minus infinity for an empty array, as in a kernel; programs themselves cannot ask for that."""
    return np.max(x, axis=axis, initial=-np.inf)


def smallest(x: Array, axis: tuple[int, ...]) -> Array:
    return np.min(x, axis=axis, initial=np.inf)


def total(x: Array, axis: tuple[int, ...] | None = None) -> Array:
    """`np.sum`, but float32 adds up in float64, as kernels do."""
    return np.sum(x, axis=axis, dtype=np.float64 if np.asarray(x).dtype == np.float32 else None)


def logsumexp(x: Array, axis: tuple[int, ...]) -> Array:
    largest = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    return np.log(total(exp_shifted(x, largest), axis)) + np.squeeze(largest, axis=axis)


def norm(x: Array, axis: tuple[int, ...]) -> Array:
    """The Euclidean norm, scaled by a power of two so that squares neither overflow nor vanish."""
    largest = np.max(np.abs(x), axis=axis, keepdims=True, initial=0)
    usable = np.isfinite(largest) & (largest > 0)
    scale = np.ldexp(1.0, np.frexp(np.where(usable, largest, 1))[1] - 1).astype(np.asarray(x).dtype)
    return np.sqrt(total(np.square(x / scale), axis)) * np.squeeze(scale, axis=axis)


# ---------------------------------------------------------------- movement


def cast(x: Array, dtype: str) -> Array:
    return np.asarray(x).astype(DTYPES[dtype])


def broadcast(x: Array, shape: tuple[int, ...], dims: tuple[int, ...]) -> Array:
    expanded = [1] * len(shape)
    for dim in dims:
        expanded[dim] = shape[dim]
    return np.broadcast_to(np.reshape(x, expanded), shape)


def squeeze(x: Array, axes: tuple[int, ...]) -> Array:
    return np.squeeze(x, axis=axes)


def slices(parts: tuple[tuple[int, int, int], ...]) -> tuple[slice, ...]:
    slices = []
    for first, step, length in parts:
        stop = first + step * length
        slices.append(slice(first, stop if stop >= 0 else None, step) if length else slice(0, 0))
    return tuple(slices)


def slice_(x: Array, parts: tuple[tuple[int, int, int], ...]) -> Array:
    return x[slices(parts)]


def join(*args: Any) -> Array:
    """Arrays side by side; behind them the axis, and where on it each begins."""
    *arrays, axis, _ = args
    return np.concatenate(arrays, axis=axis)


def pad(x: Array, parts: tuple[tuple[int, int, int], ...], shape: tuple[int, ...]) -> Array:
    """Zeros of `shape` with x in the place that `slice_` would read."""
    result = np.zeros(shape, np.asarray(x).dtype)
    result[slices(parts)] = x
    return result


def cumsum(x: Array, axis: int, backwards: bool) -> Array:
    """Running sums along an axis, from its start or from its end."""
    wide = np.float64 if np.asarray(x).dtype == np.float32 else None
    return np.flip(np.cumsum(np.flip(x, axis), axis, wide), axis) if backwards else np.cumsum(x, axis, wide)


# ---------------------------------------------------------------- along an axis


def recur(a: Array, b: Array, axis: int, backwards: bool) -> Array:
    """out[k] = a[k] * out[k - 1] + b[k]; backwards, out[k + 1]."""
    a, b = (np.moveaxis(np.asarray(each), axis, 0) for each in (a, b))
    wide = np.float64 if b.dtype == np.float32 else b.dtype
    result = np.empty(b.shape, wide)
    a, b = a.astype(wide), b.astype(wide)
    carry = np.zeros(b.shape[1:], wide)[()]
    for k in reversed(range(len(b))) if backwards else range(len(b)):
        carry = result[k] = a[k] * carry + b[k]
    return np.moveaxis(result, 0, axis)


def running_argmax(x: Array, axis: int) -> Array:
    """The place of the first largest element so far; the first NaN is larger than anything."""
    x = np.moveaxis(np.asarray(x), axis, 0)
    largest = np.maximum.accumulate(x, axis=0)
    is_new = np.ones(x.shape, bool)
    if len(x):
        is_new[1:] = (x[1:] > largest[:-1]) | ((x[1:] != x[1:]) & (largest[:-1] == largest[:-1]))
    places = np.arange(len(x)).reshape([-1] + [1] * (x.ndim - 1))
    return np.moveaxis(np.maximum.accumulate(np.where(is_new, places, 0), axis=0), 0, axis)


def argsort(x: Array, axis: int) -> Array:
    return np.argsort(x, axis=axis, kind="stable")


def searchsorted(table: Array, x: Array, from_right: bool) -> Array:
    return np.searchsorted(table, x, "right" if from_right else "left")


# ---------------------------------------------------------------- contractions


def contract(
    x: Array, y: Array, x_labels: tuple[int, ...], y_labels: tuple[int, ...], labels: tuple[int, ...],
    absent: tuple[bool, bool] = (False, False),
) -> Array:  # fmt: skip
    """Einstein's sum over the labels that the result does not have.

    A side of which elements may be `absent` (a mask) has zeros there: they add nothing, times infinity neither. Sums of
    float32 add up in float64, as in `total`.
    """
    x, y = (np.asarray(side, np.float64) if np.asarray(side).dtype == np.float32 else side for side in (x, y))
    result = np.einsum(x, list(x_labels), y, list(y_labels), list(labels), optimize=True)
    if not any(absent) or not np.any(np.isnan(result)):
        return result
    order = [*labels, *dict.fromkeys(label for label in x_labels + y_labels if label not in labels)]
    x, y = (_spread(side, own, order) for side, own in ((x, x_labels), (y, y_labels)))
    total = np.zeros(np.shape(result), np.asarray(result).dtype)
    for at in np.ndindex(np.broadcast_shapes(x.shape, y.shape)[len(labels) :]):
        one, other = (side[(..., *(k if size > 1 else 0 for k, size in zip(at, side.shape[len(labels) :])))]
                      for side in (x, y))  # fmt: skip
        nothing = (absent[0] & (one == 0)) | (absent[1] & (other == 0))
        total = total + np.where(nothing, 0, one * other)
    return total


def _spread(side: Array, own: tuple[int, ...], order: list[int]) -> Array:
    """A side of a contraction with its axes in an order, of size one where it lacks the label."""
    kept = [label for label in order if label in own]
    side = np.transpose(side, [own.index(label) for label in kept])
    return side.reshape([side.shape[kept.index(label)] if label in own else 1 for label in order])


# ---------------------------------------------------------------- gathers


def put(x: Array, index: Array, axis: int, shape: tuple[int, ...]) -> Array:
    """Zeros of `shape`, to which x is added where `numpy.take` would read it; repeated indices add up."""
    result = np.zeros(shape, np.asarray(x).dtype)
    rank = np.ndim(index)
    np.add.at(np.moveaxis(result, axis, 0), index, np.moveaxis(x, range(axis, axis + rank), range(rank)))
    return result


def put_along(x: Array, index: Array, axis: int, shape: tuple[int, ...]) -> Array:
    """Zeros of `shape`, to which x is added where `numpy.take_along_axis` would read it."""
    result = np.zeros(shape, np.asarray(x).dtype)
    places = list(np.ogrid[tuple(slice(size) for size in np.shape(index))])
    places[axis] = index
    np.add.at(result, tuple(places), x)
    return result


def argmax(x: Array, axis: tuple[int, ...]) -> Array:
    """The position of the first largest element, counted along the axes together."""
    return np.argmax(_joined(x, axis), axis=-1)


def argmin(x: Array, axis: tuple[int, ...]) -> Array:
    return np.argmin(_joined(x, axis), axis=-1)


def _joined(x: Array, axes: tuple[int, ...]) -> Array:
    """The array with some axes joined to a last one."""
    kept = np.ndim(x) - len(axes)
    moved = np.moveaxis(x, axes, range(kept, np.ndim(x)))
    return moved.reshape(*moved.shape[:kept], math.prod(moved.shape[kept:]))
