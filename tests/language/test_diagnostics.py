"""Every message about syntax, as its author sees it: diagnostics.txt is for reading and reviewing."""

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from gradc.language.diagnostics import Error
from gradc.language.parser import parse
from gradc.language.source import Source

BAD = {
    "a missing operator": [
        "2x",
        "2(x+1)",
        "(a)(b)",
        "x y",
        "2 sin(x)",
        "sin x",
        "f(x) y",
        "x[0] y[1]",
        "(x + y) z",
        "2 (x + y)[0]",
        "3 4",
        "x.T y",
        "x.T(1)",
        "2[0]",
        "sin^2(x)",
        "cos**2 (x + y)",
        "x not y",
        "x None",
        "f(a b)",
        "x .5",
        "1/2x",
        "(a_long_name * another_long_name)(b)",
        "a.T.T[0](b)",
    ],
    "brackets": [
        "(x + y",
        "x + y)",
        "(x]",
        "x[1)",
        "f(x, [1, 2)",
        "q = sin(x\nq * 2",
        "q = (x; q)",
        "((x)",
        "x[1",
        ")",
        "]",
        "(x + y))",
    ],
    "tuples and blocks": [
        "p, v = (x, y); p",
        "(p, v",
        "(p + v) = x; p",
        "(p, 2) = x; p",
        "() = x; x",
        "(p v) = x; p",
        "x, y",
        "f(t) = {}; f(x)",
        "f(t) = {u = t}; f(x)",
        "f(t) = {(u, v) = t}; f(x)",
        "f(t) = {t; u = 2; u}; f(x)",
        "f(t) = {u = t\n+ 2*t}; f(x)",
        "f(t) = {u: f64; t}; f(x)",
        "f(t) = {def g(s) = s; g(t)}; f(x)",
        "f(t) = {u = t, t}; f(x)",
        "f(t) = {t",
        "f(t) = t}",
        "f(t) = {t)",
        "f((a, b)=2) = a; f(x)",
        "f((a, 2)) = a; f(x)",
        "x^{2}",
        "{x, y}",
        "x = {1: 2}; x",
        "f(x) {2 * x}",
    ],
    "operators of other languages": [
        "x && y",
        "x || y",
        "!x",
        "n!",
        "n ! ",
        "x & y",
        "x | y",
        "|x|",
        "~x",
        "x <> y",
        "x === y",
        "x !== y",
        "x =< y",
        "x => y",
        "q := x; q",
        "x -> x + 1",
        "x << 2",
        "x >> 2",
        "x += 1",
        "x **= 2",
        "x .* y",
        "x ./ y",
        "x.^y",
        "x[1..3]",
        "c ? a : b",
        "f'(x)",
        "x'",
        "x AND y",
        "x mod y",
        "x xor y",
    ],
    "`=`": [
        "x = y = 2; x",
        "2 + (x = 3)",
        "x + y = 3",
        "(f(x)) = x + 1; f(2)",
        "x[0] = 3; x",
        "2 = x; x",
        "a, b = 1, 2; a",
        "None = 3; x",
        "f(x + 1 = 2)",
        "f(x =)",
        "x == = y",
        "= 3",
    ],
    "characters outside ASCII": [
        "x − y",
        "x × y",
        "x · y",
        "x ÷ y",
        "x ≤ y",
        "x ≥ y",
        "x ≠ y",
        "x²",
        "x⁻¹⁰ + y",
        "x₁ + y",
        "2*π*r",
        "∞",
        "√x",
        "∑x",
        "α*x",
        "λ",
        "Δx",
        "еxp(x)",
        "sin(х)",
        "ｅｘｐ(x)",
        "（x）",
        "𝑥 + 1",
        "x\u00a0+ y",
        "x\u200b + y",
        "x\u2028y",
        "“x”",
        "‘x",
        "x′ + y",
        "½x",
        "¬x",
        "x ∧ y",
        "naïve + 1",
        "变量 + 1",
        "x + 😀",
        "…",
        "a ← b",
        "30°",
        "﹢x",
        "x\ud800",
        "\ufeffx",
        "xᵀ",
        "²",
    ],
    "control characters": ["x\0y", "\x1b[31mx", "x\x07", "x\x7f"],
    "other ASCII characters": [
        "'abc'",
        '"x" + 1',
        'f("x',
        "f'''doc'''",
        "x + `y`",
        "\\frac{a}{b}",
        "\\alpha",
        "2 \\cdot x",
        "x \\\n + y",
        "{x}",
        "a}",
        "$x",
        "x @@ y",
    ],
    "numbers": [
        "1e",
        "2e + 1",
        "1.2.3",
        "1..2",
        "1e5.5",
        "0x10",
        "0b101",
        "1j",
        "2.5J",
        "1__0",
        "1_",
        "1_.5",
        "1e999",
        "9" * 310,
        "1" * 401,
        "x*1e309 + 2",
        "1.5f",
        "5%",
    ],
    "half a program": [
        "",
        "   ",
        "# only a remark",
        ";;",
        "x +",
        "x + y *",
        "q = x",
        "x: f64[n]",
        "def f(x) = x; y = 2",
        "q =",
        "x **\n",
        "x and",
        "not",
        "-",
        "x if",
        "x if y",
        "x if y else",
        "q = x; q +; 3",
        "x: ",
        "def",
        "def f",
        "def f(",
        "def f(x)",
        "def f(x) =",
        "x == ",
        "f(x, k=",
    ],
    "where a value should be": [
        "* x",
        "/ 2",
        "x * / y",
        "x or or y",
        "f(,)",
        "f(a,,b)",
        "[,]",
        "x[]",
        "x[1:2:3:4]",
        "x[,1]",
        "(:)",
        "f(a:b)",
        "x ^^ y",
        "()  + ",
        "x\n+ y",
        "y = x\n  + 2",
        "f(x) = x\n  - 2*y",
        "y = x\n  - z\ny",
        "q = x\n* y; q",
        "f(*args)",
        "f(**options)",
        "f(x, =3)",
        ". + 1",
        "x if else y",
    ],
    "conditions": [
        "x else y",
        "a if b if c else d else e",
        "if x: y",
        "if (x) y else z",
        "q = if x then y else z; q",
        "a == not b",
        "-not x",
        "else",
        "a if b; c",
        "f(a if b)",
        "[a if b, c]",
    ],
    "attributes": [
        "np.exp(x)",
        "math.pi",
        "np.linalg.norm(x) + 1",
        "np.e",
        "x.__class__",
        "x.sum()",
        "(x + y).sum(axis=0)",
        "x.shape",
        "x.t",
        "f(x).mean()",
        "().__class__.__bases__[0]",
        "x.",
        "x.2",
        "x..y",
        "2.T",
        "x.T.H",
        "x[np.newaxis]",
    ],
    "constructs of other languages": [
        "lambda t: t",
        "lambda: 3",
        "f(lambda x, y: x)",
        "[t for t in x]",
        "sum(t**2 for t in x)",
        "for i in x: i",
        "while x: y",
        "return x",
        "import numpy as np",
        "from numpy import exp",
        "print x",
        "x is None",
        "x in y",
        "x not in y",
        "class A: x",
        "let x = 3; x",
        "def f(x) = return x",
        "try: x",
        "{'a': 1}",
        "x; import os",
        "f(x for)",
        "__import__('os')",
        "x = 3, y = 4; x",
        "q = x where y",
    ],
    "statements": [
        "x; y",
        "x + 1\ny",
        "x\n(y)",
        "x, y",
        "1, 2",
        "x y = 3",
        "a b: f64",
        "x + def f(x) = x",
        "def f(x): x + 1",
        "def f(x, ",
        "def f(2) = 3; x",
        "def f(x + 1) = 3; x",
        "def f(x: f64) = x; x",
        "def f(*x) = 1; 1",
        "def f x = x; x",
        "def (x) = x; x",
        "def if(x) = x; x",
        "def f(x, if=2) = x; x",
        "def f(x) x; x",
        "def f(x y) = x; x",
        "f(a=1, 2)",
        "x: float; x",
        "x: double[3]; x",
        "x: string; x",
        "x: f64(3); x",
        "x: f64[n m]; x",
        "x: f64[n + 1]; x",
        "x: f64[-1]; x",
        "x: f64[2.0]; x",
        "x: f64[:, 3]; x",
        "x: f64 = 3; x",
        "x: f64[n] + 1",
        "x, 2: f64; x",
        "x, : f64; x",
        "True: f64; x",
        "x, y f64; x",
        "x[:",
        "a: b: c",
        "...",
        "pi = 3",
        "inf: f64",
        "x + ...",
        "x[...:2]",
        "f(...)",
    ],
    "long lines and long words": [
        "x + " * 60 + "2y" + " + x" * 60,
        "a" * 200 + " " + "b" * 200,
        "2" + "z" * 100,
        "f(" + "x, " * 50 + "y)(2)",
        "w" * 50 + ".sum()",
        "x." + "s" * 50,
        "#" * 120 + "\nx y",
    ],
}


