"""A result is the caller's own: an array that can be written and shares nothing with arguments or other results."""

import itertools

import numpy as np
import pytest

import gradc

PROGRAMS = (
    "x", "x.T", "x[::-1]", "x + 0", "x * 1", "reshape(x, -1)", "reshape(reshape(x, -1), (3, 2))",
    "reshape(reshape(reshape(x, (6, 1)), -1), (2, 3))", "reshape(x, (2, 3)).T", "reshape(x.T, -1)",
    "squeeze(x[None], 0)", "x[:, :]", "expand_dims(x, 0)", "reshape(exp(x), -1)", "max(x, x)",
    "reshape(reshape(exp(x), -1), (2, 3))",
    "x[0:2]", "cumsum(reshape(x, -1))", "where(x == x, x, 0)",
)  # fmt: skip


def arrays_of(results) -> list[np.ndarray]:
    return [part for part in results if isinstance(part, np.ndarray)]


@pytest.mark.parametrize("text", PROGRAMS)
def test_results_are_owned(text, engine):
    f = gradc.compile(f"x: f64[n, m]; {text}", engine=engine)
    x = np.arange(6.0).reshape(3, 2)
    x.flags.writeable = False
    value, grads = f.value_and_grad(x)
    upstream = np.ones(np.shape(value))
    upstream.flags.writeable = False
    found = arrays_of([f(x), value, *grads, *f.vjp(upstream, x), f.jvp(np.ones((3, 2)), x)])
    for array in found:
        assert array.flags.writeable
    for one, other in itertools.combinations([*found, x, upstream], 2):
        assert not np.shares_memory(one, other)


def test_two_gradients_of_one_sum(every_engine):
    f = gradc.compile("x: f64[n, m]; y: f64[n, m]; reshape(x + y, -1)", engine=every_engine)
    x = np.ones((3, 2))
    value, grads = f.value_and_grad(x, x)
    for one, other in itertools.combinations([value, *grads, x], 2):
        assert not np.shares_memory(one, other)
        assert one.flags.writeable
