"""A quant: Greeks of many options in one pass, implied volatilities, and a smile calibrated by least squares."""

import numpy as np
from scipy.integrate import quad
from scipy.optimize import least_squares
from scipy.stats import norm

import gradc

BLACK_SCHOLES = """d1 = (log(S/K) + (r + v**2/2)*T) / (v*sqrt(T))
d2 = d1 - v*sqrt(T)
S*normal_cdf(d1) - K*exp(-r*T)*normal_cdf(d2)"""

# prices and Greeks of 100,000 spots
price = gradc.compile(BLACK_SCHOLES)
spots = np.linspace(50, 150, 100_000)
at = {"K": 100.0, "r": 0.02, "v": 0.25, "T": 0.75}
value, greeks = price.value_and_grad(S=spots, **at)
d1 = (np.log(spots / 100) + (0.02 + 0.25**2 / 2) * 0.75) / (0.25 * np.sqrt(0.75))
np.testing.assert_allclose(greeks.S, norm.cdf(d1), rtol=1e-10)
np.testing.assert_allclose(greeks.v, np.sum(spots * norm.pdf(d1) * np.sqrt(0.75)), rtol=1e-10)
vegas = price.grad(S=spots, K=100.0, r=0.02, v=np.full(spots.size, 0.25), T=0.75).v
np.testing.assert_allclose(vegas, spots * norm.pdf(d1) * np.sqrt(0.75), rtol=1e-9)
gamma = gradc.compile(BLACK_SCHOLES, wrt="S").hvp(np.ones(spots.size), S=spots, **at).S
np.testing.assert_allclose(gamma, norm.pdf(d1) / (spots * 0.25 * np.sqrt(0.75)), rtol=1e-9)

# a smile, calibrated to quotes at two maturities
K = np.tile(np.linspace(80, 120, 9), 2)
T = np.repeat([0.5, 1.0], 9)
smile = "m = log(K/S)\nv = level + skew*m + smile*m**2\n" + BLACK_SCHOLES
truth = {"level": 0.22, "skew": -0.15, "smile": 0.4}
quotes = gradc.compile(smile)(K=K, T=T, S=100.0, r=0.02, **truth)
calibration = gradc.interop.scipy.objective(
    smile.replace("S*normal_cdf", "(S*normal_cdf").replace("normal_cdf(d2)", "normal_cdf(d2) - quote) / spread"),
    data={"K": K, "T": T, "quote": quotes, "spread": np.full(18, 0.05)},
    start={"level": 0.3, "skew": 0.0, "smile": 0.0},
    fixed={"S": 100.0, "r": 0.02},
    bounds={"level": (0.01, 2.0)},
)
fit = least_squares(calibration.value, calibration.x0, jac=calibration.jac, bounds=calibration.bounds)
assert fit.nfev < 20
found = calibration.unpack(fit.x)
assert all(abs(found[name] - truth[name]) < 1e-6 for name in truth), found
slopes = least_squares(calibration.value, calibration.x0, bounds=calibration.bounds)
np.testing.assert_allclose(fit.x, slopes.x, atol=1e-6)

# an expectation as an integral of machine code, and its own derivative
payoff = "max(S*exp((r - v**2/2)*T + v*sqrt(T)*z) - K, 0) * exp(-r*T) * normal_pdf(z)"
numbers = {"S": 100.0, **at}
order = "S K r v T"
args = tuple(numbers[name] for name in order.split())
call = gradc.interop.scipy.integrand(payoff, "z", args=order)
vega = gradc.interop.scipy.integrand(payoff, "z", args=order, derivative="v")
kink = (np.log(100 / 100) - (0.02 - 0.25**2 / 2) * 0.75) / (0.25 * np.sqrt(0.75))
integral = quad(call, kink, 12, args=args)[0]
np.testing.assert_allclose(integral, price(**numbers), rtol=1e-8)
np.testing.assert_allclose(quad(vega, kink, 12, args=args)[0], price.grad(**numbers).v, rtol=1e-8)
