"""How the arguments of a call hold the inputs of a kernel, and its result the outputs.

The entry follows steps made of the parts: one for each container, which takes it apart into registers, or puts it
together from some.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from gradc.ir.held import DICT, LEAF, ONE, Parts


class Arrangement(NamedTuple):
    """Which argument holds which inputs, and what a result is made of."""

    arguments: tuple[tuple[str | None, Parts], ...]
    """The name of each, None for one that goes by position, and its parts."""
    inputs: tuple[str | None, ...]
    """The input that each number or array in them is, in order; None for one that the kernel does not read."""
    result: Parts
    """Its numbers and arrays are the last outputs."""


class Steps:
    """What the entry does about the parts of a call, as 64-bit words."""

    def __init__(self, arrangement: Arrangement, outputs: int):
        self.kept: list[Any] = []
        self.registers = len(arrangement.arguments)
        self.apart: list[int] = []
        leaves = [place for k, (_, parts) in enumerate(arrangement.arguments) for place in self._apart(k, parts)]
        self.places = {name: place for name, place in zip(arrangement.inputs, leaves, strict=True) if name is not None}
        """The register of each input."""
        self.steps_apart = sum(part.kind != LEAF for _, parts in arrangement.arguments for part in parts)
        self.together: list[int] = []
        self.first = outputs - sum(part.kind == LEAF for part in arrangement.result)
        """Outputs before this one are no part of the result."""
        self.made = outputs
        self.steps_together = sum(part.kind != LEAF for part in arrangement.result)
        self._together(arrangement.result)

    def _word(self, item: Any) -> int:
        self.kept.append(item)
        return id(item)

    def _names(self, keys: Sequence[Any]) -> list[int]:
        return [self._word(sys.intern(key) if type(key) is str else key) for key in keys]

    def _apart(self, register: int, parts: Parts) -> list[int]:
        """The registers of numbers and arrays in an argument."""
        leaves, waiting = [], [register]
        for part in parts:
            at = waiting.pop()
            if part.kind == LEAF:
                leaves.append(at)
                continue
            is_dict = part.kind == DICT
            kind = dict if is_dict else part.object
            self.apart += [part.kind, at, self._word(kind), part.size, *(self._names(part.object) if is_dict else ())]
            waiting += range(self.registers + part.size - 1, self.registers - 1, -1)
            self.registers += part.size
        return leaves

    def _together(self, parts: Parts) -> None:
        """The last register made is that of the result."""
        made: list[int] = []
        left = self.made
        for part in reversed(parts):
            if part.kind == LEAF:
                left -= 1
                made.append(left)
                continue
            items = [made.pop() for _ in range(part.size)]
            is_dict = part.kind == DICT
            kind = 0 if is_dict else self._word(part.object)
            self.together += [part.kind, kind, part.size, *items, *(self._names(part.object) if is_dict else ())]
            made.append(self.made)
            self.made += 1


def plain(names: Sequence[str], result: Parts) -> Arrangement:
    """Arguments that are the inputs."""
    return Arrangement(tuple((name, ONE) for name in names), tuple(names), result)
