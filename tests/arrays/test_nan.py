"""NaN in data: what reductions, losses and kinks give for it, and their gradients, in every engine."""

import numpy as np
import pytest

import gradc
from gradc.runtime.kernel import ENGINES
from tests.emit.plain import engine

NAN = np.nan
X = np.array([[1.0, NAN, 2.0], [3.0, 4.0, 5.0]])
Y = np.array([0, 1])


@pytest.fixture(autouse=True, scope="module")
def plain_engine():
    ENGINES["plain"] = engine
    yield
    del ENGINES["plain"]


@pytest.mark.parametrize("name", ["interpreter", "plain"])
@pytest.mark.parametrize(
    "text", ["sum(X, axis=1)", "mean(X, axis=1)", "prod(X, axis=1)", "max(X, axis=1)", "min(X, axis=1)",
    "logsumexp(X, axis=1)",
             "norm(X, axis=1)", "var(X, axis=1)", "std(X, axis=1)"],
)  # fmt: skip
def test_a_reduction_is_nan_along_its_axis_only(text, name):
    value, grads = gradc.compile(text, engine=name).value_and_grad(X)
    assert np.isnan(value).tolist() == [True, False]
    assert np.all(np.isfinite(grads.X[1]))


@pytest.mark.parametrize("name", ["interpreter", "plain"])
@pytest.mark.parametrize(
    "text", ["softmax_cross_entropy(X, y)", "multiclass_hinge(X, y)", "binary_cross_entropy(X, y[:, None])"]
)
def test_a_loss_is_nan_and_other_rows_keep_their_gradients(text, name):
    f = gradc.compile(text, engine=name)
    value, grads = f.value_and_grad(X=X, y=Y)
    assert np.isnan(value)
    whole = f.grad(X=np.where(np.isnan(X), 0.5, X), y=Y)
    np.testing.assert_array_equal(grads.X[1], whole.X[1])


@pytest.mark.parametrize("name", ["interpreter", "plain"])
@pytest.mark.parametrize(
    "text, value, slope",
    [
        ("relu(X)", NAN, 1.0),
        ("max(X, 0)", NAN, 1.0),
        ("min(1, X)", NAN, 1.0),
        ("clip(X, 0, 1)", NAN, 1.0),
        ("leaky_relu(X)", NAN, 0.01),
        ("abs(X)", NAN, NAN),
        ("sigmoid(X)", NAN, NAN),
        ("where(X > 2, X, 0)", 0.0, 0.0),
        ("2 * X + 1", NAN, 2.0),
    ],
)
def test_a_nan_element(text, value, slope, name):
    result, grads = gradc.compile(text, engine=name).value_and_grad(X)
    np.testing.assert_equal(result[0, 1], value)
    np.testing.assert_equal(grads.X[0, 1], slope)
    assert np.all(np.isfinite(grads.X[1]))


@pytest.mark.parametrize("name", ["interpreter", "plain"])
def test_the_first_nan_is_the_position_of_an_extreme(name):
    for pick in ("argmax", "argmin"):
        assert gradc.compile(f"{pick}(X, axis=1)", engine=name)(X)[0] == 1.0
