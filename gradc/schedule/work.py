"""The work of a kernel: which tasks there are, once it is known which values are saved."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from functools import cached_property
from itertools import product as combinations
from math import prod

from gradc.ir.graph import Graph, Node, fresh, make, part_of, topological
from gradc.ir.ops import ARRAY_OPS, JOINS, SCATTERS
from gradc.ir.sizes import Size, derive, product
from gradc.language.record import dataclass
from gradc.schedule.tasks import Task


@dataclass(frozen=True)
class ArrayGraph:
    """A lowered graph as far as it is about arrays. Numbers that are made of numbers need no loop."""

    graph: Graph

    @cached_property
    def order(self) -> list[Node]:
        """The arrays, and the numbers made of arrays, arguments first."""
        found = []
        for node in topological(self.graph.results):
            if node.type.shape or node.op == "loop":
                found.append(node)
                continue
            for arg in node.args:
                if arg.type.shape:
                    found.append(node)
                    break
        return found

    @cached_property
    def readers(self) -> dict[Node, list[Node]]:
        """What takes each array as an argument."""
        found: dict[Node, list[Node]] = {node: [] for node in self.order if node.shape}
        for node in self.order:
            for arg in dict.fromkeys(node.args):
                if arg.shape:
                    found[arg].append(node)
        return found

    @cached_property
    def outputs(self) -> dict[Node, str]:
        """The arrays to hand out; the first name, of two that are one value."""
        return {node: name for name, node in reversed(self.graph.outputs) if node.shape}


@dataclass(frozen=True)
class Work:
    """The tasks of a kernel in topological order, outputs last, and the arrays that they need whatever shares a loop.

    `roots` are the values that tasks read rather than compute: stored ones and reductions. `for_products` are the
    arrays that only matrix products and their readers need.
    """

    program: ArrayGraph
    tasks: list[Task]
    stored: dict[Node, str]
    slots: dict[str, Node]
    roots: set[Node]
    for_products: set[str]
    saved: tuple[Node, ...]

    @cached_property
    def stored_in(self) -> dict[str, Node]:
        """The value that an array holds."""
        return {slot: node for node, slot in self.stored.items()}

    @cached_property
    def output_names(self) -> Container[str]:
        return {name for name, _ in self.program.graph.outputs}


def work(program: ArrayGraph, saved: Mapping[Node, bool]) -> Work:
    """The tasks, if these values are saved. Each says whether only matrix products need it in an array."""
    return _Listing(program, saved).listed()


class _Listing:
    """The tasks while they are listed."""

    def __init__(self, program: ArrayGraph, saved: Mapping[Node, bool]):
        self.program = program
        self.saved = saved
        self.stored: dict[Node, str] = {}
        self.slots: dict[str, Node] = {}
        self.for_products: set[str] = set()

    def listed(self) -> Work:
        tasks = list(self._tasks())
        for task in tasks:
            if task.slot:
                self.slots.setdefault(task.slot, task.node)
        roots = {*self.stored, *(task.node for task in tasks if task.reduces or task.calls)}
        return Work(self.program, tasks, self.stored, self.slots, roots, self.for_products, tuple(self.saved))

    def _tasks(self) -> Iterator[Task]:
        outputs = self.program.outputs
        absorbed, read_again = self._absorbed()
        taken = set()
        for node in self.program.order:
            if node.row.kind == "reduction":
                if node in outputs:
                    taken.add(self._store(node, outputs[node]))
                    self.slots[outputs[node]] = node
                yield Task.over("reduce", node, node.args[0])
            elif node.op in ARRAY_OPS and not node.shape:
                yield Task("call", node, node)
            elif node.op in ARRAY_OPS:
                slot = self._store(node, outputs.get(node) or self._new_slot(node))
                taken.add(slot)
                if node not in outputs:
                    self.for_products.add(slot)
                yield Task.product(node, slot) if node.op == "contract" else Task("call", node, node, slot)
            elif node.op in JOINS:
                slot = self._store(node, outputs.get(node) or self._new_slot(node))
                taken.add(slot)
                self.slots[slot] = node
                for position, arg in enumerate(node.args):
                    placed = make("pad", arg, attrs=(part_of(node, position), node.shape))
                    yield Task.over("place", placed, arg, slot, skips_units=True)
            elif node in self.saved or node in read_again or (node.op in SCATTERS and node not in absorbed):
                slot = self._store(node, outputs.get(node) or self._new_slot(node))
                taken.add(slot)
                if self.saved.get(node) and node not in outputs and node.op not in SCATTERS:
                    self.for_products.add(slot)
                yield from self._writes(node, slot)
        for name, node in self.program.graph.outputs:
            if node.shape and name not in taken:
                yield from self._writes(node, name)

    def _store(self, node: Node, slot: str) -> str:
        self.stored[node] = slot
        return slot

    def _new_slot(self, node: Node) -> str:
        return new_slot(self.stored, node, self.program.graph)

    def _absorbed(self) -> tuple[set[Node], set[Node]]:
        """Cotangents of slices that nothing but the sum of an output, or of a saved value, reads: they need no array of
        their own.

        With them the outputs made so that something else reads too: that has to wait until they are complete.
        """
        readers, outputs, saved = self.program.readers, self.program.outputs, self.saved
        absorbed: set[Node] = set()
        read_again: set[Node] = set()
        for node in (*outputs, *saved):
            sums = {node}
            stack = [node] if node.op == "add" else []
            while stack:
                for arg in stack.pop().args:
                    is_own = arg not in outputs and arg not in saved
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
            yield Task.over("store", node, rest, slot, skips_units=not self.program.readers[node])
        kind = "place" if rest is None and fill(pads) else "scatter"
        for pad in pads:
            yield Task.over(kind, pad, pad.args[0], slot, skips_units=pad.op == "pad")


def new_slot(stored: dict[Node, str], node: Node, graph: Graph) -> str:
    """A name for one more array."""
    stem = "product" if node.op == "contract" else node.op if node.op in ARRAY_OPS else "saved"
    stem = "joined" if node.op in JOINS else stem
    stem = "reduced" if node.row.kind == "reduction" else stem
    return fresh(f"{stem}{len(stored)}", graph.input_names)


CELLS = 4096
"""The most elements along axes of known size that are counted to see whether pieces fill an array."""


def fill(pads: list[Node]) -> bool:
    """Whether pieces of an array fill it, each element once: one after the other along an axis, or element by element
    along axes of known size."""
    if any(pad.op != "pad" for pad in pads):
        return False
    shape = pads[0].shape
    whole = [(0, 1, size) for size in shape]
    cut = [axis for axis in range(len(shape)) if any(pad.attrs[0][axis] != whole[axis] for pad in pads)]
    if len(cut) == 1:
        end: Size = 0
        for first, step, length in (pad.attrs[0][cut[0]] for pad in pads):
            if first != end or step != 1:
                break
            end = derive("+", first, length)
        else:
            return end == shape[cut[0]]
    parts = [[pad.attrs[0][axis] for axis in cut] for pad in pads]
    sizes = [shape[axis] for axis in cut]
    if not all(isinstance(size, int) for part in parts for triple in part for size in triple):
        return False
    count = product(tuple(sizes))
    if (
        not isinstance(count, int)
        or count > CELLS
        or sum(prod(length for *_, length in part) for part in parts) != count
    ):
        return False
    cells = {
        cell
        for part in parts
        for cell in combinations(*(range(first, first + step * length, step) for first, step, length in part))
    }
    return len(cells) == count


def scattered(node: Node, stored: Container[Node]) -> tuple[list[Node], Node | None]:
    """The slices' cotangents among the terms of a sum, and the sum of the other terms (None if there are none). A sum
    that is stored itself is one term."""
    pads: list[Node] = []
    rest: list[Node] = []
    stack = [node]
    while stack:
        term = stack.pop()
        if term.op == "add" and (term is node or term not in stored):
            stack += reversed(term.args)
        else:
            (pads if term.op in SCATTERS else rest).append(term)
    if not pads:
        return [], node
    total = None
    for term in rest:
        total = term if total is None else make("add", total, term)
    return pads, total
