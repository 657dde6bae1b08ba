"""Values that one iteration reads at several places: computed there again and again unless they have an array.

The neighbours of a stencil, or rows that two arrays of indices pick, come to a few values an element; where such values
are made of others of their kind, the work multiplies with every step. So they are saved before loops are planned.
"""

from __future__ import annotations

from collections.abc import Iterable

from gradc.ir.graph import Node, topological, users
from gradc.schedule.tasks import SAVE_FROM, cost

PICKS = ("take", "take_along")
"""Moves to an index that another array holds."""

MAX_PICKS = 2
"""How many arrays of indices may stand one inside the other in an access."""


def read_at_several_places(results: Iterable[Node]) -> list[Node]:
    """What has to be saved, arguments first."""
    results = tuple(results)
    readers = users(results)
    saved: list[Node] = []
    work: dict[Node, int] = {}
    picks: dict[Node, int] = {}
    for node in topological(results):
        if node.row.kind in ("source", "reduction", "contraction"):
            work[node] = picks[node] = 0
            continue
        work[node] = min(cost(node) + sum(work[arg] for arg in node.args), SAVE_FROM)
        picks[node] = max(picks[arg] for arg in node.args) + (node.op in PICKS)
        ways = {(user.op, user.attrs, user.args[1:]) if _shifts(user, node) else None for user in readers[node]}
        is_dear = work[node] >= SAVE_FROM and len(ways) > 1 and ways != {None}
        is_deep = picks[node] >= MAX_PICKS and any(user.op in PICKS and user.args[0] is node for user in readers[node])
        if node.shape and node.row.kind == "elementwise" and (is_dear or is_deep):
            saved.append(node)
            work[node] = picks[node] = 0
    return saved


def _shifts(user: Node, node: Node) -> bool:
    """Whether a reader takes the value from another place than its own."""
    return user.op in ("slice", *PICKS) and user.args[0] is node
