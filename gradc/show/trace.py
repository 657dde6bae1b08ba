"""The lecture's picture of a program: every gate with its value, its local gradients and what flows back through it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator, Mapping

import numpy as np

from gradc.autodiff.adjoint import adjoint, pull
from gradc.autodiff.partials import partial
from gradc.compiler import Compilation
from gradc.frontends.outline import outline
from gradc.ir.graph import Graph, Node, constant, dependent, topological
from gradc.ir.interpret import run
from gradc.language.diagnostics import Error
from gradc.language.parser import parse
from gradc.language.source import Source, Span
from gradc.runtime import arguments
from gradc.runtime.results import Gradients, gradients, names_of, plain
from gradc.show.table import abbreviated, table

TEXT_WIDTH = 36
"""Characters of the program's text that the table shows for a gate."""


@dataclass(frozen=True)
class Flow:
    """One argument of a gate: `name` is an input's name or the number of a gate, as in `[3]`; `local` is the
    derivative of the gate for this argument, None where the gate only moves data and `moves` says how its
    gradient returns; `product` is what the gate hands back, upstream times local."""

    name: str
    value: Any
    local: Any
    product: Any
    moves: str = ""


@dataclass(frozen=True)
class Gate:
    """One op of the program: `gate` is its symbol, `text` the program's text for it ("" for casts and broadcasts,
    which nobody writes), `upstream` the gradient of the result for its value, None where no input flows in."""

    number: int
    gate: str
    text: str
    value: Any
    upstream: Any
    flows: tuple[Flow, ...]
    span: Span | None

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)


