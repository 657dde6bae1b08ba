"""Long loops in segments, so that going back needs memory for one segment and not for all steps.

A loop that goes back over n steps reads what the loop ahead keeps of each. Where that is too much, the loop ahead keeps
its states at the beginning of every segment of about the square root of n steps; the loop back then goes from segment
to segment, and has each one done again from there, keeping what it needs of its steps alone (A. Griewank, Achieving
logarithmic growth of temporal and spatial complexity in reverse automatic differentiation, 1992, says what more levels
would give).

What a segment computes is what the program computes, for the rows of the segment: of loops, and of whatever treats
arrays with a row for each step row by row. The steps that are left when n is no multiple of the length of a segment
are done as they would be without segments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from gradc.ir.graph import (
    Check,
    Node,
    broadcast,
    build,
    cast,
    constant,
    iota,
    make,
    side_by_side,
    size_node,
    topological,
)
from gradc.ir.graph import replace as replaced
from gradc.ir.memory import shown
from gradc.ir.ops import PICKS, beneath
from gradc.ir.sizes import Derived, Size, derive, evaluate, has_root, product
from gradc.ir.step import LoopStep, StepBuilder, loop, loops_among
from gradc.ir.types import DTYPES, Type
from gradc.language.diagnostics import Error
from gradc.rewrite.steps import has_loops, with_steps

Loop = tuple[LoopStep, tuple[Node, ...]]


@dataclass(frozen=True)
class Kept:
    """What loops of so many steps keep for others that go the other way."""

    steps: Size
    each: Size
    """The bytes of one step."""
    checkpoint: Size
    """The bytes of the states that are kept at the beginning of a segment."""
    values: tuple[Node, ...]
    """What is kept, as nodes of steps."""
    states: tuple[str, ...]
    """The states that are kept at the beginning of a segment."""

    @property
    def bytes(self) -> Size:
        return derive("*", self.steps, self.each)

    @property
    def is_known(self) -> bool:
        """Whether all sizes are numbers."""
        return isinstance(self.bytes, int)

    @property
    def in_segments(self) -> Size:
        """The bytes that are needed with segments."""
        length = derive("max", derive("root", self.steps, 2), 1)
        count = derive("//", self.steps, length)
        return derive("+", derive("*", length, self.each), derive("*", count, self.checkpoint))

    def rule(self, memory: int, in_segments: bool, phrase: Callable[[Node], str]) -> Iterator[str]:
        """What is kept, and what of it where it is too much, in words."""
        yield f"memory: loops over {self.steps} keep {', '.join(dict.fromkeys(map(phrase, self.values)))}"
        yield f"  of every step: {_product(self.steps, self.each)} bytes"
        if self.is_known:
            fits = evaluate(self.bytes, {}) <= memory
            yield f"  which {'fits into' if fits else 'does not fit into'} {shown(memory)}"
            if fits:
                return
        else:
            yield f"  where that is more than {shown(memory)}, in segments of about sqrt({self.steps}) steps:"
            if not in_segments:
                yield "  in another kernel, which is made when it is needed"
        length = f"sqrt({self.steps})"
        yield f"  {', '.join(self.states)} at the beginning of each segment: {_product(length, self.checkpoint)} bytes"
        yield f"  and the rest of one segment, computed again: {_product(length, self.each)} bytes"

    def demand(self, sizes: Mapping[str, int], memory: int) -> bool:
        """Whether what is kept is more than so many bytes. Raises `Error` G0504 if it is with segments too."""
        if evaluate(self.bytes, sizes) <= memory:
            return False
        need = evaluate(self.in_segments, sizes)
        if need > memory:
            steps = evaluate(self.steps, sizes)
            raise Error(
                "G0504",
                f"the gradient of a loop of {steps:,} steps needs {shown(need)}, and may take {shown(memory)}",
                help=f'give it more, as in `memory="{shown(_rounded(need))}"`, or smaller states',
            )
        return True

    def check(self, memory: int, in_segments: bool) -> Check | None:
        """A demand on sizes: that what is kept fits."""
        if self.is_known:
            return None
        need = derive("min", self.bytes, self.in_segments) if in_segments else self.bytes
        message = f"the gradient of a loop needs more memory than the {shown(memory)} that it may take"
        return Check(memory, ">=", need, message)

    def length(self, memory: int) -> Size:
        """How many steps a segment has: about the square root of their number, or more than there are where all of
        what is kept fits."""
        root = derive("max", derive("root", self.steps, 2), 1)
        if self.is_known:
            return root
        fits = derive("-", 1, derive("min", derive("//", self.bytes, memory + 1), 1))
        return derive("+", root, derive("*", self.steps, fits))


def kept_by(results: Iterable[Node]) -> list[Kept]:
    """What the loops among nodes, and in the steps of these, keep for others."""
    results = tuple(results)
    if not has_loops(results):
        return []
    found: list[Kept] = []
    pending = [results]
    while pending:
        roots = pending.pop()
        order = topological(roots)
        for steps in _lengths(order):
            kept = _Group(roots, steps).kept()
            if kept is not None:
                found.append(kept)
        pending += [step.results for step, _ in loops_among(order)]
    return found


def segmented(results: Iterable[Node], memory: int, only_known: bool = False) -> list[Node]:
    """The results, with loops in segments that keep, or may keep, more for others than so many bytes; `only_known`
    leaves out those whose number of steps is not known yet."""
    results = tuple(results)
    if not has_loops(results):
        return list(results)
    results = tuple(with_steps(results, lambda step: step.with_results(segmented(step.results, memory, only_known))))
    for steps in _lengths(topological(results)):
        group = _Group(results, steps)
        kept = group.kept()
        if kept is None:
            continue
        if kept.bytes > memory if isinstance(kept.bytes, int) else not only_known:
            results = tuple(group.in_segments(kept.length(memory)))
    return list(results)


def _lengths(order: Iterable[Node]) -> list[Size]:
    """How many steps the loops among nodes have."""
    return [size for size in dict.fromkeys(step.size for step, _ in loops_among(order)) if not has_root(size)]


# ---------------------------------------------------------------- what is done row by row


def _rows_of(node: Node, steps: Size) -> tuple[bool, ...] | None:
    """For each argument whether a row of the node needs a row of it, or all of it; None for what is not done row by
    row."""
    if not node.shape or node.shape[0] != steps:
        return None
    args, attrs, kind = node.args, node.attrs, node.row.kind
    if kind == "loop":
        step, which = attrs
        return None if step.size != steps or which < len(step.states) else _rows_of_loop(step)
    if not args:
        return None if node.op == "input" else ()
    if _is_repeated(node):
        return (False,)
    if kind == "contraction":
        row = attrs[2][0]
        found = tuple(labels[:1] == (row,) for labels in attrs[:2])
        is_clear = all(there or row not in labels for there, labels in zip(found, attrs))
        return found if is_clear and any(found) else None
    if kind == "gather":
        is_one_each = node.op in PICKS and not node.row.aligned and attrs[0] == 0 and args[1].shape[:1] == (steps,)
        return (False, True) if is_one_each else None
    is_long = all(arg.shape[:1] == (steps,) for arg in args)
    return (True,) * len(args) if is_long and beneath(node.row, attrs, steps) is not None else None


def _is_repeated(node: Node) -> bool:
    """Whether all rows are the same."""
    return node.op == "broadcast" and 0 not in node.attrs[1]


def _rows_of_loop(step: LoopStep) -> tuple[bool, ...]:
    """For each argument of a loop whether a step needs a row of it."""
    return tuple(len(step.states) <= k < len(step.states) + len(step.rows) for k in range(len(step.inputs)))


def _resized(node: Node, size: Size) -> tuple:
    """The attributes of a node that is done row by row, for so many rows."""
    if _is_repeated(node):
        shape, dims = node.attrs
        return (size, *shape[1:]), dims
    row = node.row
    own = None if row.lifted is None else beneath(row, node.attrs, node.shape[0])
    return node.attrs if own is None or row.lifted is None else row.lifted(own, (size,))


def _summed(node: Node, steps: Size) -> tuple[int, ...]:
    """The arguments of which a node is a sum over the rows; none for others."""
    long = tuple(k for k, arg in enumerate(node.args) if arg.shape[:1] == (steps,))
    if node.row.kind == "reduction" and node.row.combine == "add" and 0 in node.attrs[0]:
        return long
    if node.row.kind == "contraction" and len(long) == 2:
        x_labels, y_labels, labels = node.attrs
        if x_labels[0] == y_labels[0] and x_labels[0] not in labels:
            return long
    return ()


# ---------------------------------------------------------------- loops of one length


@dataclass(eq=False)
class _Sweep:
    """Loops that go from segment to segment together, and what is made along the way."""

    backwards: bool
    loops: list[Loop] = field(default_factory=list)
    totals: list[Node] = field(default_factory=list)
    """Sums over all steps."""
    full: list[Node] = field(default_factory=list)
    """What others need of all steps."""


class _Group:
    """All loops of one length, with what is done row by row between them."""

    def __init__(self, results: Iterable[Node], steps: Size):
        self.steps, self.results = steps, tuple(results)
        self.order = order = topological(self.results)
        found = loops_among(order)
        self.loops = {key: nodes for key, nodes in found.items() if key[0].size == steps}
        number = {key: 1 << k for k, key in enumerate(self.loops)}
        below: dict[Node, int] = {}
        """The loops below each node, as a set of bits."""
        self.by_row: dict[Node, tuple[bool, ...]] = {}
        self.soft: dict[Node, int] = {}
        """Of what is done row by row: the loops of which it needs the same rows."""
        self.hard: dict[Node, int] = {}
        """And those that have to have ended before."""
        for node in order:
            own = number[node.attrs[0], node.args] if node.op == "loop" and node.attrs[0].size == steps else 0
            for arg in node.args:
                own |= below[arg]
            below[node] = own
            by_row = _rows_of(node, steps)
            if by_row is None:
                continue
            self.by_row[node] = by_row
            soft = number[node.attrs[0], node.args] if node.op == "loop" else 0
            hard = 0
            for arg, is_row in zip(node.args, by_row):
                if is_row and arg in self.by_row:
                    soft, hard = soft | self.soft[arg], hard | self.hard[arg]
                else:
                    hard |= below[arg]
            self.soft[node], self.hard[node] = soft, hard
        self.below, self.number = below, number
        self._find_riders()

    def _find_riders(self) -> None:
        """What is needed of all steps besides loops: sums, and arrays as they are."""
        self.totals: dict[Node, tuple[int, ...]] = {}
        self.asked: dict[Node, None] = {}
        for node in self.order:
            summed = _summed(node, self.steps)
            if node not in self.by_row and any(self._is_made(node.args[k]) for k in summed):
                self.totals[node] = summed
                continue
            if node.op == "loop" and node.attrs[0].size == self.steps:
                by_row = _rows_of_loop(node.attrs[0])
            else:
                by_row = self.by_row.get(node, (False,) * len(node.args))
            for arg, is_row in zip(node.args, by_row):
                if not is_row and self._is_made(arg):
                    self.asked.setdefault(arg)
        self.asked |= dict.fromkeys(node for node in self.results if self._is_made(node))

    def _is_made(self, node: Node) -> bool:
        """Whether a node has rows that a loop makes."""
        return self.soft.get(node, 0) != 0

    def kept(self) -> Kept | None:
        """What loops keep for those that go the other way; None where nothing does."""
        read = self._read_from_behind()
        if not read:
            return None
        each: Size = 0
        values: list[Node] = []
        states: list[str] = []
        for (step, _), nodes in self.loops.items():
            for node in nodes:
                place = node.attrs[1] - len(step.states)
                if place >= 0 and node not in self.asked:
                    each = derive("+", each, _bytes(step.emitted[place].type))
                    values.append(step.emitted[place])
        checkpoint: Size = 0
        for (step, _), bit in self.number.items():
            if read & bit:
                for state in step.states:
                    checkpoint = derive("+", checkpoint, _bytes(state.type))
                    states.append(state.name)
        return None if each == 0 else Kept(self.steps, each, checkpoint, tuple(values), tuple(states))

    def _read_from_behind(self) -> int:
        """The loops whose rows one needs that goes the other way."""
        found = 0
        ways = {bit: key[0].backwards for key, bit in self.number.items()}
        for (step, args), bit in self.number.items():
            _, rows, _ = step.split(args)
            soft = 0
            for row in rows:
                soft |= self.soft.get(row, 0)
            if any(soft & other and way != ways[bit] for other, way in ways.items()):
                found |= soft
        return found

    # ------------------------------------------------------------ which goes with which

    def _sweeps(self) -> list[_Sweep]:
        sweeps: list[_Sweep] = []
        place: dict[int, int] = {}
        """Which sweep each loop is in, by its bit."""

        def first(soft: int, hard: int, backwards: bool | None = None) -> int:
            """The first sweep in which there is what something needs; there may be none yet."""
            at = max([place[bit] + 1 for bit in place if hard & bit], default=0)
            for bit, found in place.items():
                if soft & bit:
                    is_along = backwards is None or sweeps[found].backwards == backwards
                    at = max(at, found if is_along else found + 1)
            while at < len(sweeps) and backwards is not None and sweeps[at].backwards != backwards:
                at += 1
            return at

        def sweep(at: int, backwards: bool = False) -> _Sweep:
            if at == len(sweeps):
                sweeps.append(_Sweep(backwards))
            return sweeps[at]

        for key, bit in self.number.items():
            step, args = key
            starts, rows, captured = step.split(args)
            soft = hard = 0
            for row in rows:
                soft |= self.soft.get(row, 0)
                hard |= self.hard[row] if row in self.by_row else self.below[row]
            for arg in (*starts, *captured):
                hard |= self.below[arg]
            place[bit] = first(soft, hard, step.backwards)
            sweep(place[bit], step.backwards).loops.append(key)
        for node, summed in self.totals.items():
            soft = hard = 0
            for k, arg in enumerate(node.args):
                if k in summed and arg in self.by_row:
                    soft, hard = soft | self.soft[arg], hard | self.hard[arg]
                else:
                    hard |= self.below[arg]
            sweep(first(soft, hard)).totals.append(node)
        pending = list(reversed(self.asked))
        full: dict[Node, None] = {}
        while pending:
            node = pending.pop()
            if node in full or not self._is_made(node):
                continue
            at = first(self.soft[node], self.hard[node])
            if at == len(sweeps) and node.op != "loop":  # it needs what comes last: it is made after that
                pending += reversed([arg for arg, is_row in zip(node.args, self.by_row[node]) if is_row])
            else:
                full.setdefault(node)
                sweep(at).full.append(node)
        return sweeps

    # ------------------------------------------------------------ the loops over segments

    def in_segments(self, length: Size) -> list[Node]:
        self.new: dict[Node, Node] = {}
        """What stands for the nodes of the program."""
        self.checkpoints: dict[Loop, list[Node]] = {}
        """The states of each loop at the beginning of every segment."""
        self.length = length
        self.count = derive("//", self.steps, self.length)
        self.done = derive("*", self.count, self.length)
        self.rest = _Part(self, derive("-", self.steps, self.done), None)
        for sweep in self._sweeps():
            self._sweep(sweep)
        return list(replaced(self.results, self.new))

    def outside(self, node: Node) -> Node:
        return next(replaced((node,), self.new))

    def _sweep(self, sweep: _Sweep) -> None:
        builder = StepBuilder(self.count, sweep.backwards)
        begins = make("mul", iota((self.count,), 0), broadcast(size_node(self.length, "i64"), (self.count,)))
        part = _Part(self, self.length, builder, builder.row("first", begins))
        rest = self.rest
        given: dict[Loop, list[Node]] = {}
        """The states with which each loop begins."""
        for key in sweep.loops:
            step, args = key
            given[key] = [self.outside(start) for start in step.split(args)[0]]
        if sweep.backwards:
            rest.entering |= given
            rest.make(sweep.loops)
            given = {key: rest.last(key) for key in sweep.loops}
            rest.make_rows([arg for node in sweep.totals for arg in node.args] + sweep.full)
        for key in sweep.loops:
            part.entering[key] = [
                builder.state(state.name, start) for state, start in zip(key[0].states, given[key], strict=True)
            ]
        totals = []
        for node in sweep.totals:
            start = rest.total(node) if sweep.backwards else constant(0.0, node.type)
            totals.append(builder.state("total", start))
        part.make(sweep.loops)
        part.make_rows([arg for node in sweep.totals for arg in node.args] + sweep.full)
        builder.next = [node for key in sweep.loops for node in part.last(key)]
        builder.next += [make("add", total, part.total(node)) for total, node in zip(totals, sweep.totals)]
        states = {key: [builder.emit(state) for state in part.entering[key]] for key in sweep.loops}
        full = [builder.emit(part.rows[node]) for node in sweep.full]
        step, args = builder.build()
        count = len(step.states)
        ends = iter([loop(step, args, k) for k in range(count)])
        after = {key: [next(ends) for _ in key[0].states] for key in sweep.loops}
        for key, places in states.items():
            self.checkpoints[key] = [loop(step, args, count + k) for k in places]
        if not sweep.backwards:
            rest.entering |= after
            rest.make(sweep.loops)
            after = {key: rest.last(key) for key in sweep.loops}
            rest.make_rows([arg for node in sweep.totals for arg in node.args] + sweep.full)
        for key in sweep.loops:
            for node in self.loops[key]:
                if node.attrs[1] < len(key[0].states):
                    self.new[node] = after[key][node.attrs[1]]
        for node, end in zip(sweep.totals, ends):
            self.new[node] = end if sweep.backwards else make("add", end, rest.total(node))
        for node, place in zip(sweep.full, full):
            rows = loop(step, args, count + place)
            rows = make("reshape", rows, attrs=((self.done, *rows.shape[2:]),))
            self.new[node] = side_by_side((rows, rest.rows[node]), 0)


class _Part:
    """What the program computes for some of the rows: those of a segment, or those that are left."""

    def __init__(self, group: _Group, size: Size, builder: StepBuilder | None, first: Node | None = None):
        self.group, self.size, self.builder, self.first = group, size, builder, first
        self.entering: dict[Loop, list[Node]] = {}
        """The states with which the loops begin."""
        self.rows: dict[Node, Node] = {}
        """The rows of what is done row by row, and of what is not."""
        self.made: dict[Loop, tuple[LoopStep, tuple[Node, ...]]] = {}

    def make(self, loops: Iterable[Loop]) -> None:
        """Do loops for these rows."""
        for key in loops:
            self._loop(key)

    def last(self, key: Loop) -> list[Node]:
        step, args = self.made[key]
        return [loop(step, args, k) for k in range(len(step.states))]

    def total(self, node: Node) -> Node:
        """The sum over these rows."""
        summed = self.group.totals[node]
        args = tuple(self.rows[arg] if k in summed else self._whole(arg) for k, arg in enumerate(node.args))
        return make(node.op, *args, attrs=node.attrs)

    def make_rows(self, nodes: Iterable[Node]) -> None:
        """The rows of nodes with a row for each step, and of what they are made of."""
        stack = [node for node in nodes if node.shape[:1] == (self.group.steps,)]
        while stack:
            node = stack[-1]
            if node in self.rows:
                stack.pop()
                continue
            by_row = self.group.by_row.get(node)
            pending = [] if by_row is None else [arg for arg, row in zip(node.args, by_row) if row]
            pending = [arg for arg in pending if arg not in self.rows]
            if pending:
                stack += pending
                continue
            stack.pop()
            self.rows[node] = self._taken(node) if by_row is None else self._made(node, by_row)

    def _made(self, node: Node, by_row: tuple[bool, ...]) -> Node:
        size = self.size
        if node.op == "const":
            return constant(node.value, node.type.with_shape((size, *node.shape[1:])))
        if node.op == "iota":
            axis, type = node.attrs
            found = iota((size, *type.shape[1:]), axis, type.dtype)
            if axis:
                return found
            return make("add", found, broadcast(cast(self._first(), type.dtype), found.shape))
        if node.op == "loop":
            key = node.attrs[0], node.args
            self._loop(key)
            step, args = self.made[key]
            return loop(step, args, node.attrs[1])
        args = tuple(self.rows[arg] if is_row else self._whole(arg) for arg, is_row in zip(node.args, by_row))
        return build(node.op, args, _resized(node, size))

    def _loop(self, key: Loop) -> None:
        if key in self.made:
            return
        step, args = key
        _, rows, captured = step.split(args)
        self.make_rows(rows)
        if key not in self.entering:
            assert self.builder is not None
            kept = self.group.checkpoints[key]
            self.entering[key] = [
                self.builder.row(state.name, array) for state, array in zip(step.states, kept, strict=True)
            ]
        own = (*self.entering[key], *(self.rows[row] for row in rows), *map(self._whole, captured))
        self.made[key] = replace(step, size=self.size), own

    def _first(self) -> Node:
        """The number of the first of these rows."""
        return size_node(self.group.done, "i64") if self.first is None else self.first

    def _taken(self, node: Node) -> Node:
        """The rows of an array that is there as a whole."""
        whole = self._whole(node)
        if self.first is None:
            parts = ((self.group.done, 1, self.size), *((0, 1, size) for size in node.shape[1:]))
            return make("slice", whole, attrs=(parts,))
        index = make("add", iota((self.size,), 0), broadcast(self.first, (self.size,)))
        return make("take", whole, index, attrs=(0,))

    def _whole(self, node: Node) -> Node:
        """A node of the program as all steps see it."""
        found = self.group.outside(node)
        if self.builder is None:
            return found
        return self.builder.capture(node.name if node.op == "input" else "captured", found)


def _product(left: Size, right: Size) -> str:
    return " * ".join(f"({size})" if isinstance(size, Derived) else str(size) for size in (left, right))


def _rounded(amount: int) -> int:
    """An amount that is enough, in whole units."""
    unit = next(size for size in (2**40, 2**30, 2**20, 2**10, 1) if amount >= size or size == 1)
    return -(-amount // unit) * unit


def _bytes(type: Type) -> Size:
    return derive("*", product(type.shape), DTYPES[type.dtype].itemsize)
