"""Programs that add up over rows, as programs for parts of the rows and one for their totals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from gradc.compiler import Compilation
from gradc.interop.rows import Division, divide
from gradc.ir.graph import Graph, Node, cast, constant, make, topological
from gradc.ir.sizes import names
from gradc.ir.types import DTYPES, Type
from gradc.language.diagnostics import Error
from gradc.program import Elaborated, Program, Signature
from gradc.runtime import arguments
from gradc.runtime.arguments import Arguments

SAMPLE = 2
"""Rows of the arrays by which types are found: a single one would broadcast."""


class RowProgram:
    """A program some of whose inputs have an axis of rows, divided. It can be pickled."""

    def __init__(self, program: Program, types: Mapping[str, Type], size: str, parameters: Iterable[str]):
        """`types` are those of all inputs, `size` is the one that counts rows."""
        self.program = program
        self.types = dict(types)
        self.size = size
        self.parameters = tuple(parameters)

    def __reduce__(self) -> tuple[Any, ...]:
        return RowProgram, (self.program, self.types, self.size, self.parameters)

    @cached_property
    def compilation(self) -> Compilation:
        return Compilation(self.program, self.types, ())

    @cached_property
    def division(self) -> Division:
        """The sums and the rest. Raises `Error` G0608 where there is no such division."""
        compilation = self.compilation
        return divide(compilation.graph, self.size, compilation.spans, compilation.rewritten)

    def sizes(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
        """The named sizes for arrays of these shapes; raises `Error` G0603 where they do not fit together."""
        graph = self.compilation.graph
        plain = Graph(graph.inputs, graph.outputs, graph.checks, (), graph.joined)
        arrays = [np.broadcast_to(DTYPES[node.type.dtype].type(0), shapes[node.name]) for node in graph.inputs]
        return Arguments(arrays, tuple(node.type for node in graph.inputs)).sizes(plain)


class RowPart:
    """The sums over rows of a divided program times weights, added up; or what is computed of the totals.

    The weights, and the totals, are inputs of the same names. The gradient of the weighted sums for the weights is the
    sums; that for the parameters is the rows' part of the program's gradient, where the weights are the gradient of
    the rest for the totals.
    """

    def __init__(self, rows: RowProgram, is_rest: bool):
        self.rows = rows
        self.is_rest = is_rest

    def __reduce__(self) -> tuple[Any, ...]:
        return RowPart, (self.rows, self.is_rest)

    @property
    def text(self) -> str:
        return self.rows.program.text

    @property
    def syntax(self) -> str:
        return ("what is computed once of " if self.is_rest else "sums over rows of ") + self.rows.program.syntax

    @cached_property
    def graph(self) -> Graph:
        division = self.rows.division
        value: Node = constant(0.0)
        if self.is_rest:
            value = division.outer
        else:
            for node, weight in zip(division.sums, division.totals):
                term = cast(make("mul", weight, node), "f64")
                if term.shape:
                    term = make("sum", term, attrs=(tuple(range(term.type.rank)),))
                value = term if value.op == "const" else make("add", value, term)
        whole = self.rows.compilation.graph
        below = dict.fromkeys(topological((value,)))
        kept = {node.name: node for node in whole.inputs if node.name in self.rows.parameters}
        kept |= {node.name: node for node in (*below, *division.totals) if node.op == "input"}
        told = {size for node in kept.values() for size in node.shape}
        for node in whole.inputs:  # those that say how long an axis is
            new = set(node.shape) - told
            if self._may_have(node) and any(new.intersection(other.shape) for other in below):
                kept[node.name] = node
                told |= new
        checks = tuple(
            check for check in whole.checks
            if told.issuperset(found := {*names(check.left), *names(check.right)}) and self.rows.size not in found
        )  # fmt: skip
        indices = tuple(check for check in whole.index_checks if check.node in below)
        return Graph(tuple(kept[name] for name in sorted(kept)), (("value", value),), checks, indices)

    def _may_have(self, node: Node) -> bool:
        """Whether an input is known where the part is computed: rows are only with the sums."""
        return not self.is_rest or self.rows.size not in node.shape

    @cached_property
    def signature(self) -> Signature:
        """Every input is declared, so that one row does not broadcast."""
        inputs = self.graph.inputs
        return Signature(
            tuple(node.name for node in inputs),
            {node.name: node.type for node in inputs},
            tuple({name: None for node in inputs for size in node.shape for name in names(size)}),
            frozenset(node.name for node in inputs if not node.type.is_float),
        )

    def elaborate(self, types: Mapping[str, Type]) -> Elaborated:
        return Elaborated(self.graph)


def by_rows(
    program: Program,
    rows: Mapping[str, tuple[tuple[int, ...], Any]],
    others: Mapping[str, Any],
    parameters: Iterable[str],
) -> tuple[RowProgram, list[str]]:
    """A program divided over the rows of some inputs, whose shapes and element types are `rows`; and those of `others`
    that turn out to have a number for each row, too.

    Raises `Error` G0607 for inputs that cannot be taken apart.
    """
    signature = program.signature
    for name, (shape, _) in rows.items():
        if not shape:
            raise Error("G0607", f"`{name}` is a number: it has no rows", help="compute it first")
        _check_free(name, signature.declared.get(name))
    samples = {name: np.zeros((SAMPLE, *shape[1:]), dtype) for name, (shape, dtype) in rows.items()}
    prepared = arguments.prepare(signature, [samples[n] if n in samples else others[n] for n in signature.inputs])
    types = dict(zip(signature.inputs, prepared.types))
    invented = [name for name in rows if name not in signature.declared]
    for name in invented:
        types[name] = types[name].with_shape((types[invented[0]].shape[0], *types[name].shape[1:]))
    found = {node.name: node.type for node in program.elaborate(types).graph.inputs}
    counted = next(iter(rows))
    size = str(found[counted].shape[0])
    _check_free(counted, found[counted])
    for name in rows:
        if found[name].shape[0] != size:
            help = "every array that is taken apart has the same rows"
            raise Error("G0607", f"`{name}` does not have the rows of `{counted}` in the program", help=help)
    added = [name for name in found if name not in rows and any(size in names(part) for part in found[name].shape)]
    for name in added:
        if name in parameters or found[name].shape[0] != size:
            what = "a parameter" if name in parameters else "an array"
            help = "every row is computed from its own data and from all parameters"
            raise Error("G0607", f"`{name}` is {what} with an axis as long as there are rows", help=help)
    return RowProgram(program, found, size, parameters), added


def _check_free(name: str, type: Type | None) -> None:
    """Raise `Error` where a program fixes how many rows there are."""
    if type is not None and type.shape and not isinstance(type.shape[0], str):
        help = f"write it for any number of rows, as in {name}: f64[n]"
        raise Error("G0607", f"the program fixes the number of rows of `{name}` at {type.shape[0]}", help=help)
