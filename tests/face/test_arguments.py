"""What may be passed, and how: positions and names, all kinds of numbers and arrays, none of them modified."""

import array
import decimal

import numpy as np
import pytest

import gradc

PRODUCT = "(x + y) * z"
BASE = np.array([[1.5, -2.0, 0.25], [3.0, 0.5, -1.0]])


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def unaligned(x):
    buffer = np.zeros(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    buffer[...] = x
    assert not buffer.flags.aligned
    return buffer


class Duck:
    """An object that NumPy can turn into an array."""

    def __init__(self, data):
        self.data = data

    def __array__(self, dtype=None, copy=None):
        return np.array(self.data, dtype)


LAYOUTS = {
    "C-ordered": lambda x: x,
    "Fortran-ordered": np.asfortranarray,
    "read-only": read_only,
    "unaligned": unaligned,
    "every second": lambda x: np.repeat(x, 2, axis=-1)[:, ::2],
    "reversed": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "transposed": lambda x: x.T.copy().T,
    "broadcast": lambda x: np.broadcast_to(x[:, :1], x.shape),
    "big-endian": lambda x: x.astype(">f8"),
    "longdouble": lambda x: x.astype(np.longdouble),
    "float16": lambda x: x.astype(np.float16),
    "float32": lambda x: x.astype(np.float32),
    "big-endian float32": lambda x: x.astype(">f4"),
    "matrix": lambda x: x.view(np.matrix),
    "lists": lambda x: x.tolist(),
    "tuples": lambda x: tuple(map(tuple, x.tolist())),
    "list of arrays": list,
    "memoryview": memoryview,
    "with __array__": Duck,
}
INTEGERS = {
    "bool": np.array([True, False, True]),
    "int8": np.array([100, -100, 3], np.int8),
    "uint8": np.array([200, 255, 0], np.uint8),
    "int16": np.array([300, -2, 1], np.int16),
    "int32": np.array([2**31 - 1, -(2**31), 5], np.int32),
    "int64": np.array([2**40, -7, 0]),
    "uint64": np.array([2**63, 2**64 - 1, 1], np.uint64),
    "big-endian int": np.array([1, 2, 3], ">i4"),
    "list of int": [1, 2, 3],
    "list of long int": [10**30, -(10**30), 1],
    "list of bool": [True, False, True],
    "range": range(3),
    "array.array": array.array("d", [1.0, 2.5, -3.0]),
}


@pytest.mark.parametrize("kind", LAYOUTS)
def test_every_layout_gives_what_a_plain_array_gives(kind):
    function = gradc.compile("x * y - x[:, 1:2]", engine="interpreter")
    x = LAYOUTS[kind](BASE)
    plain = np.array(x, np.float32 if "float16" in kind or "float32" in kind else np.float64)
    value, grads = function.value_and_grad(x, 2.0)
    expected = plain * plain.dtype.type(2.0) - plain[:, 1:2]
    np.testing.assert_array_equal(value, expected, strict=True)
    assert type(value) is np.ndarray and value.flags.c_contiguous and value.dtype.isnative
    assert grads.x.shape == (2, 3) and grads.x.dtype == plain.dtype and grads.x.dtype.isnative
    np.testing.assert_array_equal(grads.x, [[2.0, -1.0, 2.0]] * 2)
    assert grads.y == plain.sum()


@pytest.mark.parametrize(
    "kind", ["Fortran-ordered", "read-only", "unaligned", "every second", "big-endian", "float16", "lists"]
)
def test_layouts_in_each_engine(engine, kind):
    function = gradc.compile("x * y", engine=engine)
    x = LAYOUTS[kind](BASE)
    for other in (BASE, x, BASE):  # a kernel for one layout must not be handed another
        value, grads = function.value_and_grad(other, 2.0)
        np.testing.assert_array_equal(value, 2 * BASE)
        np.testing.assert_array_equal(grads.x, np.full(BASE.shape, 2.0))


@pytest.mark.parametrize("kind", INTEGERS)
def test_integers_and_booleans_are_taken_as_float64(kind):
    value, grads = gradc.compile("x * 3 / 2", engine="interpreter").value_and_grad(INTEGERS[kind])
    np.testing.assert_array_equal(value, np.array(INTEGERS[kind], np.float64) * 3 / 2, strict=True)
    np.testing.assert_array_equal(grads.x, np.full(3, 1.5), strict=True)


@pytest.mark.parametrize(
    "number",
    [
        2, 2.0, True, np.float64(2), np.int8(2), np.uint64(2), np.bool_(True), np.array(2.0), np.array(2), 10**30,
        -(2**64), np.longdouble(2),
    ],
)  # fmt: skip
def test_scalars_of_every_kind_give_python_floats(engine, number):
    function = gradc.compile("x * x + y", engine=engine)
    value, grads = function.value_and_grad(number, 1)
    assert type(value) is float and value == float(number) ** 2 + 1
    assert type(grads.x) is float and grads.x == 2 * float(number)
    assert type(grads.y) is float and grads.y == 1.0


@pytest.mark.parametrize("number", [np.float32(0.1), np.float16(0.1), np.array(0.1, np.float32)])
def test_a_float32_scalar_gives_float32(every_engine, number):
    value, grads = gradc.compile("x * x * y", engine=every_engine).value_and_grad(number, 2)
    assert type(value) is np.float32 and value == np.float32(number) * np.float32(number) * 2
    assert type(grads.x) is np.float32 and type(grads.y) is np.float32


# ---------------------------------------------------------------- which element type


@pytest.mark.parametrize("weak", [2, 2.5, True, 0.1, 1e300, float("nan")])
def test_python_numbers_are_weak_beside_float32(engine, weak):
    x = np.array([1.5, -2.0], np.float32)
    value, grads = gradc.compile("x * a", engine=engine).value_and_grad(x, weak)
    with np.errstate(over="ignore"):
        expected = x * np.float32(weak)
    np.testing.assert_array_equal(value, expected, strict=True)
    assert grads.x.dtype == np.float32 and type(grads.a) is np.float32


@pytest.mark.parametrize("strong", [np.float64(0.1), np.array(0.1), np.array([0.1, 0.2]), [0.1, 0.2], np.array([1, 2])])
def test_float64_and_integer_arrays_are_strong_beside_float32(engine, strong):
    x = np.array([1.5, -2.0], np.float32)
    value, grads = gradc.compile("x * a", engine=engine).value_and_grad(x, strong)
    np.testing.assert_array_equal(value, x.astype(np.float64) * strong, strict=True)
    assert grads.x.dtype == np.float32 and np.asarray(grads.a).dtype == np.float64
    assert np.shape(grads.a) == np.shape(strong)


def test_a_declared_type_decides():
    wide = gradc.compile("x: f64[n]; a: f64; x * a", engine="interpreter")
    assert wide(np.ones(2, np.float32), 0.1).dtype == np.float64
    narrow = gradc.compile("x: f32[n]; x * a", engine="interpreter")
    value, grads = narrow.value_and_grad(np.ones(2), 0.1)
    assert value.dtype == np.float32 and grads.x.dtype == np.float32
    mixed = gradc.compile("x: f64[n]; x * a * y", engine="interpreter")
    assert mixed(np.ones(2, np.float32), 0.1, 1.0)[0] == 0.1  # not rounded to float32 on the way


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.float64])
def test_declared_integers_take_whole_numbers(engine, kind):
    function = gradc.compile("k: i64; x ** k", engine=engine)
    for _ in range(2):
        assert function(kind(3), 2.0) == 8.0
    assert function.wrt == ("x",)
    with pytest.raises(gradc.Error, match="holds floats"):
        function(3.5, 2.0)


