"""What a user reads where arrays, axes, indices or labels do not fit: in the program, and at the call."""

import numpy as np
import pytest

import gradc

PROGRAMS = {
    "products": (
        "X: f64[3, 4]; w: f64[3]; X @ w", "X: f64[2, 3, 4]; Y: f64[3, 4, 5]; X @ Y", "x: f64; y: f64[3]; x @ y",
        "x: f64[3]; y: f64[4]; dot(x, y)", "x: f64[2, 3]; outer(x, x)", "x: f64[2, 3]; y: f64[3, 2]; x + y",
        "A: f64[2, 3]; einsum(A, A)", "x: f64[3]; trace(x)", "x: f64[2, 3, 4]; diag(x)", "einsum(x, y)",
    ),
    "axes": (
        "x: f64[2, 3]; sum(x, axis=2)", "x: f64[2, 3]; sum(x, axis=-3)", "x: f64[2, 3]; sum(x, axis=(0, -2))",
        "x: f64[2, 3]; sum(x, axis=0.5)", "x: f64[n]; sum(x, axis=n)", "x: f64; sum(x, axis=0)",
        "x: f64[2]; softmax(x, axis=5)", "softmax(2)", "sum(x, y)", "mean(x, y)", "prod(x, y, z)", "sum(x, axis=y)",
        "x: f64; softmax(x)", "x: f64[3]; sum(x, keepdims=2)", "x: f64[2, 3]; transpose(x, (0, 0))",
        "x: f64[2, 3]; transpose(x, (0,))", "x: f64[2, 3]; squeeze(x, 0)", "x: f64[n, 3]; squeeze(x, 0)",
        "x: f64[2]; expand_dims(x, 5)", "x: f64[2, 3]; cumsum(x, axis=4)", "x: f64[3, 4]; reshape(x, (5, 2))",
        "x: f64[n, 4]; reshape(x, (-1, -1))", "x: f64[0, 3]; max(x, axis=0)", "x: f64[0, 3]; argmax(x, axis=0)",
    ),
    "lists": (
        "x: f64[2]; y: f64[2, 2]; concatenate([x, y])", "x: f64[2, 3]; y: f64[3, 2]; concatenate([x, y])",
        "x: f64[2]; y: f64[3]; stack([x, y])", "x: f64; y: f64; concatenate([x, y])", "concatenate([])",
        "concatenate(x)", "stack(x, y, z)",
        "stack([1, [2, 3]])", "[[1, 2], [3]] @ x", "[]", "(1, 2) + x", "[x, None]",
    ),
    "indices": (
        "x: f64[3]; i: f64[2]; x[i]", "x: f64[3]; x[0.5]", "x: f64[3]; x[5]", "x: f64[3]; x[-4]",
        "x: f64[3, 4]; x[0, 1, 2]",
        "x: f64[3]; x[..., ...]", "x: f64[3]; x[::0]", "x: f64[3]; x[arange(5)]", "x: f64[3]; y: f64[5]; x[argmax(y)]",
        "x: f64[n]; x[True]", "x: f64[n]; x[x > 0]", "x: f64[n]; sum(x[x > 0] * x)",
        "x: f64[n]; y: f64[n]; sum(x[x > 0] * y[y > 0])",
        "x: f64[n]; argmax(x[x > 0])", "x: f64[3, 4]; y: bool[4]; sum(x[y])",
        "x: f64[3, 4]; i: i64[2]; x[x[:, 0] > 0, i]", "x: f64[3, 4]; sum(x[x[:, 0] > 0], axis=1)",
        "x: f64[n]; x[x > 0][0]", "x: f64[n]; sort(x[x > 0])", "x: f64[3]; sum(x, where=[[1, 1, 0]])",
        "x: f64[n]; x[0, 0]",
        "log: f64; log[0]", "polygamma(x, y)",
        "x: f64[3, 4]; i: i64[4]; x[arange(3), i]",
        "x: f64[3, 4]; i: i64[3]; x[arange(4), i]", "x: f64[3, 4]; take(x, 1)", "x: f64[3]; take(x, 3)",
        "x: f64[3]; take(x, 0.5)",
        "x: f64[3, 4]; i: i64[3]; take_along_axis(x, i, 1)", "x: f64[3, 4]; i: i64[2, 1]; take_along_axis(x, i, 1)",
        "i: i64[3]; one_hot(i, 2.5)", "i: i64[3]; one_hot(i, -1)", "x: f64[3]; one_hot(x, 3)", "one_hot(3, 3)",
        "x: f64[n]; x[:n:-1]", "x: f64[n]; i: i64[m]; x[i / 2]", "arange(-1)", "arange(x)", "arange(2, 3)",
    ),
    "labels": (
        "x: f64[3, 4]; y: i64[2]; softmax_cross_entropy(x, y)", "x: f64[3, 4]; y: f64[3]; softmax_cross_entropy(x, y)",
        "x: f64[3, 4]; y: i64[3, 1]; softmax_cross_entropy(x, y)", "x: f64[3, 4]; y: i64[2]; multiclass_hinge(x, y)",
        "def loss(s, t) = softmax_cross_entropy(s, t); x: f64[3, 4]; y: i64[2]; loss(x, y)",
        "x: f64[3, 4]; y: i64; softmax_cross_entropy(x, y)", "x: f64[3, 4]; y: i64; multiclass_hinge(x, y, 2)",
        "x: f64[3, 4]; y: i64; take_along_axis(x, y, 1)",
        "x: f64[3, 4]; y: f64[3, 4]; softmax_cross_entropy(x, y)", "x: f64[3]; softmax_cross_entropy(x, -1)",
        "x: f64; multiclass_hinge(x, 0)",
        "x: f64[2, 3]; softmax_cross_entropy(x, [0, 3, 1])",
    ),
    "ordered": (
        "x: f64[2, 3]; cumprod(x)", "x: f64; sort(x)", "quantile(x, 2)", 'percentile(x, 50, method="best")',
        'x: f64[3]; searchsorted(x, x, side="up")',
        "x: f64[2, 2]; interp(0, x, x)", "x: f64[3]; y: f64[2]; interp(0, x, y)", "x: f64[0]; median(x)",
        "x: f64[0]; interp(1, x, x)",
        "x: f64[3]; interp(0, x, x, left=x)", "x: f64[3]; nanquantile(x, [0.1, 0.2])",
    ),
    "made": (
        "x: f64[3]; roll(x, -y/2)", "x: f64[3]; roll(x, 1, 2)", "x: f64[3]; roll(x, (1, 2), 0)",
        "x: f64[3]; pad(x, -1)", "x: f64[3]; pad(x, ((1, 2), (3, 4)))", 'x: f64[3]; pad(x, 1, mode="mirror")',
        "x: f64[3]; full(2, x)", 'x: f64[0]; pad(x, 1, mode="edge")', "x: f64[3]; tril(x)", "zeros(2.5)", "eye(x)",
        "x: f64[3]; zeros((3, x))",
    ),
    "vectors": (
        "x: f64[2, 3]; inv(x)", "x: f64[3]; Piecewise(x, x > 0)", "x: f64[4]; cross(x, x)", "x: f64[n]; cross(x, x)",
        "x: f64[3]; y: f64[2]; cross(x, y)",
        "x: f64[2, 2]; convolve(x, x)",
        'x: f64[2]; convolve(x, x, mode="circular")', "x: f64[0]; convolve(x, x)",
        "x: f64[2, 2]; trapezoid(x, x[0, :1])", "x: f64; trapezoid(x)", "x: f64; y: f64; norm(x, y)",
        "x: f64[3, 4]; i: i64[2]; j: i64[3]; x[i, j]", "x: f64[3, 4]; i: i64[2]; x[i, x]",
    ),
    "matrices": (
        "A: f64[2, 3]; det(A)", "A: f64[2, 3]; solve(A, A)", "A: f64[2, 3]; eigh(A)", "solve(A, b, assume='pos')",
        'solve(A, b, assume_a="po")', 'solve(A, b, assume_a = "sym")', "A: f64[4, 2, 2]; trace(A)", "eigh(A) + 1",
        "x: f64; concatenate([x, [x]])", "A: f64[4, 2, 2]; norm(A, 2)",
    ),
    "loops": (
        "def step(s) = 2*s; iterate(step, x, until=s > 3)", "def step(s) = 2*s; iterate(step, x, 2.5)",
        "def step(s) = 2*s; iterate(step, x, -1)", "def step(s, x) = s + x; fold(step, 0, X, reverse=1)",
        "def step((k, s)) = (k + 1, s + X[k]); (k, s) = iterate(step, (0, 0), 3); s",
    ),
    "absent": (
        "flatten(x)", "concat([x, y])", "swapaxes(x, 0, 1)", "topk(x)", "Sum(x)", "subtrac(x, y)", "tensordot(x, x)",
        "x.shape", "x.sum()",
    ),
}  # fmt: skip
"""By group, programs that are wrong whatever the call passes."""


