"""Tuples, functions with statements of their own, and what functions see: values, gradients, and what goes wrong."""

import numpy as np
import pytest

import gradc
from gradc.construct.closures import Applicable
from gradc.construct.functions import FUNCTIONS, _built

SAME = [
    ("(a, b) = (x, 2*y); a * b", "x * (2*y)"),
    ("((a, b), c) = ((x, y), 2); a*b + c", "x*y + 2"),
    ("t = (x, y); (a, b) = t; a - b", "x - y"),
    ("t = (x, (y, 3)); t[0] * t[-1][0] + t[1][1]", "x*y + 3"),
    ("def both(t) = (t, t**2); both(x)[1] + y", "x**2 + y"),
    ("def swap((a, b)) = (b, a); (p, q) = swap((x, y)); p / q", "y / x"),
    ("def step((p, v), a) = (p + y*v, v + y*a); (p, v) = step((x, 1), 2); p * v", "(x + y) * (1 + y*2)"),
    ("def step((p, v)) = {q = p + v; r = q**2; (r, q)}; (a, b) = step(step((x, y))); a * b", None),
    ("def f(t) = {u = t + y\n v = u * t\n v**2}\nf(x)", "((x + y) * x)**2"),
    ("def f(t) = {u = (t +\n 1); u}\nf(x) * y", "(x + 1) * y"),
    ("def f(t, k=2) = {t = t * k; t + y}; f(x) + f(x, k=3)", "2*x + y + (3*x + y)"),
    ("def f(t) = {(u, (v,)) = (t, (y,)); u * v}; f(x)", "x * y"),
    ("def g(t) = {u = t + 1; u * y}; def f(t) = {u = g(t); g(u)}; f(x)", "((x + 1)*y + 1) * y"),
    ("k = x; def f(t) = k * t; a = f(y); k = 5 * x; a + f(y)", "x*y + x*y"),
    ("u = y; def f(t) = {u = t; u**2}; f(x) * u", "x**2 * y"),
    ("f(x, y) = {u = x * y; v = u + 1; u * v}", "(x*y) * (x*y + 1)"),
]


@pytest.mark.parametrize("text, plain", SAME, ids=range(len(SAME)))
def test_the_same_program_written_out(text, plain):
    plain = plain or "((x+y)**2 + x + y)**2 * ((x+y)**2 + (x+y))"
    made, expected = (gradc.compile(each, inputs="x y", engine="interpreter") for each in (text, plain))
    (value, grads), (value2, grads2) = (each.value_and_grad(2.0, 3.0) for each in (made, expected))
    assert (value, *grads) == pytest.approx((value2, *grads2))
    assert gradc.compile(made.program.syntax, inputs="x y", engine="interpreter").grad(x=2.0, y=3.0) == made.grad(
        2.0, 3.0
    )


@pytest.mark.parametrize("text", ["slogdet(A)[1]", "r = slogdet(A); r[-1]", "sum(log(eigh(A)[0]))"])
def test_one_value_of_a_function(text):
    """Without a declaration too: the index is none of the matrix."""
    assert gradc.compile(text, engine="interpreter")([[2.0, 0.0], [0.0, 3.0]]) == pytest.approx(np.log(6.0))


@pytest.mark.parametrize(
    "text, message",
    [("(x, y)[2]", "index 2 is out of range for a tuple of 2"), ("slogdet([[x]])[-3]", "index -3 is out of range"),
     ("(x, y)[x]", "the index of a tuple needs whole numbers"), ("(x, y)[0:1]", "this is a tuple"),
     ("(x, y)[0, 1]", "this is a tuple"), ("(x, y)[[0, 1]]", "this is a tuple"), ("(x, y)[0.5]", "whole numbers")],
)  # fmt: skip
def test_no_value_of_a_tuple(text, message):
    with pytest.raises(gradc.Error, match=message):
        gradc.compile(text, inputs="x y", engine="interpreter")(1.0, 2.0)


SEVERAL = [
    ("eigh(A)", ("eigenvalues", "eigenvectors"), "(w, V) = eigh(A); (w, V)"),
    ("qr(A)", ("Q", "R"), "(Q, R) = qr(A); (Q, R)"),
    ("svd(A)", ("U", "S", "Vh"), "(U, S, Vh) = svd(A); (U, S, Vh)"),
    ("slogdet(A)", ("sign", "logabsdet"), "(a, b) = slogdet(A); (a, b)"),
    ("E = eigh(A); x = E; E = x; E", ("eigenvalues", "eigenvectors"), "(w, V) = eigh(A); (w, V)"),
    ("def f(B) = {(w, V) = eigh(B); E = (w, V); E}; f(A + A.T)", ("w", "V"), "(w, V) = eigh(A + A.T); (w, V)"),
    ("def f(B, E) = E; f(1, E=slogdet(A))", ("sign", "logabsdet"), "(a, b) = slogdet(A); (a, b)"),
    ("f(A) = slogdet(A)", ("sign", "logabsdet"), "(a, b) = slogdet(A); (a, b)"),
    ("((a, b), c) = ((A, A.T), 2); t = (b, a); t", ("b", "a"), "(A.T, A)"),
    ("def step((p, v), a) = (p + v, v @ a); fold(step, (A, A), stack([A, A]))", ("p", "v"), "(A + A + A@A, A@A@A)"),
    ("def step(s) = {(p, v) = s; (p + v, v)}; s = (A, A); iterate(step, s, 2)", ("value0", "value1"), "(3*A, A)"),
]


