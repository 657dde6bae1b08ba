"""gradc beside other libraries: the same programs, answers compared, tables. Nothing here asserts a time."""

import json
import sys
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.special import expit, log_softmax, logsumexp, ndtr

from bench import peers
from bench.objectives import OBJECTIVES
from bench.peer_process import PEERS, timed
from bench.peers import FIRST, OURS, WORKLOADS, Measurement, Problem, Row, Settings, Tables, updated
from gradc import compile
from gradc.bench.comparison import disagreement

BRIEF = Settings(rounds=2, shortest=1_000, budget=1_000_000, processes=1)

NUMPY = SimpleNamespace(
    exp=np.exp, log=np.log, sqrt=np.sqrt, tanh=np.tanh, sum=np.sum, mean=np.mean, normal_cdf=ndtr, sigmoid=expit,
    relu=lambda x: np.maximum(x, 0), logsumexp=lambda x: logsumexp(x, axis=-1),
    softmax=lambda x: np.exp(log_softmax(x, axis=-1)), turned=lambda x: np.swapaxes(x, -1, -2),
    picked=lambda scores, y: scores[np.arange(y.size), y],
)  # fmt: skip


@pytest.mark.parametrize("name", OBJECTIVES)
def test_peers_compute_the_same_programs(name, tmp_path):
    problem = Problem.of(name, [7], tmp_path)
    value = OBJECTIVES[name](NUMPY, *problem.inputs[7].values())
    function = compile(problem.workload.program, wrt=problem.workload.wrt, engine="interpreter")
    expected, grads = function.value_and_grad(*problem.inputs[7].values())
    assert disagreement((value, grads), (expected, grads), problem.workload, problem.inputs[7]) == ""


def test_every_program_is_measured():
    assert {*WORKLOADS, *FIRST} == OBJECTIVES.keys()
    assert {*OURS} <= PEERS.keys()


def measurement(tmp_path) -> Measurement:
    return Measurement(sys.executable, BRIEF, tmp_path)


def test_a_process_gives_answers_and_times(tmp_path):
    made = measurement(tmp_path)
    problem = Problem.of("gelu", [4, 9], tmp_path)
    for peer in ("gradc", "copying"):
        rows = made.run(problem, peer, one_cpu=True)
        assert [(row.size, row.reason) for row in rows] == [(4, ""), (9, "")]
        assert all(row.median_s > 0 and row.first_s > 0 and len(row.batches_s) == 2 for row in rows)
    assert made.run(Problem.of("log-sum-exp", [4], tmp_path), "copying", one_cpu=False) == []
    assert made.missing == {} and made.versions.keys() == {"gradc", "copying"}


def test_who_is_not_there_is_asked_once(tmp_path):
    made = measurement(tmp_path)
    problem = Problem.of("gelu", [4], tmp_path)
    assert made.run(problem, "nobody", one_cpu=False) == [] == made.run(problem, "nobody", one_cpu=True)
    assert made.missing == {"nobody": "KeyError: 'nobody'"}


def test_wrong_answers_have_no_times(tmp_path):
    made = measurement(tmp_path)
    problem = Problem.of("gelu", [2], tmp_path)
    made.run(problem, "gradc", one_cpu=True)
    np.savez(problem.folders[2] / "answer.npz", np.array([0.5, 0.25]), np.array([1.0, 2.0]))
    row = made._row(problem, 2, "JAX", False, {"first": 1.0, "batches": [1.0]})
    assert row.median_s is None and row.reason.startswith("wrong: value[0] is 0.5 instead of")


def test_first_calls_and_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(peers, "FIRST", ("neuron",))
    monkeypatch.setattr(peers, "PEERS", {"gradc": PEERS["gradc"]})
    made = measurement(tmp_path)
    made.first_calls(lambda *told: None)
    made.starts()
    made.calls_with_numbers()
    assert made.facts["first"]["neuron"].keys() == {"gradc", "gradc, from disk"}
    assert len(made.facts["start"]) == 2 and made.failed == []
    text = Tables(json.loads(json.dumps(made.as_dict()))).text()
    for row in ("| gradc, from disk |", "| Python and NumPy alone |", "| gradc, by name |"):
        assert row in text


def test_tables():
    times = {("gradc", True): 1e-6, ("gradc, Numba engine", True): 8e-6, ("JAX", True): 4e-6, ("JAX", False): 3e-6,
             ("PyTorch", True): 5e-6, ("copying", True): 2e-6, ("gradc", False): 1e-6}  # fmt: skip
    rows = [Row("gelu", 10, peer, one, 1.0, time, (time,), 1.5) for (peer, one), time in times.items()]
    rows.append(Row("gelu", 10, "PyTorch", False, reason="wrong: value is 1 instead of 2"))
    found = measured_rows(rows) | {"missing": {"Dr.Jit": "there is none"}}
    lines = Tables(found).text().splitlines()
    assert "| gelu | 4.0 JAX |" in lines and "| gelu | 3.0 JAX |" in lines
    assert "| gelu | 8.0; 0.50 copies |" in lines
    assert "| JAX | 4.00 us | 3.00 us | 1.5 |" in lines and "| PyTorch | 5.00 us | wrong | |" in lines
    assert lines[-2:] == ["- Dr.Jit is left out: there is none", "- PyTorch, gelu: wrong: value is 1 instead of 2"]


def measured_rows(rows: list[Row]) -> dict:
    return Measurement("", BRIEF, peers.ROOT).as_dict() | {"rows": [asdict(row) for row in rows]}


def test_command(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text(f"# Before\n\n{peers.BEGIN}old\n{peers.END}\nAfter\n")
    monkeypatch.setattr(peers, "PAGE", page)
    monkeypatch.setattr(peers, "PEERS", {"gradc": PEERS["gradc"]})
    file = tmp_path / "found.json"
    arguments = ["--quick", "--workload", "gelu", "--size", "5", "--json", str(file)]
    done = CliRunner().invoke(peers.main, arguments)
    assert done.exit_code == 0 and json.loads(file.read_text())["rows"][0]["peer"] == "gradc"
    again = CliRunner().invoke(peers.main, ["--read", str(file), "--update"])
    assert again.output == done.output
    assert page.read_text() == updated(page.read_text(), done.output[:-1])
    assert page.read_text().startswith("# Before") and page.read_text().endswith("\nAfter\n")
    lost = json.loads(file.read_text())
    lost["rows"][0] |= {"reason": "ended with code 7", "median_s": None}
    file.write_text(json.dumps(lost))
    assert CliRunner().invoke(peers.main, ["--read", str(file)]).exit_code == peers.WRONG


def test_a_batch_is_as_long_as_asked():
    batches, cpus = timed(lambda: sum(range(1000)), rounds=3, shortest=100_000, budget=10_000_000)
    assert len(batches) == 3 and all(each > 0 for each in batches) and cpus > 0
