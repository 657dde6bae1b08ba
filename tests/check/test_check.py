"""`check` agrees where the gradient is right, and says so where an oracle does not."""

import json

import pytest

import gradc
from gradc.check.check import check


@pytest.mark.parametrize("text, values", [
    ("log(1+exp(x))*y", {"x": 3.0, "y": 2.0}),
    ("sum((y - a*exp(-b*t))**2)", None),
    ("sum(exp(x[1:]*x[:-1])) + max(x)", None),
])  # fmt: skip
def test_right_gradients_pass(text, values):
    report = check(text, values)
    assert report.passed, str(report)
    assert {row.oracle for row in report.rows} >= {"forward mode", "mpmath", "finite differences"}
    json.dumps(report.as_dict())


def test_a_bad_point_is_an_error():
    with pytest.raises(gradc.Error):
        check("x + y", {"x": 1.0})
