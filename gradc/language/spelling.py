"""Which known name a misspelt one was meant to be."""

from __future__ import annotations

from collections.abc import Iterable

MAX_LENGTH = 64
"""Longer names are not compared."""


def closest(name: str, known: Iterable[str], affixes: bool = False) -> str | None:
    """The known name that this one misspells, or None. Case and underscores do not count; of two, the first.

    With `affixes`, a letter before or behind a name may make another one of it, as it does with functions.
    """
    known = list(known)
    plain = _plain(name)
    same = [candidate for candidate in known if _plain(candidate) == plain]
    if same or len(plain) > MAX_LENGTH:
        return same[0] if same else None
    slips = [(slip, candidate) for candidate in known if (slip := _slip(plain, _plain(candidate), affixes))]
    return min(slips, key=lambda pair: pair[0])[1] if slips else None


def _plain(name: str) -> str:
    return name.lower().replace("_", "") or name


def _slip(name: str, known: str, affixes: bool) -> int:
    """How many slips of the fingers turn a known name into this one; 0 if it must be another name.

    People seldom miss the first letter. One letter in four may be wrong, in three letters only two that changed places.
    Digits have a meaning (`log2`, `log10`), and so has more than a letter before or behind a whole name (`erfinv`).
    With affixes, a single letter has one too (`sech`), unless it is struck twice or, in a longer name, it is the last
    one left out or an `s`.
    """
    if name[:1] != known[:1] and name[:2] != known[1::-1]:
        return 0
    if sorted(filter(str.isdigit, name)) != sorted(filter(str.isdigit, known)):
        return 0
    longer, shorter = (name, known) if len(name) > len(known) else (known, name)
    if longer.startswith(shorter) or longer.endswith(shorter):
        added = longer.removeprefix(shorter) if longer.startswith(shorter) else longer.removesuffix(shorter)
        if len(added) != 1 or len(shorter) < 2:
            return 0
        is_small = len(shorter) > 4 and (longer is known or added == "s")
        return 1 if not affixes or added == shorter[-1] or is_small else 0
    if _are_exchanged(name, known):
        return 1
    if len(shorter) < 4 or (len(longer) < 5 and len(name) == len(known)):
        return 0
    distance = _distance(name, known, limit=len(longer) // 4)
    return distance if distance <= len(longer) // 4 else 0


def _are_exchanged(name: str, known: str) -> bool:
    """Whether two neighbouring letters have changed places, and nothing else."""
    if sorted(name) != sorted(known):
        return False
    differ = [place for place, pair in enumerate(zip(name, known)) if pair[0] != pair[1]]
    return len(differ) == 2 and differ[1] == differ[0] + 1


def _distance(name: str, known: str, limit: int) -> int:
    """Letters to insert, delete, replace or exchange with their neighbour; more than `limit` where it is more."""
    if abs(len(name) - len(known)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(known) + 1))
    for i, letter in enumerate(name, 1):
        earlier, before, row = before, row, [i]
        for j, other in enumerate(known, 1):
            best = min(row[j - 1] + 1, before[j] + 1, before[j - 1] + (letter != other))
            if earlier and j > 1 and letter == known[j - 2] and name[i - 2] == other:
                best = min(best, earlier[j - 2] + 1)
            row.append(best)
        if min(row) > limit:
            return limit + 1
    return row[-1]


def counted(number: int, one: str, several: str = "") -> str:
    """`1 element`, `1,000 elements`, `2 axes`."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"
