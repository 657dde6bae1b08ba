"""Sines, cosines and tangents of large numbers, reduced exactly (Payne and Hanek, SIGNUM Newsletter 18, 1983).

Plain Python that Numba compiles, over single numbers; it needs `math` and `np` only.
"""

from __future__ import annotations

import numpy as np

TWO_OVER_PI = (
    0.0, 0.0, 0.0, 10680707.0, 7228996.0, 1387004.0, 2578385.0, 16069853.0, 12639074.0, 9804092.0, 4427841.0,
    16666979.0, 11263675.0, 12935607.0, 2387514.0, 4345298.0, 14681673.0, 3074569.0, 13734428.0, 16653803.0,
    1880361.0, 10960616.0, 8533493.0, 3062596.0, 8710556.0, 7349940.0, 6258241.0, 3772886.0, 3769171.0, 3798172.0,
    8675211.0, 12450088.0, 3874808.0, 9961438.0, 366607.0, 15675153.0, 9132554.0, 7151469.0, 3571407.0, 2607881.0,
    12013382.0, 4155038.0, 6285869.0, 7677882.0, 13102053.0, 15825725.0, 473591.0, 9065106.0, 15363067.0, 6271263.0,
    9264392.0, 5636912.0,
)  # fmt: skip
"""2 / pi in digits of 24 bits, behind three zeros."""


def _sin_large(x):
    return _wave(x, 0)


def _cos_large(x):
    return _wave(x, 1)


def _tan_large(x):
    return _wave(x, 2)


def _wave(x, kind):
    """sin, cos or tan, by `kind`."""
    if not np.isfinite(x):
        return x - x
    # Three digits of 24 bits and fewer, times 2 ** (24 * shift).
    digit = abs(x)
    shift = 0
    while digit >= 16777216.0:
        digit *= 5.960464477539063e-08
        shift += 1
    high = np.floor(digit)
    digit = (digit - high) * 16777216.0
    middle = np.floor(digit)
    low = (digit - middle) * 16777216.0
    # Quarter turns: products of digits, added exactly, digit by digit from the units on.
    turns = 0.0
    part = 0.0
    lost = 0.0
    scale = 1.0
    for k in range(8):
        at = shift + k
        term = (high * TWO_OVER_PI[at + 2] + middle * TWO_OVER_PI[at + 1] + low * TWO_OVER_PI[at]) * scale
        whole = np.round(term)
        turns += whole
        term -= whole
        total = part + term
        change = total - part
        lost += (part - (total - change)) + (term - change)
        whole = np.round(total)
        turns += whole
        part = total - whole
        scale *= 5.960464477539063e-08
    v = part + lost
    lost -= v - part
    # The rest as an angle, in two parts.
    r = v * 1.5707963267948966
    r_low = _product_error(v, 1.5707963267948966, r) + (v * 6.123233995736766e-17 + lost * 1.5707963267948966)
    s = r * r
    s_low = _product_error(r, r, s) + 2.0 * r * r_low
    odd = s * (
        -0.16666666666666632
        + s
        * (
            0.008333333333322425
            + s
            * (
                -0.00019841269829816966
                + s * (2.755731369523491e-06 + s * (-2.505075865467846e-08 + s * 1.5896827999822757e-10))
            )
        )
    )
    even = (
        s
        * s
        * (
            0.0416666666666666
            + s
            * (
                -0.0013888888888874138
                + s
                * (
                    2.480158728949196e-05
                    + s * (-2.755731435527846e-07 + s * (2.0875723689118957e-09 + s * -1.1359670090876896e-11))
                )
            )
        )
    )
    sine_low = r * odd + (r_low - 0.16666666666666666 * r * s_low)
    cosine = 1.0 - 0.5 * s
    cosine_low = ((1.0 - cosine) - 0.5 * s) + (even - 0.5 * s_low)
    if kind == 1:
        turns += 1.0
    turns -= 4.0 * np.floor(0.25 * turns)
    swapped = turns == 1.0 or turns == 3.0
    if kind == 2:
        sine = r + sine_low
        sine_low += r - sine
        result = cosine + cosine_low
        cosine_low += cosine - result
        cosine = result
        if swapped:
            result = -_quotient(cosine, cosine_low, sine, sine_low)
        else:
            result = _quotient(sine, sine_low, cosine, cosine_low)
    else:
        result = cosine + cosine_low if swapped else r + sine_low
        if turns >= 2.0:
            result = -result
    if x < 0.0 and kind != 1:
        result = -result
    return result


def _quotient(x, x_low, y, y_low):
    """Of two numbers that have two parts each."""
    q = x / y
    product = q * y
    rest = (x - product) - _product_error(q, y, product)
    return q + (rest + x_low - q * y_low) / y


def _product_error(x, y, product):
    """What rounding took from x * y (Dekker, Numerische Mathematik 18, 1971)."""
    part = 134217729.0 * x
    x_high = part - (part - x)
    x_low = x - x_high
    part = 134217729.0 * y
    y_high = part - (part - y)
    y_low = y - y_high
    return ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low
