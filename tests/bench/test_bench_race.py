"""gradc beside everybody: the same programs, answers compared, tables and the chart. Nothing here asserts a time."""

import json
import os
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.linalg import cho_solve
from scipy.special import expit, log_softmax, logsumexp, ndtr

from bench.__main__ import main
from bench.objectives import OBJECTIVES, loop
from bench.race import chart, command, environment, here, libraries, measure
from bench.race.libraries import Case
from bench.race.measure import EVERYBODY, Problem, Race, Row, Settings, in_order
from bench.race.process import timed
from bench.race.tables import Results, page, reasons
from bench.workloads import CASES, SCALAR
from gradc import compile
from gradc.bench.comparison import disagreement

BRIEF = Settings(turns=2, rounds=2, shortest=1_000, budget=1_000_000, case=60, process=120, everything=300, apart=False)
IN_RACE = [name for name, case in CASES.items() if case.race]

NUMPY = {
    "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "tanh": np.tanh, "sin": np.sin, "cos": np.cos, "sum": np.sum,
    "mean": np.mean, "normal_cdf": ndtr, "sigmoid": expit, "relu": lambda x: np.maximum(x, 0),
    "softplus": lambda x: np.logaddexp(0, x), "logsumexp": lambda x: logsumexp(x, axis=-1),
    "softmax": lambda x: np.exp(log_softmax(x, axis=-1)), "turned": lambda x: np.swapaxes(x, -1, -2),
    "picked": lambda scores, y: scores[np.arange(y.size), y], "least": lambda x: np.min(x, axis=-1),
    "fold": loop, "zeros": np.zeros, "eye": np.eye, "cholesky": np.linalg.cholesky, "diagonal": np.diagonal,
    "solved": lambda L, y: cho_solve((L, True), y),
}  # fmt: skip


def small(name: str) -> int:
    return 40 if CASES[name].text else 7


@pytest.mark.parametrize("name", IN_RACE)
def test_everybody_computes_the_same_program(name):
    inputs, workload = CASES[name].inputs(small(name)), CASES[name].at(small(name))
    value = OBJECTIVES[name](SimpleNamespace(size=small(name), **NUMPY), *inputs.values())
    function = compile(workload.program, wrt=workload.wrt, engine="interpreter")
    expected, grads = function.value_and_grad(*inputs.values())
    assert disagreement((value, grads), (expected, grads), workload, inputs) == ""


def case_of(name: str) -> Case:
    problem = CASES[name].inputs(small(name))
    names = list(problem)
    workload = CASES[name].at(small(name))
    wrt = tuple(names.index(each) for each in workload.wrt or names)
    return Case(name, small(name), workload.text, problem, wrt)


@pytest.mark.parametrize("prepare", [libraries.autograd, libraries.sympy, here.c, here.naive])
def test_answers_of_libraries(prepare):
    """Those that are installed wherever the tests run; a program that one declines is none of its rows."""
    answered = 0
    for name in IN_RACE:
        case = case_of(name)
        workload = CASES[name].at(small(name))
        expected = compile(workload.program, wrt=workload.wrt, engine="interpreter").value_and_grad(*case.values)
        try:
            prepared = prepare(case)
        except libraries.Declined:
            continue
        value, *grads = prepared.answer(prepared.call())
        assert disagreement((value, grads), expected, workload, case.inputs) == "", name
        answered += 1
    assert answered > 3 or (prepare is here.c and answered == 0)


@pytest.mark.compiled
@pytest.mark.parametrize("name", ["gelu", "rosenbrock", "k-means", "SIR", "Kalman", "GARCH", "RK4", "RNN"])
def test_loops_for_numba(name):
    case, workload = case_of(name), CASES[name].workload
    prepared = here.numba(case)
    value, *grads = prepared.answer(prepared.call())
    expected = compile(workload.program, wrt=workload.wrt, engine="interpreter").value_and_grad(*case.values)
    assert disagreement((value, grads), expected, workload, case.inputs) == ""


