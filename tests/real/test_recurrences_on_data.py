"""Recurrences on data: a Kalman filter's likelihood with its published maximum, GARCH with standard errors, an LSTM."""

import numpy as np
import pytest
from scipy.optimize import minimize

import gradc

NILE = """1120 1160 963 1210 1160 1160 813 1230 1370 1140 995 935 1110 994 1020 960 1180 799 958 1140 1100 1210 1150
1250 1260 1220 1030 1100 774 840 874 694 940 833 701 916 692 1020 1050 969 831 726 456 824 702 1120 1100 832 764 821
768 845 864 862 698 845 744 796 1040 759 781 865 845 944 984 897 822 1010 771 676 649 846 812 742 801 1040 860 874 848
890 744 749 838 1050 918 986 797 923 975 815 1020 906 901 1170 912 746 919 718 714 740"""
"""The yearly flow of the Nile at Aswan from 1871 to 1970, in 10**8 cubic metres (Cobb, Biometrika 65, 1978)."""


def test_local_level_of_the_nile():
    """Maximum likelihood: variances 15,099 and 1,469 (Durbin and Koopman, Time Series Analysis by State Space Methods,
    2.10)."""
    flow = np.array(NILE.split(), float)
    f = gradc.compile("""
        def step((a, P, total), y) = {
          F = P + exp(e)
          K = P / F
          (a + K*(y - a), P*(1 - K) + exp(q), total + log(F) + (y - a)**2 / F)
        }
        (a, P, total) = fold(step, (Y[0], exp(e) + exp(q), 0), Y[1:])
        0.5 * total
    """, wrt="e q").bind(Y=flow)  # fmt: skip

    def value_and_grad(x):
        value, grads = f.value_and_grad(*x)
        return value, np.array(grads)

    found = minimize(value_and_grad, [9.0, 7.0], jac=True, tol=1e-10)
    assert np.exp(found.x) == pytest.approx([15099, 1469], rel=2e-3)


def test_garch_with_standard_errors():
    rng = np.random.default_rng(3)
    true, h, returns = np.array([0.1, 0.12, 0.8]), 1.25, []
    for _ in range(2500):
        returns.append(np.sqrt(h) * rng.normal())
        h = true[0] + true[1] * returns[-1] ** 2 + true[2] * h
    f = gradc.compile("""
        def step((h, total), r) = (w + a*r**2 + b*h, total + 0.5*(log(h) + r**2 / h))
        (h, total) = fold(step, (mean(R**2), 0), R)
        total
    """, wrt="w a b").bind(R=np.array(returns))  # fmt: skip

    def value_and_grad(x):
        value, grads = f.value_and_grad(*x)
        return value, np.array(grads)

    found = minimize(value_and_grad, [0.2, 0.1, 0.7], jac=True, bounds=[(1e-6, None), (0, 1), (0, 1)], tol=1e-12)
    curved = f.hessian(*found.x)
    hessian = np.array([[curved[row][column] for column in "wab"] for row in "wab"])
    errors = np.sqrt(np.diag(np.linalg.inv(hessian)))
    assert np.all(np.abs(found.x - true) < 3 * errors)
    assert np.all((errors > 0.005) & (errors < 0.05))
    for k, step in enumerate(1e-5 * np.eye(3)):
        slope = (value_and_grad(found.x + step)[1] - value_and_grad(found.x - step)[1]) / 2e-5
        assert slope == pytest.approx(hessian[k], rel=1e-4)


def test_an_lstm_reads_the_rows_of_digits():
    datasets = pytest.importorskip("sklearn.datasets")
    digits = datasets.load_digits()
    rng = np.random.default_rng(0)
    order = rng.permutation(len(digits.target))
    rows, labels = digits.images[order].transpose(1, 0, 2) / 16, digits.target[order]
    hidden = 48
    network = """
        U: f64[k, q]
        def step((h, c), x) = {
          z = x @ W + h @ U + b
          n = sigmoid(z[:, :k] + 1) * c + sigmoid(z[:, k:2*k]) * tanh(z[:, 2*k:3*k])
          (sigmoid(z[:, 3*k:]) * tanh(n), n)
        }
        X: f64[rows, n, p]
        (h, c) = fold(step, (zeros((n, k)), zeros((n, k))), X)
        """
    loss = gradc.compile(network + "mean(softmax_cross_entropy(h @ V, y))", wrt="W U b V")
    weights = {
        "W": 0.3 * rng.normal(size=(8, 4 * hidden)), "U": 0.1 * rng.normal(size=(hidden, 4 * hidden)),
        "b": np.zeros(4 * hidden), "V": 0.1 * rng.normal(size=(hidden, 10)),
    }  # fmt: skip
    first, second = ({name: np.zeros_like(each) for name, each in weights.items()} for _ in range(2))
    steps = 0
    for _ in range(24):
        batches = rng.permutation(1400)
        for batch in batches.reshape(14, 100):
            steps += 1
            grads = loss.grad(X=np.ascontiguousarray(rows[:, batch]), y=labels[batch], **weights)
            for name, grad in grads._asdict().items():  # Adam
                first[name] += 0.1 * (grad - first[name])
                second[name] += 0.001 * (grad**2 - second[name])
                scale = np.sqrt(second[name] / (1 - 0.999**steps)) + 1e-8
                weights[name] -= 0.01 * 0.9 ** (steps / 60) * first[name] / (1 - 0.9**steps) / scale
    scores = gradc.compile(network + "h @ V")(X=np.ascontiguousarray(rows[:, 1400:]), **weights)
    assert np.mean(np.argmax(scores, axis=1) == labels[1400:]) >= 0.96
