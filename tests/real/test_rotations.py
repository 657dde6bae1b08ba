"""Programs of small matrices as people write them: rotations, quaternions, cameras, bones, triangles."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import gradc

rng = np.random.default_rng(0)
N = 6

ROTATED = "p + sin(a)/a * cross(v, p) + (1 - cos(a))/{} * cross(v, cross(v, p))"
ONE = "v: f64[3]; p: f64[3]; w: f64[3]; {} sum(w * ({}))"
MANY = "v: f64[n, 3]; p: f64[n, 3]; w: f64[n, 3]; {} sum(w * ({}))"
SPELLINGS = {
    "norm": (ONE, "a = norm(v);", "a**2"),
    "product": (ONE, "a = norm(v);", "(a*a)"),
    "root": (ONE, "s = sum(v**2); a = sqrt(s);", "s"),
    "dot": (ONE, "s = v @ v; a = sqrt(s);", "s"),
    "norms": (MANY, "a = norm(v, axis=1, keepdims=True);", "a**2"),
    "roots": (MANY, "s = sum(v**2, axis=1, keepdims=True); a = sqrt(s);", "s"),
    "column": (MANY, "s = sum(v**2, axis=1)[:, None]; a = sqrt(s);", "s"),
    "einsum": (MANY, 's = einsum("ni,ni->n", v, v)[:, None]; a = sqrt(s);', "s"),
}
"""Rodrigues' formula: the length of the rotation vector, and its square."""


@pytest.mark.parametrize("name", SPELLINGS)
def test_rotation_by_nothing(name):
    """R = 1 + K + K**2/2 + ... : value, gradient and second derivative where the angle is 0."""
    form, length, square = SPELLINGS[name]
    p, w = rng.normal(size=(2, 3))
    shape = (3,) if form is ONE else (1, 3)
    f = gradc.compile(form.format(length, ROTATED.format(square)), wrt="v", engine="interpreter")
    point = np.zeros(shape), p.reshape(shape), w.reshape(shape)
    value, grads = f.value_and_grad(*point)
    assert value == pytest.approx(p @ w, rel=1e-14)
    np.testing.assert_allclose(grads.v.ravel(), np.cross(p, w), 1e-14, 1e-15)
    second = np.asarray(f.hessian(*point)["v"]["v"]).reshape(3, 3)
    np.testing.assert_allclose(second, (np.outer(w, p) + np.outer(p, w)) / 2 - np.eye(3) * (w @ p), 1e-13, 1e-14)


def test_rotations_of_a_cloud():
    _, length, square = SPELLINGS["norms"]
    f = gradc.compile(f"v: f64[n, 3]; p: f64[n, 3]; {length} {ROTATED.format(square)}")
    v, p = rng.normal(size=(2, N, 3))
    v[0], v[1], v[2], v[3] = 0, [1e-9, 0, 0], [1e-170, 0, -1e-170], [np.pi, 0, 0]
    np.testing.assert_allclose(f(v, p), Rotation.from_rotvec(v).apply(p), 1e-13, 1e-14)
    bars = f.grad(v, p)
    h = 1e-6
    for k in range(3):
        step = np.eye(3)[k] * h
        np.testing.assert_allclose(bars.v[:, k], np.sum(f(v + step, p) - f(v - step, p), axis=1) / (2 * h), 1e-7, 1e-8)


def test_quaternions():
    """Hamilton's product, and a vector turned by a quaternion of any length; the scalar comes first."""
    program = """
    q: f64[n, 4]; r: f64[n, 4]; p: f64[n, 3]
    def product(a, b) = concatenate([
        a[:, :1] * b[:, :1] - sum(a[:, 1:] * b[:, 1:], axis=1, keepdims=True),
        a[:, :1] * b[:, 1:] + b[:, :1] * a[:, 1:] + cross(a[:, 1:], b[:, 1:])], axis=1)
    def turned(q, p) = p + 2 * cross(q[:, 1:], cross(q[:, 1:], p) + q[:, :1] * p) / sum(q**2, axis=1, keepdims=True)
    turned(product(q, r), p)
    """
    q, r = rng.normal(size=(2, N, 4))
    p = rng.normal(size=(N, 3))
    f = gradc.compile(program)
    turns = [Rotation.from_quat(np.roll(each, -1, axis=1)) for each in (q, r)]
    np.testing.assert_allclose(f(q, r, p), (turns[0] * turns[1]).apply(p), 1e-12, 1e-13)
    bars = f.grad(q, r, p)
    np.testing.assert_allclose(np.sum(bars.q * q, axis=1), 0, atol=1e-12)  # the length does not matter
    np.testing.assert_allclose(bars.p, turns[1].inv().apply(turns[0].inv().apply(np.ones((N, 3)))), 1e-12, 1e-13)


