"""Names in generated code: the user's where they are free."""

from __future__ import annotations

import keyword
from itertools import chain, count

from gradc.loops.support import HELPERS

RESERVED = {"np", "math", "njit", "range", "min", "max", "abs", "int", "float", "len", "ValueError",
            "IndexError", "bool", "BLOCK", "ROWS", "CACHE", "value", "value_and_grad", *HELPERS}  # fmt: skip
"""What a generated module itself calls by name."""


class Names:
    """Names that are free in the function."""

    def __init__(self, taken: set[str]):
        self.taken = set(taken)

    def new(self, wanted: str) -> str:
        """`wanted`, or the same with underscores behind it."""
        while wanted in self.taken or keyword.iskeyword(wanted) or wanted in RESERVED:
            wanted += "_"
        self.taken.add(wanted)
        return wanted

    def numbered(self, wanted: str) -> str:
        """`wanted`, or `wanted2`, `wanted3`, ... where it is taken."""
        candidates = chain([wanted], (f"{wanted}{k}" for k in count(2)))
        return self.new(next(name for name in candidates if name not in self.taken))

    def next(self, stem: str) -> str:
        """The first of `stem0`, `stem1`, ... that is free."""
        return self.new(next(f"{stem}{k}" for k in count() if f"{stem}{k}" not in self.taken))
