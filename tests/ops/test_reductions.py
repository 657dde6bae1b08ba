"""Reductions against mpmath: easy arrays, hard ones, and every choice of axes."""

import math

import mpmath
import numpy as np
import op_rows as rows
import pytest

from gradc.autodiff.adjoint import adjoint
from gradc.check.oracles import difference
from gradc.check.reals import REALS, REDUCTIONS
from gradc.ir.graph import constant, input_node, make
from gradc.ir.interpret import run
from gradc.ir.types import Type
from gradc.rewrite.engine import Rewriter
from tests.stage_rules import first_rules

HARD = [
    (3e-200, 4e-200, 0.0), (1e-300, -1e-300, 1e-300), (1e300, 1e300, 1e-300), (5e-324, 0.0, 0.0), (1.0, 1e-170, 1e170),
    (1000.0, 1001.0, -1000.0), (-1000.0, -1000.0, -1000.5), (0.0, 700.0, -700.0), (500.3, 499.9, 500.1),
    (1e10, -1e10, 1e10), (0.0, 0.0, 0.0), (0.0, 2.0, 3.0), (0.0, 2.0, 0.0), (-1.0, 0.5, 4.0), (2.0, 2.0, 1.0),
    (-3.0, -3.0, -3.0),
]  # fmt: skip
ROWS = rows.REDUCTIONS
FEW = 6.0


def hard_arrays(row):
    """All of them; but a product is multiplied in order, as NumPy does: its partial products have to be floats."""
    for array in HARD:
        with np.errstate(over="ignore", under="ignore"):
            partial_products = np.abs(np.cumprod([x for x in array if x != 0]))
        if row.name != "prod" or np.all((partial_products >= rows.SMALLEST) & (partial_products < np.inf)):
            yield array


def graph_of(row, dtype: str = "f64"):
    x = rows.array_input(dtype)
    node = rows.node_of(row, [x])
    bar = adjoint(node, [x], constant(1.0, node.type))[0]
    return x, node, bar


def scale_of(row, exact) -> float:
    """What the terms of a sum are as large as: its rounding errors are relative to that."""
    if row.name == "sum":
        return mpmath.fsum(map(abs, exact))
    return max(map(abs, exact)) if row.name == "logsumexp" else 0


@pytest.mark.parametrize("row", ROWS, ids=rows.by_name)
def test_against_mpmath(row):
    x, node, bar = graph_of(row)
    got_nodes = Rewriter(first_rules("derivative")).rewrite([node, bar])
    draw = rows.generator(row)
    for array in [*hard_arrays(row), *(draw.uniform(*row.domain[0], 3) for _ in range(10))]:
        value, grad = run(got_nodes, {x: np.array(array)}, {})
        with mpmath.workdps(800):
            exact = REALS.exact(array)
            true, true_grad = REALS.run([node, bar], {x: exact}, {})
            scale = max(abs(true), scale_of(row, exact))
            assert abs(value - true) <= FEW * np.spacing(float(scale)), (array, value, float(true))
            wrong = [(g, float(t)) for g, t in zip(grad, true_grad) if rows.ulps(g, t) > FEW]
            assert not wrong, (array, wrong)


@pytest.mark.parametrize("row", ROWS, ids=rows.by_name)
def test_gradient_and_hessian_against_differences(row):
    x, _, bar = graph_of(row)
    (second,) = adjoint(make("sum", make("mul", bar, input_node("v", x.type)), attrs=((0,),)), [x], constant(1.0))
    draw = rows.generator(row)
    v = draw.normal(size=3)
    f = REDUCTIONS[row.name]
    values = {input_node("v", x.type): v}
    for array in (draw.uniform(*row.domain[0], 3) for _ in range(5)):
        grad, product = run([bar, second], values | {x: array}, {})
        with mpmath.workdps(120):
            exact = list(REALS.exact(array))
            along = lambda k, g: lambda t: g([*exact[:k], t, *exact[k + 1 :]])  # noqa: E731, B023
            line = lambda xs: lambda t: f([a + t * mpmath.mpf(b) for a, b in zip(xs, v)])  # noqa: E731
            slope = lambda xs: difference(line(xs), mpmath.mpf(0), 120)  # noqa: E731, B023
            for k in range(3):
                true = difference(along(k, f), exact[k], 120)
                assert abs(grad[k] - true) <= 1e-14 * (1 + abs(true))
                true = difference(along(k, slope), exact[k], 80)
                assert abs(product[k] - true) <= 1e-13 * (1 + abs(true))


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("row", ROWS, ids=rows.by_name)
def test_every_choice_of_axes(row, axes):
    """Along any axes, value and gradient are those of each part on its own."""
    shape = (2, 3, 4)
    kept = tuple(k for k in range(3) if k not in axes)
    x = input_node("x", Type("f64", shape))
    node = make(row.name, x, attrs=(axes,))
    (bar,) = adjoint(node, [x], constant(1.0, node.type))
    array = rows.generator(row).uniform(*row.domain[0], shape)
    value, grad = run([node, bar], {x: array}, {})
    parts, grads = (np.transpose(a, kept + axes).reshape(-1, math.prod(shape[k] for k in axes)) for a in (array, grad))
    flat = input_node("x", Type("f64", parts.shape[1:]))
    alone = make(row.name, flat, attrs=((0,),))
    (alone_bar,) = adjoint(alone, [flat], constant(1.0))
    for part, part_value, part_grad in zip(parts, np.reshape(value, -1), grads):
        expected = run([alone, alone_bar], {flat: part}, {})
        assert np.allclose(part_value, expected[0], rtol=1e-14) and np.allclose(part_grad, expected[1], rtol=1e-14)


@pytest.mark.parametrize(
    "name, array, expected",
    [
        ("prod", (1e200, 1e200), (1e200, 1e200)),
        ("prod", (1e-200, 1e-200, 2.0), (2e-200, 2e-200, 0.0)),
        ("prod", (math.inf, 1.0), (1.0, math.inf)),
        ("norm", (9.5e307, 1.0), (1.0, 1.0 / 9.5e307)),
    ],
)
def test_gradients_where_the_value_or_its_scale_is_no_float(name, array, expected):
    x = input_node("x", Type("f64", (len(array),)))
    (bar,) = adjoint(make(name, x, attrs=((0,),)), [x], constant(1.0))
    (got,) = run([bar], {x: np.array(array)}, {})
    assert np.allclose(got, expected, rtol=1e-14, atol=0)
