"""The gamma family over single numbers: the interpreter's, and what generated modules carry along.

Plain Python that Numba compiles; it needs `math` and `np` only. Polynomials are minimax (Remez).
"""

from __future__ import annotations

import math

import numpy as np


def _gamma(x):
    """The recurrence DLMF 5.5.1 from [1, 2), Stirling's formula 5.11.3 beyond 12, the reflection 5.5.3 below -8."""
    if np.isnan(x) or x == np.inf:
        return x
    if x < 0.0 and x == np.floor(x):
        return np.nan
    if x > 171.62437695630272:
        return np.inf
    if x == 0.0 or abs(x) < 5.6e-309:
        return np.copysign(np.inf, x)
    if x < -190.0:
        return 0.0
    if x >= 12.0 or x < -8.0:
        size = abs(x)
        root = size ** (0.5 * size - 0.25)
        rest = 2.5066282746310007 * math.exp(-size) * math.exp(_stirling(size))
        if x > 0.0:
            return root * rest * root
        return -math.pi / (size * _sin_pi(size) * rest * root) / root
    factor = 1.0
    while x >= 2.0:
        x -= 1.0
        factor *= x
    divisor = 1.0
    while x < 1.0:
        divisor *= x
        x += 1.0
    t = x - 1.0
    # 1 / gamma(1 + t)
    inverse = 1.0 + t * (
        0.5772156649015326
        + t
        * (
            -0.655878071520238
            + t
            * (
                -0.042002635034619124
                + t
                * (
                    0.16653861139132367
                    + t
                    * (
                        -0.04219773464917229
                        + t
                        * (
                            -0.009621970895458451
                            + t
                            * (
                                0.007218940324649912
                                + t
                                * (
                                    -0.0011651580952558983
                                    + t
                                    * (
                                        -0.00021526362880715198
                                        + t
                                        * (
                                            0.00012808612087384264
                                            + t
                                            * (
                                                -2.0174584386316048e-05
                                                + t
                                                * (
                                                    -1.224255122110524e-06
                                                    + t
                                                    * (
                                                        1.1291124059809422e-06
                                                        + t * (-2.1598201297771314e-07 + t * 1.6794286249703543e-08)
                                                    )
                                                )
                                            )
                                        )
                                    )
                                )
                            )
                        )
                    )
                )
            )
        )
    )
    return factor / (inverse * divisor)


def _lgamma(x):
    """Near its zeros 1 and 2 a polynomial times the distance; the logarithms of `_gamma`'s formulae elsewhere."""
    if not np.isfinite(x):
        return x
    if (x <= 0.0 and x == np.floor(x)) or x > 2.5e305:
        return np.inf
    if x <= -1.0:
        return math.log(math.pi / abs(x * _sin_pi(x))) - _lgamma(-x)
    if x >= 12.0:
        return (x - 0.5) * (math.log(x) - 1.0) + (0.4189385332046727 + _stirling(x))
    if x > 2.0:
        factor = 1.0
        while x > 3.0:
            x -= 1.0
            factor *= x
        t = x - 2.0
        return math.log(factor) + t * (
            0.42278433509846713
            + t
            * (
                0.32246703342411026
                + t
                * (
                    -0.06735230105293367
                    + t
                    * (
                        0.02058080841839972
                        + t
                        * (
                            -0.00738555085402926
                            + t
                            * (
                                0.002890508365478371
                                + t
                                * (
                                    -0.0011927393702514052
                                    + t
                                    * (
                                        0.0005095948972297249
                                        + t
                                        * (
                                            -0.0002228795667717843
                                            + t
                                            * (
                                                9.871102409514513e-05
                                                + t
                                                * (
                                                    -4.341376566917131e-05
                                                    + t
                                                    * (
                                                        1.8196452562509664e-05
                                                        + t
                                                        * (
                                                            -6.760425049770266e-06
                                                            + t
                                                            * (
                                                                2.0002111411973807e-06
                                                                + t
                                                                * (-4.0229879896065054e-07 + t * 4.000196525336701e-08)
                                                            )
                                                        )
                                                    )
                                                )
                                            )
                                        )
                                    )
                                )
                            )
                        )
                    )
                )
            )
        )
    logarithm = 0.0
    if x < 0.0:
        logarithm = math.log(-x)
        x += 1.0
    if x < 1.0:
        logarithm += math.log(x)
        x += 1.0
    t = x - 1.0
    return (
        t
        * (t - 1.0)
        * (
            0.5772156649015329
            + t
            * (
                -0.2452513685225765
                + t
                * (
                    0.15543426586337097
                    + t
                    * (
                        -0.11514654252915862
                        + t
                        * (
                            0.09223900736395155
                            + t
                            * (
                                -0.07731814705602305
                                + t
                                * (
                                    0.06673144729637787
                                    + t
                                    * (
                                        -0.058775330890060706
                                        + t
                                        * (
                                            0.052538386869465076
                                            + t
                                            * (
                                                -0.047449248153367596
                                                + t
                                                * (
                                                    0.043028177898131306
                                                    + t
                                                    * (
                                                        -0.03870656029975862
                                                        + t
                                                        * (
                                                            0.03377789343065193
                                                            + t
                                                            * (
                                                                -0.027647655631689416
                                                                + t
                                                                * (
                                                                    0.020353296494510793
                                                                    + t
                                                                    * (
                                                                        -0.012870730676469334
                                                                        + t
                                                                        * (
                                                                            0.006658915546323808
                                                                            + t
                                                                            * (
                                                                                -0.002666325665852107
                                                                                + t
                                                                                * (
                                                                                    0.0007672324445077555
                                                                                    + t
                                                                                    * (
                                                                                        -0.00014021027925546312
                                                                                        + t * 1.2166693854641267e-05
                                                                                    )
                                                                                )
                                                                            )
                                                                        )
                                                                    )
                                                                )
                                                            )
                                                        )
                                                    )
                                                )
                                            )
                                        )
                                    )
                                )
                            )
                        )
                    )
                )
            )
        )
        - logarithm
    )


