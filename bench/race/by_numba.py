"""Value and gradients as loops that a Numba user writes: one pass, derived on paper, every processor."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, prange

loops = njit(parallel=True, fastmath=True, error_model="numpy", cache=True)
DENSITY_AT_ZERO = 0.3989422804014327


@njit(fastmath=True, cache=True)
def normal_cdf(x):
    return 0.5 * math.erfc(-0.7071067811865476 * x)


@loops
def neuron(w0, x0, w1, x1, w2, x2):
    n = w0.size
    value, grads = np.empty(n), np.empty((6, n))
    for i in prange(n):
        v = 1 / (1 + math.exp(-(w0[i] * x0[i] + w1[i] * x1[i] + w2[i] * x2[i])))
        slope = v * (1 - v)
        value[i] = v
        grads[0, i], grads[1, i] = slope * x0[i], slope * w0[i]
        grads[2, i], grads[3, i] = slope * x1[i], slope * w1[i]
        grads[4, i], grads[5, i] = slope * x2[i], slope * w2[i]
    return value, (grads[0], grads[1], grads[2], grads[3], grads[4], grads[5])


@loops
def gelu(x):
    value, grad = np.empty(x.size), np.empty(x.size)
    for i in prange(x.size):
        square = x[i] * x[i]
        bend = math.tanh(0.7978845608028654 * x[i] * (1 + 0.044715 * square))
        value[i] = 0.5 * x[i] * (1 + bend)
        grad[i] = 0.5 * (1 + bend) + 0.5 * x[i] * (1 - bend * bend) * 0.7978845608028654 * (1 + 0.134145 * square)
    return value, (grad,)


@loops
def black_scholes(S, K, r, sigma, T):
    n = S.size
    value, grads = np.empty(n), np.empty((5, n))
    for i in prange(n):
        root = math.sqrt(T[i])
        width = sigma[i] * root
        d1 = (math.log(S[i] / K[i]) + (r[i] + 0.5 * sigma[i] * sigma[i]) * T[i]) / width
        inside = normal_cdf(d1)
        paid = K[i] * math.exp(-r[i] * T[i]) * normal_cdf(d1 - width)
        density = S[i] * DENSITY_AT_ZERO * math.exp(-0.5 * d1 * d1)
        value[i] = S[i] * inside - paid
        grads[0, i], grads[1, i], grads[2, i] = inside, -paid / K[i], T[i] * paid
        grads[3, i], grads[4, i] = density * root, density * sigma[i] / (2 * root) + r[i] * paid
    return value, (grads[0], grads[1], grads[2], grads[3], grads[4])


@loops
def exponential_fit(y, a, b, t, c):
    total, by_a, by_b, by_c = 0.0, 0.0, 0.0, 0.0
    for i in prange(y.size):
        decay = math.exp(-b * t[i])
        residual = y[i] - a * decay - c
        total += residual * residual
        by_a += residual * decay
        by_b += residual * decay * t[i]
        by_c += residual
    return total, (-2 * by_a, 2 * a * by_b, -2 * by_c)


@loops
def rosenbrock(x):
    n = x.size
    total, grad = 0.0, np.empty(n)
    for i in prange(n):
        slope = 0.0
        if i + 1 < n:
            bend, rest = x[i + 1] - x[i] * x[i], 1 - x[i]
            total += 100 * bend * bend + rest * rest
            slope = -400 * bend * x[i] - 2 * rest
        if i > 0:
            slope += 200 * (x[i] - x[i - 1] * x[i - 1])
        grad[i] = slope
    return total, (grad,)


@loops
def log_sum_exp(x):
    n = x.size
    largest, total, grad = np.max(x), 0.0, np.empty(n)
    for i in prange(n):
        grad[i] = math.exp(x[i] - largest)
        total += grad[i]
    for i in prange(n):
        grad[i] /= total
    return math.log(total) + largest, (grad,)


@loops
def sum_of_squares(x):
    total, grad = 0.0, np.empty(x.size)
    for i in prange(x.size):
        total += x[i] * x[i]
        grad[i] = 2 * x[i]
    return total, (grad,)


@loops
def logistic_regression(X, y, w):
    n, d = X.shape
    total, grad = 0.0, np.zeros(d)
    for i in prange(n):
        score = 0.0
        for j in range(d):
            score += X[i, j] * w[j]
        margin = y[i] * score
        decay = math.exp(-abs(margin))
        total += max(-margin, 0.0) + math.log1p(decay)
        slope = -y[i] * (decay if margin >= 0 else 1.0) / (1 + decay)
        grad += slope * X[i]
    return total / n, (grad / n,)


@loops
def kmeans(X, C):
    n, d = X.shape
    total, grad = 0.0, np.zeros(C.shape)
    for i in prange(n):
        nearest, least = 0, np.inf
        for k in range(C.shape[0]):
            square = 0.0
            for j in range(d):
                square += (X[i, j] - C[k, j]) ** 2
            if square < least:
                nearest, least = k, square
        total += least
        part = np.zeros(C.shape)
        part[nearest] = 2 * (C[nearest] - X[i])
        grad += part
    return total, (grad,)


@loops
def kernel_ridge(X, t, a, gamma, decay):
    n, d = X.shape
    squares, kernel = np.empty((n, n)), np.empty((n, n))
    fitted = np.zeros(n)
    for i in prange(n):
        for k in range(n):
            square = 0.0
            for j in range(d):
                square += (X[i, j] - X[k, j]) ** 2
            squares[i, k], kernel[i, k] = square, math.exp(-gamma * square)
            fitted[i] += kernel[i, k] * a[k]
    total, by_gamma = 0.0, 0.0
    grad = np.empty(n)
    for i in prange(n):
        total += 0.5 * (t[i] - fitted[i]) ** 2 + 0.5 * decay * a[i] * fitted[i]
        slope = fitted[i] - t[i] + 0.5 * decay * a[i]
        by_a = 0.5 * decay * fitted[i]
        for k in range(n):
            by_a += kernel[i, k] * (fitted[k] - t[k] + 0.5 * decay * a[k])
            by_gamma -= slope * kernel[i, k] * squares[i, k] * a[k]
        grad[i] = by_a
    return total, (grad, by_gamma)


# ---------------------------------------------------------------- recurrences: a loop forwards, and one backwards

one_after_another = njit(fastmath=True, error_model="numpy", cache=True)


@one_after_another
def sir(Y, beta, gamma):
    n = Y.size
    ss, ii = np.empty(n), np.empty(n)
    s, i, loss = 0.99, 0.01, 0.0
    for k in range(n):
        ss[k], ii[k] = s, i
        loss += (i - Y[k]) ** 2
        caught, recovered = 0.05 * beta * s * i, 0.05 * gamma * i
        s, i = s - caught, i + caught - recovered
    of_s, of_i, of_beta, of_gamma = 0.0, 0.0, 0.0, 0.0
    for k in range(n - 1, -1, -1):
        s, i, moved = ss[k], ii[k], of_i - of_s
        of_beta += 0.05 * s * i * moved
        of_gamma -= 0.05 * i * of_i
        of_s += 0.05 * beta * i * moved
        of_i += 0.05 * beta * s * moved - 0.05 * gamma * of_i + 2 * (i - Y[k])
    return loss, (of_beta, of_gamma)


@one_after_another
def kalman(Y, q, r):
    n = Y.size
    means, widths = np.empty(n), np.empty(n)
    m, P, loss = 0.0, 10.0, 0.0
    for k in range(n):
        V = P + q
        means[k], widths[k] = m, V
        S, e = V + r, Y[k] - m
        K = V / S
        loss += math.log(S) + e * e / S
        m, P = m + K * e, (1 - K) * V
    of_m, of_P, of_q, of_r = 0.0, 0.0, 0.0, 0.0
    for k in range(n - 1, -1, -1):
        V, e = widths[k], Y[k] - means[k]
        S = V + r
        K = V / S
        of_K = of_m * e - of_P * V
        of_S = 1 / S - e * e / (S * S) - of_K * K / S
        of_V = of_P * (1 - K) + of_K / S + of_S
        of_m += -of_m * K - 2 * e / S
        of_r += of_S
        of_q += of_V
        of_P = of_V
    return loss, (of_q, of_r)


@one_after_another
def garch(R, w, a, b):
    n = R.size
    hs = np.empty(n + 1)
    hs[0], loss = 1.0, 0.0
    for k in range(n):
        h = w + a * R[k] ** 2 + b * hs[k]
        hs[k + 1] = h
        loss += math.log(h) + R[k] ** 2 / h
    of_h, of_w, of_a, of_b = 0.0, 0.0, 0.0, 0.0
    for k in range(n - 1, -1, -1):
        h, square = hs[k + 1], R[k] ** 2
        of_h += 1 / h - square / (h * h)
        of_w += of_h
        of_a += of_h * square
        of_b += of_h * hs[k]
        of_h *= b
    return loss, (of_w, of_a, of_b)


@one_after_another
def rk4(stiffness, friction, T):
    n = T.size
    xs, vs = np.empty((n, 4)), np.empty((n, 4))
    x, v = 1.0, 0.0
    for k in range(n):
        at, speed = x, v
        move, push = 0.0, 0.0
        for j in range(4):
            xs[k, j], vs[k, j] = at, speed
            a = -stiffness * math.sin(at) - friction * speed
            weight = 2.0 if 0 < j < 3 else 1.0
            move, push = move + weight * speed, push + weight * a
            reach = 0.01 if j == 2 else 0.005
            at, speed = x + reach * speed, v + reach * a
        x, v = x + 0.01 / 6 * move, v + 0.01 / 6 * push + T[k]
    value = x * x + v * v
    of_x, of_v, of_stiffness, of_friction = 2 * x, 2 * v, 0.0, 0.0
    of_T = np.empty(n)
    for k in range(n - 1, -1, -1):
        of_T[k] = of_v
        start_x, start_v = of_x, of_v
        of_at, of_speed = 0.0, 0.0  # of the place and the speed that the stage after this one begins with
        for j in range(3, -1, -1):
            weight = 0.01 / 6 * (2.0 if 0 < j < 3 else 1.0)
            reach = 0.01 if j == 2 else 0.005
            of_a = weight * start_v + reach * of_speed
            on = weight * start_x + reach * of_at
            at, speed = xs[k, j], vs[k, j]
            of_stiffness -= of_a * math.sin(at)
            of_friction -= of_a * speed
            of_at = -of_a * stiffness * math.cos(at)
            of_speed = on - of_a * friction
            of_x, of_v = of_x + of_at, of_v + of_speed
    return value, (of_stiffness, of_friction, of_T)


@one_after_another
def rnn(X, W, U):
    n, h = X.shape[0], U.shape[0]
    states = np.zeros((n + 1, h))
    for k in range(n):
        states[k + 1] = np.tanh(np.dot(W, X[k]) + np.dot(U, states[k]))
    of_s = 2 * states[n]
    turned = np.ascontiguousarray(U.T)
    bends = np.empty((n, h))
    for k in range(n - 1, -1, -1):
        bends[k] = of_s * (1 - states[k + 1] ** 2)
        of_s = np.dot(turned, bends[k])
    return np.sum(states[n] ** 2), (np.dot(bends.T, X), np.dot(bends.T, states[:n]))


WRITTEN: dict[str, Callable[..., Any]] = {
    "neuron": neuron, "gelu": gelu, "black-scholes": black_scholes, "exponential-fit": exponential_fit,
    "rosenbrock": rosenbrock, "log-sum-exp": log_sum_exp, "sum-of-squares": sum_of_squares,
    "logistic-regression": logistic_regression, "k-means": kmeans, "kernel ridge": kernel_ridge,
    "SIR": sir, "Kalman": kalman, "GARCH": garch, "RK4": rk4, "RNN": rnn,
}  # fmt: skip
"""By the names of `bench.workloads`."""
