"""The entry: which calls go straight to a kernel, that the others are answered as before, and what is left behind."""

import gc
import sys
import threading
import time
import tracemalloc
import weakref
from itertools import pairwise

import numpy as np
import pytest

import gradc
from gradc.ir.held import DICT, LIST, ONE, SAME, Held, tuple_of
from gradc.native import entry
from gradc.native.parts import Arrangement, plain
from gradc.native.target import is_possible
from tests.native.kernels import kernel

pytestmark = pytest.mark.skipif(
    not (is_possible() and entry.is_possible()), reason="LLVM does not know this machine, or the entry not this Python"
)

X = np.array([1.0, 2.0, 4.0])
MANY = np.arange(12.0)
READ_ONLY = X.copy()
READ_ONLY.flags.writeable = False


class Subclass(np.ndarray):
    pass


class Number(float):
    pass


def everything(count):
    """All outputs of a kernel in a tuple."""
    return tuple_of(count), *ONE * count


def entrance(made, result=None):
    """The entry of a kernel alone: calls that it does not answer give None."""
    frame = made.loaded.frame
    tables = entry.Tables()
    tables.add(made.table(plain([field.name for field in frame.inputs], result or everything(len(frame.outputs)))))
    return entry.function("call", tables, lambda *args, **names: None)


@pytest.fixture(scope="module")
def call():
    """x, a, k and b to the value and the gradients for x and a."""
    return entrance(kernel("x: f64[n]; a: f64; k: i64; b: bool; sum(x) * a + where(b, k, 2)", 4, X, 2.0, 3, True))


# ---------------------------------------------------------------- what goes the short way


@pytest.mark.parametrize(
    "x", [X, READ_ONLY, MANY[3:6], MANY.reshape(3, 4)[1], np.ones(1), np.empty(0), np.broadcast_to(3.0, 1)],
    ids=["array", "read-only", "part", "row", "one", "empty", "broadcast one"],
)  # fmt: skip
def test_arrays_that_a_kernel_reads(call, x):
    value, x_bar, a_bar = call(x, 2.0, 3, True)
    assert value == 2.0 * x.sum() + 3
    assert a_bar == x.sum()
    np.testing.assert_array_equal(x_bar, np.full(x.shape, 2.0), strict=True)


def misaligned(array):
    memory = np.zeros(array.nbytes + 1, np.uint8)
    moved = memory[1:].view(array.dtype)
    moved[...] = array
    return moved


@pytest.mark.parametrize(
    "x",
    [
        MANY[::2], MANY[::-1], np.asfortranarray(np.ones((3, 3)))[0], misaligned(X), X.view(Subclass),
        np.broadcast_to(3.0, 3), X.astype("f4"), X.astype(">f8"), X.astype(int), X > 0, np.array(3.0),
        memoryview(X), np.float64(3.0), 3.0, np.ones((1, 3)), [1.0, 2.0], (1.0,), None, "x",
        np.array([1.0, None]), np.ma.array(X),
    ],
    ids=lambda x: f"{type(x).__name__}",
)  # fmt: skip
def test_arrays_that_it_does_not_read(call, x):
    assert call(x, 2.0, 3, True) is None


@pytest.mark.parametrize(
    "a", [2.0, 2, -1, -1.0, True + 1, np.float64(2.0), np.nan, -np.inf, 2**53 + 1, 10**300, 5e-324]
)
def test_numbers(call, a):
    np.testing.assert_array_equal(call(X, a, 3, True)[0], 7.0 * float(a) + 3)


@pytest.mark.parametrize(
    "a",
    [
        True,
        np.True_,
        np.float32(2.0),
        np.int64(2),
        Number(2.0),
        10**400,
        -(10**400),
        2j,
        "2",
        None,
        np.array(2.0),
        X,
        [2.0],
    ],
    ids=lambda a: type(a).__name__,
)
def test_numbers_that_need_the_long_way(call, a):
    assert call(X, a, 3, True) is None


@pytest.mark.parametrize("k", [3, 0, -1, 2**63 - 1, -(2**63)])
def test_whole_numbers(call, k):
    assert call(X, 2.0, k, True)[0] == 14.0 + k


@pytest.mark.parametrize("k", [3.0, True, np.int64(3), 2**63, -(2**63) - 1, None], ids=lambda k: type(k).__name__)
def test_whole_numbers_that_need_the_long_way(call, k):
    assert call(X, 2.0, k, True) is None


def test_conditions(call):
    assert [call(X, 2.0, 3, b)[0] for b in (True, False)] == [17.0, 16.0]
    assert [call(X, 2.0, 3, b) for b in (np.True_, np.False_, 1, 0, None)] == [None] * 5


