"""Problems that programs solve by themselves, and derivatives through the solution: implied volatilities by Newton's
method, a network fitted to values and slopes, a Newton step, geodesics from an embedding."""

import numpy as np
import pytest
from scipy.optimize import brentq, minimize
from scipy.stats import norm

import gradc

BLACK_SCHOLES = """
def price(v) = {
  d = (log(S/K) + (r + v**2/2)*T) / (v*sqrt(T))
  S*normal_cdf(d) - K*exp(-r*T)*normal_cdf(d - v*sqrt(T))
}
"""
IMPLIED = (
    BLACK_SCHOLES
    + """
def newton(v) = {P = price(v); v - (P - C) / grad(P, v)}
def close(new, old) = abs(new - old) < 1e-13
iterate(newton, 0.3, until=close, limit=50)
"""
)
MARKET = dict(S=100.0, K=110.0, r=0.03, T=0.75)


def black_scholes(v, S, K, r, T):
    d = (np.log(S / K) + (r + v**2 / 2) * T) / (v * np.sqrt(T))
    return S * norm.cdf(d) - K * np.exp(-r * T) * norm.cdf(d - v * np.sqrt(T))


@pytest.mark.parametrize("engine", ["native", "interpreter"])
@pytest.mark.parametrize("C", [3.0, 6.5, 20.0])
def test_implied_volatility_and_its_greeks(C, engine):
    """The derivatives of the solution are those of the implicit function theorem: 1/vega for the price."""
    v, grads = gradc.compile(IMPLIED, engine=engine).value_and_grad(C=C, **MARKET)
    assert v == pytest.approx(brentq(lambda v: black_scholes(v, **MARKET) - C, 1e-3, 5, xtol=1e-14), rel=1e-12)
    _, greeks = gradc.compile(BLACK_SCHOLES + "price(v)", engine=engine).value_and_grad(v=v, **MARKET)
    assert grads.C == pytest.approx(1 / greeks.v, rel=1e-10)
    for name in MARKET:
        assert grads[name] == pytest.approx(-greeks[name] / greeks.v, rel=1e-9)


def test_a_network_fitted_to_values_and_slopes():
    """Czarnecki et al., "Sobolev training for neural networks" (2017): slopes make up for few points."""
    rng = np.random.default_rng(1)
    x = np.linspace(-2, 2, 7)
    text = """X: f64[n]; Y: f64[n]; D: f64[n]; W: f64[h]; b: f64[h]; V: f64[h]
    def net(x) = V @ tanh(W*x + b)
    def loss(total, x, y, d) = {u = x; f = net(u); total + (f - y)**2 + slopes*(grad(f, u) - d)**2}
    fold(loss, 0, X, Y, D)"""
    f = gradc.compile(text, wrt="W b V")
    start = rng.normal(size=(3, 8))

    def fitted(slopes):
        bound = f.bind(X=x, Y=np.sin(2 * x), D=2 * np.cos(2 * x), slopes=slopes)

        def objective(p):
            value, grads = bound.value_and_grad(*p.reshape(3, 8))
            return value, np.concatenate(list(grads))

        found = minimize(objective, start.ravel(), jac=True, options={"maxiter": 2000})
        W, b, V = found.x.reshape(3, 8)
        between = np.linspace(-2, 2, 101)
        return found.fun, np.max(np.abs(np.tanh(np.outer(between, W) + b) @ V - np.sin(2 * between)))

    (plain, far), (both, near) = fitted(0.0), fitted(1.0)
    assert plain < 1e-3 and both < 1e-2
    assert near < 0.1 and near < far
    grads = f.grad(X=x, Y=np.sin(2 * x), D=2 * np.cos(2 * x), slopes=1.0, W=start[0], b=start[1], V=start[2])
    moved = {"W": start[0].copy(), "b": start[1], "V": start[2]}
    sides = []
    for side in (1e-6, -1e-6):
        moved["W"][3] = start[0, 3] + side
        sides.append(f(X=x, Y=np.sin(2 * x), D=2 * np.cos(2 * x), slopes=1.0, **moved))
    assert grads.W[3] == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-6)


def test_a_newton_step_and_the_minimum_it_leads_to():
    """Of a quadratic function one step is the whole way, and the minimum's derivative is known."""
    text = "E = 0.5 * x @ (A @ x) - b @ x; x - solve(hessian(E, x), grad(E, x))"
    rng = np.random.default_rng(2)
    A = rng.normal(size=(4, 4))
    A, b = A @ A.T + np.eye(4), rng.normal(size=4)
    f = gradc.compile("A: f64[n, n]; b: f64[n]; x: f64[n]; " + text)
    np.testing.assert_allclose(f(A=A, b=b, x=rng.normal(size=4)), np.linalg.solve(A, b), rtol=1e-10)
    jacobian = f.jacobian(A=A, b=b, x=np.zeros(4)).b
    np.testing.assert_allclose(jacobian, np.linalg.inv(A), rtol=1e-9, atol=1e-12)


def test_a_geodesic_of_a_torus():
    """The metric is that of the embedding, its Christoffel symbols are derivatives of it; along a geodesic the speed
    and Clairaut's integral stay what they are."""
    geodesic = gradc.compile("""q: f64[2]; v: f64[2]
      place = [(R + r*cos(q[0]))*cos(q[1]), (R + r*cos(q[0]))*sin(q[1]), r*sin(q[0])]
      J = jacobian(place, q)
      g = J.T @ J
      L = 0.5 * v @ (g @ v)
      p = grad(L, v)
      solve(g, grad(L, q) - jacobian(p, q) @ v)
    """)
    metric = gradc.compile("""q: f64[2]
      place = [(R + r*cos(q[0]))*cos(q[1]), (R + r*cos(q[0]))*sin(q[1]), r*sin(q[0])]
      J = jacobian(place, q); J.T @ J""")
    shape = dict(R=2.0, r=0.7)
    q, v, dt = np.array([0.3, 0.0]), np.array([0.5, 0.8]), 1e-3

    def invariants():
        g = metric(q=q, **shape)
        return v @ g @ v, g[1] @ v

    def rate(y):
        return np.concatenate([y[2:], geodesic(q=y[:2], v=y[2:], **shape)])

    before = invariants()
    np.testing.assert_allclose(metric(q=q, **shape), np.diag([0.7**2, (2 + 0.7 * np.cos(0.3)) ** 2]), atol=1e-14)
    y = np.concatenate([q, v])
    for _ in range(500):
        a = rate(y)
        b = rate(y + dt / 2 * a)
        c = rate(y + dt / 2 * b)
        y = y + dt / 6 * (a + 2 * b + 2 * c + rate(y + dt * c))
    q, v = y[:2], y[2:]
    assert invariants() == pytest.approx(before, rel=1e-10)
