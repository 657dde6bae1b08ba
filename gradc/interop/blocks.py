"""Losses that add up over rows, computed by blocks of rows: wherever the blocks are."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial
from threading import Lock
from typing import Any

import numpy as np

from gradc.function import BoundFunction, Function
from gradc.interop.flat import FlatFunction, unbound, units
from gradc.interop.parameters import Parameters, by_name, check_roles, checked
from gradc.interop.parts import RowPart, RowProgram, by_rows
from gradc.interop.scipy import Loss
from gradc.ir.sizes import evaluate
from gradc.ir.types import DTYPES, shape_text
from gradc.language.diagnostics import Error
from gradc.program import Program
from gradc.runtime import arguments
from gradc.runtime.calls import Calls
from gradc.runtime.dense import check_dense

Block = Mapping[str, Any] | Callable[[], Mapping[str, Any]]
"""Data of some rows by name, or what gives them where they are needed."""

MOST_LOADED = 16
"""How many programs a process keeps kernels of."""

Total = Callable[[str, np.ndarray, np.ndarray], np.ndarray]
"""From a task, a vector and a direction to the sum of what the blocks give."""


class Kernels:
    """What a process needs to compute a block. Its functions are of one vector: the parameters, then a number for each
    element of the totals, which is its weight in the sums over rows, and the total itself in the rest."""

    def __init__(
        self,
        rows: RowProgram,
        start: Mapping[str, Any],
        whole: Mapping[str, Any],
        sizes: Mapping[str, int],
        options: Mapping[str, Any],
    ):
        """`whole` are the inputs that have no rows, but for parameters; `sizes` those of all rows; `options` are those
        of `Function`."""
        self._given = (rows, dict(start), dict(whole), dict(sizes), dict(options))
        self.rows = rows
        division = rows.division
        shapes = [[evaluate(size, sizes) for size in node.shape] for node in division.totals]
        self.size = Parameters(start).size
        self.vector = Parameters({**start, **{n.name: np.zeros(s) for n, s in zip(division.totals, shapes)}})
        counts = {
            node.name: DTYPES[node.type.dtype].type(evaluate(size, sizes)) for node, size in division.counts.items()
        }
        self._others = {**whole, **counts}

    def __reduce__(self) -> tuple[Any, ...]:
        return Kernels, self._given

    def _calls(self, is_rest: bool) -> Calls:
        return Function(RowPart(self.rows, is_rest), wrt=tuple(self.vector.first), **self._given[-1])._calls

    @cached_property
    def _sums(self) -> Calls:
        return self._calls(False)

    @cached_property
    def rest(self) -> FlatFunction:
        """What is computed of the parameters and the totals."""
        calls = self._calls(True)
        return FlatFunction(calls, self.vector, {n: v for n, v in self._others.items() if n in calls.inputs}, ())

    def of_block(self, task: str, z: np.ndarray, direction: np.ndarray, data: Mapping[str, Any]) -> np.ndarray:
        """What a block adds to a total.

        `"value"` is the weighted sum, `"gradient"` its gradient, `"products"` that and its Hessian's product with the
        direction, `"rows"` the Hessian's rows for the parameters.
        """
        calls = self._sums
        given = {name: value for name, value in {**self._others, **data}.items() if name in calls.inputs}
        flat = FlatFunction(calls, self.vector, given, ())
        value = np.empty(1)
        if task == "value":
            flat.run("value", z, value)
            return value
        lines = np.empty((self.size if task == "rows" else 1 if task == "gradient" else 2, z.size))
        if task == "rows":
            for line, unit in zip(lines, units(z.size)):
                flat.run("hvp", z, unit, line)
            return lines
        flat.run("value_and_grad", z, value, lines[0])
        if task == "products":
            flat.run("hvp", z, direction, lines[1])
        return lines


def sent(item: Any) -> bytes:
    """The form in which something goes to other processes: pickled, by cloudpickle where only that can."""
    try:
        return pickle.dumps(item)
    except Exception as error:
        try:
            from cloudpickle import dumps
        except ImportError:
            help = "define it in a module, or install cloudpickle"
            what = f"the function cannot be sent to other processes: {arguments.first_line(error)}"
            raise Error("G0607", what, help=help) from None
        found: bytes = dumps(item)
        return found


_loaded: dict[bytes, Any] = {}
_loading = Lock()


def loaded(sent: bytes) -> Any:
    """What holds the kernels of this process, from the form in which it is sent here: one object, whoever asks."""
    with _loading:
        if sent not in _loaded:
            while len(_loaded) >= MOST_LOADED:
                del _loaded[next(iter(_loaded))]
            _loaded[sent] = pickle.loads(sent)
        return _loaded[sent]


def work(kernels: bytes, task: str, z: np.ndarray, direction: np.ndarray, block: Block) -> np.ndarray:
    """What a block adds to a total; to be called in any process."""
    return loaded(kernels).of_block(task, z, direction, block() if callable(block) else block)


def added(parts: Iterable[np.ndarray]) -> np.ndarray:
    """The sum, pair by pair, in an order that depends on nothing but how many there are."""
    left = list(parts)
    while len(left) > 1:
        pairs = [a + b for a, b in zip(left[::2], left[1::2])]
        left = pairs + left[len(pairs) * 2 :]
    return left[0]


class Sums:
    """A loss by blocks, in the place of a `FlatFunction`: it runs the same transforms."""

    def __init__(self, kernels: Kernels, total: Total):
        self.kernels = kernels
        self._total = total
        self._known = kernels.vector.size - kernels.size == 1
        """Whether a single number is summed: its gradient does not wait for its total."""

    def run(self, transform: str, /, *vectors: np.ndarray) -> None:
        """Fill the vectors behind those that are given."""
        x, *left = vectors
        if transform == "value":
            (value,) = left
            z = self._joined(x, self._totals(x))
            self.kernels.rest.run("value", z, value)
        elif transform == "value_and_grad":
            self._value_and_grad(x, *left)
        else:
            self._product(x, *left)

    def _value_and_grad(self, x: np.ndarray, value: np.ndarray, gradient: np.ndarray) -> None:
        size, slope = self.kernels.size, np.empty(self.kernels.vector.size)
        first = self._total("gradient", self._weighted(x, self._known), x)[0]
        self.kernels.rest.run("value_and_grad", self._joined(x, first[size:]), value, slope)
        if self._known:
            rows = first[:size] * slope[size]
        else:
            rows = self._total("gradient", self._joined(x, slope[size:]), x)[0][:size]
        np.add(slope[:size], rows, out=gradient)

    def _product(self, x: np.ndarray, v: np.ndarray, product: np.ndarray) -> None:
        """The Hessian's product with a vector."""
        size, rest, value = self.kernels.size, self.kernels.rest, np.empty(1)
        slope, curved = np.empty((2, self.kernels.vector.size))
        along = self._weighted(v, False)
        first, second = self._total("products", self._weighted(x, self._known), along)
        at, moved = self._joined(x, first[size:]), self._joined(v, second[size:])
        rest.run("value_and_grad", at, value, slope)
        rest.run("hvp", at, moved, curved)
        if self._known:
            rows = second[:size] * slope[size] + first[:size] * curved[size]
        else:
            at, moved = self._joined(x, slope[size:]), self._joined(v, curved[size:])
            rows = self._total("products", at, moved)[1][:size]
        np.add(curved[:size], rows, out=product)

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """The Hessian: all its rows at every block."""
        size, whole = self.kernels.size, self.kernels.vector.size
        at, slope = self._joined(x, self._totals(x)), np.empty(whole)
        self.kernels.rest.run("value_and_grad", at, np.empty(1), slope)
        lines = self._total("rows", self._joined(x, slope[size:]), x)
        outer = np.empty((whole, whole))
        for row, unit in zip(outer, units(whole)):
            self.kernels.rest.run("hvp", at, unit, row)
        moves = np.concatenate([np.eye(size), lines[:, size:]], axis=1)
        return lines[:, :size] + moves @ outer @ moves.T

    def sparse_hessian(self, x: np.ndarray) -> Any:
        """The same in CSR format. Blocks of rows have parameters in common, so there is no pattern to find."""
        from scipy.sparse import csr_array

        return csr_array(self.hessian(x))

    def _totals(self, x: np.ndarray) -> np.ndarray:
        """The sums over all rows."""
        if self._known:
            return self._total("value", self._weighted(x, True), x)
        return self._total("gradient", self._weighted(x, False), x)[0][self.kernels.size :]

    def _weighted(self, x: np.ndarray, weight: float) -> np.ndarray:
        """The vector with this weight for every sum."""
        return self._joined(x, np.full(self.kernels.vector.size - self.kernels.size, float(weight)))

    def _joined(self, x: np.ndarray, others: np.ndarray) -> np.ndarray:
        return np.concatenate([x, others])


