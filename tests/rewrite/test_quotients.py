"""Quotients of functions that vanish together: one rule serves every spelling, and the quotient has its limit."""

import math

import pytest

import gradc
from gradc.construct.template import instantiate
from gradc.ir.graph import input_node
from gradc.ir.types import Type
from gradc.rewrite.engine import Rewriter
from tests.stage_rules import first_rules

INPUTS = {name: input_node(name, Type("f64")) for name in "xyz"}


def normal(text: str):
    """The normal form of a text, hidden ops included."""
    (result,) = Rewriter(first_rules("rewritten")).rewrite([instantiate(text, INPUTS)])
    return result


SPELLINGS = {
    "sin(x) / x": "sinrel(x)",
    "sin(-x) / x": "-sinrel(x)",
    "sin(x) / (-x)": "-sinrel(x)",
    "(1 / x) * sin(x)": "sinrel(x)",
    "3 * sin(x) / (2 * x)": "1.5 * sinrel(x)",
    "sin(y * x) / x": "where(abs(y * x) < 1, y * sinrel(y * x), minus(sin(y * x), 0) / x)",
    "sin(2 * x) / x": "2 * sinrel(2 * x)",
    "sin(x * y) / (x * y)": "sinrel(x * y)",
    "sin(x / y) / x": "where(abs(x / y) < 1, sinrel(x / y) / y, minus(sin(x / y), 0) / x)",
    "sin(square(x)) / x": "where(abs(square(x)) < 1, x * sinrel(square(x)), minus(sin(square(x)), 0) / x)",
    "sin(x + y) / (x + y)": "sinrel(x + y)",
    "square(sin(x)) / square(x)": "square(sinrel(x))",
    "square(sin(x)) / x": "sin(x) * sinrel(x)",
    "(y / x) * sin(x)": "y * sinrel(x)",
    "power(x, -1) * sin(x)": "sinrel(x)",
    "x / sin(x)": "where(abs(x) < 3, 1 / sinrel(x), x / minus(sin(x), 0))",
    "y * x / sin(x)": "y * (x / sin(x))",
    "expm1(y * log1p(x)) / x":
        "where(abs(y * log1p(x)) < 1, y * exprel(y * log1p(x)) * log1prel(x), minus(expm1(y * log1p(x)), 0) / x)",
    "(exp(y * x) - 1) / x": "expm1(y * x) / x",
    "(1 - exp(-x)) / x": "exprel(-x)",
    "6 * (x - sin(x)) / power(x, 3)": "6 * (where(abs(x) < 4, sinrest(x), minus(x, sin(x)) / power(x, 3)))",
    "(sin(x) - x) / square(x)": "-where(abs(x) < 4, x * sinrest(x), minus(x, sin(x)) / square(x))",
    "square(x) / (x - sin(x))": "where(abs(x) < 4, 1 / (x * sinrest(x)), square(x) / minus(x, sin(x)))",
    "(x * cos(x) - sin(x)) / square(x)":
        "-where(abs(x) < 4, x * sinrel1(x), minus(sin(x), x * cos(x)) / square(x))",
    "x * (1 / expm1(x))": "x / expm1(x)",
    "x * exp(x) / expm1(x)": "-x / expm1(-x)",
}  # fmt: skip


@pytest.mark.parametrize("text", SPELLINGS)
def test_every_spelling(text):
    assert normal(text) is normal(SPELLINGS[text])


LEFT_ALONE = [
    "y * sin(x) / (y * z)",
    "x * y / x",
    "expm1(2 * x) / expm1(x)",
    "sin(x) / y",
    "y * sin(x) * z / (z * sin(y))",
]


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_nothing_else_cancels(text):
    assert not {"sinrel", "exprel"} & set(str(normal(text)).replace("(", " ").split())
    for name in INPUTS:
        f = gradc.compile(f"x: f64; y: f64; z: f64; {text} + 0*x*y*z", engine="interpreter")
        assert math.isnan(f(**{**dict.fromkeys(INPUTS, 0.5), name: math.nan}))


def test_a_factor_beside_it_keeps_its_nan():
    f = gradc.compile("y*sin(x)/(y*x)", engine="interpreter")
    assert math.isnan(f(x=0.5, y=math.nan)) and f(x=0.0, y=2.0) == 1


LIMITS = {
    "sin(x)/x": (1, 0, -1 / 3), "tan(x)/x": (1, 0, 2 / 3), "sinh(x)/x": (1, 0, 1 / 3), "tanh(x)/x": (1, 0, -2 / 3),
    "arctan(x)/x": (1, 0, -2 / 3), "arcsinh(x)/x": (1, 0, -1 / 3), "(exp(x) - 1)/x": (1, 1 / 2, 1 / 3),
    "log(1 + x)/x": (1, -1 / 2, 2 / 3), "erf(x)/x": (1.1283791670955126, 0, -2 / 3 * 1.1283791670955126),
    "x/sin(x)": (1, 0, 1 / 3), "x/tan(x)": (1, 0, -2 / 3), "x/sinh(x)": (1, 0, -1 / 3), "x/tanh(x)": (1, 0, 2 / 3),
    "x/(exp(x) - 1)": (1, -1 / 2, 1 / 6), "(1 - cos(x))/x**2": (1 / 2, 0, -1 / 12),
    "(x - sin(x))/x**3": (1 / 6, 0, -1 / 60), "(sinh(x) - x)/x**3": (1 / 6, 0, 1 / 60),
    "(x - arctan(x))/x**3": (1 / 3, 0, -2 / 5), "(exp(x) - 1 - x)/x**2": (1 / 2, 1 / 6, 1 / 12),
    "(tan(x) - x)/x**3": (1 / 3, 0, 4 / 15), "(exp(-x) - 1 + x)/x**2": (1 / 2, -1 / 6, 1 / 12),
    "(x - log(1 + x))/x**2": (1 / 2, -1 / 3, 1 / 2), "1/tanh(x) - 1/x": (0, 1 / 3, 0),
    "1/(exp(x) - 1) - 1/x": (-1 / 2, 1 / 12, 0), "log(sinh(x)/x)": (0, 0, 1 / 3),
    "log((exp(x) - 1)/x)": (0, 1 / 2, 1 / 12),
    "(sqrt(1 + x**2) - 1)/x**2": (1 / 2, 0, -1 / 4), "(1 - cos(x))/sin(x)": (0, 1 / 2, 0),
    "log(x + 1)/log(1 - x)": (-1, 1, -1), "((1 + x)**3 - 1)/x": (3, 3, 2), "sin(x)/sinh(x)": (1, 0, -2 / 3),
}  # fmt: skip
"""Value, slope and curvature at 0, where the formula as written is 0/0 or a difference of infinities."""


@pytest.mark.parametrize("engine", ["interpreter", "native"])
@pytest.mark.parametrize("program", LIMITS)
def test_limits(program, engine):
    f = gradc.compile(program, engine=engine)
    for x in (0.0, -0.0, 5e-324, 1e-200):
        value, (slope,) = f.value_and_grad(x=x)
        curvature = f.hessian(x=x)
        found = (value, slope, float(curvature if not isinstance(curvature, tuple) else curvature[0][0]))
        assert found == pytest.approx(LIMITS[program], rel=1e-14, abs=1e-100 if x else 0), x
