"""Sums are added in the order that docs/numerics.md describes, and are as exact as it says."""

import math
from fractions import Fraction

import numpy as np
import pytest

import gradc
from gradc.native.target import is_possible
from gradc.schedule.expand import BLOCK
from tests.native.kernels import WIDTHS, kernel

LANES = 32
UNIT = 2.0**-53
SIZES = (*range(70), 127, 128, 129, 255, 256, 257, 1_000, 5_000)


def in_order(terms: np.ndarray, count: int = LANES) -> float:
    """Blocks of 128 terms, whose totals are added with their rounding errors (D. Knuth, The Art of Computer Programming
    2, 4.2.2)."""
    total = error = 0.0
    for start in range(0, terms.size, BLOCK):
        block = in_lanes(terms[start : start + BLOCK], count)
        next = total + block
        added = next - total
        error += (total - (next - added)) + (block - added)
        total = next
    return total + error


def in_lanes(terms: np.ndarray, count: int) -> float:
    """Lane k adds the terms k, k + 32, ..., and lanes are added in a tree; of up to 16 terms the first eight and the
    others, one after the other."""
    if count > 1 and terms.size <= 16:
        return in_lanes(terms[:8], 1) + in_lanes(terms[8:], 1)
    lanes = np.zeros(count)
    for first in range(0, terms.size, count):
        some = terms[first : first + count]
        lanes[: some.size] += some
    while lanes.size > 1:
        lanes = lanes[: lanes.size // 2] + lanes[lanes.size // 2 :]
    return float(lanes[0])


@pytest.mark.skipif(not is_possible(), reason="LLVM does not know this machine")
@pytest.mark.parametrize("size", SIZES)
def test_the_documented_order(size):
    terms = np.random.default_rng(size).normal(size=size) * 10.0 ** np.random.default_rng(1).integers(-9, 9, size)
    assert gradc.compile("sum(x)")(terms) == in_order(terms)
    rows = np.stack([terms, terms[::-1]])
    assert gradc.compile("X: f64[n, d]; sum(X, axis=1)")(rows).tolist() == [in_order(row) for row in rows]
    columns = np.ascontiguousarray(rows.T)
    assert gradc.compile("X: f64[n, d]; sum(X, axis=0)")(columns).tolist() == [in_order(row, 1) for row in rows]


@pytest.mark.skipif(not is_possible(), reason="LLVM does not know this machine")
@pytest.mark.parametrize("doubles", WIDTHS)
def test_at_every_width(doubles):
    made = kernel("sum(x)", doubles, np.ones(3), transform="value")
    for size in (0, 1, 5, 16, 17, 31, 33, 127, 129, 1_001):
        terms = np.random.default_rng(size).normal(size=size)
        (found,) = made([terms], {})
        assert found == in_order(terms), size


@pytest.mark.skipif(not is_possible(), reason="LLVM does not know this machine")
@pytest.mark.parametrize("doubles", WIDTHS)
def test_short_rows_side_by_side(doubles):
    """Rows that take the lanes have the sums of rows that do not."""
    made = kernel("X: f64[n, d]; sum(X * X, axis=1)", doubles, np.ones((3, 3)), transform="value")
    for size in (1, 2, 3, 5, 8, 9, 16, 17):
        rows = np.random.default_rng(size).normal(size=(19, size))
        (found,) = made([rows], {})
        assert found.tolist() == [in_order(row * row) for row in rows], size


def bound(terms: np.ndarray, plain: int) -> float:
    """How far a sum may be from the exact one, where at most so many additions of a block come one after the other."""
    exact, absolute = math.fsum(terms), math.fsum(abs(terms))
    return UNIT * abs(exact) + (plain + 1) * UNIT * absolute


@pytest.mark.parametrize("engine, plain", [("native", 8), pytest.param("numba", 127, marks=pytest.mark.compiled)])
@pytest.mark.parametrize("size", [100, 1_000, 100_000])
def test_the_documented_bound(size, engine, plain):
    draw = np.random.default_rng(size)
    terms = draw.normal(size=size) * 2.0 ** draw.integers(-30, 30, size)
    terms[size // 2 :] = -terms[: size // 2] * (1 + draw.normal(size=size // 2) * 1e-12)
    found = gradc.compile("sum(x)", engine=engine)(terms)
    assert abs(Fraction(found) - sum(map(Fraction, terms))) <= bound(terms, plain)
