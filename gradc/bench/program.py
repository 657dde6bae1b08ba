"""A program as the naive tapes walk it: its graph as written, every size a number."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradc.bench.workload import Inputs, Workload
from gradc.function import compile as compile_program
from gradc.ir import interpret
from gradc.ir.graph import Node, as_padded, topological
from gradc.ir.interpret import concrete
from gradc.ir.sizes import evaluate
from gradc.runtime.specialise import Specialiser


@dataclass(frozen=True)
class Step:
    """One op: its result goes to the slot that is its own position, its arguments come from `args`."""

    op: str
    kind: str
    args: tuple[int, ...]
    attrs: tuple[Any, ...]
    shape: tuple[int, ...]
    value: Any = None
    """Of a constant or a size: the number, everywhere the same; of indices: the array."""


@dataclass(frozen=True)
class StepProgram:
    """Steps in order, the last one the result."""

    steps: tuple[Step, ...]
    inputs: tuple[str, ...]
    wrt: tuple[str, ...]


def steps_of(workload: Workload, inputs: Inputs) -> StepProgram:
    """The program as written (nothing rewritten, nothing differentiated), for inputs of these shapes."""
    function = compile_program(workload.program, wrt=workload.wrt, engine="interpreter")
    specialiser = Specialiser(function.program, function.wrt)
    prepared = specialiser.prepare(list(inputs.values()))
    graph = specialiser.compilation("value", prepared.types).graph
    sizes = prepared.sizes(graph)
    order = topological(as_padded(graph.results))
    slot = {node: k for k, node in enumerate(order)}
    steps = tuple(_step(node, tuple(slot[arg] for arg in node.args), sizes) for node in order)
    return StepProgram(steps, function.inputs, function.wrt)


def _step(node: Node, args: tuple[int, ...], sizes: dict[str, int]) -> Step:
    shape = concrete(node.shape, sizes)
    if node.op == "const":
        return Step(node.op, "source", args, (), shape, node.value)
    if node.op == "size":
        return Step(node.op, "source", args, (), shape, float(evaluate(node.attrs[0], sizes)))
    if node.row.kind == "source" and node.op != "input":
        return Step(node.op, "source", args, (), shape, interpret.apply(node, (), sizes))
    attrs = node.attrs if node.op in ("input", "cast") else concrete(node.attrs, sizes)
    return Step(node.op, node.row.kind, args, attrs, shape)


EVERYWHERE = ("source", "movement", "contraction", "gather")
"""Kinds of ops of which every tape knows all."""


def unknown_op(program: StepProgram, known: Collection[str]) -> str:
    """Says which op that computes something is not among the known ones; empty if all are."""
    for step in program.steps:
        if step.kind not in EVERYWHERE and step.op not in known:
            return f"does not know `{step.op}`"
    return ""


def elements_computed(program: StepProgram) -> int:
    """How many numbers one evaluation computes; each term of a product of matrices is two."""
    computed = sum(int(np.prod(step.shape)) for step in program.steps if step.kind == "elementwise")
    return computed + sum(2 * _terms(program, step) for step in program.steps if step.kind == "contraction")


def _terms(program: StepProgram, step: Step) -> int:
    x_labels, y_labels, _ = step.attrs
    x, y = (program.steps[arg].shape for arg in step.args)
    return math.prod(dict(zip(x_labels + y_labels, x + y)).values())
