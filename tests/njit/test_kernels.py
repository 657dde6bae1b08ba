"""Values and gradients inside the user's own Numba code, and standalone modules without gradc."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from numba import cfunc, guvectorize, njit, prange
from numba.core.errors import TypingError

import gradc
from gradc.runtime.kernel import ENGINES

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


# ---------------------------------------------------------------- every function of a function

both = gradc.compile("x: f64[n]; a: f64; sum(x**3) * a")
alone = gradc.compile("x * sin(x)")
vector = gradc.compile("x: f64[n]; a: f64; x**2 * a", wrt="x")
value_and_grad, gradient = both.value_and_grad, both.grad
X = np.array([1.0, 2.0, 3.0])
both.grad(X, 2.0), both.value_and_grad(X, 2.0)
shortened_value_and_grad, shortened_gradient = both.value_and_grad, both.grad


def same(left, right):
    left, right = (result if isinstance(result, tuple) else (result,) for result in (left, right))
    for one, other in zip(left, right, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)


@njit
def functions(x, a):
    return both.value_and_grad(x, a), both.grad(x, a), both.kernel.grad(x, a)


@njit
def methods(x, a):
    return value_and_grad(x, a), shortened_value_and_grad(x, a), gradient(x, a), shortened_gradient(x, a)


def test_gradients_as_attributes_and_as_values():
    value, grads = both.value_and_grad(X, 2.0)
    for found, found_grads in (*functions(X, 2.0)[:1], *methods(X, 2.0)[:2]):
        assert found == pytest.approx(value, rel=1e-14)
        same(found_grads, grads)
    for found_grads in (*functions(X, 2.0)[1:], *methods(X, 2.0)[2:]):
        same(found_grads, grads)
    assert type(both.__dict__.get("grad", len)) is type(len), "the method that numba saw should be a built-in"


def test_methods_as_closures_and_arguments():
    grad, other = both.grad, alone.grad

    @njit
    def closed(x, a):
        return grad(x, a)

    @njit
    def given(function, x):
        return function(x)[0]

    same(closed(X, 2.0), both.grad(X, 2.0))
    assert given(other, 2.0) == pytest.approx(other(2.0).x, rel=1e-14)
    assert given(alone.value_and_grad, 2.0) == pytest.approx(alone(2.0), rel=1e-14)


@njit
def products(x_dot, a_dot, upstream, x, a):
    return both.jvp((x_dot, a_dot), x, a), both.hvp((x_dot, a_dot), x, a), both.vjp(upstream, x, a)


@pytest.mark.parametrize("x_dot", [X, X.astype(np.float32)[::-1], X == 2.0])
def test_products(x_dot):
    jvp, hvp, vjp = products(x_dot, 1, 2, X, 2.0)
    same(jvp, both.jvp((x_dot, 1.0), X, 2.0))
    same(hvp, both.hvp((x_dot, 1.0), X, 2.0))
    same(vjp, both.vjp(2.0, X, 2.0))


def test_the_tangent_of_a_single_input():
    @njit
    def call(x, a, x_dot):
        return vector.jvp(x_dot, x, a), vector.kernel.jvp((x_dot,), x, a), vector.hvp(x_dot, x, a), vector.vjp(x, x, a)

    one, two, hvp, vjp = call(X, 2.0, X + 1)
    same(one, vector.jvp(X + 1, X, 2.0))
    same(two, one)
    same(hvp, vector.hvp(X + 1, X, 2.0))
    same(vjp, vector.vjp(X, X, 2.0))

    @njit
    def scalars(x):
        return alone.jvp(1.0, x), alone.hvp((1.0,), x), alone.vjp(2.0, x=x)

    jvp, hvp, vjp = scalars(0.7)
    same((jvp, *hvp, *vjp), (alone.jvp(1.0, 0.7), *alone.hvp(1.0, 0.7), *alone.vjp(2.0, 0.7)))


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda x: both.kernel.jvp((x,), x, 1.0), "a tuple of 2 tangents expected, for x, a"),
        (lambda x: both.kernel.jvp(x, x, 1.0), "a tuple of 2 tangents expected, for x, a"),
        (lambda x: both.kernel.hvp((x, x), x, 1.0), "a_dot must be a scalar"),
        (lambda x: both.kernel.jvp((1.0, 1.0), x, 1.0), "x_dot must be an array with 1 axis"),
        (lambda x: vector.kernel.vjp(1.0, x, 1.0), "upstream must be an array with 1 axis"),
    ],
)
def test_tangents_that_do_not_fit(call, complaint):
    with pytest.raises(TypingError, match=complaint):
        call(X)


def test_sizes_of_tangents():
    with pytest.raises(ValueError, match="axis 0 of x_dot must have size n"):
        both.kernel.jvp((np.ones(4), 1.0), X, 2.0)


def test_parallel_loops():
    @njit(parallel=True)
    def rows(x, out):
        for k in prange(len(x)):
            out[k] = alone.grad(x[k])[0] + alone.jvp(1.0, x[k]) + alone.hvp(1.0, x[k])[0]

    x, out = np.linspace(0.1, 1.0, 100), np.empty(100)
    rows(x, out)
    np.testing.assert_allclose(out, [2 * alone.grad(p).x + alone.hvp(1.0, p).x for p in x], rtol=1e-13)


def test_functions_for_c():
    @cfunc("float64(float64)")
    def slope(x):
        return alone.grad(x)[0] + alone.value_and_grad(x)[0]

    assert slope.ctypes(0.7) == pytest.approx(alone.grad(0.7).x + alone(0.7), rel=1e-14)


def test_generalised_ufuncs():
    @guvectorize(["void(float64[:], float64, float64[:])"], "(n),()->(n)", nopython=True)
    def slopes(x, a, out):
        out[:] = both.grad(x, a)[0]

    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(slopes(x, 2.0), 6.0 * x**2, rtol=1e-14)


CACHED_METHODS = """
import numpy as np, gradc
f = gradc.compile("x**2 * y")
f.grad(1.0, 2.0), f.grad(1.0, 2.0)
gradient, before = f.grad, gradc.compile("x * 3").grad
from numba import njit
@njit(cache=True)
def use(x, y):
    hvp = f.hvp((1.0, 0.0), x, y)
    return f.value_and_grad(x, y)[0], f.jvp((1.0, 0.0), x, y), hvp[1], gradient(x, y)[1], before(x)[0]
