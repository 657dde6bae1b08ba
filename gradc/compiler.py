"""The stages in order, from text to code, each kept and printable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from gradc.frontends.text import TextProgram
from gradc.ir.graph import Graph, IndexCheck, Node, fresh, in_range
from gradc.ir.memory import MEMORY
from gradc.ir.text import print_graph
from gradc.ir.types import Type
from gradc.language.diagnostics import Error
from gradc.language.parser import collector_paused
from gradc.language.source import Span
from gradc.program import Elaborated, Guess, Program

# Each stage imports what makes it: a kernel that is on disk needs none of them, and they take 0.1 seconds.
if TYPE_CHECKING:
    from gradc.autodiff.matrices import MatrixBlock
    from gradc.emit.python import EmittedFunction
    from gradc.loops.ir import Kernel
    from gradc.native.kernel import Machine
    from gradc.rewrite.engine import Applied, Rewriter
    from gradc.rewrite.segments import Kept
    from gradc.schedule.nest import Nest
    from gradc.schedule.phrases import Phrases
    from gradc.schedule.tasks import Schedule


watchers: list[Callable[[Compilation, str, Any], None]] = []
"""Called with every graph, and with the schedule, when it is made: tests verify each one here."""

Made = TypeVar("Made")

Reach = Literal["whole", "checked", "segments"]
"""How many steps loops are made for. Those whose number is known are in segments where they have to be. Of others all
that is kept of the steps is kept as a whole, with or without a check that it fits; or in segments, where it does not.
"""

MAX_NESTED = 20
"""How deep Python's loops may be nested."""


def stage(build: Callable[[Compilation], Made]) -> cached_property[Made]:
    """A stage made once. Graphs, like trees, have no cycles that a collector would find."""

    @wraps(build)
    def made(self: Compilation) -> Made:
        with collector_paused():
            return build(self)

    return cached_property(made)


