"""Linear algebra, recurrences, derivatives inside programs, tuples and functions of one's own in every way to run them:
both engines, float32, threads, modules without gradc in a process of their own, callers in Numba."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from numba import njit

import gradc
from gradc.ir.types import Type

DRAW = np.random.default_rng(0)
A = DRAW.normal(size=(9, 9)) + 4 * np.eye(9)
K = A @ A.T + 9 * np.eye(9)
B, b, X, x = DRAW.normal(size=(9, 4)), DRAW.normal(size=9), DRAW.normal(size=40), DRAW.normal(size=6)
S, W = DRAW.normal(size=(5, 9, 9)) + 5 * np.eye(9), DRAW.normal(size=(4, 4))
SMALL = DRAW.normal(size=(50, 3, 3)) + 3 * np.eye(3)

half = gradc.op(
    "half(t, k) = t / (k + abs(t))", partials={"t": "k / (k + abs(t))**2", "k": "-out / (k + abs(t))"},
    domain={"k": (0.1, 5)},
)  # fmt: skip

PROGRAMS = {
    "solve": ("sum(solve(A, b)**2) + sum(solve(A, B))", dict(A=A, b=b, B=B)),
    "small": ("sum(inv(S)**2) + sum(det(S))", dict(S=SMALL)),
    "stack": ("sum(inv(S)**2) + sum(logdet(S @ matrix_transpose(S)))", dict(S=S)),
    "cholesky": (
        "L = cholesky(K); sum(solve_triangular(L, b, lower=True)**2) + sum(L) + sum(cho_solve((L, True), b))",
        dict(K=K, b=b),
    ),
    "process": ('b @ solve(K, b, assume_a="pos") + logdet(K, assume_a="pos")', dict(b=b, K=K)),
    "det": ("det(A) + log(abs(det(A)))", dict(A=A)),
    "eigh": ("(w, V) = eigh(K); sum(V[:, 0]**4) + sum(w**2) + sum(V @ diag(exp(w/20)) @ V.T)", dict(K=K)),
    "svd": ('(U, s, V) = svd(B); sum(U[:, 0]**4) + sum(s**3) + norm(B, "nuc") + norm(B, 2)', dict(B=B)),
    "qr": ("(Q, R) = qr(B); (P, T) = qr(B.T); sum(R**3) + sum(Q[0]**3) + sum(T**3)", dict(B=B)),
    "lstsq": ("sum(lstsq(B, b)**2) + sum(pinv(B)**3)", dict(B=B, b=b)),
    "expm": ("sum(expm(W/4)) + sum(matrix_power(W, 3)) + sum(kron(W, W[:2, :2]))", dict(W=W)),
    "fold": ("def step(s, x) = tanh(a*s + x); fold(step, 0, X)", dict(a=0.5, X=X)),
    "scan": (
        "def step((p, v), x) = (p + 0.1*v, v + a*sin(p) + x)\n(p, v) = scan(step, (0, 0), X, reverse=True)\n"
        "sum(p**2) + sum(v)",
        dict(a=0.5, X=X),
    ),
    "network": ("def step(h, r) = {u = r*c; tanh(W @ h + u)}; sum(fold(step, zeros(4), X)**2)", dict(W=W, c=W[0], X=X)),
    "count": ("def step(y) = 0.5*(y + a/y); iterate(step, a, 6)", dict(a=3.0)),
    "until": (
        "def step(y) = 0.5*(y + a/y); def close(n, o) = abs(n - o) < 1e-6*n; iterate(step, a, until=close, limit=50)",
        dict(a=3.0),
    ),
    "kalman": (
        "def step(P, q) = {G = solve(P + eye(4), P); W @ P @ W.T / 9 + q**2*eye(4) - 0.1*G}\n"
        "trace(fold(step, eye(4), X))",
        dict(W=W, X=X),
    ),
    "derivatives": (
        "E = sum(cos(x)*x**2); F = grad(E, x); J = jacobian(x**3 + E, x); sum(F**2) + sum(J @ F)", dict(x=x)
    ),
    "force": (
        "def step((p, v), f) = {V = cos(p) + k*p**2; (p + 0.1*v, v - 0.1*grad(V, p) + f)}\n(p, v) = "
        "fold(step, (1, 0), X)\np*v",
        dict(k=0.3, X=X),
    ),
    "own": ("sum(half(a*x, 2)) + a", dict(a=0.5, x=x)),
    "own in a loop": ("def step(s, t) = half(s + t, k); fold(step, 0, X)", dict(k=1.5, X=X)),
    "several": ("slogdet(K)", dict(K=K)),
    "tuple": ("def step((p, v), t) = (p + v*t, 0.9*v + p*a); fold(step, (1, 0), X)", dict(a=0.5, X=X)),
}  # fmt: skip


def compiled(name, engine="native", dtype="f64"):
    text, given = PROGRAMS[name]
    declared = "S: f64[k, 3, 3]; " if name == "small" else "S: f64[k, n, n]; " if "S" in given else ""
    functions = [half] if "half" in text else []
    text = (declared + text).replace("f64", dtype)
    return gradc.compile(text, inputs=" ".join(given), engine=engine, functions=functions), given


def numbers(found):
    """All numbers and arrays in tuples of tuples, in order."""
    flat, stack = [], [found]
    while stack:
        part = stack.pop()
        if isinstance(part, tuple):
            stack += reversed(part)
        else:
            flat.append(np.asarray(part))
    return flat


def near(found, wanted, tolerance):
    found, wanted = numbers(found), numbers(wanted)
    assert len(found) == len(wanted)
    for one, two in zip(found, wanted):
        assert one.shape == two.shape
        np.testing.assert_allclose(one, two, rtol=tolerance, atol=tolerance * np.max(np.abs(two), initial=1e-3))


@pytest.fixture(scope="module")
def expected():
    return {name: (f := compiled(name, "interpreter"))[0].value_and_grad(**f[1]) for name in PROGRAMS}


@pytest.mark.parametrize("name", PROGRAMS, ids=lambda name: name.replace(" ", "-"))
def test_native_kernels(name, expected):
    f, given = compiled(name)
    gradc.set_threads(1)
    try:
        alone = f.value_and_grad(**given)
        gradc.set_threads(2)
        shared = f.value_and_grad(**given)
    finally:
        gradc.set_threads(None)
    near(alone, expected[name], 1e-9)
    for one, two in zip(numbers(alone), numbers(shared)):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("name", [n for n in PROGRAMS if n != "derivatives"], ids=lambda name: name.replace(" ", "-"))
def test_float32(name, expected):
    f, given = compiled(name, "interpreter", "f32")
    found = f.value_and_grad(**{key: np.float32(value) for key, value in given.items()})
    assert all(each.dtype == np.float32 for each in numbers(found[1]) if each.shape)
    near(found, expected[name], 2e-3)


RUN = """
import pickle, sys
sys.path.insert(0, ".")
import numpy as np
found = {}
for name, args in pickle.load(open("given", "rb")).items():
    found[name] = __import__(name).value_and_grad(*args)
