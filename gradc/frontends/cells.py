"""What is known of the ranks of values, and what values ask of each other.

Ranks go up a list of cells and demands go down it until nothing changes, which takes a few rounds: inputs get the
fewest axes that the program needs. Where a vector and a matrix both fit, as in `W @ x`, a name in capitals is a matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gradc.language.record import dataclass

MAX_RANK = 8
"""No input is guessed to have more axes."""

MAX_ROUNDS = 10
"""How often ranks and demands go through the program."""

EITHER = -1
"""Asks for a vector, or for a matrix of what is called by a capital letter."""


@dataclass(eq=False, slots=True)
class Cell:
    """A value of the program."""

    parts: Sequence[Cell] = ()
    needs: Sequence[int] = ()
    """How many axes each part must have."""
    shifts: Sequence[int | None] = ()
    """How many axes more than a part the value has; None for a part whose axes it does not have."""
    least: int = 0
    """How many axes the value has whatever its parts have."""
    rule: str = ""
    """For what is not said by these numbers: one of `+ < @ alike diag loss`."""
    is_open: bool = False
    """Whether it may get more axes, because an input in it may."""
    is_capital: bool = False
    is_product: bool = False
    is_data: bool = False
    is_bias: bool = False
    is_cut: bool = False
    """Whether it has fewer or more elements than the inputs that it is made of."""
    is_static: bool = True
    """Whether no input is in it."""
    wishes: Sequence[int] = ()
    """Like `needs`, but what shares its axes with others may do without."""
    given: int = 0
    """How many axes the value has whatever inputs without a declaration have."""
    rank: int = 0
    asked: int = 0
    firm: int = 0
    """What is asked of this cell and of no other."""

    def __post_init__(self) -> None:
        carried = [part for part, shift in zip(self.parts, self.shifts) if shift is not None]
        self.is_open = self.is_open or any([part.is_open for part in carried])
        self.is_product = self.rule == "@" or any([part.is_product for part in carried])
        whole = [part for part, shift in zip(self.parts, self.shifts) if shift == 0]
        self.is_capital = self.is_capital or (self.rule != "@" and any([part.is_capital for part in whole]))
        self.is_data = self.is_data or any([part.is_data for part in (whole[:1] if self.rule == "@" else whole)])
        self.is_cut = self.is_cut or any([part.is_cut for part in carried])
        self.is_static = not self.is_open and all([part.is_static for part in self.parts]) and self.is_static
        self.rank = self.least
        if self.rule != "@" or all([part.given for part in self.parts]):
            self.given = _rank(self, [part.given for part in self.parts])

    def ask(self, rank: int, firmly: bool) -> bool:
        """Ask for so many axes; whether that is more than before."""
        rank = min(rank, MAX_RANK)
        is_more = rank > self.asked or (firmly and rank > self.firm)
        self.asked = max(self.asked, rank)
        self.firm = max(self.firm, rank if firmly else 0)
        return is_more

    def least_of(self, need: int) -> int:
        return need if need != EITHER else 2 if self.is_capital and self.is_open else 1


def settle(cells: Sequence[Cell]) -> None:
    """The ranks of cells, parts before wholes, that fulfil what is asked: first of one cell alone, then of several."""
    for softly in (False, True):
        for _ in range(MAX_ROUNDS):
            for cell in cells:
                cell.rank = _rank(cell, [part.rank for part in cell.parts])
            if not any([_hand_on(cell, softly) for cell in reversed(cells)]):
                break


def _rank(cell: Cell, parts: Sequence[int]) -> int:
    """How many axes a cell has if its parts have so many."""
    if not cell.parts:
        return max(cell.least, cell.asked if cell.is_open else 0)
    if cell.rule == "@":
        return _rank_of_product(*parts)
    if cell.rule == "diag":
        return 1 if parts[0] == 2 else 2
    return max([cell.least] + [rank + shift for rank, shift in zip(parts, cell.shifts) if shift is not None])


def _rank_of_product(left: int, right: int) -> int:
    left, right = max(left, 1), max(right, 1)
    return left + right - 2 if 1 in (left, right) else max(left, right)


def _hand_on(cell: Cell, also_softly: bool) -> bool:
    """Ask the parts of a cell for what the cell needs, and for what is asked of it; whether that was news."""
    parts = cell.parts
    firmly = [(part, part.least_of(need)) for part, need in zip(parts, cell.needs) if need]
    softly = list(zip(parts, cell.wishes))
    match cell.rule:
        case "@":
            firmly += _asked_of_product(cell)
        case "alike":
            rank = max([cell.asked - (cell.shifts[0] or 0)] + [part.rank for part in parts])
            firmly += [(part, rank) for part in parts]
        case "loss":
            firmly += [(parts[0], 1 if parts[0].is_product else 2), (parts[1], parts[0].rank - 1)]
        case _:
            carried = [(part, shift) for part, shift in zip(parts, cell.shifts) if shift is not None]
            if any(part.given + shift >= cell.asked for part, shift in carried):
                pass  # what meets a declared array may be a number
            elif sum(part.is_open for part, _ in carried) == 1:
                ((part, shift),) = [pair for pair in carried if pair[0].is_open]
                softly.append((part, cell.asked - shift if cell.asked else 0))
                firmly.append((part, cell.firm - shift if cell.firm else 0))
            elif cell.asked:
                softly += _shared(cell, carried)
            if cell.rule == "+" and cell.rank:
                softly += _terms(cell)
    news = [part.ask(rank, True) for part, rank in firmly if rank > 0]
    news += [part.ask(rank, False) for part, rank in softly if rank > 0 and also_softly]
    return any(news)


def _asked_of_product(cell: Cell) -> Iterator[tuple[Cell, int]]:
    """What `@` asks of its sides besides that they are arrays: where a vector is wanted, the left one is a matrix."""
    left, right = cell.parts
    ranks = [max(side.rank, side.least_of(EITHER)) for side in cell.parts]
    if cell.asked > _rank_of_product(*ranks):
        side, other = (left, right) if left.is_open else (right, left)
        yield side, max(cell.asked, 2)
        if cell.asked >= 2:
            yield other, 2


def _shared(cell: Cell, carried: Sequence[tuple[Cell, int]]) -> Iterator[tuple[Cell, int]]:
    """What is asked of several parts that broadcast: of matrices and products all of it, of the others to be vectors.
    What meets a part of an array, or is compared with an array, may be a number."""
    asked = cell.asked
    there = [part for part, shift in carried if part.rank + shift >= asked]
    is_there = bool(there)
    if is_there and (cell.rule == "<" or any(part.is_cut for part in there)):
        return
    leads = [part.is_open and (part.is_capital or part.is_product) for part, _ in carried]
    has_scores = any(_is_score(part) for part, _ in carried)
    for (part, shift), leading in zip(carried, leads):
        if part.is_open and not (has_scores and part.is_bias):
            yield part, (asked if not is_there and (leading or not any(leads)) else min(asked, 1)) - shift


def _terms(cell: Cell) -> Iterator[tuple[Cell, int]]:
    """What is added to a product of matrices is an array: a vector, or a matrix in capitals."""
    if any(part.is_product and part.rank == cell.rank for part in cell.parts):
        has_scores = any(_is_score(part) for part in cell.parts)
        for part in cell.parts:
            if part.is_open and not part.rank and not (has_scores and part.is_bias):
                yield part, cell.rank if part.is_capital else 1


def _is_score(cell: Cell) -> bool:
    """Whether a cell is `X @ w`: one number for each row of the data, to which one bias is added."""
    return cell.rule == "@" and cell.is_data and cell.parts[1].rank < 2


def reach(result: Cell, body: Sequence[Cell]) -> dict[Cell, int]:
    """By how many axes a result has more than what it is made of."""
    shifts: dict[Cell, int] = {result: 0}
    for cell in reversed(body):
        if cell in shifts:
            for part, shift in zip(cell.parts, _carried(cell)):
                if shift is not None:
                    shifts[part] = max(shifts.get(part, -MAX_RANK), shifts[cell] + shift)
    return shifts


def _carried(cell: Cell) -> Sequence[int | None]:
    """The shifts of a cell whose parts have settled: a product with a matrix has the further axes of its other side."""
    if cell.rule != "@":
        return cell.shifts
    left, right = cell.parts
    return (0 if right.rank >= 2 else None, 0 if left.rank >= 2 else None)
