"""Many directions at once: a product with a Jacobian for every unit vector, as one graph.

A family is the values of a node for all unit vectors of some array: seeds, with one axis for each axis of that array. A
seed axis either comes first among the node's own axes, or goes along with one of them: then what the seed with index i
does to a node is nothing but where the index along that axis is i as well. `exp(x)` goes along with x, so that the
derivative of every element for every element takes a pass over the elements; a sum over the axis, or a slice, separates
the two. What goes along in the result is a diagonal that no kernel has to fill up with zeros.

A node to which a seed does nothing has the value that it has where nothing moves. That is zero for what is linear in
the seeds, and another number for what has a limit at a kink, as `sign(x)` next to 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Union

import numpy as np

from gradc.ir.access import Index, Indirect, reads, target_index
from gradc.ir.affine import Affine
from gradc.ir.graph import Graph, Node, broadcast, build, constant, fresh, iota, make, replace, size_node, topological
from gradc.ir.interpret import apply
from gradc.ir.ops import SCATTERS, others
from gradc.ir.sizes import Shape, Size, names, product
from gradc.ir.types import Type


class Family(NamedTuple):
    """The values of a node for many seeds. `node` has the seed axes without a place first, then the node's own axes;
    `places` says for each seed axis which own axis it goes along with."""

    node: Node
    places: tuple[int | None, ...]

    @property
    def leading(self) -> int:
        return self.places.count(None)


Value = Union[Node, Family]
"""A node that no seed reaches, or the family of one."""


Settle = Callable[[list[Node]], list[Node]]
"""What brings nodes into their simplest form."""


class NoFamily(Exception):
    """An op that is not known to work on many directions at once."""


def units(type_shape: Shape, one: Node) -> Family:
    """The unit vectors of an array: ones, as each seed index goes along with its axis."""
    return Family(one, tuple(range(len(type_shape))))


def many(seeds: Mapping[Node, Node], results: Sequence[Node], size: Size, settle: Settle) -> list[Node]:
    """Results that are linear in some nodes, for as many values of those as a size says: a first axis of all."""
    found = families(results, {seed: Family(node, (None,)) for seed, node in seeds.items()}, (size,), settle)
    return [value.node if isinstance(value, Family) else broadcast(value, (size, *value.shape)) for value in found]


def many_size(graph: Graph) -> str:
    """What the size of that axis is called."""
    taken = {name for node in graph.inputs for size in node.shape for name in names(size)} | graph.input_names
    return fresh("colours", taken)


def families(results: Sequence[Node], seeds: Mapping[Node, Family], sizes: Shape, settle: Settle) -> list[Value]:
    """The results for many values of some nodes at once, which the results are linear in. `sizes` are those of the seed
    axes. Raises `NoFamily` for an op that cannot do that."""
    return _Families(seeds, sizes, settle).of(results)


class _Families:
    def __init__(self, seeds: Mapping[Node, Family], sizes: Shape, settle: Settle):
        self.found: dict[Node, Family] = dict(seeds)
        self.sizes = sizes
        self.zeros = {node: constant(0.0, node.type) for node in seeds}
        self.settle = settle
        self.nothing = set(seeds)
        """What is zero where nothing moves."""
        self.still: dict[Node, Node | None] = {}
        """What other nodes are then; None for zero."""

    def of(self, results: Iterable[Node]) -> list[Value]:
        results = tuple(results)
        for node in topological(results):
            if node not in self.found and any(arg in self.found for arg in node.args):
                self.found[node] = self.through(node)
                if self.is_nothing(node):
                    self.nothing.add(node)
        return [self.whole(node) if node in self.found else node for node in results]

    def whole(self, node: Node) -> Family:
        """The family of a result: what goes along with an axis is zero elsewhere."""
        return self.found[node] if self.at_rest(node) is None else self.separated(node, range(node.type.rank))

    # ------------------------------------------------------------ where nothing moves

    def is_nothing(self, node: Node) -> bool:
        """Whether a node is zero where nothing moves, as it is linear, or of zeros, from which it makes a zero."""
        row, args = node.row, node.args
        if not node.type.is_float:
            return False
        zeros = [self._is_zero(arg) for arg in args]
        if row.gives_nothing(zeros):
            return True
        if not args or not all(zeros):
            return False
        with np.errstate(all="ignore"):
            return row.homogeneous or (row.kind == "elementwise" and not apply(node, (0.0,) * len(args), {}))

    def _is_zero(self, node: Node) -> bool:
        return node in self.nothing or (node.op == "const" and node.type.is_float and node.value == 0)

    def at_rest(self, node: Node) -> Node | None:
        """What a node is where nothing moves; None for zero."""
        if node in self.nothing:
            return None
        if node not in self.still:
            (found,) = self.settle(list(replace([node], self.zeros)))
            self.still[node] = None if self._is_zero(found) else found
        return self.still[node]

    def through(self, node: Node) -> Family:
        """The family of a node from those of its arguments."""
        kind = node.row.kind
        if kind == "elementwise":
            return self.together(node, [self.found.get(arg) for arg in node.args])
        if kind == "reduction":
            return self.reduced(node)
        if kind == "contraction":
            return self.contracted(node)
        if kind == "matrix" and node.args[0] not in self.found and any(node.row.transposes[1:]):
            return self.solved(node)
        if node.row.lifted is None or (kind == "gather" and node.args[1] in self.found):
            raise NoFamily(node.op)
        if kind == "scan":
            return self.along_axis(node)
        if node.op in SCATTERS:
            return self.scattered(node)
        return self.along_axis(node) if node.row.access in ("call", "parts") else self.moved(node)

    # ------------------------------------------------------------ seed axes

    def lead(self, places: Sequence[int | None]) -> Shape:
        """The sizes of the seed axes that come first."""
        return tuple(size for size, place in zip(self.sizes, places) if place is None)

    def spread(self, node: Node, family: Family, k: int, at: Node | None = None) -> Family:
        """The same with a seed axis among the first ones: nothing moves where the index along an own axis, or what `at`
        holds for each element of the node, is not the seed's."""
        place = family.places[k]
        position = family.places[:k].count(None)
        places = (*family.places[:k], None, *family.places[k + 1 :])
        shape = (*family.node.shape[:position], self.sizes[k], *family.node.shape[position:])
        lead = family.leading + 1
        if at is None:
            assert place is not None
            index = iota(shape, lead + place)
        else:
            index = broadcast(at, shape, tuple(range(lead, len(shape))))
        value = broadcast(family.node, shape, others(len(shape), (position,)))
        here, still = make("eq", iota(shape, position), index), self.at_rest(node)
        if node.type.is_float and still is None:
            return Family(make("mask", here, value), places)
        assert still is not None
        elsewhere = broadcast(still, shape, tuple(range(lead, len(shape))))
        if node.type.is_float:
            return Family(make("where", here, value, elsewhere), places)
        if node.type.dtype != "bool":
            raise NoFamily(node.op)
        inside, outside = make("and", here, value), make("and", make("not", here), elsewhere)
        return Family(make("or", inside, outside), places)

    def separated(self, node: Node, axes: Iterable[int]) -> Family:
        """The family of a node without seed axes along these own axes."""
        family = self.found[node]
        for k, place in enumerate(family.places):
            if place is not None and place in axes:
                family = self.spread(node, family, k)
        return family

    def lifted(self, node: Node, places: Sequence[int | None]) -> Node:
        """A node that no seed reaches, repeated along the seed axes that come first."""
        lead = self.lead(places)
        shape = lead + node.shape
        return broadcast(node, shape, tuple(range(len(lead), len(shape))))

    @staticmethod
    def attrs(node: Node, lead: Shape) -> tuple[Any, ...]:
        """The attributes of the same op with seed axes in front."""
        if not node.attrs or not lead:
            return node.attrs
        assert node.row.lifted is not None
        return node.row.lifted(node.attrs, lead)

    # ------------------------------------------------------------ ops

    def together(self, node: Node, given: list[Family | None]) -> Family:
        """An op on elements that belong together: a seed axis goes along where it does for every argument."""
        known = [family for family in given if family is not None]
        chosen = [{family.places[k] for family in known} for k in range(len(self.sizes))]
        places = tuple(found.pop() if len(found) == 1 else None for found in chosen)
        args = []
        for arg, family in zip(node.args, given):
            if family is not None:
                for k, place in enumerate(places):
                    if place is None and family.places[k] is not None:
                        family = self.spread(arg, family, k)
            args.append(self.lifted(arg, places) if family is None else family.node)
        return Family(make(node.op, *args, attrs=self.attrs(node, self.lead(places))), places)

    def reduced(self, node: Node) -> Family:
        (x,), (axes,) = node.args, node.attrs
        family = self.found[x]
        front: list[int] = []
        for k, place in enumerate(family.places):
            if place in axes:
                if (node.row.adds and self.at_rest(x) is None) or (node.row.combine == "or" and self._is_false(x)):
                    front.append(k)
                else:
                    family = self.spread(x, family, k)
        # a seed axis along a summed one takes its place: there is one term
        lead, own = family.leading, x.type.rank
        first = [lead + family.places[k] if k in front else family.places[:k].count(None)  # type: ignore[operator]
                 for k, place in enumerate(family.places) if place is None or k in front]  # fmt: skip
        kept = [lead + axis for axis in range(own) if lead + axis not in first]
        value = _transposed(family.node, (*first, *kept))
        summed = tuple(len(first) + kept.index(lead + axis) for axis in axes if lead + axis in kept)
        if summed:
            value = make(node.op, value, attrs=(summed,))
        left = others(own, axes)
        places = tuple(None if place is None or k in front else left.index(place)
                       for k, place in enumerate(family.places))  # fmt: skip
        return Family(value, places)

    def _is_false(self, x: Node) -> bool:
        still = self.at_rest(x)
        return still is not None and still.op == "const" and not still.value

    def contracted(self, node: Node) -> Family:
        given = [self.found.get(arg) for arg in node.args]
        if None not in given or any(arg in self.found and self.at_rest(arg) is not None for arg in node.args):
            given = [self.separated(arg, range(arg.type.rank)) if arg in self.found else None for arg in node.args]
        labels: list[tuple[int, ...]] = list(node.attrs[:2])
        result: tuple[int, ...] = node.attrs[2]
        fresh = max((*labels[0], *labels[1]), default=0) + 1
        seeds = [fresh + k for k in range(len(self.sizes))]
        args = list(node.args)
        front: list[int] = []
        places: list[int | None] = []
        for k in range(len(self.sizes)):
            family = given[0] or given[1]
            assert family is not None
            place = family.places[k]
            if place is None:
                front.append(seeds[k])
                places.append(None)
                continue
            own = labels[0 if given[0] is not None else 1][place]
            if own in result:
                places.append(result.index(own))
            else:  # there is one term, and its label is the seed's
                front.append(own)
                places.append(None)
        for side, family in enumerate(given):
            if family is not None:
                args[side] = family.node
                first = tuple(seeds[k] for k, place in enumerate(family.places) if place is None)
                labels[side] = first + labels[side]
        made = make("contract", *args, attrs=(labels[0], labels[1], (*front, *result)))
        return Family(made, tuple(places))

    def solved(self, node: Node) -> Family:
        """An op on a matrix that no seed reaches and on columns: those of all seeds side by side."""
        matrix, columns = node.args
        rank = columns.type.rank
        family = self.separated(columns, range(rank))
        lead = family.leading
        beside = _transposed(family.node, (*range(lead, lead + rank), *range(lead)))
        wide = (*beside.shape[: rank - 1], product(beside.shape[rank - 1 :]))
        found = make(node.op, matrix, make("reshape", beside, attrs=(wide,)), attrs=node.attrs)
        apart = make("reshape", found, attrs=((*node.shape, *beside.shape[rank:]),))
        return family._replace(node=_transposed(apart, (*range(rank, rank + lead), *range(rank))))

    def along_axis(self, node: Node) -> Family:
        """An op that goes along an axis of whole arrays."""
        along = (node.attrs[0],)
        return self.together(node, [self.separated(arg, along) if arg in self.found else None for arg in node.args])

    def moved(self, node: Node) -> Family:
        """An op by which each element of the result is one of the argument."""
        x = node.args[0]
        if node.row.access == "view":  # the same elements in another shape
            kept = [_same_axis(x.shape, node.shape, axis) for axis in range(x.type.rank)]
            family = self.separated(x, [axis for axis, place in enumerate(kept) if place is None])
            at: Index = tuple(Affine(None) if axis is None else Affine(f"@{axis}") for axis in kept)
        else:
            family = self.found[x]
            at = reads(node, tuple(Affine(f"@{axis}") for axis in range(node.type.rank)))[0][1]
        made = self.rebuilt(node, family)
        for k, place in enumerate(family.places):
            if place is not None:
                axis = _axis(at[place])
                if axis is not None and at[place] == Affine(f"@{axis}") and node.shape[axis] == self.sizes[k]:
                    made = made._replace(places=(*made.places[:k], axis, *made.places[k + 1 :]))
                else:
                    made = self.spread(node, made, k, _as_node(at[place], node.shape))
        return made

    def rebuilt(self, node: Node, family: Family) -> Family:
        """The op of a node on a family; the places are still those of the argument."""
        lead = self.lead(family.places)
        rest = [self.lifted(arg, family.places) if node.row.aligned else arg for arg in node.args[1:]]
        return Family(build(node.op, (family.node, *rest), self.attrs(node, lead)), family.places)

    def scattered(self, node: Node) -> Family:
        """An op that adds its argument into a part of an array of zeros."""
        x = node.args[0]
        index: Index = tuple(Affine(f"@{axis}") for axis in range(x.type.rank))
        target = target_index(node, index)
        going: dict[int, int] = {}
        for axis, chosen in enumerate(target):
            own = _axis(chosen)
            if own is not None and chosen == Affine(f"@{own}") and node.shape[axis] == x.shape[own]:
                going[own] = axis
        family = self.separated(x, [axis for axis in range(x.type.rank) if axis not in going])
        places = tuple(None if place is None else going[place] for place in family.places)
        return self.rebuilt(node, family)._replace(places=places)


