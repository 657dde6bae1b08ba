"""What all tests share: every engine in turn, golden files, and the verifier behind every stage."""

from pathlib import Path

import pytest

from gradc import compiler
from gradc.ir.verify import verify
from gradc.loops.verify import verify_kernel
from gradc.runtime.kernel import ENGINES
from gradc.schedule.verify import verify_plan


def pytest_addoption(parser):
    parser.addoption("--update", action="store_true", help="rewrite the golden files instead of comparing with them")


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


@pytest.fixture(
    params=[pytest.param(name, marks=[] if name == "interpreter" else [pytest.mark.compiled]) for name in ENGINES]
)
def engine(request) -> str:
    """The name of each engine of the table in turn."""
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
