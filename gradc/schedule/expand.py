"""From loops as they were built to the loop IR: sizes and checks, tiles, blocks of sums with their rounding errors, and
running sums become ordinary statements, so that every printer and every engine gives the same bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import count

from gradc.ir.affine import Affine
from gradc.ir.graph import IndexCheck
from gradc.ir.ops import BROKEN, OPS, others
from gradc.ir.sizes import Derived, Size, derive, has_root, names, product
from gradc.ir.types import Type
from gradc.language.record import dataclass
from gradc.loops.ir import (
    Accumulator,
    Allocate,
    Apply,
    Close,
    Combine,
    CombineExactly,
    Define,
    Expression,
    Extent,
    Fill,
    For,
    Guard,
    IndexValue,
    InRange,
    Kernel,
    Let,
    Load,
    Number,
    Open,
    Place,
    Product,
    Range,
    Settled,
    Statement,
    Store,
    Target,
    Variable,
    View,
    every,
    read_by,
    sizes_in,
)
from gradc.loops.order import in_order
from gradc.schedule.nest import (
    Demand,
    MatrixProduct,
    Nest,
    Over,
    OverTiles,
    Places,
    Reduction,
    Repeat,
    RunningSums,
    Scan,
    Side,
    Step,
    Term,
    Tile,
)
from gradc.schedule.scans import expand_scan
from gradc.schedule.steps import expand_repeat
from gradc.schedule.tiles import ROWS

BLOCK = 128
"""Terms added plainly before a sum's total is carried on with its rounding error."""

ADDED_UP_PER_ROW = 256
"""Elements of a product that is added up over the tiles, for each row that these have: more would cost more to add up
than to compute."""

MAX_TILE = 8
"""The longest tile, in `ROWS`: what a tile adds up plainly should not be much more than a block."""


SEGMENT_NAMES = {"max": "segment", "+": "segment", "//": "segments", "*": "whole", "-": "rest"}
"""What sizes of segments are called in kernels, by the last operation of their formulas: the steps of one segment, how
many there are, the steps of all of them, and those that are left."""


def named_segments(kernel: Kernel) -> dict[Size, str]:
    """The sizes of segments that have names in a kernel, the shortest formula first."""
    defined = ((statement.name, statement.value) for statement in kernel.body if isinstance(statement, Define))
    return {value: name for name, value in defined if isinstance(value, Derived) and has_root(value)}


def expand(nest: Nest) -> Kernel:
    """The statements of a kernel."""
    return _Expander(nest).run()


@dataclass(frozen=True)
class _Running:
    """Where the terms of a reduction come together. Scalars are accumulators; of a result that is an array, each is an
    array: of rounding errors, of the block's sums, and of sums in f64 where the result has less."""

    error: Accumulator | str | None = None
    block: Accumulator | str | None = None
    wide: str = ""
    several: str = ""
    """Whether more than one product is added up where it is made, 1 or 0: the name of that."""


