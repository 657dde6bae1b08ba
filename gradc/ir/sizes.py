"""Sizes of dimensions: whole numbers, names, and small expressions over names such as `max(n - 1, 0)`.

A size is an `int`, a `str` (the name of a size) or a `Derived`. Equal sizes are equal objects, which is
how shapes are compared; constructors below bring the sizes that slices make into one normal form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterator, Mapping, Union


@dataclass(frozen=True, slots=True)
class Derived:
    """`op` is one of `+ - * // max min`, applied to two sizes."""

    op: str
    left: Size
    right: Size

    def __str__(self) -> str:
        if self.op in ("max", "min"):
            return f"{self.op}({self.left}, {self.right})"
        return f"{_operand(self.left)} {self.op} {_operand(self.right)}"


Size = Union[int, str, Derived]
Shape = tuple[Size, ...]

_OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b,
    "max": max,
    "min": min,
}


def _operand(size: Size) -> str:
    return f"({size})" if isinstance(size, Derived) and size.op not in ("max", "min") else str(size)


def derive(op: str, left: Size, right: Size) -> Size:
    """The size `left op right`, evaluated where both are known, and with neutral elements dropped."""
    if isinstance(left, int) and isinstance(right, int):
        return _OPERATIONS[op](left, right)
    if op == "+" and isinstance(right, int) and isinstance(left, Derived) and left.op == "+" and isinstance(left.right, int):
        return derive("+", left.left, left.right + right)
    if (op in "+-" and right == 0) or (op in ("*", "//") and right == 1):
        return left
    if op in "+*" and left == (0 if op == "+" else 1):
        return right
    if op == "-" and left == right:
        return 0
    if op in ("max", "min") and left == right:
        return left
    return Derived(op, left, right)


def shrink(size: Size, count: int) -> Size:
    """`max(size - count, 0)`."""
    if count == 0:
        return size
    if isinstance(size, Derived) and size.op == "max" and size.right == 0:
        inner = size.left
        if isinstance(inner, Derived) and inner.op == "-" and isinstance(inner.right, int):
            return shrink(inner.left, inner.right + count)
    return derive("max", derive("-", size, count), 0)


def slice_extent(size: Size, start: int | None, stop: int | None, step: int) -> tuple[Size, Size]:
    """First index and length of `range(size)[start:stop:step]`; the first index means nothing when empty."""
    if isinstance(size, int):
        chosen = range(size)[start:stop:step]
        return chosen.start, len(chosen)
    if step > 0:
        first = _bound(size, start, 0)
        if (start is None or start >= 0) and (stop is None or stop < 0):
            count = shrink(size, (start or 0) - (stop or 0))
            length = count if step == 1 else derive("//", derive("+", count, step - 1), step)
            return (0 if start is None else start), length
        last = size if stop is None else _bound(size, stop, 0)
        span = derive("max", derive("-", last, first), 0)
        return first, span if step == 1 else derive("//", derive("+", span, step - 1), step)
    highest = derive("-", size, 1)
    first = highest if start is None else derive("min", highest, _bound(size, start, -1))
    last = -1 if stop is None else derive("min", highest, _bound(size, stop, -1))
    span = derive("max", derive("-", first, last), 0)
    return first, derive("//", derive("+", span, -step - 1), -step)


def _bound(size: Size, index: int | None, lowest: int) -> Size:
    """An index of a slice brought into `lowest .. size`, as Python does."""
    if index is None:
        return 0
    if index >= 0:
        return derive("min", index, size) if index else 0
    return derive("max", derive("-", size, -index), lowest)


def product(shape: Shape) -> Size:
    """The number of elements of a shape."""
    result: Size = 1
    for size in shape:
        result = derive("*", result, size)
    return result


def names(size: Size) -> Iterator[str]:
    """The names a size depends on."""
    if isinstance(size, str):
        yield size
    elif isinstance(size, Derived):
        yield from names(size.left)
        yield from names(size.right)


def substitute(size: Size, replacement: Mapping[str, Size]) -> Size:
    """The size with names replaced."""
    if isinstance(size, str):
        return replacement.get(size, size)
    if isinstance(size, Derived):
        return derive(size.op, substitute(size.left, replacement), substitute(size.right, replacement))
    return size


def evaluate(size: Size, known: Mapping[str, int]) -> int:
    """The size as a number, given the sizes of the names."""
    value = substitute(size, known)
    assert isinstance(value, int), f"{size} is not determined by {dict(known)}"
    return value
