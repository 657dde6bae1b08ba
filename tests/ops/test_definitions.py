"""Functions that the language defines in itself: value and gradient against mpmath, at special and at random points."""

import mpmath
import numpy as np
import pytest

import gradc
from gradc.check.oracles import difference
from gradc.check.reals import function
from gradc.construct.functions import FUNCTIONS

normal_cdf, softplus, log, log1p = map(function, ("normal_cdf", "softplus", "log", "log1p"))
EVERYWHERE = (
    -1e300, -1e10, -1000.0, -38.0, -3.0, -1.0, -1e-8, -1e-300, 0.0, 1e-300, 1e-8, 0.3, 1.0, 2.5, 38.0, 1e3, 1e10, 1e300,
)  # fmt: skip
POSITIVE = (1e-300, 1e-8, 0.3, 1.0, 2.0, 1000.0, 1e300)
SLOPES = (-0.5, -0.1, 0.0, 0.01, 1.0, 1.5, 2.0)

SCALAR = {
    "relu": (lambda x: max(x, 0), EVERYWHERE),
    "leaky_relu": (lambda x, slope: x if x > 0 else slope * x, EVERYWHERE, SLOPES),
    "elu": (lambda x, alpha: x if x > 0 else alpha * mpmath.expm1(x), EVERYWHERE, SLOPES),
    "gelu": (lambda x: x * normal_cdf(x), EVERYWHERE),
    "silu": (lambda x: x / (1 + mpmath.exp(-x)), EVERYWHERE),
    "log_sigmoid": (lambda x: -softplus(-x), EVERYWHERE),
    "logit": (lambda p: log(p) - log1p(-p), (1e-300, 1e-8, 0.3, 0.5, 0.9, 0.99, 0.9999999)),
    "mish": (lambda x: x * mpmath.tanh(softplus(x)), EVERYWHERE),
    "softsign": (lambda x: x / (1 + abs(x)), EVERYWHERE),
    "add": (lambda x, y: x + y, SLOPES, EVERYWHERE),
    "subtract": (lambda x, y: x - y, SLOPES, EVERYWHERE),
    "multiply": (lambda x, y: x * y, SLOPES, EVERYWHERE),
    "divide": (lambda x, y: x / y, SLOPES, POSITIVE),
    "negative": (lambda x: -x, EVERYWHERE),
    "cube": (lambda x: x**3, (-1e80, -2.5, -1e-8, 0.0, 0.3, 1e80)),
    "Heaviside": (lambda x, value: value if x == 0 else 1 if x > 0 else 0, EVERYWHERE, SLOPES),
    "reciprocal": (lambda x: 1 / x, (*POSITIVE[1:-1], -3.0, -1e-8)),
    "radians": (lambda x: x * mpmath.pi / 180, EVERYWHERE),
    "degrees": (lambda x: x * 180 / mpmath.pi, EVERYWHERE),
    "xlogy": (lambda x, y: x * mpmath.log(y), EVERYWHERE, POSITIVE),
    "xlog1py": (lambda x, y: x * mpmath.log1p(y), EVERYWHERE, (-0.5, *POSITIVE)),
    "factorial": (lambda n: mpmath.gamma(n + 1), (1e-8, 0.3, 1.0, 5.0, 20.0, 100.5)),
    "heaviside": (lambda x, h: mpmath.mpf(x > 0), EVERYWHERE[:8] + EVERYWHERE[9:], (0.5, 1.0)),
    "isnan": (lambda x: mpmath.mpf(0), EVERYWHERE),
    "isfinite": (lambda x: mpmath.mpf(1), EVERYWHERE),
    "isinf": (lambda x: mpmath.mpf(0), EVERYWHERE),
    "entr": (lambda x: -x * mpmath.log(x), POSITIVE),
    "rel_entr": (lambda x, y: x * mpmath.log(x / y), POSITIVE[1:-1], POSITIVE[1:-1]),
    "kl_div": (lambda x, y: x * mpmath.log(x / y) - x + y, (0.1, 2.0), (1.0, 7.0)),
    "boxcox": (lambda x, lmbda: mpmath.expm1(lmbda * mpmath.log(x)) / lmbda, (1e-8, 0.3, 7.0), (-2.0, 1e-9, 0.5)),
    "cosm1": (lambda x: -2 * mpmath.sin(x / 2) ** 2, (-1e10, -3.0, -1e-8, 1e-300, 1e-8, 0.3, 2.5)),
    "powm1": (lambda x, y: x**y - 1, (0.3, 1 + 1e-9, 7.0), (-2.0, 1e-9, 0.5)),
    "rgamma": (lambda x: 1 / mpmath.gamma(x), (1e-8, 0.3, 1.0, 20.0)),
    "normal_logpdf": (
        lambda x: -x * x / 2 - mpmath.log(2 * mpmath.pi) / 2,
        (-1e10, -38.0, -1.0, -1e-8, 0.0, 1e-8, 0.3, 38.0, 1e10),
    ),
    "acosh_abs": (lambda x: mpmath.acosh(abs(x) + 1), (-1e10, -3.0, -0.3, 0.3, 1.0, 38.0, 1e10)),
    "atanh_clip": (lambda x: mpmath.atanh((x + 1) % 2 - 1), (-2.75, -0.5, 0.25, 0.5, 1.25, 6.5)),
    "cond": (lambda x, y: y if x > 0 else 0, SLOPES, EVERYWHERE),
    "fma": (lambda x, y, z: x * y + z, SLOPES, SLOPES, SLOPES),
    "greater": (lambda x, y: mpmath.mpf(x > y), SLOPES, (-0.2, 0.7)),
    "greater_equal": (lambda x, y: mpmath.mpf(x >= y), SLOPES, (-0.2, 0.7)),
    "less": (lambda x, y: mpmath.mpf(x < y), SLOPES, (-0.2, 0.7)),
    "less_equal": (lambda x, y: mpmath.mpf(x <= y), SLOPES, (-0.2, 0.7)),
    "log_abs": (lambda x: mpmath.log(abs(x)), (-1e300, -3.0, -1e-8, 1e-300, 0.3, 2.0, 1e10)),
    "log2_abs": (lambda x: mpmath.log(abs(x), 2), (-1e300, -3.0, -1e-8, 1e-300, 0.3, 2.0, 1e10)),
    "log10_abs": (lambda x: mpmath.log10(abs(x)), (-1e300, -3.0, -1e-8, 1e-300, 0.3, 2.0, 1e10)),
    "log1p_abs": (lambda x: mpmath.log1p(abs(x)), (-1e300, -3.0, -1e-8, 1e-300, 0.3, 2.0, 1e10)),
    "pow_abs": (lambda x, y: abs(x) ** y, (-7.0, -0.3, 0.3, 7.0), (-2.5, 0.5, 3.0)),
    "safe_log": (lambda x: mpmath.log(x), POSITIVE),
    "sqrt_abs": (lambda x: mpmath.sqrt(abs(x)), (-1e300, -3.0, -1e-8, 1e-300, 0.3, 2.0, 1e10)),
}
"""What each function means, and where its arguments are looked at."""

