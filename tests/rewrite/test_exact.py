"""EXACT rules hold bit for bit for every IEEE value; the rejected ones do not."""

import re

import numpy as np
import pytest
from rule_graphs import EXACT, FAST, REJECTED, SPECIALS, by_text, combinations, inputs_of, sides

from gradc.ir.interpret import run


def same_bits(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Where two arrays hold the same bits, NaN being equal to NaN."""
    if left.dtype == bool:
        return left == right
    whole = np.int64 if left.dtype == np.float64 else np.int32
    same_bits = np.ascontiguousarray(left).view(whole) == np.ascontiguousarray(right).view(whole)
    return same_bits | (np.isnan(left) & np.isnan(right))


def compare(rule, values, dtype="f64"):
    """Both sides of a rule at every combination of values, and where their bits agree."""
    columns = combinations(rule, values, dtype)
    count = len(next(iter(columns.values())))
    inputs = inputs_of(rule, (count,), dtype=dtype)
    both = sides(rule, inputs)
    assert both[0].type == both[1].type
    left, right = run(both, {node: columns[name] for name, node in inputs.items()}, {})
    return columns, left, right, same_bits(left, right)


@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize("rule", EXACT, ids=by_text)
def test_exact_rules_are_exact(rule, dtype, ran_cases):
    draw = np.random.default_rng(5)
    values = [*SPECIALS, *draw.normal(size=4), *(draw.normal(size=4) * 10.0 ** draw.integers(-300, 300, 4))]
    columns, left, right, same = compare(rule, values, dtype)
    ran_cases(same.size)
    if not np.all(same):
        at = int(np.argmin(same))
        pytest.fail(f"{ {name: column[at] for name, column in columns.items()} }: {left[at]!r} and {right[at]!r}")


@pytest.mark.parametrize("rule", REJECTED, ids=by_text)
def test_rejected_rules_have_the_counterexample_they_state(rule):
    stated = rule.text.split(";")[1]
    point = {name: float(value) for name, value in re.findall(r"\b([xyz]) = (-?\w+(?:\.\w+)?)", stated)}
    others = [name for name in rule.names if name not in point]
    columns = {name: np.full(len(SPECIALS), value) for name, value in point.items()}
    columns |= {name: np.array(SPECIALS) for name in others}
    inputs = inputs_of(rule, (len(SPECIALS),))
    left, right = run(sides(rule, inputs), {node: columns[name] for name, node in inputs.items()}, {})
    assert not np.all(same_bits(left, right))


@pytest.mark.parametrize("rule", FAST, ids=by_text)
def test_fast_rules_are_false_somewhere_and_true_for_ordinary_numbers(rule):
    assert not np.all(compare(rule, SPECIALS)[3])
    _, left, right, _ = compare(rule, [1.0, -2.0, 0.5, 3.7])
    assert np.array_equal(left, right)