def test_order():
    assert in_order(["gelu", "scalar graph"]) == [
        ("gelu", 1_000), ("gelu", 2_000_000), ("gelu", 30_000),
        ("scalar graph", 1_000), ("scalar graph", 10_000), ("scalar graph", 100_000),
    ]  # fmt: skip


# ---------------------------------------------------------------- processes


@pytest.fixture(autouse=True)
def one_start(monkeypatch):
    monkeypatch.setattr(measure, "STARTS", {"Python alone": "pass"})


def race(tmp_path, **changes) -> Race:
    settings = Settings(**asdict(BRIEF) | changes)
    return Race(sys.executable, settings, tmp_path)


def test_processes_give_answers_and_times(tmp_path):
    made = race(tmp_path)
    made.run([("gelu", 4), ("gelu", 9), ("attention", 1)], ["gradc", "roofline", "NumPy by hand"])
    rows = {(row.workload, row.size, row.who, row.one_cpu): row for row in made.rows}
    assert len(rows) == 3 * 3 * 2 and made.missing == {} and made.versions.keys() == {
        "gradc", "roofline", "NumPy by hand",
    }  # fmt: skip
    gelu = rows["gelu", 9, "gradc", False]
    assert gelu.first_s > 0 and gelu.call_s > 0 and gelu.value_s > 0 and gelu.reason == ""
    assert rows["attention", 1, "NumPy by hand", True].reason == here.NOT_WRITTEN
    found = Results(json.loads(json.dumps(made.as_dict())))
    assert found.faults == [] and found.best(("gelu", 9), True)[1] == "NumPy by hand"
    assert made.starts_s.keys() == {"Python alone"}


def test_who_is_not_there_is_asked_once(tmp_path):
    made = race(tmp_path)
    made.run([("gelu", 4)], ["symjit"])
    assert made.rows == [] and "symjit" in made.missing["symjit"]


def test_a_crash_costs_one_case(tmp_path, monkeypatch):
    """The child reads another `here` module that ends the process at the second of three cases."""
    folder = tmp_path / "shadow" / "bench" / "race"
    folder.mkdir(parents=True)
    for name in ("__init__.py", "objectives.py"):
        (folder.parent / name).write_text((measure.ROOT / "bench" / name).read_text())
    for name in ("__init__.py", "libraries.py", "process.py"):
        (folder / name).write_text((measure.ROOT / "bench" / "race" / name).read_text())
    (folder / "here.py").write_text(
        "import os, time\n"
        "from bench.race.libraries import Prepared\n"
        "def prepare(case):\n"
        "    os._exit(7) if case.size == 5 else time.sleep(60) if case.size == 6 else None\n"
        "    return Prepared(lambda: (case.values[0], [case.values[0]]))\n"
        "HERE = {'roofline': ('numpy', prepare)}\nALSO_IMPORTED = {}\n"
    )
    monkeypatch.setattr(measure, "ROOT", folder.parents[1])
    made = race(tmp_path / "inputs", case=3)
    made.run([("gelu", 4), ("gelu", 5), ("gelu", 6), ("gelu", 7)], ["roofline"])
    told = {(row.size, row.one_cpu): row.reason for row in made.rows}
    assert [told[size, False] for size in (4, 5, 6, 7)] == [
        "", "its process ended with code 7", "no answer after 3 s", "",
    ]  # fmt: skip


def test_wrong_answers_have_no_times(tmp_path):
    made = race(tmp_path)
    problem = Problem.of("gelu", 2, tmp_path)
    np.savez(problem.folder / "answer.npz", np.array([0.5, 0.25]), np.array([1.0, 2.0]))
    made._take(problem, "JAX", False, {"first": 1.0, "batches": [1.0]})
    (row,) = made.rows
    assert row.call_s is None and row.reason.startswith("wrong: value[0] is 0.5 instead of")