def test_float32():
    x = X.astype("f4")
    call = entrance(kernel("x: f32[n]; a: f32; sum(x) * a", 4, x, 2.0))
    for a in (0.1, 3, -1):
        value, x_bar, a_bar = call(x, a)
        assert [type(value), x_bar.dtype, type(a_bar)] == [np.float32, np.float32, np.float32]
        assert value == np.float32(a) * np.float32(7)
        np.testing.assert_array_equal(x_bar, np.full(3, np.float32(a)))
    assert [call(x, a) for a in (np.float32(2.0), np.float64(2.0), 10**400, True)] == [None] * 4
    assert call(X, 2.0) is None


def test_names(call):
    expected = [17.0, 7.0]

    def found(*args, **names):
        answer = call(*args, **names)
        return None if answer is None else [answer[0], answer[2]]

    assert found(X, 2.0, 3, True) == found(X, 2.0, 3, b=True) == found(X, a=2.0, k=3, b=True) == expected
    assert found(x=X, a=2.0, k=3, b=True) == expected
    for names in ({"b": True, "k": 3}, {"k": 3}, {"k": 3, "c": True}, {"a": 2.0, "k": 3, "b": True}):
        assert found(X, 2.0, **names) is None
    assert found() is found(X, 2.0, 3) is found(X, 2.0, 3, True, True) is found(X, 2.0, 3, True, b=True) is None


def test_names_that_are_equal_but_not_the_same():
    f = gradc.compile("first_input * second_input")
    f.value_and_grad(2.0, 3.0)
    spelt = {"".join(list(name)): value for name, value in {"first_input": 2.0, "second_input": 5.0}.items()}
    assert f.value_and_grad(**spelt) == (10.0, (5.0, 2.0))


def test_arguments_may_be_one_array_or_overlap():
    call = entrance(kernel("x: f64[n]; y: f64[n]; sum(x * y)", 4, X, X))
    for x, y in ((MANY, MANY), (MANY[:-1], MANY[1:])):
        value, x_bar, y_bar = call(x, y)
        assert value == np.sum(x * y)
        np.testing.assert_array_equal(x_bar, y)
        np.testing.assert_array_equal(y_bar, x)
        assert not any(np.shares_memory(a, b) for a, b in pairwise([MANY, x_bar, y_bar, MANY]))


def test_forms():
    made = kernel("x: f64[n]; a: f64; sum(x) * a", 4, X, 2.0)
    gradients = type(gradc.compile("x * a").grad(1.0, 1.0))
    grads_of_two = (tuple_of(2, gradients), *ONE * 2)
    pair = (tuple_of(2), *ONE, *grads_of_two)
    alone = kernel("x: f64[n]; a: f64; sum(x) * a", 4, X, 2.0, transform="value")
    assert entrance(alone, ONE)(X, 2.0) == 14.0
    value, grads = entrance(made, pair)(X, 2.0)
    assert value == 14.0 and type(grads) is gradients and grads._fields == ("x", "a") and grads.a == 7.0
    grads = entrance(made, grads_of_two)(X, 2.0)
    assert type(grads) is gradients and grads.x.tolist() == [2.0, 2.0, 2.0] and hash(grads[1:]) == hash((7.0,))
    scalar = entrance(kernel("x * a", 4, 2.0, 3.0), pair)
    assert hash(scalar(2.0, 3.0)[1]) == hash((3.0, 2.0)) and scalar(2.0, 3.0) == (6.0, (3.0, 2.0))


PARTS = (Held(DICT, ("x", "rest"), 2), *ONE, Held(LIST, list, 3), *ONE, Held(SAME, None), tuple_of(0))
"""`{"x": ..., "rest": [a, None, ()]}`"""


def parted():
    """A kernel of x and a, which come in one argument with parts; the gradients do too."""
    made = kernel("x: f64[n]; a: f64; sum(x) * a", 4, X, 2.0)
    tables = entry.Tables()
    tables.add(made.table(Arrangement((("p", PARTS),), ("x", "a"), PARTS)))
    return entry.function("call", tables, lambda *args, **names: None)


def test_arguments_and_results_with_parts():
    call = parted()
    found = call({"x": X, "rest": [2.0, None, ()]})
    assert list(found) == ["x", "rest"] and found["x"].tolist() == [2.0, 2.0, 2.0]
    assert type(found["rest"]) is list and found["rest"] == [7.0, None, ()]
    assert call(p={"x": X, "rest": [2.0, None, ()]})["rest"][0] == 7.0


