"""Algebraically equal spellings of one formula: value and gradient are right however it is written.

The truth is the program as written and its adjoint, neither of them rewritten, over mpmath's numbers.
"""

import mpmath
import numpy as np
import pytest

import gradc
from gradc.autodiff.adjoint import adjoint
from gradc.check.reals import REALS
from gradc.compiler import Compilation
from gradc.frontends.text import TextProgram
from gradc.ir.graph import constant
from gradc.ir.interpret import bind_sizes
from gradc.ir.types import Type
from gradc.language.source import Source

DIGITS = 700
"""exp(-1000) next to 1, squared."""

NEAR_ZERO = (1e-300, 1e-20, -1e-20, 0.3, -3.0)
SATURATED = (1000.0, -1000.0, 50.0, -50.0, 1e-20, 0.3)
ABOVE_ZERO = (1000.0, 50.0, 0.3, 1e-20)
SMALL = (1e-300, 1e-20, 1e-5, 0.5, 3.0)
SIZES = (1e200, -1e200, 1e-200, 0.3, 2.0)
POSITIVE = (1e200, 1e-200, 0.3, 7.0)
SCORES = ([1000.0, 0.0], [-1000.0, -1000.5], [0.3, 1.0], [-1000.0, 3.0])
VECTORS = ([1e200, 1e200], [1e-200, 1e-200], [3.0, 4.0])

SPELLINGS = [
    (NEAR_ZERO, "-1 + exp(x)", "exp(x) + (-1)", "exp(x) - 2 + 1", "2 + exp(x) - 3", "5 - (4 + exp(x))"),
    (NEAR_ZERO, "3*exp(x) - 3", "-3 + 3*exp(x)", "0.5*exp(x) - 0.5", "3 - 3*exp(x)"),
    (NEAR_ZERO, "exp2(x) - 1", "2**x - 1", "10**x - 1", "1 - 2**x"),
    (SMALL, "log(x - (-1))", "log(x + 2 - 1)", "log(3 + x - 2)", "log2(1 + x)", "log10(1 + x)", "log2(1 - x/8)"),
    (SMALL, "log((1 + x)**2)", "log((x + 1)**3)", "log10((1 + x)**2)", "log2((1 + x)**3)"),
    (SATURATED, "log2(1 + exp(x))", "log10(1 + exp(x))", "log(1 + 2*exp(x))", "log(3 + exp(x))", "log(0.5 + exp(x))"),
    (SATURATED, "log(2*exp(x))", "log(exp(x)*2)", "log(exp(x)/3)", "log((1 + exp(x))**2)", "log(sqrt(1 + exp(x)))"),
    (SATURATED, "log(1 + exp(x)*exp(x))", "log(exp(x) + exp(-x) + 1)", "log(2**x + 1)", "log(1 + exp(x) + exp(2*x))"),
    (ABOVE_ZERO, "log(exp(x) - 1)", "log(x*exp(x))", "log(exp(x)/x)"),
    (SATURATED, "x - log(1 + exp(x))", "log(1 + exp(x)) - x", "x + log(1 + exp(-x))", "-x + log(exp(x) + 1)"),
    (SATURATED, "0.5 + 0.5*tanh(x/2)", "(1 + tanh(x/2))/2", "tanh(x/2)/2 + 0.5", "0.5 - 0.5*tanh(x)"),
    (SATURATED, "log(sigmoid(x)/(1 - sigmoid(x)))", "log(sigmoid(x)) - log(1 - sigmoid(x))"),
    (SATURATED, "1/(3 + exp(x))", "exp(x)/(exp(x) + exp(2*x) + exp(3*x) + 1)"),
    (SCORES, "log(1 + sum(exp(x)))", "log(sum(exp(x)) + 1)", "log(2*sum(exp(x)))", "log(0.5*sum(exp(x)))"),
    (SCORES, "log2(sum(exp(x)))", "log10(sum(exp(x)))", "log(sum(exp(x))**2)", "log(sum(exp(x)**2))"),
    (SCORES, "log(mean(exp(x)))", "log(sum(2*exp(x)))"),
    (SIZES, "log(1 + x**2)", "log(x**2 + 1)", "log(4 + x**2)", "log(1 + 4*x**2)", "log(x*x)", "log10(1 + x**2)"),
    (SIZES, "sqrt(1 + x**2)", "sqrt(2 + 3*x**2)", "sqrt(x*x)", "log(sqrt(1 + x**2))"),
    (VECTORS, "sqrt(dot(x, x))", "sqrt(x @ x)", "sqrt(sum(x*x))", "sqrt(1 + sum(x**2))", "sqrt(2*sum(x**2))"),
    (VECTORS, "log(sum(x**2))", "log(x @ x)", "log(1 + sum(x**2))", "sqrt(x[0]**2 + 4*x[1]**2)"),
    (POSITIVE, "log(x**3)", "log10(x**3)", "log(x**-3)"),
    (POSITIVE, "exp(log(x)/2)", "exp(-log(x))", "exp(-log(x)/2)", "exp(log(x)/-2)", "exp(0.5*log(x))"),
    ((1e160, 1e-90, 3.0), "1/x**3", "x**-3"),
]  # fmt: skip
CASES = [(program, point) for points, *programs in SPELLINGS for program in programs for point in points]

