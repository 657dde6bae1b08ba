"""Second derivatives where `abs`, `hypot` or `norm` is zero: right where the program is smooth, else as documented.

A program is an even function of a radius; each is combined with each radius, and compared with differences in mpmath.
"""

import mpmath
import numpy as np
import pytest

import gradc

EVEN = (
    "r**2", "cos(r)", "cosh(2*r)", "exp(-r**2/2)", "exp(-r*r)*3 + r**4", "log(1 + r**2)", "log(cosh(r))", "r*sin(r)",
    "r*tanh(r)", "(1 + r/l)*exp(-r/l)", "(1 + sqrt(3)*r/l)*exp(-sqrt(3)*r/l)", "r**3", "r**3.5",
    "1/(1 + r**2)", "r*r*r*r - r*r",
    "(1 + sqrt(5)*r/l + 5*r**2/(3*l**2))*exp(-sqrt(5)*r/l)", "cos(r)*exp(-r*r/l)", "r*log(1 + r)", "r - log(1 + r)",
    "sqrt(1 + r**2)", "(exp(r) - 1 - r)*l", "arctan(r)*r", "2*log(1 + exp(-r)) + r", "where(l > 0, r**2, r)",
)  # fmt: skip
"""Functions of a radius r that have a second derivative at 0."""

RADII = {
    "abs(x)": lambda x, y: abs(x),
    "abs(-2*x)": lambda x, y: abs(2 * x),
    "max(x, -x)": lambda x, y: abs(x),
    "sign(sin(x))*sin(x)": lambda x, y: abs(mpmath.sin(x)),
    "abs(sin(x) - y)": lambda x, y: abs(mpmath.sin(x) - y),
    "hypot(x, y)": mpmath.hypot,
    "hypot(2*x + y, x*(1 + y))": lambda x, y: mpmath.hypot(2 * x + y, x * (1 + y)),
    "sqrt(x**2 + y**2)": mpmath.hypot,
    "sqrt(x*x + (y - x)**2 + 3*y**2)": lambda x, y: mpmath.sqrt(x * x + (y - x) ** 2 + 3 * y * y),
    "norm(stack([x, sin(y)]))": lambda x, y: mpmath.hypot(x, mpmath.sin(y)),
    "sqrt(sum(stack([x, y, x - y])**2))": lambda x, y: mpmath.sqrt(x * x + y * y + (x - y) ** 2),
    "abs(norm(stack([x, y]))*3)": lambda x, y: 3 * mpmath.hypot(x, y),
}
"""Radii that are 0 at the origin, as gradc reads them and over mpmath's numbers."""

LENGTH = 0.7
NAMES = {name: getattr(mpmath, name) for name in "cos sin exp log sqrt cosh tanh".split()}
NAMES |= {"arctan": mpmath.atan, "where": lambda c, x, y: x if c else y, "l": mpmath.mpf(LENGTH)}


def true_hessian(even, radius):
    """By differences of values, in 60 digits."""
    with mpmath.workdps(60):
        h = mpmath.mpf(10) ** -15

        def f(x, y):
            return eval(even, {}, NAMES | {"r": RADII[radius](x, y)})

        xx = (f(h, 0) - 2 * f(0, 0) + f(-h, 0)) / h**2
        yy = (f(0, h) - 2 * f(0, 0) + f(0, -h)) / h**2
        xy = (f(h, h) - f(h, -h) - f(-h, h) + f(-h, -h)) / (4 * h**2)
        return np.array([[xx, xy], [xy, yy]], float)


def compiled(even, radius, engine):
    wrt = "x y" if "y" in radius else "x"
    return gradc.compile(f"r = {radius}; {even}", wrt=wrt, engine=engine)


def check(even, radius, engine):
    wanted = true_hessian(even, radius)
    f = compiled(even, radius, engine)
    given = {"x": 0.0, "y": 0.0, "l": LENGTH}
    args = [given[name] for name in f.inputs]
    hessian = f.hessian(*args)
    n = len(f.wrt)
    found = np.array([[hessian[one][other] for other in f.wrt] for one in f.wrt])
    tolerance = {"rtol": 3e-6, "atol": 3e-6}
    np.testing.assert_allclose(found, wanted[:n, :n], **tolerance)
    direction = np.array([-0.6, 1.7])[:n]
    np.testing.assert_allclose(f.hvp(tuple(direction), *args), wanted[:n, :n] @ direction, **tolerance)
    assert np.all(np.array(f.grad(*args)) == 0)


@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize("even", EVEN)
def test_smooth_at_zero(even, radius):
    check(even, radius, "interpreter")


