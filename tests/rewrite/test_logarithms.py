"""Logarithms of sums, products and running sums of exponentials over arrays, far below where these underflow."""

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
from gradc.language.source import Source

LOW = np.array([-800.0, -799.0, -900.0, -798.0])
INPUTS = {
    "w": np.array([0.2, 0.3, 0.1, 0.4]), "x": LOW, "X": LOW.reshape(2, 2) * 2,
    "W": np.array([[0.5, 0.1], [2.0, 1.0]]),
    "a": -800.0, "b": -801.0, "c": 0.3,
}  # fmt: skip
DECLARED = "w: f64[n]; x: f64[n]; X: f64[p, q]; W: f64[r, p]; "

PROGRAMS = [
    "log(w @ exp(x))", "log(exp(x) @ w)", "sum(log(W @ exp(X)))", "sum(log(exp(X) @ exp(X.T)))",
    "sum(log(einsum('ij,jk->ki', W, exp(X))))", "log(cumsum(exp(x)))[3]", "sum(log(cumsum(w*exp(x))))",
    "sum(log(cumsum(normal_pdf(x/20))))", "log(c*exp(a) + (1 - c)*exp(b))",
    "log(c*exp(a) + (1 - c)*exp(b) - 0.1*exp(a + b/400))", "log(sum((w - 0.15)*normal_pdf(x/20)))",
    "sum(log(c*exp(x) + (1 - c)*normal_pdf(x/20)))",
    "sum(log(where(w > 0.25, exp(x), normal_cdf(x/10))))",
    "log(sum(w*exp(x)))", "log(sum(normal_pdf(x/18)*normal_cdf(x/20)))", "log(prod(exp(x)))",
    "log(mean(sigmoid(x)**2))",
]  # fmt: skip


def truth(program, values):
    """Value and gradients of the program as written, over mpmath's numbers."""
    text = TextProgram(Source(program, "expression"))
    calls = gradc.compile(program, engine="interpreter")._calls
    types = calls.prepare(values).types
    compilation = Compilation(text, dict(zip(text.signature.inputs, types)), text.signature.inputs)
    value, wrt = compilation.graph["value"], compilation.wrt_nodes
    nodes = [value, *adjoint(value, wrt, constant(1.0, value.type))]
    sizes = bind_sizes([(node.type, np.shape(given)) for node, given in zip(wrt, values)])
    with mpmath.workdps(1500):
        exact = {node: REALS.exact(np.asarray(given)[()]) for node, given in zip(wrt, values)}
        return [np.asarray(found, float) for found in REALS.run(nodes, exact, sizes)]


@pytest.mark.parametrize("program", PROGRAMS)
def test_nothing_underflows(program):
    needed = [
        line for line in DECLARED.split("; ") if line and line[0] in program.replace("exp", "").replace("max", "")
    ]
    program = "".join(f"{line}; " for line in needed) + program
    f = gradc.compile(program, engine="interpreter")
    values = [INPUTS[name] for name in f.inputs]
    value, grads = f.value_and_grad(*values)
    for got, true in zip([value, *grads], truth(program, values), strict=True):
        np.testing.assert_allclose(got, true, rtol=1e-12, atol=1e-300)
