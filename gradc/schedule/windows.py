"""Sliding windows: the cotangents of shifted slices, handed from one iteration to the next, so that the gradient of a
stencil is written once, element after element."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from gradc.ir.sizes import shrink
from gradc.loops.ir import Carry, Expression
from gradc.schedule.tasks import Body, Task


@dataclass(eq=False)
class Window:
    """The elements of an array that cotangents of shifted slices are still being added to: a window that slides
    over the array with the loop. `carries[d]` is what has come together for the element `d` places ahead."""

    slot: str
    dtype: str
    carries: list[Carry]
    awaited: int
    arrived: dict[int, Expression] = field(default_factory=dict)
    handed_on: list[Expression] = field(default_factory=list)


MAX_WINDOW = 8
"""The widest stencil whose cotangents are handed from iteration to iteration; wider ones are added into memory."""


def sliding_windows(tasks: list[Task], body: Body) -> Iterator[Window]:
    """The arrays that the scatters of one loop of `body` write completely, each element after the other."""
    writers = Counter(task.slot for item in body.items for task in ([item] if isinstance(item, Task) else item.tasks))
    scatters: dict[str, list[Task]] = {}
    for task in tasks:
        if task.kind == "scatter":
            scatters.setdefault(task.slot, []).append(task)
    for slot, members in scatters.items():
        if len(members) != writers[slot] or any(len(task.domain) != 1 or task.node.op != "pad" for task in members):
            continue
        parts = [task.node.attrs[0][0] for task in members]
        (size,) = members[0].node.attrs[1]
        distances = [first for first, step, _ in parts if step == 1 and isinstance(first, int)]
        if len(distances) == len(members) and min(distances) == 0 and 0 < max(distances) <= MAX_WINDOW:
            reach = max(distances)
            if all(length == shrink(size, reach) for _, _, length in parts) and not isinstance(size, int):
                dtype = members[0].node.type.dtype
                yield Window(slot, dtype, [Carry(slot, dtype) for _ in range(reach)], len(members))