def test_nan_and_infinity_pass_through(engine):
    value, grads = gradc.compile("x * y + 1", engine=engine).value_and_grad([np.nan, np.inf, -np.inf], [1.0, 2.0, 0.0])
    np.testing.assert_array_equal(value, [np.nan, np.inf, np.nan])
    np.testing.assert_array_equal(grads.y, [np.nan, np.inf, -np.inf])


# ---------------------------------------------------------------- by position and by name


def test_positions_names_and_both(engine):
    function = gradc.compile(PRODUCT, engine=engine)
    assert function(-2.0, 5.0, -4.0) == -12.0
    assert function(x=-2.0, y=5.0, z=-4.0) == -12.0
    assert function(z=-4.0, y=5.0, x=-2.0) == -12.0
    assert function(-2.0, z=-4.0, y=5.0) == -12.0
    assert function(-2.0, 5.0, z=-4.0) == -12.0
    assert function(*[-2.0, 5.0], **{"z": -4.0}) == -12.0


# ---------------------------------------------------------------- nothing is modified, nothing is shared

WRITING = [
    "x",
    "x + y",
    "x * y",
    "sum(x) * y",
    "x[::-1] + 0 * y",
    "y[1:]",
    "max(x, 0) * y",
    "x.T + y.T",
    "where(x > 0, x, y)",
]


