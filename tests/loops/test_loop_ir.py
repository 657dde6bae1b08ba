"""The loop IR beside its checker, its reader and its evaluator."""

import numpy as np
import pytest

import gradc
from gradc.ir.types import DTYPES
from gradc.ir.verify import IllFormed
from gradc.loops import evaluate
from gradc.loops.reader import read_kernel
from gradc.loops.text import print_kernel
from gradc.loops.verify import verify_kernel
from tests.arrays.tensor_fuzz import programs
from tests.arrays.test_tensor_programs import KNOWN
from tests.cases.test_cases import CASES
from tests.emit.plain import plain
from tests.loops.bad_loops import BAD, HEAD


@pytest.mark.parametrize("name", BAD)
def test_wrong_loops_are_refused(name):
    text, message = BAD[name]
    with pytest.raises((IllFormed, gradc.Error)) as caught:
        verify_kernel(read_kernel(HEAD + text))
    assert message in str(caught.value)


@pytest.mark.parametrize("name", BAD)
def test_a_refusal_shows_the_line(name):
    text, _ = BAD[name]
    with pytest.raises((IllFormed, gradc.Error)) as caught:
        verify_kernel(read_kernel(HEAD + text))
    lines = [line.strip() for line in (HEAD + text).splitlines()]
    assert any(line in str(caught.value) for line in lines)


TEXTS = [*(text for text, _ in CASES.values()), *KNOWN, *programs(99, 12, 2), *programs(98, 8, 3)]


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_printed_is_read_back(text):
    shown = print_kernel(gradc.compile(text).stages.loops)
    again = read_kernel(shown)
    verify_kernel(again)
    assert print_kernel(again) == shown


def arguments_of(kernel):
    random = np.random.default_rng(0)
    sizes = {"n": 3, "m": 2, "k": 4, "p": 5, "d": 3, "h": 4, "v": 6}
    for node in kernel.inputs:
        shape = tuple(sizes.get(size, size) for size in node.shape)
        drawn = random.uniform(0.2, 1.2, shape) if node.type.is_float else random.integers(0, 2, shape)
        yield drawn.astype(DTYPES[node.type.dtype]) if shape else drawn


@pytest.mark.parametrize("text", TEXTS)
def test_the_meaning_is_that_of_the_emitted_python(text):
    """Bit for bit, and for the statements that were read back as well."""
    function = gradc.compile(text)
    stages = function.stages
    arrays = list(arguments_of(stages.loops))
    with np.errstate(all="ignore"):
        value, grads = plain(stages.python)["value_and_grad"](*arrays)
    for kernel in (stages.loops, read_kernel(print_kernel(stages.loops))):
        for got, wanted in zip(evaluate.run(kernel, arrays), (value, *grads), strict=True):
            np.testing.assert_array_equal(got, wanted)
            assert np.asarray(got).dtype == np.asarray(wanted).dtype


def test_the_stage_runs():
    f = gradc.compile("x: f64[n]; log(sum(exp(x)))")
    value, grads = f.stages["loops"](x=[0.0, np.log(3.0)])
    assert value == pytest.approx(np.log(4.0))
    np.testing.assert_allclose(grads.x, [0.25, 0.75])


def test_the_stage_checks_what_kernels_check():
    f = gradc.compile("x: f64[n]; i: i64[m]; sum(x[2 * i])")
    with pytest.raises(IndexError, match=r"an index in 2 \* i is out of range"):
        evaluate.run(f.stages.loops, [np.ones(3), np.array([0, 2])])
    with pytest.raises(ValueError, match="axis 0 of y must have size n, as axis 0 of x"):
        evaluate.run(gradc.compile("x: f64[n]; y: f64[n]; sum(x * y)").stages.loops, [np.ones(2), np.ones(3)])


@pytest.mark.parametrize("seed", range(4))
def test_damaged_text_is_refused_or_read(seed, ran_cases):
    """Whatever stands in the text, nothing but `gradc.Error` and `IllFormed` is raised."""
    random = np.random.default_rng(seed)
    texts = [print_kernel(gradc.compile(text).stages.loops) for text in TEXTS[seed::4][:6]]
    pieces = [piece for text in texts for piece in text.replace("\n", " ").split(" ")] + ["inf", "-1", "%999", "@", "("]
    for text in texts:
        for _ in range(60):
            start, stop = sorted(random.integers(0, len(text), 2))
            stop = min(stop, start + 12)
            damaged = text[:start] + str(random.choice(pieces)) + text[stop:]
            try:
                verify_kernel(read_kernel(damaged))
            except (gradc.Error, IllFormed):
                pass
    ran_cases(60 * len(texts))
