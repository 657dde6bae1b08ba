"""Products of matrices are cut into tiles of rows, and whatever is done to their results happens tile by tile."""

import numpy as np
import pytest

import gradc
from gradc.runtime.kernel import ENGINES
from gradc.schedule.tasks import Tiles
from tests.emit.plain import engine

PROGRAMS = {
    "loss of a product": "X: f64[n, d]; W: f64[d, k]; sum(tanh(X @ W)**2)",
    "rows stored": "X: f64[n, d]; W: f64[d, k]; b: f64[k]; X @ W + b",
    "columns": "X: f64[d, n]; W: f64[k, d]; V: f64[p, k]; sum(logsumexp(V @ max(0, W @ X), axis=0))",
    "columns stored": "X: f64[d, n]; W: f64[k, d]; V: f64[p, k]; V @ max(0, W @ X)",
    "squares": "X: f64[n, n]; Y: f64[n, n]; sum(exp(-(X @ Y)) @ X)",
    "distances": "X: f64[n, d]; r = sum(X**2, axis=1); sum(exp(-(r[:, None] + r - 2 * X @ X.T)))",
    "attention": "Q: f64[n, d]; K: f64[m, d]; V: f64[m, p]; softmax(Q @ K.T, axis=-1) @ V",
    "attention of one length": "Q: f64[n, d]; K: f64[n, d]; V: f64[n, p]; sum((softmax(Q @ K.T, axis=-1) @ V)**2)",
    "sine of a product": "A: f64[n, m]; B: f64[m, k]; C: f64[k, n]; sum(sin(A @ B) @ cos(C))",
    "whole rows": "X: f64[n, d]; W: f64[d, k]; H = X @ W; "
                  "sum(cumsum(H, axis=0)**2) + sum(norm(H, axis=0)) + sum(prod(H, axis=1))",
    "batch normalisation": "X: f64[n, d]; W: f64[d, k]; H = X @ W; (H - mean(H, axis=0)) / std(H, axis=0)",
    "stencil": "X: f64[n, d]; W: f64[d, k]; H = X @ W; sum((H[1:] - H[:-1])**2)",
    "rows with themselves": "X: f64[n, d]; sum(exp(-(X @ X.T)))",
    "positions": "X: f64[n, d]; W: f64[d, k]; sum(X @ W * arange(n)[:, None])",
    "diagonal": "A: f64[n, d]; B: f64[d, n]; sum(sin((A @ B)[arange(n), arange(n)]))",
    "first rows": "X: f64[n, d]; W: f64[d, k]; sum(sin((X @ W)[arange(n // 2)]))",
    "float32": "X: f32[n, d]; W: f32[d, k]; b: f32[k]; mean(softplus(X @ W + b))",
}  # fmt: skip
SIZES = [dict(n=300, d=3, k=4, p=2, m=131), dict(n=128, d=140, k=257, p=3, m=1), dict(n=0, d=2, k=2, p=2, m=2)]
FEW = [dict(n=7, d=3, k=4, p=2, m=5), dict(n=2, d=5, k=3, p=3, m=1), dict(n=0, d=2, k=2, p=2, m=2)]
"""For tiles of two rows."""


@pytest.fixture(autouse=True, scope="module")
def plain_engine():
    ENGINES["plain"] = lambda compilation: engine(compilation, 2)
    yield
    del ENGINES["plain"]


@pytest.mark.parametrize("derived", ["value_and_grad", "hvp"])
@pytest.mark.parametrize("what", PROGRAMS)
def test_tiles_change_no_value(what, derived):
    check(what, "native", derived)
    check(what, "plain", derived, FEW)


@pytest.mark.compiled
@pytest.mark.parametrize("what", ["loss of a product", "columns stored", "attention", "float32"])
def test_tiles_with_numba(what):
    check(what, "numba", "value_and_grad")


def check(what, name, derived, all_sizes=SIZES):
    f, reference = (gradc.compile(PROGRAMS[what], engine=engine) for engine in (name, "interpreter"))
    rng = np.random.default_rng(0)
    tolerance = 1e-5 if what == "float32" else 1e-10
    for sizes in all_sizes:
        types = [f.stages.types[name] for name in f.inputs]
        args = [
            (0.3 * rng.normal(size=[sizes[s] for s in t.shape])).astype(np.float32 if t.dtype == "f32" else float)
            for t in types
        ]
        first = [[np.ones_like(arg) for arg in args]] if derived == "hvp" else []
        with np.errstate(all="ignore"):
            got, wanted = (_flat(getattr(function, derived)(*first, *args)) for function in (f, reference))
        np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)


