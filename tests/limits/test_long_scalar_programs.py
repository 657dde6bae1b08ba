"""Programs of thousands of operations on single numbers: all that is done grows with their length."""

import random
import sys
from collections import Counter

import numpy as np

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
        text = gradc.compile(program(length)).stages.machine.text
        parts = text.split("define internal void @part")[1:]
        assert max(part.split("\n}")[0].count("\n") for part in parts) < 5000
        counts.append(len(parts))
    assert 2 * counts[0] <= counts[1] <= 4 * counts[0]


def test_long_code_is_compiled_fast():
    """LLVM's best takes more than linear time: for loops and for short code."""
    text = " + ".join(f"a{k}*sin(b{k}*x)" for k in range(200))
    for source, is_fast in ((text, True), (f"c: f64[n]; sum(sin(c)) + {text}", False), ("a*sin(b*x)", False)):
        head = gradc.compile(source).stages.machine.text.partition("define i64 @kernel")[2].partition("\n")[0]
        assert ("optnone" in head) == is_fast


def test_engines_agree():
    text = program(800)
    expected, gradients = gradc.compile(text, engine="interpreter").value_and_grad(*POINT)
    f = gradc.compile(text)
    value, found = f.value_and_grad(*POINT)
    emitted, emitted_gradients = plain(f.source)["value_and_grad"](*POINT)
    for one, other in ((value, found), (emitted, emitted_gradients)):
        np.testing.assert_allclose(one, expected, rtol=1e-11)
        np.testing.assert_allclose(tuple(other), tuple(gradients), rtol=1e-10)
