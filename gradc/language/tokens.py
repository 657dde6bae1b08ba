"""What a program is read as first: words, numbers, operators, brackets."""

from __future__ import annotations

from typing import NamedTuple

RESERVED = frozenset("and or not if else def True False None".split())
"""The only words that cannot be names."""

WORDS = ("assume_a", "method", "mode", "side", "trans")
"""The arguments that are texts."""

OPEN = {"(": ")", "[": "]", "{": "}"}
"""What closes each bracket."""


class Token(NamedTuple):
    """`kind` is "name", "number", "subscripts" (of `einsum`, with their quotes), "separator" (`;` or the end of a
    line), "end" (of the text), or, for operators, brackets and reserved words, the text itself."""

    kind: str
    text: str
    start: int
    stop: int
