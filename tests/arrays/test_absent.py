"""Nothing of a side that is not taken reaches a gradient, whatever linear op lies between it and the mask."""

import numpy as np
import pytest

import gradc
from gradc.runtime.kernel import ENGINES
from tests.emit.plain import engine

SINGULAR = ("sqrt({})", "{}**0.3", "arccosh(1 + {})", "log({})", "1 / {}", "log({})**2")
"""Functions without a derivative at 0; the first three are finite there."""

LINEAR = {
    "sum": "sum({x})",
    "mean along an axis": "sum(mean({X}, axis=0)**2)",
    "dot": "dot({x}, x + 1)",
    "dot with the other side singular": "dot(x + 1, {x})",
    "matrix times vector": "sum(A @ {x})",
    "vector times matrix": "sum({x} @ A)",
    "product of matrices": "sum({X} @ A)",
    "and of its transpose": "sum(A @ {X}.T)",
    "three matrices": "sum(A @ {X} @ A)",
    "stacked products": 'sum(einsum("ij,kj->ik", {X}, A))',
    "einsum over letters of one side": 'einsum("i,j->", {x}, x)',
    "einsum of three": 'sum(einsum("i,ij,j->i", {x}, A, x))',
    "outer": "sum(outer({x}, x)**2)",
    "trace": "trace({X} @ A)",
    "diagonal": "sum(diag({X})**2)",
    "cumsum": "sum(cumsum({x})**2)",
    "cumsum from the end": "sum(cumsum({x}[::-1])**2)",
    "cumsum along an axis": "sum(cumsum({X}, axis=1)**2)",
    "cumprod": "sum(cumprod({x} + 1)**2)",
    "recurrence": "sum(cumprod(x + {x})**2)",
    "sort": "sum(sort({x})**2 * x)",
    "pad": 'sum(pad({x}, 2, mode="edge")**2)',
    "gather": "sum(take({x}, i)**2)",
    "gather of rows": "sum({X}[i]**2)",
    "gather along": "sum(take_along_axis({X}, J, axis=1)**2)",
    "slice": "sum({x}[1:]**2)",
    "backwards": "sum({x}[::-2] * 2)",
    "stencil": "h = {x}; sum((h[1:] - h[:-1])**2)",
    "concatenate": "sum(concatenate([{x}, x])**2)",
    "stack": "sum(stack([{x}, x])**2)",
    "reshape": "sum(reshape({X}, -1)**2)",
    "transpose": "sum({X}.T**2)",
    "broadcast": "sum({x}[:, None] * A)",
    "squeeze": "sum(squeeze({x}[:, None], 1)**2)",
}
MASKS = {
    "where": "{before}where(s > 0, {value}, 0)",
    "the other side": "{before}where(s < 0, 1, {value})",
    "a conditional": "{before}({value} if s > 0 else s)",
    "a dead relu": "{before}max(min({value}, 1) - 100, 0)",
}
DECLARED = "s: f64; x: f64[n]; X: f64[n, n]; A: f64[n, n]; i: i64[k]; J: i64[n, n]; "


@pytest.fixture(autouse=True, scope="module")
def plain_engine():
    ENGINES["plain"] = engine
    yield
    del ENGINES["plain"]


def point() -> dict[str, np.ndarray | float]:
    random = np.random.default_rng(0)
    return {
        "s": -1.0, "x": np.array([0.0, 1.0, 2.0]), "X": np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 1.0], [1.0, 1.0, 0.0]]),
        "A": random.uniform(0.5, 1.5, (3, 3)), "i": np.array([0, 2, 2, 1]), "J": np.array([[0, 1, 2]] * 3),
    }  # fmt: skip


def derivatives(text: str, engine: str, values: dict) -> list[np.ndarray]:
    """Gradients, vjp, jvp and hvp of a program, for the inputs that it reads."""
    f = gradc.compile(DECLARED + text, engine=engine)
    args = [values[name] for name in f.inputs]
    along = tuple(np.ones(np.shape(values[name])) for name in f.wrt)
    with np.errstate(all="ignore"):
        found = [*f.value_and_grad(*args)[1], *f.vjp(0.5, *args), f.jvp(along, *args), *f.hvp(along, *args)]
    return [np.asarray(part) for part in found]


