"""SymPy expressions as programs: every function, numbers to the last bit, sums over indices, matrices, and any size."""

import pickle

import mpmath
import numpy as np
import pytest
import sympy
from sympy import (
    Abs,
    Derivative,
    Dummy,
    E,
    EulerGamma,
    Function,
    Heaviside,
    Idx,
    IndexedBase,
    Integer,
    LambertW,
    Matrix,
    MatrixSymbol,
    Mod,
    Piecewise,
    Product,
    Rational,
    Sum,
    Symbol,
    atan2,
    cos,
    exp,
    log,
    pi,
    sin,
    sqrt,
    symbols,
)
from sympy.codegen import cfunctions, numpy_nodes, scipy_nodes
from sympy.physics.units import meter
from sympy.utilities.lambdify import implemented_function

import gradc
from gradc.frontends.sympy.functions import NAMES, TEXTS, texts

x, y, z, t, n, m = symbols("x y z t n m")
i, j, k = symbols("i j k", integer=True)
u, v = IndexedBase("u"), IndexedBase("v", shape=(n,))
A, B = MatrixSymbol("A", n, m), MatrixSymbol("B", m, 3)
AT = {x: mpmath.mpf("0.375"), y: mpmath.mpf("1.625"), z: mpmath.mpf("0.8125"), t: mpmath.mpf("2.25")}
"""Where formulas are compared: numbers that floats and mpmath share."""


def compiled(expr, **options):
    return gradc.compile(expr, engine="interpreter", **options)


def numbers(f):
    return {name: float(AT[f.program.symbols[name]]) for name in f.inputs}


# ---------------------------------------------------------------- functions

ARGUMENTS = {
    "acosh": (t,),
    "acoth": (t,),
    "asec": (t,),
    "acsc": (t,),
    "erfcinv": (t / 2,),
    "polygamma": (2, x),
    "KroneckerDelta": (k, 2),
    "betainc": (y, t, x, z),
    "betainc_regularized": (y, t, x, z),
    "jn": (2, x),
    "yn": (2, x),
    "fma": (x, y, z),
    "Heaviside": (x, Rational(1, 2)),
    "LambertW": (y,),
    "binomial": (t, x),
    "ITE": (x > 1, y > 1, z < 1),
    "Mod": (t, y),
    "powm1": (y, x),
}
"""Arguments that a function is compared at; others take x, y, ... as far as they go."""

CONDITIONS = {"And", "Or", "Not", "Xor", "Nand", "Nor", "ITE", "Implies"}
RELATIONS = {"Equality", "Unequality", "StrictLessThan", "LessThan", "StrictGreaterThan", "GreaterThan"}
ARRAYS = {
    "DotProduct",
    "HadamardPower",
    "HadamardProduct",
    "KroneckerProduct",
    "Trace",
    "Determinant",
    "Inverse",
    "Transpose",
    "Adjoint",
}
SCALAR = sorted((set(NAMES.values()) | set(TEXTS)) - CONDITIONS - RELATIONS - ARRAYS - {"KroneckerDelta"})


def sympy_s(name):
    for module in (sympy, cfunctions, numpy_nodes, scipy_nodes):
        if hasattr(module, name):
            return getattr(module, name)
    raise KeyError(name)


def called(name):
    """A call of SymPy's function that stays one."""
    function = sympy_s(name)
    args = ARGUMENTS.get(name)
    if args is None:
        text = texts()[function]
        count = 2 if "{all}" in text and name in ("Max", "Min", "atan2", "beta", "binomial", *BESSEL) else 1
        args = (x, y, z)[
            : max(count, 1 + max((int(part[0]) for part in text.split("{")[1:] if part[0].isdigit()), default=0))
        ]
    return function(*args)


BESSEL = ("besselj", "bessely", "besseli", "besselk")


def truth(expr):
    """The value in mpmath's numbers."""
    found = expr.rewrite(exp) if expr.has(cfunctions.log1p) else expr
    names = sorted(found.free_symbols, key=str)
    with mpmath.workdps(40):
        return mpmath.mpf(mpmath.re(sympy.lambdify(names, found, "mpmath")(*[AT[name] for name in names])))