class _Expander:
    def __init__(self, nest: Nest):
        self.nest = nest
        self.arrays = dict(nest.arrays)
        self.running: dict[Reduction, _Running] = {}
        self.tile: Tile | None = None
        sizes = {size for node in nest.inputs for size in node.shape if isinstance(size, str)}
        self.taken = sizes
        for loop in _loops(nest.body):
            self.taken |= {*loop.tile} if isinstance(loop, OverTiles) else {loop.variable}
        self.block, self.rows = self._new_name("BLOCK", first=True), self._new_name("ROWS", first=True)

    def run(self) -> Kernel:
        body: list[Statement] = [Define(self.block, BLOCK), Define(self.rows, ROWS), *self._sizes(), *self._guards()]
        body += self._body(self.nest.body)
        kernel = in_order(Kernel(self.nest.inputs, _live(body, self.arrays), self.arrays))
        first = next(k for k, statement in enumerate(kernel.body) if not isinstance(statement, Define | Let))
        kernel.body[first:first] = self._segments(kernel)
        return kernel

    def _segments(self, kernel: Kernel) -> Iterator[Statement]:
        """Names for the sizes of segments, whose formulas are long."""
        shapes = (size for type in kernel.arrays.values() for size in type.shape)
        counts = (statement.stop for statement in every(kernel.body) if isinstance(statement, For))
        found = [size for size in dict.fromkeys((*shapes, *counts)) if isinstance(size, Derived) and has_root(size)]
        for size in sorted(found, key=lambda size: size.terms):
            if size.op in SEGMENT_NAMES:
                yield Define(self._new_name(SEGMENT_NAMES[size.op], first=True), size)

    def _new_name(self, stem: str, first: bool = False) -> str:
        """A name for a whole number: `stem0`, `stem1`, ..., or the stem itself `first`."""
        candidates = (stem if first and not k else f"{stem}{k}" for k in count())
        name = next(name for name in candidates if name not in self.taken)
        self.taken.add(name)
        return name

    def _new_array(self, name: str, type: Type) -> str:
        while name in self.arrays:
            name += "_"
        self.arrays[name] = type
        return name

    # ------------------------------------------------------------ sizes and checks

    def _sizes(self) -> Iterator[Statement]:
        """Each named size is read off the first array that has it."""
        for size, (array, axis) in self._first().items():
            yield Define(size, Extent(array, axis))
        for node in self.nest.inputs:
            if node.type == Type("i64"):
                number = Let(Variable(node.name, "i64"), "i64", node)
                yield from (number, Define(node.name, number))

    def _first(self) -> dict[str, tuple[str, int]]:
        first: dict[str, tuple[str, int]] = {}
        for node in self.nest.inputs:
            for axis, size in enumerate(node.shape):
                if isinstance(size, str):
                    first.setdefault(size, (node.name, axis))
        return first

    def _guards(self) -> Iterator[Statement]:
        """The other arrays must agree, and whatever else the program demands."""
        first = self._first()
        for node in self.nest.inputs:
            for axis, size in enumerate(node.shape):
                if not isinstance(size, str) or first[size] != (node.name, axis):
                    message = f"axis {axis} of {node.name} must have size {size}"
                    if isinstance(size, str):
                        message += ", as axis {1} of {0}".format(*first[size])
                    wrong = Apply("ne", (Extent(node.name, axis), _whole(size)), "bool")
                    yield Guard(wrong, "ValueError", message)
        for check in self.nest.checks:
            yield Guard(
                Apply(BROKEN[check.relation], (_whole(check.left), _whole(check.right)), "bool"),
                "ValueError",
                check.message,
            )
        for demand in self.nest.index_checks:
            if not demand.is_computed:
                yield self._index_guard(demand)

    def _index_guard(self, check: IndexCheck) -> Statement:
        """Every element of an array of indices, before anything is written."""
        node = check.node
        message = f"an index in {node.name} is out of range for size {check.size}"
        if not check.from_end:
            message = f"a label in {node.name} is not one of {check.size} classes"

        def guard(place: Place) -> Statement:
            element = Load(node.name, place, "i64") if node.shape else Variable(node.name, "i64")
            fits: Expression = InRange(element, check.size)
            if not check.from_end:
                below = Apply("lt", (element, _whole(check.size)), "bool")
                fits = Apply("and", (Apply("ge", (element, Number(0, "i64")), "bool"), below), "bool")
            return Guard(Apply("not", (fits,), "bool"), "IndexError", message)

        return self._each(node.shape, guard)

    def _each(self, shape: tuple[Size, ...], statement: Callable[[Place], Statement]) -> Statement:
        """Loops over the axes around a statement for the element there."""
        variables = [self._new_name("i") for _ in shape]
        made = statement(tuple(Affine(variable) for variable in variables))
        for variable, size in reversed(list(zip(variables, shape))):
            made = For(variable, 0, size, 1, [made])
        return made

    # ------------------------------------------------------------ statements

    def _body(self, steps: list[Step]) -> list[Statement]:
        made: list[Statement] = []
        for step in steps:
            match step:
                case Let():
                    made.append(step)
                case Over():
                    made += self._over(step)
                case OverTiles():
                    made += self._over_tiles(step)
                case Term():
                    made.append(self._term(step))
                case RunningSums():
                    made += self._running_sums(step)
                case Scan():
                    made += expand_scan(step, self.arrays, self._new_name)
                case Repeat():
                    made += expand_repeat(step, self._inside(step), self.arrays, self._new_array, self._each)
                case Demand():
                    wrong = Apply("not", (step.condition,), "bool")
                    made.append(Guard(wrong, "IndexError", step.message))
                case MatrixProduct():
                    made += self._product(step)
                case _:
                    made.append(step)
        return made

    def _inside(self, repeat: Repeat) -> list[Statement]:
        """What a step does, in which the arrays that it reads have the names that it has for them."""
        own = {node.name: node.type for node in repeat.step.inputs if node.shape}
        outer = {name: self.arrays[name] for name in own if name in self.arrays}
        self.arrays |= own
        made = self._body(repeat.body)
        for name in own.keys() - outer.keys():
            del self.arrays[name]
        self.arrays |= outer
        return made

    def _over(self, loop: Over) -> Iterator[Statement]:
        for reduction in loop.reductions:
            yield from self._open(reduction, is_short=isinstance(loop.size, int) and loop.size <= BLOCK)
        for carry in loop.carries:
            yield Open(carry, Number(0.0, carry.dtype))
        blocks = [reduction for reduction in loop.reductions if self.running[reduction].error]
        if blocks:
            start = self._new_name("block")
            stop = Derived("min", Derived("+", start, self.block), loop.size)
            inner = [
                *self._open_blocks(blocks),
                For(loop.variable, start, stop, 1, self._body(loop.body)),
                *self._add_blocks(blocks),
            ]
            yield For(start, 0, loop.size, self.block, inner)
        else:
            yield For(loop.variable, 0, loop.size, 1, self._body(loop.body))
        for reduction in loop.reductions:
            yield from self._close(reduction)

    def _over_tiles(self, loop: OverTiles) -> Iterator[Statement]:
        self.tile = tile = loop.tile
        products = [step for step in loop.body if isinstance(step, MatrixProduct)]
        gathered = {s.reduction for s in products if s.reduction is not None and self._is_gathered(s, s.reduction)}
        large = [product(reduction.node.shape) for reduction in loop.reductions if reduction.node.op == "contract"]
        large = [size for size in large if not isinstance(size, int) or size > ROWS * ADDED_UP_PER_ROW]
        step: Size = self.rows
        if large:
            step = self._new_name("step")
            yield Define(step, self._tile_length(large))
        size, several = loop.size, ""
        if gathered:  # with no rows there is one tile, of none, whose products are zeros
            size, several = derive("max", loop.size, 1), self._new_name("several")
            yield Define(several, Derived("min", 1, derive("//", derive("-", size, 1), step)))
        for reduction in loop.reductions:
            if reduction in gathered:
                yield from self._open_gathered(reduction, several)
            else:
                yield from self._open(reduction, is_short=False)
        inner = [
            Define(tile.stop, Derived("min", Derived("+", tile.start, step), loop.size)),
            Define(tile.rows, Derived("-", tile.stop, tile.start)),
            *self._open_blocks([reduction for reduction in loop.reductions if reduction.node.op != "contract"]),
            *self._body(loop.body),
            *self._add_blocks(loop.reductions),
        ]
        yield For(tile.start, 0, size, step, inner)
        for reduction in loop.reductions:
            yield from self._close(reduction)
        self.tile = None

    @staticmethod
    def _is_gathered(step: MatrixProduct, reduction: Reduction) -> bool:
        """Whether the products of all tiles are added up where they are made."""
        is_whole = not step.batch and not any(first for _, first in reduction.axes) and not reduction.prefix
        return is_whole and len(reduction.axes) == 2

    def _open_gathered(self, reduction: Reduction, several: str) -> Iterator[Statement]:
        """The first tile's product is the total; only the others need a rounding error, so that there is room for one
        if there are `several`."""
        (rows, _), (columns, _) = reduction.axes
        self.running[reduction] = _Running(self._scratch(reduction, "low"), several=several)
        low = self.running[reduction].error
        assert isinstance(low, str)
        self.arrays[low] = Type("f64", (derive("*", rows, several), columns))
        yield Allocate(low, zeros=True)

    def _tile_length(self, large: list[Size]) -> Size:
        """How many rows a tile has: what adding up a large product costs should be little beside computing it."""
        length: Size = self.rows
        for size in dict.fromkeys(large):
            length = Derived("max", length, derive("//", size, ADDED_UP_PER_ROW))
        return Derived("min", Derived("*", MAX_TILE, self.rows), length)

    def _product(self, step: MatrixProduct) -> Iterator[Statement]:
        if step.reduction is not None and self.running[step.reduction].several:
            assert self.tile is not None
            low = self.running[step.reduction].error
            assert isinstance(low, str)
            sides = self._side(step.left, []), self._side(step.right, [])
            yield Product(View(step.array, (None, None)), *sides, low, self.tile.start)
            return
        if step.reduction is not None:
            array, rows = self._new_array(f"{step.array}_block", self.arrays[step.array]), None
            self.running[step.reduction] = replace(self.running[step.reduction], block=array)
        else:
            array, rows = step.array, step.rows
        at = [self._new_name("i") for _ in step.batch]
        target = self._part(array, rows, step.places, at)
        found: Statement = Product(target, self._side(step.left, at), self._side(step.right, at))
        if step.batch and not any(isinstance(place, Affine) for place in step.places):
            yield Allocate(array, zeros=False)
        for variable, size in zip(reversed(at), reversed(step.batch)):
            found = For(variable, 0, size, 1, [found])
        yield found

    def _side(self, side: Side, at: list[str]) -> View:
        view = self._part(side.array, side.rows, side.places, at)
        return replace(view, transposed=side.transposed, absent=side.absent)

    def _part(self, array: str, rows: int | None, places: Places, at: list[str]) -> View:
        """The matrix of a batch, or the part of one that belongs to the tile."""
        parts = (self._tile_span() if axis == rows else Affine(at[place]) if isinstance(place, int) else place
                 for axis, place in enumerate(places))  # fmt: skip
        return View(array, tuple(parts))

    def _tile_span(self) -> Range:
        assert self.tile is not None
        return Range(self.tile.start, self.tile.stop)

    def _running_sums(self, step: RunningSums) -> list[Statement]:
        """Loops over the other axes, and inside them one along the axis."""
        type = self.arrays[step.array]
        variables = [self._new_name("i") for _ in type.shape]
        place = tuple(map(Affine, variables))
        running = Accumulator("sum", "f64", part="running")
        size = type.shape[step.axis]
        start, stop, by = (derive("-", size, 1), -1, -1) if step.backwards else (0, size, 1)
        body: list[Statement] = [
            Combine("sum", running, _as("f64", Load(step.source, place, type.dtype))),
            Store(step.array, place, _as(type.dtype, running)),
        ]
        body = [Open(running, Number(0.0, "f64")), For(variables[step.axis], start, stop, by, body)]
        for axis in reversed(others(type.rank, (step.axis,))):
            body = [For(variables[axis], 0, type.shape[axis], 1, body)]
        return body

    # ------------------------------------------------------------ reductions

    def _open(self, reduction: Reduction, is_short: bool) -> Iterator[Statement]:
        """A reduction starts; a sum over more than a block also carries a rounding error."""
        identity = OPS[reduction.op].identity
        assert identity is not None
        carries_error = reduction.op == "sum" and not is_short
        if not reduction.axes:
            total = reduction.accumulator
            yield Open(total, Number(identity, total.running_dtype))
            error = Accumulator("sum", "f64", reduction.node, "error", total)
            block = Accumulator("sum", "f64", reduction.node, "block", total)
            if carries_error:
                yield Open(error, Number(0.0, "f64"))
            self.running[reduction] = _Running(error, block) if carries_error else _Running()
            return
        wide = low = ""
        if reduction.op == "sum" and reduction.dtype != "f64" and reduction.node.op != "contract":
            wide = self._scratch(reduction, "wide")
            yield Allocate(wide, zeros=True)
        else:
            yield Fill(self._opened_part(reduction), Number(identity, reduction.dtype))
        if carries_error:
            low = self._scratch(reduction, "low")
            yield Allocate(low, zeros=True)
        self.running[reduction] = _Running(low or None, None, wide)

    def _scratch(self, reduction: Reduction, role: str) -> str:
        return self._new_array(f"{reduction.slot}_{role}", Type("f64", tuple(size for size, _ in reduction.axes)))

    def _opened_part(self, reduction: Reduction) -> View:
        """The part of the array over which a reduction goes."""
        spans = [None if first == 0 else self._tile_span() for _, first in reduction.axes]
        return View(reduction.slot, (*reduction.prefix, *spans))

    def _open_blocks(self, reductions: list[Reduction]) -> Iterator[Statement]:
        for reduction in reductions:
            running = self.running[reduction]
            if isinstance(running.block, Accumulator):
                yield Open(running.block, Number(0.0, "f64"))
            elif running.error:
                block = self._scratch(reduction, "block")
                self.running[reduction] = replace(running, block=block)
                yield Allocate(block, zeros=True)

    def _add_blocks(self, reductions: list[Reduction]) -> Iterator[Statement]:
        """What came together in a block, or in a tile, is added to the running sums."""
        for reduction in reductions:
            running = self.running[reduction]
            if isinstance(running.block, Accumulator) and isinstance(running.error, Accumulator):
                yield CombineExactly(reduction.accumulator, running.error, running.block)
            elif isinstance(running.block, str) and isinstance(running.error, str):
                yield self._add_block_of(reduction, running.error, running.block)

    def _add_block_of(self, reduction: Reduction, error: str, block: str) -> Statement:
        def add(place: Place) -> Statement:
            return CombineExactly(self._so_far(reduction, place), self._at(error, place), self._at(block, place))

        return self._each_element(reduction, add)

    def _close(self, reduction: Reduction) -> Iterator[Statement]:
        running = self.running[reduction]
        if not reduction.axes:
            if reduction.op == "sum" and (running.error or reduction.dtype != "f64"):
                assert not isinstance(running.error, str)
                yield Close(reduction.accumulator, running.error)
            return
        if running.error or running.wide:

            def store(place: Place) -> Statement:
                total: Expression = self._so_far(reduction, place)
                if isinstance(running.error, str):
                    total = Settled(total, self._at(running.error, place))
                at = self._in_slot(reduction, place)
                return Store(reduction.slot, at, _as(reduction.dtype, total))

            shape = [size for size, _ in reduction.axes]
            if running.several:
                shape[0] = derive("*", shape[0], running.several)
            yield self._each(tuple(shape), store)

    def _term(self, step: Term) -> Statement:
        reduction, running = step.reduction, self.running[step.reduction]
        target: Target
        if isinstance(running.block, str):
            target = self._at(running.block, step.index)
        elif reduction.axes:
            target = self._so_far(reduction, step.index)
        else:
            target = running.block or reduction.accumulator
        dtype = target.dtype if isinstance(target, Load) else target.running_dtype
        is_in_block = isinstance(running.block, Accumulator)
        return Combine(reduction.op, target, _as(dtype, step.value), in_any_order=is_in_block)

    def _each_element(self, reduction: Reduction, statement: Callable[[Place], Statement]) -> Statement:
        return self._each(tuple(size for size, _ in reduction.axes), statement)

    def _so_far(self, reduction: Reduction, place: Place) -> Load:
        """An element of a running result."""
        if self.running[reduction].wide:
            return self._at(self.running[reduction].wide, place)
        return self._at(reduction.slot, self._in_slot(reduction, place))

    def _in_slot(self, reduction: Reduction, place: Place) -> Place:
        shifted = (at.plus(first) if isinstance(at, Affine) else at for at, (_, first) in zip(place, reduction.axes))
        return (*reduction.prefix, *shifted)

    def _at(self, array: str, place: Place) -> Load:
        return Load(array, place, self.arrays[array].dtype)


