"""Indices of every kind against NumPy: in the interpreter, in the emitted Python, and in kernels."""

import numpy as np
import pytest
import scipy.special

import gradc
from gradc.ir.reader import read_graph
from gradc.ir.text import print_graph
from gradc.runtime.kernel import ENGINES
from tests.emit.plain import engine

RANDOM = np.random.default_rng(5)
VALUES = {
    "x": RANDOM.normal(size=5), "u": RANDOM.normal(size=5), "s": RANDOM.normal(size=(5, 5)),
    "v": RANDOM.normal(size=(5, 5)),
    "T": RANDOM.normal(size=(2, 3, 4)), "U": RANDOM.normal(size=(2, 4, 2)), "W": RANDOM.normal(size=(3, 4)),
    "i": np.array([0, 2, 1]), "j": np.array([[0, 1], [2, 0]]), "y": np.array([1, 2, 3, 4, 5]),
}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def plain_engine():
    ENGINES["plain"] = engine
    yield
    del ENGINES["plain"]


def one_hot(indices, size):
    return np.eye(size)[indices]


NAMES = "arange argmax diag where take clip abs take_along_axis expand_dims dot sum reshape squeeze"
NUMPY = {name: getattr(np, name) for name in NAMES.split()} | {
    "max": np.maximum, "min": np.minimum, "one_hot": one_hot, "n": 5, "softmax": scipy.special.softmax,
    "log_softmax": scipy.special.log_softmax,
}  # fmt: skip

BESIDE_ARRAYS = (
    "T[0, :, i]", "T[:, 0, None, i]", "T[0, None, :, i]", "T[:, 0, i, None]", "T[0, i]", "T[i % 2, :, 0]",
    "T[None, 0, :, i]",
    "T[..., 0, i]", "T[0, ..., i]", "T[0, :, j]", "T[None, :, None, 0, j]",
)  # fmt: skip
POSITIONS = (
    "x[arange(2)]", "s[arange(3), 0]", "s[arange(n), arange(n)]", "s[arange(n), 0]", "take(x, 1)", "take(x, -1) * 2",
    "take(s, 2, axis=1)", "take(s, arange(2), axis=1)", "take(s, arange(3)[::-1], axis=0)**2",
    "take_along_axis(x, arange(2), 0)",
    "(s @ v)[arange(2)]", "(s @ v)[arange(n), arange(n)]", "x[take(arange(4), arange(2))]",
    "take(s, take_along_axis(arange(4), arange(2), 0), axis=1)",
)  # fmt: skip
GATHERED_POSITIONS = (
    "diag(x)[i]", "sum(diag(x)[i], axis=0)", "one_hot(arange(3), 3)[i] * x[:3]", "where(s > diag(u), v, s)[i]",
    "(arange(5) * x)[i]",
)  # fmt: skip
COMPUTED = (
    "x[i + 1]", "x[-i]", "x[2 * i % 5]**2", "x[i // 2]", "s[arange(n), y - 1]", "x[where(i > 0, i, 0)]",
    "x[arange(n) + 0]",
    "x[max(i - 1, 0)]", "x[min(i + 3, 4)]", "x[clip(i + 3, 0, 4)]", "x[abs(i - 2)]", "x[n - 1 - i]",
    "x[n - 1 - arange(n)]",
    "x[argmax(x) - 1]", "s[argmax(s, axis=1) - 1]", "one_hot(y - 1, 5) * s", "take_along_axis(s, (y - 1)[:, None], 1)",
    "take_along_axis(s, expand_dims(y - 1, 1), 1)", "x[i + 1] * (i + 1) / 2", "x[i - (i > 1)]", "x[i[i]]",
    "x[i[i - 1] + 1]",
)  # fmt: skip
SIZES = (
    "x[n - 1]", "x[:n]", "x[1:n] - x[:n - 1]", "x[n // 2:]", "x[:n // 2:2]", "x[-3:n - 1]", "x[n - 2] * x[0:n - 2]",
    "s[n - 1, :n - 2]", "reshape(s, (n * n,))", "arange(n - 1) * x[1:]", "take(s, n - 1, axis=1)",
)  # fmt: skip
DECLARED = "x: f64[n]; s: f64[n, n]; "


