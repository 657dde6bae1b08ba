"""What a plan does and moves, as formulas of sizes: for each nest of loops, and in all.

A nest reads each array from memory once, and writes it once: what it has again and again is in the caches by then.
Arrays that live for an iteration never leave them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from gradc.ir.affine import Affine
from gradc.ir.sizes import CALLED, Derived, Shape, Size, evaluate, names, renamed
from gradc.ir.types import DTYPES, Type
from gradc.language.record import dataclass
from gradc.loops.ir import Combine, Let, Load, Place, Reshape, Routine, Statement, Store
from gradc.loops.weights import weight
from gradc.schedule.nest import (
    Demand,
    MatrixProduct,
    Nest,
    Over,
    OverTiles,
    Reduction,
    Repeat,
    RunningSums,
    Scan,
    Side,
    Step,
    Term,
)

USUAL = 1000
"""What an axis has where its size is a name, as far as plans are compared."""
TERM = 2
"""What it costs to add a term to a sum, in additions of vectors."""


class Amount:
    """A sum of products of sizes, each with a whole number before it."""

    def __init__(self, terms: Mapping[tuple[Size, ...], int] | None = None):
        self.terms = Counter(terms or {})

    @classmethod
    def of(cls, shape: Iterable[Size], each: int = 1) -> Amount:
        """So many for each element of a shape."""
        factors, waiting = [], list(shape)
        while waiting:
            size = waiting.pop()
            if isinstance(size, int):
                each *= size
            elif isinstance(size, Derived) and size.op == "*":
                waiting += [size.left, size.right]
            else:
                factors.append(size)
        return cls({tuple(sorted(factors, key=str)): each})

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.terms + other.terms)

    def __bool__(self) -> bool:
        return any(self.terms.values())

    def __str__(self) -> str:
        terms = ((sizes, each) for sizes, each in self.terms.items() if each)
        parts = [
            "*".join([*([str(each)] if each != 1 or not sizes else []), *map(_factor, sizes)])
            for sizes, each in sorted(terms, key=lambda term: (-len(term[0]), -term[1], str(term[0])))
        ]
        return " + ".join(parts) or "0"

    def named(self, names: Mapping[Size, str]) -> Amount:
        """The same with names for formulas."""
        found = Amount()
        for factors, each in self.terms.items():
            found += Amount({tuple(sorted((renamed(size, names) for size in factors), key=str)): each})
        return found if names else self

    def at(self, sizes: Mapping[str, int]) -> int:
        """The number that it is for these sizes."""
        total = 0
        for factors, each in self.terms.items():
            for size in factors:
                each *= evaluate(size, sizes)
            total += each
        return total


def _factor(size: Size) -> str:
    return f"({size})" if isinstance(size, Derived) and size.op not in CALLED else str(size)


@dataclass
class Cost:
    """`work` is in additions of vectors, without the `multiplications` of matrix products; what is `read` and `written`
    is in bytes of memory, by array."""

    work: Amount = field(default_factory=Amount)
    multiplications: Amount = field(default_factory=Amount)
    read: dict[str, Amount] = field(default_factory=dict)
    written: dict[str, Amount] = field(default_factory=dict)

    def __add__(self, other: Cost) -> Cost:
        """The cost of both, one after the other: what both read is read twice."""
        read, written = ({k: a.get(k, Amount()) + b.get(k, Amount()) for k in a | b}
                         for a, b in ((self.read, other.read), (self.written, other.written)))  # fmt: skip
        return Cost(self.work + other.work, self.multiplications + other.multiplications, read, written)

    def named(self, names: Mapping[Size, str]) -> Cost:
        """The same with names for formulas of sizes."""
        read, written = ({k: v.named(names) for k, v in moved.items()} for moved in (self.read, self.written))
        return Cost(self.work.named(names), self.multiplications.named(names), read, written)

    @property
    def bytes_read(self) -> Amount:
        return sum(self.read.values(), Amount())

    @property
    def bytes_written(self) -> Amount:
        return sum(self.written.values(), Amount())


def described(cost: Cost, sizes: Mapping[str, int] | None = None) -> str:
    """A cost in words; as numbers where the sizes are known."""
    amounts = [
        ("additions", cost.work), ("multiplications in products", cost.multiplications),
        ("bytes read", cost.bytes_read), ("bytes written", cost.bytes_written),
    ]  # fmt: skip
    shown = (
        f"{amount} {what}" if sizes is None else f"{amount.at(sizes):,} {what}" for what, amount in amounts if amount
    )
    return ", ".join(shown)


def kept(arrays: Iterable[Type]) -> Amount:
    """The bytes of some arrays."""
    return sum((Amount.of(type.shape, DTYPES[type.dtype].itemsize) for type in arrays), Amount())


def cost_of(step: Step, nest: Nest, in_cache: set[str]) -> Cost:
    """What a nest of loops costs, or something that is done to whole arrays. What is `in_cache` moves no memory."""
    return _Counting(nest, in_cache).run(step)


def guessed(amount: Amount) -> int:
    """An amount, by which plans are compared before the sizes are known."""
    return amount.at({name: USUAL for sizes in amount.terms for size in sizes for name in names(size)})


class _Counting:
    def __init__(self, nest: Nest, in_cache: set[str]):
        self.nest = nest
        self.in_cache = in_cache
        self.cost = Cost()
        self.sizes: dict[str, Size] = {}
        """Of loops, by variable."""
        self.rows: dict[Size, Size] = {}
        """The axis that tiles cut, by what the rows of a tile are called."""

    def run(self, step: Step) -> Cost:
        stack: list[tuple[Step, Shape]] = [(step, ())]
        while stack:
            step, around = stack.pop()
            match step:
                case Over():
                    self.sizes[step.variable] = size = self.rows.get(step.size, step.size)
                    self._results(step.reductions)
                    stack += [(inner, (*around, size)) for inner in step.body]
                case OverTiles():
                    self.rows[step.tile.rows] = step.size
                    self._results(step.reductions)
                    stack += [(inner, around) for inner in step.body]
                case Repeat():
                    stack += [(inner, (*around, step.step.size)) for inner in step.body]
                case MatrixProduct():
                    self._product(step, around)
                case Reshape():
                    if step.copied:
                        self._whole([step.source], step.array, around)
                case RunningSums():
                    self._whole([step.source], step.array, around, 2 * TERM)
                case Scan() | Routine():
                    self._whole(step.sources, step.array, around, 2 * TERM)
                case Term():
                    self.cost.work += Amount.of(around, TERM)
                case Demand():
                    pass
                case _:
                    self._statement(step, around)
        return self.cost

    def _results(self, reductions: Iterable[Reduction]) -> None:
        for reduction in reductions:
            self._move(self.cost.written, reduction.slot, [size for size, _ in reduction.axes])

    def _statement(self, step: Statement, around: Shape) -> None:
        self.cost.work += Amount.of(around, weight(step))
        match step:
            case Let(value=Load(array, index)):
                self._move(self.cost.read, array, self._touched(index, around))
            case Store(array, index):
                self._move(self.cost.written, array, self._touched(index, around))
            case Combine(target=Load(array, index)):
                touched = self._touched(index, around)
                self._move(self.cost.read, array, touched)
                self._move(self.cost.written, array, touched)

    def _touched(self, index: Place, around: Shape) -> Shape:
        """How many elements an access meets: those along its loops, or one an iteration where indices are computed."""
        if not all(isinstance(at, Affine) for at in index):
            return around
        variables = dict.fromkeys(at.var for at in index if isinstance(at, Affine) and at.var)
        return tuple(self.sizes[variable] for variable in variables if variable in self.sizes)

    def _move(self, moved: dict[str, Amount], array: str, shape: Iterable[Size]) -> None:
        """An array is moved as far as the access goes that meets most of it."""
        if array in self.in_cache or array not in self.nest.arrays:
            return
        found = Amount.of([self.rows.get(size, size) for size in shape], DTYPES[self.nest.arrays[array].dtype].itemsize)
        known = moved.get(array)
        if known is None or max(map(len, known.terms)) < max(map(len, found.terms)):
            moved[array] = found

    def _whole(self, sources: Iterable[str], target: str, around: Shape, each: int = 1) -> None:
        shape = self.nest.arrays[target].shape
        self.cost.work += Amount.of((*around, *shape), each)
        for source in sources:
            self._move(self.cost.read, source, self.nest.arrays[source].shape)
        self._move(self.cost.written, target, shape)

    def _product(self, step: MatrixProduct, around: Shape) -> None:
        result = self._matrix(step.array, step.places)
        left = self._matrix(step.left.array, step.left.places)
        terms = left[0 if step.left.transposed else -1]
        self.cost.multiplications += Amount.of((*around, *step.batch, *result, terms))
        sides: tuple[Side, ...] = (step.left, step.right)
        for side in sides:
            self._move(self.cost.read, side.array, self._all(side.array))
        self._move(self.cost.written, step.array, self._all(step.array))

    def _matrix(self, array: str, places: tuple) -> Shape:
        """The axes of an array that are those of a matrix."""
        return tuple(size for size, place in zip(self._all(array), places) if place is None)

    def _all(self, array: str) -> Shape:
        return tuple(self.rows.get(size, size) for size in self.nest.arrays[array].shape)


def costs(nest: Nest, in_cache: set[str]) -> Iterator[tuple[Step, Cost]]:
    """What each nest of loops costs, and what is done to whole arrays."""
    for step in nest.body:
        if isinstance(step, Over | OverTiles | MatrixProduct | Repeat | RunningSums | Scan | Routine | Reshape):
            yield step, cost_of(step, nest, in_cache)
