"""A process may fork while another of its threads compiles: the child can compile too."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import os, signal, sys, threading, time, warnings
warnings.simplefilter("ignore")
import numpy as np
import gradc

engine, forks = sys.argv[1], int(sys.argv[2])
going_on = True


def compile_on_and_on():
    number = 0
    while going_on:
        number += 1
        f = gradc.compile(f"x: f64[n]; h = sin(x * {number}); " + "h = tanh(h) + x; " * 20 + "sum(h)", engine=engine)
        f.value_and_grad(np.ones(3))
        f.stages["lowered"]


threads = [threading.Thread(target=compile_on_and_on, daemon=True) for _ in range(2)]
for thread in threads:
    thread.start()
for number in range(forks):
    time.sleep(0.02)
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        f = gradc.compile(f"x: f64[n]; sum(tanh(x * {number}))", engine=engine)
        f.value_and_grad(np.ones(3))
        f.stages["schedule"]
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the child of fork {number} ended with {status}"
going_on = False
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize(
    ("engine", "forks"), [("interpreter", 25), ("native", 8), pytest.param("numba", 2, marks=pytest.mark.compiled)]
)
def test_forks_while_compiling(engine, forks):
    done = subprocess.run([sys.executable, "-c", SCRIPT, engine, str(forks)], capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
