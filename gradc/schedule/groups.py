"""What shares a loop, and what is saved.

The work of a kernel is a set of tasks: a reduction, an array to store, the cotangent of a slice to add into an
array. A task runs over a domain, one loop for each axis. Everything else is computed where it is needed, inside
the loops of the tasks that need it. Loops are fused from the outside in: at each depth, tasks over the same size
go into one loop, unless one needs the *finished* result of another, which puts it a level later.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import replace

from gradc.ir.access import Index, reads
from gradc.ir.graph import Graph, Node, fresh, topological, users
from gradc.ir.ops import ARRAY_OPS, SCATTERS
from gradc.ir.sizes import Size
from gradc.schedule.levels import Levels
from gradc.schedule.saving import saved_beforehand
from gradc.schedule.storage import shared
from gradc.schedule.tasks import (
    SAVE_FROM,
    Body,
    Local,
    Loop,
    NextLoop,
    Schedule,
    Task,
    Tiles,
    Variables,
    scattered,
)
from gradc.schedule.tiles import candidates, cut
from gradc.schedule.windows import sliding_windows


def schedule(graph: Graph) -> Schedule:
    """The loops of a lowered graph: with tiles of the size that leaves the fewest whole arrays and loops, if any."""
    beforehand = saved_beforehand(graph)
    tiled = (scheduled(graph, beforehand, size) for size in candidates(topological(graph.results)))
    found = [plan for plan in tiled if any(isinstance(item, Tiles) for item in plan.body.items)]
    plan = min(found, key=lambda plan: (*_whole_arrays(plan), len(plan.body.items)), default=None)
    chosen = plan or scheduled(graph, beforehand, None)
    return replace(chosen, aliases=shared(chosen), windows=sliding_windows(chosen.body))


def _whole_arrays(plan: Schedule) -> tuple[int, int]:
    """How many arrays beside the outputs a plan keeps whole: of more than one axis, and in all."""
    outputs = {name for name, _ in plan.graph.outputs}
    ranks = [node.type.rank for slot, node in plan.slots.items() if slot not in outputs and slot not in plan.local]
    return sum(rank > 1 for rank in ranks), len(ranks)


def scheduled(graph: Graph, beforehand: Iterable[Node], tile: Size | None) -> Schedule:
    """The loops of a graph with tiles of an axis of this size, and some values saved whatever the loops are."""
    saved = dict.fromkeys(beforehand, False)
    untiled: set[tuple] = set()
    while True:
        attempt = Attempt(graph, saved, tile, untiled)
        result = attempt.run()
        if not attempt.to_save and attempt.untiled == untiled:
            return result
        for node, for_product in attempt.to_save.items():
            saved[node] = saved.get(node, True) and for_product
        untiled = attempt.untiled


class Attempt:
    """Scheduling with a given set of saved values; asks for more in `to_save`. Both say of a value whether only matrix
    products need it in an array. Tiles cut axes of the size `tile`, but not of the tasks in `untiled`, which meet no
    matrix product there."""

    def __init__(self, graph: Graph, saved: dict[Node, bool], tile: Size | None, untiled: set[tuple]):
        self.graph = graph
        self.outputs = {name for name, _ in graph.outputs}
        self.saved = saved
        self.tile = tile
        self.untiled = set(untiled)
        self.stored: dict[Node, str] = {}
        self.slots: dict[str, Node] = {}
        self.to_save: dict[Node, bool] = {}
        self.for_products: set[str] = set()
        self.recomputed: dict[Node, None] = {}
        self.in_tiles: dict[Node, int] = {}
        self.parted: dict[Node, tuple[int, ...]] = {}

    def run(self) -> Schedule:
        tasks = list(self._tasks())
        for task in tasks:
            if task.slot:
                self.slots.setdefault(task.slot, task.node)
        self.roots = set(self.stored) | {task.node for task in tasks if task.kind == "reduce"}
        for node in topological(node for node in self.graph.results if not node.shape):
            for arg in node.args:
                if not node.shape and arg.shape and node.row.kind != "reduction":
                    self._read_by_scalars(arg)
        for task in tasks:
            if task.kind == "call":
                self._need_arrays(task.node.args)
        body = self._body(tasks, ())
        return Schedule(
            self.graph, body, self.stored, self.slots, self._local(), tuple(self.saved), tuple(self.recomputed)
        )

    # ------------------------------------------------------------ tasks

    def _tasks(self) -> Iterator[Task]:
        """The roots of the work, in topological order, outputs last."""
        outputs = {node: name for name, node in reversed(self.graph.outputs) if node.shape}
        absorbed, read_again = self._absorbed(outputs)
        taken = set()
        for node in topological(self.graph.results):
            if node.row.kind == "reduction":
                if node in outputs:
                    self.stored[node] = outputs[node]
                    self.slots[outputs[node]] = node
                    taken.add(outputs[node])
                yield self._task("reduce", node, node.args[0])
            elif node.op in ARRAY_OPS:
                slot = outputs.get(node) or self._new_slot("product" if node.op == "contract" else node.op)
                taken.add(slot)
                self.stored[node] = slot
                if node not in outputs:
                    self.for_products.add(slot)
                yield Task("call", node, node, slot, tile=cut(node, self.tile))
            elif node in self.saved or node in read_again or (node.op in SCATTERS and node not in absorbed):
                slot = outputs.get(node) or self._new_slot("saved")
                taken.add(slot)
                self.stored[node] = slot
                if self.saved.get(node) and node not in outputs and node.op not in SCATTERS:
                    self.for_products.add(slot)
                yield from self._writes(node, slot)
        for name, node in self.graph.outputs:
            if node.shape and name not in taken:
                yield from self._writes(node, name)

    def _absorbed(self, outputs: dict[Node, str]) -> tuple[set[Node], set[Node]]:
        """Cotangents of slices that nothing but the sum of an output, or of a saved value, reads: they need no array of
        their own.

        With them the outputs made so that something else reads too: that has to wait until they are complete.
        """
        readers = users(self.graph.results)
        absorbed: set[Node] = set()
        read_again: set[Node] = set()
        for node in (*outputs, *self.saved):
            sums = {node}
            stack = [node] if node.op == "add" else []
            while stack:
                for arg in stack.pop().args:
                    is_own = arg not in outputs and arg not in self.saved
                    if is_own and all(reader in sums for reader in readers[arg]):
                        if arg.op == "add":
                            sums.add(arg)
                            stack.append(arg)
                        elif arg.op in SCATTERS:
                            absorbed.add(arg)
                            read_again |= {node} if readers[node] else set()
            if node.op in SCATTERS and not readers[node]:
                absorbed.add(node)
        return absorbed, read_again

    def _writes(self, node: Node, slot: str) -> Iterator[Task]:
        """The tasks that write an array: its value, and the cotangents of slices that are added into it."""
        pads, rest = scattered(node, self.stored)
        if rest is not None:
            yield self._task("store", node, rest, slot)
        for pad in pads:
            yield self._task("scatter", node, pad, slot)

    def _task(self, kind: str, node: Node, value: Node, slot: str = "") -> Task:
        if kind == "scatter":
            node, value = value, value.args[0]
        task = Task(kind, node, value, slot, (None,) * value.type.rank)
        if self.tile in value.shape and task.key not in self.untiled:
            task.tile = value.shape.index(self.tile)
        return task

    # ------------------------------------------------------------ fusion

    def _body(self, tasks: list[Task], path: tuple[int, ...]) -> Body:
        """Tasks that share the open loops, grouped by level; at one level points first, then a loop for each size."""
        loops = {task.next_loop for task in tasks if task.next_loop is not None}
        variables: Variables = {(size, tiles): f"@{len(path)}.{size}{' tiles' * tiles}" for size, tiles in loops}
        levels = Levels(self, tasks, variables, path)
        groups: dict[tuple[int, NextLoop | None], list[Task]] = {}
        for task in tasks:
            groups.setdefault(levels.group(task), []).append(task)
        self._choose_saved(levels, groups, variables)
        body = Body()
        for (level, loop), members in sorted(groups.items(), key=lambda item: (item[0][0], item[0][1] is not None)):
            if loop is None or all(task.kind == "call" for task in members):
                body.items += members
            elif any(task.next_axis not in task.remaining[:1] for task in members):
                if all(task.kind != "call" for task in members):
                    self.untiled.update(task.key for task in members)
                self.in_tiles.update((task.node, task.tile) for task in members if task.tile is not None)
                inner = self._body([task.within_tile() for task in members], (*path, level))
                body.items.append(Tiles(loop[0], members, inner))
            else:
                variable = f"{variables[loop]}.{level}.{len(body.items)}"
                inner = self._body([task.inside(variable) for task in members], (*path, level))
                body.items.append(Loop(variable, loop[0], members, inner))
        return body

    def _read_by_scalars(self, node: Node) -> None:
        """Elements of reductions that scalar code picks out after all loops, or that tell it what to pick."""
        stack = [node]
        while stack:
            node = stack.pop()
            if node.row.kind == "reduction":
                if node.shape:
                    self.materialise(node)
            elif node not in self.roots:
                stack.extend(node.args)
            if node in self.roots:
                self.part(node, ())

    def _need_arrays(self, nodes: tuple[Node, ...]) -> None:
        """Give each of these an array, because a matrix product reads it."""
        for node in nodes:
            if node.row.kind == "reduction":
                self.materialise(node)
            elif node not in self.stored and node.op != "input":
                self.to_save[node] = True

    def part(self, node: Node, path: tuple[int, ...]) -> None:
        """Note that a value is read outside the iteration, of the loops open at a path, that made it."""
        self.parted[node] = min(path, self.parted.get(node, path), key=len)

    def _local(self) -> dict[str, Local]:
        """The arrays of values that nothing reads outside the iteration of a loop that made them."""
        local: dict[str, Local] = {}
        for node, slot in self.stored.items():
            path = self.parted.get(node, ())
            if path and slot not in self.outputs:
                axis = self.in_tiles.get(node)
                reduced = node.attrs[0] if node.row.kind == "reduction" else ()
                tile = None if axis is None else axis - sum(k < axis for k in reduced)
                dropped = min(len(path) - (tile is not None), node.type.rank - 1)
                local[slot] = Local(dropped, tile)
        return local

    def _new_slot(self, stem: str) -> str:
        return fresh(f"{stem}{len(self.stored)}", self.graph.input_names)

    def materialise(self, node: Node) -> None:
        """Give a reduction's result an array, because a later loop reads it."""
        if node not in self.stored:
            slot = self._new_slot("reduced")
            self.stored[node] = slot
            self.slots[slot] = node

    # ------------------------------------------------------------ what is saved

    def _choose_saved(
        self, levels: Levels, groups: dict[tuple[int, NextLoop | None], list[Task]], variables: Variables
    ) -> None:
        """Values computed in more than one loop: saved if expensive, noted as recomputed if not."""
        seen: dict[tuple[Node, Index], int] = {}
        consumers: dict[tuple[Node, Index], set] = {}
        for (_, loop), members in groups.items():
            if loop is None:
                continue
            inside = levels.inlined(members, variables[loop])
            for point, readers in inside.items():
                seen[point] = seen.get(point, 0) + 1
                consumers.setdefault(point, set()).update(readers)
        shared = dict.fromkeys(point for point, count in seen.items() if count > 1 and point[0].row.cost)
        for node, index in shared:
            if any(user not in shared for user in consumers[node, index]):
                identity = len({at.var for at in index}) == len(index) and all(
                    at.var and at.step == 1 and at.offset == 0 for at in index
                )
                if identity and self._cone_cost(node, index, shared) >= SAVE_FROM:
                    self.to_save[node] = False
                else:
                    self.recomputed[node] = None

    @staticmethod
    def _cone_cost(node: Node, index: Index, shared: Container[tuple[Node, Index]]) -> int:
        total, stack, done = 0, [(node, index)], set()
        while stack and total < SAVE_FROM:
            point = stack.pop()
            if point in shared and point not in done:
                done.add(point)
                total += point[0].row.cost
                stack += reads(*point)
        return total
