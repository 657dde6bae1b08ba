"""The programs whose Jacobians and Hessians are timed beside other libraries."""

from types import SimpleNamespace

import numpy as np
import pytest

import gradc
from bench.jacobians import cases, numbers_of, of_gradc, shown

NUMPY = SimpleNamespace(
    exp=np.exp, sin=np.sin, tanh=np.tanh, sum=np.sum, mean=np.mean, softplus=lambda x: np.logaddexp(0, x)
)


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.name)
def test_the_text_says_what_the_function_does(case):
    f = gradc.compile(case.text, inputs=list(case.values), wrt=case.wrt)
    values = case.values.values()
    np.testing.assert_allclose(f(*values), case.function(NUMPY, *values), rtol=1e-12, atol=1e-12)


def test_answers_are_compared_number_by_number():
    """In any order of blocks."""
    (case,) = [case for case in cases() if "neuron" in case.name]
    found = of_gradc(case)()
    assert numbers_of(found).size == 25
    assert np.array_equal(numbers_of(found), numbers_of([[*row][::-1] for row in found]))


def test_times_have_two_digits_or_more():
    assert [shown(x) for x in (None, 12.3, 4_560, 78_900, 9.96e6)] == ["", "12 ns", "4.6 us", "79 us", "10.0 ms"]
