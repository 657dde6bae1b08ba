"""Zero times infinity: nothing where that is the limit, and otherwise NaN; never a number that is not the limit."""

import itertools
import math

import mpmath
import numpy as np
import pytest

import gradc

ENGINES = pytest.mark.parametrize("engine", ["interpreter", "native"])
STEEP = ("sqrt({})", "{}**0.3", "cbrt({})", "arcsin(1 - {})", "arccos(1 - {})", "arccosh(1 + {})", "sqrt(3*{})")


@ENGINES
@pytest.mark.parametrize("factor", ["x", "w*x", "sin(x)", "(x - 2*x)/3", "abs(x)", "expm1(x)**3"])
def test_a_factor_that_stays_zero(factor, engine):
    """The product is flat in what the slope is infinite for, in every mode."""
    for steep in STEEP if engine == "interpreter" else STEEP[:1]:
        text = f"{factor}*({steep.format('y')})"
        f = gradc.compile(text, wrt="x y", engine=engine)
        given = {"x": 0.0, "y": 0.0, "w": 3.0}
        args = [given[name] for name in f.inputs]
        assert f.grad(*args).y == 0, text
        assert f.jvp((0.0, 1.0), *args) == 0, text
        assert f.vjp(2.0, *args).y == 0, text
        assert f.hvp((0.0, 1.0), *args).y == 0, text
        assert not abs(f.hvp((1.0, 0.0), *args).y) < 1e9 or "**3" in text or "abs" in text, text


ROOTS = {
    "sqrt(x)": mpmath.sqrt,
    "cbrt(x)": mpmath.cbrt,
    "x**0.3": lambda x: x ** mpmath.mpf(0.3),
    "x**0.7": lambda x: x ** mpmath.mpf(0.7),
    "x**1.5": lambda x: x**1.5,
    "sqrt(sqrt(x))": lambda x: mpmath.sqrt(mpmath.sqrt(x)),
    "sqrt(x**3)": lambda x: mpmath.sqrt(x**3),
    "sqrt(2*x + x**2)": lambda x: mpmath.sqrt(2 * x + x**2),
    "arccos(1 - x)": lambda x: mpmath.acos(1 - x),
    "x": lambda x: x,
    "sin(x)": mpmath.sin,
    "sqrt(x*sin(x))": lambda x: mpmath.sqrt(x * mpmath.sin(x)),
    "sqrt(1 - cos(x))": lambda x: mpmath.sqrt(1 - mpmath.cos(x)),
    "sqrt(x*sqrt(x))": lambda x: x**0.75,
    "sqrt(x**1.5)": lambda x: x**0.75,
    "sqrt(abs(x))": lambda x: mpmath.sqrt(abs(x)),
}
JOINS = {
    "{}*{}": lambda a, b: a * b,
    "sqrt({}*{})": lambda a, b: mpmath.sqrt(a * b),
    "({} + {})**2": lambda a, b: (a + b) ** 2,
    "cos({}) + {}": lambda a, b: mpmath.cos(a) + b,
    "exp({})*sin({})": lambda a, b: mpmath.exp(a) * mpmath.sin(b),
}


@pytest.mark.parametrize("join", JOINS)
def test_no_limit_is_guessed(join):
    """Powers of one input, joined: the slope at 0 is NaN, or what it tends to from the right, or the mean at a kink."""
    for one, other in itertools.product(ROOTS, ROOTS):
        text = join.format(one, other)

        def value(x, one=one, other=other):
            return JOINS[join](ROOTS[one](x), ROOTS[other](x))

        with mpmath.workdps(80):
            h = mpmath.mpf(10) ** -60
            true = mpmath.re((value(h) - value(mpmath.mpf(0))) / h)
            behind = (value(-h) - value(mpmath.mpf(0))) / h
        (found,) = gradc.compile(text, engine="interpreter").grad(0.0)
        mean = (true - mpmath.re(behind)) / 2 if abs(mpmath.im(behind)) < 1e-20 else mpmath.nan
        steep = abs(true) > 1e5 and found == math.copysign(math.inf, true)
        right = steep or min(abs(found - true), abs(found - mean)) < 1e-5
        assert np.isnan(found) or right, (text, found, true, behind)


