"""Long loops cut into chunks, which threads may take: how many chunks there are depends on the sizes alone, so that the
bits of a result do not depend on how many threads there are.

A chunk combines its terms into sums of its own; those of all chunks are joined in order. A chunk of a loop that hands
a value from one iteration to the next begins with what the iteration before it would hand on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count

from gradc.ir.affine import Affine
from gradc.ir.ops import OPS
from gradc.ir.sizes import Derived, Size, derive, names, product
from gradc.ir.types import Type
from gradc.loops.ir import (
    Accumulator,
    Allocate,
    Carry,
    Choose,
    Combine,
    CombineExactly,
    Define,
    Extent,
    Fill,
    For,
    IndexValue,
    Kernel,
    Let,
    Load,
    Number,
    Open,
    Order,
    Place,
    Product,
    Range,
    Settled,
    Statement,
    Store,
    Target,
    Update,
    View,
    every,
    read_by,
)
from gradc.loops.order import Orders, touches
from gradc.native.blocks import inner_loop
from gradc.native.costs import Costs
from gradc.native.vectors import needed_by

GRAIN = 2**17
"""What a chunk costs at least, in the units of `costs.py`: it should be much more than handing it to another thread."""
MOST = 64
"""Chunks of a loop, at most."""
ALIGNED = 8
"""Chunks have a multiple of so many iterations, if they have as many."""
ROOM = 2**18
"""Elements of the sums that the chunks of a loop have for themselves, at most."""
JOINING = 32
"""What it costs to join an element of a chunk's sums to those of all chunks."""
SHARE = 8
"""One in so many parts of what a loop costs may go into joining its chunks; that of two pays as soon as it is less than
the loop."""


@dataclass(frozen=True)
class Cut:
    """A kernel with its long loops cut. `chunks` leads from each loop over chunks to the loop that it was; `short` are
    loops that came with the cuts, for which vectors do not pay."""

    kernel: Kernel
    chunks: Mapping[For, For]
    short: frozenset[For]
    moved_to: Mapping[For, For] = field(default_factory=dict)
    """Loops that were written anew, by what they were."""


def cut(kernel: Kernel) -> Cut:
    """The same kernel, its long loops cut into chunks."""
    if not any(isinstance(statement, For) for statement in kernel.body):
        return Cut(kernel, {}, frozenset())
    inner = _Cutter(kernel).cut_inside()
    outer = _Cutter(inner.kernel).run()
    chunks = {outer.moved_to.get(made, made): whole for made, whole in inner.chunks.items()}
    chunks.update(outer.chunks)
    return Cut(outer.kernel, chunks, inner.short | outer.short)


@dataclass(frozen=True)
class _Shared:
    """What the iterations of a loop have in common."""

    sums: dict[Accumulator, Accumulator]
    """Totals and their rounding errors, and those of a chunk."""
    arrays: dict[str, str]
    """Arrays that terms are added into, and those of the chunks."""
    scratch: tuple[str, ...]
    """Arrays that the iterations use one after the other, each for itself."""
    carries: tuple[Carry, ...]
    moved_to: dict[For, For]
    """Loops inside that are written anew, as they combine terms into what belongs to a chunk."""


