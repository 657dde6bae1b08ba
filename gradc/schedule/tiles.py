"""Tiles: matrix products cut along an axis. What is done to a few rows of a result then finds them in the cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable

from gradc.ir.graph import Node
from gradc.ir.sizes import Shape, Size

ROWS = 128
"""How many rows a tile has; more where the products that are added up over the tiles are large."""

TILE_ROWS = "tile.rows"
"""How many rows a tile has, as a size: no size of a program is called so."""

MAX_CANDIDATES = 4
"""How many sizes are tried for the tiles of a kernel."""


def product_labels(node: Node) -> tuple[int, ...]:
    """The labels of the axes of a product of matrices: those of the result, and the contracted one."""
    x_labels, y_labels, labels = node.attrs
    (contracted,) = {*x_labels, *y_labels}.difference(labels)
    return *labels, contracted


def matrix_axes(node: Node) -> tuple[int, int, int]:
    """Which of the axes of a product, or of a batch of them, are row, column and contracted."""
    x_labels, y_labels, labels = node.attrs
    of_x = [axis for axis, label in enumerate(labels) if label not in y_labels]
    of_y = [axis for axis, label in enumerate(labels) if label not in x_labels]
    row, column = sorted((of_x[-1], of_y[-1]))  # others are of a batch to which one side is the same
    return row, column, len(labels)


def is_batch(node: Node) -> bool:
    """Whether a contraction is a batch of products."""
    return node.op == "contract" and node.type.rank > 2


def batch_loops(node: Node) -> int:
    """How many axes of a batch come before those of the matrices: loops go through these, which other tasks share."""
    return min(matrix_axes(node)) if is_batch(node) else 0


def product_sizes(node: Node) -> Shape:
    """The sizes of the axes of a product."""
    sizes = dict(zip(node.attrs[0] + node.attrs[1], node.args[0].shape + node.args[1].shape))
    return tuple(sizes[label] for label in product_labels(node))


def operand_axes(node: Node, position: int) -> tuple[int, ...]:
    """For each axis of an operand, which axis of the product it is."""
    return tuple(product_labels(node).index(label) for label in node.attrs[position])


def cut(domain: Shape, size: Size, is_product: bool) -> tuple[int, ...]:
    """The axes along which tiles of an axis of this size may cut a task, the best first. Of a product, 0 gives rows of
    the result, 1 columns, and 2 products that add up to it."""
    order = (0, 2, 1) if is_product else range(len(domain))
    return tuple(axis for axis in order if domain[axis] == size)


def candidates(order: Iterable[Node], outputs: Container[Node]) -> list[tuple[Size, list[Node]]]:
    """The sizes along which tiles may cut, those of most products first, and the products that are no outputs and that
    each leaves whole."""
    found: Counter[Size] = Counter()
    inside: dict[Node, list[Size]] = {}
    for node in order:
        if node.op == "contract" and not is_batch(node):
            sizes = [
                size for size in dict.fromkeys(product_sizes(node)) if not (isinstance(size, int) and size <= ROWS)
            ]
            found.update(sizes)
            if node not in outputs:
                inside[node] = sizes
    return [
        (size, [node for node, sizes in inside.items() if size not in sizes])
        for size, _ in found.most_common(MAX_CANDIDATES)
    ]
