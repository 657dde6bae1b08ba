"""Arguments of a call: from what the caller passed to arrays, and from arrays to types."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any, Iterator, Mapping, Sequence

import numpy as np

from gradc.frontends.outline import Outline
from gradc.ir.graph import Check, Graph
from gradc.ir.interpret import bind_sizes
from gradc.ir.sizes import evaluate
from gradc.ir.types import DTYPES, Type, shape_text
from gradc.language.diagnostics import Error, closest

RELATIONS = {"==": lambda a, b: a == b, ">=": lambda a, b: a >= b}
USABLE_KINDS = "biuf"
"""NumPy's kinds of element types that become numbers here: booleans, integers, floats."""


def bind(names: tuple[str, ...], args: Sequence[Any], keywords: Mapping[str, Any], what: str = "argument") -> list[Any]:
    """The values of `names` in order, from positional and keyword arguments."""
    if len(args) > len(names):
        raise Error(
            "G0601", f"{len(names)} {what}{'s' * (len(names) != 1)} expected, {len(args)} given",
            help=f"in order: {', '.join(names)}" if names else "the program has no inputs",
        )  # fmt: skip
    values = dict(zip(names, args))
    for name, value in keywords.items():
        if name in values:
            raise Error("G0601", f"{what} `{name}` is given twice")
        if name not in names:
            near = closest(name, names)
            raise Error(
                "G0601", f"there is no {what} `{name}`",
                help=f"did you mean `{near}`?" if near else f"the {what}s are {', '.join(names)}" if names else None,
            )  # fmt: skip
        values[name] = value
    missing = [name for name in names if name not in values]
    if missing:
        raise Error(
            "G0601", f"{what}{'s' * (len(missing) > 1)} {', '.join(f'`{name}`' for name in missing)} missing",
            help=f"in order: {', '.join(names)}",
        )  # fmt: skip
    return [values[name] for name in names]


def as_array(name: str, value: Any) -> np.ndarray:
    """A value as a native NumPy array of booleans, integers or floats, or an error that names the argument."""
    if isinstance(value, np.ma.MaskedArray):
        raise Error("G0602", f"argument `{name}` is a masked array", help="fill it first: a mask cannot be differentiated")
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise Error("G0602", f"argument `{name}` is no array: {first_line(error)}") from None
    if array.dtype.kind not in USABLE_KINDS:
        if isinstance(value, int):  # beyond 64 bits
            return as_array(name, _as_float(name, value))
        raise Error(
            "G0602", f"argument `{name}` has element type {array.dtype}, which is not a number gradc computes with",
            help="pass floats, integers or booleans",
        )  # fmt: skip
    return array


