"""What a loop need not do step by step, for all steps at once outside of it.

What no state enters is computed before the loop: `W @ x` of all rows is one product of matrices. What enters no state
is computed after it, from what the steps emit: logarithms of all steps have vectors, and sums of products over the
steps, such as the gradient of a matrix that each step multiplies by, are one product again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gradc.ir.ending import condition_of
from gradc.ir.graph import Node, broadcast, build, dependent, make, topological
from gradc.ir.graph import replace as replaced
from gradc.ir.sizes import Size
from gradc.ir.step import KEPT_FROM, LoopStep, StepBuilder, loop, loops_among


def hoisted(results: Iterable[Node]) -> list[Node]:
    """The results with loops that do no more than their states ask for."""
    results = tuple(results)
    new: dict[Node, Node] = {}
    for (step, args), nodes in loops_among(topological(results)).items():
        inner = tuple(replaced(args, new))
        found = _Hoisting(step, inner, [node.attrs[1] for node in nodes]).results()
        new.update({node: found[node.attrs[1]] for node in nodes})
    return list(replaced(results, new))


@dataclass
class _Hoisting:
    """A loop of which some results are asked for."""

    step: LoopStep
    args: tuple[Node, ...]
    asked: Sequence[int]
    emitted: dict[Node, None] = field(default_factory=dict)
    """What the steps have to emit."""
    outside: dict[Node, Node] = field(default_factory=dict)
    """Values of all steps, by what they are in one."""

    def __post_init__(self) -> None:
        step = self.step
        self.may_end = condition_of(step) is not None
        """Then what it emits may have no rows after the end: only the loop itself knows where that is."""
        self._look_at(step.results)
        self.sums = {} if self.may_end else self._sums()
        self._look_at((*step.results, *self.sums.values()))
        self.given = dict(zip(step.inputs, self.args))
        self.fixed: dict[Node, Node] = {}
        """Values that are the same in all steps, as they are outside of the loop."""

    def _look_at(self, nodes: Iterable[Node]) -> None:
        """Find what depends on states and on rows."""
        self.order = topological(nodes)
        rows = self.step.rows if self.may_end else ()
        self.of_states = dependent(self.order, (*self.step.states, *rows))
        self.of_rows = dependent(self.order, self.step.rows)

    def results(self) -> dict[int, Node]:
        """Each result that is asked for."""
        step = self.step
        count = len(step.states)
        sums = self.sums
        kept = self._kept([which for which in self.asked if which < count and which not in sums])
        self.core = set(topological(step.next[k] for k in kept))
        after: dict[int, Node] = {}
        plain: dict[int, Node] = {}
        for which in self.asked:
            value = sums.get(which) if which < count else step.results[which]
            if value is None:
                continue
            if which in sums or self._is_better_outside(value):
                after[which] = value
            else:
                plain[which] = value
        for value in after.values():
            self._ask(value)
        self.emitted |= dict.fromkeys(plain.values())
        new_step, args = self._rebuilt(kept)
        places = {node: len(kept) + k for k, node in enumerate(self.emitted)}
        for node, place in places.items():
            self.outside[node] = loop(new_step, args, place)
        found: dict[int, Node] = {}
        for which in self.asked:
            if which in sums:
                start, total = self.args[which], self._summed(sums[which])
                is_zero = start.op == "const" and start.value == 0
                found[which] = total if is_zero else make("add", start, total)
            elif which in after:
                found[which] = self._stacked(after[which])
            elif which in plain:
                found[which] = self.outside[plain[which]]
            else:
                found[which] = loop(new_step, args, kept.index(which))
        return found

    # ------------------------------------------------------------ sums over the steps

    def _sums(self) -> dict[int, Node]:
        """The states that are sums over the steps which nothing in the step reads, with the term of a step."""
        step = self.step
        uses: dict[Node, int] = {}
        for node in self.order:
            for arg in node.args:
                uses[arg] = uses.get(arg, 0) + 1
        for node in step.results:
            uses[node] = uses.get(node, 0) + 1
        found: dict[int, Node] = {}
        for k, (state, new) in enumerate(zip(step.states, step.next)):
            if uses.get(state) != 1 or not state.type.is_float:
                continue
            terms, total = [new], None
            is_sum = False
            while terms:
                term = terms.pop()
                if term is state:
                    is_sum = True
                elif term.op == "add" and uses[term] == 1 and state in set(topological((term,))):
                    terms += reversed(term.args)
                else:
                    total = term if total is None else make("add", total, term)
            if is_sum and total is not None and self._may_sum(total):
                found[k] = total
        return found

    def _may_sum(self, term: Node) -> bool:
        below = set(topological((term,)))
        if not all(self._may_batch(node) for node in below):
            return False
        product = _product_of(term)
        return not term.shape or (product is not None and _is_product_over_steps(product))

    def _summed(self, term: Node) -> Node:
        """The sum over all steps of a term."""
        product = _product_of(term)
        if product is None or not term.shape or term in self.outside:
            return make("sum", self._stacked(term), attrs=((0,),))
        x, y = (self._batched(arg) for arg in product.args)
        x_labels, y_labels, labels = product.attrs
        x_differs, y_differs = (whole.type.rank > arg.type.rank for whole, arg in zip((x, y), product.args))
        if x_differs and y_differs:
            step = max((*x_labels, *y_labels), default=0) + 1
            return build("contract", (x, y), ((step, *x_labels), (step, *y_labels), labels))
        x = x if y_differs else make("sum", self._stacked(product.args[0]), attrs=((0,),))
        y = make("sum", y, attrs=((0,),)) if y_differs else y
        return build("contract", (x, y), product.attrs)

    def _stacked(self, value: Node) -> Node:
        """The values of all steps, with an axis for the steps even where they are all the same."""
        whole = self._batched(value)
        shape = (self.step.size, *value.shape)
        return broadcast(whole, shape, tuple(range(len(shape) - whole.type.rank, len(shape))))

    # ------------------------------------------------------------ what stays

    def _kept(self, wanted: Iterable[int]) -> list[int]:
        """The states that other states need, or that are asked for; what the others are for comes later."""
        step = self.step
        number = {state: k for k, state in enumerate(step.states)}
        needed = set(wanted)
        sums = self.sums
        roots = [node for k, node in enumerate(step.results) if k in self.asked and k >= len(step.states)]
        roots += [sums[which] for which in self.asked if which in sums]
        while True:
            below = topological([*roots, *(step.next[k] for k in needed)])
            more = {number[node] for node in below if node in number} - needed
            if not more:
                return sorted(needed)
            needed |= more

    def _is_better_outside(self, value: Node) -> bool:
        """Whether what the steps emit is dear, no state needs it, and what it is made of can be emitted instead."""
        if value not in self.of_states:
            return all(self._may_batch(node) for node in topological((value,)))
        if self.may_end or value in self.core or not value.args:
            return False
        part, edge = self._beyond_core(value)
        if not all(self._may_batch(node) for node in part):
            return False
        if any(node.row.kind == "contraction" for node in part):
            return True
        is_dear = any(node.row.cost >= KEPT_FROM for node in part)
        return is_dear and all(node.type.rank <= value.type.rank for node in edge)

    def _beyond_core(self, value: Node) -> tuple[list[Node], list[Node]]:
        """The nodes below a value that no state needs, and those on which they stand."""
        part: list[Node] = []
        edge: list[Node] = []
        stack, seen = [value], set()
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            if node in self.of_states and (node in self.core or not node.args):
                edge.append(node)
            else:
                part.append(node)
                stack += node.args
        return part, edge

    def _ask(self, value: Node) -> None:
        self.emitted |= dict.fromkeys(self._beyond_core(value)[1])

    # ------------------------------------------------------------ the loop that is left

    def _rebuilt(self, kept: Sequence[int]) -> tuple[LoopStep, tuple[Node, ...]]:
        step = self.step
        builder = StepBuilder(step.size, step.backwards)
        new: dict[Node, Node] = {}
        for k in kept:
            new[step.states[k]] = builder.state(step.states[k].name, self.args[k])
        roots = [*(step.next[k] for k in kept), *self.emitted]
        order = topological(roots)
        if self.may_end:
            new |= {node: builder.row(node.name, self.given[node]) for node in order if node in step.rows}
        read = {arg for node in order if node in self.of_states for arg in node.args if arg not in self.of_states}
        read |= {root for root in roots if root not in self.of_states}
        below_read = topological(read)
        dear: set[Node] = set()
        for node in below_read:
            if node.row.kind == "contraction" or node.row.cost >= KEPT_FROM or any(arg in dear for arg in node.args):
                dear.add(node)
        stack = [node for node in order if node in read]
        stack.reverse()
        while stack:
            node = stack.pop()
            if node in new or (not node.args and node.op != "input"):
                continue
            if node not in self.of_rows and node not in step.rows:
                if node.op == "broadcast":
                    stack.append(node.args[0])
                else:
                    new[node] = builder.capture(_name(node), self._once(node))
            elif node in step.rows:
                new[node] = builder.row(node.name, self.given[node])
            elif node in dear and all(self._may_batch(part) for part in topological((node,))):
                new[node] = builder.row("row", self._batched(node))
            else:
                stack += node.args
        for node in order:
            if node.row.kind == "contraction" and node not in new:
                for position in range(2):
                    if (straight := self._straight(node, position)) is not None:
                        matrix, product = straight
                        other = next(replaced((node.args[1 - position],), new))
                        fixed = builder.capture(f"{_name(node.args[position])}_T", matrix)
                        new[node] = build("contract", (fixed, other), product)
                        break
        made = list(replaced(roots, new))
        builder.next = made[: len(kept)]
        builder.emitted = dict.fromkeys(made[len(kept) :])
        self.emitted = dict.fromkeys(self.emitted)
        assert len(builder.emitted) == len(self.emitted)
        return builder.build()

    def _straight(self, node: Node, position: int) -> tuple[Node, tuple] | None:
        """A matrix that all steps multiply a vector by from the right, transposed once: then each step reads its rows;
        and the labels of the product."""
        matrix, vector = node.args[position], node.args[1 - position]
        labels, others = node.attrs[position], node.attrs[1 - position]
        if matrix in self.of_states or matrix in self.of_rows or len(labels) != 2 or vector.type.rank != 1:
            return None
        if labels[0] not in others or labels[1] not in node.attrs[2]:
            return None
        return make("transpose", self._once(matrix), attrs=((1, 0),)), (labels[::-1], others, node.attrs[2])

    def _may_batch(self, node: Node) -> bool:
        """Whether there is a way to do a node for all steps at once. Of a table that changes from step to step there is
        none to take elements."""
        if node.row.kind == "gather":
            is_fixed = node.args[0] not in self.of_states and node.args[0] not in self.of_rows
            return is_fixed and node.row.lifted is not None and (not node.args[1].shape or node.attrs[0] == 0)
        if node.row.kind == "scan" and isinstance(node.attrs[0], bool):
            return False  # a search, which goes along no axis
        return not node.args or node.row.kind in ("elementwise", "contraction") or node.row.lifted is not None

    def _once(self, node: Node) -> Node:
        """A value that is the same in all steps, outside of the loop."""
        return next(replaced((node,), self.given))

    # ------------------------------------------------------------ all steps at once

    def _batched(self, value: Node) -> Node:
        """The values of all steps, along a first axis; of what is the same in all, the value."""
        step, outside = self.step, self.outside
        stack = [value]
        while stack:
            node = stack[-1]
            if node in outside:
                stack.pop()
                continue
            if not node.args:
                outside[node] = self.given.get(node, node)
                stack.pop()
                continue
            if node not in self.of_rows and node not in self.of_states:
                outside[node] = self._once(node)
                stack.pop()
                continue
            pending = [arg for arg in node.args if arg not in outside]
            if pending:
                stack += pending
                continue
            stack.pop()
            outside[node] = batch(node, [outside[arg] for arg in node.args], step.size)
        return outside[value]


def _name(node: Node) -> str:
    return node.name if node.op == "input" else "fixed"


def _product_of(term: Node) -> Node | None:
    return term if term.row.kind == "contraction" else None


def _is_product_over_steps(product: Node) -> bool:
    """Whether the sum of such a product over all steps is one product of matrices: what it contracts stands first."""
    x_labels, y_labels, labels = product.attrs
    contracted = tuple(label for label in x_labels if label in y_labels and label not in labels)
    count = len(contracted)
    batch = [label for label in labels if label in x_labels and label in y_labels]
    return not batch and x_labels[:count] == contracted == y_labels[:count]


# ---------------------------------------------------------------- ops with one more axis


def batch(node: Node, args: Sequence[Node], size: Size) -> Node:
    """A node for all steps at once, given its arguments: each with a first axis of this size, or as it is in one."""
    is_batched = [new.type.rank > old.type.rank for new, old in zip(args, node.args)]
    if not any(is_batched):
        return build(node.op, tuple(args), node.attrs)
    if node.row.kind == "contraction":
        sides = node.attrs[:2]
        step = max((*sides[0], *sides[1]), default=0) + 1
        own = (tuple((step, *side) if there else side) for side, there in zip(sides, is_batched))
        return build("contract", tuple(args), (*own, (step, *node.attrs[2])))
    if node.row.kind == "gather" and not is_batched[0]:
        return _taken(node, args)
    whole = tuple(
        arg if there else broadcast(arg, (size, *arg.shape), tuple(range(1, arg.type.rank + 1)))
        for arg, there in zip(args, is_batched)
    )
    return build(node.op, whole, node.row.lifted(node.attrs, (size,)) if node.row.lifted else node.attrs)


def _taken(node: Node, args: Sequence[Node]) -> Node:
    """One index for each step, along an axis that need not be the first: that of the steps comes first."""
    axis = node.attrs[0]
    found = make(node.op, *args, attrs=node.attrs)
    rest = [k for k in range(found.type.rank) if k != axis]
    return make("transpose", found, attrs=((axis, *rest),)) if axis else found