PLAIN = {
    "Cbrt": x ** Rational(1, 3),
    "Sqrt": sqrt(x),
    "cosm1": cos(x) - 1,
    "exp2": 2**x,
    "expm1": exp(x) - 1,
    "fma": x * y + z,
    "hypot": sqrt(x**2 + y**2),
    "log10": log(x) / log(10),
    "log1p": log(1 + x),
    "log2": log(x) / log(2),
    "logaddexp": log(exp(x) + exp(y)),
    "powm1": y**x - 1,
    "jn": None,
    "yn": None,
    "Heaviside": Integer(1),
    "im": Integer(0),
    "harmonic": sympy.digamma(x + 1) + EulerGamma,
    "frac": x - sympy.floor(x),
    "arg": Integer(0),
    "Mod": t - y,
    "erf2": sympy.erf(y) - sympy.erf(x),
    "lowergamma": None,
    "erfcinv": sympy.erfinv(1 - t / 2),
    "sign": Integer(1),
    "re": x,
    "conjugate": x,
    "FallingFactorial": sympy.gamma(x + 1) / sympy.gamma(x - y + 1),
    "RisingFactorial": sympy.gamma(x + y) / sympy.gamma(x),
    "betainc_regularized": None,
    "betainc": None,
}
"""What mpmath's `lambdify` cannot compute, or not at all digits, in other words."""


def numeric(expr):
    """SymPy's own evaluation, for what `lambdify` does not know."""
    return mpmath.mpf(str(sympy.re(expr.subs({s: sympy.Float(str(v), 40) for s, v in AT.items()}).evalf(30))))


@pytest.mark.parametrize("name", SCALAR)
def test_every_function(name):
    expr = called(name)
    f = compiled(expr)
    plain = PLAIN.get(name, expr)
    expected = numeric(expr) if plain is None else truth(plain)
    assert f(**numbers(f)) == pytest.approx(float(expected), rel=2e-14, abs=1e-15)


@pytest.mark.parametrize("name", sorted(RELATIONS | CONDITIONS))
def test_every_condition(name):
    args = {"Not": (x > y,), "ITE": (x > 1, y > 1, z < 1)}.get(name, (x, y) if name in RELATIONS else (x > 1, y > 1))
    condition = sympy_s(name)(*args)
    f = compiled(Piecewise((x, condition), (y, True)))
    g = sympy.lambdify([x, y, z], Piecewise((x, condition), (y, True)))
    for point in [(0.0, 0.0, 2.0), (2.0, 0.5, 0.5), (0.5, 2.0, 2.0), (2.0, 2.0, 0.0)]:
        values = dict(zip("xyz", point))
        assert f(**{key: values[key] for key in f.inputs}) == g(*point), point


FORMULAS = [
    x**2 * sin(y) + 1,
    x / y / 3,
    -x / 3 + Rational(2, 3) * y,
    1 / x**2,
    1 / sqrt(x),
    x ** Rational(-2, 3),
    log(x, 10),
    log(x, 2) * y,
    sympy.sinc(x),
    sympy.sinc(0 * x + y),
    Abs(x) - sympy.Max(x, y, 1),
    sympy.real_root(x, 3),
    sympy.root(y, 5),
    sympy.cbrt(x),
    exp(-(x**2) / 2),
    x**-y,
    (-2) ** Integer(3) * x,
    -(x + y),
    (x + y) ** 2 / (x - y) ** 3,
    2**x,
    x**y**z,
    exp(x) / exp(y),
    (x + 1) / (y + 1) / 2,
    Heaviside(x),
    Mod(-x, y),
    atan2(y, -x),
    LambertW(x),
    Sum(x**k / sympy.factorial(k), (k, 0, 12)),
    Product(x + k, (k, 1, 4)),
    Sum(k * j * x, (k, 1, j), (j, 1, 4)),
    Derivative(sin(x * y) ** 2, x, y),
    Piecewise((x, x > 1), (y, (z > 0) & (x < 1))),
    sympy.E**x + E,
    sympy.GoldenRatio * x,
    sympy.Catalan + x,
    x * sympy.oo,
    sympy.cosh(x) * sympy.acot(-y),
    (x - y) * (x + y) / (x * y),
    sympy.hermite(4, x),
    sympy.legendre(5, x),
    sympy.chebyshevt(6, x),
    -x * (y - 1) / -z,
    1 - (x - (y - z)),
    sqrt(2) * x / 2,
    sqrt(x) ** 3,
    (x**2) ** y,
    x % 3 - 5 % x,
    sympy.Max(x, sympy.Min(y, z)),
]


