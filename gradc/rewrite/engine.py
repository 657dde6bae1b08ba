"""One rewrite engine: patterns are graphs, a pass works from the arguments up, every firing is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import permutations
from typing import Any

import numpy as np

from gradc.frontends.functions import REDUCTIONS
from gradc.frontends.outline import walk
from gradc.frontends.template import instantiate, parsed
from gradc.ir.graph import Node, broadcast, build, constant, input_node, make, size_node, to_bits, users
from gradc.ir.interpret import apply, number
from gradc.ir.ops import others
from gradc.ir.sizes import product
from gradc.ir.types import Type
from gradc.language.source import Span
from gradc.language.syntax import Call, Name
from gradc.rewrite.forms import FORMS, NUMBERS, with_logarithm_inside, with_squares_summed
from gradc.rewrite.movement import sink
from gradc.rewrite.products import sparse

MAX_FIRINGS_PER_NODE = 50
"""A set of rules that fires more often than this, per node of the graph, goes in circles."""

MOVES_PER_NODE = 4
"""How often moves sink, for each node of the graph, so that graphs grow by a factor at most."""


@dataclass(frozen=True)
class Rule:
    """`left -> right`, as text."""

    text: str

    @cached_property
    def sides(self) -> tuple[str, str]:
        left, right = self.text.split("->")
        return left.strip(), right.split(";")[0].strip()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names that stand for values, in order of appearance."""
        names = (part.id for part in walk(parsed(self.sides[0]).result) if isinstance(part, Name))
        return tuple(dict.fromkeys(name for name in names if name not in ("inf", "nan")))

    @cached_property
    def reduces(self) -> bool:
        parts = list(walk(parsed(self.sides[0]).result))
        return any(isinstance(p, Call) and p.function in REDUCTIONS and len(p.args) == 1 for p in parts)

    @property
    def variables(self) -> tuple[str, ...]:
        """The names that do not stand for numbers written in the program."""
        return tuple(name for name in self.names if name[0] not in NUMBERS)

    @cached_property
    def pattern(self) -> Node:
        """The left side as a graph over inputs."""
        return instantiate(self.sides[0], {name: input_node(name, self.type_of(name)) for name in self.names})

    def type_of(self, name: str) -> Type:
        """The type of what a name stands for, in the pattern."""
        shape = ("n",) if self.reduces and not name.startswith("s") else ()
        return Type("bool" if name.startswith("c") else "f64", shape)

    def apply(self, node: Node) -> Node | None:
        """The right side for a node that matches the left one; None where it does not."""
        match = Match()
        if not match.fits(self.pattern, node):
            return None
        dtype = node.type.dtype if node.type.is_float else "f64"
        result = instantiate(self.sides[1], match.bound, dtype=dtype, axes=match.axes, rank=match.rank)
        if result.is_constant and result.shape != node.shape:
            result = broadcast(result, node.shape)
        return result if result.type == node.type else None


def rules(text: str) -> tuple[Rule, ...]:
    """The rules of a table, one a line."""
    return tuple(Rule(line) for line in text.splitlines() if line)


