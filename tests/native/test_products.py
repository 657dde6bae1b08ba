"""Products of matrices: any sides, any strides, in blocks of any size."""

import subprocess
import sys

import numpy as np
import pytest

from gradc.native import engine, library
from gradc.native.target import is_possible
from tests.native.kernels import kernel, using_threads

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
    "parts",
    [
        {},
        {"PARTED_PRODUCT": 0, "ROWS": 2, "LEAST": 1, "WIDTH": 5, "THIN": 50, "TERMS": 7},
        {"PARTED_PRODUCT": 1000, "ROWS": 6, "LEAST": 6, "WIDTH": 16, "TERMS": 100},
        {"PARTED_PRODUCT": 0, "WIDTH": 1, "THIN": 1, "TERMS": 300},
    ],
    ids=["usual", "tiny parts", "small parts", "columns"],
)
def test_parts(layout, dtype, parts, monkeypatch, request, ran_cases):
    """Whatever the size of the parts, and whoever makes them."""
    for name, value in parts.items():
        monkeypatch.setattr(library, name, value)
    request.addfinalizer(engine.multiplied.cache_clear)
    engine.multiplied.cache_clear()
    random = np.random.default_rng(0)
    sample = np.ones((3, 3), dtype.replace("f64", "f8").replace("f32", "f4"))
    made = kernel(f"a: {dtype}[m, p]; b: {dtype}[q, n]; {layout}", 4, sample, sample, transform="value")
    ran_cases(2 * len(SIDES))
    for rows, columns, inner in SIDES:
        a = random.normal(size=(rows, inner)).astype(sample.dtype)
        b = random.normal(size=(inner, columns)).astype(sample.dtype)
        with using_threads(1):
            (product,) = made(LAYOUTS[layout](a, b), {})
        with using_threads(3):
            (again,) = made(LAYOUTS[layout](a, b), {})
        np.testing.assert_array_equal(product, again)
        bound = 4 * inner * np.finfo(sample.dtype).eps * (np.abs(a) @ np.abs(b)).max(initial=0)
        np.testing.assert_allclose(product, a @ b, rtol=0, atol=bound, err_msg=f"{rows} x {inner} x {columns}")


ALONE = """
import sys
import subprocess
import sys

import numpy as np
import gradc
from gradc.loops import compiled
f = gradc.compile("a: f64[m, p]; b: f64[q, n]; sum((a @ b)**2)")
print(f(np.ones((3, 4)), np.ones((4, 5))), "scipy.linalg" in sys.modules)
from scipy.linalg import cython_blas, solve
print(compiled._of_linalg("cython_blas") is cython_blas, solve(np.eye(1), np.ones(1))[0])
"""


def test_products_import_no_more_of_scipy_than_they_call():
    shown = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True).stdout
    assert shown == "240.0 False\nTrue 1.0\n"
