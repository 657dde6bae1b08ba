"""Traces: the lecture's two examples gate by gate, and for any program the chain rule at every gate."""

import io

import numpy as np
import pytest

import gradc
from gradc.show.table import abbreviated

NEURON = "1/(1+exp(-(w0*x0+w1*x1+w2*x2)))"
NEURON_AT = {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0, "x2": 1.0}


def test_the_first_example_of_the_lecture():
    t = gradc.trace("(x+y)*z", x=-2, y=5, z=-4)
    assert [(g.gate, g.text, g.value, g.upstream) for g in t] == [("+", "x+y", 3.0, -4.0), ("*", "(x+y)*z", -12.0, 1.0)]
    add, mul = t
    assert [(a.name, a.value, a.local, a.product) for a in add.arguments] == [
        ("x", -2.0, 1.0, -4.0),
        ("y", 5.0, 1.0, -4.0),
    ]
    assert [(a.name, a.value, a.local, a.product) for a in mul.arguments] == [
        ("[1]", 3.0, -4.0, -4.0),
        ("z", -4.0, 3.0, 3.0),
    ]
    assert t.value == -12.0
    assert t.grads == (-4.0, -4.0, 3.0)
    assert t.grads.z == 3.0


def test_the_neuron_of_the_lecture_gate_by_gate():
    t = gradc.trace(NEURON, **NEURON_AT)
    gates = {g.gate: g for g in t}
    assert [g.gate for g in t] == ["*", "*", "+", "*", "+", "*-1", "exp", "+1", "1/x"]

    def rounded(*numbers):
        return tuple(round(number, 2) for number in numbers)

    assert gates["*-1"].value == -1.0
    assert rounded(gates["exp"].value, gates["+1"].value, gates["1/x"].value) == (0.37, 1.37, 0.73)
    received = {name: gates[name].arguments[0].product for name in ("1/x", "+1", "exp", "*-1")}
    assert rounded(*received.values()) == (-0.53, -0.53, -0.20, 0.20)
    for gate in t:
        if gate.gate == "+":
            assert rounded(*(a.product for a in gate.arguments)) == (0.20, 0.20)
    assert {n: round(t.grads[n], 2) for n in NEURON_AT} == {
        "w0": -0.20, "x0": 0.39, "w1": -0.39, "x1": -0.59, "w2": -0.20 * -1, "x2": -0.59,
    }  # fmt: skip


def test_max_gates_route_and_multiply_gates_swap():
    t = gradc.trace("2*(x*y + max(z, w))", x=3.0, y=-4.0, z=2.0, w=-1.0)
    assert t.grads == (-8.0, 6.0, 2.0, 0.0)
    route = next(g for g in t if g.gate == "max")
    assert [(a.name, a.local, a.product) for a in route.arguments] == [("z", 1.0, 2.0), ("w", 0.0, 0.0)]


