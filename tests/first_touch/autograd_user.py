"""Somebody with code written for autograd, and the author of a library: functions as they are, parameters in lists."""

import pickle

import autograd
import autograd.numpy as np
from scipy.optimize import minimize

import gradc

rng = np.random.RandomState(0)
inputs, targets = rng.normal(size=(200, 2)), rng.normal(size=(200, 1))


def predict(params, x):
    for W, b in params:
        hidden = np.dot(x, W) + b
        x = np.tanh(hidden)
    return hidden


def loss(params, x, y):
    return np.mean((predict(params, x) - y) ** 2)


params = [(0.5 * rng.normal(size=(2, 8)), np.zeros(8)), (0.5 * rng.normal(size=(8, 1)), np.zeros(1))]

# the function as it is, with the gradients that autograd gives
f = gradc.compile(loss, wrt="params")
value, grads = f.value_and_grad(params, inputs, targets)
assert abs(value - loss(params, inputs, targets)) < 1e-12
for ours, theirs in zip(grads.params, autograd.grad(loss)(params, inputs, targets)):
    assert np.allclose(ours[0], theirs[0]) and np.allclose(ours[1], theirs[1])

# gradient descent, over data that stay the same
fit = f.bind(x=inputs, y=targets)
first = fit(params)
for _ in range(50):
    steps = fit.grad(params).params
    params = [(W - 0.1 * dW, b - 0.1 * db) for (W, b), (dW, db) in zip(params, steps)]
assert fit(params) < first

# a mistake is shown in this file
try:
    gradc.compile(lambda x: x if x > 0 else -x)(1.0)
except gradc.Error as error:
    assert "autograd_user.py" in str(error) and "np.where" in error.help


# a library's function: decorated, pickled, minimised, with its loop over a size
@gradc.function
def rosenbrock(x):
    return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(len(x) - 1))


found = minimize(rosenbrock, np.zeros(4), jac=lambda x: rosenbrock.grad(x).x, tol=1e-10,
                 hess=lambda x: rosenbrock.hessian(x).x.x, method="trust-exact")  # fmt: skip
assert np.allclose(found.x, 1.0)
assert pickle.loads(pickle.dumps(rosenbrock))(np.ones(3)) == 0.0
