"""Somebody with formulas in SymPy: the energy of a pendulum, a model with data, what PySR has found, and a library."""

import numpy as np
import sympy as sp
from scipy.optimize import minimize

import gradc

# a physicist: energy and forces
m, g, l, t = sp.symbols("m g l t", positive=True)
theta = sp.Function("theta")(t)
energy = m * l**2 * theta.diff(t) ** 2 / 2 + m * g * l * (1 - sp.cos(theta))
f = gradc.lambdify([theta, theta.diff(t), m, g, l], energy)
angles = np.linspace(-1.0, 1.0, 1001)
force = f.grad(angles, 0.0, 1.0, 9.81, 2.0).theta
assert np.allclose(force, 9.81 * 2.0 * np.sin(angles), rtol=1e-14)

# a fit: parameters in one vector, data in arrays
a, b, c = sp.symbols("a b c")
i, n = sp.symbols("i n", integer=True)
X, Y = sp.IndexedBase("X"), sp.IndexedBase("Y")
loss = gradc.lambdify([(a, b, c), X, Y], sp.Sum((Y[i] - a * sp.exp(-b * X[i]) - c) ** 2, (i, 0, n - 1)))
x = np.linspace(0.0, 4.0, 500)
y = 2.5 * np.exp(-1.3 * x) + 0.5


def objective(p):
    value, grads = loss.value_and_grad(p, x, y)
    return value, grads[0]


assert np.allclose(minimize(objective, [1.0, 1.0, 0.0], jac=True, tol=1e-12).x, [2.5, 1.3, 0.5], atol=1e-5)

# what PySR prints, and what its model.sympy() gives
found = gradc.compile("square(x0) + cos(x1 * 2.5382) - safe_log(x2)")
assert found.grad(3.0, 0.0, 2.0) == (6.0, 0.0, -0.5)
assert gradc.compile(sp.sympify("x0**2 + cos(2.5382*x1) - log(x2)"))(3.0, 0.0, 1.0) == 10.0

# a paper and a library: back to SymPy, LaTeX, and the text of the program
assert gradc.compile("1/(1 + exp(-x))").latex() == r"\frac{1}{1 + e^{- x}}"
assert sp.simplify(f.sympy() - energy) == 0
assert "def value_and_grad(" in f.source

try:
    gradc.compile(a + sp.I * b)
except gradc.Error as error:
    assert error.code == "G0901" and "as_real_imag" in error.help
else:
    raise AssertionError("complex numbers were taken")
