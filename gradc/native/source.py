"""Functions written in LLVM's own language: the files `*.ll` beside this one."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Any


def source(name: str, **values: Any) -> str:
    """The text of a file, with `$NAME` replaced by what NAME stands for."""
    return Template(Path(__file__).with_name(f"{name}.ll").read_text("utf-8")).substitute(values)
