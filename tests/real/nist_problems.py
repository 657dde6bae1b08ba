"""The NIST problems: models from `nist/models.txt`, data and certified values from the files beside it."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

import gradc

DIRECTORY = Path(__file__).parent / "nist"
PARAMETER = re.compile(r"\s*(b\d+) =\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s*")


@dataclass(frozen=True)
class Problem:
    name: str
    response: str
    model: str
    data: dict[str, np.ndarray]
    parameters: tuple[str, ...]
    starts: tuple[np.ndarray, np.ndarray]
    certified: np.ndarray
    sum_of_squares: float

    @cached_property
    def residuals(self):
        """Response minus model, at every observation, as a function of the parameters and the data."""
        return gradc.compile(f"{self.response} - ({self.model})", wrt=self.parameters)

    @cached_property
    def objective(self):
        """The residual sum of squares."""
        program = f"sum(({self.response} - ({self.model}))**2)"
        return gradc.compile(program, wrt=self.parameters)

    def at(self, b):
        return dict(zip(self.parameters, map(float, b), strict=True)) | self.data


def problem(name: str, response: str, model: str) -> Problem:
    lines = (DIRECTORY / f"{name}.dat").read_text(encoding="ascii").splitlines()
    rows = [match.groups() for line in lines if (match := PARAMETER.fullmatch(line))]
    (sum_of_squares,) = (line.split(":")[1] for line in lines if line.startswith("Residual Sum of Squares:"))
    start = max(number for number, line in enumerate(lines) if line.startswith("Data:"))
    names = lines[start].split()[1:]
    table = np.array([line.split() for line in lines[start + 1 :] if line.strip()], dtype=float)
    return Problem(
        name, response, model,
        data=dict(zip(names, table.T.copy(), strict=True)),
        parameters=tuple(row[0] for row in rows),
        starts=(np.array([float(row[1]) for row in rows]), np.array([float(row[2]) for row in rows])),
        certified=np.array([float(row[3]) for row in rows]),
        sum_of_squares=float(sum_of_squares),
    )  # fmt: skip


def problems() -> dict[str, Problem]:
    """All 27, in the order of NIST: from the lower to the higher level of difficulty."""
    lines = (DIRECTORY / "models.txt").read_text(encoding="ascii").splitlines()
    found = [re.fullmatch(r"(\w+):\s+(\S+) ~ (.*)", line).groups() for line in lines]
    return {name: problem(name, response, model) for name, response, model in found}
