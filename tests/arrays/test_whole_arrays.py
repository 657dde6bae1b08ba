"""`reshape`, `cumsum`, `diag`, `trace`: values against NumPy, gradients against differences, emitted Python."""

import numpy as np
import pytest

import gradc
from gradc.runtime.arguments import prepare

PROGRAMS = {
    "sum(sin(reshape(x * 2, (2, -1))) @ w)": ((3, 4), lambda x, w: np.sum(np.sin((x * 2).reshape(2, -1)) @ w)),
    "reshape(x, 12) * w[0]": ((3, 4), lambda x, w: x.reshape(12) * w[0]),
    "sum(reshape(x, -1)[1:] ** 2) * w[0]": ((3, 4), lambda x, w: np.sum(x.reshape(-1)[1:] ** 2) * w[0]),
    "cumsum(w) * sum(x)": ((3, 4), lambda x, w: np.cumsum(w) * np.sum(x)),
    "sin(cumsum(x, axis=1)) * w[1]": ((3, 4), lambda x, w: np.sin(np.cumsum(x, axis=1)) * w[1]),
    "sin(cumsum(x**2, axis=0)) * w[1]": ((3, 4), lambda x, w: np.sin(np.cumsum(x**2, axis=0)) * w[1]),
    "trace(x @ x) + sum(diag(x)**2) * w[0]": ((3, 3), lambda x, w: np.trace(x @ x) + np.sum(np.diag(x) ** 2) * w[0]),
    "diag(w) @ w * x[0, 0]": ((3, 3), lambda x, w: np.diag(w) @ w * x[0, 0]),
}


@pytest.mark.parametrize("text", PROGRAMS)
def test_value_gradient_and_emitted_python(text):
    shape, reference = PROGRAMS[text]
    rng = np.random.default_rng(1)
    x, w = rng.standard_normal(shape), rng.standard_normal(6)
    f = gradc.compile(f"x: f64[{', '.join(map(str, shape))}]; w: f64[6]; {text}", engine="interpreter")
    value, grads = f.value_and_grad(x=x, w=w)
    np.testing.assert_allclose(value, reference(x, w), rtol=1e-12, atol=1e-12)
    dx, dw, step = rng.standard_normal(shape), rng.standard_normal(6), 1e-5
    above, below = reference(x + step * dx, w + step * dw), reference(x - step * dx, w - step * dw)
    difference = (np.sum(above) - np.sum(below)) / 2e-5
    np.testing.assert_allclose(np.sum(grads.x * dx) + np.sum(grads.w * dw), difference, rtol=1e-6, atol=1e-6)
    prepared = prepare(f.program.signature, [x, w])
    emitted = f.stages_for(prepared.types).python.replace("from numba import njit", "njit = lambda **_: lambda f: f")
    namespace: dict = {}
    exec(emitted, namespace)
    again, bars = namespace["value_and_grad"](x, w)
    np.testing.assert_allclose(again, value, rtol=1e-12, atol=1e-12)
    for bar, grad in zip(bars, grads):
        np.testing.assert_allclose(bar, grad, rtol=1e-11, atol=1e-12)


def test_reshaped_result_is_a_copy():
    x = np.arange(6.0)
    y = gradc.compile("reshape(x, (2, 3))", engine="interpreter")(x)
    y[0, 0] = 7.0
    assert x[0] == 0.0


@pytest.mark.parametrize(
    "text, message",
    [
        ("x: f64[3, 4]; reshape(x, (5, 2))", "cannot be reshaped"),
        ("reshape(x, (5, -1))", "cannot be reshaped"),
        ("reshape(x, (-1, -1))", "only one size"),
        ("cumsum(x)", "needs `axis`"),
        ("x: f64[3, 4]; trace(x)", "sizes 3 and 4 are incompatible"),
        ("trace(x[0])", "takes a matrix"),
    ],
)
def test_what_does_not_fit_is_said(text, message):
    with pytest.raises(gradc.Error, match=message):
        gradc.compile(text, engine="interpreter")(np.ones((3, 4)))
