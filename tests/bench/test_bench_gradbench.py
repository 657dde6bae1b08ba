"""GradBench's evaluations through its protocol, against differences, mpmath and formulas written once more."""

import io
import json
import re
import sys
from dataclasses import replace

import mpmath
import numpy as np
import pytest
from scipy.stats import multivariate_normal, wishart

from bench import gradbench, gradbench_times

STEP = 1e-6


def ask(module: str, function: str, given) -> dict:
    message = {"id": 3, "kind": "evaluate", "module": module, "function": function, "input": given}
    out = io.StringIO()
    gradbench.main([json.dumps(message)], out)
    return json.loads(out.getvalue())


def output(module: str, function: str, given):
    found = ask(module, function, given)
    assert found["success"], found["error"]
    return found["output"]


def differences(f, x: np.ndarray) -> np.ndarray:
    """The Jacobian of a function of one vector, by central differences."""
    steps = STEP * np.eye(x.size)
    return np.stack([(f(x + step) - f(x - step)) / (2 * STEP) for step in steps], axis=-1)


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def test_protocol():
    out = io.StringIO()
    messages = [
        {"id": 0, "kind": "start", "eval": "hello"}, {"id": 1, "kind": "define", "module": "hello"},
        {"id": 2, "kind": "define", "module": "nothing"},
        {"id": 3, "kind": "evaluate", "module": "lse", "function": "primal",
         "input": {"x": [0.0, 0.0], "min_runs": 3, "min_seconds": 0.01}},
        {"id": 4, "kind": "evaluate", "module": "lse", "function": "primal", "input": {}},
        {"id": 5, "kind": "analysis", "of": 3, "valid": True},
    ]  # fmt: skip
    gradbench.main(map(json.dumps, messages), out)
    start, define, unknown, evaluated, wrong, analysis = map(json.loads, out.getvalue().splitlines())
    assert start == {"id": 0, "tool": "gradc"} and analysis == {"id": 5}
    assert define == {"id": 1, "success": True} and (unknown["success"], "nothing" in unknown["error"]) == (False, True)
    assert evaluated["output"] == np.log(2) and len(evaluated["timings"]) >= 4
    assert [timing["name"] for timing in evaluated["timings"][:3]] == ["prepare", "evaluate", "evaluate"]
    assert all(timing["nanoseconds"] > 0 for timing in evaluated["timings"])
    assert wrong == {"id": 4, "success": False, "error": "KeyError: 'x'"}


def test_what_cannot_be_answered_is_text():
    """A function that is not there; a centroid without points, whose Newton step is 0/0, which JSON cannot hold."""
    assert (
        ask("lse", "hessian", {"x": [0.0]})["error"] == "ValueError: lse has no function hessian, only primal, gradient"
    )
    lonely = {"points": [[0.0, 0.0]], "centroids": [[0.0, 1.0], [9.0, 9.0]]}
    assert ask("kmeans", "dir", lonely) == {"id": 3, "success": False, "error": "the result is not finite"}


def test_hello():
    assert (output("hello", "square", 3.0), output("hello", "double", 3.0)) == (9.0, 6.0)


def test_lse():
    x = [100.0, 99.5, -3.0]
    exact = mpmath.log(sum(mpmath.exp(part) for part in x))
    assert output("lse", "primal", {"x": x}) == pytest.approx(float(exact), rel=1e-15)
    parts = [float(mpmath.exp(part - exact)) for part in x]
    assert output("lse", "gradient", {"x": x}) == pytest.approx(parts, rel=1e-14)


def test_llsq():
    given = {"x": [0.5, -1.0, 2.0], "n": 6}

    def exact(*x):
        points = [mpmath.mpf(-1) + mpmath.mpf(2 * i) / 5 for i in range(6)]
        return sum((mpmath.sign(t) - sum(c * t**j for j, c in enumerate(x))) ** 2 for t in points) / 2

    assert output("llsq", "primal", given) == pytest.approx(float(exact(*given["x"])), rel=1e-14)
    slopes = [float(mpmath.diff(exact, given["x"], tuple(int(k == j) for k in range(3)))) for j in range(3)]
    assert output("llsq", "gradient", given) == pytest.approx(slopes, rel=1e-12)


