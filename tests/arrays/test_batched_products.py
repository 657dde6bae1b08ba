"""Products of two arrays with axes in any order, and axes of size 1, read by what comes after: native kernels beside
the interpreter, values and gradients."""

import numpy as np
import pytest

import gradc
from gradc.native.target import is_possible

pytestmark = pytest.mark.skipif(not is_possible(), reason="LLVM does not know this machine")

READERS = (
    "sum({}**2)", "sum(tanh({}))", "sum(softmax({}, axis=-1)**2)", "sum(softmax({}, axis=0)**2)",
    "sum(exp({}))*sum({}**2)", "sum(sum({}, axis=0)**2)", "sum({}[..., 0]**2) + sum({})",
)  # fmt: skip
CASES = 60


def agree(text: str, *arrays: np.ndarray, engine: str = "native") -> None:
    value, grads = gradc.compile(text, engine=engine).value_and_grad(*arrays)
    expected, bars = gradc.compile(text, engine="interpreter").value_and_grad(*arrays)
    for one, other in zip((value, *grads), (expected, *bars), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-10)


def drawn(case: int) -> tuple[str, np.ndarray, np.ndarray]:
    """A program and its arrays: two operands that share a batch and a summed axis, each with axes of its own."""
    random = np.random.default_rng(case)

    def shuffled(labels: str) -> str:
        return "".join(random.permutation(list(labels)))

    batch = ("", "b", "bh")[random.integers(3)]
    of_x, of_y = (own + other * int(random.random() < 0.2) for own, other in ("qr", "ks"))
    x, y, result = shuffled(batch + of_x + "d"), shuffled(batch + of_y + "d"), shuffled(batch + of_x + of_y)
    sizes = {label: int(random.choice([1, 2, 3, 5, 8, 17])) for label in "bhqrksd"}
    sizes[str(random.choice(list("bhqkd")))] = int(random.choice([1, 130]))
    product = f'einsum("{x},{y}->{result}", X, Y)'
    declared = "X: f64[{}]; Y: f64[{}]; ".format(*(", ".join("n" + label for label in each) for each in (x, y)))
    is_known = random.random() < 0.5  # the sizes, which are those of the arguments where nothing is declared
    text = ("" if is_known else declared) + READERS[random.integers(len(READERS))].replace("{}", product)
    X, Y = (0.3 * random.normal(size=[sizes[label] for label in each]) for each in (x, y))
    return text, X, Y


@pytest.mark.parametrize("case", range(CASES))
def test_any_order_of_axes(case):
    agree(*drawn(case))


@pytest.mark.parametrize(
    "text, shapes",
    [
        ("sum((X @ Y)**2)", [(1, 8, 4), (1, 4, 8)]),
        ("sum(X @ Y)", [(1, 8, 4), (1, 4, 8)]),
        ("sum(tanh(X @ transpose(Y, (0, 2, 1))))", [(1, 8, 4), (1, 6, 4)]),
        ("sum((softmax(X @ Y.T, axis=-1) @ Y)**2)", [(5, 3), (4, 3)]),
        ("sum(softmax(X @ Y, axis=-1)**2)", [(1, 1, 8, 4), (1, 1, 4, 8)]),
        ('sum(einsum("bqhd,bkhd->bhqk", X, Y)**2)', [(2, 8, 3, 4), (2, 8, 3, 4)]),
        ('sum(einsum("bqhd,bhkd->bhqk", X, Y)**2)', [(2, 8, 1, 4), (2, 1, 8, 4)]),
        ('s = softmax(einsum("bqhd,bkhd->bhqk", X, Y), axis=-1); sum(einsum("bhqk,bkhd->bqhd", s, Y)**2)',
         [(2, 5, 3, 4), (2, 6, 3, 4)]),
        ('s = tanh(einsum("bqd,bkd->bqk", X, Y)); sum(einsum("bqk,bkd->bqd", s, Y)**2)', [(1, 5, 4), (1, 6, 4)]),
    ],
)  # fmt: skip
def test_attention_of_one_and_of_several(text, shapes):
    random = np.random.default_rng(1)
    arrays = [random.normal(size=shape) for shape in shapes]
    agree(text, *arrays)
    agree(text, *arrays, engine="numba")


def test_a_sparse_hessian_of_linear_attention():
    """Three matrices in one, of which the number is known."""
    text = """x: f64[n,b]; u: f64[3,b,h]; v: f64[3,b,h]; w: f64[3,b,k]
              q = einsum("nm,amh->anh", x, u); k = einsum("nm,amh->anh", x, v); z = einsum("nm,amk->ank", x, w)
              sum(tanh(einsum("anm,amk->nk", einsum("anh,amh->anm", q, k), z)))"""
    random = np.random.default_rng(2)
    arrays = [random.normal(size=shape) for shape in ((5, 5), (3, 5, 2), (3, 5, 2), (3, 5, 4))]
    found, expected = (gradc.compile(text, engine=engine).hessian(*arrays, sparse=True).toarray()
                       for engine in ("native", "interpreter"))  # fmt: skip
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