KINKS = (
    "sqrt(w*d**2)", "sqrt(w*d**2 + v*b**2)", "sqrt(d*d*w + b*b*v + w*d*b)", "sqrt(d*b)", "sqrt((d**2 + 2*b**2)/(w*w))",
    "sqrt(d**2/w**2 + b**2/v**2)", "sqrt(sin(d)**2 + cos(v)*cos(v + d)*sin(b/2)**2)", "sqrt(1 - cos(d))",
    "2*arcsin(sqrt(sin(d/2)**2 + cos(v)*cos(v + d)*sin(b/2)**2))", "sqrt(exp(w)*d**2)", "sqrt(cosh(d) - 1)",
    "a = sin(d/2)**2 + cos(v)*cos(v + d)*sin(b/2)**2; 2*arctan2(sqrt(a), sqrt(1 - a))", "sqrt(w)*sqrt(w*d**2)",
    "a = sin(d/2)**2 + cos(v)*cos(v)*(1 - cos(b))/2; 6371*2*arcsin(sqrt(a))", "cos(sqrt(w*d**2 + v*b**2))",
    "r = sqrt(w*d**2 + v*b**2); (1 + r)*exp(-r)", "r = sqrt(w*d**2); r*sin(r) + 3*r", "arccos(cos(d)*cos(b))",
    "arccosh(1 + w*d**2)", "sqrt(w*d**2 + exp(v)*b**2)/v", "log(1 + sqrt(w*d**2))", "arccosh(1 + d**2)",
    "arccos(1 - d**2/2 - w*b**2)", "sqrt(v*v*d*d)*w",
)  # fmt: skip


@ENGINES
@pytest.mark.parametrize("text", KINKS)
def test_roots_of_squares_have_the_slope_of_a_norm(text, engine):
    f = gradc.compile(text, engine=engine)
    given = {"d": 0.0, "b": 0.0, "w": 2.0, "v": 0.5}
    args = [given[name] for name in f.inputs]
    np.testing.assert_array_equal(np.abs(f.grad(*args)), 0)
    np.testing.assert_array_equal(np.abs(f.vjp(-1.5, *args)), 0)
    if engine == "interpreter":
        assert f.jvp((1.0,) * len(f.wrt), *args) == 0


@ENGINES
@pytest.mark.parametrize(
    "text",
    [
        "sqrt(sum(w*d**2))", "A: f64[n, n]; sqrt(d @ A @ d)", "A: f64[n, n]; sqrt(dot(d, A @ d))", "sqrt(dot(w*d, d))",
        "A: f64[n, n]; sqrt(sum((A @ d)**2*w))", "sqrt(mean(w*d*d))", "sqrt(sum(w*(d[1:] - d[:-1]).sum()**2))",
        "A: f64[n, n]; sum(sqrt(sum(A*(d[:, None] - d)**2, axis=1)))", "exp(-sqrt(sum((d/w)**2)))",
        "r = sqrt(sum(w*d**2)); (1 + sqrt(3)*r)*exp(-sqrt(3)*r)", 'A: f64[n, n]; sqrt(einsum("i,ij,j->", d, A, d))',
    ],
)  # fmt: skip
def test_roots_of_squares_of_arrays(text, engine):
    f = gradc.compile(text.replace("(d[1:] - d[:-1]).sum()", "sum(d[1:] - d[:-1])"), engine=engine)
    given = {"d": np.zeros(3), "w": np.array([1.0, 2.0, 0.5]), "A": np.eye(3) + 0.1}
    for found in f.grad(*[given[name] for name in f.inputs]):
        np.testing.assert_array_equal(found, np.zeros(np.shape(found)))


@ENGINES
def test_a_root_that_rises_without_bound_says_so(engine):
    f = gradc.compile("sqrt(sum(w*d**2))", engine=engine)
    np.testing.assert_array_equal(f.grad(np.zeros(2), np.array([1.0, 0.0])).w, [np.inf, 0])
    assert gradc.compile("sqrt(x*y)", engine=engine).grad(0.0, 4.0) == (np.inf, 0.0)
    hessian = (
        gradc.compile("A: f64[n, n]; sqrt(d @ A @ d)", wrt="d", engine=engine).hessian(d=np.zeros(2), A=np.eye(2)).d.d
    )
    assert not np.any(np.isfinite(np.diag(hessian)))


# ---------------------------------------------------------------- tails of the normal distribution

