"""Programs as SymPy expressions and as LaTeX, and back again."""

import numpy as np
import pytest
import sympy
from sympy import Float, Function, MatrixSymbol, Piecewise, Rational, Symbol, exp, log, pi, sin, sqrt, symbols

import gradc
from gradc.construct.functions import EACH, FUNCTIONS
from gradc.frontends.sympy.writer import number

x, y, z = symbols("x y z")


def compiled(program, **options):
    return gradc.compile(program, engine="interpreter", **options)


@pytest.mark.parametrize(
    ("program", "expr"),
    [
        ("(x + y) * z", (x + y) * z),
        ("1/(1+exp(-x))", 1 / (1 + exp(-x))),
        ("2.5*exp(-1.5*x) + 1/3*y", Float(2.5) * exp(Float(-1.5) * x) + y / 3),
        ("x**0.5 * y**(2/3)", sqrt(x) * y ** Rational(2, 3)),
        ("x*x*x*x - x - (y - (z - x))", x**4 - 2 * x - y + z),
        ("pi*x + sin(pi/4)", pi * x + sqrt(2) / 2),
        ("max(x, 0) + abs(y)", sympy.Max(x, 0) + sympy.Abs(y)),
        ("x if x > 0 and not y < 1 else z", Piecewise((x, (x > 0) & (y >= 1)), (z, True))),
        ("x % 3 + floor(y) + ceil(z)", sympy.Mod(x, 3) + sympy.floor(y) + sympy.ceiling(z)),
        ("log10(x) + lgamma(y) + j0(z)", log(x) / log(10) + sympy.loggamma(y) + sympy.besselj(0, z)),
        ("x + inf", x + sympy.oo),
        ("12345678.25 + x", Float(12345678.25) + x),
        ("[x, y, 1]", sympy.Array([x, y, 1])),
        ("[[x, y], [1, x*y]]", sympy.ImmutableMatrix([[x, y], [1, x * y]])),
    ],
)
def test_numbers(program, expr):
    assert compiled(program).sympy() == expr


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("sum((x[1:]-x[:-1])**2)", "Sum((x[i + 1] - x[i])**2, (i, 0, n - 2))"),
        ("X: f64[n,d]; w: f64[d]; sum(X @ w)**2", "Sum(X[i, j]*w[j], (j, 0, d - 1), (i, 0, n - 1))**2"),
        ("x: f64[4]; max(x)*y", "y*Max(x[0], x[1], x[2], x[3])"),
        ("A: f64[n,m]; B: f64[m,k]; 2*A@B", "2*A*B"),
        ("A: f64[n,m]; A.T@A - A.T@A/2", "(1/2)*A.T*A"),
        ("A: f64[n,m]; exp(A)", "ArrayComprehension(exp(A[i, j]), (i, 0, n - 1), (j, 0, m - 1))"),
        ("x: f64[n]; cumsum(x)", "ArrayComprehension(Sum(x[j], (j, 0, i)), (i, 0, n - 1))"),
        ("x: f64[3]; 2*x", "[2*x[0], 2*x[1], 2*x[2]]"),
        ("norm(x) + prod(x)", "Product(x[i], (i, 0, n - 1)) + sqrt(Sum(x[i]**2, (i, 0, n - 1)))"),
        ("s: f64[n, k]; q: i64[n]; softmax_cross_entropy(s, q)", None),
        ("x: f64[n]; y: f64[n]; sum(where(x > y, x, y))", None),
        ("x: f64[4]; sum(reshape(x, [2, 2]) @ reshape(x, [2, 2]))", None),
        ("x: f64[n]; sum(flip(x) * x)", None),
        ("x: f64[n]; var(x) / mean(x) + logsumexp(x)", None),
    ],
)
def test_arrays(program, text):
    f = compiled(program)
    expr = f.sympy()
    assert text is None or str(expr) == text
    if not f.stages.graph.results[0].shape:
        rng = np.random.default_rng(1)
        values = {name: rng.uniform(0.5, 1.5, 4) for name in f.inputs}
        values |= {"s": rng.normal(size=(4, 3)), "X": rng.normal(size=(4, 2)), "w": rng.normal(size=2)}
        values |= {"q": np.array([0, 2, 1, 2])}
        back = compiled(expr)
        found = back(**{name: values[name] for name in back.inputs})
        assert found == pytest.approx(f(**{name: values[name] for name in f.inputs}), rel=1e-12)


ELEMENTWISE = sorted(
    name for name, row in FUNCTIONS.items() if row.ranks == EACH and row.name not in ("Piecewise", "interp")
)
MADE = frozenset("arange zeros ones full eye full_like l2 squared_error binary_cross_entropy".split())
SPECIAL = {
    "polygamma": "polygamma(2, x)",
    "logdiffexp": "logdiffexp(y, x)",
    "arccosh": "arccosh(1 + y)",
    "log1mexp": "log1mexp(-x)",
    "binom": "binom(3.5, x)",
    "betainc": "betainc(y, 2, x)",
    "betaincc": "betaincc(y, 2, x)",
    "where": "where(x < y, x, y)",
}
WITHOUT = frozenset("round rint gammaincinv gammainccinv betaincinv betainccinv ".split())
"""Functions that SymPy does not have."""


