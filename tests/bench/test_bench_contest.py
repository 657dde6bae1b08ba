"""The contest: who is timed, who is not and why, and what is written down. Nothing here asserts a time."""

import json

import numpy as np
import pytest

from gradc import Error
from gradc.bench import Competitor, Workload, chosen, compare, measure
from gradc.bench.competitors import PEERS
from gradc.bench.report import HEADINGS, amount, duration
from gradc.bench.show import as_text
from gradc.bench.timing import Settings, Timed, in_turn
from gradc.bench.workload import draw
from gradc.show.encode import json_text

BRIEF = Settings(rounds=3, min_batch=1_000, budget=10_000_000, isolate=False)
TEXT = "sum(x**2 * y)"


def right(workload, inputs):
    x, y = inputs["x"], inputs["y"]
    return lambda: (np.sum(x**2 * y), (2 * x * y, x**2))


def spoilt(spoil):
    """A competitor whose right answer is spoilt."""
    return Competitor("rogue", lambda workload, inputs: lambda: spoil(*right(workload, inputs)()))


def contest(*competitors, size=10, **options):
    workload = Workload("squares", TEXT)
    ours = [c for c in chosen() if c.name == "gradc-interpreter"]
    return compare(workload, draw(workload, size), [*ours, *competitors], BRIEF, size=size, **options)


def entry(report, name):
    return next(entry for entry in report.entries if entry.name == name)


# ---------------------------------------------------------------- who is timed


def test_the_right_ones_are_timed():
    report = contest(Competitor("expert", right), PEERS["numpy-tape"])
    assert report.reference == "gradc-interpreter"
    assert [entry.status for entry in report.entries] == ["ok"] * 3
    assert all(len(entry.later.batches) == 3 for entry in report.entries)
    assert report.faults == []


@pytest.mark.parametrize(
    "spoil, reason",
    [
        (lambda value, grads: (value * (1 + 1e-8), grads), "value is"),
        (lambda value, grads: (np.nan, grads), "value is nan"),
        (lambda value, grads: (value, (grads[0] + np.eye(10)[3] * 1e-7, grads[1])), "d/dx[3] is"),
        (
            lambda value, grads: (value, (grads[0], grads[1] * np.where(np.arange(10) == 9, np.inf, 1))),
            "d/dy[9] is inf",
        ),
        (lambda value, grads: (value, (grads[0], grads[1][:1])), "d/dy has shape (1,) instead of (10,)"),
        (lambda value, grads: (value, grads[:1]), "1 gradients instead of 2"),
    ],
    ids=["value", "nan", "element", "infinite", "shape", "missing"],
)
def test_a_wrong_one_is_caught_and_not_timed(spoil, reason):
    rogue = entry(contest(spoilt(spoil)), "rogue")
    assert rogue.status == "wrong" and rogue.later is None
    assert rogue.reason.startswith(reason) and rogue.reason.endswith("unlike gradc-interpreter")


def test_an_answer_within_rounding_is_right():
    report = contest(spoilt(lambda value, grads: (value * (1 + 1e-11), tuple(g * (1 - 1e-11) for g in grads))))
    assert entry(report, "rogue").status == "ok"


def test_the_hand_written_answer_is_the_reference_where_there_is_one():
    def wrong_by_hand(x, y):
        return np.sum(x**2 * y), (x * y, x**2)

    workload = Workload("squares", TEXT, None, wrong_by_hand)
    report = compare(workload, draw(workload, 5), [*chosen(["naive"]), PEERS["numpy"]], BRIEF)
    assert report.reference == "numpy"
    assert entry(report, "gradc-interpreter").status == "wrong"
    assert any("gradc-interpreter: d/dx[0] is" in fault for fault in report.faults)


def test_one_that_raises_is_reported():
    def fail(workload, inputs):
        raise RuntimeError("no such device\nand more")

    report = contest(Competitor("broken", fail))
    assert (entry(report, "broken").status, entry(report, "broken").reason) == (
        "failed",
        "RuntimeError: no such device",
    )
    assert "failed: RuntimeError: no such device" in as_text(report)


def test_one_that_refuses_is_said_so():
    def never(workload, inputs):
        raise AssertionError("prepared although it refused")

    report = contest(Competitor("modest", never, refuses=lambda workload, inputs: "too large for me"))
    assert (entry(report, "modest").status, entry(report, "modest").reason) == ("skipped", "too large for me")
    assert "skipped: too large for me" in as_text(report)


def test_floating_point_warnings_do_not_reach_the_user():
    report = measure("log(x - x)", against=["naive", "numpy-tape"], values={"x": 2.0}, quick=True)
    assert entry(report, "naive").reason.startswith("ValueError: ")
    assert entry(report, "numpy-tape").status in ("ok", "wrong")


# ---------------------------------------------------------------- what is chosen


def test_unknown_competitors_and_sizes_are_errors():
    with pytest.raises(Error, match="there is no competitor `nunpy`") as caught:
        chosen(["nunpy"])
    assert caught.value.code == "G0604" and "numpy" in caught.value.help
    with pytest.raises(Error, match="a size must be a positive whole number"):
        measure("x", 0)
    with pytest.raises(Error, match="there is no argument `z`"):
        measure("x + y", values={"z": 1.0})
    with pytest.raises(Error) as caught:
        measure("x +")
    assert caught.value.span is not None


def test_a_competitor_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(PEERS, "absent", Competitor("absent", right, modules=("no_such_module_here",)))
    assert "absent" not in [competitor.name for competitor in chosen()]
    with pytest.raises(Error, match="`absent` is not installed"):
        chosen(["absent"])


