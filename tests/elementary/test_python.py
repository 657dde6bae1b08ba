"""Elementary functions as Python: the native engine's bits, interpreted and compiled, and loops with vectors."""

import struct
from fractions import Fraction
from math import inf, nan

import numpy as np
import pytest
from measure import compiled
from test_elementary import ROWS, points, same_bits, special

from gradc.elementary import primitives
from gradc.elementary.python import IMPORTS, function, is_printable, primitive_texts, source
from gradc.elementary.template import template

NAMES = [name for name in ROWS if is_printable(name)]


def arguments(name: str, count: int):
    return [np.concatenate(pair) for pair in zip(points(name, count), special(name))]


def test_most_functions_are_printable():
    assert {"exp", "log", "tanh", "power"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_interpreted(name):
    args = arguments(name, 20)
    with np.errstate(all="ignore"):
        found = np.array([function(name)(*point) for point in zip(*args)])
    assert same_bits(found, compiled(name)(*args))


def test_fma_rounds_once():
    draw = np.random.default_rng(3)
    x, y = draw.normal(size=(2, 300)) * np.exp2(draw.integers(-500, 500, (2, 300)))
    z = -x * y * (1 + draw.choice([0, 1e-16, 1e-8, 1.0], 300))
    for a, b, c in zip(x, y, z):
        assert primitives._fma(a, b, c) == float(Fraction(a) * Fraction(b) + Fraction(c))


@pytest.mark.parametrize(
    "x, y, z, result",
    [
        (inf, 1, 2, inf), (inf, 0.0, 1, nan), (1e300, 1e300, -inf, -inf), (1e300, 1e300, -1e308, inf), (nan, 1, 1, nan),
        (1e200, -1e200, 1, -inf), (0.0, -1, 0.0, 0.0), (-0.0, 1, -0.0, -0.0), (2, 3, -6, 0.0), (5e-324, 0.5, 0.0, 0.0),
        (5e-324, -0.25, 0.0, -0.0), (1e300, 1e300, nan, nan),
    ],
)  # fmt: skip
def test_fma_of_special_values(x, y, z, result):
    with np.errstate(all="ignore"):
        assert same_bits(primitives._fma(*map(np.float64, (x, y, z))), np.float64(result))


def test_bits_are_those_of_memory():
    for x in (0.0, -0.0, 1.5, -2e300, 5e-324, np.inf):
        assert primitives._bits(x) == struct.unpack("q", struct.pack("d", x))[0]
        assert same_bits(primitives._from_bits(primitives._bits(x)), np.float64(x))
    assert primitives._from_bits((1023 << 52) + (5 << 64)) == 1.0


@pytest.mark.compiled
@pytest.mark.parametrize("name", NAMES)
def test_loops_have_vectors(name):
    """In Numba, with the same bits."""
    params = template(name).params
    of_element = ", ".join(f"{param}[i]" for param in params)
    text = "\n".join([
        "import struct\nimport numpy as np", IMPORTS, *primitive_texts().values(),
        '@njit(error_model="numpy", forceinline=True)', source(name, f"_{name}"), '@njit(error_model="numpy")',
        f"def loop({', '.join(params)}, out):\n    for i in range(out.size):\n        out[i] = _{name}({of_element})",
    ])  # fmt: skip
    namespace: dict = {}
    exec(text, namespace)
    loop = namespace["loop"]
    args = arguments(name, 100)
    out = np.empty_like(args[0])
    loop(*args, out)
    assert same_bits(out, compiled(name, 2)(*args))
    assert " x double>" in loop.inspect_llvm(loop.signatures[0])
