"""The graph: immutable, interned nodes. Equal programs are one object, so `is` compares them."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping
from dataclasses import field
from dataclasses import replace as replace_fields
from functools import cached_property, reduce
from threading import RLock
from typing import Any, TypeVar
from weakref import ref

import numpy as np

from gradc.ir.ops import JOINS, OPS, Op, others
from gradc.ir.sizes import Shape, Size, derive
from gradc.ir.types import DTYPES, Type
from gradc.language.record import dataclass
from gradc.language.source import Span


class Node:
    """One op applied to nodes. Made by `make` only; compared by identity."""

    __slots__ = ("__weakref__", "args", "attrs", "form", "is_constant", "number", "op", "ops", "row", "type")

    op: str
    args: tuple[Node, ...]
    attrs: tuple[Any, ...]
    type: Type
    row: Op
    is_constant: bool
    """Whether the value depends on no input."""
    ops: int
    """The ops in the node and below it, as a set of bits."""
    number: float | int | bool
    """The number of a `const`; others have none."""
    form: tuple[str, ...]
    """The op and those of the arguments: what most rules are ruled out by."""

    @property
    def shape(self) -> Shape:
        return self.type.shape

    @property
    def value(self) -> float | int | bool:
        """The number of a `const`."""
        return self.number

    @property
    def name(self) -> str:
        """The name of an `input`."""
        assert self.op == "input"
        return self.attrs[0]

    def __repr__(self) -> str:
        what = self.name if self.op == "input" else self.value if self.op == "const" else f"{len(self.args)} arguments"
        return f"<{self.op} {what}: {self.type}>"


class _Interned(ref):
    """A node that lives as long as others hold it, and what it is found by."""

    __slots__ = ("key",)
    key: tuple


_interned: dict[tuple, _Interned] = {}
_interning = RLock()
"""Held while a node enters or leaves the table, so that threads agree on the one object; and while the process forks.
A node may be collected, and leave, while another one enters."""


def _forget(entry: _Interned) -> None:
    with _interning:
        if _interned.get(entry.key) is entry:
            del _interned[entry.key]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_interning.acquire, after_in_parent=_interning.release, after_in_child=_interning.release
    )


_INPUT = OPS["input"].bit


def make(op: str, *args: Node, attrs: tuple[Any, ...] = ()) -> Node:
    """The node that applies `op` to `args`; its type comes from the op's row."""
    key = (op, args, attrs)
    entry = _interned.get(key)
    if entry is not None and (known := entry()) is not None:
        return known
    node = Node()
    node.op, node.args, node.attrs = op, args, attrs
    node.row = row = OPS[op]
    ops = row.bit
    types: tuple[Type, ...]
    form: tuple[str, ...]
    if len(args) == 2:  # most of a long program
        left, right = args
        types, form = (left.type, right.type), (op, left.op, right.op)
        ops |= left.ops | right.ops
    else:
        types, form = tuple([arg.type for arg in args]), (op, *[arg.op for arg in args])
        for arg in args:
            ops |= arg.ops
    node.type = row.infer(types, attrs)
    node.ops = ops
    node.is_constant = not ops & _INPUT
    node.form = form
    if op == "const":
        node.number = from_bits(attrs[0], node.type.dtype)
    entry = _Interned(node, _forget)
    entry.key = key
    with _interning:
        other = _interned.setdefault(key, entry)
        if other is not entry:
            known = other()
            if known is not None:
                return known
            _interned[key] = entry
    return node


# ---------------------------------------------------------------- sources and movement


_DOUBLE, _INTEGER = struct.Struct("<d"), struct.Struct("<q")


def to_bits(value: float | int | bool, dtype: str) -> int:
    """The exact bits of a number, so that 0.0 and -0.0 differ and NaN equals itself."""
    if dtype in ("i64", "bool"):
        return int(value)
    if dtype == "f32":
        value = float(np.float32(value))
    return _INTEGER.unpack(_DOUBLE.pack(math.nan if value != value else value))[0]


def from_bits(bits: int, dtype: str) -> float | int | bool:
    if dtype == "bool":
        return bool(bits)
    return bits if dtype == "i64" else _DOUBLE.unpack(_INTEGER.pack(bits))[0]


F64 = Type("f64")


def constant(value: float | int | bool, type: Type = F64) -> Node:
    """A number, or an array that holds it everywhere."""
    return make("const", attrs=(to_bits(value, type.dtype), type))


def input_node(name: str, type: Type) -> Node:
    return make("input", attrs=(name, type))


def fresh(name: str, taken: Container[str]) -> str:
    """The name, with underscores added until nothing is called so."""
    while name in taken:
        name += "_"
    return name


def table(values: Any, dtype: str, shape: Shape | None = None) -> Node:
    """An array of numbers that are known; of another shape, row by row. One number everywhere is a `const`."""
    array = np.asarray(values, DTYPES[dtype])
    bits = tuple(to_bits(value, dtype) for value in array.ravel().tolist())
    type = Type(dtype, array.shape if shape is None else shape)
    if len(set(bits)) == 1:
        return make("const", attrs=(bits[0], type))
    return make("table", attrs=(bits, type))


