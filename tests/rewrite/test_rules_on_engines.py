"""What every rule leads to, with its gradient, on every engine: the answers of the interpreter, at hard points too."""

from types import SimpleNamespace

import numpy as np
import pytest
from compared import HARD, ORDINARY, Case
from rule_graphs import FINAL, KERNEL, STABLE, by_text, values_for

from gradc.compiler import Compilation
from gradc.ir.graph import Graph
from gradc.ir.interpret import run
from gradc.native.engine import NativeKernel, build
from gradc.program import Elaborated
from gradc.runtime import kernel
from tests.emit import plain

POINTS = 24
"""Elements of the arrays that a rule about numbers is given."""
RTOL = 1e-11
ULPS_OF_UPSTREAM = 1e-15
"""What a slope that is zero by symmetry may be, times the upstream gradient."""
RULES = STABLE + FINAL + KERNEL
SCALAR = [rule for rule in RULES if not rule.reduces]
REDUCING = [rule for rule in RULES if rule.reduces]
BATCHES = [SCALAR[k : k + 16] for k in range(0, len(SCALAR), 16)] + [[rule] for rule in REDUCING]
"""Rules that share a kernel, and so their inputs and points."""

ENGINES = {"plain": plain.engine, "numba": kernel.numba, "native": lambda made: NativeKernel(build(made.loops))}


def compilation(graph: Graph) -> Compilation:
    """The stages after a graph whose derivatives have been taken, and rewritten."""
    types = {node.name: node.type for node in graph.inputs}
    made = Compilation(SimpleNamespace(text="rules"), types, (), transform="grad")
    vars(made).update(elaborated=Elaborated(graph), derivative=graph)
    return made


def points_of(inputs, values, seed: int):
    """An array for each input, of numbers that it may stand for."""
    draw = np.random.default_rng(seed)
    return {
        node: draw.integers(2, size=node.shape).astype(bool)[()]
        if node.type.dtype == "bool"
        else draw.choice(values_for(name, values), size=node.shape)[()]
        for name, node in inputs.items()
    }


def compare(rules, engine: str, draws: int) -> int:
    """Values everywhere, gradients where there is a value. How many numbers were compared."""
    cases = [Case(rule, () if rule.reduces else (POINTS,)) for rule in rules]
    inputs = {name: node for case in cases for name, node in {**case.inputs, "upstream": case.upstream}.items()}
    outputs = [(f"rule_{k}_{place}", node) for k, case in enumerate(cases) for place, node in enumerate(case.right)]
    graph = Graph(tuple(inputs.values()), tuple(outputs))
    call = ENGINES[engine](compilation(graph))
    compared, failures = 0, []
    for seed in range(draws):
        values = points_of(inputs, [*ORDINARY, *HARD] if seed % 2 else ORDINARY, seed)
        found = iter(call([values[node] for node in graph.inputs], {}))
        for case, rule in zip(cases, rules):
            expected = run(case.right, values, {})
            defined = ~np.isnan(expected[0])
            for k, (theirs, ours) in enumerate(zip(expected, found)):
                asked = defined if k and defined.shape == theirs.shape else np.array(k == 0 or np.all(defined))
                atol = ULPS_OF_UPSTREAM * np.abs(values[case.upstream]) if k else 1e-300
                agree = np.isclose(ours, theirs, RTOL, atol, equal_nan=True) | ~asked
                compared += np.sum(asked)
                if not np.all(agree):
                    failures.append(f"{by_text(rule)}: number {k}, {ours}, not {theirs}")
    assert not failures, "\n".join(failures)
    return int(compared)


@pytest.mark.parametrize("batch", range(len(BATCHES)))
def test_emitted_python(batch, ran_cases):
    ran_cases(compare(BATCHES[batch], "plain", 6))


@pytest.mark.compiled
@pytest.mark.parametrize("engine", ["native", "numba"])
@pytest.mark.parametrize("batch", range(len(BATCHES)))
def test_compiled(batch, engine, ran_cases):
    ran_cases(compare(BATCHES[batch], engine, 6))