@pytest.mark.parametrize("expr", FORMULAS, ids=str)
def test_formulas_and_their_gradients(expr):
    f = compiled(expr)
    plain = expr.doit()
    assert f(**numbers(f)) == pytest.approx(float(truth(plain)), rel=1e-14)
    for name, bar in f.grad(**numbers(f))._asdict().items():
        slope = plain.diff(f.program.symbols[name])
        if not slope.has(sympy.DiracDelta, Derivative, sympy.Subs, sympy.oo, sympy.Heaviside):
            assert bar == pytest.approx(float(truth(slope)), rel=1e-12), name


def test_random_formulas(ran_cases):
    """Against SymPy's own function on NumPy, value by value."""
    rng = np.random.default_rng(7)
    leaves = [x, y, z, Integer(2), Rational(1, 3), Rational(-5, 2), pi]
    unary = [
        sin,
        cos,
        exp,
        Abs,
        sympy.tanh,
        lambda a: 1 / (2 + a**2),
        lambda a: sqrt(1 + a**2),
        lambda a: -a,
        sympy.atan,
    ]
    binary = [
        lambda a, b: a + b,
        lambda a, b: a * b,
        lambda a, b: a - b,
        sympy.Max,
        lambda a, b: Piecewise((a, a > b), (b, True)),
        lambda a, b: a / (3 + b**2),
    ]
    values = rng.normal(size=(3, 5))
    for _ in range(60):
        parts = list(leaves)
        for _ in range(rng.integers(3, 14)):
            if rng.random() < 0.4:
                parts.append(unary[rng.integers(len(unary))](parts[rng.integers(len(parts))]))
            else:
                parts.append(binary[rng.integers(len(binary))](*(parts[rng.integers(len(parts))] for _ in range(2))))
        expr = parts[-1]
        f = gradc.lambdify([x, y, z], expr, engine="interpreter")
        with np.errstate(all="ignore"):
            expected = sympy.lambdify([x, y, z], expr, "numpy")(*values)
        np.testing.assert_allclose(
            f(*values), np.broadcast_to(expected, np.shape(f(*values))), rtol=1e-9, err_msg=f.text
        )
    ran_cases(60)


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("number", "nearest"),
    [
        (Rational(1, 3), 1 / 3),
        (Integer(2**53 + 1), float(2**53 + 1)),
        (Integer(10**22 + 1), 1e22),
        (Rational(10**30 + 7, 3 * 10**29), 3.3333333333333335),
        (Rational(1, 10**40), 1e-40),
        (Integer(-7), -7.0),
        (Rational(-7, 2), -3.5),
        (pi, np.pi),
        (E, np.e),
        (EulerGamma, np.euler_gamma),
        (sympy.Float("0.1", 50), 0.1),
        (sympy.Float("1e-320"), 1e-320),
        (sympy.Float("1.00000000000000011102230246251565404236316680908203126", 60), 1.0000000000000002),
        (sympy.oo, np.inf),
        (-sympy.oo, -np.inf),
        (Rational(10**400 + 1, 10**399), 10.0),
        (sympy.GoldenRatio, 1.618033988749895),
    ],
    ids=str,
)
def test_numbers_to_the_last_bit(number, nearest):
    assert compiled(number + 0 * x)() == nearest
    if abs(nearest) < 1e300:
        assert compiled(number * x)(2.0) == pytest.approx(2 * nearest, rel=3e-16)


def test_nan_is_a_number():
    assert np.isnan(compiled(sympy.nan)())


# ---------------------------------------------------------------- inputs and their order


def test_inputs_are_in_the_order_of_names():
    assert compiled(sum(symbols("x10 x2 b x1 a"))).inputs == ("a", "b", "x1", "x2", "x10")
    theta = Symbol(r"\theta_{1}")
    f = compiled(theta * Symbol("lambda") * Symbol("pi") * Symbol("μ") * Dummy("q") * Symbol("x'"))
    assert f.inputs == ("lambda", "mu", "pi_", "q", "theta_1", "x_prime")
    assert f.program.symbols["theta_1"] is theta


def test_functions_of_time_are_inputs():
    q = Function("q")(t)
    f = compiled(m * Derivative(q, t) ** 2 / 2 - k * q**2 / 2 + Derivative(q, (t, 2)) * t)
    assert f.inputs == ("dq_dt", "d2q_dt2", "k", "m", "q", "t")
    assert f(2.0, 0.0, 3.0, 5.0, 1.0, 0.0) == 8.5


