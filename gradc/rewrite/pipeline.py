"""The passes in order: which rules lead to which stage, and where ops are lowered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from gradc.ir.graph import Graph, Node
from gradc.ir.ops import MOVES, bits
from gradc.ir.step import LoopStep
from gradc.language.record import dataclass
from gradc.language.source import Span
from gradc.rewrite import rolling
from gradc.rewrite.engine import Applied, Rewriter, Rule, rules
from gradc.rewrite.hoisting import hoisted
from gradc.rewrite.inverses import CONCERNED, without_inverses
from gradc.rewrite.lower import LOWERABLE, lower
from gradc.rewrite.movement import ALWAYS, FOR_KERNELS
from gradc.rewrite.rules import EXACT, FAST, FINAL, KERNEL, STABLE
from gradc.rewrite.steps import has_loops, together, with_steps

MOVING = bits(MOVES)


@dataclass(frozen=True)
class Rewrite:
    """A pass of rules: tables of them, and the moves that it pushes towards the inputs."""

    tables: tuple[str, ...]
    moves: frozenset[str] = ALWAYS

    def rules(self, fast_math: bool = False) -> tuple[Rule, ...]:
        return _rules(self.tables, fast_math)


@dataclass(frozen=True)
class Roll:
    """The pass that rolls up what the program writes out again and again."""


@dataclass(frozen=True)
class Lower:
    """The pass that writes ops in terms of what kernels compute."""


@dataclass(frozen=True)
class Inverses:
    """The pass that solves where an inverse is multiplied."""


PASSES: dict[str, tuple[Rewrite | Lower | Inverses | Roll, ...]] = {
    "rewritten": (Roll(), Inverses(), Rewrite((EXACT, STABLE)), Inverses()),
    "derivative": (Rewrite((EXACT, STABLE, FINAL)),),
    "lowered": (Rewrite((EXACT, KERNEL)), Lower(), Rewrite((EXACT, KERNEL), FOR_KERNELS)),
}
"""By the stage they make: FINAL and KERNEL wait until no further derivative is taken."""


@cache
def _rules(tables: tuple[str, ...], fast_math: bool) -> tuple[Rule, ...]:
    """The rules of some tables, and the FAST ones where they are asked for."""
    return tuple(rule for table in (*tables, *(FAST,) * fast_math) for rule in rules(table))


def run(
    stage: str,
    graph: Graph,
    spans: dict[Node, Span],
    names: dict[Node, str],
    fast_math: bool,
    before: Rewriter | None = None,
) -> tuple[Graph, list[Applied], Rewriter | None]:
    """The graph of a stage, the rules that were applied, and what the next stage takes for `before`.

    What became of nodes with spans and names gets them too.
    """
    applied: list[Applied] = []
    if has_loops(graph.roots):
        graph = graph.with_roots(_with_steps(stage, graph.roots, spans, names, fast_math, applied))
    settled: tuple[tuple[str, ...], tuple[Node, ...]] | None = None
    """Rules, and roots as they have left them, where nothing moves: once more they would change nothing."""
    for step in PASSES[stage]:
        if isinstance(step, Roll):
            if any(root.ops & rolling.CONCERNED for root in graph.roots):
                roots, found = rolling.rolled(graph.roots)
                _hand_on(found, spans, names)
                graph, applied = graph.with_roots(roots), applied + found
            continue
        if isinstance(step, Inverses):
            if any(root.ops & CONCERNED for root in graph.roots):
                roots, found = without_inverses(graph.roots)
                graph, applied = graph.with_roots(roots), applied + found
            continue
        if isinstance(step, Lower):
            if any(root.ops & LOWERABLE for root in graph.roots):
                graph = graph.with_roots(lower(graph.roots, spans))
            continue
        if settled == (step.tables, graph.roots):
            continue
        before = rewriter = Rewriter(step.rules(fast_math), spans, step.moves, before)
        graph = graph.with_roots(rewriter.rewrite(graph.roots))
        applied += rewriter.applied
        _rename(names, rewriter.normal)
        if not any(root.ops & MOVING for root in graph.roots):
            settled = step.tables, graph.roots
    return graph, applied, before


def _with_steps(
    stage: str, roots: Iterable[Node], spans: dict[Node, Span], names: dict[Node, str], fast_math: bool,
    applied: list[Applied],
) -> list[Node]:  # fmt: skip
    """The roots with loops as the stage wants them: what each step computes is rewritten as the program is."""

    def changed(step: LoopStep) -> LoopStep:
        made, rules, _ = run(stage, step.graph, spans, names, fast_math)
        applied.extend(rules)
        return step.with_results(made.results)

    roots = together(roots)
    if any(isinstance(step, Lower) for step in PASSES[stage]):
        roots = together(hoisted(roots))
    return with_steps(roots, changed)


def settled(nodes: list[Node], fast_math: bool) -> list[Node]:
    """Nodes as the passes leave them that come before a derivative is taken."""
    if has_loops(nodes):
        nodes = _with_steps("rewritten", nodes, {}, {}, fast_math, [])
    for step in PASSES["rewritten"]:
        if isinstance(step, Roll):
            continue  # what derivatives repeat is in the program
        if isinstance(step, Inverses):
            nodes, _ = without_inverses(nodes) if any(node.ops & CONCERNED for node in nodes) else (nodes, [])
            continue
        assert isinstance(step, Rewrite)
        nodes = Rewriter(step.rules(fast_math), moves=step.moves).rewrite(nodes)
    return nodes


def _hand_on(found: Iterable[Applied], spans: dict[Node, Span], names: dict[Node, str]) -> None:
    """What nodes became has their spans and names."""
    for _, before, after in found:
        if before in spans:
            spans.setdefault(after, spans[before])
        if before in names:
            names.setdefault(after, names[before])


def _rename(names: dict[Node, str], normal: Mapping[Node, Node]) -> None:
    for node, name in list(names.items()):
        names.setdefault(normal.get(node, node), name)