@pytest.mark.parametrize("ell", [2, 5])
def test_det(rng, ell):
    """The gradient is that of the adjugate: the minors, with their signs."""
    A = rng.random((ell, ell))
    given = {"A": A.reshape(-1).tolist(), "ell": ell}
    assert output("det", "primal", given) == pytest.approx(float(mpmath.det(mpmath.matrix(A.tolist()))), rel=1e-12)
    minors = [[float(mpmath.det(mpmath.matrix(np.delete(np.delete(A, i, 0), j, 1).tolist()))) for j in range(ell)]
              for i in range(ell)]  # fmt: skip
    signs = (-1.0) ** np.add.outer(np.arange(ell), np.arange(ell))
    assert np.allclose(output("det", "gradient", given), (signs * minors).reshape(-1), rtol=1e-11)


def test_every_evaluation_is_there():
    assert gradbench.EVALUATIONS.keys() == {
        "hello", "lse", "llsq", "det", "kmeans", "gmm", "ba", "lstm", "ht", "ode", "particle", "saddle",
    }  # fmt: skip


def test_kmeans(rng):
    points, centroids = rng.random((9, 2)), rng.random((3, 2))
    centroids[:] = points[:3]
    given = {"points": points.tolist(), "centroids": (centroids + 0.01).tolist()}
    squares = ((points[:, None] - centroids - 0.01) ** 2).sum(axis=2)
    assert output("kmeans", "cost", given) == pytest.approx(squares.min(axis=1).sum(), rel=1e-14)
    nearest = squares.argmin(axis=1)
    means = np.stack([points[nearest == k].mean(axis=0) for k in range(3)])
    assert np.allclose(output("kmeans", "dir", given), centroids + 0.01 - means, rtol=1e-12)


