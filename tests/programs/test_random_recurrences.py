"""Random recurrences: machine code against the interpreter, one mode against the other, and differences."""

import numpy as np
import pytest

import gradc
from gradc.native.target import is_possible
from tests.programs.random_steps import DECLARED, examples

pytestmark = pytest.mark.skipif(not is_possible(), reason="LLVM does not know this machine")

STEP = 1e-6


SAME_AT_EVERY_STEP = (
    "def step(v, x) = M @ w; sum(scan(step, w, X)**2)",
    "def step(v, y) = M @ w; dot(sum(scan(step, w, Y) * Y, axis=0), w)",
    "def step(v, y) = M @ y; dot(sum(scan(step, w, Y), axis=0), w)",
    "def step(v, y) = v + M @ w; dot(fold(step, w, Y), w)",
    "def step(v) = v + M @ w; dot(iterate(step, w, 4), w)",
    "def step((v, u), x) = (M @ u, M @ (w - v)); (v, u) = fold(step, (w, zeros(3)), X); sum(tanh(v) + 2*tanh(u))",
    "def step((v, u, z), x) = (M @ u, M @ v, z + M @ u); (v, u, z) = fold(step, (w, w, w), X); sum(tanh(v + u + z))",
    "def step(s, x) = max(b, b); fold(step, a, X, reverse=True)",
    "def step(A, y) = A + w[:, None] * y; sum(fold(step, M, Y) @ w)",
    "def step(A, y) = A + w[:, None] * w; sum(fold(step, M, Y) @ w)",
    "def step((v, u), y) = (M @ (w - y), b * (M @ w)); (v, u) = scan(step, (w, w), Y); sum(tanh(v) + tanh(u))",
)
"""Steps in which much does not depend on the state, or on the row."""


@pytest.mark.parametrize("seed", range(4))
def test_values_and_derivatives(seed, ran_cases):
    drawn = np.random.default_rng(seed)
    found = list(examples(seed, 12))
    if seed == 3:
        found = [(f"{DECLARED}; {text}", found[0][1]) for text in SAME_AT_EVERY_STEP]
    for text, values in found:
        f, slow = gradc.compile(text, engine="native"), gradc.compile(text, engine="interpreter")
        given = {name: values[name] for name in f.inputs}
        directions = {name: drawn.normal(size=np.shape(given[name])) for name in f.wrt}
        value, grads = f.value_and_grad(**given)
        expected, slow_grads = slow.value_and_grad(**given)
        np.testing.assert_allclose(value, expected, rtol=1e-11, atol=1e-12, err_msg=text)
        for one, other in zip(grads, slow_grads, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11, err_msg=text)
        slope = sum(np.sum(getattr(grads, name) * directions[name]) for name in f.wrt)
        np.testing.assert_allclose(f.jvp(directions, **given), slope, rtol=1e-9, atol=1e-10, err_msg=text)
        ahead, behind = (
            slow(**given | {name: given[name] + side * directions[name] for name in f.wrt}) for side in (STEP, -STEP)
        )
        np.testing.assert_allclose((ahead - behind) / (2 * STEP), slope, rtol=1e-5, atol=1e-6, err_msg=text)
        ran_cases(4)
