"""Program text, and spans that can draw themselves."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from unicodedata import category, east_asian_width

MAX_DRAWN_COLUMNS = 100
"""Longer lines are drawn as a window of this many characters around the marked place."""


@dataclass(frozen=True, eq=False, repr=False)
class Source:
    """A text and the name that messages give it."""

    text: str
    name: str = "expression"

    @cached_property
    def line_starts(self) -> list[int]:
        return [0] + [i + 1 for i, character in enumerate(self.text) if character == "\n"]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a character, both counted from one."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    @property
    def whole(self) -> Span:
        return Span(self, 0, len(self.text))

    def line(self, number: int) -> str:
        start = self.line_starts[number - 1]
        return (
            self.text[start:].split("\n", 1)[0]
            if number == len(self.line_starts)
            else (self.text[start : self.line_starts[number] - 1])
        )


@dataclass(slots=True, repr=False, unsafe_hash=True)
class Span:
    """The characters `start` to `stop` of a source. It never changes; it is not frozen because every part of every
    program has one, and frozen ones take four times as long to make."""

    source: Source
    start: int
    stop: int

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.stop]

    @property
    def position(self) -> tuple[int, int]:
        return self.source.position(self.start)

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of the other."""
        return Span(self.source, min(self.start, other.start), max(self.stop, other.stop))

    def excerpt(self, width: int) -> str:
        """The text on one line, its middle left out where it is longer than `width`."""
        if self.stop - self.start <= 4 * width:
            head = tail = " ".join(self.text.split())
            if len(head) <= width:
                return head
        else:
            text = self.source.text
            head = " ".join(text[self.start : self.start + 2 * width].split())
            tail = " ".join(text[self.stop - 2 * width : self.stop].split())
        kept = width - len(" ... ")
        return head[: kept - kept // 2].rstrip() + " ... " + tail[-(kept // 2) :].lstrip()

    def draw(self, label: str = "") -> str:
        """The line with carets under the span, in the manner of rustc."""
        return "".join(text for text, _ in self.parts(label))

    def parts(self, label: str = "") -> list[tuple[str, str]]:
        """The pieces of the drawing, each with its kind: "gutter", "carets" with their label, or none."""
        number, column = self.position
        line = self.source.line(number)
        width = max(1, min(self.stop - self.start, len(line) - column + 1))
        first = max(0, column - 1 - MAX_DRAWN_COLUMNS // 2) if len(line) > MAX_DRAWN_COLUMNS else 0
        window = line[first : first + MAX_DRAWN_COLUMNS]
        shown = ("... " if first else "") + window + (" ..." if first + len(window) < len(line) else "")
        offset = column - 1 - first + (4 if first else 0)
        width = min(width, max(1, len(window) - (column - 1 - first)))
        gutter = " " * len(str(number))
        drawn = "".join(c if c.isprintable() else " " for c in shown)
        blank, carets = " " * cells(drawn[:offset]), "^" * max(1, cells(drawn[offset : offset + width]))
        return [
            (f"{gutter} --> ", "gutter"),
            (f"{self.source.name}:{number}:{column}\n", ""),
            (f"{gutter} |\n{number} |", "gutter"),
            (f" {drawn}".rstrip() + "\n", ""),
            (f"{gutter} | ", "gutter"),
            (f"{blank}{carets} {label}".rstrip(), "carets"),
        ]

    def __repr__(self) -> str:
        return f"{self.source.name}:{self.start}-{self.stop}"


def cells(text: str) -> int:
    """The width of a text on a terminal: wide characters take two cells, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if category(character) in ("Mn", "Me") else 2 if east_asian_width(character) in "WF" else 1
        for character in text
    )
