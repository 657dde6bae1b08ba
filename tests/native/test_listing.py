"""Kernels as text: comments say what the frame holds, which loops take lanes, why others do not, and what is what."""

import re

import pytest

import gradc
from gradc.native.target import is_possible

pytestmark = pytest.mark.skipif(not is_possible(), reason="LLVM does not know this machine")

LOOP = re.compile(r"[#; ]*the loop for (?P<variable>\w+) in (?P<range>.*): (?P<how>.*)")


def texts(program):
    stages = gradc.compile(program).stages
    return {name: stages[name].text for name in ("llvm", "asm")}


def loops_of(text):
    return [found["how"] for found in map(LOOP.fullmatch, text.splitlines()) if found]


@pytest.mark.parametrize(("stage", "mark"), [("llvm", ";"), ("asm", "#")])
def test_what_the_frame_holds(stage, mark):
    text = texts("width: f64[n, m]; factor: f64; count: i64; sum(width) * factor * count")[stage]
    assert text.splitlines()[:6] == [
        f"{mark} byte 0 of the frame: the address of input width, f64, and its 2 sizes",
        f"{mark} byte 24 of the frame: input factor, f64",
        f"{mark} byte 32 of the frame: input count, i64",
        f"{mark} byte 40 of the frame: output value, f64",
        f"{mark} byte 48 of the frame: the address of output width_bar, f64",
        f"{mark} byte 56 of the frame: output factor_bar, f64",
    ]


def test_the_user_s_names():
    text = texts("velocity: f64[n]; drag = tanh(velocity); push = exp(drag) * drag; push")["llvm"]
    comments = {line.strip(" ;") for line in text.splitlines() if line.lstrip().startswith(";")}
    assert {"drag", "push", "velocity_bar"} <= comments


PROGRAMS = {
    "x: f64[n]; exp(x)": [r"\d at a time"],
    "x: f64[n]; sum(exp(x))": ["one at a time, because it goes in steps", r"\d at a time"],
    "x: f64[n]; cumsum(x)": ["one at a time, because each iteration needs the one before"],
    "E: f64[v, d]; i: i64[n]; E[i]": [r"\d at a time|one at a time, because there is a loop in it"],
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_how_loops_are_done(program):
    for stage, text in texts(program).items():
        shown = loops_of(text)
        for how in PROGRAMS[program]:
            assert any(re.fullmatch(how, found) for found in shown), (stage, how, shown)
        assert all(re.fullmatch(r"\d+ (at a time|rows .*)|one at a time, because .+", found) for found in shown), shown


@pytest.mark.parametrize("program", [*PROGRAMS, "(x + y) * z", "A: f64[n, m]; x: f64[m]; sum(tanh(A @ x))"])
def test_texts_are_whole(program):
    """Only the kernel and the loops that it has in chunks, from the first line to the last."""
    both = texts(program)
    lines = [line for line in both["llvm"].splitlines() if not line.startswith(";")]
    assert lines[0].startswith("define i64 @kernel(") and lines[-1] == "}"
    heads = [line for line in lines[1:] if line.startswith(("define", "declare", "@"))]
    assert all(line.startswith("define i64 @loop") for line in heads)
    lines = [line for line in both["asm"].splitlines() if not line.startswith("# ")]
    assert lines[0].startswith("kernel:") and not any(line.startswith(".Lfunc_end") for line in lines)
    assert "# processor: " in both["asm"]
