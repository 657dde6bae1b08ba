"""The order of inputs: chosen by the caller, or by a program that is written as a function."""

import pickle

import numpy as np
import pytest
from click.testing import CliRunner

import gradc
from gradc.check.check import check
from gradc.cli.commands import main

DECAY = "a*exp(-b*t) + c"
FUNCTION = f"decay(t, a, b, c) = {DECAY}"


@pytest.mark.parametrize(
    "inputs", ["t a b c", "t,a,b,c", " t,  a\nb\tc ", ["t", "a", "b", "c"], iter("tabc"), ("t", "a", "b", "c", "d")]
)
def test_any_order(inputs):
    f = gradc.compile(DECAY, inputs=inputs, engine="interpreter")
    assert f.inputs[:4] == ("t", "a", "b", "c")
    more = (0.0,) * (len(f.inputs) - 4)
    assert f(0.0, 2.0, 3.0, 4.0, *more) == 6.0 == f(c=4.0, b=3.0, a=2.0, t=0.0, **dict(zip(f.inputs[4:], more)))
    assert pickle.loads(pickle.dumps(f)).inputs == f.inputs


def test_order_is_that_of_every_engine_and_module(every_engine):
    f = gradc.compile(DECAY, inputs="t a b c", wrt="c a", engine=every_engine)
    value, grads = f.value_and_grad(np.array([0.0, 1.0]), 2.0, 3.0, 4.0)
    np.testing.assert_allclose(value, [6.0, 4.0 + 2 * np.exp(-3.0)])
    assert grads._fields == ("c", "a")
    space = {}
    exec(compile(f.source.replace(", cache=True", ""), "module", "exec"), space)
    assert space["value"].__name__ == "value" and "def value(t, a, b, c):" in f.source


def test_kernels_on_disk_know_the_order():
    """The same text, types and transform, in another order, is another kernel."""
    for inputs in ("x y", "y x"):
        f = gradc.compile("x - 2*y", inputs=inputs)
        assert f(5.0, 1.0) == (3.0 if inputs == "x y" else -9.0)


@pytest.mark.parametrize(
    "text",
    [
        FUNCTION,
        f"def {FUNCTION}",
        f"k = 1; {FUNCTION.replace('+ c', '+ k*c')}",
        f"{FUNCTION};\n",
        FUNCTION.replace("t,", "t: f64,"),
        f"t: f64\n{FUNCTION}",
    ],
)
def test_a_program_that_is_a_function(text):
    f = gradc.compile(text, engine="interpreter")
    assert f.inputs == ("t", "a", "b", "c") and f.__name__ == "decay"
    assert f(0.0, 2.0, 3.0, 4.0) == 6.0
    assert gradc.compile(str(f.stages["syntax"])).inputs == f.inputs
    assert pickle.loads(pickle.dumps(f)).inputs == f.inputs
    assert check(text, {"t": 0.5, "a": 2.0, "b": 3.0, "c": 4.0}).passed


def test_functions_are_defined_with_and_without_def():
    for text in ("square(t) = t**2; square(x) + 1", "def square(t) = t**2; square(x) + 1"):
        f = gradc.compile(text, engine="interpreter")
        assert f.inputs == ("x",) and f(3.0) == 10.0


def test_declared_data_follow_the_parameters():
    f = gradc.compile("X: f64[n, d]; y: f64[n]; loss(w, b) = mean((X @ w + b - y)**2)", wrt="w b")
    assert f.inputs == ("w", "b", "X", "y")
    bound = f.bind(X=np.ones((3, 2)), y=np.zeros(3))
    assert bound(np.ones(2), 1.0) == 9.0


def test_inputs_reorder_a_function_too():
    assert gradc.compile(FUNCTION, inputs="c b a t").inputs == ("c", "b", "a", "t")


def test_on_the_command_line():
    runner = CliRunner()
    done = runner.invoke(main, ["compile", DECAY, "--inputs", "t,a,b,c"])
    assert done.exit_code == 0
    assert "def value_and_grad(t, a, b, c):" in done.stdout
    done = runner.invoke(main, ["eval", FUNCTION, "--at", "t=0,a=2,b=3,c=4"])
    assert done.stdout.splitlines()[:2] == ["value  6.0", "d/dt   -6.0"]
    assert runner.invoke(main, ["trace", DECAY, "--inputs", "t a"]).exit_code == 1


WRONG = [
    (DECAY, "t a bb c"), (DECAY, "t a b"), (DECAY, "t x y"), (DECAY, ""), (DECAY, "t a b c a"), (DECAY, "t a b c pi"),
    (DECAY, "t a b c 2x"), (DECAY, "t a b c if"), (DECAY, "t a b c __x"), (DECAY, "t a b c \u00e9"), (DECAY, 3),
    (DECAY, ["t", None]), (DECAY, b"t a"), (DECAY, ["t a", "b", "c"]), (DECAY, "t alpha b c"),
    ("x: f64[n]; sum(x)/n", "x n"),
    ("q = x + y; q * z", "x y z q"), ("; ".join(f"y{k} = x{k}" for k in range(30)) + "; y0", "x0"),
    ("f(t, a) = a*exp(-b*t)", None), ("f(t, alpha) = alhpa*t", None), ("f(t, a=2) = a*t", None), ("f(t, t) = t", None),
    ("f(t) = f(t)", None), ("f(pi) = pi", None), ("t = 3; f(t) = t", None), ("x: f64[n]; f(n) = n*sum(x)", None),
    ("f(x: f64) = x; f(3)", None), ("f(x: f46) = x", None), ("f(2) = 3", None), ("f(x[0]) = 3", None),
    ("f(x) = ", None),
    ("f(x: f64 = 2) = x", None), ("x: f64; f(x: f64[n]) = x", None), ("f(x) = x; x + 1 = 2", None), ("f(*x) = x", None),
    ("f(x)(y) = x", None), ("f() = x", None),
]  # fmt: skip


def test_every_message(golden):
    rendered = []
    for text, inputs in WRONG:
        with pytest.raises(gradc.Error) as caught:
            gradc.compile(text, inputs=inputs)
        rendered.append(f"== {text[:60]}{'' if inputs is None else f', inputs={inputs!r}'}\n{caught.value}\n")
    with pytest.raises(gradc.Error) as caught:
        gradc.compile(np.tanh, inputs="x")
    rendered.append(f"== a Python function\n{caught.value}\n")
    golden("order.txt", "\n".join(rendered))
