"""Arguments of a call: from what the caller passed to arrays, and from arrays to types."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np

from gradc.ir import interpret
from gradc.ir.graph import Check, Graph, IndexCheck
from gradc.ir.interpret import bind_sizes
from gradc.ir.sizes import evaluate
from gradc.ir.types import DTYPES, MAX_AXES, Type, shape_text
from gradc.language.diagnostics import Error
from gradc.language.record import dataclass
from gradc.language.spelling import closest
from gradc.program import Signature

RELATIONS = {"==": lambda a, b: a == b, ">=": lambda a, b: a >= b}
USABLE_KINDS = "biuf"
"""NumPy's kinds of element types that become numbers here: booleans, integers, floats."""
MAX_LISTED = 20
"""How many names a message or a `repr` lists."""
UPSTREAM = "the upstream gradient"
"""What messages call it."""


def bind(names: tuple[str, ...], args: Sequence[Any], keywords: Mapping[str, Any], what: str = "argument") -> list[Any]:
    """The values of `names` in order, from positional and keyword arguments."""
    if len(args) > len(names):
        raise Error(
            "G0601", f"{len(names)} {what}{'s' * (len(names) != 1)} expected, {len(args)} given",
            help=in_order(names),
        )  # fmt: skip
    values = dict(zip(names, args))
    known = set(names) if keywords else ()
    for name, value in keywords.items():
        if name in values:
            raise Error("G0601", f"{what} `{name}` is given twice", help="by position and by name: drop one of them")
        if name not in known:
            raise unknown(name, names, what)
        values[name] = value
    missing = [name for name in names if name not in values]
    if missing:
        raise Error(
            "G0601", f"{what}{'s' * (len(missing) > 1)} {listed([f'`{name}`' for name in missing])} missing",
            help=in_order(names),
        )  # fmt: skip
    return [values[name] for name in names]


def unknown(name: str, names: tuple[str, ...], what: str = "argument") -> Error:
    """The error for a keyword that is none of `names`."""
    near = closest(name, names)
    help = f"did you mean `{near}`?" if near else in_order(names)
    return Error("G0601", f"there is no {what} `{name}`", help=help)


def in_order(names: Sequence[str]) -> str:
    """The inputs, for a help line."""
    return f"in order: {listed(names)}" if names else "the program has no inputs"


def listed(names: Sequence[str]) -> str:
    """`x, y, z`, cut short where there are many."""
    rest = len(names) - MAX_LISTED
    return ", ".join(names[:MAX_LISTED]) + (f", ... ({rest:,} more)" if rest > 0 else "")


def as_array(subject: str, value: Any) -> np.ndarray:
    """A value as a NumPy array of booleans, integers or floats; an `Error` that names `subject` if it is none."""
    masked = sys.modules.get("numpy.ma")  # loaded by whoever made one
    if isinstance(value, getattr(masked, "MaskedArray", ())):
        raise Error("G0602", f"{subject} is a masked array", help="fill it first: a mask cannot be differentiated")
    try:
        array = np.asarray(value)
    except Error:  # a traced value's
        raise
    except Exception as error:  # whatever the caller's own `__array__` raises
        uneven = "inhomogeneous" in str(error)
        what = "has rows of different lengths" if uneven else f"is not an array: {first_line(error)}"
        raise Error("G0602", f"{subject} {what}", help="give all rows the same length" if uneven else None) from None
    if array.ndim > MAX_AXES:
        raise Error(
            "G0602", f"{subject} has {array.ndim} axes; the limit is {MAX_AXES}",
            help="reshape it: axes that stay together can be one",
        )  # fmt: skip
    if array.dtype.kind in USABLE_KINDS:
        return array
    if array.dtype == object and (number := _long_integers(array)) is not None:
        return number
    raise _unusable(subject, value, array)


def _long_integers(array: np.ndarray) -> np.ndarray | None:
    """Python integers beyond 64 bits as floats; None for other objects, and beyond the largest float64."""
    try:
        return array.astype(np.float64) if all(type(item) is int for item in array.flat) else None
    except OverflowError:
        return None


def _unusable(subject: str, value: Any, array: np.ndarray) -> Error:
    """The error for a value that is no array of real numbers."""
    help = "pass a number, a list of numbers or a NumPy array"
    match array.dtype.kind:
        case "c":
            what = "is complex"
            help = "gradc computes with real numbers: pass the real and the imaginary part separately"
        case "U" | "S":
            what = "is text" if array.ndim == 0 else "holds text"
        case "M" | "m":
            what, help = "holds dates or times", "convert them to numbers first"
        case "V":
            what, help = "is a structured array", "pass its fields as separate inputs"
        case _ if value is None:
            what = "is None"
        case _ if isinstance(value, int):
            what, help = "is too large for a float64", "the largest is about 1.8e308"
        case _ if array.ndim == 0:
            what = f"is of type {type(value).__name__}"
        case _:
            kinds = dict.fromkeys(type(item).__name__ for item in array.flat)
            what = f"holds objects of type {', '.join(kinds)}" if len(kinds) < 4 else "holds objects"
    return Error("G0602", f"{subject} {what}", help=help)