def test_cameras():
    """Bundle adjustment's projection: a rotation vector, a translation, a focal length, two radial distortions."""
    program = """
    camera: f64[n, 9]; X: f64[n, 3]
    v = camera[:, :3]
    a = norm(v, axis=1, keepdims=True)
    P = X * cos(a) + sin(a)/a * cross(v, X) + (1 - cos(a))/a**2 * v * sum(v * X, axis=1, keepdims=True) + camera[:, 3:6]
    u = -P[:, :2] / P[:, 2:]
    s = sum(u**2, axis=1, keepdims=True)
    camera[:, 6:7] * (1 + camera[:, 7:8] * s + camera[:, 8:] * s**2) * u
    """
    camera, X = rng.normal(size=(N, 9)) * 0.3, rng.normal(size=(N, 3))
    camera[0, :3] = 0
    X[:, 2] += 5
    f = gradc.compile(program)
    P = Rotation.from_rotvec(camera[:, :3]).apply(X) + camera[:, 3:6]
    u = -P[:, :2] / P[:, 2:]
    s = np.sum(u**2, axis=1, keepdims=True)
    expected = camera[:, 6:7] * (1 + camera[:, 7:8] * s + camera[:, 8:] * s**2) * u
    np.testing.assert_allclose(f(camera, X), expected, 1e-12, 1e-14)
    bars, h = f.grad(camera, X).camera, 1e-6
    for k in range(9):
        step = np.eye(9)[k] * h
        difference = np.sum(f(camera + step, X) - f(camera - step, X), axis=1) / (2 * h)
        np.testing.assert_allclose(bars[:, k], difference, 1e-6, 1e-8)


def test_bones():
    """A chain of transforms, each relative to the one before, and vertices that several bones carry."""
    program = """
    B: f64[k, 4, 4]; T: f64[4, 4]; w: f64[n, 4]; bone: i64[n, 4]; p: f64[n, 4]
    M = sum(w[:, :, None, None] * (B @ T)[bone], axis=1)
    einsum("nij,nj->ni", M, p)[:, :3]
    """
    B, T, w, p = rng.normal(size=(3, 4, 4)), rng.normal(size=(4, 4)), rng.uniform(size=(N, 4)), rng.normal(size=(N, 4))
    bone = rng.integers(0, 3, size=(N, 4))
    f = gradc.compile(program)
    M = np.sum(w[:, :, None, None] * (B @ T)[bone], axis=1)
    np.testing.assert_allclose(f(B, T, w, bone, p), np.einsum("nij,nj->ni", M, p)[:, :3], 1e-12, 1e-13)
    bars, h = f.grad(B, T, w, bone, p), 1e-6
    step = rng.normal(size=B.shape)
    difference = np.sum(f(B + h * step, T, w, bone, p) - f(B - h * step, T, w, bone, p)) / (2 * h)
    assert np.sum(bars.B * step) == pytest.approx(difference, rel=1e-7)


def test_triangles():
    """Areas and normals; the gradient of the area of a triangle that is none is zero."""
    program = """
    P: f64[m, 3]; corners: i64[n, 3]
    c = cross(P[corners[:, 1]] - P[corners[:, 0]], P[corners[:, 2]] - P[corners[:, 0]])
    sum(norm(c, axis=1)) / 2
    """
    P, corners = rng.normal(size=(5, 3)), np.array([[0, 1, 2], [1, 2, 3], [2, 2, 4]])
    f = gradc.compile(program, wrt="P")
    value, grads = f.value_and_grad(P, corners)
    c = np.cross(P[corners[:, 1]] - P[corners[:, 0]], P[corners[:, 2]] - P[corners[:, 0]])
    assert value == pytest.approx(np.sum(np.linalg.norm(c, axis=1)) / 2, rel=1e-13)
    assert not grads.P[4].any()
    np.testing.assert_allclose(np.sum(grads.P, axis=0), 0, atol=1e-14)
