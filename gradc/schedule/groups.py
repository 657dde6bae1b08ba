"""What shares a loop, and what is saved.

The work of a kernel is a set of tasks: a reduction, an array to store, the cotangent of a slice to add into an
array. A task runs over a domain, one loop for each axis. Everything else is computed where it is needed, inside
the loops of the tasks that need it. Loops are fused from the outside in: at each depth, tasks over the same size
go into one loop, unless one needs the *finished* result of another, which puts it a level later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterator

from gradc.ir.graph import Graph, Node, make, topological, users
from gradc.ir.ops import others
from gradc.ir.sizes import Shape, Size
from gradc.ir.access import Affine, Index, argument_index

CHEAP = {
    "neg", "abs", "sign", "square", "add", "sub", "mul", "maximum", "minimum", "clamp_min", "clamp_max", "gate", "where",
    "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not", "floor", "ceil", "round", "trunc",
}  # fmt: skip
COSTS = {"div": 4, "sqrt": 5}
ELEMENTARY_COST = 10
SAVE_FROM = 8
"""A value that two loops need is saved rather than computed again from this cost on; an addition costs 1."""


def cost(node: Node) -> int:
    """The work of one element of an op, in additions."""
    if node.row.kind != "elementwise":
        return 0
    return 1 if node.op in CHEAP else COSTS.get(node.op, ELEMENTARY_COST)


@dataclass(eq=False)
class Task:
    """`kind` is "reduce", "store" or "scatter"; `value` is computed at each point of its shape, the domain.

    `node` is what the task makes; `index` fixes the axes for which a loop is open.
    """

    kind: str
    node: Node
    value: Node
    slot: str = ""
    index: tuple[Affine | None, ...] = ()

    @property
    def domain(self) -> Shape:
        return self.value.shape

    @property
    def key(self) -> tuple[str, Node, str]:
        """The same for the task inside its loops."""
        return self.kind, self.node, self.slot

    @property
    def remaining(self) -> tuple[int, ...]:
        """The axes without a loop yet, in order."""
        return tuple(axis for axis, at in enumerate(self.index) if at is None)

    @property
    def reduced(self) -> tuple[int, ...]:
        """The axes of the domain that the result does not have."""
        return self.node.attrs[0] if self.kind == "reduce" else ()

    @property
    def kept(self) -> tuple[int, ...]:
        """The axes of the domain that the result has."""
        return others(len(self.index), self.reduced)

    def at(self, variables: dict[Size, str]) -> Index:
        """A point of the domain: open loops as they are, the next axis by the variable of its size."""
        following = self.remaining[:1]
        return tuple(
            at if at is not None else Affine(variables[self.domain[axis]] if axis in following else f"@{axis}")
            for axis, at in enumerate(self.index)
        )

    def inside(self, variable: str) -> Task:
        """The task in the body of the loop over its next axis."""
        axis = self.remaining[0]
        index = tuple(Affine(variable) if k == axis else at for k, at in enumerate(self.index))
        return Task(self.kind, self.node, self.value, self.slot, index)


@dataclass(eq=False)
class Loop:
    """A loop over `size` for all of `tasks`."""

    variable: str
    size: Size
    tasks: list[Task]
    body: Body


@dataclass(eq=False)
class Body:
    """Points (tasks whose loops are all open) and loops, in order of execution."""

    items: list[Task | Loop] = field(default_factory=list)


@dataclass
class Schedule:
    """The whole kernel: the tree of loops, and what has storage."""

    graph: Graph
    body: Body
    stored: dict[Node, str]
    """Values that are read back from an array, and its name: saved values, reductions that outlive their loop."""
    slots: dict[str, Node]
    """Every array the kernel allocates, and a node of its type."""
    aliases: dict[str, str]
    """Saved arrays that live in the storage of an output until that is written."""
    saved: tuple[Node, ...]
    recomputed: tuple[Node, ...]
    """Cheap values that two loops need and each computes for itself."""


def schedule(graph: Graph) -> Schedule:
    """The loops of a lowered graph."""
    saved: dict[Node, None] = {}
    while True:
        attempt = _Attempt(graph, saved)
        result = attempt.run()
        if not attempt.to_save:
            return result
        saved.update(attempt.to_save)


class _Attempt:
    """Scheduling with a given set of saved values; asks for more in `to_save`."""

    def __init__(self, graph: Graph, saved: dict[Node, None]):
        self.graph = graph
        self.saved = saved
        self.stored: dict[Node, str] = {}
        self.slots: dict[str, Node] = {}
        self.to_save: dict[Node, None] = {}
        self.recomputed: dict[Node, None] = {}
        self.paths: dict[tuple, list[int]] = {}
        self.reads: list[tuple[Node, Task, list[int], bool]] = []
        self.number: dict[tuple, int] = {}

    def run(self) -> Schedule:
        tasks = list(self._tasks())
        self.number = {task.key: k for k, task in enumerate(tasks)}
        for task in tasks:
            if task.slot:
                self.slots.setdefault(task.slot, task.node)
        self.roots = set(self.stored) | {task.node for task in tasks if task.kind == "reduce"}
        for node in topological(node for node in self.graph.results if not node.shape):
            for arg in node.args:
                if not node.shape and arg.shape and node.row.kind != "reduction":
                    self._read_by_scalars(arg)
        body = self._body(tasks, ())
        return Schedule(
            self.graph, body, self.stored, self.slots, self._aliases(tasks), tuple(self.saved), tuple(self.recomputed)
        )

    # ------------------------------------------------------------ tasks

    def _tasks(self) -> Iterator[Task]:
        """The roots of the work, in topological order, outputs last."""
        outputs = {node: name for name, node in reversed(self.graph.outputs) if node.shape}
        absorbed = self._absorbed(outputs)
        taken = set()
        for node in topological(self.graph.results):
            if node.row.kind == "reduction":
                if node in outputs:
                    self.stored[node] = outputs[node]
                    self.slots[outputs[node]] = node
                    taken.add(outputs[node])
                yield self._task("reduce", node, node.args[0])
            elif node in self.saved or (node.op == "pad" and node not in absorbed):
                slot = outputs.get(node, f"saved{len(self.stored)}")
                taken.add(slot)
                self.stored[node] = slot
                yield from self._writes(node, slot)
        for name, node in self.graph.outputs:
            if node.shape and name not in taken:
                yield from self._writes(node, name)

    def _absorbed(self, outputs: dict[Node, str]) -> set[Node]:
        """Cotangents of slices that nothing but an output's own sum reads: they need no array of their own."""
        readers = users(self.graph.results)
        absorbed = set()
        for node in outputs:
            sums = {node}
            stack = [node] if node.op == "add" else []
            while stack:
                for arg in stack.pop().args:
                    if all(reader in sums for reader in readers[arg]) and arg not in outputs:
                        if arg.op == "add":
                            sums.add(arg)
                            stack.append(arg)
                        elif arg.op == "pad":
                            absorbed.add(arg)
            if node.op == "pad" and not readers[node]:
                absorbed.add(node)
        return absorbed

    def _writes(self, node: Node, slot: str) -> Iterator[Task]:
        """The tasks that write an array: its value, and the cotangents of slices that are added into it."""
        pads, rest = scattered(node)
        if rest is not None:
            yield self._task("store", node, rest, slot)
        for pad in pads:
            yield self._task("scatter", node, pad, slot)

    @staticmethod
    def _task(kind: str, node: Node, value: Node, slot: str = "") -> Task:
        if kind == "scatter":
            return Task(kind, value, value.args[0], slot, (None,) * value.args[0].type.rank)
        return Task(kind, node, value, slot, (None,) * value.type.rank)

    # ------------------------------------------------------------ fusion

    def _body(self, tasks: list[Task], path: tuple[int, ...]) -> Body:
        """Tasks that share the open loops, grouped by level; at one level points first, then a loop for each size."""
        depth = len(path)
        variables = {task.domain[task.remaining[0]]: "" for task in tasks if task.remaining}
        variables = {size: f"@{depth}.{size}" for size in variables}
        levels = _Levels(self, tasks, variables)
        groups: dict[tuple[int, Size | None], list[Task]] = {}
        for task in tasks:
            level = levels.of(task)
            self.paths[task.key] = [*path, level]
            groups.setdefault((level, task.domain[task.remaining[0]] if task.remaining else None), []).append(task)
        self._note_reads(levels, tasks, path)
        self._choose_saved(levels, groups, variables)
        body = Body()
        for (level, size), members in sorted(groups.items(), key=lambda item: (item[0][0], item[0][1] is not None)):
            if size is None:
                body.items += members
            else:
                variable = f"{variables[size]}.{level}.{len(body.items)}"
                inner = self._body([task.inside(variable) for task in members], (*path, level))
                body.items.append(Loop(variable, size, members, inner))
        return body

    def _read_by_scalars(self, node: Node) -> None:
        """Elements of reductions that scalar code picks out after all loops."""
        while node not in self.roots and node.args:
            node = node.args[0]
        if node.row.kind == "reduction" and node.shape:
            self.materialise(node)

    def materialise(self, node: Node) -> None:
        """Give a reduction's result an array, because a later loop reads it."""
        if node not in self.stored:
            slot = f"reduced{len(self.stored)}"
            self.stored[node] = slot
            self.slots[slot] = node

    # ------------------------------------------------------------ what is saved

    def _choose_saved(
        self, levels: _Levels, groups: dict[tuple[int, Size | None], list[Task]], variables: dict[Size, str]
    ) -> None:
        """Values computed in more than one loop: saved if expensive, noted as recomputed if not."""
        seen: dict[tuple[Node, Index], int] = {}
        consumers: dict[tuple[Node, Index], set] = {}
        for (_, size), members in groups.items():
            if size is None:
                continue
            inside = levels.inlined(members, variables[size])
            for point, users in inside.items():
                seen[point] = seen.get(point, 0) + 1
                consumers.setdefault(point, set()).update(users)
        shared = {point for point, count in seen.items() if count > 1 and cost(point[0])}
        for node, index in shared:
            if any(user not in shared for user in consumers[node, index]):
                identity = len({at.var for at in index}) == len(index) and all(
                    at.var and at.step == 1 and at.offset == 0 for at in index
                )
                if identity and self._cone_cost(node, index, shared) >= SAVE_FROM:
                    self.to_save[node] = None
                else:
                    self.recomputed[node] = None

    @staticmethod
    def _cone_cost(node: Node, index: Index, shared: set[tuple[Node, Index]]) -> int:
        total, stack, done = 0, [(node, index)], set()
        while stack and total < SAVE_FROM:
            point = stack.pop()
            if point in shared and point not in done:
                done.add(point)
                total += cost(point[0])
                at = argument_index(*point)
                stack += [(arg, at) for arg in point[0].args]
        return total

    def _note_reads(self, levels: _Levels, tasks: list[Task], path: tuple[int, ...]) -> None:
        for node, task, straight in levels.reads:
            self.reads.append((node, task, [*path, levels.of(task)], straight))

    def _aliases(self, tasks: list[Task]) -> dict[str, str]:
        """Saved arrays whose last reader writes an output of the same type at the same place."""
        aliases: dict[str, str] = {}
        for node in self.saved:
            slot = self.stored[node]
            for task in reversed(tasks):
                if (
                    task.kind == "store"
                    and task.node.type == node.type
                    and task.slot != slot
                    and task.slot not in self.stored.values()
                    and task.slot not in aliases.values()
                    and not scattered(task.node)[0]
                    and self._may_share(node, task)
                ):
                    aliases[slot] = task.slot
                    break
        return aliases

    def _may_share(self, node: Node, writer: Task) -> bool:
        """Whether every reading of a saved value comes before the writer's, or in the same iteration before it."""
        written = self.paths[writer.key]
        if not self.paths["store", node, self.stored[node]] < written:
            return False
        for read, reader, path, straight in self.reads:
            depth = min(len(path), len(written))
            same_loop = path[:depth] == written[:depth]
            before = straight and self.number[reader.key] <= self.number[writer.key]
            if read is node and not (before if same_loop else path[:depth] < written[:depth]):
                return False
        return True


