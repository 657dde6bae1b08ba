"""Any name may be an input: Python's words, NumPy's, ours, and those of generated code."""

import pickle

import numpy as np
import pytest

import gradc

NAMES = """
    self cls wrt out args kwargs upstream tangents lambda class def_ return yield async nonlocal import print eval
    exec np numpy math numba nb gradc I E S N e1 gamma beta sum_ exp_ count index append keys items value values grad
    grads x_bar x0_bar value_dot x_dot value_and_grad x_bar_dot _ __a _names _fields _0 t0 t1 s0 i j n m k result
    total float int abs range len size shape dtype T f f64_ inputs True_ none null kernel program engine function
    compile stages source name node float64 math_ args_ i0 out_bar y_bar acc step first last for_ while with as assert
    del elif except finally from global is pass raise try
""".split()


def usable(name: str) -> bool:
    return not name.startswith("__")


PLAIN = [name for name in NAMES if usable(name)]


@pytest.mark.parametrize("name", PLAIN)
def test_any_name_can_be_an_input(name):
    function = gradc.compile(f"{name} * {name} * other", engine="interpreter")
    check(function, name)


def check(function, name):
    assert function.inputs == (name, "other")
    assert function(3.0, 2.0) == function(**{name: 3.0, "other": 2.0}) == 18.0
    value, grads = function.value_and_grad(**{name: 3.0}, other=2.0)
    assert value == 18.0
    assert grads[name] == grads[0] == getattr(grads, name) == 12.0
    assert grads.other == 9.0 and tuple(grads) == (12.0, 9.0)
    assert repr(grads) == f"Gradients({name}=12.0, other=9.0)"
    assert pickle.loads(pickle.dumps(grads))[name] == 12.0
    function.forward(**{name: 3.0, "other": 2.0})
    assert function.backward(2.0)[name] == 24.0
    assert function.vjp(1.0, **{name: 3.0, "other": 2.0})[name] == 12.0
    assert function.jvp({name: 1.0, "other": 0.0}, **{name: 3.0, "other": 2.0}) == 12.0
    assert function.hvp({name: 1.0, "other": 0.0}, **{name: 3.0, "other": 2.0})[name] == 4.0
    assert function.jacobian(**{name: 3.0, "other": 2.0})[name] == 12.0
    assert function.hessian(**{name: 3.0, "other": 2.0})[name][name] == 4.0
    chosen = gradc.compile(f"{name} * {name} * other", wrt=name, engine="interpreter")
    assert chosen.wrt == (name,) and tuple(chosen.grad(3.0, 2.0)) == (12.0,)


def test_all_of_them_at_once(engine):
    """One kernel over every name, as scalars and as arrays."""
    function = gradc.compile(" + ".join(f"{k} * {name} ** 2" for k, name in enumerate(PLAIN, 1)), engine=engine)
    assert function.inputs == tuple(PLAIN)
    value, grads = function.value_and_grad(**{name: 1.0 for name in PLAIN})
    assert value == sum(range(1, len(PLAIN) + 1))
    assert tuple(grads) == tuple(2.0 * k for k in range(1, len(PLAIN) + 1))
    few = gradc.compile("sum(lambda_ * np + I * _ - range ** t0 / s0) * value", engine=engine)
    value, grads = few.value_and_grad(*[np.array([1.0, 2.0])] * (len(few.inputs) - 1), 2.0)
    assert value == 2 * (2 * 1 + 2 * 4 - 1 - 2**2 / 2)
    np.testing.assert_array_equal(grads.np, [2.0, 4.0])


@pytest.mark.parametrize("name", ["n", "m", "i", "t0", "np", "x_bar", "value_bar", "out", "self", "size"])
def test_names_that_generated_code_might_use(engine, name):
    function = gradc.compile(f"sum({name} * x) + max({name})", engine=engine)
    value, grads = function.value_and_grad(np.array([1.0, 3.0]), np.array([2.0, 5.0]))
    assert value == 20.0
    np.testing.assert_array_equal(grads[name], [2.0, 6.0])
    np.testing.assert_array_equal(grads.x, [1.0, 3.0])


@pytest.mark.parametrize(
    "program",
    ["None", "x + None", "True * x", "__class__", "x.__class__", "__a * 2", "pi = 3; pi", "inf = 1; inf"],
)
def test_what_is_no_name_of_an_input_is_refused(program):
    with pytest.raises(gradc.Error) as caught:
        gradc.compile(program)
    assert caught.value.span is not None


def test_a_functions_name_without_a_call_is_an_input():
    assert gradc.compile("exp + sum", engine="interpreter")(2.0, 1.0) == 3.0


def test_a_function_and_an_input_may_share_a_name():
    function = gradc.compile("gamma * exp(x) + gamma(x)", engine="interpreter")
    assert function.inputs == ("gamma", "x")
    assert function(3.0, 1.0) == pytest.approx(3 * np.e + 1, rel=1e-15)


def test_parameters_hide_inputs_and_leave_no_trace():
    function = gradc.compile("def f(x, y=2) = x * y; x + f(z)", engine="interpreter")
    assert function.inputs == ("x", "z")
    assert function(1.0, 5.0) == 11.0
