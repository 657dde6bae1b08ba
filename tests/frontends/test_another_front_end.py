"""What is needed of a front end is in `gradc.program`: one that knows no text goes through everything."""

import pickle

import numpy as np
import pytest

import gradc
from gradc.bench import measure
from gradc.check.check import check
from gradc.construct import products
from gradc.construct.calls import CallArguments
from gradc.construct.elaborate import Reading, elaborate
from gradc.construct.functions import FUNCTIONS
from gradc.construct.site import Site
from gradc.ir.graph import constant
from gradc.ir.types import Type
from gradc.program import Ranks, Signature

RNG = np.random.default_rng(1)
POINT = {"X": RNG.normal(size=(5, 3)), "W": RNG.normal(size=(3, 4)), "labels": np.array([0, 3, 1, 3, 2])}
AS_TEXT = """X: f64[n, d]; W: f64[d, k]; scores = X @ W
mean(logsumexp(scores, axis=1) - squeeze(take_along_axis(scores, expand_dims(labels, 1), 1), 1)) + l2(W)"""


class SoftmaxRegression:
    """The loss of a linear classifier, built directly."""

    text = "the loss of softmax regression"
    syntax = "softmax regression: X, W -> labels"
    signature = Signature(
        ("X", "W", "labels"),
        declared={"X": Type("f64", ("n", "d")), "W": Type("f64", ("d", "k"))},
        sizes=("n", "d", "k"),
        integers=frozenset({"labels"}),
        ranks=lambda: Ranks({"labels": 1}, {"labels": 1}),
    )

    def elaborate(self, types):
        return elaborate(self.signature, types, self.read)

    def read(self, builder, inputs):
        def call(name, *args, **keywords):
            function = FUNCTIONS[name]
            return function.build(CallArguments(builder, name, function.parameters, args, keywords, Site()))

        scores = products.matmul(builder, inputs["X"], inputs["W"], None)
        column = call("expand_dims", inputs["labels"], constant(1.0))
        chosen = call("squeeze", call("take_along_axis", scores, column, constant(1.0)), constant(1.0))
        total = call("logsumexp", scores, axis=constant(1.0))
        loss = call("mean", builder.elementwise("sub", total, chosen))
        penalty = call("sum", builder.elementwise("power", inputs["W"], constant(2.0)))
        return Reading(builder.elementwise("add", loss, penalty), names={scores: "scores"})


@pytest.fixture(scope="module")
def f():
    return gradc.compile(SoftmaxRegression(), engine="interpreter")


def test_it_builds_the_graph_that_text_builds(f):
    text = gradc.compile(AS_TEXT)
    ours, written = (g.stages.graph for g in (f, text))
    assert [node.type for node in ours.inputs] == [
        Type("f64", ("n", "d")),
        Type("f64", ("d", "k")),
        Type("i64", ("n",)),
    ]
    assert ours.results[0] is written.results[0] and ours.checks == written.checks


def test_values_and_derivatives(engine):
    f, text = gradc.compile(SoftmaxRegression(), engine=engine), gradc.compile(AS_TEXT, engine="interpreter")
    value, grads = f.value_and_grad(**POINT)
    expected, expected_grads = text.value_and_grad(**POINT)
    assert f.wrt == ("X", "W")
    np.testing.assert_allclose(value, expected)
    np.testing.assert_allclose(grads.W, expected_grads.W, rtol=1e-12)


def test_the_function_knows_its_program(f):
    assert f.text == SoftmaxRegression.text and f.inputs == ("X", "W", "labels")
    assert "softmax regression" in repr(f) and "X: f64[n, d]" in f.__doc__
    assert pickle.loads(pickle.dumps(f))(**POINT) == f(**POINT)


def test_stages_and_source(f):
    assert str(f.stages["syntax"]) == SoftmaxRegression.syntax + "\n"
    assert all(str(f.stages[name]) for name in f.stages)
    assert "scores" in f.source and SoftmaxRegression.text in f.source


def test_oracles_agree(f):
    report = check(SoftmaxRegression(), POINT)
    assert report.passed and report.program == SoftmaxRegression.text
    assert check(SoftmaxRegression()).passed


def test_gates_are_traced_without_text():
    trace = gradc.trace(SoftmaxRegression(), **POINT)
    assert trace.text == SoftmaxRegression.text and "@" in {gate.gate for gate in trace}
    assert all(gate.text == "" and gate.span is None for gate in trace)
    assert trace.svg().startswith("<svg") and "d/dW" in str(trace)


@pytest.mark.compiled
def test_it_is_measured(f):
    report = measure(SoftmaxRegression(), 10, ["numpy-tape"], quick=True, values=POINT)
    assert not report.faults and SoftmaxRegression.text in report.title


@pytest.mark.compiled
def test_it_is_called_in_numba_code(f):
    from numba import njit

    kernel = f.kernel

    @njit
    def step(X, W, labels):
        return kernel.value_and_grad(X, W, labels)[0]

    assert step(**POINT) == pytest.approx(f(**POINT), rel=1e-12)


def test_messages_without_a_place(f):
    with pytest.raises(gradc.Error) as wrong:
        f(**POINT | {"labels": np.array([0, 4, 1, 3, 2])})
    assert str(wrong.value).startswith("error[G0204]: `labels[1]` is 4, which is out of range for size 4")
    with pytest.raises(gradc.Error) as unfit:
        f(**POINT | {"labels": np.array([0, 3])})
    assert unfit.value.code == "G0603" and unfit.value.span is None

    class Flat(SoftmaxRegression):
        signature = Signature(("X", "W", "labels"))

    with pytest.raises(gradc.Error) as flat:
        gradc.compile(Flat())(X=1.0, W=2.0, labels=0)
    assert flat.value.code == "G0201" and flat.value.span is None


@pytest.mark.parametrize("given", [3, None, b"x + y", ["x"]])
@pytest.mark.parametrize("use", [gradc.compile, gradc.trace, check])
def test_what_is_no_program(use, given):
    with pytest.raises(gradc.Error, match=f"a program is a string, not {type(given).__name__}"):
        use(given)
