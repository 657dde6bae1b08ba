"""Programs that read shared values at other places, statement after statement: every stage grows with their length."""

import time

import numpy as np
import pytest

import gradc
from gradc.ir.graph import topological
from gradc.runtime.kernel import ENGINES
from tests.emit.plain import engine

STEPS = {
    "gathers": ("x: f64[n]; i: i64[n]; j: i64[n]", "sin({h}[i]) + sin({h}[j])"),
    "cheap gathers": ("x: f64[n]; i: i64[n]; j: i64[n]", "{h}[i] - {h}[j]"),
    "one gather": ("x: f64[n]; i: i64[n]", "sin({h}[i]) + x"),
    "gathers of gathers": ("x: f64[n]; i: i64[n]", "sin({h}[i][i]) * {h}"),
    "gathers along an axis": ("x: f64[n, n]; i: i64[n, n]", "sin(take_along_axis({h}, i, axis=1)) + {h}"),
    "transposes": ("x: f64[n, n]", "sin({h}.T) + {h}"),
    "transposed twice": ("x: f64[n, n]", "sin({h}.T) * cos({h}.T) + {h}"),
    "stencils": ("x: f64[n]", "sin({h}[1:]) - {h}[:-1]"),
    "wide stencils": ("x: f64[n]", "{h}[2:] - 2 * sin({h}[1:-1]) + {h}[:-2]"),
    "backwards": ("x: f64[n]", "sin({h}[::-1]) * {h}"),
    "concatenations": ("x: f64[n]", "sin(concatenate([{h}[1:], {h}[:1]])) + {h}"),
    "rotations": ("x: f64[n]", "sin(concatenate([{h}[1:], {h}[:1]]))"),
    "fixed ends": (
        "x: f64[n]",
        "concatenate([{h}[:1], {h}[1:-1] + 0.1*({h}[2:] - 2*{h}[1:-1] + {h}[:-2]), {h}[-1:]])",
    ),
    "stacks": ("x: f64[n]", "sum(stack([sin({h}), {h}]), axis=0)"),
    "rows of outer products": ("x: f64[n]", "sin({h}[:, None] * {h})[0]"),
    "broadcasts": ("x: f64[n]", "sum(sin({h}[:, None] * {h}), axis=1)"),
    "reshapes": ("x: f64[6]", "sin(reshape({h}, (2, 3)).T[::-1]).T[0, 0] * {h}"),
    "squeezes": ("x: f64[n]", "sin(squeeze({h}[:, None], 1)) + {h}"),
    "fixed elements": ("x: f64[n]", "sin({h}[0] + {h}[3]) * {h}"),
    "means": ("x: f64[n]", "{h} + sin({h}) * mean({h})"),
    "diagonals": ("x: f64[n, n]", "sin({h}) * diag({h})"),
}
"""By kind: the inputs, and the next value in terms of the one before."""

SHORT, LONG = 12, 48
NODES_PER_NODE = 12
"""Derivatives have at most this many nodes for each node of the program."""


def program(kind: str, steps: int) -> str:
    declared, step = STEPS[kind]
    statements = [step.replace("{h}", f"h{k}") for k in range(steps)]
    return "; ".join([declared, "h0 = x", *(f"h{k + 1} = {text}" for k, text in enumerate(statements)),
                      f"mean(h{steps}**2)"])  # fmt: skip


@pytest.mark.parametrize("kind", STEPS)
def test_every_stage_is_linear(kind):
    """Four times the statements are at most five times the nodes and the lines; no stage takes seconds."""
    sizes = {}
    for steps in (SHORT, LONG):
        stages = gradc.compile(program(kind, steps)).stages
        count = len(topological(stages.graph.results))
        start = time.process_time()
        sizes[steps] = [len(topological(getattr(stages, name).results)) for name in ("derivative", "lowered")]
        sizes[steps].append(len(stages.python.splitlines()))
        assert max(sizes[steps][:2]) <= NODES_PER_NODE * count
        assert time.process_time() - start < 20
    for short, long in zip(sizes[SHORT], sizes[LONG], strict=True):
        assert long <= 5.5 * short, (kind, sizes)


@pytest.mark.parametrize("kind", STEPS)
def test_the_kernel_is_right(kind):
    ENGINES["plain"] = engine
    try:
        reference, kernel = (gradc.compile(program(kind, 5), engine=name) for name in ("interpreter", "plain"))
        random = np.random.default_rng(0)
        shapes = {"x": [16 if size == "n" else size for size in reference.stages.types["x"].shape]}
        for name in reference.inputs[1:]:
            shapes[name] = [16] * len(reference.stages.types[name].shape)
        arrays = [random.uniform(0.1, 0.9, shapes["x"])]
        arrays += [random.integers(0, 4, shapes[name]) for name in reference.inputs[1:]]
        along = np.cos(arrays[0])
        for derived in (lambda f: [*f.value_and_grad(*arrays)[1]], lambda f: [*f.hvp(along, *arrays)]):
            for got, wanted in zip(derived(kernel), derived(reference), strict=True):
                np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12)
    finally:
        del ENGINES["plain"]