def test_functions_that_only_gradc_has():
    """As `sympify` reads what other tools print."""
    assert compiled(sympy.sympify("square(x0) + inv(x1)*cube(x2) + relu(-x0)"))(2.0, 4.0, 2.0) == 6.0
    assert compiled(Function("psi")(t) + 1).inputs == ("psi",)
    assert compiled(Function("psi")(x).diff(x) + Function("psi")(x)).inputs == ("dpsi_dx", "psi")


def test_it_is_pickled():
    f = pickle.loads(pickle.dumps(compiled(x**2 * Symbol("pi"))))
    assert f(2.0, 3.0) == 18.0 or f(3.0, 2.0) == 18.0
    assert f.program.symbols["pi_"] == Symbol("pi")


def test_a_text_needs_no_sympy():
    import subprocess
    import sys

    code = "import sys, gradc; gradc.compile('x')(1.0); print('sympy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# ---------------------------------------------------------------- sums over indices

RNG = np.random.default_rng(3)
U, V, SQUARE, WIDE = RNG.normal(size=6), RNG.normal(size=6), RNG.normal(size=(6, 6)), RNG.normal(size=(6, 4))
w, q = IndexedBase("w"), IndexedBase("q")
SUMS = [
    (Sum((v[i] - x * exp(-y * u[i])) ** 2, (i, 0, n - 1)), lambda x, y: np.sum((V - x * np.exp(-y * U)) ** 2)),
    (Sum(w[i, j] * u[j], (j, 0, n - 1))._subs(i, 2), lambda: SQUARE[2] @ U),
    (Sum(w[i, j] * u[i] * v[j], (i, 0, n - 1), (j, 0, n - 1)), lambda: U @ SQUARE @ V),
    (Sum(v[i] * Sum(w[i, j] * u[j], (j, 0, n - 1)), (i, 0, n - 1)) / n, lambda: V @ SQUARE @ U / 6),
    (
        Sum(w[j, i] * w[i, j] + w[i, i], (i, 0, n - 1), (j, 0, n - 1)),
        lambda: np.sum(SQUARE * SQUARE.T) + 6 * np.trace(SQUARE),
    ),
    (Sum((v[i + 1] - v[i]) ** 2, (i, 0, n - 2)), lambda: np.sum(np.diff(V) ** 2)),
    (Sum(u[2 * i], (i, 0, 2)) + Sum(u[i], (i, 1, 4)), lambda: U[::2].sum() + U[1:5].sum()),
    (Sum(u[n - 1 - i] * v[i], (i, 0, n - 1)), lambda: U[::-1] @ V),
    (Sum(i * v[i] + i**2, (i, 0, n - 1)), lambda: np.sum(np.arange(6) * V) + 55),
    (Sum(x, (i, 0, n - 1), (j, 0, 2)) * v[0], lambda x: 18 * x * V[0]),
    (Sum(u[i] * Sum(v[j], (j, 0, n - 1)), (i, 0, n - 1)), lambda: U.sum() * V.sum()),
    (Product(1 + v[i] ** 2, (i, 0, n - 1)), lambda: np.prod(1 + V**2)),
    (Sum(Product(1 + w[i, j] ** 2, (j, 0, n - 1)), (i, 0, n - 1)), lambda: np.sum(np.prod(1 + SQUARE**2, axis=1))),
    (Sum(exp(v[Idx(i, n)]), (Idx(i, n), 0, n - 1)), lambda: np.sum(np.exp(V))),
    (Sum(w[i, j] * A[j, k] * v[i], (i, 0, n - 1), (j, 0, n - 1), (k, 0, m - 1)), lambda: np.sum(V @ SQUARE @ WIDE)),
    (Sum(u[q[i]] * v[i], (i, 0, n - 1)), lambda: np.sum(U[[0, 2, 2, 1, 5, 3]] * V)),
]
DATA = {"u": U, "v": V, "w": SQUARE, "A": WIDE, "q": np.array([0, 2, 2, 1, 5, 3]), "x": 0.75, "y": 1.25}


