"""Which values are saved: some before loops are planned, others because two loops need them.

Before: the neighbours of a stencil, or rows that two arrays of indices pick, are several values an element, each made
of several others of their kind, and without an array the work would multiply with every step. A sum into which parts
of arrays are scattered is complete only in an array. And a matrix product reads arrays.
"""

from __future__ import annotations

from collections.abc import Iterable

from gradc.ir.graph import Node, reached
from gradc.ir.ops import ARRAY_OPS, JOINS, MOVES, PICKS, SCATTERS
from gradc.rewrite.movement import repeats
from gradc.schedule.dependences import Element
from gradc.schedule.levels import Crew, NextLoop
from gradc.schedule.tasks import SAVE_FROM, Task
from gradc.schedule.work import ArrayGraph

MADE = {*ARRAY_OPS, *SCATTERS, *JOINS}
"""Ops whose results are arrays anyway."""

MAX_PICKS = 2
"""How many arrays of indices may stand one inside the other in an access."""


def saved_beforehand(program: ArrayGraph) -> dict[Node, bool]:
    """What is saved whatever the loops are, and whether only because a matrix product reads it."""
    saved = dict.fromkeys(_multiplying(program), False)
    for node in program.order:
        if node.op in ARRAY_OPS:
            for arg in node.args:
                if arg.shape and arg.row.kind != "reduction" and not arg.row.in_memory and arg.op not in MADE:
                    saved.setdefault(arg, True)
    return saved


def _multiplying(program: ArrayGraph) -> list[Node]:
    """What has to be saved, arguments first."""
    readers = program.readers
    saved: list[Node] = []
    work: dict[Node, int] = {}
    picks: dict[Node, int] = {}
    adds_up: set[Node] = set()
    for node in program.order:
        if not node.shape or node.row.kind in ("source", "reduction", "contraction"):
            continue  # numbers are computed once
        if node.op in JOINS:
            work[node] = picks[node] = 0
            continue
        work[node] = min(node.row.cost + sum(work.get(arg, 0) for arg in node.args), SAVE_FROM)
        picks[node] = max([picks.get(arg, 0) for arg in node.args], default=0) + (node.op in PICKS)
        ways = {(user.op, user.attrs, user.args[1:]) if _shifts(user, node) else None for user in readers[node]}
        is_dear = work[node] >= SAVE_FROM and len(ways) > 1 and ways != {None}
        is_deep = picks[node] >= MAX_PICKS and any(user.op in PICKS and user.args[0] is node for user in readers[node])
        is_sum = node.op == "add" and any(arg.op in SCATTERS or arg in adds_up for arg in node.args)
        is_read = is_sum and (len(readers[node]) > 1 or any(user.op != "add" for user in readers[node]))
        if node.row.kind == "elementwise" and (is_dear or is_deep or is_read):
            saved.append(node)
            work[node] = picks[node] = 0
        elif is_sum:
            adds_up.add(node)
    return saved


def repeated(program: ArrayGraph, least: int) -> list[Node]:
    """What costs so much to compute from what is in arrays, and is read again for each index of axes that come before
    its own, or between them: a loop over these would compute it each time."""
    work: dict[Node, int] = {}
    found = []
    for node in program.order:
        if node.shape and node.row.kind == "elementwise":
            work[node] = node.row.cost + sum(work.get(arg, 0) for arg in dict.fromkeys(node.args))
        elif node.op in MOVES and node.shape:
            work[node] = work.get(node.args[0], 0)
        if work.get(node, 0) < least or node.row.kind != "elementwise":
            continue
        if any(map(repeats, program.readers[node])):
            found.append(node)
            work[node] = 0
    return found


def _shifts(user: Node, node: Node) -> bool:
    """Whether a reader takes the value from another place than its own."""
    return user.op in ("slice", *PICKS) and user.args[0] is node


def shared_between_loops(crew: Crew, groups: Iterable[list[Task]]) -> tuple[set[Node], set[Node]]:
    """What several of these loops would compute, where they do not share what it is for: what is dear enough to be
    saved, and what is not."""
    alike: dict[NextLoop | None, list[list[Task]]] = {}
    for tasks in groups:
        alike.setdefault(crew.loop[tasks[0]], []).append(tasks)
    dear: set[Node] = set()
    cheap: set[Node] = set()
    for loops in alike.values():
        if len(loops) > 1:
            computed, again = _computed(crew, loops)
            shared = _with_cones(again, computed, crew.needs.work.roots)
            if shared:
                for element in _used_apart(crew, loops, computed, shared):
                    is_dear = _is_whole(element) and _cone_cost(element, shared) >= SAVE_FROM
                    (dear if is_dear else cheap).add(element.node)
    return dear, cheap


Computed = dict[Element, list[Element]]
"""Elements that a loop computes anew in each iteration, and which of those each is made from."""


def _computed(crew: Crew, loops: list[list[Task]]) -> tuple[Computed, list[Element]]:
    """What the loops compute, and those elements that a loop finds computed by one before."""
    needs = crew.needs
    found: Computed = {}
    first: dict[Element, int] = {}
    again: list[Element] = []
    for number, task in ((number, task) for number, tasks in enumerate(loops) for task in tasks):
        axis = crew.axis[task]
        assert axis is not None
        along = 1 << axis
        stack = needs.starts[task].copy()
        while stack:
            element = stack.pop()
            if not needs.is_computed(element, task):
                continue
            name = crew.common(element, task)
            if name in first:
                if first[name] != number:
                    again.append(name)
                continue
            read = [inner for inner in element.reads if needs.axes[inner] & along]
            if read or (not element.reads and needs.axes.get(element, 0) & along):
                first[name] = number
                found[name] = [crew.common(inner, task) for inner in read]
                stack += read
    return found, again


def _with_cones(elements: list[Element], computed: Computed, roots: set[Node]) -> set[Element]:
    """The elements that cost something, among these and what is computed below them."""

    def below(element: Element) -> list[Element]:
        return [inner for inner in computed[element] if inner in computed and inner.node not in roots]

    return {element for element in reached(elements, below) if element.node.row.cost}


def _used_apart(crew: Crew, loops: list[list[Task]], computed: Computed, shared: set[Element]) -> dict[Element, None]:
    """The shared values that something reads which is not shared itself."""
    apart: dict[Element, None] = {}
    for element, read in computed.items():
        if element not in shared:
            for inner in read:
                if inner in shared:
                    apart[inner] = None
    for tasks in loops:
        for task in tasks:
            for start in crew.needs.starts[task]:
                name = crew.common(start, task)
                if name in shared:
                    apart[name] = None
    return apart


def _is_whole(element: Element) -> bool:
    """Whether a loop goes through all of a value, along each axis on its own."""
    axes = {at.var for at in element.index if at.var and at.step == 1 and at.offset == 0}
    return len(axes) == len(element.index)


def _cone_cost(element: Element, shared: set[Element]) -> int:
    """The work of a shared value with what is shared below it, as far as it matters."""
    total = 0
    for part in reached([element], lambda part: [inner for inner in part.reads if inner in shared]):
        total += part.node.row.cost
        if total >= SAVE_FROM:
            break
    return total
