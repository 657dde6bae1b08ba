"""Function and Gradients as Python objects: what they show, how they copy, and several threads at once."""

import copy
import gc
import inspect
import pickle
import pydoc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import gradc
from gradc.runtime.results import gradients, gradients_type

# ---------------------------------------------------------------- what a function shows


def test_repr_names_inputs_and_program():
    assert repr(gradc.compile("(x + y) * z")) == "<gradc function of x, y, z: (x + y) * z>"
    assert repr(gradc.compile("1 + 2")) == "<gradc function of nothing: 1 + 2>"
    assert repr(gradc.compile("h = x * x\nh + h")) == "<gradc function of x: h = x * x h + h>"
    long = repr(gradc.compile(" + ".join(f"x{k}" for k in range(1000))))
    assert len(long) < 250 and "(980 more)" in long and long.endswith("...>")


def test_properties():
    function = gradc.compile("a * exp(-b * t)", wrt="a b", engine="interpreter")
    assert function.text == "a * exp(-b * t)"
    assert (function.inputs, function.wrt, function.engine) == (("a", "b", "t"), ("a", "b"), "interpreter")
    with pytest.raises(AttributeError):
        function.wrt = "b"


def test_help_shows_the_program_and_what_to_do_with_it():
    text = pydoc.render_doc(gradc.compile("X: f64[n, d]; sum(X) * a", wrt="a"), renderer=pydoc.plaintext)
    for expected in (
        "sum(X) * a",
        "Inputs: X: f64[n, d], a.",
        "Derivatives for: a.",
        "f(X, a)",
        "value_and_grad",
        "jacobian",
    ):
        assert expected in text
    everything = pydoc.render_doc(gradc.Function, renderer=pydoc.plaintext)
    for method in ("value_and_grad", "grad", "forward", "backward", "vjp", "jvp", "hvp", "jacobian", "hessian"):
        assert f" {method}(" in everything
    assert len(gradc.compile("+".join(["x"] * 100_000)).__doc__) < 5_000


def test_every_public_name_is_documented():
    for name, member in inspect.getmembers(gradc.Function):
        if not name.startswith("_"):
            assert inspect.getdoc(member), name
    assert gradc.compile.__doc__ and gradc.Error.__doc__


def test_signature_names_the_inputs():
    assert str(inspect.signature(gradc.compile("(x + y) * z"))) == "(x, y, z)"
    assert str(inspect.signature(gradc.compile("1 + 2"))) == "()"
    assert str(inspect.signature(gradc.compile("lambda * x"))) == "(*args, **kwargs)"


# ---------------------------------------------------------------- gradients


def test_gradients_by_name_position_and_pattern():
    grads = gradc.compile("(x + y) * z", engine="interpreter").grad(-2.0, 5.0, -4.0)
    assert repr(grads) == "Gradients(x=-4.0, y=-4.0, z=3.0)"
    assert (grads.x, grads["y"], grads[2], grads[-1]) == (-4.0, -4.0, 3.0, 3.0)
    assert tuple(grads) == (-4.0, -4.0, 3.0) == grads and len(grads) == 3 and grads[:2] == (-4.0, -4.0)
    x, y, z = grads
    assert (x, y, z) == grads
    match grads:
        case type(x=x_bar, z=z_bar):
            assert (x_bar, z_bar) == (-4.0, 3.0)
    assert hash(grads) == hash(tuple(grads)) and isinstance(grads, tuple)


def test_gradients_are_a_named_tuple():
    grads = gradc.compile("(x + y) * z", engine="interpreter").grad(-2.0, 5.0, -4.0)
    assert grads._fields == ("x", "y", "z") and grads._asdict() == {"x": -4.0, "y": -4.0, "z": 3.0}
    changed = grads._replace(z=1.0)
    assert changed == (-4.0, -4.0, 1.0) and changed.z == 1.0 and type(changed) is type(grads)
    assert type(grads)._make(iter([1.0, 2.0, 3.0])).y == 2.0
    assert type(grads)(1.0, 2.0, z=3.0) == type(grads)(*[1.0, 2.0, 3.0])  # as libraries of trees make them again
    assert gradc.Gradients(x=-4.0, y=-4.0, z=3.0) == grads == eval(repr(grads), {"Gradients": gradc.Gradients})
    assert type(gradc.Gradients(x=1.0, y=1.0, z=1.0)) is type(grads)
    match grads:
        case gradc.Gradients(x=x_bar, z=z_bar):
            assert (x_bar, z_bar) == (-4.0, 3.0)
    match grads:
        case x_bar, y_bar, _:
            assert x_bar == y_bar == -4.0
    np.testing.assert_array_equal(np.array(grads), [-4.0, -4.0, 3.0])


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda made: made(1.0), "gradients of x, y expected, not of x"),
        (lambda made: made(1.0, 2.0, 3.0), "2 gradients expected, 3 given"),
        (lambda made: made(1.0, x=2.0), "'x' is given twice"),
        (lambda made: made(1.0, z=2.0), "gradients of x, y expected, not of x, z"),
        (lambda made: made._make([1.0]), "gradients of x, y expected, not of x"),
        (lambda made: made(1.0, 2.0)._replace(z=3.0), "there is no gradient of z"),
        (lambda made: gradc.Gradients(1.0), "0 gradients expected, 1 given"),
    ],
)
def test_gradients_are_made_for_their_inputs(make, complaint):
    with pytest.raises((TypeError, ValueError), match=complaint):
        make(type(gradc.Gradients(x=1.0, y=2.0)))