@pytest.mark.parametrize(
    "p",
    [
        {"x": X, "rest": (2.0, None, ())}, {"x": X, "rest": [2.0, None]}, {"x": X, "rest": [2.0, 0, ()]},
        {"rest": [2.0, None, ()], "x": X}, {"x": X}, {"x": X, "rest": [2.0, None, ()], "y": 1.0},
        [X, 2.0], {"x": X, "rest": [2.0, None, (1,)]}, {"y": X, "rest": [2.0, None, ()]},
        {"x": 1.0, "rest": [2.0, None, ()]}, 3.0,
    ],
    ids=["tuple", "shorter", "object", "order", "missing", "more", "list", "nested", "key", "leaf", "number"],
)  # fmt: skip
def test_other_parts_go_the_long_way(p):
    assert parted()(p) is None


def test_parts_are_given_back():
    call, a = parted(), 2.5
    p = {"x": X.copy(), "rest": [a, None, ()]}
    watched = [p, p["x"], p["rest"], a, None, (), "x", "rest", list, dict, tuple]

    def references():
        gc.collect()
        return [sys.getrefcount(item) for item in watched]

    def calls():
        for _ in range(1000):
            call(p)
            call({"x": p["x"], "rest": [a, 0, ()]})

    calls()
    before = references()
    calls()
    assert all(abs(one - other) < 20 for one, other in zip(references(), before))


def test_sizes_that_a_table_is_for():
    made = kernel("x: f64[n]; a: f64; sum(x) * a", 4, X, 2.0)
    tables = entry.Tables()
    tables.add(made.table(plain(("x", "a"), everything(3)), {}, {"x": (3,)}))
    call = entry.function("call", tables, lambda *args, **names: None)
    assert call(X, 2.0)[0] == 14.0 and call(MANY, 2.0) is None


def test_tables_are_tried_in_turn():
    f = gradc.compile("sum(x * a)")
    narrow, wide = X.astype("f4"), np.ones((2, 3))
    for _ in range(3):
        assert f.value_and_grad(X, 2.0)[1].a == 7.0
        assert f.value_and_grad(narrow, narrow)[0] == 21.0
        assert f.value_and_grad(narrow, narrow)[1].x.dtype == np.float32
        assert f.value_and_grad(wide, X)[1].a.tolist() == [2.0, 2.0, 2.0]
    assert len(f._calls.tables["value_and_grad"].all) == 3


# ---------------------------------------------------------------- the same messages


