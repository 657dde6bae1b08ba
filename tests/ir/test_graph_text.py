"""Graphs as text: what is printed reads back to the same objects, and nothing else reads at all."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradc
from gradc.ir.graph import Graph, broadcast, constant, input_node, make
from gradc.ir.reader import read_graph
from gradc.ir.sizes import Derived
from gradc.ir.text import print_graph
from gradc.ir.types import Type
from gradc.language.diagnostics import Error

PROGRAMS = [
    "3",
    "x",
    "(x + y) * z",
    "1/(1+exp(-(w0*x0+w1*x1+w2*x2)))",
    "x: f64[n]; y: f64[m]; sum(x*y) + max(x)",
    "x: f64[n]; sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)",
    "x: f64[n]; x[-1] + x[2] + sum(x[::-2]) + sum(x[5:2])",
    "x: f32[n, 3]; mean(log(1 + exp(-x.T*2)))",
    "x: f64[1]; y: f64[n]; where(x > 0 and not y > 1, x, y*pi)",
    "x: f64[n, 1]; y: f64[3]; prod(x - y)",
    "x: i64; b: bool; y**x if b else -inf",
    "x: f64[n]; y: f64[m]; q = x[::2] - y; std(q)/t0*nan",
    "norm(x) + logsumexp(x) + var(x)",
    "max(x, y, 2) + clip(x, y, z) + polygamma(2, x)",
    "input + output + check + t0 + t1",
    "x: f64[max]; sum(x) * max",
]
GRAPHS = ("graph", "rewritten", "adjoint", "derivative", "lowered")


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("stage", GRAPHS)
def test_every_graph_reads_back_to_the_same_objects(program, stage):
    compilation = gradc.compile(program).stages
    graph = getattr(compilation, stage)
    for text in (print_graph(graph), print_graph(graph, compilation.spans), compilation.stage_text(stage)):
        read = read_graph(text)
        assert read == graph
        assert all(a is b for a, b in zip(read.results + read.inputs, graph.results + graph.inputs, strict=True))


def test_special_numbers_keep_their_bits():
    numbers = [0.0, -0.0, float("inf"), float("-inf"), float("nan"), 5e-324, 0.1, 1e22, 123456789.0]
    nodes = [constant(number) for number in numbers]
    nodes += [constant(0.1, Type("f32")), constant(-(2**63), Type("i64")), constant(True, Type("bool", ("n",)))]
    graph = Graph((input_node("x", Type("f64", ("n",))),), tuple((f"o{k}", node) for k, node in enumerate(nodes)))
    assert all(a is b for a, b in zip(read_graph(print_graph(graph)).results, nodes, strict=True))


def test_sizes_of_any_form_read_back():
    size = Derived("//", Derived("max", Derived("-", "n", 1), 0), Derived("+", "m", 2))
    x = input_node("x", Type("f64", ("n", "m")))
    graph = Graph(
        (x,),
        (
            ("value", broadcast(constant(1.0, Type("f64", (1,))), (size, 1), (1,))),
            ("m", make("sum", x, attrs=((0, 1),))),
        ),
    )
    assert read_graph(print_graph(graph)) == graph


def test_texts(golden):
    programs = (
        "1/(1+exp(-(w0*x0+w1*x1+w2*x2)))",
        "x: f64[n]; y: f32[m]; q = x[1:] - 2*y; sum(q if q > 0 else -inf) / count(y)",
    )
    golden("graphs.txt", "\n".join(gradc.compile(program).stages.stage_text("graph") for program in programs))


def test_comments_and_blank_lines_are_skipped():
    text = "\n# a comment\ninput x : f64   # the input\n\n   t0 = exp( x ) : f64#close\noutput value = t0\n"
    assert print_graph(read_graph(text)) == "input x : f64\nt0 = exp(x) : f64\noutput value = t0\n"


def test_a_deep_graph_prints_and_reads_without_recursion():
    node = input_node("x", Type("f64"))
    for _ in range(100_000):
        node = make("sin", node)
    graph = Graph((input_node("x", Type("f64")),), (("value", node),))
    assert read_graph(print_graph(graph)).results[0] is node


BAD = [
    "",
    "input x : f64",
    "input x : f65\noutput value = x",
    "input x f64",
    "input 3 : f64",
    "input x : f64\ninput x : f64",
    "input x : f64[-1]\noutput value = x",
    "input x : f64[n",
    "input x : f64[2.5]\noutput value = x",
    "input x : f64[1 + 2]\noutput value = x",
    "input x : f64\nx = exp(x) : f64\noutput value = x",
    "input x : f64\nt0 = exq(x) : f64\noutput value = t0",
    "input x : f64\nt0 = exp(y) : f64\noutput value = t0",
    "input x : f64\nt0 = exp(x, x) : f64\noutput value = t0",
    "input x : f64\nt0 = exp() : f64\noutput value = t0",
    "input x : f64\nt0 = exp(x; 3) : f64\noutput value = t0",
    "input x : f64\nt0 = exp(x) : f32\noutput value = t0",
    "input x : f64\nt0 = exp(x)\noutput value = t0",
    "input x : f64\nt0 = exp(x) : f64 f64\noutput value = t0",
    "input x : f64\nt0 = exp x : f64\noutput value = t0",
    "input x : f64\nt0 = input(x) : f64\noutput value = t0",
    "input x : f64\nt0 = add(x, 1:i64) : f64\noutput value = t0",
    "input x : f64\nt0 = add(x, True) : f64\noutput value = t0",
    "input x : f64\nt0 = where(x, x, x) : f64\noutput value = t0",
    "input x : f64\nt0 = and(x, x) : bool\noutput value = t0",
    "input x : f64[n]\ninput y : f64[m]\nt0 = add(x, y) : f64[n]\noutput value = t0",
    "input x : f64[n]\nt0 = sum(x; [1]) : f64[n]\noutput value = t0",
    "input x : f64[n]\nt0 = sum(x; [0, 0]) : f64\noutput value = t0",
    "input x : f64[n]\nt0 = sum(x; 0) : f64\noutput value = t0",
    "input x : f64[n]\nt0 = sum(x) : f64\noutput value = t0",
    "input x : f64[n]\nt0 = any(x; [0]) : bool\noutput value = t0",
    "input x : f64[n]\nt0 = cast(x; f16) : f64[n]\noutput value = t0",
    "input x : f64[n]\nt0 = squeeze(x; [0]) : f64\noutput value = t0",
    "input x : f64[n]\nt0 = transpose(x; [0, 1]) : f64[n]\noutput value = t0",
    "input x : f64[n]\nt0 = broadcast(x; [n], [1]) : f64[n]\noutput value = t0",
    "input x : f64[n]\nt0 = broadcast(x; [3, m], [1]) : f64[3, m]\noutput value = t0",
    "input x : f64[n]\nt0 = slice(x; [[0, 0, n]]) : f64[n]\noutput value = t0",
    "input x : f64[n]\nt0 = slice(x; [0, 1, n]) : f64[n]\noutput value = t0",
    "input x : f64[n]\nt0 = pad(x; [[0, 1, m]], [n]) : f64[n]\noutput value = t0",
    "input x : f64\noutput value = y",
    "input x : f64\noutput value = x\noutput value = x",
    "input x : f64\noutput value = 1.0:f16",
    "input x : f64\noutput value = 2:bool",
    "input x : f64\noutput value = 9999999999999999999:i64",
    "input x : f64\noutput value = 1.5:i64",
    "input x : f64\noutput value = " + "9" * 500,
    "check n == m\noutput value = 1.0",
    "check n < m : \"text\"\noutput value = 1.0",
    "check n == m : \"text\noutput value = 1.0",
    "output value = 1.0 $",
    "output value = 1.0\n\0",
    "input x : f64[" + "(" * 100 + "n" + ")" * 100 + "]\noutput value = x",
    "input x : f64[n]\nt0 = sum(x; " + "[" * 100 + "]" * 100 + ") : f64\noutput value = t0",
]  # fmt: skip


def test_every_message(golden):
    drawn = []
    for text in BAD:
        with pytest.raises(Error) as caught:
            read_graph(text)
        shown = text if len(text) < 200 else text[:90] + " ... " + text[-60:]
        drawn.append(f"{shown!r}\n{caught.value}\n")
    golden("bad_graphs.txt", "\n".join(drawn))


LINES = print_graph(
    gradc.compile("x: f64[n]; y: f64[m]; sum(max(x[1:]*y, 0.5)) + mean(y > 1)").stages.adjoint
).splitlines()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_texts_are_errors_of_ours_or_graphs(data):
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        row = data.draw(st.integers(0, len(lines) - 1))
        line = lines[row]
        at = data.draw(st.integers(0, len(line)))
        until = data.draw(st.integers(at, min(len(line), at + 5)))
        inserted = data.draw(
            st.sampled_from(
                ["", "[", "]", "(", ")", ",", ";", ":", "0", "-1", "n", "x", "t0", "1e9", "bool", "=", '"', "\n"]
            )
        )
        lines[row] = line[:at] + inserted + line[until:]
    if data.draw(st.booleans()):
        del lines[data.draw(st.integers(0, len(lines) - 1))]
    try:
        graph = read_graph("\n".join(lines))
    except Error as error:
        assert str(error)
    else:
        assert read_graph(print_graph(graph)) == graph


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_an_error_of_ours(text):
    with pytest.raises(Error):
        read_graph(text)
