"""The computational graph of a trace as SVG: values green above the edges, gradients red below, as CS231n draws it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np

from gradc.language.diagnostics import Error
from gradc.language.source import Source
from gradc.show.gates import Gates
from gradc.show.layout import Layout, layered
from gradc.show.table import abbreviated

MAX_GATES = 200
"""A picture with more gates than this cannot be read; `draw` refuses it (G0503)."""

ROW, MARGIN, TITLE_HEIGHT = 62, 28, 44
GATE_HEIGHT = 36
BEND = 52
"""Pixels in which an edge changes its height, beside its label."""
FAN = 16
"""More of them for each edge beyond two that leaves one place."""
ALONG = (0.6, 0.5, 0.7, 0.42, 0.78, 0.34)
"""Where on a curve a label may stand, the best first."""
MAX_PLACES = 12
SMALL_ARRAY = 3
TITLE_WIDTH = 90

STYLE = """
text { font: 13px ui-sans-serif, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #1f2328; }
.title { font: 14px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.edge { fill: none; stroke: #8c959f; stroke-width: 1.5; }
.gate { fill: #eaf2fc; stroke: #4a7ab5; stroke-width: 1.5; }
.symbol, .input, .value, .gradient { text-anchor: middle; }
.input { font-weight: 600; }
.value { fill: #1a7f37; }
.gradient { fill: #c4282d; }
.value, .gradient { font-size: 12px; paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; }
"""


_Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class _Wire:
    """An edge: from a vertex to another, or out of the picture, with what stands at it."""

    source: str
    target: str
    value: Any
    gradient: Any


RESULT = ""
"""The invisible vertex that the result flows to. No gate and no input is called so."""


def draw(trace: Gates) -> str:
    """The SVG document. Raises `Error` G0503 beyond `MAX_GATES`."""
    if len(trace) > MAX_GATES:
        raise Error(
            "G0503", f"the program has {len(trace):,} gates; a picture holds at most {MAX_GATES}",
            help="the table has no such limit: print the trace instead",
        )  # fmt: skip
    return _Drawing(trace).text()


class _Drawing:
    def __init__(self, trace: Gates):
        self.trace = trace
        self.wires = list(self._wires())
        self._outgoing = Counter(wire.source for wire in self.wires)
        self._incoming = Counter(wire.target for wire in self.wires)
        self.gates = {f"[{gate.number}]": gate for gate in trace.gates}
        self.inputs = [name for name in self._outgoing if name not in self.gates]
        vertices = [*self.inputs, *self.gates, RESULT]
        self.layout: Layout = layered(vertices, [(wire.source, wire.target) for wire in self.wires])
        self.widths = {name: max(GATE_HEIGHT, _text_width(gate.gate) + 18) for name, gate in self.gates.items()}
        self.widths |= {name: _text_width(name) + 10 for name in self.inputs} | {RESULT: 0}
        self.centres = self._centres()

    def _wires(self) -> Iterator[_Wire]:
        for gate in self.trace:
            for argument in gate.arguments:
                yield _Wire(argument.name, f"[{gate.number}]", argument.value, argument.product)
        yield _Wire(self.trace.result, RESULT, self.trace.value, self.trace.upstream)

    def _centres(self) -> list[float]:
        """The horizontal centre of each column."""
        columns = max(self.layout.column.values()) + 1
        widest = [0.0] * columns
        labels = [0.0] * columns
        for name, column in self.layout.column.items():
            widest[column] = max(widest[column], self.widths[name])
        for wire, path in zip(self.wires, self.layout.paths, strict=True):
            start, end = path[0][0], path[-1][0] - 1
            at = end if self._stub(wire) == "target" else start
            labels[at] = max(labels[at], self._label_width(wire) + FAN * max(0, self._outgoing[wire.source] - 2))
        centres = [MARGIN + widest[0] / 2]
        for k in range(1, columns):
            centres.append(centres[-1] + widest[k - 1] / 2 + labels[k - 1] + BEND + widest[k] / 2)
        return centres

    def _point(self, column: int, height: float) -> tuple[float, float]:
        return self.centres[column], TITLE_HEIGHT + MARGIN + height * ROW

    # ------------------------------------------------------------ text of the picture

    def text(self) -> str:
        routes = [self._points(wire, path) for wire, path in zip(self.wires, self.layout.paths, strict=True)]
        vertices = [self._gate(name) for name in self.gates] + [self._input(name) for name in self.inputs]
        program = Source(self.trace.text).whole.excerpt(TITLE_WIDTH)
        width = max(self.centres[-1] + MARGIN, 2 * MARGIN + 8.5 * len(program))
        rows = max(height for path in self.layout.paths for _, height in path)
        height = TITLE_HEIGHT + 2 * MARGIN + rows * ROW
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
                f' viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
                f"<title>{_safe(program)}</title>",
                "<desc>Computational graph: values above the edges, gradients below.</desc>",
                f"<style>{STYLE}</style>",
                '<rect width="100%" height="100%" fill="#ffffff"/>',
                f'<text class="title" x="{MARGIN}" y="{MARGIN}">{_safe(program)}</text>',
                *map(self._edge, routes),
                *vertices,
                *self._labels(routes),
                "</svg>",
                "",
            ]
        )

    def _label_width(self, wire: _Wire) -> float:
        return max(_text_width(short(wire.value)), _text_width(short(wire.gradient))) + 10

    def _stub(self, wire: _Wire) -> str:
        """The end at which an edge runs level and alone, with room for its label; "" for none."""
        if self._outgoing[wire.source] == 1:
            return "source"
        return "target" if self._incoming[wire.target] == 1 else ""

    def _points(self, wire: _Wire, path: list[tuple[int, float]]) -> list[tuple[float, float]]:
        """The points of an edge, from the right side of its source to the left side of its target."""
        (x, y), *middle, (u, v) = [self._point(*point) for point in path]
        x, u = x + self.widths[wire.source] / 2, u - self.widths[wire.target] / 2
        if self._stub(wire) == "source":
            middle.insert(0, (x + self._label_width(wire), y))
        elif self._stub(wire) == "target":
            middle.append((u - self._label_width(wire), v))
        return [(x, y), *middle, (u, v)]

    def _edge(self, points: list[tuple[float, float]]) -> str:
        d = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
        for (x, y), (u, v) in pairwise(points):
            middle = (x + u) / 2
            d += f" C{middle:.1f} {y:.1f} {middle:.1f} {v:.1f} {u:.1f} {v:.1f}" if abs(y - v) > 0.05 else f" H{u:.1f}"
        return f'<path class="edge" d="{d}"/>'

    def _gate(self, name: str) -> str:
        gate, width = self.gates[name], self.widths[name]
        x, y = self._point(self.layout.column[name], self.layout.height[name])
        about = f"{name} {gate.text or gate.gate}: value {abbreviated(gate.value)}"
        if gate.upstream is not None:
            about += f", upstream gradient {abbreviated(gate.upstream)}"
        return (
            f"<g><title>{_safe(about)}</title>"
            f'<rect class="gate" x="{x - width / 2:.1f}" y="{y - GATE_HEIGHT / 2:.1f}" width="{width:.1f}"'
            f' height="{GATE_HEIGHT}" rx="{GATE_HEIGHT / 2}"/>'
            f'<text class="symbol" x="{x:.1f}" y="{y + 4.5:.1f}">{_safe(gate.gate)}</text></g>'
        )

    def _input(self, name: str) -> str:
        x, y = self._point(self.layout.column[name], self.layout.height[name])
        return f'<text class="input" x="{x:.1f}" y="{y + 4.5:.1f}">{_safe(name)}</text>'

    # ------------------------------------------------------------ labels

    def _labels(self, routes: list[list[tuple[float, float]]]) -> list[str]:
        """Value and gradient at a free place of each edge."""
        taken = [self._box(name) for name in self.widths if name]
        lines = []
        for wire, points in zip(self.wires, routes, strict=True):
            value, gradient = short(wire.value), short(wire.gradient)
            half = max(_text_width(value), _text_width(gradient)) / 2 + 2
            places = self._places(wire, points)[:MAX_PLACES]
            box = _freest([(x - half, y - 17, x + half, y + 17) for x, y in places], taken)
            taken.append(box)
            x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
            lines.append(f'<text class="value" x="{x:.1f}" y="{y - 5:.1f}">{_safe(value)}</text>')
            if gradient:
                lines.append(f'<text class="gradient" x="{x:.1f}" y="{y + 14:.1f}">{_safe(gradient)}</text>')
        return lines

    def _places(self, wire: _Wire, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """Points of an edge where its label may stand, the best first."""
        segments = list(pairwise(points))
        if stub := self._stub(wire):
            return [_on_curve(*segments[0 if stub == "source" else -1], 0.5)]
        return points[1:-1] + [_on_curve(*segment, t) for t in ALONG for segment in segments[::-1]]

    def _box(self, name: str) -> _Box:
        x, y = self._point(self.layout.column[name], self.layout.height[name])
        half = self.widths[name] / 2
        return x - half, y - GATE_HEIGHT / 2, x + half, y + GATE_HEIGHT / 2


def _on_curve(start: tuple[float, float], end: tuple[float, float], t: float) -> tuple[float, float]:
    (x, y), (u, v) = start, end
    early, late = (1 - t) ** 3 + 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2 + t**3
    middle = (x + u) / 2
    return (1 - t) ** 3 * x + 3 * (1 - t) * t * middle + t**3 * u, early * y + late * v


def _freest(boxes: list[_Box], taken: list[_Box]) -> _Box:
    """The first box that overlaps the taken ones least."""
    return min(boxes, key=lambda box: sum(_overlap(box, other) for other in taken)) if len(boxes) > 1 else boxes[0]


def _overlap(a: _Box, b: _Box) -> float:
    """The area that two boxes share."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def short(value: Any) -> str:
    """A number to three digits, a small array in full, the shape of a larger one."""
    if value is None:
        return ""
    if np.ndim(value) == 0:
        return format(float(value), ".3g") if not isinstance(value, (bool, np.bool_)) else str(value)
    if np.ndim(value) == 1 and np.size(value) <= SMALL_ARRAY:
        return "[" + ", ".join(map(short, value)) + "]"
    return "[" + ", ".join(map(str, np.shape(value))) + "] array"


def _text_width(text: str) -> float:
    """About as many pixels as the text takes."""
    return 7.2 * len(text)


def _safe(text: str) -> str:
    """The text for XML: no markup, no characters that XML cannot hold."""
    return escape("".join(c if c.isprintable() else " " for c in text), quote=False).replace('"', "&quot;")
