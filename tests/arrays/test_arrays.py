"""Programs over arrays: values against NumPy, derivatives against differences, every engine against every other."""

from collections.abc import Callable, Iterable

import array_programs
import numpy as np
import pytest
from array_programs import Example, with_numpy

import gradc
from gradc.runtime.kernel import ENGINES
from tests.emit.plain import engine

GROUPS = ("reductions", "products", "indices", "gathers", "losses", "constructions", "ordered", "selections", "vectors")


@pytest.fixture(autouse=True, scope="module")
def plain_engine():
    ENGINES["plain"] = engine
    yield
    del ENGINES["plain"]


def for_each(examples: Iterable[Example], check: Callable[[Example], None]) -> int:
    """Every example is tried; the failures are reported together, the shortest in full. Returns how many there were."""
    failures, tried = [], 0
    for example in examples:
        tried += 1
        try:
            check(example)
        except Exception as error:
            failures.append((f"{example}", f"{type(error).__name__}: {error}"))
    failures.sort(key=lambda failure: len(failure[0]))
    listed = "\n".join(title for title, _ in failures)
    assert not failures, f"{listed}\n\n{failures[0][0]}\n{failures[0][1]}"
    return tried


def directions(example: Example, seed: int = 1) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {name: random.uniform(-1, 1, shape) for name, shape in example.shapes.items()}


def moved(values: dict, along: dict, step: float) -> dict:
    return values | {name: values[name] + step * along[name] for name in along}


def inner(left, right: dict) -> float:
    return sum(float(np.sum(left[name] * right[name])) for name in right)


def check_value(example: Example) -> None:
    f, values = gradc.compile(example.text, engine="interpreter"), example.values()
    expected = with_numpy(example.text, values)
    actual = np.asarray(f(**values))
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-13)


def check_gradient(example: Example) -> None:
    f, values, along = gradc.compile(example.text, engine="interpreter"), example.values(), directions(example)
    value, grads = f.value_and_grad(**values)
    for name, shape in example.shapes.items():
        assert np.shape(grads[name]) == shape, f"gradient of {name}"
    upstream = np.random.default_rng(2).uniform(-1, 1, np.shape(value))
    bars = f.vjp(upstream, **values)
    value_dot = f.jvp(along, **values)
    assert np.shape(value_dot) == np.shape(value)
    h = 1e-5
    ahead, behind = (with_numpy(example.text, moved(values, along, step)) for step in (h, -h))
    np.testing.assert_allclose(value_dot, (ahead - behind) / (2 * h), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(inner(bars, along), np.sum(upstream * value_dot), rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(inner(grads, along), np.sum(value_dot), rtol=1e-10, atol=1e-11)


def check_second_order(example: Example) -> None:
    f, values, along = gradc.compile(example.text, engine="interpreter"), example.values(), directions(example)
    products = f.hvp(along, **values)
    h = 1e-5
    ahead, behind = (f.grad(**moved(values, along, step)) for step in (h, -h))
    for name in along:
        assert np.shape(products[name]) == np.shape(values[name])
        difference = (np.asarray(ahead[name]) - behind[name]) / (2 * h)
        np.testing.assert_allclose(products[name], difference, rtol=1e-5, atol=1e-5, err_msg=name)


def check_engine(name: str, derived: tuple[str, ...]) -> Callable[[Example], None]:
    def check(example: Example) -> None:
        values, along = example.values(), directions(example)
        reference, other = (gradc.compile(example.text, engine=each) for each in ("interpreter", name))
        for method in derived:
            extra = (along,) if method in ("jvp", "hvp") else ()
            expected, actual = (getattr(f, method)(*extra, **values) for f in (reference, other))
            pairs = zip(flat(actual), flat(expected), strict=True)
            for one, two in pairs:
                np.testing.assert_allclose(one, two, rtol=1e-10, atol=1e-12, strict=True, err_msg=method)

    return check


def flat(result) -> list:
    if isinstance(result, tuple):
        return [leaf for part in result for leaf in flat(part)]
    return [np.asarray(result)]


@pytest.mark.parametrize("group", GROUPS)
def test_values(group, ran_cases):
    ran_cases(for_each(getattr(array_programs, group)(), check_value))


@pytest.mark.parametrize("group", GROUPS)
def test_gradients(group, ran_cases):
    ran_cases(for_each(getattr(array_programs, group)(), check_gradient))


@pytest.mark.parametrize("group", GROUPS)
def test_second_order(group, ran_cases):
    ran_cases(for_each(getattr(array_programs, group)(), check_second_order))


@pytest.mark.parametrize("group", GROUPS)
def test_emitted_python(group, ran_cases):
    ran_cases(for_each(getattr(array_programs, group)(), check_engine("plain", ("value_and_grad", "hvp"))))


COMPILED = {
    "products": 16,
    "gathers": 5,
    "losses": 2,
    "indices": 12,
    "reductions": 24,
    "constructions": 7,
    "ordered": 5,
    "selections": 9,
    "vectors": 5,
}
"""Every how many examples of a group one is compiled."""


@pytest.mark.parametrize("group", GROUPS)
def test_native(group, ran_cases):
    chosen = list(getattr(array_programs, group)())[3 :: COMPILED[group]]
    ran_cases(for_each(chosen, check_engine("native", ("value_and_grad", "hvp"))))


@pytest.mark.compiled
@pytest.mark.parametrize("group", GROUPS)
def test_compiled(group, ran_cases):
    """One example in so many times eight, of those that `test_native` takes too."""
    chosen = list(getattr(array_programs, group)())[3 :: 8 * COMPILED[group]]
    ran_cases(for_each(chosen, check_engine("numba", ("value_and_grad",))))