@pytest.mark.parametrize(("expr", "expected"), SUMS, ids=[str(expr) for expr, _ in SUMS])
def test_sums(expr, expected):
    f = compiled(expr)
    point = {name: DATA[name] for name in f.inputs}
    scalars = {name: DATA[name] for name in "xy" if name in f.inputs}
    assert f(**point) == pytest.approx(expected(**scalars), rel=1e-12)
    assert all(np.all(np.isfinite(bar)) for bar in f.grad(**point))


def test_a_sum_over_an_array_is_as_short_as_one_would_write_it():
    f = compiled(Sum((v[i] - x * exp(-y * u[i])) ** 2, (i, 0, n - 1)))
    assert f.text.endswith("sum((-x*exp(-y*u) + v)**2)")


# ---------------------------------------------------------------- matrices


def test_matrices():
    a, b = RNG.normal(size=(4, 2)), RNG.normal(size=(2, 3))
    cases = [
        (A * B, lambda: a @ b),
        (A.T * A + 2 * sympy.Identity(m), lambda: a.T @ a + 2 * np.eye(2)),
        (sympy.Trace(A * A.T), lambda: np.trace(a @ a.T)),
        (sympy.hadamard_product(A, A), lambda: a * a),
        ((A * A.T) ** 3, lambda: np.linalg.matrix_power(a @ a.T, 3)),
        (A.applyfunc(sin), lambda: np.sin(a)),
        (x * A[0, 1] + (A * B)[2, 1], lambda: 0.75 * a[0, 1] + (a @ b)[2, 1]),
        (sympy.BlockMatrix([[A, A], [2 * A, -A]]), lambda: np.block([[a, a], [2 * a, -a]])),
        (x * A * B / 2, lambda: 0.375 * a @ b),
        (sympy.KroneckerProduct(A, B), lambda: np.kron(a, b)),
        (A + sympy.ZeroMatrix(n, m), lambda: a),
    ]
    for expr, expected in cases:
        f = compiled(expr)
        values = {"A": a, "B": b, "x": 0.75}
        np.testing.assert_allclose(
            f(**{name: values[name] for name in f.inputs}), expected(), rtol=1e-12, err_msg=str(expr)
        )


def test_what_sympy_keeps_apart():
    assert compiled(sympy.UnevaluatedExpr(x + 1) * 2)(3.0) == 8.0
    assert compiled(sympy.Lambda((y, x), y - x)).inputs == ("y", "x")


