"""The graph of a trace in Graphviz's language."""

from __future__ import annotations

from html import escape

from gradc.show.gates import Gates
from gradc.show.labels import short
from gradc.show.picture import printable
from gradc.show.themes import DARK, LIGHT


def dot(trace: Gates, theme: str = "auto") -> str:
    """A directed graph: inputs and gates, and at each wire its value and gradient."""
    colours = DARK if theme == "dark" else LIGHT
    inputs = dict.fromkeys(argument.name for gate in trace for argument in gate.arguments)
    lines = [
        "digraph program {",
        f"  label={_quoted(trace.text)}; labelloc=t; rankdir=LR; bgcolor={_quoted(colours['paper'])};",
        f"  graph [fontname=monospace, fontcolor={_quoted(colours['ink'])}];",
        f"  node [fontname=monospace, fontcolor={_quoted(colours['ink'])}, color={_quoted(colours['rim'])},"
        f" fillcolor={_quoted(colours['gate'])}];",
        f"  edge [fontname=monospace, color={_quoted(colours['wire'])}];",
    ]
    for name in inputs | {trace.result: None}:
        if trace.gate(name) is None:
            lines.append(f"  {_quoted(name)} [shape=plain, label={_quoted(name)}];")
    for gate in trace:
        about = f"[{gate.number}] {gate.text or gate.gate}"
        lines.append(
            f'  {_quoted(f"[{gate.number}]")} [shape=box, style="rounded,filled", label={_quoted(gate.gate)},'
            f" tooltip={_quoted(about)}];"
        )
    for gate in trace:
        for argument in gate.arguments:
            label = _label(argument.value, argument.product, colours)
            lines.append(f"  {_quoted(argument.name)} -> {_quoted(f'[{gate.number}]')} [label={label}];")
    lines.append('  "result" [shape=point, style=invis];')
    lines.append(f'  {_quoted(trace.result)} -> "result" [label={_label(trace.value, trace.upstream, colours)}];')
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    return '"' + printable(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _label(value: object, gradient: object, colours: dict[str, str]) -> str:
    lines = [f'<font color="{colours["value"]}">{escape(short(value))}</font>']
    if gradient is not None:
        lines.append(f'<font color="{colours["gradient"]}">{escape(short(gradient))}</font>')
    return f"<{'<br/>'.join(lines)}>"
