"""One rewrite engine: patterns are graphs, a pass works from the arguments up, every rewrite is recorded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import field
from functools import cache, cached_property, partial, reduce
from itertools import chain, permutations
from operator import or_
from typing import Any, NamedTuple

import numpy as np

from gradc.construct.template import instantiate, parsed
from gradc.ir.graph import Node, broadcast, build, constant, input_node, make, size_node, table, to_bits, topological
from gradc.ir.interpret import apply, evaluate_constant, number
from gradc.ir.ops import JOINS, OPS, ROWS, Op, bits, others
from gradc.ir.sizes import product
from gradc.ir.types import Type
from gradc.language.record import dataclass
from gradc.language.source import Span
from gradc.language.syntax import Call, Name, walk
from gradc.rewrite.conditions import NUMBERS, SIDE_CONDITIONS, SideCondition
from gradc.rewrite.logarithms import (
    with_logarithm_inside,
    with_products_scaled,
    with_running_sums_scaled,
    with_terms_scaled,
)
from gradc.rewrite.movement import REPEATED_FROM, push_to_inputs, repeats
from gradc.rewrite.products import sparse, with_root_inside, with_squares_summed
from gradc.rewrite.quotients import with_zeros_divided
from gradc.rewrite.spellings import Spelling, pairs, same, spellings
from gradc.rewrite.terms import heads
from gradc.rewrite.vanishing import OVER

POLYNOMIAL = bits(row.name for row in ROWS if row.polynomial)
"""Ops of which no rule about a difference is made alone."""

CALLED = re.compile(r"(\w+)\(|\b(and|or|not)\b")
"""The functions that the text of a rule calls, and the operators that are words."""

MAX_APPLIED_PER_NODE = 50
"""A set of rules that fires more often than this, per node of the graph, goes in circles."""

MOVES_PER_NODE = 4
"""How often moves push_to_inputs, for each node of the graph, so that graphs grow by a factor at most."""


@dataclass(frozen=True, eq=False)
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
        parts = walk(parsed(self.sides[0]).result)
        return any(
            isinstance(part, Call)
            and part.function in OPS
            and OPS[part.function].kind == "reduction"
            and len(part.args) == 1
            for part in parts
        )

    @cached_property
    def needed(self) -> int:
        """Ops that every match has, as a set of bits: those that the left side calls by their names."""
        called = (OPS.get(name or word) for name, word in CALLED.findall(self.sides[0]))
        return bits({op.name for op in called if op is not None and _is_called(op)})

    @cached_property
    def is_difference(self) -> bool:
        """Whether it is about a sum or a difference of functions: then it serves all spellings of that."""
        return self.pattern.row.is_sum and bool(self.pattern.ops & ~POLYNOMIAL)

    @cached_property
    def is_general(self) -> bool:
        """Whether it is about one function of any two values, as `exp(x) - exp(y)`: rules that say more go first."""
        forms = {(arg.op, *(part.op for part in arg.args)) for arg in self.pattern.args}
        return self.is_difference and len(forms) == 1 and set(*forms) <= {self.pattern.args[0].op, "input"}

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

    @cached_property
    def numbers(self) -> tuple[SideCondition, ...]:
        """What some argument of a node has to be, each of them, where the pattern has a number in this place."""
        names = (arg.name[0] for arg in self.pattern.args if arg.op == "input")
        return tuple(SIDE_CONDITIONS[letter] for letter in names if letter in NUMBERS)

    def apply(self, node: Node) -> Node | None:
        """The right side for a node that matches the left one; None where it does not."""
        if not all(any(map(condition.holds, node.args)) for condition in self.numbers):
            return None
        match = Match()
        if not match.fits(self.pattern, node):
            return None
        dtype = node.type.dtype if node.type.is_float else "f64"
        result = instantiate(self.sides[1], match.bound, dtype=dtype, axes=match.axes, rank=match.rank)
        if result.is_constant and result.shape != node.shape:
            result = broadcast(result, node.shape)
        return result if result.type == node.type else None


def _is_called(op: Op) -> bool:
    """Whether a function of this name is always the op: `max` and `min` of two values are others."""
    return op.kind == "elementwise" or (op.kind == "reduction" and not (op.combine and OPS[op.combine].clamp))


@cache
def rules(text: str) -> tuple[Rule, ...]:
    """The rules of a table, one a line, which those that begin with a space go on with: the same ones whoever asks."""
    return tuple(_rule(line) for line in re.sub(r"\n +", " ", text).splitlines() if line)


@cache
def _rule(line: str) -> Rule:
    """One object for one text."""
    return Rule(line)


DIVIDING = frozenset(rules(OVER))
"""Rules about functions over their argument."""


@dataclass
class Match:
    """What the names of a pattern stand for, and over which axes it reduces."""

    bound: dict[str, Node] = field(default_factory=dict)
    axes: tuple[int, ...] | None = None
    rank: int = 0

    def fits(self, pattern: Node, node: Node) -> bool:
        if pattern.op == "input":
            name = pattern.name
            condition = SIDE_CONDITIONS.get(name[0])
            same_kind = (pattern.type.dtype == "bool") == (node.type.dtype == "bool")
            return (
                same_kind and (condition is None or condition.holds(node)) and self.bound.setdefault(name, node) is node
            )
        if pattern.op != node.op:
            return False
        if pattern.op == "const":
            same_kind = pattern.type.is_float == node.type.is_float
            return same_kind and to_bits(pattern.value, node.type.dtype) == node.attrs[0]
        if pattern.op == "cast":
            return False
        if not pattern.row.commutative:
            return self._arguments_fit(pattern, node.args) and self._attributes(node)
        before = dict(self.bound), self.axes, self.rank
        for args in permutations(node.args):
            if self._arguments_fit(pattern, args):
                return True
            self.bound, self.axes, self.rank = dict(before[0]), *before[1:]
        return False

    def _arguments_fit(self, pattern: Node, args: Sequence[Node]) -> bool:
        for part, arg in zip(pattern.args, args):
            if not self.fits(part, arg):
                return False
        return True

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


class Applied(NamedTuple):
    """One application of a rule."""

    rule: str
    before: Node
    after: Node


Step = Callable[[Node], Node]
"""What a node becomes; the node itself where nothing changes."""
Kind = tuple[str, ...] | int
"""What an argument shows at two levels of ops: its form, or its bits where it is a number that some rule
names."""


class Selection:
    """Rules by what a node and its arguments show: most rules are ruled out without being tried.

    It serves nodes with these ops in them. Rules that need others are not even read, which takes a while.
    """

    def __init__(self, rules: Iterable[Rule]):
        self.ops = 0
        self.order = {rule: place for place, rule in enumerate(rules)}
        self.unread = [*self.order]
        """Rules that need ops which no node has."""
        self.by_op: dict[str, list[Rule]] = {}
        self.numbers: set[int] = set()
        self.divides = self.order.keys() >= DIVIDING
        """Whether the rules about functions that vanish are among them, which serve all quotients."""
        self.heads: set[tuple[frozenset[str] | None, ...]] = set()
        """Of the terms of each difference that some rule is about; None for a number."""
        self.concerned: dict[tuple[frozenset[str], frozenset[str]], bool] = {}
        self.differing = 0
        """Ops of which one is in every difference that some rule is about."""
        self.by_form: dict[tuple[str, ...], list[Rule]] = {}
        self.found: dict[tuple[Any, ...], list[Rule]] = {}
        self.sides: dict[tuple[str, Kind], tuple[int, int]] = {}

    def with_ops(self, ops: int) -> Selection:
        """A selection that serves nodes with these ops too."""
        larger = copy(self)
        larger.ops = ops = ops | self.ops
        read = [rule for rule in self.unread if not rule.needed & ~ops]
        if not read:
            return larger
        larger.unread = [rule for rule in self.unread if rule.needed & ~ops]
        larger.by_op = {op: [*rules] for op, rules in self.by_op.items()}
        larger.numbers, larger.heads = {*self.numbers}, {*self.heads}
        larger.concerned, larger.by_form, larger.found, larger.sides = {}, {}, {}, {}
        for rule in read:
            larger.by_op.setdefault(rule.pattern.op, []).append(rule)
            if rule.is_difference:
                larger.differing |= rule.pattern.ops & ~POLYNOMIAL
                larger.heads.add(tuple(None if arg.op == "const" else heads(arg) for arg in rule.pattern.args))
            for arg in rule.pattern.args:
                larger.numbers |= _bits(arg)
        for op in {rule.pattern.op for rule in read}:
            larger.by_op[op].sort(key=self.order.__getitem__)
        return larger

    def concern(self, one: frozenset[str], other: frozenset[str]) -> bool:
        """Whether some rule may be about two terms with these heads, in some spelling."""
        found = self.concerned.get((one, other))
        if found is None:
            orders = ((one, other), (other, one))
            found = any(_may_have(a, x, y) and _may_have(b, y, x) for a, b in self.heads for x, y in orders)
            self.concerned[one, other] = found
        return found

    def of_form(self, node: Node) -> list[Rule]:
        """The rules whose pattern has the node's op and fits those of its arguments."""
        found = self.by_form.get(node.form)
        if found is None:
            found = [rule for rule in self.by_op.get(node.op, ()) if _fits_form(rule.pattern, node.form)]
            self.by_form[node.form] = found
        return found

    def candidates(self, node: Node) -> list[Rule]:
        """The rules whose pattern has the node's op and fits the forms of its arguments, in the order of the table."""
        args = node.args
        numbers = self.numbers
        same = len(args) > 1 and args[-1] is args[-2]
        kinds = [arg.attrs[0] if arg.op == "const" and arg.attrs[0] in numbers else arg.form for arg in args]
        key = (node.op, same, *kinds)
        found = self.found.get(key)
        if found is None:
            found = [rule for rule in self.of_form(node) if _plausible(rule.pattern, kinds, same)]
            self.found[key] = found
        return found

    def differ(self, op: str, a: Node, b: Node) -> bool:
        """Whether some rule about differences may be about a sum or a difference of two terms."""
        a_left, a_right = self._sides(op, a)
        b_left, b_right = self._sides(op, b)
        return bool(a_left & b_right or (op == "add" and b_left & a_right))

    def _sides(self, op: str, term: Node) -> tuple[int, int]:
        """The rules about differences that may have a term on their left, and on their right, as bits."""
        kind = term.attrs[0] if term.op == "const" and term.attrs[0] in self.numbers else term.form
        found = self.sides.get((op, kind))
        if found is None:
            patterns = [rule.pattern for rule in self.by_op.get(op, ()) if rule.is_difference]
            left, right = (
                sum(_may_fit(pattern.args[side], kind) << k for k, pattern in enumerate(patterns)) for side in (0, 1)
            )
            found = self.sides[op, kind] = left, right
        return found


