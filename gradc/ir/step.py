"""Loops in graphs: a step is a closed graph of its own, and a loop node is one result of doing it again and again.

The op `loop` has the states to start from as arguments, then the arrays of which each step takes a row, then whatever
else the step reads. Its attributes are the step and which result the node is: the last value of a state, or, behind
those, what all steps emit, along a new first axis. All results of one loop share arguments and step; kernels compute
them together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from gradc.ir.graph import Graph, Node, input_node, make
from gradc.ir.sizes import Size
from gradc.ir.types import Type

KEPT_FROM = 4
"""The cost of an op from which on its values in all steps are worth an array: they are kept, not computed again."""


@dataclass(frozen=True)
class LoopStep:
    """What one iteration of a loop computes. `states`, `rows` and `captured` are inputs of a closed graph, `next` has
    the new value of each state, `emitted` what else leaves it. There are `size` steps; `backwards` takes the rows from
    the last to the first, and puts what is emitted in the same places."""

    states: tuple[Node, ...]
    rows: tuple[Node, ...]
    captured: tuple[Node, ...]
    next: tuple[Node, ...]
    emitted: tuple[Node, ...]
    size: Size
    backwards: bool = False

    @property
    def inputs(self) -> tuple[Node, ...]:
        return self.states + self.rows + self.captured

    @property
    def results(self) -> tuple[Node, ...]:
        return self.next + self.emitted

    @cached_property
    def graph(self) -> Graph:
        """The step as a graph, its results named by what they are."""
        taken = {node.name for node in self.inputs}
        names: list[str] = []
        for stem in (*(f"{node.name}_next" for node in self.states), *("emitted" for _ in self.emitted)):
            name = stem if stem not in taken else next_name(stem, taken)
            taken.add(name)
            names.append(name)
        return Graph(self.inputs, tuple(zip(names, self.results)))

    def type_of(self, which: int) -> Type:
        """The type of a result of the loop."""
        if which < len(self.states):
            return self.states[which].type
        return self.stacked(self.emitted[which - len(self.states)].type)

    def stacked(self, type: Type) -> Type:
        """The type of an array with such a row for each step."""
        return type.with_shape((self.size, *type.shape))

    @property
    def argument_types(self) -> tuple[Type, ...]:
        """What the loop's arguments have to be."""
        rows = (self.stacked(node.type) for node in self.rows)
        return (*(node.type for node in self.states), *rows, *(node.type for node in self.captured))

    def split(self, args: tuple[Node, ...]) -> tuple[tuple[Node, ...], tuple[Node, ...], tuple[Node, ...]]:
        """A loop's arguments: starts, arrays of rows, captured values."""
        first, second = len(self.states), len(self.states) + len(self.rows)
        return args[:first], args[first:second], args[second:]

    def with_results(self, results: Iterable[Node]) -> LoopStep:
        """The step with other nodes in the place of its results."""
        results = tuple(results)
        count = len(self.next)
        return replace(self, next=results[:count], emitted=results[count:])


def next_name(stem: str, taken: Iterable[str]) -> str:
    """The stem with the first number that makes a name of its own."""
    taken, k = set(taken), 1
    while f"{stem}{k}" in taken:
        k += 1
    return f"{stem}{k}"


class StepBuilder:
    """A step in the making: inputs with names of their own, results one after the other."""

    def __init__(self, size: Size, backwards: bool = False):
        self.size, self.backwards = size, backwards
        self.taken: set[str] = set()
        self.states: list[Node] = []
        self.starts: list[Node] = []
        self.rows: dict[Node, Node] = {}
        self.captured: dict[Node, Node] = {}
        self.next: list[Node] = []
        self.emitted: dict[Node, None] = {}

    def input(self, name: str, type: Type) -> Node:
        name = name if name not in self.taken else next_name(name.rstrip("0123456789") or name, self.taken)
        self.taken.add(name)
        return input_node(name, type)

    def state(self, name: str, start: Node) -> Node:
        node = self.input(name, start.type)
        self.states.append(node)
        self.starts.append(start)
        return node

    def row(self, name: str, array: Node) -> Node:
        """The row of an array that a step takes."""
        if array not in self.rows:
            self.rows[array] = self.input(name, array.type.with_shape(array.shape[1:]))
        return self.rows[array]

    def capture(self, name: str, node: Node) -> Node:
        if node.op == "const":
            return node
        if node not in self.captured:
            self.captured[node] = self.input(name, node.type)
        return self.captured[node]

    def emit(self, node: Node) -> int:
        """Emit a value; which of the emitted ones it is."""
        self.emitted.setdefault(node)
        return list(self.emitted).index(node)

    def build(self) -> tuple[LoopStep, tuple[Node, ...]]:
        """The step, and the arguments of its loop."""
        step = LoopStep(
            tuple(self.states), tuple(self.rows.values()), tuple(self.captured.values()), tuple(self.next),
            tuple(self.emitted), self.size, self.backwards,
        )  # fmt: skip
        return step, (*self.starts, *self.rows, *self.captured)


def loop(step: LoopStep, args: tuple[Node, ...], which: int) -> Node:
    return make("loop", *args, attrs=(step, which))


def loops_among(order: Iterable[Node]) -> dict[tuple[LoopStep, tuple[Node, ...]], list[Node]]:
    """The loops among nodes, each with those of its results that are there."""
    found: dict[tuple[LoopStep, tuple[Node, ...]], list[Node]] = {}
    for node in order:
        if node.op == "loop":
            found.setdefault((node.attrs[0], node.args), []).append(node)
    return found
