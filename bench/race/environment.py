"""The environment in which the other libraries live: a virtual environment in the user's cache folder.

It is made once, with pinned versions and pip's ordinary settings. What cannot be installed is left out, and the tables
say why.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

CPU_WHEELS = "https://download.pytorch.org/whl/cpu"

REQUIREMENTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "numpy": (("numpy==2.4.6", "scipy==1.17.1"),),
    "autograd": (("autograd==1.9.1",),),
    "JAX": (("jax==0.10.2",),),
    "PyTorch": (
        ("torch==2.13.0+cpu",),
        ("torch==2.13.0+cpu", "--extra-index-url", CPU_WHEELS),
        ("torch==2.13.0",),
    ),
    "PyTensor": (("pytensor==3.0.7",),),
    "CasADi": (("casadi==3.8.2",),),
    "Dr.Jit": (("drjit==1.5.0",),),
    "numexpr": (("numexpr==2.14.2",),),
    "SymPy": (("sympy==1.14.0",),),
    "symjit": (("symjit==2.28.1", "--only-binary=symjit"), ("symjit==2.28.1",)),
    "numba-enzyme": (("numba-enzyme",),),
}
"""By library: what pip is asked for; where the first fails, the next one. PyTorch is the build for processors: the one
of PyPI brings some gigabytes for graphics cards."""

TIMEOUT = 900
"""Seconds for one library."""

Say = Callable[[str], None]


def folder() -> Path:
    """Where the environment for these requirements is, or will be."""
    text = json.dumps([sys.version_info[:2], sys.prefix, REQUIREMENTS])
    root = os.environ.get("GRADC_BENCH_PEERS")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gradc-bench"
    return (Path(root) if root else cache) / f"peers-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def prepared(say: Say) -> tuple[str, dict[str, str]]:
    """The interpreter of the environment, made if it is not there, and why libraries are not in it."""
    place = folder()
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    told = place / "missing.json"
    if not told.exists():
        say(f"making {place}")
        venv.create(place, clear=True, with_pip=True)
        missing = {}
        for library, attempts in REQUIREMENTS.items():
            say(f"installing {library}")
            reason = _installed(str(python), attempts)
            if reason:
                say(f"  left out: {reason}")
                missing[library] = reason
        told.write_text(json.dumps(missing), encoding="utf-8")
    return str(python), json.loads(told.read_text(encoding="utf-8"))


def _installed(python: str, attempts: tuple[tuple[str, ...], ...]) -> str:
    """Nothing, or why the last attempt failed."""
    reason = ""
    for attempt in attempts:
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries=1", *attempt]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            reason = f"not installed after {TIMEOUT} s"
            continue
        if not done.returncode:
            return ""
        lines = [line for line in done.stderr.splitlines() if line.startswith(("ERROR", "error"))]
        reason = (lines[-1] if lines else f"pip ended with code {done.returncode}").removeprefix("ERROR: ")[:120]
    return reason
