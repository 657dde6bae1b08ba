"""Traces on a terminal: the table, values green and gradients red."""

from __future__ import annotations

from typing import IO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gradc.show.gates import HEADINGS, Gates

MAX_ROWS = 500
"""Longer tables are printed plain, which is faster."""

STYLES = {"value": "green", "upstream": "red", "product": "red", "text": "dim", "": "dim"}


def print_trace(trace: Gates, stream: IO[str], colour: bool = True) -> None:
    """Write the table, then value and gradients."""
    rows = list(trace.rows())
    if len(rows) > MAX_ROWS:
        stream.write(f"{trace}\n")
        return
    console = Console(file=stream, highlight=False, force_terminal=colour or None, no_color=not colour)
    table = Table(box=None, pad_edge=False)
    used = [k for k in range(len(HEADINGS)) if any(row[k] for row in rows)]
    for k in used:
        right = HEADINGS[k] in ("value", "upstream", "local", "product")
        table.add_column(
            HEADINGS[k], style=STYLES.get(HEADINGS[k]), justify="right" if right else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(row[k]) for k in used))
    if rows:
        console.print(table)
        console.print()
    if forks := trace.forks():
        for line in forks:
            console.print(Text(line, style="red"))
        console.print()
    for k, line in enumerate(trace.results()):
        console.print(Text(line, style="green" if k == 0 else "red"))
    if trace.note:
        console.print(Text(f"\nnote: {trace.note}"))