def _may_have(wanted: frozenset[str] | None, found: frozenset[str], other: frozenset[str]) -> bool:
    """Whether a term with some heads may be one that a rule wants. A number is left where the other has all of them."""
    return found <= other if wanted is None else wanted <= found


def _bits(pattern: Node) -> set[int]:
    """The bits that a number of a pattern may have in a graph."""
    return {to_bits(pattern.value, dtype) for dtype in ("f64", "f32", "i64")} if pattern.op == "const" else set()


def _plausible(pattern: Node, kinds: Sequence[Kind], same: bool) -> bool:
    """`same` says whether the last two arguments are one node."""
    if len(pattern.args) > 1 and pattern.args[-1] is pattern.args[-2] and not same:
        return False
    return _any_order(pattern, [[_may_fit(arg, kind) for kind in kinds] for arg in pattern.args])


def _any_order(pattern: Node, fitting: list[list[bool]]) -> bool:
    """Whether each argument of a pattern fits one of a node, given which fit which."""
    return any(all(row[k] for row, k in zip(fitting, order)) for order in Match.orders(pattern))


def _may_fit(pattern: Node, kind: Kind) -> bool:
    if isinstance(kind, int):
        return kind in _bits(pattern) if pattern.op == "const" else _may_be(pattern, "const")
    if pattern.op == "const":
        return False
    return _fits_form(pattern, kind) if pattern.args else _may_be(pattern, kind[0])