def ones(*shape):
    return np.ones(shape)


CALLS = (
    ("X @ w", dict(X=ones(6, 4), w=ones(3))),
    ("X: f64[n, d]; w: f64[d]; X @ w", dict(X=ones(2, 3), w=ones(2))),
    ("X @ Y", dict(X=ones(2, 2, 3), Y=ones(3, 3, 2))),
    ("h = X @ W\nsum(h @ V)", dict(X=ones(2, 3), W=ones(3, 4), V=ones(5, 2))),
    ("def f(x, y) = x * y\nz + f(x, y)", dict(x=ones(3), y=ones(4), z=1.0)),
    ("squared_error(x, y)", dict(x=ones(3), y=ones(4))),
    ("x @ y", dict(x=2.0, y=ones(3))),
    ("x + y", dict(x=ones(2, 3), y=ones(3, 2))),
    ("outer(x, y)", dict(x=ones(2, 2), y=ones(2))),
    ("concatenate([x, y], axis=1)", dict(x=ones(2, 3), y=ones(3, 2))),
    ("stack([x, y])", dict(x=ones(2), y=ones(3))),
    ("reshape(x, (2, 3))", dict(x=ones(5))),
    ("trace(x)", dict(x=ones(2, 3))),
    ("solve(A, b)", dict(A=ones(2, 3), b=ones(2))),
    ("A: f64[n, m]; det(A)", dict(A=ones(2, 3))),
    ("sum(x, axis=1)", dict(x=ones(3))),
    ("x[1, 2]", dict(x=ones(3))),
    ("max(x, axis=0)", dict(x=ones(0, 3))),
    ("argmax(x, axis=0)", dict(x=ones(0, 3))),
    ("x[arange(3), y]", dict(x=ones(3, 4), y=[0, 1])),
    ("x[arange(3), y]", dict(x=ones(2, 4), y=[0, 1, 1])),
    ("x[argmax(y)]", dict(x=ones(3), y=np.arange(5.0))),
    ("x[arange(5)]", dict(x=ones(3))),
    ("x[[5, 0]]", dict(x=ones(3))),
    ("s[y]", dict(s=ones(3), y=5)),
    ("s[y]", dict(s=ones(3), y=1.0)),
    ("s[y]", dict(s=ones(3), y=[True, False, True])),
    ("E[i]", dict(E=ones(3, 2), i=[[0, 3]])),
    ("E[i]", dict(E=ones(0, 2), i=[0])),
    ("E[i]", dict(E=ones(3), i=np.array([2**64 - 1], np.uint64))),
    ("E[i]", dict(E=ones(3), i=[0, -(2**70)])),
    ("E[i + 1]", dict(E=ones(3), i=[0.0, 2.0])),
    ("E[i + 1]", dict(E=ones(3), i=[0, 2])),
    ("E[i + 1]", dict(E=ones(3), i=7)),
    ("k = 2*i; E[k]", dict(E=ones(3), i=[0, 2])),
    ("softmax_cross_entropy(x, y - 1)", dict(x=ones(3, 4), y=[1, 4, 5])),
    ("softmax_cross_entropy(x, y)", dict(x=ones(3, 4), y=1)),
    ("x: f64[n]; x[n - 5]", dict(x=ones(3))),
    ("x: f64[n]; y: f64[m]; x[m - 1]", dict(x=ones(3), y=ones(5))),
    ("squeeze(x[1:], 0)", dict(x=ones(3))),
    ("x[1:] * x", dict(x=ones(2))),
    ("take(x, i)", dict(x=ones(3), i=[7])),
    ("one_hot(i, 3) * x", dict(i=[3], x=1.0)),
    ("softmax_cross_entropy(x, y)", dict(x=ones(3, 4), y=[0, 1])),
    ("softmax_cross_entropy(x, y)", dict(x=ones(3, 4), y=[0, 1, 4])),
    ("softmax_cross_entropy(x, y)", dict(x=ones(3, 4), y=[0.0, 1.0, 2.0])),
    ("softmax_cross_entropy(x, y)", dict(x=ones(3, 0), y=[0, 0, 0])),
    ("softmax_cross_entropy(x, y)", dict(x=ones(3, 4), y=[[1], [1], [1]])),
    ("multiclass_hinge(x, y)", dict(x=ones(3, 4), y=[0, -5, 1])),
    ("multiclass_hinge(x, y)", dict(x=ones(3, 4), y=[0, -1, 1])),
    ("softmax_cross_entropy(x, y - 1)", dict(x=ones(3, 4), y=[1, 0, 2])),
    ("softmax_cross_entropy(x, y)", dict(x=ones(3, 4), y=ones(3, 4))),
    ("sum(x)", dict(x=[[1, 2], [3]])),
)


