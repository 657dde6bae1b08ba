"""From a program at one point to its gates: values, partials and what flows back, all computed in one run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradc.autodiff.adjoint import cotangents, pull, scaled
from gradc.autodiff.partials import partial
from gradc.ir.graph import Graph, Node, constant, dependent, topological
from gradc.ir.interpret import run
from gradc.language.source import Span
from gradc.runtime.results import gradients, to_python
from gradc.show.gates import Argument, Gate, Gates
from gradc.show.table import abbreviated

TEXT_WIDTH = 36
"""Characters of the program's text that the table shows for a gate."""


class Tracer:
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

    def run(self, text: str, known: Mapping[Node, Any], sizes: Mapping[str, int]) -> Gates:
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
        return Gates(
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
        if node.row.transpose is not None or node.row.kind in ("contraction", "scan"):
            pulled = pull(node, position, self.masked[node])
            return None, None if pulled is None else pulled.node
        local = partial(node, position)
        if local is None:
            zero = constant(0.0, arg.type)
            return zero, zero
        return local, scaled(node, position, self.masked[node], local).node

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
