"""Numbers of steps that are inputs."""

from __future__ import annotations

import numba
import numpy as np
import pytest

import gradc

STEP = "def step(s) = a*sin(s) + 1; "
COUNTED = "n: i64; " + STEP + "iterate(step, 0.5, n)"


@pytest.mark.parametrize("engine", ["native", "numba", "interpreter"])
def test_any_number_of_steps_by_one_kernel(engine: str) -> None:
    f = gradc.compile(COUNTED, engine=engine)
    for count in (0, 1, 5, 100):
        wanted = gradc.compile(STEP + f"iterate(step, 0.5, {count})", engine="interpreter")
        value, grads = f.value_and_grad(n=count, a=0.3)
        assert value == pytest.approx(wanted(a=0.3), rel=1e-14)
        assert grads.a == pytest.approx(wanted.grad(a=0.3).a, rel=1e-13)
    if engine != "numba":
        assert f.hvp(1.0, n=5, a=0.3).a == pytest.approx(
            gradc.compile(STEP + "iterate(step, 0.5, 5)").hvp(1.0, a=0.3).a
        )
        assert f.jvp(1.0, n=5, a=0.3) == pytest.approx(f.grad(n=5, a=0.3).a)
    assert len({key for key in f._calls._specialised if key[0] == "value_and_grad"}) == 1


@pytest.mark.parametrize("count", ["2*n + 1", "n // 2", "n*m - 1", "m - n"])
def test_what_is_computed_from_inputs(count: str) -> None:
    f = gradc.compile("n: i64; m: i64; " + STEP + f"iterate(step, 0.5, {count})")
    steps = eval(count, {"n": 4, "m": 7})
    assert f(n=4, m=7, a=0.3) == pytest.approx(gradc.compile(STEP + f"iterate(step, 0.5, {steps})")(a=0.3))


@pytest.mark.parametrize(("count", "code"), [(-3, "G0603"), (2.5, "G0602"), ("5", "G0602"), ([1, 2], "G0603")])
@pytest.mark.parametrize("engine", ["native", "interpreter"])
def test_what_is_no_number_of_steps(count: object, code: str, engine: str) -> None:
    with pytest.raises(gradc.Error) as caught:
        gradc.compile(COUNTED, engine=engine).grad(n=count, a=0.3)
    assert caught.value.code == code


def test_a_number_that_nobody_declared_whole() -> None:
    with pytest.raises(gradc.Error, match="the number of steps is whole, and `n` is f64") as caught:
        gradc.compile(STEP + "iterate(step, 0.5, n)")(a=0.3, n=5)
    assert "n: i64" in caught.value.help


def test_in_the_step_of_another_loop() -> None:
    text = "def inner(s) = s*a; def outer(s, x) = iterate(inner, s, n) + x; sum(scan(outer, 1, X))"
    f, g = gradc.compile("n: i64; " + text), gradc.compile(text.replace("s, n", "s, 3"))
    X = np.arange(4.0)
    for one, other in zip(f.grad(n=3, a=0.9, X=X), g.grad(a=0.9, X=X)):
        np.testing.assert_allclose(one, other, rtol=1e-13)


def test_numba_code_modules_and_budgets() -> None:
    f = gradc.compile(COUNTED)
    wanted = f.grad(n=400, a=0.3).a
    kernel = f.kernel.value_and_grad
    assert numba.njit(lambda n, a: kernel(n, a))(400, 0.3)[1][0] == pytest.approx(wanted)
    namespace: dict = {}
    exec(f.source.replace("from numba import njit", "njit = lambda *_, **__: lambda f: f"), namespace)
    assert namespace["value_and_grad"](400, 0.3)[1][0] == pytest.approx(wanted)
    assert gradc.compile(COUNTED, memory="1 kB").grad(n=400, a=0.3).a == pytest.approx(wanted)
    assert f.bind(n=400).grad(a=0.3).a == pytest.approx(wanted)


def test_inside_a_traced_function() -> None:
    f = gradc.compile(COUNTED)
    with pytest.raises(gradc.Error, match="`n` says how many steps") as caught:
        gradc.compile(lambda a: f(3, a) * 2)(0.3)
    assert caught.value.code == "G0204"
