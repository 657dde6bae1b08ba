"""From a program at one point to its gates: values, partials and what flows back, all computed in one run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradc.autodiff.adjoint import cotangents, pull, scaled, swept
from gradc.autodiff.masked import Masked, direction, plus
from gradc.autodiff.partials import partial
from gradc.ir.graph import Graph, Node, constant, dependent, topological
from gradc.ir.interpret import run
from gradc.language.source import Span
from gradc.runtime.results import gradients, to_python
from gradc.show.folding import Fold, Way, folds, unfolded
from gradc.show.gates import Argument, Gate, Gates
from gradc.show.table import abbreviated

TEXT_WIDTH = 36
"""Characters of the program's text that the table shows for a gate."""

SYMBOL_WIDTH = 24
"""Of the text in a gate that only holds a constant."""

_Row = tuple[Way, Node | None, Node | None]


class Tracer:
    """Asks for the values, cotangents, partials and contributions of all gates at once."""

    def __init__(self, graph: Graph, wrt: tuple[Node, ...], spans: Mapping[Node, Span]):
        (self.result,) = graph.results
        self.graph = graph
        self.spans = spans
        self.order = topological(graph.results)
        self.active = active = dependent(self.order, wrt)
        carriers = [node for node in dict.fromkeys((*wrt, *self.order)) if node in active and node.type.is_float]
        self.masked = cotangents(self.result, carriers, constant(1.0, self.result.type))
        nothing = {node: constant(0.0, node.type) for node in carriers if node not in self.masked}
        self.bars = {node: nothing[node] if node in nothing else self.masked[node].node for node in carriers}
        self.wrt = wrt

    def run(self, text: str, known: Mapping[Node, Any], sizes: Mapping[str, int], unfold: bool) -> Gates:
        gates = [node for node in self.order if node.row.kind != "source"]
        made = [unfolded(node) for node in gates] if unfold else folds(self.order, self.spans)
        self.numbers = {fold.root: number for number, fold in enumerate(made, 1)}
        rows = [self._arguments(fold) for fold in made]
        shown = [node for part in rows for row in part for node in row[1:] if node is not None]
        wanted = list(dict.fromkeys([*self.order, *self.bars.values(), *shown]))
        results = zip(wanted, run(wanted, known, sizes), strict=True)
        values: dict[Node | None, Any] = {node: to_python(value) for node, value in results}
        values[None] = None
        return Gates(
            text,
            {node.name: to_python(known[node]) for node in self.graph.inputs},
            tuple(self._gate(fold, part, values) for fold, part in zip(made, rows)),
            self._name(self.result, values),
            values[self.result],
            values[self.bars.get(self.result)],
            gradients(tuple(node.name for node in self.wrt), (values[self.bars[node]] for node in self.wrt)),
        )

    def _gate(self, fold: Fold, rows: list[_Row], values: Mapping[Node | None, Any]) -> Gate:
        node = fold.root
        return Gate(
            number=self.numbers[node],
            gate=fold.symbol or self._constant(node) or symbol(node, values),
            text=self.spans[node].excerpt(TEXT_WIDTH) if node in self.spans else "",
            value=values[node],
            upstream=values[self.bars.get(node)],
            arguments=tuple(
                Argument(
                    self._name(way.source, values),
                    values[way.source],
                    values[local],
                    values[product],
                    "" if fold.is_function or product is None else self._returns(way, values),
                )
                for way, local, product in rows
            ),
            span=self.spans.get(node),
        )

    def _arguments(self, fold: Fold) -> list[_Row]:
        """The ways into a gate, each with the partial derivative and what comes back; None for none.

        A function has one row for each value it takes, an op one for each of its arguments.
        """
        ways = [way for way in fold.ways if not way.source.row.is_number]
        if not fold.is_function:
            return [(way, *self._parts(way)) for way in ways]
        locals = self._locals(fold)
        rows: list[_Row] = []
        for source in dict.fromkeys(way.source for way in ways):
            products = [self._contribution(way) for way in ways if way.source is source]
            total = None
            for product in products:
                total = product if total is None else total if product is None else plus(total, product)
            first = next(way for way in ways if way.source is source)
            rows.append((first, locals.get(source), None if total is None else total.node))
        return rows

    def _locals(self, fold: Fold) -> dict[Node, Node]:
        """The derivatives of a function of ours that works element by element."""
        plain = all(node.row.kind == "elementwise" for node in fold.members) and not any(w.moves for w in fold.ways)
        if not plain or fold.root not in self.masked:
            return {}
        ones = direction(constant(1.0, fold.root.type))
        bars = swept(fold.members, self.active, {fold.root: ones})
        return {
            source: bars[source].node
            for source in dict.fromkeys(way.source for way in fold.ways)
            if source in bars and source in self.bars
        }

    def _parts(self, way: Way) -> tuple[Node | None, Node | None]:
        """The partial derivative for an argument and what the gate contributes to its cotangent; None for none."""
        node = way.node
        if node not in self.masked or way.source not in self.bars:
            return None, None
        if node.row.transpose is not None or node.row.kind in ("contraction", "scan", "loop", "matrix"):
            contributed = self._contribution(way)
            return None, None if contributed is None else contributed.node
        local = partial(node, way.position)
        if local is None:
            zero = constant(0.0, way.source.type)
            return zero, zero
        moved = _moved(scaled(node, way.position, self.masked[node], local), way)
        return local, moved.node if moved is not None else constant(0.0, way.source.type)

    def _contribution(self, way: Way) -> Masked | None:
        """What a gate's node contributes to the cotangent of the source of one of its arguments."""
        if way.node not in self.masked or way.source not in self.bars:
            return None
        return _moved(pull(way.node, way.position, self.masked[way.node]), way)

    def _name(self, node: Node, values: Mapping[Node | None, Any]) -> str:
        """The number of a gate, the name of an input, the value of a constant."""
        if node in self.numbers:
            return f"[{self.numbers[node]}]"
        return node.name if node.op == "input" else abbreviated(values[node])

    def _returns(self, way: Way, values: Mapping[Node | None, Any]) -> str:
        """How a gradient comes back where the gate is linear and has no derivative worth showing."""
        node = way.node
        if node.row.kind == "contraction":
            return f"@ {self._name(node.args[1 - way.position], values)}"
        if node.row.transpose is None:
            return ""
        moved, position = (way.moves[-1], 0) if way.moves else (node, way.position)
        transpose = moved.row.transpose
        return transpose(moved.args[position].type, moved.attrs)[0] if transpose is not None else ""

    def _constant(self, node: Node) -> str:
        """What a gate without arguments is called: its text, as in `2*pi`."""
        if not node.args or node not in self.spans or not all(arg.row.is_number for arg in node.args):
            return ""
        return self.spans[node].excerpt(SYMBOL_WIDTH)


def _moved(contributed: Masked | None, way: Way) -> Masked | None:
    """What comes back to the source of a way, through what moved it."""
    for move in way.moves:
        contributed = None if contributed is None else pull(move, 0, contributed)
    return contributed


# ---------------------------------------------------------------- what gates are called


def symbol(node: Node, values: Mapping[Node | None, Any]) -> str:
    """What a gate is called: its sign or its function, with a number that is fixed."""
    fixed = [arg.row.is_number for arg in node.args]
    if fixed.count(True) == 1 and any(node.row.with_number):
        number = values[node.args[fixed.index(True)]]
        form = node.row.with_number[fixed.index(True)]
        return form.format(abbreviated(np.ravel(number)[0] if np.size(number) else 0.0))
    return node.row.symbol or node.op