@dataclass
class Match:
    """What the names of a pattern stand for, and over which axes it reduces."""

    bound: dict[str, Node] = field(default_factory=dict)
    axes: tuple[int, ...] | None = None
    rank: int = 0

    def fits(self, pattern: Node, node: Node) -> bool:
        if pattern.op == "input":
            known = self.bound.setdefault(pattern.name, node)
            same_kind = (pattern.type.dtype == "bool") == (node.type.dtype == "bool")
            return known is node and same_kind and (pattern.name[0] not in FORMS or FORMS[pattern.name[0]].holds(node))
        if pattern.op != node.op:
            return False
        if pattern.op == "const":
            same_kind = pattern.type.is_float == node.type.is_float
            return same_kind and to_bits(pattern.value, node.type.dtype) == node.attrs[0]
        if pattern.op == "cast":
            return False
        for order in self.orders(pattern):
            before = dict(self.bound), self.axes, self.rank
            if all(self.fits(p, node.args[k]) for p, k in zip(pattern.args, order)) and self._attributes(node):
                return True
            self.bound, self.axes, self.rank = before
        return False

    @staticmethod
    def orders(pattern: Node) -> Iterable[tuple[int, ...]]:
        """The orders in which the arguments of a node may fit those of the pattern."""
        straight = tuple(range(len(pattern.args)))
        return permutations(straight) if pattern.row.commutative else (straight,)

    def _attributes(self, node: Node) -> bool:
        """Reductions of one rule go over the same axes, and their results return along the others."""
        if node.row.kind == "reduction":
            axes, rank = node.attrs[0], node.args[0].type.rank
        elif node.op == "broadcast":
            axes, rank = others(node.type.rank, node.attrs[1]), node.type.rank
        else:
            return True
        if self.axes is None:
            self.axes, self.rank = axes, rank
        return (axes, rank) == (self.axes, self.rank)


@dataclass(frozen=True)
class Firing:
    """One application of a rule."""

    rule: str
    before: Node
    after: Node


Kind = str | int
"""What an argument shows without looking below it: its op, or its bits where it is a number that some rule names."""


class Selection:
    """Rules by what a node and its arguments show: most rules are ruled out without being tried."""

    def __init__(self, rules: Iterable[Rule]):
        self.by_op: dict[str, list[Rule]] = {}
        self.numbers: set[int] = set()
        self.found: dict[tuple[Any, ...], list[Rule]] = {}
        for rule in rules:
            self.by_op.setdefault(rule.pattern.op, []).append(rule)
            for arg in rule.pattern.args:
                self.numbers |= _bits(arg)

    def candidates(self, node: Node) -> list[Rule]:
        """The rules whose pattern has the node's op and fits the ops of its arguments, in the order of the table."""
        rules = self.by_op.get(node.op)
        if rules is None:
            return []
        args = node.args
        kinds = tuple([self._kind(arg) for arg in args])
        same = len(args) > 1 and args[-1] is args[-2]
        key = (node.op, same, *kinds)
        found = self.found.get(key)
        if found is None:
            found = self.found[key] = [rule for rule in rules if _plausible(rule.pattern, kinds, same)]
        return found

    def _kind(self, arg: Node) -> Kind:
        return arg.attrs[0] if arg.op == "const" and arg.attrs[0] in self.numbers else arg.op


def _bits(pattern: Node) -> set[int]:
    """The bits that a number of a pattern may have in a graph."""
    return {to_bits(pattern.value, dtype) for dtype in ("f64", "f32", "i64")} if pattern.op == "const" else set()


def _plausible(pattern: Node, kinds: tuple[Kind, ...], same: bool) -> bool:
    """`same` says whether the last two arguments are one node."""
    if len(pattern.args) > 1 and pattern.args[-1] is pattern.args[-2] and not same:
        return False
    fitting = [[_may_fit(arg, kind) for kind in kinds] for arg in pattern.args]
    return any(all(row[k] for row, k in zip(fitting, order)) for order in Match.orders(pattern))


def _may_fit(pattern: Node, kind: Kind) -> bool:
    if pattern.op == "const":
        return kind in _bits(pattern)
    if pattern.op != "input":
        return kind == pattern.op
    form = FORMS.get(pattern.name[0])
    return form is None or ("const" if isinstance(kind, int) else kind) in form.ops


@cache
def selection(rules: tuple[Rule, ...]) -> Selection:
    return Selection(rules)


