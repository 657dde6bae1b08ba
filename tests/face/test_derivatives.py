"""The public derivatives: what each returns, its shape, and its value against finite differences and closed forms."""

import numpy as np
import pytest

import gradc

X = np.array([0.7, -1.3, 0.4])
Y = np.array([[0.5, 1.5, -0.25], [2.0, 0.75, 1.25]])

PROGRAMS = {
    "sum((y - a * exp(-b * t) - c) ** 2)": dict(y=np.array([5.0, 3.0, 2.0]), a=4.0, b=1.1, t=np.arange(3.0), c=1.2),
    "x * y": dict(x=X, y=Y),
    "sin(x) * sum(y)": dict(x=X, y=Y),
    "y / norm(x) + x[0]": dict(x=X, y=Y),
    "x[1:] * x[:-1]": dict(x=X),
    "exp(x - logsumexp(x))": dict(x=X),
    "where(x > 0, x ** 3, exp(x) * y)": dict(x=X, y=0.5),
    "prod(x) + max(x) * y": dict(x=X, y=Y),
    "x * y + z": dict(x=1.5, y=-2.0, z=0.5),
    "tanh(x * y) ** 2": dict(x=Y[:, :1], y=X),
}  # fmt: skip


def stepped(function, inputs, name, index, step):
    moved = np.array(inputs[name], float)
    moved[index] += step
    return {**inputs, name: moved}


def difference(call, inputs, name, index, step=1e-5):
    """A central difference of fourth order."""
    far, near = (
        np.asarray(call(**stepped(call, inputs, name, index, k)))
        - np.asarray(call(**stepped(call, inputs, name, index, -k)))
        for k in (2 * step, step)
    )
    return (8 * near - far) / (12 * step)


