"""The verifier: silent for every stage of every program (conftest.py has it watch), loud for graphs that are wrong."""

import pytest

import gradc
from gradc import compiler
from gradc.ir.graph import Check, Graph, Node, input_node, make
from gradc.ir.ops import OPS
from gradc.ir.types import Type
from gradc.ir.verify import FORBIDDEN, LOWERED_AWAY, IllFormed, verify

X = input_node("x", Type("f64", ("n",)))
Y = input_node("y", Type("f64", ("m",)))
S = input_node("s", Type("f64"))
A = input_node("A", Type("f64", ("n", "n")))


def graph(node, *inputs, checks=()):
    return Graph(inputs or (X, Y, S, A), (("value", node),), checks)


def test_it_watches_every_graph_stage():
    seen = []
    compiler.watchers.append(lambda compilation, stage, graph: seen.append(stage))
    try:
        _ = gradc.compile("x*y").stages.lowered
    finally:
        compiler.watchers.pop()
    assert sorted(seen) == sorted(FORBIDDEN)


def test_the_message_names_the_node_shows_its_line_and_the_place_in_the_program():
    compilation = gradc.compile("a*b + softplus(c)").stages
    with pytest.raises(IllFormed) as caught:
        verify(compilation.derivative, "lowered", compilation.spans)
    assert str(caught.value) == (
        "stage lowered, node t1: `softplus` is not allowed in this stage\n"
        "  t1 = softplus(c) : f64\n"
        "  --> expression:1:7\n"
        "  |\n"
        "1 | a*b + softplus(c)\n"
        "  |       ^^^^^^^^^^^"
    )


@pytest.mark.parametrize("op", sorted(LOWERED_AWAY))
def test_nothing_that_lowering_removes_passes_as_lowered(op):
    row = OPS[op]
    arg = A if row.kind == "matrix" else S
    node = make(op, X, attrs=((0,),)) if row.kind == "reduction" else make(op, *[arg] * len(row.params))
    with pytest.raises(IllFormed, match=f"`{op}` is not allowed"):
        verify(graph(node), "lowered")
    verify(graph(node), "derivative")


def retyped(node, type):
    """A node that claims another type, which `make` never makes."""
    wrong = Node()
    wrong.op, wrong.row, wrong.args, wrong.attrs = node.op, node.row, node.args, node.attrs
    wrong.type, wrong.is_constant, wrong.form, wrong.ops = type, node.is_constant, node.form, node.ops
    return wrong


WRONG = {
    "its arguments do not give f32[n]": retyped(make("exp", X), Type("f32", ("n",))),
    "have shapes [n] and [m]": make("add", X, Y),
    "wants numbers of one type": make("add", S, make("const", attrs=(1, Type("i64")))),
    "is no input of this graph": make("exp", input_node("z", Type("f64"))),
    "no input determines the size k": make("broadcast", S, attrs=(("k",), ())),
    "no input determines the size q": make("size", attrs=("q", Type("f64"))),
    "below 1": make("sum", X, attrs=((1,),)),
    "`slice` has a first index": make("slice", X, attrs=(((0, 0, "n"),),)),
    "takes 2 arguments, not 1": make("add", S),
    "no attributes": make("exp", S, attrs=(1,)),
}


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_node_is_found(message):
    with pytest.raises(IllFormed) as caught:
        verify(graph(WRONG[message]), "adjoint")
    assert message in str(caught.value)


def test_sizes_that_checks_join_are_equal():
    node = make("add", X, Y)
    chain = (Check("n", "==", "k", ""), Check("m", "==", "k", ""))
    verify(graph(node, checks=chain), "graph")
    with pytest.raises(IllFormed):
        verify(graph(node, checks=(Check("n", ">=", "m", ""),)), "graph")


def test_names_are_unique_and_gradients_fit_their_inputs():
    with pytest.raises(IllFormed, match="2 inputs are called `s`"):
        verify(Graph((S, S), (("value", S),)), "graph")
    with pytest.raises(IllFormed, match="2 outputs are called `value`"):
        verify(Graph((S,), (("value", S), ("value", S))), "graph")
    with pytest.raises(IllFormed, match=r"x_bar is f64, but x is f64\[n\]"):
        verify(Graph((X, S), (("x_bar", S),)), "adjoint")


def test_a_deep_graph_is_verified_without_recursion():
    node = S
    for _ in range(100_000):
        node = make("sin", node)
    verify(graph(node), "lowered")