def rendered(text):
    with pytest.raises(Error) as caught:
        parse(Source(text))
    return str(caught.value)


def example(text):
    """A program's message; above it the program itself where the drawing cannot show it."""
    visible = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return rendered(text) if visible == text else f"[{visible}]\n{rendered(text)}"


def test_every_message(golden):
    chapters = []
    for title, programs in BAD.items():
        examples = "\n\n".join(map(example, programs))
        chapters.append(f"==== {title}\n\n{examples}\n")
    golden("diagnostics.txt", "\n".join(chapters))


def test_too_large():
    for text, message in {
        "x" * (5 * 2**20): "error[G0501]: the program has 5,242,880 characters; the limit is 4,194,304\n"
        "help: split the program, or pass large data as array inputs",
        "x+" * 1_000_000: "error[G0502]: the program has more than 1,500,000 names, numbers and operators\n"
        "help: split the program, or pass large data as array inputs",
    }.items():
        assert rendered(text) == message


def test_as_data():
    with pytest.raises(Error) as caught:
        parse(Source("q = x\nq * 2y", "model.txt"))
    assert caught.value.as_dict() == {
        "code": "G0104",
        "message": "missing operator between `2` and `y`",
        "line": 2,
        "column": 5,
        "start": 10,
        "stop": 12,
        "label": "",
        "help": "write `2*y` for a product",
    }


def refused(text):
    return parse(Source(text))


@pytest.mark.parametrize("carried", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_errors_can_be_carried(carried):
    with pytest.raises(Error) as caught:
        refused("q = x\nq * 2y")
    caught.value.add_note("a note")
    again = carried(caught.value)
    assert type(again) is Error and str(again) == str(caught.value) and again.as_dict() == caught.value.as_dict()
    assert again.span.text == "2y" and again.__notes__ == ["a note"]


def test_errors_come_back_from_other_processes():
    with ProcessPoolExecutor(1, get_context("spawn")) as pool, pytest.raises(Error, match="missing operator"):
        pool.submit(refused, "2x").result()


def test_wide_characters_keep_the_carets_in_place():
    assert rendered("变 + 量").split("\n")[3:5] == ["1 | 变 + 量", "  | ^^"]
    assert rendered("x + ２3").split("\n")[3:5] == ["1 | x + ２3", "  |     ^^"]
    assert rendered("x + e\u0301").split("\n")[4] == "  |      ^"
