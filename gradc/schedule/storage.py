"""Where values live: which reductions get an array, which arrays are local to an iteration, and which saved arrays
live in the storage of an output."""

from __future__ import annotations

from collections.abc import Iterator

from gradc.ir.affine import FIRST, Affine
from gradc.ir.graph import Node, reached, topological
from gradc.ir.types import Type
from gradc.schedule.accesses import Access, Accesses, Path, axes_of
from gradc.schedule.groups import Layer, Loops
from gradc.schedule.tasks import Body, Local, Loop, Schedule, Task, Tiles
from gradc.schedule.work import Work, new_slot


def stored(loops: Loops) -> Schedule:
    """The plan of these loops, with an array for each reduction that outlives the iteration that makes it. Arrays that
    nothing reads outside an iteration are local to it."""
    work = loops.needs.work
    arrays, slots = dict(work.stored), dict(work.slots)
    outlives: dict[Node, int] = {}
    for node, around, in_array in _outliving(loops):
        if around is not None:
            outlives[node] = min(around, outlives.get(node, around))
        if in_array and node not in arrays:
            arrays[node] = slot = new_slot(arrays, node, work.program.graph)
            slots[slot] = node
    return Schedule(
        work.program.graph,
        _body(loops.layer, {task: task.cut(loops.cuts.get(task)) for task in work.tasks}),
        arrays,
        slots,
        _local(loops, arrays, outlives),
        work.saved,
        tuple(node for node in work.program.order if node in loops.recomputed),
    )


def _outliving(loops: Loops) -> Iterator[tuple[Node, int | None, bool]]:
    """Values that are read outside an iteration that makes them, and inside of how many loops that is still (None if it
    does not matter); and whether it is a reduction that needs an array."""
    work = loops.needs.work
    for node in _read_by_scalars(work):
        yield node, 0, node.row.kind == "reduction" and bool(node.shape)
    for task in work.tasks:
        if task.calls:
            yield from ((arg, None, True) for arg in task.node.args if arg.row.kind == "reduction" and arg.shape)
    for layer in loops.layers():
        crew = layer.crew
        group_of = {task: group for group in layer.groups for task in group.tasks}
        for reader in crew.tasks:
            for element in crew.reads[reader]:
                for maker in crew.makers[element.node]:
                    axis = crew.axis[maker]
                    together = axis is not None and group_of[maker] is group_of[reader]
                    in_array = False
                    if maker.reduces and element.node.shape and axis is not None:
                        if axis in maker.reduced:
                            in_array = any(k not in maker.reduced for k in range(crew.depth, len(maker.index)))
                        else:
                            in_array = not (together and crew.within_reach(maker, element, reader))
                    if in_array or not together:
                        yield element.node, None if together else layer.around, in_array


def _read_by_scalars(work: Work) -> Iterator[Node]:
    """The stored values and reductions of which scalar code picks elements after all loops, or that tell it what to
    pick."""
    graph, order = work.program.graph, work.program.order
    if all(node.shape or node.row.kind == "reduction" for node in order):
        return
    read = [
        arg
        for node in topological(node for node in graph.results if not node.shape)
        if not node.shape and node.row.kind != "reduction"
        for arg in node.args
        if arg.shape
    ]
    below = reached(reversed(read), lambda node: () if node in work.roots else node.args)
    yield from (node for node in below if node in work.roots)


def _body(layer: Layer, tasks: dict[Task, Task]) -> Body:
    """The loops with their variables; a loop over one iteration is none. `tasks` are those of the layer with the loops
    around them open."""
    body = Body()
    for group in layer.groups:
        opened = [tasks[task] for task in group.tasks]
        if group.inner is None or group.loop is None:
            body.items += opened
        elif group.is_tiles:
            inside = {task: tasks[task].within_tile() for task in group.tasks}
            body.items.append(Tiles(group.loop[0], opened, _body(group.inner, inside)))
        elif group.loop[0] == 1 and all(layer.crew.axis[task] not in task.reduced for task in group.tasks):
            body.items += _body(group.inner, {task: tasks[task].inside(FIRST) for task in group.tasks}).items
        else:
            variable = f"@{layer.around}.{group.loop[0]}.{group.level}.{len(body.items)}"
            inside = {task: tasks[task].inside(Affine(variable)) for task in group.tasks}
            body.items.append(Loop(variable, group.loop[0], opened, _body(group.inner, inside)))
    return body


def _local(loops: Loops, arrays: dict[Node, str], outlives: dict[Node, int]) -> dict[str, Local]:
    """The arrays of values that nothing reads outside the iteration of a loop that made them."""
    cut = {
        task.node: loops.cuts[task]
        for group in loops.layer.groups
        if group.is_tiles
        for task in group.tasks
        if task in loops.cuts
    }
    local: dict[str, Local] = {}
    for node, slot in arrays.items():
        around = outlives.get(node, 0)
        if around and slot not in loops.needs.work.output_names:
            axis = cut.get(node)
            reduced = node.attrs[0] if node.row.kind == "reduction" else ()
            tile = None if axis is None else axis - sum(k < axis for k in reduced)
            local[slot] = Local(min(around - (tile is not None), node.type.rank - 1), tile)
    return local


def shared(plan: Schedule) -> dict[str, str]:
    """Saved arrays that may live in an output of the same type: the output is written once all of them is read.

    By element: what is saved is written and read before the output is stored there.
    """
    outputs = {name for name, _ in plan.graph.outputs}
    saved = [node for node in plan.saved if plan.stored[node] not in outputs and plan.stored[node] not in plan.local]
    types = {node.type for node in saved}
    if not any(node.type in types and plan.stored.get(node) != name for name, node in plan.graph.outputs):
        return {}
    accesses = Accesses(plan)
    scatters = {task.slot for task, _ in accesses.tasks if task.scatters}
    taken = {*plan.stored.values(), *scatters}
    free: dict[Type, dict[str, tuple[Task, Path]]] = {}
    for task, path in reversed(accesses.tasks):
        if task.stores and task.slot not in taken:
            free.setdefault(task.node.type, {})[task.slot] = task, path
    viewed = {task.node.args[0] for task, _ in accesses.tasks if task.node.op == "reshape"}
    homes: dict[str, str] = {}
    for node in saved:
        if node not in viewed:
            for output, (task, path) in free.get(node.type, {}).items():
                if overwrites_late(accesses, node, task, path):
                    homes[plan.stored[node]] = output
                    del free[node.type][output]
                    break
    return homes


def overwrites_late(accesses: Accesses, node: Node, task: Task, path: Path) -> bool:
    """Whether a task stores each element after everything that writes or reads the node's."""
    store = Access(task.node, task, path, axes_of(task.index, path))
    writes = accesses.writes.get(node, [])
    is_stored = all(write.task is not None and write.task.stores for write in writes)
    return is_stored and all(access.precedes(store) for access in (*writes, *accesses.reads.get(node, ())))
