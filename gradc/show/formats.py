"""What a trace can be written as, by the suffix of the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath

from gradc.language.diagnostics import Error
from gradc.show.gates import Gates


def suffix_of(file: str) -> str:
    """The suffix of a file's name, in small letters.

    Raises `Error` G0604 where no format has it, or where the format needs a package that is missing: both can be
    known before there is a trace.
    """
    suffix = PurePath(file).suffix.lower()
    if suffix not in FORMATS:
        ends = f"in {suffix}" if suffix else "without a suffix"
        raise Error(
            "G0604", f"a trace cannot be written to {PurePath(file).name!r}: the name ends {ends}",
            help=f"take one of {', '.join(FORMATS)}",
        )  # fmt: skip
    if suffix in (".png", ".pdf"):
        from gradc.show.render import require

        require(suffix)
    return suffix


def encoded(trace: Gates, suffix: str, theme: str = "auto") -> bytes:
    """The trace as the content of a file with this suffix."""
    return FORMATS[suffix](trace, theme)


def _svg(trace: Gates, theme: str) -> bytes:
    from gradc.show.picture import draw

    return draw(trace, theme).encode()


def _rendered(suffix: str) -> Callable[[Gates, str], bytes]:
    def write(trace: Gates, theme: str) -> bytes:
        from gradc.show.picture import draw
        from gradc.show.render import rendered

        return rendered(draw(trace, "light" if theme == "auto" else theme), suffix)

    return write


def _dot(trace: Gates, theme: str) -> bytes:
    from gradc.show.graphviz import dot

    return dot(trace, theme).encode()


def _html(trace: Gates, theme: str) -> bytes:
    from gradc.show.page import page

    return page(trace, theme).encode()


def _json(trace: Gates, theme: str) -> bytes:
    from gradc.show.encode import json_text

    return f"{json_text(trace.as_dict())}\n".encode()


def _txt(trace: Gates, theme: str) -> bytes:
    return f"{trace}\n".encode()


FORMATS: dict[str, Callable[[Gates, str], bytes]] = {
    ".svg": _svg,
    ".png": _rendered(".png"),
    ".pdf": _rendered(".pdf"),
    ".dot": _dot,
    ".html": _html,
    ".txt": _txt,
    ".json": _json,
}
"""Pictures, the graph for Graphviz, a page with picture and table, the table, and everything as JSON."""
