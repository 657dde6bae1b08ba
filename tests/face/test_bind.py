"""`f.bind`: the same numbers as the whole function, for data that are looked at once."""

import copy
import inspect
import pickle
import pydoc

import numpy as np
import pytest
from scipy.optimize import minimize

import gradc

T, Y = np.linspace(0.0, 4.0, 50), np.linspace(2.0, 0.5, 50)
FIT = "sum((y - a*exp(-b*t) - c)**2)"


def same(left, right):
    for one, other in zip(left, right, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


@pytest.mark.parametrize(
    ("program", "data", "rest"),
    [
        (FIT, {"t": T, "y": Y}, {"a": 1.5, "b": 0.7, "c": 0.1}),
        (FIT, {"t": T, "y": list(Y), "c": 0}, {"a": 1.5, "b": 0.7}),
        (FIT, {"y": Y.astype(np.float32), "c": np.float64(0.5)}, {"a": 1.5, "b": 0.7, "t": T}),
        (FIT, {"b": 2, "t": np.arange(50)}, {"a": np.float64(1.5), "y": Y, "c": 0.1}),
        ("X: f64[n, d]; w: f64[d]; X @ w", {"X": np.ones((4, 3), np.int8)}, {"w": np.arange(3.0)}),
        ("X: f64[n, d]; w: f64[d]; X @ w", {"w": np.arange(6.0)[::2]}, {"X": np.arange(12.0).reshape(3, 4).T}),
        ("sum(table[k] * w)", {"k": [2, 0, 2]}, {"table": np.arange(4.0), "w": 2.0}),
        ("k: i64; x**k", {"k": 3}, {"x": np.array([1.0, 2.0])}),
        ("sum(x * s)", {"s": 2}, {"x": np.ones(3, np.float32)}),  # a Python number does not widen float32
        ("x * y", {"x": np.ones((1, 3)), "y": np.ones((2, 1))}, {}),
        ("x * y", {}, {"x": 2.0, "y": 3.0}),
    ],
)
def test_a_bound_function_is_the_whole_one(engine, program, data, rest):
    whole = gradc.compile(program, engine=engine)
    chosen = gradc.compile(program, engine=engine, wrt=[name for name in whole.wrt if name in rest])
    bound = whole.bind(**data)
    assert bound.inputs == tuple(name for name in whole.inputs if name in rest)
    assert bound.wrt == chosen.wrt and (bound.engine, bound.text) == (engine, whole.text)
    for _ in range(3):  # the later calls go straight to the kernel
        same([bound(**rest)], [whole(**rest, **data)])
        value, grads = bound.value_and_grad(*(rest[name] for name in bound.inputs))
        wanted, wanted_grads = chosen.value_and_grad(**rest, **data)
        same([value, *grads], [wanted, *wanted_grads])
        assert grads._fields == bound.wrt
    same(bound.grad(**rest), grads)


def test_every_derivative(every_engine):
    whole = gradc.compile("y * sin(a * t) + b", wrt="a b", engine=every_engine)
    bound, data, point = whole.bind(t=T, y=Y), {"t": T, "y": Y}, (0.3, 0.7)
    named = dict(zip(bound.inputs, point))
    same(bound.vjp(Y, *point), whole.vjp(Y, **named, **data))
    same([bound.jvp((1.0, 2.0), *point)], [whole.jvp((1.0, 2.0), **named, **data)])
    same(bound.hvp({"a": 1.0, "b": 2.0}, *point), whole.hvp((1.0, 2.0), **named, **data))
    same(bound.jacobian(*point), whole.jacobian(**named, **data))
    for line, other in zip(bound.hessian(*point), whole.hessian(**named, **data), strict=True):
        same(line, other)
    same([bound.forward(*point)], [whole.forward(**named, **data)])
    same(bound.backward(Y), whole.backward(Y))


def test_bound_data_are_a_copy(engine):
    t, y = T.copy(), Y.copy()
    f = gradc.compile(FIT, wrt="a b c", engine=engine).bind(t=t, y=y)
    before = f.value_and_grad(1.0, 2.0, 3.0)
    t[:], y[:] = np.nan, np.nan
    assert f.value_and_grad(1.0, 2.0, 3.0) == before
    assert list(f.data) == ["t", "y"] and f.data["t"].dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        f.data["t"][0] = 1.0


def test_bound_data_are_not_looked_at_again(engine, monkeypatch):
    f = gradc.compile("sum((y - a*t)**2)", wrt="a", engine=engine)
    looked: list[str] = []
    original = gradc.runtime.arguments.as_array

    def as_array(subject, value):
        if isinstance(value, Counted):
            looked.append(subject)
        return original(subject, value)

    class Counted(list):
        """Data that tell who converts them."""

    monkeypatch.setattr(gradc.runtime.arguments, "as_array", as_array)
    bound = f.bind(t=Counted([1.0, 2.0]), y=Counted([2.0, 4.5]))
    assert sorted(looked) == ["argument `t`", "argument `y`"]
    assert [bound(2.0), bound(2.0), bound.grad(2.0).a, bound.grad(np.float64(2.0)).a] == [0.25, 0.25, -2.0, -2.0]
    assert len(looked) == 2


def test_binding_goes_on():
    f = gradc.compile(FIT, wrt="a b c", engine="interpreter")
    one = f.bind(t=T).bind(y=Y)
    two = one.bind(c=0.5)
    assert (one.inputs, one.wrt, two.inputs, two.wrt) == (("a", "b", "c"),) * 2 + (("a", "b"),) * 2
    assert one.data["t"] is two.data["t"]
    assert two(1.0, 2.0) == f.bind(t=T, y=Y)(1.0, 2.0, 0.5) == f(a=1.0, b=2.0, c=0.5, t=T, y=Y)
    assert two.bind(a=1.0, b=2.0)() == two(1.0, 2.0) and two.bind(a=1.0, b=2.0).grad() == ()
    assert f.inputs == ("y", "a", "b", "t", "c")


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))])
def test_copies(engine, duplicate):
    f = gradc.compile(FIT, wrt="a b c", engine=engine).bind(t=T, y=Y)
    twin = duplicate(f)
    assert (twin.inputs, twin.wrt, twin.engine, repr(twin)) == (f.inputs, f.wrt, engine, repr(f))
    assert twin.value_and_grad(1.0, 2.0, 3.0) == f.value_and_grad(1.0, 2.0, 3.0)
    assert not twin.data["t"].flags.writeable


