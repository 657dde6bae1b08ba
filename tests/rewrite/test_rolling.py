"""What a program writes out again and again becomes a loop over a table, with the same values and derivatives."""

import re

import mpmath
import numpy as np
import pytest

import gradc
from gradc.ir.graph import topological
from gradc.ir.reader import read_graph
from gradc.ir.text import print_graph
from gradc.loops.reader import read_kernel
from gradc.loops.text import print_kernel
from gradc.rewrite.rolling import FEWEST, FEWEST_OF_ARRAYS
from tests.emit.plain import plain

MANY = 40
R = np.random.default_rng(4)
A, B = R.uniform(0.5, 2.0, MANY).round(3), R.uniform(0.2, 3.0, MANY).round(3)
T = np.linspace(0.1, 1.5, 5)


def joined(term: str, count: int = MANY, sign: str = " + ") -> str:
    """Terms with numbers of their own in the place of A and B, and with their position in that of K."""
    texts = (term.replace("A", str(a)).replace("B", str(b)) for a, b in zip(A[:count], B[:count]))
    return sign.join(text.replace("K", str(k)) for k, text in enumerate(texts))


PROGRAMS = {
    "numbers": (joined("A*sin(B*x)"), [0.7]),
    "taken off": ("exp(x) - " + joined("A*sin(B*x)/B", sign=" - "), [0.7]),
    "inputs": (joined("aK*exp(-bK*t)"), [1.2, 0.3, 0.4] + [0.1 * k for k in range(2 * MANY - 2)]),
    "elements": ("v: f64[n]; w: f64[n]; " + joined("w[K]*exp(-v[K]*t)"), [B, A, 0.4]),
    "every other element": (
        "w: f64[n]; " + " + ".join(f"log(1 + w[{2 * k + 1}]*t)" for k in range(MANY)), [np.tile(A, 2), 0.4],
    ),
    "sums in brackets": (joined("(exp(B*x) - 1)"), [0.7]),
    "over an array": (f"sum(({joined('A*exp(-B*t)', FEWEST_OF_ARRAYS)})**2)", [T]),
    "fitted": (f"t: f64[n]; y: f64[n]; sum((y - ({joined('aK*exp(-bK*t)', FEWEST_OF_ARRAYS)}))**2)",
               [T, T] + [0.1 * k + 0.1 for k in range(2 * FEWEST_OF_ARRAYS)]),
    "a list": (f"p = stack([{joined('sin(B*x)', sign=', ')}, x, x*x]); sum(p*p)", [0.7]),
    "sums of sums": (joined(f"A*exp(({joined('sin(B*y)', FEWEST)})*B*x)", FEWEST), [0.1, 0.2]),
    "a list of numbers": (f"sum({A.tolist()}*sin({B.tolist()}*x))", [0.7]),
    "a matrix of numbers": ("x: f64[4]; sum(exp([[1, 2, 3, 4], [0, -1, 2, 5], [3, 3, 1, 0]] @ x / 9))", [B[:4]]),
    "equal terms": (" + ".join(["sin(x)", "2*y"] * MANY), [0.7, 0.2]),
    "equal parts": (f"sum([{', '.join(['sin(x)'] * MANY)}])", [0.7]),
    "f32": ("x: f32; " + joined("A*sin(B*x)"), [np.float32(0.7)]),
}  # fmt: skip


def rolled(function: gradc.Function, kind: str = "rewritten") -> str:
    return str(function.stages[kind])


@pytest.mark.parametrize("name", PROGRAMS)
def test_repetition_is_short(name):
    text, _ = PROGRAMS[name]
    functions = re.findall(r"= (sin|exp|expm1|log|log1p)\(", rolled(gradc.compile(text)))
    assert 0 < len(functions) <= 3


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_engine_and_both_modes_agree(name):
    text, arguments = PROGRAMS[name]
    tolerance = 2e-6 if name == "f32" else 1e-12
    reference = gradc.compile(text, engine="interpreter")
    value, grads = reference.value_and_grad(*arguments)
    written = plain(reference.source)["value_and_grad"](*arguments)
    native = gradc.compile(text).value_and_grad(*arguments)
    for found_value, found in (written, native):
        np.testing.assert_allclose(found_value, value, rtol=tolerance)
        for one, other in zip(found, grads, strict=True):
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)
    directions = tuple(np.full(np.shape(each), 0.5, np.asarray(each).dtype)[()] for each in arguments)
    dot = gradc.compile(text).jvp(directions, *arguments)
    assert dot == pytest.approx(sum(float(np.sum(0.5 * each)) for each in grads), rel=tolerance * 10)


def test_sums_of_sines_are_exact_to_the_second_derivative():
    f = gradc.compile(PROGRAMS["numbers"][0])
    with mpmath.workdps(40):
        x = mpmath.mpf(0.7)
        terms = [(mpmath.mpf(str(a)), mpmath.mpf(str(b))) for a, b in zip(A, B)]
        value = sum(a * mpmath.sin(b * x) for a, b in terms)
        slope = sum(a * b * mpmath.cos(b * x) for a, b in terms)
        curvature = -sum(a * b * b * mpmath.sin(b * x) for a, b in terms)
    assert f(0.7) == pytest.approx(float(value), rel=1e-15)
    assert f.grad(0.7)[0] == pytest.approx(float(slope), rel=1e-14)
    assert f.hessian(0.7)["x"]["x"] == pytest.approx(float(curvature), rel=1e-14)


def test_numba_has_the_table_too():
    text, arguments = PROGRAMS["taken off"]
    f = gradc.compile(text, engine="numba")
    assert f.value_and_grad(*arguments)[0] == pytest.approx(gradc.compile(text)(*arguments), rel=1e-13)


@pytest.mark.parametrize(
    "text",
    [
        joined("A*x**K.5"),  # each power is another program
        joined("A*sin(B*x)", FEWEST - 1),
        "\n".join(f"t{k} = sin({b}*x)" for k, b in enumerate(B)) + "\n" + joined("tK") + " + t3*t4",
        joined("A*xK"),  # cheaper than to put the inputs into an array
    ],
    ids=["powers", "few", "shared", "cheap"],
)  # fmt: skip
def test_other_sums_stay_as_they_are(text):
    assert "table" not in rolled(gradc.compile(text))


def test_a_sum_in_the_divisor_does_not_vanish():
    """The numbers of a table are known: sin(k*x)/k has no special case where k is 0."""
    assert "spherical" not in rolled(gradc.compile(joined("sin(B*x)/B")))


def test_a_trace_shows_the_gates_of_the_program():
    trace = gradc.trace(PROGRAMS["numbers"][0], x=0.7)
    assert len(trace.gates) == 3 * MANY + 1


def test_tables_are_read_back():
    compilation = gradc.compile(PROGRAMS["numbers"][0]).stages
    graph, kernel = compilation.lowered, compilation.loops
    assert "table" in print_graph(graph)
    assert read_graph(print_graph(graph)).results == graph.results
    assert "table table0: f64[40] = [" in print_kernel(kernel)
    assert print_kernel(read_kernel(print_kernel(kernel))) == print_kernel(kernel)


def test_equal_tables_of_a_module_are_one():
    source = gradc.compile(f"sum({A.tolist()}*sin({A.tolist()}*x))").source
    assert source.count("np.array(") == 1
    assert topological(gradc.compile("sum([1, 1, 1]*x)").stages.rewritten.results)[0].op != "table"
