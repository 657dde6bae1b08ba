"""How a value is put together of parts: lists, tuples and dicts of numbers and arrays.

Part by part, each container before what is in it: `Held(LEAF)` is a number or an array.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

TUPLE, LIST, DICT, SAME, LEAF = range(5)


class Held(NamedTuple):
    """What a part is: a tuple of a type, a list, a dict with some keys, a number or an array, or an object that is
    always the same one."""

    kind: int
    object: Any = None
    """The type of a tuple, the keys of a dict, the object."""
    size: int = 0
    """How many parts it has itself."""


Parts = Sequence[Held]
ONE: tuple[Held, ...] = (Held(LEAF),)
"""A number or an array."""


def tuple_of(count: int, kind: type = tuple) -> Held:
    return Held(TUPLE, kind, count)


def parts_of(value: Any, kinds: Sequence[type] = (tuple, list, dict)) -> tuple[Parts, list[Any]]:
    """The parts of a container of one of these types, and the numbers and arrays in it; anything else is one."""
    kind = type(value)
    if kind not in kinds:
        return ONE, [value]
    leaves = list(value.values() if kind is dict else value)
    if kind is dict:
        head = Held(DICT, tuple(value), len(leaves))
    else:
        head = Held(LIST, list, len(leaves)) if kind is list else tuple_of(len(leaves), kind)
    return (head, *ONE * len(leaves)), leaves