def _fits_form(pattern: Node, form: tuple[str, ...]) -> bool:
    """Whether a node with this op and arguments with these ops may fit a pattern."""
    op, *ops = form
    return op == pattern.op and _any_order(pattern, [[_may_be(arg, op) for op in ops] for arg in pattern.args])


def _may_be(pattern: Node, op: str) -> bool:
    """Whether a node with this op may fit a pattern."""
    if pattern.op != "input":
        return op == pattern.op
    condition = SIDE_CONDITIONS.get(pattern.name[0])
    return condition is None or op in condition.ops


_selections: dict[tuple[Rule, ...], Selection] = {}


def selection(rules: tuple[Rule, ...], ops: int) -> Selection:
    """A selection of rules for nodes with these ops in them, among others."""
    known = _selections.get(rules)
    if known is None or ops & ~known.ops:
        known = _selections[rules] = (Selection(rules) if known is None else known).with_ops(ops)
    return known


class Rewriter:
    """A set of rules and what it has done. Passes share one table of normal forms."""

    def __init__(
        self,
        rules: Iterable[Rule],
        spans: dict[Node, Span] | None = None,
        moves: frozenset[str] = frozenset(),
        before: Rewriter | None = None,
    ):
        self.rules = tuple(rules)
        self.selection = selection(self.rules, 0)
        self.settled: set[Node] = set()
        """Nodes that a rewriter before this one has left as they are: only rules that it did not have may be about
        them."""
        rest = self.rules
        if before is not None:
            rest = tuple([rule for rule in self.rules if rule not in before.selection.order])
            if before.selection.divides or not self.selection.divides:
                self.settled = {after for node, after in before.normal.items() if after is node}
        self.rest = selection(rest, 0)
        self.spans = {} if spans is None else spans
        self.moves = moves
        self.applied: list[Applied] = []
        self.normal: dict[Node, Node] = {}
        self.shared: set[Node] = set()
        """Normal forms of values that more than one node reads: a move that sank through would compute them again."""
        self.heads: dict[Node, frozenset[str]] = {}
        """Those of terms of sums."""
        self.moves_left = 0
        self.steps: dict[tuple[str, ...], tuple[Step, ...]] = {}
        """By form, what may change a node with the ops of the selection in it."""
        self.steps_for_settled: dict[tuple[str, ...], tuple[Step, ...]] = {}

    @np.errstate(all="ignore")
    def rewrite(self, results: Iterable[Node]) -> list[Node]:
        """The normal forms of nodes: no rule applies anywhere below them."""
        results = list(results)
        order = topological(reversed(results))
        shared = _read_twice(order, results)
        self.moves_left = MOVES_PER_NODE * len(order)
        self._serve(reduce(or_, (node.ops for node in results), 0))
        normal = self.normal
        for node in order:
            if node in normal:
                continue
            args = tuple([normal[arg] for arg in node.args])
            rebuilt = node if args == node.args else build(node.op, args, node.attrs)
            after = normal.get(rebuilt)
            if after is None:
                after = self._step(rebuilt)
                if after is not rebuilt:
                    self._carry_span(node, after)
                    normal[rebuilt] = after = self._normal_form(after, rebuilt)
                normal[after] = after
            if after is not node:
                normal[node] = after
                self._carry_span(node, after)
            if node in shared:
                self.shared.add(after)
        return [normal[node] for node in results]

    def _normal_form(self, made: Node, source: Node) -> Node:
        """The normal form of what a step has made of a node."""
        normal = self.normal
        stack = [made]
        tried = {source: made}
        while stack:
            node = stack[-1]
            if node in normal:
                stack.pop()
                continue
            pending = [arg for arg in node.args if arg not in normal]
            if pending:
                stack += reversed(pending)
                continue
            args = tuple([normal[arg] for arg in node.args])
            rebuilt = node if args == node.args else build(node.op, args, node.attrs)
            after = normal.get(rebuilt)
            if after is None:
                again = rebuilt in tried
                if not again:
                    tried[rebuilt] = self._step(rebuilt)
                target = tried[rebuilt]
                if target is not rebuilt and target not in normal:
                    assert not again, f"rules or moves turn {rebuilt} into itself, after {self.applied[-1:]}"
                    self._carry_span(node, target)
                    stack.append(target)
                    continue
                after = normal.get(target, target)
            normal[rebuilt] = normal[node] = normal[after] = after
            self._carry_span(node, after)
        return normal[made]

    def _step(self, node: Node) -> Node:
        if node.ops & ~self.selection.ops:
            self._serve(node.ops)
        known, is_settled = self.steps, node in self.settled
        if is_settled:
            known = self.steps_for_settled
        steps = known.get(node.form)
        if steps is None:
            steps = known[node.form] = tuple(self._steps_for(node, is_settled))
        for step in steps:
            changed = step(node)
            if changed is not node:
                return changed
        return node

    def _serve(self, ops: int) -> None:
        """Have the rules for nodes with these ops too."""
        ops |= self.selection.ops
        self.selection, self.rest = selection(self.rules, ops), selection(tuple(self.rest.order), ops)
        self.steps.clear()
        self.steps_for_settled.clear()

    def _steps_for(self, node: Node, is_settled: bool) -> Iterator[Step]:
        rules = self.rest if is_settled else self.selection
        if not is_settled:
            for concerns, step in (*STEPS, *(QUOTIENT_STEPS if rules.divides else ())):
                if concerns(node) and not (step is with_root_inside and "broadcast" in self.moves):
                    yield step  # a root that broadcasts move into would only come out again
        if node.op in self.moves:
            yield self._sink
        if rules.of_form(node) or node.row.is_sum:
            yield partial(self._apply_rule, rules)

    def _apply_rule(self, rules: Selection, node: Node) -> Node:
        if node.row.is_sum and node.type.is_float and node.ops & rules.differing:
            return self._apply_to_sum(rules, node)
        for rule in rules.candidates(node):
            result = rule.apply(node)
            if result is not None and result is not node:
                return self._record(rule, node, result)
        return node

    def _apply_to_sum(self, rules: Selection, node: Node) -> Node:
        """The same for a sum or a difference, of which a rule may be about another spelling."""

        def concern(left: Node, right: Node) -> bool:
            return rules.concern(self._heads(left), self._heads(right))

        found = [(rule, Spelling(node, same)) for rule in rules.candidates(node)]
        others = spellings(node, rules.differ) if concern(*node.args) else ()
        for other in chain(others, pairs(node, concern, rules.differ)):
            found += [(rule, other) for rule in rules.candidates(other.node) if rule.is_difference]
        order = rules.order
        found.sort(key=lambda one: (one[0].is_general, one[1].node is not node, order[one[0]]))
        for rule, other in found:
            result = rule.apply(other.node)
            if result is not None and result is not other.node:
                return self._record(rule, node, other.finish(result))
        return node

    def _heads(self, term: Node) -> frozenset[str]:
        found = self.heads.get(term)
        if found is None:
            found = self.heads[term] = heads(term)
        return found

    def _record(self, rule: Rule, node: Node, result: Node) -> Node:
        self.applied.append(Applied(rule.text, node, result))
        most = 10_000 + MAX_APPLIED_PER_NODE * (len(self.normal) + 1)
        assert len(self.applied) < most, f"{rule.text} goes in circles"
        return result

    def _sink(self, node: Node) -> Node:
        """A move below the op that it moves, unless others read that too."""
        if not self.moves_left:
            return node
        arg = node.args[0]
        if arg in self.shared and arg.op not in ("slice", *JOINS) and not arg.row.is_number:
            return node  # others read it, and to make it again costs something
        if arg.row.cost >= REPEATED_FROM and repeats(node):
            return node
        if node.op == "transpose" and arg.op == "contract" and "broadcast" in self.moves:
            x_labels, y_labels, labels = arg.attrs  # a kernel writes the elements of a product in any order
            return make("contract", *arg.args, attrs=(x_labels, y_labels, tuple(labels[k] for k in node.attrs[0])))
        below = push_to_inputs(node)
        self.moves_left -= below is not node
        return below

    def _carry_span(self, old: Node, new: Node) -> None:
        if old is not new and old in self.spans:
            self.spans.setdefault(new, self.spans[old])


