"""Random programs through every engine: reverse against forward mode, and both against differences of NumPy values."""

import numpy as np
import numpy_walker as walker
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from writer import programs

import gradc

STEP = 1e-4


def drawn(function, seed, size):
    """Inputs in general position: far from kinks but with probability zero."""
    rng = np.random.default_rng(seed)
    wide = {name: rng.uniform(-2, 2, size) if name in "xy" else rng.uniform(-2, 2) for name in ("a", "b", "x", "y")}
    return {name: wide[name] for name in function.inputs}


def differences(program, inputs, tangents):
    """The derivative of the program along the tangents, and how far it can be trusted."""

    def along(step):
        moved = {name: value + step * tangents[name] for name, value in inputs.items()}
        return np.asarray(walker.evaluate(program, **moved))

    coarse, fine = ((8 * (along(h) - along(-h)) - (along(2 * h) - along(-2 * h))) / (12 * h) for h in (STEP, STEP / 2))
    return fine, np.abs(fine - coarse)


def agree(found, expected, slack=0.0, rtol=1e-9):
    scale = 1 + np.max(np.abs(expected), initial=0)
    np.testing.assert_array_less(np.abs(np.asarray(found) - expected), rtol * scale + 20 * slack)


def check(program, seed, size, engine):
    function = gradc.compile(program, engine=engine)
    inputs = drawn(function, seed, size)
    rng = np.random.default_rng(seed + 1)
    tangents, others = ({name: rng.normal(size=np.shape(inputs[name])) for name in inputs} for _ in range(2))
    value = function(**inputs)
    expected = walker.evaluate(program, **inputs)
    assert np.shape(value) == np.shape(expected)
    agree(value, expected)

    value2, grads = function.value_and_grad(**inputs)
    np.testing.assert_array_equal(value2, value)
    pushed = function.jvp(tangents, **inputs)
    slope, slack = differences(program, inputs, tangents)
    agree(pushed, slope, slack, rtol=1e-6)

    upstream = rng.normal(size=np.shape(value))
    pulled = function.vjp(upstream, **inputs)
    dot = sum(np.sum(pulled[name] * tangents[name]) for name in inputs)
    agree(dot, np.sum(upstream * pushed), rtol=1e-10 * (1 + np.abs(np.sum(np.abs(pushed)))))
    total = sum(np.sum(grads[name] * tangents[name]) for name in inputs)
    agree(total, np.sum(pushed), rtol=1e-10 * (1 + np.abs(np.sum(np.abs(pushed)))))

    if inputs:
        products, other = (function.hvp(direction, **inputs) for direction in (tangents, others))
        left = sum(np.sum(products[name] * others[name]) for name in inputs)
        right = sum(np.sum(other[name] * tangents[name]) for name in inputs)
        size_of = sum(np.sum(np.abs(products[name] * others[name])) for name in inputs)
        agree(left, right, rtol=1e-10 * (1 + size_of))
        check_curvature(function, inputs, tangents, products)


def check_curvature(function, inputs, tangents, products):
    def along(step):
        return function.grad(**{name: value + step * tangents[name] for name, value in inputs.items()})

    near, far, closer = (
        [(p - m) / (2 * h) for p, m in zip(along(h), along(-h), strict=True)] for h in (STEP, 2 * STEP, STEP / 2)
    )
    for name, n, f, c in zip(function.wrt, near, far, closer, strict=True):
        agree(products[name], (4 * n - f) / 3, np.abs((4 * c - n) / 3 - (4 * n - f) / 3), rtol=1e-5)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs(), st.integers(0, 2**32 - 1), st.sampled_from((1, 2, 3, 5)))
def test_the_interpreter_differentiates_random_programs(program, seed, size):
    check(program, seed, size, "interpreter")


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=programs(), seed=st.integers(0, 2**32 - 1), size=st.sampled_from((1, 3, 9)))
def test_native_kernels_agree_with_the_interpreter(program, seed, size):
    compare("native", program, seed, size)


@pytest.mark.compiled
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=programs(), seed=st.integers(0, 2**32 - 1), size=st.sampled_from((1, 3)))
def test_numba_s_kernels_agree_with_the_interpreter(program, seed, size):
    compare("numba", program, seed, size)


def compare(engine, program, seed, size):
    kernel, reference = (gradc.compile(program, engine=name) for name in (engine, "interpreter"))
    inputs = drawn(kernel, seed, size)
    value, grads = kernel.value_and_grad(**inputs)
    expected, bars = reference.value_and_grad(**inputs)
    assert np.shape(value) == np.shape(expected)
    agree(value, expected, rtol=1e-12)
    for name in inputs:
        assert np.shape(grads[name]) == np.shape(inputs[name])
        agree(grads[name], bars[name], rtol=1e-11)
