"""Rule text to graph: the partials of the op table, the lowerings, and both sides of rewrite rules."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from gradc.construct.builder import GraphBuilder
from gradc.construct.expressions import Evaluator
from gradc.ir.graph import Node, build, constant, input_node, topological
from gradc.ir.types import Type
from gradc.language.parser import parse
from gradc.language.source import Source
from gradc.language.syntax import Assign, Literal, SyntaxTree


@cache
def parsed(text: str) -> SyntaxTree:
    """The syntax tree of a template."""
    return parse(Source(text, "template"))


def instantiate(
    text: str, bindings: Mapping[str, Node], *, dtype: str = "f64", axes: tuple[int, ...] | None = None, rank: int = 0
) -> Node:
    """The graph of a template, its names bound to nodes.

    `dtype` is the type of the numbers in the text. With `axes`, reductions in the text reduce these axes of
    values of rank `rank`, and their results meet full values along the axes that are left.
    """
    if text in bindings:
        return bindings[text]
    number = _number(text, dtype)
    if number is not None:
        return number
    if any([node.is_constant for node in bindings.values()]):  # constants are folded on the way
        return _read(text, bindings, dtype, axes, rank)
    values = list(bindings.values())
    steps, result = _recipe(text, tuple(bindings), tuple([node.type for node in values]), dtype, axes, rank)
    for op, positions, attrs in steps:
        values.append(build(op, tuple([values[position] for position in positions]), attrs))
    return values[result]


@cache
def _number(text: str, dtype: str) -> Node | None:
    """A template that is a number; None for any other."""
    program = parsed(text)
    if not isinstance(program.result, Literal) or program.statements:
        return None
    return constant(float(program.result.value), Type(dtype))


Step = tuple[str, tuple[int, ...], tuple[Any, ...]]
"""A node to build: op, positions of its arguments among the names and the earlier nodes, attributes."""


@lru_cache(maxsize=20_000)
def _recipe(
    text: str, names: tuple[str, ...], types: tuple[Type, ...], dtype: str, axes: tuple[int, ...] | None, rank: int
) -> tuple[list[Step], int]:
    """What a template builds whatever nodes of these types its names are bound to, and the position of the result.

    A program has few templates and types but many nodes: reading the text for each node would take most of the time.
    """
    bindings = {name: input_node(name, type) for name, type in zip(names, types)}
    result = _read(text, bindings, dtype, axes, rank)
    positions = {node: position for position, node in enumerate(bindings.values())}
    steps = []
    for node in topological((result,)):
        if node not in positions:
            steps.append((node.op, tuple(positions[arg] for arg in node.args), node.attrs))
            positions[node] = len(positions)
    return steps, positions[result]


def _read(text: str, bindings: Mapping[str, Node], dtype: str, axes: tuple[int, ...] | None, rank: int) -> Node:
    program = parsed(text)
    evaluator = Evaluator(GraphBuilder(axes=axes, rank=rank), dtype, is_template=True)
    scope = dict(bindings)
    for statement in program.statements:
        assert isinstance(statement, Assign)
        scope[statement.name.id] = evaluator.number(statement.value, scope)
    return evaluator.number(program.result, scope)
