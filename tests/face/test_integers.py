"""64-bit integers have NumPy's quotients and remainders, the smallest integer by -1 and anything by 0 among them."""

import itertools

import numpy as np
import pytest

import gradc

SMALLEST = -(2**63)
NUMBERS = (SMALLEST, SMALLEST + 1, -7, -1, 0, 1, 2, 2**32, 2**63 - 1)


@pytest.mark.parametrize("op", ["//", "%"])
def test_numbers(op, engine):
    f = gradc.compile(f"i: i64; j: i64; i {op} j", engine=engine)
    reference = {"//": np.floor_divide, "%": np.mod}[op]
    for i, j in itertools.product(NUMBERS, repeat=2):
        with np.errstate(all="ignore"):
            assert f(i, j) == float(reference(np.int64(i), np.int64(j))), (i, j)


@pytest.mark.parametrize("op", ["//", "%"])
def test_arrays(op, every_engine):
    f = gradc.compile(f"i: i64[n]; j: i64[n]; i {op} j", engine=every_engine)
    i, j = (np.array(part) for part in zip(*itertools.product(NUMBERS, repeat=2)))
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(f(i, j), {"//": np.floor_divide, "%": np.mod}[op](i, j).astype(float))


@pytest.mark.parametrize("divisor", [-1, 0, -3, 4])
def test_by_a_number_of_the_program(divisor, engine):
    for op, reference in (("//", np.floor_divide), ("%", np.mod)):
        f = gradc.compile(f"i: i64[n]; i {op} {divisor}", engine=engine)
        with np.errstate(all="ignore"):
            wanted = reference(np.array(NUMBERS), np.int64(divisor)).astype(float)
        np.testing.assert_array_equal(f(np.array(NUMBERS)), wanted)


def test_an_overflow_on_the_way(every_engine):
    f = gradc.compile("i: i64; j: i64; (i * 2147483648) // j", engine=every_engine)
    assert f(2**32, -1) == float(SMALLEST)


@pytest.mark.parametrize("value", [SMALLEST, 2**63 - 1, np.int64(SMALLEST), -(2.0**63)])
def test_the_largest_and_the_smallest_are_accepted(value, engine):
    assert gradc.compile("i: i64; i // 1", engine=engine)(value) == float(int(value))


@pytest.mark.parametrize("value", [2**63, SMALLEST - 1, 2.0**63, np.uint64(2**63)])
def test_what_is_beyond_is_refused(value):
    with pytest.raises(gradc.Error, match="64 bits"):
        gradc.compile("i: i64; i // 1", engine="interpreter")(value)