def _as_float(name: str, value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise Error("G0602", f"argument `{name}` is too large for a float64") from None


def first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


@dataclass(frozen=True)
class Arguments:
    """Arrays ready for a kernel, their types, and which names of sizes are our inventions."""

    arrays: list[Any]
    types: tuple[Type, ...]

    def sizes(self, graph: Graph) -> dict[str, int]:
        """The named sizes of a call; raises `Error` where the arguments do not fit together."""
        shapes = [np.shape(array) for array in self.arrays]
        sizes = bind_sizes((node.type, shape) for node, shape in zip(graph.inputs, shapes))
        for node, shape in zip(graph.inputs, shapes):
            for axis, (size, actual) in enumerate(zip(node.shape, shape)):
                if evaluate(size, sizes) != actual:
                    raise self._mismatch(graph, node.name, axis, size, actual, sizes)
        for check in graph.checks:
            check_sizes(check, sizes)
        return sizes

    def _mismatch(self, graph: Graph, name: str, axis: int, size: Any, actual: int, sizes: dict[str, int]) -> Error:
        for node, array in zip(graph.inputs, self.arrays):
            if size in node.shape and node.name != name:
                other = shape_text(np.shape(array))
                mine = shape_text(np.shape(self.arrays[[n.name for n in graph.inputs].index(name)]))
                return Error(
                    "G0603", f"arguments `{node.name}` and `{name}` do not fit together: shapes {other} and {mine}",
                    help="give both the same size, or make one of them size 1",
                )  # fmt: skip
        return Error("G0603", f"axis {axis} of argument `{name}` has size {actual}, not {evaluate(size, sizes)}")


def check_sizes(check: Check, sizes: Mapping[str, int]) -> None:
    left, right = evaluate(check.left, sizes), evaluate(check.right, sizes)
    if not RELATIONS[check.relation](left, right):
        known = ", ".join(f"{name} = {value}" for name, value in sizes.items())
        raise Error("G0603", f"{check.message} ({known})" if known else check.message)


def prepare(outline: Outline, values: Sequence[Any]) -> Arguments:
    """The arrays of a call and their types: element type, rank, and which sizes are 1."""
    raw = [as_array(name, value) for name, value in zip(outline.inputs, values)]
    weak = [isinstance(value, (bool, int, float)) and not isinstance(value, np.generic) for value in values]
    strong = {
        array.dtype for array, is_weak in zip(raw, weak) if not is_weak and array.dtype.kind == "f" and array.dtype.itemsize <= 4
    }
    wide = any(array.dtype.kind == "f" and array.dtype.itemsize > 4 for array, is_weak in zip(raw, weak) if not is_weak)
    weak_dtype = "f32" if strong and not wide else "f64"
    fresh_sizes = size_names(outline)
    arrays, types = [], []
    for name, array, is_weak in zip(outline.inputs, raw, weak):
        declared = outline.declared.get(name)
        if declared is not None:
            _check_declared(name, array, declared)
            type = declared
        else:
            narrow = array.dtype.kind == "f" and array.dtype.itemsize <= 4
            dtype = weak_dtype if is_weak else "f32" if narrow else "f64"
            type = Type(dtype, tuple(1 if size == 1 else next(fresh_sizes) for size in array.shape))
        arrays.append(native(array, type))
        types.append(type)
    return Arguments(arrays, tuple(types))


def native(array: np.ndarray, type: Type) -> Any:
    """The array in the element type and layout that kernels read; scalars as NumPy scalars. No copy if it fits."""
    array = np.asarray(array, dtype=DTYPES[type.dtype])
    return array[()] if array.ndim == 0 else np.ascontiguousarray(array)


def size_names(outline: Outline) -> Iterator[str]:
    """Names for sizes that nobody named: n, m, k, ... that are neither inputs nor declared sizes."""
    taken = {*outline.inputs, *outline.sizes}
    for round in count():
        for letter in "nmkpq":
            name = letter if round == 0 else f"{letter}{round}"
            if name not in taken:
                yield name


def invented_sizes(outline: Outline, types: Sequence[Type]) -> frozenset[str]:
    """The names of sizes in types that no declaration made."""
    return frozenset(size for type in types for size in type.shape if isinstance(size, str)) - set(outline.sizes)


def _check_declared(name: str, array: np.ndarray, declared: Type) -> None:
    if array.ndim != declared.rank:
        raise Error(
            "G0603", f"argument `{name}` has shape {shape_text(array.shape)}, but is declared {declared}",
            help="change the declaration or the argument",
        )  # fmt: skip
    for axis, (size, actual) in enumerate(zip(declared.shape, array.shape)):
        if isinstance(size, int) and size != actual:
            raise Error("G0603", f"axis {axis} of argument `{name}` has size {actual}, but is declared {size}")
    if declared.dtype in ("i64", "bool") and array.dtype.kind == "f":
        whole = np.isfinite(array) & (array == np.trunc(array))
        if not np.all(whole) or declared.dtype == "bool":
            raise Error("G0602", f"argument `{name}` is declared {declared.dtype}, but holds floats")


def default_types(outline: Outline, scalars: Sequence[str] = ()) -> tuple[Type, ...]:
    """The types of inputs before any call: as declared; else f64[n] for what is reduced or indexed, f64 for the rest.

    Where some inputs are chosen for differentiation (`scalars`), those are the parameters of a fit and the others
    its data: they stay scalars as long as another input is an array.
    """
    sizes = size_names(outline)
    arrays = outline.arrays - set(scalars) or outline.arrays
    return tuple(
        outline.declared.get(name, Type("f64", (next(sizes),) if name in arrays else ())) for name in outline.inputs
    )


def fit(name: str, value: Any, type: Type, sizes: Mapping[str, int]) -> Any:
    """An upstream gradient or tangent as an array of exactly this type, broadcast if need be."""
    shape = tuple(evaluate(size, sizes) for size in type.shape)
    array = as_array(name, value)
    try:
        return native(np.broadcast_to(array, shape), type)
    except ValueError:
        raise Error(
            "G0603", f"`{name}` has shape {shape_text(array.shape)}, which does not broadcast to {shape_text(shape) if shape else 'a scalar'}"
        ) from None  # fmt: skip
