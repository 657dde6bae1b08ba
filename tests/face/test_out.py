"""`out=`: results in the caller's arrays, right whatever these share with the arguments, all or none."""

import numpy as np
import pytest

import gradc

X = np.array([1.0, 2.0, 3.0])


@pytest.fixture
def f(engine):
    return gradc.compile("x: f64[n]; a: f64; sum(x**2) * a", engine=engine)


def test_the_value_of_an_array_result(engine):
    f = gradc.compile("x * a", engine=engine)
    for out in (np.empty(3), np.empty(6)[::2], np.empty(3)[::-1], np.empty((3, 2))[:, 0]):
        for _ in range(2):
            assert f(X, 2.0, out=out) is out
            np.testing.assert_array_equal(out, [2.0, 4.0, 6.0])


def test_the_value_of_a_number(f):
    out, vector = np.empty(()), np.zeros(2)
    assert f(X, 2.0, out=out) is out and out == 28.0
    f(X, 2.0, out=vector[1, ...])
    assert vector.tolist() == [0.0, 28.0]


@pytest.mark.parametrize(
    "form", [list, tuple, lambda out: dict(zip("xa", out)), lambda out: gradc.Gradients(x=out[0], a=out[1])]
)
def test_every_gradient(f, form):
    x_bar, a_bar = np.empty(3), np.empty(())
    value, grads = f.value_and_grad(X, 2.0, out=form([x_bar, a_bar]))
    assert value == 28.0 and grads.x is x_bar and grads.a is a_bar
    assert x_bar.tolist() == [4.0, 8.0, 12.0] and a_bar == 14.0
    only = f.grad(X, 1.0, out=form([x_bar, a_bar]))
    assert only.x is x_bar and x_bar.tolist() == [2.0, 4.0, 6.0] and a_bar == 14.0


@pytest.mark.parametrize("form", [lambda x_bar: [x_bar, None], lambda x_bar: (x_bar, None), lambda x_bar: {"x": x_bar}])
def test_some_gradients(f, form):
    x_bar = np.empty(3)
    value, grads = f.value_and_grad(X, 2.0, out=form(x_bar))
    assert value == 28.0 and grads.x is x_bar and type(grads.a) is float and grads.a == 14.0
    assert x_bar.tolist() == [4.0, 8.0, 12.0]


def test_value_and_gradients(every_engine):
    f = gradc.compile("x * a", engine=every_engine)
    out, x_bar, a_bar = np.empty(3), np.empty(3), np.empty(())
    for given in ((out, [x_bar, a_bar]), (out, {"x": x_bar, "a": a_bar})):
        value, grads = f.value_and_grad(X, 2.0, out=given)
        assert value is out and grads.x is x_bar and grads.a is a_bar
        assert out.tolist() == [2.0, 4.0, 6.0] and x_bar.tolist() == [2.0, 2.0, 2.0] and a_bar == 6.0
    value, grads = f.value_and_grad(X, 3.0, out=(out, {}))
    assert value is out and out.tolist() == [3.0, 6.0, 9.0] and grads.x is not x_bar and grads.a == 6.0


def test_one_gradient_needs_no_sequence(engine):
    f = gradc.compile("sum(x**2)", engine=engine)
    out, x_bar = np.empty(()), np.empty(3)
    assert f.grad(X, out=x_bar).x is x_bar and x_bar.tolist() == [2.0, 4.0, 6.0]
    for given in ((out, x_bar), (out, [x_bar])):
        x_bar[:] = out[...] = 0.0
        assert f.value_and_grad(X, out=given)[1].x is x_bar and x_bar.tolist() == [2.0, 4.0, 6.0] and out == 14.0
    assert f.value_and_grad(X, out=(out, None))[1].x.tolist() == [2.0, 4.0, 6.0]


def test_arguments_may_be_overwritten(engine):
    """As if every result were computed before the first one is written."""
    f = gradc.compile("x: f64[n]; y: f64[n]; sum(x[1:] * y[:-1] * x[:-1])", engine=engine)
    x, y = np.arange(1.0, 6.0), np.arange(2.0, 7.0)
    expected = f.grad(x, y)
    for make in (lambda x, y: (x, y), lambda x, y: (y, x), lambda x, y: (x[::-1], y[::-1])):
        own = x.copy(), y.copy()
        out = make(*own)
        f.grad(*own, out=out)
        for array, wanted in zip(out, expected):
            np.testing.assert_array_equal(array, wanted)
    store = np.arange(1.0, 12.0)
    wanted = f.grad(store[:5].copy(), store[2:7].copy())
    f.grad(store[:5], store[2:7], out={"x": store[3:8]})
    np.testing.assert_array_equal(store[3:8], wanted.x)


