"""Random programs over matrices: NumPy, both modes, second order, and the emitted Python."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from array_programs import Example, with_numpy
from matrix_fuzz import matrix_programs

import gradc
from gradc.runtime.kernel import ENGINES
from tests.emit.plain import engine

Check = Callable[[str, Example], None]
STEP = 1e-6


@pytest.fixture(autouse=True, scope="module")
def plain_engine():
    ENGINES["plain"] = engine
    yield
    del ENGINES["plain"]


def try_all(programs: Iterator[tuple[str, Example]], check: Check) -> int:
    """Every program is checked; the shortest that fails is reported. Returns how many there were."""
    failures, tried = [], 0
    for text, example in programs:
        tried += 1
        try:
            check(text, example)
        except Exception as error:
            failures.append(f"{text}\n{example}\n{type(error).__name__}: {error}")
    assert not failures, f"{len(failures)} fail, for instance\n{min(failures, key=len)}"
    return tried


def along(example: Example) -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    return {name: random.uniform(-1, 1, shape) for name, shape in example.shapes.items()}


def moderate(values: np.ndarray, largest: float) -> bool:
    """Whether numbers are finite, and small enough for their differences to say something."""
    return bool(np.all(np.isfinite(values)) and np.max(np.abs(values), initial=0) < largest)


def check_values(text: str, example: Example) -> None:
    values = example.values()
    expected = with_numpy(example.text, values)
    actual = np.asarray(gradc.compile(text, engine="interpreter")(**values))
    assert actual.shape == expected.shape
    if moderate(expected, 1e6):
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-10)


def check_gradients(text: str, example: Example) -> None:
    f, values, tangents = gradc.compile(text, engine="interpreter"), example.values(), along(example)
    grads, value_dot = f.grad(**values), f.jvp(tangents, **values)
    reverse = sum(np.sum(grads[name] * tangents[name]) for name in tangents)
    np.testing.assert_allclose(reverse, np.sum(value_dot), rtol=1e-7, atol=1e-8)
    ahead, behind = (
        with_numpy(example.text, values | {name: values[name] + step * tangents[name] for name in tangents})
        for step in (STEP, -STEP)
    )
    difference = (ahead - behind) / (2 * STEP)
    if moderate(difference, 1e3):
        np.testing.assert_allclose(value_dot, difference, rtol=1e-3, atol=1e-4)


def check_emitted(text: str, example: Example) -> None:
    check_engine("plain", text, example)


def check_native(text: str, example: Example) -> None:
    check_engine("native", text, example)


def check_engine(engine: str, text: str, example: Example) -> None:
    values, tangents = example.values(), along(example)
    expected, actual = (
        [f.value_and_grad(**values)[0], *f.grad(**values), *f.hvp(tangents, **values)]
        for f in (gradc.compile(text, engine=name) for name in ("interpreter", engine))
    )
    for one, two in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-7, strict=True)


def test_values(ran_cases):
    ran_cases(try_all(matrix_programs(11, 300), check_values))


def test_gradients(ran_cases):
    ran_cases(try_all(matrix_programs(12, 200), check_gradients))


def test_emitted_python(ran_cases):
    ran_cases(try_all(matrix_programs(13, 120), check_emitted))


def test_native(ran_cases):
    ran_cases(try_all(matrix_programs(13, 12), check_native))


SCATTERED = (
    "sum(sin(B + w)[:, ::-1]**2 * softmax(B + w))",
    "std(log_softmax(B + w, axis=1)[:, ::-1])",
    "sum(sin(B + w)[1:, :] * cos(B + w)[:-1, :])",
    "log_softmax(B @ B.T, axis=-1)[::-1, ::-1]",
    "sum(B[:, 1:] * B[:, :-1]) + sum(sin(B @ B.T))",
    "B[arange(3), argmax(B * w, axis=1)][-1] + sum(w)",
)  # fmt: skip
"""Cotangents added into an array that a product, a sum or a scalar reads: all of them have to be there before."""


@pytest.mark.parametrize("text", SCATTERED)
def test_scatters_come_before_readers(text):
    random = np.random.default_rng(0)
    values = {"B": random.normal(size=(3, 3)), "w": random.normal(size=3)}
    example = Example(text, {name: value.shape for name, value in values.items() if name in text}, {})
    check_emitted(text, example)
    check_native(text, example)
    check_gradients_against_modes(text, example)


def check_gradients_against_modes(text: str, example: Example) -> None:
    f, values, tangents = gradc.compile(text, engine="plain"), example.values(), along(example)
    grads = f.grad(**values)
    reverse = sum(np.sum(grads[name] * tangents[name]) for name in tangents)
    np.testing.assert_allclose(reverse, np.sum(f.jvp(tangents, **values)), rtol=1e-10, atol=1e-11)
