"""Axes that a product of matrices takes as one are one in the code around it too.

A product of a stack of matrices and one matrix is a product of two matrices, between a reshape of the stack and one of
the result. Elementwise code on either side is done in the shape of the product, so that tiles and loops hold both: the
reshapes move to the inputs and to the results.
"""

from __future__ import annotations

from collections.abc import Iterable

from gradc.ir.graph import Node, broadcast, build, constant, make, topological
from gradc.ir.ops import ARRAY_OPS, others
from gradc.ir.sizes import Shape, product
from gradc.language.record import dataclass
from gradc.language.source import Span

MAX_SWEEPS = 4
"""How often a graph is gone through: each time values get folded that what was folded before has in common with
others."""

Groups = tuple[tuple[int, ...], ...]
"""For each axis of the folded shape, the axes that it stands for."""


@dataclass(frozen=True)
class AxisFold:
    """A shape, and one in which axes that stand side by side are one."""

    shape: Shape
    base: Shape
    groups: Groups

    def of_axes(self, axes: tuple[int, ...]) -> tuple[int, ...] | None:
        """The folded axes that stand for just these; None where they are a part of one."""
        found = tuple(place for place, group in enumerate(self.groups) if group[0] in axes)
        return found if tuple(axis for place in found for axis in self.groups[place]) == axes else None

    def along(self, axes: tuple[int, ...], places: tuple[int, ...]) -> AxisFold:
        """What is left with these axes only, for which the folded axes `places` stand."""
        groups = tuple(tuple(axes.index(axis) for axis in self.groups[place]) for place in places)
        return AxisFold(tuple(self.shape[k] for k in axes), tuple(self.base[k] for k in places), groups)


def fold_of(shape: Shape, base: Shape) -> AxisFold | None:
    """How a shape folds to another of lower rank; None where it does not."""
    groups: list[tuple[int, ...]] = []
    start = 0
    for size in base:
        stop = start + 1
        while stop <= len(shape) and product(shape[start:stop]) != size:
            stop += 1
        if stop > len(shape):
            return None
        groups.append(tuple(range(start, stop)))
        start = stop
    return AxisFold(shape, base, tuple(groups)) if start == len(shape) > len(base) > 0 else None


def folded(results: Iterable[Node], spans: dict[Node, Span]) -> list[Node]:
    """The results with code around folded products in the shape of these."""
    found = list(results)
    if not any(_of_product(node) for node in topological(found)):
        return found
    folding = _Folding(spans)
    for _ in range(MAX_SWEEPS):
        before, found = found, folding.sweep(found)
        if found == before:
            break
    return _unfolded(found, folding.spread)


def _of_product(node: Node) -> bool:
    """Whether a node is a product that is given another shape, or takes an array that is."""
    if node.op == "reshape":
        return node.args[0].op == "contract" and fold_of(node.shape, node.args[0].shape) is not None
    return node.op == "contract" and any(_folds(arg) for arg in node.args)


def _folds(node: Node) -> bool:
    return node.op == "reshape" and fold_of(node.args[0].shape, node.shape) is not None


class _Folding:
    """Folded values, and what they have come from."""

    def __init__(self, spans: dict[Node, Span]):
        self.spans = spans
        self.known: dict[tuple[Node, AxisFold], Node | None] = {}
        self.twins: dict[Node, Node] = {}
        """Values that are computed folded too, as reshapes of those."""
        self.spread: dict[Node, Node] = {}
        """Folded values, as they would be computed in the shape that they had."""

    def sweep(self, results: list[Node]) -> list[Node]:
        new: dict[Node, Node] = {}
        for node in topological(results):
            args = tuple(new[arg] for arg in node.args)
            made = node if args == node.args else build(node.op, args, node.attrs)
            new[node] = made = self.twins.get(made) or self._lifted(made)
            if node in self.spans:
                self.spans.setdefault(made, self.spans[node])
        return [new[node] for node in results]

    def _lifted(self, node: Node) -> Node:
        """A value of folded ones as a reshape of one; an array that a product takes, as computed folded."""
        if node.op == "contract":
            args = tuple(self._inside(arg) if _folds(arg) else arg for arg in node.args)
            return node if args == node.args else make("contract", *args, attrs=node.attrs)
        if node.op == "reshape" and node.args[0].op == "reshape":
            inner = node.args[0].args[0]
            return inner if inner.shape == node.shape else make("reshape", inner, attrs=node.attrs)
        if not (_is_elementwise(node) or node.row.combine):
            return node
        for arg in node.args:
            if arg.op == "reshape" and (fold := fold_of(arg.shape, arg.args[0].shape)) is not None:
                if node.row.combine:
                    return self._reduced(node, fold)
                found = self.fold(node, fold)
                if found is not None:
                    return make("reshape", found, attrs=(node.shape,))
        return node

    def _reduced(self, node: Node, fold: AxisFold) -> Node:
        places = fold.of_axes(node.attrs[0])
        if places is None:
            return node
        total = make(node.op, node.args[0].args[0], attrs=(places,))
        return total if total.shape == node.shape else make("reshape", total, attrs=(node.shape,))

    def _inside(self, node: Node) -> Node:
        """A reshape that folds, inside of what it is of."""
        fold = fold_of(node.args[0].shape, node.shape)
        found = None if fold is None else self.fold(node.args[0], fold)
        return node if found is None else found

    def fold(self, node: Node, fold: AxisFold) -> Node | None:
        """A value computed folded; None where it has to be computed as it is."""
        stack = [(node, fold)]
        while stack:
            here = stack[-1]
            if here in self.known:
                stack.pop()
                continue
            wanted = _made_of(*here)
            if wanted is None:
                self.known[here] = None
                continue
            pending = [part for part in wanted if part not in self.known]
            if pending:
                stack += pending
                continue
            self.known[here] = self._folded(*here, [self.known[part] for part in wanted])
        return self.known[node, fold]

    def _folded(self, node: Node, fold: AxisFold, args: list[Node | None]) -> Node | None:
        given = [arg for arg in args if arg is not None]
        if len(given) < len(args):
            return None
        if node.op == "const":
            return constant(node.value, node.type.with_shape(fold.base))
        if node.op == "reshape":
            return node.args[0]
        if node.op == "broadcast":
            places = fold.of_axes(node.attrs[1])
            assert places is not None
            return broadcast(given[0] if given else node.args[0], fold.base, places)
        if not args:
            return make("reshape", node, attrs=(fold.base,))
        if node.row.combine:
            inner = _before_reduction(node, fold)
            assert inner is not None
            made = make(node.op, given[0], attrs=(inner.of_axes(node.attrs[0]),))
        else:
            made = build(node.op, tuple(given), node.attrs)
            self.spread.setdefault(made, node)
        if made.row.cost or node.row.combine:
            self.twins.setdefault(node, make("reshape", made, attrs=(node.shape,)))
        if node in self.spans:
            self.spans.setdefault(made, self.spans[node])
        return made