@dataclass(frozen=True)
class Trace:
    """A program at one point, gate by gate in forward order: `for gate in trace`, `print(trace)`, `trace.svg()`."""

    source: Source
    inputs: dict[str, Any]
    gates: tuple[Gate, ...]
    result: str
    """Where the value comes from: the number of the last gate, as in `[3]`, or the name of an input."""
    value: Any
    grads: Gradients

    def __iter__(self) -> Iterator[Gate]:
        return iter(self.gates)

    def __len__(self) -> int:
        return len(self.gates)

    def __getitem__(self, number: int) -> Gate:
        """The gate with this number; the first is 1."""
        if not 1 <= number <= len(self.gates):
            raise IndexError(f"there are gates 1 to {len(self.gates)}")
        return self.gates[number - 1]

    def __str__(self) -> str:
        return "\n".join([*table(HEADINGS, self.rows(), left=3, gap_before="argument"), "", *self._results()])

    def __repr__(self) -> str:
        return f"<trace of {len(self)} gates: value {abbreviated(self.value)}>"

    def svg(self) -> str:
        """The computational graph as a self-contained SVG: values above the edges, gradients below.

        Raises `gradc.Error` G0503 if the program has more gates than a picture can hold.
        """
        from gradc.show.picture import draw

        return draw(self)

    def rows(self) -> Iterator[tuple[str, ...]]:
        """The cells of the table: one row for each argument that a gradient goes to, at least one for each gate."""
        for gate in self.gates:
            shape = "x".join(map(str, gate.shape))
            head = (f"[{gate.number}]", gate.gate, gate.text, shape, abbreviated(gate.value), abbreviated(gate.upstream))
            for flow in gate.flows or (None,):
                if flow is None:
                    yield (*head, "", "", "")
                else:
                    local = flow.moves or abbreviated(flow.local)
                    yield (*head, flow.name, local, abbreviated(flow.product))
                head = ("",) * len(head)

    def _results(self) -> list[str]:
        rows = [("value", abbreviated(self.value)), *((f"d/d{n}", abbreviated(g)) for n, g in self._named_grads())]
        width = max(len(name) for name, _ in rows)
        return [f"{name:<{width}}  {value}" for name, value in rows]

    def _named_grads(self) -> list[tuple[str, Any]]:
        return list(zip(names_of(self.grads), self.grads))

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON: arrays are NumPy arrays still."""
        return {
            "program": self.source.text,
            "inputs": self.inputs,
            "value": self.value,
            "gradients": dict(self._named_grads()),
            "gates": [
                {
                    "number": gate.number,
                    "gate": gate.gate,
                    "text": gate.text,
                    "value": gate.value,
                    "upstream": gate.upstream,
                    "arguments": [
                        {"name": flow.name, "value": flow.value, "local": flow.local, "product": flow.product}
                        for flow in gate.flows
                    ],
                }
                for gate in self.gates
            ],
        }


HEADINGS = ("", "gate", "text", "shape", "value", "upstream", "argument", "local", "product")


def trace(text: str, /, **values: Any) -> Trace:
    """Every gate of a program as written, before any rewriting: value, local gradients, upstream gradient.

    text: a program in gradc's language.
    values: one number or array for each input; they broadcast as in NumPy.

    The upstream gradient of the result is one; for a result that is an array, ones. Raises `gradc.Error` for
    whatever is wrong with the program or the values.

    >>> t = trace("(x + y) * z", x=-2.0, y=5.0, z=-4.0)
    >>> [(gate.gate, gate.value, gate.upstream) for gate in t]
    [('+', 3.0, -4.0), ('*', -12.0, 1.0)]
    """
    if not isinstance(text, str):
        raise Error("G0604", f"a program is a string, not {type(text).__name__}")
    return trace_source(Source(text), values)


def trace_source(source: Source, values: Mapping[str, Any]) -> Trace:
    """`trace` for a text that has a name, such as that of a file."""
    program = parse(source)
    found = outline(program)
    prepared = arguments.prepare(found, arguments.bind(found.inputs, (), values))
    types = dict(zip(found.inputs, prepared.types))
    differentiable = tuple(name for name in found.inputs if types[name].is_float)
    compilation = Compilation(
        program, types, differentiable, nameable=arguments.invented_sizes(found, prepared.types)
    )  # fmt: skip
    graph = compilation.graph
    known = dict(zip(graph.inputs, prepared.arrays))
    return _Tracer(graph, compilation.wrt_nodes, compilation.spans).run(source, known, prepared.sizes(graph))


class _Tracer:
    """Asks for the values, cotangents, partials and contributions of all gates at once."""

    def __init__(self, graph: Graph, wrt: tuple[Node, ...], spans: Mapping[Node, Span]):
        (self.result,) = graph.results
        self.graph = graph
        self.spans = spans
        self.order = topological(graph.results)
        self.gates = [node for node in self.order if node.row.kind != "source"]
        self.numbers = {node: number for number, node in enumerate(self.gates, 1)}
        active = dependent(graph.results, wrt)
        carriers = [node for node in dict.fromkeys((*wrt, *self.order)) if node in active and node.type.is_float]
        self.bars = dict(zip(carriers, adjoint(self.result, carriers, constant(1.0, self.result.type))))
        self.wrt = wrt

    def run(self, source: Source, known: Mapping[Node, Any], sizes: Mapping[str, int]) -> Trace:
        flows = {node: list(self._flows(node)) for node in self.gates if node in self.bars}
        wanted = [*self.order, *self.bars.values()]
        wanted += [node for parts in flows.values() for part in parts for node in part[1:] if node is not None]
        wanted = list(dict.fromkeys(wanted))
        values = {node: plain(value) for node, value in zip(wanted, run(wanted, known, sizes))}
        gates = tuple(
            Gate(
                number=self.numbers[node],
                gate=symbol(node, values),
                text=self.spans[node].excerpt(TEXT_WIDTH) if node in self.spans else "",
                value=values[node],
                upstream=values[self.bars[node]] if node in self.bars else None,
                flows=tuple(
                    Flow(
                        self._name(node.args[position]),
                        values[node.args[position]],
                        None if local is None else values[local],
                        values[product],
                        "" if local is not None else node.row.transpose(node.args[position].type, node.attrs)[0],
                    )
                    for position, local, product in flows.get(node, ())
                ),
                span=self.spans.get(node),
            )
            for node in self.gates
        )
        return Trace(
            source,
            {node.name: plain(known[node]) for node in self.graph.inputs},
            gates,
            self._name(self.result),
            values[self.result],
            gradients(tuple(node.name for node in self.wrt), (values[self.bars[node]] for node in self.wrt)),
        )

    def _flows(self, node: Node) -> Iterator[tuple[int, Node | None, Node]]:
        """Position, partial and contribution for each argument that a gradient goes to."""
        for position, arg in enumerate(node.args):
            if arg in self.bars:
                product = pull(node, position, self.bars[node])
                if node.row.transpose is not None:
                    assert product is not None
                    yield position, None, product
                else:
                    local = partial(node, position)
                    zero = constant(0.0, arg.type)
                    yield position, zero if local is None else local, zero if product is None else product

    def _name(self, node: Node) -> str:
        if node in self.numbers:
            return f"[{self.numbers[node]}]"
        return node.name if node.op == "input" else "constant"


# ---------------------------------------------------------------- what gates are called

SYMBOLS = {"neg": "*-1", "square": "**2"}
"""Where the lecture's name is neither the op's sign in Python nor its name."""

WITH_CONSTANT = {
    "add": ("+{}", "+{}"),
    "mul": ("*{}", "*{}"),
    "sub": ("{}-x", "x-{}"),
    "div": ("{}/x", "x/{}"),
    "power": ("{}**x", "x**{}"),
    "clamp_min": ("", "max(x, {})"),
    "clamp_max": ("", "min(x, {})"),
}
"""Gates of one variable, as in the lecture's `1/x` and `+1`: with the constant on the left, and on the right."""


def symbol(node: Node, values: Mapping[Node, Any]) -> str:
    """What the lecture calls a gate."""
    if node.op in WITH_CONSTANT:
        fixed = [arg.op in ("const", "size") for arg in node.args]
        if fixed.count(True) == 1:
            form = WITH_CONSTANT[node.op][fixed.index(True)]
            number = values[node.args[fixed.index(True)]]
            return form.format(abbreviated(np.ravel(number)[0] if np.size(number) else 0.0))
    python = node.row.python
    return SYMBOLS.get(node.op) or (python if python and "{" not in python else node.op)