WRONG = {
    "sizes": ("x: f64[n]; y: f64[n]; sum(x * y)", (X, X), (X, MANY)),
    "products": ("A @ x", (np.ones((2, 3)), X), (np.ones((2, 4)), X)),
    "indices": ("x: f64[n]; i: i64[k]; x[i]", (X, np.array([0, 2])), (X, np.array([0, 3]))),
    "negative": ("x: f64[n]; i: i64[k]; x[i]", (X, np.array([0, 2])), (X, np.array([-4, 0]))),
    "one index": ("x: f64[n]; sum(x[1:]) + x[2]", (X,), (X[:2],)),
    "empty": ("x: f64[n]; max(x)", (X,), (X[:0],)),
    "count": ("x * y", (1.0, 2.0), (1.0,)),
    "too many": ("x * y", (1.0, 2.0), (1.0, 2.0, 3.0)),
    "kind": ("x * y", (1.0, 2.0), (1.0, "y")),
    "huge": ("x * y", (1.0, 2.0), (1.0, 10**400)),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("method", ["__call__", "value_and_grad", "grad"])
def test_messages_are_those_of_the_long_way(name, method):
    text, right, wrong = WRONG[name]
    functions = [gradc.compile(text, engine=engine) for engine in ("interpreter", "native")]
    messages = []
    for f in functions:
        for _ in range(2):
            getattr(f, method)(*right)
            with pytest.raises(gradc.Error) as raised:
                getattr(f, method)(*wrong)
            messages.append((type(raised.value), str(raised.value)))
    assert messages == messages[:1] * 4


def test_a_function_that_fails_answers_again():
    f = gradc.compile("x: f64[n]; i: i64[k]; sum(x[i])")
    for _ in range(3):
        assert f.value_and_grad(X, np.array([0, 2]))[0] == 5.0
        with pytest.raises(gradc.Error, match="out of range"):
            f.value_and_grad(X, np.array([0, 3]))


# ---------------------------------------------------------------- references and memory


def test_no_call_keeps_a_reference(call):
    gradients = type(gradc.compile("x * a").grad(1.0, 1.0))
    pair = (tuple_of(2), *ONE, tuple_of(2, gradients), *ONE * 2)
    both = entrance(kernel("x: f64[n]; a: f64; sum(x) * a", 4, X, 2.0), pair)
    fails = entrance(kernel("x: f64[n]; y: f64[n]; sum(x * y)", 4, X, X))
    x, a, k, dtype = X.copy(), 2.5, 12_345_678, np.dtype(float)
    watched = [x, a, k, True, None, dtype, gradients, float, np.ndarray, tuple, call, both, fails]

    def references():
        gc.collect()
        return [sys.getrefcount(item) for item in watched]

    def calls():
        for _ in range(1000):
            call(x, a, k, True)
            call(x, a, k=k, b=True)
            both(x, a)
            both(x, None)
            fails(x, MANY)

    calls()
    before = references()
    calls()
    calls()
    assert np.abs(np.subtract(references(), before)).max() < 10  # others count None, True and types too


def test_results_belong_to_the_caller(call):
    _, x_bar, a_bar = call(X, 2.0, 3, True)
    fresh = np.full(3, 2.0)
    assert [sys.getrefcount(item) for item in (x_bar, a_bar)] == [sys.getrefcount(item) for item in (fresh, a_bar)]
    assert x_bar.base is None and x_bar.flags.owndata and x_bar.flags.writeable and x_bar.flags.c_contiguous
    assert x_bar.flags.aligned and x_bar.dtype is np.dtype(float)
    x_bar *= 3.0
    x_bar.resize(1000, refcheck=False)
    assert x_bar.sum() == 18.0
    assert call(X, 2.0, 3, True)[1].tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("size", [3, 30_000])
def test_a_hundred_thousand_calls_leave_nothing_behind(size):
    f = gradc.compile("x: f64[n]; y: f64[n]; sum(x * y) * a")
    x = np.ones(size)
    count = 100_000 if size == 3 else 1000
    f.value_and_grad(x, x, 2.0)

    def calls(number):
        for _ in range(number):
            f.value_and_grad(x, x, 2.0)
        for _ in range(number // 100):
            with pytest.raises(gradc.Error):
                f.value_and_grad(x, MANY[:2], 2.0)
        gc.collect()

    calls(count // 10)
    tracemalloc.start()
    try:
        calls(count // 10)
        before = tracemalloc.get_traced_memory()[0]
        calls(count)
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert after - before < 20_000


def test_a_result_may_outlive_its_function():
    f = gradc.compile("x: f64[n]; x * a")
    x = np.ones(50_000)
    f.value_and_grad(x, 2.0)
    value, grads = f.value_and_grad(x, 2.0)
    del f
    gc.collect()
    assert (value.sum(), grads.x.sum(), grads.a) == (100_000.0, 100_000.0, 50_000.0)


def test_a_function_may_go_while_it_is_called():
    """The call holds what it runs."""
    holder = [gradc.compile("x: f64[n]; y: f64[m]; sum(exp(reshape(x, (n, 1)) * y))")]
    x, y = np.zeros(25_000), np.zeros(200)
    holder[0].value_and_grad(x, y[:1])
    held = weakref.ref(holder[0])
    assert holder.pop().value_and_grad(x, y)[0] == 5e6
    gc.collect()
    assert held() is None


# ---------------------------------------------------------------- threads


def test_long_calls_let_other_threads_run():
    f = gradc.compile("x: f64[n]; y: f64[m]; sum(exp(reshape(x, (n, 1)) * y))")
    x, y = np.zeros(25_000), np.zeros(8_000)
    f(x, y[:1])
    ticks, is_over = [], threading.Event()

    def count():
        while not is_over.wait(0.001):
            ticks.append(time.perf_counter())

    other = threading.Thread(target=count)
    other.start()
    start = time.perf_counter()
    f(x, y)
    end = time.perf_counter()
    is_over.set()
    other.join()
    assert sum(start + 0.01 < tick < end for tick in ticks) > 5


def test_many_threads_call_one_function():
    f = gradc.compile("x: f64[n]; sum(sin(x) * a)")
    answers = {}

    def work(k):
        x = np.full(1000 + 10_000 * (k % 3), 0.5)
        for step in range(300):
            a = float(k * 1000 + step)
            value, grads = f.value_and_grad(x, a)
            if abs(value - a * x.size * np.sin(0.5)) > 1e-9 * (1 + value) or grads.x[-1] != a * np.cos(0.5):
                answers[k] = (step, value)
                return
        answers[k] = None

    workers = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert answers == dict.fromkeys(range(8))


def test_first_calls_at_once_compile_once(monkeypatch):
    from gradc.native import engine

    built = []
    real = engine.build
    monkeypatch.setattr(engine, "build", lambda *args: built.append(args) or real(*args))
    f = gradc.compile("x: f64[n]; sum(tanh(x) * 0.271828)")
    barrier, values = threading.Barrier(8), []

    def work():
        barrier.wait()
        values.append(f(X))

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(values) == 8 and len(set(values)) == 1
    assert len(built) == 1