def numbers_of(node: Node) -> tuple[float | int | bool, ...]:
    """The elements of a `table`, row by row."""
    bits, type = node.attrs
    return tuple([from_bits(each, type.dtype) for each in bits])


def size_node(size: Size, dtype: str = "f64") -> Node:
    """A size as a number."""
    if isinstance(size, int):
        return constant(size, Type(dtype))
    return make("size", attrs=(size, Type(dtype)))


def iota(shape: Shape, axis: int, dtype: str = "i64") -> Node:
    """An array whose elements are their own index along an axis."""
    return make("iota", attrs=(axis, Type(dtype, shape)))


def broadcast(node: Node, shape: Shape, dims: tuple[int, ...] | None = None) -> Node:
    """`node` repeated to `shape`; its axis k becomes axis `dims[k]` (by default the last ones)."""
    if dims is None:
        if node.type.shape == shape:
            return node
        dims = tuple(range(len(shape) - node.type.rank, len(shape)))
    elif node.shape == shape and dims == tuple(range(len(shape))):
        return node
    if node.op == "const":
        return constant(node.value, node.type.with_shape(shape))
    if node.op == "broadcast":
        return broadcast(node.args[0], shape, tuple(dims[d] for d in node.attrs[1]))
    return make("broadcast", node, attrs=(shape, dims))


def cast(node: Node, dtype: str) -> Node:
    if node.type.dtype == dtype:
        return node
    if node.op == "const":
        return constant(DTYPES[dtype].type(node.value).item(), node.type.with_dtype(dtype))
    return make("cast", node, attrs=(dtype,))


def squeeze(node: Node, axes: tuple[int, ...]) -> Node:
    """`node` without axes of size one."""
    if not axes:
        return node
    if node.op == "const":
        kept = tuple(node.shape[axis] for axis in others(node.type.rank, axes))
        return constant(node.value, node.type.with_shape(kept))
    if node.op == "broadcast" and not set(axes) & set(node.attrs[1]):
        shape, dims = node.attrs
        kept = others(len(shape), axes)
        return broadcast(node.args[0], tuple(shape[k] for k in kept), tuple(kept.index(d) for d in dims))
    return make("squeeze", node, attrs=(axes,))


def side_by_side(arrays: tuple[Node, ...], axis: int) -> Node:
    """Arrays one after the other along an axis."""
    if len(arrays) == 1:
        return arrays[0]
    first = arrays[0]
    if first.op == "const" and all(array.op == "const" and array.attrs[0] == first.attrs[0] for array in arrays):
        size: Size = 0
        for array in arrays:
            size = derive("+", size, array.shape[axis])
        return constant(first.value, first.type.with_shape((*first.shape[:axis], size, *first.shape[axis + 1 :])))
    starts: list[Size] = [0]
    for array in arrays[:-1]:
        starts.append(derive("+", starts[-1], array.shape[axis]))
    return make("join", *arrays, attrs=(axis, tuple(starts)))


def part_of(node: Node, position: int) -> tuple[tuple[Size, int, Size], ...]:
    """The part of a join that one of its arguments is, as a slice would take it."""
    (axis, starts), arg = node.attrs, node.args[position]
    return tuple((starts[position] if k == axis else 0, 1, size) for k, size in enumerate(arg.shape))


def as_padded(results: Iterable[Node], where: Callable[[Node], bool] = lambda node: True) -> list[Node]:
    """The results with joins, or those for which a condition holds, as sums of parts with zeros around them; of
    conditions, whether one holds."""
    results = tuple(results)
    new: dict[Node, Node] = {}
    for node in topological(results):
        args = tuple(new[arg] for arg in node.args)
        new[node] = node if args == node.args else build(node.op, args, node.attrs)
        if node.op in JOINS and where(node):
            padded = [make("pad", arg, attrs=(part_of(node, k), node.shape)) for k, arg in enumerate(args)]
            join = "or" if node.type.dtype == "bool" else "add"
            new[node] = reduce(lambda left, right: make(join, left, right), padded)
    return [new[node] for node in results]


MAKERS: dict[str, Callable[..., Node]] = {maker.__name__: maker for maker in (broadcast, cast, squeeze)}
"""Ops that bring operands together, and do nothing where there is nothing to do."""


def build(op: str, args: tuple[Node, ...], attrs: tuple[Any, ...]) -> Node:
    """`make`, but through the makers above where there is one."""
    maker = MAKERS.get(op)
    return maker(*args, *attrs) if maker else make(op, *args, attrs=attrs)


# ---------------------------------------------------------------- graphs


