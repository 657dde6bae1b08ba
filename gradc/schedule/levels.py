"""Levels: which loops a task has to wait for, and what it reads from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradc.ir.access import Affine, Index, depends, reads
from gradc.ir.graph import Node
from gradc.ir.sizes import Size
from gradc.schedule.tasks import Task, makes

if TYPE_CHECKING:
    from gradc.schedule.groups import Attempt

Point = tuple[Node, Index]
"""An element of a node's value, its index in terms of loop variables."""


class Levels:
    """Levels of the tasks of one body: how many finished loops each has to wait for."""

    def __init__(self, attempt: Attempt, tasks: list[Task], variables: dict[Size, str]):
        self.attempt = attempt
        self.variables = variables
        self.level: dict[Task, int] = {}
        self.own: dict[Node, list[Task]] = {}
        self.memo: dict[Point, int] = {}
        self.reads: list[tuple[Node, Task, bool]] = []
        in_slot: dict[str, int] = {}
        stored_in = {slot: node for node, slot in attempt.stored.items()}
        for task in tasks:
            if task.kind == "scatter":
                if task.slot in stored_in:
                    self.own.setdefault(stored_in[task.slot], []).append(task)
            elif task.kind in ("reduce", "call") or (task.node in attempt.stored and makes(task, attempt.stored)):
                self.own.setdefault(task.node, []).append(task)
        for task in tasks:
            level = self._needed_whole(task) if task.kind == "call" else self._needed(task)
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

    def _needed_whole(self, task: Task) -> int:
        """The level at which the arrays that a call reads are finished."""
        producers = (producer for arg in task.node.args for producer in self.own.get(arg, ()))
        return max((self.level[producer] + bool(producer.remaining) for producer in producers), default=0)

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
        if not producer.remaining:
            return True
        axis = producer.remaining[0]
        if producer.kind == "scatter" or axis in producer.reduced:
            return False
        return index[producer.kept.index(axis)] == Affine(self.variables[producer.domain[axis]])

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

    def _find_outliving(self, tasks: list[Task]) -> None:
        """Reductions read outside the iteration that made them get an array; reads of saved arrays are noted."""
        for task in tasks:
            if task.kind == "call":
                self.reads += [(arg, task, False) for arg in task.node.args if arg in self.attempt.saved]
                continue
            starts = task.starts(self.variables)
            start, stack, done = starts[0], list(starts), set(starts)
            while stack:
                point = stack.pop()
                node, index = point
                if self._is_root(node, task, point == start):
                    self._note(node, index, task)
                    continue
                for inner in reads(node, index):
                    if inner not in done:
                        done.add(inner)
                        stack.append(inner)

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
