"""A Gaussian process on the diabetes data: lengths, scale and noise by maximum likelihood."""

import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_diabetes

import gradc

LIKELIHOOD = """
X: f64[n, d]; y: f64[n]; lengths: f64[d]; scale: f64; noise: f64
Z = X / exp(lengths)
r = sum(Z**2, axis=1)
K = exp(2 * scale) * exp(Z @ Z.T - 0.5 * (r[:, None] + r[None, :])) + exp(2 * noise) * eye(n)
0.5 * (y @ inv(K, assume_a="pos") @ y + logdet(K, assume_a="pos")) + 0.9189385332046727 * n
"""


def test_the_likelihood_is_maximised_and_predicts():
    X, y = load_diabetes(return_X_y=True)
    X, y = X / X.std(axis=0), (y - y.mean()) / y.std()
    train, test = slice(0, 342), slice(342, None)
    start = {"lengths": np.ones(10), "scale": 0.0, "noise": 0.0}
    loss = gradc.interop.scipy.objective(LIKELIHOOD, data={"X": X[train], "y": y[train]}, start=start)
    fit = minimize(loss, loss.x0, jac=True, method="L-BFGS-B", options={"maxiter": 40})
    assert fit.fun < loss(loss.x0)[0] - 50
    found = loss.unpack(fit.x)
    kernel = gradc.compile(
        "Z = A / exp(lengths); W = B / exp(lengths);"
        "exp(2 * scale) * exp(-0.5 * sum((Z[:, None, :] - W[None, :, :])**2, axis=2))"
    )
    names = {name: found[name] for name in ("lengths", "scale")}
    K = kernel(A=X[train], B=X[train], **names) + np.exp(2 * found["noise"]) * np.eye(342)
    guess = kernel(A=X[test], B=X[train], **names) @ np.linalg.solve(K, y[train])
    assert 1 - np.mean((guess - y[test]) ** 2) / np.var(y[test]) > 0.4
