"""Sparse derivatives on whole problems: bundle adjustment by Gauss-Newton, optimal control by Newton's method."""

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu, spsolve

import gradc

PROJECTION = """
R: f64[m, 3]; T: f64[m, 3]; P: f64[n, 3]; seen: f64[k, 2]; camera: i64[k]; point: i64[k]
r = R[camera]
X = P[point]
angle = norm(r, axis=1)[:, None]
turned = r[:, [1, 2, 0]] * X[:, [2, 0, 1]] - r[:, [2, 0, 1]] * X[:, [1, 2, 0]]
along = sum(r * X, axis=1)[:, None]
Y = X * cos(angle) + turned * sinc(angle / pi) + r * along * sinc(angle / (2*pi))**2 / 2 + T[camera]
Y[:, :2] / Y[:, 2:] - seen
"""
"""Points seen by cameras, each turned by a rotation vector (Rodrigues' formula) and moved, through a pinhole."""


def test_bundle_adjustment_of_20_cameras_and_500_points():
    rng = np.random.default_rng(0)
    cameras, points = 20, 500
    P = rng.uniform(-1, 1, (points, 3))
    R = np.concatenate([np.zeros((1, 3)), 0.3 * rng.normal(size=(cameras - 1, 3))])
    T = np.concatenate([0.3 * rng.normal(size=(cameras, 2)), 5 + 0.3 * rng.normal(size=(cameras, 1))], axis=1)
    camera, point = (each.ravel() for each in np.indices((cameras, points)))
    f = gradc.compile(PROJECTION, wrt="R T P")
    seen = f(R, T, P, np.zeros((camera.size, 2)), camera, point)
    rest = seen, camera, point
    x = [each + size * rng.normal(size=each.shape) for each, size in ((R, 0.02), (T, 0.05), (P, 0.05))]
    ends = np.cumsum([each.size for each in x])[:-1]

    def moved(step):
        return [each + part.reshape(each.shape) for each, part in zip(x, np.split(step, ends), strict=True)]

    residuals, J = f.value_and_jacobian(*x, *rest, sparse=True)
    assert J.shape == (20_000, 1_620) and J.nnz == 20_000 * 8
    v = rng.normal(size=J.shape[1])
    along = [part.reshape(each.shape) for each, part in zip(x, np.split(v, ends), strict=True)]
    np.testing.assert_allclose(J @ v, f.jvp(along, *x, *rest).ravel(), rtol=1e-10, atol=1e-10)
    difference = f(*moved(1e-6 * v), *rest) - f(*moved(-1e-6 * v), *rest)
    np.testing.assert_allclose(J @ v, difference.ravel() / 2e-6, rtol=1e-5, atol=1e-7)
    squares = [np.sum(residuals**2)]
    for damping in (1e-3, 1e-5, 1e-7, 1e-9, 1e-9):  # seven directions move nothing: the world as a whole
        A = J.T @ J + damping * sp.identity(J.shape[1])
        step = -splu(A.tocsc(), options={"SymmetricMode": True}).solve(J.T @ residuals.ravel())
        x = moved(step)
        residuals, J = f.value_and_jacobian(*x, *rest, sparse=True)
        squares.append(np.sum(residuals**2))
    assert squares[0] > 1 and squares[-1] < 1e-20


def test_a_pendulum_is_swung_up_by_optimal_control():
    """Trapezoidal collocation: the angle, its speed and the torque at 1,001 times are the unknowns, the multipliers
    belong to the dynamics; Newton's method on the stationary point of the Lagrangian."""
    n, dynamics = 1_001, """
        h = 0.004
        a = sin(p) + u - 0.1*v
        """  # fmt: skip
    gaps = "p[1:] - p[:-1] - h/2*(v[1:] + v[:-1])", "v[1:] - v[:-1] - h/2*(a[1:] + a[:-1])"
    ends = "[p[0], p[-1] - pi, v[0], v[-1]]"
    constraints = gradc.compile(f"{dynamics}; concatenate([{gaps[0]}, {gaps[1]}, {ends}])", inputs="p v u")
    lagrangian = gradc.compile(
        f"{dynamics}; h*sum(u**2)/2 + sum(q*concatenate([{gaps[0]}, {gaps[1]}, {ends}]))",
        inputs="p v u q",
        wrt="p v u",
    )
    s, time = np.linspace(0, 1, n), 0.004 * (n - 1)
    x = [np.pi * s**2 * (3 - 2 * s), 6 * np.pi * s * (1 - s) / time, 6 * np.pi * (1 - 2 * s) / time**2]
    q = np.zeros(2 * n + 2)
    for _ in range(20):
        _, grads, H = lagrangian.value_grad_and_hessian(*x, q, sparse=True)
        c, J = constraints.value_and_jacobian(*x, sparse=True)
        right = np.concatenate([*grads, c])
        if np.abs(right).max() < 1e-9:
            break
        step = spsolve(sp.block_array([[H, J.T], [J, None]], format="csc"), -right)
        x = [each + part for each, part in zip(x, np.split(step[: 3 * n], 3), strict=True)]
        q = q + step[3 * n :]
    assert np.abs(right).max() < 1e-9 and H.nnz < 4 * n and J.nnz < 10 * n
    assert abs(x[0][-1] - np.pi) < 1e-12 and abs(x[1][-1]) < 1e-12