def test_later_turns(tmp_path):
    """Who was far behind is not measured again; the least time counts, and the first call and memory of the first."""
    made, problem = race(tmp_path), Problem.of("gelu", 2, tmp_path)
    other = Problem.of("rosenbrock", 2, tmp_path)
    for who, time in {"gradc": 4.0, "roofline": 9.0, "JAX": 2.0, "Dr.Jit": 2.9, "PyTorch": 3.1}.items():
        made._row(problem, who, False, first_s=time + 1, call_s=time, batches_s=(time,), value_s=time / 2, memory=7)
    made._row(other, "JAX", False, reason="no answer after 15 s")
    assert [who for who in EVERYBODY if made._close([problem, other], who, False)] == [
        "gradc", "roofline", "JAX", "Dr.Jit",
    ]  # fmt: skip
    assert made._close([problem, other], "JAX", False) == [problem] and not made._close([problem], "JAX", True)
    made._row(problem, "gradc", False, first_s=1.0, call_s=3.0, batches_s=(3.0,), value_s=2.5, memory=0)
    made._row(problem, "JAX", False, first_s=1.0, call_s=3.0, batches_s=(3.0,), memory=0)
    made._row(problem, "Dr.Jit", False, reason="no time left")
    made._row(problem, "roofline", False, reason="wrong: value is 1 instead of 2")
    rows = {row.who: row for row in made.rows if row.workload == "gelu"}
    assert rows["gradc"] == Row("gelu", 2, "gradc", False, 5.0, 3.0, (4.0, 3.0), 2.5, memory=7)
    assert rows["JAX"] == Row("gelu", 2, "JAX", False, 3.0, 2.0, (2.0, 3.0), 1.0, memory=7)
    assert (rows["Dr.Jit"].call_s, rows["roofline"].call_s) == (2.9, None)


def test_no_time_left(tmp_path):
    made = race(tmp_path, everything=0)
    made.run([("gelu", 4)], ["gradc"])
    assert [row.reason for row in made.rows] == ["no time left"] * 2


def test_a_batch_is_as_long_as_asked():
    batches, cpus = timed(lambda: sum(range(1000)), rounds=3, shortest=100_000, budget=10_000_000)
    assert len(batches) == 3 and all(each > 0 for each in batches) and cpus > 0


# ---------------------------------------------------------------- the environment


def test_the_environment_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADC_BENCH_PEERS", str(tmp_path))
    monkeypatch.setattr(environment, "REQUIREMENTS", {"nothing": (("--no-index", "no-such-distribution"),)})
    said = []
    python, missing = environment.prepared(said.append)
    assert os.path.exists(python) and "no-such-distribution" in missing["nothing"]
    assert said[1] == "installing nothing" and "left out" in said[2]
    assert environment.prepared(pytest.fail) == (python, missing)


# ---------------------------------------------------------------- tables and the chart


def found_by(rows: list[Row]) -> dict:
    facts = Race("", BRIEF, measure.ROOT).as_dict()
    return json.loads(json.dumps(facts | {"rows": [asdict(row) for row in rows]}))


@pytest.fixture
def facts() -> dict:
    times = {"gradc": 1e-6, "JAX": 4e-6, "PyTorch": 5e-6, "roofline": 8e-7}
    rows = [Row("gelu", 1000, who, one, 0.5, time, (time,), time / 2 if who == "gradc" else None, 1.0, 0)
            for who, time in times.items() for one in (False, True)]  # fmt: skip
    rows += [Row("svm", 16, "gradc", False, 0.1, 3e-6, (), 3e-6), Row("svm", 16, "PyTorch", False, 0.1, 2.4e-6)]
    rows.append(Row("svm", 16, "JAX", False, reason="no answer after 20 s"))
    return found_by(rows) | {"missing": {"symjit": "there is none"}}


