"""Functions of mathematical physics and statistics: value, first and second derivative against mpmath, at ordinary and
at extreme points, as the interpreter and as kernels have them.

A row has the function's op and points; the derivative is taken for the last argument, and for others that have one.
"""

import json
import os
import subprocess
import sys

import mpmath
import numpy as np
import pytest
from mpmath import mpf

import gradc
from gradc.autodiff.adjoint import adjoint
from gradc.check.oracles import difference
from gradc.check.reals import function
from gradc.ir.graph import constant, input_node, make
from gradc.ir.interpret import run
from gradc.ir.ops import OPS
from gradc.ir.types import Type
from gradc.language.diagnostics import Error
from gradc.native.cache import VARIABLE
from gradc.rewrite.lower import lower

FAR = [(0.25,), (1.0,), (3.0,), (20.0,), (60.0,), (700.0,), (1e4,)]
ORDERS = [(0.0, 2.0), (1.0, 0.5), (2.0, 3.0), (0.5, 40.0), (2.5, 3.25), (3.0, 1e-3), (7.0, 4.0), (1.5, 100.0)]

TABLE = {
    "log_ndtr": [(-1e5,), (-40.0,), (-27.0,), (-3.0,), (-0.5,), (0.0,), (0.5,), (4.0,), (30.0,)],
    "erfcx": [(-20.0,), (-1.0,), (0.0,), (0.5,), (3.0,), (100.0,), (1e7,)],
    "logdiffexp": [(1000.0, 999.0), (3.0, -2.0), (1.0, 1 - 1e-9), (-800.0, -801.0), (5.0, -1000.0)],
    "ndtri": [(1e-300,), (1e-10,), (0.1,), (0.3,), (0.5,), (0.7,), (0.999,)],
    "erfinv": [(-0.9999,), (-0.6,), (0.0,), (1e-10,), (0.3,), (0.99,), (1 - 1e-15,)],
    "erfcinv": [(1e-300,), (1e-10,), (0.1,), (0.7,), (1.0,), (1.5,), (1.99,)],
    "exprel": [(-1000.0,), (-3.0,), (-1e-9,), (0.0,), (1e-5,), (1.0,), (50.0,), (700.0,)],
    "sinc": [(0.0,), (1e-9,), (-0.3,), (0.5,), (1.0,), (2.0,), (7.25,), (1000.5,)],
    "lambertw": [(-0.36787,), (-0.3,), (-0.1,), (0.0,), (1e-9,), (0.5,), (3.0,), (1e5,), (1e300,)],
    "j0": [(0.0,), (1e-8,), (0.5,), (2.0,), (-3.0,), (30.0,)],
    "j1": [(0.0,), (1e-8,), (0.5,), (2.0,), (-3.0,), (30.0,)],
    "jv": ORDERS,
    "y0": [(1e-3,), (0.5,), (2.0,), (30.0,)], "y1": [(1e-3,), (0.5,), (2.0,), (30.0,)], "yv": ORDERS[1:],
    "i0": [(0.0,), (0.5,), (-3.0,), (30.0,), (600.0,)], "i1": [(0.0,), (0.5,), (-3.0,), (30.0,), (600.0,)],
    "iv": ORDERS,
    "k0": FAR[:5], "k1": FAR[:5], "kv": ORDERS,
    "i0e": FAR, "i1e": FAR, "ive": ORDERS, "k0e": FAR, "k1e": FAR, "kve": ORDERS,
    "gammainc": [(2.5, 0.1), (2.5, 3.0), (0.5, 20.0), (100.0, 90.0), (1.0, 1e-8), (1e4, 1e4)],
    "gammaincc": [(2.5, 0.1), (2.5, 3.0), (0.5, 20.0), (100.0, 90.0), (1.0, 1e-8), (1e4, 1e4)],
    "gammaincinv": [(2.5, 0.1), (2.5, 0.9), (0.5, 0.3), (100.0, 0.5)],
    "gammainccinv": [(2.5, 0.1), (2.5, 0.9), (0.5, 0.3), (100.0, 0.5)],
    "betainc": [(2.5, 1.5, 0.3), (0.5, 0.5, 0.9), (20.0, 30.0, 0.4), (1.0, 3.0, 1e-8), (300.0, 200.0, 0.6)],
    "betaincc": [(2.5, 1.5, 0.3), (0.5, 0.5, 0.9), (20.0, 30.0, 0.4), (1.0, 3.0, 1e-8)],
    "betaincinv": [(2.5, 1.5, 0.3), (0.5, 0.5, 0.9), (20.0, 30.0, 0.4)],
    "betainccinv": [(2.5, 1.5, 0.3), (0.5, 0.5, 0.9)],
    "betaln": [(2.5, 1.5), (0.1, 7.0), (100.0, 3.0)], "beta": [(2.5, 1.5), (0.1, 7.0), (100.0, 3.0)],
    "binom": [(5.0, 2.0), (10.5, 3.25), (60.0, 30.0)],
}  # fmt: skip


