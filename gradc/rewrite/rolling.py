"""Written-out repetition rolled up: many terms of a sum, or parts of a list, that differ only in numbers, inputs or
elements become one over arrays of these.

    2*exp(-x) + 3*exp(-5*x) + ... + 7*exp(-9*x)    ->    sum([2, 3, ..., 7] * exp(-[1, 5, ..., 9] * x))

A kernel then has one loop where it would have the same code again and again, and every derivative is such a loop too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from gradc.ir.graph import Node, broadcast, build, make, numbers_of, replace, squeeze, table, topological
from gradc.ir.interpret import evaluate_constant
from gradc.ir.ops import JOINS, OPS, bits
from gradc.language.record import dataclass
from gradc.rewrite.engine import Applied

FEWEST = 16
"""Terms that make a loop, at least."""

DEAR = 10
"""Additions from which on a term is dear."""

FEWEST_OF_ARRAYS = 24
"""Dear terms over arrays that make a loop."""

FEWEST_CHEAP_ARRAYS = 128
"""Other terms over arrays: written out they are loops without a loop inside."""

GATHERED = range(32, 129)
"""How many scalar inputs are put into an array for the sake of a loop over numbers."""

LARGEST = 400
"""Ops of a term, at most."""

ROUNDS = 3
"""How deep repetition may be nested."""

CONCERNED = bits({*JOINS, *(name for name, row in OPS.items() if row.is_sum)})

Instances = tuple[Node, ...]
"""The same part of each term."""


def rolled(results: Iterable[Node]) -> tuple[list[Node], list[Applied]]:
    """The results with repetition rolled up, and where it was."""
    results = list(results)
    applied: list[Applied] = []
    for _ in range(ROUNDS):
        order = topological(results)
        if len(order) < FEWEST:
            break
        found = dict(_numbers(order)) or _Repetition(results, order).found()
        if not found:
            break
        for before, after in found.items():
            rule = "terms that differ in numbers, inputs or elements -> one over arrays of these"
            applied += [] if after.op == "table" else [Applied(rule, before, after)]
        results = list(replace(results, found))
    return results, applied


def _numbers(order: Iterable[Node]) -> Iterator[tuple[Node, Node]]:
    """Lists of numbers as tables."""
    for node in order:
        if node.op in JOINS and all([arg.row.is_known for arg in node.args]):
            yield node, table(evaluate_constant(node), node.type.dtype)


@dataclass(frozen=True)
class _Chain:
    """A sum as it is written: its terms and whether they are taken off, and the nodes that add them."""

    node: Node
    terms: tuple[tuple[Node, bool], ...]
    spine: tuple[Node, ...]


@dataclass(frozen=True)
class _Group:
    """Terms of the same form, where they stand in the sum or list, and all that only they compute."""

    places: tuple[int, ...]
    made: Node
    inside: frozenset[Node]


class _Repetition:
    def __init__(self, results: list[Node], order: list[Node]):
        self.results = results
        self.order = order
        self.reader: dict[Node, Node | None] = dict.fromkeys(results)
        """What alone takes a node as an argument."""
        for node in order:
            for arg in node.args:
                if self.reader.setdefault(arg, node) is not node:
                    self.reader[arg] = None
        self.kinds: dict[object, int] = {}
        self.form_of: dict[Node, int] = {}

    def found(self) -> dict[Node, Node]:
        """What is rolled up, and what it becomes."""
        chains = [chain for chain in map(self._chain, self._heads()) if chain is not None]
        joins = [node for node in self.order if node.op in JOINS and len(node.args) >= FEWEST and node.attrs[0] == 0]
        if not chains and not joins:
            return {}
        groups: dict[Node, list[_Group]] = {}
        for chain in chains:
            for is_negative in (False, True):
                places = [at for at, (_, negative) in enumerate(chain.terms) if negative is is_negative]
                alike: dict[int, list[int]] = {}
                for at in places:
                    alike.setdefault(self.form_of[chain.terms[at][0]], []).append(at)
                for places in alike.values():
                    self._enter(groups, chain.node, places, [chain.terms[at][0] for at in places])
        for node in joins:
            for places, parts in self._runs(node):
                self._enter(groups, node, places, parts)
        added = {node for chain in chains for node in chain.spine} | set(joins)
        added |= {arg for node in joins for arg in node.args if arg.op == "broadcast"}
        self._drop_shared(groups, added)
        found = {}
        for chain in chains:
            if groups.get(chain.node):
                found[chain.node] = self._sum(chain, groups[chain.node])
        for node in joins:
            if groups.get(node):
                found[node] = self._joined(node, groups[node])
        return found

    # ------------------------------------------------------------ sums and lists

    def _heads(self) -> Iterator[Node]:
        """The sums that are no first term of a longer one."""
        for node in self.order:
            if node.row.is_sum and node.type.is_float:
                reader = self.reader[node]
                if reader is None or not reader.row.is_sum or reader.args[0] is not node:
                    yield node

    def _chain(self, head: Node) -> _Chain | None:
        """A sum of enough terms."""
        spine, node = [head], head.args[0]
        while node.row.is_sum and self.reader[node] is spine[-1]:
            spine.append(node)
            node = node.args[0]
        if len(spine) + 1 < FEWEST:
            return None
        self._take_forms((head,))
        counts: dict[int, int] = {}
        for each in spine:
            form = self.form_of[each.args[1]]
            counts[form] = counts.get(form, 0) + 1
        for at in reversed(range(1, len(spine))):  # the first term may be a sum itself, as the others are
            if counts.get(self.form_of[spine[at]], 0) >= FEWEST - 1:
                node, spine = spine[at], spine[:at]
                break
        terms = [(node, False)] + [(each.args[1], each.op == "sub") for each in reversed(spine)]
        return _Chain(head, tuple(terms), tuple(spine))

    def _runs(self, join: Node) -> Iterator[tuple[list[int], list[Node]]]:
        """The parts of a list, one after the other, that are of one form."""
        parts = [_listed(arg) for arg in join.args]
        self._take_forms([part for part in parts if part is not None])
        for form, run in groupby(enumerate(parts), lambda each: each[1] and self.form_of[each[1]]):
            if form is not None:
                places, nodes = zip(*run)
                yield list(places), list(nodes)

    def _sum(self, chain: _Chain, groups: list[_Group]) -> Node:
        """A sum in which each group is one sum over an array, where its first term was."""
        first = {group.places[0]: group for group in groups}
        rest = {at for group in groups for at in group.places[1:]}
        total: Node | None = None
        for at, (term, is_negative) in enumerate(chain.terms):
            if at in rest:
                continue
            group = first.get(at)
            value = term if group is None else make("sum", group.made, attrs=((0,),))
            if total is None:
                total = value
            else:
                total = make("sub" if is_negative else "add", total, value)
        assert total is not None
        return total

    def _joined(self, join: Node, groups: list[_Group]) -> Node:
        """A list in which each group is one array."""
        starts = {group.places[0]: group for group in groups}
        parts: list[Node] = []
        at = 0
        while at < len(join.args):
            group = starts.get(at)
            parts.append(join.args[at] if group is None else group.made)
            at += 1 if group is None else len(group.places)
        if len(parts) == 1:
            return parts[0]
        places, begin = [], 0
        for part in parts:
            places.append(begin)
            begin += part.shape[0]  # type: ignore[operator,assignment]
        return make("join", *parts, attrs=(0, tuple(places)))

    # ------------------------------------------------------------ terms of one form

    def _take_forms(self, nodes: Iterable[Node]) -> None:
        """Number the forms of nodes: equal ones differ only in numbers, inputs and elements."""
        forms, kinds = self.form_of, self.kinds
        for node in topological(nodes):
            if node not in forms:
                kind = _kind(node) or (node.op, node.attrs, *[forms[arg] for arg in node.args])
                if node.op == "power" and node.args[1].op == "const":
                    kind = (node.op, forms[node.args[0]], node.args[1].attrs)  # each power is another program
                forms[node] = kinds.setdefault(kind, len(kinds))

    def _enter(self, groups: dict[Node, list[_Group]], whole: Node, places: list[int], terms: list[Node]) -> None:
        """A group, if these terms are many and dear enough to be a loop."""
        if len(terms) < FEWEST or _kind(terms[0]) is not None:
            return
        if not terms[0].type.is_float:
            return
        roll = _Roll(tuple(terms))
        made = roll.run()
        if made is not None:
            groups.setdefault(whole, []).append(_Group(tuple(places), made, frozenset(roll.inside)))

    def _drop_shared(self, groups: dict[Node, list[_Group]], added: set[Node]) -> None:
        """Drop the groups that compute what others need as well: it would be computed twice."""
        readers: dict[Node, list[Node]] = {}
        for node in self.order:
            for arg in node.args:
                readers.setdefault(arg, []).append(node)
        outputs = set(self.results)
        while True:
            inside = set(added).union(*(group.inside for own in groups.values() for group in own))
            dropped = False
            for own in groups.values():
                for group in list(own):
                    if any(node in outputs or not inside.issuperset(readers[node]) for node in group.inside):
                        own.remove(group)
                        dropped = True
            if not dropped:
                return


def _listed(arg: Node) -> Node | None:
    """What one element of a list is."""
    is_one = arg.op == "broadcast" and arg.attrs[0] == (1, *arg.args[0].shape)
    return arg.args[0] if is_one and arg.attrs[1] == tuple(range(1, len(arg.attrs[0]))) else None


def _kind(node: Node) -> object:
    """What a node that may differ from term to term has in common with those in its place; None for others."""
    if node.op == "input" and not node.shape:
        return "input", node.type
    if node.row.is_known and node.type.is_float:
        return node.op, node.type
    if node.op == "squeeze" and not node.shape and (place := _place(node)) is not None:
        return "element", place[0]
    return None


def _place(element: Node) -> tuple[Node, tuple[int, ...]] | None:
    """An element of an array as the array and the index."""
    part = element.args[0]
    if part.op != "slice" or any(type(first) is not int or size != 1 for first, _, size in part.attrs[0]):
        return None
    return part.args[0], tuple(first for first, _, _ in part.attrs[0])


class _Roll:
    """Terms of one form made one, part by part."""

    def __init__(self, terms: Instances):
        self.terms = terms
        self.count = len(terms)
        self.made: dict[Instances, Node] = {}
        self.inside: set[Node] = set()
        self.fixed: set[Instances] = set()
        """Parts that are the same in all terms."""
        self.cost = 0
        self.gathered = 0
        """How many arrays have to be filled with inputs first."""

    def run(self) -> Node | None:
        """The terms along a new first axis; None where that is not possible, or does not pay."""
        stack: list[Instances] = [self.terms]
        while stack:
            parts = stack[-1]
            if parts in self.made:
                stack.pop()
                continue
            first = parts[0]
            if all([part is first for part in parts]):
                self.made[parts] = first
                self.fixed.add(parts)
                stack.pop()
                continue
            if _kind(first) is not None:
                self.made[parts] = self._gathered(parts)
                stack.pop()
                continue
            inner = list(zip(*[part.args for part in parts]))
            waiting = [each for each in inner if each not in self.made]
            if waiting:
                stack += waiting
                continue
            stack.pop()
            made = self._applied(first, inner)
            if made is None or len(self.made) > LARGEST:
                return None
            self.made[parts] = made
            self.inside.update(parts)
            self.cost += first.row.cost
        return self._along(self.terms) if self._pays() else None

    def _pays(self) -> bool:
        """Whether a loop is as fast as what is written out; it is always shorter."""
        is_dear = self.cost >= DEAR
        if self.terms[0].shape:
            return self.count >= (FEWEST_OF_ARRAYS if is_dear else FEWEST_CHEAP_ARRAYS)
        return not self.gathered or (is_dear and self.count in GATHERED)

    def _applied(self, node: Node, inner: list[Instances]) -> Node | None:
        """What applies the op of a node along the new axis."""
        args = tuple(self._along(each) for each in inner)
        row = node.row
        if row.kind == "elementwise":
            return make(node.op, *args, attrs=node.attrs)
        if row.lifted is None or row.kind not in ("reduction", "movement"):
            return None
        return build(node.op, args, row.lifted(node.attrs, (self.count,)))

    def _along(self, parts: Instances) -> Node:
        made = self.made[parts]
        return (
            broadcast(made, (self.count, *made.shape), tuple(range(1, made.type.rank + 1)))
            if parts in self.fixed
            else made
        )

    def _gathered(self, parts: Instances) -> Node:
        """What differs, side by side."""
        first = parts[0]
        if first.row.is_known:
            return self._table(parts)
        if first.op == "squeeze" and (found := self._elements(parts)) is not None:
            return found
        self.gathered += 1
        listed = tuple(broadcast(part, (1,), ()) for part in parts)
        return make("join", *listed, attrs=(0, tuple(range(self.count))))

    def _table(self, parts: Instances) -> Node:
        first = parts[0]
        if first.op == "const":
            numbers = table([part.value for part in parts], first.type.dtype)
            return broadcast(numbers, (self.count, *first.shape), (0,))
        rows = [value for part in parts for value in (numbers_of(part) if part.op == "table" else ())]
        return table(rows, first.type.dtype, (self.count, *first.shape))

    def _elements(self, parts: Instances) -> Node | None:
        """Elements of one array as a part of it; None where they do not lie one after the other along an axis."""
        places = [_place(part) for part in parts]
        assert all(place is not None for place in places)
        array = places[0][0]  # type: ignore[index]
        at = [place[1] for place in places]  # type: ignore[index]
        moving = [axis for axis in range(array.type.rank) if len({index[axis] for index in at}) > 1]
        if len(moving) != 1:
            return None
        (axis,) = moving
        along = [index[axis] for index in at]
        step = along[1] - along[0]
        if not step or along != list(range(along[0], along[0] + step * self.count, step)):
            return None
        slices = tuple(
            (along[0], step, self.count) if each == axis else (at[0][each], 1, 1) for each in range(array.type.rank)
        )
        is_whole = slices == tuple((0, 1, size) for size in array.shape)
        part = array if is_whole else make("slice", array, attrs=(slices,))
        return squeeze(part, tuple(each for each in range(array.type.rank) if each != axis))