# ---------------------------------------------------------------- inputs


@pytest.mark.parametrize(
    "text, size, wrt, shapes",
    [
        ("x * y", None, None, {"x": (), "y": ()}),
        ("x * y", 7, None, {"x": (7,), "y": (7,)}),
        ("sum((y - a*exp(-b*t))**2)", 7, ("a", "b"), {"y": (7,), "a": (), "b": (), "t": (7,)}),
        ("sum(x) * y", None, None, {"x": (1000,), "y": ()}),
        ("x: f64[n, d]; k: f64[3]; sum(x) + sum(k)", 7, None, {"x": (7, 10), "k": (3,)}),
    ],
)
def test_shapes_of_inputs(text, size, wrt, shapes):
    assert {name: np.shape(value) for name, value in draw(Workload("w", text, wrt), size).items()} == shapes


@pytest.mark.parametrize("text", ["log(x) + arcsin(x)", "arccosh(x)", "sqrt(-x)", "log(-x - 1)", "x: i64[n]; y / x"])
def test_inputs_are_drawn_where_the_program_is_finite(text):
    workload = Workload("w", text)
    value, grads = chosen()[-1].prepare(workload, draw(workload, 50))()
    assert all(np.all(np.isfinite(part)) for part in (value, *grads))


def test_given_values_are_kept():
    inputs = draw(Workload("w", "x**y * z"), 4, {"y": -1, "z": [1, 2, 3, 4]})
    assert inputs["y"] == -1.0 and type(inputs["y"]) is float
    assert inputs["z"].dtype == np.float64 and list(inputs["z"]) == [1, 2, 3, 4]


# ---------------------------------------------------------------- clocks


def test_competitors_take_turns():
    told = []
    calls = {"a": lambda: None, "b": lambda: None}
    timed = in_turn(calls, BRIEF, told.append)
    assert told == ["a", "b"] * 3
    assert all(len(t.batches) == 3 and t.repeats >= 1 for t in timed.values())


def test_a_call_beyond_the_budget_is_timed_once():
    calls = []
    timed = in_turn({"slow": lambda: calls.append(1)}, Settings(rounds=5, min_batch=1, budget=0), lambda name: None)
    assert len(calls) == 1 and len(timed["slow"].batches) == 1 and timed["slow"].spread is None


def test_median_and_spread():
    timed = Timed(4, [10.0, 12.0, 11.0, 100.0, 9.0])
    assert timed.median == 11.0
    assert timed.spread == pytest.approx(1 / 11)


@pytest.mark.parametrize(
    "nanoseconds, text",
    [
        (None, ""),
        (3.217, "3.22 ns"),
        (999.6, "1.00 us"),
        (12_340, "12.3 us"),
        (456_700_000, "457 ms"),
        (2.5e9, "2.50 s"),
    ],
)
def test_durations(nanoseconds, text):
    assert duration(nanoseconds) == text


def test_amounts():
    assert [amount(b) for b in (None, 0, 999_999, 5_400_000, 1.2e9)] == ["", "< 1 MB", "< 1 MB", "5 MB", "1,200 MB"]


# ---------------------------------------------------------------- the report


def test_ratio_is_the_best_peer_over_ours():
    report = contest(Competitor("expert", right), Competitor("slower", right))
    for name, median in (("gradc-interpreter", 50.0), ("expert", 100.0), ("slower", 400.0)):
        entry(report, name).later = Timed(1, [median] * 3)
    assert report.best_peer.name == "expert" and report.best_of_ours.name == "gradc-interpreter"
    assert report.as_dict()["ratio"] == 2.0
    assert [row[0] for row in report.table()[1:]] == ["gradc-interpreter", "expert", "slower"]
    assert [row[HEADINGS.index("speed")] for row in report.table()[1:]] == ["2", "1", "0.25"]


def test_a_disturbed_control_is_said():
    report = contest()
    for times, is_said in (([10.0, 10.5], False), ([10.0, 13.0], True), ([13.0, 10.0], True)):
        report.control[0].batches[:], report.control[1].batches[:] = [times[0]], [times[1]]
        assert any("disturbed" in line for line in report.remarks()) == is_said


def test_json_holds_everything():
    report = contest(Competitor("expert", right), spoilt(lambda value, grads: (value + 1, grads)))
    facts = json.loads(json_text(report.as_dict()))
    assert facts["program"] == TEXT and facts["size"] == 10 and facts["wrt"] is None
    assert facts["shapes"] == {"x": [10], "y": [10]}
    assert facts["best_peer"] == "expert" and facts["ratio"] > 0 and len(facts["control_s"]) == 2
    assert {"cpu", "cpus", "numpy", "python", "gradc", "load", "thread_variables"} <= facts["machine"].keys()
    keys = {
        "name", "ours", "status", "reason", "import_s", "first_call_s", "median_s", "spread", "batches_s",
        "calls_per_batch", "cpus_used", "peak_bytes", "memory_method", "speed",
    }  # fmt: skip
    assert all(competitor.keys() == keys for competitor in facts["competitors"])
    ours, expert, rogue = facts["competitors"]
    assert ours["ours"] and not expert["ours"]
    assert expert["speed"] == 1.0 and len(expert["batches_s"]) == 3 and 0 < expert["median_s"] < 1
    assert rogue["status"] == "wrong" and rogue["median_s"] is None and rogue["batches_s"] is None


def test_progress_ends_where_it_said():
    told = []
    contest(Competitor("expert", right), progress=lambda done, total, what: told.append((done, total, what)))
    assert all(0 <= done <= total for done, total, _ in told)
    assert told[-1][0] == told[-1][1] and told[-1][2] == "done"
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