@pytest.mark.parametrize("engine", ["interpreter", "plain", "native"])
@pytest.mark.parametrize("mask", MASKS)
def test_the_untaken_side_is_absent(mask, engine):
    """All gradients are zero, or those of the side that is taken: that is `s` alone."""
    values, failures = point(), []
    singular_ones = SINGULAR[:3] if mask == "a dead relu" else SINGULAR  # of infinities it is not dead
    for k, (name, linear) in enumerate(LINEAR.items()):
        chosen = singular_ones[:: 1 if engine == "interpreter" else 2]
        if engine == "native":  # four kernels for each
            chosen = [singular_ones[k % len(singular_ones)]] if (k + list(MASKS).index(mask)) % 2 else []
        for singular in chosen:
            filled = linear.replace("{x}", f"({singular.format('x')})").replace("{X}", f"({singular.format('X')})")
            *before, value = filled.split("; ")
            text = MASKS[mask].format(before="".join(f"{part}; " for part in before), value=value)
            found = derivatives(text, engine, values)
            if not all(np.all(part == 0) for part in found if part.shape) or not np.isfinite(found[0]):
                failures.append(f"{name}: {text}")
    assert not failures, "\n".join(failures)


TAKEN_IN_PART = (
    ("sum(where(m > 0, (X @ w - 1)**2, 0))", "a row of missing data that a mask leaves out"),
    ("sum(where(m[:, None] > 0, (X @ B)**2, 0))", "the same for a product of matrices"),
    ("sum(where(m > 0, cumsum(X[:, 0][::-1])[::-1], 0))", "running sums before the missing row"),
    ("sum(where(m > 0, norm(X, axis=1), 0))", "reductions of rows"),
    ("sum(where(m > 0, einsum('ij,jk,k->i', X, B, v), 0))", "einsum of three"),
    ("sum(take(where(m > 0, X @ w, 0), i))", "gathered"),
    ("sum(max(where(m > 0, X @ w, -1), 0))", "and a relu"),
)


@pytest.mark.parametrize("engine", ["interpreter", "plain", "native"])
@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("text", "what"), TAKEN_IN_PART)
def test_missing_rows_do_not_matter(text, what, missing, engine):
    """What a mask leaves out may hold anything: the gradients of all others are as with an ordinary number there."""
    text = "m: f64[n]; X: f64[n, d]; w: f64[d]; B: f64[d, p]; v: f64[p]; i: i64[k]; " + text.replace("'", '"')
    random = np.random.default_rng(1)
    values = {"m": np.array([0.0, 1.0, 1.0]), "X": random.normal(size=(3, 2)), "w": random.normal(size=2),
              "B": random.normal(size=(2, 4)), "v": random.normal(size=4), "i": np.array([2, 1, 1])}  # fmt: skip
    f = gradc.compile(text, engine=engine)
    broken = values | {"X": values["X"].copy()}
    broken["X"][0] = missing
    for derived in ("grad", "vjp", "hvp"):
        along = tuple(np.ones(np.shape(values[name])) for name in f.wrt)
        first = {"grad": (), "vjp": (2.0,), "hvp": (along,)}[derived]
        with np.errstate(all="ignore"):
            good, bad = (getattr(f, derived)(*first, *(v[name] for name in f.inputs)) for v in (values, broken))
        for name, one, other in zip(f.wrt, good, bad, strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-12, atol=1e-12, err_msg=f"{what}, {derived} for {name}")


BETWEEN = (
    "sum(where(M > 0, (X @ w)[:, None], 0))", "sum(where(M > 0, (X @ w)[:, None] * w, 0))",
    "sum(where(m > 0, stack([X @ w, m])[0], 0)**2)", "sum(where(m[:, None] > 0, stack([X @ w, m], 1), 0))",
    "sum(where(m[:, None, None] > 0, (X @ A)[:, :, None] * A, 0))",
    'sum(where(m[:, None, None] > 0, einsum("ij,jk->ijk", X @ A, A), 0))',
    "sum(where(m[:, None] > 0, reshape((X @ A)[:, :, None], (n, d)), 0))",
    "sum(where(x > 0, sqrt(x), 0)[i])", "sum(take(where(m > 0, sqrt(v), 0), P))",
    "sum(take_along_axis(where(M > 0, sqrt(M), 0), J, 1))", "sum(where(M > 0, sqrt(M), 0)[arange(n), 0])",
    "sum(where(m <= 0, 0.5, X @ w)[P]**2)", "sum(where(m > 0, sqrt(v), 0) @ z)",
    "sum(where(m[:-1] > 0, sqrt(v)[:-1], 0) @ m[::2])", "sum(where(m[:, None] > 0, stack([v, log(v)], 1), 0) @ A)",
    "h = exp(X); g = concatenate([h, h], 1)[:, d:]; sum(where(m[:, None] > 0, g, 0) @ A)",
    "h = w[1:] - w[:-1]; sum(where(m[:, None] > 0, X[:, 1:] * h, 0)**2)",
)  # fmt: skip
"""Masks before a gather, after a sum, and where two sizes are equal by a check only."""


