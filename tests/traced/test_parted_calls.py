"""Calls of Python functions whose arguments have parts: the short way gives what the first call gave."""

from collections import namedtuple

import numpy as np
import pytest

import gradc

X = np.array([0.5, -1.0])
P = {"W": np.arange(6.0).reshape(3, 2) / 5, "b": np.ones(3), "rest": [0.5, (np.array([1.0, 2.0, 3.0]),)]}


def network(p, x):
    h = np.tanh(p["W"] @ x + p["b"])
    return np.sum(h * p["rest"][1][0]) * p["rest"][0]


def flat(value):
    if isinstance(value, dict):
        return [(key, *each) for key, item in value.items() for each in flat(item)]
    if isinstance(value, (list, tuple)):
        return [(type(value), *each) for item in value for each in flat(item)]
    return [(type(value), np.asarray(value).tolist())]


METHODS = {
    "__call__": (), "value_and_grad": (), "grad": (), "jacobian": (), "hessian": (), "value_grad_and_hessian": (),
    "vjp": (2.0,), "jvp": ((P, X),), "hvp": ((P, X),),
}  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_the_short_way_gives_the_same(method):
    f = gradc.function(network)

    def call(p, x):
        return getattr(f, method)(*METHODS[method], p, x)

    first = flat(call(P, X))
    for _ in range(3):
        assert flat(call(P, X)) == first
    assert ("_value" if method == "__call__" else method) in vars(f)
    other = {**P, "b": 2 * P["b"], "rest": [0.25, P["rest"][1]]}
    assert flat(call(other, X)) == flat(getattr(gradc.function(network), method)(*METHODS[method], other, X)) != first
    reordered = {key: P[key] for key in ("rest", "b", "W")}
    assert sorted(map(str, flat(call(reordered, X)))) == sorted(map(str, first))


def test_tangents_by_name_with_parts():
    f = gradc.function(network)
    for given in ((P, X), [P, X], {"p": P, "x": X}, {"x": X, "p": P}):
        for _ in range(3):
            assert f.jvp(given, P, X) == pytest.approx(sum(
                np.sum(np.asarray(bar) * tangent)
                for (*_, bar), (*_, tangent) in zip(flat(f.grad(P, X)), flat((P, X)))
            ))  # fmt: skip


def test_a_dict_of_tangents_may_have_another_order():
    f = gradc.function(lambda p: p["a"] * p["b"] ** 2)
    for given in ({"a": 1.0, "b": 0.0}, {"b": 0.0, "a": 1.0}):
        for _ in range(3):
            assert f.jvp(given, {"a": 2.0, "b": 3.0}) == f.jvp([given], {"a": 2.0, "b": 3.0}) == 9.0
    assert "jvp" in vars(f)
    one = gradc.function(lambda p: p["a"] ** 2)
    for _ in range(3):
        assert one.jvp({"a": 1.0}, {"a": 3.0}) == one.jvp({"p": {"a": 1.0}}, {"a": 3.0}) == 6.0


def test_options_and_whole_numbers_are_part_of_the_kind():
    def power(p, x):
        return sum(p["scale"] * x**k for k in range(p["count"])) if p["how"] == "sum" else p["scale"] * x

    f = gradc.function(power)
    for _ in range(3):
        assert f({"scale": 2.0, "count": 3, "how": "sum"}, 2.0) == 14.0
        assert f({"scale": 2.0, "count": 4, "how": "sum"}, 2.0) == 30.0
        assert f({"scale": 2.0, "count": 4, "how": "other"}, 2.0) == 4.0
        grads = f.grad({"scale": 2.0, "count": 3, "how": "sum"}, 2.0)
        assert grads.p == {"scale": 7.0, "count": None, "how": None} and grads.x == 10.0


def test_sizes_that_a_function_asks_for():
    def f(p):
        return sum(p["x"][k] * (k + 1) for k in range(len(p["x"])))

    f = gradc.function(f)
    for n in (2, 3, 2, 1, 3, 2):
        assert f({"x": np.ones(n)}) == n * (n + 1) / 2
        assert f.grad({"x": np.ones(n)}).p["x"].tolist() == list(range(1, n + 1))


def test_other_containers_stay_what_they_are():
    Pair = namedtuple("Pair", "a b")
    f = gradc.function(lambda p: p.a * p.b)
    for _ in range(3):
        assert f.grad(Pair(2.0, 3.0)).p == Pair(3.0, 2.0) and type(f.grad(Pair(2.0, 3.0)).p) is Pair


def test_what_does_not_fit_is_told_after_calls_that_did():
    f = gradc.function(network)
    for _ in range(2):
        f.grad(P, X)
    for wrong in ({**P, "W": np.ones((3, 4))}, {**P, "b": "x"}):
        with pytest.raises(gradc.Error):
            f.grad(wrong, X)
    with pytest.raises(Exception, match="b"):
        f.grad({"W": P["W"], "rest": P["rest"]}, X)


def test_results_are_the_callers():
    f = gradc.function(network)
    grads = [f.grad(P, X).p for _ in range(4)]
    assert not any(np.shares_memory(grads[2]["W"], array) for array in (grads[3]["W"], P["W"]))
    assert grads[2] is not grads[3] and grads[2]["rest"] is not grads[3]["rest"]