def watched(build: Callable[[Compilation], Made]) -> cached_property[Made]:
    """A stage that is shown to the watchers when it is made."""

    @wraps(build)
    def made(self: Compilation) -> Made:
        with collector_paused():
            found = build(self)
        for watch in watchers:
            watch(self, build.__name__, found)
        return found

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
        memory: int = MEMORY,
        reach: Reach = "whole",
        guess: Guess | None = None,
    ):
        self.program = program
        self.types = dict(types)
        self.wrt = wrt
        self.transform = transform
        self.fast_math = fast_math
        self.memory = memory
        """The bytes that loops of one length may keep of their steps."""
        self.reach = reach
        self.kept: list[Kept] = []
        """What the loops keep, once the derivative is made."""
        self.guess = guess or Guess()
        """Those of the types that nobody declared or passed."""
        self.applied: dict[str, list[Applied]] = {}
        """The rewrites applied on the way to each stage."""
        self._rewriter: Rewriter | None = None
        """The last one, which knows what its rules leave as it is."""

    @stage
    def elaborated(self) -> Elaborated:
        try:
            found = self.program.elaborate(self.types)
        except Error as error:
            raise self.guess.explain(error) from None
        if self.transform.startswith("values") or len(found.graph.outputs) == 1:
            return found
        return replace(found, graph=replace(found.graph, outputs=(("value", found.graph["value"]),)))

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

    @cached_property
    def blocks(self) -> list[MatrixBlock]:
        """The blocks of the matrix that the transform gives; none for most."""
        from gradc.autodiff.transforms import transform_named

        build = transform_named(self.transform).blocks
        return build(self.rewritten, self.wrt_nodes, self._settle) if build is not None else []

    @watched
    def adjoint(self) -> Graph:
        """The program and its derivatives, as the chain rule gives them."""
        from gradc.autodiff.transforms import transform_named

        extra, outputs = transform_named(self.transform).build(self.rewritten, self.wrt_nodes, self._settle)
        outputs += tuple((block.name, block.node) for block in self.blocks if block.node is not None)
        inputs = self.graph.inputs + extra
        taken = {node.name for node in inputs}
        outputs = tuple((fresh(name, taken), node) for name, node in outputs)
        return Graph(inputs, outputs, self.graph.checks, self.rewritten.index_checks)

    @watched
    def derivative(self) -> Graph:
        """The same after the EXACT, STABLE and FINAL rules: what the interpreter runs."""
        return self._within_memory(self._rewrite("derivative", self.adjoint))

    def _within_memory(self, graph: Graph) -> Graph:
        """The graph with long loops in segments."""
        from gradc.rewrite import segments

        self.kept = segments.kept_by(graph.roots)
        if not self.kept:
            return graph
        for kept in self.kept:
            if kept.is_known:
                kept.demand({}, self.memory)
        graph = graph.with_roots(segments.segmented(graph.roots, self.memory, self.reach != "segments"))
        if self.reach == "whole":
            return graph
        checks = [kept.check(self.memory, self.reach == "segments") for kept in self.kept]
        return replace(graph, checks=(*graph.checks, *(check for check in checks if check is not None)))

    def is_too_much(self, sizes: Mapping[str, int]) -> bool:
        """Whether loops of these sizes keep more than they may. Raises `Error` G0504 if they would in segments too."""
        assert self.derivative
        found = [kept for kept in self.kept if kept.demand(sizes, self.memory) and not kept.is_known]
        return bool(found) and self.reach == "checked"

    @watched
    def lowered(self) -> Graph:
        """The same in terms of what kernels compute: what the scheduler groups."""
        return self._rewrite("lowered", self.derivative)

    def _settle(self, bars: list[Node]) -> list[Node]:
        """A gradient as the rules leave it."""
        from gradc.rewrite import pipeline

        return pipeline.settled(bars, self.fast_math)

    def _rewrite(self, stage: str, graph: Graph) -> Graph:
        from gradc.rewrite import pipeline

        done = pipeline.run(stage, graph, self.spans, self.names, self.fast_math, self._rewriter)
        graph, self.applied[stage], self._rewriter = done
        return graph

    # ------------------------------------------------------------ code

    @property
    def key(self) -> str:
        """A text that determines the kernel: the program's own where it says everything, otherwise its graph."""
        is_text = isinstance(self.program, TextProgram)
        program = self.program.text if is_text else print_graph(self.graph)
        own = f" {self.program.definitions}" if isinstance(self.program, TextProgram) and self.program.own else ""
        types = ", ".join(f"{name}: {type}" for name, type in self.types.items())
        own += f" {self.memory} {self.reach}"
        of = self.program.signature.of
        return f"{program}\n{self.transform} {' '.join(self.wrt)} ({types}) {self.fast_math} {is_text} {of}{own}"

    @watched
    def schedule(self) -> Schedule:
        """What shares a loop, and what is saved or recomputed."""
        from gradc.schedule.planner import schedule

        ends = tuple((f"ended{k}", in_range(check)) for k, check in enumerate(self._ends))
        return schedule(replace(self.lowered, outputs=self.lowered.outputs + ends) if ends else self.lowered)

    @property
    def _ends(self) -> list[IndexCheck]:
        """The iterations that have to have ended, which is known only when they are done."""
        return [check for check in self.lowered.computed_indices if check.norm is not None]

    @stage
    def nest(self) -> Nest:
        """The loops of the kernel, with reductions and tiles still whole."""
        from gradc.schedule.build import build

        checks = [check for check in self.lowered.computed_indices if check.norm is None]
        demands = [(self._in_range(check), check.message) for check in checks]
        return build(self.schedule, demands, [check.message for check in self._ends], self.phrases.of)

    @watched
    def loops(self) -> Kernel:
        """The statements of the kernel: nothing about numbers, order or memory is left to decide."""
        from gradc.schedule.expand import expand

        return expand(self.nest)

    def _in_range(self, check: IndexCheck) -> Schedule:
        """What tells whether computed indices are in range."""
        from gradc.schedule.planner import schedule

        return schedule(Graph(self.lowered.inputs, (("in_range", in_range(check)),)))

    @property
    def function_name(self) -> str:
        """What the emitted function is called: several results are a value too."""
        return self.transform.replace("values", "value")

    @stage
    def function(self) -> EmittedFunction:
        """The kernel as a Python function."""
        from gradc.emit.python import function, nested

        count = len(self.graph.outputs) if self.transform.startswith("values") else 0
        made = function(self.loops, self.function_name, self.names, count)
        depth = nested(made.lines)
        if depth > MAX_NESTED:
            raise Error(
                "G0502", f"loops would be nested {depth} deep; Python allows {MAX_NESTED}",
                help='use arrays with fewer axes, or `engine="native"`, for which there is no such limit',
            )  # fmt: skip
        return made

    @cached_property
    def python(self) -> str:
        """The kernel as a module: what it needs, the function."""
        from gradc.emit.module import module

        return module([self.function], self.program.text.strip(), {}, cache=False)

    @stage
    def machine(self) -> Machine:
        """The kernel in LLVM's language, for vectors of this processor."""
        from gradc.native.kernel import machine
        from gradc.native.target import vector_doubles

        return machine(self.loops, vector_doubles(), self.names)

    @property
    def phrases(self) -> Phrases:
        """What to call values when something is told of them."""
        from gradc.schedule.phrases import Phrases

        return Phrases(self.spans, self.names, self.lowered.outputs)

    def stage_text(self, name: str) -> str:
        """A stage of `STAGES` as text."""
        return STAGES[name](self)

    def _graph_text(self, name: str) -> str:
        """A graph, after the rules that led to it as comments."""
        from gradc.rewrite.engine import lines

        graph = getattr(self, name)
        rules = "".join(f"# {rule}\n" for rule in lines(self.applied.get(name, ())))
        return rules + print_graph(graph, self.spans)