def first_line(error: Exception) -> str:
    """The first sentence of what another library says, without its full stop."""
    text = str(error).split("\n")[0].split(". ")[0].rstrip(".")
    return text or type(error).__name__


@dataclass(frozen=True)
class Arguments:
    """Arrays ready for a kernel, their types, and which names of sizes are our inventions."""

    arrays: list[Any]
    types: tuple[Type, ...]

    def is_as_passed(self, places: Sequence[int], values: Sequence[Any]) -> bool:
        """Whether the kernel may read what the caller passed there: the same arrays, and Python floats as scalars."""
        return all(
            self.arrays[k] is value or (isinstance(value, float) and self.types[k].is_float)
            for k, value in zip(places, values)
        )

    def bound(self, graph: Graph) -> dict[str, int]:
        """The named sizes of a call, whether or not the arguments fit together; inputs that are whole numbers may be
        such too."""
        known = bind_sizes((node.type, np.shape(array)) for node, array in zip(graph.inputs, self.arrays))
        whole = {node.name: array for node, array in zip(graph.inputs, self.arrays) if node.type == Type("i64")}
        return known | {name: int(number) for name, number in whole.items()}

    def sizes(self, graph: Graph, computed: bool = True) -> dict[str, int]:
        """The named sizes of a call; raises `Error` where the arguments do not fit together. Whether `computed` indices
        are in range too takes an evaluation of the program; kernels find that out by themselves."""
        shapes = [np.shape(array) for array in self.arrays]
        sizes = self.bound(graph)
        for node, shape in zip(graph.inputs, shapes):
            for axis, (size, actual) in enumerate(zip(node.shape, shape)):
                if evaluate(size, sizes) != actual:
                    raise self._mismatch(graph, node.name, axis, size, actual, sizes)
        for check in graph.checks:
            left, right = evaluate(check.left, sizes), evaluate(check.right, sizes)
            if not RELATIONS[check.relation](left, right):
                raise self._unfit(graph, check, left, right)
        for demand in graph.index_checks:
            if demand.is_computed and not computed:
                continue
            known = dict(zip(graph.inputs, self.arrays))
            indices = interpret.run((demand.node,), known, sizes)[0] if demand.is_computed else known[demand.node]
            if demand.norm is not None and np.any(indices):
                (norms,) = interpret.run((demand.norm,), known, sizes)
                norm = np.ravel(norms)[np.argmax(np.ravel(indices))]
                raise Error(
                    "G0610", f"`{demand.text}` reaches its limit before its condition holds",
                    help=f"the norm of its state is {float(norm):.6g} there; start nearer, ask for less, or give "
                    "`limit=` more steps",
                )  # fmt: skip
            check_indices(demand, indices, evaluate(demand.size, sizes))
        return sizes

    def _unfit(self, graph: Graph, check: Check, left: int, right: int) -> Error:
        """The error for a check that fails, its sizes as numbers."""
        message = check.message.replace(f"sizes {check.left} and {check.right} ", f"sizes {left} and {right} ")
        message = message.replace(f"for size {check.left}", f"for size {left}")
        message = message.replace(f"has size {check.left},", f"has size {left},")
        message = message.replace(f"indices up to {check.right} - 1 are", f"index {right - 1} is")
        shapes = [(node.name, np.shape(array)) for node, array in zip(graph.inputs, self.arrays) if node.shape]
        shown = (f"`{name}` has shape {shape_text(shape)}" for name, shape in shapes[:MAX_LISTED])
        return Error("G0603", message, check.span, help="; ".join(shown))

    def _mismatch(self, graph: Graph, name: str, axis: int, size: Any, actual: int, sizes: dict[str, int]) -> Error:
        (own,) = (node.shape for node in graph.inputs if node.name == name)
        (shape,) = (np.shape(array) for node, array in zip(graph.inputs, self.arrays) if node.name == name)
        if own[-2:] == (size, size) and shape[-2] != shape[-1]:
            place = graph.joined.get((name, len(own) - 1)) or graph.joined.get((name, len(own) - 2))
            return Error(
                "G0603", f"argument `{name}` has to be square, and has {shape[-2]} rows and {shape[-1]} columns",
                place,
            )  # fmt: skip
        for node, array in zip(graph.inputs, self.arrays):
            if size in node.shape and node.name != name:
                other = shape_text(np.shape(array))
                mine = shape_text(np.shape(self.arrays[[n.name for n in graph.inputs].index(name)]))
                first = node.shape.index(size)
                return Error(
                    "G0603", f"arguments `{node.name}` and `{name}` have incompatible shapes {other} and {mine}",
                    graph.joined.get((name, axis)) or graph.joined.get((node.name, first)),
                    help=f"axis {first} of `{node.name}` and axis {axis} of `{name}` must have the same size",
                )  # fmt: skip
        message = f"axis {axis} of argument `{name}` has size {actual}, not {evaluate(size, sizes)}"
        return Error("G0603", message, graph.joined.get((name, axis)))