class BlockLoss(Loss):
    """A `Loss` whose rows are computed by blocks; `hess` computes all its rows at each block, in two passes."""

    def __init__(self, function: Function, parameters: Parameters, kernels: Kernels, blocks: Any, run: Any):
        self._sums = Sums(kernels, self._total)
        super().__init__(function, parameters, {}, self._sums)
        self.blocks = blocks
        self._run = run
        self._packed = sent(kernels)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.function, self.parameters, self._sums.kernels, self.blocks, self._run)

    def _total(self, task: str, z: np.ndarray, direction: np.ndarray) -> np.ndarray:
        return added(self._run(partial(work, self._packed, task, z, direction), self.blocks))

    def hess(self, x: Any) -> np.ndarray:
        """The Hessian, dense."""
        check_dense(self.size**2, "Hessian")
        return self._sums.hessian(self.parameters.vector(x))


def objective(
    function: Function | BoundFunction | str | Program,
    blocks: Iterable[Block],
    /,
    *,
    start: Mapping[str, Any],
    data: Mapping[str, Any] | None = None,
    fixed: Mapping[str, Any] | None = None,
    bounds: Mapping[str, tuple[Any, Any]] | None = None,
    check_finite: bool = True,
    map: Callable[..., Iterable[Any]] = map,
) -> BlockLoss:
    """A loss that adds up over rows, for data that are in blocks.

    blocks: for each block its data by name, arrays whose first axis counts rows; or functions that give them where
        they are needed, such as `partial(load, path)`.
    data: inputs that every row needs.
    map: what calls a function for each block, in order: `map` itself, or that of a pool of processes, whose workers
        compile the kernels once.
    start, fixed, bounds, check_finite: as for `gradc.interop.scipy.objective`. Blocks are read once to check them.

    The result is computed as a sum over rows, or from such sums: what every row does not share is counted once, and
    means count the rows of all blocks. Raises `Error` G0608 for a program that takes rows together otherwise.

    >>> halves = [{"t": [0.0, 1.0], "y": [2.0, 1.0]}, {"t": [2.0], "y": [0.5]}]
    >>> loss = objective("mean((y - a*exp(-b*t))**2) + 0.1*a**2", halves, start={"a": 1.0, "b": 1.0})
    >>> value, gradient = loss(loss.x0)
    """
    parts = list(blocks)
    if not parts:
        raise Error("G0607", "there are no blocks", help="each one holds data of some rows by name")
    surveys = list(map(partial(survey, check_finite), parts))
    shapes, first = surveys[0], 0
    for k, found in enumerate(surveys):
        raise_unfit(found, first, f"block {k}")
        if {n: (s[1:], t) for n, (s, t) in found.items()} != {n: (s[1:], t) for n, (s, t) in shapes.items()}:
            help = "every block has the same names, element types and axes but the first"
            raise Error("G0607", f"block {k} is not like block 0", help=help)
        first += next(iter(found.values()))[0][0]
    rows = {name: ((first, *shape[1:]), np.dtype(dtype)) for name, (shape, dtype) in shapes.items()}
    made, missing = divided(function, rows, start, data, fixed, bounds, check_finite)
    if missing:
        raise Error("G0607", f"`{missing[0]}` has a number for each row", help="put it into the blocks")
    return BlockLoss(*made, parts, map)