def schedule_text(compilation: Compilation, sizes: Mapping[str, int] | None = None) -> str:
    """The plan in words; its costs in numbers where sizes are given."""
    from gradc.schedule.expand import named_segments
    from gradc.schedule.text import schedule_text

    kept = compilation.kept if compilation.derivative else []
    segments = named_segments(compilation.loops) if kept else {}
    text = schedule_text(compilation.schedule, compilation.nest, compilation.phrases, sizes, segments)
    is_long = compilation.reach == "segments"
    rules = (each.rule(compilation.memory, is_long, compilation.phrases.of) for each in kept)
    return text + "".join(f"{line}\n" for rule in rules for line in rule)


def _loops_text(compilation: Compilation) -> str:
    from gradc.loops.text import print_kernel

    return print_kernel(compilation.loops)


def _llvm_text(compilation: Compilation) -> str:
    from gradc.native.listing import llvm_text

    return llvm_text(compilation.machine)


def _assembly_text(compilation: Compilation) -> str:
    from gradc.native.listing import assembly_text

    return assembly_text(compilation.machine)


STAGES: dict[str, Callable[[Compilation], str]] = {
    "syntax": lambda compilation: compilation.program.syntax + "\n",
    "graph": lambda compilation: compilation._graph_text("graph"),
    "rewritten": lambda compilation: compilation._graph_text("rewritten"),
    "adjoint": lambda compilation: compilation._graph_text("adjoint"),
    "derivative": lambda compilation: compilation._graph_text("derivative"),
    "lowered": lambda compilation: compilation._graph_text("lowered"),
    "schedule": schedule_text,
    "loops": _loops_text,
    "python": lambda compilation: compilation.python,
    "llvm": _llvm_text,
    "asm": _assembly_text,
}
"""Every stage that can be printed, in order, and how it prints."""
