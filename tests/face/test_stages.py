"""The stages by name: printable, and runnable where that has a meaning."""

import copy

import numpy as np
import pytest

import gradc
from gradc.compiler import STAGES
from gradc.runtime.kernel import RUNNABLE

f = gradc.compile("h = a * exp(-b * t)\nsum((y - h)**2)", engine="interpreter")


def test_stages_are_a_mapping_in_order():
    assert list(f.stages) == list(STAGES) and len(f.stages) == len(STAGES) and "schedule" in f.stages
    assert repr(f.stages) == (
        "<stages of 'h = a * exp(-b * t) sum((y - h)**2)': syntax, graph, rewritten, adjoint, derivative, lowered, "
        "schedule, loops, python, llvm, asm>"
    )
    with pytest.raises(KeyError, match="the stages are syntax, graph"):
        f.stages["grahp"]
    with pytest.raises(AttributeError):
        _ = f.stages.grahp
    assert copy.copy(f.stages)["graph"].text == f.stages["graph"].text


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_prints_what_the_command_line_prints(name):
    assert str(f.stages[name]) == repr(f.stages[name]) == (f.source if name == "python" else f.stages.stage_text(name))


@pytest.mark.compiled
@pytest.mark.parametrize("name", RUNNABLE)
@pytest.mark.parametrize("size", [1, 4])
def test_stages_run(name, size):
    rows = np.linspace(0.5, 2.0, size)
    value, grads = f.value_and_grad(2.0, 0.5, t=rows, y=rows**2)
    got = f.stages[name](2.0, 0.5, t=rows, y=rows**2)
    if name in ("graph", "rewritten"):
        assert got == pytest.approx(value)
    else:
        assert got[0] == pytest.approx(value)
        for bar, expected in zip(got[1], grads, strict=True):
            np.testing.assert_allclose(bar, expected, rtol=1e-12)
        np.testing.assert_allclose(got[1].b, grads.b, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(set(STAGES) - set(RUNNABLE)))
def test_other_stages_cannot_be_called(name):
    assert not callable(f.stages[name])


def test_wrong_arguments_get_our_error():
    with pytest.raises(gradc.Error, match="G0601"):
        f.stages["graph"](1.0)
