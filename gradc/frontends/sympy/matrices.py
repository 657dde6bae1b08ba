"""Matrices and arrays of an expression."""

from __future__ import annotations

from collections.abc import Mapping

import sympy

from gradc.frontends.sympy.functions import texts
from gradc.frontends.sympy.indices import Binding
from gradc.frontends.sympy.phrases import Phrase, Plan, constantly, multiplied
from gradc.frontends.sympy.series import SeriesReader
from gradc.frontends.sympy.walk import Part
from gradc.language.expressions import MULTIPLY, POWER

_numbers = sympy.core.numbers

MAX_REPEATED = 32
"""The highest power of a matrix that is written as a product."""


class MatrixReader(SeriesReader):
    """How matrices, and arrays of expressions, are written."""

    # ------------------------------------------------------------ matrices

    def array_symbol(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        base = self._base(place, 1)
        return (), lambda found: Phrase(base.name)

    def matrix(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        rows, columns = (int(self.parts[arg].expr.p) for arg in part.args[:2])

        def build(found: list[Phrase]) -> Phrase:
            if not rows or not columns:
                return Phrase(f"zeros([{rows}, {columns}])")
            lines = (", ".join([t.text for t in found[k * columns : (k + 1) * columns]]) for k in range(rows))
            return Phrase(f"[{', '.join(f'[{line}]' for line in lines)}]")

        return self._all(part.args[2:], scope), build

    def array(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        elements, shape = (self.parts[arg].args for arg in part.args)
        sizes = [int(self.parts[size].expr.p) for size in shape]

        def build(found: list[Phrase]) -> Phrase:
            texts = [text.text for text in found]
            for size in sizes[:0:-1]:
                texts = [f"[{', '.join(texts[k : k + size])}]" for k in range(0, len(texts), size)]
            return Phrase(f"[{', '.join(texts)}]" if sizes else texts[0])

        return self._all(elements, scope), build

    def matmul(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        numbers = [arg for arg in part.args if not is_matrix(self.parts[arg].cls)]
        matrices = [arg for arg in part.args if arg not in numbers]

        def build(found: list[Phrase]) -> Phrase:
            product = " @ ".join([text.at(POWER) for text in found[len(numbers) :]])
            if not numbers:
                return Phrase(product, MULTIPLY if len(matrices) > 1 else found[-1].level)
            factor = multiplied("", found[: len(numbers)], [])
            text = product if len(matrices) == 1 else f"({product})"
            return Phrase(f"{factor.at(MULTIPLY)}*{text}", MULTIPLY)

        return self._all(numbers + matrices, scope), build

    def matpow(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        base, exponent = part.args
        found = self.parts[exponent]
        count = int(found.expr.p) if issubclass(found.cls, sympy.Integer) else None
        if count is None or not 1 <= abs(count) <= MAX_REPEATED:
            instead = "whole powers up to 32, and down to -32, are products"
            raise self._refuse(part.expr, "it is a power of a matrix", instead)
        power = count

        def build(found: list[Phrase]) -> Phrase:
            base = found[0] if power > 0 else Phrase(f"inv({found[0].text})")
            return Phrase(" @ ".join([base.at(POWER)] * abs(power)), MULTIPLY if abs(power) > 1 else base.level)

        return [self._within(base, scope)], build

    def filled(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        sizes = [self._size(arg, part.expr) for arg in part.args]
        if part.cls is sympy.Identity:
            return (), constantly(Phrase(f"eye({sizes[0]})"))
        name = "zeros" if part.cls is sympy.ZeroMatrix else "ones"
        return (), constantly(Phrase(f"{name}([{', '.join(sizes)}])"))

    def blocks(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        _, columns, *blocks = self.parts[part.args[0]].args
        count = int(self.parts[columns].expr.p)

        def build(found: list[Phrase]) -> Phrase:
            texts = [text.text for text in found]
            lines = [texts[k : k + count] for k in range(0, len(texts), count)]
            wide = [line[0] if count == 1 else f"concatenate([{', '.join(line)}], axis=1)" for line in lines]
            return Phrase(wide[0] if len(wide) == 1 else f"concatenate([{', '.join(wide)}], axis=0)")

        return self._all(blocks, scope), build

    def applied(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        """A function at every element of a matrix: its text with the matrix in the place of its variable."""
        function, matrix = part.args
        variables, body = self.parts[function].args
        (variable,) = self.parts[variables].args
        chain: list[int] = [body]
        while chain[-1] != variable:
            inner = self.parts[chain[-1]]
            if len(inner.args) != 1 or inner.cls not in texts():
                instead = "apply functions of one argument one after the other, as in `A.applyfunc(sin)`"
                raise self._refuse(part.expr, "its function is not a single one", instead)
            chain.append(inner.args[0])
        steps = [self.parts[at] for at in chain[-2::-1]]

        def build(found: list[Phrase]) -> Phrase:
            (text,) = found
            for step in steps:
                text = self._filled(step, texts()[step.cls], [text])
            return text

        return [self._within(matrix, scope)], build


def is_matrix(cls: type) -> bool:
    return issubclass(cls, sympy.MatrixExpr | sympy.ImmutableDenseMatrix | sympy.ImmutableSparseMatrix)