class _Cutter:
    def __init__(self, kernel: Kernel):
        self.kernel = kernel
        self.arrays = dict(kernel.arrays)
        self.orders = Orders(kernel)
        self.allocations = {s.array: s for s in kernel.body if isinstance(s, Allocate)}
        self.known: dict[str, Size | None] = {}
        """The whole numbers that are named so far; what they are where that is a formula."""
        self.taken = {s.name for s in self.orders.statements if isinstance(s, Define)}
        self.taken |= {s.variable for s in self.orders.statements if isinstance(s, For)}
        self.taken |= {size for node in kernel.inputs for size in node.shape if isinstance(size, str)}
        self.chunks: dict[For, For] = {}
        self.short: set[For] = set()
        self.moved: set[Statement] = set()
        self.moved_to: dict[For, For] = {}

    def run(self) -> Cut:
        body: list[Statement] = []
        for statement in self.kernel.body:
            if isinstance(statement, Define):
                self.known[statement.name] = None if isinstance(statement.value, Extent | Let) else statement.value
            shared = self._shared(statement) if isinstance(statement, For) else None
            if shared is None or not isinstance(statement, For):
                body.append(statement)
            else:
                body += self._cut(statement, shared)
        return self._made(body)

    def cut_inside(self) -> Cut:
        """The loops over a batch of products that stand in another loop are cut: the other one may be short. Where it
        is shared itself, these find that the threads are taken."""
        body: list[Statement] = []
        for statement in self.kernel.body:
            if isinstance(statement, Define):
                self.known[statement.name] = None if isinstance(statement.value, Extent | Let) else statement.value
            body.append(self._with_inner(statement) if isinstance(statement, For) else statement)
        return self._made(body)

    def _made(self, body: list[Statement]) -> Cut:
        body = [statement for statement in body if statement not in self.moved]
        kernel = Kernel(self.kernel.inputs, body, self.arrays)
        return Cut(kernel, self.chunks, frozenset(self.short), self.moved_to)

    def _with_inner(self, loop: For) -> For:
        body: list[Statement] = []
        for statement in loop.body:
            if not isinstance(statement, For):
                body.append(statement)
                continue
            shared = self._shared(statement) if _multiplies(statement) else None
            if shared is None or shared.carries:
                body.append(self._with_inner(statement))
            else:
                body += self._cut(statement, shared)
        return loop if body == loop.body else replace(loop, body=body)

    def _new(self, stem: str, taken: Mapping[str, object] | set[str]) -> str:
        return next(name for k in count() if (name := f"{stem}{k}") not in taken)

    def _new_size(self, stem: str) -> str:
        name = self._new(stem, self.taken)
        self.taken.add(name)
        return name

    def _new_array(self, stem: str, type: Type) -> str:
        name = self._new(f"{stem}_chunk", self.arrays)
        self.arrays[name] = type
        return name

    # ------------------------------------------------------------ what may be cut

    def _shared(self, loop: For) -> _Shared | None:
        """What iterations share; None where the loop cannot be cut."""
        if (isinstance(loop.step, int) and loop.step < 1) or _is_last_of_sum(loop):
            return None
        carries = self._carries(loop)
        order = self._order_without_carries(loop) if carries else loop.order
        if order == "sequential" or any(isinstance(s, Define) and s.name in self.known for s in every(loop.body)):
            return None
        gathered, scratch = self.orders.shared(loop)
        if any(array not in self.allocations or not self.orders.is_inside(array, loop) for array in scratch):
            return None
        if any(_prefix(statement) is None for statement in self._exact(gathered).values()):
            return None
        sums = dict.fromkeys(self._fed(loop))
        if order == "parallel" and (sums or gathered):
            return None
        fresh = {total: replace(total) for total in sums}
        for own in fresh.values():
            own.of = fresh.get(own.of) if own.of else None
        return _Shared(fresh, dict.fromkeys(gathered, ""), scratch, carries, self.moved_to)

    @staticmethod
    def _fed(loop: For) -> Iterator[Accumulator]:
        """The accumulators outside of a loop that it combines terms into."""
        inside = list(every(loop.body))
        own = {s.cell for s in inside if isinstance(s, Open)}
        for statement in inside:
            match statement:
                case Combine(target=Accumulator() as total) if total not in own:
                    yield total
                case CombineExactly(total=Accumulator() as total, error=Accumulator() as error) if total not in own:
                    yield from (total, error)

    def _carries(self, loop: For) -> tuple[Carry, ...]:
        """What iterations hand on, where that depends on a few iterations before alone."""
        window = _window(loop)
        update = window.body[-1] if window is not None and window.body else None
        updates = [s for s in every(loop.body) if isinstance(s, Update)]
        if window is None or not isinstance(update, Update) or updates != [update] or not _reach(update):
            return ()
        return tuple(update.carries) if _can_be_repeated(update, window, loop) else ()

    def _order_without_carries(self, loop: For) -> Order:
        """The order of a loop for all but what it hands on."""
        window = _window(loop)
        assert window is not None
        rest = replace(window, body=[s for s in window.body if not isinstance(s, Update)], order="sequential")
        bare = rest if window is loop else replace(loop, body=[rest if s is window else s for s in loop.body])
        body = [bare if s is loop else s for s in self.kernel.body]
        return Orders(Kernel(self.kernel.inputs, body, self.kernel.arrays)).least(bare)

    # ------------------------------------------------------------ how it is cut

    def _cut(self, loop: For, shared: _Shared) -> Iterator[Statement]:
        step = loop.step if isinstance(loop.step, int) else self._resolved(loop.step)
        blocks = None if shared.carries else inner_loop(loop)
        by = loop.step if blocks is None else 1
        span = derive("-", loop.stop, loop.start)
        trips = span if by == 1 or step == 1 else derive("//", derive("+", span, derive("-", by, 1)), by)
        own = [product(self.kernel.arrays[array].shape) for array in shared.arrays]
        elements: Size = 0
        for size in own:
            elements = derive("+", elements, size)
        grain: Size = derive("max", GRAIN, derive("*", elements, JOINING)) if elements != 0 else GRAIN
        within = [loop] if blocks is None else [loop, blocks]
        each = Costs(self.known, self.kernel.arrays).of(within[-1].body, within)
        least = derive("//", grain, derive("max", each, 1))
        if isinstance(trips, int) and isinstance(least, int) and trips < 2 * least:
            yield loop
            return
        most: Size = MOST
        if elements != 0:
            rest = derive("//", ROOM, derive("max", elements, 1))
            joining = derive("*", derive("max", elements, 1), JOINING)
            whole = derive("*", trips, each)
            second = derive("min", 1, derive("//", whole, joining))
            worth = derive("+", second, derive("//", whole, derive("*", joining, SHARE)))
            most = derive("min", MOST, derive("+", 1, derive("min", rest, worth)))
        per = derive("max", derive("max", least, 1), derive("//", derive("+", trips, derive("-", most, 1)), most))
        if blocks is not None:  # parts of a block only where its iterations are dear
            per = _rounded(per, step if isinstance(step, int) else ALIGNED)
        elif step == 1:
            per = _rounded(per, ALIGNED)
        chunk = self._new_size("chunk")
        each_chunk, chunks = self._new_size("per"), self._new_size("chunks")
        yield Define(each_chunk, derive("*", per, by))
        total = derive("//", derive("+", span, derive("-", each_chunk, 1)), each_chunk)
        yield Define(chunks, derive("max", total, 1))
        for name in (each_chunk, chunks):
            self.known[name] = None
        yield from self._in_chunks(loop, shared, chunk, each_chunk, chunks)

    def _resolved(self, size: Size) -> Size:
        """A formula, or what a name stands for, as far as that is known."""
        value = self.known.get(size) if isinstance(size, str) else None
        return size if value is None else value

    def _in_chunks(self, loop: For, shared: _Shared, chunk: str, per: str, chunks: str) -> Iterator[Statement]:
        at = Affine(chunk)
        cells: list[Accumulator | Carry] = [*shared.sums, *shared.carries]
        totals = {
            cell: self._new_array(f"total{k}", Type(_dtype(cell), (MOST,)))
            for k, cell in enumerate(cells, len(self.arrays))
        }
        others: dict[str, str] = {}
        for array in shared.arrays:
            type = self.kernel.arrays[array]
            shared.arrays[array] = self._new_array(array, type)
            others[array] = self._new_array(array, Type(type.dtype, (derive("-", chunks, 1), *type.shape)))
        for array in (*totals.values(), *others.values()):
            yield Allocate(array, zeros=False)
        begin, end = self._new_size("begin"), self._new_size("end")
        first = derive("+", loop.start, Derived("*", chunk, per))
        body: list[Statement] = [
            Define(begin, first),
            Define(end, Derived("min", Derived("+", begin, per), loop.stop)),
        ]
        for array in shared.scratch:
            body.append(self.allocations[array])
            self.moved.add(self.allocations[array])
        for total, own in shared.sums.items():
            body.append(Open(own, Number(_identity(total.op), own.running_dtype)))
        for array, own_array in shared.arrays.items():
            body.append(Choose(own_array, array, others[array], chunk))
            body += self._emptied(array, own_array, chunk, loop)
        if shared.carries:
            body.append(self._handed_on(loop, begin))
        blocks = None if shared.carries else inner_loop(loop)
        ended = [_ending(s, end) if s is blocks else s for s in loop.body]
        renamed = [_renamed(statement, shared, begin) for statement in ended]
        body.append(replace(loop, start=begin, stop=end, body=renamed))
        body += [Store(totals[total], (at,), own) for total, own in shared.sums.items()]
        body += [Store(totals[carry], (at,), carry) for carry in shared.carries]
        made = For(chunk, 0, chunks, 1, body, "parallel")
        self.chunks[made] = loop
        yield made
        yield from self._joined(shared, totals, others, chunks)

    def _emptied(self, array: str, own: str, chunk: str, loop: For) -> Iterator[Statement]:
        """What a chunk adds into begins with nothing, but the first chunk goes on with what is there; a product that is
        the first term needs nothing before it."""
        first = next(s for s in every(loop.body) if _adds_into(s, array))
        if isinstance(first, Product) and first.target.array == array:
            return
        type = self.kernel.arrays[array]
        identity = _identity(first.op if isinstance(first, Combine) else "sum")
        rows = Range(0, derive("*", type.shape[0], derive("min", chunk, 1)))
        yield Fill(View(own, (rows, *([None] * (type.rank - 1)))), Number(identity, type.dtype))

    def _handed_on(self, loop: For, begin: str) -> Statement:
        """The iterations before a chunk, as far as they hand something on."""
        window = _window(loop)
        assert window is not None
        update = window.body[-1]
        assert isinstance(update, Update)
        needed = set(needed_by(update))
        lets: list[Statement] = [s for s in window.body if isinstance(s, Let) and s in needed]
        before = Derived("max", Derived("-", begin, _reach(update)), loop.start)
        made = For(window.variable, before, begin, 1, [*lets, update], "sequential")
        self.short.add(made)
        return made

    def _joined(
        self, shared: _Shared, totals: Mapping[Accumulator | Carry, str], others: Mapping[str, str], chunks: str
    ) -> Iterator[Statement]:
        """The sums of all chunks, in order; what the last one hands on."""
        for carry in shared.carries:
            last = Load(totals[carry], (Affine(None, 0, derive("-", chunks, 1)),), carry.dtype)
            yield Update([carry], [last])
        variable = self._new_size("chunk")
        at = Affine(variable)
        body: list[Statement] = []
        errors = {total.of: total for total in shared.sums if total.part == "error"}
        for total, own in shared.sums.items():
            value = Load(totals[total], (at,), own.running_dtype)
            error = errors.get(total)
            if error is not None:
                body.append(CombineExactly(total, error, value))
            else:
                body.append(Combine(total.op, total, value))
        if body:
            yield For(variable, 0, chunks, 1, body, "sequential")
        yield from self._joined_arrays(others, chunks)

    def _joined_arrays(self, others: Mapping[str, str], chunks: str) -> Iterator[Statement]:
        """What the other chunks have added up is added to what the first one has."""
        if not others:
            return
        variable = self._new_size("chunk")
        exact = self._exact(others)
        ops = {
            s.target.array: s.op
            for s in self.orders.statements
            if isinstance(s, Combine) and isinstance(s.target, Load)
        }
        body = [
            self._joined_array(array, other, Affine(variable), exact.get(array), ops.get(array, "sum"))
            for array, other in others.items()
        ]
        yield For(variable, 0, derive("-", chunks, 1), 1, body, "sequential")

    def _exact(self, arrays: Iterable[str]) -> dict[str, CombineExactly]:
        """The statements that add to these arrays with a rounding error, by array; those of an element for products."""
        exact = [self._of_element(s) if isinstance(s, Product) else s for s in self.orders.statements]
        found = [s for s in exact if isinstance(s, CombineExactly) and isinstance(s.total, Load)]
        return {s.total.array: s for s in found if isinstance(s.total, Load) and s.total.array in arrays}

    def _of_element(self, product: Product) -> CombineExactly | None:
        """What a product that is added up does to each element."""
        if not product.error:
            return None
        place = tuple(Affine(f"axis{axis}") for axis in range(len(product.target.parts)))
        total, error = (
            Load(array, place, self.kernel.arrays[array].dtype) for array in (product.target.array, product.error)
        )
        return CombineExactly(total, error, Number(0.0, total.dtype))

    def _joined_array(self, array: str, own: str, at: Affine, exactly: CombineExactly | None, op: str) -> Statement:
        type = self.kernel.arrays[array]
        prefix = () if exactly is None else _prefix(exactly) or ()
        shape = type.shape[len(prefix) :]
        variables = [self._new_size("i") for _ in shape]
        within = tuple(map(Affine, variables))
        value = Load(own, (at, *prefix, *within), type.dtype)
        target = Load(array, (*prefix, *within), type.dtype)
        made: Statement = Combine(op, target, value)
        if exactly is not None and isinstance(exactly.error, Load):
            made = CombineExactly(target, replace(exactly.error, index=within), value)
        for variable, size in reversed(list(zip(variables, shape))):
            made = For(variable, 0, size, 1, [made], "parallel")
            self.short.add(made)
        return made


