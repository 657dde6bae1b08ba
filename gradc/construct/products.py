"""Products of arrays: `@`, `dot`, `outer`, all of them contractions of labelled axes."""

from __future__ import annotations

import re
from string import ascii_letters

from gradc.construct.builder import GraphBuilder
from gradc.construct.describe import describe, sides
from gradc.ir.graph import Node, iota, make, squeeze
from gradc.ir.sizes import Size
from gradc.ir.types import shape_text
from gradc.language.diagnostics import Error
from gradc.language.source import Span
from gradc.language.spelling import counted

LEFT, INNER, RIGHT = 0, 1, 2
"""Labels of the axes of a matrix product; those of stacked matrices follow."""


def matmul(builder: GraphBuilder, left: Node, right: Node, span: Span | None) -> Node:
    """NumPy's `@`: vectors, matrices, and stacks of matrices that broadcast."""
    left, right = builder.numbers((left, right))
    for side in (left, right):
        if side.type.rank == 0:
            raise Error(
                "G0201", "`@` multiplies arrays, not numbers", span, label=f"{describe(side)} is {side.type}",
                help="write `*` to multiply by a number",
            )  # fmt: skip
    left_labels = (INNER,) if left.type.rank == 1 else (LEFT, INNER)
    right_labels = (INNER,) if right.type.rank == 1 else (INNER, RIGHT)
    _inner_sizes(builder, (left, right), left.shape[-1], right.shape[0 if right.type.rank == 1 else -2], span)
    (left, left_stack), (right, right_stack) = _stacks(builder, left, right, span)
    result = tuple(dict.fromkeys(sorted(left_stack + right_stack)))
    result += tuple(label for label in left_labels[:-1] + right_labels[1:])
    return contract(left, right, left_stack + left_labels, right_stack + right_labels, result)


def _stacks(builder: GraphBuilder, left: Node, right: Node, span: Span | None) -> list[tuple[Node, tuple[int, ...]]]:
    """Both sides with labels for the axes before the matrices; axes of size one that broadcast are dropped."""
    depth = max(left.type.rank, right.type.rank, 2) - 2
    found = []
    for side, other in ((left, right), (right, left)):
        own = max(side.type.rank - 2, 0)
        labels, dropped = [], []
        for axis in range(own):
            place = axis - own  # from the end of the stack
            facing = other.shape[place - 2] if other.type.rank - 2 >= -place else 1
            if side.shape[axis] == 1 and facing != 1:
                dropped.append(axis)
                continue
            labels.append(RIGHT + 1 + depth + place)
            if facing not in (1, side.shape[axis]):
                _stack_sizes(builder, (left, right), side.shape[axis], facing, span)
        found.append((squeeze(side, tuple(dropped)), tuple(labels)))
    return found


def inner(builder: GraphBuilder, left: Node, right: Node, span: Span | None) -> Node:
    """NumPy's `dot`: of numbers their product; of arrays `@`, but stacks do not broadcast: each meets each."""
    ranks = left.type.rank, right.type.rank
    if 0 in ranks:
        return builder.elementwise("mul", left, right, span=span)
    if ranks[0] < 2 or ranks[1] < 3:
        return matmul(builder, left, right, span)
    left, right = builder.numbers((left, right))
    _inner_sizes(builder, (left, right), left.shape[-1], right.shape[-2], span)
    rows, columns = tuple(range(1, ranks[0])), tuple(range(ranks[0], sum(ranks) - 1))
    return contract(left, right, (*rows, 0), (*columns[:-1], 0, columns[-1]), rows + columns)


def outer(builder: GraphBuilder, left: Node, right: Node, span: Span | None) -> Node:
    """Every element of one vector times every element of another."""
    left, right = builder.numbers((left, right))
    for side in (left, right):
        if side.type.rank != 1:
            raise Error("G0201", "`outer` takes two vectors", span, label=f"{describe(side)} is {side.type}")
    return contract(left, right, (LEFT,), (RIGHT,), (LEFT, RIGHT))


def contract(left: Node, right: Node, left_labels: tuple, right_labels: tuple, labels: tuple) -> Node:
    return make("contract", left, right, attrs=(left_labels, right_labels, labels))


def _inner_sizes(
    builder: GraphBuilder, operands: tuple[Node, Node], left: Size, right: Size, span: Span | None
) -> None:
    if left == right:
        return
    if isinstance(left, int) and isinstance(right, int):
        raise Error(
            "G0201", f"sizes {left} and {right} are incompatible in a matrix product", span, label=sides(operands),
            help="the last axis of the left side is paired with the second-to-last axis of the right side",
        )  # fmt: skip
    builder.same_size(left, right, span)


# ---------------------------------------------------------------- Einstein's notation


TERM = re.compile(r"[A-Za-z]*(\.\.\.[A-Za-z]*)?")
"""The subscripts of one array."""


