"""A grammar of the graph: what every node must be, and what each stage may hold.

A graph that breaks it is a fault of ours, found here instead of three passes later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from gradc.ir.graph import Check, Graph, Node, topological
from gradc.ir.ops import OPS, ROWS
from gradc.ir.sizes import Derived, Shape, Size, names, product
from gradc.ir.step import LoopStep
from gradc.ir.text import names_of, statement
from gradc.ir.types import DTYPES, Type, shape_text
from gradc.language.source import Span

LOWERED_AWAY = frozenset(row.name for row in ROWS if row.lowered)

FORBIDDEN: dict[str, frozenset[str]] = {
    "graph": frozenset(),
    "rewritten": frozenset(),
    "adjoint": frozenset(),
    "derivative": frozenset(),
    "lowered": LOWERED_AWAY,
}
"""The ops that a stage cannot hold, by the name of the stage."""


_well_made: WeakKeyDictionary[Node, frozenset[str]] = WeakKeyDictionary()
"""Nodes whose op, arguments and type are known to go together in any graph, and the sizes that they name."""


class IllFormed(Exception):
    """A graph that breaks the grammar of its stage."""


def verify(graph: Graph, stage: str, spans: Mapping[Node, Span] | None = None) -> None:
    """Raise `IllFormed`, which names the node and shows its line, if the graph is not one of this stage."""
    _verify_names(graph, stage)
    known = {size for node in graph.inputs for size in node.shape if isinstance(size, str)}
    known |= {node.name for node in graph.inputs if node.type == Type("i64")}
    inputs = set(graph.inputs)
    for node in topological(graph.roots):
        sizes = _well_made.get(node)
        wrong = None
        if sizes is None:
            wrong = problem(node.op, node.args, node.attrs, graph.checks)
            if wrong is None and node.type != node.row.infer(tuple(arg.type for arg in node.args), node.attrs):
                wrong = f"its arguments do not give {node.type}"
            sizes = frozenset(_spoken(node))
            if wrong is None and not graph.checks:
                _well_made[node] = sizes
        if wrong is None and node.op in FORBIDDEN[stage]:
            wrong = f"`{node.op}` is not allowed in this stage"
        if wrong is None and node.op == "input" and node not in inputs:
            wrong = "it is no input of this graph"
        if wrong is None and not known.issuperset(sizes):
            wrong = f"no input determines the size {', '.join(sorted(sizes - known))}"
        if wrong is not None:
            raise IllFormed(_located(graph, stage, node, wrong, spans or {}))


def _verify_names(graph: Graph, stage: str) -> None:
    """Inputs and outputs have names of their own, and a gradient has its input's type."""
    for kind, found in (("input", [n.name for n in graph.inputs]), ("output", [name for name, _ in graph.outputs])):
        for name, times in Counter(found).items():
            if times > 1:
                raise IllFormed(f"stage {stage}: {times} {kind}s are called `{name}`")
    outputs = dict(graph.outputs)
    for node in graph.inputs:
        bar = outputs.get(f"{node.name}_bar")
        if bar is not None and bar.type != node.type and not _same_shape(bar.shape, node.shape, graph.checks):
            raise IllFormed(f"stage {stage}: {node.name}_bar is {bar.type}, but {node.name} is {node.type}")


def _spoken(node: Node) -> Iterator[str]:
    """The names of sizes that a node mentions."""
    sizes = (*node.shape, node.attrs[0]) if node.op == "size" else node.shape
    for size in (*sizes, *(_sizes(node.attrs) if node.row.kind == "movement" and node.op != "cast" else ())):
        yield from names(size)


def _sizes(attr: Any) -> Iterator[Size]:
    if isinstance(attr, tuple):
        for part in attr:
            yield from _sizes(part)
    elif isinstance(attr, (str, Derived)):
        yield attr


def _located(graph: Graph, stage: str, node: Node, wrong: str, spans: Mapping[Node, Span]) -> str:
    """The message, the node's line in the text of the graph, and the place in the user's text."""
    called = names_of(graph)
    parts = [f"stage {stage}, node {called.get(node, node.op)}: {wrong}", f"  {statement(node, called)}"]
    if node in spans:
        parts.append(spans[node].draw())
    return "\n".join(parts)


# ---------------------------------------------------------------- one node


