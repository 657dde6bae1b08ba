"""Functions that cannot be traced, one for each reason; x is an array of three numbers, s one number."""

import math

import numpy as np
import scipy.linalg
import scipy.stats

RNG = np.random.default_rng(0)
TABLE = np.arange(12.0).reshape(4, 3)


def branch(x, s):
    y = 2 * s
    if y > 1:
        return x
    return -x


def chained(x, s):
    return x if 0 < s < 1 else -x


def both(x, s):
    if s > 0 and s < 1:
        return x
    return -x


def loop(x, s):
    while s > 1e-3:
        s = s / 2
    return s


def asserted(x, s):
    assert np.all(x > 0), "x has to be positive"
    return x


def builtin_max(x, s):
    return max(s, 0.0) * x


def ordered(x, s):
    return sorted(x)


def assignment(x, s):
    y = 2 * x
    y[0] = s
    return y


def stored(x, s):
    y = np.zeros(3)
    for i in range(3):
        y[i] = x[i] * s
    return y


def functional_update(x, s):
    return x.at[0].set(s)


def as_float(x, s):
    return float(s) * x


def as_int(x, s):
    return x[int(s)]


def as_item(x, s):
    return x.sum().item()


def by_math(x, s):
    return math.exp(s) * x


def by_math_gamma(x, s):
    return math.lgamma(s) * x


def as_range(x, s):
    return sum(s * k for k in range(s))


def as_key(x, s):
    return {1.0: x}[s]


def as_text(x, s):
    print(f"{s:.3f}")
    return x


def drawn(x, s):
    return x + RNG.normal(s)


def of_scipy(x, s):
    return scipy.linalg.solve(np.outer(x, x), x)


def decomposed(x, s):
    return np.linalg.eigvals(np.outer(x, x))


def cauchy(x, s):
    return scipy.stats.cauchy.logpdf(x)


def unknown(x, s):
    return np.unique(x)


def into_out(x, s):
    y = np.empty(3)
    np.exp(x, out=y)
    return y


def sorted_in_place(x, s):
    x.sort()
    return x


def indexed_table(x, s):
    return TABLE[s]


def whole_numbers(x, s):
    return x.astype(int)


def places(x, s):
    return np.where(x > 0)


def selected(x, s):
    return x[x > 0]


def foreign(x, s):
    return x.detach()


def mismatch(x, s):
    w = np.ones(4)
    return x @ w


def broadcast(x, s):
    return x + np.ones(4)


def out_of_range(x, s):
    return x[3]


def wrong_axis(x, s):
    return np.sum(x, axis=1)


def nothing(x, s):
    x = x * s


def pieces(x, s):
    return {"x": x}


def endless(x, s):
    return endless(x, s)


def text_operand(x, s):
    return x + "1"


def complex_number(x, s):
    return x * 1j


def inner(y):
    return y.reshape(2, 2)


def in_a_call(x, s):
    return inner(x * s)
