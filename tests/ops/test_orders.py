"""Derivatives of any order: second and third against mpmath; both modes agree; linear ops and their transposes."""

import itertools

import mpmath
import numpy as np
import op_rows as rows
import pytest

from gradc.autodiff.adjoint import adjoint
from gradc.autodiff.tangent import tangent
from gradc.check.oracles import difference
from gradc.check.reals import REALS, function
from gradc.ir.graph import constant, input_node, make
from gradc.ir.interpret import run
from gradc.ir.ops import ROWS
from gradc.ir.types import Type
from gradc.rewrite.engine import Rewriter
from tests.stage_rules import first_rules

SECOND, THIRD = 1e-13, 1e-11
"""Relative errors allowed at points of the domain, where a second derivative is a sum of a few terms."""


def along(f, exact: list, position: int):
    return lambda x: f(*exact[:position], x, *exact[position + 1 :])


def mixed(f, exact: list, first: int, second: int, digits: int):
    """The second derivative for two arguments by differences."""
    inner = lambda x: difference(along(f, [*exact[:first], x, *exact[first + 1 :]], second), exact[second], digits)  # noqa: E731
    return difference(inner, exact[first], digits // 2)


def evaluate(nodes, inputs, point) -> list[float]:
    values = {node: np.float64(x) for node, x in zip(inputs, point) if node.op == "input"}
    return [float(x) for x in run(Rewriter(first_rules("derivative")).rewrite(nodes), values, {})]


@pytest.mark.parametrize("row", rows.ELEMENTWISE, ids=rows.by_name)
def test_second_and_third_derivatives(row):
    inputs = rows.inputs_of(row)
    node = rows.node_of(row, inputs)
    f = function(row.name)
    smooth = rows.smooth_arguments(row)
    orders = {}
    for j, k in itertools.product(smooth, repeat=2):
        (first,) = adjoint(node, [inputs[j]], constant(1.0))
        (second,) = adjoint(first, [inputs[k]], constant(1.0))
        (third,) = adjoint(second, [inputs[k]], constant(1.0))
        orders[j, k] = second, third
    for point in rows.random_points(row, 5):
        with mpmath.workdps(120):
            exact = [REALS.exact(x) for x in point]
            size = abs(f(*exact)) + 1
            for (j, k), nodes in orders.items():
                second, third = evaluate(nodes, inputs, point)
                true = difference(along(f, exact, j), exact[j], 120, 2) if j == k else mixed(f, exact, j, k, 120)
                assert abs(second - true) <= SECOND * (abs(true) + size), (point, j, k)
                if j == k:
                    true = difference(along(f, exact, j), exact[j], 120, 3)
                    assert abs(third - true) <= THIRD * (abs(true) + size), (point, j, k)


CANCELLING = {"normal_pdf", "truncated_variance", "truncated_skew"}
"""The second derivative crosses zero as a difference of two terms of the size of the value."""
MODERATE = (1e-100, 1e100)
"""Sizes of arguments whose squares are floats too."""
EPS, LARGEST = np.finfo(float).eps, np.finfo(float).max


@pytest.mark.parametrize("row", rows.ELEMENTWISE, ids=rows.by_name)
def test_second_derivatives_at_special_points(row):
    """Finite, and right to some ULP of the largest of them; two terms of a density's may cancel."""
    inputs = rows.inputs_of(row)
    node = rows.node_of(row, inputs)
    nodes = []
    for j, k in itertools.product(rows.smooth_arguments(row), repeat=2):
        (first,) = adjoint(node, [inputs[j]], constant(1.0))
        nodes += adjoint(first, [inputs[k]], constant(1.0))
    wrong, compared = [], 0
    with mpmath.workdps(60):
        for point in rows.special_points(row):
            if not all(x == 0 or MODERATE[0] <= abs(x) <= MODERATE[1] for x in point):
                continue
            value, *truths = REALS.run([node, *nodes], {node: REALS.exact(x) for node, x in zip(inputs, point)}, {})
            if not all(abs(true) <= LARGEST for true in (value, *truths)):
                continue
            compared += 1
            largest = max(map(abs, truths)) + (abs(value) if row.name in CANCELLING else 0)
            bound = 100 * EPS * (1 + min(abs(point[0]), 40.0) ** 2) * largest + rows.SMALLEST
            for got, true in zip(evaluate(nodes, inputs, point), truths):
                if not abs(got - true) <= bound:
                    wrong.append(f"{point}: {got!r}, not {mpmath.nstr(true, 17)}")
    assert not wrong
    assert compared > 3


# ---------------------------------------------------------------- the two modes


@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize("row", rows.ELEMENTWISE + rows.REDUCTIONS, ids=rows.by_name)
def test_forward_mode_agrees_with_reverse_mode(row, dtype):
    """sum(y_bar * y_dot) == sum(x_bar * x_dot), in either precision, and nothing leaves that precision."""
    draw = rows.generator(row)
    inputs = [rows.array_input(dtype)] if row.kind == "reduction" else rows.inputs_of(row, dtype)
    node = rows.node_of(row, inputs)
    smooth = [inputs[k] for k in (rows.smooth_arguments(row) if row.partials else [0])]
    dots = {x: input_node(f"{x.name}_dot", x.type) for x in smooth}
    y_bar = input_node("y_bar", node.type)
    x_bars = adjoint(node, smooth, y_bar)
    (y_dot,) = tangent([node], dots)
    assert [bar.type for bar in x_bars] == [x.type for x in smooth] and y_dot.type == node.type
    numpy_type = np.float64 if dtype == "f64" else np.float32
    if row.kind == "elementwise":
        points = rows.random_points(row, 5)
    else:
        points = [[draw.uniform(*row.domain[0], 3)] for _ in range(5)]
    for point in points:
        values = {x: numpy_type(v) for x, v in zip(inputs, point) if x.op == "input"}
        values = {x: bool(v) if x.type.dtype == "bool" else v for x, v in values.items()}
        values |= {dot: numpy_type(draw.normal(size=x.shape)) for x, dot in dots.items()}
        values[y_bar] = numpy_type(draw.normal(size=node.shape))
        got, *bars = run([y_dot, *x_bars], values, {})
        assert np.asarray(got).dtype == numpy_type and all(np.asarray(bar).dtype == numpy_type for bar in bars)
        backward = sum(np.sum(np.float64(bar) * values[dots[x]]) for x, bar in zip(smooth, bars))
        forward = np.sum(np.float64(values[y_bar]) * got)
        scale = 1 + sum(np.sum(np.abs(bar * values[dots[x]])) for x, bar in zip(smooth, bars))
        assert abs(forward - backward) <= 20 * np.finfo(numpy_type).eps * scale


# ---------------------------------------------------------------- linear ops

N, M = 4, 3
LINEAR = {
    "sum": [((N, M), ((0,),)), ((N, M), ((1,),)), ((N, M), ((0, 1),)), ((N,), ((0,),))],
    "cast": [((N,), ("f32",))],
    "broadcast": [((), ((N,), ())), ((N,), ((M, N), (1,))), ((N,), ((N, M), (0,)))],
    "squeeze": [((1, N), ((0,),)), ((N, 1, 1), ((1, 2),))],
    "transpose": [((N, M), ((1, 0),)), ((2, N, M), ((2, 0, 1),))],
    "slice": [
        ((N,), (((1, 1, 2),),)),
        ((N,), (((3, -1, 4),),)),
        ((N, M), (((0, 2, 2), (2, -2, 2)),)),
        ((N,), (((0, 1, 0),),)),
    ],
    "pad": [((2,), (((1, 1, 2),), (N,))), ((4,), (((3, -1, 4),), (N,))), ((2, 2), (((0, 2, 2), (2, -2, 2)), (N, M)))],
    "reshape": [((N, M), ((2, 6),)), ((N,), ((2, 2, 1),))],
    "cumsum": [((N,), (0, False)), ((N, M), (1, True))],
    "take": [((N,), (0,), [2, 0, 2]), ((N, M), (1,), [[1, 1], [0, 2]])],
    "put": [((3,), (0, (N,)), [2, 0, 2]), ((N, 2, 2), (1, (N, M)), [[1, 1], [0, 2]])],
    "take_along": [((N, M), (0,), [[3, 0, 0], [3, 1, 0]])],
    "put_along": [((2, M), (0, (N, M)), [[3, 0, 0], [3, 1, 0]])],
}
"""For every linear op some shapes, attributes and indices."""


def test_every_linear_op_is_tried():
    assert set(LINEAR) == {row.name for row in ROWS if row.transpose}


@pytest.mark.parametrize("op, case", [(op, case) for op, cases in LINEAR.items() for case in cases])
def test_transpose_of_a_linear_op(op, case):
    """<A x, y> == <x, A' y> and A'' == A, exactly: whole numbers leave no rounding; mpmath's arrays agree."""
    shape, attrs, *indices = case
    draw = np.random.default_rng(7)
    x = input_node("x", Type("f64", shape))
    index = [(input_node("index", Type("i64", np.shape(places))), np.array(places)) for places in indices]
    node = make(op, x, *(place for place, _ in index), attrs=attrs)
    y = input_node("y", node.type)
    (x_bar,) = adjoint(node, [x], y)
    (back,) = adjoint(x_bar, [y], x)
    assert x_bar.type == x.type and back.type == node.type
    drawn = {v: draw.integers(-9, 9, size=v.shape).astype(v.type.dtype.replace("f", "float")) for v in (x, y)}
    values = drawn | dict(index)
    forward, backward, again = run([node, x_bar, back], values, {})
    assert np.sum(forward * values[y]) == np.sum(values[x] * backward)
    assert np.array_equal(forward, again)
    assert np.any(forward) or not np.size(forward)
    exact = REALS.run([node, x_bar], {v: REALS.exact(value) for v, value in values.items()}, {})
    assert np.array_equal(np.asarray(exact[0], float), forward)
    assert np.array_equal(np.asarray(exact[1], float), backward)