def _is_last_of_sum(loop: For) -> bool:
    """Whether a loop only ends the sums in an array."""
    return any(isinstance(value, Settled) for s in loop.body for value in read_by(s))


def _window(loop: For) -> For | None:
    """The loop that hands values on: the loop itself, or the only one in it, which goes over a block."""
    if loop.step == 1:
        return loop
    inner = [s for s in loop.body if isinstance(s, For)]
    return inner[0] if len(inner) == 1 and inner[0].start == loop.variable and inner[0].step == 1 else None


def _can_be_repeated(update: Update, window: For, loop: For) -> bool:
    """Whether an update may be carried out alone, before a chunk: it is made of values of the window itself, of none
    that the loop gathers or writes, and of no whole number that is only known further inside or outside of it."""
    inside = list(every(loop.body))
    opened = {s.cell for s in inside if isinstance(s, Open)}
    written = {array for s in inside for array, how, _ in touches(s, read_by(s)) if how != "read"}
    deeper = {s for s in inside if isinstance(s, Let)} - set(window.body)
    moving = {s.variable for s in inside if isinstance(s, For)} | {s.name for s in inside if isinstance(s, Define)}
    moving = (moving | {loop.variable}) - {window.variable}
    needed = set(needed_by(update))
    read = [value for value in needed if isinstance(value, Load)]
    places = [at for value in read for at in value.index] + [v.at for v in needed if isinstance(v, IndexValue)]
    used = {name for at in places if isinstance(at, Affine) for name in (*names(at.offset), at.var)}
    return not (
        opened & {*update.carries, *needed}
        or written & {value.array for value in read}
        or deeper & needed
        or moving & used
    )