LOSSES = [
    "log(sum(exp(s), axis=1)/exp(s[arange(n), y]))",
    "-log(sum(one_hot(y, k)*softmax(s, axis=1), axis=1))",
    "-sum(one_hot(y, k)*log(softmax(s, axis=1)), axis=1)",
    "-log(sum(where(one_hot(y, k) > 0, softmax(s, axis=1), 0), axis=1))",
    "p = exp(s)/reshape(sum(exp(s), axis=1), (n, 1)); -log(p[arange(n), y])",
    "p = (exp(s).T/sum(exp(s), axis=1)).T; -log(p[arange(n), y])",
    "p = exp(s)/sum(exp(s), axis=1, keepdims=True); -log(sum(p*one_hot(y, k), axis=1))",
]
"""One loss of each row of scores, written out."""


def truth(program: str, x: np.ndarray) -> list:
    compilation = Compilation(TextProgram(Source(program, "expression")), {"x": Type("f64", x.shape)}, ("x",))
    value, wrt = compilation.graph["value"], compilation.wrt_nodes
    nodes = [value, *adjoint(value, wrt, constant(1.0, value.type))]
    with mpmath.workdps(DIGITS):
        return REALS.run(nodes, {wrt[0]: REALS.exact(x[()])}, bind_sizes([(wrt[0].type, x.shape)]))


@pytest.mark.parametrize("program, point", CASES, ids=str)
def test_every_spelling_is_right(program, point):
    x = np.array(point)
    value, (bar,) = gradc.compile(program, engine="interpreter").value_and_grad(x=x)
    for got, true in zip((value, bar), truth(program, x)):
        np.testing.assert_allclose(got, np.asarray(true, float), rtol=2e-14, atol=1e-300)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("labels", [[0, 1], [1, 0], [2, 3], [3, 2]], ids=str)
def test_written_out_losses(loss, labels):
    scores, y = np.array([[1000, -1000, 30, 2.0], [2, 1000, -1000, 30]]), np.array(labels)
    f = gradc.compile(f"s: f64[n, k]; y: i64[n]; {loss}", engine="interpreter")
    value, (bar,) = f.value_and_grad(s=scores, y=y)
    assert np.array_equal(value, 1000 - scores[[0, 1], y])
    assert np.array_equal(bar, np.eye(4)[[0, 1]] - np.eye(4)[y])


@pytest.mark.parametrize("label", range(4))
@pytest.mark.parametrize("loss", ["log(sum(exp(s))/exp(s[y]))",
                                  "-log(exp(s[y])/(exp(s[0]) + exp(s[1]) + exp(s[2]) + exp(s[3])))"])  # fmt: skip
def test_loss_of_one_row(loss, label):
    scores = np.array([1000, -1000, 30, 2.0])
    value, (bar,) = gradc.compile(f"s: f64[n]; y: i64; {loss}", engine="interpreter").value_and_grad(s=scores, y=label)
    assert value == 1000 - scores[label]
    assert np.array_equal(bar, np.eye(4)[0] - np.eye(4)[label])
