"""The computational graph of a trace as SVG: values green above the wires, gradients red below, as CS231n draws it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from gradc.language.diagnostics import Error
from gradc.language.source import Source
from gradc.show.drawing import (
    LABEL_SIZE,
    MARGIN,
    NAME_SIZE,
    TITLE_LINE,
    TITLE_SIZE,
    Box,
    Drawing,
    Mark,
    Piece,
    Round,
    drawing,
)
from gradc.show.gates import Gate, Gates, TracedStep
from gradc.show.labels import SHADES, HeatMap, Label
from gradc.show.table import abbreviated
from gradc.show.themes import THEMES, themed

MAX_GATES = 1000
"""A picture with more gates than this cannot be read; `draw` refuses it (G0503)."""
TITLE_LINES, TITLE_WIDTH = 4, 100
"""How much of the program stands above its picture."""

BOX_MARGIN = 5.0
"""Around the box of a loop."""

FONT = '"DejaVu Sans Mono", Menlo, Consolas, "Liberation Mono", monospace'

SHAPES = f"""
{{0}} text {{{{ font-family: {FONT}; }}}}
{{0}} .title {{{{ font-size: {TITLE_SIZE:g}px; }}}}
{{0}} .wire {{{{ fill: none; stroke-width: 1.5; }}}}
{{0}} .round {{{{ fill: none; stroke-width: 1.2; stroke-dasharray: 5 4; }}}}
{{0}} .gate {{{{ stroke-width: 1.5; }}}}
{{0}} .symbol, {{0}} .input {{{{ text-anchor: middle; font-size: {NAME_SIZE:g}px; }}}}
{{0}} .input {{{{ font-weight: 600; }}}}
{{0}} .value, {{0}} .gradient {{{{ font-size: {LABEL_SIZE:g}px; }}}}
"""
COLOURS = """
{0} .paper {{ fill: {paper}; }}
{0} text {{ fill: {ink}; }}
{0} .wire, {0} .round {{ stroke: {wire}; }}
{0} .box {{ fill: none; stroke: {rim}; }}
{0} .fork, {0} .tip {{ fill: {wire}; }}
{0} .gate {{ fill: {gate}; stroke: {rim}; }}
{0} .value {{ fill: {value}; }}
{0} .gradient {{ fill: {gradient}; }}
{0} .frame {{ fill: none; stroke: {wire}; }}
{0} .minus {{ fill: {minus}; }}
{0} .plus {{ fill: {plus}; }}
{0} .nan {{ fill: {nan}; }}
"""


def draw(trace: Gates, theme: str = "auto") -> str:
    """The SVG document, in the theme of its reader, or always in the light or the dark one.

    Raises `Error` G0503 beyond `MAX_GATES`, and G0604 for another theme.
    """
    if theme not in THEMES:
        raise Error("G0604", f"there is no theme {theme!r}", help=f"take one of {', '.join(THEMES)}")
    gates = sum(map(len, (trace, *trace.opened())))
    if gates > MAX_GATES:
        raise Error(
            "G0503", f"the program has {gates:,} gates; a picture holds at most {MAX_GATES:,}",
            help="the table has no such limit: print the trace instead",
        )  # fmt: skip
    heading = trace.title if isinstance(trace, TracedStep) else title(trace.text)
    pictures = [drawing(trace, heading), *(drawing(step, step.title) for step in trace.opened())]
    width, height = max(each.width for each in pictures), sum(each.height for each in pictures)
    lines = [*_opening(width, height, heading, theme), *_content(pictures[0])]
    down = pictures[0].height
    for picture in pictures[1:]:
        lines += [f'<g transform="translate(0 {down:.0f})">', *_box(picture), *_content(picture), "</g>"]
        down += picture.height
    return "\n".join([*lines, "</svg>", ""])


def style(theme: str) -> str:
    """The style sheet. Every rule names the theme, as pictures may share a page."""
    name = f".gradc-{theme}"
    return SHAPES.format(name) + themed(COLOURS, theme, name)


def title(text: str) -> str:
    """The program in a few lines, whole statements on each; of a long one the beginning and the end."""
    statements = [] if len(text) > TITLE_LINES * TITLE_WIDTH else text.replace("\n", ";").split(";")
    lines = [""]
    for statement in (" ".join(part.split()) for part in statements if part.strip()):
        joined = f"{lines[-1]}; {statement}" if lines[-1] else statement
        if len(joined) <= TITLE_WIDTH:
            lines[-1] = joined
        else:
            lines.append(statement)
    fits = statements and len(lines) <= TITLE_LINES and max(map(len, lines)) <= TITLE_WIDTH
    return "\n".join(lines) if fits else Source(text).whole.excerpt(TITLE_WIDTH)


def _opening(width: float, height: float, heading: str, theme: str) -> Iterator[str]:
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" class="gradc-{theme}" {size} role="img">'
    yield f"<title>{safe(heading)}</title>"
    yield "<desc>Computational graph: values above the wires, gradients below.</desc>"
    yield f"<style>{style(theme)}</style>"
    yield '<rect class="paper" width="100%" height="100%"/>'


def _box(picture: Drawing) -> Iterator[str]:
    """The frame around what is inside a loop."""
    width, height = picture.width - 2 * BOX_MARGIN, picture.height - 2 * BOX_MARGIN
    place = f'x="{BOX_MARGIN:g}" y="{BOX_MARGIN:g}" width="{width:.1f}" height="{height:.1f}"'
    yield f'<rect class="box" {place} rx="18"/>'


def _round(way: Round) -> str:
    """The way of a state from the end of a step round to its beginning, with an arrow there."""
    (x, y), (u, v), (right, left) = way.start, way.end, way.sides
    return (
        f'<path class="round" d="M{x:.1f} {y:.1f}H{right:.1f}V{way.below:.1f}H{left:.1f}V{v:.1f}H{u:.1f}"/>'
        f'<path class="tip" d="M{u - 7:.1f} {v - 4:.1f}l7 4l-7 4z"/>'
    )


def _content(picture: Drawing) -> Iterator[str]:
    for k, line in enumerate(picture.title.split("\n")):
        yield f'<text class="title" x="{MARGIN:g}" y="{MARGIN + 4 + k * TITLE_LINE:g}">{safe(line)}</text>'
    yield from map(_round, picture.rounds)
    by_source: dict[str, list[Piece]] = {}
    for piece in picture.pieces:
        by_source.setdefault(piece.source, []).append(piece)
    for pieces in by_source.values():
        yield f'<path class="wire" d="{"".join(map(_path, pieces))}"/>'
    for x, y in picture.forks:
        yield f'<circle class="fork" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
    if picture.end is not None:
        x, y = picture.end
        yield f'<path class="tip" d="M{x - 1:.1f} {y - 4.5:.1f}l9 4.5l-9 4.5z"/>'
    for name, (gate, box) in picture.gates.items():
        yield _gate(name, gate, box)
    for name, box in (*picture.inputs.items(), *picture.nexts.items()):
        yield f'<text class="input" x="{_middle(box):.1f}" y="{(box[1] + box[3]) / 2 + 5:.1f}">{safe(name)}</text>'
    for mark in picture.marks:
        yield from _mark(mark)


def _middle(box: Box) -> float:
    return (box[0] + box[2]) / 2


def _path(piece: Piece) -> str:
    (x, y), (u, v) = piece.start, piece.end
    if abs(y - v) < 0.05:
        return f"M{x:.1f} {y:.1f}H{u:.1f}"
    middle = (x + u) / 2
    return f"M{x:.1f} {y:.1f}C{middle:.1f} {y:.1f} {middle:.1f} {v:.1f} {u:.1f} {v:.1f}"


def _gate(name: str, gate: Gate, box: Box) -> str:
    about = f"{name} {gate.text or gate.gate}"
    if gate.value is not None:
        about += f": value {abbreviated(gate.value)}"
    if gate.upstream is not None:
        about += f", upstream gradient {abbreviated(gate.upstream)}"
    left, top, right, bottom = box
    return (
        f"<g><title>{safe(about)}</title>"
        f'<rect class="gate" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}"'
        f' height="{bottom - top:.1f}" rx="18"/>'
        f'<text class="symbol" x="{_middle(box):.1f}" y="{(top + bottom) / 2 + 5:.1f}">{safe(gate.gate)}</text></g>'
    )


def _mark(mark: Mark) -> Iterator[str]:
    """Value above, gradient below."""
    boxes = mark.boxes
    if not boxes:
        return
    yield f"<g><title>{safe(mark.about)}</title>"
    yield from _label("value", mark.value, boxes[0])
    if len(boxes) > 1:
        yield from _label("gradient", mark.gradient, boxes[1])
    yield "</g>"


def _label(kind: str, shown: Label, box: Box) -> Iterator[str]:
    left, top, _, bottom = box
    baseline = bottom - 2 if kind == "value" else top + LABEL_SIZE - 2
    if shown.heat is not None:
        at = bottom - shown.heat.height if kind == "value" else top
        yield from _heat(shown.heat, left, at)
        left += shown.heat.width + 5
    yield f'<text class="{kind}" x="{left:.1f}" y="{baseline:.1f}">{safe(shown.text)}</text>'


def _heat(heat: HeatMap, left: float, top: float) -> Iterator[str]:
    """One path for the cells of each shade, and a frame."""
    cells: dict[int | None, list[str]] = {}
    size = heat.cell
    for i, row in enumerate(heat.rows):
        for j, shade in enumerate(row):
            if shade != 0:
                corner = f"M{left + j * size:.1f} {top + i * size:.1f}"
                cells.setdefault(shade, []).append(f"{corner}h{size:.1f}v{size:.1f}h-{size:.1f}z")
    for shade, parts in cells.items():
        kind = "nan" if shade is None else "plus" if shade > 0 else "minus"
        opacity = 1.0 if shade is None else abs(shade) / SHADES
        yield f'<path class="{kind}" fill-opacity="{opacity:.2f}" d="{"".join(parts)}"/>'
    yield (
        f'<rect class="frame" x="{left:.1f}" y="{top:.1f}" width="{heat.width:.1f}" height="{heat.height:.1f}"'
        ' stroke-width="0.75"/>'
    )


def safe(text: str, keep_lines: bool = False) -> str:
    """The text for XML: no markup, no characters that XML cannot hold."""
    return escape(printable(text, keep_lines), quote=False).replace('"', "&quot;")


def printable(text: str, keep_lines: bool = False) -> str:
    """The text with blanks for what cannot be seen."""
    return "".join(c if c.isprintable() or (keep_lines and c == "\n") else " " for c in text)