def _flat(result) -> np.ndarray:
    grads = result[1] if type(result) is tuple else result
    return np.concatenate([np.ravel(part) for part in (*result[:1], *grads)])


@pytest.mark.parametrize("what", ["loss of a product", "columns", "distances", "float32"])
def test_nothing_of_the_size_of_the_batch_is_kept(what):
    """Between inputs and outputs there are arrays of tiles only, and one loop over them."""
    f = gradc.compile(PROGRAMS[what])
    (tiles,) = (item for item in f.stages.schedule.body.items if isinstance(item, Tiles))
    outputs = {name for name, _ in f.stages.lowered.outputs}
    inputs = set(f.inputs)
    kept = [type for name, type in f.stages.loops.arrays.items() if name not in outputs | inputs and type.rank > 1]
    assert tiles.size == "n"
    assert not [type for type in kept if "n" in type.shape and what != "distances"]
    assert not [type for type in kept if type.shape == ("n", "n")]


def test_activations_have_no_pass_of_their_own():
    types = "X: f64[n, d]; W1: f64[d, h]; b1: f64[h]; W2: f64[h, k]; y: i64[n]"
    f = gradc.compile(f"{types}; softmax_cross_entropy(max(0, X @ W1 + b1) @ W2, y)", wrt="W1 b1 W2")
    lines = f.stages.stage_text("schedule").splitlines()
    assert [line for line in lines if line.startswith(("loop", "whole arrays"))] == []
    assert lines[0].startswith("tiles of rows over n")


@pytest.mark.parametrize("engine", ["native", "numba"])
@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_products_added_up_over_tiles(engine, dtype, ran_cases):
    """No row, one tile, one that is full, several, and weights of any shape; what NumPy has in f64."""
    random = np.random.default_rng(0)
    f = gradc.compile(f"X: {dtype}[n, d]; W: {dtype}[d, h]; b: {dtype}[h]; sum((X @ W + b)**2)", engine=engine)
    kind = {"f64": np.float64, "f32": np.float32}[dtype]
    shapes = [(rows, 13, 9) for rows in (0, 1, 128, 129, 1100)] + [(300, 1, 1), (300, 2, 17), (260, 40, 3), (300, 0, 4)]
    for rows, inner, columns in shapes:
        X, W, b = (random.normal(size=shape).astype(kind) for shape in ((rows, inner), (inner, columns), (columns,)))
        value, grads = f.value_and_grad(X, W, b)
        wide, slope = X.astype(np.float64), 2 * (X.astype(np.float64) @ W + b)
        bound = 20 * np.finfo(kind).eps
        np.testing.assert_allclose(value, np.sum(slope**2) / 4, rtol=bound)
        size = np.abs(wide).T @ np.abs(slope)
        assert np.all(np.abs(grads.W - wide.T @ slope) <= bound * (1 + inner) * size), (rows, inner, columns)
        np.testing.assert_allclose(grads.b, slope.sum(0), rtol=100 * bound, atol=bound * (1 + inner) * 100)
        assert grads.W.dtype == kind
    ran_cases(len(shapes))


def test_an_infinite_term_of_products_over_tiles():
    """As in any sum: an infinity stays one, and two that differ make NaN, in their own elements alone."""
    X = np.ones((400, 3))
    X[10, 0], X[300, 0], X[5, 1], X[390, 1] = np.inf, np.inf, np.inf, -np.inf
    f = gradc.compile("X: f64[n, d]; W: f64[d, h]; T: f64[n, h]; sum((X @ W + sin(T)) * T)", wrt="W")
    (W_bar,) = f.grad(X, np.ones((3, 2)), np.ones((400, 2)))
    np.testing.assert_array_equal(np.isnan(W_bar), [[False] * 2, [True] * 2, [False] * 2])
    np.testing.assert_array_equal(np.isposinf(W_bar), [[True] * 2, [False] * 2, [False] * 2])


def test_absent_elements_of_products_over_tiles():
    """A unit that is off adds nothing to its weights' gradient, whichever tile its row is in and whatever it has."""
    f = gradc.compile("X: f64[n, d]; W: f64[d, h]; sum(max(0, X @ W)**2)", wrt="W")
    for rows in (5, 400):
        X = np.ones((rows, 3))
        expected = f.grad(X[:-1], np.ones((3, 2))).W
        for row in (0, rows - 1):
            odd = np.insert(X[:-1], row, [-np.inf, 1, 1], axis=0)
            np.testing.assert_array_equal(f.grad(odd, np.ones((3, 2))).W, expected)
