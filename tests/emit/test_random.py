"""Random programs: the emitted Python against the interpreter, as it is and compiled, and the native engine."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest
from plain import engine
from random_programs import Example, random_examples

import gradc
from gradc.runtime.kernel import ENGINES

REFUSED = ("G0204", "G0603")
"""An extreme of nothing: where a random program meets an empty array, it may be refused."""


@pytest.fixture(autouse=True, scope="module")
def plain_engine():
    ENGINES["plain"] = engine
    yield
    del ENGINES["plain"]


def value_and_grad(example: Example, engine: str) -> list[np.ndarray]:
    f = gradc.compile(example.text, engine=engine)
    value, grads = f.value_and_grad(*example.values(f.inputs))
    return [value, *grads]


def hessian_times_ones(example: Example, engine: str) -> list[np.ndarray]:
    f = gradc.compile(example.text, engine=engine)
    values = example.values(f.inputs)
    return list(f.hvp([np.ones(np.shape(value)) for value in values], *values))


def check(
    examples: Iterable[Example], engine: str, compute: Callable = value_and_grad,
    rtol: float = 1e-9, atol: float = 1e-11,
) -> int:  # fmt: skip
    """Each example gives the same with an engine as with the interpreter; else the shortest one is reported.
    Returns how many were compared."""
    failures, done, refused = [], 0, 0
    for example in examples:
        try:
            expected = compute(example, "interpreter")
        except gradc.Error as error:
            assert error.code in REFUSED, example
            refused += 1
            continue
        try:
            for actual, wanted in zip(compute(example, engine), expected, strict=True):
                np.testing.assert_allclose(actual, wanted, rtol=rtol, atol=atol, equal_nan=True, strict=True)
        except Exception as error:
            failures.append(f"{example}\n{type(error).__name__}: {error}")
        done += 1
    assert not failures, f"{len(failures)} of {done}, for instance\n{min(failures, key=len)}"
    assert done > 9 * refused
    return done


def test_value_and_gradients(ran_cases):
    ran_cases(check(random_examples(1, 600), "plain"))


def test_hessian_times_vector(ran_cases):
    ran_cases(check(random_examples(2, 100), "plain", hessian_times_ones, 1e-8, 1e-9))


def test_special_values(ran_cases):
    ran_cases(check(random_examples(3, 400, special=True), "plain"))


def test_float32(ran_cases):
    """The result of every program over float32 arrays is float32; scalars of the compiler's own are no wider."""
    narrow = (example.astype(np.float32) for example in random_examples(4, 200))
    ran_cases(check(narrow, "plain", rtol=2e-3, atol=1e-3))


def test_native(ran_cases):
    ran_cases(check(random_examples(5, 30), "native"))


def test_hessian_times_vector_native(ran_cases):
    ran_cases(check(random_examples(1, 12), "native", hessian_times_ones, 1e-8, 1e-9))


def test_special_values_native(ran_cases):
    ran_cases(check(random_examples(6, 25, special=True), "native"))


def test_float32_native(ran_cases):
    narrow = (example.astype(np.float32) for example in random_examples(7, 20))
    ran_cases(check(narrow, "native", rtol=2e-3, atol=1e-3))


@pytest.mark.compiled
def test_compiled(ran_cases):
    ran_cases(check(random_examples(5, 3), "numba"))
    ran_cases(check(random_examples(6, 2, special=True), "numba"))
    narrow = (example.astype(np.float32) for example in random_examples(7, 2))
    ran_cases(check(narrow, "numba", rtol=2e-3, atol=1e-3))