@pytest.mark.parametrize(
    ("even", "radius"), [(even, "hypot(x, y)") for even in EVEN[::3]] + [("cos(r)", radius) for radius in RADII]
)
def test_smooth_at_zero_in_a_kernel(even, radius):
    check(even, radius, "native")


ARRAYS = (
    ("x: f64[n]; norm(x)**2", 2.0),
    ("x: f64[n]; cos(norm(x))", -1.0),
    ("x: f64[n]; exp(-norm(x)**2/2)", -1.0),
    ("x: f64[n]; sum(abs(x)**2)", 2.0),
    ("x: f64[n]; sum(norm(x[:, None], axis=1)**2)", 2.0),
    ("x: f64[n]; sum(cos(norm(stack([x, 2*x]), axis=0)))", -5.0),
    ("x: f64[n]; y = x - 1 + 1; r = sqrt(dot(y, y)); sqrt(1 + r**2)", 1.0),
    ("x: f32[n]; 3*cos(norm(x)) + norm(x)**2", -1.0),
)


@pytest.mark.parametrize("engine", ["interpreter", "native"])
@pytest.mark.parametrize(("text", "factor"), ARRAYS)
def test_arrays(text, factor, engine):
    f = gradc.compile(text, engine=engine)
    x = np.zeros(3, "f4" if "f32" in text else "f8")
    np.testing.assert_allclose(f.hessian(x).x.x, factor * np.eye(3), rtol=1e-14, atol=1e-14)
    direction = np.array([0.3, 0, -2])
    np.testing.assert_allclose(f.hvp((direction,), x).x, factor * direction, rtol=1e-6)


@pytest.mark.parametrize("engine", ["interpreter", "native"])
def test_a_kernel_matrix_has_a_hessian_where_points_meet(engine):
    """Squared exponential and Matern: at equal points -I / l**2 times 1 or 3, and the mixed one is its negation."""
    x = np.array([[0.5, 1.0], [2.0, -1.0]])
    for kernel, factor in (("exp(-r**2/2)", 1), ("(1 + sqrt(3)*r)*exp(-sqrt(3)*r)", 3)):
        f = gradc.compile(f"x: f64[d]; Y: f64[n, d]; r = norm((x - Y)/0.5, axis=1); sum(({kernel})[:1])", engine=engine)
        hessian = f.hessian(x[0], x)
        np.testing.assert_allclose(hessian.x.x, -4 * factor * np.eye(2), rtol=1e-13)
        np.testing.assert_allclose(hessian.x.Y[:, 0], 4 * factor * np.eye(2), rtol=1e-13)
        assert np.all(hessian.x.Y[:, 1] == 0)


CONVENTIONS = (
    ("abs(x)", 0.0, "abs is flat on both sides"),
    ("x*abs(x)", 0.0, "2 ahead and -2 behind"),
    ("exp(-abs(x))", 1.0, "the same on both sides, though the slope jumps"),
    ("abs(x)**1.5", np.inf, "infinite on both sides"),
    ("sign(x)*x**2", 0.0, "2 ahead and -2 behind"),
    ("sign(x)*x*x*sign(x)", 2.0, "smooth"),
    ("hypot(x, 0*x)", np.nan, "a cone"),
    ("x: f64[n]; norm(x)", np.nan, "a cone"),
    ("x: f64[n]; exp(-norm(x))", np.nan, "a cone"),
    ("x: f64[n]; norm(x) + norm(x)**2", np.nan, "a cone"),
)


@pytest.mark.parametrize("engine", ["interpreter", "native"])
@pytest.mark.parametrize(("text", "wanted", "why"), CONVENTIONS)
def test_where_the_program_has_a_kink(text, wanted, why, engine):
    f = gradc.compile(text, engine=engine)
    x = np.zeros(2) if "f64" in text else 0.0
    np.testing.assert_equal(np.diag(np.atleast_2d(f.hessian(x).x.x)), np.full(np.ndim(x) + 1, wanted), why)


@pytest.mark.parametrize("engine", ["interpreter", "native"])
def test_only_what_moves_has_a_kink(engine):
    """Groups of weights that are zero say nothing of the others, nor along a direction that leaves them zero."""
    f = gradc.compile("W: f64[n, d]; sum(norm(W, axis=1))", engine=engine)
    W = np.array([[0.0, 0.0], [3.0, 4.0]])
    found = f.hvp((np.array([[1.0, 0.0], [1.0, 0.0]]),), W).W
    assert np.all(np.isnan(found[0]))
    np.testing.assert_allclose(found[1], [0.128, -0.096], rtol=1e-13)
    np.testing.assert_allclose(f.hvp((np.array([[0.0, 0.0], [1.0, 0.0]]),), W).W, [[0, 0], [0.128, -0.096]], rtol=1e-13)