def test_the_page(facts):
    lines = page(Results(facts)).splitlines()
    assert "All threads: gradc is the fastest on 1 of 2 rows of the nine programs; geometric mean 1.79." in lines
    assert "| svm 16 | PyTorch | 0.80 |" in lines and "| gelu 1,000 | 1.00 us | 4.0 | 5.0 | 0.80 |" in lines
    assert any(line.startswith("| gelu 1,000 | 1.00 us | 500 ns | 2.0 | 1.25 |") for line in lines)
    assert lines[-2:] == ["- symjit is left out: there is none", "- JAX: no answer after 20 s (svm)"]


def test_the_chart(facts):
    drawn = chart.chart(Results(facts))
    texts = [
        "".join(each.itertext()) for each in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")
    ]
    assert "4.0 JAX" in texts and "0.80 PyTorch" in texts and "prefers-color-scheme: dark" in drawn
    assert chart.x_of(1e9) == chart.x_of(chart.MOST) and chart.x_of(0.01) == chart.LEFT


def test_command(tmp_path, monkeypatch, facts):
    file, text = tmp_path / "race.json", tmp_path / "page.md"
    text.write_text(f"# Before\n\n{command.BEGIN}old\n{command.END}\nAfter\n")
    monkeypatch.setattr(command, "PAGE", text)
    monkeypatch.setattr(command, "PICTURE", tmp_path / "drawn.svg")
    file.write_text(json.dumps(facts))
    done = CliRunner().invoke(main, ["--read", str(file), "--update"])
    assert done.exit_code == 0 and "JAX" in done.output
    assert text.read_text() == command.updated(text.read_text(), page(Results(facts)))
    assert text.read_text().startswith("# Before") and text.read_text().endswith("\nAfter\n")
    assert (tmp_path / "drawn.svg").read_text() == file.with_suffix(".svg").read_text()
    facts["rows"][0] |= {"reason": "wrong: value is 1 instead of 2", "call_s": None}
    file.write_text(json.dumps(facts))
    assert CliRunner().invoke(main, ["--read", str(file)]).exit_code == 3
    assert CliRunner().invoke(main, ["--update"]).exit_code == 2


@pytest.mark.compiled
def test_the_race_itself(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.race.command.QUICK", BRIEF)
    monkeypatch.setattr("bench.race.measure.LIBRARIES", {})
    file = tmp_path / "found.json"
    arguments = ["--against", "all", "--quick", "--workload", "gelu", "--size", "5", "--json", str(file)]
    monkeypatch.setattr(
        command, "run", lambda cases, *rest, run=command.run: run(cases, *rest, everybody=("gradc", "NumPy by hand"))
    )
    done = CliRunner().invoke(main, [*arguments, "--python", sys.executable])
    assert done.exit_code == 0, done.output
    assert {row["who"] for row in json.loads(file.read_text())["rows"]} == {"gradc", "NumPy by hand"}
    assert file.with_suffix(".svg").exists() and EVERYBODY[0] == "gradc" and SCALAR == 0
    assert reasons(Results(json.loads(file.read_text()))) == []


@pytest.mark.parametrize(
    "options, message",
    [
        (("--against", "all", "--json", "nowhere/race.json"), "nowhere/race.json cannot be written: No such file"),
        (("--workload", "neuron", "--json", "nowhere/numbers.json"), "nowhere/numbers.json cannot be written"),
        (("--against", "all", "--python", "nowhere/python"), "nowhere/python is no program that can be run"),
        (("--read", __file__), "has no numbers of a race"),
        (("--read", "other.json"), "has no numbers of a race"),
    ],
    ids=["json of the race", "json", "python", "no json", "other json"],
)
def test_what_cannot_be_done_is_said_before_anything_is_measured(options, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.json").write_text("[1, 2]")
    result = CliRunner().invoke(main, options)
    assert (result.exit_code, message in result.output) == (2, True), result.output
    assert [path.name for path in tmp_path.iterdir()] == ["other.json"]
