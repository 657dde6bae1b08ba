"""From a program at one point to its gates: values, partials and what flows back, all computed in one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from gradc.autodiff.adjoint import pull, scaled, swept
from gradc.autodiff.masked import Masked, direction, plus
from gradc.autodiff.partials import partial
from gradc.ir.graph import Graph, Node, constant, dependent, input_node, topological
from gradc.ir.interpret import concrete, loop, run
from gradc.ir.sizes import evaluate
from gradc.ir.step import LoopStep, loops_among
from gradc.language.source import Span
from gradc.runtime.results import gradients, to_python
from gradc.show.folding import Fold, Way, folds, function_called, unfolded
from gradc.show.gates import Argument, Gate, Gates, State, TracedStep
from gradc.show.table import abbreviated

TEXT_WIDTH = 36
"""Characters of the program's text that the table shows for a gate."""

SYMBOL_WIDTH = 24
"""Of the text in a gate that only holds a constant."""

MAX_DEPTH = 3
"""How many loops inside each other are opened."""

_Row = tuple[Way, Node | None, Node | None]


class Tracer:
    """Asks for the values, cotangents, partials and contributions of all gates at once."""

    def __init__(
        self, graph: Graph, wrt: tuple[Node, ...], spans: Mapping[Node, Span], upstream: Sequence[Node] | None = None
    ):
        self.result = graph.results[0]
        self.graph = graph
        self.spans = spans
        self.order = topological(graph.results)
        self.active = active = dependent(self.order, wrt)
        carriers = [node for node in dict.fromkeys((*wrt, *self.order)) if node in active and node.type.is_float]
        ends = {self.result: direction(constant(1.0, self.result.type))} if upstream is None else {}
        for node, bar in zip(graph.results, upstream or ()):
            ends[node] = plus(ends[node], direction(bar)) if node in ends else direction(bar)
        self.masked = swept(self.order, active, {node: bar for node, bar in ends.items() if node.type.is_float})
        nothing = {node: constant(0.0, node.type) for node in carriers if node not in self.masked}
        self.bars = {node: nothing[node] if node in nothing else self.masked[node].node for node in carriers}
        self.wrt = wrt

    def run(
        self, text: str, known: Mapping[Node, Any], sizes: Mapping[str, int], unfold: bool, depth: int = 0
    ) -> Gates:
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
            steps=tuple(self._steps(values, sizes, unfold, depth)),
            is_open=unfold,
        )

    def _steps(
        self, values: Mapping[Node | None, Any], sizes: Mapping[str, int], unfold: bool, depth: int
    ) -> Iterator[TracedStep]:
        """What is inside the loops, each at its last step."""
        if depth == MAX_DEPTH:
            return
        found: dict[tuple[LoopStep, tuple[Node, ...]], list[Node]] = {}
        for (step, args), nodes in loops_among(self.order).items():
            found.setdefault((replace(step, emitted=()), args), []).extend(nodes)
        for (step, args), nodes in found.items():
            last = last_step(step, [np.asarray(values[arg]) for arg in args], sizes)
            if not last.steps:
                continue
            known, ends, seeds = dict(last.known), list(step.next), []
            ends += [results(node)[node.attrs[1]] for node in nodes]
            bars = [*(None for _ in step.next), *(values[self.bars.get(node)] for node in nodes)]
            for k, (node, bar) in enumerate(zip(ends, bars)):
                seeds.append(input_node(f"gradient@{k}", node.type))
                if bar is not None and np.ndim(bar) > node.type.rank:
                    bar = bar[last.place]
                known[seeds[-1]] = np.zeros(concrete(node.shape, sizes)) if bar is None else np.asarray(bar)
            wrt = tuple(node for node in step.inputs if node.type.is_float)
            named = tuple((f"end{k}", node) for k, node in enumerate(ends))
            inner = Tracer(Graph(step.inputs, named), wrt, self.spans, seeds)
            made = vars(inner.run("", known, sizes, unfold, depth + 1))
            inside: dict[Node | None, Any] = {
                node: to_python(value) for node, value in zip(step.next, run(step.next, known, sizes))
            }
            ended: dict[Node, Any] = {}  # what is emitted belongs to the first state that becomes it
            for node, seed in zip(ends[len(step.next) :], seeds[len(step.next) :]):
                ended[node] = ended.get(node, 0.0) + known[seed]
            bars_of = [
                to_python(known[seed] + ended.pop(node, 0.0)) if node in inner.bars else None
                for node, seed in zip(step.next, seeds)
            ]
            states = zip(step.states, step.next, bars_of)
            names = [self._name(node, values) for node in nodes if node in self.numbers]
            yield TracedStep(
                **made, number=last.number, count=last.steps, loops=tuple(names) or ("a loop",),
                states=tuple(State(old.name, inner._name(new, inside), inside[new], bar) for old, new, bar in states),
            )  # fmt: skip

    def _gate(self, fold: Fold, rows: list[_Row], values: Mapping[Node | None, Any]) -> Gate:
        node = fold.root
        return Gate(
            number=self.numbers[node],
            gate=self._of_loop(fold) or fold.symbol or self._constant(node) or symbol(node, values),
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
        ways = [way for way in fold.ways if not way.source.row.is_number and not _is_repeated(way)]
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

    def _of_loop(self, fold: Fold) -> str:
        """What a result of a loop is called: by the function that the user called, or by the state."""
        node = fold.root
        if node.op != "loop":
            return ""
        step, which = node.attrs
        names = {new: state.name for state, new in zip(step.states, step.next)}
        return (
            function_called(fold.members, self.spans.get(node)) or f"loop {names.get(results(node)[which], '')}".strip()
        )

    def _constant(self, node: Node) -> str:
        """What a gate without arguments is called: its text, as in `2*pi`."""
        if not node.args or node not in self.spans or not all(arg.row.is_number for arg in node.args):
            return ""
        return self.spans[node].excerpt(SYMBOL_WIDTH)


def _is_repeated(way: Way) -> bool:
    """Whether a loop takes the same value in an earlier place, which stands for all of them."""
    return way.node.op == "loop" and way.node.args[way.position] in way.node.args[: way.position]


def _moved(contributed: Masked | None, way: Way) -> Masked | None:
    """What comes back to the source of a way, through what moved it."""
    for move in way.moves:
        contributed = None if contributed is None else pull(move, 0, contributed)
    return contributed


class Last(NamedTuple):
    """The last step of a loop: the row that it takes, which of how many it is, and what it is given."""

    place: int
    number: int
    steps: int
    known: Mapping[Node, np.ndarray]


def results(node: Node) -> tuple[Node, ...]:
    """What the step of a loop computes."""
    step: LoopStep = node.attrs[0]
    return step.results


def last_step(step: LoopStep, given: Sequence[np.ndarray], sizes: Mapping[str, int]) -> Last:
    """The last step of a loop. Of an iteration until a condition holds, it is the one after which it holds."""
    count = evaluate(step.size, sizes)
    if not count:
        return Last(0, 0, 0, {})
    states, arrays = len(step.states), len(step.rows)
    rows, captured = given[states : states + arrays], given[states + arrays :]
    with np.errstate(all="ignore"):
        stacks = loop(replace(step, emitted=step.states), given, sizes)[states:]
    place = 0 if step.backwards else count - 1
    number = count
    if step.states and step.states[-1].type.dtype == "bool":  # whether an iteration has come to its end
        busy = np.flatnonzero(~stacks[-1])
        place = int(busy[-1]) if busy.size else 0
        number = count = place + 1
    known = {node: stack[place] for node, stack in zip(step.states, stacks)}
    known |= {node: np.asarray(array[place]) for node, array in zip(step.rows, rows)}
    return Last(place, number, count, known | dict(zip(step.captured, captured)))


# ---------------------------------------------------------------- what gates are called


def symbol(node: Node, values: Mapping[Node | None, Any]) -> str:
    """What a gate is called: its sign or its function, with a number that is fixed."""
    fixed = [arg.row.is_number for arg in node.args]
    if fixed.count(True) == 1 and any(node.row.with_number):
        number = values[node.args[fixed.index(True)]]
        form = node.row.with_number[fixed.index(True)]
        return form.format(abbreviated(np.ravel(number)[0] if np.size(number) else 0.0))
    return node.row.symbol or node.op
