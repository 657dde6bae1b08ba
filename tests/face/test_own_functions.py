"""Functions of one's own: `gradc.op`, in every engine."""

import math
import pickle

import numpy as np
import pytest
from numba import njit

import gradc

ENGINES = ("native", "numba", "interpreter")
X = np.linspace(-2, 2, 9)

softstep = gradc.op(
    "softstep(x, k) = x / (k + abs(x))",
    partials={"x": "k / (k + abs(x))**2", "k": "-out / (k + abs(x))"},
    domain={"k": (0.1, 5)},
)


@njit
def wave(x, k):
    return math.sin(k * x)


@njit
def wave_slope(x, k):
    return k * math.cos(k * x)


waves = gradc.op(wave, partials={"x": gradc.op(wave_slope, partials={"x": "-k**2 * sin(k*x)"}), "k": "x * cos(k*x)"})


@pytest.mark.parametrize("engine", ENGINES)
def test_text(engine):
    """It broadcasts and fuses, and has the derivatives of what it says, of any order."""
    f = gradc.compile("sum(softstep(a*x, 2)**2)", functions=[softstep], engine=engine, wrt="a")
    plain = gradc.compile("sum((a*x / (2 + abs(a*x)))**2)", wrt="a", engine="interpreter")
    for name in ("value_and_grad", "hessian"):
        found, expected = getattr(f, name)(1.5, X), getattr(plain, name)(1.5, X)
        np.testing.assert_allclose(np.hstack(_flat(found)), np.hstack(_flat(expected)), rtol=1e-12)
    assert f(np.float32(1.5), X.astype(np.float32)).dtype == np.float32


def _flat(value):
    return [part for each in value for part in _flat(each)] if isinstance(value, tuple) else [np.ravel(value)]


def test_it_fuses():
    """One loop, as for the same program written out."""
    f = gradc.compile("x: f64[n]; sum(softstep(a*x, 2)**2)", functions=[softstep])
    plain = gradc.compile("x: f64[n]; sum((a*x / (2 + abs(a*x)))**2)")
    loops = [each.stages["loops"].text.count("for ") for each in (f, plain)]
    assert loops[0] == loops[1]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_stated_derivative_is_used(engine):
    """A gradient that passes a step unchanged."""
    step = gradc.op("step(x) = where(x > 0, 1, 0)", partials={"x": "1"}, check=False)
    f = gradc.compile("sum(step(x) * x)", functions=[step], engine=engine)
    np.testing.assert_allclose(f.grad(X).x, np.where(X > 0, 1, 0) + X)


