"""Colours for the columns of a sparse matrix: those of one colour are found by one product with a vector.

A Jacobian's columns may share a colour where no row has entries in both: distance-2 colouring. A symmetric matrix needs
less, because an entry can be read at its mirror place: star colouring, in which neighbours differ and every path of
four vertices has three colours. Both go through the vertices by falling number of neighbours and take the first colour
that is free; A. H. Gebremedhin, F. Manne, A. Pothen, "What color is your Jacobian?", SIAM Review 47 (2005), 629-705.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

FEW = 16
"""Up to so many colours of a symmetric matrix nobody looks for fewer."""


def columns_apart(pattern: Any) -> np.ndarray:
    """The colour of each column of a pattern: columns of one colour share no row."""
    found = in_turn(pattern)
    if found is not None:
        return found
    columns = pattern.shape[1]
    by_column = pattern.tocsc()
    by_column.sort_indices()
    counts = np.diff(by_column.indptr)
    row_lists = _lists(pattern.indptr, pattern.indices)
    column_lists = _lists(by_column.indptr, by_column.indices)
    colours = [-1] * columns
    for column in np.argsort(-counts, kind="stable").tolist():
        taken = {colours[other] for row in column_lists[column] for other in row_lists[row]}
        colours[column] = _first_free(taken)
    return np.array(colours, np.int64)


def star(pattern: Any) -> np.ndarray:
    """The colour of each row and column of a symmetric pattern, from which every entry or its mirror image can be
    read."""
    found = in_turn(pattern)
    if found is not None and found.max(initial=0) < FEW:
        return found
    lists = _lists(pattern.indptr, pattern.indices)
    neighbours = [[other for other in line if other != k] for k, line in enumerate(lists)]
    colours = [-1] * len(neighbours)
    for vertex in np.argsort(-np.diff(pattern.indptr), kind="stable").tolist():
        taken = set()
        near: dict[int, int] = {}
        for other in neighbours[vertex]:
            colour = colours[other]
            if colour >= 0:
                taken.add(colour)
                near[colour] = near.get(colour, 0) + 1
        for other in neighbours[vertex]:
            colour = colours[other]
            if colour < 0 or near[colour] > 1:
                # nothing says what the way over it becomes, or it would be a path of two colours over both
                taken.update([colours[beyond] for beyond in neighbours[other] if beyond != vertex])
                continue
            for beyond in neighbours[other]:
                if beyond != vertex and colours[beyond] >= 0 and colours[beyond] not in taken:
                    if any(colours[last] == colour for last in neighbours[beyond] if last != other):
                        taken.add(colours[beyond])
        colours[vertex] = _first_free(taken)
    return np.array(colours, np.int64)


def in_turn(pattern: Any) -> np.ndarray | None:
    """As few colours as the longest row has entries, given in turn along the columns, or along the rows in which they
    first appear: what bands allow, and stages of a problem in time. None where such colours meet in a row."""
    rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    count = int(np.diff(pattern.indptr).max(initial=0))
    if count == 0:
        return np.zeros(pattern.shape[1], np.int64)
    first = np.full(pattern.shape[1], pattern.shape[0])
    np.minimum.at(first, pattern.indices, rows)
    by_row = np.empty(first.size, np.int64)
    by_row[np.argsort(first, kind="stable")] = np.arange(first.size)
    for places in (np.arange(pattern.shape[1]), by_row):
        colours = places % count
        if np.bincount(rows * count + colours[pattern.indices]).max(initial=0) <= 1:
            return colours
    return None


def readable(pattern: Any, colours: np.ndarray) -> np.ndarray:
    """For each entry of a symmetric pattern, in the order of its rows, whether it can be read where it stands: no other
    column with an entry in its row has its column's colour. Where not, its mirror image can."""
    rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    keys = rows * (colours.max(initial=0) + 1) + colours[pattern.indices]
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return counts[inverse] == 1


def _lists(indptr: np.ndarray, indices: np.ndarray) -> list[list[int]]:
    ends, flat = indptr.tolist(), indices.tolist()
    return [flat[start:end] for start, end in pairwise(ends)]


def _first_free(taken: set[int]) -> int:
    colour = 0
    while colour in taken:
        colour += 1
    return colour
