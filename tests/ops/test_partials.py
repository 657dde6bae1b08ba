"""Every partial of the op table, proved by SymPy: the derivative of the op minus the partial is zero."""

import re

import numpy as np
import op_rows as rows
import pytest
import sympy

from gradc.autodiff.partials import partial
from gradc.check.oracles import Arithmetic
from gradc.check.symbolic import SYMBOLS, number
from gradc.frontends.sympy.functions import NO_EXPRESSION

CONSTANTS = {
    float(exact): exact
    for exact in (
        sympy.log(2),
        1 / sympy.log(2),
        1 / sympy.log(10),
        2 / sympy.sqrt(sympy.pi),
        sympy.sqrt(2),
        sympy.sqrt(2 * sympy.pi),
        sympy.sqrt(sympy.pi) / 2,
    )
}
"""What the rounded constants of the table stand for."""


def exact_number(value: float) -> sympy.Expr:
    known = CONSTANTS.get(abs(value))
    return number(value) if known is None else known * (1 if value > 0 else -1)


EXACT = Arithmetic(exact_number, SYMBOLS.function, SYMBOLS.reduction)

HAS_PIECES = {
    "cbrt", "sign", "power", "maximum", "minimum", "clamp_min", "clamp_max", "hypot", "clip", "prod", "max", "min",
    "norm", "inverse_mills", "truncated_gap", "truncated_variance", "truncated_skew", "exprel2", "log1prel2", "sinrel3",
    "sinrest2", "erfcx", "log_ndtr", "ndtri", "erfinv", "erfcinv",
    "sinhrel3", "sinhrest2", "arctanrel3", "arctanrest2", "arcsinhrel3", "erfrel3",
}  # fmt: skip
"""Ops whose derivative is different expressions in different places: these are compared at exact points of each."""


def vanishes(difference: sympy.Expr) -> bool:
    """Whether an expression is zero wherever `floor` and `sign` do not jump."""
    flat = difference
    for jump in (sympy.Subs, sympy.Derivative):
        flat = flat.replace(jump, lambda *_: sympy.Integer(0))
    return sympy.simplify(flat) == 0 or sympy.simplify(flat.rewrite(sympy.exp)) == 0


def vanishes_at(difference: sympy.Expr, point: dict[sympy.Symbol, sympy.Rational]) -> bool:
    return abs(sympy.N(difference.subs(point), 30)) < 1e-25


@pytest.mark.parametrize("row", [row for row in rows.ELEMENTWISE if row.name not in NO_EXPRESSION], ids=rows.by_name)
def test_partial_of_an_elementwise_op(row):
    inputs = rows.inputs_of(row)
    node = rows.node_of(row, inputs)
    symbols = [
        sympy.Integer(1) if name == "n" else sympy.Symbol(name, real=None if rows.is_condition(row, name) else True)
        for name in row.params
    ]
    values = dict(zip(inputs, symbols))
    (function,) = EXACT.run([node], values, {})
    for position in rows.smooth_arguments(row):
        local = partial(node, position)
        expression = sympy.Integer(0) if local is None else EXACT.run([local], values, {})[0]
        difference = sympy.diff(function, symbols[position]) - expression
        if row.name in HAS_PIECES:
            points = [[sympy.Rational(x) for x in point] for point in rows.random_points(row, 12)]
            assert all(vanishes_at(difference, dict(zip(symbols, point))) for point in points)
        else:
            assert vanishes(difference), difference


ARRAYS = [(2, 3, 5), (-1, 4, 1), (3, -2, -7), (sympy.Rational(1, 3), sympy.Rational(1, 7), 2), (-5, -6, -1)]


@pytest.mark.parametrize("row", [row for row in rows.REDUCTIONS if not row.transpose], ids=rows.by_name)
def test_partial_of_a_reduction(row):
    x = rows.array_input()
    node = rows.node_of(row, [x])
    symbols = sympy.symbols("x0:3", real=True)
    values = {x: np.array(symbols, dtype=object)}
    (function,) = EXACT.run([node], values, {})
    (partials,) = EXACT.run([partial(node, 0)], values, {})
    for symbol, expression in zip(symbols, partials):
        difference = sympy.diff(function, symbol) - expression
        if row.name in HAS_PIECES:
            assert all(vanishes_at(difference, dict(zip(symbols, array))) for array in ARRAYS)
        else:
            assert vanishes(difference), difference


@pytest.mark.parametrize("zeros", [(0,), (1,), (0, 1), (0, 1, 2)])
def test_partial_of_a_product_with_zeros(zeros):
    symbols = sympy.symbols("x0:3", real=True)
    x = rows.array_input()
    node = rows.node_of(next(row for row in rows.REDUCTIONS if row.name == "prod"), [x])
    values = [0 if k in zeros else k + 2 for k in range(3)]
    (partials,) = EXACT.run([partial(node, 0)], {x: np.array([sympy.Integer(v) for v in values], dtype=object)}, {})
    for symbol, got in zip(symbols, partials):
        assert got == sympy.diff(sympy.Mul(*symbols), symbol).subs(dict(zip(symbols, values)))


def test_every_row_has_a_partial_for_each_argument():
    for row in rows.ELEMENTWISE:
        assert len(row.partials) == len(row.params) == len(row.domain), row.name


def test_the_constants_of_the_table_are_the_nearest_floats():
    texts = " ".join(text or "" for row in rows.ELEMENTWISE + rows.REDUCTIONS for text in row.partials)
    long_numbers = {float(text) for text in re.findall(r"\d\.\d{10,}", texts)}
    assert long_numbers == set(CONSTANTS)
