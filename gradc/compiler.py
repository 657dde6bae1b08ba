"""The stages in order, from text to code, each kept and printable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, TypeVar

from gradc.autodiff.adjoint import adjoint
from gradc.autodiff.tangent import tangent
from gradc.emit import python as emit
from gradc.emit.module import module
from gradc.frontends.text import TextProgram
from gradc.ir.graph import Graph, IndexCheck, Node, constant, fresh, in_range, input_node
from gradc.ir.text import print_graph
from gradc.ir.types import Type
from gradc.language.parser import collector_paused
from gradc.language.source import Span
from gradc.loops.ir import Kernel
from gradc.loops.text import print_kernel
from gradc.native import listing
from gradc.native.kernel import Machine, machine
from gradc.native.target import vector_doubles
from gradc.program import Elaborated, Program
from gradc.rewrite import pipeline
from gradc.rewrite.engine import Applied, lines
from gradc.schedule.build import build
from gradc.schedule.expand import expand
from gradc.schedule.nest import Nest
from gradc.schedule.phrases import Phrases
from gradc.schedule.planner import schedule
from gradc.schedule.tasks import Schedule
from gradc.schedule.text import schedule_text


@dataclass(frozen=True)
class Transform:
    """A program seen as a function to compile: the value, or one of its derivatives.

    `build` takes the rewritten graph and the inputs to differentiate, and gives the inputs it adds to the call
    and the outputs of the kernel.
    """

    name: str
    doc: str
    build: Callable[[Graph, tuple[Node, ...]], tuple[tuple[Node, ...], tuple[tuple[str, Node], ...]]]


def _value(graph: Graph, wrt: tuple[Node, ...]):
    return (), graph.outputs


def _value_and_grad(graph: Graph, wrt: tuple[Node, ...]):
    value = graph["value"]
    return (), (("value", value), *_named_bars(wrt, adjoint(value, wrt, constant(1.0, value.type))))


def _vjp(graph: Graph, wrt: tuple[Node, ...]):
    value = graph["value"]
    upstream = input_node(fresh("upstream", graph.input_names), value.type)
    return (upstream,), _named_bars(wrt, adjoint(value, wrt, upstream))


def _jvp(graph: Graph, wrt: tuple[Node, ...]):
    seeds = _tangent_inputs(graph, wrt)
    (value_dot,) = tangent(graph.results, seeds)
    return tuple(seeds.values()), (("value_dot", value_dot),)


def _hvp(graph: Graph, wrt: tuple[Node, ...]):
    value = graph["value"]
    bars = adjoint(value, wrt, constant(1.0, value.type))
    seeds = _tangent_inputs(graph, wrt)
    dots = tangent(bars, seeds)
    return tuple(seeds.values()), tuple((f"{node.name}_bar_dot", dot) for node, dot in zip(wrt, dots))


def _named_bars(wrt: tuple[Node, ...], bars: list[Node]) -> tuple[tuple[str, Node], ...]:
    return tuple((f"{node.name}_bar", bar) for node, bar in zip(wrt, bars))


def _tangent_inputs(graph: Graph, wrt: tuple[Node, ...]) -> dict[Node, Node]:
    return {node: input_node(fresh(f"{node.name}_dot", graph.input_names), node.type) for node in wrt}


TRANSFORMS = {
    transform.name: transform
    for transform in (
        Transform("value", "the value", _value),
        Transform("value_and_grad", "the value and the gradients", _value_and_grad),
        Transform("vjp", "the vector-Jacobian product", _vjp),
        Transform("jvp", "the Jacobian-vector product", _jvp),
        Transform("hvp", "the Hessian-vector product", _hvp),
    )
}
"""What can be compiled of a program, by name."""


watchers: list[Callable[[Compilation, str, Any], None]] = []
"""Called with every graph, and with the schedule, when it is made: tests verify each one here."""

Made = TypeVar("Made")


def watched(build: Callable[[Compilation], Made]) -> cached_property[Made]:
    """A stage made once and shown to the watchers. Graphs, like trees, have no cycles that a collector would find."""

    @wraps(build)
    def made(self: Compilation) -> Made:
        with collector_paused():
            stage = build(self)
        for watch in watchers:
            watch(self, build.__name__, stage)
        return stage

    return cached_property(made)


class Compilation:
    """One program, for one set of input types, transformed in one way: every stage, made when it is asked for."""

    def __init__(
        self,
        program: Program,
        types: Mapping[str, Type],
        wrt: tuple[str, ...],
        *,
        transform: str = "value_and_grad",
        fast_math: bool = False,
    ):
        self.program = program
        self.types = dict(types)
        self.wrt = wrt
        self.transform = TRANSFORMS[transform]
        self.fast_math = fast_math
        self.applied: dict[str, list[Applied]] = {}
        """The rewrites applied on the way to each stage."""

    @cached_property
    def elaborated(self) -> Elaborated:
        return self.program.elaborate(self.types)

    @cached_property
    def spans(self) -> dict[Node, Span]:
        """Where in the text each node came from; grows as stages are made."""
        return dict(self.elaborated.spans)

    @cached_property
    def names(self) -> dict[Node, str]:
        """What the program calls a node; grows as stages are made."""
        return dict(self.elaborated.names)

    @watched
    def graph(self) -> Graph:
        """The program as written."""
        return self.elaborated.graph

    @watched
    def rewritten(self) -> Graph:
        """The program after the EXACT and STABLE rules."""
        return self._rewrite("rewritten", self.graph)

    @cached_property
    def wrt_nodes(self) -> tuple[Node, ...]:
        inputs = {node.name: node for node in self.graph.inputs}
        return tuple(inputs[name] for name in self.wrt)

    @watched
    def adjoint(self) -> Graph:
        """The program and its derivatives, as the chain rule gives them."""
        extra, outputs = self.transform.build(self.rewritten, self.wrt_nodes)
        inputs = self.graph.inputs + extra
        taken = {node.name for node in inputs}
        outputs = tuple((fresh(name, taken), node) for name, node in outputs)
        return Graph(inputs, outputs, self.graph.checks, self.graph.index_checks)

    @watched
    def derivative(self) -> Graph:
        """The same after the EXACT, STABLE and FINAL rules: what the interpreter runs."""
        return self._rewrite("derivative", self.adjoint)

    @watched
    def lowered(self) -> Graph:
        """The same in terms of what kernels compute: what the scheduler groups."""
        return self._rewrite("lowered", self.derivative)

    def _rewrite(self, stage: str, graph: Graph) -> Graph:
        graph, self.applied[stage] = pipeline.run(stage, graph, self.spans, self.names, self.fast_math)
        return graph

    # ------------------------------------------------------------ code

    @property
    def key(self) -> str:
        """A text that determines the kernel: the program's own where it says everything, otherwise its graph."""
        is_text = isinstance(self.program, TextProgram)
        program = self.program.text if is_text else print_graph(self.graph)
        types = ", ".join(f"{name}: {type}" for name, type in self.types.items())
        return f"{program}\n{self.transform.name} {' '.join(self.wrt)} ({types}) {self.fast_math} {is_text}"

    @watched
    def schedule(self) -> Schedule:
        """What shares a loop, and what is saved or recomputed."""
        return schedule(self.lowered)

    @cached_property
    def nest(self) -> Nest:
        """The loops of the kernel, with reductions and tiles still whole."""
        checks = self.lowered.computed_indices
        demands = [(self._in_range(check), f"an index in {check.text} is out of range") for check in checks]
        return build(self.schedule, demands)

    @watched
    def loops(self) -> Kernel:
        """The statements of the kernel: nothing about numbers, order or memory is left to decide."""
        return expand(self.nest)

    def _in_range(self, check: IndexCheck) -> Schedule:
        """What tells whether computed indices are in range."""
        return schedule(Graph(self.lowered.inputs, (("in_range", in_range(check)),)))

    @cached_property
    def function(self) -> emit.EmittedFunction:
        """The kernel as a Python function."""
        return emit.function(self.loops, self.transform.name, self.names)

    @cached_property
    def python(self) -> str:
        """The kernel as a module: what it needs, the function."""
        return module([self.function], self.program.text.strip(), {}, cache=False)

    @cached_property
    def machine(self) -> Machine:
        """The kernel in LLVM's language, for vectors of this processor."""
        return machine(self.loops, vector_doubles(), self.names)

    @property
    def phrases(self) -> Phrases:
        """What to call values when something is told of them."""
        return Phrases(self.spans, self.names, self.lowered.outputs)

    def stage_text(self, name: str) -> str:
        """A stage of `STAGES` as text."""
        return STAGES[name](self)

    def _graph_text(self, name: str) -> str:
        """A graph, after the rules that led to it as comments."""
        graph = getattr(self, name)
        rules = "".join(f"# {rule}\n" for rule in lines(self.applied.get(name, ())))
        return rules + print_graph(graph, self.spans)


STAGES: dict[str, Callable[[Compilation], str]] = {
    "syntax": lambda compilation: compilation.program.syntax + "\n",
    "graph": lambda compilation: compilation._graph_text("graph"),
    "rewritten": lambda compilation: compilation._graph_text("rewritten"),
    "adjoint": lambda compilation: compilation._graph_text("adjoint"),
    "derivative": lambda compilation: compilation._graph_text("derivative"),
    "lowered": lambda compilation: compilation._graph_text("lowered"),
    "schedule": lambda compilation: schedule_text(compilation.schedule, compilation.nest, compilation.phrases),
    "loops": lambda compilation: print_kernel(compilation.loops),
    "python": lambda compilation: compilation.python,
    "llvm": lambda compilation: listing.llvm_text(compilation.machine),
    "asm": lambda compilation: listing.assembly_text(compilation.machine),
}
"""Every stage that can be printed, in order, and how it prints."""