@pytest.mark.parametrize("name", ["interpreter", "plain", "native"])
@pytest.mark.parametrize("text", BESIDE_ARRAYS + POSITIONS + GATHERED_POSITIONS + COMPUTED + SIZES)
def test_indices(text, name):
    check(text, name)


@pytest.mark.compiled
def test_compiled():
    for text in (POSITIONS[3], GATHERED_POSITIONS[2], COMPUTED[5], SIZES[4]):
        check(text, "numba")


def check(text: str, engine: str) -> None:
    """The value against NumPy's; the gradient of its sine along a direction against a difference."""
    declared = "".join(part + "; " for part in DECLARED.split("; ") if part and part[0] in text) if "n" in text else ""
    f = gradc.compile(declared + text, engine=engine)
    given = {name: VALUES[name] for name in f.inputs}
    expected = evaluated(text, given)
    np.testing.assert_allclose(f(**given), expected, rtol=1e-12, atol=1e-12)
    assert np.shape(f(**given)) == np.shape(expected)
    g = gradc.compile(f"{declared}sum(sin({text}))", engine=engine)
    floats = [name for name in f.inputs if given[name].dtype == np.float64]
    along = {name: np.cos(np.arange(given[name].size)).reshape(given[name].shape) for name in floats}
    points = (given | {name: given[name] + h * along[name] for name in floats} for h in (1e-6, -1e-6))
    ahead, behind = (np.sum(np.sin(evaluated(text, point))) for point in points)
    grads = g.grad(**given)
    np.testing.assert_allclose(
        sum(np.sum(grads[name] * along[name]) for name in floats), (ahead - behind) / 2e-6, rtol=1e-7, atol=1e-8
    )


def evaluated(text: str, given: dict) -> np.ndarray:
    return np.asarray(eval(text, {"__builtins__": {}} | NUMPY | given), np.float64)


@pytest.mark.parametrize("name", ["interpreter", "plain", "native"])
@pytest.mark.parametrize(
    "text, message",
    [
        ("x[i + 3]", r"`\(i \+ 3\)\[1\]` is 5, which is out of range for size 5"),
        ("k = 2 * i - 9; x[k]", r"`k\[0\]` is -9, which"),
        ("softmax_cross_entropy(s, y + 1)", r"`\(y \+ 1\)\[3\]` is 5, which"),
        ("x[i[i + 1]]", r"`\(i \+ 1\)\[1\]` is 3, which"),
        ("x[argmax(x) + 7]", r"`argmax\(x\) \+ 7` is \d+, which"),
    ],
)
def test_computed_indices_out_of_range_are_named(text, message, name):
    f = gradc.compile(text, engine=name)
    with pytest.raises(gradc.Error, match=message):
        f(**{name: VALUES[name] for name in f.inputs})


@pytest.mark.compiled
def test_kernels_check_computed_indices_before_they_write():
    from numba import njit

    f = gradc.compile("s: f64[n, k]; sum(s[arange(n), y - 1]**2)")
    value = f.kernel.value
    call = njit(lambda s, y: value(s, y))
    s, y = VALUES["s"], VALUES["y"]
    np.testing.assert_allclose(call(s, y), np.sum(np.diag(s) ** 2), rtol=1e-13)
    assert f(s, y) == call(s, y)
    with pytest.raises(IndexError, match="y - 1"):
        call(s, y + 1)
    with pytest.raises(gradc.Error, match="which is out of range"):
        f(s, y + 1)


@pytest.mark.parametrize("text", ["2 * x[i]", "x[i + 1] / 2", "x[where(i > 0, i, 0)]"])
def test_what_is_indexed_is_an_array_before_any_call(text):
    types = gradc.compile(text).stages.types
    assert [str(types[name]) for name in "xi"] == ["f64[n]", "i64[m]"]


def test_checks_of_computed_indices_print_and_read_back():
    graph = gradc.compile("x: f64[n]; i: i64[m]; sum(x[2 * i + 1])").stages.graph
    assert read_graph(print_graph(graph)) == graph


