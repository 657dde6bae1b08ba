"""Derivatives to order 10, against mpmath's."""

import mpmath
import numpy as np
import pytest

import gradc

AT = 0.3
ELEMENTARY = {
    "exp(x)": mpmath.exp, "log(x)": mpmath.log, "sin(x)": mpmath.sin, "cos(x)": mpmath.cos, "tan(x)": mpmath.tan,
    "sqrt(x)": mpmath.sqrt, "cbrt(x)": mpmath.cbrt, "tanh(x)": mpmath.tanh, "sinh(x)": mpmath.sinh,
    "arcsin(x)": mpmath.asin, "arctan(x)": mpmath.atan, "arctanh(x)": mpmath.atanh, "arcsinh(x)": mpmath.asinh,
    "erf(x)": mpmath.erf, "normal_cdf(x)": mpmath.ncdf, "lgamma(x)": mpmath.loggamma, "gamma(x)": mpmath.gamma,
    "sigmoid(x)": lambda x: 1 / (1 + mpmath.exp(-x)), "softplus(x)": lambda x: mpmath.log1p(mpmath.exp(x)),
    "expm1(x)": mpmath.expm1, "log1p(x)": mpmath.log1p, "x**5": lambda x: x**5, "x**2.5": lambda x: x**mpmath.mpf(2.5),
    "2**x": lambda x: 2**x, "x**x": lambda x: x**x, "1/(1+x**2)": lambda x: 1 / (1 + x**2),
    "exp(sin(x))/x": lambda x: mpmath.exp(mpmath.sin(x)) / x, "hypot(x, 2)": lambda x: mpmath.sqrt(x**2 + 4),
    "where(x > 0, x**3, 1/x)": lambda x: x**3,
    "max(x, 0)*abs(x)": lambda x: x**2, "j0(x)": lambda x: mpmath.besselj(0, x),
    "logsumexp([x, x**2, 1])": lambda x: mpmath.log(mpmath.exp(x) + mpmath.exp(x**2) + mpmath.e),
    "[x, 1] @ [sin(x), x]": lambda x: x * mpmath.sin(x) + x, "cumsum([x, x**3])[1]": lambda x: x + x**3,
}  # fmt: skip


@pytest.mark.parametrize("text", ELEMENTARY)
def test_order_ten(text):
    with mpmath.workdps(60):
        expected = [float(k) for k in mpmath.diffs(ELEMENTARY[text], mpmath.mpf(AT), 10)]
    found = gradc.compile(text, engine="interpreter").derivatives(10, AT)
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("engine", ["native", "numba"])
def test_engines_and_other_inputs(engine):
    f = gradc.compile("a * sin(w * t)", wrt="t", inputs="t a w", engine=engine)
    assert f.derivatives(4, 0.5, 2.0, 3.0) == pytest.approx([2 * 3**k * np.sin(1.5 + k * np.pi / 2) for k in range(5)])
    t = np.array([0.1, 0.2, 0.7])
    assert f.derivatives(3, t, 2.0, 3.0)[3] == pytest.approx(-54 * np.cos(3 * t))


def test_the_cost_is_quadratic():
    f = gradc.compile("exp(sin(x) * tanh(x)) / (1 + x**2)", engine="interpreter")
    sizes = [
        len(
            str(
                f._calls.specialiser.compilation(f"derivatives{k}", f.stages.types.values()).stage_text("adjoint")
            ).splitlines()
        )
        for k in (6, 12, 24)
    ]
    assert sizes[2] / sizes[1] < 5.5


def test_orders_and_inputs_that_are_none():
    f = gradc.compile("x * y")
    with pytest.raises(gradc.Error, match="one input") as caught:
        f.derivatives(2, 1.0, 2.0)
    assert caught.value.code == "G0402"
    for order in (-1, 31, 1.5, True, "2"):
        with pytest.raises(gradc.Error) as caught:
            gradc.compile("x").derivatives(order, 1.0)
        assert caught.value.code == "G0604"
    assert list(gradc.compile("3*x").derivatives(0, 2.0)) == [6.0]
    assert list(gradc.compile("x: f64; y: f64; y", wrt="x").derivatives(2, 1.0, 2.0)) == [2.0, 0.0, 0.0]