def dense(call, inputs, name):
    """The Jacobian of `call` for one input by differences: the result's shape followed by the input's."""
    shape = np.shape(inputs[name])
    columns = [difference(call, inputs, name, index) for index in np.ndindex(shape)]
    return np.stack(columns, axis=-1).reshape(np.shape(columns[0]) + shape)


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_first_derivative_agrees_with_differences(program):
    inputs = PROGRAMS[program]
    function = gradc.compile(program, engine="interpreter")
    value = function(**inputs)
    jacobian = {name: dense(function, inputs, name) for name in inputs}
    blocks = function.jacobian(**inputs)
    value2, grads = function.value_and_grad(**inputs)
    np.testing.assert_array_equal(value2, value)
    out = np.ndim(value)
    rng = np.random.default_rng(0)
    upstream = rng.normal(size=np.shape(value))
    tangents = {name: rng.normal(size=np.shape(inputs[name])) for name in inputs}
    pulled = function.vjp(upstream, **inputs)
    pushed = sum(np.tensordot(jacobian[name], tangents[name], np.ndim(tangents[name])) for name in inputs)
    np.testing.assert_allclose(function.jvp(tangents, **inputs), pushed, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(
        function.jvp(tuple(tangents[name] for name in function.wrt), **inputs), pushed, rtol=1e-8, atol=1e-9
    )
    for name in inputs:
        assert np.shape(blocks[name]) == np.shape(value) + np.shape(inputs[name])
        assert np.shape(grads[name]) == np.shape(pulled[name]) == np.shape(inputs[name])
        np.testing.assert_allclose(blocks[name], jacobian[name], rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(grads[name], jacobian[name].sum(axis=tuple(range(out))), rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(pulled[name], np.tensordot(upstream, jacobian[name], out), rtol=1e-8, atol=1e-9)
    np.testing.assert_array_equal(function.grad(**inputs)[0], grads[0])


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_second_derivative_agrees_with_differences_of_the_gradient(program):
    inputs = PROGRAMS[program]
    function = gradc.compile(program, engine="interpreter")
    hessian = function.hessian(**inputs)
    tangents = {name: np.random.default_rng(1).normal(size=np.shape(inputs[name])) for name in inputs}
    products = function.hvp(tangents, **inputs)
    for a in inputs:
        expected = {b: dense(lambda *, _row=a, **moved: function.grad(**moved)[_row], inputs, b) for b in inputs}
        for b in inputs:
            assert np.shape(hessian[a][b]) == np.shape(inputs[a]) + np.shape(inputs[b])
            np.testing.assert_allclose(hessian[a][b], expected[b], rtol=1e-7, atol=1e-8)
            ranks = np.ndim(inputs[a]), np.ndim(inputs[b])
            swapped = np.moveaxis(np.asarray(hessian[b][a]), range(ranks[1]), range(ranks[0], sum(ranks)))
            np.testing.assert_allclose(hessian[a][b], swapped, rtol=1e-12, atol=1e-12)
        product = sum(np.tensordot(expected[b], tangents[b], np.ndim(tangents[b])) for b in inputs)
        assert np.shape(products[a]) == np.shape(inputs[a])
        np.testing.assert_allclose(products[a], product, rtol=1e-7, atol=1e-7)


def test_all_of_them_in_each_engine(every_engine):
    function = gradc.compile("x ** 2 * y", engine=every_engine)
    x, y = np.array([1.0, 2.0]), 3.0
    assert function(x, y).tolist() == [3.0, 12.0]
    assert function.grad(x, y).x.tolist() == [6.0, 12.0] and function.grad(x, y).y == 5.0
    assert function.vjp([1.0, 10.0], x, y).x.tolist() == [6.0, 120.0] and function.vjp(2.0, x, y).y == 10.0
    assert function.jvp(([1.0, 0.0], 1.0), x, y).tolist() == [7.0, 4.0]
    assert function.hvp(([1.0, 0.0], 0.0), x, y).x.tolist() == [6.0, 0.0]
    assert function.hvp(([1.0, 0.0], 0.0), x, y).y == 2.0
    assert function.jacobian(x, y).x.tolist() == [[6.0, 0.0], [0.0, 12.0]]
    assert function.jacobian(x, y).y.tolist() == [1.0, 4.0]
    hessian = function.hessian(x, y)
    assert hessian.x.x.tolist() == [[6.0, 0.0], [0.0, 6.0]] and hessian.x.y.tolist() == [2.0, 4.0]
    assert hessian.y.x.tolist() == [2.0, 4.0] and hessian.y.y == 0.0
    assert function.forward(x, y).tolist() == [3.0, 12.0]
    assert function.backward([0.0, 1.0]).x.tolist() == [0.0, 12.0]


# ---------------------------------------------------------------- wrt


@pytest.mark.parametrize(
    "wrt",
    [
        "c a",
        "c, a",
        "c,a",
        "  c ,  a ",
        ["c", "a"],
        ("c", "a"),
        iter(["c", "a"]),
        {"c": 1, "a": 2},
        np.array(["c", "a"]),
    ],
)
def test_wrt_in_every_form(wrt):
    function = gradc.compile("a * x + b * c", wrt=wrt, engine="interpreter")
    assert function.wrt == ("c", "a") and function.inputs == ("a", "x", "b", "c")
    grads = function.grad(2.0, 3.0, 5.0, 7.0)
    assert tuple(grads) == (5.0, 3.0) and (grads.c, grads.a) == (5.0, 3.0)
    assert function.jvp((1.0, 0.0), 2.0, 3.0, 5.0, 7.0) == 5.0
    assert tuple(function.jacobian(2.0, 3.0, 5.0, 7.0)) == (5.0, 3.0)
    assert [tuple(line) for line in function.hessian(2.0, 3.0, 5.0, 7.0)] == [(0.0, 0.0), (0.0, 0.0)]


def test_wrt_defaults_to_every_float_input():
    assert gradc.compile("k: i64; b: bool; y: f32[n]; where(b, x ** k, sum(y))").wrt == ("y", "x")


@pytest.mark.parametrize("wrt", ["", []])
def test_wrt_may_be_empty(engine, wrt):
    function = gradc.compile("x + 1", wrt=wrt, engine=engine)
    assert function.wrt == () and function.value_and_grad(2.0) == (3.0, ())
    assert function.jacobian(2.0) == () and function.hessian(2.0) == () and function.jvp((), 2.0) == 0.0


def test_an_input_without_influence_has_a_zero_gradient(engine):
    function = gradc.compile("x: f64[n]; y: f64; floor(z) + 2 * y", engine=engine)
    value, grads = function.value_and_grad(np.ones(3), 2.0, 1.5)
    assert value == 5.0 and grads.x.tolist() == [0.0, 0.0, 0.0] and grads.y == 2.0 and grads.z == 0.0


def test_a_program_without_inputs(engine):
    function = gradc.compile("2 ** 10", engine=engine)
    assert function() == 1024.0 and function.value_and_grad() == (1024.0, ()) and function.jacobian() == ()


# ---------------------------------------------------------------- forward and backward


def test_the_module_interface_of_the_lecture(engine):
    function = gradc.compile("(x + y) * z", engine=engine)
    assert function.forward(-2.0, 5.0, -4.0) == -12.0
    assert tuple(function.backward()) == (-4.0, -4.0, 3.0)
    assert tuple(function.backward(upstream=2.0)) == (-8.0, -8.0, 6.0)
    assert function.forward(1.0, y=1.0, z=2.0) == 4.0
    assert tuple(function.backward()) == (2.0, 2.0, 2.0)


def test_backward_uses_the_arguments_as_they_were():
    function = gradc.compile("x ** 2", engine="interpreter")
    x = np.array([1.0, 2.0])
    function.forward(x)
    x[:] = 100.0
    assert function.backward().x.tolist() == [2.0, 4.0]


def test_a_failed_forward_leaves_the_last_one():
    function = gradc.compile("x ** 2", engine="interpreter")
    function.forward(3.0)
    with pytest.raises(gradc.Error):
        function.forward("three")
    assert function.backward().x == 6.0


def test_forward_keeps_float32_and_weak_numbers():
    function = gradc.compile("x * a", engine="interpreter")
    function.forward(np.ones(2, np.float32), 0.1)
    grads = function.backward()
    assert grads.x.dtype == np.float32 and type(grads.a) is np.float32


# ---------------------------------------------------------------- upstream gradients and tangents


def test_an_upstream_gradient_broadcasts_to_the_result(engine):
    function = gradc.compile("x * y", engine=engine)
    x, y = np.ones((2, 3)), np.full(3, 2.0)
    for upstream in (1, 1.0, np.ones(3), np.ones((2, 1)), [[1], [1]], np.ones((2, 3), np.float32), True):
        assert function.vjp(upstream, x, y).x.tolist() == [[2.0] * 3] * 2
        assert function.vjp(upstream, x, y).y.tolist() == [2.0] * 3


def test_tangents_in_every_form():
    function = gradc.compile("x * y", engine="interpreter")
    x, y = np.array([1.0, 2.0]), 3.0
    for tangents in [
        ([1.0, 1.0], 2.0), [[1.0, 1.0], 2], {"y": 2.0, "x": [1, 1]}, (1.0, 2.0), iter([1.0, 2.0]), np.array([1.0, 2.0]),
    ]:  # fmt: skip
        assert function.jvp(tangents, x, y).tolist() == [5.0, 7.0]


def test_gradients_serve_as_tangents():
    function = gradc.compile("sum(x ** 2) + y ** 2", engine="interpreter")
    grads = function.grad([1.0, 2.0], 3.0)
    assert function.jvp(grads, [1.0, 2.0], 3.0) == 4 * (1 + 4 + 9)
    assert function.hvp(grads, [1.0, 2.0], 3.0).x.tolist() == [4.0, 8.0]


def test_the_tangent_of_a_single_input():
    function = gradc.compile("sum(x ** 2)", engine="interpreter")
    x = np.array([1.0, 2.0])
    for tangents in (x, [1.0, 2.0], (x,), {"x": x}, function.grad(x / 2)):
        assert function.jvp(tangents, x) == 10.0
    assert function.jvp(1.0, x) == 6.0
    assert function.jvp([2.0], np.array([3.0])) == 12.0 and function.jvp((2.0,), 3.0) == 12.0


# ---------------------------------------------------------------- dense matrices


@pytest.mark.parametrize("rows, columns", [(2, 3), (3, 2), (1, 4), (4, 1), (0, 2), (2, 0)])
def test_tall_and_wide_jacobians(rows, columns):
    function = gradc.compile("x * sum(y)", engine="interpreter")
    blocks = function.jacobian(np.arange(1.0, rows + 1), np.ones(columns))
    np.testing.assert_array_equal(blocks.x, columns * np.eye(rows))
    np.testing.assert_array_equal(blocks.y, np.repeat(np.arange(1.0, rows + 1)[:, None], columns, axis=1))


def test_jacobian_blocks_have_the_element_type_of_their_input():
    function = gradc.compile("x * y", engine="interpreter")
    for x in (np.ones(3, np.float32), np.ones(1, np.float32)):
        blocks = function.jacobian(x, 2.5)
        assert blocks.x.dtype == np.float32 and blocks.y.dtype == np.float32
        blocks = function.jacobian(x, np.float64(2.5))
        assert blocks.x.dtype == np.float32 and blocks.y.dtype == np.float64


@pytest.mark.parametrize("call", ["jacobian", "hessian"])
def test_a_matrix_too_large_is_refused_before_anything_is_allocated(call):
    function = gradc.compile("x ** 2", engine="interpreter")
    with pytest.raises(gradc.Error) as caught:
        getattr(function, call)(np.ones(2**20))
    assert caught.value.code == "G0503"
