"""What cannot be traced: an error that marks the place in the user's file, whoever asked for the value."""

import functools
import json
import math
import statistics

import numpy as np
import pytest

import gradc

randn = np.random.randn
third = gradc.compile("a**3", engine="interpreter")


def stored(x):
    y = np.zeros(3)
    y[0] = x
    return np.sum(y)


def added(x):
    y = np.zeros(3)
    y[1] += x
    return np.sum(y)


def slope(x):
    return np.gradient(x, 0.1)[0] if len(x) else x


def counted(x):
    total = 0.0
    for each in x:
        total = total + each
    return total


REFUSED = [
    (stored, "G0802", "y[0]", "np.stack(values)"),
    (added, "G0802", "y[1]", "np.stack(values)"),
    (slope, "G0204", "len(x)", "pass an array"),
    (counted, "G0204", "x", "pass an array"),
    (lambda x: np.sum(np.fromiter((x * k for k in range(3)), float)), "G0801", "np.fromiter", ""),
    (lambda x: json.dumps({"x": x}), "G0801", "json.dumps", "functions of NumPy"),
    (lambda x: statistics.mean([x, x]), "G0803", "statistics.mean", "np.mean"),
    (lambda x: ",".join([x]), "G0801", '",".join', "functions of NumPy"),
    (lambda x: x + "a", "G0801", "x + ", "functions of NumPy"),
    (lambda x: math.hypot(x, (x + 1.0) * 2.0), "G0801", "math.hypot", "`np.hypot(x, (x + 1.0) * 2.0)`"),
    (lambda x: math.log(x, 2), "G0801", "math.log", "`np.log(x) / np.log(base)`"),
    (lambda x: round(x * 2.0, 3), "G0801", "round", "`np.round(x * 2.0, 3)`"),
    (lambda x: max([x]) + max(x), "G0204", "max(x)", "pass an array"),
    (lambda x: np.float64(x), "G0801", "np.float64", "leave it out"),
    (lambda x: functools.reduce(max, [x, 1.0]), "G0801", "functools.reduce", ""),
    (lambda x: np.sum(np.r_[x, 1.0]), "G0801", "np.r_", "`np.concatenate([a, b])`"),
    (lambda x: np.linalg.cond(np.ones((2, 2)) * x), "G0803", "np.linalg.cond", ""),
    (lambda x: np.linalg.pinv(np.ones((2, 2)) * x, rcond=0.1), "G0304", "np.linalg.pinv", "leave it out"),
    (lambda x: np.linalg.pinv(np.ones((2, 2)) * x, 0.1), "G0303", "np.linalg.pinv", "leave the rest out"),
    (lambda x: third.hessian(x).a.a, "G0801", "third.hessian", ""),
    (lambda x: x * np.random.normal(size=3), "G0803", "np.random.normal", "drawn once"),
    (lambda x: x + np.random.rand(), "G0803", "np.random.rand", "drawn once"),
    (lambda x: x * np.random.default_rng().normal(), "G0803", "np.random.default_rng", "drawn once"),
    (lambda x: x * randn(), "G0803", "randn", "drawn once"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[2]}")
def test_refused(case):
    function, code, place, help = case
    with pytest.raises(gradc.Error) as caught:
        gradc.compile(function, engine="interpreter")(1.5)
    error = caught.value
    assert error.code == code and error.span is not None and error.span.source.name.endswith("test_refused.py")
    assert place in error.span.text and help in (error.help or "")
    assert "Traced" not in str(error).replace("test_refused", "")


def test_the_users_own_errors_stay():
    def function(x):
        raise ValueError("x must be positive")

    with pytest.raises(ValueError, match="x must be positive") as caught:
        gradc.compile(function, engine="interpreter")(1.5)
    assert type(caught.value) is ValueError


def test_a_generator_with_a_seed_is_no_surprise():
    def noisy(x):
        return np.sum(x * np.random.default_rng(3).normal(size=4))

    assert gradc.compile(noisy, engine="interpreter")(2.0) == noisy(2.0)
