"""NumPy's functions, operators, methods and indices in traced functions give NumPy's values, and derivatives that
finite differences confirm."""

import inspect

import numpy as np
import pytest
import scipy
import scipy.special
from scipy.special import expit, gammaln, logsumexp
from scipy.stats import norm

import gradc

RNG = np.random.default_rng(5)
v = RNG.uniform(0.2, 2.0, 5)
A = RNG.uniform(0.2, 2.0, (3, 4))
B = RNG.uniform(0.2, 2.0, (4, 3))
S = RNG.uniform(0.2, 2.0, (3, 3))
T3 = RNG.uniform(0.2, 2.0, (2, 3, 4))
WEIGHTS = np.array([1.0, -2.0, 0.5, 3.0, 1.5])
MANY = RNG.normal(size=(40, 5))
CHOSEN = np.array([4, 0, 0])

FUNCTIONS = [
    # operators
    (lambda x: 2 + x - 1 * x / 3 - x**2 + 2**x + (-x) + +x + abs(x - 1), v),
    (lambda x: x // 0.3 + x % 0.3 + 1 // x + 1 % x + divmod(x, 0.7)[1], v),
    (lambda x: np.float64(2.0) * x + np.float32(1.5) + WEIGHTS * x + x * WEIGHTS - WEIGHTS / x, v),
    (lambda x: x @ WEIGHTS + WEIGHTS @ x + MANY @ x, v),
    (lambda x: np.where((x > 1) & ~(x > 1.5) | (x < 0.5), x**2, x) * (x != 1.0), v),
    (lambda x: np.where((x > 1) ^ (x > 1.5), x, 0.0), v),
    (lambda x: ((x >= 1) == (x > 1.2)) * x, v),
    # decompositions, with the names that NumPy gives their parts
    (lambda x: np.linalg.eigh(x + x.T)[0] + np.linalg.eigh(x, UPLO="U").eigenvalues + np.linalg.eigvalsh(x, "U"), S),
    (lambda x: np.linalg.slogdet(x)[1] * np.linalg.slogdet(x).sign + np.linalg.svd(x)[1] + np.linalg.svd(x).S, S),
    (lambda x: np.abs(np.linalg.qr(x)[1]) + np.abs(np.linalg.qr(x, "r")) + np.linalg.matrix_power(x, -2), S),
    (lambda x: np.linalg.cholesky(x @ x.T, upper=True), S),
    (lambda x: np.linalg.svd(x, full_matrices=False)[1] + np.linalg.norm(x, "nuc") + np.linalg.norm(x, 2), B),
    (lambda x: np.linalg.lstsq(x, WEIGHTS[:4])[0] + np.linalg.lstsq(x, WEIGHTS[:4])[1], B),
    (lambda x: np.linalg.lstsq(x, WEIGHTS[:4])[3] + np.sort(x, axis=None)[4] + np.argsort(x, axis=None)[5], B),
    # ufuncs
    (lambda x: np.exp(x) + np.log(x) + np.sqrt(x) + np.sin(x) * np.cos(x) + np.tanh(x) + np.arctan2(x, 2.0), v),
    (lambda x: np.add(x, np.multiply(x, 2)) + np.power(x, 2) + np.square(x) + np.reciprocal(x) + np.negative(x), v),
    (lambda x: np.maximum(x, 1) + np.minimum(1.5, x) + np.fmax(x, 1.0) + np.hypot(x, 1) + np.logaddexp(x, 1.0), v),
    (lambda x: np.logaddexp2(x, 1) + np.copysign(x, -1.0) + np.fmod(x, 0.3) + np.heaviside(x - 1, 0.5), v),
    (lambda x: np.deg2rad(x) + np.cbrt(x) + np.expm1(x) + np.log1p(x) + np.sinh(x) + np.fabs(x) + np.positive(x), v),
    (lambda x: np.add.reduce(x) + np.maximum.reduce(x) + np.multiply.reduce(x) + np.logaddexp.reduce(x), v),
    (lambda x: np.add.accumulate(x) + np.multiply.accumulate(x) + np.maximum.accumulate(x), v),
    (lambda x: np.multiply.outer(x, x[:2]) + np.subtract.outer(x, WEIGHTS[:2]), v),
    (lambda x: np.matmul(x, x) + np.vecdot(x, x), v),
    (lambda x: np.isfinite(x) * x + np.logical_not(x > 1) + np.signbit(x), v),
    # reductions
    (lambda x: np.sum(x) + np.mean(x) + np.prod(x) + np.max(x) - np.min(x) + np.std(x) + np.var(x, ddof=1), v),
    (lambda x: np.sum(x, axis=0) + np.mean(x, 0) + x.sum(0) + x.mean(axis=0) + np.amax(x, axis=0) + x.std(0), A),
    (lambda x: np.sum(x, axis=1, keepdims=True) * x + x.max(axis=-1, keepdims=True), A),
    (lambda x: np.sum(x, axis=(0, 2)) + x.prod(axis=(0, 2)), T3),
    (lambda x: np.average(x, weights=WEIGHTS + 3) + np.ptp(x) + np.median(x) + np.quantile(x, 0.3), v),
    (lambda x: np.average(x, axis=1, weights=WEIGHTS[:4]), A),
    (lambda x: np.percentile(x, 20) + np.nansum(x) + np.nanmean(x) + np.count_nonzero(x), v),
    (lambda x: np.sum(x, where=x > 1.0) + np.sum(x[x > 1.0]), v),
    (lambda x: logsumexp(x) + logsumexp(x, axis=0) + scipy.special.logsumexp(x, b=WEIGHTS**2), v),
    (lambda x: scipy.special.softmax(x) + scipy.special.log_softmax(x), v),
    (lambda x: np.cumsum(x) + np.cumprod(x) + x.cumsum(), v),
    (lambda x: np.cumsum(x) + np.cumsum(x, axis=1).ravel(), A),
    (lambda x: sum(x) + max(1, 2) + sum(row.sum() for row in [x, x]), v),
    # shapes
    (lambda x: x.reshape(2, 6) @ x.reshape((6, -1)) + x.reshape(-1)[:2] + np.reshape(x, (4, 3))[0, 0], A),
    (lambda x: x.T @ x + np.transpose(x) @ x + x.transpose(1, 0) @ x + np.swapaxes(x, 0, 1) @ x, A),
    (
        lambda x: np.moveaxis(x, 0, -1).sum(0) + np.rollaxis(x, 2).sum(0).T + x.swapaxes(0, 2).sum(1).T.T.T,
        T3[:, :2, :2],
    ),
    (lambda x: x.ravel() + x.flatten() + np.ravel(x) + x.copy().ravel() + x.astype(float).ravel(), A),
    (lambda x: np.ravel(x, order="F") + x.reshape((6, 2), order="F").ravel(), A),
    (lambda x: np.concatenate([x, x**2]) * np.hstack([x, 2 * x]) + np.append(x, x), v),
    (lambda x: np.stack([x, x**2]) + np.vstack([x, x]) + np.stack((x, x), axis=1).T + np.column_stack([x, x]).T, v),
    (lambda x: np.concatenate((x, x), axis=1) + np.hstack([x, x]), A),
    (lambda x: np.expand_dims(x, 1) * x[None, :] + x[:, None] * x[np.newaxis] + np.squeeze(x[:, None]), v),
    (lambda x: np.atleast_2d(x) + np.broadcast_to(x, (3, 5)), v),
    (lambda x: np.tile(x, 2) + np.repeat(x, 2) + np.roll(np.tile(x, 2), 1), v),
    (lambda x: np.flip(x) + x[::-1] + np.diff(x, prepend=0.0) + np.pad(x, 2)[2:-2] + np.roll(x, 2), v),
    (lambda x: np.diff(x, n=2, axis=1), A),
    (lambda x: sum(np.split(x, 2, axis=1)) + np.array_split(x, 2, axis=1)[0], A),
    (lambda x: np.block([[x, x], [x, x]]), A),
    (lambda x: np.delete(x, 1) + np.insert(x[:3], 1, 2.0), v),
    (lambda x: np.rot90(x) + np.rot90(x, 3) + np.fliplr(x) + np.flipud(x), S),
    (lambda x: np.diag(x) + np.diag(np.diag(x))[0] + np.diagonal(x) + np.trace(x) + x.trace(), S),
    (lambda x: np.diag(x, 1)[:-1, 1:] + np.tril(np.outer(x, x)) + np.triu(np.outer(x, x), 1), v),
    (lambda x: np.meshgrid(x, x[:2])[0] + np.meshgrid(x, x[:2], indexing="ij")[1].T, v),
    (lambda x: np.gradient(x) + np.gradient(x, 0.1) + np.ediff1d(x)[0], v),
    # made from nothing, or like another
    (lambda x: np.zeros_like(x) + np.ones_like(x) * x + np.full_like(x, 2.0) * x + np.full(5, 3.0) * x, v),
    (lambda x: np.zeros(x.shape) + np.ones(len(x)) * x + np.arange(x.size) * x + np.eye(x.shape[0]) @ x, v),
    (lambda x: np.linspace(0, x[0], 4) + np.linspace(0.0, 1.0, 4), v),
    (
        lambda x: np.array([x[0], 2 * x[1], 3.0]) * np.asarray(x)[:3] + np.array([[x[0], 1.0, 2.0], [3.0, x[1], x[2]]]),
        v,
    ),
    (lambda x: [x[0] * x[1], x[2] ** 2], v),
    (lambda x: np.vander(x, 3) + np.polyval([1.0, 2.0, 3.0], x)[:, None] + np.polyval(x, 0.5), v),
    # products
    (lambda x: np.dot(x, B) + x.dot(B) + x @ B + np.matmul(x, B), A),
    (lambda x: np.inner(x, x) + np.tensordot(x, x, axes=(1, 1)) + np.tensordot(x, B, 1), A),
    (lambda x: np.outer(x, WEIGHTS) + np.einsum("i,j->ij", x, x) + np.vdot(x, x) + np.kron(x, [1.0])[:, None], v),
    (lambda x: np.einsum("ij,kj->ik", x, x) + np.einsum("...ij,...j->...i", x, x[0]), A),
    (lambda x: np.linalg.multi_dot([x, B, x]) + np.linalg.matrix_power(x @ B, 3) @ x, A),
    (lambda x: np.cross(x[:3], x[2:]) + np.convolve(x, [1.0, 2.0], "valid")[:3] + np.correlate(x[:3], x[:3]), v),
    (lambda x: np.linalg.norm(x) + np.linalg.norm(x, 1) + np.linalg.norm(x, np.inf) + np.linalg.norm(x, ord=3), v),
    (lambda x: np.linalg.norm(x) + np.linalg.norm(x, axis=1) + np.linalg.norm(x, "fro"), A),
    (lambda x: np.cov(x), A),
    # selecting and searching
    (lambda x: np.clip(x, 0.5, 1.5) + x.clip(0.4, None) + np.clip(x, None, 1.2) + x.clip(min=0.5, max=1.0), v),
    (lambda x: np.select([x < 0.5, x < 1.0], [x, x**2], 3.0) + np.where(x > 1, x, 0), v),
    (lambda x: np.piecewise(x, [x < 1, x >= 1], [lambda t: t**2, lambda t: 2 * t]), v),
    (lambda x: np.sort(x) + x[np.argsort(x)] + x[np.argmax(x)] + np.take(x, [0, 1, 1, 2, 2]), v),
    (lambda x: np.interp(x, [0.0, 1.0, 3.0], [0.0, 2.0, 3.0]) + np.trapezoid(x) + np.trapezoid(x, dx=0.5), v),
    (lambda x: np.take_along_axis(x, np.array([[0], [1], [2]]), 1) + np.take(x, CHOSEN[1:], axis=1).sum(), A),
    (lambda x: np.nan_to_num(x) + np.round(x, 1) + np.around(x) + x.round(2) + np.fix(x) + np.isclose(x, 1.0), v),
    # indices
    (lambda x: x[0] + x[-1] + x[1:3].sum() + x[::2].sum() + x[-2:].sum() + x[...].sum(), v),
    (lambda x: x[CHOSEN] + x[[0, 1, 2]] + x[np.array([True, False, True, False, True])], v),
    (lambda x: x[0, 1] + x[:, 1] + x[1][:3] + x[..., 0] + x[[0, 2], [1, 3]].sum() + x[1:, ::2].sum(), A),
    (lambda x: x[np.arange(3), CHOSEN[1:].repeat(2)[:3]] + x[np.ix_([0, 1, 2], [1])].ravel(), A),
    (lambda x: sum(a * b for a, b in zip(x, [*x][::-1])) + [a for a in x][-1], v),
    # scipy
    (lambda x: expit(x) + gammaln(x) + scipy.special.erf(x) + scipy.special.ndtr(x) + scipy.special.xlogy(x, x), v),
    (lambda x: scipy.special.polygamma(1, x) + scipy.special.digamma(x) + scipy.special.gamma(x), v),
    (lambda x: scipy.special.multigammaln(x[0] + 3, 2) + scipy.special.betaln(x, 2.0) + scipy.special.logit(x / 3), v),
    (
        lambda x: np.sum([x[0], x[1] ** 2]) + np.mean([x[0], 2.0]) + np.max([x[1], 1.0]) * np.dot([x[0], x[1]], [1, 2]),
        v,
    ),
    (lambda x: np.linalg.norm([x[0], x[2]]) + np.cumsum([x[0], x[1]])[1] * np.median([x[0], 2.0, x[1]]), v),
    (lambda x: np.std([x[0], x[1]]) + np.sort([x[0], 1.0, x[2]])[0] + np.sum([[x[0], 1], [2, x[1]]], axis=0)[0], v),
    (lambda x: pow(x, 2) + pow(x, 3, 2.0) if not isinstance(x, np.ndarray) else x**2 + x**3 % 2.0, v),
    (lambda x: norm.cdf(x) + norm.pdf(x, 1.0, 2.0) + norm.logpdf(x, loc=0.5, scale=x) + scipy.stats.norm.ppf(x / 3), v),
]


def text_of(case):
    return f"{inspect.getsourcelines(case[0])[1]}"


@pytest.mark.parametrize("case", FUNCTIONS, ids=text_of)
def test_values_and_derivatives(case):
    function, x = case
    f = gradc.compile(function, engine="interpreter")
    expected = np.asarray(function(x))
    np.testing.assert_allclose(f(x), expected, rtol=1e-12, atol=1e-12)
    assert np.shape(f(x)) == expected.shape
    direction = RNG.normal(size=x.shape)
    step = 1e-6
    difference = (np.asarray(function(x + step * direction)) - np.asarray(function(x - step * direction))) / (2 * step)
    np.testing.assert_allclose(f.jvp([direction], x), difference, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(np.sum(f.grad(x).x * direction), np.sum(difference), rtol=1e-6, atol=1e-6)


def test_attributes():
    seen = {}

    def f(x):
        seen.update(ndim=x.ndim, dtype=x.dtype, shape=x.shape, length=len(x), size=x.size)
        return x.sum()

    gradc.compile(f, engine="interpreter")(A)
    assert seen == {"ndim": 2, "dtype": np.float64, "shape": (3, seen["shape"][1]), "length": 3, "size": seen["size"]}


def test_float32_stays():
    f = gradc.compile(lambda x: np.sum(np.exp(x) * 2.0), engine="interpreter")
    assert f(v.astype(np.float32)).dtype == np.float32
    assert f.grad(v.astype(np.float32)).x.dtype == np.float32


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: np.split(x, 3), "10 elements cannot be split into 3 equal parts"),
        (lambda x: np.maximum.reduce(x, initial=5.0), "`max` takes no `initial` in a traced function"),
        (lambda x: np.take(x, [7], mode="wrap"), "`take` takes no `mode` in a traced function"),
    ],
)
def test_arguments_that_cannot_be_followed(function, said):
    with pytest.raises(gradc.Error, match=said):
        gradc.compile(function)(np.arange(10.0))
