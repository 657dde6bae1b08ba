"""Python functions that return several values: a named tuple of results, with derivatives of the first one."""

from collections import namedtuple

import numpy as np
import pytest

import gradc

X = np.array([0.5, 2.0])
Fit = namedtuple("Fit", "loss residual")


@gradc.function
def plain(x, a):
    return np.sum(a * x**2), x - a


@gradc.function
def named(params, x):
    residual = params["w"] * x - 1
    return Fit(np.sum(residual**2), residual)


@gradc.function
def spectrum(A):
    return np.linalg.eigh(A)


@gradc.function
def alone(x):
    return (x**2,)


@gradc.function
def caller(x):
    total, moved = plain(x, 3.0)
    return total * np.sum(moved)


def test_values_and_gradients():
    values, grads = plain.value_and_grad(X, 3.0)
    assert values._fields == ("value0", "value1") and values.value0 == plain(X, 3.0)[0] == 12.75
    np.testing.assert_array_equal(values.value1, X - 3)
    np.testing.assert_array_equal(grads.x, 6 * X)
    assert alone(3.0)._fields == ("value0",)


def test_named_tuples_keep_their_names():
    values, grads = named.value_and_grad({"w": np.ones(2)}, X)
    assert values._fields == ("loss", "residual") and values.loss == pytest.approx(1.25)
    np.testing.assert_allclose(grads.params["w"], 2 * (X - 1) * X)
    assert spectrum(np.eye(2))._fields == ("eigenvalues", "eigenvectors")


def test_functions_that_call_them_get_a_tuple():
    assert caller(X) == pytest.approx(12.75 * (2.5 - 6))


def test_numba_code_takes_one_value():
    with pytest.raises(gradc.Error, match="the function returns several values"):
        _ = plain.kernel.value(X, 3.0)
