"""Derivatives of any order along one direction, by Taylor coefficients: the cost grows with the square of the order.

The coefficient u[k] of a value along a path is its k-th derivative over k!. A linear op takes coefficients to
coefficients; for any other, y = f(u), the chain rule y' = p * u' with its partial p, as the row has it, says

    y[k] = (j * u[j] * p[k - j] summed over j from 1 to k) / k

where p is a value like any other: of `sin` it is `cos`, whose own is `-sin` again, so that the two give each other
their coefficients (Griewank and Walther, "Evaluating Derivatives", 2008, chapter 13).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import factorial

from gradc.autodiff.masked import Masked, times
from gradc.autodiff.partials import partial
from gradc.autodiff.tangent import tangent
from gradc.ir.graph import Node, as_padded, build, constant, make, topological


def derivatives(value: Node, x: Node, order: int) -> list[Node]:
    """The derivatives of a value for a number x, or along ones for an array, from the first one to that of an order."""
    (value,) = as_padded([value])
    seed = constant(1.0, x.type)
    coefficients = _Coefficients(x, seed, order)
    if not coefficients.needs(value):
        dots = [value]
        for _ in range(order):
            dots += tangent(dots[-1:], {x: seed})
        return dots[1:]
    coefficients.fill()
    made = []
    for k in range(1, order + 1):
        found = coefficients.at(value, k)
        made.append(constant(0.0, value.type) if found is None else _scaled(factorial(k), found))
    return made


class _Coefficients:
    """The coefficients of all values that a result needs; None for zero."""

    def __init__(self, x: Node, seed: Node, order: int):
        self.x, self.order = x, order
        self.orders: dict[Node, int] = {}
        """Up to which coefficient each value is needed."""
        self.partials: dict[tuple[Node, int], Node | None] = {}
        self.moving: set[Node] = {x}
        self.found: dict[tuple[Node, int], Node | None] = {(x, 1): seed}
        self.sorted: list[Node] = []

    def needs(self, value: Node) -> bool:
        """Find out what is needed for a value; whether there is a rule for all of it.

        A partial is needed to one order less than what it is the partial of, so that this comes to an end.
        """
        waiting = [(value, self.order)]
        while waiting:
            root, order = waiting.pop()
            for node in reversed(self._moving_below(root)):
                if self.orders.get(node, 0) >= order or node is self.x:
                    continue
                self.orders[node] = order
                if node.row.kind == "source" or self._is_linear(node) or _has_rule(node):
                    continue
                if node.row.kind not in ("elementwise", "reduction"):
                    return False
                if order == 1:
                    continue
                for position, arg in enumerate(node.args):
                    local = self._partial(node, position) if arg in self.moving else None
                    if local is not None:
                        waiting.append((local, order - 1))
        self.sorted = [node for node in topological([*self.orders]) if node in self.orders]
        return True

    def _moving_below(self, root: Node) -> list[Node]:
        """What a value is made of and x moves, arguments first."""
        order = topological((root,))
        for node in order:
            if node not in self.moving and node.type.is_float and not self.moving.isdisjoint(node.args):
                self.moving.add(node)
        return [node for node in order if node in self.moving]

    def _is_linear(self, node: Node) -> bool:
        """Whether an op is linear in its first argument, and nothing else moves."""
        return node.row.transpose is not None and self.moving.isdisjoint(node.args[1:])

    def _partial(self, node: Node, position: int) -> Node | None:
        if (node, position) not in self.partials:
            self.partials[node, position] = partial(node, position)
        return self.partials[node, position]

    def fill(self) -> None:
        """All coefficients, from the first on."""
        for k in range(1, self.order + 1):
            for node in self.sorted:
                if self.orders[node] >= k:
                    self.found[node, k] = self._made(node, k)

    def at(self, node: Node, k: int) -> Node | None:
        """A coefficient; that of order 0 is the value."""
        if k == 0:
            return node
        return self.found.get((node, k))

    def _made(self, node: Node, k: int) -> Node | None:
        if self._is_linear(node):
            found = self.at(node.args[0], k)
            return None if found is None else build(node.op, (found, *node.args[1:]), node.attrs)
        if _chooses(node):
            conditions, sides = node.args[: node.row.conditions], node.args[node.row.conditions :]
            moved = [self.at(side, k) for side in sides]
            if not any(moved):
                return None
            filled = [constant(0.0, node.type) if each is None else each for each in moved]
            return make(node.op, *conditions, *filled)
        if _is_product(node):
            left, right = node.args
            pairs = [(self._any(left, j), self._any(right, k - j)) for j in range(k + 1)]
            return _sum([build(node.op, (a, b), node.attrs) for a, b in pairs if a is not None and b is not None])
        if node.op == "div":
            return self._quotient(node, k)
        terms = []
        for position, arg in enumerate(node.args):
            local = self._partial(node, position) if arg in self.moving else None
            if local is None:
                continue
            for j in range(1, k + 1):
                change, slope = self.at(arg, j), self.at(local, k - j)
                if change is not None and slope is not None:
                    term = times(Masked(_scaled(j / k, change)), slope).node
                    terms.append(make("sum", term, attrs=node.attrs) if node.row.kind == "reduction" else term)
        return _sum(terms)

    def _any(self, node: Node, k: int) -> Node | None:
        """A coefficient of a value that may not move."""
        return node if k == 0 else self.at(node, k) if node in self.moving else None

    def _quotient(self, node: Node, k: int) -> Node | None:
        """Of y = u / v: y[k] = (u[k] - the sum of v[j] * y[k - j]) / v."""
        above, below = node.args
        terms = [self._any(above, k)]
        for j in range(1, k + 1):
            one, other = self._any(below, j), self.at(node, k - j)
            if one is not None and other is not None:
                terms.append(make("neg", make("mul", one, other)))
        total = _sum([term for term in terms if term is not None])
        return None if total is None else make("div", total, below)


def _has_rule(node: Node) -> bool:
    """Whether an op has a rule of its own, so that its partials are not needed."""
    return _is_product(node) or _chooses(node) or node.op == "div"


def _is_product(node: Node) -> bool:
    """Whether an op is linear in each of two arguments."""
    return "|" in node.row.linear


def _chooses(node: Node) -> bool:
    """Whether an op is linear but for conditions, which do not move."""
    return bool(node.row.conditions and node.row.linear)


def _scaled(factor: float, node: Node) -> Node:
    return node if factor == 1 else make("mul", constant(float(factor), node.type), node)


def _sum(terms: Sequence[Node]) -> Node | None:
    total = None
    for term in terms:
        total = term if total is None else make("add", total, term)
    return total
