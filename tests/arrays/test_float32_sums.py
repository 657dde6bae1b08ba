"""Sums of float32 add up in float64, along whichever axis they go."""

import numpy as np
import pytest

import gradc

PROGRAMS = (
    ("x: f32[n, m]; sum(x, axis=0)", lambda x: x.sum(axis=0)),
    ("x: f32[n, m]; sum(x, axis=1)", lambda x: x.sum(axis=1)),
    ("x: f32[n, m]; sum(x)", lambda x: x.sum()),
    ("x: f32[n, m]; mean(x, axis=0)", lambda x: x.mean(axis=0)),
    ("x: f32[n, m]; cumsum(x, axis=0)[-1]", lambda x: x.sum(axis=0)),
    ("x: f32[n, m]; sum(x.T, axis=1)", lambda x: x.sum(axis=0)),
    ("x: f32[n, m]; sum(x[:60], axis=0)", lambda x: x[:60].sum(axis=0)),
    ("x: f32[n, m]; sum(sum(x, axis=0))", lambda x: x.sum()),
    ("x: f32[n, m]; sum(x + 0 * sum(x), axis=0)", lambda x: x.sum(axis=0)),
)


@pytest.mark.parametrize(("text", "wide"), PROGRAMS)
def test_sums(text, wide, engine):
    """What cancels leaves the small terms, of which float32 alone would keep none."""
    x = np.tile(np.array([[1e8], [1.0], [-1e8]], np.float32), (100, 5))
    f = gradc.compile(text, engine=engine)
    result = f(x)
    assert np.asarray(result).dtype == np.float32
    np.testing.assert_allclose(result, wide(x.astype(np.float64)), rtol=1e-6)


def test_many_rows(engine):
    x = np.full((300_000, 2), 0.1, np.float32)
    x[0] = 1e6
    result = gradc.compile("x: f32[n, m]; sum(x, axis=0)", engine=engine)(x)
    np.testing.assert_allclose(result, x.astype(np.float64).sum(axis=0), rtol=1e-7)


def test_gradients_that_are_sums(engine):
    """The gradient of a vector that is repeated over the rows is a sum over them."""
    x = np.tile(np.array([[1e8], [1.0], [-1e8]], np.float32), (100, 5))
    f = gradc.compile("x: f32[n, m]; w: f32[m]; sum(x * w)", wrt="w", engine=engine)
    (bar,) = f.grad(x, np.ones(5, np.float32))
    assert bar.dtype == np.float32
    np.testing.assert_allclose(bar, x.astype(np.float64).sum(axis=0), rtol=1e-6)