def _whole(size: Size) -> IndexValue:
    return IndexValue(Affine(None, 0, size), "i64")


def _as(dtype: str, value: Expression) -> Expression:
    return value if value.dtype == dtype else Apply("cast", (value,), dtype)


def _loops(steps: list[Step]) -> Iterator[Over | OverTiles | Repeat]:
    bodies = [steps]
    for body in bodies:  # which grow
        for step in body:
            if isinstance(step, Over | OverTiles | Repeat):
                yield step
                bodies.append(step.body)


# ---------------------------------------------------------------- what is never read


def _live(body: list[Statement], arrays: Mapping[str, Type]) -> list[Statement]:
    """The statements without values and sizes that nothing reads."""
    read: set[Expression | str] = set()
    live: set[Statement] = set()
    for statement in reversed(list(every(body))):
        wanted = statement if isinstance(statement, Let) else statement.name if isinstance(statement, Define) else None
        if wanted is None or wanted in read:
            live.add(statement)
            expressions = read_by(statement)
            read.update(expressions)
            for size in sizes_in(statement, expressions, arrays):
                read.update((size,) if isinstance(size, str) else names(size))
    bodies = [body, *(loop.body for loop in live if isinstance(loop, For))]
    for inner in bodies:
        inner[:] = [statement for statement in inner if statement in live]
    return body
