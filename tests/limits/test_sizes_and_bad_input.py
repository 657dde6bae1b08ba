"""Large programs end in seconds without recursion, or are refused by a named limit; bad input gets our errors."""

import random
import sys

import numpy as np
import pytest

import gradc

DEEP = 100_000
LARGE = {
    "a sum of 100,000 terms": "+".join(["x"] * DEEP),
    "nested parentheses": "(" * DEEP + "x" + ")" * DEEP,
    "minus signs": "-" * DEEP + "x",
    "nested sin": "sin(" * DEEP + "x" + ")" * DEEP,
    "1,000 inputs": "+".join(f"x{k}*x{k}" for k in range(1000)),
    "1 MiB": "x+" * (2**19) + "x",
}


@pytest.mark.parametrize("what", LARGE)
def test_large_programs(what):
    f = gradc.compile(LARGE[what], engine="interpreter")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(300)
    try:
        if what == "1 MiB":  # half a million operations: minutes with their derivatives and all that is checked here
            value, grads = f(0.5), None
        else:
            value, grads = f.value_and_grad(*[0.5] * len(f.inputs))
    finally:
        sys.setrecursionlimit(limit)
    expected = {
        "a sum of 100,000 terms": DEEP / 2, "minus signs": 0.5, "nested parentheses": 0.5, "1,000 inputs": 250.0,
        "1 MiB": (2**19 + 1) / 2,
    }  # fmt: skip
    if what in expected:
        assert value == expected[what]
        assert grads is None or grads[0] == pytest.approx(DEEP if what == "a sum of 100,000 terms" else 1.0)


BAD = [
    "x.__class__", "().__class__.__bases__[0]", "__import__('os').system('true')", "__name__", "open('f')", "'abc'",
    '"abc"', "lambda t: t", "[t for t in x]", "{t: 1}", "x\0y", "\uff45xp(x)", "с + x", "x − 1", "x ** ", "def f(",
    "f(x) + 1 = x", "9" * 500, "1e999", "x[", "x]", "(" * 50, "import os", "for i in x", "x if", "print(x", "x := 3",
    "\x1b[31m", "", "   ", "# only", "q = x", "def f(t) = f(t); f(x)", "exec(x)", "x" * 70_000 + "(", "\ud800", "x @",
    "a.b.c", "x..y", "sum()", "sum(x, axis=7)", "x[1.5]", "einsum(\"ii", "def f(a, a) = a; f(x, x)", "pi = 3; pi",
    "x: f16; x", "x: f64[n; x",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD, ids=lambda text: ascii(text[:24]))
def test_bad_input_gets_our_error(text):
    with pytest.raises(gradc.Error):
        gradc.compile(text, engine="interpreter")(np.ones(3))


def test_towers_of_powers_end():
    assert gradc.compile("9**9**9**9", engine="interpreter")() == float("inf")


@pytest.mark.parametrize("text", ["x" * (10 * 2**20), "(" * (10 * 2**20), "\0" * (10 * 2**20)])
def test_ten_mebibytes_are_refused_at_once(text):
    with pytest.raises(gradc.Error) as caught:
        gradc.compile(text)
    assert caught.value.code == "G0501"


def test_functions_that_double_sixty_times():
    text = "; ".join(["def f0(t) = t + t", *(f"def f{k}(t) = f{k - 1}(f{k - 1}(t))" for k in range(1, 7)), "f6(x)"])
    assert gradc.compile(text, engine="interpreter")(1.0) == 2.0**64


def test_token_soup(ran_cases):
    ran_cases(1500)
    rng = random.Random(0)
    marks = "+ - * / ** ( ) [ ] , ; : = =="
    words = f"x y 1 2.5 {marks} sum( exp( where( def if else and not @ .T pi \n einsum( softmax( axis".split(" ")
    for _ in range(1500):
        text = " ".join(rng.choice(words) for _ in range(rng.randrange(1, 14)))
        try:
            f = gradc.compile(text, engine="interpreter")
            f.value_and_grad(*[1.5] * len(f.inputs))
        except gradc.Error:
            pass
