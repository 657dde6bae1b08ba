"""gradc's own work grows in proportion to the program: counted in calls of functions, which no clock disturbs."""

import gc
import sys

import pytest

import gradc
from bench.growth import SHAPES, STAGES

SHORT, LONG = 250, 1000


def calls(text: str) -> int:
    """How many functions are called from the text to the loops, once every rule has been read."""
    count = 0

    def counted(frame, event, argument):
        nonlocal count
        count += event == "call"

    gc.collect()
    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        compilation = gradc.compile(text).stages._compilation
        for stage in STAGES[1:]:
            getattr(compilation, stage)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("kind", SHAPES)
def test_calls_grow_with_the_program(kind):
    write = SHAPES[kind]
    calls(write(SHORT))
    assert calls(write(LONG)) <= 1.1 * LONG / SHORT * calls(write(SHORT))