CALL = "d1 = (log(S/K) + (r + s**2/2)*T)/(s*sqrt(T)); S*normal_cdf(d1) - K*exp(-r*T)*normal_cdf(d1 - s*sqrt(T))"
BY_ERF = CALL.replace("normal_cdf(d1)", "0.5*(1 + erf(d1/sqrt(2)))").replace(
    "normal_cdf(d1 - s*sqrt(T))", "0.5*erfc(-(d1 - s*sqrt(T))/sqrt(2))"
)


@ENGINES
@pytest.mark.parametrize("call", [CALL, BY_ERF])
@pytest.mark.parametrize("still", ["T", "s"])
def test_an_option_at_expiry(call, still, engine):
    """Without time or volatility it is a forward in the money, and nothing out of it: all Greeks to second order."""
    forward = "S - K*exp(-r*T) + 0*s"
    f, g = (gradc.compile(text, wrt="S K r s T", engine=engine) for text in (call, forward))
    for spot in (90.0, 125.0):
        given = {"S": spot, "K": 100.0, "r": 0.05, "s": 0.2, "T": 0.5, still: 0.0}
        value, grads = f.value_and_grad(**given)
        sign = 1 if spot > 100 else 0
        np.testing.assert_allclose(value, sign * g(**given), rtol=1e-15)
        np.testing.assert_allclose(grads, sign * np.array(g.grad(**given)), rtol=1e-14)
        hessian, wanted = f.hessian(**given), g.hessian(**given)
        for one, other in itertools.product(f.wrt, f.wrt):
            np.testing.assert_allclose(hessian[one][other], sign * wanted[one][other], rtol=1e-13, atol=1e-300)


BOUNDS = (
    "normal_cdf((b - m)/s) - normal_cdf((a - m)/s)", "normal_cdf(s*b - m) - normal_cdf(s*a - m)",
    "0.5*(erf((b - m)/s/sqrt(2)) - erf((a - m)/s/sqrt(2)))",
    "0.5*erfc((a - m)/(s*sqrt(2))) - 0.5*erfc((b - m)/(s*sqrt(2)))",
    "normal_cdf((b - m)/s) - normal_cdf((a - m)/s) + normal_pdf((b - m)/s) + exp(-((b - m)/s)**2/2)",
    "normal_cdf((b - m)*exp(s)) - normal_cdf((a - m)*exp(s))", "normal_cdf((b - m)/s) - normal_cdf((a - m)/sqrt(s*s))",
)  # fmt: skip


@ENGINES
@pytest.mark.parametrize("text", BOUNDS)
def test_a_bound_at_infinity(text, engine):
    """An interval without an upper bound: values and derivatives of the one that ends where nothing is left."""
    f = gradc.compile(text, wrt="a m s b", engine=engine)
    given = {"a": 0.3, "m": 0.1, "s": 1.3}
    far, near = given | {"b": np.inf}, given | {"b": 1e3}
    np.testing.assert_allclose(f(**far), f(**near), rtol=1e-15)
    np.testing.assert_allclose(f.grad(**far), f.grad(**near), rtol=1e-14)
    hessian, wanted = f.hessian(**far), f.hessian(**near)
    for one, other in itertools.product(f.wrt, f.wrt):
        np.testing.assert_allclose(hessian[one][other], wanted[one][other], rtol=1e-13, atol=1e-300)


@ENGINES
@pytest.mark.parametrize(
    "text", ["erf(x/s)", "normal_pdf(x/s)", "exp(-x**2/s**2)", "erfc(x/s**2)", "exp(-(x/s)**2/2)/3"]
)
def test_a_width_of_zero(text, engine):
    f = gradc.compile(text, engine=engine)
    for x in (1.0, -2.0):
        assert all(found == 0 for found in f.grad(x, 0.0))
        assert all(found == 0 for found in f.hvp((1.0, 2.0), x, 0.0))
    assert all(np.isnan(found) for found in f.grad(0.0, 0.0)), "what happens in the middle depends on the way there"


@pytest.mark.parametrize("text", ["0*sqrt(y)", "cbrt(y)*0", "sqrt(y)*(1 - 1)", "y**0.3*0", "0*arccos(1 - y)"])
def test_a_factor_that_is_the_number_zero(text):
    assert gradc.compile(text, engine="interpreter").grad(0.0).y == 0