def close(got: float, true, digits: float) -> bool:
    """Where there is a zero, or more than a float holds, nothing is compared."""
    return not 1e-25 < abs(true) < 1.7e308 or abs(mpf(float(got)) - true) <= mpf(10) ** -digits * abs(true)


@pytest.mark.parametrize("name", TABLE)
def test_value_and_derivatives(name):
    row, f = OPS[name], function(name)
    nodes = [input_node(param, Type("f64")) for param in row.params]
    node = make(name, *nodes)
    wrong = []
    for k, param in enumerate(row.params):
        if param in row.orders:
            continue
        first = adjoint(node, [nodes[k]], constant(1.0))[0]
        second = adjoint(first, [nodes[k]], constant(1.0))[0]
        for results in ([node, first, second], lower([node, first, second])):
            for point in TABLE[name]:
                got = run(results, dict(zip(nodes, map(np.float64, point))), {})
                with mpmath.workdps(120):
                    exact = [mpf(x) for x in point]
                    at = lambda x, k=k, exact=exact: f(*exact[:k], x, *exact[k + 1 :])  # noqa: E731
                    truths = [at(exact[k]), difference(at, exact[k], 120), difference(at, exact[k], 120, 2)]
                    for order, (x, true) in enumerate(zip(got, truths)):
                        if not close(x, true, 12.5 if order < 2 else 11.5):
                            error = mpmath.nstr(abs(mpf(float(x)) - true) / abs(true), 3)
                            wrong.append(f"{name}{point} {param} {order}: {x!r}, not {mpmath.nstr(true, 17)}: {error}")
    assert not wrong, "\n".join(wrong)


ENDS = [
    ("gammainc(1, x)", 0.0, 0.0, 1.0, -1.0), ("gammainc(2, x)", 0.0, 0.0, 0.0, 1.0),
    ("gammainc(3, x)", 0.0, 0.0, 0.0, 0.0), ("gammainc(20, x)", 0.0, 0.0, 0.0, 0.0),
    ("betainc(1, 3, x)", 0.0, 0.0, 3.0, -6.0), ("betainc(2, 3, x)", 0.0, 0.0, 0.0, 12.0),
    ("betainc(2, 3, x)", 1.0, 1.0, 0.0, 0.0), ("betainc(2, 2, x)", 1.0, 1.0, 0.0, -6.0),
    ("betainc(20, 20, x)", 1.0, 1.0, 0.0, 0.0),
    ("lambertw(x)", np.inf, np.inf, 0.0, None), ("lambertw(x)", -0.36787944117144233, -1.0, np.inf, None),
    ("ndtri(x)", 0.0, -np.inf, np.inf, None), ("ndtri(x)", 1.0, np.inf, np.inf, None),
    ("erfinv(x)", 1.0, np.inf, np.inf, None), ("erfcinv(x)", 0.0, np.inf, -np.inf, None),
    ("log_ndtr(x)", -np.inf, -np.inf, np.inf, -1.0), ("log_ndtr(x)", np.inf, 0.0, 0.0, 0.0),
    ("jv(1, x)", 0.0, 0.0, 0.5, 0.0),
    ("exprel(x)", np.inf, np.inf, np.inf, np.inf), ("xlog1py(0, x)", -1.0, 0.0, 0.0, 0.0),
]  # fmt: skip
"""Programs at the ends of where they are defined: value, slope, and second derivative if it is known there."""


@pytest.mark.parametrize(("text", "x", "value", "slope", "bend"), ENDS)
def test_ends(text, x, value, slope, bend):
    f = gradc.compile(text, engine="interpreter")
    found = f(x), f.grad(x)[0], f.hessian(x)[0][0]
    for got, expected in zip(found, (value, slope, bend)):
        assert expected is None or got == pytest.approx(expected, 1e-14, 0), found


# ---------------------------------------------------------------- kernels and modules

COUNT = 9
"""Points of each function in one call."""


