"""Whatever inputs are called, and whatever a program says in its comments, the generated module is sound."""

import numpy as np
import pytest
from plain import plain

import gradc

NAMES = (
    "lambda", "class", "def", "return", "global", "None", "True", "False", "import", "match", "type", "self", "args",
    "CACHE",
    "print", "np", "math", "njit", "numba", "range", "min", "max", "abs", "sum", "int", "float", "len", "ValueError",
    "BLOCK", "t0", "t1", "x_bar", "y_bar", "value", "value_and_grad", "value_bar", "result", "total", "total_low",
    "total_block", "largest", "product", "saved", "saved0", "reduced0", "i", "j", "k", "l", "n", "m", "start", "low",
    "_", "__", "__name__", "__import__", "_add", "_two_sum", "_settle", "_gamma", "_zeta", "kernel", "a0", "out", "wrt",
    "exp", "gamma", "gradc", "e", "I", "E", "x_i",
)  # fmt: skip


def usable(name: str) -> bool:
    """Whether the language takes this as the name of an input; it refuses its own words."""
    try:
        return name in gradc.compile(f"{name} * x").inputs
    except gradc.Error as error:
        assert error.code.startswith("G01") or error.code in ("G0301", "G0305"), error
        return False


def test_the_language_refuses_few_names():
    refused = [name for name in NAMES if not usable(name)]
    assert refused == ["def", "None", "True", "False", "__", "__name__", "__import__"]


@pytest.mark.parametrize("name", [name for name in NAMES if usable(name)])
def test_awkward_names(name):
    """A scalar, an array, a loss with a saved value, and the input's own gradient: by that name and by a plain one."""
    programs = (
        "{0} * x / ({0} + 2) + max({0}, x)",
        "{0}: f64[n]; {0} * x",
        "{0}: f64[n]; sum(exp({0} - max({0})) * x)",
        "x: f64[n]; sum(exp(x - max(x))) * gamma({0} + 1)",
        "{0}: f64[n]; x: f64[n]; logsumexp({0}[1:] * x[:-1]) + sum({0})",
        "x: f64[n]; {0}_bar: f64; sum(x) * {0}_bar * {0}",
    )
    for program in programs[: None if name != "_" else -1]:
        texts = [program.format(used) for used in (name, "q")]
        if len({*gradc.compile(texts[0]).inputs}) < len(gradc.compile(texts[1]).inputs):
            continue  # the name is the other input's
        awkward, expected = (evaluated(text) for text in texts)
        for a, b in zip(awkward, expected, strict=True):
            np.testing.assert_array_equal(a, b)


def evaluated(text: str) -> list:
    """The value and the gradients of the generated module at an arbitrary point."""
    f = gradc.compile(text)
    types = [node.type for node in f.stages.graph.inputs]
    point = [np.arange(1.0, 6.0) / (k + 3) if type.shape else 0.7 + 0.1 * k for k, type in enumerate(types)]
    module = plain(f.source)
    value, grads = module["value_and_grad"](*point)
    np.testing.assert_array_equal(module["value"](*point), value)
    return [value, *grads]


@pytest.mark.parametrize(
    "comment",
    [
        '"""; import os; """', "'''", '"', "\\", '\\"""', "\\N{nothing}", "\\x", "\\u12", "{0} {x} %s", "\t\x0b\x0c",
        "é ∑ 🂡 ‮", "ends in a backslash \\", 'ends in a quote "', 'ends in quotes """', "\\\\\\", '\\\\"', "# njit",
        "\x85\u2028\u2029",
    ],
)  # fmt: skip
def test_comments_stay_comments(comment):
    text = f"x * y  # {comment}"
    try:
        f = gradc.compile(text)
    except gradc.Error:
        with pytest.raises(gradc.Error):
            gradc.compile(f"# {comment}\nx * y")
        return
    for head in (f"# {comment}\nx * y", text):
        module = plain(gradc.compile(head).source)
        assert module["value"](3.0, 4.0) == 12.0
        assert set(module) - {"__builtins__", "njit", "np", "CACHE"} == {"__doc__", "value", "value_and_grad"}
    assert f.text == text


def test_inputs_may_be_called_like_the_errors_that_kernels_raise(every_engine):
    f = gradc.compile("E[index] * IndexError + ValueError", engine=every_engine)
    got = f(E=np.arange(3.0), index=np.array([0, 2]), IndexError=2.0, ValueError=1.0)
    np.testing.assert_array_equal(got, [1.0, 5.0])
    with pytest.raises(gradc.Error, match="out of range"):
        f(E=np.arange(3.0), index=np.array([0, 3]), IndexError=2.0, ValueError=1.0)
