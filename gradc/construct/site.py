"""Where a front end met an operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from gradc.language.record import dataclass
from gradc.language.source import Span


@dataclass(frozen=True)
class Site:
    """A place in what the user wrote, for messages. A front end without text leaves the spans out.

    `name` is that of the function as it is written; of an index, the name of what is indexed where a function of the
    language has the same. `parts` are the places of the arguments or indices, values of keywords last; `keys` those
    of the keywords themselves.
    """

    span: Span | None = None
    name: str = ""
    parts: tuple[Span | None, ...] = ()
    keys: Mapping[str, Span | None] = field(default_factory=dict)

    def part(self, position: int) -> Span | None:
        """The place of an argument; where it is not known, that of the whole."""
        return self.parts[position] if position < len(self.parts) else self.span
