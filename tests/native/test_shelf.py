"""Machine code that all kernels share: made ahead of its use, once."""

import os
import subprocess
import sys

import pytest

from gradc.native import shelf
from gradc.native.shelf import SharedCode
from gradc.native.target import is_possible

pytestmark = pytest.mark.skipif(not is_possible(), reason="LLVM does not know this machine")


@pytest.fixture
def written(monkeypatch):
    """How often the module's text was written; nothing is on disk."""
    monkeypatch.setenv("GRADC_CACHE", "off")
    monkeypatch.setattr(shelf, "_made", {})
    monkeypatch.setattr(shelf, "_taken", set())
    times = []

    def text():
        times.append(1)
        return "define i64 @seven() {\n  ret i64 7\n}\n"

    return SharedCode("the seven", text), times


def test_what_is_made_ahead_is_taken_once(written):
    shared, times = written
    shared.make_ahead()
    shared.make_ahead()
    first = shared.take()
    assert len(times) == 1 and b"seven" in first and shelf._made == {}
    shared.make_ahead()
    assert len(times) == 1 and shelf._made == {}


def test_what_is_not_made_ahead_is_made_when_it_is_taken(written):
    shared, times = written
    assert b"seven" in shared.take() and len(times) == 1


def test_the_first_calls_of_a_process():
    """Nothing is left on the shelf but what only large arguments need, whatever the number of threads."""
    code = (
        "import gradc, numpy as np\n"
        "from gradc.native import shelf\n"
        "f = gradc.compile('X: f64[n, d]; W: f64[d, k]; sum(tanh(X @ W))')\n"
        "X, W = np.full((40, 30), 0.1), np.full((30, 20), 0.1)\n"
        "for _ in range(3):\n"
        "    value = f.value_and_grad(X, W)[0]\n"
        "assert abs(value - 800 * np.tanh(0.3)) < 1e-9\n"
        "print(sorted(shelf._made), 'the entry' in shelf._taken)\n"
    )
    for threads in ("1", "2"):
        environment = os.environ | {"GRADC_CACHE": "off", "GRADC_NUM_THREADS": threads}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() in ("[] True", "['the release'] True"), done.stdout
