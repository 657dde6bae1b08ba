"""Objectives written for autograd run unchanged, and autograd agrees with their values and gradients."""

import autograd
import numpy as np
import objectives
import pytest

import gradc


def leaves(value):
    if isinstance(value, dict):
        return [leaf for part in value.values() for leaf in leaves(part)]
    if isinstance(value, (list, tuple)):
        return [leaf for part in value for leaf in leaves(part)]
    return [np.asarray(value)]


@pytest.mark.parametrize("objective", objectives.POINTS, ids=lambda objective: objective.__name__)
def test_autograd_agrees(objective):
    point = objectives.POINTS[objective]
    expected, expected_grad = autograd.value_and_grad(objective)(*point)
    f = gradc.compile(objective, wrt=[objective.__code__.co_varnames[0]], engine="interpreter")
    value, (grad,) = f.value_and_grad(*point)
    assert value == pytest.approx(expected, rel=1e-10)
    ours, theirs = leaves(grad), leaves(expected_grad)
    assert len(ours) == len(theirs) and type(grad) is type(point[0])
    for one, other in zip(ours, theirs):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", ["neural_net", "gaussian_mixture", "kalman_filter", "stochastic_neighbours"])
def test_native_kernels_agree(name):
    objective = getattr(objectives, name)
    point = objectives.POINTS[objective]
    f, g = (gradc.compile(objective, engine=engine) for engine in ("native", "interpreter"))
    for one, other in zip(leaves(list(f.grad(*point))), leaves(list(g.grad(*point)))):
        np.testing.assert_allclose(one.astype(float), other.astype(float), rtol=1e-8, atol=1e-10)
