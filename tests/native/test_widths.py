"""Every op at every width of vectors: the same bits, for all short lengths, at any address, and nothing beyond."""

import numpy as np
import pytest

from gradc.ir.ops import OPS
from gradc.native.target import is_possible
from tests.native.kernels import WIDTHS, compilation, kernel, run_guarded

pytestmark = pytest.mark.skipif(not is_possible(), reason="LLVM does not know this machine")

LENGTHS = (*range(36), 63, 64, 65, 70, 127, 128, 129, 300)
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -1e308, 1.0, -1.0, 0.5, 2.0**52, 1e6, 1e22])


def points(row, size, dtype=np.float64):
    """Arguments from an op's domain; here and there special values."""
    random = np.random.default_rng(size)
    drawn = [random.uniform(*row.domain[min(k, len(row.domain) - 1)], size) for k in range(len(row.params))]
    for array in drawn:
        some = random.random(size) < 0.2
        array[some] = random.choice(SPECIAL, int(some.sum()))
    with np.errstate(over="ignore"):
        return [array.astype(dtype) for array in drawn]


def elementwise():
    for row in OPS.values():
        if row.kind == "elementwise" and not row.hidden and len(row.params) <= 3:
            yield row


def text_of(row):
    """A program that applies an op to inputs x0, x1, ..., the first of them a condition where it takes one."""
    names = [f"x{k}" for k in range(len(row.params))]
    if row.sign:
        return f" {row.sign} ".join(names) if len(names) == 2 else f"{row.sign} {names[0]}"
    shown = [f"{name} > 0" if k < row.conditions else name for k, name in enumerate(names)]
    return f"{row.name}({', '.join(shown)})"


PROGRAMS = {row.name: (text_of(row), row) for row in elementwise() if row.name != "polygamma"}
PROGRAMS |= {
    name: (text, OPS["mul"])
    for name, text in {
        "arithmetic": "(x0 + x1) * x0 - x1 / (1 + x0*x0)",
        "comparisons": "where(x0 < x1 and not (x0 == 1) or x1 >= 2, x0, -x1)",
        "integers": "x0 // x1 + x0 % x1",
        "sums": "sum(x0 * x1) + sum(x0) * prod(x1) + max(x0) - min(x1) + argmax(x1)",
        "sums of functions": "sum(exp(-x0*x0)) + log(sum(exp(x1)))",
        "shifts": "sum((x0[1:] - x0[:-1])**2 * x1[:-1]) + sum(x0[::-1] * x1) + sum(x0[::2])",
        "running sums": "sum(cumsum(x0) * x1)",
        "any": "where(any(x0 > 3), x1, x0) + where(all(x1 > 0), 1, x0)",
    }.items()
}
NEEDS_TWO = {"shifts", "sums"}


@pytest.mark.parametrize("name", PROGRAMS)
def test_bits_do_not_depend_on_the_width(name, ran_cases):
    text, row = PROGRAMS[name]
    wrt = tuple(f"x{k}" for k, param in enumerate(row.params) if param not in row.orders) if row.orders else None
    kernels = [kernel(text, width, *points(row, 3), wrt=wrt) for width in WIDTHS]
    lengths = [n for n in LENGTHS if n >= 2 or name not in NEEDS_TWO]
    ran_cases(len(lengths) * len(WIDTHS))
    for size in lengths:
        arguments = points(row, size)[: len(kernels[0].loaded.frame.inputs)]
        expected = None
        for width, made in zip(WIDTHS, kernels, strict=True):
            got = run_guarded(made.loaded, arguments, behind=size % 2 == 0)
            if expected is None:
                expected = got
            for a, b in zip(expected, got, strict=True):
                np.testing.assert_array_equal(a, b, err_msg=f"{text} at {width} doubles for {size}")
                zeros = a == 0
                np.testing.assert_array_equal(np.signbit(a[zeros]), np.signbit(b[zeros]))


@pytest.mark.parametrize("name", ["arithmetic", "sums", "shifts", "exp", "tanh", "where"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_may_begin_anywhere(name, dtype):
    text, row = PROGRAMS[name]
    whole = [array[: 100 + 8] for array in points(row, 120, dtype)]
    for width in WIDTHS:
        made = kernel(text, width, *[array[:50] for array in whole])
        count = len(made.loaded.frame.inputs)
        expected = made([array[:100].copy() for array in whole][:count], {})
        for shift in range(1, 8):
            moved = [np.concatenate([array[:shift], array[:100]])[shift:] for array in whole][:count]
            for a, b in zip(expected, made(moved, {}), strict=True):
                np.testing.assert_array_equal(a, b)


def test_windows_take_lanes_and_keep_their_bits():
    """A gradient that two elements share is a carry from one iteration to the next: the vector before, moved by one."""
    text = "sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)"
    shown = compilation(text, np.ones(9)).machine.kernel.splitlines()
    before, loop = [line for line in shown if "the loop for i0 " in line]
    assert "to begin" in before  # what the iteration before a chunk hands on
    assert "because" not in loop
    kernels = [kernel(text, width, np.ones(9)) for width in WIDTHS]
    for size in (2, 3, 5, 8, 9, 16, 17, 33, 128, 129, 130, 300):
        x = np.random.default_rng(size).normal(size=size)
        expected = run_guarded(kernels[0].loaded, [x], behind=size % 2 == 0)
        steps = x[1:] - x[:-1] ** 2
        by_hand = np.zeros(size)
        by_hand[:-1] = -400 * x[:-1] * steps - 2 * (1 - x[:-1])
        by_hand[1:] += 200 * steps
        np.testing.assert_allclose(expected[1], by_hand, rtol=1e-12, atol=1e-11)
        for made in kernels[1:]:
            for a, b in zip(expected, run_guarded(made.loaded, [x]), strict=True):
                np.testing.assert_array_equal(a, b)
