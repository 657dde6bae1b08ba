"""One small file for each example: the program, and below it what every stage adds; `pytest --update` rewrites them."""

import pytest

import gradc
from tests.stage_texts import stage_texts

CASES = {
    "lecture_product": ("(x + y) * z", None),
    "sigmoid_neuron": ("1/(1+exp(-(w0*x0+w1*x1+w2*x2)))", None),
    "exponential_fit": ("sum((y - a*exp(-b*t) - c)**2)", "a b c"),
    "log_sum_exp": ("log(sum(exp(x)))", None),
    "rosenbrock": ("sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)", None),
    "kinks": ("where(x > 0, log(x), 0) + clip(x, 0, 1) + max(x, y)", None),
    "broadcast": ("x: f64[n, 1]; y: f64[m]; x * y", None),
    "named": ("def f(t) = t * tanh(t); u = f(x) + y; u**2", None),
    "float32": ("x: f32[n]; w: f32[n]; sum(x * w)", None),
    "logistic_regression": ("X: f64[n, d]; w: f64[d]; y: f64[n]; mean(log(1 + exp(-y * (X @ w))))", "w"),
    "softmax_network": (
        "X: f64[n, d]; W1: f64[d, h]; W2: f64[h, k]; y: i64[n]; softmax_cross_entropy(max(0, X @ W1) @ W2, y)", "W1 W2",
    ),
    "embedding": ("E: f64[v, d]; i: i64[n]; sum(E[i]**2)", None),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_every_stage(name, golden):
    text, wrt = CASES[name]
    f = gradc.compile(text, wrt=wrt)
    parts = [f"{text}\nwrt {', '.join(f.wrt)}\n"]
    parts += [f"== {stage}\n{shown}" for stage, shown in stage_texts(f.stages).items()]
    golden(f"{name}.txt", "\n".join(parts))
