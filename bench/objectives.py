"""The programs of the race once more, over the functions of any library: `m` has them.

What a library calls otherwise, or lacks, is what `bench.race.libraries` says it is. The process of a peer reads this
file, so it imports nothing of gradc's.
"""

from __future__ import annotations

import random
from typing import Any


def neuron(m: Any, w0, x0, w1, x1, w2, x2):
    return 1 / (1 + m.exp(-(w0 * x0 + w1 * x1 + w2 * x2)))


def gelu(m: Any, x):
    return 0.5 * x * (1 + m.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))


def black_scholes(m: Any, S, K, r, sigma, T):
    root = sigma * m.sqrt(T)
    d1 = (m.log(S / K) + (r + sigma * sigma / 2) * T) / root
    return S * m.normal_cdf(d1) - K * m.exp(-r * T) * m.normal_cdf(d1 - root)


def exponential_fit(m: Any, y, a, b, t, c):
    residual = y - a * m.exp(-b * t) - c
    return m.sum(residual * residual)


def rosenbrock(m: Any, x):
    head, tail = x[:-1], x[1:]
    bend, rest = tail - head * head, 1 - head
    return m.sum(100 * bend * bend + rest * rest)


def log_sum_exp(m: Any, x):
    return m.log(m.sum(m.exp(x)))


def sum_of_squares(m: Any, x):
    return m.sum(x * x)


def logistic_regression(m: Any, X, y, w):
    return m.mean(m.softplus(-y * (X @ w)))


def softmax_net(m: Any, X, y, W1, b1, W2, b2):
    scores = m.relu(X @ W1 + b1) @ W2 + b2
    return m.mean(m.logsumexp(scores) - m.picked(scores, y))


def svm(m: Any, X, y, W, b):
    """The margin of the right class itself is 1 in every row."""
    scores = X @ W + b
    return m.mean(m.sum(m.relu(scores - m.picked(scores, y)[:, None] + 1), 1)) - 1


def attention(m: Any, Q, K, V):
    return m.sum((m.softmax(Q @ m.turned(K) / 32**0.5) @ V) ** 2)


def lstm_step(m: Any, X, H, C, Wf, Uf, Wi, Ui, Wo, Uo, Wc, Uc):
    f, i, o = (m.sigmoid(X @ W + H @ U) for W, U in ((Wf, Uf), (Wi, Ui), (Wo, Uo)))
    c = f * C + i * m.tanh(X @ Wc + H @ Uc)
    return m.sum((o * m.tanh(c)) ** 2)


def convolution(m: Any, X, W, b):
    """A product of matrices for each of the three places of the window, which every library can broadcast."""
    s = W[0] @ X[:, :, :-2] + W[1] @ X[:, :, 1:-1] + W[2] @ X[:, :, 2:]
    return m.sum(m.relu(s + b[:, None]) ** 2)


def kmeans(m: Any, X, C):
    return m.sum(m.least(m.sum((X[:, None, :] - C) ** 2, 2)))


def mixture(m: Any, X, a, mu, s):
    z = (X[:, None, :] - mu) / m.exp(s)
    component = m.sum(-0.5 * z * z - 0.9189385332046727 - s, 2)
    return m.sum(m.logsumexp(a - m.logsumexp(a) + component))


def kernel_ridge(m: Any, X, t, a, gamma, decay):
    K = m.exp(-gamma * m.sum((X[:, None, :] - X) ** 2, 2))
    fitted = K @ a
    return 0.5 * m.sum((t - fitted) ** 2) + 0.5 * decay * m.sum(a * fitted)


def batch_norm(m: Any, X, T, g, b):
    z = X - m.mean(X, 0)
    return m.sum((g * z / m.sqrt(m.mean(z * z, 0) + 1e-5) + b - T) ** 2)


def sir(m: Any, Y, beta, gamma):
    def step(state, y):
        s, i, loss = state
        caught, recovered = 0.05 * beta * s * i, 0.05 * gamma * i
        return s - caught, i + caught - recovered, loss + (i - y) ** 2

    return m.fold(step, (0.99, 0.01, 0.0), Y)[2]


def kalman(m: Any, Y, q, r):
    def step(state, y):
        mean, P, loss = state
        V = P + q
        S = V + r
        K, e = V / S, y - mean
        return mean + K * e, (1 - K) * V, loss + m.log(S) + e * e / S

    return m.fold(step, (0.0, 10.0, 0.0), Y)[2]