KINKS = {(name, 0.0) for name in ("Heaviside", "relu", "leaky_relu", "elu", "cond")}
"""Points without a derivative."""


CLASSES = np.array([1, 0, 1, 2])


def cross_entropy(scores):
    return [mpmath.log(mpmath.fsum(map(mpmath.exp, row))) - row[label] for row, label in zip(scores, CLASSES)]


def hinges(scores):
    return [
        mpmath.fsum(max(0, score - row[label] + 1) for k, score in enumerate(row) if k != label)
        for row, label in zip(scores, CLASSES)
    ]


def mean(values):
    return mpmath.fsum(values) / len(values)


ARRAYS = {
    "softmax_cross_entropy": (lambda scores: mean(cross_entropy(scores)), [(4, 3)], (CLASSES,)),
    "multiclass_hinge": (lambda scores: mean(hinges(scores)), [(4, 3)], (CLASSES,)),
    "binary_cross_entropy": (lambda x, t: mean([log(1 + mpmath.exp(a)) - a * b for a, b in zip(x, t)]), [(5,), (5,)]),
    "squared_error": (lambda x, y: mean([(a - b) ** 2 for a, b in zip(x, y)]), [(5,), (5,)]),
    "l2": (lambda x: mpmath.fsum(a * a for a in x), [(5,)]),
}
"""What each function of arrays means, the shapes of its float arguments, and its further arguments."""


def test_every_definition_is_here():
    losses = {row.name for row in FUNCTIONS.values() if "labels" in row.parameters}
    assert {*SCALAR, *ARRAYS} == {row.name for row in FUNCTIONS.values() if row.text} | losses


def close(got, true):
    true = float(true)
    return got == true or abs(got - true) <= 1e-12 * abs(true) + 1e-307


@pytest.mark.parametrize("name", SCALAR)
def test_scalar_functions(name):
    meaning, *points = SCALAR[name]
    names = FUNCTIONS[name].parameters
    f = gradc.compile(f"{name}({', '.join(names)})", engine="interpreter")
    draw = np.random.default_rng(5)
    grid = [list(map(float, at)) for at in np.array(np.meshgrid(*points)).reshape(len(points), -1).T]
    ends = [(axis[3:-2] or axis) for axis in points]
    grid += [[float(draw.uniform(axis[0], axis[-1])) for axis in ends] for _ in range(20)]
    wrong = []
    with mpmath.workdps(700):
        for at in grid:
            exact = list(map(mpmath.mpf, at))
            value, grads = f.value_and_grad(*at)
            along = [lambda x, k=k, e=exact: meaning(*e[:k], x, *e[k + 1 :]) for k in range(len(at))]
            slopes = [difference(section, x, 700) for section, x in zip(along, exact)]
            for got, true in zip((value, *grads), (meaning(*exact), *slopes)):
                if not close(got, true) and (name, at[0]) not in KINKS:
                    wrong.append(f"{name}{tuple(at)}: {got} instead of {float(true)}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("size", [1.0, 50.0])
@pytest.mark.parametrize("name", ARRAYS)
def test_functions_of_arrays(name, size):
    meaning, shapes, *further = ARRAYS[name]
    names = FUNCTIONS[name].parameters[:2]
    f = gradc.compile(f"{name}({', '.join(names)})", engine="interpreter")
    draw = np.random.default_rng(6)
    given = [draw.normal(size=shape) * size for shape in shapes]
    value, grads = f.value_and_grad(*given, *(further[0] if further else ()))
    with mpmath.workdps(120):
        exact = [np.frompyfunc(mpmath.mpf, 1, 1)(array) for array in given]
        assert close(value, meaning(*exact))
        for k, grad in enumerate(grads):
            for place in np.ndindex(grad.shape):

                def moved(x, k=k, place=place):
                    arrays = [array.copy() for array in exact]
                    arrays[k][place] = x
                    return meaning(*arrays)

                true = float(difference(moved, exact[k][place], 120))
                assert abs(grad[place] - true) <= 1e-13 * np.max(np.abs(grad)), (k, place, grad[place], true)