PROGRAMS = {
    "neuron": (NEURON, NEURON_AT),
    "svm": (
        "def hinge(t) = max(0, 1 - t); mean(hinge(y*(a*x + b))) + 0.5*a**2",
        {"x": [1.0, 2.0, 3.0], "y": [1.0, -1.0, 1.0], "a": 0.3, "b": 0.1},
    ),
    "kinks": ("where(a > 2, b, a*a) + abs(c) + clip(a, 0, 1)*max(b, b)", {"a": 0.5, "b": 2.0, "c": 0.0}),
    "rosenbrock": ("sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)", {"x": [1.0, 2.0, 3.0, 4.0]}),
    "array result": ("x*(y + 3)", {"x": [[1.0, 2.0], [4.0, 5.0]], "y": [1.0, -1.0]}),
    "softmax": ("z - logsumexp(z)", {"z": [1.0, -2.0, 0.0]}),
    "float32": ("exp(x)*2", {"x": np.float32([1.0, 2.0])}),
    "integers": ("k: i64; x**k", {"k": 3, "x": 2.0}),
    "two layers": (
        "h = max(0, W1 @ x); W2 @ h",
        {"W1": [[1.0, -2.0], [0.5, 1.0]], "x": [1.0, 2.0], "W2": [[3.0, -1.0]]},
    ),
    "gather": ("k: i64[m]; x: f64[n]; sum(x[k]**2)", {"x": [1.0, 2.0, 3.0], "k": [0, 0, 2]}),
    "an input": ("x", {"x": 3.0}),
    "a constant": ("2*pi", {}),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_value_and_gradients_are_those_of_the_function(name):
    text, at = PROGRAMS[name]
    t = gradc.trace(text, **at)
    value, grads = gradc.compile(text, engine="interpreter").value_and_grad(**at)
    np.testing.assert_allclose(t.value, value, rtol=1e-6 if name == "float32" else 1e-13)
    assert np.shape(t.value) == np.shape(value)
    assert len(t.grads) == len(grads)
    for traced, computed in zip(t.grads, grads, strict=True):
        np.testing.assert_allclose(traced, computed, rtol=1e-6 if name == "float32" else 1e-12)
        assert np.asarray(traced).dtype == np.asarray(computed).dtype


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_products_that_reach_a_value_add_up_to_its_upstream_gradient(name):
    text, at = PROGRAMS[name]
    t = gradc.trace(text, **at)
    received = {}
    for gate in t:
        for argument in gate.arguments:
            if argument.product is not None:
                received.setdefault(argument.name, []).append(np.asarray(argument.product))
    for gate in t:
        if gate.upstream is not None and f"[{gate.number}]" != t.result:
            np.testing.assert_allclose(sum(received[f"[{gate.number}]"]), gate.upstream, rtol=1e-6)
    for input, grad in zip(t.grads.__match_args__, t.grads, strict=True):
        if input in received:
            np.testing.assert_allclose(sum(received[input]), grad, rtol=1e-6)


@pytest.mark.parametrize("name", PROGRAMS)
def test_elementwise_products_are_upstream_times_local(name):
    text, at = PROGRAMS[name]
    for gate in gradc.trace(text, **at):
        for argument in gate.arguments:
            if argument.local is not None and gate.shape == np.shape(argument.value):
                np.testing.assert_allclose(np.multiply(gate.upstream, argument.local), argument.product, rtol=1e-6)


def test_tables(golden):
    parts = []
    for name, (text, at) in PROGRAMS.items():
        parts.append(f"== {name}: {text}\n\n{gradc.trace(text, **at)}\n")
    golden("tables.txt", "\n".join(parts))


def test_gates_keep_the_program_as_written():
    t = gradc.trace("log(1 + exp(x))", x=1000.0)
    assert [g.gate for g in t] == ["exp", "+1", "log"]
    assert t.value == np.inf
    assert str(t).endswith(
        "note: these are the gates as written; gradc.compile rewrites them and gives value 1000, d/dx 1"
    )
    assert gradc.trace("log(x)", x=0.0).note == ""


def test_iteration_numbers_and_text():
    t = gradc.trace("x*y", x=2, y=3)
    assert len(t) == 1
    assert t[1] is next(iter(t))
    assert t[1].span.text == "x*y"
    assert repr(t) == "<trace of 1 gate: value 6>"
    for number in (0, 2):
        with pytest.raises(IndexError):
            t[number]


def test_any_name_may_be_an_input():
    t = gradc.trace("self + text*values", self=1, text=2, values=3)
    assert t.value == 7.0
    assert t.grads["values"] == 2.0


@pytest.mark.parametrize(
    ("text", "at", "code"),
    [
        ("x +", {}, "G0105"),
        ("x*y", {"x": 1}, "G0601"),
        ("x", {"x": 1, "q": 2}, "G0601"),
        ("x", {"x": "a"}, "G0602"),
        ("x*y", {"x": [1, 2], "y": [1, 2, 3]}, "G0603"),
        (3, {}, "G0604"),
    ],
)
def test_errors(text, at, code):
    with pytest.raises(gradc.Error) as caught:
        gradc.trace(text, **at)
    assert caught.value.code == code


def test_as_dict_holds_every_field():
    facts = gradc.trace("where(x > 1, x, 2)", x=3.0).as_dict()
    assert facts["value"] == 3.0
    assert facts["gradients"] == {"x": 1.0}
    comparison, choice = facts["gates"]
    assert comparison == {
        "number": 1, "gate": ">", "text": "x > 1", "value": True, "upstream": None,
        "arguments": [{"name": "x", "value": 3.0, "local": None, "product": None, "returns": ""}],
    }  # fmt: skip
    assert [a["name"] for a in choice["arguments"]] == ["[1]", "x"]


def test_a_program_100000_deep_is_traced_without_recursion():
    depth = 100_000  # negations, the cheapest gates
    t = gradc.trace("-" * depth + "x", x=2.0)
    assert len(t) == depth
    assert t.grads == (1.0,)
    lines = str(t).splitlines()
    assert len(lines) == depth + 4
    assert max(map(len, lines)) < 120


def test_a_terminal_gets_colours_and_the_same_numbers(monkeypatch):
    from gradc.show.terminal import print_trace

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    print_trace(gradc.trace("(x+y)*z", x=-2, y=5, z=-4), stream)
    assert "\x1b[32m" in stream.getvalue()
    for text in ("(x+y)*z", "-12", "d/dz   3"):
        assert text in stream.getvalue()


@pytest.mark.parametrize(
    ("value", "shown", "precise"),
    [
        (None, "", ""),
        (1 / 3, "0.333333", "0.3333333333333333"),
        (-0.0, "-0", "-0.0"),
        (float("nan"), "nan", "nan"),
        (True, "True", "True"),
        (np.float32(0.1), "0.1", "0.1"),
        (np.array([1.5, 2.0]), "[1.5, 2]", "[1.5, 2.0]"),
        (np.arange(9.0), "[0, 1, ..., 7, 8]", "[0.0, 1.0, ..., 7.0, 8.0]"),
        (np.zeros((2, 0)), "[]", "[]"),
        (np.ones((3, 3)), "[[1, 1, 1], [1, 1, 1], [1, 1, 1]]", None),
    ],
)
def test_abbreviations(value, shown, precise):
    assert abbreviated(value) == shown
    if precise is not None:
        assert abbreviated(value, precise=True) == precise
