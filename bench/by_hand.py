"""Value and gradients as a NumPy expert writes them: derived on paper, shared parts computed once, no tape.

Each function takes the inputs of its workload in order and returns the value and a tuple of gradients. They are the
references that every competitor's answer is held against, so they are stable where the formula as typed is not.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from gradc.bench.workload import Answer

BLAS_ALONE = 8192
"""Up to this many elements the BLAS computes a dot product in one thread. Beyond, it waits for a second one, a
hundred times longer than the work takes where another process keeps that processor busy."""


def dot(x, y) -> float:
    """The dot product without a temporary array, in one thread."""
    return x @ y if x.size <= BLAS_ALONE else np.einsum("i,i", x, y)


def neuron(w0, x0, w1, x1, w2, x2) -> Answer:
    value = 1.0 / (1.0 + np.exp(-(w0 * x0 + w1 * x1 + w2 * x2)))
    slope = value * (1.0 - value)
    return value, (slope * x0, slope * w0, slope * x1, slope * w1, slope * x2, slope * w2)


def gelu(x) -> Answer:
    """The Gaussian error linear unit by its tanh.

    D. Hendrycks, K. Gimpel, "Gaussian Error Linear Units (GELUs)", 2016.
    """
    square = x * x
    bend = np.tanh(0.7978845608028654 * x * (1.0 + 0.044715 * square))
    half = 0.5 + 0.5 * bend
    slope = 0.7978845608028654 * (1.0 + 0.134145 * square)
    return x * half, (half + 0.5 * x * (1.0 - bend * bend) * slope,)


def black_scholes(S, K, r, sigma, T) -> Answer:
    """Price of a European call; its derivatives: delta, by the strike, rho, vega, by the expiry (minus theta).

    F. Black, M. Scholes, "The Pricing of Options and Corporate Liabilities", 1973.
    """
    root = np.sqrt(T)
    width = sigma * root
    d1 = (np.log(S / K) + (r + 0.5 * sigma * sigma) * T) / width
    inside, exercised = ndtr(d1), ndtr(d1 - width)
    discounted = K * np.exp(-r * T)
    paid = discounted * exercised
    scaled_density = S * (np.exp(-0.5 * d1 * d1) * 0.3989422804014327)
    price = S * inside - paid
    return price, (
        inside,
        -paid / K,
        T * paid,
        scaled_density * root,
        scaled_density * sigma / (2.0 * root) + r * paid,
    )


def exponential_fit(y, a, b, t, c) -> Answer:
    decay = np.exp(-b * t)
    residual = y - a * decay - c
    by_a = dot(residual, decay)
    decay *= t
    return dot(residual, residual), (-2.0 * by_a, 2.0 * a * dot(residual, decay), -2.0 * np.sum(residual))


def rosenbrock(x) -> Answer:
    head, tail = x[:-1], x[1:]
    bend = tail - head * head
    rest = 1.0 - head
    grad = np.zeros_like(x)
    grad[1:] = 200.0 * bend
    grad[:-1] -= 400.0 * bend * head + 2.0 * rest
    return 100.0 * dot(bend, bend) + dot(rest, rest), (grad,)


def log_sum_exp(x) -> Answer:
    largest = np.max(x)
    weights = np.exp(x - largest)
    total = np.sum(weights)
    weights /= total
    return np.log(total) + largest, (weights,)


def sum_of_squares(x) -> Answer:
    return dot(x, x), (2.0 * x,)


def logistic_loss(y, s) -> Answer:
    margin = y * s
    decay = np.exp(-np.abs(margin))
    loss = np.mean(np.maximum(-margin, 0.0) + np.log1p(decay))
    slope = np.where(margin >= 0.0, decay, 1.0)
    slope /= decay + 1.0
    slope /= -margin.size
    return loss, (slope * s, slope * y)


def logistic_regression(X, y, w) -> Answer:
    margin = y * (X @ w)
    decay = np.exp(-np.abs(margin))
    loss = np.mean(np.maximum(-margin, 0.0) + np.log1p(decay))
    slope = np.where(margin >= 0.0, decay, 1.0)
    slope /= decay + 1.0
    slope *= y
    slope /= -y.size
    return loss, (slope @ X,)


def softmax_net(X, y, W1, b1, W2, b2) -> Answer:
    rows = np.arange(y.size)
    hidden = X @ W1
    hidden += b1
    np.maximum(hidden, 0.0, out=hidden)
    scores = hidden @ W2
    scores += b2
    scores -= scores.max(axis=1, keepdims=True)
    of_label = scores[rows, y]
    np.exp(scores, out=scores)
    totals = scores.sum(axis=1, keepdims=True)
    loss = np.mean(np.log(totals[:, 0]) - of_label)
    scores /= totals
    scores[rows, y] -= 1.0
    scores /= y.size
    hidden_bar = scores @ W2.T
    hidden_bar[hidden <= 0.0] = 0.0
    return loss, (X.T @ hidden_bar, hidden_bar.sum(axis=0), hidden.T @ scores, scores.sum(axis=0))


def svm(X, y, W, b) -> Answer:
    rows = np.arange(y.size)
    scores = X @ W
    scores += b
    scores += 1.0 - scores[rows, y][:, None]
    scores[rows, y] = 0.0
    np.maximum(scores, 0.0, out=scores)
    loss = scores.sum() / y.size
    wrong = (scores > 0.0) / y.size
    wrong[rows, y] = -wrong.sum(axis=1)
    return loss, (X.T @ wrong, wrong.sum(axis=0))