def divided(
    function: Any, rows: Mapping[str, Any], start: Any, data: Any, fixed: Any, bounds: Any, check_finite: bool
) -> tuple[tuple[Function, Parameters, Kernels], list[str]]:
    """What a loss by blocks is made of, from the shapes and element types of its rows; and which of the data turn out
    to have rows themselves, and have to be given so."""
    parameters = Parameters(start, bounds, fixed)
    given, known = by_name("data", data), parameters.fixed
    whole, bound = unbound(function, (*rows, *given, *parameters.start, *known))
    check_roles(whole, data=[*bound, *rows, *given], start=parameters.start, fixed=known)
    if check_finite:
        for name, value in (*given.items(), *known.items()):
            checked(f"`{name}`", value, help="leave such elements out, or pass check_finite=False")
    others = {**bound, **given, **known}
    at = {name: parameters.part(parameters.x0, name) for name in parameters.first}
    program, added = by_rows(whole.program, rows, others | at, parameters.first)
    if added:
        return (whole, parameters, None), added  # type: ignore[return-value]
    shapes = {name: np.shape(value) for name, value in (others | at).items()}
    sizes = program.sizes(shapes | {name: shape for name, (shape, _) in rows.items()})
    if not program.division.totals:
        raise Error("G0608", "nothing in the program is summed over rows", help="use gradc.interop.scipy.objective")
    result = program.division.outer.type
    if result.shape:
        raise Error("G0608", f"the program gives an array of shape {shape_text(result.shape)}", help="sum it")
    specialiser = whole._calls.specialiser
    options = {"engine": whole.engine, "fast_math": specialiser.fast_math, "memory": specialiser.memory}
    return (whole, parameters, Kernels(program, at, others, sizes, options)), []


