"""From a lowered graph to a plan: tasks, dependences, loops, storage, windows, one after the other."""

from __future__ import annotations

from dataclasses import replace

from gradc.ir.graph import Graph, Node
from gradc.ir.sizes import Size
from gradc.rewrite.movement import REPEATED_FROM
from gradc.schedule.costs import Amount, guessed, kept
from gradc.schedule.dependences import Dependences, Elements, dependences
from gradc.schedule.groups import Loops, loops
from gradc.schedule.saving import repeated, saved_beforehand
from gradc.schedule.storage import shared, stored
from gradc.schedule.tasks import Schedule
from gradc.schedule.tiles import candidates
from gradc.schedule.windows import sliding_windows
from gradc.schedule.work import ArrayGraph, work


def schedule(graph: Graph, is_step: bool = False) -> Schedule:
    """The plan of a kernel: with tiles of the size that keeps the fewest bytes in whole arrays, then the fewest loops,
    if any. The step of a loop has no tiles, and saves what its loops would compute again: its arrays are in the cache
    anyway."""
    program = ArrayGraph(graph)
    settled = _Settling(program, is_step)
    best: Schedule | None = None
    best_price: tuple[int, ...] = ()
    for size, whole in candidates(program.order, program.outputs) if not is_step else ():
        uncut = guessed(kept(node.type for node in whole))
        if best is None or (uncut, 1) < best_price:  # at least that
            found = settled.loops(size)
            if found.has_tiles:
                plan = stored(found)
                price = (guessed(_whole_arrays(plan)), len(plan.body.items))
                if best is None or price < best_price:
                    best, best_price = plan, price
    if best is None:
        best = stored(settled.loops(None))
    return replace(best, aliases=shared(best), windows=sliding_windows(best.body))


def _whole_arrays(plan: Schedule) -> Amount:
    """The bytes of the arrays beside the outputs that a plan keeps whole."""
    outputs = {name for name, _ in plan.graph.outputs}
    return kept(node.type for slot, node in plan.slots.items() if slot not in outputs and slot not in plan.local)


class _Settling:
    """Loops with all values saved that they want to be. What does not depend on the loops is found once for each set of
    saved values, whichever size is tried for tiles."""

    def __init__(self, program: ArrayGraph, is_step: bool):
        self.program = program
        again = repeated(program, 1 if is_step else REPEATED_FROM)
        self.beforehand = saved_beforehand(program) | dict.fromkeys(again, False)
        self.elements = Elements()
        self.known: dict[frozenset, Dependences] = {}

    def loops(self, tile: Size | None) -> Loops:
        saved = dict(self.beforehand)
        untiled: set[tuple] = set()
        while True:
            found = loops(self._needs(saved), tile, untiled)
            if not found.wanted:
                return found
            saved.update(dict.fromkeys(found.wanted, False))

    def _needs(self, saved: dict[Node, bool]) -> Dependences:
        key = frozenset(saved.items())
        if key not in self.known:
            ordered = {node: saved[node] for node in self.program.order if node in saved}
            self.known[key] = dependences(work(self.program, ordered), self.elements)
        return self.known[key]
