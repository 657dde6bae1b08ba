"""From a schedule to loops: every task at its place, every value where it is first needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field, replace
from itertools import count

from gradc.ir.access import Index, Indirect, Point, reads, target_index
from gradc.ir.affine import Affine
from gradc.ir.ending import condition_of, ended
from gradc.ir.graph import Graph, Node, numbers_of, to_bits, topological
from gradc.ir.ops import JOINS, MOVES
from gradc.ir.sizes import Size, derive
from gradc.ir.step import LoopStep, loops_among
from gradc.ir.types import Type
from gradc.language.record import dataclass
from gradc.loops.ir import (
    Allocate,
    Apply,
    Carry,
    Combine,
    Expression,
    Extent,
    IndexValue,
    Let,
    Load,
    Number,
    Place,
    Reshape,
    Return,
    Routine,
    Store,
    Tabulate,
    Update,
    Variable,
)
from gradc.loops.routines import ROUTINES
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
from gradc.schedule.phrases import Phrases
from gradc.schedule.planner import schedule
from gradc.schedule.steps import computed
from gradc.schedule.tasks import Body, Schedule, Task, Tiles, makes
from gradc.schedule.tasks import Loop as PlannedLoop
from gradc.schedule.tiles import TILE_ROWS, batch_loops, matrix_axes, operand_axes

Phrase = Callable[[Node], str]
PLAIN = Phrases()


def build(
    plan: Schedule, demands: Iterable[tuple[Schedule, str]] = (), ends: Sequence[str] = (), phrase: Phrase = PLAIN.of
) -> Nest:
    """The loops of a scheduled graph, after those that compute conditions (the one output of a schedule) and demand
    that they hold, or raise the message. The last outputs of the plan are such conditions too, which are known at the
    end only: `ends` has their messages. `phrase` says what the program calls a value."""
    tables: dict[Node, str] = {}
    nest = _Builder(plan, phrase, tables=tables).run()
    if ends:
        *steps, result = nest.body
        assert isinstance(result, Return)
        conditions = [value for _, value in result.values[-len(ends) :] if not isinstance(value, str)]
        demanded = [Demand(value, message) for value, message in zip(conditions, ends, strict=True)]
        nest.body = [*steps, *demanded, Return(result.values[: -len(ends)])]
    before: list[Step] = []
    for number, (condition, message) in enumerate(demands):
        made = _Builder(condition, phrase, f"_of_check{number}", tables=tables).run()
        *steps, result = made.body
        assert isinstance(result, Return)
        ((_, value),) = result.values
        assert not isinstance(value, str)
        before += [*steps, Demand(value, message)]
        nest.arrays |= made.arrays
    nest.body[:0] = [*(Tabulate(array, numbers_of(node)) for node, array in tables.items()), *before]
    nest.arrays |= {array: node.type for node, array in tables.items()}
    return nest


@dataclass(eq=False)
class _Scope:
    """The statements of one loop body (or of the function), and what is known inside it."""

    statements: list[Step]
    known: list[tuple[Node, Index]] = field(default_factory=list)
    applied: dict[tuple, Let] = field(default_factory=dict)


@dataclass(eq=False)
class _Window:
    """A sliding window while its loop is built. `carries[d]` is what has come together for the element `d` places
    ahead, before this iteration; `arrived` what this iteration adds, by distance."""

    slot: str
    dtype: str
    carries: list[Carry]
    awaited: int
    arrived: dict[int, Expression] = field(default_factory=dict)
    handed_on: list[Expression] = field(default_factory=list)


class _Builder:
    """`suffix` tells the arrays of several plans in one kernel apart; they share the `tables`, which grow."""

    def __init__(
        self, plan: Schedule, phrase: Phrase, suffix: str = "", taken: set[str] | None = None,
        tables: dict[Node, str] | None = None,
    ):  # fmt: skip
        self.plan = plan
        self.phrase = phrase
        self.suffix = suffix
        self.local = {slot + suffix: local for slot, local in plan.local.items()}
        self.graph: Graph = plan.graph
        self.scopes = [_Scope([])]
        self.memo: dict[tuple[Node, Index], tuple[Expression, int]] = {}
        self.leaves: dict[object, Expression] = {}
        """Equal numbers, sizes and inputs as one object."""
        self.depth_of: dict[str, int] = {}
        self.open: dict[Node, Reduction] = {}
        self.windows: dict[str, _Window] = {}
        self.variables: dict[str, str] = {}
        self.tile: Tile | None = None
        self.tile_rows: set[str] = set()
        sizes = {size for node in self.graph.inputs for size in node.shape if isinstance(size, str)}
        self.taken = sizes if taken is None else taken
        self.loops = loops_among(topological(self.graph.results))
        self.endings = ended(self.graph.results)
        self.steps_taken: dict[Node, str] = {}
        """By the array that holds the condition of each step."""
        self.viewed: set[Node] = set()
        self.types: dict[str, Type] = {}
        self.tables = {} if tables is None else tables
        self.in_parts: set[Node] = set()
        """The products that are written into arrays that they find."""

    def run(self) -> Nest:
        self._allocate()
        self._body(self.plan.body)
        values: list[tuple[str, Expression | str]] = []
        for name, node in self.graph.outputs:
            values.append((name, name if node.shape else self._pull(node, ())[0]))
        self.scopes[0].statements.append(Return(values))
        arrays = {node.name: node.type for node in self.graph.inputs if node.shape} | self.types
        return Nest(self.graph.inputs, self.graph.checks, self.graph.index_checks, self.scopes[0].statements, arrays)

    def _allocate(self) -> None:
        written = {*_stored_slots(self.plan.body), *self.plan.windows}
        self.in_parts = {
            task.node for task, is_inside in _multiplied(self.plan.body) if self._in_parts(task, is_inside)
        }
        for slot, node in self.plan.slots.items():
            makes_its_own = self.plan.stored.get(node) == slot and (
                node.op == "reshape" or (node.op == "contract" and node not in self.in_parts)
            )
            if slot not in self.plan.aliases and not makes_its_own and not self._lives_in_tile(slot):
                is_made = node.row.kind in ("reduction", "contraction", "scan", "loop", "matrix") or node.op == "cumsum"
                zeros = slot not in written and not is_made and node.op not in JOINS
                self.scopes[0].statements.append(Allocate(self._made(slot), zeros))

    def _in_parts(self, task: Task, is_inside: bool) -> bool:
        """Whether a product is written into an array that it finds: the rows of a tile, running sums, or matrices of a
        batch. A local array may be that of one matrix."""
        local = self.plan.local.get(task.slot)
        opened = task.index[local.dropped if local else 0 : batch_loops(task.node)]
        return (is_inside and local is None) or any(at is not None for at in opened)

    def _made(self, slot: str) -> str:
        """The array of a slot, now that it is made."""
        array, type = self._home(slot), self.plan.slots[slot].type
        if slot in self.plan.local:
            type = self.plan.local[slot].type(type)
        if self.tile is not None:
            type = type.with_shape(tuple(self.tile.rows if size == TILE_ROWS else size for size in type.shape))
        self.types[array] = type
        return array

    def _new_name(self, stem: str) -> str:
        """A name for a whole number that loops count with."""
        name = next(name for k in count() if (name := f"{stem}{k}") not in self.taken)
        self.taken.add(name)
        return name

    def _lives_in_tile(self, slot: str) -> bool:
        return slot in self.plan.local and self.plan.local[slot].lives_in_tile

    # ------------------------------------------------------------ loops

    def _body(self, body: Body) -> None:
        for item in body.items:
            if isinstance(item, PlannedLoop):
                self._loop(item)
            elif isinstance(item, Tiles):
                self._tiles(item)
            else:
                self._point(item)

    def _tiles(self, tiles: Tiles) -> None:
        tile = self.tile = Tile(*map(self._new_name, ("start", "stop", "rows")))
        adding = [task for task in tiles.tasks if task.tile in task.reduced]
        reductions = [self._opened(task) for task in adding]
        self.open.update({reduction.node: reduction for reduction in reductions})
        scope = _Scope([])
        self.scopes.append(scope)
        made = {self.plan.stored.get(task.node) for task in tiles.tasks if task.node.op != "contract"}
        for slot in self.plan.slots:
            if slot in made and slot not in self.plan.aliases and self._lives_in_tile(slot):
                scope.statements.append(Allocate(self._made(slot), zeros=False))
        self._body(tiles.body)
        self._close_scope()
        self.scopes[-1].statements.append(OverTiles(tile, tiles.size, reductions, scope.statements))
        for task in adding:
            self._close(task, None)
        self.tile = None

    def _close_scope(self) -> None:
        """Forget what was known in the innermost scope."""
        for key in self.scopes.pop().known:
            del self.memo[key]

    def _loop(self, loop: PlannedLoop) -> None:
        depth = len(self.scopes)
        self.depth_of[loop.variable] = depth
        self.variables[loop.variable] = variable = self._new_name("i")
        size = loop.size
        if size == TILE_ROWS and self.tile is not None:
            self.tile_rows.add(loop.variable)
            size = self.tile.rows
        reductions = [self._opened(task) for task in loop.tasks if self._opens(task)]
        windows = self._open_windows(loop)
        self.windows.update((window.slot, window) for window in windows)
        before = {reduction.node: self.open.get(reduction.node) for reduction in reductions}
        self.open.update({reduction.node: reduction for reduction in reductions})
        scope = _Scope([])
        self.scopes.append(scope)
        self._body(loop.body)
        self._close_scope()
        for window in windows:
            del self.windows[window.slot]
        carries = [carry for window in windows for carry in window.carries]
        if carries:
            scope.statements.append(Update(carries, [value for window in windows for value in window.handed_on]))
        self.scopes[-1].statements.append(
            Over(variable, size, reductions, scope.statements, carries, loop.size == TILE_ROWS)
        )
        for window in windows:
            for distance, carry in enumerate(window.carries):
                self.scopes[-1].statements.append(_last(carry, derive("+", loop.size, distance)))
        for task in loop.tasks:
            if self._opens(task):
                self._close(task, before[task.node])

    def _open_windows(self, loop: PlannedLoop) -> list[_Window]:
        """The windows that slide with a loop: those of the arrays it adds into, which no other loop does."""
        slots = dict.fromkeys(task.slot for task in loop.tasks if task.kind == "scatter")
        windows = []
        for slot in slots:
            if slot in self.plan.windows:
                plan = self.plan.windows[slot]
                carries = [Carry(slot, plan.dtype) for _ in range(plan.reach)]
                windows.append(_Window(slot, plan.dtype, carries, plan.arrivals))
        return windows

    @staticmethod
    def _opens(task: Task) -> bool:
        """Whether a running result starts before the loop over a task's next axis. That over the rows of tiles
        started before the tiles."""
        axis = task.remaining[0]
        if axis not in task.reduced or (task.in_tile and axis == task.tile):
            return False
        adds_up_tiles = task.in_tile and task.tile in task.reduced
        outer_total_is_array = (adds_up_tiles and bool(task.kept)) or any(
            k in task.reduced and any(m not in task.reduced for m in range(k, len(task.index))) for k in range(axis)
        )
        return not outer_total_is_array or all(k in task.reduced for k in task.remaining)

    def _opened(self, task: Task) -> Reduction:
        open_axes = task.kept if task.kind == "call" else [k for k in task.kept if task.index[k] is None]
        slot = self.plan.stored[task.node] if open_axes else ""
        in_whole = slot not in self.plan.local
        axes = tuple(
            (size, 0)
            if size != TILE_ROWS or self.tile is None
            else (self.tile.rows, self.tile.start if in_whole else 0)
            for size in (task.domain[k] for k in open_axes)
        )
        op = "sum" if task.kind == "call" else task.node.op
        prefix = self._at_home(self._home(slot), _kept_index(task)) if task.kind == "reduce" else ()
        return Reduction(op, task.node, task.node.type.dtype, axes, self._home(slot) if slot else "", prefix)

    def _close(self, task: Task, outer: Reduction | None) -> None:
        reduction = self.open.pop(task.node)
        if outer is not None:
            self.open[task.node] = outer
            self.scopes[-1].statements.append(Term(outer, self._element(task, outer), reduction.accumulator))
        elif not reduction.axes:
            self._finish(task, reduction.accumulator)

    def _finish(self, task: Task, value: Expression) -> None:
        """The result of a reduction, at the point of its kept axes."""
        index = _kept_index(task)
        slot = self.plan.stored.get(task.node)
        if slot is not None:
            self._store(slot, index, value)
        self._remember((task.node, index), value, len(self.scopes) - 1)

    def _element(self, task: Task, reduction: Reduction) -> tuple[Affine, ...]:
        """The element of an array that is reduced to: the kept axes that were looped over after it was opened."""
        kept = [task.index[k] for k in task.kept]
        inner = kept[len(kept) - len(reduction.axes) :] if reduction.axes else []
        return tuple(self._named(at) for at in inner if at is not None)

    def _point(self, task: Task) -> None:
        index = tuple(at for at in task.index if at is not None)
        if task.kind == "call":
            if task.node.op == "loop":
                self._repeat(task.node.attrs[0], task.node.args)
            else:
                self.scopes[-1].statements.append(self._whole(task))
        elif task.kind == "reduce":
            value = self._pull(task.value, index)[0]
            reduction = self.open[task.node]
            self.scopes[-1].statements.append(Term(reduction, self._element(task, reduction), value))
        elif task.kind == "scatter" and task.slot in self.windows:
            self._slide(self.windows[task.slot], task, index)
        elif task.kind == "place":
            value = self._pull(task.value, index)[0]
            self._store(task.slot, self._place(target_index(task.node, index)), value)
        elif task.kind == "scatter":
            value = self._pull(task.value, index)[0]
            place = self._at_home(self._home(task.slot), self._place(target_index(task.node, index)))
            target = Load(self._home(task.slot), place, value.dtype)
            self.scopes[-1].statements.append(Combine("sum", target, value))
        else:
            compute = task.value is task.node and makes(task, self.plan.stored)
            value, _ = self._pull(task.value, index, compute)
            self._store(task.slot, index, value)

    def _whole(self, task: Task) -> Step:
        """What is done to whole arrays."""
        node = task.node
        if node.op == "contract":
            return self._matrix_product(task)
        source = self._array_of(node.args[0])
        if node.row.kind == "scan":
            return Scan(node.op, self._home(task.slot), tuple(map(self._array_of, node.args)), node.attrs)
        if node.row.kind == "matrix":
            sources = tuple(map(self._array_of, node.args))
            return Routine(node.op, self._home(task.slot), sources, self._complaint(node))
        if node.op == "cumsum":
            return RunningSums(self._home(task.slot), source, *node.attrs)
        return Reshape(self._made(task.slot), source, self._is_handed_out(task))

    def _repeat(self, step: LoopStep, args: tuple[Node, ...]) -> None:
        """A loop over steps, all that is asked for of it together: the step is scheduled by itself."""
        if (step, args) not in self.loops:
            return  # done already
        targets: dict[int, str | Let] = {}
        for node in self.loops.pop((step, args)):
            if node.shape:
                targets[node.attrs[1]] = self._home(self.plan.stored[node])
            else:
                targets[node.attrs[1]] = last = Let(Number(0, node.type.dtype), node.type.dtype, node)
                self._remember((node, ()), last, 0)
        sources = tuple(self._array_of(arg) if arg.shape else self._pull(arg, ())[0] for arg in args)
        graph = computed(step)
        suffix = f"{self.suffix}_of_step{len(self.loops)}"
        inner = _Builder(schedule(graph, is_step=True), self.phrase, suffix, self.taken, self.tables)
        *body, returned = inner.run().body
        assert isinstance(returned, Return)
        self.types |= inner.types
        names = {name: value + suffix if isinstance(value, str) else value for name, value in returned.values}
        values = {node: names[name] for name, node in graph.outputs}
        results = tuple(values.get(node, node) for node in step.results)
        repeat = Repeat(step, self._new_name("i"), body, results, sources, targets)
        if (step, args) in self.endings:
            self._end(repeat, self.endings[step, args])
        self.scopes[-1].statements.append(repeat)

    def _end(self, repeat: Repeat, array: Node | None) -> None:
        """A loop ends where its condition holds; or it goes over the steps that the loop has taken which made an array
        of conditions."""
        condition = condition_of(repeat.step)
        repeat.ends = condition if condition in repeat.step.states else None
        if array is not None:
            repeat.taken = self.steps_taken.setdefault(array, self._new_name("taken"))

    def _complaint(self, node: Node) -> str:
        """What is wrong where a matrix has no answer, with what the program calls the matrix."""
        wrong, matrix = ROUTINES[node.op].wrong, node.args[0]
        while matrix.row.is_routine:
            matrix = matrix.args[0]
        if not wrong:
            return ""
        which = "matrix {} of the stack" if matrix.type.rank > 2 else "the matrix"
        return f"{which} `{self.phrase(matrix)}` {wrong}"

    def _is_handed_out(self, task: Task) -> bool:
        """Whether an output would be the storage of an input, or of another output, under another shape."""
        outputs = {name for name, _ in self.graph.outputs}
        storage = task.node
        while storage.op == "reshape":
            storage = storage.args[0]
        if task.slot not in outputs:
            return False
        if storage.op == "input" or self._array_of(storage) in outputs or storage in self.viewed:
            return True
        self.viewed.add(storage)
        return False

    def _matrix_product(self, task: Task) -> MatrixProduct:
        """A contraction of two matrices over one axis, as a product of each or its transpose, or of tiles of them."""
        row, column, contracted = matrix_axes(task.node)
        sides = [self._side(task, position) for position in range(2)]
        if row not in sides[0][1]:
            sides.reverse()
        (left, left_axes), (right, right_axes) = sides
        left = replace(left, transposed=left_axes.index(row) > left_axes.index(contracted))
        right = replace(right, transposed=right_axes.index(contracted) > right_axes.index(column))
        array = self._home(task.slot)
        if task.in_tile and task.tile in task.reduced:
            return MatrixProduct(array, left, right, reduction=self.open[task.node])
        if task.in_tile and task.slot not in self.plan.local:
            return MatrixProduct(array, left, right, rows=task.tile)
        is_new = task.node not in self.in_parts
        places = self._places(task, tuple(range(task.node.type.rank)), array)
        batch = tuple(size for axis, size in enumerate(task.domain) if self._goes_through(task, axis))
        return MatrixProduct(self._made(task.slot) if is_new else array, left, right, batch=batch, places=places)

    @staticmethod
    def _goes_through(task: Task, axis: int) -> bool:
        """Whether a batch of products goes through an axis on its own, without a loop that others share."""
        is_open = axis < batch_loops(task.node) and task.index[axis] is not None
        return axis not in matrix_axes(task.node) and not is_open

    def _places(self, task: Task, axes: tuple[int, ...], array: str) -> Places:
        """For each axis of an array in a product, which one of a batch it is, or the index of an open loop."""
        batch = [axis for axis in range(len(task.domain)) if self._goes_through(task, axis)]
        opened = [task.index[axis] if axis < batch_loops(task.node) else None for axis in axes]
        places = [batch.index(axis) if axis in batch else at and self._named(at) for axis, at in zip(axes, opened)]
        return tuple(places[self.local[array].dropped :] if array in self.local else places)

    def _side(self, task: Task, position: int) -> tuple[Side, tuple[int, ...]]:
        """One side of a product, and which of row, column and contracted its axes are."""
        axes = operand_axes(task.node, position)
        operand = task.node.args[position]
        array = self._array_of(operand)
        is_cut = task.in_tile and task.tile in axes and array not in self.plan.local
        rows = axes.index(task.tile) if is_cut else None
        return Side(array, False, rows, operand.op == "mask", self._places(task, axes, array)), axes

    def _array_of(self, node: Node) -> str:
        if node.op == "table":
            return self._table(node)
        return node.name if node.op == "input" else self._home(self.plan.stored[node])

    def _table(self, node: Node) -> str:
        """The array of numbers that are known."""
        if node not in self.tables:
            taken = {*self.tables.values(), *self.graph.input_names, *self.plan.slots}
            self.tables[node] = next(name for k in count() if (name := f"table{k}") not in taken)
        return self.tables[node]

    def _slide(self, window: _Window, task: Task, index: tuple[Affine, ...]) -> None:
        """Take a cotangent into the window; with the last one, store the element that is complete and slide on."""
        distance = task.node.attrs[0][0][0]
        value, _ = self._pull(task.value, index)
        known = window.arrived.get(distance)
        window.arrived[distance] = value if known is None else self._sum(known, value)
        window.awaited -= 1
        if window.awaited:
            return
        sums = []
        for distance in range(len(window.carries) + 1):
            terms = [window.arrived[distance]] if distance in window.arrived else []
            terms += window.carries[distance : distance + 1]
            zero = Number(0.0, window.dtype)
            sums.append(self._sum(terms[1], terms[0]) if len(terms) == 2 else terms[0] if terms else zero)
        self._store(window.slot, index, sums[0])
        window.handed_on = sums[1:]

    def _sum(self, left: Expression, right: Expression) -> Let:
        """The sum of two values, computed here."""
        let = Let(Apply("add", (left, right), left.dtype), left.dtype)
        self.scopes[-1].statements.append(let)
        return let

    def _store(self, slot: str, index: Place, value: Expression) -> None:
        array = self._home(slot)
        self.scopes[-1].statements.append(Store(array, self._at_home(array, index), value))

    def _home(self, slot: str) -> str:
        return self.plan.aliases.get(slot, slot) + self.suffix

    def _at_home(self, array: str, place: Place) -> Place:
        """The place in an array as it is allocated: a local one lacks the axes of loops that are open, and the rows of
        a tile begin where the tile does, except along an axis of which there is only the tile."""
        local = self.local.get(array)
        cut = None if local is None else local.tile
        whole = tuple(
            self._named(at, in_whole=axis != cut) if isinstance(at, Affine) else at for axis, at in enumerate(place)
        )
        return whole if local is None else whole[local.dropped :]

    def _named(self, at: Affine, in_whole: bool = False) -> Affine:
        """An index in terms of the variables of the loops, in the whole axis or in the tile of it."""
        if in_whole and at.var in self.tile_rows and self.tile is not None:
            at = at.plus(derive("*", self.tile.start, at.step))
        return at if at.var is None else Affine(self.variables[at.var], at.step, at.offset)

    # ------------------------------------------------------------ values

    def _remember(self, point: tuple[Node, Index], value: Expression, depth: int) -> None:
        self.memo[point] = value, depth
        if depth:
            self.scopes[depth].known.append(point)

    def _pull(self, node: Node, index: Index, compute: bool = False) -> tuple[Expression, int]:
        """The value of an element and the depth of the loop in which it is known; computes what is missing."""
        start, memo, stored = (node, index), self.memo, self.plan.stored
        stack: list[tuple[Point, list[Point] | None]] = [(start, None)]
        while stack:
            point, read = stack.pop()
            node, index = point
            if read is None:
                if point in memo:
                    continue
                if not node.args or (node in stored and not (compute and point == start)):
                    leaf, depth = self._leaf(node, index)
                    self._remember(point, self.leaves.setdefault(_identity(leaf), leaf), depth)
                    continue
                read = reads(node, index)
                pending = [(inner, None) for inner in read if inner not in memo]
                if pending:
                    stack.append((point, read))
                    stack += pending[::-1]
                    continue
            args, depth = [], 0
            for inner in read:
                value, known_at = memo[inner]
                args.append(value)
                if known_at > depth:
                    depth = known_at
            self._remember(point, args[0] if node.op in MOVES else self._applied(node, args, depth), depth)
        return self.memo[start]

    def _applied(self, node: Node, args: list[Expression], depth: int) -> Let:
        """The op on these values; the same value if it is known already under another node."""
        scope, dtype = self.scopes[depth], node.type.dtype
        key = (node.op, dtype, *map(id, args))
        known = scope.applied.get(key)
        if known is None:
            known = scope.applied[key] = Let(Apply(node.op, tuple(args), dtype), dtype, node)
            scope.statements.append(known)
        return known

    def _leaf(self, node: Node, index: Index) -> tuple[Expression, int]:
        """A value that is read rather than computed."""
        dtype = node.type.dtype
        if node.op == "const":
            return Number(node.value, dtype), 0
        if node.op == "iota":
            return self._position(index[node.attrs[0]], dtype)
        if node.op == "size":
            return IndexValue(Affine(None, 0, node.attrs[0]), dtype), 0
        if node.op == "table":
            number = _known(node, index)
            return (number, 0) if number is not None else self._load(self._table(node), index, node)
        if node in self.plan.stored:
            return self._load(self._home(self.plan.stored[node]), index, node)
        return self._load(node.name, index, node) if node.shape else (Variable(node.name, dtype), 0)

    def _position(self, at: Affine | Indirect, dtype: str) -> tuple[Expression, int]:
        """An index as a number."""
        if isinstance(at, Affine):
            return IndexValue(self._named(at, in_whole=True), dtype), self._depth(at)
        value, depth = self._held(at), self._depth(at)
        if dtype != "i64":
            value = Let(Apply("cast", (value,), dtype), dtype)
            self.scopes[depth].statements.append(value)
        return value, depth

    def _place(self, index: Index) -> Place:
        """An index with the values that arrays of indices hold."""
        return tuple(self._held(at) if isinstance(at, Indirect) else at for at in index)

    def _held(self, at: Indirect) -> Let:
        """The value of a computed index, as a statement of its own."""
        value, depth = self._pull(at.node, at.index)
        for op, operand in (("mul", at.step), ("add", at.offset)):
            if operand != (1 if op == "mul" else 0):
                other = (
                    Number(operand, "i64") if isinstance(operand, int) else IndexValue(Affine(None, 0, operand), "i64")
                )
                value = Let(Apply(op, (value, other), "i64"), "i64")
                self.scopes[depth].statements.append(value)
        if not isinstance(value, Let):
            value = Let(value, "i64")
            self.scopes[depth].statements.append(value)
        return value

    def _depth(self, at: Affine | Indirect) -> int:
        if isinstance(at, Indirect):
            return self._pull(at.node, at.index)[1]
        return self.depth_of[at.var] if at.var else 0

    def _load(self, array: str, index: Index, node: Node) -> tuple[Expression, int]:
        place = self._at_home(array, self._place(index))
        depth = max((self._depth(at) for at in index), default=0)
        let = Let(Load(array, place, node.type.dtype), node.type.dtype, node)
        self.scopes[depth].statements.append(let)
        return let, depth


def _known(table: Node, index: Index) -> Number | None:
    """An element of a table at a known place."""
    position = 0
    for at, size in zip(index, table.shape):
        if not isinstance(at, Affine) or at.var is not None or not isinstance(at.offset, int):
            return None
        position = position * size + at.offset  # type: ignore[operator]
    return Number(numbers_of(table)[position], table.type.dtype)


def _last(carry: Carry, position: Size) -> Store:
    """What is left in a carry after its loop, stored if the array has that element."""
    place = Affine(None, 0, position)
    is_there = Apply("lt", (IndexValue(place, "i64"), Extent(carry.array, 0)), "bool")
    return Store(carry.array, (place,), carry, is_there)


def _identity(value: Expression) -> object:
    """What makes two leaves equal: numbers and inputs by value, the rest by being the same object."""
    match value:
        case Number():
            return to_bits(value.value, value.dtype), value.dtype
        case IndexValue():
            return value.at, value.dtype
        case Variable():
            return value.name, value.dtype
    return id(value)


def _kept_index(task: Task) -> tuple[Affine, ...]:
    """The open loops over axes that the result of a task has."""
    return tuple(at for k in task.kept if (at := task.index[k]) is not None)


def _multiplied(body: Body, is_inside: bool = False) -> Iterator[tuple[Task, bool]]:
    """The products at the point where each is made, and whether loops are around it."""
    for item in body.items:
        if isinstance(item, Tiles | PlannedLoop):
            yield from _multiplied(item.body, True)
        elif item.kind == "call" and item.node.op == "contract":
            yield item, is_inside


def _stored_slots(body: Body) -> Iterator[str]:
    """The arrays that some task stores to in full."""
    for item in body.items:
        tasks: Iterable[Task] = item.tasks if isinstance(item, PlannedLoop | Tiles) else (item,)
        for task in tasks:
            if task.kind in ("store", "place"):
                yield task.slot
