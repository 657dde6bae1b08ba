"""Objectives as people write them for HIPS autograd: `np` is autograd's, and nothing else is changed for gradc."""

import autograd.numpy as np
import autograd.scipy.stats.norm as norm
import numpy
from autograd.scipy.special import gammaln, logsumexp

RNG = numpy.random.RandomState(0)


def logistic_regression(weights, inputs, targets):
    predictions = 0.5 * (np.tanh(np.dot(inputs, weights)) + 1)
    label_probabilities = predictions * targets + (1 - predictions) * (1 - targets)
    return -np.sum(np.log(label_probabilities))


def neural_net(params, inputs, targets, L2=0.1):
    squares = 0.0
    for W, b in params:
        squares = squares + np.sum(W**2) + np.sum(b**2)
        outputs = np.dot(inputs, W) + b
        inputs = np.tanh(outputs)
    log_probabilities = outputs - logsumexp(outputs, axis=1, keepdims=True)
    return 0.5 * L2 * squares - np.sum(log_probabilities * targets)


def gaussian_mixture(params, data):
    log_proportions = params["log proportions"] - logsumexp(params["log proportions"])
    terms = []
    for log_proportion, mean, log_deviation in zip(log_proportions, params["means"], params["log deviations"]):
        terms.append(log_proportion + np.sum(norm.logpdf(data, mean, np.exp(log_deviation)), axis=1))
    return -np.sum(logsumexp(np.array(terms), axis=0))


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def pendulum(parameters, angles):
    length, damping = parameters
    state = np.array([1.0, 0.0])

    def slope(state):
        angle, speed = state
        return np.array([speed, -9.81 / length * np.sin(angle) - damping * speed])

    error, step = 0.0, 0.05
    for angle in angles:
        k1 = slope(state)
        k2 = slope(state + step / 2 * k1)
        k3 = slope(state + step / 2 * k2)
        k4 = slope(state + step * k3)
        state = state + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        error += (state[0] - angle) ** 2
    return error


def recurrent_net(params, inputs, targets):
    hidden = np.repeat(params["initial"], inputs.shape[1], axis=0)
    loss = 0.0
    for k in range(len(inputs)):
        joined = np.concatenate([inputs[k], hidden, np.ones((inputs.shape[1], 1))], axis=1)
        hidden = np.tanh(np.dot(joined, params["change"]))
        loss = loss + np.mean((np.dot(hidden, params["predict"]) - targets[k]) ** 2)
    return loss


def long_short_term_memory(params, inputs):
    def sigmoid(x):
        return 0.5 * (np.tanh(x) + 1.0)

    hidden, cell = np.zeros(4), np.zeros(4)
    for x in inputs:
        joined = np.hstack((x, hidden))
        change, forget, ingate, outgate = [np.dot(joined, params[name]) for name in ("c", "f", "i", "o")]
        cell = cell * sigmoid(forget) + sigmoid(ingate) * np.tanh(change)
        hidden = sigmoid(outgate) * np.tanh(cell)
    return np.sum(hidden**2)


def variational_bound(params, noise):
    mean, log_deviation = params[:2], params[2:]
    samples = noise * np.exp(log_deviation) + mean
    x, y = samples[:, 0], samples[:, 1]
    log_density = norm.logpdf(y, 0, 1.35) + norm.logpdf(x, 0, np.exp(y))
    entropy = 0.5 * 2 * (1.0 + np.log(2 * np.pi)) + np.sum(log_deviation)
    return -(entropy + np.mean(log_density))


def black_scholes(market):
    spot, strike, rate, volatility, time = market
    d1 = (np.log(spot / strike) + (rate + volatility**2 / 2) * time) / (volatility * np.sqrt(time))
    d2 = d1 - volatility * np.sqrt(time)
    return spot * norm.cdf(d1) - strike * np.exp(-rate * time) * norm.cdf(d2)


def stochastic_neighbours(places, joint):
    squares = np.sum(places**2, axis=1)
    distances = squares[:, None] - 2 * np.dot(places, places.T) + squares[None, :]
    weights = (1 - np.eye(places.shape[0])) / (1 + distances)
    shares = np.maximum(weights / np.sum(weights), 1e-12)
    return np.sum(joint * np.log(joint / shares))


