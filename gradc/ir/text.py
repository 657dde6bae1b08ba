"""Graphs as text: one node a line. `reader.py` reads it back to the same objects.

    input x : f64[n]
    check n == m : "sizes n and m differ in `x * y`"
    indices y : n
    t0 = mul(x, 2.0:f64[n]) : f64[n]          # 2*x
    t1 = sum(t0; [0]) : f64
    output value = t1

Attributes stand behind the semicolon. Numbers stand where they are used; one that is no f64 scalar says its type.
What a loop does again and again stands before it, as a graph of its own:

    step0 = step over n
      state h : f64
      row x : f64
      captured a : f64
      t0 = mul(a, h) : f64
      t1 = add(t0, x) : f64
      next h = t1
      emit t0
    end
    t2 = loop(h0, X, a; step0, 0) : f64
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from gradc.ir.graph import Graph, IndexCheck, Node, numbers_of, topological
from gradc.ir.step import LoopStep
from gradc.ir.types import Type
from gradc.language.source import Span

SPAN_COLUMN = 48
"""Where the program's text for a node begins, if the line leaves room."""
SPAN_WIDTH = 48


def print_graph(graph: Graph, spans: Mapping[Node, Span] | None = None) -> str:
    """The text of a graph; with `spans`, each line says as a comment what it came from."""
    return "\n".join(_lines(graph, spans or {})) + "\n"


def _lines(graph: Graph, spans: Mapping[Node, Span]) -> Iterator[str]:
    for node in graph.inputs:
        yield f"input {node.name} : {node.type}"
    for check in graph.checks:
        yield f"check {check.left} {check.relation} {check.right} : {quoted(check.message)}"
    names = names_of(graph)
    yield from (_indices(check, names) for check in graph.index_checks if not check.is_computed)
    yield from _nodes(graph, names, spans)
    yield from (_indices(check, names) for check in graph.computed_indices)
    for name, node in graph.outputs:
        yield f"output {name} = {operand(node, names)}"


def _nodes(graph: Graph, names: Mapping[Node | LoopStep, str], spans: Mapping[Node, Span]) -> Iterator[str]:
    inputs = set(graph.inputs)
    for node, name in names.items():
        if isinstance(node, LoopStep):
            yield f"{name} = step over {node.size}{' backwards' * node.backwards}"
            yield from (f"  {line}" for line in _inside(node, spans))
            yield "end"
        elif node not in inputs:
            line = statement(node, names)
            span = spans.get(node)
            yield f"{line:<{SPAN_COLUMN - 2}}  # {span.excerpt(SPAN_WIDTH)}" if span is not None else line


def _inside(step: LoopStep, spans: Mapping[Node, Span]) -> Iterator[str]:
    for word, inputs in (("state", step.states), ("row", step.rows), ("captured", step.captured)):
        yield from (f"{word} {node.name} : {node.type}" for node in inputs)
    names = names_of(step.graph)
    yield from _nodes(step.graph, names, spans)
    for state, new in zip(step.states, step.next):
        yield f"next {state.name} = {operand(new, names)}"
    yield from (f"emit {operand(node, names)}" for node in step.emitted)


def _indices(check: IndexCheck, names: Mapping[Node | LoopStep, str]) -> str:
    line = f"{'indices' if check.from_end else 'labels'} {operand(check.node, names)} : {check.size}"
    return f"{line} : {quoted(check.text)}" if check.is_computed else line


def names_of(graph: Graph) -> dict[Node | LoopStep, str]:
    """What each node but the constants is called: inputs by their names, the others t0, t1, ... in order; and each step
    of a loop, before the loop."""
    names: dict[Node | LoopStep, str] = {node: node.name for node in graph.inputs}
    taken = set(names.values())
    free = (name for k in count() if (name := f"t{k}") not in taken)
    steps = (name for k in count() if (name := f"step{k}") not in taken)
    for node in topological(graph.roots):
        if node.op == "loop" and node.attrs[0] not in names:
            names[node.attrs[0]] = next(steps)
        if node not in names and node.op != "const":
            names[node] = next(free)
    return names


def statement(node: Node, names: Mapping[Node | LoopStep, str]) -> str:
    """The line that defines a node."""
    attrs = node.attrs[:-1] if node.row.kind == "source" else node.attrs
    if node.op == "table":
        attrs = (numbers_of(node),)
    args = ", ".join(operand(arg, names) for arg in node.args)
    stated = ", ".join(names.get(attr, "_") if isinstance(attr, LoopStep) else _attribute(attr) for attr in attrs)
    return f"{names.get(node, '_')} = {node.op}({args}{'; ' if args and stated else ''}{stated}) : {node.type}"


def operand(node: Node, names: Mapping[Node | LoopStep, str]) -> str:
    if node.op != "const":
        return names.get(node, "_")
    return f"{node.value!r}" if node.type == Type("f64") else f"{node.value!r}:{node.type}"


def _attribute(attr: Any) -> str:
    return "[" + ", ".join(map(_attribute, attr)) + "]" if isinstance(attr, tuple) else str(attr)


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