def _read_twice(order: Iterable[Node], results: Iterable[Node]) -> set[Node]:
    """The nodes that more than one node reads, or one node and the caller."""
    twice: set[Node] = set()
    reader: dict[Node, Node | None] = dict.fromkeys(results)
    for node in order:
        for arg in node.args:
            if reader.setdefault(arg, node) is not node:
                twice.add(arg)
    return twice


def _may_fold(node: Node) -> bool:
    """Whether the ops of a node and its arguments let `fold` change it."""
    row, numbers = node.row, [OPS[op].is_known for op in node.form[1:]]
    if row.kind != "elementwise":
        return node.op == "sum" and numbers[0]
    if isinstance(row.identity, bool):
        return any(numbers)
    return bool(numbers) and (all(numbers) or (row.selects and numbers[0]))


def fold(node: Node) -> Node:
    """The node evaluated, where its arguments are numbers; conditions that are known decide their `where`."""
    args = node.args
    if node.row.selects and args[0].op == "const":
        return args[1] if args[0].value else args[2] if len(args) == 3 else constant(0.0, node.type)
    if isinstance(node.row.identity, bool) and node.row.kind == "elementwise":
        for one, other in (args, args[::-1]):
            if one.op == "const":
                return other if one.value is node.row.identity else one
    if node.row.kind == "elementwise" and args and all(arg.row.is_known for arg in args):
        if any(arg.op == "table" for arg in args):
            return table(evaluate_constant(node), node.type.dtype)
        return constant(apply(node, tuple([number(arg) for arg in args]), {}).item(), node.type)
    if node.op == "sum" and args[0].op == "const":
        count = size_node(product(tuple(args[0].shape[axis] for axis in node.attrs[0])), node.type.dtype)
        return make("mul", broadcast(count, node.shape), constant(args[0].value, node.type))
    return node


