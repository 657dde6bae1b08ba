"""`check` agrees where the gradient is right, and says so where an oracle does not."""

import json

import numpy as np
import pytest

import gradc
from gradc.autodiff import adjoint
from gradc.check.check import check
from gradc.construct.functions import FUNCTIONS
from gradc.ir.graph import constant, make


@pytest.mark.parametrize("text, values", [
    ("log(1+exp(x))*y", {"x": 3.0, "y": 2.0}),
    ("sum((y - a*exp(-b*t))**2)", None),
    ("sum(exp(x[1:]*x[:-1])) + max(x)", None),
])  # fmt: skip
def test_right_gradients_pass(text, values):
    report = check(text, values)
    assert report.passed, str(report)
    assert {row.oracle for row in report.rows} >= {"forward mode", "mpmath", "finite differences"}
    json.dumps(report.as_dict())


CALLS = {
    "Piecewise": "Piecewise((x, x < 0), (y**2, x < y), (x * y, True))",
    **{name: f"{name}(1.5, x)" for name in ("jv", "jn", "yv", "yn", "iv", "ive", "kv", "kn", "kve")},
    **{name: f"{name}(1.5, x)" for name in ("gammainc", "gammaincc")},
    **{name: f"{name}(1.5, sigmoid(x))" for name in ("gammaincinv", "gammainccinv")},
    **{name: f"{name}(1.5, 2.5, sigmoid(x))" for name in ("betainc", "betaincc", "betaincinv", "betainccinv")},
    **{name: f"{name}(sigmoid(x))" for name in ("ndtri", "erfinv", "erfcinv")},
    **{name: f"{name}(exp(x))" for name in ("lambertw", "entr", "y0", "y1", "k0", "k1", "k0e", "k1e")},
    "kl_div": "kl_div(exp(x), exp(y))",
    "rel_entr": "rel_entr(exp(x), exp(y))",
    "logdiffexp": "logdiffexp(x, x - exp(y))",
    "powm1": "powm1(exp(x), y)",
    "boxcox": "boxcox(exp(x), y)",
    "xlog1py": "xlog1py(x, exp(y))",
    "betaln": "betaln(exp(x), exp(y))",
    "beta": "beta(exp(x), exp(y))",
    "binom": "binom(3 + exp(x), sigmoid(y))",
    "arange": "x * arange(3)",
    "concatenate": "concatenate([x, y], 0)",
    "einsum": 'einsum("i,j->ij", x, y)',
    "expand_dims": "expand_dims(x, 0)",
    "cross": "a: f64[3]; b: f64[3]; cross(a, b)",
    "trapezoid": "y: f64[3]; trapezoid(y)",
    "trapz": "y: f64[3]; trapz(y, y**2)",
    "eye": "X: f64[3, 3]; eye(3) @ X",
    "fliplr": "X: f64[3, 3]; fliplr(X) * X",
    "flipud": "X: f64[3, 3]; flipud(X) * X",
    "full": "full(3, x)",
    "identity": "X: f64[3, 3]; identity(3) @ X",
    "interp": "x: f64; t: f64[3]; v: f64[3]; interp(x, cumsum(exp(t)) - 3, v)",
    "nanpercentile": "q: f64; nanpercentile(x, exp(q) % 100)",
    "nanquantile": "q: f64; nanquantile(x, exp(q) % 1)",
    "ones": "x * ones(3)",
    "pad": "pad(x, 2) * 3",
    "roll": "roll(x, 1) * x",
    "searchsorted": "t: f64[3]; v: f64[3]; x * searchsorted(t, v)",
    **{name: f"{name}(1 + exp(x))" for name in ("safe_acosh",)},
    "atanh_clip": "atanh_clip(x / 4)",
    "tril": "X: f64[3, 3]; tril(X) @ X",
    "triu": "X: f64[3, 3]; triu(X) @ X",
    "zeros": "x + zeros(3)",
    "log1mexp": "log1mexp(-x)",
    "matmul": "X: f64[3, 3]; matmul(X, X)",
    "multiclass_hinge": "s: f64[3, 2]; k: i64[3]; multiclass_hinge(s, k)",
    "one_hot": "k: i64[3]; x * one_hot(k, 3)",
    "polygamma": "polygamma(2, x)",
    "reshape": "reshape(x, [3, 1])",
    "softmax_cross_entropy": "s: f64[3, 2]; k: i64[3]; softmax_cross_entropy(s, k)",
    "squeeze": "X: f64[3, 1]; squeeze(X)",
    "stack": "stack([x, y])",
    "take_along_axis": "k: i64[2]; take_along_axis(x, k, 0)",
    "trace": "X: f64[3, 3]; trace(X)",
    "cholesky": "X: f64[3, 3]; cholesky(X @ X.T + eye(3))",
    "eigh": "X: f64[3, 3]; (w, V) = eigh(X + X.T); w * V**3",
    "lstsq": "A: f64[4, 3]; b: f64[4]; lstsq(A, b)",
    "matrix_power": "X: f64[3, 3]; matrix_power(X, 3)",
    "pinv": "A: f64[4, 3]; pinv(A)",
    "qr": "A: f64[4, 3]; (Q, R) = qr(A); Q @ R**2",
    "slogdet": "X: f64[3, 3]; (s, l) = slogdet(X); s * l",
    "svd": "A: f64[4, 3]; (U, s, Vh) = svd(A, full_matrices=False); (U * s**3) @ Vh + U @ Vh**2",
    "svdvals": "A: f64[4, 3]; svdvals(A)",
    "fold": "def step(s, t) = sin(s) * t; fold(step, x, y)",
    "scan": "def step(s, t) = sin(s) * t; scan(step, x, y)",
    "iterate": "def step(s) = sin(s) * y; iterate(step, x, 3)",
    "grad": "grad(sin(x) * y, x)",
    "jvp": "jvp(sin(x) * y, x, z)",
    "divergence": "x: f64[3]; divergence(x**3 * sum(x), x)",
    "hessian": "x: f64[3]; hessian(prod(x)**2, x)",
    "jacobian": "x: f64[3]; jacobian(x**3 * sum(x), x)",
    "laplacian": "x: f64[3]; laplacian(prod(x)**2, x)",
    "where": "where(x < y, x, y**2)",
}
"""Programs for the functions that take other arguments than floats."""


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_can_be_checked(name):
    needed = FUNCTIONS[name].parameters[: FUNCTIONS[name].required]
    report = check(CALLS.get(name, f"{name}({', '.join(needed)})"))
    assert report.passed, str(report)