def problem(op: str, args: tuple[Node, ...], attrs: tuple[Any, ...], checks: Iterable[Check] = ()) -> str | None:
    """What keeps `make(op, *args, attrs=attrs)` from being a node; None if nothing does.

    Sizes that a check demands to be equal count as equal.
    """
    row = OPS[op]
    if row.kind == "loop":
        return _loop(args, attrs, checks)
    if row.is_variadic:
        return _join(args, attrs, checks)
    if len(args) != len(row.params):
        return f"`{op}` takes {len(row.params)} argument{'s' * (len(row.params) != 1)}, not {len(args)}"
    if row.kind == "source":
        return _SOURCES[op](attrs)
    if row.kind == "elementwise":
        return _elementwise(op, args, attrs, checks)
    if row.kind == "reduction":
        return _reduction(op, args[0].type, attrs)
    if row.kind == "contraction":
        return _contraction(args, attrs)
    if row.kind == "gather":
        return _gather(op, args, attrs)
    if row.kind == "scan":
        return _scan(op, args, attrs, checks)
    if row.kind == "matrix":
        return _matrix(op, args, attrs)
    return _MOVEMENTS[op](args[0].type, attrs, checks)


def _const(attrs: tuple[Any, ...]) -> str | None:
    return None if _fits(attrs, int, Type) else "a const has bits and a type"


def _iota(attrs: tuple[Any, ...]) -> str | None:
    return None if _fits(attrs, int, Type) and 0 <= attrs[0] < attrs[1].rank else "an iota has an axis and a type"


def _table(attrs: tuple[Any, ...]) -> str | None:
    fine = _fits(attrs, tuple, Type) and len(attrs[0]) == product(attrs[1].shape) and len(attrs[0]) > 1
    return None if fine else "a table has as many numbers as its type has elements, and more than one"


def _input(attrs: tuple[Any, ...]) -> str | None:
    return None if _fits(attrs, str, Type) and attrs[0].isidentifier() else "an input has a name and a type"


def _size(attrs: tuple[Any, ...]) -> str | None:
    return (
        None
        if len(attrs) == 2 and isinstance(attrs[1], Type) and not attrs[1].shape
        else "a size has a size and a type"
    )


def _fits(attrs: tuple[Any, ...], *kinds: type | tuple[type, ...]) -> bool:
    return len(attrs) == len(kinds) and all(isinstance(attr, kind) for attr, kind in zip(attrs, kinds))


def _elementwise(op: str, args: tuple[Node, ...], attrs: tuple[Any, ...], checks: Iterable[Check]) -> str | None:
    if attrs:
        return f"`{op}` has no attributes"
    conditions = OPS[op].conditions
    for arg in args[:conditions]:
        if arg.type.dtype != "bool":
            return f"a condition of `{op}` is {arg.type}, not bool"
    numbers = args[conditions:]
    if numbers and not all(
        (arg.type.is_float or arg.type.dtype == "i64") and arg.type.dtype == numbers[0].type.dtype for arg in numbers
    ):
        return f"`{op}` wants numbers of one type, not {', '.join(str(arg.type) for arg in numbers)}"
    for arg in args[1:]:
        if not _same_shape(arg.shape, args[0].shape, checks):
            return f"arguments of `{op}` have shapes {shape_text(args[0].shape)} and {shape_text(arg.shape)}"
    return None


def _reduction(op: str, x: Type, attrs: tuple[Any, ...]) -> str | None:
    if x.is_float == bool(OPS[op].conditions):
        return f"`{op}` cannot reduce {x}"
    if len(attrs) != 1 or not _ordered(attrs[0], x.rank) or not attrs[0]:
        return f"`{op}` has one attribute, the axes it reduces, in order and below {x.rank}"
    return None


def _contraction(args: tuple[Node, ...], attrs: tuple[Any, ...]) -> str | None:
    if not _fits(attrs, tuple, tuple, tuple):
        return "a contraction has the labels of both sides and of the result"
    for arg, labels in zip(args, attrs):
        if len(labels) != arg.type.rank or len(set(labels)) != len(labels):
            return f"{labels} are no labels for {arg.type}"
    if len(set(attrs[2])) != len(attrs[2]) or not set(attrs[2]) <= {*attrs[0], *attrs[1]}:
        return f"{attrs[2]} are no labels of the result"
    return None


