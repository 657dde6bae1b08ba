"""Derivatives inside programs, against those of the whole program, differences and closed forms."""

import numpy as np
import pytest

import gradc


def value(text, /, engine="interpreter", **given):
    return gradc.compile(text, engine=engine)(**given)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("grad(x**3, x)", 12.0),
        ("grad(grad(x**3, x), x)", 12.0),
        ("grad(grad(grad(x**4, x), x), x)", 48.0),
        ("grad(x * grad(x + y, y), x)", 1.0),
        ("grad(x * grad(x * y, y), x)", 4.0),
        ("q = x; grad(q * x, q)", 2.0),
        ("q = x; grad(q * x, x)", 4.0),
        ("q = x**2; L = q * y; grad(L, q)", 3.0),
        ("q = x**2; L = q * y; grad(L, x)", 12.0),
        ("q = x**2; r = y; g = grad(q * r, r); grad(g, q)", 1.0),
        ("def f(a, b) = grad(a * b, a); f(x, x)", 2.0),
        ("def f(a, b) = grad(a * b, a); grad(f(x, x), x)", 1.0),
        ("h = x**2; def f(x) = grad(h * x, x); f(3)", 4.0),
        ("def f(t) = {u = t**2; grad(u * t, u)}; f(x)", 2.0),
        ("grad(y, y) + grad(3, y) + grad(x, y)", 1.0),
        ("(a, b) = grad(x**2 * y, (x, y)); a * b", 48.0),
        ("t = (x, y); (a, b) = t; (p, q) = t; grad(a * b, x)", 3.0),
        ("s = (x, y); (a, b) = s; (u, v) = grad(a * b**2, s); u + v", 9.0 + 12.0),
        ("jvp(x**2 * y, x, 5)", 60.0),
        ("jvp(x**2 * y, (x, y), (1, 2))", 20.0),
        ("hessian(x**3 * y, x)", 36.0),
        ("laplacian(x**3, x) + divergence(x**2, x)", 16.0),
    ],
)
def test_numbers(text, expected):
    assert value(text, **{name: given for name, given in {"x": 2.0, "y": 3.0}.items() if name in text}) == expected


X = np.array([0.5, -1.0, 2.0])
POTENTIALS = ["sum(x**2)**2", "log(sum(exp(x)))", "norm(x)**3", "prod(x) + sin(x[0] * x[2])", "sum(max(x, 0)**2)",
              "sum(abs(x)**3)", "sum(where(x > 0, x**3, x))"]  # fmt: skip


@pytest.mark.parametrize("potential", POTENTIALS)
@pytest.mark.parametrize("at", [X, np.zeros(3)], ids=["x", "0"])
def test_of_a_potential(potential, at):
    f = gradc.compile(f"x: f64[3]; {potential}", engine="interpreter")
    assert value(f"x: f64[3]; grad({potential}, x)", x=at) == pytest.approx(f.grad(at).x, nan_ok=True)
    hessian = f.hessian(at).x.x
    assert value(f"x: f64[3]; hessian({potential}, x)", x=at) == pytest.approx(hessian, nan_ok=True)
    assert value(f"x: f64[3]; laplacian({potential}, x)", x=at) == pytest.approx(np.trace(hessian), nan_ok=True)
    assert value(f"x: f64[3]; jvp(grad({potential}, x), x, v)", x=at, v=X) == pytest.approx(
        f.hvp([X], at).x, nan_ok=True
    )


def test_matrices_have_the_axes_of_both():
    rng = np.random.default_rng(0)
    A, x = rng.normal(size=(2, 3)), rng.normal(size=(2, 2))
    text = "A: f64[2, 3]; x: f64[2, 2]; tanh(x @ A)"
    expected = gradc.compile(text, engine="interpreter", wrt="x").jacobian(A, x).x
    found = value("A: f64[2, 3]; x: f64[2, 2]; jacobian(tanh(x @ A), x)", A=A, x=x)
    assert found.shape == (2, 3, 2, 2) and found == pytest.approx(expected)


@pytest.mark.parametrize("text", ["x * sum(x)", "tanh(x)", "x[1:] * x[:-1]", "x @ A", "3 * k"])
def test_matrices_of_any_size(text):
    given = {"x": X, "A": np.arange(6.0).reshape(3, 2), "k": np.array([2.0])}
    head = "x: f64[n]; A: f64[n, 2]; k: f64[1]; "
    expected = gradc.compile(head + text, engine="interpreter", wrt="x").jacobian(**given).x
    assert value(f"{head}jacobian({text}, x)", **given) == pytest.approx(expected)
    expected = gradc.compile(head + f"sum(({text})**3)", engine="interpreter", wrt="x").hessian(**given).x.x
    assert value(f"{head}hessian(({text})**3, x)", **given) == pytest.approx(expected)


def test_points_in_rows():
    points = np.random.default_rng(1).normal(size=(5, 3))
    assert value("x: f64[n, 3]; laplacian(sum(x**4, axis=1), x)", x=points) == pytest.approx(
        np.sum(12 * points**2, axis=1)
    )
    rotated = "x: f64[n, 3]; v = stack([x[:, 1] * x[:, 0], x[:, 2], x[:, 0] * x[:, 2]], axis=1); divergence(v, x)"
    assert value(rotated, x=points) == pytest.approx(points[:, 1] + points[:, 0])


