"""From a way to build a program's graph to the graph: what is the same for every front end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from gradc.construct.builder import GraphBuilder
from gradc.construct.describe import describe
from gradc.ir.graph import Graph, Node, cast, input_node, topological
from gradc.ir.sizes import DEEPEST, Size, terms
from gradc.ir.types import MAX_AXES, Type, promote
from gradc.language.diagnostics import Error
from gradc.language.source import Source, Span
from gradc.program import Elaborated, Signature

MAX_EXCERPT = 60
"""How many characters of the program a message at the call repeats."""


@dataclass(frozen=True)
class Reading:
    """What a front end made of a program: the results; where nodes were written and what the program calls them."""

    result: Node | tuple[Node, ...]
    """One, or several in order."""
    spans: Mapping[Node, Span] = field(default_factory=dict)
    names: Mapping[Node, str] = field(default_factory=dict)
    called: tuple[str, ...] = ()
    """What several results are called, where the signature does not say it."""

    @property
    def results(self) -> tuple[Node, ...]:
        return self.result if isinstance(self.result, tuple) else (self.result,)


Read = Callable[[GraphBuilder, dict[str, Node]], Reading]
"""Builds a program from its inputs by name. It is called again where sizes turn out to be equal."""


def elaborate(
    signature: Signature, types: Mapping[str, Type], read: Read, is_own: Callable[[Source], bool] = lambda source: False
) -> Elaborated:
    """The graph of a program for these types of the undeclared inputs.

    Where the program shows two sizes equal and one of them is invented, it is read again with one size for both. Data
    that are part of the program may join the inputs while it is read. Spans are shown at a call where `is_own` knows
    their source as the program's.
    """
    nameable = signature.invented_sizes(types)
    types = {name: signature.declared.get(name) or types[name] for name in signature.inputs}
    joined: dict[tuple[str, int], Span] = {}

    def own(span: Span | None) -> Span | None:
        return span if span is not None and is_own(span.source) else None

    while True:
        floats = [type.dtype for type in types.values() if type.is_float]
        builder = GraphBuilder(nameable=nameable, float_dtype=promote(*floats) if floats else "f64")
        inputs = {name: input_node(name, type) for name, type in types.items()}
        reading = read(builder, inputs)
        if not builder.unified:
            break
        for name, type in types.items():
            for axis, size in enumerate(type.shape):
                span = own(builder.joins.get(size)) if isinstance(size, str) else None
                if span is not None:
                    joined.setdefault((name, axis), span)
        renaming = _closed(builder.unified)
        types = {name: type.with_sizes(renaming) for name, type in types.items()}
    for node in topological(reading.results):
        if node.type.rank > MAX_AXES:
            raise Error(
                "G0502", f"an array would have {node.type.rank} axes; the limit is {MAX_AXES}",
                own(reading.spans.get(node)) or own(reading.spans.get(reading.results[0])),
                help="`reshape` makes one axis of several",
            )  # fmt: skip
        if any(terms(size) > DEEPEST for size in node.shape):
            raise Error(
                "G0502", f"the size of an array would be a formula of more than {DEEPEST} sizes",
                own(reading.spans.get(node)) or own(reading.spans.get(reading.results[0])),
                help="declare sizes as numbers, or `stack` arrays of one size",
            )  # fmt: skip
    # conditions and integers take the element type of the inputs
    results = [each if each.type.is_float else cast(each, builder.float_dtype) for each in reading.results]
    names = list(signature.results or reading.called or ("value",))
    names[signature.of] = "value"
    checks = tuple(replace(check, span=own(check.span)) for check in builder.checks)
    indices = tuple(
        check if check.norm is not None else replace(check, text=_called(check.node, reading))
        for check in builder.index_checks
    )
    graph = Graph(tuple(inputs.values()), tuple(zip(names, results, strict=True)), checks, indices, joined)
    inside = {there: reading.spans[here] for there, here in builder.moved.items() if here in reading.spans}
    return Elaborated(graph, inside | dict(reading.spans), reading.names)


def _called(node: Node, reading: Reading) -> str:
    """What the program calls a node: an input or a value by its name, others as they are written."""
    if node.op == "input":
        return node.name
    if node in reading.names:
        return reading.names[node]
    return reading.spans[node].excerpt(MAX_EXCERPT) if node in reading.spans else describe(node)


def _closed(renaming: Mapping[str, Size]) -> dict[str, Size]:
    """A renaming followed to its end: a -> b, b -> c becomes a -> c."""
    closed = {}
    for name in renaming:
        target = renaming[name]
        while isinstance(target, str) and target in renaming and target != name:
            target = renaming[target]
        closed[name] = target
    return closed
