"""Code around products of stacks has the shape of the product, so that tiles and loops hold both."""

import numpy as np
import pytest

import gradc
from gradc.runtime.kernel import ENGINES
from tests.emit.plain import engine

STACKS = {
    "activation": "X: f64[b, t, e]; W: f64[e, f]; sum(tanh(X @ W))",
    "bias": "X: f64[b, t, e]; W: f64[e, f]; c: f64[f]; sum(tanh(X @ W + c))",
    "value": "X: f64[b, t, e]; W: f64[e, f]; tanh(X @ W)",
    "two layers": "X: f64[b, t, e]; W: f64[e, f]; V: f64[f, e]; sum(tanh(tanh(X @ W) @ V))",
    "layer norm before": """X: f64[b, t, e]; W: f64[e, f]
        n = (X - mean(X, axis=2, keepdims=True)) / std(X, axis=2, keepdims=True); sum(tanh(n @ W))""",
    "residual": "X: f64[b, t, e]; W: f64[e, e]; y = X + tanh(X @ W); sum(log(sum(exp(y), axis=2)))",
    "four axes": "X: f64[a, b, t, e]; W: f64[e, f]; c: f64[f]; sum(tanh(X @ W + c)**2)",
}

APART = {
    "positions": "X: f64[b, t, e]; W: f64[e, f]; p: f64[t, f]; sum(tanh(X @ W + p))",
    "sum of a part": "X: f64[b, t, e]; W: f64[e, f]; sum(sum(tanh(X @ W), axis=1)**2)",
    "maximum of a part": "X: f64[b, t, e]; W: f64[e, f]; sum(max(exp(X @ W), axis=0) + cumsum(X @ W, axis=1)[0, 0])",
    "attention": """X: f64[b, t, e]; W: f64[e, e]; y = X + tanh(X @ W)
        sum((softmax(y @ transpose(y, (0, 2, 1)), axis=2) @ y + y @ W)**2)""",
    "a value in both shapes": "X: f64[b, t, e]; W: f64[e, f]; y = tanh(X); sum(y @ W) + sum(y[0] * y[1]) + sum(y)**2",
}
SIZES = {"a": 2, "b": 3, "t": 5, "e": 7, "f": 4}


def schedule_of(text: str) -> str:
    return gradc.compile(text).stages.stage_text("schedule")


@pytest.fixture(autouse=True, scope="module")
def plain_engine():
    ENGINES["plain"] = engine
    yield
    del ENGINES["plain"]


@pytest.mark.parametrize("text", STACKS.values(), ids=STACKS)
def test_tiles_hold_products_of_stacks(text):
    schedule = schedule_of(text)
    rows = "(a * b) * t" if "a, b" in text else "b * t"
    assert f"tiles of rows over {rows}\n" in schedule
    assert schedule.count("tiles of rows") == 1 and "\nloop" not in schedule, schedule


@pytest.mark.parametrize("text", [*STACKS.values(), *APART.values()], ids=[*STACKS, *APART])
def test_every_engine_has_the_numbers_of_the_interpreter(text):
    random = np.random.default_rng(0)
    reference = gradc.compile(text, engine="interpreter")
    declared = reference.program.signature.declared
    arrays = {name: random.normal(size=[SIZES[str(size)] for size in x.shape]) for name, x in declared.items()}
    value, gradients = reference.value_and_grad(**arrays)
    for f in (gradc.compile(text), gradc.compile(text, engine="plain")):
        found, slopes = f.value_and_grad(**arrays)
        np.testing.assert_allclose(found, value, rtol=1e-13, atol=1e-14)
        for name in arrays:
            np.testing.assert_allclose(slopes[name], gradients[name], rtol=1e-11, atol=1e-13)


def test_a_value_that_nothing_needs_folded_is_computed_in_its_own_shape():
    schedule = schedule_of(APART["sum of a part"])
    assert "whole arrays reshape2 = product1 as f64[b, t, f]\nloop 1 over b\n" in schedule
    assert schedule.count("tanh(") <= 1, schedule


def test_roots_that_broadcasts_move_into_stay_there():
    text = "X: f64[n, k]; i: i64[n]; g = X * norm(X, axis=1, keepdims=True); sum(g**2) + sum(g[i % 3]**2)"
    f = gradc.compile(text)
    X, i = np.arange(12.0).reshape(4, 3), np.arange(4)
    g = X * np.linalg.norm(X, axis=1, keepdims=True)
    assert f(X, i) == pytest.approx((g**2).sum() + (g[i % 3] ** 2).sum())
