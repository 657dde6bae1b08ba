"""Reports on a screen: a table in colour on a terminal, plain text elsewhere."""

from __future__ import annotations

from typing import IO, Any

from gradc.bench.report import Report
from gradc.show.table import table


def print_report(report: Report, stream: IO[str], colour: bool | None = None) -> None:
    """Write title, table and remarks; in colour on a terminal, or as `colour` says."""
    if stream.isatty() or colour:
        _print_rich(report, stream, colour)
    else:
        stream.write(as_text(report) + "\n")


def as_text(report: Report) -> str:
    """The report as text, its columns aligned by blanks."""
    headings, *rows = report.table()
    lines = table(headings, rows, left=1, gap_before="note")
    return "\n".join([report.title, "", *lines, "", *report.remarks(), ""])


def _print_rich(report: Report, stream: Any, colour: bool | None) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream, highlight=False, force_terminal=colour or None, no_color=colour is False or None)
    headings, *rows = report.table()
    used = [k for k in range(len(headings)) if any(row[k] for row in rows)]
    drawn = Table(title=Text(report.title, style="bold"), title_justify="left", box=None, pad_edge=False)
    for k in used:
        is_text = headings[k] in ("competitor", "note")
        drawn.add_column(
            headings[k], justify="left" if is_text else "right", no_wrap=headings[k] != "note", overflow="fold"
        )
    for row in rows:
        ours = row[0] in {entry.name for entry in report.entries if entry.is_ours}
        drawn.add_row(*(Text(row[k]) for k in used), style="bold" if ours else None)
    console.print(drawn)
    for line in report.remarks():
        console.print(Text(line, style="dim"))
    console.print()