def _gather(op: str, args: tuple[Node, ...], attrs: tuple[Any, ...]) -> str | None:
    x, index = (arg.type for arg in args)
    if index.dtype != "i64":
        return f"indices are i64, not {index.dtype}"
    rank = len(attrs[1]) if op.startswith("put") else x.rank
    if not isinstance(attrs[0], int) or not 0 <= attrs[0] < rank:
        return f"there is no axis {attrs[0]}"
    return None


def _scan(op: str, args: tuple[Node, ...], attrs: tuple[Any, ...], checks: Iterable[Check]) -> str | None:
    if not all(arg.type.is_float and arg.type.dtype == args[0].type.dtype for arg in args):
        return f"`{op}` wants floats of one type, not {', '.join(str(arg.type) for arg in args)}"
    if _fits(attrs, bool):
        return None if args[0].type.rank == 1 else f"`{op}` searches a vector, not {args[0].type}"
    if len(attrs) not in (1, 2) or not isinstance(attrs[0], int) or not 0 <= attrs[0] < args[0].type.rank:
        return f"`{op}` has an axis"
    if not all(_same_shape(arg.shape, args[0].shape, checks) for arg in args):
        return f"arguments of `{op}` have shapes {', '.join(shape_text(arg.shape) for arg in args)}"
    return None


def _loop(args: tuple[Node, ...], attrs: tuple[Any, ...], checks: Iterable[Check]) -> str | None:
    if not _fits(attrs, LoopStep, int) or not 0 <= attrs[1] < len(attrs[0].results):
        return "a loop has a step and the number of a result"
    step: LoopStep = attrs[0]
    inputs = set(step.inputs)
    if any(node.op != "input" for node in inputs) or len({node.name for node in inputs}) < len(step.inputs):
        return "what a step reads are inputs of its own, each with a name"
    types = step.argument_types
    if len(args) != len(types):
        return f"this loop takes {len(types)} arguments, not {len(args)}"
    for arg, type in zip(args, types):
        if arg.type.dtype != type.dtype or not _same_shape(arg.shape, type.shape, checks):
            return f"an argument of the loop is {arg.type}, not {type}"
    if len(step.next) != len(step.states):
        return f"{len(step.states)} states become {len(step.next)}"
    for state, new in zip(step.states, step.next):
        if new.type.dtype != state.type.dtype or not _same_shape(new.shape, state.shape, checks):
            return f"the state {state.name} is {state.type} and becomes {new.type}"
    for node in topological(step.results):
        if node.op == "input" and node not in inputs:
            return f"the step reads {node.name}, which is none of its inputs"
        wrong = problem(node.op, node.args, node.attrs, checks)
        if wrong is not None:
            return f"in its step, {wrong}"
    return None


def _matrix(op: str, args: tuple[Node, ...], attrs: tuple[Any, ...]) -> str | None:
    if attrs:
        return f"`{op}` has no attributes"
    if any(arg.type.rank < 2 or not arg.type.is_float for arg in args):
        return f"`{op}` takes matrices, not {', '.join(str(arg.type) for arg in args)}"
    if len({(arg.type.dtype, arg.type.rank) for arg in args}) > 1:
        return f"arguments of `{op}` are {', '.join(str(arg.type) for arg in args)}"
    return None


def _cast(x: Type, attrs: tuple[Any, ...], checks: Iterable[Check]) -> str | None:
    fine = len(attrs) == 1 and isinstance(attrs[0], str) and attrs[0] in DTYPES
    return None if fine else "`cast` has one attribute, an element type"


def _broadcast(x: Type, attrs: tuple[Any, ...], checks: Iterable[Check]) -> str | None:
    if len(attrs) != 2 or not _shape(attrs[0]) or not _ordered(attrs[1], len(attrs[0])) or len(attrs[1]) != x.rank:
        return "`broadcast` has a shape, and for each axis of its argument the axis that it becomes"
    if not _same_shape(x.shape, tuple(attrs[0][dim] for dim in attrs[1]), checks):
        return f"{shape_text(x.shape)} cannot become the axes {shape_text(attrs[1])} of {shape_text(attrs[0])}"
    return None


def _squeeze(x: Type, attrs: tuple[Any, ...], checks: Iterable[Check]) -> str | None:
    if len(attrs) != 1 or not _axes(attrs[0], x.rank):
        return f"`squeeze` has one attribute, axes below {x.rank}"
    return None if all(x.shape[axis] == 1 for axis in attrs[0]) else "only axes of size 1 can be dropped"


