"""Kernels as C functions for SciPy's integrators."""

import gc

import numpy as np
import pytest
from scipy.integrate import dblquad, nquad, quad

import gradc
from gradc.interop.scipy import integrand

GAUSS = "a * exp(-(x/s)**2)"


def test_numbers_by_args():
    f = integrand(GAUSS, "x", args="s a")
    gc.collect()
    expected = quad(lambda x, s, a: a * np.exp(-((x / s) ** 2)), -3, 2, args=(0.5, 2.0))[0]
    assert quad(f, -3, 2, args=(0.5, 2.0))[0] == pytest.approx(expected, rel=1e-12)
    assert f.signature == "double (int, double *)"


def test_numbers_that_stay():
    f = integrand(gradc.compile(GAUSS), "x", fixed={"a": 2.0, "s": 1.0})
    assert f.signature == "double (double, void *)"
    assert quad(f, -np.inf, np.inf)[0] == pytest.approx(2 * np.sqrt(np.pi), rel=1e-10)


def test_numbers_in_memory():
    p = np.array([2.0, 1.0])
    f = integrand(GAUSS, "x", args="a s", user_data=p)
    found = []
    for p[0] in (1.0, 3.0):
        gc.collect()
        found.append(quad(f, -9, 9)[0] / np.sqrt(np.pi))
    np.testing.assert_allclose(found, [1.0, 3.0], rtol=1e-12)


def test_data():
    """Arrays are read where they are, and kept."""
    f = integrand("sum(w * cos(k * x))", "x", fixed={"w": np.ones(50), "k": np.arange(50.0)})
    gc.collect()
    assert quad(f, 0, np.pi, limit=200)[0] == pytest.approx(np.pi, rel=1e-9)
    bound = integrand(gradc.compile("sum(w) * x").bind(w=[1.0, 2.0]), "x")
    assert quad(bound, 0, 2)[0] == pytest.approx(6.0)


def test_more_variables():
    f = integrand("x**2 * y + c", "y x", args="c")
    assert dblquad(f, 0, 1, 0, 2, args=(3.0,))[0] == pytest.approx(2 / 3 + 6)
    assert nquad(f, [(0, 2), (0, 1)], args=(3.0,))[0] == pytest.approx(2 / 3 + 6)


def test_a_derivative_below_the_integral_sign():
    value, slope = (integrand(GAUSS, "x", args="a s", derivative=name) for name in (None, "s"))
    at = (2.0, 0.7)
    assert quad(slope, -9, 9, args=at)[0] == pytest.approx(quad(value, -9, 9, args=at)[0] / 0.7, rel=1e-9)


def test_no_python_is_called_on_the_way(monkeypatch):
    f = integrand(GAUSS, "x", fixed={"a": 2.0, "s": 1.0})
    monkeypatch.setattr(gradc.runtime.calls.Calls, "run", None)
    assert quad(f, -9, 9)[0] == pytest.approx(2 * np.sqrt(np.pi))


BAD = {
    "no value": lambda: integrand(GAUSS, "x", args="a"),
    "an unknown input": lambda: integrand(GAUSS, "t", args="a s"),
    "twice": lambda: integrand(GAUSS, "x a", args="a s"),
    "no name": lambda: integrand(GAUSS, 3, args="a s"),
    "no variable": lambda: integrand(GAUSS, "", args="a s x"),
    "an array": lambda: integrand(GAUSS, "x", args="a", fixed={"s": [1.0, 2.0]}),
    "no machine code": lambda: integrand(gradc.compile(GAUSS, engine="interpreter"), "x", args="a s"),
    "float32": lambda: integrand("x: f32; x * a", "x", args="a"),
    "a derivative of what is fixed": lambda: integrand(GAUSS, "x", args="a", fixed={"s": 1.0}, derivative="s"),
    "memory of another size": lambda: integrand(GAUSS, "x", args="a s", user_data=np.zeros(3)),
    "memory and two variables": lambda: integrand(GAUSS, "x a", args="s", user_data=np.zeros(1)),
}


def test_messages(golden):
    rendered = []
    for title, call in BAD.items():
        with pytest.raises(gradc.Error) as caught:
            call()
        rendered.append(f"== {title}\n{caught.value}\n")
    golden("messages/integrands.txt", "\n".join(rendered))
