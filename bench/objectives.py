"""The programs of `bench.peers` once more, over the functions of any library: `m` has them.

What a library calls otherwise, or lacks, is what `bench.peer_process` says it is. The process of a peer reads this
file, so it imports nothing.
"""

from __future__ import annotations

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


def network(m: Any, X, W1, b1, W2, b2, y):
    scores = m.relu(X @ W1 + b1) @ W2 + b2
    return m.mean(m.logsumexp(scores) - m.picked(scores, y))


def lstm_step(m: Any, X, H, C, Wf, Uf, Wi, Ui, Wo, Uo, Wc, Uc):
    f, i, o = (m.sigmoid(X @ W + H @ U) for W, U in ((Wf, Uf), (Wi, Ui), (Wo, Uo)))
    c = f * C + i * m.tanh(X @ Wc + H @ Uc)
    return m.sum((o * m.tanh(c)) ** 2)


def attention(m: Any, Q, K, V):
    return m.sum((m.softmax(Q @ m.turned(K) / 4.0) @ V) ** 2)


OBJECTIVES = {
    "neuron": neuron, "gelu": gelu, "black-scholes": black_scholes, "exponential-fit": exponential_fit,
    "rosenbrock": rosenbrock, "log-sum-exp": log_sum_exp, "sum-of-squares": sum_of_squares,
    "network": network, "LSTM step": lstm_step, "attention": attention,
}  # fmt: skip
"""By the names of `bench.workloads` and `bench.growth`."""