def _stirling(x):
    """The series in DLMF 5.11.1, for x of 12 and more."""
    r = 1.0 / (x * x)
    return (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * (1 / 1188 - r * (691 / 360360)))))) / x


def _sin_pi(x):
    """sin(pi * x)"""
    whole = np.round(x)
    size = math.sin(math.pi * (x - whole))
    return size if whole == 2.0 * np.floor(0.5 * whole) else -size


def _digamma(x):
    """On [1, 2) a polynomial times the distance to the zero; DLMF 5.11.2 beyond 10, the recurrence 5.5.2 up to there,
    the reflection 5.5.4 below zero."""
    if x == 0.0:
        return np.copysign(np.inf, -x)
    if x < 0.0:
        if x == np.floor(x):
            return np.nan
        part = x - np.round(x)
        return _digamma(1.0 - x) - math.pi / math.tan(math.pi * part)
    if x >= 10.0:
        if x == np.inf:
            return x
        r = 1.0 / (x * x)
        series = 1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (1 / 132 - r * (691 / 32760 - r / 12)))))
        return math.log(x) - (0.5 / x + r * series)
    shift = 0.0
    while x >= 2.0:
        x -= 1.0
        shift += 1.0 / x
    distance = (x - 1.4616321449683622) - 9.549995429965697e-17
    t = x - 1.5
    if x < 1.0:
        shift = -1.0 / x
        distance = (x - 0.4616321449683623) - 4.0e-17
        t = x - 0.5
    return shift + distance * (
        0.951055876031833
        + t
        * (
            -0.4236274212814606
            + t
            * (
                0.24054248424077398
                + t
                * (
                    -0.14840492305389008
                    + t
                    * (
                        0.09498872445497238
                        + t
                        * (
                            -0.06192213327469506
                            + t
                            * (
                                0.0407608338108168
                                + t
                                * (
                                    -0.026975796691269628
                                    + t
                                    * (
                                        0.017907252481393614
                                        + t
                                        * (
                                            -0.011908219419392154
                                            + t
                                            * (
                                                0.007926944016827309
                                                + t
                                                * (
                                                    -0.005279946254647718
                                                    + t
                                                    * (
                                                        0.0035190121510207313
                                                        + t
                                                        * (
                                                            -0.00234542081364773
                                                            + t
                                                            * (
                                                                0.001556599268913159
                                                                + t
                                                                * (
                                                                    -0.0010368419105393027
                                                                    + t
                                                                    * (
                                                                        0.000723437442624704
                                                                        + t
                                                                        * (
                                                                            -0.00048473120639781043
                                                                            + t
                                                                            * (
                                                                                0.00022702393249121605
                                                                                + t
                                                                                * (
                                                                                    -0.00014697588874959698
                                                                                    + t
                                                                                    * (
                                                                                        0.00025985265945447256
                                                                                        + t * -0.00017656453636054703
                                                                                    )
                                                                                )
                                                                            )
                                                                        )
                                                                    )
                                                                )
                                                            )
                                                        )
                                                    )
                                                )
                                            )
                                        )
                                    )
                                )
                            )
                        )
                    )
                )
            )
        )
    )


def _polygamma(n, x):
    """(-1)**(n + 1) * n! * zeta(n + 1, x) (DLMF 25.11.12); for negative x the sum over all integers less the one
    beyond x, so that the work does not grow with the distance to zero."""
    order = int(n)
    s = order + 1.0
    x = np.float64(x)
    if x <= 0.0 and x == np.floor(x):
        return np.inf if order % 2 else np.nan
    parity = 1.0 if order % 2 else -1.0
    if x > 0.0:
        total = _zeta(s, x)
    else:
        part = x - np.round(x)
        total = part**-s + _zeta(s, 1.0 + part) + parity * (_zeta(s, 1.0 - part) - _zeta(s, 1.0 - x))
    factorial = 1.0
    for k in range(2, order + 1):
        factorial *= k
    return total * factorial * parity


def _zeta(s, x):
    """The Hurwitz zeta function for s > 1 and x > 0, by DLMF 25.11.43 beyond a shift of x."""
    total = 0.0
    while x < 14.0 + s:
        total += x**-s
        x += 1.0
    if x == np.inf:
        return 0.0
    r = 1.0 / (x * x)
    # The terms of Bernoulli numbers, each the last times (s + 2k - 1) (s + 2k) r.
    series = (s + 11.0) * (s + 12.0) * r * (1 / 74724249600)
    series = (s + 9.0) * (s + 10.0) * r * (-691 / 1307674368000 + series)
    series = (s + 7.0) * (s + 8.0) * r * (1 / 47900160 + series)
    series = (s + 5.0) * (s + 6.0) * r * (-1 / 1209600 + series)
    series = (s + 3.0) * (s + 4.0) * r * (1 / 30240 + series)
    series = (s + 1.0) * (s + 2.0) * r * (-1 / 720 + series)
    return total + (x ** (1.0 - s) / (s - 1.0) + 0.5 * x**-s + s * x ** (-s - 1.0) * (1 / 12 + series))
