"""Which programs add up over rows: found from the graph, op by op, never by trial.

Every value of a program is one of four kinds. A `FREE` one depends on no row. One that goes `BY_ROW` has an axis of
rows, along which every element depends on its own row only. A `SUM` is a total over rows of such values, times numbers
that are free: the totals of parts of the rows add up to it. An `OUTER` one is computed from sums and free values.
A value that fits none of them mixes rows, and is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gradc.ir.access import reads
from gradc.ir.affine import Affine
from gradc.ir.graph import Graph, Node, dependent, fresh, input_node, replace, topological
from gradc.ir.ops import others
from gradc.ir.sizes import Size, names
from gradc.language.diagnostics import Error
from gradc.language.source import Span

FREE, SUM, OUTER = "free", "sum", "outer"
Kind = int | str
"""The axis of rows of a value that goes by row; the others by name."""


class Rows:
    """The kinds of the values of a graph in which a size counts rows. Raises `Error` G0608 where rows are mixed."""

    def __init__(self, graph: Graph, size: str, spans: Mapping[Node, Span]):
        self.size = size
        self.spans = spans
        self.kinds: dict[Node, Kind] = {}
        self.order = topological(graph.results)
        for node in self.order:
            self.kinds[node] = self._kind(node)

    # ------------------------------------------------------------ one value

    def _kind(self, node: Node) -> Kind:
        kinds = [self.kinds[arg] for arg in node.args]
        by_row = [kind for kind in kinds if isinstance(kind, int)]
        if by_row:
            for arg, kind in zip(node.args, kinds):
                if kind in (SUM, OUTER):
                    raise self._needs_all(arg)
            found = self._of_rows(node, kinds)
            if isinstance(found, int) and self._axis(node) != found:
                raise self.mixed(node)
            return found
        if self._has_rows(node):
            return self._repeated(node, kinds)
        if all(kind == FREE for kind in kinds):
            return FREE
        return SUM if self._is_linear(node, kinds) else OUTER

    def _has_rows(self, node: Node) -> bool:
        return any(self.size in names(size) for size in node.shape)

    def _axis(self, node: Node) -> int | None:
        """The one axis of rows of a shape, if it has one and the size of rows is in no other."""
        axes = [axis for axis, size in enumerate(node.shape) if self.size in names(size)]
        return axes[0] if len(axes) == 1 and node.shape[axes[0]] == self.size else None

    def _repeated(self, node: Node, kinds: Sequence[Kind]) -> Kind:
        """What has rows but is made of values without: the same in each row, or data by row."""
        for arg, kind in zip(node.args, kinds):
            if kind in (SUM, OUTER):
                raise self._needs_all(arg)
        axis = self._axis(node)
        if axis is None or (node.op == "iota" and node.attrs[0] == axis) or (node.args and node.op != "broadcast"):
            raise self.mixed(node)
        return axis

    def _of_rows(self, node: Node, kinds: Sequence[Kind]) -> Kind:
        """The kind of an op of which some arguments go by row and the others are free."""
        row = node.row
        if row.kind in RULES:
            found = RULES[row.kind](node, kinds)
        elif row.access in RULES:
            found = RULES[row.access](node, kinds)
        else:
            found = _elements(node, kinds)
        if found is None:
            raise self.mixed(node)
        return found

    def _is_linear(self, node: Node, kinds: Sequence[Kind]) -> bool:
        """Whether the values of parts of the rows add up to that of all: the op is linear in its sums."""
        sums = {name for name, kind in zip(node.row.params, kinds) if kind == SUM}
        together = [set(group.split()) for group in node.row.linear.split("|")]
        return OUTER not in kinds and sums in together and not (node.op == "cast" and not node.type.is_float)

    # ------------------------------------------------------------ messages

    def mixed(self, node: Node) -> Error:
        """The error for a value that takes rows together otherwise than by adding them."""
        help = "sums and means over rows can be computed by blocks"
        if node.row.kind == "reduction":
            help += f", but not {node.op}"
        if node.op == "norm":
            help += ": write sqrt(sum(x**2))"
        return self._error(node, "this takes different rows together", "mixes rows", help)

    def stable(self, node: Node) -> Error:
        """The error for a logarithm of a sum of exponentials, or a quotient by one."""
        help = "subtract a number from the exponents that you know to be about as large, or sum them otherwise"
        return self._error(node, "to be accurate this needs the largest exponent of all rows", "over all rows", help)

    def _needs_all(self, node: Node) -> Error:
        """The error for a total that is used in every row."""
        help = "compute it first, and pass it as data or as a parameter"
        return self._error(node, "every row would need this total over all rows", "depends on all rows", help)

    def _error(self, node: Node, message: str, label: str, help: str) -> Error:
        above = dependent(self.order, [node])
        nearest = next((n for n in (node, *self.order) if n in above and n in self.spans), None)
        return Error("G0608", message, self.spans.get(nearest) if nearest else None, label=label, help=help)


# ---------------------------------------------------------------- the axis of rows through each kind of op

Rule = Callable[[Node, Sequence[Kind]], "Kind | None"]
"""From an op some of whose arguments go by row, and their kinds, to its own; None where it mixes rows."""


def _elements(node: Node, kinds: Sequence[Kind]) -> Kind | None:
    """Ops that compute, or move, one element after the other: every row is made of the same row of the arguments."""
    read = dict(reads(node, tuple(Affine(str(axis)) for axis in range(node.type.rank))))
    axes = set()
    for arg, kind in zip(node.args, kinds):
        if isinstance(kind, int) and arg in read:
            at = read[arg][kind]
            axes.add(int(at.var) if isinstance(at, Affine) and at.var is not None and at == Affine(at.var) else None)
    return axes.pop() if len(axes) == 1 else None


def _scatter(node: Node, kinds: Sequence[Kind]) -> Kind | None:
    if node.row.element is None:
        return None
    at = node.row.element(node.attrs, tuple(Affine(str(axis)) for axis in range(node.args[0].type.rank)))
    row = Affine(str(kinds[0]))
    return at.index(row) if row in at else None


def _reduction(node: Node, kinds: Sequence[Kind]) -> Kind | None:
    (axis,), axes = kinds, node.attrs[0]
    if axis in axes:
        return SUM if node.op == "sum" else None
    return others(node.args[0].type.rank, axes).index(axis)


def _contraction(node: Node, kinds: Sequence[Kind]) -> Kind | None:
    found = {attrs[kind] for attrs, kind in zip(node.attrs, kinds) if isinstance(kind, int)}
    if len(found) > 1:
        return None
    (label,) = found
    if any(label in attrs for attrs, kind in zip(node.attrs, kinds) if not isinstance(kind, int)):
        return None
    labels = node.attrs[2]
    return labels.index(label) if label in labels else SUM


def _join(node: Node, kinds: Sequence[Kind]) -> Kind | None:
    """Arrays that all go by row, side by side along another axis."""
    axes = set(kinds)
    axis = axes.pop()
    return axis if not axes and axis != node.attrs[0] else None


def _reshape(node: Node, kinds: Sequence[Kind]) -> Kind | None:
    """Rows that come first stay together."""
    return 0 if kinds[0] == 0 and node.shape and node.shape[0] == node.args[0].shape[0] else None


def _along(node: Node, kinds: Sequence[Kind]) -> Kind | None:
    """Ops along one axis, which is not that of rows; places in a table that no row changes."""
    if node.op == "searchsorted":
        return kinds[1] if kinds[0] == FREE else None
    axes = set(kinds)
    axis = axes.pop()
    return axis if not axes and axis != node.attrs[0] else None


def _matrices(node: Node, kinds: Sequence[Kind]) -> Kind | None:
    """Ops on a stack of matrices, of which each is one of the rows."""
    axes = set(kinds)
    axis = axes.pop()
    return axis if not axes and isinstance(axis, int) and axis < node.args[0].type.rank - 2 else None


RULES: dict[str, Rule] = {
    "reduction": _reduction, "contraction": _contraction, "scan": _along, "view": _reshape, "call": _along,
    "matrix": _matrices, "scatter": _scatter, "parts": _join,
}  # fmt: skip
"""By the kind of op, or by how it moves data; others go element by element."""


# ---------------------------------------------------------------- programs of parts


@dataclass(frozen=True)
class Division:
    """A program divided into sums over rows, and what is computed from these totals once."""

    sums: tuple[Node, ...]
    """Their values for parts of the rows add up to the totals."""
    outer: Node
    """The result, where each total is an input."""
    totals: tuple[Node, ...]
    """The totals as these inputs."""
    counts: dict[Node, Size]
    """Inputs in the place of sizes as numbers: those of all rows, not of a part of them."""


def divide(graph: Graph, size: str, spans: Mapping[Node, Span], stable: Graph) -> Division:
    """The division of a program of which a size counts rows. Raises `Error` G0608 where it has none.

    stable: the same graph as the rules for accuracy leave it, which may have to look at all rows at once.
    """
    rows = Rows(graph, size, spans)
    (result,) = graph.results
    if isinstance(rows.kinds[result], int):
        help = "sum it, or take the mean"
        raise Error("G0608", "the program has a value for each row", spans.get(result), help=help)
    for node in topological(stable.results):
        if node.op == "logsumexp" and node not in rows.kinds:
            if any(size in names(node.args[0].shape[axis]) for axis in node.attrs[0]):
                raise rows.stable(node)
    nodes = topological(graph.results)
    used = {arg: None for node in nodes if rows.kinds[node] == OUTER for arg in node.args if rows.kinds[arg] == SUM}
    if rows.kinds[result] == SUM:
        used[result] = None
    for node in used:
        if not node.type.is_float:
            raise rows.mixed(node)
    taken = set(graph.input_names)

    def new_input(name: str, node: Node) -> Node:
        name = fresh(name, taken)
        taken.add(name)
        return input_node(name, node.type)

    sizes = [node for node in nodes if node.op == "size"]
    known = {node: new_input("count", node) for node in sizes}
    totals = {node: new_input("total", node) for node in used}
    (outer,) = replace((result,), known | totals)
    counts = {known[node]: node.attrs[0] for node in sizes}
    return Division(tuple(replace(used, known)), outer, tuple(totals.values()), counts)
