"""`V @ diag(g) @ V.T` with the eigenvectors of A, however it is written: one op, whose derivative exists where
eigenvalues are equal and that of the eigenvectors does not."""

from __future__ import annotations

from typing import NamedTuple

from gradc.ir.graph import Node, broadcast, constant, iota, make

Labels = tuple[int, ...]


class ScaledVectors(NamedTuple):
    """Eigenvectors in a product, with the labels of their axes, and what each is multiplied by."""

    vectors: Node
    labels: Labels
    weights: Node | None
    columns: tuple[int, int] | None
    """Where not all of them are there: the first, and how many."""


def of_spectrum(node: Node) -> Node | None:
    """The product as a function of the matrix; None for any other."""
    left_labels, right_labels, labels = node.attrs
    left, right = _side(node.args[0], left_labels), _side(node.args[1], right_labels)
    if left is None or right is None or left.vectors is not right.vectors or left.columns != right.columns:
        return None
    (*stack, row, shared), (*other_stack, column, other) = left.labels, right.labels
    if shared != other or row == column or stack != other_stack or sorted(labels) != sorted((*stack, row, column)):
        return None
    if labels[:-2] != tuple(stack):
        return None
    A = left.vectors.args[0]
    weights = [side.weights for side in (left, right) if side.weights is not None]
    if not weights:
        weights = [_chosen(left, A)]
    total = weights[0] if len(weights) == 1 else make("mul", *weights)
    rank = total.type.rank
    spread = broadcast(total, (*total.shape[:-1], 1, total.shape[-1]), (*range(rank - 1), rank))
    return make("spectral", A, spread)


def _chosen(side: ScaledVectors, A: Node) -> Node:
    """1 for the eigenvectors that are there, 0 for the others."""
    type = A.type.with_shape(A.shape[:-1])
    one = constant(1.0, type)
    if side.columns is None:
        return one
    first, count = side.columns
    here = iota(type.shape, type.rank - 1)
    after = make("ge", here, constant(first, here.type))
    before = make("lt", here, constant(first + count, here.type))
    return make("where", make("and", after, before), one, constant(0.0, type))


def _reciprocal(x: Node) -> Node:
    return make("div", constant(1.0, x.type), x)


def _side(node: Node, labels: Labels) -> ScaledVectors | None:
    """One side of a product, below what turns and scales it."""
    weights: list[Node] = []
    columns = None
    k = -1
    while node.op != "eigenvectors":
        if node.op == "transpose":
            order = node.attrs[0]
            moved = [0] * len(labels)
            for place, axis in enumerate(order):
                moved[axis] = labels[place]
            node, labels = node.args[0], tuple(moved)
        elif node.row.sign and len(node.args) == 2 and columns is None:
            if node.op == "mul":
                position = 0 if node.args[1].op == "broadcast" else 1
            elif node.op == "div":
                position = 0
            else:
                return None
            other = node.args[1 - position]
            if other.op != "broadcast" or other.attrs[1] == ():
                return None
            along = tuple(labels[axis] for axis in other.attrs[1])
            weight = other.args[0] if node.op == "mul" else _reciprocal(other.args[0])
            if k not in (-1, along[-1]) or len(along) != len(labels) - 1:
                return None
            k, node = along[-1], node.args[position]
            weights.append(weight)
        elif node.op == "contract" and columns is None:
            one, _, result = node.attrs
            position = 0 if len(one) == len(labels) else 1
            own, its = node.attrs[position], node.attrs[1 - position]
            if own != result or len(its) != len(own) - 1 or not set(its) <= set(own):
                return None
            along = tuple(labels[own.index(label)] for label in its)
            if k not in (-1, along[-1]):
                return None
            k, weight, node = along[-1], node.args[1 - position], node.args[position]
            weights.append(weight)
        elif node.op == "slice" and columns is None and not weights:
            *whole, (first, step, count) = node.attrs[0]
            is_whole = all((a, b) == (0, 1) and c == size for (a, b, c), size in zip(whole, node.args[0].shape))
            if not is_whole or step != 1 or not isinstance(first, int) or not isinstance(count, int):
                return None
            columns, node = (first, count), node.args[0]
        else:
            return None
    if k not in (-1, labels[-1]):
        return None
    total = None
    for weight in weights:
        if weight.type != node.type.with_shape(node.shape[:-1]):
            return None
        total = weight if total is None else make("mul", total, weight)
    return ScaledVectors(node, labels, total, columns)
