"""A program as a circuit of gates, each with its value, its local gradients and what flows back through it, in the
manner of Stanford's CS231n."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gradc.autodiff.adjoint import cotangents, pull, scaled
from gradc.autodiff.partials import partial
from gradc.compiler import Compilation
from gradc.frontends.programs import program_of
from gradc.ir.graph import Graph, Node, constant, dependent, topological
from gradc.ir.interpret import run
from gradc.language.parser import collector_paused
from gradc.language.source import Span
from gradc.program import Program
from gradc.runtime import arguments
from gradc.runtime.results import gradients, names_of, to_python
from gradc.runtime.specialise import Specialiser
from gradc.show.gates import Argument, Gate, Gates
from gradc.show.picture import draw
from gradc.show.table import abbreviated, table

TEXT_WIDTH = 36
"""Characters of the program's text that the table shows for a gate."""


class Trace(Gates):
    """A program at one point, gate by gate in forward order: `for gate in trace`, `print(trace)`, `trace.svg()`."""

    def __str__(self) -> str:
        lines = table(HEADINGS, self.rows(), left=3, gap_before="argument")
        notes = ["", f"note: {self.note}"] if self.note else []
        return "\n".join([*lines, *[""] * bool(lines), *self.results(), *notes])

    def __repr__(self) -> str:
        return f"<trace of {len(self)} gate{'s' * (len(self) != 1)}: value {abbreviated(self.value)}>"

    def svg(self) -> str:
        """The computational graph as a self-contained SVG: values above the edges, gradients below.

        Raises `gradc.Error` G0503 if the program has more gates than a picture can hold.
        """
        return draw(self)

    def rows(self) -> Iterator[tuple[str, ...]]:
        """The cells of the table: one row for each argument that a gradient goes to, at least one for each gate."""
        for gate in self.gates:
            shape = "x".join(map(str, gate.shape))
            value, upstream = abbreviated(gate.value), abbreviated(gate.upstream)
            head: tuple[str, ...] = (f"[{gate.number}]", gate.gate, gate.text, shape, value, upstream)
            for argument in gate.arguments or (None,):
                if argument is None:
                    yield (*head, "", "", "")
                else:
                    local = argument.returns or abbreviated(argument.local)
                    yield (*head, argument.name, local, abbreviated(argument.product))
                head = ("",) * len(head)

    def results(self) -> list[str]:
        """The value and the gradients, one a line."""
        rows = [("value", abbreviated(self.value)), *((f"d/d{n}", abbreviated(g)) for n, g in self._named_grads())]
        width = max(len(name) for name, _ in rows)
        return [f"{name:<{width}}  {value}" for name, value in rows]

    def _named_grads(self) -> list[tuple[str, Any]]:
        return list(zip(names_of(self.grads), self.grads, strict=True))

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON: arrays are NumPy arrays still."""
        return {
            "program": self.text,
            "inputs": self.inputs,
            "value": self.value,
            "gradients": dict(self._named_grads()),
            "note": self.note or None,
            "gates": [
                {
                    "number": gate.number,
                    "gate": gate.gate,
                    "text": gate.text,
                    "value": gate.value,
                    "upstream": gate.upstream,
                    "arguments": [vars(argument) for argument in gate.arguments],
                }
                for gate in self.gates
            ],
        }


HEADINGS = ("", "gate", "text", "shape", "value", "upstream", "argument", "local", "product")


def trace(program: str | Program, /, **values: Any) -> Trace:
    """Every gate of a program as written, before any rewriting: value, local gradients, upstream gradient.

    program: text in gradc's language.
    values: one number or array for each input; they broadcast as in NumPy.

    The upstream gradient of the result is one; for a result that is an array, ones. Raises `gradc.Error` for
    whatever is wrong with the program or the values.

    >>> t = trace("(x + y) * z", x=-2.0, y=5.0, z=-4.0)
    >>> [(gate.gate, gate.value, gate.upstream) for gate in t]
    [('+', 3.0, -4.0), ('*', -12.0, 1.0)]
    """
    return trace_at(program_of(program), values)


def trace_at(program: Program, values: Mapping[str, Any]) -> Trace:
    """`trace`, the values in a mapping."""
    signature = program.signature
    prepared = arguments.prepare(signature, arguments.bind(signature.inputs, (), values))
    wrt = tuple(name for name, type in zip(signature.inputs, prepared.types) if type.is_float)
    compilation = Specialiser(program, wrt).compilation("value_and_grad", prepared.types)
    graph = compilation.graph
    known = dict(zip(graph.inputs, prepared.arrays))
    with collector_paused():
        tracer = _Tracer(graph, compilation.wrt_nodes, compilation.spans)
        traced = tracer.run(program.text, known, prepared.sizes(graph))
        return replace(traced, note=_note(traced, compilation, prepared))


def _note(traced: Trace, compilation: Compilation, prepared: arguments.Arguments) -> str:
    """Says what gradc computes instead, where the gates as written give infinities or NaN."""
    if all(np.isfinite(number).all() for number in (traced.value, *traced.grads)):
        return ""
    graph = compilation.derivative
    known = dict(zip(graph.inputs, prepared.arrays, strict=True))
    value, *grads = (to_python(number) for number in run(graph.results, known, prepared.sizes(graph)))
    found = Trace(traced.text, {}, (), "", value, None, gradients(names_of(traced.grads), grads))
    if found.results() == traced.results():
        return ""
    instead = ", ".join(" ".join(line.split()) for line in found.results())
    return f"these are the gates as written; gradc.compile rewrites them and gives {instead}"


class _Tracer:
    """Asks for the values, cotangents, partials and contributions of all gates at once."""

    def __init__(self, graph: Graph, wrt: tuple[Node, ...], spans: Mapping[Node, Span]):
        (self.result,) = graph.results
        self.graph = graph
        self.spans = spans
        self.order = topological(graph.results)
        self.gates = [node for node in self.order if node.row.kind != "source"]
        self.numbers = {node: number for number, node in enumerate(self.gates, 1)}
        active = dependent(self.order, wrt)
        carriers = [node for node in dict.fromkeys((*wrt, *self.order)) if node in active and node.type.is_float]
        self.masked = cotangents(self.result, carriers, constant(1.0, self.result.type))
        nothing = {node: constant(0.0, node.type) for node in carriers if node not in self.masked}
        self.bars = {node: nothing[node] if node in nothing else self.masked[node].node for node in carriers}
        self.wrt = wrt

    def run(self, text: str, known: Mapping[Node, Any], sizes: Mapping[str, int]) -> Trace:
        parts = {(node, k): self._parts(node, k) for node in self.gates for k in range(len(node.args))}
        shown = [part for pair in parts.values() for part in pair if part is not None]
        wanted = list(dict.fromkeys([*self.order, *self.bars.values(), *shown]))
        results = zip(wanted, run(wanted, known, sizes), strict=True)
        values: dict[Node | None, Any] = {node: to_python(value) for node, value in results}
        values[None] = None
        gates = tuple(
            Gate(
                number=self.numbers[node],
                gate=symbol(node, values),
                text=self.spans[node].excerpt(TEXT_WIDTH) if node in self.spans else "",
                value=values[node],
                upstream=values[self.bars.get(node)],
                arguments=tuple(
                    Argument(
                        self._name(arg, values),
                        values[arg],
                        values[local],
                        values[product],
                        self._returns(node, k, values) if product is not None else "",
                    )
                    for k, arg in enumerate(node.args)
                    if not arg.row.is_number
                    for local, product in [parts[node, k]]
                ),
                span=self.spans.get(node),
            )
            for node in self.gates
        )
        return Trace(
            text,
            {node.name: to_python(known[node]) for node in self.graph.inputs},
            gates,
            self._name(self.result, values),
            values[self.result],
            values[self.bars.get(self.result)],
            gradients(tuple(node.name for node in self.wrt), (values[self.bars[node]] for node in self.wrt)),
        )

    def _parts(self, node: Node, position: int) -> tuple[Node | None, Node | None]:
        """The partial derivative for an argument and what the gate contributes to its cotangent; None for none."""
        arg = node.args[position]
        if node not in self.masked or arg not in self.bars:
            return None, None
        if node.row.transpose is not None or node.row.kind == "contraction":
            pulled = pull(node, position, self.masked[node])
            return None, None if pulled is None else pulled.node
        local = partial(node, position)
        if local is None:
            zero = constant(0.0, arg.type)
            return zero, zero
        return local, scaled(node, self.masked[node], local).node

    def _name(self, node: Node, values: Mapping[Node | None, Any]) -> str:
        """The number of a gate, the name of an input, the value of a constant."""
        if node in self.numbers:
            return f"[{self.numbers[node]}]"
        return node.name if node.op == "input" else abbreviated(values[node])

    def _returns(self, node: Node, position: int, values: Mapping[Node | None, Any]) -> str:
        """How a gradient comes back where the gate is linear and has no derivative worth showing."""
        if node.row.kind == "contraction":
            return f"@ {self._name(node.args[1 - position], values)}"
        if node.row.transpose is None:
            return ""
        return node.row.transpose(node.args[position].type, node.attrs)[0]


# ---------------------------------------------------------------- what gates are called


def symbol(node: Node, values: Mapping[Node | None, Any]) -> str:
    """What a gate is called: its sign or its function, with a number that is fixed."""
    fixed = [arg.row.is_number for arg in node.args]
    if fixed.count(True) == 1 and any(node.row.with_number):
        number = values[node.args[fixed.index(True)]]
        form = node.row.with_number[fixed.index(True)]
        return form.format(abbreviated(np.ravel(number)[0] if np.size(number) else 0.0))
    return node.row.symbol or node.op