def test_gmm(rng):
    """The objective is the density of the mixture times that of the prior, SciPy's; the gradient is its slope."""
    d, k, n, m, gamma = 3, 2, 5, 1, 1.5
    shapes = {"x": (n, d), "alpha": (k,), "mu": (k, d), "q": (k, d), "l": (k, d * (d - 1) // 2)}
    drawn = {name: 0.5 * rng.normal(size=shape) for name, shape in shapes.items()}
    given = {"d": d, "k": k, "n": n, "m": m, "gamma": gamma} | {name: x.tolist() for name, x in drawn.items()}
    density, prior = np.zeros(n), 0.0
    weights = np.exp(drawn["alpha"]) / np.exp(drawn["alpha"]).sum()
    for j in range(k):
        factor = np.diag(np.exp(drawn["q"][j]))
        factor.T[np.triu_indices(d, 1)] = drawn["l"][j]
        inverse = factor.T @ factor
        density += weights[j] * multivariate_normal(drawn["mu"][j], np.linalg.inv(inverse)).pdf(drawn["x"])
        prior += wishart(d + m + 1, np.eye(d) / gamma**2).logpdf(inverse)
    assert output("gmm", "objective", given) == pytest.approx(np.log(density).sum() + prior, rel=1e-12)
    grads = output("gmm", "jacobian", given)
    for name in ("alpha", "mu", "q", "l"):

        def at(x, name=name):
            return output("gmm", "objective", given | {name: x.reshape(shapes[name]).tolist()})

        numbers = differences(at, drawn[name].reshape(-1))
        assert np.allclose(np.reshape(grads[name], -1), numbers, rtol=1e-6, atol=1e-7)


def test_ba(rng):
    given = {"n": 2, "m": 3, "p": 5, "cam": rng.normal(size=11).tolist(), "x": [0.3, 0.2, 4.0], "w": 0.7,
             "feat": [0.1, 0.2]}  # fmt: skip
    bundle = gradbench.Bundle.of(given)
    bundle = replace(bundle, cameras=bundle.cameras + 0.01 * rng.normal(size=(2, 11)), weights=rng.normal(size=5))

    def errors(v: np.ndarray) -> np.ndarray:
        moved = replace(bundle, cameras=v[:22].reshape(2, 11), points=v[22:31].reshape(3, 3), weights=v[31:])
        seen, weights = moved.errors()
        return np.concatenate([seen.reshape(-1), weights])

    at = np.concatenate([bundle.cameras.reshape(-1), bundle.points.reshape(-1), bundle.weights])
    found = bundle.jacobian()
    assert np.allclose(found.toarray(), differences(errors, at), atol=1e-7)
    assert found.nnz == 5 * 30 + 5 and found.shape == (15, 36)
    sent = output("ba", "jacobian", given)
    assert sent["rows"][:3] == [0, 15, 30] and sent["rows"][-1] == found.nnz and len(sent["vals"]) == 31
    assert sent["cols"][:15] == [*range(11), 22, 23, 24, 31] and sent["cols"][-1] == 35
    told = output("ba", "objective", given)
    assert told["w_err"] == {"element": pytest.approx(0.51), "repeated": 5}
    assert told["reproj_error"]["repeated"] == 5 and len(told["reproj_error"]["elements"]) == 2


def test_a_camera_that_does_not_turn():
    given = {"n": 1, "m": 1, "p": 1, "cam": [0, 0, 0, 0, 0, 0, 2.0, 0, 0, 0, 0], "x": [1.0, 2.0, 4.0], "w": 1.0,
             "feat": [0.0, 0.0]}  # fmt: skip
    assert output("ba", "objective", given)["reproj_error"]["elements"] == [0.5, 1.0]
    assert np.all(np.isfinite(output("ba", "jacobian", given)["vals"]))


# ---------------------------------------------------------------- the hand


def a_hand(rng, us) -> dict:
    parents = [-1, 0, *(bone for k in range(5) for bone in (1, 2 + 4 * k, 3 + 4 * k, 4 + 4 * k))]
    frames = np.tile(np.eye(4), (2, len(parents), 1, 1))
    frames[:, :, :3] += 0.3 * rng.normal(size=(2, len(parents), 3, 4))
    model = {
        "parents": parents, "is_mirrored": True, "triangles": [[0, 1, 2], [2, 3, 4], [4, 5, 6]],
        "base_relatives": frames[0].tolist(), "inverse_base_absolutes": frames[1].tolist(),
        "base_positions": np.c_[rng.normal(size=(7, 3)), np.ones(7)].tolist(),
        "weights": rng.dirichlet(np.ones(len(parents)), 7).tolist(),
    }  # fmt: skip
    data = {"model": model, "correspondences": [0, 2, 1], "points": rng.normal(size=(3, 3)).tolist()}
    return {"theta": (0.3 * rng.normal(size=26)).tolist(), "data": data, "us": us}


def turned(axis: np.ndarray) -> np.ndarray:
    x, y, z = axis
    return np.array(mpmath.expm(mpmath.matrix([[0, -z, y], [z, 0, -x], [-y, x, 0]])).tolist(), dtype=float)


def vertices(theta: np.ndarray, model: dict) -> np.ndarray:
    """The model once more, bone by bone, with rotations from mpmath's exponential."""
    poses = np.zeros((len(model["parents"]), 3))
    angles = iter(theta[6:])
    for finger in range(5):
        for joint in range(3):
            poses[2 + 4 * finger + joint, : 2 if joint == 0 else 1] = [next(angles) for _ in range(2 - (joint > 0))]
    absolutes, place = [], np.zeros((7, 3))
    for bone, parent in enumerate(model["parents"]):
        x, z, y = np.diag(poses[bone])
        local = np.eye(4)
        local[:3, :3] = turned(z[[0, 2, 1]]) @ turned(y[[0, 2, 1]]) @ turned(x)
        relative = np.array(model["base_relatives"][bone]) @ local
        absolutes.append(relative if parent < 0 else absolutes[parent] @ relative)
        moved = np.array(model["base_positions"]) @ (absolutes[-1] @ model["inverse_base_absolutes"][bone]).T
        place += np.array(model["weights"])[:, bone, None] * moved[:, :3]
    return (place * [-1, 1, 1]) @ turned(theta[:3]).T + theta[3:6]


@pytest.mark.compiled
@pytest.mark.parametrize("us", [[], [[0.2, 0.3], [0.5, 0.1], [0.9, -0.2]]], ids=["simple", "complicated"])
def test_ht(rng, us):
    given = a_hand(rng, us)
    data, places = given["data"], np.array(us)

    def errors(v: np.ndarray) -> np.ndarray:
        skin = vertices(v[-26:], data["model"])
        if not us:
            return (data["points"] - skin[data["correspondences"]]).reshape(-1)
        a, b, c = (skin[corner] for corner in np.array(data["model"]["triangles"])[data["correspondences"]].T)
        (u, w) = (places + v[:2]).T[:, :, None]
        return (data["points"] - (u * a + w * b + (1 - u - w) * c)).reshape(-1)

    at = np.concatenate([np.zeros(2 if us else 0), given["theta"]])
    assert np.allclose(output("ht", "objective", given), errors(at), rtol=1e-12, atol=1e-13)
    assert np.allclose(output("ht", "jacobian", given), differences(errors, at), atol=1e-8)


# ---------------------------------------------------------------- loops, and derivatives inside programs


def test_ode(rng):
    x, steps = rng.random(5), 4

    def solved(x: np.ndarray) -> np.ndarray:
        def slope(y):
            return x * np.r_[1.0, y[:-1]]

        y, h = np.zeros(5), 2.0 / steps
        for _ in range(steps):
            k1 = slope(y)
            k2 = slope(y + h / 2 * k1)
            k3 = slope(y + h / 2 * k2)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + slope(y + h * k3))
        return y

    given = {"x": x.tolist(), "s": steps}
    assert np.allclose(output("ode", "primal", given), solved(x), rtol=1e-13)
    assert np.allclose(output("ode", "gradient", given), differences(lambda x: solved(x)[-1], x), rtol=1e-6)


def test_lstm(rng):
    layers, width, count = 2, 3, 4
    shapes = {"main_params": (2 * layers, 4 * width), "extra_params": (3, width), "state": (2 * layers, width),
              "sequence": (count, width)}  # fmt: skip
    drawn = {name: 0.5 * rng.normal(size=shape) for name, shape in shapes.items()}

    def loss(v: np.ndarray) -> float:
        main, extra = v[: 8 * layers * width].reshape(2 * layers, 4, width), v[8 * layers * width :].reshape(3, width)
        state, total = drawn["state"].copy(), 0.0
        for row, following in zip(drawn["sequence"], drawn["sequence"][1:]):
            h = row * extra[0]
            for k in range(layers):
                (a, b, c, d), (p, q, r, s) = main[2 * k], main[2 * k + 1]
                hidden, cell = state[2 * k], state[2 * k + 1]
                cell = cell / (1 + np.exp(-h * a - p)) + np.tanh(hidden * d + s) / (1 + np.exp(-hidden * b - q))
                h = np.tanh(cell) / (1 + np.exp(-h * c - r))
                state[2 * k], state[2 * k + 1] = h, cell
            guess = h * extra[1] + extra[2]
            total += following @ (guess - np.log(2 + np.exp(guess).sum()))
        return -total / ((count - 1) * width)

    given = {name: x.tolist() for name, x in drawn.items()}
    at = np.concatenate([drawn["main_params"].reshape(-1), drawn["extra_params"].reshape(-1)])
    assert output("lstm", "objective", given) == pytest.approx(loss(at), rel=1e-12)
    assert np.allclose(output("lstm", "jacobian", given), differences(loss, at), atol=1e-9)


@pytest.mark.parametrize("modes", ["ff", "fr", "rf", "rr"])
def test_nested_derivatives(modes):
    """The numbers that the suite expects."""
    assert np.allclose(output("saddle", modes, {"start": [1.0, 1.0]}), [8.246324826140356e-06] * 2 + [0, 0], atol=1e-10)
    assert output("particle", modes, {"w": 0.0}) == pytest.approx(0.2071918746486116, rel=1e-12)


def test_times(capsys):
    """gradc beside itself as another tool: one row, and no answer that differs."""
    command = f"{sys.executable} -m bench.gradbench"
    gradbench_times.main(["saddle", "--size", "rr", "--seconds", "0", "--against", command])
    header, _, row = capsys.readouterr().out.splitlines()
    assert header == "| evaluation | primal | derivative | their ratio | gradc (2) |"
    assert re.fullmatch(r"\| saddle rr \|  \| [\d.]+ [mu]?s \|  \| [\d.]+ \|", row)


def test_answers_agree_by_the_rule_of_the_suite():
    assert gradbench_times.agree({"a": [1.0, 1e6]}, {"a": [1.0001, 1e6 + 50]})
    assert not gradbench_times.agree({"a": [1.0]}, {"a": [1.001]})
    assert not gradbench_times.agree({"a": [1.0]}, {"b": [1.0]}) and not gradbench_times.agree([1.0], [[1.0]])
