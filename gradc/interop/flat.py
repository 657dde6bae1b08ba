"""A function of named inputs as a function of one vector."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from gradc.function import BoundFunction, Function, compile
from gradc.interop.parameters import Parameters
from gradc.ir.graph import Graph, Node, topological
from gradc.ir.sizes import evaluate
from gradc.language.diagnostics import Error
from gradc.native.engine import NativeKernel
from gradc.native.flat import FlatCall, Place
from gradc.program import FromFunction, Program
from gradc.runtime.arguments import UPSTREAM
from gradc.runtime.calls import Calls

if TYPE_CHECKING:
    from gradc.runtime.traced import Instance

FORMS = {
    "value": ("", ("value",)),
    "value_and_grad": ("", ("value", "gradient")),
    "hvp": ("gradient", ("gradient",)),
    "jvp": ("gradient", ("value",)),
    "vjp": ("value", ("gradient",)),
}
"""By transform: what it takes beside the parameters, and what it gives; each is a vector like the value's elements,
or like the gradient."""


class FlatFunction:
    """A function of parameters in one vector, whose other inputs are bound.

    `run(transform, x, ...)` takes the vectors of a transform and those for its results, which a native kernel writes
    as they are.
    """

    def __init__(
        self,
        calls: Calls,
        parameters: Parameters,
        others: Mapping[str, Any] = MappingProxyType({}),
        shape: tuple[int, ...] | None = None,
        function: BoundFunction | None = None,
    ):
        """`others` are inputs that are neither bound nor parameters, and stay as they are; `function` is the one that
        the calls are of. Raises `Error` where data and parameters do not fit together; a `shape` of the value that is
        known spares the check."""
        self.parameters = parameters
        self._calls = calls
        self._others = others
        self._function = function
        self._prepared = calls.prepare(self._arguments(parameters.x0))
        if shape is None:
            graph = calls.specialiser.compilation("value", self._prepared.types).graph
            sizes = self._prepared.sizes(graph)
            shape = tuple(evaluate(size, sizes) for size in graph["value"].shape)
        self.shape = shape
        """The shape of the value."""
        self._direct: dict[str, Callable[..., None]] = {}

    def _arguments(self, x: np.ndarray) -> list[Any]:
        """The arguments of a call by name, in order."""
        others = self._others
        return [others[n] if n in others else self.parameters.part(x, n)[()] for n in self._calls.inputs]

    @property
    def size(self) -> int:
        """How many elements the value has."""
        return int(np.prod(self.shape))

    def run(self, transform: str, *vectors: np.ndarray) -> None:
        """Fill the vectors behind those that are given."""
        direct = self._direct.get(transform)
        if direct is None:
            direct = self._direct[transform] = self._make(transform)
        try:
            direct(*vectors)
        except (ValueError, IndexError, MemoryError):
            self._by_name(transform, *vectors)  # the long way says what does not fit

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """A row for each element of the value, a column for each parameter."""
        return side_by_side(self._calls, self._arguments(x), self.parameters)

    def sparse_jacobian(self, x: np.ndarray) -> Any:
        """The same as an array in CSR format."""
        _, matrix = self._calls.value_and_sparse_jacobian_at(self._arguments(x))
        order = self._order()
        return matrix if order is None else matrix[:, order]

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """A row and a column for each parameter."""
        lines = np.empty((self.parameters.size, self.parameters.size))
        blocks = self._calls.value_grad_and_hessian_at(self._arguments(x))[2]
        for name, line in zip(self._calls.wrt, tuple(blocks)):
            for other, block in zip(self._calls.wrt, tuple(line)):
                rows, columns = self.parameters.places(name), self.parameters.places(other)
                lines[rows, columns] = np.reshape(block, (rows.stop - rows.start, -1))
        return lines

    def sparse_hessian(self, x: np.ndarray) -> Any:
        """The same as an array in CSR format."""
        _, _, matrix = self._calls.value_grad_and_sparse_hessian_at(self._arguments(x))
        order = self._order()
        return matrix if order is None else matrix[order][:, order]

    def _order(self) -> np.ndarray | None:
        """Where in the order of the gradients each parameter is; None where it is the parameters' own."""
        places = [self.parameters.places(name) for name in self._calls.wrt]
        if all(one.stop == other.start for one, other in pairwise(places)):
            return None
        return np.argsort(np.concatenate([np.arange(place.start, place.stop) for place in places]))

    def _make(self, transform: str) -> Callable[..., None]:
        """What answers a transform: the kernel itself, where it computes with float64 in vectors as they are."""
        calls = self._calls
        _, run = calls.specialise(transform, self._prepared.types)
        if isinstance(run, NativeKernel):
            frame = run.loaded.frame
            extra, results = FORMS[transform]
            parameters = set(self.parameters.first)
            inputs = calls.specialiser.inputs
            given: list[Place | None] = [
                (0, self.parameters.first[name]) if name in parameters else None for name in inputs
            ]
            arrays = list(self._prepared.arrays)
            if extra:
                given += self._places(extra, 1)
                arrays += self._examples(extra)
            made = [place for k, result in enumerate(results, 2 if extra else 1) for place in self._places(result, k)]
            if transform == "value_and_grad" and self._is_numbers():
                return self._of_numbers
            read = [field for field, place in zip(frame.inputs, given, strict=True) if place is not None]
            if all(field.dtype == "f64" for field in (*read, *frame.outputs)):
                return FlatCall(run, arrays, given, made)
        return lambda *vectors: self._by_name(transform, *vectors)

    def _is_numbers(self) -> bool:
        """Whether all that varies are a few numbers, computed in float64 whatever they are passed as."""
        is_own = self._function is not None and self._function._calls is self._calls
        is_wide = all(type.dtype != "f32" for type in self._prepared.types)
        return is_own and is_wide and not self.shape and self.parameters.is_few_numbers

    def _of_numbers(self, x: np.ndarray, value: np.ndarray, gradient: np.ndarray) -> None:
        """The quickest way for a few numbers: they are arguments of the function itself."""
        assert self._function is not None
        numbers = x.tolist()
        first = self.parameters.first
        value[0], gradient[:] = self._function.value_and_grad(*[numbers[first[name]] for name in self._function.inputs])

    def _places(self, what: str, vector: int) -> list[Place]:
        """Where a value, or a gradient for each parameter, stands in one of the vectors of a call."""
        return [(vector, 0)] if what == "value" else [(vector, self.parameters.first[n]) for n in self._calls.wrt]

    def _examples(self, what: str) -> list[Any]:
        if what == "value":
            return [np.zeros(self.shape)[()]]
        return [np.zeros(self.parameters.shapes[name])[()] for name in self._calls.wrt]

    def _by_name(self, transform: str, x: np.ndarray, *vectors: np.ndarray) -> None:
        """The same for any engine and element type."""
        calls, parameters = self._calls, self.parameters
        extra, results = FORMS[transform]
        added: list[tuple[str, Any]] = []
        left = list(vectors)
        if extra:
            vector = left.pop(0)
            if extra == "value":
                added = [(UPSTREAM, vector.reshape(self.shape))]
            else:
                added = [(f"the tangent of `{name}`", parameters.part(vector, name)) for name in calls.wrt]
        prepared = calls.prepare(self._arguments(x))
        outputs = iter(calls.run_prepared(transform, prepared, added))
        for result, vector in zip(results, left, strict=True):
            if result == "value":
                vector.reshape(self.shape)[...] = next(outputs)
            else:
                for name in calls.wrt:
                    parameters.part(vector, name)[...] = next(outputs)


