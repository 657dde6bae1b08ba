"""Which nodes of a program are one gate to its reader: calls of built-in functions, indices, and long sums."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gradc.construct.functions import prelude
from gradc.ir.graph import Node
from gradc.language.source import Span

FEWEST_TERMS = 6
"""Sums of at least so many terms are one gate."""


@dataclass(frozen=True)
class Way:
    """How a value gets into a gate: as an argument of one of its nodes, through nodes that only move it."""

    source: Node
    node: Node
    position: int
    moves: tuple[Node, ...] = ()
    """The last one takes the source."""


@dataclass(frozen=True)
class Fold:
    """A gate of one node or many, the last of which, the root, is its value."""

    root: Node
    members: tuple[Node, ...]
    ways: tuple[Way, ...]
    symbol: str = ""
    """What the gate is called; "" for the name of the root's op."""
    is_function: bool = False
    """Whether it takes each value once, however often its nodes do."""


def unfolded(node: Node) -> Fold:
    """One node as a gate."""
    return Fold(node, (node,), tuple(Way(arg, node, k) for k, arg in enumerate(node.args)))


def folds(order: Sequence[Node], spans: Mapping[Node, Span]) -> list[Fold]:
    """The gates of a program, in forward order, of nodes in topological order.

    What has no place in the user's text belongs to the node that it was made for, if there is only one.
    """
    gates = [node for node in order if node.row.kind != "source"]
    owner = _owners(gates, spans)
    sums = _long_sums([node for node in gates if owner[node] is node])
    owner.update({term: root for root, terms in sums.items() for term in terms})
    members: dict[Node, list[Node]] = {}
    for node in gates:
        root = owner[node]
        if root is not None:
            members.setdefault(root, []).append(node)
    found = []
    for node in gates:
        if owner[node] is node:
            own = [member for member in members[node] if not _only_moves(member, node, spans)]
            ways = tuple(_ways(node, owner, own))
            symbol = "" if node in sums else function_called(own, spans.get(node))
            found.append(Fold(node, tuple(own), ways, symbol, len(own) > 1 and node not in sums))
    return found


def _is_users(node: Node, spans: Mapping[Node, Span]) -> bool:
    return node in spans and spans[node].source is not prelude()


def _owners(gates: Sequence[Node], spans: Mapping[Node, Span]) -> dict[Node, Node | None]:
    """For each node the root of its gate; None for nodes that only move a value, into several gates."""
    users: dict[Node, set[Node | None]] = {}
    owner: dict[Node, Node | None] = {}
    for node in reversed(gates):
        owners = users.get(node, set())
        if not owners or _is_users(node, spans):
            owner[node] = node
        elif len(owners) == 1 and None not in owners:
            (owner[node],) = owners
        else:
            owner[node] = None if _moves(node) else node
        root = owner[node]
        if root is not None and not (root is node or _is_users(root, spans)):
            owner[node] = node  # what nobody wrote holds nothing else
        for arg in node.args:
            users.setdefault(arg, set()).add(owner[node])
    return owner


def _moves(node: Node) -> bool:
    return node.row.kind == "movement" and len(node.args) == 1


def _only_moves(node: Node, root: Node, spans: Mapping[Node, Span]) -> bool:
    return node is not root and _moves(node) and not _is_users(node, spans)


def _ways(root: Node, owner: Mapping[Node, Node | None], members: Sequence[Node]) -> Iterator[Way]:
    """The ways into a gate, in the order in which its nodes name them."""
    inside = set(members)
    seen: set[Node] = set()
    stack: list[tuple[Node, int]] = [(root, k) for k in reversed(range(len(root.args)))]
    while stack:
        node, position = stack.pop()
        source, moves = node.args[position], []
        while source not in inside and source in owner and owner[source] in (root, None):
            moves.append(source)
            source = source.args[0]
        if source not in inside:
            yield Way(source, node, position, tuple(moves))
        elif source not in seen:
            seen.add(source)
            stack += [(source, k) for k in reversed(range(len(source.args)))]


def _long_sums(roots: Sequence[Node]) -> dict[Node, list[Node]]:
    """The sums of sums that have many terms: their last node, and the others."""
    uses: dict[Node, int] = {}
    for node in roots:
        for arg in node.args:
            uses[arg] = uses.get(arg, 0) + 1
    inner = {node for node in roots if _adds(node) and uses.get(node, 0) == 1}
    found: dict[Node, list[Node]] = {}
    seen: set[Node] = set()
    for node in reversed(roots):
        if not _adds(node) or node in seen:
            continue
        terms, stack = [], [node]
        while stack:
            for arg in stack.pop().args:
                if arg in inner:
                    terms.append(arg)
                    stack.append(arg)
        seen.update(terms)
        if len(terms) + 2 >= FEWEST_TERMS:
            found[node] = terms
    return found


def _adds(node: Node) -> bool:
    return node.row.symbol == "+" and not any(arg.row.is_number for arg in node.args)


def function_called(members: Sequence[Node], span: Span | None) -> str:
    """The function that the user called, or the index; "" where the op's own name says it."""
    root = members[-1]
    if span is None or (len(members) == 1 and root.row.kind in ("elementwise", "contraction")):
        return ""
    text = " ".join(span.text.split())
    if text.endswith(")"):
        name = text[: _opening(text)].strip().rpartition(".")[2]
        return name if name.isidentifier() else ""
    if text.endswith("]"):
        return text[_opening(text) :]
    return ""


def _opening(text: str) -> int:
    """Where the bracket opens that the text's last character closes."""
    depth = 0
    for k in range(len(text) - 1, -1, -1):
        depth += (text[k] in ")]") - (text[k] in "([")
        if not depth:
            return k
    return 0