def _transpose(x: Type, attrs: tuple[Any, ...], checks: Iterable[Check]) -> str | None:
    fine = len(attrs) == 1 and _axes(attrs[0], x.rank) and len(attrs[0]) == x.rank
    return None if fine else "`transpose` has one attribute, an order of all axes"


def _slice(x: Type, attrs: tuple[Any, ...], checks: Iterable[Check]) -> str | None:
    if len(attrs) == 1 and _parts(attrs[0], x.rank):
        return None
    return "`slice` has a first index, a step and a length for each axis"


def _pad(x: Type, attrs: tuple[Any, ...], checks: Iterable[Check]) -> str | None:
    if len(attrs) != 2 or not _parts(attrs[0], x.rank) or not _shape(attrs[1]) or len(attrs[1]) != x.rank:
        return "`pad` has a first index, a step and a length for each axis, and a shape"
    lengths = tuple(part[2] for part in attrs[0])
    if _same_shape(lengths, x.shape, checks):
        return None
    return f"lengths {shape_text(lengths)} do not fit {shape_text(x.shape)}"


def _join(args: tuple[Node, ...], attrs: tuple[Any, ...], checks: Iterable[Check]) -> str | None:
    if not args or not _fits(attrs, int, tuple) or len(attrs[1]) != len(args):
        return "a join has arguments, an axis, and a number for each argument: where on the axis it begins"
    axis, first = attrs[0], args[0].type
    if not 0 <= axis < first.rank:
        return f"there is no axis {axis}"
    for arg in args:
        own, its = (type.shape[:axis] + type.shape[axis + 1 :] for type in (arg.type, first))
        if arg.type.dtype != first.dtype or arg.type.rank != first.rank or not _same_shape(own, its, checks):
            return f"{arg.type} does not go beside {first}"
    return None


def _reshape(x: Type, attrs: tuple[Any, ...], checks: Iterable[Check]) -> str | None:
    return None if _fits(attrs, tuple) else "a reshape has a shape"


def _cumsum(x: Type, attrs: tuple[Any, ...], checks: Iterable[Check]) -> str | None:
    return None if _fits(attrs, int, bool) and 0 <= attrs[0] < x.rank else "a cumsum has an axis and a direction"


_SOURCES: dict[str, Callable[[tuple[Any, ...]], str | None]] = {
    check.__name__.strip("_"): check for check in (_const, _input, _size, _iota, _table)
}
_MOVEMENTS: dict[str, Callable[[Type, tuple[Any, ...], Iterable[Check]], str | None]] = {
    check.__name__.strip("_"): check
    for check in (_cast, _broadcast, _squeeze, _transpose, _slice, _pad, _reshape, _cumsum)
}
"""The checks of ops that have their own."""


# ---------------------------------------------------------------- attributes


def _axes(attr: Any, rank: int) -> bool:
    return (
        isinstance(attr, tuple)
        and all(isinstance(axis, int) and 0 <= axis < rank for axis in attr)
        and len(set(attr)) == len(attr)
    )


def _ordered(attr: Any, rank: int) -> bool:
    return _axes(attr, rank) and list(attr) == sorted(attr)


def _is_size(attr: Any) -> bool:
    return isinstance(attr, (str, Derived)) or (isinstance(attr, int) and attr >= 0)


def _shape(attr: Any) -> bool:
    return isinstance(attr, tuple) and all(map(_is_size, attr))


def _parts(attr: Any, rank: int) -> bool:
    """Whether this is (first, step, length) for each axis; the first index of an empty slice may be anything."""
    return (
        isinstance(attr, tuple)
        and len(attr) == rank
        and all(
            isinstance(part, tuple)
            and len(part) == 3
            and isinstance(part[0], (int, str, Derived))
            and isinstance(part[1], int)
            and part[1] != 0
            and _is_size(part[2])
            for part in attr
        )
    )


def _same_shape(left: Shape, right: Shape, checks: Iterable[Check]) -> bool:
    return left == right or (len(left) == len(right) and all(_same_size(a, b, checks) for a, b in zip(left, right)))


def _same_size(left: Size, right: Size, checks: Iterable[Check]) -> bool:
    """Whether the sizes are one, or are joined by a chain of checks."""
    reached = {left}
    equations = [check for check in checks if check.relation == "=="]
    for _ in equations:
        for check in equations:
            if check.left in reached or check.right in reached:
                reached |= {check.left, check.right}
    return right in reached