class _Levels:
    """Levels of the tasks of one body: how many finished loops each has to wait for."""

    def __init__(self, attempt: _Attempt, tasks: list[Task], variables: dict[Size, str]):
        self.attempt = attempt
        self.variables = variables
        self.level: dict[Task, int] = {}
        self.own: dict[Node, list[Task]] = {}
        self.memo: dict[tuple[Node, Index], int] = {}
        self.reads: list[tuple[Node, Task, bool]] = []
        in_slot: dict[str, int] = {}
        for task in tasks:
            if task.kind == "reduce" or task.node in attempt.stored or task.kind == "scatter":
                self.own.setdefault(task.node, []).append(task)
        for task in tasks:
            level = self._needed(task)
            if task.kind == "scatter":
                level = max(level, in_slot.get(task.slot, -1) + 1)
            elif task.kind == "store":
                in_slot[task.slot] = level
            self.level[task] = level
        self._find_outliving(tasks)

    def of(self, task: Task) -> int:
        return self.level[task]

    def _needed(self, task: Task) -> int:
        """The level at which everything a task reads is finished."""
        start = (task.value, task.at(self.variables))
        stack = [start]
        while stack:
            point = stack[-1]
            if point in self.memo:
                stack.pop()
                continue
            node, index = point
            if self._is_root(node, task, point == start):
                self.memo[point] = self._finished(node, index)
                stack.pop()
                continue
            at = argument_index(node, index)
            pending = [(arg, at) for arg in node.args if (arg, at) not in self.memo]
            if pending:
                stack += pending
                continue
            self.memo[point] = max((self.memo[arg, at] for arg in node.args), default=0)
            stack.pop()
        level = self.memo[start]
        if self._is_value_of_own(task):
            del self.memo[start]
        return level

    def _is_value_of_own(self, task: Task) -> bool:
        return task.value is task.node and task.kind == "store"

    def _is_root(self, node: Node, task: Task, at_start: bool) -> bool:
        if node is task.node and at_start:
            return False
        return node in self.attempt.roots

    def _finished(self, node: Node, index: Index) -> int:
        """The level from which an element of a root can be read."""
        result = 0
        for producer in self.own.get(node, ()):
            level = self.level.get(producer, 0)
            result = max(result, level if self._within_reach(producer, index) else level + 1)
        return result

    def _within_reach(self, producer: Task, index: Index) -> bool:
        """Whether an element is finished by the time the same iteration of the producer's next loop needs it."""
        if not producer.remaining:
            return True
        axis = producer.remaining[0]
        if producer.kind == "scatter" or axis in producer.reduced:
            return False
        return index[producer.kept.index(axis)] == Affine(self.variables[producer.domain[axis]])

    # ------------------------------------------------------------ who reads what

    def inlined(self, members: list[Task], variable: str) -> dict[tuple[Node, Index], set]:
        """What a loop computes for itself: points whose value changes with its variable, and who uses each."""
        users: dict[tuple[Node, Index], set] = {}
        varies: dict[tuple[Node, Index], bool] = {}
        for task in members:
            start = (task.value, task.at(self.variables))
            stack = [start]
            while stack:
                point = stack[-1]
                node, index = point
                if point in varies:
                    stack.pop()
                    continue
                if self._is_root(node, task, point == start) or not node.args:
                    varies[point] = any(at.var == variable for at in index) and node.op != "const"
                    continue
                at = argument_index(node, index)
                pending = [(arg, at) for arg in node.args if (arg, at) not in varies]
                if pending:
                    stack += pending
                    continue
                varies[point] = any(varies[arg, at] for arg in node.args)
                if varies[point]:
                    users.setdefault(point, set())
                    for arg in node.args:
                        users.setdefault((arg, at), set()).add(point)
            users.setdefault(start, set()).add(task)
        return {point: found for point, found in users.items() if varies.get(point) and self._is_inline(point, members)}

    def _is_inline(self, point: tuple[Node, Index], members: list[Task]) -> bool:
        """Whether a loop computes the point rather than reading it from an array or another reduction."""
        return point[0] not in self.attempt.roots or any(
            task.value is point[0] and task.kind == "store" and task.node is point[0] for task in members
        )

    def _find_outliving(self, tasks: list[Task]) -> None:
        """Reductions read outside the iteration that made them get an array; reads of saved arrays are noted."""
        for task in tasks:
            start = (task.value, task.at(self.variables))
            stack, done = [start], {start}
            while stack:
                point = stack.pop()
                node, index = point
                if self._is_root(node, task, point == start):
                    self._note(node, index, task)
                    continue
                at = argument_index(node, index)
                for arg in node.args:
                    if (arg, at) not in done:
                        done.add((arg, at))
                        stack.append((arg, at))

    def _note(self, node: Node, index: Index, reader: Task) -> None:
        if node in self.attempt.saved:
            self.reads.append((node, reader, index == reader.at(self.variables)))
        for producer in self.own.get(node, ()):
            if producer.kind != "reduce" or not node.shape or not producer.remaining:
                continue
            axis = producer.remaining[0]
            same_loop = (
                self.level[producer] == self.level[reader]
                and reader.remaining
                and self._within_reach(producer, index)
            )
            crosses = axis in producer.reduced and any(k not in producer.reduced for k in producer.remaining)
            if crosses or (axis not in producer.reduced and not same_loop):
                self.attempt.materialise(node)


def scattered(node: Node) -> tuple[list[Node], Node | None]:
    """The slices' cotangents among the terms of a sum, and the sum of the other terms (None if there are none)."""
    pads: list[Node] = []
    rest: list[Node] = []
    stack = [node]
    while stack:
        term = stack.pop()
        if term.op == "add":
            stack += reversed(term.args)
        else:
            (pads if term.op == "pad" else rest).append(term)
    if not pads:
        return [], node
    total = None
    for term in rest:
        total = term if total is None else make("add", total, term)
    return pads, total