def _transposed(node: Node, order: tuple[int, ...]) -> Node:
    return node if order == tuple(range(len(order))) else make("transpose", node, attrs=(order,))


def _axis(chosen: Affine | Indirect) -> int | None:
    """The axis of the result whose index is read, or None."""
    return int(chosen.var[1:]) if isinstance(chosen, Affine) and chosen.var is not None else None


def _as_node(chosen: Affine | Indirect, shape: Shape) -> Node:
    """An index as an array, in the shape of the result."""
    if isinstance(chosen, Indirect):
        dims = tuple(_axis(at) for at in chosen.index)
        found = broadcast(chosen.node, shape, dims)  # type: ignore[arg-type]
    else:
        axis = _axis(chosen)
        found = constant(0, Type("i64", shape)) if axis is None else iota(shape, axis)
    return _plus(_times(found, chosen.step), chosen.offset)


def _times(node: Node, step: int) -> Node:
    return node if step == 1 else make("mul", node, constant(step, node.type))


def _plus(node: Node, offset: Size) -> Node:
    return node if offset == 0 else make("add", node, broadcast(size_node(offset, "i64"), node.shape))


def _same_axis(shape: Shape, other: Shape, axis: int) -> int | None:
    """The axis of an array in another shape along which its elements lie as along this axis."""
    if shape[: axis + 1] == other[: axis + 1]:
        return axis
    behind = len(shape) - axis
    return len(other) - behind if behind <= len(other) and shape[axis:] == other[len(other) - behind :] else None


def laid_out(family: Family, first: str) -> tuple[Node, tuple[tuple[int, int], ...]]:
    """A family as a part of a Jacobian: the axes of the result, then those of the input that go along with none of
    them. And the pairs of an axis of the result and one of the input whose indices are the same.

    first: whose axes the seeds are, those of the `input` or of the `result`.
    """
    lead = family.leading
    own = family.node.type.rank - lead
    positions = iter(range(lead))
    seeds = [next(positions) if place is None else lead + place for place in family.places]
    along = {place: k for k, place in enumerate(family.places) if place is not None}
    if first == "input":
        order = [*range(lead, lead + own), *range(lead)]
        pairs = tuple(sorted((place, k) for place, k in along.items()))
    else:
        order = [*seeds, *(lead + axis for axis in range(own) if axis not in along)]
        pairs = tuple((k, place) for place, k in sorted(along.items(), key=lambda item: item[1]))
    return _transposed(family.node, tuple(order)), pairs