@pytest.mark.parametrize("engine", ["interpreter", "plain", "native"])
@pytest.mark.parametrize("text", BETWEEN)
def test_what_lies_between_does_not_matter(text, engine):
    values = {
        "M": [[0, 0], [1, 0], [1, 1]], "X": [[np.nan, np.nan], [0.3, 0.5], [0.4, 0.8]], "w": [0.2, 0.5], "m": [0, 1, 1],
        "A": [[1, 2], [3, 4]], "x": [0, 1, 4], "v": [0, 1, 4], "z": [1, 1, 1],
    }  # fmt: skip
    values = {name: np.array(value, float) for name, value in values.items()}
    values |= {"i": np.array([0, 1, 2]), "P": np.array([0, 2, 1]), "J": np.array([[0, 1]] * 3)}
    declared = "M: f64[n, d]; X: f64[n, d]; w: f64[d]; m: f64[n]; A: f64[d, d]; x: f64[q]; i: i64[p]; v: f64[n]; "
    f = gradc.compile(f"{declared}z: f64[r]; P: i64[n]; J: i64[n, d]; {text}", engine=engine)
    args = [values[name] for name in f.inputs]
    along = tuple(np.ones(np.shape(values[name])) for name in f.wrt)
    with np.errstate(all="ignore"):
        for name, *found in zip(f.wrt, f.grad(*args), f.vjp(2.0, *args), f.hvp(along, *args), strict=True):
            assert all(np.all(np.isfinite(part)) for part in found), name


PARTS = (
    ("h = sqrt(x); sum(h[1:]) + sum(h[1:]**2)", "one slice, twice"),
    ("h = sqrt(x); sum(h[1:]) + sum(h[2:]**2)", "two slices"),
    ("h = sqrt(x); sum(h[:0:-1]) + sum(h[1::2]**2)", "backwards, and every other one"),
    ("h = sqrt(x); sum(h[i]) + sum(h[1:]**2)", "a gather and a slice"),
    ("h = sqrt(x); sum(h[i]**3) + sum(h[i + 1])", "two gathers"),
    ("h = log(x); sum(h[i] * h[1:])", "a gather beside a slice"),
    ("h = sqrt(x); sum(reshape(h[1:], (2, 2))**2) + sum(h[1:3])", "reshaped, and a slice"),
    ("h = sqrt(x); g = h[1:]; sum(g[1:]) + sum(g[::-1]**2)", "slices of slices"),
)


@pytest.mark.parametrize("engine", ["interpreter", "plain", "native"])
@pytest.mark.parametrize(("text", "what"), PARTS)
def test_elements_that_no_slice_takes_are_absent(text, what, engine):
    """x[0] is 0, where the root has no derivative, and nothing reads it."""
    f = gradc.compile(f"x: f64[n]; i: i64[k]; {text}", engine=engine)
    values = {"x": np.array([0.0, 1.0, 2.0, 0.5, 1.5]), "i": np.array([1, 2, 2, 3])}
    others = values | {"x": np.array([3.0, *values["x"][1:]])}
    args, ordinary = ([given[name] for name in f.inputs] for given in (values, others))
    for derived, first in (("grad", ()), ("vjp", (1.5,)), ("hvp", (np.ones(5),))):
        with np.errstate(all="ignore"):
            (found,), (wanted,) = (getattr(f, derived)(*first, *given) for given in (args, ordinary))
        assert found[0] == 0, what
        np.testing.assert_allclose(found, wanted, rtol=1e-13)


@pytest.mark.parametrize(
    "text",
    [
        "where(s > 0, dot(sqrt(x), x), s)",
        "h = sqrt(x); sum(h[1:]) + sum(h[2:]**2)",
        "h = log(x); sum(h[1:]) * s + sum(h[i]**2)",
    ],
)
def test_a_trace_shows_no_product_where_nothing_arrives(text):
    values = {"s": -1.0, "x": np.array([0.0, 1.0, 2.0]), "i": np.array([1, 2])}
    trace = gradc.trace(text, **{name: values[name] for name in gradc.compile(text).inputs})
    for gate in trace:
        for argument in gate.arguments:
            assert argument.product is None or np.all(np.isfinite(argument.product)), gate.text
    assert np.all(np.isfinite(trace.grads["x"]))
