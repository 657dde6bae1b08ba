"""Batches of products share loops with the code around them; what a loop would do again each time is saved."""

import numpy as np
import pytest

import gradc
from gradc.ir.graph import topological
from gradc.schedule.tasks import Loop
from gradc.schedule.verify import verify_plan

ATTENTION = """Q: f64[b, h, n, d]; K: f64[b, h, m, d]; V: f64[b, h, m, e]
    sum((softmax(Q @ transpose(K, (0, 1, 3, 2)), axis=-1) @ V)**2)"""
BATCHES = {
    "attention": ATTENTION,
    "stacks": "A: f64[k, n, m]; B: f64[k, m, p]; C: f64[k, p, q]; sum(tanh(A @ B) @ C)",
    "batch axis inside": "A: f64[n, k, m]; B: f64[k, p, m]; sum(tanh(einsum('nkm,kpm->nkp', A, B))**2)",
    "one matrix for all": "X: f64[n, c, q]; W: f64[p, c]; sum(tanh(einsum('ncq,pc->npq', X, W))**2)",
    "another order": "A: f64[k, n, m]; B: f64[p, k, m]; einsum('knm,pkm->pkn', A, B)",
    "two axes contracted": "A: f64[n, c, q]; B: f64[n, p, q]; sum(exp(einsum('ncq,npq->pc', A, B)))",
    "one batch axis inside": "A: f64[b, n, k, m]; B: f64[b, k, p, m]; sum(exp(einsum('bnkm,bkpm->bnkp', A, B)))",
}
SIZES = {"b": 2, "h": 3, "n": 17, "m": 5, "d": 4, "e": 6, "k": 3, "p": 9, "q": 8, "c": 3}


@pytest.mark.parametrize("what", BATCHES)
@pytest.mark.parametrize("engine", ["native", "numba"])
def test_values_and_gradients(what, engine):
    f = gradc.compile(BATCHES[what], engine=engine)
    verify_plan(f.stages.schedule)
    rng = np.random.default_rng(1)
    shapes = [tuple(SIZES[size] for size in node.shape) for node in f.stages.lowered.inputs]
    arrays = [rng.normal(size=shape) for shape in shapes]
    value, grads = f.value_and_grad(*arrays)
    expected, slopes = gradc.compile(BATCHES[what], engine="interpreter").value_and_grad(*arrays)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    for mine, theirs in zip(grads, slopes):
        np.testing.assert_allclose(mine, theirs, rtol=1e-11, atol=1e-12)


def test_no_array_of_attention_outlives_its_head():
    plan = gradc.compile(ATTENTION).stages.schedule
    assert [type(item) for item in plan.body.items] == [Loop]
    whole = [slot for slot in plan.slots if slot not in plan.local]
    assert sorted(whole) == ["K_bar", "Q_bar", "V_bar"]


def test_what_all_rows_need_is_computed_once():
    plan = gradc.compile("W: f64[h, d]; V: f64[o, h]; x: f64[d]; sum(tanh(V @ tanh(W @ x)))").stages.schedule
    (node,) = (node for node in plan.saved if node.op == "tanh")
    assert node.shape == ("h",)
    assert plan.stored[node] not in plan.local


def test_deviations_with_an_offset_are_steep_nowhere():
    f = gradc.compile("X: f64[n, d]; sum((X / sqrt(var(X, axis=1, keepdims=True) + 1e-5))**4)")
    assert all(node.op not in ("where", "all") for node in topological(f.stages.lowered.results))
