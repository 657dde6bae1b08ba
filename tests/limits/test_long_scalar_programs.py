"""Programs of thousands of operations on single numbers: all that is done grows with their length."""

import random
import re
import sys
from collections import Counter

import numpy as np
import pytest

import gradc
from tests.emit.plain import plain

INPUTS = tuple(f"x{k}" for k in range(8))
FUNCTIONS = "sin cos tanh sigmoid sqrt1p exp_".split()
POINT = [0.1 * (k + 1) for k in range(len(INPUTS))]


def program(length: int) -> str:
    """A random program of so many statements, each of one operation or two."""
    draw = random.Random(length)
    values, lines = [*INPUTS], []
    for k in range(length):
        x, y = draw.choice(values[-60:]), draw.choice(values[-60:] if k % 50 else INPUTS)
        kind = draw.choice(FUNCTIONS) if draw.random() < 0.25 else draw.choice("+-*/")
        text = {
            "+": f"0.5*({x} + {y})", "-": f"0.5*({x} - {y})", "*": f"{x} * {y}", "/": f"{x} / (2 + {y}*{y})",
            "sqrt1p": f"sqrt(1 + {x}*{x})", "exp_": f"exp(-({x}*{x}))",
        }.get(kind, f"{kind}({x})")  # fmt: skip
        lines.append(f"t{k} = {text}")
        values.append(f"t{k}")
    return "\n".join([*lines, " + ".join(values[-12:])])


def work(text: str) -> Counter:
    """How many calls, of Python's own functions too, each stage takes."""
    calls: Counter = Counter()
    stage = ""

    def count(frame, event, arg):
        calls[stage] += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        stage = "program"
        stages = gradc.compile(text).stages
        for stage in (
            "graph",
            "rewritten",
            "adjoint",
            "derivative",
            "lowered",
            "schedule",
            "loops",
            "machine",
            "function",
        ):
            getattr(stages, stage)
    finally:
        sys.setprofile(before)
    return calls


def test_every_stage_is_linear():
    """Three times the statements take about three times the calls."""
    _ = gradc.compile(program(600)).stages.machine  # rules are read at first use
    short, long = (work(program(length)) for length in (200, 600))
    assert {stage: (short[stage], long[stage]) for stage in short if long[stage] > 5 * short[stage]} == {}


def test_long_code_is_cut_into_functions():
    """None of them has much more than 500 values; together they are as long as the program."""
    counts = []
    for length in (600, 1800):
        modules = gradc.compile(program(length)).stages.machine.parts
        parts = "\n".join(modules).split("define void @part")[1:]
        assert max(part.split("\n}")[0].count("\n") for part in parts) < 5000
        counts.append(len(parts))
    assert 2 * counts[0] <= counts[1] <= 4 * counts[0]


def test_long_code_is_compiled_fast():
    """LLVM's best takes more than linear time: for loops and for short code."""
    text = " + ".join(f"a{k}*sin(b{k}*x)" for k in range(200))
    for source, is_fast in ((text, True), (f"c: f64[n]; sum(sin(c)) + {text}", False), ("a*sin(b*x)", False)):
        head = gradc.compile(source).stages.machine.text.partition("define i64 @kernel")[2].partition("\n")[0]
        assert ("optnone" in head) == is_fast


@pytest.mark.parametrize("declared", ["f64", "f32"])
def test_parts_share_functions_tables_and_arrays(declared):
    """They call elementary functions, rare cases of these, functions of SciPy's, and read what the kernel has made."""
    names = ", ".join(INPUTS)
    text = f"""{names}: {declared}; X: {declared}[n]; i: i64; weight = [0.5, 0.25, 2][i]; total = sum(X**2)
               {program(700)}"""
    rare = "gamma(1 + t349**2) * sin(1e8*t348) * jv(0, t347) * weight"
    text = text.replace("t350 = ", f"t350 = {rare} + ") + " + t350 + total*t9"
    arguments = [*POINT, np.linspace(0.1, 0.9, 5), 1]
    f = gradc.compile(text)
    parts = "\n".join(f.stages.machine.parts)
    assert all(f"call double @{name}(" in parts for name in ("_gamma", "gradc_scipy_jv", "sin.0"))
    assert "ptr @table" in parts
    value, found = f.value_and_grad(*arguments)
    expected, gradients = gradc.compile(text, engine="interpreter").value_and_grad(*arguments)
    rtol = 1e-10 if declared == "f64" else 2e-3
    np.testing.assert_allclose(value, expected, rtol=rtol)
    for one, other in zip(found, gradients):
        np.testing.assert_allclose(one, other, rtol=rtol)


def test_parts_are_kept_on_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADC_CACHE", str(tmp_path))
    text = program(701)
    first = gradc.compile(text).value_and_grad(*POINT)
    with monkeypatch.context() as without:
        without.setattr("gradc.native.engine.build", None)
        assert gradc.compile(text).value_and_grad(*POINT) == first


def test_engines_agree():
    text = program(800)
    expected, gradients = gradc.compile(text, engine="interpreter").value_and_grad(*POINT)
    f = gradc.compile(text)
    value, found = f.value_and_grad(*POINT)
    emitted, emitted_gradients = plain(f.source)["value_and_grad"](*POINT)
    for one, other in ((value, found), (emitted, emitted_gradients)):
        np.testing.assert_allclose(one, expected, rtol=1e-11)
        np.testing.assert_allclose(tuple(other), tuple(gradients), rtol=1e-10)


def test_blocks_of_other_long_code_are_short():
    """A list of many values is stored in one place after the other, behind and in front of loops."""
    names = [f"a{k}" for k in range(700)]
    f = gradc.compile(f"sum(tanh([{', '.join(names)}] * x))")
    blocks = re.split(r"^\w+:$", f.stages.machine.kernel, flags=re.MULTILINE)
    assert max(block.count("\n") for block in blocks) < 1000
    a = np.linspace(-1, 1, 700)
    value, gradients = f.value_and_grad(*a, 1.5)
    np.testing.assert_allclose(value, np.tanh(1.5 * a).sum(), atol=1e-12)
    np.testing.assert_allclose(gradients[:-1], 1.5 / np.cosh(1.5 * a) ** 2, rtol=1e-13)
