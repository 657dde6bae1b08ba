"""Sliding windows: the cotangents of shifted slices, handed from one iteration to the next, so that the gradient of a
stencil is written once, element after element."""

from __future__ import annotations

from collections import Counter

from gradc.ir.sizes import shrink
from gradc.schedule.tasks import Body, Loop, Task, Window

MAX_WINDOW = 8
"""The widest stencil whose cotangents are handed from iteration to iteration; wider ones are added into memory."""


def sliding_windows(body: Body) -> dict[str, Window]:
    """The arrays that the scatters of one loop write completely, each element after the other."""
    writers = Counter(task.slot for item in body.items for task in ([item] if isinstance(item, Task) else item.tasks))
    found: dict[str, Window] = {}
    for loop in body.items:
        if isinstance(loop, Loop):
            scatters: dict[str, list[Task]] = {}
            for task in loop.tasks:
                if task.kind == "scatter":
                    scatters.setdefault(task.slot, []).append(task)
            for slot, members in scatters.items():
                reach = _reach(members)
                if reach and len(members) == writers[slot]:
                    found[slot] = Window(members[0].node.type.dtype, reach, len(members))
    return found


def _reach(scatters: list[Task]) -> int:
    """How many elements ahead of a loop the cotangents of one array go; 0 if they do not fill it one by one."""
    if any(len(task.domain) != 1 or task.node.op != "pad" for task in scatters):
        return 0
    parts = [task.node.attrs[0][0] for task in scatters]
    (size,) = scatters[0].node.attrs[1]
    distances = [first for first, step, _ in parts if step == 1 and isinstance(first, int)]
    if len(distances) < len(scatters) or min(distances) != 0 or max(distances) > MAX_WINDOW or isinstance(size, int):
        return 0
    reach = max(distances)
    return reach if all(length == shrink(size, reach) for _, _, length in parts) else 0