@pytest.mark.parametrize("name", sorted({FUNCTIONS[name].name for name in ELEMENTWISE} - MADE))
def test_every_function_there_and_back(name):
    row = FUNCTIONS[name]
    needed = ", ".join(["x", "y", "z"][: row.required])
    f = compiled(SPECIAL.get(name, f"{name}({needed})"))
    if name in WITHOUT:
        with pytest.raises(gradc.Error, match="G0902"):
            f.sympy()
        return
    values = {"x": 0.375, "y": 0.8125, "z": 0.9375}
    back = compiled(f.sympy())
    found = back(**{key: values[key] for key in back.inputs})
    assert found == pytest.approx(f(**{key: values[key] for key in f.inputs}), rel=1e-9)


def test_symbols_are_the_ones_that_the_program_was_made_of():
    theta, t = Symbol(r"\theta", positive=True), Symbol("t")
    q = Function("q")(t)
    A = MatrixSymbol("A", 2, 3)
    for expr in (theta**2 * q, q.diff(t) ** 2 / 2 - sin(q), A.T * A, A[0, 1] * theta):
        assert compiled(expr).sympy() == expr
    f = gradc.lambdify([(x, y), z], x * y**z, engine="interpreter")
    assert f.sympy() == x * y**z


@pytest.mark.parametrize(
    "value", [0.1, 1 / 3, 2 / 7, 1e-300, 0.1 + 0.2, 123456.789, -2.5, 1e22, 5e-324, -np.e, 2**53 + 2.0]
)
def test_a_number_is_the_same_float_again(value):
    assert float(number(value)) == value and compiled(number(value))() == value


def test_random_programs_there_and_back(ran_cases):
    rng = np.random.default_rng(5)
    unary = ["sin", "tanh", "exp", "sqrt", "log1p", "sigmoid", "softplus", "erf", "cbrt", "normal_cdf", "square"]
    values = {"x": 0.375, "y": 0.8125, "z": 0.9375}
    for _ in range(60):
        parts = ["x", "y", "z", "0.1", "(1/3)", "2.5"]
        for _ in range(rng.integers(3, 10)):
            a, b = rng.choice(parts, 2)
            form = rng.choice(
                [
                    "{f}(abs({a}))",
                    "({a} + {b})",
                    "{a}*{b}",
                    "({a} - {b})/(2 + {b}**2)",
                    "max({a}, {b})",
                    "where({a} > {b}, {a}, {b})",
                    "-{a}",
                ]
            )
            parts.append(f"({form.format(f=rng.choice(unary), a=a, b=b)})")
        f = compiled(parts[-1])
        back = compiled(f.sympy())
        found = back(**{key: values[key] for key in back.inputs})
        assert found == pytest.approx(f(**{key: values[key] for key in f.inputs}), rel=1e-9, abs=1e-12), f.text
    ran_cases(60)


def test_large_programs():
    deep = compiled("sin(" * 5_000 + "x" + ")" * 5_000)
    assert compiled(deep.sympy())(0.5) == deep(0.5)
    many = compiled(" + ".join(f"{k}*x{k % 20}**2" for k in range(3_000)))
    expr = many.sympy()
    assert len(expr.args) == 3_000 and compiled(expr)(*range(20)) == many(*range(20))


def test_constants_do_not_explode():
    """SymPy would compute numbers with ten thousand million digits."""
    assert compiled("10**10**10 * x").sympy() == sympy.oo * x
    assert compiled("x * gamma(10000000)").sympy().has(sympy.gamma)
    squares = "\n".join(f"t{k + 1} = t{k} * t{k}" for k in range(30))
    assert compiled(f"t0 = 1.0000001\n{squares}\nt30 * x").sympy().free_symbols == {x}


@pytest.mark.parametrize(
    ("program", "latex"),
    [
        ("1/(1+exp(-x))", r"\frac{1}{1 + e^{- x}}"),
        ("sum((y - a*t)**2)", None),
        ("sqrt(x)/2 + alpha", r"\alpha + \frac{\sqrt{x}}{2}"),
        ("x: f64[n]; exp(x)", r"\left(e^{{x}_{i}}\right)_{i = 0, \ldots, n - 1}"),
        ("A: f64[n, m]; A.T @ A", r"A^{T} A"),
    ],
)
def test_latex(program, latex):
    f = compiled(program)
    assert f.latex() == (latex or sympy.latex(f.sympy()))


def test_latex_of_what_is_too_deep():
    with pytest.raises(gradc.Error, match="G0502"):
        compiled("sin(" * 3_000 + "x" + ")" * 3_000).latex()


@pytest.mark.parametrize("program", ["sort(x)", "round(x)", "x: f64[n]; max(x)", "argmax(x)"])
def test_what_sympy_has_not(program):
    with pytest.raises(gradc.Error, match="G0902") as caught:
        compiled(program).sympy()
    assert "no expression for" in caught.value.message
