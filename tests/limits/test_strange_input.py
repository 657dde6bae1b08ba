"""Whatever is handed over: an answer or an error of gradc's, never an exception of somebody else's."""

import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import gradc
from gradc.construct.describe import called
from gradc.construct.functions import FUNCTIONS
from gradc.ir.ops import OPS, OWN


class Own(np.ndarray):
    pass


class Broken:
    def __array__(self, *args, **kwargs):
        raise RuntimeError("no array today")


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


SELF = [1.0]
SELF.append(SELF)
VALUES = {
    "19 axes": np.ones((1,) * 19),
    "33 axes": np.ones((1,) * 33),
    "64 axes": np.ones((1,) * 64),
    "10**13 elements": np.broadcast_to(1.0, (10**6, 10**7)),
    "2**40 of float32": np.broadcast_to(np.float32(1), (2**40,)),
    "objects": np.array([1, None], object),
    "masked": np.ma.array([1.0, 2.0], mask=[0, 1]),
    "fields": np.zeros(2, [("a", "f8")]),
    "dates": np.array(["2020-01-01"], "M8[D]"),
    "spans": np.array([1], "m8[s]"),
    "no axes": np.array(3.0),
    "subclass": np.ones(3).view(Own),
    "beyond float64": 10**400,
    "beyond i64": 10**30,
    "decimal": Decimal("1.5"),
    "fraction": Fraction(1, 3),
    "text": "1",
    "None": None,
    "nan": float("nan"),
    "memoryview": memoryview(b"abc"),
    "bytes": b"abc",
    "complex": 1j,
    "complex array": np.array([1j]),
    "uneven": [[1, 2], [3]],
    "dict": {"a": 1},
    "set": {1, 2},
    "generator": (k for k in range(3)),
    "range": range(3),
    "broken": Broken(),
    "type": int,
    "ellipsis": ...,
    "date": datetime.date(2020, 1, 1),
    "longdouble": np.ones(3, np.longdouble),
    "half": np.ones(3, np.float16),
    "big endian": np.ones(3, ">f8"),
    "booleans": np.array([True, False]),
    "unsigned": np.array([2**64 - 1], np.uint64),
    "backwards": np.ones(6)[::-1],
    "read-only": np.broadcast_to(1.0, (3,)),
    "empty": np.empty((0, 3)),
    "huge list": [10**400, 1],
    "deep list": nested(5000),
    "itself": SELF,
    "mixed": [1, "a"],
    "with None": [None, 1.0],
    "slice": slice(1, 2),
    "unaligned": np.frombuffer(b"\0" * 17, np.uint8)[1:].view(np.float64),
    "text array": np.array(["a"]),
    "void": np.void(b"abc"),
}
PROGRAMS = ("sum(x*y)", "x: i64[n]; sum(y[x])", "softmax_cross_entropy(y, x)")


def ends_well(use, *args, **kwargs):
    """Calls something; an error of gradc's can be shown and written."""
    try:
        use(*args, **kwargs)
    except gradc.Error as error:
        str(error).encode()


@pytest.mark.parametrize("value", VALUES.values(), ids=list(VALUES))
def test_values(value, ran_cases):
    ran_cases(len(PROGRAMS) * 10)
    for text in PROGRAMS:
        f = gradc.compile(text, engine="interpreter")
        point = {"x": value, "y": np.ones(3)}
        fitting = point | {"x": [0, 1, 2] if "i64" in text else 0 if "softmax" in text else np.ones(3)}
        for use in (f, f.value_and_grad, f.jacobian, f.hessian, f.forward):
            ends_well(use, **point)
        ends_well(f.vjp, value, **fitting)
        ends_well(f.jvp, [value] * len(f.wrt), **fitting)
        ends_well(f.hvp, {"y": value}, **fitting)
        ends_well(f.value_and_grad, **fitting, out=value)
        ends_well(f.bind, x=value)
    if getattr(value, "ndim", 0) < 17:  # to compile for more takes seconds
        ends_well(gradc.compile("sum(x*y)").value_and_grad, x=value, y=np.ones(3))


@pytest.mark.parametrize("name", ["10**13 elements", "2**40 of float32"])
@pytest.mark.parametrize("use", ["__call__", "value_and_grad", "forward", "bind"])
def test_arrays_that_are_larger_than_they_look(name, use):
    with pytest.raises(gradc.Error) as caught:
        getattr(gradc.compile("sum(x)**2"), use)(x=VALUES[name])
    assert caught.value.code == "G0503"


def test_axes_of_arrays_and_of_loops():
    with pytest.raises(gradc.Error, match="argument `x` has 33 axes; the limit is 32"):
        gradc.compile("sum(x)")(np.ones((1,) * 33))
    deep = "x: f64[" + ", ".join(f"n{k}" for k in range(21)) + "]; sum(x**2)"
    with pytest.raises(gradc.Error, match=r"loops would be nested 42 deep; Python allows 20"):
        _ = gradc.compile(deep).source
    assert gradc.compile("sum(x**2)", engine="interpreter").hessian(np.ones((1,) * 32))["x"]["x"].ndim == 64