@pytest.mark.parametrize("engine", ENGINES)
def test_numba(engine):
    f = gradc.compile("sum(wave(x, k) * x)", functions=[waves], engine=engine)
    value, grads = f.value_and_grad(X, 2.0)
    np.testing.assert_allclose(value, np.sum(np.sin(2 * X) * X))
    np.testing.assert_allclose(grads.x, np.sin(2 * X) + 2 * X * np.cos(2 * X), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(grads.k, np.sum(X * X * np.cos(2 * X)))
    curved = gradc.compile("sum(wave(x, 2) * x)", functions=[waves], engine=engine)
    np.testing.assert_allclose(np.diag(curved.hessian(X).x.x), 4 * np.cos(2 * X) - 4 * X * np.sin(2 * X), atol=1e-12)
    np.testing.assert_allclose(f(X.astype(np.float32), np.float32(2)), value, rtol=1e-5)


def test_numba_on_threads():
    many = np.linspace(-2, 2, 300_001)
    f = gradc.compile("wave(x, 3) + 1", functions=[waves])
    np.testing.assert_allclose(f(many), np.sin(3 * many) + 1, rtol=1e-12, atol=1e-15)


def test_inside_a_loop_and_a_derivative():
    text = "def step(s, x) = softstep(s + x, 2); fold(step, a, X) + grad(softstep(a, 2), a)"
    f = gradc.compile(text, functions=[softstep], wrt="a")
    plain = gradc.compile(text.replace("softstep", "p").replace("def", "def p(x, k) = x / (k + abs(x)); def"), wrt="a")
    np.testing.assert_allclose(f.grad(0.5, X).a, plain.grad(0.5, X).a, rtol=1e-12)
    np.testing.assert_allclose(f.jvp({"a": 1.0}, 0.5, X), plain.jvp({"a": 1.0}, 0.5, X), rtol=1e-12)


def test_taylor():
    f = gradc.compile("softstep(x, 2)", functions=[softstep])
    plain = gradc.compile("x / (2 + abs(x))")
    np.testing.assert_allclose(f.derivatives(4, 0.5), plain.derivatives(4, 0.5), rtol=1e-12)


def test_one_calls_another():
    square = gradc.op("squared(x) = x*x", partials={"x": "2*x"})
    twice = gradc.op("fourth(x) = squared(squared(x))", partials={"x": "4*x*squared(x)"}, functions=[square])
    plain = gradc.op("sixth(x) = fourth(x) * squared(x)", functions=[square, twice])
    f = gradc.compile("sixth(x) + fourth(x)", functions=[twice, plain])
    assert f.derivatives(2, 2.0) == pytest.approx((80.0, 224.0, 528.0))


def test_called_by_python():
    assert softstep(1.0, 1.0) == 0.5
    np.testing.assert_allclose(waves(X, 2.0), np.sin(2 * X))
    f = gradc.compile(lambda x: np.sum(softstep(x, 1.0) + waves(x, 2.0)))
    np.testing.assert_allclose(f.grad(X).x, 1 / (1 + abs(X)) ** 2 + 2 * np.cos(2 * X), rtol=1e-12, atol=1e-12)


def test_called_inside_numba():
    f = gradc.compile("wave(x, 2) + softstep(x, 2)", functions=[waves, softstep])

    @njit
    def total(x):
        return f(x) + 1

    assert total(1.0) == pytest.approx(math.sin(2.0) + 1 / 3 + 1)


def test_copies():
    f = pickle.loads(pickle.dumps(gradc.compile("softstep(x, 2) + wave(x, 1)", functions=[softstep, waves])))
    assert f(1.0) == pytest.approx(1 / 3 + math.sin(1.0))


def test_the_same_name_in_two_programs():
    """A name means what the program was given, also where a kernel is kept."""
    found = []
    for factor in (2, 3):
        f = gradc.compile("scaled(x)", functions=[gradc.op(f"scaled(x) = {factor} * x")])
        found.append(f(1.0))
    made = [njit(_times(factor)) for factor in (2.0, 3.0)]
    found += [gradc.compile("times(x)", functions=[gradc.op(each)])(1.0) for each in made]
    assert found == [2, 3, 2, 3]


def _times(factor):
    def times(x):
        return factor * x

    return times


def test_traces_show_its_name():
    f = gradc.compile("sum(softstep(x, 2) + wave(x, 2))", functions=[softstep, waves])
    trace = f.trace(X)
    assert "softstep" in str(trace)


@njit
def pair(x):
    return x, x


@njit
def worded(x):
    return x + "a"


BAD = {
    "wrong": (("f(x) = x*x",), {"partials": {"x": "x"}}, "G0403", "it is -3.9765"),
    "wrong in numba": ((wave,), {"partials": {"x": wave}}, "G0403", "the derivative is"),
    "no domain": (("f(x) = log(-1 - x*x)",), {"partials": {"x": "x"}}, "G0403", "nothing is finite there"),
    "taken": (("sin(x) = x",), {}, "G0305", "`sin`"),
    "few": (("f(x, y) = x*y",), {"partials": {"x": "y"}}, "G0604", "1 of its 2 parameters"),
    "many": (("f(x) = x",), {"partials": {"x": "1", "y": "1"}}, "G0604", "no parameter `y`"),
    "free": (("f(x) = x*z",), {}, "G0301", "`z`"),
    "free in partial": (("f(x) = x*x",), {"partials": {"x": "z"}}, "G0301", "`z`"),
    "whole arrays": (("f(x) = sum(x)",), {}, "G0604", "element by element"),
    "no numba": ((abs,), {}, "G0604", "Numba"),
    "no text": ((3,), {}, "G0604", "int"),
    "no head": (("x*y",), {}, "G0604", "its name with its parameters"),
    "two numbers": ((pair,), {}, "G0604", "returns tuple"),
    "words": ((worded,), {}, "G0604", "Numba cannot compute"),
    "backwards": (("f(x) = x",), {"domain": {"x": (2, 1)}}, "G0604", "the lower one first"),
    "domain of": (("f(x) = x",), {"domain": {"y": (1, 2)}}, "G0604", "no parameter `y`"),
    "no dict": (("f(x) = x",), {"partials": "1"}, "G0604", "a dict"),
    "out": (("f(out) = out",), {}, "G0305", "`out`"),
    "partial takes": (("f(x) = x",), {"partials": {"x": wave}}, "G0604", "takes 2 numbers"),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(name):
    args, options, code, words = BAD[name]
    with pytest.raises(gradc.Error) as caught:
        gradc.op(*args, **options)
    assert caught.value.code == code
    assert words in str(caught.value)


@njit
def root(x):
    if x < 0:
        raise ValueError("negative")
    return math.sqrt(x)


def test_exceptions_in_kernels_are_nan(capfd):
    f = gradc.compile("root(x)", functions=[gradc.op(root)])
    np.testing.assert_array_equal(f(np.array([4.0, -1.0, 9.0])), [2.0, np.nan, 3.0])
    assert capfd.readouterr().err == ""
    with pytest.raises(ValueError, match="negative"):
        gradc.compile("root(x)", functions=[gradc.op(root)], engine="interpreter")(-1.0)


def test_an_order_that_nobody_gave():
    f = gradc.compile("wave(x, 2)", functions=[gradc.op(wave)])
    with pytest.raises(gradc.Error, match="nobody stated the derivative of `wave` with respect to `x`"):
        f.grad(1.0)


@pytest.mark.parametrize(
    ("functions", "words"),
    [
        ([softstep, gradc.op("softstep(x, k) = x")], "two functions"),
        ([3], "takes what `gradc.op` makes"),
        (3, "is a list"),
    ],
    ids=["twice", "a number in it", "a number"],
)
def test_no_functions(functions, words):
    with pytest.raises(gradc.Error, match=words):
        gradc.compile("softstep(x, 2)", functions=functions)


def test_a_definition_of_the_same_name():
    with pytest.raises(gradc.Error, match="is one that the program was given"):
        gradc.compile("def softstep(x, k) = x; softstep(x, 2)", functions=[softstep])


def test_modules():
    """Text goes with a module; machine code does not."""
    assert "abs(x)" in gradc.compile("softstep(x, 2)", functions=[softstep]).source
    with pytest.raises(gradc.Error, match="cannot carry `wave`"):
        _ = gradc.compile("wave(x, 2)", functions=[waves]).source