def _is_elementwise(node: Node) -> bool:
    return node.row.kind == "elementwise" or node.op == "cast"


def _made_of(node: Node, fold: AxisFold) -> list[tuple[Node, AxisFold]] | None:
    """What is needed folded for a value to be computed folded; None where it cannot be."""
    if node.op == "const":
        return []
    if node.op == "reshape":
        return [] if node.args[0].shape == fold.base else None
    if node.op == "input" or node.op in ARRAY_OPS:
        return []
    if _is_elementwise(node):
        return [(arg, fold) for arg in node.args]
    if node.op == "broadcast":
        axes = node.attrs[1]
        places = fold.of_axes(axes)
        if places is None:
            return None
        if all(len(fold.groups[place]) == 1 for place in places):
            return []
        return [(node.args[0], fold.along(axes, places))]
    if node.row.combine:
        inner = _before_reduction(node, fold)
        return None if inner is None else [(node.args[0], inner)]
    return None


def _before_reduction(node: Node, fold: AxisFold) -> AxisFold | None:
    """How the argument of a reduction folds, if the result does in this way; None where it does not."""
    shape, kept = node.args[0].shape, others(node.args[0].type.rank, node.attrs[0])
    groups: list[tuple[int, ...]] = [(axis,) for axis in node.attrs[0]]
    groups += (tuple(kept[axis] for axis in group) for group in fold.groups)
    groups.sort()
    if tuple(axis for group in groups for axis in group) != tuple(range(len(shape))):
        return None
    return AxisFold(shape, tuple(product(tuple(shape[axis] for axis in group)) for group in groups), tuple(groups))


def _unfolded(results: list[Node], spread: dict[Node, Node]) -> list[Node]:
    """The results without folded values that nothing needs folded: those of which only reshapes are read, and these not
    by calls or as results."""
    order = topological(results)
    readers: dict[Node, list[Node]] = {node: [] for node in order}
    for node in order:
        for arg in dict.fromkeys(node.args):
            readers[arg].append(node)
    whole = {*results}

    def spreads(reader: Node, node: Node) -> bool:
        back = reader.op == "reshape" and reader.shape == spread[node].shape and reader not in whole
        return back and all(_is_fused(user) for user in readers[reader])

    apart: set[Node] = set()
    for node in reversed(order):
        if node in spread and node not in whole and _is_elementwise(node):
            if all(reader in apart or spreads(reader, node) for reader in readers[node]):
                apart.add(node)
    if not apart:
        return results
    new: dict[Node, Node] = {}
    for node in order:
        if node.op == "reshape" and node.args[0] in apart:
            new[node] = _spread(node.args[0], apart, spread)
        else:
            args = tuple(new[arg] for arg in node.args)
            new[node] = node if args == node.args else build(node.op, args, node.attrs)
    return [new[node] for node in results]


def _is_fused(node: Node) -> bool:
    return node.row.access not in ("view", "call")


def _spread(node: Node, apart: set[Node], spread: dict[Node, Node]) -> Node:
    """A folded value as it would be computed in the shape that it had."""
    new: dict[Node, Node] = {}
    stack = [spread[node]]
    while stack:
        here = stack[-1]
        if here in new:
            stack.pop()
            continue
        if here.op == "reshape" and here.args[0] in apart:
            inner = spread[here.args[0]]
            if inner in new:
                new[here] = new[inner]
            else:
                stack.append(inner)
        elif _is_elementwise(here):
            pending = [arg for arg in here.args if arg not in new]
            stack += pending
            if not pending:
                args = tuple(new[arg] for arg in here.args)
                new[here] = here if args == here.args else build(here.op, args, here.attrs)
        else:
            new[here] = here
    return new[spread[node]]