@pytest.mark.parametrize("group", PROGRAMS)
def test_programs(group, golden):
    rendered = []
    for text in PROGRAMS[group]:
        with pytest.raises(gradc.Error) as caught:
            _ = gradc.compile(text, engine="interpreter").stages.graph
        rendered.append(f"{caught.value}\n")
    golden(f"messages/{group}.txt", "\n".join(rendered))


def test_calls(golden):
    rendered = []
    for text, values in CALLS:
        with pytest.raises(gradc.Error) as caught:
            gradc.compile(text, engine="interpreter").value_and_grad(**values)
        rendered.append(f"== {text}\n{caught.value}\n")
    golden("messages/calls.txt", "\n".join(rendered))


def test_no_rows():
    f = gradc.compile("softmax_cross_entropy(x @ w, y)", engine="interpreter")
    value, grads = f.value_and_grad(x=ones(0, 4), w=ones(4, 3), y=[])
    assert np.isnan(value)  # as NumPy's mean of nothing
    assert grads.x.shape == (0, 4) and grads.w.shape == (4, 3)


@pytest.mark.compiled
def test_kernels_check_indices_before_they_write():
    from numba import njit

    kernel = gradc.compile("x: f64[n, d]; y: i64[n]; softmax_cross_entropy(x, y)").kernel

    @njit
    def value(x, y):
        return kernel.value(x, y)

    scores = np.random.default_rng(0).normal(size=(3, 4))
    expected = -np.mean(np.log((np.exp(scores) / np.exp(scores).sum(1, keepdims=True))[np.arange(3), [0, 1, 3]]))
    np.testing.assert_allclose(value(scores, np.array([0, 1, 3])), expected, rtol=1e-13)
    for labels in ([0, 1, 4], [0, -1, 1]):
        with pytest.raises(IndexError):
            value(scores, np.array(labels))
    with pytest.raises(ValueError):
        value(scores, np.array([0, 1]))