def check_indices(check: IndexCheck, indices: Any, size: int) -> None:
    """Raise `Error` for an index outside `-size .. size - 1`, or a label outside `0 .. size - 1`, and name it."""
    least = -size if check.from_end else 0
    outside = (indices < least) | (indices >= size)
    if np.any(outside):
        text = f"({check.text})" if np.ndim(indices) and not check.text.isidentifier() else check.text
        element, value = _first_where(text, indices, outside)
        kinds = "indices" if check.from_end else "labels"
        raise Error(
            "G0204",
            f"`{element}` is {value}, which is "
            + (f"out of range for size {size}" if check.from_end else f"no label of {size} classes"),
            help=f"valid {kinds} are {least} to {size - 1}" if size else "the indexed axis is empty",
        )


def prepare(signature: Signature, values: Sequence[Any]) -> Arguments:
    """The arrays of a call and their types: element type, rank, and which sizes are 1.

    float16 and float32 compute in float32, everything else in float64. Python numbers are weak, as in NumPy:
    they take float32 where every array is float32.
    """
    raw = [as_array(f"argument `{name}`", value) for name, value in zip(signature.inputs, values)]
    declared = [signature.declared.get(name) for name in signature.inputs]
    strong = {
        _float_dtype(array, known) for array, known, value in zip(raw, declared, values) if known or not is_weak(value)
    }
    weak_dtype = "f32" if "f32" in strong and "f64" not in strong else "f64"
    fresh_sizes = size_names(signature)
    arrays, types = [], []
    for name, array, known, value in zip(signature.inputs, raw, declared, values):
        if known is None:
            dtype = weak_dtype if is_weak(value) else _float_dtype(array, None)
            if name in signature.integers and array.size and np.asarray(value).dtype.kind == "b":
                dtype = "bool"
            elif name in signature.integers and (array.size == 0 or (exact := np.asarray(value)).dtype.kind in "uiO"):
                dtype = "i64"
                if array.size:
                    _check_width(name, exact)
            known = Type(dtype, tuple(1 if size == 1 else next(fresh_sizes) for size in array.shape))
        else:
            _check_declared(name, array, value, known)
        arrays.append(to_kernel_array(array, known))
        types.append(known)
    return Arguments(arrays, tuple(types))


READY_DTYPES = tuple(DTYPES.values())
READY_FLAGS = 0x0001 | 0x0100
"""NumPy's bits for C order and for alignment."""


def ready_key(values: Sequence[Any]) -> tuple | None:
    """What distinguishes calls that need no preparation: float64 numbers, and arrays that a kernel reads as they are.

    Calls with equal keys have equal types. None where some argument has to be converted first.
    """
    key: list[Any] = []
    for value in values:
        kind = type(value)
        if kind is float or kind is np.float64:
            key.append(kind)
        elif (
            kind is np.ndarray
            and value.ndim
            and value.dtype in READY_DTYPES
            and value.flags.num & READY_FLAGS == READY_FLAGS
        ):
            key.append((value.dtype.char, tuple([size == 1 for size in value.shape])))
        else:
            return None
    return tuple(key)


def is_weak(value: Any) -> bool:
    """Whether a value is a Python number, which takes the element type of the arrays it meets."""
    return isinstance(value, (bool, int, float)) and not isinstance(value, np.generic)


def _float_dtype(array: np.ndarray, declared: Type | None) -> str:
    """The element type in which an array computes: as declared; else f32 for float32 and float16, f64 for others."""
    if declared is not None:
        return declared.dtype
    return "f32" if array.dtype.kind == "f" and array.dtype.itemsize <= 4 else "f64"


def to_kernel_array(array: np.ndarray, type: Type) -> Any:
    """The array in the element type and layout that kernels read; scalars as NumPy scalars. No copy if it fits."""
    if array.dtype != DTYPES[type.dtype]:
        with np.errstate(all="ignore"):
            array = array.astype(DTYPES[type.dtype])
    return array[()] if array.ndim == 0 else np.require(array, requirements=("C", "A"))