@pytest.mark.parametrize("program", WRITING)
def test_inputs_are_never_modified_and_results_are_the_callers_own(program):
    check_ownership(gradc.compile(program, engine="interpreter"))


@pytest.mark.parametrize("program", ["x", "x + y", "where(x > 0, x, y)"])
def test_ownership_in_each_engine(engine, program):
    check_ownership(gradc.compile(program, engine=engine))


def check_ownership(function):
    arguments = [np.array([[1.0, -2.0], [3.0, 4.0]]), np.array([[0.5, 2.5], [-1.5, 1.0]])][: len(function.inputs)]
    kept = [x.copy() for x in arguments]
    upstream = np.ones_like(function(*arguments))
    tangents = tuple(np.ones((2, 2)) for _ in arguments)
    calls = [
        lambda: [function(*arguments)],
        lambda: [function.value_and_grad(*arguments)[0], *function.value_and_grad(*arguments)[1]],
        lambda: list(function.grad(*arguments)),
        lambda: list(function.vjp(upstream, *arguments)),
        lambda: [function.jvp(tangents, *arguments)],
        lambda: list(function.hvp(tangents, *arguments)),
        lambda: list(function.jacobian(*arguments)),
        lambda: [block for line in function.hessian(*arguments) for block in line],
    ]
    for call in calls:
        for _ in range(2):
            results = [result for result in call() if isinstance(result, np.ndarray)]
            for number, result in enumerate(results):
                for other in (*arguments, upstream, *tangents, *results[:number]):
                    assert not np.shares_memory(result, other)
                result[...] = 77.0
            assert all(np.array_equal(x, before) for x, before in zip(arguments, kept, strict=True))
            assert np.all(upstream == 1) and all(np.all(tangent == 1) for tangent in tangents)


def test_read_only_inputs_work_everywhere(engine):
    function = gradc.compile("sum(x * x)", engine=engine)
    x = read_only(np.arange(3.0))
    np.testing.assert_array_equal(function.grad(x).x, [0.0, 2.0, 4.0])
    np.testing.assert_array_equal(function.hvp(x, x).x, [0.0, 2.0, 4.0])


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "value",
    [
        None, "abc", b"abc", 1j, [1j], object(), {"a": 1}, {1, 2}, print, [1, [2, 3]], [[1, 2], [3]], [None, 1.0],
        ["a"], 10**400, [10**400], decimal.Decimal(1), np.array([1, "a"], object), np.datetime64("2020-01-01"),
        np.timedelta64(1, "s"), np.zeros(2, "f8,i4"), np.ma.masked_array([1.0, 2.0], [True, False]),
        np.ma.masked, (i for i in range(3)), slice(1),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_other_values_are_refused_by_name(value):
    function = gradc.compile("pressure * 2", engine="interpreter")
    for call in (function, function.value_and_grad, function.jacobian, function.hessian, function.forward):
        with pytest.raises(gradc.Error) as caught:
            call(value)
        assert caught.value.code == "G0602" and "`pressure`" in caught.value.message


def test_a_failing_array_protocol_is_our_error():
    class Broken:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("call .detach() first. It requires grad.")

    with pytest.raises(gradc.Error) as caught:
        gradc.compile("x", engine="interpreter")(Broken())
    assert caught.value.message == "argument `x` is not an array: call .detach() first"


def test_numbers_of_numpy_and_of_python_in_turn(engine):
    """A float64 of NumPy's widens float32, a float of Python's does not: also after calls with the other one."""
    for orders in ((np.float64(2.0), 2.0), (2.0, np.float64(2.0))):
        f = gradc.compile("sum(x * a) + b", engine=engine)
        x = np.ones(3, np.float32)
        for _ in range(3):
            for a in orders:
                expected = np.float64 if isinstance(a, np.float64) else np.float32
                value, grads = f.value_and_grad(x, a, 1.0)
                assert value == 7.0 and np.asarray(value).dtype == np.asarray(grads.b).dtype == expected
                assert np.asarray(f(x, a, 1.0)).dtype == expected and grads.x.dtype == np.float32
                assert f(x.astype(float), a, np.float64(1.0)) == f(x, 2, a) - 1 == 7.0
        assert np.isnan(f(x.astype(float), np.float64("nan"), 1.0)) and np.isnan(f(x, float("nan"), 1.0))
