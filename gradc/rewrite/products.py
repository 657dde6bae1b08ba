"""Products of matrices of which only a part is asked for, or in which one side is zero almost everywhere."""

from __future__ import annotations

from gradc.ir.graph import Node, broadcast, make
from gradc.ir.ops import others

Labels = tuple[int, ...]


def diagonal(node: Node) -> Node | None:
    """The diagonal of a product as a product along it: `trace(A @ B)` needs no element beside the diagonal."""
    product, index = node.args
    (second,) = node.attrs
    order = range(product.type.rank)
    if product.op == "transpose":
        (order,), product = product.attrs, product.args[0]
    if product.op != "contract" or index.op != "iota":
        return None
    first = index.attrs[0]
    x_labels, y_labels, labels = product.attrs
    labels = tuple(labels[axis] for axis in order)
    row, column = labels[first], labels[second]
    if any(row in own and column in own for own in (x_labels, y_labels)):
        return None
    merged = tuple(tuple(row if label == column else label for label in own) for own in (x_labels, y_labels))
    kept = others(len(labels), (second,))
    along = make("contract", *product.args, attrs=(*merged, tuple(labels[axis] for axis in kept)))
    return broadcast(along, node.shape, kept)


def sparse(node: Node) -> Node:
    """A product with a diagonal matrix scales, and one with rows of an identity matrix picks; other nodes stay."""
    if node.op != "contract":
        return node
    x_labels, y_labels, labels = node.attrs
    sides = ((*node.args, x_labels, y_labels), (*node.args[::-1], y_labels, x_labels))
    for side, other, own, others_own in sides:
        result = _scaled(side, other, own, others_own, labels) or _picked(side, other, own, others_own, labels)
        if result is not None:
            return result
    return node


def _scaled(side: Node, other: Node, own: Labels, others_own: Labels, labels: Labels) -> Node | None:
    """`diag(v) @ other`: the two axes of the diagonal matrix are one."""
    spread = _where(side)
    if spread is None or spread[0].op != "iota" or spread[1].op != "iota" or len(own) != 2:
        return None
    value = side.args[1]
    if value.op != "broadcast" or value.args[0].type.rank != 1:
        return None
    for gone, stays in (own, own[::-1]):
        if gone not in labels and gone in others_own and stays not in others_own:
            merged = tuple(stays if label == gone else label for label in others_own)
            return make("contract", value.args[0], other, attrs=((stays,), merged, labels))
    return None


def _picked(side: Node, other: Node, own: Labels, others_own: Labels, labels: Labels) -> Node | None:
    """`one_hot(index, size) @ other`: for each index a row of the other side."""
    spread = _where(side)
    if spread is None or side.args[1].op != "const" or side.args[1].value != 1:
        return None
    for here, index in (spread, spread[::-1]):
        if here.op == "iota" and index.op == "broadcast":
            axis = here.attrs[0]
            chosen, dims = index.args[0], index.attrs[1]
            label, rows = own[axis], tuple(own[dim] for dim in dims)
            is_picked = label in others_own and label not in labels and dims == others(len(own), (axis,))
            if is_picked and all(row in labels and row not in others_own for row in rows):
                at = others_own.index(label)
                found = make("take", other, chosen, attrs=(at,))
                return _ordered(found, (*others_own[:at], *rows, *others_own[at + 1 :]), labels)
    return None


def _where(side: Node) -> tuple[Node, Node] | None:
    """The two sides of `a == b` in `where(a == b, value, 0)`."""
    if side.op != "where" or side.args[0].op != "eq" or side.args[2].op != "const" or side.args[2].value != 0:
        return None
    left, right = side.args[0].args
    return left, right


def _ordered(node: Node, labels: Labels, wanted: Labels) -> Node | None:
    """The node with its axes in the order wanted; None where it has others."""
    if set(labels) != set(wanted):
        return None
    return node if labels == wanted else make("transpose", node, attrs=(tuple(labels.index(k) for k in wanted),))


def with_squares_summed(node: Node) -> Node:
    """The product of vectors with themselves as sums of squares."""
    x_labels, y_labels, labels = node.attrs
    is_square = node.args[0] is node.args[1] and x_labels == y_labels
    if not is_square or labels != tuple(label for label in x_labels if label in labels):
        return node
    squares, axes = make("square", node.args[0]), tuple(k for k, label in enumerate(x_labels) if label not in labels)
    return make("sum", squares, attrs=(axes,)) if axes else squares


def with_root_inside(node: Node) -> Node:
    """The square root of a sum that is repeated, as the repeated root."""
    (arg,) = node.args
    if arg.op != "broadcast" or arg.args[0].op != "sum":
        return node
    return broadcast(make("sqrt", arg.args[0]), *arg.attrs)