def garch(m: Any, R, w, a, b):
    def step(state, r):
        h, loss = state
        following = w + a * r * r + b * h
        return following, loss + m.log(following) + r * r / following

    return m.fold(step, (1.0, 0.0), R)[1]


def rk4(m: Any, stiffness, friction, T):
    def slope(x, v):
        return -stiffness * m.sin(x) - friction * v

    def step(state, t):
        x, v = state
        a1 = slope(x, v)
        v2 = v + 0.005 * a1
        a2 = slope(x + 0.005 * v, v2)
        v3 = v + 0.005 * a2
        a3 = slope(x + 0.005 * v2, v3)
        v4 = v + 0.01 * a3
        a4 = slope(x + 0.01 * v3, v4)
        return x + 0.01 / 6 * (v + 2 * v2 + 2 * v3 + v4), v + 0.01 / 6 * (a1 + 2 * a2 + 2 * a3 + a4) + t

    x, v = m.fold(step, (1.0, 0.0), T)
    return x * x + v * v


def rnn(m: Any, X, W, U):
    (s,) = m.fold(lambda state, x: (m.tanh(W @ x + U @ state[0]),), (m.zeros(64),), X)
    return m.sum(s * s)


def lstm(m: Any, X, Wf, Uf, Wi, Ui, Wo, Uo, Wc, Uc):
    def step(state, x):
        s, c = state
        f, i, o = (m.sigmoid(W @ x + U @ s) for W, U in ((Wf, Uf), (Wi, Ui), (Wo, Uo)))
        c = f * c + i * m.tanh(Wc @ x + Uc @ s)
        return o * m.tanh(c), c

    s, _ = m.fold(step, (m.zeros(32), m.zeros(32)), X)
    return m.sum(s * s)


def gaussian_process(m: Any, X, y, lengths, scale, noise):
    Z = X / lengths
    r = m.sum(Z * Z, 1)
    K = scale**2 * m.exp(Z @ Z.T - 0.5 * (r[:, None] + r)) + noise**2 * m.eye(y.shape[0])
    L = m.cholesky(K)
    return 0.5 * m.sum(y * m.solved(L, y)) + m.sum(m.log(m.diagonal(L)))


def loop(step: Any, start: Any, rows: Any) -> Any:
    """`m.fold` of libraries that have no loops: every step is more operations. `step` takes the state, a tuple."""
    state = start
    for k in range(rows.shape[0]):
        state = step(state, rows[k])
    return state


KINDS = ("sin", "cos", "tanh", "product", "mean")


def recipe(size: int) -> list[tuple[str, int, int]]:
    """So many operations on earlier values, of which the first eight are the inputs; no value exceeds 1."""
    rng = random.Random(size)
    return [
        (rng.choice(KINDS), rng.randrange(max(0, k - 50), k), rng.randrange(max(0, k - 200), k))
        for k in range(8, size + 8)
    ]


def scalar_graph(m: Any, *x):
    values = list(x)
    for kind, first, second in recipe(m.size):
        a, b = values[first], values[second]
        if kind == "product":
            values.append(a * b)
        elif kind == "mean":
            values.append(0.5 * (a + b))
        else:
            values.append(getattr(m, kind)(a))
    return sum(values[-7:], values[-8])


OBJECTIVES = {
    "neuron": neuron, "gelu": gelu, "black-scholes": black_scholes, "exponential-fit": exponential_fit,
    "rosenbrock": rosenbrock, "log-sum-exp": log_sum_exp, "sum-of-squares": sum_of_squares,
    "logistic-regression": logistic_regression, "softmax-net": softmax_net, "svm": svm, "attention": attention,
    "LSTM step": lstm_step, "convolution": convolution, "k-means": kmeans, "mixture": mixture,
    "kernel ridge": kernel_ridge, "batch norm": batch_norm, "SIR": sir, "Kalman": kalman, "GARCH": garch, "RK4": rk4,
    "RNN": rnn, "LSTM": lstm, "Gaussian process": gaussian_process, "scalar graph": scalar_graph,
}  # fmt: skip
"""By the names of `bench.workloads`."""

RECURRENCES = ("SIR", "Kalman", "GARCH", "RK4", "RNN", "LSTM")
"""Programs with `m.fold`."""
