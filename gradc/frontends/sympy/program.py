"""Programs made of SymPy expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sympy

from gradc.construct.joined import stacked
from gradc.frontends.sympy.reader import read
from gradc.frontends.sympy.walk import numbered
from gradc.frontends.text import TextProgram
from gradc.language.diagnostics import Error
from gradc.language.source import Source
from gradc.language.syntax import List

if TYPE_CHECKING:
    from gradc.construct.expressions import Evaluator
    from gradc.ir.graph import Node


class SympyProgram(TextProgram):
    """A SymPy expression as a program: its text is gradc's, and `symbols` are SymPy's by the names of inputs."""

    def __init__(self, text: str, inputs: Sequence[str], symbols: Mapping[str, Any]):
        super().__init__(Source(text, "sympy"))
        self.symbols = dict(symbols)
        missing = [name for name in self.signature.inputs if name not in inputs]
        assert not missing, missing
        self.signature = replace(self.signature, inputs=tuple(inputs))

    def _results(self, evaluator: Evaluator) -> tuple[Node, ...]:
        return (self._result(evaluator),)

    def _result(self, evaluator: Evaluator) -> Node:
        """The result; items of a list broadcast, as the values do that SymPy's functions put into theirs."""
        result = self.tree.result
        if not isinstance(result, List):
            return evaluator.number(result)
        rows = [row.items if isinstance(row, List) else (row,) for row in result.items]
        if len({len(row) for row in rows}) > 1 or any(isinstance(item, List) for row in rows for item in row):
            return evaluator.number(result)
        builder = evaluator.builder
        items = builder.numbers(tuple(evaluator.number(item) for row in rows for item in row))
        items = builder.broadcast_together(items)
        if not any(isinstance(row, List) for row in result.items):
            return stacked(items, 0)
        count = len(rows[0])
        return stacked(tuple(stacked(items[k : k + count], 0) for k in range(0, len(items), count)), 0)

    def __reduce__(self) -> tuple:
        return SympyProgram, (self.text, self.signature.inputs, self.symbols)


def program_of(expr: Any) -> SympyProgram:
    """The program of an expression or a matrix; its inputs are its free symbols, in the order of their names."""
    if isinstance(expr, sympy.Rel) and isinstance(expr, sympy.Eq):
        raise Error(
            "G0901", "an equation is no expression: it has no value to differentiate",
            help="compile the difference of its sides: `expr.lhs - expr.rhs`",
        )  # fmt: skip
    reading = read(expr)
    return SympyProgram(reading.text, numbered(reading.inputs), reading.symbols)