def survey(check_finite: bool, block: Block) -> dict[str, Any]:
    """The shapes and element types of a block; under `""` what is wrong with it."""
    data = block() if callable(block) else block
    found: dict[str, Any] = {}
    for name, value in by_name("a block", data).items():
        array = arguments.as_array(f"`{name}`", value)
        found[name] = (array.shape, array.dtype.str)
        if check_finite and array.dtype.kind == "f" and not np.isfinite(array).all():
            at = tuple(map(int, np.unravel_index(int(np.argmax(~np.isfinite(array))), array.shape)))
            return {"": (name, at, float(array[at]))}
    return found


def raise_unfit(found: Mapping[str, Any], first: int, where: str) -> None:
    """Raise `Error` for what a survey of rows from `first` on found wrong."""
    if "" in found:
        name, at, value = found[""]
        element = f"{name}[{', '.join(map(str, (at[0] + first, *at[1:])))}]" if at else name
        help = "leave such rows out, or pass check_finite=False"
        raise Error("G0607", f"`{element}` is {value}", help=help)
    if not found:
        raise Error("G0607", f"{where} has no data", help="arrays by name, whose first axis counts rows")
    for name, (shape, _) in found.items():
        if not shape:
            raise Error("G0607", f"`{name}` is a number in {where}: it has no rows", help="put it into data")
    lengths = {name: shape[0] for name, (shape, _) in found.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"`{name}` {length}" for name, length in lengths.items())
        raise Error("G0603", f"{where} has different numbers of rows: {listed}")
