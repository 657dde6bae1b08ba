"""Products of stacks of matrices: axes side by side count as one, shared ones are a batch; on every engine."""

import numpy as np
import pytest

import gradc
from gradc.ir.graph import topological
from gradc.runtime import kernel
from tests.emit import plain

SIZES = dict(zip("abcdef", (2, 3, 4, 5, 6, 2)))
PRODUCTS = (
    # axes that count as one
    "abe,ef->abf", "abe,fe->abf", "abe,ef->fab", "eab,ef->abf", "eab,fe->fab", "abce,ef->abcf", "abcd,cdef->abef",
    "abcd,efcd->efab", "cdab,efcd->abef", "abcd,cdef->efab", "abc,dac->dab", "abc,abd->cd", "abc,abde->cde",
    # a batch
    "abc,adc->abd", "abc,acd->abd", "bac,acd->abd", "abc,abd->acd", "cab,dab->acd", "abc,dac->dba", "abcd,abed->abce",
    # both
    "abcd,afcd->abf", "bcad,ecad->abce", "abcd,eacd->abe", "bacd,aecd->acbe", "abcd,eabd->ceab",
)  # fmt: skip
NOT_PRODUCTS = ("abcd,dcef->abef", "abc,bad->cd", "abe,eab->e", "abc,abc->ab", "abc,ac->ab")


@pytest.fixture(autouse=True)
def other_engines(monkeypatch):
    monkeypatch.setitem(kernel.ENGINES, "plain", plain.engine)
    monkeypatch.setitem(kernel.ENGINES, "loops", kernel.looped)


def program(subscripts: str, dtype: str = "f64") -> str:
    x, y = subscripts.partition("->")[0].split(",")
    return f'X: {dtype}[{", ".join(x)}]; Y: {dtype}[{", ".join(y)}]; sum(tanh(einsum("{subscripts}", X, Y)))'


def arguments(subscripts: str, sizes=SIZES) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=[sizes[k] for k in side]) for side in subscripts.partition("->")[0].split(",")]


@pytest.mark.parametrize("subscripts", PRODUCTS + NOT_PRODUCTS)
def test_value_and_gradients(subscripts):
    x, y = arguments(subscripts)
    exact, bars = gradc.compile(program(subscripts), engine="interpreter").value_and_grad(x, y)
    assert exact == pytest.approx(np.sum(np.tanh(np.einsum(subscripts, x, y))), rel=1e-12)
    for engine in ("native", "plain", "loops"):
        value, grads = gradc.compile(program(subscripts), engine=engine).value_and_grad(x, y)
        assert value == pytest.approx(exact, rel=1e-12)
        for got, expected in zip(grads, bars):
            np.testing.assert_allclose(got, expected, 1e-11, 1e-13)


@pytest.mark.parametrize("subscripts", PRODUCTS)
def test_all_of_them_are_products_of_matrices(subscripts):
    lowered = gradc.compile(program(subscripts)).stages.lowered
    assert sum(node.op == "contract" for node in topological(lowered.results)) == 3


def test_tiny_matrices_stay_in_loops():
    f = gradc.compile("A: f64[n, 3, 3]; B: f64[n, 3, 3]; sum((A @ B)**2)")
    assert not any(node.op == "contract" for node in topological(f.stages.lowered.results))


@pytest.mark.parametrize("engine", ["native", "plain", "loops"])
@pytest.mark.parametrize("subscripts", ["abe,ef->abf", "abc,acd->abd", "bac,acd->abd"])
def test_absent_elements_contribute_nothing(subscripts, engine):
    """`log` is NaN, and its slope too, wherever `where` has left an element out."""
    x, y = arguments(subscripts)
    text = program(subscripts).replace(", X, Y", ", where(X > 0, log(X), 0), Y")
    value, grads = gradc.compile(text, engine=engine).value_and_grad(x, y)
    with np.errstate(invalid="ignore"):
        inner = np.where(x > 0, np.log(x), 0)
    assert value == pytest.approx(np.sum(np.tanh(np.einsum(subscripts, inner, y))), rel=1e-12)
    assert np.all(np.isfinite(grads.X)) and np.all(grads.X[x <= 0] == 0)


@pytest.mark.parametrize("subscripts", ["abe,ef->abf", "abc,acd->abd", "bacd,aecd->acbe"])
@pytest.mark.parametrize("empty", "abcdef")
def test_without_elements(subscripts, empty):
    x, y = arguments(subscripts, SIZES | {empty: 0})
    value, grads = gradc.compile(program(subscripts)).value_and_grad(x, y)
    assert value == pytest.approx(np.sum(np.tanh(np.einsum(subscripts, x, y))))
    assert [bar.shape for bar in grads] == [x.shape, y.shape]


def test_float32():
    x, y = (array.astype(np.float32) for array in arguments("bacd,aecd->acbe"))
    value, grads = gradc.compile(program("bacd,aecd->acbe", "f32")).value_and_grad(x, y)
    assert value == pytest.approx(np.sum(np.tanh(np.einsum("bacd,aecd->acbe", x, y))), rel=1e-5)
    assert grads.X.dtype == grads.Y.dtype == np.float32
