"""The table of functions, and how a program's own functions stand beside it."""

import pytest

import gradc
from gradc.construct.functions import ALIASES, FUNCTIONS, ROWS
from gradc.frontends.text import TextProgram
from gradc.ir.ops import OPS
from gradc.language.source import Source


def test_every_name_has_one_record():
    assert set(FUNCTIONS) == {row.name for row in ROWS} | {name for names in ALIASES.values() for name in names.split()}
    assert sum(len(names.split()) for names in ALIASES.values()) == len(set(FUNCTIONS) - {row.name for row in ROWS})
    assert {row.name for row in OPS.values() if row.kind == "elementwise" and not row.hidden} <= set(FUNCTIONS)


@pytest.mark.parametrize("row", FUNCTIONS.values(), ids=list(FUNCTIONS))
def test_facts_speak_of_parameters(row):
    assert row.indices | row.keeps <= {*row.parameters}
    assert (row.build is None) == bool(row.text) == (row.definition is not None)
    assert row.required <= len(row.parameters)


@pytest.mark.parametrize(("text", "integers"), [
    ("x[i]", {"i"}), ("take(x, i + j)", {"i", "j"}), ("take(indices=i, x=x)", {"i"}), ("x[max(i, j, k)]", set("ijk")),
    ("x[where(y > 0, i, j)]", {"i", "j"}), ("x[clip(lower=0, upper=k, x=i)]", {"i", "k"}), ("x[i / 2]", set()),
    ("softmax_cross_entropy(x, labels)", {"labels"}), ("def pick(u, at) = u[at]; pick(x, i)", {"i"}),
    ("one_hot(i, 3)", {"i"}), ("x[expand_dims(i, axis=0)]", {"i"}), ("x[exp(i)]", set()),
])  # fmt: skip
def test_inputs_that_indices_are_made_of(text, integers):
    assert TextProgram(Source(text)).signature.integers == integers


@pytest.mark.parametrize(("text", "arrays"), [
    ("max(x, 0)", set()), ("max(x)", {"x"}), ("sum(x * y) + z", {"x", "y"}), ("x.T + y", {"x"}), ("x @ y", {"x", "y"}),
    ("def hinge(t) = max(0, t); hinge(x)", set()), ("def total(t) = sum(t); total(x)", {"x"}), ("arange(n)", set()),
    ("amax(x)", {"x"}), ("clip(x, 0, 1)", set()), ("x[0] + y", {"x"}),
])  # fmt: skip
def test_inputs_that_are_arrays(text, arrays):
    assert set(TextProgram(Source(text)).signature.ranks().likely) == arrays


def test_a_definition_of_ours_does_not_call_the_programs_function():
    own = gradc.compile("def softplus(x) = 7; binary_cross_entropy(z, 0) + 0 * softplus(z)", engine="interpreter")
    assert own(0.0) == gradc.compile("binary_cross_entropy(z, 0)", engine="interpreter")(0.0)
