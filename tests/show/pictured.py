"""Programs to draw: those of the lecture, and all that is hard to draw."""

import random

import numpy as np

RANDOM = np.random.default_rng(7)


def normal(*shape):
    return RANDOM.normal(size=shape)


TERMS = [f"x{k}" for k in range(30)]
PROGRAMS = {
    "lecture": ("(x+y)*z", {"x": -2, "y": 5, "z": -4}),
    "neuron": ("1/(1+exp(-(w0*x0+w1*x1+w2*x2)))", {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3, "x2": 1}),
    "fork": ("x*y + sin(x)", {"x": 2.0, "y": 3.0}),
    "cube": ("x*x*x", {"x": 2.0}),
    "crossings": ("x*y + y*z + z*x", {"x": 1.0, "y": 2.0, "z": 3.0}),
    "shared": ("s = sqrt(v); (1-x)**2 + 100*(y-x**2)**2/s + log(v)", {"x": 1.2, "y": -1.0, "v": 2.0}),
    "gates": ("2*(x*y + max(z, w)) + where(x > z, x, w)", {"x": 3.0, "y": -4.0, "z": 2.0, "w": -1.0}),
    "where": ("where(a > 2, b, a*a) + max(a, b) + 0.5*a", {"a": 0.3, "b": 0.1}),
    "matrices": ("sum((A @ B - C)**2)", {"A": normal(3, 4), "B": normal(4, 5), "C": normal(3, 5)}),
    "two layers": (
        "h = max(0, W1 @ x + b1); s = W2 @ h + b2; softmax_cross_entropy(s, y)",
        {"W1": normal(6, 4), "x": normal(4), "b1": normal(6), "W2": normal(3, 6), "b2": normal(3), "y": 1},
    ),
    "cross entropy": ("softmax_cross_entropy(s, y)", {"s": normal(5, 3), "y": np.array([0, 1, 2, 0, 1])}),
    "svm": (
        "multiclass_hinge(X @ W, y) + 0.1*sum(W**2)",
        {"X": normal(8, 4), "W": normal(4, 3), "y": np.array([0, 1, 2, 0, 1, 2, 1, 0])},
    ),
    "indices": ("sum((x[1:] - x[:-1])**2) + x[0]*x[-1]", {"x": normal(5)}),
    "rosenbrock": ("sum(100*(x[1:]-x[:-1]**2)**2 + (1-x[:-1])**2)", {"x": [1.0, 2.0, 3.0, 4.0, 5.0]}),
    "functions": ("gelu(a)*silu(b) + softmax(x)[0] + sigmoid(a*b)", {"a": 1.0, "b": 2.0, "x": normal(4)}),
    "black-scholes": (
        "d1 = (log(S/K) + (r + s**2/2)*T)/(s*sqrt(T)); d2 = d1 - s*sqrt(T)\n"
        "S*normal_cdf(d1) - K*exp(-r*T)*normal_cdf(d2)",
        {"S": 100.0, "K": 95.0, "r": 0.03, "s": 0.2, "T": 1.5},
    ),
    "chain": ("tanh(exp(sin(cos(log(1 + sqrt(x))))))", {"x": 2.0}),
    "long chain": ("-" * 60 + "x", {"x": 1.0}),
    "wide sum": (" + ".join(TERMS), {name: float(k) for k, name in enumerate(TERMS)}),
    "wide fork": (" + ".join(f"sin({k}*x)*y" for k in range(1, 13)), {"x": 0.1, "y": 2.0}),
    "loop": (
        "def step((p, v), f) = {V = cos(p) + k*p**2; (p + 0.1*v, v - 0.1*grad(V, p) + f)}\n"
        "(p, v) = fold(step, (1, 0), F); p*v",
        {"k": 0.3, "F": [0.1, 0.2, 0.3]},
    ),
    "loops": (
        "def inner(t, y) = tanh(W @ t + y*a)\ndef step((s, n), x) = {u = fold(inner, s, x); (u, n + sum(u*s))}\n"
        "(s, n) = scan(step, (zeros(3), 1), X); sum(s) + sum(n**2)",
        {"W": normal(3, 3), "a": 0.5, "X": normal(4, 2)},
    ),
    "backwards": ("def step(h, x) = (h*x + b)*h; scan(step, 1, X, reverse=True)", {"X": normal(4), "b": 0.1}),
    "iteration": (
        "def newton(x) = 0.5*(x + a/x); def close(new, old) = abs(new - old) < 1e-9; iterate(newton, a, until=close)",
        {"a": 3.0},
    ),
    "shift": (
        "def step((a, b), x) = (b, a + x*b); (a, b) = fold(step, (p, q), X); a*b",
        {"p": 1.0, "q": 2.0, "X": normal(3)},
    ),
    "constants": ("2*pi + 3*x - 1", {"x": 0.5}),
    "constant": ("3", {}),
    "input": ("x", {"x": 3.0}),
    "comparison": ("x > y", {"x": 1, "y": 2}),
    "names": (
        "a_very_long_name_of_a_parameter_of_forty_ + another_name_that_is_long*x  # größe Δ 日本",
        {"a_very_long_name_of_a_parameter_of_forty_": 1.0, "another_name_that_is_long": 2.0, "x": -1e-300},
    ),
    "special values": ("log(x)*y + 0/z + big*1e200", {"x": 0.0, "y": 2.0, "z": np.nan, "big": 1e200}),
    "tiny and huge": ("exp(-x)*y/z", {"x": 300.0, "y": 6.02214076e23, "z": 1.6e-19}),
    "vectors": ("sum(a*x + b) + x[1]", {"a": 2.0, "x": np.array([1.0, 2.0, 3.0]), "b": np.array([0.5, -0.25, 0.0])}),
    "array result": ("x*(y + 3)", {"x": normal(4, 3), "y": normal(3)}),
    "arrays of many axes": ("sum(x**2, axis=1) + y", {"x": normal(2, 3, 40), "y": np.zeros((2, 1))}),
    "nothing": ("sum(x) + y", {"x": np.zeros(0), "y": 1.0}),
    "sharing": ("a = x*y; b = a + x; c = b*a; c + a*b*x - y", {"x": 1.5, "y": -0.5}),
}


def random_program(seed, gates):
    """Assignments that use what came before, the recent ones more often."""
    chance = random.Random(seed)
    names, lines = ["x", "y", "z"], []
    for k in range(gates):
        a, b = chance.choice(names[-6:]), chance.choice(names)
        form = chance.choice(["{a}*{b}", "{a} + {b}", "sin({a})", "{a} - {b}", "max({a}, {b})", "{a}*{a}"])
        lines.append(f"t{k} = {form.format(a=a, b=b)}")
        names.append(f"t{k}")
    return "; ".join([*lines, " * ".join(names[-4:]) + " + x*y*z"]), {"x": 0.9, "y": -0.4, "z": 0.5}