def test_float32_and_empty_arrays(engine):
    f = gradc.compile("x * 2", engine=engine)
    x = X.astype(np.float32)
    out, x_bar = np.empty_like(x), np.empty_like(x)
    f.value_and_grad(x, out=(out, x_bar))
    assert out.tolist() == [2.0, 4.0, 6.0] and x_bar.tolist() == [2.0, 2.0, 2.0]
    with pytest.raises(gradc.Error, match="G0606"):
        f(x, out=np.empty(3))
    empty = np.empty(0)
    assert f(empty, out=empty) is empty


def test_interleaved_arrays_are_apart(f):
    columns = np.zeros((3, 2))
    f.value_and_grad(X, 2.0, out=(columns[0, 1, ...], [columns[:, 0], None]))
    assert columns.tolist() == [[4.0, 28.0], [8.0, 0.0], [12.0, 0.0]]


def test_transposed_arrays(engine):
    f = gradc.compile("x * 2", engine=engine)
    x, out = np.arange(24.0).reshape(2, 3, 4), np.empty((4, 2, 3)).transpose(1, 2, 0)
    np.testing.assert_array_equal(f(x, out=out), 2 * x)


def test_bound_functions(engine):
    f = gradc.compile("sum((y - a * t)**2)", engine=engine).bind(t=X)
    y_bar = np.empty(3)
    assert f.grad(X, 1.5, out={"y": y_bar}).y is y_bar and y_bar.tolist() == [-1.0, -2.0, -3.0]


def test_an_input_called_out(engine):
    """The keyword is the input's; where the input is given by position, it is free for results."""
    f = gradc.compile("out * x", engine=engine)
    assert f.inputs == ("out", "x")
    assert f(out=3.0, x=2.0) == f.value_and_grad(x=2.0, out=3.0)[0] == 6.0 and f.grad(out=3.0, x=2.0) == (2.0, 3.0)
    place, x_bar = np.empty(()), np.empty(())
    assert f(3.0, 2.0, out=place) is place and place == 6.0
    assert f.value_and_grad(3.0, x=2.0, out={"x": x_bar})[1].x is x_bar and x_bar == 3.0
    bound = f.bind(out=3.0)
    assert bound(2.0, out=place) is place and place == 6.0


OUT_OF_REACH = np.empty(3)
OUT_OF_REACH.setflags(write=False)
SHARED = np.empty(4)
WINDOWS = np.lib.stride_tricks.as_strided(np.empty(4), (3, 2), (8, 8))


@pytest.mark.parametrize(
    ("second", "complaint"),
    [
        (np.empty(2), "has shape"),
        (np.empty((3, 1)), "has shape"),
        (np.empty(()), "has no axes"),
        (np.empty(3, np.float32), "float32"),
        (np.empty(3, ">f8"), ">f8"),
        (np.empty(3, np.int64), "int64"),
        (np.empty(3, object), "object"),
        (OUT_OF_REACH, "read-only"),
        (np.ma.masked_array(np.empty(3)), "MaskedArray"),
        ([0.0, 0.0, 0.0], "list"),
        (0.0, "float"),
        (np.broadcast_to(np.empty(1), 3), "read-only"),
        (np.lib.stride_tricks.as_strided(np.empty(1), (3,), (0,)), "one place"),
    ],
)
def test_all_or_none(engine, second, complaint):
    f = gradc.compile("x * y", engine=engine)
    first = np.full(3, 7.0)
    for out in ([first, second], (first, {"y": second}), (second, {"x": first})):
        for _ in range(2):
            with pytest.raises(gradc.Error, match=complaint) as caught:
                f.value_and_grad(X, X, out=out)
            assert caught.value.code == "G0606"
    assert first.tolist() == [7.0, 7.0, 7.0]


@pytest.mark.parametrize(
    "out",
    [
        [SHARED[:3], SHARED[1:]],
        [SHARED[:3], SHARED[2::-1]],
        (SHARED[1:], {"y": SHARED[:3]}),
        (SHARED[1:], [None, SHARED[1:]]),
    ],
)
def test_arrays_with_common_elements_are_refused(out):
    SHARED[:] = 7.0
    with pytest.raises(gradc.Error, match="common elements"):
        gradc.compile("x * y", engine="interpreter").value_and_grad(X, X, out=out)
    assert SHARED.tolist() == [7.0] * 4


def test_windows_are_refused():
    with pytest.raises(gradc.Error, match="one place"):
        gradc.compile("x * 2", engine="interpreter")(np.ones((3, 2)), out=WINDOWS)


def test_a_call_that_fails_writes_nothing(engine):
    f = gradc.compile("x * y", engine=engine)
    out = np.full(3, 7.0)
    for _ in range(2):
        with pytest.raises(gradc.Error, match="G0603"):
            f(X, np.ones(4), out=out)
    with pytest.raises(gradc.Error, match="there is no argument `out`"):
        f.forward(X, X, out=out)
    assert out.tolist() == [7.0] * 3