def test_inputs_come_before_the_members_of_a_named_tuple():
    """An input of that name hides the member; whatever does not need its name goes on as before."""
    names = ("count", "index", "_fields", "_asdict", "_replace", "_make", "class", "__len__")
    grads = gradients(names, range(8))
    assert (grads.count, grads.index, grads._fields, grads._asdict, grads._replace, grads._make) == tuple(range(6))
    assert grads["class"] == 6 and grads["__len__"] == 7 and len(grads) == 8
    for twin in (copy.copy(grads), pickle.loads(pickle.dumps(grads)), type(grads)(*grads)):
        assert twin == grads and type(twin) is type(grads) and repr(twin) == repr(grads)
    plain = gradients(("count", "x"), (1.0, 2.0))
    assert plain._asdict() == {"count": 1.0, "x": 2.0} and plain._replace(count=5.0).count == 5.0


def test_classes_of_gradients_go_with_the_last_that_has_one():
    made = gradients_type(("only", "here"))
    assert gradients_type(("only", "here")) is made
    gone = weakref.ref(made)
    del made
    gc.collect()
    assert gone() is None


def test_a_function_that_is_dropped_is_gone_at_once(every_engine):
    """Without the garbage collector: no cycle holds on to what was compiled."""
    function = gradc.compile("(x + y) * z", engine=every_engine)
    bound = function.bind(x=-2.0)
    for _ in range(3):
        function.value_and_grad(-2.0, 5.0, -4.0), function(-2.0, 5.0, -4.0), bound.grad(5.0, -4.0)
    function.stages["derivative"](-2.0, 5.0, -4.0)
    assert function.source and function.forward(-2.0, 5.0, -4.0)
    gone = [weakref.ref(thing) for thing in (function, function._calls, bound, bound._calls)]
    gc.disable()
    try:
        del function, bound
        assert [reference() for reference in gone] == [None] * 4
    finally:
        gc.enable()


def test_gradients_refuse_other_names():
    grads = gradc.compile("x * y", engine="interpreter").grad(1.0, 2.0)
    with pytest.raises(KeyError, match="the inputs here are x, y"):
        grads["z"]
    with pytest.raises(AttributeError):
        grads.z  # noqa: B018
    with pytest.raises(IndexError):
        grads[2]
    with pytest.raises(AttributeError):
        grads.x = 1.0


# ---------------------------------------------------------------- copies


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))])
def test_copies_compute_the_same(engine, duplicate):
    function = gradc.compile("x / x * a", wrt="a", engine=engine, fast_math=True)
    function(2.0, 3.0)
    twin = duplicate(function)
    assert (twin.text, twin.inputs, twin.wrt, twin.engine) == (function.text, function.inputs, function.wrt, engine)
    assert twin(0.0, 3.0) == function(0.0, 3.0) == 3.0  # the copy keeps fast_math
    assert twin.grad(2.0, 3.0) == function.grad(2.0, 3.0) == (1.0,)


def test_methods_can_be_pickled_and_described(engine):
    """Also those that a kernel has taken the place of."""
    function = gradc.compile("x**2 * a", engine=engine)
    for _ in range(3):
        for name, expected in (("grad", (12.0, 4.0)), ("value_and_grad", (12.0, (12.0, 4.0)))):
            method = getattr(function, name)
            assert method(2.0, 3.0) == expected == pickle.loads(pickle.dumps(method))(2.0, a=3.0)
            assert inspect.getdoc(method) == inspect.getdoc(getattr(gradc.Function, name))
            assert str(inspect.signature(method)).startswith("(*args")
        bound = pickle.loads(pickle.dumps(function.bind(a=3.0).grad))
        assert bound(2.0) == (12.0,)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))])
def test_copies_of_gradients_keep_their_names(duplicate):
    grads = duplicate(gradc.compile("sum(x) * class", engine="interpreter").grad([1.0, 2.0], 3.0))
    assert grads["class"] == 3.0 and grads.x.tolist() == [3.0, 3.0]
    assert repr(grads) == "Gradients(x=array([3., 3.]), class=3.0)"


# ---------------------------------------------------------------- threads


def together(calls):
    """Run calls in threads that all start at once; their results in order."""
    barrier = threading.Barrier(len(calls))

    def run(call):
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_one_function_in_many_threads(every_engine):
    """First calls at the same moment, of several signatures; each thread gets its own answer."""
    function = gradc.compile("sum(x ** 2 * y) + max(x)", engine=every_engine)
    arguments = [(np.arange(1.0, 2 + k % 3), float(k)) for k in range(12)]
    results = together([lambda pair=pair: [function.value_and_grad(*pair) for _ in range(20)] for pair in arguments])
    for (x, y), repeated in zip(arguments, results, strict=True):
        for value, grads in repeated:
            assert value == np.sum(x**2 * y) + x[-1]
            last = np.eye(len(x))[-1]
            np.testing.assert_array_equal(grads.x, 2 * x * y + last)
            assert grads.y == np.sum(x**2)


def test_forward_and_backward_belong_to_a_thread():
    function = gradc.compile("x ** 2", engine="interpreter")
    function.forward(5.0)

    def train(x):
        for step in range(50):
            function.forward(x + step)
            assert function.backward().x == 2 * (x + step)
        return True

    assert all(together([lambda k=k: train(100.0 * k) for k in range(8)]))
    assert function.backward().x == 10.0


def test_compiling_in_many_threads():
    """Nodes are shared between programs: threads that build equal ones must agree on the objects."""
    text = "h = sin(x) * cos(y) + exp(-x * y); h * h / (1 + h * h) + log(1 + exp(x))"
    for _ in range(5):
        results = together(
            [lambda: gradc.compile(text, engine="interpreter").value_and_grad(0.3, 0.7) for _ in range(8)]
        )
        assert len(set(results)) == 1
        assert results[0][1].x != 0 and results[0][1].y != 0
