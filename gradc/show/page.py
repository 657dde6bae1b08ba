"""Traces as HTML: a page of their own, and what notebooks show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gradc.show.gates import HEADINGS, Gates, TracedStep
from gradc.show.picture import MAX_GATES, draw, safe
from gradc.show.themes import themed

MAX_ROWS = 500
"""Longer tables are cut."""
SHEET = """
{0} .gradc-page {{ font: 14px/1.5 system-ui, sans-serif; background: {paper}; color: {ink}; }}
{0} .gradc-page table {{ border-collapse: collapse; font-family: ui-monospace, Menlo, Consolas, monospace; }}
{0} .gradc-page th, {0} .gradc-page td {{ padding: 2px 10px; text-align: left; border-bottom: 1px solid {wire}; }}
{0} .gradc-page td.value {{ color: {value}; }}
{0} .gradc-page td.gradient {{ color: {gradient}; }}
{0} .gradc-page .wide {{ overflow-x: auto; }}
"""
KINDS = {"value": "value", "upstream": "gradient", "product": "gradient"}


def page(trace: Gates, theme: str = "auto") -> str:
    """A page that stands alone: the picture, what adds up at forks, and the table."""
    title = safe(trace.text[:200])
    return "\n".join(
        [
            "<!DOCTYPE html>",
            f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
            f"<style>{themed(SHEET, theme, 'html')}</style></head>",
            '<body class="gradc-page">',
            fragment(trace, theme, is_open=True),
            "</body></html>",
            "",
        ]
    )


def fragment(trace: Gates, theme: str = "auto", is_open: bool = False) -> str:
    """Picture and table as a part of a page."""
    is_drawn = len(trace) <= MAX_GATES
    parts = [f'<div class="wide" style="overflow-x: auto">{draw(trace, theme)}</div>'] if is_drawn else []
    notes = [*trace.forks(), *trace.results(), *([f"note: {trace.note}"] if trace.note else [])]
    boxes = () if trace.is_open else trace.all_steps()
    return "\n".join(
        [
            *parts,
            *(_opening_box(step, theme) for step in boxes if len(step) <= MAX_GATES),
            f"<details{' open' * (is_open or not is_drawn)}><summary>gates, values and gradients</summary>",
            f'<div class="wide" style="overflow-x: auto">{html_table(HEADINGS, list(trace.rows()))}</div>',
            f"<pre>{safe(chr(10).join(notes), keep_lines=True)}</pre></details>",
        ]
    )


def _opening_box(step: TracedStep, theme: str) -> str:
    """What is inside a loop, behind a heading that opens it."""
    picture = f'<div class="wide" style="overflow-x: auto">{draw(replace(step, is_open=False), theme)}</div>'
    return f"<details><summary>{safe(step.title)}</summary>{picture}</details>"


def page_part(content: str) -> str:
    """Something in a page that is not ours, in the page's own colours."""
    return f'<div class="gradc">{content}</div>'


def html_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table without the columns that are empty in every row."""
    rows = list(rows)
    used = [k for k in range(len(headings)) if any(row[k] for row in rows)]
    lines = ["<tr>" + "".join(f"<th>{safe(headings[k])}</th>" for k in used) + "</tr>"]
    for row in rows[:MAX_ROWS]:
        cells = (f'<td class="{KINDS.get(headings[k], "plain")}">{safe(row[k])}</td>' for k in used)
        lines.append("<tr>" + "".join(cells) + "</tr>")
    if len(rows) > MAX_ROWS:
        lines.append(f'<tr><td colspan="{len(used)}">{len(rows) - MAX_ROWS:,} more rows</td></tr>')
    return f"<table>{''.join(lines)}</table>"