class Rewriter:
    """A set of rules and what it has done. Passes share one table of normal forms."""

    def __init__(
        self, rules: Iterable[Rule], spans: dict[Node, Span] | None = None, moves: frozenset[str] = frozenset()
    ):
        self.rules = selection(tuple(rules))
        self.spans = {} if spans is None else spans
        self.moves = moves
        self.firings: list[Firing] = []
        self.normal: dict[Node, Node] = {}
        self.shared: set[Node] = set()
        """Normal forms of values that more than one node reads: a move that sank through would compute them again."""
        self.moves_left = 0

    @np.errstate(all="ignore")
    def rewrite(self, results: Iterable[Node]) -> list[Node]:
        """The normal forms of nodes: no rule applies anywhere below them."""
        results = list(results)
        readers = users(results)
        shared = {node for node, own in readers.items() if len(own) + (node in results) > 1}
        self.moves_left = MOVES_PER_NODE * len(readers)
        stack = list(results)
        firing: dict[Node, Node] = {}
        while stack:
            node = stack[-1]
            if node in self.normal:
                stack.pop()
                continue
            pending = [arg for arg in node.args if arg not in self.normal]
            if pending:
                stack += reversed(pending)
                continue
            args = tuple(self.normal[arg] for arg in node.args)
            rebuilt = node if args == node.args else build(node.op, args, node.attrs)
            after = self.normal.get(rebuilt)
            if after is None:
                again = rebuilt in firing
                if not again:
                    firing[rebuilt] = self._fire(rebuilt)
                target = firing[rebuilt]
                if target is not rebuilt and target not in self.normal:
                    assert not again, f"the rules turn {rebuilt} into itself: {self.firings[-1].rule}"
                    self._carry_span(node, target)
                    stack.append(target)
                    continue
                after = self.normal.get(target, target)
            self.normal[rebuilt] = self.normal[node] = self.normal[after] = after
            if node in shared:
                self.shared.add(after)
            self._carry_span(node, after)
        return [self.normal[node] for node in results]

    def _fire(self, node: Node) -> Node:
        for step in (fold, sparse, self._sink, with_logarithm_inside, with_squares_summed):
            changed = step(node)
            if changed is not node:
                return changed
        for rule in self.rules.candidates(node):
            result = rule.apply(node)
            if result is not None and result is not node:
                self.firings.append(Firing(rule.text, node, result))
                most = 10_000 + MAX_FIRINGS_PER_NODE * (len(self.normal) + 1)
                assert len(self.firings) < most, f"{rule.text} goes in circles"
                return result
        return node

    def _sink(self, node: Node) -> Node:
        """A move below the op that it moves, unless others read that too."""
        if node.op not in self.moves or not self.moves_left:
            return node
        arg = node.args[0]
        if arg in self.shared and arg.op != "slice" and not arg.row.is_number:
            return node  # others read it, and to make it again costs something
        below = sink(node)
        self.moves_left -= below is not node
        return below

    def _carry_span(self, old: Node, new: Node) -> None:
        if old in self.spans:
            self.spans.setdefault(new, self.spans[old])


def fold(node: Node) -> Node:
    """The node evaluated, where its arguments are numbers; conditions that are known decide their `where`."""
    args = node.args
    if node.row.selects and args[0].op == "const":
        return args[1] if args[0].value else args[2] if len(args) == 3 else constant(0.0, node.type)
    if isinstance(node.row.identity, bool) and node.row.kind == "elementwise":
        for one, other in (args, args[::-1]):
            if one.op == "const":
                return other if one.value is node.row.identity else one
    if node.row.kind == "elementwise" and args and all(arg.op == "const" for arg in args):
        return constant(apply(node, tuple([number(arg) for arg in args]), {}).item(), node.type)
    if node.op == "sum" and args[0].op == "const":
        count = size_node(product(tuple(args[0].shape[axis] for axis in node.attrs[0])), node.type.dtype)
        return make("mul", broadcast(count, node.shape), constant(args[0].value, node.type))
    return node


def lines(firings: Iterable[Firing]) -> Iterator[str]:
    """The distinct rules that fired, and how often each."""
    counts: dict[str, int] = {}
    for firing in firings:
        rule = " ".join(firing.rule.split())
        counts[rule] = counts.get(rule, 0) + 1
    for rule, count in counts.items():
        yield rule if count == 1 else f"{rule}    ({count} times)"