def program(names) -> str:
    """Each function of arrays of its own."""
    inputs = "; ".join(f"{param}_{name}: f64[m]" for name in names for param in OPS[name].params)
    calls = [f"{name}({', '.join(f'{param}_{name}' for param in OPS[name].params)})" for name in names]
    return f"{inputs}; stack([{', '.join(calls)}])"


def arguments(names) -> dict[str, np.ndarray]:
    return {
        f"{param}_{name}": np.array([TABLE[name][k % len(TABLE[name])][place] for k in range(COUNT)])
        for name in names
        for place, param in enumerate(OPS[name].params)
    }


def with_derivative(names) -> list[str]:
    return [f"{param}_{name}" for name in names for param in OPS[name].params if param not in OPS[name].orders]


@pytest.mark.compiled
def test_native_kernels_agree_with_the_interpreter():
    names = list(TABLE)
    (found, grads), (value, slopes) = (
        gradc.compile(program(names), wrt=with_derivative(names), engine=engine).value_and_grad(**arguments(names))
        for engine in ("native", "interpreter")
    )
    for name, row, expected in zip(names, found, value):
        np.testing.assert_allclose(row, expected, 1e-12, 1e-300, err_msg=name)
    for name, got, expected in zip(with_derivative(names), grads, slopes):
        np.testing.assert_allclose(got, expected, 1e-11, 1e-300, err_msg=name)


IN_MODULE = ["jv", "betainc", "lambertw"]

RUN = """
import sys, json
import numpy as np
import exported
value, grads = exported.value_and_grad(*[np.array(x) for x in json.loads(sys.argv[1])])
print(json.dumps([value.tolist(), [grad.tolist() for grad in grads]]))
print(sum(exported.value_and_grad.stats.cache_hits.values()) if hasattr(exported.value_and_grad, "stats") else -1)
"""


@pytest.mark.compiled
def test_a_module_of_scipys_functions_runs_elsewhere_and_from_numbas_cache(tmp_path):
    f = gradc.compile(program(IN_MODULE), wrt=with_derivative(IN_MODULE), engine="interpreter")
    given = arguments(IN_MODULE)
    expected = f.value_and_grad(**given)
    text = f.source
    assert "Needs numpy, numba and scipy" in text[:600]
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--ignore=FURB136", "-"]
    assert subprocess.run(ruff, input=text, capture_output=True, text=True).returncode == 0
    (tmp_path / "exported.py").write_text(text)
    command = [sys.executable, "-c", RUN, json.dumps([array.tolist() for array in given.values()])]
    for setting, hits in ({}, 0), ({}, 1), ({"NUMBA_DISABLE_JIT": "1"}, -1):
        done = subprocess.run(command, cwd=tmp_path, env=os.environ | setting, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found, count = done.stdout.splitlines()
        assert int(count) == hits
        value, grads = json.loads(found)
        np.testing.assert_allclose(value, expected[0], 1e-12, 1e-300)
        for got, slope in zip(grads, expected[1]):
            np.testing.assert_allclose(got, slope, 1e-11, 1e-300)


def test_a_kernel_from_disk_finds_scipys_functions(tmp_path):
    code = "import gradc; print(gradc.compile('jv(2.5, x) + gammaincc(1.5, x)').value_and_grad(3.0))"
    env = os.environ | {VARIABLE: str(tmp_path)}

    def run() -> tuple[str, set[str]]:
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout, {path.name for path in tmp_path.glob("*")}

    (first, made), (second, kept) = run(), run()
    assert first and (first, made) == (second, kept) and made


def test_float32():
    text = "x: f32[n]; sum(log_ndtr(x) + erfcx(x) + i0e(x) + gammainc(2.5, x) + sinc(x))"
    f = gradc.compile(text)
    value, (grad,) = f.value_and_grad(np.array([0.5, 3.0], np.float32))
    assert value.dtype == grad.dtype == np.float32
    wide, (slopes,) = gradc.compile(text.replace("f32", "f64")).value_and_grad([0.5, 3.0])
    assert abs(value - wide) < 1e-6 * abs(wide)
    np.testing.assert_allclose(grad, slopes, 1e-6)


def test_the_derivative_for_an_order_is_an_error():
    f = gradc.compile("jv(v, x)", engine="interpreter")
    with pytest.raises(Error, match="the derivative of `jv` with respect to `v` has no closed form"):
        f.grad(1.5, 2.0)
    slope = gradc.compile("jv(v, x)", engine="interpreter", wrt="x").grad(1.5, 2.0).x
    assert slope == gradc.compile("jv(1.5, x)", engine="interpreter").grad(2.0).x
