"""What the parser makes of programs; Python's own parser is the oracle for precedence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trees import outline, programs, python_outline

from gradc.language.parser import parse
from gradc.language.source import Source
from gradc.language.syntax import Binary, children
from gradc.language.unparse import unparse


def tree(text):
    return outline(parse(Source(text)))


def same(text, python=None):
    """Our reading of an expression is Python's."""
    assert tree(text) == (python_outline(python or text),)


@pytest.mark.parametrize(
    "text",
    """
    -x**2
    2**-x
    2**-x**2*y
    x**y**z
    -x[0].T**2
    a - b - c / d // e % f @ g
    a < b <= c != d
    not a == b and not c or d
    not not a
    a if b else c if d else e
    a if (b if c else d) else e
    (a if b else c) + 1
    a or b if c and d else not e
    f(a, b, axis=0, keepdims=True)
    f()
    f(a,)
    f(x if y else z, k=x if y else z)
    x[1:-1, ::2, :, 3:, :4, 1:2:3, a:b if c else d]
    x[::]
    x[i][j]
    f(x)[0].T.T
    [a, [b], ()]
    axis((0, 1), (a,), [])
    - - + - x
    x++y
    x--y
    x - -y
    1. + .5 + 1e-3 + 1_000 + 1.5E+3 + 1_0.0_1e1_0
    1e22 + 123456789012345678901234567890 + 0 + 0.0
    _ + __x + x0_bar + lambda_
    ((((x))))
    a<-b
    a@b.T@c
    a*-b**-c
    a and not b
""".strip().split("\n    "),
)
def test_reads_as_python_does(text):
    same(text)


def test_a_line_may_begin_with_a_sign_where_it_cannot_be_meant_to_go_on():
    for text in ("y = x\n-y", "y = x\n\n-z", "y = x;\n-z", "y = x\n(-z)", "f(x) = -x\n-f(y)", "x: f64\n-x"):
        assert parse(Source(text)).result is not None


def test_lines_go_on_inside_brackets():
    same("(a,\n b +\n\n c # remark\n)")


operands = st.sampled_from(["x", "y", "1", "2.5", "f(x)", "x[1:]", "x.T"])
nonsense_free = st.recursive(
    operands,
    lambda inner: st.one_of(
        st.builds("{}{}{}".format, inner, st.sampled_from("+ - * / // % ** @ < <= == !=".split()), inner),
        st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or"]), inner),
        st.builds("{} if {} else {}".format, inner, inner.map("({})".format), inner),
        inner.map("({})".format),
        inner.map("-{}".format),
        inner.map("f({})".format),
        inner.map("(not {})".format),
    ),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None)
@given(nonsense_free)
def test_random_expressions_read_as_python_does(text):
    same(text)


@settings(max_examples=150, deadline=None)
@given(programs)
def test_what_is_printed_is_read_back(program):
    text = unparse(program)
    assert tree(text) == outline(program), text


@pytest.mark.parametrize(
    ("text", "minimal"),
    [
        ("((x)+(y))*(z)", "(x + y) * z"),
        ("(a*b)+(c/d)", "a * b + c / d"),
        ("a-(b-c)-(-d)", "a - (b - c) - -d"),
        ("(-x)**2-(-(x**2))", "(-x)**2 - -x**2"),
        ("(x^y)^z^(w)", "(x**y)**z**w"),
        ("x[(1):(-1),None,...,::2]", "x[1:-1, None, ..., ::2]"),
        ("f((a,b),k=(1))", "f((a, b), k=1)"),
        ("def f(a,b=1)=a+b;x,y:f64[n,3];q=f(x);q", "def f(a, b=1) = a + b\nx: f64[n, 3]\ny: f64[n, 3]\nq = f(x)\nq"),
    ],
)
def test_prints_no_bracket_too_many(text, minimal):
    assert unparse(parse(Source(text))) == minimal


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("q = x; q", 1),
        ("q = x\nq", 1),
        ("q = x\r\n\r\n\tq", 1),
        (";;\n q = x ; \n;; q ;;\n", 1),
        ("# a remark\nq = x # another\n\n# more\nq # last", 1),
        ("q =\n  x +  # the sum goes on\n  y\nq", 1),
        ("q = x if\n y else\n z\nq", 1),
        ("q = f(x,\n\n   y # inside\n )[\n0]; q", 1),
        ("x, y,\n z: f64[n]; x", 3),
        ("x: f64; y: f64[]; x", 2),
        ("x: i64[2, n,]; x", 1),
        ("def f() = 1; def g(a, b=2, c=a if b else 1,) = a; f() + g(1)", 2),
    ],
)
def test_statements(text, statements):
    assert len(parse(Source(text)).statements) == statements


def test_power_is_written_both_ways():
    assert tree("x^-y^2") == tree("x**-y**2")


def test_words_of_python_are_ordinary_names():
    assert tree("lambda*x + class + in*is - self[for].T + None_") == (
        (
            "+",
            (
                "-",
                ("+", ("+", ("*", "lambda", "x"), "class"), ("*", "in", "is")),
                ("transpose", ("index", "self", "for")),
            ),
            "None_",
        ),
    )


def test_none_is_an_axis_only_as_an_item_of_an_index():
    assert tree("x[None, (None), f(None), None:1]") == (
        (
            "index",
            "x",
            ("special", "newaxis"),
            ("special", "newaxis"),
            ("call", "f", (("special", "none"),), ()),
            ("slice", ("special", "none"), ("int", 1), None),
        ),
    )


@settings(max_examples=150, deadline=None)
@given(programs)
def test_spans_nest_and_brackets_in_them_match(program):
    text = unparse(program)
    waiting = [parse(Source(text)).result]
    while waiting:
        node = waiting.pop()
        assert 0 <= node.span.start <= node.span.stop <= len(text)
        assert node.span.text.count("(") == node.span.text.count(")")
        for child in children(node):
            assert node.span.start <= child.span.start and child.span.stop <= node.span.stop
            waiting.append(child)


def test_span_of_an_operation_includes_the_brackets_of_its_operands():
    result = parse(Source("a * (b + c)")).result
    assert isinstance(result, Binary)
    assert result.span.text == "a * (b + c)"
    assert result.right.span.text == "b + c"
