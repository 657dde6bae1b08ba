"""Products of arrays in terms of what kernels do: products of two matrices, batches of them, and sums of products."""

from __future__ import annotations

from collections.abc import Iterable

from gradc.ir.graph import Node, broadcast, constant, make, size_node
from gradc.ir.sizes import Shape, Size, product
from gradc.ir.types import Type

Labels = tuple[int, ...]

TINY = 64
"""Multiplications of a product of matrices up to which loops that fuse do a batch of them."""


def contraction(x: Node, y: Node, attrs: tuple[Labels, Labels, Labels]) -> Node:
    """Products of two matrices and batches of them for BLAS; any other contraction as a sum of products, for loops."""
    (x, x_labels), (y, y_labels), labels = _untransposed(x, attrs[0]), _untransposed(y, attrs[1]), attrs[2]
    for one, one_labels, other, other_labels in ((x, x_labels, y, y_labels), (y, y_labels, x, x_labels)):
        if one.op == "const":
            return _scaled(one, one_labels, other, other_labels, labels)
        if one.op == "broadcast":
            return _repeated(one, one_labels, other, other_labels, labels)
    product_of_matrices = _of_matrices(x, x_labels, y, y_labels, labels)
    if product_of_matrices is not None:
        return product_of_matrices
    return summed_products([(x, y)], x_labels, y_labels, labels)


def summed_products(pairs: list[tuple[Node, Node]], x_labels: Labels, y_labels: Labels, labels: Labels) -> Node:
    """The sum of products of pairs, as a sum for loops over the labels that the result lacks."""
    x, y = pairs[0]
    sizes = dict(zip(x_labels + y_labels, x.shape + y.shape))
    first, second = (x_labels, y_labels) if len(x_labels) >= len(y_labels) else (y_labels, x_labels)
    order = first + tuple(label for label in second if label not in first)
    shape = tuple(sizes[label] for label in order)
    total: Node | None = None
    for x, y in pairs:
        term = _terms(_spread(x, x_labels, order, shape), _spread(y, y_labels, order, shape))
        total = term if total is None else make("add", total, term)
    assert total is not None
    return _arranged(_summed(total, order, labels), tuple(label for label in order if label in labels), labels)


def _untransposed(node: Node, labels: Labels) -> tuple[Node, Labels]:
    """A transposed side as the array itself, its labels in the array's order."""
    while node.op == "transpose":
        order = node.attrs[0]
        labels = tuple(labels[order.index(axis)] for axis in range(len(order)))
        node = node.args[0]
    return node, labels


def _of_matrices(x: Node, x_labels: Labels, y: Node, y_labels: Labels, labels: Labels) -> Node | None:
    """A contraction as a product of two matrices, or a batch of them, where axes that stand side by side wherever they
    occur count as one; None where it is none, or where the matrices are known to be tiny. One side of a batch may be
    the same matrix each time, as in a convolution, and the products of a batch may add up."""
    sizes = dict(zip(x_labels + y_labels, x.shape + y.shape))
    operands = x_labels, y_labels, labels
    batch = tuple(label for label in labels if label in x_labels and label in y_labels)
    groups = {group[0]: group for group in _groups(operands, batch)}
    kinds = {tuple(first in own for own in operands) for first in groups}
    if len(kinds) != 3 or len(groups) > 4:
        return None
    contracted = [group for first, group in groups.items() if first not in labels]
    is_batch = batch or len(groups) > 3
    if is_batch and _is_tiny(sizes[label] for label in _matrix_labels(operands, groups)):
        return None
    if len(contracted) > 1:
        terms = contraction(x, y, (x_labels, y_labels, (*contracted[0], *labels)))
        return make("sum", terms, attrs=(tuple(range(len(contracted[0]))),))
    kept = tuple(tuple(label for label in own if label in groups or label in batch) for own in operands)
    shapes = [tuple(product(tuple(sizes[k] for k in groups.get(label, (label,)))) for label in own) for own in kept]
    found = make("contract", _reshaped(x, shapes[0]), _reshaped(y, shapes[1]), attrs=kept)
    return _reshaped(found, tuple(sizes[label] for label in labels))


def _matrix_labels(operands: tuple[Labels, ...], groups: dict[int, Labels]) -> list[int]:
    """The labels of the matrices of a batch: of two groups that occur in the same operands, those of the last."""
    last = {tuple(first in own for own in operands): group for first, group in groups.items()}
    return [label for group in last.values() for label in group]


def _is_tiny(sizes: Iterable[Size]) -> bool:
    total = product(tuple(sizes))
    return isinstance(total, int) and total <= TINY


def _reshaped(node: Node, shape: Shape) -> Node:
    if node.shape == shape:
        return node
    if node.op == "mask":  # a product has to know which elements are absent
        return make("mask", *(_reshaped(arg, shape) for arg in node.args))
    return make("reshape", node, attrs=(shape,))


