"""Rule text to graph: the partials of the op table, the lowerings, and both sides of rewrite rules."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from gradc.frontends.algebra import Algebra
from gradc.frontends.text import Reader
from gradc.ir.graph import Node
from gradc.language.parser import parse
from gradc.language.source import Source
from gradc.language.syntax import Assign, Program


@cache
def parsed(text: str) -> Program:
    """The syntax tree of a template."""
    return parse(Source(text, "template"))


def instantiate(
    text: str, bindings: Mapping[str, Node], *, dtype: str = "f64", axes: tuple[int, ...] | None = None, rank: int = 0
) -> Node:
    """The graph of a template, its names bound to nodes.

    `dtype` is the type of the numbers in the text. With `axes`, reductions in the text reduce these axes of
    values of rank `rank`, and their results meet full values along the axes that are left.
    """
    program = parsed(text)
    reader = Reader(Algebra(axes=axes, rank=rank), None, {}, literal_dtype=dtype)
    scope = dict(bindings)
    for statement in program.statements:
        assert isinstance(statement, Assign)
        node = reader.evaluate(statement.value, scope)
        assert isinstance(node, Node)
        scope[statement.name.id] = node
    result = reader.evaluate(program.result, scope)
    assert isinstance(result, Node)
    return result
