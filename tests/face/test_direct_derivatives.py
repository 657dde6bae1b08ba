"""Products, Jacobians and Hessians that go straight from Python into a kernel give what they give the first time."""

import numpy as np
import pytest

import gradc

T = np.linspace(0.0, 1.0, 7)
X = np.array([0.3, 1.2, 2.0])
NARROW = X.astype(np.float32)
PROGRAMS = {
    "numbers": ("x * y**2 + exp(x)", (0.7, 1.3)),
    "curve": ("a*exp(-b*t) + c", (0.5, 1.5, T, 0.1)),
    "elementwise": ("sin(x) * a", (X, 2.0)),
    "one element": ("sin(x) * a", (X[:1], 2.0)),
    "no element": ("sin(x) * a", (X[:0], 2.0)),
    "pairs": ("x[1:] * x[:-1]", (X,)),
    "matrix": ("tanh(W @ x)", (np.arange(6.0).reshape(2, 3) / 7, X)),
    "row and column": ("r * c", (X[None, :], T[:2, None])),
    "loss": ("sum((a*x + b - y)**2 * c)", (0.5, X, 0.25, X[::-1].copy(), 2.0)),
    "apart": ("sum(x**3) + sum(y**2)", (X, T)),
    "float32": ("sum(exp(x) * a)", (NARROW, np.ones(3, np.float32))),
    "mixed": ("sum(x) * sum(y)", (NARROW, X)),
}
WAYS = ("jacobian", "value_and_jacobian", "hessian", "value_grad_and_hessian", "gauss_newton")


def same(one, other):
    if isinstance(one, tuple):
        assert type(one) is type(other) and len(one) == len(other)
        for a, b in zip(one, other):
            same(a, b)
    else:
        assert type(one) is type(other)
        np.testing.assert_array_equal(one, other, strict=True)
        if isinstance(one, np.ndarray):
            assert other.flags.c_contiguous and other.flags.owndata and other.flags.writeable


@pytest.mark.parametrize("name", PROGRAMS)
def test_matrices(name):
    text, args = PROGRAMS[name]
    f, interpreter = gradc.compile(text), gradc.compile(text, engine="interpreter")
    for way in WAYS:
        first = getattr(f, way)(*args)
        again = getattr(f, way)(*args)
        assert way in vars(f)
        same(first, again)
        same(first, getattr(f, way)(**dict(zip(f.inputs, args))))
        for one, other in zip(np.ravel(leaves(again)), np.ravel(leaves(getattr(interpreter, way)(*args)))):
            np.testing.assert_allclose(one, other, rtol=1e-5 if "3" in name or name == "mixed" else 1e-12, atol=1e-14)


def leaves(value):
    return np.concatenate([leaves(each) for each in value] or [[]]) if isinstance(value, tuple) else np.ravel(value)


@pytest.mark.parametrize("name", PROGRAMS)
def test_zeros_filled_in_are_those_of_the_compact_form(name):
    text, args = PROGRAMS[name]
    f = gradc.compile(text)
    for way in ("jacobian", "hessian"):
        whole = getattr(f, way)(*args)
        compact = getattr(f, way)(*args, compact=True)
        for one, other in zip(leaves_of(whole), leaves_of(compact)):
            np.testing.assert_array_equal(one, np.asarray(other))


def leaves_of(value):
    return [leaf for each in value for leaf in leaves_of(each)] if isinstance(value, tuple) else [value]


def test_blocks_of_a_hessian_mirror_each_other():
    f = gradc.compile("sum(tanh(X @ w + b)**2 * v)", wrt="w b v")
    rng = np.random.default_rng(1)
    found = f.hessian(rng.normal(size=(5, 3)), X, 0.5, rng.normal(size=5))
    for one in ("w", "b", "v"):
        for other in {"w", "b", "v"} - {one}:
            rank = np.ndim(found[one][one]) // 2
            mirrored = np.moveaxis(found[one][other], range(rank), range(-rank, 0)) if rank else found[one][other]
            np.testing.assert_array_equal(mirrored, found[other][one])


