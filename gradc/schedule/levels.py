"""Levels: which loops a task has to wait for, and what it reads from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradc.ir.access import Affine, Index, Point, depends, reads
from gradc.ir.graph import Node
from gradc.schedule.tasks import NextLoop, Task, Variables, makes

if TYPE_CHECKING:
    from gradc.schedule.groups import Attempt


class Levels:
    """Levels of the tasks of one body: how many finished loops each has to wait for."""

    def __init__(self, attempt: Attempt, tasks: list[Task], variables: Variables, path: tuple[int, ...]):
        self.attempt = attempt
        self.path = path
        self.variables = variables
        self.level: dict[Task, int] = {}
        self.own: dict[Node, list[Task]] = {}
        self.memo: dict[Point, int] = {}
        in_slot: dict[str, int] = {}
        stored_in = {slot: node for node, slot in attempt.stored.items()}
        for task in tasks:
            if task.kind == "scatter":
                if task.slot in stored_in:
                    self.own.setdefault(stored_in[task.slot], []).append(task)
            elif task.kind in ("reduce", "call") or (task.node in attempt.stored and makes(task, attempt.stored)):
                self.own.setdefault(task.node, []).append(task)
        for task in tasks:
            level = self._needed(task)
            if task.kind == "scatter":
                level = max(level, in_slot.get(task.slot, -1) + 1)
            elif task.kind == "store":
                in_slot[task.slot] = level
            self.level[task] = level
        self.read_by = {task: self._roots_read(task) for task in tasks}
        self._sink(tasks)
        self._find_outliving(tasks)

    def group(self, task: Task) -> tuple[int, NextLoop | None]:
        """Tasks of one group share their next loop; None is that of points."""
        return self.level[task], task.next_loop

    def _needed(self, task: Task) -> int:
        """The level at which everything a task reads is finished."""
        starts = task.starts(self.variables)
        start, stack = starts[0], list(starts)
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
            read = reads(node, index)
            pending = [inner for inner in read if inner not in self.memo]
            if pending:
                stack += pending
                continue
            self.memo[point] = max((self.memo[inner] for inner in read), default=0)
            stack.pop()
        level = max(self.memo[point] for point in starts)
        if self._is_value_of_own(task):
            del self.memo[start]
        return level

    def _is_value_of_own(self, task: Task) -> bool:
        return task.value is task.node and task.kind == "store" and makes(task, self.attempt.stored)

    def _is_root(self, node: Node, task: Task, at_start: bool) -> bool:
        if node is task.node and at_start and makes(task, self.attempt.stored):
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
        axis = producer.next_axis
        if axis is None:
            return True
        if producer.kind == "scatter" or axis in producer.reduced:
            return False
        return index[producer.kept.index(axis)] == Affine(self.variables[producer.next_loop])

    # ------------------------------------------------------------ who reads what

    def inlined(self, members: list[Task], variable: str) -> dict[Point, set]:
        """What a loop computes for itself: points whose value changes with its variable, and who uses each."""
        users: dict[Point, set] = {}
        varies: dict[Point, bool] = {}
        for task in members:
            starts = task.starts(self.variables)
            start, stack = starts[0], list(starts)
            while stack:
                point = stack[-1]
                node, index = point
                if point in varies:
                    stack.pop()
                    continue
                if self._is_root(node, task, point == start) or not node.args:
                    varies[point] = any(depends(at, variable) for at in index) and node.op != "const"
                    continue
                read = reads(node, index)
                pending = [inner for inner in read if inner not in varies]
                if pending:
                    stack += pending
                    continue
                varies[point] = any(varies[inner] for inner in read)
                if varies[point]:
                    users.setdefault(point, set())
                    for inner in read:
                        users.setdefault(inner, set()).add(point)
            users.setdefault(start, set()).add(task)
        return {point: found for point, found in users.items() if varies.get(point) and self._is_inline(point, members)}

    def _is_inline(self, point: Point, members: list[Task]) -> bool:
        """Whether a loop computes the point rather than reading it from an array or another reduction."""
        return point[0] not in self.attempt.roots or any(
            self._is_value_of_own(task) and task.node is point[0] for task in members
        )

    def _sink(self, tasks: list[Task]) -> None:
        """Move tasks to the level of their first reader, where no array has to outlive the loop then: what only matrix
        products and their readers need, and others if nothing is left of the loop that they leave."""
        pinned: set[Task] = set()
        while True:
            target = self._targets(tasks, pinned)
            staying = {self.group(task) for task in tasks if target[task] == self.level[task]}
            torn = {task for task in tasks if self._shares_its_loop(task) and self.group(task) in staying} - pinned
            if all(target[task] == self.level[task] for task in torn):
                self.level = target
                return
            pinned |= torn

    def _targets(self, tasks: list[Task], pinned: set[Task]) -> dict[Task, int]:
        """The level to which each task may sink. One that reads what its own loop makes stays, or that would have to
        outlive it."""
        free: set[Task] = set()
        for task in tasks:
            sources = (producer for node, _ in self.read_by[task] for producer in self.own.get(node, ()))
            stays = any(self.level[producer] == self.level[task] and producer not in free for producer in sources)
            if self._may_sink(task) and not stays and task not in pinned:
                free.add(task)
        target = dict(self.level)
        readers: dict[Node, list[tuple[Task, Index]]] = {}
        for task in reversed(tasks):
            if task in free:
                own = readers.get(task.node, ())
                latest = [target[reader] - (not self._within_reach(task, index)) for reader, index in own]
                target[task] = max(target[task], min(latest, default=0))
            for node, index in self.read_by[task]:
                readers.setdefault(node, []).append((task, index))
        return target

    def _may_sink(self, task: Task) -> bool:
        """Whether a task makes a value for readers of the same loop."""
        if task.kind == "call":
            return task.slot in self.attempt.for_products
        slot = self.attempt.stored.get(task.node)
        is_alone = self.own.get(task.node) == [task]
        return is_alone and task.next_axis in task.kept and slot not in self.attempt.outputs

    def _shares_its_loop(self, task: Task) -> bool:
        """Whether the loop of a task had better stay one with what else is in it, which may read the same arrays."""
        return task.slot not in self.attempt.for_products

    def _roots_read(self, task: Task) -> list[Point]:
        """The elements of saved values and finished reductions that a task reads."""
        starts = task.starts(self.variables)
        start, stack, done = starts[0], list(starts), set(starts)
        found = []
        while stack:
            point = stack.pop()
            node, index = point
            if self._is_root(node, task, point == start):
                found.append(point)
                continue
            for inner in reads(node, index):
                if inner not in done:
                    done.add(inner)
                    stack.append(inner)
        return found

    def _find_outliving(self, tasks: list[Task]) -> None:
        """Reductions read outside the iteration that made them get an array."""
        for task in tasks:
            for node, index in self.read_by[task]:
                self._note(node, index, task)

    def _note(self, node: Node, index: Index, reader: Task) -> None:
        for producer in self.own.get(node, ()):
            same_loop = producer.next_axis is not None and self.group(producer) == self.group(reader)
            if not same_loop:
                self.attempt.part(node, self.path)
            if producer.kind != "reduce" or not node.shape or producer.next_axis is None:
                continue
            axis = producer.next_axis
            crosses = axis in producer.reduced and any(k not in producer.reduced for k in producer.remaining)
            if crosses or (axis not in producer.reduced and not (same_loop and self._within_reach(producer, index))):
                self.attempt.materialise(node)