def _reach(update: Update) -> int:
    """How many iterations what is handed on depends on; 0 where that is all of them."""
    needs = {
        carry: {need for need in needed_by(replace(update, values=[value])) if isinstance(need, Carry)}
        for carry, value in zip(update.carries, update.values)
    }
    reach = 0
    while needs:
        ready = [carry for carry, before in needs.items() if not before & needs.keys()]
        if not ready:
            return 0
        for carry in ready:
            del needs[carry]
        reach += 1
    return reach


def _identity(op: str) -> float | int | bool:
    identity = OPS[op].identity
    assert identity is not None
    return identity


def _dtype(cell: Accumulator | Carry) -> str:
    return cell.running_dtype if isinstance(cell, Accumulator) else cell.dtype


def _adds_into(statement: Statement, array: str) -> bool:
    match statement:
        case Combine(target=Load() as target):
            return target.array == array
        case CombineExactly(total=Load() as total, error=Load() as error):
            return array in (total.array, error.array)
        case Product():
            return bool(statement.error) and array in (statement.target.array, statement.error)
    return False


def _prefix(statement: CombineExactly) -> Place | None:
    """The fixed indices of the total before those that it shares with its rounding error; None if it has others."""
    assert isinstance(statement.total, Load) and isinstance(statement.error, Load)
    total, error = statement.total.index, statement.error.index
    prefix, rest = total[: len(total) - len(error)], total[len(total) - len(error) :]
    is_fixed = all(isinstance(at, Affine) and at.var is None and isinstance(at.offset, int) for at in prefix)
    return prefix if rest == error and is_fixed else None


