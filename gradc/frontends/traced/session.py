"""One run of a user's function with stand-ins for its arguments: each operation becomes nodes of the graph."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace as replace_fields
from itertools import count
from typing import Any

import numpy as np

from gradc.construct.builder import GraphBuilder
from gradc.construct.expressions import Evaluator
from gradc.construct.functions import FUNCTIONS
from gradc.construct.joined import Listed, listed
from gradc.construct.selected import Selected, no_selection
from gradc.frontends.elsewhere import INSTEAD
from gradc.frontends.traced.errors import MissingAttribute, NoElements, Wanted, refused, without_counterpart
from gradc.frontends.traced.modules import Surroundings
from gradc.frontends.traced.places import Places, user_frame
from gradc.frontends.traced.table import ACCUMULATED, PARAMETERS, REDUCED, SAME, UFUNCS, Numpy
from gradc.frontends.traced.values import TracedArray, TracedSize, tracing_in
from gradc.ir.graph import Node, build, cast, constant, fresh, input_node, make, replace, size_node, topological
from gradc.ir.interpret import evaluate_constant
from gradc.ir.sizes import Size, names
from gradc.ir.step import loops_among
from gradc.ir.types import DTYPES, Type
from gradc.language.diagnostics import Error
from gradc.language.source import Span
from gradc.language.syntax import Binary, Call, Comparison, Index, Name, Transpose, Unary

MAX_CONSTANTS = 32
"""Arrays of at most this many elements that are no arguments become numbers of the program; larger ones are data that
every call is given."""

COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
STATIC = ("axis", "axes", "shape", "pad_width", "size", "N", "M", "k", "ddof", "n", "shift")
"""Parameters whose tuples are no arrays."""


class Tracing:
    """What the stand-ins of one run report to."""

    def __init__(self, builder: GraphBuilder, inputs: dict[str, Node], values: Mapping[str, Any], places: Places):
        """`inputs` are the nodes of the arguments by name, to which data are added; `values` what the arguments are,
        as far as it is known."""
        self.builder, self.inputs, self.values, self.places = builder, inputs, values, places
        self.evaluator = Evaluator(builder, builder.float_dtype)
        self.names: dict[Node, str] = {}
        self.data: dict[str, np.ndarray] = {}
        """Arrays that are no arguments, by the names of the inputs that they became."""
        self.known: dict[tuple[int, bool], tuple[Any, Node]] = {}
        self.called: tuple[str, ...] = ()
        """What several results are called."""
        self.wanted: Wanted | None = None
        self.numpy = Numpy(self)
        self.surroundings = Surroundings(self)

    # ------------------------------------------------------------ from values of the user's to those of the language

    def operand(self, value: Any, span: Span) -> Any:
        """A number, an array, or a list of them."""
        if isinstance(value, TracedArray):
            return value._value
        if isinstance(value, TracedSize):
            return size_node(value._size, self.builder.float_dtype)
        kind = type(value)
        if kind is float or kind is int:
            return self._number(value, span)
        if isinstance(value, (bool, np.bool_)):
            return constant(bool(value), Type("bool"))
        if isinstance(value, (list, tuple)):
            return self._list(value, span)
        if isinstance(value, (int, float, np.number)):
            return self._number(value, span)
        try:
            array = np.asarray(value)
        except Exception:
            array = np.empty((), object)
        return self._array(array, value, span)

    def _number(self, value: Any, span: Span) -> Node:
        if isinstance(value, (complex, np.complexfloating)):
            raise Error("G0602", "this number is complex", span, help="gradc computes with real numbers")
        try:
            return constant(float(value), Type(self.builder.float_dtype))
        except OverflowError:
            raise Error("G0602", "this number is too large for a float64", span) from None

    def _list(self, values: Iterable[Any], span: Span) -> Any:
        items = tuple(values)
        if items and all(isinstance(item, (int, float, np.number)) for item in items) and len(items) > MAX_CONSTANTS:
            return self._array(np.asarray(items), items, span)
        made = tuple(self.operand(item, span) for item in items)
        return listed(made, span, (span,) * len(made))

    def _array(self, array: np.ndarray, value: Any, span: Span) -> Any:
        if array.dtype == object:
            if array.ndim and all(isinstance(item, (TracedArray, TracedSize, int, float)) for item in array.flat):
                return self._list(array.tolist(), span)
            raise Error(
                "G0602", f"a {type(value).__name__} is no number and no array", span,
                help="functions are traced with numbers, arrays, and lists of them",
            )  # fmt: skip
        if array.dtype.kind not in "biuf":
            kind = "complex" if array.dtype.kind == "c" else "text" if array.dtype.kind in "US" else array.dtype
            raise Error("G0602", f"this array holds no real numbers: it is {kind}", span)
        if array.ndim == 0:
            return self.operand(array[()].item(), span)
        if array.size <= MAX_CONSTANTS and array.size:
            made = self._list(array.tolist(), span)
            return self.builder.condition(self._as_node(made)) if array.dtype.kind == "b" else made
        return self._datum(array, value)

    def _as_node(self, value: Any) -> Node:
        from gradc.construct.joined import array

        return array(self.builder, value) if isinstance(value, Listed) else value

    def _datum(self, array: np.ndarray, value: Any, whole: bool = False) -> Node:
        """The input that an array of the function's surroundings becomes."""
        key = (id(value), whole)
        if key in self.known:
            return self.known[key][1]
        dtype = "bool" if array.dtype.kind == "b" else "i64" if whole else "f64"
        if array.dtype == np.float32 or array.dtype == np.float16:
            dtype = "f32"
        name = self._called(value)
        node = input_node(name, Type(dtype, array.shape))
        self.known[key] = value, node
        self.inputs[name] = node
        self.data[name] = np.array(array, DTYPES[dtype], order="C")  # a copy: the caller may change its own
        return node

    def _called(self, value: Any) -> str:
        """The name that an array has where it is used, or one for it."""
        frame = user_frame(self.places.runner)
        if frame is not None:
            for scope in (frame.f_locals, frame.f_globals):
                for name, item in list(scope.items()):
                    if item is value and name.isascii():
                        return fresh(name, self.inputs)
        return next(name for k in count() if (name := f"data{k}") not in self.inputs)

    def static(self, value: Any, span: Span) -> Any:
        """The value of a parameter such as an axis or a shape: tuples stay tuples."""
        if isinstance(value, (tuple, list)):
            return tuple(self.static(part, span) for part in value)
        if isinstance(value, np.ndarray) and value.ndim == 1:
            return tuple(self.static(part, span) for part in value.tolist())
        return self.argument(value, span)

    def argument(self, value: Any, span: Span) -> Any:
        """An argument of a function of the language."""
        if value is None or isinstance(value, str) or value is True or value is False:
            return value
        return bool(value) if isinstance(value, np.bool_) else self.operand(value, span)

    def array(self, value: Any) -> TracedArray:
        """A value as a traced one."""
        if isinstance(value, TracedArray):
            return value
        span, _ = self.places.here()
        return TracedArray(self, self._as_node(self.operand(value, span)))

    # ------------------------------------------------------------ operations

    def binary(self, op: str, left: Any, right: Any) -> Any:
        if not (_is_numeric(left) and _is_numeric(right)):
            return NotImplemented
        if op == "xor":
            return self.binary("!=", self._condition(left), self._condition(right))
        span, name = self.places.here()

        def made(a: Name, b: Name) -> Binary | Comparison:
            return Comparison(span, (a, b), (op,)) if op in COMPARISONS else Binary(span, op, a, b)

        return self._evaluate(made, (self.operand(left, span), self.operand(right, span)), span, name)

    def _condition(self, value: Any) -> TracedArray:
        return self.binary("!=", value, 0.0) if self.array(value).dtype.kind != "b" else self.array(value)

    def unary(self, op: str, value: TracedArray) -> Any:
        span, name = self.places.here()
        return self._evaluate(lambda a: Unary(span, op, a), (value._value,), span, name)

    def transposed(self, value: TracedArray) -> Any:
        span, name = self.places.here()
        return self._evaluate(lambda a: Transpose(span, a), (value._value,), span, name)

    def call(self, function: str, *args: Any, **keywords: Any) -> Any:
        """A function of the language."""
        span, name = self.places.here()
        row = FUNCTIONS[function]
        keywords = {key: value for key, value in keywords.items() if value is not None or key == "axis"}
        for key in [key for key in keywords if key not in row.parameters]:
            if not _has_no_effect(key, keywords.pop(key)):
                raise Error("G0304", f"`{function}` takes no `{key}` in a traced function", span, help="leave it out")
        if len(args) > len(row.parameters) and "..." not in row.parameters:
            counts = f"{len(row.parameters)} argument{'s' * (len(row.parameters) != 1)}, not {len(args)}"
            raise Error("G0303", f"`{function}` takes {counts}, in a traced function", span, help="leave the rest out")
        if keywords.get("axis", 0) is None and "axis" in keywords and function not in ("sort", "argsort"):
            del keywords["axis"]
        if keywords.get("keepdims") is False:
            del keywords["keepdims"]
        parameters = [*row.parameters[: len(args)], *keywords]
        values = []
        for parameter, value in zip([*parameters], [*args, *keywords.values()]):
            if parameter in row.indices:
                values.append(self.indices(value, span))
            elif parameter == "arrays":
                values.append(tuple(self.operand(each, span) for each in self._rows(value)))
            else:
                values.append((self.static if parameter in STATIC else self.argument)(value, span))
        values += [self.argument(value, span) for value in args[len(row.parameters) :]]
        keys = list(keywords)

        def made(*parts: Name) -> Call:
            named = tuple((Name(span, key), part) for key, part in zip(keys, parts[len(args) :]))
            return Call(span, function, span, parts[: len(args)], named)

        return self._evaluate(made, tuple(values), span, name)

    def _rows(self, value: Any) -> Iterable[Any]:
        return list(value) if isinstance(value, (TracedArray, np.ndarray)) else value

    def index(self, value: TracedArray, items: Any) -> Any:
        span, name = self.places.here()
        given = items if isinstance(items, tuple) else (items,)
        made = [part for item in given for part in self._item(item, span)]
        return self._evaluate(lambda a, *rest: Index(span, a, rest), (value._value, *made), span, name)

    def _item(self, item: Any, span: Span) -> tuple[Any, ...]:
        """An item of an index: a constant condition stands for the places where it holds."""
        if item is None or item is Ellipsis:
            return (item,)
        if isinstance(item, slice):
            return (slice(*(self._end(end) for end in (item.start, item.stop, item.step))),)
        if isinstance(item, (list, np.ndarray)) and tracing_in(item) is None:
            array = np.asarray(item)
            if array.dtype.kind == "b":
                return tuple(self.indices(places, span) for places in np.nonzero(array))
            return (self.indices(array.astype(int) if not array.size else array, span),)
        if isinstance(item, (bool, np.bool_)):
            raise Error("G0204", "an index cannot be a single condition", span, help="write `np.where(c, x, 0)`")
        return (self.indices(item, span),)

    def _end(self, end: Any) -> Any:
        if isinstance(end, TracedSize):
            return end._size
        return end if end is None else end.__index__()

    def indices(self, value: Any, span: Span) -> Any:
        """An array of indices: arguments that hold whole numbers are read as integers from now on."""
        if isinstance(value, np.ndarray) and value.dtype.kind in "iu" and value.size > MAX_CONSTANTS:
            return self._datum(value, value, whole=True)
        node = self.operand(value, span)
        if isinstance(node, Listed) and tracing_in(value) is not None:
            node = self._as_node(node)
        if isinstance(node, Node) and node.type.is_float and not node.is_constant:
            below = [each for each in topological((node,)) if each.op == "input" and each.type.is_float]
            if below and all(_holds_integers(self.values.get(each.name)) for each in below):
                self.want(Wanted(integers=frozenset(each.name for each in below)))
        return node

    def _evaluate(self, made: Callable[..., Any], values: tuple[Any, ...], span: Span, name: str) -> Any:
        """What the language makes of an expression whose parts have these values: several of them as a tuple."""
        scope = {str(k): value for k, value in enumerate(values)}
        expression = made(*(Name(span, str(k)) for k in range(len(values))))
        result = self.evaluator.evaluate(expression, scope)
        if isinstance(result, tuple):
            return tuple(TracedArray(self, each) for each in result)
        if isinstance(result, Node) and name and result.args:
            self.names.setdefault(result, name)
        return TracedArray(self, result)

    # ------------------------------------------------------------ NumPy's functions

    def ufunc(self, ufunc: np.ufunc, how: str, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        name = ufunc.__name__
        if keywords.get("out") is not None:
            return self.refuse("out", args[0])
        where = keywords.get("where", True)
        if how == "__call__" and where is True:
            return self.function(name, *args)
        table = {"reduce": REDUCED, "accumulate": ACCUMULATED}.get(how, {})
        if name in table:
            keywords = {key: value for key, value in keywords.items() if key == "axis" or value is not None}
            return self.function(table[name], args[0], **{"axis": args[1] if len(args) > 1 else 0, **keywords})
        if how == "outer":
            left, right = map(self.array, args)
            return self.function(name, left[(..., *(None,) * right.ndim)], right)
        return self.unknown(f"{name}.{how}" if how != "__call__" else f"{name} with `where`")

    def numpy_function(self, function: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        return self.function(function.__name__, *args, **keywords)

    def method(self, name: str, value: TracedArray, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        return self.function(name, value, *args, **keywords)

    def function(self, name: str, /, *args: Any, **keywords: Any) -> Any:
        """NumPy's or SciPy's function of that name."""
        if name in UFUNCS:
            return self.binary(UFUNCS[name], *args)
        if name == "cond":  # PySR's is another one
            return self.unknown(name)
        own = getattr(self.numpy, name, None) if not name.startswith("_") and name not in ("call", "tracing") else None
        if own is not None:
            try:
                return own(*args, **keywords)
            except TypeError as error:
                if error.__traceback__ is not None and error.__traceback__.tb_next is None:
                    raise self._unfit(name, error) from None
                raise
        ours = SAME.get(name, name)
        if ours in PARAMETERS:
            return self.call(ours, **self._renamed(name, PARAMETERS[ours], args, keywords))
        if ours in FUNCTIONS:
            return self.call(ours, *args, **keywords)
        return self.unknown(name)

    def _unfit(self, name: str, error: TypeError) -> Error:
        said = str(error).replace(f"Numpy.{name}() ", "")
        return Error("G0303", f"`{name}` {said}", self.places.here()[0], help="gradc knows its documented arguments")

    def _renamed(self, name: str, spec: str, args: tuple[Any, ...], keywords: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a function of NumPy's by the names of our parameters."""
        order = spec.split()
        theirs = {part.lstrip("!").split("=")[-1]: part for part in order}
        given = dict(zip(theirs, args)) | keywords
        found = {}
        for key, value in given.items():
            part = theirs.get(key, "!")
            if value is None or value is np._NoValue or (key == "where" and value is True):
                continue
            if not part.startswith("!"):
                found[part.split("=")[0]] = value
            elif not _has_no_effect(key, value):
                raise Error(
                    "G0304", f"`{name}` takes no `{key}` in a traced function", self.places.here()[0],
                    help="leave it out",
                )  # fmt: skip
        return found

    def unknown(self, name: str, why: str = "") -> Any:
        raise without_counterpart(name, why or INSTEAD.get(name, ""), self.places.here()[0])

    def inlined(self, specialiser: Any, transform: str, args: Any, extra: Any) -> list[TracedArray]:
        """The outputs of another program, or of its derivative, for traced arguments."""
        span, _ = self.places.here()
        builder, signature = self.builder, specialiser.program.signature
        nodes = [self._as_node(self.operand(value, span)) for value in args]
        nodes = [
            node if node.type.is_float or name in signature.integers else cast(node, builder.float_dtype)
            for name, node in zip(signature.inputs, nodes)
        ]
        compilation = specialiser.compilation(transform, [node.type for node in nodes])
        graph = compilation.graph if transform in ("value", "values") else compilation.derivative
        counted = {name for step, _ in loops_among(topological(graph.results)) for name in names(step.size)}
        for name in counted.intersection(signature.inputs):
            raise Error(
                "G0204", f"`{name}` says how many steps the other program takes, which has to be known here", span,
                help="write the number into that program",
            )  # fmt: skip
        given = [self._as_node(self.operand(value, span)) for value in extra]
        for node, wanted in zip(nodes, graph.inputs):
            if node.type.rank != wanted.type.rank:
                shown = f"`{wanted.name}` is {node.type}, but declared {wanted.type}"
                raise Error("G0603", "an argument of another program has the wrong rank", span, label=shown)
            for own, other in zip(node.shape, wanted.shape):
                builder.equal_sizes(own, other, (node, wanted), span)
        if builder.unified or any(node.type.shape != wanted.shape for node, wanted in zip(nodes, graph.inputs)):
            return [TracedArray(self, node) for node in graph.results]  # of no use, but it is read again
        given = [builder.broadcast_to(node, wanted.shape) for node, wanted in zip(given, graph.inputs[len(nodes) :])]
        inside = dict(zip(graph.inputs, [cast(node, wanted.type.dtype) for node, wanted in
                                         zip([*nodes, *given], graph.inputs)]))  # fmt: skip
        for check in graph.checks:
            builder.demand(replace_fields(check, span=span))
        indices = replace([check.node for check in graph.index_checks], inside)
        builder.index_checks += [replace_fields(check, node=node) for check, node in zip(graph.index_checks, indices)]
        results = _as_written(list(replace(graph.results, inside)))
        for node in topological(results):
            self.evaluator.spans.setdefault(node, span)
        return [TracedArray(self, node) for node in results]

    def asked_by(self, wanted: Wanted, types: Mapping[str, Type]) -> BaseException:
        """What has to be known of the arguments for another function that is called with these types."""
        found = {each for name, axis in wanted.sizes for each in names(types[name].shape[axis])}
        if not found:
            return refused("index", self.places.here()[0], "")
        self.wanted = self._sizes(found)
        self.wanted.span = self.places.here()[0]
        return self.wanted

    # ------------------------------------------------------------ shapes and sizes

    def shape_of(self, value: TracedArray) -> tuple[Any, ...]:
        node = value._value
        if isinstance(node, Selected):
            raise no_selection(self.places.here()[0])
        return tuple(self.sized(size) for size in node.shape)

    def sized(self, size: Size) -> Any:
        return size if isinstance(size, int) else TracedSize(self, size)

    def count_of(self, value: TracedArray) -> Any:
        return math.prod(self.shape_of(value))

    def dtype_of(self, value: TracedArray) -> np.dtype:
        node = value._value.values if isinstance(value._value, Selected) else value._value
        return DTYPES[node.type.dtype]

    def length(self, value: TracedArray) -> int:
        shape = self.shape_of(value)
        if not shape:
            raise NoElements("G0204", "a number has no elements", self.places.here()[0], help="pass an array")
        return int(shape[0])

    def number_of(self, size: TracedSize) -> int:
        """The number that a size is: the function is traced again for it."""
        self.want(self._sizes(set(names(size._size))))
        raise AssertionError

    def _sizes(self, wanted: set[str]) -> Wanted:
        axes = {(name, axis) for name, node in self.inputs.items() for axis, size in enumerate(node.shape)
                if size in wanted}  # fmt: skip
        return Wanted(sizes=frozenset(axes))

    def want(self, wanted: Wanted) -> None:
        """End the run: the function is traced again with what it wants to know."""
        if not self.values and (wanted.static or wanted.integers):
            return
        self.wanted = wanted
        wanted.span = self.places.here()[0]
        raise wanted

    def astype(self, value: TracedArray, dtype: Any) -> Any:
        kind = np.dtype(dtype)
        node = value._value
        if isinstance(node, Selected):
            return value
        if kind.kind == "b":
            return TracedArray(self, self.builder.condition(node))
        if kind.kind in "iu":
            if node.type.dtype in ("i64", "bool"):
                return TracedArray(self, cast(node, "i64"))
            return self.refuse("astype", value)
        if kind.kind != "f":
            return self.refuse("array", value)
        return TracedArray(self, cast(node, "f32" if kind.itemsize <= 4 else "f64"))

    # ------------------------------------------------------------ what needs values

    def refuse(self, what: str, value: Any) -> Any:
        """The answer where a value is wanted: of a constant it is known, of what sizes and whole numbers among the
        arguments determine it will be."""
        node = value._value if isinstance(value, TracedArray) else None
        if isinstance(node, Node) and what in CONVERSIONS and node.shape == ():
            below = topological((node,))
            inputs = [each.name for each in below if each.op == "input"]
            sizes = {name for each in below if each.op == "size" for name in names(each.attrs[0])}
            if not inputs and not sizes:
                return CONVERSIONS[what](evaluate_constant(node))
            if all(_is_whole(self.values.get(name)) for name in inputs):
                wanted = self._sizes(sizes)
                self.want(Wanted(static=frozenset(inputs), sizes=wanted.sizes))
        span, _ = self.places.here()
        raise refused(what, span, self.places.operation())

    def no_attribute(self, name: str, value: TracedArray) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        span, _ = self.places.here()
        raise MissingAttribute.of(name, span)

    # ------------------------------------------------------------ the result

    def results(self, value: Any, span: Span) -> Node | tuple[Node, ...]:
        """What the function returned, as a node, or as several for a tuple."""
        if not isinstance(value, tuple) or not value:
            return self.result(value, span)
        fields = getattr(value, "_fields", ())
        self.called = tuple(fields) or tuple(f"value{k}" for k in range(len(value)))
        return tuple(self.result(each, span) for each in value)

    def result(self, value: Any, span: Span) -> Node:
        """What the function returned, as a node."""
        if isinstance(value, TracedArray) and isinstance(value._value, Selected):
            raise no_selection(span)
        if value is None:
            raise Error("G0804", "the function returns nothing", span, help="end it with `return` and the value")
        if isinstance(value, (dict, set, str)) or callable(value):
            raise Error(
                "G0804", f"the function returns a {type(value).__name__}", span,
                help="return one number or array, or several as a tuple",
            )  # fmt: skip
        node = self._as_node(self.operand(value, span))
        return node


CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "bool": bool, "float": float, "int": int, "index": int, "hash": lambda value: hash(value.item()),
    "item": lambda value: value.item(), "tolist": lambda value: value.item(), "round": round, "floor": math.floor,
    "ceil": math.ceil, "trunc": math.trunc, "array": np.asarray,
}  # fmt: skip
"""What asks for the value of a number, and what it gets."""


def _as_written(results: list[Node]) -> list[Node]:
    """The results with `where` for the gates of a derivative, which programs do not have."""
    new: dict[Node, Node] = {}
    for node in topological(results):
        args = tuple(new[arg] for arg in node.args)
        if node.op == "mask":
            new[node] = make("where", *args, constant(0.0, node.type))
        else:
            new[node] = node if args == node.args else build(node.op, args, node.attrs)
    return [new[node] for node in results]


def _is_numeric(value: Any) -> bool:
    return not isinstance(value, (str, bytes, dict, set, type(None))) and not callable(value)


def _holds_integers(value: Any) -> bool:
    return value is not None and np.asarray(value).dtype.kind in "iu"


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer))


def _has_no_effect(key: str, value: Any) -> bool:
    """Whether an argument asks for nothing but what happens anyway."""
    if key in ("dtype",):
        return np.dtype(value).kind == "f"
    if key == "mode":
        return value == "raise"
    return key in ("kind", "order", "subok", "overwrite_input", "stable", "optimize", "copy") or value is False
