"""The checker of plans accepts what the scheduler makes and refuses plans that read too early or write too early."""

from dataclasses import replace

import numpy as np
import pytest

import gradc
from gradc.ir.verify import IllFormed
from gradc.runtime import arguments
from gradc.runtime.kernel import ENGINES
from gradc.schedule.tasks import Body, Local, Loop, Schedule, Task
from gradc.schedule.verify import verify_plan
from tests.arrays.test_tensor_programs import KNOWN, arguments_of
from tests.emit.plain import engine, unshared

SAVED = "x: f64[n]; m = mean(exp(x)); sum(tanh(exp(x) - m) * exp(x))"
SHARED = "x: f64[n]; a = exp(x); sum((a - mean(a))**2) * sum(a)"
PRODUCT = "X: f64[n, d]; W: f64[d, k]; sum(tanh(X @ W)**2)"


@pytest.fixture(autouse=True, scope="module")
def unshared_engine():
    ENGINES["unshared"] = unshared
    yield
    del ENGINES["unshared"]


def plan_of(text: str) -> Schedule:
    plan = gradc.compile(text).stages.schedule
    verify_plan(plan)
    return plan


def refused(plan: Schedule, message: str) -> None:
    with pytest.raises(IllFormed, match=message):
        verify_plan(plan)


def test_storage_is_shared_only_after_the_last_reading():
    plan = plan_of(SHARED)
    assert plan.aliases
    output, *_ = plan.aliases.values()
    early = [item for item in plan.body.items if isinstance(item, Loop) and writes(item.body, output)]
    body = Body([*early, *(item for item in plan.body.items if item not in early)])
    refused(replace(plan, body=body), "before")


def writes(body: Body, slot: str) -> bool:
    return any(item.slot == slot if isinstance(item, Task) else writes(item.body, slot) for item in body.items)


def test_what_the_checker_accepts_changes_no_number():
    """Every saved value in every output of its type: refused, or the same bits as with an array of its own."""
    refusals = 0
    for text in (*KNOWN, SHARED):
        f = gradc.compile(text, engine="unshared")
        arrays = arguments_of(f)
        alone = f.value_and_grad(*arrays)
        compilation = f.stages_for(arguments.prepare(f.program.signature, arrays).types)
        plan = replace(compilation.schedule, aliases={})
        outputs = [name for name, node in plan.graph.outputs if node.shape and name not in plan.stored.values()]
        for node in plan.saved:
            for output in outputs:
                if node.type != plan.graph[output].type or plan.stored[node] in plan.graph.input_names:
                    continue
                tried = replace(plan, aliases={plan.stored[node]: output})
                try:
                    verify_plan(tried)
                except IllFormed:
                    refusals += 1
                    continue
                forced = f.stages_for(arguments.prepare(f.program.signature, arrays).types)
                vars(forced)["schedule"] = tried
                value, *bars = engine(forced)(arrays, {})
                np.testing.assert_array_equal(value, alone[0])
                for got, wanted in zip(bars, alone[1], strict=True):
                    np.testing.assert_array_equal(got, wanted)
    assert refusals


def test_two_values_cannot_share_one_output():
    plan = plan_of(SHARED)
    output, *_ = plan.aliases.values()
    others = [name for name in plan.stored.values() if name not in plan.aliases]
    homes = plan.aliases | {name: output for name in others[:1]}
    assert len(homes) > len(plan.aliases)
    refused(replace(plan, aliases=homes), "two values live in|overwrites")


def test_loops_in_the_wrong_order():
    plan = plan_of(SAVED)
    assert len(plan.body.items) > 1
    refused(replace(plan, body=Body(plan.body.items[::-1])), "reads .* before")


def test_a_value_that_nothing_writes():
    plan = plan_of(SAVED)
    refused(replace(plan, body=Body(plan.body.items[1:])), "nothing writes")


def test_an_axis_without_a_loop():
    plan = plan_of(SAVED)
    loop = next(item for item in plan.body.items if isinstance(item, Loop))
    refused(replace(plan, body=Body([*loop.body.items, *plan.body.items[1:]])), "has no loop|before")


def test_a_loop_of_another_size():
    plan = plan_of(SAVED)
    first, *rest = plan.body.items
    wrong = Loop(first.variable, "m", first.tasks, first.body)
    refused(replace(plan, body=Body([wrong, *rest])), "has size n, its loop m")


def test_a_local_array_read_outside_its_iteration():
    plan = plan_of(SAVED)
    (slot, *_) = plan.stored.values()
    refused(replace(plan, local={slot: Local(1, None)}, aliases={}), "outside the iteration")


def test_tiles_are_checked_too():
    plan = plan_of(PRODUCT)
    (tiles,) = plan.body.items
    tiles.body.items.reverse()
    refused(plan, "before")
