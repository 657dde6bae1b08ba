"""A grammar of plans: whatever is read is complete by then, and nothing is read once it is overwritten.

A plan that breaks it is a fault of ours, found here instead of in a wrong number.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from gradc.ir.affine import FIRST, Affine
from gradc.ir.verify import IllFormed
from gradc.schedule.accesses import Access, Accesses
from gradc.schedule.phrases import Phrases
from gradc.schedule.storage import overwrites_late
from gradc.schedule.tasks import Loop, Schedule, Task, Tiles

PHRASES = Phrases()


def verify_plan(plan: Schedule) -> None:
    """Raise `IllFormed`, which says what is read where and why it cannot be, if a plan is none."""
    accesses = Accesses(plan)
    for problems in (_loops(accesses), _lifetimes(accesses), _extents(accesses), _storage(accesses)):
        for problem in problems:
            raise IllFormed(f"stage schedule: {problem}")


def _loops(accesses: Accesses) -> Iterator[str]:
    """Every axis of what a task goes over has a loop of its size."""
    for task, path in accesses.tasks:
        sizes = {step.variable: step.size for _, step in path if isinstance(step, Loop)}
        if task.calls and len(sizes) > len(task.index):
            yield f"{described(task)} is inside a loop"
            continue
        looped = [(axis, at) for axis, at in enumerate(task.index) if at != FIRST or task.domain[axis] != 1]
        if task.calls:  # the matrices of a batch, where others go through it too
            looped = [(axis, at) for axis, at in looped if at not in (FIRST, None)]
        for axis, at in looped:
            if not isinstance(at, Affine) or at != Affine(at.var) or at.var not in sizes:
                yield f"axis {axis} of {described(task)} has no loop"
            elif sizes[at.var] != task.domain[axis]:
                yield f"axis {axis} of {described(task)} has size {task.domain[axis]}, its loop {sizes[at.var]}"
        if len({at.var for _, at in looped if at is not None}) < len(looped):
            yield f"two axes of {described(task)} share a loop"


def _lifetimes(accesses: Accesses) -> Iterator[str]:
    """What is read has been written, and every term of a sum has been added."""
    stored = accesses.plan.stored
    for read in _readings(accesses):
        writes = accesses.writes.get(read.node, [])
        where = stored.get(read.node, "a running result")
        if not writes:
            yield f"nothing writes {where} ({PHRASES.of(read.node)}), which {_reader(read)} reads"
        for write in writes:
            if not write.precedes(read):
                yield f"{_reader(read)} reads {where} ({PHRASES.of(read.node)}) before {described(write.task)} is done"


def _extents(accesses: Accesses) -> Iterator[str]:
    """What lives for an iteration is read in it: running results without an array, and local arrays."""
    plan = accesses.plan
    for read in _readings(accesses):
        for write in accesses.writes.get(read.node, ()):
            slot = plan.stored.get(read.node)
            if slot is None:
                loops = [step for _, step in write.path if step in write.axes and step is not None]
            elif slot in plan.local:
                dropped = [axis for axis in write.axes[: plan.local[slot].dropped] if axis is not None]
                in_tile = plan.local[slot].lives_in_tile
                loops = [s for _, s in write.path if s and (s in dropped or (in_tile and isinstance(s, Tiles)))]
            else:
                continue
            around = [step for _, step in read.path]
            if any(loop not in around for loop in loops):
                yield f"{_reader(read)} reads {slot or PHRASES.of(read.node)} outside the iteration that makes it"


def _storage(accesses: Accesses) -> Iterator[str]:
    """An output that holds a saved value until then is written after every reading of that."""
    plan = accesses.plan
    nodes = {slot: node for node, slot in plan.stored.items()}
    for slot, output in plan.aliases.items():
        for task, path in accesses.tasks:
            if task.slot == output and not overwrites_late(accesses, nodes[slot], task, path):
                yield f"{described(task)} overwrites {slot} ({PHRASES.of(nodes[slot])}) before its last reading"
    homes = list(plan.aliases.values())
    for output in homes:
        if homes.count(output) > 1 or output in nodes:
            yield f"two values live in {output}"


def _readings(accesses: Accesses) -> Iterator[Access]:
    return chain.from_iterable(accesses.reads.values())


def _reader(read: Access) -> str:
    return "the return" if read.task is None else described(read.task)


def described(task: Task | None) -> str:
    """A task for a message: `store of x_bar`, `sum of mul`."""
    assert task is not None
    if task.stores or task.scatters:
        return f"{'store' if task.stores else 'addition'} into {task.slot}"
    return PHRASES.of(task.node)