STEPS: tuple[tuple[Callable[[Node], bool], Step], ...] = (
    (_may_fold, fold),
    (lambda node: node.row.kind == "contraction", sparse),
    (lambda node: node.op == "log", with_logarithm_inside),
    (lambda node: node.op == "log", with_terms_scaled),
    (lambda node: node.op == "log", with_products_scaled),
    (lambda node: node.op == "log", with_running_sums_scaled),
    (lambda node: node.row.kind == "contraction", with_squares_summed),
)
"""Steps that no text can state, and the nodes that each concerns, as far as their form tells."""

QUOTIENT_STEPS: tuple[tuple[Callable[[Node], bool], Step], ...] = (
    (lambda node: node.op == "div", with_zeros_divided),
    (lambda node: node.op == "mul", with_zeros_divided),
    (lambda node: node.op == "sqrt", with_root_inside),
)
"""Steps that go with the rules about functions over their argument."""


def lines(applied: Iterable[Applied]) -> Iterator[str]:
    """The distinct rules that were applied, and how often each."""
    counts: dict[str, int] = {}
    for application in applied:
        rule = " ".join(application.rule.split())
        counts[rule] = counts.get(rule, 0) + 1
    for rule, count in counts.items():
        yield rule if count == 1 else f"{rule}    ({count} times)"