assert not any(each.split(".")[0] == "gradc" for each in sys.modules)
pickle.dump(found, open("found", "wb"))
"""


def test_modules_in_a_process_without_gradc(tmp_path, expected):
    given = {}
    for k, name in enumerate(PROGRAMS):
        f, values = compiled(name)
        types = [
            Type("f64", tuple("nmkpq"[axis] + str(i) for axis in range(np.ndim(v))))
            for i, v in enumerate(values.values())
        ]
        if name == "small":
            types = [Type("f64", ("k", 3, 3))]
        (tmp_path / f"m{k}.py").write_text(f.source_for(types))
        given[f"m{k}"] = tuple(values.values())
    (tmp_path / "given").write_bytes(pickle.dumps(given))
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"NUMBA_DISABLE_JIT": "1"}
    subprocess.run([sys.executable, "-c", RUN], cwd=tmp_path, env=environment, check=True)
    found = pickle.loads((tmp_path / "found").read_bytes())
    for k, name in enumerate(PROGRAMS):
        near(found[f"m{k}"], expected[name], 1e-9)


@pytest.mark.compiled
@pytest.mark.parametrize("name", ["scan", "until", "force", "own in a loop", "tuple", "small"])
def test_numba_callers(name, expected):
    f, given = compiled(name)
    kernel = f.kernel.value_and_grad

    @njit
    def call(*arguments):
        return kernel(*arguments)

    near(call(*given.values()), expected[name], 1e-9)
