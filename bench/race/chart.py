"""The chart: every peer's time over gradc's, a row for each program and size, on a logarithmic axis."""

from __future__ import annotations

import math
from html import escape

from bench.race.tables import Results, times, title

ROW, TOP, LEFT, RIGHT, WIDTH = 17, 62, 176, 150, 860
"""Pixels: a line, what is above the first one, beside the names and the words at the end, and the whole width."""
LEAST, MOST = 0.25, 1000.0
"""Ratios beyond stand at the edge."""
LINES = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)

STYLE = """
text { font: 11px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: INK }
.title { font-size: 14px; font-weight: 600 } .faint { fill: FAINT }
.end { text-anchor: end } .mid { text-anchor: middle }
.paper { fill: PAPER } .grid { stroke: GRID } .us { stroke: RIM; stroke-width: 2 } .band { fill: BAND }
.peer { fill: FAINT; fill-opacity: 0.55 } .win { fill: WIN } .loss { fill: LOSS }
.bar { stroke: WIN } .short { stroke: LOSS } .bar, .short { stroke-width: 2; stroke-opacity: 0.6 }
.gain { fill: WIN; font-weight: 600 } .lose { fill: LOSS; font-weight: 600 }
"""
LIGHT = {"INK": "#1f2328", "FAINT": "#6e7781", "PAPER": "#ffffff", "GRID": "#d8dee4", "RIM": "#4a7ab5",
         "BAND": "#f6f8fa", "WIN": "#1a7f37", "LOSS": "#c4282d"}  # fmt: skip
DARK = {"INK": "#e6edf3", "FAINT": "#9198a1", "PAPER": "#0d1117", "GRID": "#30363d", "RIM": "#5b93d6",
        "BAND": "#151b23", "WIN": "#56d364", "LOSS": "#ff7b72"}  # fmt: skip


def sheet(theme: str = "auto") -> str:
    """The style in the colours of "light" or "dark"; "auto" has those of the reader's system."""
    if theme == "auto":
        return sheet("light") + f"@media (prefers-color-scheme: dark) {{{sheet('dark')}}}\n"
    text = STYLE
    for name, colour in (DARK if theme == "dark" else LIGHT).items():
        text = text.replace(name, colour)
    return text


def x_of(ratio: float) -> float:
    """Where a ratio stands."""
    share = math.log(min(max(ratio, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def chart(results: Results, theme: str = "auto") -> str:
    """The SVG; cases that gradc or all others left out are not in it."""
    cases = [case for case in results.cases if results.best(case, False)]
    height = TOP + ROW * len(cases) + 26
    bottom = height - 22
    parts = [
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        '<text class="title" x="12" y="22">Value and all gradients: the time of others over gradc\'s</text>',
        '<text class="faint" x="12" y="38">Each dot is one library or hand-written program with all threads; '
        "the large one is the fastest of them. Right of 1: gradc is faster.</text>",
    ]
    for k in range(0, len(cases), 2):
        parts.append(f'<rect class="band" x="0" y="{TOP + ROW * k}" width="{WIDTH}" height="{ROW}"/>')
    for ratio in LINES:
        x = x_of(ratio)
        parts.append(f'<line class="{"us" if ratio == 1 else "grid"}" x1="{x}" y1="{TOP}" x2="{x}" y2="{bottom}"/>')
        label = "gradc" if ratio == 1 else f"{ratio:g}"
        parts += [f'<text class="mid{"" if ratio == 1 else " faint"}" x="{x}" y="{y}">{label}</text>'
                  for y in (TOP - 6, bottom + 14)]  # fmt: skip
    for k, case in enumerate(cases):
        parts += _row(results, case, TOP + ROW * k + ROW / 2)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'role="img" aria-label="Times of other libraries over those of gradc">\n<style>{sheet(theme)}</style>\n'
        + "\n".join(parts) + "\n</svg>\n"
    )  # fmt: skip


def _row(results: Results, case: tuple[str, int], y: float) -> list[str]:
    best = results.best(case, False)
    assert best is not None
    ratio, fastest = best
    loses = ratio < 1.0
    parts = [f'<text class="end" x="{LEFT - 10}" y="{y + 4}">{escape(title(case))}</text>']
    for who in results.peers:
        theirs = results.ratio(case, who, False)
        if theirs is not None and who != fastest:
            parts.append(f'<circle class="peer" cx="{x_of(theirs)}" cy="{y}" r="3"><title>{escape(who)} '
                         f"{times(theirs)}</title></circle>")  # fmt: skip
    here, there = x_of(1.0), x_of(ratio)
    parts += [
        f'<line class="{"short" if loses else "bar"}" x1="{here}" y1="{y}" x2="{there}" y2="{y}"/>',
        f'<circle class="{"loss" if loses else "win"}" cx="{there}" cy="{y}" r="4.5"><title>{escape(fastest)} '
        f"{times(ratio)}</title></circle>",
        f'<text x="{WIDTH - RIGHT + 12}" y="{y + 4}"><tspan class="{"lose" if loses else "gain"}">{times(ratio)}'
        f"</tspan> {escape(fastest)}</text>",
    ]
    return parts
