"""Kernels that threads compile in parts: the code is what it would be as a whole."""

import ctypes

import numpy as np
import pytest

import gradc
from gradc.native import engine, target
from gradc.native.link import Code
from gradc.native.modules import divided

WHOLE = """define i64 @first(i64 %x) {
  %y = call i64 @twice(i64 %x)
  %z = call i64 @second(i64 %y, i64 %x)
  ret i64 %z
}
define i64 @second(i64 %x, i64 noundef %y) alignstack(64) {
  %p = load i64, ptr @table
  %q = call i64 @twice(i64 %y)
  %r = call i64 @llvm.smax.i64(i64 %p, i64 %q)
  ret i64 %r
}
define i64 @third(i64 %x) {
  ret i64 %x
}
define internal i64 @twice(i64 %x) {
  %y = call i64 @once(i64 %x)
  %z = add i64 %x, %y
  ret i64 %z
}
define internal i64 @once(i64 %x) {
  ret i64 %x
}
@table = internal constant [2 x i64] [i64 7, i64 9], align 64
declare i64 @llvm.smax.i64(i64, i64)
!0 = !{!"branch_weights", i32 1, i32 2000}
"""

PROGRAM = """X: f64[n, d]; W: f64[d, h]; V: f64[h]; y: f64[n]
    def loss(r) = log(1 + exp(-r)) + lgamma(2 + tanh(r)**2) * erf(r)
    z = tanh(X @ W); a = softmax(z, axis=1)
    mean(loss(y * (a @ V))) + sum(cumsum(sigmoid(z[:, 0]) * y)) + [3.0, 5.0, 7.0][1] * mean(gamma(2 + z**2))"""


def test_functions_find_each_other():
    modules = divided(WHOLE, 3, 40)
    assert len(modules) == 3
    assert [sum(f"define i64 @{name}(" in each for each in modules) for name in ("first", "second", "third")] == [1] * 3
    assert "@first" in modules[0]
    assert "declare i64 @second(i64, i64 noundef)" in modules[0]
    code = Code(*map(target.object_code, modules))
    call = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(code.address("first"))
    assert (call(2), call(50)) == (7, 100)


@pytest.mark.parametrize(("most", "shortest"), [(1, 10), (4, 2_000)])
def test_short_modules_are_whole(most, shortest):
    assert divided(WHOLE, most, shortest) == [WHOLE]


def test_bits_do_not_depend_on_how_many_compile(monkeypatch):
    """Nor on whether llvmlite lets them into LLVM at the same time."""
    rng = np.random.default_rng(5)
    data = rng.normal(size=(300, 7)), rng.normal(size=(7, 5)), rng.normal(size=5), rng.normal(size=300)
    monkeypatch.setenv("GRADC_CACHE", "off")
    whole = gradc.compile(PROGRAM).value_and_grad(*data)
    monkeypatch.setattr(engine, "WORTH_A_THREAD", 5_000)
    divisions = []
    monkeypatch.setattr(engine, "divided", lambda *given: divisions.append(divided(*given)) or divisions[-1])
    try:
        for threads in (2, 5):
            gradc.set_threads(threads)
            value, gradients = gradc.compile(PROGRAM).value_and_grad(*data)
            assert value == whole[0]
            for one, other in zip(gradients, whole[1]):
                np.testing.assert_array_equal(one, other)
    finally:
        gradc.set_threads(None)
    assert 1 < len(divisions[0]) < len(divisions[1])