def test_what_depends_on_a_derivative_is_differentiated():
    """A loss on the residual of a differential equation, its gradient against differences."""
    t = np.array([0.3, 1.0, 2.0])
    text = "u = sum(a * tanh(w * t[:, None] + b), axis=1); r = grad(u, t) + u; mean(r**2)"
    f = gradc.compile(f"t: f64[n]; a, w, b: f64[k]; {text}", wrt="a w b")
    rng = np.random.default_rng(2)
    given = {name: rng.normal(size=4) for name in "awb"}
    value, grads = f.value_and_grad(t=t, **given)
    a, w, b = (given[name] for name in "awb")
    h = np.tanh(w * t[:, None] + b)
    assert value == pytest.approx(np.mean(((a * w * (1 - h**2)).sum(axis=1) + (a * h).sum(axis=1)) ** 2))
    for name in "awb":
        for k in range(4):
            step = np.eye(4)[k] * 1e-6
            ahead, behind = (f(t=t, **(given | {name: given[name] + s})) for s in (step, -step))
            assert grads[name][k] == pytest.approx((ahead - behind) / 2e-6, rel=1e-6, abs=1e-8)


def test_pointwise_derivatives_share_one_loop():
    f = gradc.compile("t: f64[n]; u = sin(w * t); mean((grad(grad(u, t), t) + w**2 * u + grad(u, t))**2)", wrt="w")
    assert str(f.stages["schedule"]).count("loop ") == 1


def test_a_pendulum_from_its_lagrangian():
    text = "L = 0.5 * m * l**2 * v**2 + m * g * l * cos(q); p = grad(L, v); (grad(L, q) - grad(p, q) * v) / grad(p, v)"
    f = gradc.compile(f"q, v, m, l, g: f64; {text}")
    assert f(0.5, 1.0, 2.0, 3.0, 9.81) == pytest.approx(-9.81 / 3 * np.sin(0.5))
    assert f.grad(0.5, 1.0, 2.0, 3.0, 9.81).q == pytest.approx(-9.81 / 3 * np.cos(0.5))


def test_a_metric_from_an_embedding():
    text = "q: f64[2]; X = [cos(q[0]) * sin(q[1]), sin(q[0]) * sin(q[1]), cos(q[1])]; J = jacobian(X, q); J.T @ J"
    assert value(text, q=[0.3, 0.7]) == pytest.approx(np.diag([np.sin(0.7) ** 2, 1.0]), abs=1e-15)


VOLATILITY = """
def price(s) = {d = (log(S / K) + 0.5 * s**2) / s; S * normal_cdf(d) - K * normal_cdf(d - s)}
def newton(s) = s - (price(s) - C) / grad(price(s), s)
newton(newton(newton(newton(newton(0.3)))))
"""


@pytest.mark.parametrize("engine", ["interpreter", "native", "numba"])
def test_implied_volatility(engine):
    price = gradc.compile("d = (log(S / K) + 0.5 * s**2) / s; S * normal_cdf(d) - K * normal_cdf(d - s)")
    cost, by = price.value_and_grad(S=100.0, K=110.0, s=0.25)
    f = gradc.compile(VOLATILITY, inputs="S K C", engine=engine)
    assert f(100.0, 110.0, cost) == pytest.approx(0.25, rel=1e-12)
    assert f.grad(100.0, 110.0, cost).C == pytest.approx(1 / by.s, rel=1e-9)


ERRORS = [
    ("grad(x**2, y)", "G0402", "y"),
    ("grad(x**2, 2)", "G0402", "2"),
    ("grad(x**2, x + 1)", "G0402", "x + 1"),
    ("grad(x**2, (x, x))", "G0402", "(x, x)"),
    ("grad(x, pi)", "G0402", "pi"),
    ("def f(t) = t; grad(f, x)", "G0307", "f"),
    ("def f(t) = t; grad(x, f)", "G0402", "f"),
    ("i = argmax([x, 2]); grad(i * x, i)", "G0402", "i"),
    ("hessian(x * 2, (x,))", "G0402", "(x,)"),
    ("jvp(x, x, (1, 2))", "G0202", "(1, 2)"),
    ("jvp(x, (x,), (1, 2))", "G0205", "(1, 2)"),
    ("grad((x, x), x)", "G0202", "(x, x)"),
    ("y = x * [1, 2]; divergence(x, y)", "G0201", "x"),
    ("y = x * [1, 2]; jvp(x, y, [[1, 2]])", "G0203", "[[1, 2]]"),
    ("y = x * arange(300); z = sum(y**2); divergence(y * z, y)", "G0503", "y"),
]


@pytest.mark.parametrize("text, code, place", ERRORS, ids=range(len(ERRORS)))
def test_errors(text, code, place):
    with pytest.raises(gradc.Error) as caught:
        value(text, x=2.0)
    assert (caught.value.code, caught.value.span.text) == (code, place)