def test_matrices_of_expressions():
    rotation = Matrix([[cos(x), -sin(x)], [sin(x), cos(x)]])
    f = compiled(rotation * Matrix([y, 2]))
    np.testing.assert_allclose(f(0.0, 3.0), [[3.0], [2.0]])
    np.testing.assert_allclose(f.jacobian(0.0, 3.0).x, [[-2.0], [3.0]])
    np.testing.assert_allclose(compiled(sympy.SparseMatrix(2, 2, {(0, 0): x}))(3.0), [[3.0, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(compiled(sympy.Array([[x, 1], [2, x]]))(3.0), [[3.0, 1.0], [2.0, 3.0]])


# ---------------------------------------------------------------- lambdify

qt = Function("q")(t)


@pytest.mark.parametrize(
    ("args", "expr", "point", "value", "grad"),
    [
        (x, x**2, (3.0,), 9.0, (6.0,)),
        ((x, y), x * y, (3.0, 4.0), 12.0, (4.0, 3.0)),
        ([y, x, z], x - y, (3.0, 4.0, 5.0), 1.0, (-1.0, 1.0, 0.0)),
        ([(x, y), z], x * y + z, ([3.0, 4.0], 5.0), 17.0, ([4.0, 3.0], 1.0)),
        ([[[x, y], [z, t]]], x * t - y * z, ([[1.0, 2.0], [3.0, 4.0]],), -2.0, ([[4.0, -3.0], [-2.0, 1.0]],)),
        ([Matrix([x, y])], x * y, ([3.0, 4.0],), 12.0, ([4.0, 3.0],)),
        (Matrix([x, y]), x * y, (3.0, 4.0), 12.0, (4.0, 3.0)),
        ([Matrix([[x, y], [z, t]])], x * t - y * z, ([[1.0, 2.0], [3.0, 4.0]],), -2.0, ([[4.0, -3.0], [-2.0, 1.0]],)),
        ([qt, Derivative(qt, t), t], Derivative(qt, t) ** 2 / 2 - t * qt, (1.0, 2.0, 3.0), -1.0, (-3.0, 2.0, -1.0)),
        ([u[0], u[1]], u[0] * u[1], (3.0, 4.0), 12.0, (4.0, 3.0)),
        ([A, x], x * A[0, 1], (np.ones((2, 2)), 3.0), 3.0, ([[0.0, 3.0], [0.0, 0.0]], 1.0)),
        ([u, x], Sum(u[i] * x, (i, 0, n - 1)), ([1.0, 2.0], 3.0), 9.0, ([3.0, 3.0], 3.0)),
        ([Dummy("x"), x], 2 * x, (7.0, 3.0), 6.0, (0.0, 2.0)),
        ([x, y], [x + y, x * y, 1], (3.0, 4.0), [7.0, 12.0, 1.0], (5.0, 4.0)),
        ([x], (x, [x][0] ** 2), ([1.0, 2.0],), [[1.0, 2.0], [1.0, 4.0]], ([3.0, 5.0],)),
        ([x], [[x, 1], [2, x]], (3.0,), [[3.0, 1.0], [2.0, 3.0]], (2.0,)),
        ([x], 3, (1.0,), 3.0, (0.0,)),
        ([x], Matrix([[x, 2 * x]]), (1.0,), [[1.0, 2.0]], (3.0,)),
    ],
)
def test_lambdify(args, expr, point, value, grad):
    f = gradc.lambdify(args, expr, cse=True, engine="interpreter")
    np.testing.assert_allclose(f(*point), value)
    for found, expected in zip(f.grad(*point), grad, strict=True):
        np.testing.assert_allclose(found, expected)


def test_how_many_elements_may_be_an_argument():
    """As SymPy's functions need to be told."""
    cases = [
        (Sum(x * u[i] ** 2, (i, 0, n - 1)) / n, lambda count: np.mean(2 * U[:count] ** 2)),
        (Sum(u[i] * u[i + 1], (i, 0, n - 2)), lambda count: np.sum(U[: count - 1] * U[1:count])),
        (Product(1 + u[i], (i, 0, n - 1)), lambda count: np.prod(1 + U[:count])),
    ]
    for expr, expected in cases:
        f = gradc.lambdify([x, u, n], expr, engine="interpreter")
        assert [f(2.0, U, 6), f(2.0, U, 3)] == pytest.approx([expected(6), expected(3)], rel=1e-14)
        assert np.isnan(f(2.0, U, 7)) and f.wrt == ("x", "u")


def test_lambdify_agrees_with_sympy_s(engine):
    expr = sin(x) * exp(-(y**2)) + sqrt(x**2 + y**2) / (1 + z)
    values = RNG.uniform(0.5, 1.5, (3, 40))
    np.testing.assert_allclose(
        gradc.lambdify((x, y, z), expr, engine=engine)(*values), sympy.lambdify((x, y, z), expr)(*values), rtol=1e-14
    )


# ---------------------------------------------------------------- size


def nested(depth):
    expr = x
    for _ in range(depth):
        expr = sympy.Basic.__new__(sin, expr)  # SymPy's own call would recurse
    return expr


def test_large_expressions_end(ran_cases):
    assert compiled(nested(20_000)).inputs == ("x",)
    names = symbols("x0:50")
    many = sympy.Add._from_args([Rational(1, 3 + c % 7) * names[c % 50] ** 2 for c in range(20_000)])
    assert len(compiled(many).inputs) == 50
    ran_cases(40_000)


def test_what_is_shared_is_written_once():
    expr = x
    for _ in range(300):
        expr = sympy.Basic.__new__(atan2, expr, sympy.Basic.__new__(sin, expr))
    f = compiled(expr)
    assert len(f.text) < 200_000 and np.isfinite(f(0.5))


class Unkind(sympy.Add):
    """What calls itself an expression and fails whoever asks."""

    args = property(lambda self: [][0])
    __hash__ = __eq__ = __str__ = __repr__ = lambda self, *others: [][0]


class Own(sympy.Function):
    pass


def containing_itself():
    expr = sympy.Basic.__new__(sin, x)
    expr._args = (expr,)
    return expr


CASES = {
    "functions": {
        "none of ours": lambda: compiled(x + sympy.zeta(y)),
        "complex": lambda: compiled(x + 2 * sympy.I),
        "infinity without a direction": lambda: compiled(sympy.zoo + x),
        "an integral": lambda: compiled(sympy.Integral(sin(x**x), (x, 0, y))),
        "a limit": lambda: compiled(sympy.Limit(sin(x) / y, x, 0)),
        "a distribution": lambda: compiled(sympy.DiracDelta(x)),
        "another branch": lambda: compiled(LambertW(x, -1)),
        "a series": lambda: compiled(x + sympy.O(x**2)),
        "without a meaning, of a symbol": lambda: compiled(Function("sin2")(x) + y),
        "without a meaning": lambda: compiled(Function("g")(x + 1)),
        "a class of the user's": lambda: compiled(1 + Own(x)),
        "in Python": lambda: compiled(implemented_function("g", lambda x: x)(x)),
        "an equation": lambda: compiled(sympy.Eq(x, y)),
        "substitution": lambda: compiled(sympy.Subs(Derivative(Function("g")(x), x), x, y)),
        "derivative of an unknown function": lambda: compiled(Derivative(Function("g")(x + y), x)),
        "derivative of a high order": lambda: compiled(Derivative(sin(x) ** 50, (x, 100))),
        "a unit": lambda: compiled(x * meter),
        "two symbols of one name": lambda: compiled(Symbol("x") + Symbol("x", real=True)),
    },
    "sums and matrices": {
        "elements from one": lambda: compiled(Sum(u[i], (i, 1, n))),
        "no array": lambda: compiled(Sum(1 / k**2, (k, 1, n))),
        "no end": lambda: compiled(Sum(x**k, (k, 0, sympy.oo))),
        "a power": lambda: compiled(MatrixSymbol("S", 2, 2) ** 100),
        "a computed size": lambda: compiled(MatrixSymbol("S", n + 1, 2)),
    },
    "lambdify": {
        "not among the arguments": lambda: gradc.lambdify([x], x + y),
        "twice": lambda: gradc.lambdify([x, x], x),
        "ragged": lambda: gradc.lambdify([[x, [y, z]]], x),
        "a text": lambda: gradc.lambdify("x", x),
        "a formula as text": lambda: gradc.lambdify([x], "x**2"),
        "a set": lambda: gradc.lambdify({x}, x),
        "an expression": lambda: gradc.lambdify([x + 1], x),
        "modules": lambda: gradc.lambdify([x], x, "tensorflow"),
        "a printer": lambda: gradc.lambdify([x], x, printer=object()),
        "nothing": lambda: gradc.lambdify([x], []),
    },
    "hostile": {
        "a class that fails": lambda: compiled(sympy.Basic.__new__(Unkind, x, y)),
        "itself inside": lambda: compiled(containing_itself()),
        "a million arguments": lambda: compiled(sympy.Add._from_args([x] * 1_000_001)),
        "a number with many digits": lambda: compiled(x + Integer(10) ** 10**5),
        "no expression inside": lambda: compiled(sympy.Basic.__new__(sin, 3)),
    },
}


@pytest.mark.parametrize("group", CASES)
def test_messages(group, golden):
    rendered = []
    for title, call in CASES[group].items():
        with pytest.raises(gradc.Error) as caught:
            call()
        rendered.append(f"== {title}\n{caught.value}\n")
    golden(f"messages/{group.replace(' ', '_')}.txt", "\n".join(rendered))


def test_inverses_and_determinants_of_matrices():
    A, b = MatrixSymbol("A", 3, 3), MatrixSymbol("b", 3, 1)
    M = np.array([[2.0, 1.0, 0.0], [0.5, 3.0, 1.0], [0.0, -1.0, 4.0]])
    c = np.array([[1.0], [2.0], [3.0]])
    inverse = np.linalg.inv(M)
    for expression, wanted in [
        (A**-1 * b, inverse @ c),
        ((A.T * A) ** -1 * b, inverse @ inverse.T @ c),
        (A**-2 + b * b.T, inverse @ inverse + c @ c.T),
        (sympy.log(sympy.Determinant(A)) * b, np.log(np.linalg.det(M)) * c),
        (sympy.Trace(A**-1) * b, np.trace(inverse) * c),
    ]:
        f = gradc.compile(expression, inputs="A b", engine="interpreter")
        np.testing.assert_allclose(f(M, c), wanted, rtol=1e-12)
    grads = gradc.compile(sympy.Determinant(A), engine="interpreter").grad(M)
    np.testing.assert_allclose(grads.A, np.linalg.det(M) * inverse.T, rtol=1e-12)
