"""Products of matrices: any sides, any strides, in blocks of any size."""

import numpy as np
import pytest

from gradc.native import support
from gradc.native.target import is_possible
from tests.native.kernels import kernel

pytestmark = pytest.mark.skipif(not is_possible(), reason="LLVM does not know this machine")

SIDES = [
    (1, 1, 1),
    (5, 7, 9),
    (40, 30, 50),
    (100, 3, 200),
    (3, 100, 200),
    (200, 90, 3),
    (14, 21, 30),
    (9, 17, 600),
    (2, 4, 257),
    (13, 5, 512),
    (1, 1, 3000),
    (0, 3, 4),
    (4, 3, 0),
]
LAYOUTS = {
    "a @ b": lambda a, b: (a, b),
    "transpose(a) @ b": lambda a, b: (a.T.copy(), b),
    "a @ transpose(b)": lambda a, b: (a, b.T.copy()),
    "a[::2] @ b[:, ::2]": lambda a, b: (np.repeat(a, 2, 0), np.repeat(b, 2, 1)),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize(
    ("block", "side", "large"),
    [
        (support.BLOCK, support.SIDE, support.LARGE_PRODUCT),
        (support.BLOCK, support.SIDE, 5000),
        (1, 1, 0),
        (100, 4, 5000),
        (5000, 8, support.LARGE_PRODUCT),
        (20_000, 1, 5000),
    ],
)
def test_blocks(layout, dtype, block, side, large, monkeypatch, ran_cases):
    """`(1, 1)` is a block for each multiplication."""
    monkeypatch.setattr(support, "LARGE_PRODUCT", large)
    monkeypatch.setattr(support, "BLOCK", block)
    monkeypatch.setattr(support, "SIDE", side)
    random = np.random.default_rng(0)
    sample = np.ones((3, 3), dtype.replace("f64", "f8").replace("f32", "f4"))
    made = kernel(f"a: {dtype}[m, p]; b: {dtype}[q, n]; {layout}", 4, sample, sample, transform="value")
    sides = [size for size in SIDES if block > 1 or np.prod(size) < 10_000]
    ran_cases(len(sides))
    for rows, columns, inner in sides:
        a = random.normal(size=(rows, inner)).astype(sample.dtype)
        b = random.normal(size=(inner, columns)).astype(sample.dtype)
        (product,) = made(LAYOUTS[layout](a, b), {})
        bound = 4 * inner * np.finfo(sample.dtype).eps * (np.abs(a) @ np.abs(b)).max(initial=0)
        np.testing.assert_allclose(product, a @ b, rtol=0, atol=bound, err_msg=f"{rows} x {inner} x {columns}")