def size_names(signature: Signature) -> Iterator[str]:
    """Names for sizes that nobody named: n, m, k, ... that are neither inputs nor declared sizes."""
    taken = {*signature.inputs, *signature.sizes}
    for round in count():
        for letter in "nmkpq":
            name = letter if round == 0 else f"{letter}{round}"
            if name not in taken:
                yield name


def has_shape(array: np.ndarray) -> str:
    """`has shape [3]`, or `is a scalar`."""
    return f"has shape {shape_text(array.shape)}" if array.ndim else "is a scalar"


def _check_declared(name: str, array: np.ndarray, value: Any, declared: Type) -> None:
    if array.ndim != declared.rank:
        raise Error(
            "G0603", f"argument `{name}` {has_shape(array)}, but is declared {declared}",
            help="change the declaration or the argument",
        )  # fmt: skip
    for axis, (size, actual) in enumerate(zip(declared.shape, array.shape)):
        if isinstance(size, int) and size != actual:
            raise Error(
                "G0603", f"axis {axis} of argument `{name}` has size {actual}, but is declared {size}",
                help="change the declaration or the argument",
            )  # fmt: skip
    if not declared.is_float:
        exact = np.asarray(value)
        _check_whole(name, exact if exact.dtype == object else array, declared)


def _check_whole(name: str, array: np.ndarray, declared: Type) -> None:
    """Refuse values that a declared integer or boolean cannot hold."""
    subject = f"argument `{name}` is declared {declared.dtype}, but"
    if array.dtype.kind == "f" and (declared.dtype == "bool" or not np.all(array == np.trunc(array))):
        raise Error("G0602", f"{subject} holds floats", help="change the declaration or the argument")
    if declared.dtype == "i64" and np.any(beyond_64_bits(array)):
        raise Error("G0602", f"{subject} holds integers beyond 64 bits", help="declare it f64")


def beyond_64_bits(array: np.ndarray) -> Any:
    """Which numbers no i64 can hold."""
    if array.dtype.kind in "bi":
        return False
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):  # float16 ends far below
            return (array < -(2.0**63)) | (array >= 2.0**63)
    limits = np.iinfo(np.int64)
    return (array < limits.min) | (array > limits.max) if array.dtype.kind == "O" else array > limits.max


def _check_width(name: str, array: np.ndarray) -> None:
    """Refuse indices that no i64 can hold."""
    beyond = beyond_64_bits(array)
    if np.any(beyond):
        element, value = _first_where(name, array, beyond)
        help = f"the largest index is {np.iinfo(np.int64).max}"
        raise Error("G0204", f"`{element}` is {value}, which is out of range for every size", help=help)


def _first_where(name: str, array: Any, found: Any) -> tuple[str, int]:
    """The first element of an array of integers for which something was found: what it is called, and its value."""
    place = np.unravel_index(int(np.argmax(np.asarray(found, bool))), np.shape(array))
    return name + (f"[{', '.join(map(str, place))}]" if place else ""), int(np.asarray(array)[place])


def default_types(signature: Signature, chosen: Sequence[str] = ()) -> tuple[Type, ...]:
    """The types of inputs before any call: as declared; otherwise f64, or i64 for what is used as an index, with as
    many axes as the program suggests.

    Where some inputs are chosen for differentiation, those are the parameters of a fit and the others its data: they
    have no more axes than the program needs, as long as another float input is an array.
    """
    sizes, ranks = size_names(signature), signature.ranks()
    data = [name for name in ranks.likely if name not in chosen and name not in signature.integers]
    fitted = frozenset(chosen if data else ())
    types = []
    for name in signature.inputs:
        rank = (ranks.needed if name in fitted else ranks.likely).get(name, 0)
        guessed = Type("i64" if name in signature.integers else "f64", tuple(next(sizes) for _ in range(rank)))
        types.append(signature.declared.get(name, guessed))
    return tuple(types)


def fit(subject: str, value: Any, type: Type, sizes: Mapping[str, int]) -> Any:
    """An upstream gradient or tangent as an array of exactly this type, broadcast if need be."""
    shape = tuple(evaluate(size, sizes) for size in type.shape)
    array = as_array(subject, value)
    try:
        return to_kernel_array(np.broadcast_to(array, shape), type)
    except ValueError:
        wanted = shape_text(shape) if shape else "a scalar"
        raise Error(
            "G0603", f"{subject} {has_shape(array)}, which does not broadcast to {wanted}",
            help="give it the shape of the result" if subject == UPSTREAM else "give it the shape of the input",
        ) from None  # fmt: skip
