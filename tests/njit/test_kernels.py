"""Values and gradients inside the user's own Numba code, and standalone modules without gradc."""

import subprocess
import sys

import numpy as np
import pytest
from numba import njit

import gradc

pytestmark = pytest.mark.compiled
f = gradc.compile("sum(x**2) * a")
kernel = f.kernel


@njit
def every_way(x, a):
    return f(x, a), f.kernel.value(x, a), kernel.value(x, a), f.kernel.value_and_grad(x, a)


def test_function_and_kernel_inside_njit():
    x = np.array([1.0, 2.0, 3.0])
    for given in (x, x.astype(np.float32), np.repeat(x, 2)[::2], np.array([1, 2, 3])):
        first, second, third, (value, (x_bar, a_bar)) = every_way(given, 2.0)
        assert first == second == third == value == 28.0
        np.testing.assert_array_equal(x_bar, [4.0, 8.0, 12.0])
        assert a_bar == 14.0


def test_arguments_by_name():
    by_name = gradc.compile("w * x - kernel / target").kernel

    @njit
    def use(w):
        return by_name.value(kernel=1.0, x=2.0, w=w, target=4.0)

    assert use(3.0) == by_name.value(x=2.0, w=3.0, target=4.0, kernel=1.0) == 5.75
    assert by_name.value_and_grad(w=3.0, x=2.0, kernel=1.0, target=4.0) == (5.75, (2.0, 3.0, -0.25, 0.0625))


def test_names_that_python_needs_end_in_an_underscore():
    awkward = gradc.compile("lambda - np * lambda_").kernel.value
    assert awkward(lambda_=1.0, np_=2.0, lambda__=3.0) == awkward(1.0, 2.0, 3.0) == -5.0


@pytest.mark.parametrize("body", ["f(x)", "f.kernel.value(x)", "f.kernel.value_and_grad(x)[0]", "k.value(x)"])
def test_a_fresh_process_needs_no_preparation(body):
    """Nothing but the compilation of the caller itself may have imported our part of Numba."""
    code = (
        "import sys, gradc\nfrom numba import njit\nf = gradc.compile('x**2')\n"
        f"{'k = f.kernel' if body.startswith('k') else ''}\n"
        f"@njit\ndef use(x):\n    return {body}\nprint(use(3.0))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "9.0\n"


def test_sizes_that_differ_raise_inside_njit():
    product = gradc.compile("x: f64[n]; y: f64[n]; sum(x * y)").kernel.value

    @njit
    def call(x, y):
        return product(x, y)

    with pytest.raises(ValueError, match="axis 0 of y must have size n, as axis 0 of x"):
        call(np.ones(3), np.ones(4))


CACHED = """
import gradc
from numba import njit
k = gradc.compile("x**2 * y").kernel
@njit(cache=True)
def use(x, y):
    value, (x_bar, y_bar) = k.value_and_grad(x, y)
    return value + x_bar + y_bar
print(use(3.0, 5.0), sum(use.stats.cache_hits.values()))
"""


def test_callers_can_be_cached(tmp_path):
    (tmp_path / "caller.py").write_text(CACHED)
    command = [sys.executable, "caller.py"]
    runs = [subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True) for _ in range(2)]
    assert [run.stdout.split() for run in runs] == [["84.0", "0"], ["84.0", "1"]]


def test_a_written_module_needs_no_gradc(tmp_path):
    (tmp_path / "fit.py").write_text(gradc.compile("x: f64[n]; y: f64[n]; sum((x - y)**2)").source)
    code = (
        "import sys, numpy as np; sys.path.insert(0, '.'); from fit import value_and_grad\n"
        "value, (x_bar, y_bar) = value_and_grad(x=np.array([1.0, 2.0]), y=np.array([0.0, 0.0]))\n"
        "assert value == 5.0 and list(x_bar) == [2.0, 4.0] and 'gradc' not in sys.modules\n"
        "try: value_and_grad(np.ones(2), np.ones(3))\n"
        "except ValueError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "size" in done.stdout