@pytest.mark.parametrize("text", [
    "x // 1", "floor(x/y) * y", "x % y", "ceil(x) - floor(x) * x", "k: i64; x**k", "x if x == y else y*y",
    "x: f32; sin(x) * y",
])  # fmt: skip
def test_steps_integers_and_narrow_floats(text):
    report = check(text)
    assert report.passed, str(report)


CANCELLING = {
    "softmax(x)": "div",
    "x: f64[n]; x - mean(x)": "sub",
    "x: f64[n]; x/sum(x)": "div",
    "(x - mean(x))/std(x)": "sub",
    "exp(x)/sum(exp(x))": "div",
    "cosh(x)**2 - sinh(x)**2": "cosh",
    "(x+y)**2 - x**2 - 2*x*y - y**2": "square",
}
"""Programs whose gradient is zero, as a sum of larger terms, and an op in them."""


@pytest.mark.parametrize("text", CANCELLING)
def test_zero_by_cancellation(text):
    report = check(text)
    assert report.passed, str(report)


@pytest.mark.parametrize("text, op", [("sin(x) * y", "sin"), ("1e-9 * exp(x) + 1e9", "exp"), *CANCELLING.items()])
def test_a_wrong_partial_is_found(text, op, monkeypatch):
    right = adjoint.partial

    def wrong(node, position):
        local = right(node, position)
        return make("mul", local, constant(1 + 1e-9, local.type)) if node.op == op and position == 0 else local

    monkeypatch.setattr(adjoint, "partial", wrong)
    assert not check(text).passed


LONG = {"t": np.linspace(0.0, 3.0, 401), "y": np.cos(np.arange(401.0)), "a": 2.0, "b": 1.5}


@pytest.mark.parametrize("text", ["a*exp(-b*t) + y", "sum((y - a*exp(-b*t))**2)", "max(y)*a + sum(t**2 * b)"])
def test_long_arrays(text):
    values = {name: LONG[name] for name in gradc.compile(text).inputs}
    report = check(text, values)
    assert report.passed, report.details
    assert len(str(report).splitlines()) <= 2 + len(values) < len(report.details)
    assert report.count == sum(np.size(value) for value in values.values())


def test_a_wrong_element_of_a_long_array_is_named(monkeypatch):
    right = gradc.Function.grad

    def wrong(self, *args, **kwargs):
        grads = right(self, *args, **kwargs)
        bar = grads.t.copy()
        bar[123] += 1e-9
        return grads._replace(t=bar)

    monkeypatch.setattr(gradc.Function, "grad", wrong)
    report = check("a*exp(-b*t)", {name: LONG[name] for name in "abt"})
    failed = [row for row in report.rows if not row.passed]
    assert {row.oracle for row in failed} == {"forward mode", "mpmath", "finite differences"}
    assert {row.element for row in failed} == {"t[123]"} and "d/dt[123]" in str(report)


def test_progress_is_told():
    told = []
    check("x*y", {"x": 2.0, "y": 3.0}, progress=lambda done, total, what: told.append((done, total, what)))
    assert told[0][2] == "gradient" and told[-1][2] == "done" and told[-1][0] == told[-1][1]
    assert "d/dy, finite differences" in {what for _, _, what in told}


def test_a_bad_point_is_an_error():
    with pytest.raises(gradc.Error):
        check("x + y", {"x": 1.0})


def test_what_is_too_deep_for_sympy_is_left_to_the_others():
    report = check("sin(" * 1500 + "x" + ")" * 1500, {"x": 1.0})
    assert report.passed
    assert "sympy" not in {row.oracle for row in report.rows}
