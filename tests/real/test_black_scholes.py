"""European call options: price and five first-order Greeks of 1,000,000 rows in one pass (Black and Scholes 1973).

Conditioning decides what a double formula can give: an option z standard deviations out of the money loses a factor of
about |z| / (volatility * sqrt(time)) of its relative accuracy to the difference of two nearly equal terms. The rows are
a book's: within three standard deviations of the money, and with at least 3 % of standard deviation until expiry.
"""

import mpmath
import numpy as np
from scipy.special import ndtr

import gradc

PROGRAM = """
d1 = (log(spot / strike) + (rate + volatility**2 / 2) * time) / (volatility * sqrt(time))
d2 = d1 - volatility * sqrt(time)
spot * normal_cdf(d1) - strike * exp(-rate * time) * normal_cdf(d2)
"""
NAMES = ("spot", "strike", "rate", "volatility", "time")
ROWS = 1_000_000


def book(rows):
    rng = np.random.default_rng(1973)
    spot, rate = rng.uniform(20, 400, rows), rng.uniform(0.001, 0.08, rows)
    volatility, time = rng.uniform(0.1, 0.8, rows), rng.uniform(0.1, 3.0, rows)
    strike = spot * np.exp(rate * time + rng.uniform(-3, 3, rows) * volatility * np.sqrt(time))
    return {"spot": spot, "strike": strike, "rate": rate, "volatility": volatility, "time": time}


def closed_forms(spot, strike, rate, volatility, time):
    """Price, delta, dual delta, rho, vega and the derivative for time to expiry (minus theta).

    The identity spot * pdf(d1) == discounted strike * pdf(d2) has removed everything that cancels.
    """
    deviation = volatility * np.sqrt(time)
    d1 = (np.log(spot / strike) + rate * time) / deviation + deviation / 2
    d2 = (np.log(spot / strike) + rate * time) / deviation - deviation / 2
    discounted = strike * np.exp(-rate * time)
    density = spot * np.exp(-d1 * d1 / 2) / np.sqrt(2 * np.pi)
    price = spot * ndtr(d1) - discounted * ndtr(d2)
    decay = density * volatility / (2 * np.sqrt(time)) + rate * discounted * ndtr(d2)
    return (
        price,
        ndtr(d1),
        -np.exp(-rate * time) * ndtr(d2),
        time * discounted * ndtr(d2),
        density * np.sqrt(time),
        decay,
    )


def exact(spot, strike, rate, volatility, time):
    """The same in 40 digits."""
    with mpmath.workdps(40):
        s, k, r, v, t = map(mpmath.mpf, (spot, strike, rate, volatility, time))
        deviation = v * mpmath.sqrt(t)
        d1 = (mpmath.log(s / k) + r * t) / deviation + deviation / 2
        d2 = d1 - deviation
        discounted = k * mpmath.exp(-r * t)
        density = s * mpmath.npdf(d1)
        price = s * mpmath.ncdf(d1) - discounted * mpmath.ncdf(d2)
        decay = density * v / (2 * mpmath.sqrt(t)) + r * discounted * mpmath.ncdf(d2)
        return [float(value) for value in (
            price, mpmath.ncdf(d1), -discounted / k * mpmath.ncdf(d2), t * discounted * mpmath.ncdf(d2),
            density * mpmath.sqrt(t), decay,
        )]  # fmt: skip


def test_price_and_greeks_of_a_million_rows(every_engine):
    rows = book(ROWS)
    function = gradc.compile(PROGRAM, engine=every_engine)
    assert function.inputs == NAMES
    price, greeks = function.value_and_grad(**rows)
    for found, expected in zip((price, *greeks), closed_forms(**rows), strict=True):
        assert found.shape == (ROWS,)
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    for row in range(0, ROWS, ROWS // 200):
        expected = exact(*(rows[name][row] for name in NAMES))
        np.testing.assert_allclose([price[row], *(greek[row] for greek in greeks)], expected, rtol=1e-12)
