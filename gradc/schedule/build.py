"""From a schedule to loops: every task at its place, every value where it is first needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from gradc.ir.access import Affine, Index, Indirect, reads, target_index
from gradc.ir.graph import Graph, Node, to_bits
from gradc.ir.ops import MOVES
from gradc.ir.sizes import derive
from gradc.ir.types import Type
from gradc.schedule.loops import (
    Accumulate,
    AddInto,
    Allocate,
    Apply,
    Carry,
    Cumulate,
    Demand,
    Expression,
    Extent,
    For,
    ForTiles,
    HandOn,
    Kernel,
    Let,
    Load,
    MatrixProduct,
    Number,
    Place,
    Position,
    Reshape,
    Return,
    Side,
    Statement,
    Store,
    StoreLast,
    Total,
    Variable,
)
from gradc.schedule.tasks import Body, Schedule, Task, Tiles, makes
from gradc.schedule.tasks import Loop as PlannedLoop
from gradc.schedule.tiles import TILE_ROWS, TILE_START, operand_axes, product_labels


def build(plan: Schedule, demands: Iterable[tuple[Schedule, str]] = ()) -> Kernel:
    """The statements of a scheduled graph, after those that compute conditions (the one output of a schedule) and
    demand that they hold, or raise the message."""
    kernel = _Builder(plan).run()
    for condition, message in reversed(tuple(demands)):
        made = _Builder(condition).run()
        *statements, result = made.statements
        assert isinstance(result, Return)
        ((_, value),) = result.values
        assert not isinstance(value, str)
        kernel.statements[:0] = [*statements, Demand(value, message)]
        kernel.arrays = made.arrays | kernel.arrays
    return kernel


@dataclass(eq=False)
class _Scope:
    """The statements of one loop body (or of the function), and what is known inside it."""

    statements: list[Statement]
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
    def __init__(self, plan: Schedule):
        self.plan = plan
        self.graph: Graph = plan.graph
        self.scopes = [_Scope([])]
        self.memo: dict[tuple[Node, Index], tuple[Expression, int]] = {}
        self.depth_of: dict[str, int] = {}
        self.open: dict[Node, Total] = {}
        self.windows: dict[str, _Window] = {}
        self.tile_rows: set[str] = set()
        self.viewed: set[Node] = set()

    def run(self) -> Kernel:
        self._allocate()
        self._body(self.plan.body)
        values: list[tuple[str, Expression | str]] = []
        for name, node in self.graph.outputs:
            values.append((name, name if node.shape else self._use(self._pull(node, ()))))
        self.scopes[0].statements.append(Return(values))
        arrays = {node.name: node.type for node in self.graph.inputs if node.shape}
        arrays.update((slot, self._type(slot)) for slot in self.plan.slots)
        return Kernel(self.graph.inputs, self.graph.checks, self.graph.index_checks, self.scopes[0].statements, arrays)

    def _allocate(self) -> None:
        written = {*_stored_slots(self.plan.body), *self.plan.windows}
        adding = set(_added_up(self.plan.body))
        for slot, node in self.plan.slots.items():
            is_whole = slot not in self.plan.local
            makes_its_own = self.plan.stored.get(node) == slot and (
                node.op == "reshape" or (node.op == "contract" and not (is_whole and node in adding))
            )
            if slot not in self.plan.aliases and not makes_its_own and not self._lives_in_tile(slot):
                is_made = node.row.kind in ("reduction", "contraction") or node.op == "cumsum"
                zeros = slot not in written and not is_made
                self.scopes[0].statements.append(Allocate(slot, self._type(slot), zeros))

    def _type(self, slot: str) -> Type:
        """The type of an array as it is allocated."""
        whole = self.plan.slots[slot].type
        return self.plan.local[slot].type(whole) if slot in self.plan.local else whole

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
        adding = [task for task in tiles.tasks if task.tile in task.reduced]
        totals = [self._open_total(task) for task in adding]
        self.open.update({total.node: total for total in totals})
        scope = _Scope([])
        self.scopes.append(scope)
        made = {self.plan.stored.get(task.node) for task in tiles.tasks if task.node.op != "contract"}
        for slot in self.plan.slots:
            if slot in made and self._lives_in_tile(slot):
                scope.statements.append(Allocate(slot, self._type(slot), zeros=False))
        self._body(tiles.body)
        self._close_scope()
        self.scopes[-1].statements.append(ForTiles(tiles.size, totals, scope.statements))
        for task in adding:
            self._close(task, None)

    def _close_scope(self) -> None:
        """Forget what was known in the innermost scope."""
        for key in self.scopes.pop().known:
            del self.memo[key]

    def _loop(self, loop: PlannedLoop) -> None:
        depth = len(self.scopes)
        self.depth_of[loop.variable] = depth
        if loop.size == TILE_ROWS:
            self.tile_rows.add(loop.variable)
        totals = [self._open_total(task) for task in loop.tasks if self._opens(task)]
        windows = self._open_windows(loop)
        self.windows.update((window.slot, window) for window in windows)
        before = {total.node: self.open.get(total.node) for total in totals}
        self.open.update({total.node: total for total in totals})
        scope = _Scope([])
        self.scopes.append(scope)
        self._body(loop.body)
        self._close_scope()
        for window in windows:
            del self.windows[window.slot]
        carries = [carry for window in windows for carry in window.carries]
        if carries:
            scope.statements.append(HandOn(carries, [value for window in windows for value in window.handed_on]))
        self.scopes[-1].statements.append(For(loop.variable, loop.size, totals, scope.statements, carries))
        for window in windows:
            for distance, carry in enumerate(window.carries):
                last = StoreLast(window.slot, derive("+", loop.size, distance), carry)
                self.scopes[-1].statements.append(last)
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

    def _open_total(self, task: Task) -> Total:
        open_axes = task.kept if task.kind == "call" else [k for k in task.kept if task.index[k] is None]
        slot = self.plan.stored[task.node] if open_axes else ""
        in_whole = slot not in self.plan.local
        axes = tuple(
            (f"@total{k}", size, TILE_START if size == TILE_ROWS and in_whole else 0)
            for k in open_axes
            for size in [task.domain[k]]
        )
        op = "sum" if task.kind == "call" else task.node.op
        prefix = self._at_home(slot, _kept_index(task)) if task.kind == "reduce" else ()
        return Total(op, task.node, task.node.type.dtype, axes, slot, prefix)

    def _close(self, task: Task, outer: Total | None) -> None:
        total = self.open.pop(task.node)
        if outer is not None:
            self.open[task.node] = outer
            self.scopes[-1].statements.append(Accumulate(outer, self._total_index(task, outer), total))
        elif not total.axes:
            self._finish(task, total)

    def _finish(self, task: Task, value: Expression) -> None:
        """The result of a reduction, at the point of its kept axes."""
        index = _kept_index(task)
        slot = self.plan.stored.get(task.node)
        if slot is not None:
            self.scopes[-1].statements.append(Store(slot, self._at_home(slot, index), value))
        self._remember((task.node, index), value, len(self.scopes) - 1)

    def _total_index(self, task: Task, total: Total) -> tuple[Affine, ...]:
        """The element of an array of running results: the kept axes that were looped over after it was opened."""
        kept = [task.index[k] for k in task.kept]
        return tuple(at for at in kept[len(kept) - len(total.axes) :] if at is not None) if total.axes else ()

    def _point(self, task: Task) -> None:
        index = tuple(at for at in task.index if at is not None)
        if task.kind == "call":
            self.scopes[-1].statements.append(self._whole(task))
        elif task.kind == "reduce":
            value = self._use(self._pull(task.value, index))
            total = self.open[task.node]
            self.scopes[-1].statements.append(Accumulate(total, self._total_index(task, total), value))
        elif task.kind == "scatter" and task.slot in self.windows:
            self._slide(self.windows[task.slot], task, index)
        elif task.kind == "scatter":
            value = self._use(self._pull(task.value, index))
            place = self._at_home(task.slot, self._place(target_index(task.node, index)))
            self.scopes[-1].statements.append(AddInto(task.slot, place, value))
        else:
            compute = task.value is task.node and makes(task, self.plan.stored)
            expression, depth = self._pull(task.value, index, compute)
            place = self._at_home(task.slot, index)
            self.scopes[-1].statements.append(Store(self._home(task.slot), place, self._use((expression, depth))))

    def _whole(self, task: Task) -> Statement:
        """What is done to whole arrays."""
        node = task.node
        if node.op == "contract":
            return self._matrix_product(task)
        source = self._array_of(node.args[0])
        if node.op == "cumsum":
            return Cumulate(task.slot, source, node.type, *node.attrs)
        return Reshape(task.slot, source, node.type, self._is_handed_out(task))

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
        sides = [self._side(task, position) for position in range(2)]
        if product_labels(task.node)[0] not in task.node.attrs[0]:
            sides.reverse()
        (left, left_axes), (right, right_axes) = sides
        left, right = replace(left, transposed=left_axes[0] != 0), replace(right, transposed=right_axes[1] != 1)
        if not task.in_tile:
            return MatrixProduct(task.slot, left, right)
        if task.tile in task.reduced:
            return MatrixProduct(task.slot, left, right, total=self.open[task.node])
        return MatrixProduct(task.slot, left, right, rows=None if task.slot in self.plan.local else task.tile)

    def _side(self, task: Task, position: int) -> tuple[Side, tuple[int, ...]]:
        """One side of a product, and which of row, column and contracted its axes are."""
        axes = operand_axes(task.node, position)
        operand = task.node.args[position]
        array = self._array_of(operand)
        is_cut = task.in_tile and task.tile in axes and array not in self.plan.local
        return Side(array, False, axes.index(task.tile) if is_cut else None, operand.op == "gate"), axes

    def _array_of(self, node: Node) -> str:
        return node.name if node.op == "input" else self._home(self.plan.stored[node])

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
        self.scopes[-1].statements.append(Store(window.slot, index, self._use((sums[0], 0))))
        window.handed_on = [self._use((value, 0)) for value in sums[1:]]

    def _sum(self, left: Expression, right: Expression) -> Let:
        """The sum of two values, computed here."""
        let = Let(Apply("add", (left, right), left.dtype), None, left.dtype)
        for value in (left, right):
            self._use((value, 0))
        self.scopes[-1].statements.append(let)
        return let

    def _home(self, slot: str) -> str:
        return self.plan.aliases.get(slot, slot)

    def _at_home(self, array: str, place: Place) -> Place:
        """The place in an array as it is allocated: a local one lacks the axes of loops that are open, and the rows of
        a tile begin where the tile does, except along an axis of which there is only the tile."""
        local = self.plan.local.get(array)
        cut = None if local is None else local.tile
        whole = tuple(
            self._in_whole(at) if isinstance(at, Affine) and axis != cut else at for axis, at in enumerate(place)
        )
        return whole if local is None else whole[local.dropped :]

    def _in_whole(self, at: Affine) -> Affine:
        return at.plus(derive("*", TILE_START, at.step)) if at.var in self.tile_rows else at

    # ------------------------------------------------------------ values

    def _use(self, value: tuple[Expression, int]) -> Expression:
        if isinstance(value[0], Let):
            value[0].uses += 1
        return value[0]

    def _remember(self, point: tuple[Node, Index], value: Expression, depth: int) -> None:
        self.memo[point] = value, depth
        if depth:
            self.scopes[depth].known.append(point)

    def _pull(self, node: Node, index: Index, compute: bool = False) -> tuple[Expression, int]:
        """The value of an element and the depth of the loop in which it is known; computes what is missing."""
        start = (node, index)
        stack = [start]
        while stack:
            point = stack[-1]
            if point in self.memo:
                stack.pop()
                continue
            node, index = point
            found = self._leaf(node, index) if not (compute and point == start) or not node.args else None
            if found is not None:
                stack.pop()
                self._remember(point, *found)
                continue
            read = reads(node, index)
            pending = [inner for inner in read if inner not in self.memo]
            if pending:
                stack += reversed(pending)
                continue
            stack.pop()
            args = [self.memo[inner] for inner in read]
            depth = max((depth for _, depth in args), default=0)
            if node.op in MOVES:
                self._remember(point, args[0][0], depth)
            else:
                self._remember(point, self._applied(node, [value for value, _ in args], depth), depth)
        return self.memo[start]

    def _applied(self, node: Node, args: list[Expression], depth: int) -> Let:
        """The op on these values; the same value if it is known already under another node."""
        key = (node.op, node.type.dtype, *map(_identity, args))
        known = self.scopes[depth].applied.get(key)
        if known is None:
            known = Let(Apply(node.op, tuple(args), node.type.dtype), node, node.type.dtype)
            for arg in args:
                self._use((arg, depth))
            self.scopes[depth].statements.append(known)
            self.scopes[depth].applied[key] = known
        return known

    def _leaf(self, node: Node, index: Index) -> tuple[Expression, int] | None:
        """A value that is read rather than computed."""
        dtype = node.type.dtype
        if node.op == "const":
            return Number(node.value, dtype), 0
        if node.op == "iota":
            return self._position(index[node.attrs[0]], dtype)
        if node.op == "size":
            return Extent(node.attrs[0], dtype), 0
        if node in self.plan.stored:
            return self._load(self._home(self.plan.stored[node]), index, node)
        if node.op == "input":
            return self._load(node.name, index, node) if node.shape else (Variable(node.name, dtype), 0)
        return None

    def _position(self, at: Affine | Indirect, dtype: str) -> tuple[Expression, int]:
        """An index as a number."""
        if isinstance(at, Affine):
            return Position(self._in_whole(at), dtype), self._depth(at)
        value, depth = self._held(at), self._depth(at)
        if dtype != "i64":
            value = Let(Apply("cast", (value,), dtype), None, dtype)
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
                other = Number(operand, "i64") if isinstance(operand, int) else Extent(operand, "i64")
                value = Let(Apply(op, (self._use((value, depth)), other), "i64"), None, "i64")
                self.scopes[depth].statements.append(value)
        if not isinstance(value, Let):
            value = Let(value, None, "i64")
            self.scopes[depth].statements.append(value)
        value.uses += 1
        return value

    def _depth(self, at: Affine | Indirect) -> int:
        if isinstance(at, Indirect):
            return self._pull(at.node, at.index)[1]
        return self.depth_of[at.var] if at.var else 0

    def _load(self, array: str, index: Index, node: Node) -> tuple[Expression, int]:
        place = self._at_home(array, self._place(index))
        depth = max((self._depth(at) for at in index), default=0)
        let = Let(Load(array, place, node.type.dtype), node, node.type.dtype)
        self.scopes[depth].statements.append(let)
        return let, depth


def _identity(value: Expression) -> object:
    """What makes two operands equal: numbers and inputs by value, the rest by being the same object."""
    match value:
        case Number():
            return to_bits(value.value, value.dtype), value.dtype
        case Position():
            return value.at, value.dtype
        case Extent() | Variable():
            return str(value.size if isinstance(value, Extent) else value.name), value.dtype
    return id(value)


def _kept_index(task: Task) -> tuple[Affine, ...]:
    """The open loops over axes that the result of a task has."""
    return tuple(at for k in task.kept if (at := task.index[k]) is not None)


def _added_up(body: Body) -> Iterator[Node]:
    """The products that tiles write into whole arrays: rows of them, or running sums."""
    for item in body.items:
        if isinstance(item, Tiles):
            yield from (task.node for task in item.tasks if task.kind == "call")


def _stored_slots(body: Body) -> Iterator[str]:
    """The arrays that some task stores to in full."""
    for item in body.items:
        tasks: Iterable[Task] = item.tasks if isinstance(item, PlannedLoop | Tiles) else (item,)
        for task in tasks:
            if task.kind == "store":
                yield task.slot