@pytest.mark.parametrize("text, names, plain", SEVERAL, ids=range(len(SEVERAL)))
def test_programs_that_end_with_what_gives_a_tuple(text, names, plain):
    A = np.array([[2.0, 1.0], [1.0, 3.0]])
    made, expected = (gradc.compile(each, engine="interpreter") for each in (text, plain))
    (values, grads), (others, wanted) = (f.value_and_grad(A=A) for f in (made, expected))
    assert values._fields == names
    for one, two in zip((*values, grads.A), (*others, wanted.A), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-14)


def test_arrays_and_guesses():
    text = "def step(h, x) = {u = W @ x; tanh(u + V @ h)}; h = step(start, first); sum(step(h, second)**2)"
    f = gradc.compile(text)
    assert {name: str(type) for name, type in f.types.items()} == {
        "W": "f64[n, m]", "V": "f64[n, n]", "start": "f64[n]", "first": "f64[m]", "second": "f64[m]",
    }  # fmt: skip
    rng = np.random.default_rng(0)
    W, V, start, first, second = (rng.normal(size=shape) for shape in [(3, 2), (3, 3), (3,), (2,), (2,)])
    h = np.tanh(W @ first + V @ start)
    assert f(W=W, V=V, start=start, first=first, second=second) == pytest.approx(
        np.sum(np.tanh(W @ second + V @ h) ** 2)
    )


def test_parts_of_a_tuple_have_axes_of_their_own():
    f = gradc.compile("def pair(A) = (A @ v, sum(v)); (r, s) = pair(A); sum(r) * s + k")
    assert {name: type.rank for name, type in f.types.items()} == {"A": 2, "v": 1, "k": 0}


def test_names_in_blocks_that_index():
    f = gradc.compile("def row(k) = {j = k + 1; E[j]}; sum(row(i))")
    assert f.wrt == ("E",)
    assert list(f.grad(E=[1.0, 2.0, 3.0], i=[0, 1]).E) == [0.0, 1.0, 1.0]


ERRORS = [
    ("(a, b) = x; a", "G0205", "x"),
    ("(a, b, c) = (x, 1); a", "G0205", "(x, 1)"),
    ("(a, (b, c)) = (x, 1); a", "G0205", "(x, 1)"),
    ("x + (1, 2)", "G0205", "(1, 2)"),
    ("t = (x, 1); t * 2", "G0205", "t"),
    ("t = (x, 1); sin(t)", "G0205", "t"),
    ("t = (x, 1); [t, t]", "G0205", "t"),
    ("def f(t) = (t, 1); f(x) + 1", "G0205", "f(x)"),
    ("def f((a, b)) = a; f(x)", "G0205", "x"),
    ("def f(t) = t; f + x", "G0307", "f"),
    ("def f(t) = {u = f(t); u}; f(x)", "G0306", "f"),
    ("def f(t) = {u = v; v = 2; u}; f(x)", "G0305", "v"),
    ("def f(t, (t, s)) = t; f(x, (1, 2))", "G0305", "t"),
    ("(a, a) = (x, 1); a", "G0305", "a"),
    ("(a, pi) = (x, 1); a", "G0307", "pi"),
    ("f((a, b)) = a", "G0307", "(a, b)"),
]


@pytest.mark.parametrize("text, code, place", ERRORS, ids=range(len(ERRORS)))
def test_errors(text, code, place):
    with pytest.raises(gradc.Error) as caught:
        gradc.compile(text, engine="interpreter")(2.0)
    assert (caught.value.code, caught.value.span.text) == (code, place)
    assert caught.value.help


@pytest.fixture
def twice(monkeypatch):
    """A function of the language that applies a `def` two times."""

    def build(call):
        step = call.function("step")
        assert isinstance(step, Applicable)
        return step(step(call.given["start"], call.given["x"]), call.given["x"])

    row = _built("twice", "step start x", build, ranks="start:0 x:0 -> *", functions="step")
    monkeypatch.setitem(FUNCTIONS, "twice", row)


def test_functions_as_arguments(twice):
    f = gradc.compile("k = 2; def step((p, v), a) = (p + k*v, v + a); (p, v) = twice(step, (x, 1), y); p", inputs="x y")
    assert f(1.0, 5.0) == (1 + 2 * 1) + 2 * (1 + 5)
    assert f.types.keys() == {"x", "y"}


@pytest.mark.parametrize(
    "text, code",
    [
        ("twice(x, 1, y)", "G0302"),
        ("def stop(a, b) = a; twice(step, 1, x)", "G0302"),
        ("def step(a) = a; twice(step, 1, x)", "G0303"),
        ("twice(x + 1, 1, y)", "G0302"),
        ("twice(2, 1, y)", "G0302"),
    ],
)
def test_what_is_no_function(twice, text, code):
    with pytest.raises(gradc.Error) as caught:
        gradc.compile(text, engine="interpreter")(x=2.0)
    assert caught.value.code == code and caught.value.help


def test_long_and_deep():
    lines = "\n".join(f"u{k + 1} = u{k} + 1" for k in range(20_000))
    assert gradc.compile(f"def f(u0) = {{{lines}\nu20000}}; f(x)", engine="interpreter")(1.0) == 20_001
    nested = "(" * 5_000 + "x, 1" + "), 1" * 4_999 + ")"
    pattern = "(" * 5_000 + "a, b0" + "".join(f"), b{k}" for k in range(1, 5_000)) + ")"
    assert gradc.compile(f"{pattern} = {nested}; a", engine="interpreter")(3.0) == 3


def test_functions_deep_inside_functions_are_a_mistake():
    with pytest.raises(gradc.Error, match="not defined inside") as caught:
        gradc.compile("def f(x) = {" * 5000 + "1" + "}" * 5000 + "\nf(x)")
    assert caught.value.code == "G0102"