TEXTS = [
    "x*2 # \ud800",
    "\ud800*2",
    'einsum("\udc80", x)',
    "x*2\n# \udfff\n",
    "x\0*2",
    "x*2 # \0",
    "\ufeffx*2",
    "q = x*2\r\nq+1\r\n",
    "q = x*2\rq+1",
    "x*\u0663",
    "x\u0301*2",
    "x\u200f*2",
    "x*2 # \u202e abc",
    "\u00a0x*2",
    "x*1e999",
    "x*10**10**10",
    "x*" + "9" * 5000,
    "x**10**400",
    "x[99999999999999999999999]",
    "x[10**30]",
    "sum(x, axis=10**20)",
    "reshape(x, (10**15, 10**15))",
    "zeros(10**30)*x",
    "x: f64[99999999999999999999999]; sum(x)",
    "x[::0]",
    "x[::99999999999999999999]",
    "x[::-99999999999999999999]",
    "polygamma(10**10, x)",
    "x[[99999999999999999999]]",
    "expand_dims(x, 10**10)",
    "quantile(x, 1e400)",
    "pad(x, 10**18)",
    "one_hot(x, 10**15)",
    'x*2 # """ \' \\',
    "x*2 # %s {0} {x}",
    "__class__*2",
    "",
    "\n" * 10_000 + "x",
    "a" * 3000 + "*x",
    "a" * 200 + "*x",
    "(" * 20_000 + "x" + ")" * 20_000,
    "-" * 20_000 + "x",
    "[" * 33 + "x" + "]" * 33,
    "x[" + "None, " * 70 + "]",
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_texts(text):
    try:
        f = gradc.compile(text, engine="interpreter")
    except gradc.Error as error:
        str(error).encode()
        return
    point = dict.fromkeys(f.inputs, 1.5)
    assert repr(f).encode() and f.__doc__.encode()
    ends_well(f.value_and_grad, **point)
    ends_well(f.hessian, **dict.fromkeys(f.inputs, np.ones(2)))
    ends_well(lambda: str(f.stages["syntax"]).encode())
    if len(text) < 10_000:
        ends_well(lambda: compile(f.source.encode(), "module", "exec"))
        ends_well(lambda: str(gradc.trace(text, **point)).encode())


def test_halves_of_characters_are_refused_wherever_they_stand():
    for text in ("x # \ud800", "\udfff", "f(x) = x # \udc80"):
        with pytest.raises(gradc.Error) as caught:
            gradc.compile(text)
        assert caught.value.code == "G0101" and caught.value.span.start == next(
            k for k, c in enumerate(text) if c >= "\ud800"
        )
    for options in ({"wrt": "\ud800"}, {"engine": "\ud800"}, {"inputs": "\ud800"}, {"inputs": ["x", "\udc80"]}):
        with pytest.raises(gradc.Error) as caught:
            gradc.compile("x*2", **options)
        str(caught.value).encode()


def test_names_as_long_as_compilers_take():
    with pytest.raises(gradc.Error, match="a name has 201 characters; the limit is 200"):
        gradc.compile("a" * 201)


OPTIONS = [
    {"wrt": 3}, {"wrt": [None]}, {"wrt": b"x"}, {"wrt": {"x": 1}}, {"wrt": [["x"]]}, {"engine": 3},
    {"engine": ["native"]},
    {"inputs": object()}, {"inputs": [[]]}, {"inputs": {}}, {"wrt": "x" * 10_000},
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
def test_options(options):
    ends_well(lambda: gradc.compile("x*2", **options)(1.0))


def test_messages_name_nothing_that_the_language_lacks():
    for row in (row for row in OPS.values() if row.bit != OWN):
        words = called(row)
        assert "`" not in words or words.split("`")[1] in {
            *FUNCTIONS,
            *"+ - * / // % ** @ < <= > >= == != and or not".split(),
        }
    with pytest.raises(gradc.Error) as caught:
        gradc.compile("W2 @ max(0, W1 @ x)")(1.0, np.ones(2), np.ones(2))
    assert "clamp" not in str(caught.value) and "contract" not in str(caught.value)


KERNEL = gradc.compile("sum(x*y)").kernel


@pytest.mark.compiled
@pytest.mark.parametrize("given", [[1.0, 2.0], 1j, np.ones(2, complex), "a", None, (1.0, 2.0)], ids=str)
def test_what_kernels_take_in_numba_code(given):
    from numba import njit
    from numba.core.errors import TypingError

    @njit
    def use(x, y):
        return KERNEL.value(x, y)

    with pytest.raises(TypingError, match="which kernels do not take: they take real numbers, integers and booleans"):
        use(given, 1.0)