def matrix_factorisation(factors, ratings, known):
    users, items, biases = factors
    residual = known * (ratings - np.dot(users, items.T) - biases[np.newaxis, :])
    return np.sum(residual**2) + 0.1 * (np.linalg.norm(users) ** 2 + np.linalg.norm(items) ** 2)


def convolutions(params, images):
    kernels, weights = params
    patches = np.array([images[:, i : i + 6, j : j + 6] for i in range(3) for j in range(3)])
    features = np.maximum(0, np.einsum("kbij,kc->bcij", patches, kernels))
    pooled = np.max(np.reshape(features, (features.shape[0], -1, 3, 2, 3, 2)), axis=(3, 5))
    scores = np.dot(np.reshape(pooled, (pooled.shape[0], -1)), weights)
    return np.mean(logsumexp(scores, axis=1) - scores[:, 0])


def kalman_filter(parameters, observations):
    drift, process, noise = np.exp(parameters)
    mean, variance, log_likelihood = 0.0, 1.0, 0.0
    for observation in observations:
        mean, variance = drift * mean, drift**2 * variance + process
        total = variance + noise
        log_likelihood += -0.5 * (np.log(2 * np.pi * total) + (observation - mean) ** 2 / total)
        gain = variance / total
        mean, variance = mean + gain * (observation - mean), (1 - gain) * variance
    return -log_likelihood


def principal_components(basis, data):
    basis = basis / np.sqrt(np.sum(basis**2, axis=0))
    return np.mean(np.sum((data - np.dot(np.dot(data, basis), basis.T)) ** 2, axis=1))


def poisson_regression(weights, inputs, counts):
    rates = np.dot(inputs, weights)
    return -np.sum(counts * rates - np.exp(rates) - gammaln(counts + 1))


def proportional_hazards(weights, inputs, order):
    risks = np.dot(inputs, weights)[order]
    return -np.sum(risks - np.log(np.cumsum(np.exp(risks)[::-1])[::-1]))


def ising_energy(spins, field):
    spins = np.tanh(spins)
    neighbours = np.roll(spins, 1, axis=0) + np.roll(spins, 1, axis=1)
    return -np.sum(spins * neighbours) - np.sum(field * spins)


def squared_exponential_kernel(log_scales, inputs):
    scaled = inputs / np.exp(log_scales)
    differences = np.expand_dims(scaled, 1) - np.expand_dims(scaled, 0)
    return np.sum(np.exp(-0.5 * np.sum(differences**2, axis=2)))


def normal(*shape):
    return RNG.normal(size=shape)


ONE_HOT = numpy.eye(3)[[0, 1, 2, 1, 0, 2]]
JOINT = numpy.exp(normal(7, 7))
POINTS = {
    logistic_regression: (normal(3), normal(8, 3), numpy.array([True, False] * 4)),
    neural_net: ([(normal(4, 5), normal(5)), (normal(5, 3), normal(3))], normal(6, 4), ONE_HOT),
    gaussian_mixture: (
        {"log proportions": normal(3), "means": normal(3, 2), "log deviations": normal(3, 2)}, normal(60, 2)
    ),
    rosenbrock: (normal(6),),
    pendulum: (numpy.array([2.0, 0.3]), normal(12)),
    recurrent_net: (
        {"initial": normal(1, 4), "change": normal(7, 4), "predict": normal(4, 2)}, normal(5, 3, 2), normal(5, 3, 2)
    ),
    long_short_term_memory: ({name: normal(6, 4) for name in "cfio"}, normal(5, 2)),
    variational_bound: (normal(4), normal(40, 2)),
    black_scholes: (numpy.array([100.0, 95.0, 0.02, 0.3, 1.5]),),
    stochastic_neighbours: (normal(7, 2), JOINT / JOINT.sum()),
    matrix_factorisation: ((normal(5, 2), normal(6, 2), normal(6)), normal(5, 6), normal(5, 6) > 0),
    convolutions: ((normal(9, 2), normal(18, 3)), normal(4, 8, 8)),
    kalman_filter: (normal(3), normal(20)),
    principal_components: (normal(5, 2), normal(30, 5)),
    poisson_regression: (normal(3), normal(9, 3), numpy.arange(9)),
    proportional_hazards: (normal(3), normal(9, 3), RNG.permutation(9)),
    ising_energy: (normal(6, 6), normal(6, 6)),
    squared_exponential_kernel: (normal(2), normal(12, 2)),
}  # fmt: skip
"""Arguments of each; derivatives are for the first one."""
