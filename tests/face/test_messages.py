"""Every message that a wrong option or argument can cause, as the user reads it."""

import decimal

import numpy as np
import pytest

import gradc


def function(program="(x + y) * z", **options):
    return gradc.compile(program, engine="interpreter", **options)


def without_memory(f, *args):
    """The second call goes straight to the kernel, where there is one."""
    with pytest.raises(gradc.Error, match="G0503"):
        f(*args)
    return f(*args)


THREE, FOUR = np.ones(3), np.ones(4)


class Broken:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("cannot convert a tensor that needs a gradient. Call detach first.")


CASES = {
    "compile": {
        "no text": lambda: gradc.compile(b"x"),
        "an unknown engine, nearly right": lambda: gradc.compile("x", engine="numbs"),
        "an unknown engine": lambda: gradc.compile("x", engine="tpu"),
        "an engine that is no name": lambda: gradc.compile("x", engine=["numba"]),
        "wrt no input, nearly right": lambda: function("rate * t", wrt="rat"),
        "wrt no input": lambda: function("x * y", wrt=["alpha"]),
        "wrt twice": lambda: function("x * y", wrt="x y x"),
        "wrt an integer": lambda: function("k: i64; x ** k", wrt="k"),
        "wrt no names": lambda: function("x", wrt=5),
        "wrt not of text": lambda: function("x", wrt=[1]),
        "wrt of a constant": lambda: function("1 + 2", wrt="x"),
    },
    "arguments by position and name": {
        "none": lambda: function()(),
        "one missing": lambda: function()(1, y=2),
        "too many": lambda: function()(1, 2, 3, 4),
        "too many for one": lambda: function("x")(1, 2),
        "too many for none": lambda: function("1 + 2")(1),
        "twice": lambda: function()(1, 2, 3, x=1),
        "unknown, nearly right": lambda: function("price * rate")(price=1, rates=2),
        "unknown": lambda: function()(x=1, y=2, w=3),
        "unknown for none": lambda: function("1 + 2")(x=1),
    },
    "kinds of arguments": {
        "None": lambda: function("x")(None),
        "text": lambda: function("x")("abc"),
        "an array of text": lambda: function("x")(["a", "b"]),
        "complex": lambda: function("x")(1j),
        "ragged": lambda: function("x")([[1, 2], [3]]),
        "a dictionary": lambda: function("x")({"x": 1}),
        "mixed objects": lambda: function("x")([1, None]),
        "decimals": lambda: function("x")(decimal.Decimal(1)),
        "a long integer": lambda: function("x")(10**400),
        "dates": lambda: function("x")(np.datetime64("2020-01-01")),
        "a structured array": lambda: function("x")(np.zeros(2, "f8,i4")),
        "a masked array": lambda: function("x")(np.ma.masked_array([1.0], [True])),
        "a broken array": lambda: function("x")(Broken()),
        "floats for integers": lambda: function("k: i64; x ** k")(2.5, 1.0),
        "nan for integers": lambda: function("k: i64; x ** k")(np.nan, 1.0),
        "floats for booleans": lambda: function("b: bool; where(b, x, 0)")(0.5, 1.0),
        "integers too long": lambda: function("k: i64; x ** k")(np.uint64(2**63), 1.0),
    },
    "shapes of arguments": {
        "two sizes": lambda: function()(THREE, FOUR, 1.0),
        "two sizes through a third": lambda: function("x * y + y * z")(THREE, THREE, FOUR),
        "other axes": lambda: function()(np.ones((2, 3)), np.ones((3, 2)), 1.0),
        "a declared rank": lambda: function("x: f64[n, 3]; sum(x)")(THREE),
        "a declared scalar": lambda: function("x: f64; x")(THREE),
        "a scalar for an array": lambda: function("x: f64[n]; sum(x)")(1.0),
        "a declared size": lambda: function("x: f64[n, 3]; sum(x)")(np.ones((3, 4))),
        "a named size": lambda: function("x: f64[n]; y: f64[n]; sum(x * y)")(THREE, FOUR),
        "a slice that is too short": lambda: function("x[1:] * y")(THREE, FOUR),
        "an index out of range": lambda: function("x[3]")(THREE),
        "the maximum of nothing": lambda: function("max(x)")(THREE[:0]),
        "the minimum of an empty slice": lambda: function("min(x[3:])")(THREE),
        "an index into a scalar": lambda: function("x[1:] - x[:-1]")(1.0),
    },
    "bound data": {
        "unknown, nearly right": lambda: function("price * rate").bind(rates=2),
        "unknown": lambda: function().bind(w=3),
        "bound before": lambda: function().bind(x=1).bind(x=2),
        "given in the call": lambda: function().bind(x=1)(2, 3, x=4),
        "too many": lambda: function().bind(x=1)(2, 3, 4),
        "one missing": lambda: function().bind(x=1)(2),
        "text": lambda: function("x").bind(x="abc"),
        "a masked array": lambda: function("x").bind(x=np.ma.masked_array([1.0], [True])),
        "a declared size": lambda: function("x: f64[n, 3]; sum(x)").bind(x=np.ones((3, 4))),
        "two sizes": lambda: function("sum((y - a*exp(-b*t))**2)").bind(t=THREE, y=FOUR),
        "a named size": lambda: function("x: f64[n]; y: f64[n]; sum(x * y)").bind(x=THREE, y=FOUR),
        "an index out of range": lambda: function("t: f64[3]; sum(t[k])").bind(t=THREE, k=[0, 3]),
        "a tangent of what is bound": lambda: function("x * y").bind(x=1).jvp({"x": 1.0}, 2),
    },
    "out": {
        "one array for two": lambda: function("x * y").grad(THREE, THREE, out=np.empty((2, 3))),
        "a number": lambda: function("x * y").grad(THREE, THREE, out=1.0),
        "too few": lambda: function().grad(1, 2, 3, out=[None, None]),
        "an unknown name": lambda: function().grad(1, 2, 3, out={"w": None}),
        "nearly a name": lambda: function("price * rate").grad(1, 2, out={"rates": None}),
        "another shape": lambda: function("x")(THREE, out=FOUR.copy()),
        "an axis for a number": lambda: function("x").grad(1.0, out=np.empty(1)),
        "no axes": lambda: function("x")(THREE, out=np.empty(())),
        "another element type": lambda: function("x")(THREE, out=np.empty(3, np.float32)),
        "read-only": lambda: function("x")(THREE, out=np.broadcast_to(1.0, 3)),
        "a list": lambda: function("x")(THREE, out=[0.0, 0.0, 0.0]),
        "a float": lambda: function("x * y").grad(1, 2, out=function("x * y").grad(1, 2)),
        "stride 0": lambda: function("x")(THREE, out=np.lib.stride_tricks.as_strided(np.empty(1), (3,), (0,))),
        "common elements": lambda: function("x * y").grad(THREE, THREE, out=[FOUR[1:], FOUR[:3]]),
        "value and gradient in one place": lambda: function("x").value_and_grad(THREE, out=(FOUR[1:], FOUR[1:])),
        "unknown in forward": lambda: function("x").forward(THREE, out=THREE),
    },
    "memory": {
        "more elements than memory": lambda: without_memory(function("outer(x, x)"), np.ones(2_000_000)),
        "more elements than memory on the way": lambda: function("sum(arange(10000000000))")(),
        "more elements than memory in a kernel": lambda: without_memory(
            gradc.compile("outer(x, x)"), np.ones(2_000_000)
        ),
    },
    "derivatives": {
        "backward without forward": lambda: function().backward(),
        "an upstream gradient of the wrong shape": lambda: function("x * 2").vjp(FOUR, THREE),
        "an upstream gradient for a scalar": lambda: function("sum(x)").vjp(THREE, THREE),
        "an upstream gradient that is no number": lambda: function("x").vjp("1", 1.0),
        "a complex upstream gradient": lambda: function("x").vjp(1j, 1.0),
        "backward with the wrong shape": lambda: forward_and_backward(FOUR),
        "a tangent of the wrong shape": lambda: function("x * y").jvp((FOUR, 1.0), THREE, 1.0),
        "a tangent for a scalar": lambda: function("x * y").jvp((1.0, FOUR), THREE, 1.0),
        "too few tangents": lambda: function().jvp((1.0, 2.0), 1, 2, 3),
        "too many tangents": lambda: function("x * y").hvp((1.0, 2.0, 3.0), 1, 2),
        "one tangent for three": lambda: function().jvp(1.0, 1, 2, 3),
        "no tangents": lambda: function().jvp(None, 1, 2, 3),
        "a tangent missing by name": lambda: function().jvp({"x": 1.0, "z": 1.0}, 1, 2, 3),
        "an unknown tangent": lambda: function("x * y", wrt="x").jvp({"y": 1.0}, 1, 2),
        "a Jacobian too large": lambda: function("x * 2").jacobian(np.ones(20_000)),
        "a Hessian too large": lambda: function("sum(x * x)").hessian(np.ones(20_000)),
    },
}


def forward_and_backward(upstream):
    f = function("x * 2")
    f.forward(THREE)
    return f.backward(upstream)


@pytest.mark.parametrize("group", CASES)
def test_messages(group, golden):
    rendered = []
    for title, call in CASES[group].items():
        with pytest.raises(gradc.Error) as caught:
            call()
        rendered.append(f"== {title}\n{caught.value}\n")
    golden(f"messages/{group.replace(' ', '_')}.txt", "\n".join(rendered))
