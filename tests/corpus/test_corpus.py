"""gradc's answers to formulas as people write them, in bits of error, beside those of the plain formulas.

`bits_of_error.txt` has the means of each family, and docs/numerics.md shows them; `pytest --update` measures anew.
"""

from pathlib import Path

import pytest
from bits import KINDS, Measured, means
from formulas import FAMILIES

POINTS = 8
SLACK = 0.25
"""Bits that other versions of NumPy's functions may add to a mean."""
WORSE = 1.0
"""Bits that a program may lose against its plain form, on average over the points."""
TABLE = Path(__file__).parent / "bits_of_error.txt"


def measured(family) -> dict[str, dict[str, tuple[float, float]]]:
    """By program and kind, the mean of gradc and that of the plain form."""
    found = {}
    for program in family.programs():
        case = Measured(program)
        found[program] = means(list(case.errors(family.points(case.inputs, POINTS))))
    return found


def known() -> dict[str, list[float]]:
    """By family, what the table says: gradc and the plain form, for each kind."""
    rows = (line.rsplit(maxsplit=2 * len(KINDS)) for line in TABLE.read_text().splitlines() if line)
    return {name.strip(): [float(number) for number in numbers] for name, *numbers in rows}


def row(name: str, numbers: list[float]) -> str:
    return f"{name:<30}" + "".join(f"{number:7.1f}" for number in numbers)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_bits_of_error(family, request, ran_cases):
    found = measured(family)
    pairs = [[one[kind] for one in found.values() if kind in one] for kind in KINDS]
    numbers = [sum(column) / len(rows) for rows in pairs for column in zip(*rows)]
    if request.config.getoption("--update"):
        table = known() | {family.name: numbers}
        TABLE.write_text("".join(row(each.name, table[each.name]) + "\n" for each in FAMILIES if each.name in table))
    worse = {
        program: f"{kind}: {ours:.1f} bits, {plain:.1f} as written"
        for program, one in found.items()
        for kind, (ours, plain) in one.items()
        if ours > plain + WORSE and kind != "second"
    }
    assert worse == {}
    for ours, before, kind in zip(numbers[::2], known()[family.name][::2], KINDS):
        assert ours <= before + SLACK, kind
    ran_cases(len(found) * POINTS)