def make(grad):
    @njit(cache=True)
    def closed(x, y):
        return grad(x, y)[0]
    return closed
closed = make(gradient)
print(*use(3.0, 5.0), closed(3.0, 5.0), sum(use.stats.cache_hits.values()), sum(closed.stats.cache_hits.values()))
"""


def test_callers_of_methods_can_be_cached(tmp_path):
    """And Numba may be imported after the methods were taken."""
    (tmp_path / "caller.py").write_text(CACHED_METHODS)
    command = [sys.executable, "caller.py"]
    runs = [subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True) for _ in range(2)]
    expected = "45.0 30.0 6.0 9.0 3.0 30.0".split()
    assert [run.stdout.split() for run in runs] == [[*expected, "0", "0"], [*expected, "1", "1"]]


def test_other_methods_are_what_they_were_to_numba():
    @njit
    def use(x):
        return np.sum(x) + math.cos(0.0) + len(x) + abs(-1.0)

    assert use(X) == 11.0
    names = [1, 2].index

    @njit
    def wrong(x):
        return names(x)

    with pytest.raises(TypingError, match="Cannot determine Numba type"):
        wrong(1)
    bound = both.bind(a=2.0).grad

    @njit
    def wrong_too(x):
        return bound(x)

    with pytest.raises(TypingError, match="Cannot determine Numba type"):
        wrong_too(X)


# ---------------------------------------------------------------- without Numba's compiler, and without Numba

PLAIN = """
import numpy as np, gradc
from numba import njit
f = gradc.compile("x: f64[n]; a: f64; sum(x**2) * a", engine={engine!r})
one = gradc.compile("x**3", engine={engine!r})
x = np.array([1.0, 2.0, 3.0])
@njit
def use(x, a):
    return (f(x, a), *f.value_and_grad(x, a)[1], *f.kernel.value_and_grad(x, a)[1], *f.kernel.grad(x=x, a=a),
            f.kernel.value(x, a), f.kernel.jvp((x, 1.0), x, a), *f.kernel.hvp((x, 1.0), x, a), *f.kernel.vjp(2.0, x, a),
            one.kernel.jvp(1.0, a), *one.kernel.hvp((1.0,), a))
for result in use(x, 2.0):
    print(np.asarray(result).tolist())
print(f(x, 2.0), f.hessian(x, 2.0).a.a, gradc.compile("1 / x", engine={engine!r})(0.0))
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_numba_disable_jit(engine):
    env = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    code = PLAIN.format(engine=engine)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, env=env)
    assert done.stderr == ""
    gradients = ["[4.0, 8.0, 12.0]", "14.0"]
    products = ["70.0", "[6.0, 12.0, 18.0]", "28.0", "[8.0, 16.0, 24.0]", "28.0"]
    assert done.stdout.splitlines() == ["28.0", *gradients * 3, "28.0", *products, "12.0", "12.0", "28.0 0.0 inf"]


NO_NUMBA = """
import sys
class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "numba":
            raise ImportError("there is no numba here")
sys.meta_path.insert(0, Refused())
import numpy as np, gradc
from click.testing import CliRunner
from gradc.cli import main
f = gradc.compile("x: f64[n]; W: f64[n, n]; y: f64[n]; sum((tanh(W @ x) - y)**2) / n", engine={engine!r}, wrt="W x")
x, W, y = np.ones(3), np.eye(3), np.arange(3.0)
for _ in range(2):
    value, grads = f.value_and_grad(x, W=W, y=y)
    f(x, W, y, out=np.empty(())), f.grad(x, W, y, out={{"x": np.empty(3)}})
f.jvp((W, x), x, W, y), f.vjp(1.0, x, W, y), f.hvp((W, x), x, W, y), f.hessian(x, W, y), f.jacobian(x, W, y)
f.forward(x, W, y), f.backward(), f.bind(y=y).grad(x, W)
f.stages["derivative"](x, W, y), f.source, repr(f), help
for command in (["info"], ["cache"], ["eval", "x", "--at", "x=1"], ["compile", "x", "--at", "x=1"], ["check", "x**2"]):
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, (command, result.output)
try:
    import numba
except ImportError:
    print(round(value, 6), [name for name in sys.modules if name.partition(".")[0] == "numba"])
"""


@pytest.mark.parametrize("engine", [engine for engine in ENGINES if engine != "numba"])
def test_a_machine_without_numba(engine):
    code = NO_NUMBA.format(engine=engine)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("0.723504 []\n", ""), done.stderr
