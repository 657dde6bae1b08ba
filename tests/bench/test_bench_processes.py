"""First calls and memory in processes of their own, and `python -m bench`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click import BadParameter
from click.testing import CliRunner

from bench.__main__ import main, selected, size_of
from bench.workloads import SCALAR
from gradc.bench import Competitor, Workload, compare
from gradc.bench.competitors import PEERS
from gradc.bench.probe import Unmeasured, probe
from gradc.bench.probe import main as probe_main
from gradc.bench.timing import Settings

ROOT = Path(__file__).resolve().parents[2]
TEMPORARY_BYTES = 64_000_000
WORKLOAD = Workload("sum", "sum(x)")


def hungry(workload, inputs):
    x = inputs["x"]

    def call():
        temporary = np.ones(TEMPORARY_BYTES // 8)
        return float(np.sum(x)) + 0 * temporary[0], (np.ones_like(x),)

    return call


def dying(workload, inputs):
    if vars(sys.modules["__main__"]).get("main") is probe_main:  # in the process that the probe started
        os._exit(7)
    return lambda: (3.0, (np.ones(3),))


def raising(workload, inputs):
    raise RuntimeError("cannot here")


def test_memory_is_what_a_call_holds_beyond_inputs_and_results():
    found = probe(Competitor("hungry", hungry), WORKLOAD, {"x": np.ones(1_000_000)})
    assert found["memory_method"] in ("resident set", "tracemalloc")
    assert 0.9 * TEMPORARY_BYTES < found["peak_bytes"] < 1.2 * TEMPORARY_BYTES
    assert found["first_ns"] > 0


def test_results_are_not_counted():
    found = probe(PEERS["numpy"], Workload("ones", "sum(x)", None, ones), {"x": np.ones(4_000_000)})
    assert found["peak_bytes"] < 4_000_000


def ones(x):
    return 0.0, (np.ones_like(x),)


def test_a_process_that_fails_is_reported():
    with pytest.raises(Unmeasured, match="RuntimeError: cannot here"):
        probe(Competitor("raising", raising), WORKLOAD, {"x": np.ones(3)})


def test_one_that_dies_alone_is_not_timed():
    settings = Settings(rounds=3, min_batch=1_000, budget=1_000_000)
    (entry,) = compare(WORKLOAD, {"x": np.ones(3)}, [Competitor("dying", dying)], settings).entries
    assert (entry.status, entry.reason, entry.later) == ("failed", "its process ended with code 7", None)


# ---------------------------------------------------------------- python -m bench


def test_selection():
    assert [size for _, size in selected(("neuron",), ())] == [SCALAR, 1, 1_000, 30_000, 2_000_000]
    assert [(case.name, size) for case, size in selected(("rosenbrock", "neuron"), ("scalar", "7"))] == [
        ("rosenbrock", 7), ("neuron", SCALAR), ("neuron", 7),
    ]  # fmt: skip
    assert size_of("30_000") == 30_000
    for text in ("0", "-1", "1.5", "many"):
        with pytest.raises(BadParameter):
            size_of(text)


def test_wrong_usage():
    for arguments, message in [
        (["--workload", "nothing"], "nothing"),
        (["--against", "nunpy"], "no competitor `nunpy`"),
        (["--workload", "rosenbrock", "--size", "scalar"], "none of these workloads"),
    ]:
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 2 and message in result.output


@pytest.mark.compiled
def test_command(tmp_path):
    file = tmp_path / "bench.json"
    arguments = [
        "--workload",
        "sum-of-squares",
        "--size",
        "10",
        "--against",
        "numpy,naive",
        "--quick",
        "--json",
        str(file),
    ]
    done = subprocess.run([sys.executable, "-m", "bench", *arguments], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "sum-of-squares, 1 array of 10" in done.stdout and "times as fast" in done.stdout
    facts = json.loads(file.read_text())
    (report,) = facts["reports"]
    assert facts["settings"] == "quick" and report["reference"] == "numpy"
    for competitor in report["competitors"]:
        assert competitor["status"] == "ok"
        assert competitor["first_call_s"] > 0 and competitor["median_s"] > 0 and competitor["peak_bytes"] >= 0


def test_a_wrong_engine_is_an_exit_code(monkeypatch):
    from bench import workloads

    case = workloads.CASES["sum-of-squares"]
    lying = Workload(case.name, case.workload.text, None, lambda x: (x @ x, (x,)))
    monkeypatch.setitem(workloads.CASES, case.name, workloads.Case(lying, case.draw, case.sizes))
    monkeypatch.setattr("bench.__main__.QUICK", Settings(rounds=1, min_batch=1, budget=1, isolate=False))
    result = CliRunner().invoke(main, ["--workload", case.name, "--size", "3", "--against", "numpy", "--quick"])
    assert result.exit_code == 3
    assert "gradc-interpreter: d/dx[0] is" in result.output
