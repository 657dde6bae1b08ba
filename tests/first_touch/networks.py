"""An ML engineer: networks and losses at the first try, without declarations."""

import subprocess

import numpy as np

import gradc

NETWORK = "softmax_cross_entropy(relu(X @ W1 + b1) @ W2 + b2, y) + 0.01*(l2(W1) + l2(W2))"


def gradc_says(*words):
    done = subprocess.run(["gradc", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


done = gradc_says("compile", "W2 @ max(0, W1 @ x)")
assert "def value_and_grad(W2, W1, x):" in done.stdout
assert done.stderr == "guessed: W2: f64[n, m], W1: f64[m, k], x: f64[k]; declare them to be sure\n"
assert "guessed: s: f64[n, m], y: i64[n]" in gradc_says("compile", "softmax_cross_entropy(s, y)").stderr
assert "d/ds" in gradc_says("check", "softmax_cross_entropy(s, y)").stdout  # and exit code 0
assert "@" in gradc_says("trace", "W2 @ max(0, W1 @ x)").stdout

f = gradc.compile(NETWORK)
assert f.wrt == ("X", "W1", "b1", "W2", "b2")
assert "guessed: X: f64[n, m], W1: f64[m, k]" in f.source

rng = np.random.default_rng(0)
X, y = rng.normal(size=(200, 4)), rng.integers(0, 3, 200)
loss = gradc.compile(NETWORK, wrt="W1 b1 W2 b2").bind(X=X, y=y)
weights = {
    "W1": 0.3 * rng.normal(size=(4, 8)),
    "b1": np.zeros(8),
    "W2": 0.3 * rng.normal(size=(8, 3)),
    "b2": np.zeros(3),
}
first = loss(**weights)
for _ in range(100):
    value, grads = loss.value_and_grad(**weights)
    weights = {name: weight - 0.2 * grads[name] for name, weight in weights.items()}
assert loss(**weights) < first - 0.05

decay = gradc.compile("decay(t, a, b) = a*exp(-b*t)")
assert decay.inputs == ("t", "a", "b") and decay.__name__ == "decay" and decay(0.0, 2.0, 1.0) == 2.0