def einsum(builder: GraphBuilder, subscripts: str, operands: tuple[Node, ...], span: Span | None) -> Node:
    """NumPy's `einsum`: a letter for each axis; letters that the result lacks are summed over; sizes of 1 and the axes
    of `...` broadcast."""
    labels, wanted = _labels(subscripts, operands, span)
    pairs = [_diagonals(builder, *pair, span) for pair in zip(builder.numbers(operands), labels)]
    pairs = _broadcast(builder, pairs, span)
    found, own = pairs[0]
    for k, (operand, more) in enumerate(pairs[1:], 1):
        needed = wanted + "".join(later for _, later in pairs[k + 1 :])
        found, own = _reduced(found, own, needed + more)
        operand, more = _reduced(operand, more, needed + own)
        kept = "".join(letter for letter in dict.fromkeys(own + more) if letter in needed)
        found = contract(found, operand, *(tuple(map(ascii_letters.index, part)) for part in (own, more, kept)))
        own = kept
    found, own = _reduced(found, own, wanted)
    return found if own == wanted else make("transpose", found, attrs=(tuple(own.index(letter) for letter in wanted),))


def _labels(subscripts: str, operands: tuple[Node, ...], span: Span | None) -> tuple[list[str], str]:
    """The letters of the axes of each array, and those of the result."""
    written, arrow, wanted = subscripts.replace(" ", "").partition("->")
    labels = written.split(",")
    for part in (*labels, wanted):
        if not TERM.fullmatch(part):
            raise Error(
                "G0201", f"`{part}` is not a valid subscript of `einsum`", span,
                help="write a letter for each axis, `...` for axes that broadcast, `,` between arrays, one `->`",
            )  # fmt: skip
    if len(labels) != len(operands):
        raise Error("G0303", f"subscripts for {len(labels)} arrays, but {len(operands)} given", span)
    if not arrow:
        wanted = "..." * ("..." in written)
        wanted += "".join(sorted(letter for letter in set(written) - set(",.") if written.count(letter) == 1))
    for letter in set(wanted) - {"."}:
        if wanted.count(letter) > 1 or letter not in written:
            help = "name each axis of the result once"
            raise Error("G0201", f"`{letter}` cannot be an axis of the result", span, help=help)
    rest = "".join(letter for letter in ascii_letters if letter not in written)
    depths = [_depth(own, operand, span) for own, operand in zip(labels, operands)]
    if "..." not in wanted and any(depths):
        raise Error("G0201", "the result lacks the axes of `...`", span, help=f"write `->...{wanted}`")
    labels = [own.replace("...", rest[max(depths) - depth : max(depths)]) for own, depth in zip(labels, depths)]
    return labels, wanted.replace("...", rest[: max(depths)])


def _depth(labels: str, operand: Node, span: Span | None) -> int:
    """How many axes `...` stands for."""
    letters = len(labels.replace("...", ""))
    depth = operand.type.rank - letters
    if depth < 0 or (depth and "..." not in labels):
        message = f"{counted(letters, 'subscript')} for an array with {counted(operand.type.rank, 'axis', 'axes')}"
        raise Error("G0201", message, span, label=f"{describe(operand)} is {operand.type}")
    return depth


def _broadcast(builder: GraphBuilder, pairs: list[tuple[Node, str]], span: Span | None) -> list[tuple[Node, str]]:
    """The arrays without axes of size 1 whose letter stands for another size elsewhere."""
    sizes: dict[str, Size] = {}
    operands = tuple(operand for operand, _ in pairs)
    for operand, own in pairs:
        for letter, size in zip(own, operand.shape):
            known = sizes.setdefault(letter, size)
            if known == 1:
                sizes[letter] = size
            elif size != 1:
                builder.equal_sizes(known, size, operands, span)
    found = []
    for operand, own in pairs:
        dropped = tuple(axis for axis, letter in enumerate(own) if operand.shape[axis] == 1 and sizes[letter] != 1)
        kept = "".join(letter for axis, letter in enumerate(own) if axis not in dropped)
        found.append((squeeze(operand, dropped), kept))
    return found


def _diagonals(builder: GraphBuilder, node: Node, labels: str, span: Span | None) -> tuple[Node, str]:
    """A repeated letter takes the diagonal of its two axes."""
    for letter in dict.fromkeys(labels):
        while labels.count(letter) > 1:
            axes = labels.index(letter), labels.rindex(letter)
            builder.equal_sizes(node.shape[axes[0]], node.shape[axes[1]], (node,), span)
            node = diagonal(node, *axes)
            labels = labels[: axes[1]] + labels[axes[1] + 1 :]
    return node, labels


def diagonal(node: Node, first: int, second: int) -> Node:
    """The elements whose indices on two axes agree; the second axis is gone."""
    shape = tuple(1 if axis == second else size for axis, size in enumerate(node.shape))
    return squeeze(make("take_along", node, iota(shape, first), attrs=(second,)), (second,))


def _reduced(node: Node, labels: str, needed: str) -> tuple[Node, str]:
    """Sums over the axes whose letters nobody needs any more."""
    axes = tuple(axis for axis, letter in enumerate(labels) if letter not in needed)
    kept = "".join(letter for letter in labels if letter in needed)
    return (make("sum", node, attrs=(axes,)), kept) if axes else (node, labels)


def _stack_sizes(builder: GraphBuilder, operands: tuple[Node, Node], one: Size, other: Size, span: Span | None) -> None:
    if isinstance(one, int) and isinstance(other, int):
        shapes = " and ".join(shape_text(side.shape[:-2]) for side in operands)
        raise Error(
            "G0203", f"stacks of matrices of shapes {shapes} do not broadcast", span, label=sides(operands),
            help="the axes before the last two broadcast: give both the same size, or make one of them size 1",
        )  # fmt: skip
    builder.same_size(one, other, span)