def side_by_side(calls: Calls, given: list[Any], parameters: Parameters) -> np.ndarray:
    """A Jacobian with a row for each element of the value and a column for each parameter."""
    value, blocks = calls.value_and_jacobian_at(given)
    rows = np.size(value)
    lines = np.empty((parameters.size, rows))
    for name, block in zip(calls.wrt, tuple(blocks)):
        lines[parameters.places(name)] = np.reshape(block, (rows, -1)).T
    return lines.T


def moved(graph: Graph) -> Node | None:
    """The first value that has something from other places."""

    def keeps_places(node: Node) -> bool:
        row = node.row
        is_cast = row.kind == "movement" and not row.access
        return row.kind in ("source", "elementwise") or node.op == "broadcast" or is_cast

    return next((node for node in topological(graph.results) if not keeps_places(node)), None)


def units(size: int) -> Iterator[np.ndarray]:
    """The unit vectors, in one array."""
    vector = np.zeros(size)
    for k in range(size):
        vector[k] = 1.0
        yield vector
        vector[k] = 0.0


def unbound(given: Any, names: Iterable[str]) -> tuple[Function, dict[str, Any]]:
    """The function of all inputs, and what is bound already; from whatever `compile` takes, and what it gives.

    Parameters of Python functions that have defaults are inputs where they are among `names`.
    """
    data = given.data if isinstance(given, BoundFunction) else {}
    function = given if isinstance(given, (Function, BoundFunction)) else compile(given)
    program = function.program
    if isinstance(program, FromFunction):
        return _made(function, program.with_inputs(names)), data
    return (_made(function, program) if data else cast(Function, function)), data


def differentiated(function: Function, wrt: Iterable[str]) -> Function:
    """The same function with derivatives for these inputs."""
    return _made(function, function.program, wrt)


def _made(function: Function | BoundFunction, program: Program, wrt: Iterable[str] | None = None) -> Function:
    """A function of a program, with the options of another one."""
    specialiser = function._calls.specialiser
    names = None if wrt is None else tuple(wrt)
    return Function(
        program, wrt=names, engine=function.engine, fast_math=specialiser.fast_math, memory=specialiser.memory
    )


def calls_for(function: Function | BoundFunction, arguments: Mapping[str, Any]) -> Calls:
    """The calls of a function for arguments like these: a Python function is traced for them."""
    calls = function._calls
    if not isinstance(function.program, FromFunction):
        return calls
    instance, _ = calls.bind((), arguments)
    instance = cast("Instance", instance)
    if not instance.is_plain or set(instance.calls.inputs) != set(arguments):
        raise Error(
            "G0607", "the function asks for numbers that are no parameters of a fit, or its parameters have parts",
            help="pass whole numbers as data, and arrays in the place of lists and dictionaries",
        )  # fmt: skip
    return instance.calls
