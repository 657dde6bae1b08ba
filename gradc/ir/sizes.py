"""Sizes of dimensions: whole numbers, names, and small expressions over names such as `max(n - 1, 0)`.

A size is an `int`, a `str` (the name of a size) or a `Derived`. Equal sizes are equal objects, which is
how shapes are compared; constructors below bring the sizes that slices make into one normal form.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from functools import lru_cache
from itertools import pairwise
from typing import Union

from gradc.language.record import dataclass

MAX_TERMS = 100
"""The most names and numbers in the formula of a size; slices of slices reach it (G0502)."""


@dataclass(frozen=True, slots=True)
class Derived:
    """`op` is one of `+ - * // max min root`, applied to two sizes; a root is the square root, rounded down, and its
    other size is 2."""

    op: str
    left: Size
    right: Size
    terms: int = field(init=False, compare=False, repr=False)
    """How many names and numbers the formula has."""
    _hash: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", terms(self.left) + terms(self.right))
        object.__setattr__(self, "_hash", hash((self.op, self.left, self.right)))

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        if self.op in CALLED:
            return f"{self.op}({self.left}, {self.right})"
        outer: list[Derived] = []
        size: Size = self
        while isinstance(size, Derived) and size.op not in CALLED:  # sums of many sizes lie one in the other
            outer.append(size)
            size = size.left
        text = str(size)
        for k, whole in enumerate(reversed(outer)):
            text = f"({text})" if k else text
            text += f" {whole.op} {_operand(whole.right)}"
        return text


Size = Union[int, str, Derived]
Shape = tuple[Size, ...]

OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b,
    "max": max,
    "min": min,
    "root": lambda a, b: math.isqrt(max(a, 0)),
}

CALLED = ("max", "min", "root")
"""Operations that are written like functions."""


def _operand(size: Size) -> str:
    return f"({size})" if isinstance(size, Derived) and size.op not in CALLED else str(size)


def terms(size: Size) -> int:
    """How many names and numbers the formula of a size has."""
    return size.terms if isinstance(size, Derived) else 1


def derive(op: str, left: Size, right: Size) -> Size:
    """The size `left op right`, evaluated where both are known, and with neutral elements dropped."""
    if isinstance(left, int) and isinstance(right, int):
        return OPERATIONS[op](left, right)
    if op in "+-" and isinstance(right, int):
        base, offset = _offset(left)
        total = offset + (right if op == "+" else -right)
        return base if total == 0 else Derived("+", base, total) if total > 0 else Derived("-", base, -total)
    if op == "max" and isinstance(right, int) and right <= 0 and is_natural(left):
        return left
    if (op in "+-" and right == 0) or (op in ("*", "//") and right == 1):
        return left
    if op in "+*" and left == (0 if op == "+" else 1):
        return right
    if op == "-" and left == right:
        return 0
    if op == "+" and isinstance(right, Derived) and right.op == "-" and right.right == left:
        return right.left
    if (
        op == "+"
        and isinstance(left, Derived)
        and left.op == "*"
        and left.left == right
        and isinstance(left.right, int)
    ):
        return derive("*", right, left.right + 1)
    if op in ("max", "min") and _offset(left)[0] == _offset(right)[0]:
        return left if OPERATIONS[op](_offset(left)[1], _offset(right)[1]) == _offset(left)[1] else right
    if op in ("max", "min") and isinstance(left, str) and isinstance(right, str):
        left, right = sorted((left, right))  # the same size whichever is named first
    return _shortened(Derived(op, left, right))


SHORT = 4
"""Formulas of at most this many names and numbers stay as they are."""

DEEPEST = 600
"""Names and numbers in the formula of a size, at most: they are found one in the other (G0502)."""

MAX_REACH = 64
"""Formulas whose numbers come to more than this are not shortened."""


@lru_cache(maxsize=4096)
def _shortened(size: Derived) -> Size:
    """A formula in one name as a sum of `max(name - knot, 0)` where that is shorter: `min(1, n) + max(n - 1, 0)` is n.

    Without division such a formula is linear beyond its numbers, so that finitely many values determine it. What
    slices and concatenations make of each other's sizes would otherwise grow with every statement.
    """
    found = set(names(size)) if SHORT < size.terms <= DEEPEST else set()
    if len(found) != 1 or (reach := _reach(size)) > MAX_REACH or upper_bound(size) < math.inf:
        return size  # one that is bounded shows by which number
    (name,) = found
    values = [_value(size, number) for number in range(reach + 3)]
    slopes = [after - before for before, after in pairwise(values)]
    knots = [(0, slopes[0])] + [(k, slopes[k] - slopes[k - 1]) for k in range(1, len(slopes))]
    total: Size = values[0]
    for knot, change in knots:
        if change:
            hinge: Size = name if knot == 0 else Derived("max", Derived("-", name, knot), 0)
            term = hinge if abs(change) == 1 else Derived("*", hinge, abs(change))
            if total == 0 and change > 0:
                total = term
            else:
                total = Derived("+" if change > 0 else "-", total, term)
    if isinstance(total, Derived) and total.op == "+" and isinstance(total.left, int):
        total = derive("+", total.right, total.left)
    return total if terms(total) < size.terms else size


def _reach(size: Size) -> int:
    """Where a formula is linear from, at the latest; beyond every limit where it divides."""
    if not isinstance(size, Derived):
        return abs(size) if isinstance(size, int) else 0
    left, right = _reach(size.left), _reach(size.right)
    if size.op in ("//", "root") or (
        size.op == "*" and not isinstance(size.right, int) and not isinstance(size.left, int)
    ):
        return MAX_REACH + 1
    return left * right if size.op == "*" and left and right else left + right


def _value(size: Size, number: int) -> int:
    """A formula in one name, for a number in its place."""
    if isinstance(size, Derived):
        return OPERATIONS[size.op](_value(size.left, number), _value(size.right, number))
    return size if isinstance(size, int) else number


def _offset(size: Size) -> tuple[Size, int]:
    """A size as another one plus a number."""
    if isinstance(size, Derived) and size.op in "+-" and isinstance(size.right, int):
        return size.left, size.right if size.op == "+" else -size.right
    return size, 0


def is_natural(size: Size) -> bool:
    """Whether a size cannot be negative, as far as its last operation tells."""
    if isinstance(size, Derived):
        return size.op == "max" and isinstance(size.right, int) and size.right >= 0
    return isinstance(size, str)


def shrink(size: Size, count: int) -> Size:
    """`max(size - count, 0)`."""
    if count == 0:
        return size
    if isinstance(size, Derived) and size.op == "max" and size.right == 0:
        inner = size.left
        if isinstance(inner, Derived) and inner.op == "-" and isinstance(inner.right, int):
            return shrink(inner.left, inner.right + count)
    return derive("max", derive("-", size, count), 0)


def slice_extent(size: Size, start: Size | None, stop: Size | None, step: int) -> tuple[Size, Size]:
    """First index and length of `range(size)[start:stop:step]`; the first index means nothing when empty. A start and a
    stop that are computed from sizes are not negative, and the step is positive.

    The formulas speak of `size` once, unless start and stop count from different ends: slices of slices must not
    double with every step.
    """
    if not (isinstance(start, int | None) and isinstance(stop, int | None)):
        first = _clipped(size, start or 0)
        count = _difference(size if stop is None else _clipped(size, stop), first)
    elif isinstance(size, int):
        chosen = range(size)[start:stop:step]
        return chosen.start, len(chosen)
    else:
        first, count = (_ascending if step > 0 else _descending)(size, start, stop)
    if abs(step) > 1:
        count = derive("//", derive("+", count, abs(step) - 1), abs(step))
    return first, count


def _clipped(size: Size, at: Size) -> Size:
    """Where in `range(size)` an end of a slice lies; below zero it counts from the end."""
    return shrink(size, -at) if isinstance(at, int) and at < 0 else derive("min", at, size)


def _ascending(size: Size, start: int | None, stop: int | None) -> tuple[Size, Size]:
    """First index and length of `range(size)[start:stop]`."""
    if start is None or start >= 0:
        first = start or 0
        return first, shrink(size if stop is None or stop < 0 else derive("min", stop, size), first - min(stop or 0, 0))
    first_from_end = shrink(size, -start)
    if stop is None or stop < 0:
        return first_from_end, shrink(derive("min", size, -start), -(stop or 0))
    return first_from_end, _difference(derive("min", stop, size), first_from_end)


def _descending(size: Size, start: int | None, stop: int | None) -> tuple[Size, Size]:
    """First index and length of `range(size)[start:stop:-1]`."""
    highest = derive("-", size, 1)
    if start is None or start >= 0:
        first = highest if start is None else derive("min", highest, start)
        if stop is None or stop >= 0:
            return first, _difference(first, -1 if stop is None else stop)
        if start is None:
            return first, derive("min", size, -stop - 1)
        return first, _difference(first, derive("max", derive("-", size, -stop), -1))
    first = derive("max", derive("-", size, -start), -1)
    if stop is None or stop < 0:
        through = derive("+", size, 1)
        return first, shrink(through if stop is None else derive("min", through, -stop), -start)
    return first, _difference(first, stop)


def _difference(left: Size, right: Size) -> Size:
    """`max(left - right, 0)`."""
    return derive("max", derive("-", left, right), 0)


def upper_bound(size: Size) -> float:
    """The largest number that a size can be, whatever the sizes by name: infinity where nothing bounds it."""
    if not isinstance(size, Derived):
        return size if isinstance(size, int) else math.inf
    left, right = upper_bound(size.left), upper_bound(size.right)
    match size.op:
        case "min":
            return min(left, right)
        case "max":
            return max(left, right)
        case "-" | "//" if isinstance(size.right, int) and left != math.inf:
            return OPERATIONS[size.op](int(left), size.right)
    return (
        math.inf
        if math.inf in (left, right) or size.op in ("-", "//", "root")
        else OPERATIONS[size.op](int(left), int(right))
    )


def product(shape: Shape) -> Size:
    """The number of elements of a shape."""
    result: Size = 1
    for size in shape:
        result = derive("*", result, size)
    return result


def renamed(size: Size, named: Mapping[Size, str]) -> Size:
    """The size with names for formulas that have some."""
    if size in named:
        return named[size]
    if isinstance(size, Derived):
        return Derived(size.op, renamed(size.left, named), renamed(size.right, named))
    return size


def has_root(size: Size) -> bool:
    """Whether a formula has a root: such are the sizes of segments, which long loops are cut into."""
    stack = [size]
    while stack:
        part = stack.pop()
        if isinstance(part, Derived):
            if part.op == "root":
                return True
            stack += (part.left, part.right)
    return False


def names(size: Size) -> Iterator[str]:
    """The names a size depends on."""
    stack = [size]
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, Derived):
            stack += (part.right, part.left)


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