@dataclass(frozen=True)
class Check:
    """A demand on sizes that is known only at the call: `left <relation> right`, or the message is raised.

    `span` is the place in the program that demands it.
    """

    left: Size
    relation: str
    right: Size
    message: str
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class IndexCheck:
    """A demand on values: every element of an array of integers lies in `-size .. size - 1`, or from 0 on. `text` is
    what the program calls the array."""

    node: Node
    size: Size
    text: str = ""
    from_end: bool = True
    """Whether those below zero count from the end."""
    norm: Node | None = field(default=None, compare=False)
    """For an iteration with a condition, which is to have ended: the norm of its states; the value is 0 if it has."""

    @property
    def message(self) -> str:
        """What is wrong where a value is not in range."""
        if self.norm is not None:
            return f"the condition of {self.text} does not hold within its limit of steps"
        return f"an index in {self.text} is out of range"

    @property
    def is_computed(self) -> bool:
        return self.node.op != "input"


def in_range(check: IndexCheck) -> Node:
    """Whether every index is in range."""
    index = check.node
    size = broadcast(size_node(check.size, "i64"), index.shape)
    least = make("neg", size) if check.from_end else constant(0, index.type)
    fits = make("and", make("ge", index, least), make("lt", index, size))
    return make("all", fits, attrs=(tuple(range(index.type.rank)),)) if index.shape else fits


@dataclass(frozen=True)
class Graph:
    """Inputs in the order of the call, named outputs, and what the sizes and the indices must satisfy."""

    inputs: tuple[Node, ...]
    outputs: tuple[tuple[str, Node], ...]
    checks: tuple[Check, ...] = ()
    index_checks: tuple[IndexCheck, ...] = ()
    joined: Mapping[tuple[str, int], Span] = field(default_factory=dict, compare=False)
    """Where the program makes the size of an input's axis equal to another size."""

    @cached_property
    def input_names(self) -> frozenset[str]:
        return frozenset(node.name for node in self.inputs)

    @property
    def computed_indices(self) -> tuple[IndexCheck, ...]:
        """The checks of indices that no input holds as they are."""
        return tuple(check for check in self.index_checks if check.is_computed)

    @property
    def roots(self) -> tuple[Node, ...]:
        """What has to be computed: the results, and the indices to check."""
        return tuple(check.node for check in self.computed_indices) + self.results

    @property
    def results(self) -> tuple[Node, ...]:
        return tuple(node for _, node in self.outputs)

    def with_roots(self, roots: Iterable[Node]) -> Graph:
        """The graph with other nodes in the place of `roots`."""
        given = iter(roots)
        checks = tuple(
            replace_fields(check, node=next(given)) if check.is_computed else check for check in self.index_checks
        )
        return Graph(self.inputs, tuple((name, next(given)) for name, _ in self.outputs), self.checks, checks)

    def __getitem__(self, name: str) -> Node:
        return dict(self.outputs)[name]


def topological(results: Iterable[Node]) -> list[Node]:
    """Every node below the results, arguments first, in order of first appearance."""
    order: list[Node] = []
    opened: set[Node] = set()
    stack: list[Node | None] = [*results]
    stack.reverse()
    while stack:
        node = stack.pop()
        if node is None:  # what is below the next one is done
            order.append(stack.pop())  # type: ignore[arg-type]
        elif node not in opened:
            opened.add(node)
            if node.args:
                stack += (node, None, *node.args[::-1])
            else:
                order.append(node)
    return order


Thing = TypeVar("Thing", bound=Hashable)


def reached(starts: Iterable[Thing], below: Callable[[Thing], Iterable[Thing]]) -> Iterator[Thing]:
    """Everything that can be reached from some things, each once; `below` says what a thing leads to."""
    stack = list(dict.fromkeys(starts))
    done = set(stack)
    while stack:
        thing = stack.pop()
        yield thing
        for inner in below(thing):
            if inner not in done:
                done.add(inner)
                stack.append(inner)


def users(results: Iterable[Node]) -> dict[Node, list[Node]]:
    """The nodes that take each node as an argument."""
    found: dict[Node, list[Node]] = {}
    for node in topological(results):
        found.setdefault(node, [])
        for arg in dict.fromkeys(node.args):
            found[arg].append(node)
    return found


def dependent(order: Iterable[Node], on: Iterable[Node]) -> set[Node]:
    """The nodes, of some in topological order, whose value depends on any of `on`."""
    reached = set(on)
    for node in order:
        if not reached.isdisjoint(node.args):
            reached.add(node)
    return reached


def replace(results: Iterable[Node], replacement: Mapping[Node, Node]) -> Iterator[Node]:
    """The results with nodes replaced by others."""
    results = tuple(results)
    new = replaced(results, replacement)
    return (new[node] for node in results)


def replaced(results: Iterable[Node], replacement: Mapping[Node, Node]) -> dict[Node, Node]:
    """All nodes of the results with what stands for them where some are replaced by others."""
    new = dict(replacement)
    for node in topological(tuple(results)):
        if node not in new:
            args = tuple(new[arg] for arg in node.args)
            new[node] = node if args == node.args else build(node.op, args, node.attrs)
    return new
