"""Functions of mathematical physics and statistics: value, first and second derivative against mpmath, at ordinary and
at extreme points, as the interpreter and as kernels have them.

A row has the function's op and points; the derivative is taken for the last argument, and for others that have one.
"""

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from gradc.autodiff.adjoint import adjoint
from gradc.check.oracles import difference
from gradc.check.reals import function
from gradc.ir.graph import constant, input_node, make
from gradc.ir.interpret import run
from gradc.ir.ops import OPS
from gradc.ir.types import Type
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
