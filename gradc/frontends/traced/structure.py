"""Arguments with parts: lists, tuples and dicts of numbers and arrays, taken apart and put together again."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradc.ir.graph import fresh
from gradc.ir.held import DICT, LIST, SAME, TUPLE, Held, Parts
from gradc.language.diagnostics import Error

MAX_PARTS = 100_000
"""How many parts an argument may have (G0502)."""

MAX_NESTED = 64
"""How deep lists and dicts may be nested (G0502); one that contains itself is deeper."""


class _Leaf:
    """The place of a number or an array."""

    def __repr__(self) -> str:
        return "*"


LEAF = _Leaf()


@dataclass(frozen=True)
class Structure:
    """How a value is put together, in the order in which it is read: for each part what it is, and how many parts of
    its own it has. Structures of equal values are equal, so that they are keys."""

    steps: tuple[tuple[Hashable, int], ...]

    def filled(self, leaves: Iterable[Any]) -> Any:
        """The value with these leaves."""
        rest = list(leaves)
        made: list[Any] = []
        for what, count in reversed(self.steps):
            if what is LEAF:
                made.append(rest.pop())
                continue
            parts = [made.pop() for _ in range(count)]
            made.append(_put_together(what, parts))
        return made[0]

    def parts(self, leaves: Iterable[Held]) -> Parts | None:
        """The same as the entry of kernels knows it, with these leaves; None where a container is of another kind."""
        rest = iter(leaves)
        made = []
        for what, count in self.steps:
            if what is LEAF:
                made.append(next(rest))
            elif isinstance(what, _Static):
                made.append(Held(SAME, what.value))
            elif isinstance(what, _Keys):
                made.append(Held(DICT, what.keys, count))
            elif what is list or what is tuple:
                made.append(Held(LIST if what is list else TUPLE, what, count))
            else:
                return None
        return made

    def without_values(self) -> Structure:
        """The same with None for every value that is no leaf: the structure of a gradient."""
        steps = (
            (what, count) if _is_container(what) or what is LEAF else (_Static(None), 0) for what, count in self.steps
        )
        return Structure(tuple(steps))


@dataclass(frozen=True)
class _Static:
    """A value that is no number and no array: the function sees it as it is."""

    value: Hashable

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Static) and type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


@dataclass(frozen=True)
class _Keys:
    """A dict with these keys."""

    keys: tuple[Hashable, ...]


def _is_container(what: Hashable) -> bool:
    return isinstance(what, (_Keys, type))


def _put_together(what: Any, parts: list[Any]) -> Any:
    if isinstance(what, _Static):
        return what.value
    if isinstance(what, _Keys):
        return dict(zip(what.keys, parts))
    return parts if what is list else tuple(parts) if what is tuple else what(*parts)


def is_leaf(value: Any) -> bool:
    """Whether a value is a number or an array."""
    kind = type(value)
    return (
        kind is float
        or kind is np.ndarray
        or kind is int
        or isinstance(value, (np.generic, np.ndarray))
        or (isinstance(value, (int, float, complex)) and not isinstance(value, bool))
        or (hasattr(value, "__array__") and not isinstance(value, type))
    )


@dataclass(frozen=True)
class TakenApart:
    """A value taken apart: its structure, its leaves in order, and a name for each of them."""

    structure: Structure
    leaves: list[Any]
    names: list[str]


def take_apart(value: Any, name: str) -> TakenApart:
    """The leaves of an argument. Raises `Error` where a part can be no key of a cache, such as a set."""
    if is_leaf(value):
        return TakenApart(_ONE, [value], [name])
    steps: list[tuple[Hashable, int]] = []
    leaves: list[Any] = []
    names: list[str] = []
    stack = [(value, name, 0)]
    while stack:
        part, called, depth = stack.pop()
        if depth > MAX_NESTED:
            raise Error("G0502", f"argument `{name}` is nested more than {MAX_NESTED} deep", help="pass arrays")
        if len(steps) + len(stack) > MAX_PARTS:
            raise Error("G0502", f"argument `{name}` has more than {MAX_PARTS:,} parts", help="pass arrays")
        if is_leaf(part):
            steps.append((LEAF, 0))
            leaves.append(part)
            names.append(called)
            continue
        inside: list[tuple[Any, str]] = []
        what: Any
        if isinstance(part, dict):
            what = _Keys(tuple(part))
            inside = [(item, f"{called}_{key}") for key, item in part.items()]
        elif type(part) in (list, tuple):
            what = type(part)
            inside = [(item, f"{called}_{at}") for at, item in enumerate(part)]
        elif isinstance(part, tuple) and hasattr(part, "_fields"):
            what = type(part)
            inside = [(item, f"{called}_{field}") for field, item in zip(part._fields, part)]
        else:
            what = _static(part, name)
        steps.append((what, len(inside)))
        stack += [(item, label, depth + 1) for item, label in reversed(inside)]
    return TakenApart(Structure(tuple(steps)), leaves, [re.sub(r"\W", "_", each, flags=re.ASCII) for each in names])


_ONE = Structure(((LEAF, 0),))


def _static(value: Any, name: str) -> _Static:
    try:
        hash(value)
    except TypeError:
        raise Error(
            "G0602", f"argument `{name}` holds a {type(value).__name__}, which gradc cannot tell from another one",
            help="pass numbers, arrays, and lists, tuples and dicts of them; other values have to be hashable",
        ) from None  # fmt: skip
    return _Static(value)


def distinct(names: Iterable[str], taken: Iterable[str]) -> list[str]:
    """The names, each different from the others and from those that are taken."""
    known = set(taken)
    found = []
    for name in names:
        name = fresh(name, known)
        known.add(name)
        found.append(name)
    return found


def whole(parts: Mapping[str, TakenApart]) -> tuple[tuple[str, Structure], ...]:
    """The structures of several arguments by name, as a key."""
    return tuple((name, each.structure) for name, each in parts.items())
