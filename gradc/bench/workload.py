"""A workload: a program, what it is differentiated for, and the inputs it is measured on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradc.check.points import sizes_for
from gradc.function import Function
from gradc.function import compile as compile_program
from gradc.ir.sizes import evaluate, names
from gradc.ir.types import DTYPES
from gradc.language.diagnostics import Error
from gradc.program import Program
from gradc.runtime import arguments

Inputs = dict[str, Any]
"""Python floats and NumPy arrays by name, in the order of the program's inputs."""

Answer = tuple[Any, tuple[Any, ...]]
"""The value, and the gradients in the order of `wrt`, each shaped like its input."""

INTERVALS = ((0.2, 0.9), (1.1, 3.0), (-0.9, 0.9), (-3.0, -1.1))
"""Where inputs of an unknown program are drawn: the first interval on which value and gradients are finite."""

DEFAULT_SIZE = 1000
"""The size of arrays that a program needs where nobody said a size."""

FURTHER_SIZE = 10
"""The second and later sizes that a program names: in `X: f64[n, d]` the size asked for is n, and d is this."""


@dataclass(frozen=True)
class Workload:
    """A program to measure.

    `wrt` is None for all float inputs. `by_hand` takes the inputs in order and returns an `Answer`; None where
    nobody wrote one.
    """

    name: str
    program: str | Program
    wrt: tuple[str, ...] | None = None
    by_hand: Callable[..., Answer] | None = None

    @property
    def text(self) -> str:
        return self.program if isinstance(self.program, str) else self.program.text


def draw(workload: Workload, size: int | None, given: Mapping[str, Any] | None = None) -> Inputs:
    """Inputs for a program of which nothing is known: arrays of `size` elements, or Python floats for None.

    Where the program suggests arrays for some inputs, the others are numbers; inputs chosen by `wrt` count as the
    parameters of a fit. An input among `given` has that value. Raises `Error` as a call of the program would.
    """
    function = compile_program(workload.program, wrt=workload.wrt, engine="interpreter")
    shapes = _shapes(function, size, given or {})
    given = {name: _as_inputs(value, shapes.get(name, ("f64", ()))[0]) for name, value in (given or {}).items()}
    arguments.bind(function.inputs, (), dict.fromkeys(function.inputs, 0.0) | given)
    for low, high in INTERVALS:
        rng = np.random.default_rng(0)
        drawn = {name: _sample(rng, low, high, *shapes[name]) for name in function.inputs}
        inputs = {name: given.get(name, drawn[name]) for name in function.inputs}
        if _is_finite(function, inputs):
            return inputs
    return inputs


def _shapes(function: Function, size: int | None, given: Mapping[str, Any]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Element type and shape of each input: what is given fixes the sizes of the others, the first size of the rest is
    the one asked for."""
    types, declared = function.types, function.program.signature.declared
    if size is not None and not any(type.rank for type in types.values()):
        return {name: (type.dtype, () if name in declared else (size,)) for name, type in types.items()}
    graph = function.stages.graph
    sizes: dict[str, int] = {}
    for node in graph.inputs:
        if node.name in given and node.type.rank == np.ndim(given[node.name]):
            found = zip(node.shape, np.shape(given[node.name]))
            sizes |= {part: number for part, number in found if isinstance(part, str)}
    for name in dict.fromkeys(name for node in graph.inputs for part in node.shape for name in names(part)):
        sizes.setdefault(name, FURTHER_SIZE if sizes else size or DEFAULT_SIZE)
    sizes = sizes_for(graph, sizes)
    return {node.name: (node.type.dtype, tuple(evaluate(part, sizes) for part in node.shape)) for node in graph.inputs}


def _sample(rng: np.random.Generator, low: float, high: float, dtype: str, shape: tuple[int, ...]) -> Any:
    drawn: Any = rng.uniform(low, high, shape)
    if dtype == "i64":
        drawn = np.ceil(drawn)
    elif dtype == "bool":
        drawn = drawn > (low + high) / 2
    elif dtype == "f64" and shape == ():
        return float(drawn)
    return np.asarray(drawn).astype(DTYPES[dtype])


def _as_inputs(value: Any, dtype: str) -> Any:
    """A value that a user gave: whole numbers become floats unless integers are declared."""
    array = np.asarray(value)
    if array.dtype.kind in "iub" and dtype in ("f64", "f32"):
        array = array.astype(np.float64)
    return float(array) if array.ndim == 0 and array.dtype == np.float64 else array


def _is_finite(function: Function, inputs: Inputs) -> bool:
    value, grads = function.value_and_grad(*inputs.values())
    return all(bool(np.all(np.isfinite(part))) for part in (value, *grads))


def elements(inputs: Inputs) -> int:
    """The number of elements of the largest input."""
    return max((math.prod(np.shape(value)) for value in inputs.values()), default=1)


def nbytes(parts: Any) -> int:
    """Bytes of arrays and numbers together."""
    return sum(np.asarray(part).nbytes for part in parts)


def checked_size(size: int | None) -> int | None:
    """A size asked for, or `Error` G0604."""
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
        raise Error(
            "G0604",
            f"a size must be a positive whole number, not {size!r}",
            help="leave it out to measure with plain numbers",
        )
    return size