@pytest.mark.parametrize("name", PROGRAMS)
def test_products(name):
    text, args = PROGRAMS[name]
    f = gradc.compile(text)
    rng = np.random.default_rng(2)
    tangents = [np.asarray(rng.normal(size=np.shape(a)), np.asarray(a).dtype)[()] for a in args]
    tangents = [float(each) if np.ndim(each) == 0 else each for each in tangents]
    value = f(*args)
    upstream = np.asarray(rng.normal(size=np.shape(value)), np.asarray(value).dtype)
    upstream = float(upstream) if upstream.ndim == 0 else upstream
    by_name = dict(zip(f.wrt, tangents))
    for way in ("jvp", "hvp"):
        first = getattr(f, way)(tangents, *args)
        for given in (
            tangents,
            tuple(tangents),
            f.grad(*args)._make(tangents),
            by_name,
            dict(reversed(by_name.items())),
        ):
            for _ in range(2):
                same(first, getattr(f, way)(given, *args))
    first = f.vjp(upstream, *args)
    same(first, f.vjp(upstream, *args))
    dot = sum(np.sum(bar * tangent) for bar, tangent in zip(first, tangents))
    np.testing.assert_allclose(np.sum(upstream * f.jvp(tangents, *args)), dot, rtol=1e-5, atol=1e-10)


def test_one_input_takes_its_tangent_alone_or_in_a_sequence():
    f = gradc.compile("sum(x**3)")
    wanted = f.jvp(X, X)
    for given in (X, [X], (X,), {"x": X}, X.tolist()):
        for _ in range(3):
            assert f.jvp(given, X) == wanted


def test_what_does_not_fit_is_told_after_calls_that_did():
    f = gradc.compile("x * a")
    for _ in range(2):
        f.jvp((X, 1.0), X, 2.0), f.vjp(X, X, 2.0), f.jacobian(X, 2.0)
    for call in (
        lambda: f.jvp((X[:2], 1.0), X, 2.0), lambda: f.jvp((X,), X, 2.0), lambda: f.jvp({"x": X, "b": 1.0}, X, 2.0),
        lambda: f.vjp(X[:2], X, 2.0), lambda: f.vjp("x", X, 2.0), lambda: f.jacobian(X), lambda: f.jacobian(X, "a"),
    ):  # fmt: skip
        with pytest.raises(gradc.Error):
            call()
    np.testing.assert_array_equal(f.vjp(1.0, X, 2.0).x, [2.0, 2.0, 2.0])


def test_the_cheaper_mode_is_chosen_for_each_size():
    f = gradc.compile("A @ x", wrt="x")
    for shape in ((2, 9), (9, 2), (2, 9), (1, 4), (4, 1)) * 2:
        A = np.random.default_rng(3).normal(size=shape)
        np.testing.assert_array_equal(f.jacobian(A, np.ones(shape[1])).x, A)


def test_too_large_a_matrix_is_refused_after_a_small_one():
    f = gradc.compile("outer(x, y)")
    for _ in range(3):
        f.jacobian(X, X)
    with pytest.raises(gradc.Error, match="dense Jacobian") as caught:
        f.jacobian(np.ones(3000), np.ones(3000))
    assert caught.value.code == "G0503"


def test_inputs_named_like_the_keywords():
    f = gradc.compile("compact * sparse**2")
    for _ in range(3):
        assert f.jacobian(2.0, 3.0) == (9.0, 12.0)
        assert f.jacobian(2.0, sparse=3.0) == (9.0, 12.0)
        assert f.hessian(compact=2.0, sparse=3.0).compact.sparse == 6.0


def test_bound_data_go_the_short_way_too():
    f = gradc.compile("a*exp(-b*t)", wrt="a b").bind(t=T)
    first = f.jacobian(1.0, 2.0)
    same(first, f.jacobian(1.0, 2.0))
    same(f.jvp((1.0, 0.5), 1.0, 2.0), f.jvp((1.0, 0.5), 1.0, 2.0))
    np.testing.assert_allclose(first.a, np.exp(-2.0 * T))