def _rounded(per: Size, to: int) -> Size:
    """More iterations, a multiple of this number, where there are as many."""
    whole = derive("*", derive("//", per, to), to)
    missing = derive("-", derive("*", derive("//", derive("+", per, to - 1), to), to), per)
    return derive("+", per, derive("min", missing, whole))


def _multiplies(loop: For) -> bool:
    """Whether each iteration of a loop has products of matrices."""
    return loop.start == 0 and any(isinstance(statement, Product) for statement in (inner_loop(loop) or loop).body)


def _ending(block: Statement, end: Size) -> Statement:
    """The loop over a block, where the last one ends with a chunk."""
    assert isinstance(block, For) and isinstance(block.stop, Derived)
    return replace(block, stop=Derived("min", block.stop.left, end))


def _renamed(statement: Statement, shared: _Shared, begin: str) -> Statement:
    """A statement that combines terms into what belongs to a chunk, which begins there."""

    def own(target: Target) -> Target:
        if isinstance(target, Accumulator):
            return shared.sums.get(target, target)
        found = shared.arrays.get(target.array)
        return target if found is None else replace(target, array=found)

    match statement:
        case Combine():
            return replace(statement, target=own(statement.target))
        case CombineExactly():
            return replace(statement, total=own(statement.total), error=own(statement.error))
        case Product() if statement.target.array in shared.arrays:
            target = replace(statement.target, array=shared.arrays[statement.target.array])
            error, before = shared.arrays[statement.error], derive("-", statement.before, begin)
            return replace(statement, target=target, error=error, before=before)
        case For():
            body = [_renamed(inner, shared, begin) for inner in statement.body]
            if body == statement.body:
                return statement
            shared.moved_to[statement] = made = replace(statement, body=body)
            return made
    return statement
