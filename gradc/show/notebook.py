"""What notebooks show for functions and for reports: SVG, HTML, LaTeX where there is one, and a short text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradc.compiler import Compilation
from gradc.ir.graph import Node, topological
from gradc.ir.interpret import number
from gradc.language.diagnostics import Error
from gradc.runtime.results import gradients
from gradc.show.folding import folds
from gradc.show.gates import Argument, Gate, Gates
from gradc.show.page import html_table, page_part
from gradc.show.picture import MAX_GATES, draw, safe
from gradc.show.tracer import TEXT_WIDTH, symbol

MAX_SHOWN_TEXT, MAX_LATEX = 2000, 400
"""Longer programs are cut, and have no formula in LaTeX."""


def of_function(function: Any, suggested: Callable[[], Compilation | None]) -> dict[str, str]:
    """The program as text and as a graph without values."""
    text = function.text if len(function.text) <= MAX_SHOWN_TEXT else function.text[:MAX_SHOWN_TEXT] + "..."
    facts = f"inputs: {', '.join(function.inputs) or 'none'}; derivatives for: {', '.join(function.wrt) or 'none'}"
    parts = [f"<pre>{safe(text, keep_lines=True)}</pre>", f"<p>{safe(facts[:MAX_SHOWN_TEXT])}</p>"]
    bundle = {"text/plain": repr(function)}
    svg = _graph(function.text, suggested)
    if svg:
        parts.append(f'<div style="overflow-x: auto">{svg}</div>')
        bundle["image/svg+xml"] = svg
    latex = _latex(function) if svg and len(text) <= MAX_LATEX else ""
    if latex:
        bundle["text/latex"] = latex
    return bundle | {"text/html": page_part("".join(parts))}


def of_table(
    text: str, title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], note: str
) -> dict[str, str]:
    """A report: a table between a title and what follows from it."""
    parts = [f"<pre>{safe(title)}</pre>", html_table(headings, rows), f"<p>{safe(note)}</p>"]
    return {"text/plain": text, "text/html": page_part("".join(parts))}


def _latex(function: Any) -> str:
    """The formula between dollar signs; "" for a program that is none."""
    if not hasattr(function, "latex"):
        return ""
    try:
        return f"$\\displaystyle {function.latex()}$"
    except Error:
        return ""


def _graph(text: str, suggested: Callable[[], Compilation | None]) -> str:
    """The picture without values, for the types that the text suggests; "" where it suggests none that fit."""
    try:
        compilation = suggested()
        outlined = None if compilation is None else outline(text, compilation)
        return draw(outlined) if outlined is not None and len(outlined) <= MAX_GATES else ""
    except Error:
        return ""


def outline(text: str, compilation: Compilation) -> Gates:
    """The gates of a program without values."""
    graph, spans = compilation.graph, compilation.spans
    result = graph["value"]
    order = topological((result,))
    made = folds(order, spans)
    numbers = {fold.root: f"[{k}]" for k, fold in enumerate(made, 1)}
    values: dict[Node | None, Any] = {
        node: number(node) if node.op == "const" else str(node.attrs[0]) for node in order if node.row.is_number
    }

    def name(node: Node) -> str:
        return numbers[node] if node in numbers else node.name if node.op == "input" else str(values.get(node, ""))

    def ways(fold: Any) -> list[Node]:
        found = [way.source for way in fold.ways if not way.source.row.is_number]
        return list(dict.fromkeys(found)) if fold.is_function else found

    gates = tuple(
        Gate(
            number=k,
            gate=fold.symbol or symbol(fold.root, values),
            text=spans[fold.root].excerpt(TEXT_WIDTH) if fold.root in spans else "",
            value=None,
            upstream=None,
            arguments=tuple(Argument(name(source), None) for source in ways(fold)),
            span=spans.get(fold.root),
        )
        for k, fold in enumerate(made, 1)
    )
    return Gates(text, {}, gates, name(result), None, None, gradients((), ()))
