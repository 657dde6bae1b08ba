"""Small matrices in registers: an array with short axes of known size as its elements, each over the other axes.

A value over [n, 3, 3] becomes nine values over [n], so that a chain of products of small matrices is one loop over n
without arrays in between, whose lanes are matrices. What no rule here is about takes whole arrays, as it always does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product as combinations
from math import prod

from gradc.ir.graph import Node, broadcast, build, cast, constant, iota, make, squeeze, topological
from gradc.ir.ops import others
from gradc.ir.sizes import Shape, Size, derive
from gradc.ir.types import Type
from gradc.language.source import Span
from gradc.rewrite import elimination
from gradc.rewrite.contractions import Labels, summed_products

LONGEST = 8
"""The longest axis that is written out."""
ELEMENTS = 64
"""The most elements of an array along its axes that are written out."""
PRODUCTS = 216
"""The most multiplications of a product that is written out: of two matrices of 6 x 6."""
APART = 4
"""The most multiplications for each element of a product that has a long axis of each of its sides."""
TOTALS = 16
"""The most sums over a long axis that a product is written out as."""
WEIGHT = 6000
"""The most elements of a program, those of dear functions counted several times, for any of it to be written out."""

Index = tuple[int, ...]
Table = dict[Index, "Node | None"]
"""The elements along the short axes; None for a zero where nothing was put."""


def short_axes(shape: Shape) -> tuple[int, ...]:
    """The axes that are written out."""
    axes = tuple(axis for axis, size in enumerate(shape) if isinstance(size, int) and size <= LONGEST)
    return axes if 0 < prod(size for axis in axes if isinstance(size := shape[axis], int)) <= ELEMENTS else ()


def indices(shape: Shape) -> list[Index]:
    """Every index along the short axes, in order."""
    sizes = (shape[axis] for axis in short_axes(shape))
    return list(combinations(*(range(size) for size in sizes if isinstance(size, int))))


def unroll(results: Iterable[Node], spans: dict[Node, Span]) -> list[Node]:
    """The results with small matrices written out, where something mixes their elements and the program is not too
    large for that."""
    results = list(results)
    order = topological(results)
    if not any(map(_mixes, order)) or sum(map(_weight, order)) > WEIGHT:
        return results
    unrolling = _Unrolling()
    for node in order:
        unrolling.add(node)
        if node in spans:
            for element in unrolling.tables[node].values():
                if element is not None:
                    spans.setdefault(element, spans[node])
    return [unrolling.whole(node) for node in results]


def are_small(node: Node) -> bool:
    """Whether an op on matrices is one on small ones that is written out. One alone that may have no answer is left to
    the routine that says so; in a stack, the answer to such a matrix is NaN or infinite in its place."""
    if node.op not in elimination.OPS:
        return False
    last = {arg: {arg.type.rank - 2, arg.type.rank - 1} for arg in node.args}
    if not all(axes <= set(short_axes(arg.shape)) for arg, axes in last.items()):
        return False
    rows = node.args[0].shape[-1]
    is_expanded = node.op != "cofactor" or (isinstance(rows, int) and rows <= elimination.EXPANDED)
    return is_expanded and (node.op in elimination.ANSWERED or node.args[0].type.rank > 2)


def _mixes(node: Node) -> bool:
    """Whether a node joins elements along short axes."""
    if node.row.kind == "matrix":
        return are_small(node)
    if node.row.kind == "contraction":
        return _is_small(node) and max(_mixed(node), default=1) > 1
    if node.row.kind == "reduction":
        shape = node.args[0].shape
        return any(axis in node.attrs[0] and shape[axis] != 1 for axis in short_axes(shape))
    return node.op == "pad" and any(node.shape[axis] != node.args[0].shape[axis] for axis in short_axes(node.shape))


def _mixed(node: Node) -> list[int]:
    """The sizes of the short axes of a product."""
    return [size for size in _sizes(node).values() if isinstance(size, int) and size <= LONGEST]


def _weight(node: Node) -> int:
    if node.row.kind == "matrix" and are_small(node):
        return 3 * len(indices(node.args[0].shape)) * LONGEST
    count = prod(_mixed(node)) if node.op == "contract" and _is_small(node) else len(indices(node.shape))
    return count * (1 + node.row.cost // 4)


def _sizes(node: Node) -> dict[int, Size]:
    x_labels, y_labels, _ = node.attrs
    return dict(zip(x_labels + y_labels, node.args[0].shape + node.args[1].shape))


def _is_small(node: Node) -> bool:
    """Whether a product is one of small matrices, perhaps many of them: no product over long axes has a tile in it."""
    x_labels, y_labels, labels = node.attrs
    sizes = _sizes(node)
    short = {label for label, size in sizes.items() if isinstance(size, int) and size <= LONGEST}
    if not short or prod(_mixed(node)) > PRODUCTS:
        return False
    for part, own in zip((*node.args, node), node.attrs):
        if {own[axis] for axis in short_axes(part.shape)} != short & set(own):
            return False
    long = sizes.keys() - short
    left, right = ({label for label in long & set(own) if label not in other} for own, other in
                   ((x_labels, y_labels), (y_labels, x_labels)))  # fmt: skip
    if long <= set(labels):
        return not (left and right) or prod(_mixed(node)) <= APART
    return not (left or right) and len(indices(node.shape)) <= TOTALS


class _Unrolling:
    """Nodes as tables of their elements, and as whole arrays where something needs those."""

    def __init__(self) -> None:
        self.tables: dict[Node, Table] = {}
        self.direct: dict[Node, Node] = {}
        """What is as good whole: inputs, and what only reads their elements."""
        self.joined: dict[Node, Node] = {}

    def add(self, node: Node) -> None:
        """The elements of a node whose arguments are there."""
        if self._is_direct(node):
            self.direct[node] = build(node.op, tuple(self.direct[arg] for arg in node.args), node.attrs)
        if not any(short_axes(part.shape) for part in (*node.args, node)):
            args = tuple(self.whole(arg) for arg in node.args)
            made = node if args == node.args else build(node.op, args, node.attrs)
            self.tables[node], self.direct[node] = {(): made}, made
            return
        write = RULES.get(node.op, RULES.get(node.row.kind))
        table = write(self, node) if write is not None else None
        if table is None:
            made = self.direct[node] = build(node.op, tuple(map(self.whole, node.args)), node.attrs)
            table = {index: _picked(made, index) for index in indices(node.shape)}
        self.tables[node] = table

    def _is_direct(self, node: Node) -> bool:
        reads = node.row.kind == "source" or node.row.access == "read"
        return reads and all(arg in self.direct for arg in node.args)

    def whole(self, node: Node) -> Node:
        """A node as an array: its elements put side by side."""
        if node in self.direct:
            return self.direct[node]
        if node not in self.joined:
            table = self.tables[node]
            if node.type.dtype == "bool":  # which do not add up
                numbers = {index: None if found is None else cast(found, "i64") for index, found in table.items()}
                joined = _joined(numbers, node.type.with_dtype("i64"))
                self.joined[node] = make("ne", joined, constant(0, joined.type))
            else:
                self.joined[node] = _joined(table, node.type)
        return self.joined[node]

    def element(self, node: Node, index: Index) -> Node:
        """An element that is a number even where nothing was put."""
        found = self.tables[node][index]
        return constant(0, node.type.with_shape(_rest(node.shape))) if found is None else found


def _rest(shape: Shape) -> Shape:
    axes = short_axes(shape)
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def _picked(node: Node, index: Index) -> Node:
    """An element of an array."""
    axes = short_axes(node.shape)
    place = dict(zip(axes, index))
    parts = tuple((place[k], 1, 1) if k in place else (0, 1, size) for k, size in enumerate(node.shape))
    is_part = any(node.shape[axis] != 1 for axis in axes)
    return squeeze(make("slice", node, attrs=(parts,)) if is_part else node, axes)


def _joined(table: Table, type: Type) -> Node:
    """The elements put into an array."""
    axes = short_axes(type.shape)
    dims = others(type.rank, axes)
    result: Node | None = None
    for index, element in table.items():
        if element is not None:
            place = dict(zip(axes, index))
            shape = tuple(1 if axis in place else size for axis, size in enumerate(type.shape))
            parts = tuple((place.get(axis, 0), 1, size) for axis, size in enumerate(shape))
            placed = broadcast(element, shape, dims)
            if shape != type.shape:
                placed = make("pad", placed, attrs=(parts, type.shape))
            result = placed if result is None else make("add", result, placed)
    return constant(0, type) if result is None else result


# ---------------------------------------------------------------- rules: elements of a node from those of its arguments

Rule = Callable[[_Unrolling, Node], "Table | None"]

RULES: dict[str, Rule] = {}
"""By the op, or the kind of op; None says that it takes whole arrays here."""


def rule(name: str) -> Callable[[Rule], Rule]:
    def enter(function: Rule) -> Rule:
        RULES[name] = function
        return function

    return enter


@rule("source")
def _source(own: _Unrolling, node: Node) -> Table:
    rest = _rest(node.shape)
    if node.op == "const":
        return dict.fromkeys(indices(node.shape), constant(node.value, node.type.with_shape(rest)))
    if node.op == "iota":
        axes, along = short_axes(node.shape), node.attrs[0]
        type = node.type.with_shape(rest)
        if along in axes:
            return {index: constant(index[axes.index(along)], type) for index in indices(node.shape)}
        axis = others(node.type.rank, axes).index(along)
        return dict.fromkeys(indices(node.shape), iota(rest, axis, type.dtype))
    return {index: _picked(node, index) for index in indices(node.shape)}


@rule("elementwise")
@rule("cast")
def _elementwise(own: _Unrolling, node: Node) -> Table | None:
    axes = short_axes(node.shape)
    if any(short_axes(arg.shape) != axes for arg in node.args):  # sizes that only a check makes equal
        return None
    table: Table = {}
    for index in indices(node.shape):
        if node.op == "add":  # what was put here stays as it is
            args = [found for arg in node.args if (found := own.tables[arg][index]) is not None]
            if len(args) < 2:
                table[index] = args[0] if args else None
                continue
        table[index] = build(node.op, tuple(own.element(arg, index) for arg in node.args), node.attrs)
    return table


def _moved(
    own: _Unrolling, node: Node, source: Callable[[int], int | None], move: Callable[[Node], Node]
) -> Table | None:
    """A move whose result has on axis k what the argument has on axis `source(k)`; `move` does it to an element."""
    (arg,) = node.args
    axes, given = short_axes(node.shape), short_axes(arg.shape)
    places = {axis: at for at, axis in enumerate(axes)}
    came = {source(axis): axis for axis in range(node.type.rank)}
    if any(axis in came and came[axis] not in places for axis in given):
        return None  # too many elements in the result
    if any(axis not in given and axis is not None for axis in map(source, axes)):
        return None
    table: Table = {}
    for index in indices(node.shape):
        at = tuple(index[places[came[axis]]] if axis in came else 0 for axis in given)
        found = own.tables[arg][at]
        table[index] = None if found is None else move(found)
    return table


@rule("broadcast")
def _broadcast(own: _Unrolling, node: Node) -> Table | None:
    shape, dims = node.attrs
    given, axes = short_axes(node.args[0].shape), short_axes(shape)
    left = others(len(shape), axes)
    if any(dims[axis] in axes for axis in range(len(dims)) if axis not in given):
        return None
    if any(axis in given and dims[axis] not in axes for axis in range(len(dims))):
        return None
    inner = tuple(left.index(dim) for axis, dim in enumerate(dims) if axis not in given)
    return _moved(
        own,
        node,
        lambda axis: dims.index(axis) if axis in dims else None,
        lambda element: broadcast(element, _rest(shape), inner),
    )


@rule("squeeze")
def _squeezed(own: _Unrolling, node: Node) -> Table | None:
    kept = others(node.args[0].type.rank, node.attrs[0])
    return _moved(own, node, lambda axis: kept[axis], lambda element: element)


@rule("transpose")
def _transposed(own: _Unrolling, node: Node) -> Table | None:
    order, short = node.attrs[0], short_axes(node.args[0].shape)
    before = [axis for axis in range(len(order)) if axis not in short]
    after = tuple(before.index(axis) for axis in order if axis in before)
    is_same = after == tuple(range(len(after)))
    return _moved(
        own,
        node,
        lambda axis: order[axis],
        lambda element: element if is_same else make("transpose", element, attrs=(after,)),
    )


@rule("slice")
def _sliced(own: _Unrolling, node: Node) -> Table | None:
    (arg,), (parts,) = node.args, node.attrs
    axes, given = short_axes(node.shape), short_axes(arg.shape)
    if any(axis not in axes or not isinstance(parts[axis][0], int) for axis in given):
        return None
    inner = others(arg.type.rank, given)
    table: Table = {}
    for index in indices(node.shape):
        place = dict(zip(axes, index))
        at = tuple(parts[axis][0] + parts[axis][1] * place[axis] for axis in given)
        element = own.tables[arg][at]
        if element is not None:
            cut = tuple(
                (derive("+", parts[k][0], parts[k][1] * place[k]), 1, 1) if k in place else parts[k] for k in inner
            )
            if cut != tuple((0, 1, size) for size in element.shape):
                element = make("slice", element, attrs=(cut,))
            element = squeeze(element, tuple(k for k, axis in enumerate(inner) if axis in place))
        table[index] = element
    return table


@rule("pad")
def _padded(own: _Unrolling, node: Node) -> Table | None:
    (arg,), (parts, shape) = node.args, node.attrs
    axes, given = short_axes(shape), short_axes(arg.shape)
    if any(axis not in given for axis in axes) or any(not isinstance(parts[axis][0], int) for axis in given):
        return None
    outer = others(len(shape), axes)
    wide = tuple(1 if axis in given else arg.shape[axis] for axis in outer)
    dims = tuple(k for k, axis in enumerate(outer) if axis not in given)
    table: Table = dict.fromkeys(indices(shape))
    for index in indices(arg.shape):
        element = own.tables[arg][index]
        place = {axis: parts[axis][0] + parts[axis][1] * at for axis, at in zip(given, index)}
        if element is not None:
            element = broadcast(element, wide, dims)
            put = tuple((place[axis], 1, 1) if axis in place else parts[axis] for axis in outer)
            within = tuple(shape[axis] for axis in outer)
            if put != tuple((0, 1, size) for size in within):
                element = make("pad", element, attrs=(put, within))
            at = tuple(place[axis] for axis in axes)
            before = table[at]
            table[at] = element if before is None else make("add", before, element)
    return table


@rule("reshape")
def _reshaped(own: _Unrolling, node: Node) -> Table | None:
    (arg,) = node.args
    if _rest(arg.shape) != _rest(node.shape):
        return None
    for shape in (arg.shape, node.shape):
        if short_axes(shape) != tuple(range(len(shape)))[len(_rest(shape)) :]:
            return None
    return dict(zip(indices(node.shape), own.tables[arg].values()))


@rule("reduction")
def _reduced(own: _Unrolling, node: Node) -> Table | None:
    (arg,), (reduced,) = node.args, node.attrs
    given = short_axes(arg.shape)
    kept = others(arg.type.rank, reduced)
    if tuple(kept.index(axis) for axis in given if axis in kept) != short_axes(node.shape) or not node.row.combine:
        return None
    table: Table = {}
    for index in indices(arg.shape):
        at = tuple(place for place, axis in zip(index, given) if axis not in reduced)
        if node.op == "sum" and own.tables[arg][index] is None:
            table.setdefault(at, None)
            continue
        element = own.element(arg, index)
        before = table.get(at)
        table[at] = element if before is None else make(node.row.combine, before, element)
    inner = others(arg.type.rank, given)
    axes = tuple(k for k, axis in enumerate(inner) if axis in reduced)
    return {
        at: make(node.op, element, attrs=(axes,)) if axes and element is not None else element
        for at, element in table.items()
    }


@rule("contraction")
def _contracted(own: _Unrolling, node: Node) -> Table | None:
    if not _is_small(node):
        return None
    short: list[Labels] = []
    long: list[Labels] = []
    for part, own_labels in zip((*node.args, node), node.attrs):
        axes = short_axes(part.shape)
        short.append(tuple(own_labels[axis] for axis in axes))
        long.append(tuple(label for axis, label in enumerate(own_labels) if axis not in axes))
    sizes = _sizes(node)
    order = short[2] + tuple(label for label in dict.fromkeys(short[0] + short[1]) if label not in short[2])
    pairs: dict[Index, list[tuple[Node, Node]]] = {}
    for index in combinations(*(range(size) for label in order if isinstance(size := sizes[label], int))):
        place = dict(zip(order, index))
        x, y = (own.element(arg, tuple(place[label] for label in labels)) for arg, labels in zip(node.args, short))
        pairs.setdefault(index[: len(short[2])], []).append((x, y))
    return {index: summed_products(terms, *long) for index, terms in pairs.items()}


@rule("take")
@rule("take_along")
def _taken(own: _Unrolling, node: Node) -> Table | None:
    """Rows that an array of indices picks: the same rows of every element."""
    (arg, chosen), (axis,) = node.args, node.attrs
    given = short_axes(arg.shape)
    width = 1 if node.row.aligned else chosen.type.rank
    if axis in given:
        return None
    inner = others(arg.type.rank, given).index(axis)
    axes = short_axes(node.shape)
    if node.row.aligned:
        if not given == axes == short_axes(chosen.shape):
            return None
        return {
            index: make(node.op, own.element(arg, index), own.element(chosen, index), attrs=(inner,))
            for index in indices(node.shape)
        }
    wanted = [k if k < axis else k + width - 1 for k in given] + [axis + k for k in short_axes(chosen.shape)]
    if sorted(wanted) != list(axes):
        return None
    table: Table = {}
    for index in indices(node.shape):
        place = dict(zip(axes, index))
        element = own.element(arg, tuple(place[k if k < axis else k + width - 1] for k in given))
        picks = own.element(chosen, tuple(place[axis + k] for k in short_axes(chosen.shape)))
        table[index] = make(node.op, element, picks, attrs=(inner,))
    return table


@rule("matrix")
def _of_matrices(own: _Unrolling, node: Node) -> Table | None:
    if not are_small(node):
        return None
    table: Table = {}
    for stack in dict.fromkeys(index[:-2] for index in indices(node.args[0].shape)):
        found = elimination.OPS[node.op](*(_rows(own, arg, stack) for arg in node.args))
        if isinstance(found, Node):
            table[stack] = found
        else:
            table |= {(*stack, i, j): value for i, row in enumerate(found) for j, value in enumerate(row)}
    return table


def _rows(own: _Unrolling, node: Node, stack: Index) -> elimination.Rows:
    """One matrix of a stack."""
    height, width = (size for size in node.shape[-2:] if isinstance(size, int))
    return [[own.element(node, (*stack, i, j)) for j in range(width)] for i in range(height)]
