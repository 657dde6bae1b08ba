"""What PySR prints: `equations_["equation"]` as text, and `model.sympy()`."""

import numpy as np
import pytest
import sympy

import gradc

X = np.random.default_rng(2).uniform(0.5, 1.5, (20, 4))
EQUATIONS = [
    ("square(x0) + (cos(x3 * 2.5382) - 0.4999)", lambda a, b, c, d: a**2 + np.cos(2.5382 * d) - 0.4999),
    ("inv(x1 + 1.2) * cube(x2)", lambda a, b, c, d: c**3 / (b + 1.2)),
    ("x0 ^ 2.0 - neg(x1) / (x2 - -0.31e-1)", lambda a, b, c, d: a**2 + b / (c + 0.031)),
    ("safe_log(x0) + safe_sqrt(x1) + safe_pow(x2, 1.5)", lambda a, b, c, d: np.log(a) + np.sqrt(b) + c**1.5),
    ("log_abs(x0 - 2.0) * sqrt_abs(x1 - 3.0) + pow_abs(-1.0 * x2, x3)",
     lambda a, b, c, d: np.log(2 - a) * np.sqrt(3 - b) + c**d),
    ("greater(x0, 1.0) * x1 + cond(x2 - 1.0, x3)", lambda a, b, c, d: (a > 1) * b + np.where(c > 1, d, 0)),
    ("max(x0, x1) + min(x2, 0.9) + relu(x3 - 1.0)",
     lambda a, b, c, d: np.maximum(a, b) + np.minimum(c, 0.9) + np.maximum(d - 1, 0)),
    ("clamp(x0, 0.8, 1.2) + fma(x1, x2, x3) + abs(sin(x0))",
     lambda a, b, c, d: np.clip(a, 0.8, 1.2) + b * c + d + np.abs(np.sin(a))),
    ("mult(plus(x0, x1), sub(x2, x3)) + div(x0, exp(x1)) + atanh_clip(x0 / 4.0) + acosh_abs(x1)",
     lambda a, b, c, d: (a + b) * (c - d) + a / np.exp(b) + np.arctanh(a / 4) + np.arccosh(b + 1)),
]  # fmt: skip
MEANINGS = {
    "square": lambda x: x**2, "cube": lambda x: x**3, "inv": lambda x: 1 / x, "neg": lambda x: -x,
    "relu": lambda x: sympy.Piecewise((0.0, x < 0), (x, True)),
    "greater": lambda x, y: sympy.Piecewise((1.0, x > y), (0.0, True)),
    "cond": lambda x, y: sympy.Piecewise((y, x > 0), (0.0, True)),
    "safe_log": sympy.log, "safe_sqrt": sympy.sqrt, "safe_pow": lambda x, y: x**y,
}  # fmt: skip
"""As PySR gives them to `sympify`."""


@pytest.mark.parametrize(("equation", "meaning"), EQUATIONS, ids=[text for text, _ in EQUATIONS])
def test_equations(equation, meaning):
    values = dict(zip(("x0", "x1", "x2", "x3"), X.T))
    f = gradc.compile(equation, engine="interpreter")
    np.testing.assert_allclose(f(**{name: values[name] for name in f.inputs}), meaning(*X.T), rtol=1e-13)


@pytest.mark.parametrize("known", [MEANINGS, {}], ids=["with PySR's meanings", "with none"])
@pytest.mark.parametrize(("equation", "meaning"), EQUATIONS[:6], ids=[text for text, _ in EQUATIONS[:6]])
def test_model_sympy(equation, meaning, known):
    expr = sympy.sympify(equation, locals=known)
    f = gradc.compile(expr, engine="interpreter")
    values = dict(zip(("x0", "x1", "x2", "x3"), X.T))
    values = {name: values[name] for name in f.inputs}
    np.testing.assert_allclose(f(**values), meaning(*X.T), rtol=1e-13)
    assert all(np.all(np.isfinite(bar)) for bar in f.grad(**values))
