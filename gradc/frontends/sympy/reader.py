"""A SymPy expression written as a program in gradc's language.

The program is text, as if its author had typed it: messages, exported modules and pictures show it, and the parser
checks it like any other. Parts that occur several times get names, and so do stretches of what is long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy
from sympy.core.function import UndefinedFunction
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.dense_ndim_array import ImmutableDenseNDimArray

from gradc.frontends.sympy.functions import texts
from gradc.frontends.sympy.indices import Binding, Scope
from gradc.frontends.sympy.matrices import MatrixReader
from gradc.frontends.sympy.phrases import Demand, Phrase, Plan, constantly
from gradc.frontends.sympy.scalars import NAMED_NUMBERS
from gradc.frontends.sympy.scope import flattened
from gradc.frontends.sympy.walk import Expression, Part
from gradc.language.unparse import ATOM

_numbers = sympy.core.numbers

MAX_INLINE = 30
"""The longest text of a part that is written out each time it occurs."""
MAX_LINE = 1_500
"""A longer part becomes a statement of its own."""


@dataclass(frozen=True)
class ProgramText:
    """A program's text, and which of SymPy's symbols its inputs are."""

    text: str
    inputs: tuple[str, ...]
    symbols: dict[str, Expression]


def read(expr: Any, arguments: Sequence[tuple[str, Expression]] | None = None) -> ProgramText:
    """Write an expression, or nested lists of them, as a program.

    arguments: pairs of a text that stands for an argument, such as `x` or `p[0]`, and the symbol it is; None takes
    every free symbol.
    """
    return Reader(expr, arguments).run()


class Reader(MatrixReader):
    """The whole expression."""

    def run(self) -> ProgramText:
        leaves, layout = flattened(self.expr)
        roots = [self.parts.add(leaf) for leaf in leaves]
        self._find_sizes()
        plans, counts = self._plans([(root, ()) for root in roots])
        taken = {*self.inputs, *self.sizes.values()}
        for name in self.names.values():
            taken.add(name.partition("[")[0])
        written: dict[Demand, Phrase] = {}
        statements: list[str] = []
        number = 0
        for demand, (needed, build) in plans.items():
            text = build([written[need] for need in needed])
            again = counts[demand] > 1 and len(text.text) > MAX_INLINE
            if (text.level < ATOM and (again or len(text.text) > MAX_LINE)) or len(text.text) > 2 * MAX_LINE:
                while f"t{number}" in taken:
                    number += 1
                statements.append(f"t{number} = {text}")
                text, number = Phrase(f"t{number}"), number + 1
            written[demand] = text
        result = layout([written[root, ()].text for root in roots])
        declared = self._declarations()
        return ProgramText("\n".join([*declared, *statements, result]), tuple(self.inputs), dict(self.inputs))

    def _plans(self, roots: Iterable[Demand]) -> tuple[dict[Demand, Plan], dict[Demand, int]]:
        """What every part needs, each before those that need it, and how often it is needed."""
        plans: dict[Demand, Plan] = {}
        counts: dict[Demand, int] = {}
        stack: list[tuple[Demand, Plan | None]] = []
        stack += [(root, None) for root in roots][::-1]
        while stack:
            demand, plan = stack.pop()
            if plan is not None:
                plans.setdefault(demand, plan)
                continue
            counts[demand] = counts.get(demand, 0) + 1
            if counts[demand] > 1:
                continue
            plan = self._plan(*demand)
            stack.append((demand, plan))
            stack += [(need, None) for need in plan[0]]
        return plans, counts

    def _plan(self, place: int, scope: Scope) -> Plan:
        part = self.parts[place]
        if place in self.names:
            return (), constantly(Phrase(self.names[place]))
        known = dict(scope)
        if place in self.indexing and place in known:
            return (), constantly(self._index_value(known[place]))
        if place in self.sizes:
            return (), constantly(Phrase(self.sizes[place]))
        cls = part.cls
        if isinstance(cls, UndefinedFunction):
            return self._unknown_function(place, part, known)
        handler = HANDLERS.get(cls)
        if handler is not None:
            return handler(self, place, part, known)
        template = texts().get(cls)
        if template is None:
            raise self._not_here(part)
        return self._all(part.args, known), lambda found: self._filled(part, template, found)


Handler = Callable[[Reader, int, Part, Mapping[int, Binding]], Plan]

HANDLERS: dict[type, Handler] = {
    **dict.fromkeys((sympy.Integer, sympy.Rational, sympy.Float, _numbers.Half), Reader.number),
    **dict.fromkeys((_numbers.Zero, _numbers.One, _numbers.NegativeOne), Reader.number),
    **dict.fromkeys(NAMED_NUMBERS, Reader.constant),
    **dict.fromkeys((sympy.Symbol, sympy.Dummy, sympy.Wild, sympy.Idx), Reader.symbol),
    **dict.fromkeys((sympy.besselj, sympy.bessely, sympy.besseli, sympy.besselk), Reader.bessel),
    **dict.fromkeys((sympy.Sum, sympy.Product), Reader.series),
    **dict.fromkeys((sympy.Indexed, MatrixElement), Reader.indexed),
    **dict.fromkeys((sympy.MatrixSymbol, sympy.IndexedBase), Reader.array_symbol),
    **dict.fromkeys((sympy.ImmutableDenseMatrix, sympy.ImmutableSparseMatrix), Reader.matrix),
    **dict.fromkeys((sympy.Identity, sympy.ZeroMatrix, sympy.matrices.expressions.special.OneMatrix), Reader.filled),
    sympy.Add: Reader.add,
    sympy.BlockMatrix: Reader.blocks,
    sympy.Derivative: Reader.derivative,
    ElementwiseApplyFunction: Reader.applied,
    ImmutableDenseNDimArray: Reader.array,
    sympy.LambertW: Reader.lambert,
    sympy.binomial: Reader.counted_ways,
    sympy.factorial: Reader.counted_ways,
    sympy.MatAdd: Reader.add,
    sympy.MatMul: Reader.matmul,
    sympy.MatPow: Reader.matpow,
    sympy.Mul: Reader.mul,
    sympy.Piecewise: Reader.piecewise,
    sympy.Pow: Reader.power,
}
"""What has arguments of its own kind."""
