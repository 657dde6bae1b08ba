"""Quotients of functions that vanish with their argument, over that argument, over powers of it or over each other.

`sin(y * x) / x` is y * sinrel(y * x), `square(x) / expm1(x)` is x / exprel(x): one rule of a table, `sin(x) / x ->
sinrel(x)`, is written for all of them. A value with a NaN in it keeps it, because the function that is left has the
same argument; where both sides vanish, the quotient is its limit.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import NamedTuple

from gradc.construct.template import instantiate
from gradc.ir.graph import Node, constant, make, numbers_of
from gradc.ir.ops import bits
from gradc.rewrite.vanishing import ALIKE, OVER, UNDER

MOST_PARTS = 12
"""Factors and divisors that are looked at."""
MOST_STEPS = 8
"""Functions that are replaced in one quotient."""
HIGHEST = 6
"""The highest power that is taken apart."""
MOST_ASKED = 32
"""Nodes below a condition, and below what it chooses, that are looked at."""
DEEPEST = 3
"""Functions of functions that are looked through: expm1(y * log1p(x)) vanishes with x."""


def _read(text: str) -> dict[str, str]:
    """The right sides of rules about `sin(x) / x` or `x / sinh(x)`, by the op."""
    rules = [line.split("->") for line in re.sub(r"\n +", " ", text).splitlines() if line]
    return {re.findall(r"\w+(?=\()", left)[0]: right.strip() for left, right in rules}


OVER_ARGUMENT, UNDER_ARGUMENT = _read(OVER), _read(UNDER)
"""By op, what is left of it over its argument x, and of x over it where that is not the inverse."""
ALIKE_ONES = frozenset(_read(ALIKE))
CONCERNED = bits(OVER_ARGUMENT) | bits({"expm1_reciprocal"}) | bits({"minus"})


class Parts(NamedTuple):
    """A number times powers of some nodes over powers of others."""

    number: float
    above: Counter[Node]
    below: Counter[Node]

    def turned(self) -> Parts:
        return Parts(1 / self.number, self.below, self.above)

    def times(self, other: Parts) -> Parts:
        return Parts(self.number * other.number, self.above + other.above, self.below + other.below)

    def without(self, bases: Collection[Node]) -> Parts:
        """Without what stands both above and below, of some bases."""
        shared = Counter({base: count for base, count in (self.above & self.below).items() if base in bases})
        return self._replace(above=self.above - shared, below=self.below - shared)

    def more_than(self, other: Parts, bases: Collection[Node]) -> bool:
        """Whether some of the bases stand here in a higher power than in the other one."""
        return any(self.above[x] > other.above[x] or self.below[x] > other.below[x] for x in bases)

    def node(self, like: Node) -> Node:
        """The value, of the type of another one."""
        over, under = _multiplied(self.above), _multiplied(self.below)
        if over is None:
            over = constant(self.number, like.type)
        elif self.number == -1:
            over = make("neg", over)
        elif self.number != 1:
            over = make("mul", constant(self.number, like.type), over)
        return over if under is None else make("div", over, under)


def _multiplied(powers: Counter[Node]) -> Node | None:
    result = None
    for base, count in powers.items():
        raised = base if count == 1 else make("square", base) if count == 2 else _power(base, count)
        result = raised if result is None else make("mul", result, raised)
    return result


def _power(base: Node, count: int) -> Node:
    return make("power", base, constant(float(count), base.type))


def parts_of(node: Node) -> Parts:
    """A node as a product of powers; the node itself where these are too many."""
    number, powers = 1.0, (Counter[Node](), Counter[Node]())
    stack, seen = [(node, 1)], 0
    while stack:
        part, count = stack.pop()
        seen += 1
        if seen > 3 * MOST_PARTS:
            return Parts(1.0, Counter({node: 1}), Counter())
        if part.op == "mul":
            stack += [(arg, count) for arg in reversed(part.args)]
        elif part.op == "div":
            stack += [(part.args[1], -count), (part.args[0], count)]
        elif part.op == "neg":
            number *= (-1) ** count
            stack.append((part.args[0], count))
        elif part.op == "square" and abs(count) <= HIGHEST:
            stack.append((part.args[0], 2 * count))
        elif part.op == "sum" and part.args[0].op == "square" and abs(count) <= HIGHEST:  # the square of a length
            stack.append((make("norm", part.args[0].args[0], attrs=part.attrs), 2 * count))
        elif part.op == "expm1_reciprocal":
            powers[count > 0][make("expm1", *part.args)] += abs(count)
        elif part.op == "power" and _whole(part.args[1]) and abs(count) <= HIGHEST:
            stack.append((part.args[0], count * int(part.args[1].value)))
        elif part.op == "const" and part.type.is_float and _is_factor(number, part.value, count):
            number *= part.value**count
        else:
            powers[count < 0][part] += abs(count)
    return Parts(number, *powers)


def _may_divide(node: Node) -> bool:
    """Whether some part of a product may be a divisor."""
    parts = [node]
    for part in parts:  # which grows
        if part.op == "div" or len(parts) > 3 * MOST_PARTS:
            return True
        if part.op == "power":
            return True
        if part.op == "expm1_reciprocal":
            return True
        if part.row.factors or part.op == "square":
            parts += part.args
    return False


def _whole(node: Node) -> bool:
    return node.op == "const" and node.type.is_float and node.value in range(-HIGHEST, HIGHEST + 1) and node.value != 0


def _is_factor(number: float, value: float, count: int) -> bool:
    return 1e-30 < abs(value) < 1e30 and 1e-100 < abs(number) < 1e100


def _is_safe(divisor: Node) -> bool:
    """Whether a divisor is a table of numbers of which none is zero."""
    while divisor.row.keeps_elements:
        divisor = divisor.args[0]
    return divisor.op == "table" and all(numbers_of(divisor))


def with_zeros_divided(node: Node) -> Node:
    """A product or a quotient without functions that vanish over what they vanish with."""
    if not node.ops & CONCERNED or not _may_divide(node):
        return node
    parts = parts_of(node)
    if not parts.below or not parts.above or len(parts.above) + len(parts.below) > MOST_PARTS:
        return node
    if all(map(_is_safe, parts.below)):
        return node
    if not any(
        part.op in OVER_ARGUMENT or part.op == "where" or _is_made(part) for part in (*parts.above, *parts.below)
    ):
        return node
    parts = _without_exponentials(parts)
    loose: list[Node] = []
    found = _divided(parts, (), loose)
    result = node if found is None else _near_zero(found, parts, loose, node)
    if found is None and (inside := _inside_where(parts, node)) is not None:
        result = inside.node(node)
    return result if result.type == node.type else node


def _near_zero(found: Parts, parts: Parts, loose: list[Node], like: Node) -> Node:
    """What was found, near the zeros of functions that stand over a part of their argument or over each other only:
    the slope of y * tanhrel(y * x) in y, far out, is a difference where that of tanh(y * x) / x is none."""
    near = found.node(like)
    if not loose:
        return near
    condition, above, below = None, Counter(parts.above), Counter(parts.below)
    for function in loose:
        (argument,) = function.args
        is_small = make("lt", make("abs", argument), constant(1.0, argument.type))
        condition = is_small if condition is None else make("and", condition, is_small)
        plain = make("minus", function, constant(0.0, function.type))
        for side in (above, below):
            if count := side.pop(function, 0):
                side[plain] = count
    assert condition is not None
    return make("where", condition, near, Parts(parts.number, above, below).node(like))


def _without_exponentials(parts: Parts) -> Parts:
    """exp(x) / expm1(x) is -1 / expm1(-x)."""
    for node in parts.below:
        if node.op == "expm1" and (power := make("exp", node.args[0])) in parts.above:
            mirrored = Counter({make("expm1", make("neg", node.args[0])): 1})
            above, below = parts.above - Counter({power: 1}), parts.below - Counter({node: 1})
            return Parts(-parts.number, above, below + mirrored)
    return parts


def _divided(parts: Parts, known: Collection[Node], loose: list[Node]) -> Parts | None:
    """Parts whose functions are replaced, and without what cancels; None if nothing changes.

    What is `known` to cancel may do so; so may what a function that is left has in its argument. Functions of the
    product with more in their argument are `loose`.
    """
    changed = False
    for _ in range(MOST_STEPS):
        function = next(_vanishing(parts), None)
        if function is None:
            break
        inner, over, under = parts_of(function.args[0]), OVER_ARGUMENT[function.op], UNDER_ARGUMENT.get(function.op)
        replaced = Counter({function: 1})
        if function in parts.above:
            rest = parts._replace(above=parts.above - replaced)
            parts = rest.times(inner).times(_left_over(function, over))
        else:
            rest = parts._replace(below=parts.below - replaced)
            left = _left_over(function, over).turned() if under is None else _left_over(function, under)
            parts = rest.times(inner.turned()).times(left)
        parts, changed = parts.without({*inner.above, *inner.below}), True
        if parts.more_than(rest, {*inner.above, *inner.below}) and function not in loose:
            loose.append(function)
    functions = {*parts.above, *parts.below}
    shared = parts.above & parts.below
    shorter = parts.without({x for x in shared if x in known or any(_keeps(function, x) for function in functions)})
    return shorter if changed or shorter != parts else None


def _vanishing(parts: Parts) -> Iterator[Node]:
    """The functions of a product that vanish with something on the other side of the bar."""
    for side, other in ((parts.above, parts.below), (parts.below, parts.above)):
        for node in side:
            if any(_reaches(base, other, DEEPEST) for base in _roots(node)):
                yield node
    for one in parts.above:
        for two in parts.below:
            if _roots(one) & _roots(two) and not (one.op in ALIKE_ONES and two.op in ALIKE_ONES):
                yield one


def _roots(node: Node) -> set[Node]:
    """What a function vanishes with: the factors of its argument."""
    return set(parts_of(node.args[0]).above) if node.op in OVER_ARGUMENT else set()


def _reaches(base: Node, others: Counter[Node], depth: int) -> bool:
    """Whether something is among others, or a function that vanishes with one of them."""
    return base in others or (depth > 0 and any(_reaches(root, others, depth - 1) for root in _roots(base)))


def _left_over(function: Node, text: str) -> Parts:
    """A text about the argument of a function."""
    return parts_of(instantiate(text, {"x": function.args[0]}, dtype=function.type.dtype))


def _keeps(function: Node, base: Node) -> bool:
    """Whether a function of one argument, of those that rules make, has something in it."""
    if not _is_made(function):
        return False
    inner = parts_of(function.args[0])
    return base in inner.above or base in inner.below


def _is_made(node: Node) -> bool:
    """Whether it is a function of one argument that only rules make."""
    return node.row.hidden and node.row.kind == "elementwise" and len(node.args) == 1


def _inside_where(parts: Parts, like: Node) -> Parts | None:
    """The same for a difference that is told apart near the point where it vanishes: both sides are divided."""
    for side, other in ((parts.above, parts.below), (parts.below, parts.above)):
        for chosen in side:
            if chosen.op != "where" or side[chosen] != 1 or not _is_difference(chosen.args[2]):
                continue
            condition, near, far = chosen.args
            asked = _nearby(condition)
            shared = Counter({base: count for base, count in other.items() if base in asked})
            divisor = _multiplied(shared)
            if divisor is None:
                continue
            over, is_above = Parts(1.0, shared, Counter()), side is parts.above
            near_parts = parts_of(near).times(over.turned()) if is_above else parts_of(near).turned().times(over)
            divided = _divided(near_parts, shared, [])
            if divided is None:
                continue
            far = make("div", far, divisor) if is_above else make("div", divisor, far)
            whole, taken = make("where", condition, divided.node(like), far), Counter({chosen: 1})
            rest = (taken, shared) if is_above else (shared, taken)
            kept = Parts(parts.number, parts.above - rest[0], parts.below - rest[1])
            return kept.times(Parts(1.0, Counter({whole: 1}), Counter()))
    return None


def _nearby(condition: Node) -> set[Node]:
    """The nodes just below one, such as what a condition asks about."""
    found: set[Node] = set()
    stack = [condition]
    while stack and len(found) < MOST_ASKED:
        node = stack.pop(0)
        found.add(node)
        stack += node.args
    return found


def _is_difference(node: Node) -> bool:
    """Whether there is a difference in it that no rule is about: rules make those far from where functions vanish."""
    return any(part.op == "minus" for part in _nearby(node))
