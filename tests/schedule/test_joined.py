"""Arrays side by side: each part is stored once, cotangents are read back, and the work grows with their number."""

import numpy as np
import pytest

import gradc
from gradc.ir.graph import topological
from gradc.loops.ir import For, Load, Store, every, read_by
from gradc.runtime.kernel import ENGINES
from tests.emit.plain import engine as plain


def series(count: int) -> str:
    steps = [f"u{k} = u{k - 1} + h*sin(u{k - 1})" for k in range(1, count)]
    return "\n".join(
        ["y: f64[n]", "u0 = x", *steps, f"sum((stack([{', '.join(f'u{k}' for k in range(count))}]) - y)**2)"]
    )


def rotations(count: int) -> str:
    """Every step goes through an array of two numbers."""
    steps = [
        f"s{k} = stack([s{k - 1}[0] + 0.1*s{k - 1}[1], s{k - 1}[1] - 0.1*sin(s{k - 1}[0])])" for k in range(1, count)
    ]
    return "\n".join(["s0 = stack([x, h])", *steps, f"sum(s{count - 1}**2)"])


def waves(count: int) -> str:
    return f"x: f64[n]\nsum(concatenate([{', '.join(f'sin({k}.5*x)' for k in range(count))}])**2)"


def places(count: int) -> str:
    return f"x: f64[n]\nsum(sin([{', '.join(f'{k}*x[{k}]' for k in range(count))}])**2)"


@pytest.mark.parametrize("program", [series, rotations, waves, places])
def test_every_stage_is_linear_in_the_parts(program):
    counts = {}
    for parts in (12, 48):
        stages = gradc.compile(program(parts)).stages
        nodes = [len(topological(getattr(stages, name).results)) for name in ("graph", "derivative", "lowered")]
        counts[parts] = [*nodes, len(list(every(stages.loops.body)))]
    for short, long in zip(counts[12], counts[48], strict=True):
        assert long <= 4.5 * short, counts


def test_stacked_numbers_are_stores_and_their_cotangents_loads():
    """Nothing is padded, added up or looped over: a number is stored at its place, its cotangent read from there."""
    kernel = gradc.compile(series(12), wrt="x h").stages.loops
    outside = [s for s in kernel.body if not isinstance(s, For)]
    stores = [s for s in outside if isinstance(s, Store)]
    assert [s.index[0].offset for s in stores] == list(range(12))
    read = [
        value for s in outside for value in read_by(s) if isinstance(value, Load) and value.array == stores[0].array
    ]
    assert sorted({value.index[0].offset for value in read}) == list(range(12))
    assert sum(isinstance(s, For) for s in every(kernel.body)) == 1


def test_an_element_of_a_stack_is_the_number():
    stages = gradc.compile(rotations(6)).stages
    assert {node.op for node in topological(stages.rewritten.results) if node.op in ("slice", "pad")} == set()
    assert sum(node.op == "join" for node in topological(stages.rewritten.results)) == 1


PROGRAMS = {
    "vectors": "x: f64[n]; y: f64[m]; sum(sin(concatenate([x, y, x*y[0]]))**3)",
    "columns": "x: f64[n]; y: f64[n]; sum(stack([x, sin(y), x[::-1]], axis=1) @ x[:3])",
    "literals": "x: f64[n]; y: f64[m]; sum([[x[0], y[0]*x[1]], [sin(y[1]), 1.0]] @ [x[2], y[0]])",
    "an output": "x: f64[n]; y: f64[m]; concatenate([exp(x), y])",
    "parts of parts": "x: f64[n]; y: f64[m]; sum(concatenate([x, [1.0, 2.0], y])[1:5]**2)",
    "roots": "x: f64[n]; y: f64[m]; norm(concatenate([x, 2*y])) * sum(sqrt(concatenate([abs(x), y*0])[:3]))",
    "a choice": "x: f64[n]; y: f64[m]; where(x[0] > 9, sum(concatenate([log(-abs(x)), y])), sum(stack([x])**2)*y[1])",
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("engine", ["native", "plain"])
def test_numbers(name, engine, monkeypatch):
    monkeypatch.setitem(ENGINES, "plain", plain)
    random = np.random.default_rng(3)
    inputs = {"x": random.normal(size=3), "y": random.normal(size=3 if name == "columns" else 2)}
    along = {key: np.cos(value) for key, value in inputs.items()}
    reference, kernel = (gradc.compile(PROGRAMS[name], engine=each) for each in ("interpreter", engine))
    for method, extra in (("value_and_grad", ()), ("jvp", (along,)), ("hvp", (along,))):
        expected, found = (getattr(f, method)(*extra, **inputs) for f in (reference, kernel))
        for one, two in zip(leaves(found), leaves(expected), strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-12, atol=1e-14, err_msg=method)
    step = 1e-6
    ends = [np.sum(reference(**{k: v + sign * step * along[k] for k, v in inputs.items()})) for sign in (1, -1)]
    slope = sum(np.sum(reference.grad(**inputs)[key] * along[key]) for key in inputs)
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6, abs=1e-8)


def leaves(result) -> list:
    return [leaf for part in result for leaf in leaves(part)] if isinstance(result, tuple) else [np.asarray(result)]


def test_a_negative_zero_stays_one():
    found = gradc.compile("x: f64[n]; concatenate([x, x])")(np.array([-0.0, 1.0]))
    assert np.signbit(found).tolist() == [True, False, True, False]


def test_many_arrays_side_by_side_have_a_short_size():
    pieces = ", ".join(f"sin({k}*x)" for k in range(1, 201))
    f = gradc.compile(f"x: f64[n]; concatenate([{pieces}])")
    assert str(f.stages.graph.results[0].shape[0]) == "n * 200"
    several = "; ".join(f"x{k}: f64[n{k}]" for k in range(300))
    f = gradc.compile(f"{several}; sum(concatenate([{', '.join(f'x{k}' for k in range(300))}]))")
    assert "n299" in str(f.stages.graph)