def test_what_it_shows():
    f = gradc.compile(FIT, wrt="a b c", engine="interpreter").bind(t=T, y=Y)
    assert repr(f) == f"<gradc function of a, b, c with t, y bound: {FIT}>"
    assert str(inspect.signature(f)) == "(a, b, c)"
    text = pydoc.render_doc(f, renderer=pydoc.plaintext)
    for expected in (FIT, "Inputs: a, b, c.", "Bound: t, y.", "Derivatives for: a, b, c.", "f.value_and_grad(a, b, c)"):
        assert expected in text
    for name, member in inspect.getmembers(gradc.BoundFunction):
        assert name.startswith("_") or inspect.getdoc(member), name


@pytest.mark.parametrize("name", ["self", "data", "out", "given", "lambda", "bind"])
def test_any_name_can_be_bound(name):
    f = gradc.compile(f"{name} * other", engine="interpreter").bind(**{name: 3.0})
    assert f(2.0) == 6.0 and f.grad(other=2.0).other == 3.0


def test_scipy_minimises_a_bound_function(engine):
    y = 2.5 * np.exp(-1.3 * T) + 0.5
    fit = gradc.compile(FIT, wrt="a b c", engine=engine).bind(t=T, y=y)

    def objective(p):
        value, grads = fit.value_and_grad(*p)
        return value, np.array(grads)

    found = minimize(objective, [1.0, 1.0, 0.0], jac=True, tol=1e-12).x
    np.testing.assert_allclose(found, [2.5, 1.3, 0.5], rtol=1e-6)


# ---------------------------------------------------------------- what does not fit together

THREE, FOUR = np.ones(3), np.ones(4)

FOUND_AT_ONCE = [
    (FIT, {"t": THREE, "y": FOUR}),
    ("X: f64[n, d]; w: f64[d]; y: f64[n]; sum((X @ w - y)**2)", {"X": np.ones((5, 2)), "y": FOUR}),
    ("x: f64[n]; y: f64[n]; sum(x * y)", {"x": THREE, "y": FOUR}),
    ("x[1:] * y * a", {"x": THREE, "y": FOUR}),
    ("x[3] * a", {"x": THREE}),
    ("max(x) * a", {"x": THREE[:0]}),
    ("a: f64; sum(x[k]) * a", {"x": THREE, "k": [0, 3]}),
    ("a: f64; sum(x[k + 1]) * a", {"x": THREE, "k": [0, 2]}),
    ("x * y", {"x": np.ones((2, 3)), "y": np.ones((3, 2))}),
    ("X: f64[n, d]; a: f64; (X @ X) * a", {"X": np.ones((2, 3))}),
]


@pytest.mark.parametrize(("program", "data"), FOUND_AT_ONCE)
def test_data_that_never_fit_are_refused_at_once(program, data):
    f = gradc.compile(program, engine="interpreter")
    with pytest.raises(gradc.Error) as at_once:
        f.bind(**data)
    shapes = {"X": (5, 2), "w": (2,)}
    rest = {name: np.ones(shapes.get(name, ())) for name in f.inputs if name not in data}
    with pytest.raises(gradc.Error) as in_a_call:
        f(**data, **rest)
    assert (at_once.value.code, at_once.value.message) == (in_a_call.value.code, in_a_call.value.message)


@pytest.mark.parametrize(
    ("program", "data", "rest"),
    [
        ("transpose(t * w) + y", {"t": THREE, "y": FOUR}, {"w": np.ones((4, 1))}),
        ("X @ w + y", {"X": np.ones((2, 3)), "y": FOUR}, {"w": np.ones((3, 4))}),
        ("x[k] * y", {"k": [5], "y": 2.0}, {"x": np.ones(6)}),
        ("x[1:] * y", {"y": THREE}, {"x": FOUR}),
        ("x[1:] * y * z[2:]", {"y": THREE, "z": np.ones(5)}, {"x": FOUR}),
    ],
)
def test_data_that_may_fit_are_taken(program, data, rest):
    f = gradc.compile(program, engine="interpreter")
    np.testing.assert_array_equal(f.bind(**data)(**rest), f(**data, **rest), strict=True)


def test_what_is_found_later_is_told_in_the_call(engine):
    f = gradc.compile("X @ w - y", engine=engine).bind(X=np.ones((5, 2)), y=FOUR)
    for _ in range(2):
        with pytest.raises(gradc.Error, match="G0603"):
            f(np.ones(2))
    same([f(np.ones((2, 4)))], [np.ones((5, 4))])
