"""The first ten minutes of each kind of user: what the README says, typed by somebody who has only just installed it.

Each script of this directory is one of them. It runs in a process of its own, in an empty directory and with an empty
home, and fails by its exit code: a Python script by an exception or a false `assert`, a shell script by a command.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import gradc

HERE = Path(__file__).parent
SCRIPTS = sorted(path for path in HERE.iterdir() if path.suffix in (".py", ".sh") and path != Path(__file__))
INTERPRETERS = {".py": [sys.executable], ".sh": ["bash", "-eu", "-o", "pipefail"]}
SECONDS = 300


def surroundings(home: Path) -> dict[str, str]:
    """An environment without caches and settings in which `gradc` and `python` are the ones under test."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GRADC_", "NUMBA_", "XDG_", "COV_", "PYTEST_"))
    }
    beside = str(Path(sys.executable).parent)
    package = str(Path(gradc.__file__).parents[1])
    return kept | {
        "HOME": str(home),
        "PATH": os.pathsep.join(filter(None, (beside, kept.get("PATH")))),
        "PYTHONPATH": os.pathsep.join(filter(None, (package, kept.get("PYTHONPATH")))),
    }


@pytest.mark.compiled
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_first_ten_minutes(script, tmp_path):
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    done = subprocess.run(
        [*INTERPRETERS[script.suffix], str(script)],
        cwd=work, env=surroundings(home), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    if done.returncode:
        pytest.fail(f"{script.name} ended with {done.returncode}\n{done.stdout}\n{done.stderr}", pytrace=False)
