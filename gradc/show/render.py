"""Pictures as PNG and PDF, by Typst: one wheel that needs nothing from the system and brings its own font."""

from __future__ import annotations

import re
from importlib.util import find_spec

from gradc.language.diagnostics import Error

DOTS_PER_PIXEL = 2.0
MAX_DOTS = 30e6
"""Pictures that would have more are drawn at fewer dots for each pixel."""
KNOWN = "\u2e80"
"""From here on, characters are not in the font; those of the system may have them."""


def require(suffix: str) -> None:
    """Raise `Error` G0604 if the package is missing that makes such files."""
    if find_spec("typst") is None:
        raise Error(
            "G0604", f"{suffix} files need the package `typst`, which is not installed",
            help='install it, as in `pip install "gradc[pictures]"`, or write .svg',
        )  # fmt: skip


def rendered(svg: str, suffix: str) -> bytes:
    """An SVG document of ours as a PNG or PDF file."""
    require(suffix)
    import typst

    size = re.search(r'width="(\d+)" height="(\d+)"', svg)
    assert size is not None
    width, height = int(size[1]), int(size[2])
    page = f"""#set page(width: {width}pt, height: {height}pt, margin: 0pt)
#image(bytes(sys.inputs.svg), format: "svg", width: {width}pt)"""
    dots = min(DOTS_PER_PIXEL, (MAX_DOTS / (width * height)) ** 0.5)
    return typst.compile(
        page.encode(),
        format="png" if suffix == ".png" else "pdf",
        ppi=72 * dots,
        sys_inputs={"svg": svg},
        ignore_system_fonts=max(svg) < KNOWN,
    )
