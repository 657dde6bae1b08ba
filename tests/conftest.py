"""What all tests share: every engine in turn, golden files, the verifier behind every stage, and how many cases ran."""

import gc
import os
from collections import Counter
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before anything imports NumPy: tests run on all cores as it is

import pytest

from gradc import compiler
from gradc.ir.verify import verify
from gradc.loops.verify import verify_kernel
from gradc.runtime.kernel import ENGINES
from gradc.schedule.verify import verify_plan


def pytest_addoption(parser):
    parser.addoption("--update", action="store_true", help="rewrite the golden files instead of comparing with them")


def pytest_xdist_auto_num_workers(config) -> int | None:
    """Single files and tests run in this process, everything else on all cores."""
    return 0 if all(".py" in str(argument) for argument in config.args) else None


def pytest_collection_finish() -> None:
    """What is imported and collected stays until the end, so the garbage collector need not look at it again."""
    gc.freeze()


# ---------------------------------------------------------------- cases


@pytest.fixture
def ran_cases(record_property):
    """`ran_cases(300)`: the test tried so many programs or points of a corpus. Any other test is one case."""
    return lambda number: record_property("cases", number)


def pytest_terminal_summary(terminalreporter) -> None:
    """What ran, by folder: tests, cases, and the seconds that they took. The number of cases must not fall."""
    tests, cases, seconds = Counter(), Counter(), Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if not hasattr(report, "duration"):
                continue
            folder = Path(report.nodeid.partition("::")[0]).parent.name
            seconds[folder] += report.duration
            if report.when == "call" and (report.outcome != "skipped" or hasattr(report, "wasxfail")):
                tests[folder] += 1
                cases[folder] += sum(number for name, number in report.user_properties if name == "cases") or 1
    for folder in sorted(tests):
        terminalreporter.write_line(f"{folder:10} {tests[folder]:6,} {cases[folder]:8,} {seconds[folder]:7.1f} s")
    terminalreporter.write_line(f"{tests.total():,} tests, {cases.total():,} cases")


# ---------------------------------------------------------------- fixtures


@pytest.fixture(autouse=True, scope="session")
def every_stage_is_verified():
    """Whatever a test compiles, each graph on the way is checked against the grammar of its stage, and so are the plan
    and the loops."""

    def watch(compilation, stage, made):
        if stage == "schedule":
            verify_plan(made)
        elif stage == "loops":
            verify_kernel(made)
        else:
            verify(made, stage, compilation.spans)

    compiler.watchers.append(watch)
    yield
    compiler.watchers.remove(watch)


@pytest.fixture(autouse=True, scope="session")
def kernels_of_this_run_only(tmp_path_factory):
    """Tests, and the processes that they start, neither find kernels of another day nor leave any."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADC_CACHE", str(tmp_path_factory.mktemp("kernels")))
        yield


def named(engines):
    return [pytest.param(name, marks=[pytest.mark.compiled] if name == "numba" else []) for name in engines]


@pytest.fixture(params=named(name for name in ENGINES if name != "numba"))
def engine(request) -> str:
    """The name of each engine that is ready at once."""
    return request.param


@pytest.fixture(params=named(ENGINES))
def every_engine(request) -> str:
    """The name of each engine, for a representative part of the tests: Numba takes a second for each program."""
    return request.param


@pytest.fixture
def golden(request):
    """`golden(path, text)`: the file holds exactly this text; `pytest --update` writes it.

    A relative path counts from the directory of the test module.
    """

    def compare(path, text: str) -> None:
        file = Path(request.path).parent / path
        if not text.endswith("\n"):
            text += "\n"
        if request.config.getoption("--update"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            return
        assert file.exists(), f"{file.name} does not exist yet: run pytest --update and review it"
        assert text == file.read_text(encoding="utf-8"), f"{file.name} differs: review, then run pytest --update"

    return compare
