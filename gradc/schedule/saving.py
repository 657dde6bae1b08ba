"""Values that are saved before loops are planned, because without an array the work would multiply with every step.

The neighbours of a stencil, or rows that two arrays of indices pick, are several values an element, each made of
several others of their kind. And a sum into which parts of arrays are scattered is complete only in an array.
"""

from __future__ import annotations

from gradc.ir.graph import Graph, Node, topological, users
from gradc.ir.ops import PICKS, SCATTERS
from gradc.schedule.tasks import SAVE_FROM

MAX_PICKS = 2
"""How many arrays of indices may stand one inside the other in an access."""


def saved_beforehand(graph: Graph) -> list[Node]:
    """What has to be saved, arguments first."""
    readers = users(graph.results)
    saved: list[Node] = []
    work: dict[Node, int] = {}
    picks: dict[Node, int] = {}
    adds_up: set[Node] = set()
    for node in topological(graph.results):
        if node.row.kind in ("source", "reduction", "contraction"):
            work[node] = picks[node] = 0
            continue
        work[node] = min(node.row.cost + sum(work[arg] for arg in node.args), SAVE_FROM)
        picks[node] = max(picks[arg] for arg in node.args) + (node.op in PICKS)
        ways = {(user.op, user.attrs, user.args[1:]) if _shifts(user, node) else None for user in readers[node]}
        is_dear = work[node] >= SAVE_FROM and len(ways) > 1 and ways != {None}
        is_deep = picks[node] >= MAX_PICKS and any(user.op in PICKS and user.args[0] is node for user in readers[node])
        is_sum = node.op == "add" and any(arg.op in SCATTERS or arg in adds_up for arg in node.args)
        is_read = is_sum and (len(readers[node]) > 1 or any(user.op != "add" for user in readers[node]))
        if node.shape and node.row.kind == "elementwise" and (is_dear or is_deep or is_read):
            saved.append(node)
            work[node] = picks[node] = 0
        elif is_sum:
            adds_up.add(node)
    return saved


def _shifts(user: Node, node: Node) -> bool:
    """Whether a reader takes the value from another place than its own."""
    return user.op in ("slice", *PICKS) and user.args[0] is node