def _groups(operands: tuple[Labels, ...], batch: Labels) -> list[Labels]:
    """The labels beside those of a batch in groups that stand side by side, in one order, in each operand with them."""
    groups: list[Labels] = []
    for label in dict.fromkeys(label for own in operands for label in own if label not in batch):
        last = groups[-1][-1] if groups else None
        if last is not None and all(_follows(own, last, label) for own in operands if last in own or label in own):
            groups[-1] += (label,)
        else:
            groups.append((label,))
    return groups


def _follows(labels: Labels, first: int, second: int) -> bool:
    return first in labels and labels[labels.index(first) + 1 :][:1] == (second,)


def _terms(x: Node, y: Node) -> Node:
    """Products of elements; there is none where a mask says that one side has no element."""
    (c, x), (d, y) = ((side.args[0], side.args[1]) if side.op == "mask" else (None, side) for side in (x, y))
    terms = make("mul", x, y)
    for condition in (c, d):
        terms = terms if condition is None else make("mask", condition, terms)
    return terms


def _spread(side: Node, own: Labels, order: Labels, shape: tuple) -> Node:
    """One side of a product, repeated over the axes that it does not have."""
    if side.op == "mask":
        return make("mask", *(_spread(arg, own, order, shape) for arg in side.args))
    side, own = _sorted(side, own, order)
    return broadcast(side, shape, tuple(order.index(label) for label in own))


def _sorted(side: Node, own: Labels, order: Labels) -> tuple[Node, Labels]:
    wanted = tuple(label for label in order if label in own)
    return _arranged(side, own, wanted), wanted


def _arranged(node: Node, labels: Labels, wanted: Labels) -> Node:
    """The node with its axes in the order wanted."""
    if labels == wanted:
        return node
    return make("transpose", node, attrs=(tuple(labels.index(label) for label in wanted),))


def _summed(node: Node, labels: Labels, kept: Labels) -> Node:
    axes = tuple(axis for axis, label in enumerate(labels) if label not in kept)
    return make("sum", node, attrs=(axes,)) if axes else node


def _any(node: Node, labels: Labels, kept: Labels) -> Node | None:
    """Where a sum over the other labels has an element; None for everywhere."""
    axes = tuple(axis for axis, label in enumerate(labels) if label not in kept)
    return make("any", node.args[0], attrs=(axes,)) if axes and node.op == "mask" else None


def _repeated(one: Node, one_labels: Labels, other: Node, other_labels: Labels, labels: Labels) -> Node:
    """A contraction with an array that is repeated along some axes: without these, over sums of the other side."""
    shape, dims = one.attrs
    own = tuple(one_labels[dim] for dim in dims)
    added = [label for label in one_labels if label not in own]
    alone = [label for label in added if label not in other_labels and label not in labels]
    kept = tuple(label for label in other_labels if label not in added or label in labels)
    absent = _any(other, other_labels, kept)
    other = _summed(other, other_labels, kept)
    other = other if absent is None else make("mask", absent, other)
    inner = tuple(label for label in labels if label in own or label in kept)
    total = contraction(one.args[0], other, (own, kept, inner))
    sizes = dict(zip(one_labels, shape))
    if alone:
        count = size_node(product(tuple(sizes[label] for label in alone)), total.type.dtype)
        total = make("mul", broadcast(count, total.shape), total)
    sizes |= dict(zip(inner, total.shape))
    gone = [sizes[label] for label in added if label not in labels and not isinstance(sizes[label], int)]
    if gone:  # a sum without terms is zero, whatever they would be
        some = make("gt", size_node(product(tuple(gone)), "i64"), constant(0, Type("i64")))
        total = make("where", broadcast(some, total.shape), total, constant(0.0, total.type))
    return broadcast(total, tuple(sizes[label] for label in labels), tuple(labels.index(label) for label in inner))


def _scaled(one: Node, one_labels: Labels, other: Node, other_labels: Labels, labels: Labels) -> Node:
    """A contraction with an array that holds one number: that number times a sum of the other side."""
    total = _summed(other, other_labels, labels)
    kept = tuple(label for label in other_labels if label in labels)
    sizes = dict(zip(one_labels + other_labels, one.shape + other.shape))
    repeated = tuple(sizes[label] for label in one_labels if label not in labels and label not in other_labels)
    shape = tuple(sizes[label] for label in labels)
    total = broadcast(_arranged(total, kept, tuple(k for k in labels if k in kept)), shape,
                      tuple(labels.index(label) for label in labels if label in kept))  # fmt: skip
    if one.value == 1 and not repeated:
        return total
    factor = make("mul", constant(one.value, one.type.with_shape(())), size_node(product(repeated), one.type.dtype))
    return make("mul", broadcast(factor, shape), total)