@pytest.mark.compiled
def test_undeclared_integers_are_indices_inside_njit():
    from numba import njit

    value = gradc.compile("sum(E[idx]**2)").kernel.value
    call = njit(lambda E, idx: value(E, idx))
    E = np.array([1.0, 2.0, 3.0])
    for dtype in (np.int64, np.uint8, np.uint64):
        assert call(E, np.array([0, 2], dtype)) == 10.0
    for outside in (np.array([0, 3]), np.array([2**64 - 1], np.uint64)):
        with pytest.raises(IndexError):
            call(E, outside)


@pytest.mark.parametrize(
    "text", ["take_along_axis(s, y[:, None], 1)", "take_along_axis(s, expand_dims(y, 1), 1)",
    "k = y[:, None]; take_along_axis(s, k, 1)",
             "def pick(t, c) = take_along_axis(t, reshape(c, (-1, 1)), axis=1); pick(s, y)",
             "take_along_axis(x=s, indices=y[:, None], axis=1)"],
)  # fmt: skip
def test_labels_need_no_declaration(text):
    y = VALUES["y"] - 1
    expected = np.take_along_axis(VALUES["s"], y[:, None], 1)
    np.testing.assert_array_equal(gradc.compile(text, engine="interpreter")(s=VALUES["s"], y=y), expected)


@pytest.mark.parametrize("indices", [[2**64 - 1], 2**64 - 1])
def test_indices_beyond_64_bits_are_out_of_range(indices):
    f = gradc.compile("E[i]", engine="interpreter")
    with pytest.raises(gradc.Error, match="is 18446744073709551615, which is out of range"):
        f(E=np.ones(3), i=np.array(indices, np.uint64))


def test_integers_are_as_exact_as_numpys():
    f = gradc.compile("i: i64[n]; i // 3 * 3 + i % 3 == i", engine="interpreter")
    np.testing.assert_array_equal(f(np.array([2**62 + 1, -(2**62) - 1])), [1.0, 1.0])


# ---------------------------------------------------------------- NumPy's shapes and types


@pytest.mark.parametrize("name", ["interpreter", "plain"])
@pytest.mark.parametrize(
    "text",
    ["softmax(W, axis=None)", "log_softmax(W, axis=None)", "dot(T, U)", "dot(W, U)", "dot(T, W.T)", "dot(x, s)",
     "reshape(x[:1], ())", "reshape(sum(x), (1, 1))", "reshape(x[:1], ()) * x"],
)  # fmt: skip
def test_shapes(text, name):
    f = gradc.compile(text, engine=name)
    given = {name: VALUES[name] for name in f.inputs}
    expected = evaluated(text, given)
    actual = f(**given)
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-13)
    assert np.shape(actual) == np.shape(expected)
    direction = {name: np.cos(np.arange(value.size)).reshape(value.shape) for name, value in given.items()}
    ahead, behind = (evaluated(text, {k: v + h * direction[k] for k, v in given.items()}) for h in (1e-6, -1e-6))
    np.testing.assert_allclose(f.jvp(direction, **given), (ahead - behind) / 2e-6, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", ["interpreter", "plain"])
def test_positions_of_extremes_of_no_rows(name):
    for pick in ("argmax", "argmin"):
        assert gradc.compile(f"{pick}(x, axis=1) * 1", engine=name)(np.zeros((0, 3))).shape == (0,)


@pytest.mark.parametrize(
    "text",
    ["one_hot(y, 3) * s", "s.T @ one_hot(y, 3)", "argmax(s) * 1.0", "argmax(s, axis=1) / 2", "sum(s > 0)",
    "mean(s > 0)",
     "arange(3) * s", "s: f32[n, k]; y: i64[n]; -sum(one_hot(y, k) * log(softmax(s, axis=1))) / n"],
)  # fmt: skip
def test_float32_stays_float32(text):
    f = gradc.compile(text, engine="interpreter")
    given = {"s": RANDOM.normal(size=(3, 3)).astype(np.float32), "y": np.array([0, 1, 2])}
    assert np.asarray(f(**{name: given[name] for name in f.inputs})).dtype == np.float32
