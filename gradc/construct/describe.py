"""How messages speak of nodes and of places in the text."""

from __future__ import annotations

from collections.abc import Iterable

from gradc.ir.graph import MAKERS, Node
from gradc.ir.ops import Op
from gradc.language.source import Span


def sides(nodes: Iterable[Node]) -> str:
    """The arrays among some operands and their types, for a message."""
    return ", ".join(f"{describe(node)} is {node.type}" for node in nodes if node.shape)


def operands(nodes: Iterable[Node]) -> str:
    """Some operands and their types, for a message; numbers written in the program say enough by themselves."""
    return ", ".join(f"{describe(node)} is {node.type}" for node in nodes if node.shape or not node.is_constant)


def describe(node: Node) -> str:
    """A few words for a node in a message."""
    if node.op == "input":
        return node.name.partition("@")[0]
    if node.op in MAKERS:
        return describe(node.args[0])
    return "the number" if node.op == "const" and not node.shape else called(node.row)


def called(row: Op) -> str:
    """A few words for what an op gives, in which the language's own names are the only ones."""
    is_named = row.kind in ("elementwise", "reduction") and not row.hidden
    name = row.sign or (row.name if is_named else row.symbol if row.kind != "loop" else "")
    return f"the result of `{name}`" if name else "a value"


def quoted(span: Span | None, otherwise: str) -> str:
    """The text of a place in backticks; other words where a front end has no text."""
    return f"`{span.text}`" if span is not None else otherwise


def within(span: Span | None) -> str:
    """The text of a place, for a message that draws no carets."""
    return f" in `{span.text}`" if span is not None and len(span.text) <= 60 and "\n" not in span.text else ""
