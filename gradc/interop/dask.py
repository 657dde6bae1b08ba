"""Objectives and elementwise functions over Dask arrays: data larger than memory, or than one machine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from gradc.function import BoundFunction, Function
from gradc.interop.blocks import BlockLoss, added, divided, loaded, raise_unfit, sent, survey, work
from gradc.interop.flat import calls_for, differentiated, moved, unbound
from gradc.interop.parameters import by_name
from gradc.interop.parts import SAMPLE
from gradc.language.diagnostics import Error
from gradc.program import Program
from gradc.runtime import arguments
from gradc.runtime.results import Gradients, gradients

if TYPE_CHECKING:
    from dask.array import Array

FAN_IN = 8
"""How many results of blocks are added at a time."""


class DaskLoss(BlockLoss):
    """A `Loss` over Dask arrays: every call computes value and gradient of each block where the block is, and adds them
    in a tree. It goes to whatever scheduler Dask would use: threads, or the cluster of a `Client`."""

    def _total(self, task: str, z: np.ndarray, direction: np.ndarray) -> np.ndarray:
        from dask.delayed import delayed

        point, along, kernels = delayed(z), delayed(direction), delayed(self._packed)
        names, columns = self.blocks
        parts = [delayed(_of_rows, pure=False)(kernels, task, point, along, names, *arrays) for arrays in zip(*columns)]
        while len(parts) > 1:
            parts = [delayed(added)(parts[k : k + FAN_IN]) for k in range(0, len(parts), FAN_IN)]
        return parts[0].compute()


def objective(
    function: Function | BoundFunction | str | Program,
    /,
    *,
    data: Mapping[str, Any],
    start: Mapping[str, Any],
    fixed: Mapping[str, Any] | None = None,
    bounds: Mapping[str, tuple[Any, Any]] | None = None,
    check_finite: bool = True,
) -> DaskLoss:
    """A loss over Dask arrays, as `gradc.interop.scipy.objective` makes one over NumPy's.

    data: the inputs that are no parameters. Dask arrays are taken apart along their first axis, in the chunks of the
        first one, and so are NumPy arrays that have as many rows; what has none goes to every block.
    start, fixed, bounds, check_finite: as for `gradc.interop.scipy.objective`; to check them, data are read once.

    The program is a sum or a mean over rows, or is computed from such sums; G0608 names what takes rows together in
    another way. Where several sums meet, as in `sum(x) / sum(y)`, each gradient passes over the data twice.
    """
    given = by_name("data", data)
    arrays = {name: array for name, value in given.items() if (array := _dask_array(name, value)) is not None}
    if not arrays:
        help = "gradc.interop.scipy.objective takes NumPy arrays"
        raise Error("G0607", "no data are Dask arrays", help=help)
    whole = {name: value for name, value in given.items() if name not in arrays}
    made, missing = divided(function, _shapes(arrays), start, whole, fixed, bounds, check_finite)
    if missing:
        from dask.array import from_array

        arrays |= {name: from_array(np.asarray(whole.pop(name)), name=False) for name in missing}
        made, _ = divided(function, _shapes(arrays), start, whole, fixed, bounds, check_finite)
    names, columns = _columns(arrays)
    if check_finite:
        _check_finite(names, columns, next(iter(arrays.values())).chunks[0])
    return DaskLoss(*made, (names, columns), None)


def elementwise(function: Function | BoundFunction | str | Program, /) -> Elementwise:
    """An elementwise function over Dask arrays, block by block.

    >>> import dask.array as da
    >>> f = elementwise("s * exp(-r * t)")
    >>> t = da.arange(10, chunks=4)
    >>> f(s=2.0, r=0.5, t=t).chunks
    ((4, 4, 2),)
    >>> round(float(f.grad(s=2.0, r=0.5, t=t).s.compute()), 6)
    2.52437
    """
    return Elementwise(function)


class Elementwise:
    """What `elementwise` returns. Arguments are numbers, NumPy and Dask arrays, which broadcast; results are Dask
    arrays, and computed when they are asked for. Raises `Error` G0608 for programs that are not elementwise."""

    def __init__(self, function: Any):
        given, self._bound = unbound(function, ())
        self.function = function if isinstance(function, (Function, BoundFunction)) else given
        self._whole = given
        self.inputs = self.function.inputs

    def __call__(self, /, *args: Any, **kwargs: Any) -> Array:
        """The values."""
        values = self._values(args, kwargs)
        return self._by_blocks(values, None)

    def grad(self, /, *args: Any, **kwargs: Any) -> Gradients:
        """The gradients of the sum of all values, each shaped like its input: at every element for an array of the
        result's shape, added where an argument broadcasts."""
        values = self._values(args, kwargs)
        return gradients(self.function.wrt, [self._gradient(values, name) for name in self.function.wrt])

    def _gradient(self, values: Mapping[str, Any], name: str) -> Any:
        slope = self._by_blocks(values, name)
        shape = np.shape(values[name])
        added = slope.ndim - len(shape)
        axes = [k for k in range(slope.ndim) if k < added or (shape[k - added] == 1 and slope.shape[k] != 1)]
        return slope.sum(axis=tuple(axes)).reshape(shape) if axes else slope

    def _values(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by name, those that are bound too."""
        given = dict(zip(self.inputs, arguments.bind(self.inputs, args, kwargs)))
        for name, value in given.items():
            array = _dask_array(name, value)
            given[name] = arguments.as_array(f"argument `{name}`", value)[()] if array is None else array
        values = {name: np.asarray(value)[()] for name, value in self._bound.items()} | given
        samples = {name: np.ones((SAMPLE,) * np.ndim(value), value.dtype)[()] for name, value in values.items()}
        calls = calls_for(self._whole, samples)
        types = calls.prepare([samples[name] for name in calls.inputs]).types
        compilation = calls.specialiser.compilation("value", types)
        found = moved(compilation.graph)
        if found is not None:
            raise Error(
                "G0608", "this is not computed element by element", compilation.spans.get(found),
                help="a sum over rows is an objective: gradc.interop.dask.objective",
            )  # fmt: skip
        return values

    def _by_blocks(self, values: Mapping[str, Any], wrt: str | None) -> Array:
        import dask.array as da

        arrays = [values[name] for name in self._whole.inputs]
        packed = sent(differentiated(self._whole, () if wrt is None else (wrt,)))
        single = [np.ones((1,) * np.ndim(array), array.dtype) for array in arrays]
        dtype = _of_elements(packed, *single).dtype
        return da.asarray(da.core.elemwise(partial(_of_elements, packed), *arrays, dtype=dtype))


def _of_elements(packed: bytes, *blocks: Any) -> np.ndarray:
    """The values of a block, or the derivatives for the one input of `wrt`, at every element."""
    function = loaded(packed)
    if not function.wrt:
        return np.asarray(function(*blocks))
    blocks = tuple(np.array(block) for block in np.broadcast_arrays(*blocks))
    (slope,) = function.grad(*blocks)
    return np.asarray(slope)


def _shapes(arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name: (array.shape, array.dtype) for name, array in arrays.items()}


def _dask_array(name: str, value: Any) -> Any:
    """A Dask array, or one made from a column of a Dask table; None for anything else."""
    if hasattr(value, "to_dask_array"):
        value = value.to_dask_array(lengths=True)
    if not (hasattr(value, "dask") and hasattr(value, "chunks")):
        return None
    if any(math.isnan(size) for size in value.shape):
        raise Error("G0607", f"`{name}` has chunks of unknown sizes", help="call its compute_chunk_sizes() first")
    return value


def _columns(arrays: Mapping[str, Any]) -> tuple[tuple[str, ...], list[list[Any]]]:
    """The arrays in equal chunks of rows, each as its delayed blocks."""
    rows = next(iter(arrays.values())).chunks[0]
    columns = []
    for array in arrays.values():
        chunks = {0: rows} | dict.fromkeys(range(1, array.ndim), -1)
        columns.append(list(array.rechunk(chunks).to_delayed().ravel()))
    return tuple(arrays), columns


def _of_rows(kernels: bytes, task: str, z: Any, direction: Any, names: Sequence[str], *arrays: Any) -> np.ndarray:
    """What a block adds to a total."""
    return work(kernels, task, z, direction, dict(zip(names, arrays)))


def _survey_rows(names: Sequence[str], *arrays: Any) -> dict[str, Any]:
    return survey(True, dict(zip(names, arrays)))


def _check_finite(names: Sequence[str], columns: Sequence[Sequence[Any]], rows: Sequence[int]) -> None:
    """Raise `Error` for NaN and infinities in data."""
    from dask.base import compute
    from dask.delayed import delayed

    found = compute(*[delayed(_survey_rows)(names, *arrays) for arrays in zip(*columns)])
    first = 0
    for k, (block, length) in enumerate(zip(found, rows)):
        raise_unfit(block, first, f"block {k}")
        first += length
