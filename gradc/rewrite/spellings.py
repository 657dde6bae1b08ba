"""The spellings of a difference: exchanged, negated, with a factor, mirrored. One rule is written for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import frexp, inf
from typing import NamedTuple

from gradc.ir.graph import Node, constant, make
from gradc.rewrite.terms import Monomial, monomial, multiplied

MOST_TERMS = 6
"""Terms of a sum of which each two are looked at."""

MOST_LEFT = 2
"""Factors, and divisors, that terms have in rules."""

Finish = Callable[[Node], Node]
Fits = Callable[[str, Node, Node], bool]
"""Whether some rule may be about a sum or a difference (`add`, `sub`) of two terms, as far as their form tells."""


class Spelling(NamedTuple):
    """Another difference, and what makes the value of the first one from its value."""

    node: Node
    finish: Finish


class _Term(NamedTuple):
    """A term with its sign taken out."""

    value: Node
    is_negative: bool


def spellings(node: Node, fits: Fits) -> Iterator[Spelling]:
    """What else a sum or a difference of two terms is, over the reals: a difference of the same terms exchanged, one of
    them mirrored by an odd function, or with what the terms share taken out, as a factor or a denominator. Only those
    that some rule may be about, as `fits` says."""
    left, right = _term(node.args[0]), _term(node.args[1])
    if node.op == "sub":
        right = right._replace(is_negative=not right.is_negative)
    for a, b, finish in ((left.value, right.value, same), *_without_shared(left.value, right.value)):
        for spelled, is_negative in _signed(_Term(a, left.is_negative), _Term(b, right.is_negative), fits):
            if spelled is not node:
                yield Spelling(spelled, _negated(finish) if is_negative else finish)


def pairs(node: Node, concern: Callable[[Node, Node], bool], fits: Fits) -> Iterator[Spelling]:
    """In a sum of more terms, each of one side beside each of the other that some rule may concern, and what adds the
    rest, which keeps its order."""
    if not any([_is_sum(arg) for arg in node.args]):
        return
    sides = [_terms(arg) for arg in node.args]
    if not all(sides) or not 2 < sum(map(len, sides)) <= MOST_TERMS:
        return
    for one, path in sides[0]:
        for other, other_path in sides[1]:
            if concern(one.value, other.value):
                right = other._replace(is_negative=other.is_negative != (node.op == "sub"))
                for spelled, is_negative in _signed(one, right, fits):
                    rest = _joined(node.op, _without(node.args[0], path), _without(node.args[1], other_path))
                    yield Spelling(spelled, _plus(rest, is_negative))


Path = tuple[int, ...]
"""From a sum to one of its terms: which argument of each node on the way."""


def _is_sum(node: Node) -> bool:
    """Whether it has more than one term."""
    return node.row.is_sum or (node.op == "neg" and node.args[0].row.is_sum)


def _terms(node: Node) -> list[tuple[_Term, Path]]:
    """The terms of a sum; none if they are too many."""
    found: list[tuple[_Term, Path]] = []
    stack: list[tuple[_Term, Path]] = [(_Term(node, False), ())]
    while stack:
        term, path = stack.pop()
        value = term.value
        if value.row.is_sum:
            if len(found) + len(stack) + 2 > MOST_TERMS:
                return []
            one, other = value.args
            stack.append((_Term(other, term.is_negative != (value.op == "sub")), (*path, 1)))
            stack.append((_Term(one, term.is_negative), (*path, 0)))
        elif value.op == "neg" and value.args[0].row.is_sum:
            stack.append((_Term(value.args[0], not term.is_negative), (*path, 0)))
        else:
            plain = _term(value)
            found.append((plain._replace(is_negative=plain.is_negative != term.is_negative), path))
    return found


def _without(node: Node, path: Path) -> Node | None:
    """A sum without one of its terms."""
    above = []
    for position in path:
        above.append((node, position))
        node = node.args[position]
    rest: Node | None = None
    for parent, position in reversed(above):
        if parent.op == "neg":
            rest = None if rest is None else make("neg", rest)
        else:
            args = [rest if k == position else arg for k, arg in enumerate(parent.args)]
            rest = _joined(parent.op, *args)
    return rest


def _joined(op: str, left: Node | None, right: Node | None) -> Node | None:
    """The sum or difference of what there is."""
    if right is None:
        return left
    if left is None:
        return make("neg", right) if op == "sub" else right
    return make(op, left, right)


def _plus(rest: Node | None, is_negative: bool) -> Finish:
    """What adds the rest of a sum to a value, which may have to be taken off."""

    def finish(node: Node) -> Node:
        total = _joined("sub" if is_negative else "add", rest, node)
        assert total is not None
        return total

    return finish


def _signed(left: _Term, right: _Term, fits: Fits) -> Iterator[tuple[Node, bool]]:
    """Two terms with signs as `a - b` or `a + b`, and whether that is to be negated."""
    a, b = left.value, right.value
    if left.is_negative == right.is_negative:
        if fits("add", a, b):
            yield make("add", a, b), left.is_negative
        for one, other in ((left, right), (right, left)):
            if other.value.row.odd:  # a + f(x) is a - f(-x)
                mirrored = make(other.value.op, make("neg", *other.value.args))
                if fits("sub", one.value, mirrored):
                    yield make("sub", one.value, mirrored), one.is_negative
    else:
        if fits("sub", a, b):
            yield make("sub", a, b), left.is_negative
        if fits("sub", b, a):
            yield make("sub", b, a), right.is_negative


def _term(node: Node) -> _Term:
    if node.op == "neg":
        return _Term(node.args[0], True)
    if node.op == "const" and -inf < node.value < 0:
        return _Term(constant(-node.value, node.type), True)
    if node.op == "mul":
        for number, rest in (node.args, node.args[::-1]):
            if number.op == "const" and -inf < number.value < 0:
                return _Term(make("mul", constant(-number.value, node.type), rest), True)
    return _Term(node, False)


def _without_shared(left: Node, right: Node) -> Iterator[tuple[Node, Node, Finish]]:
    """Two terms without numbers, factors and divisors that both have, and what puts these back."""
    a, b = monomial(left), monomial(right)
    kept_a, kept_b, shared = _apart(a.factors, b.factors)
    over_a, over_b, under = _apart(a.divisors, b.divisors)
    found: list[tuple[Monomial, Monomial, tuple[Node, ...], tuple[Node, ...]]] = [(a, b, (), ())]
    if (shared or under) and not set(shared) & {*a.divisors, *b.divisors}:
        found.append((Monomial(a.number, kept_a, over_a), Monomial(b.number, kept_b, over_b), shared, under))
    for x, y, factors, divisors in found:
        if max(map(len, (x.factors, x.divisors, y.factors, y.divisors))) > MOST_LEFT:
            continue
        numbers = [number for number in dict.fromkeys((y.number, x.number)) if number != 1]
        for scale in (1.0, *numbers, *(number / 2 for number in numbers)):
            if (scale, factors, divisors) != (1.0, (), ()) and _is_exact(x, scale) and _is_exact(y, scale):
                whole = Monomial(scale, factors, divisors)
                yield x.over(scale).node(left), y.over(scale).node(left), _times(whole, left)


def _apart(left: tuple[Node, ...], right: tuple[Node, ...]) -> tuple[tuple[Node, ...], ...]:
    """What only the left one has, what only the right one has, and what both have."""
    rest, shared = list(right), []
    for node in left:
        if node in rest:
            rest.remove(node)
            shared.append(node)
    kept = list(left)
    for node in shared:
        kept.remove(node)
    return tuple(kept), tuple(rest), tuple(shared)


def _is_exact(product: Monomial, scale: float) -> bool:
    """Whether a product over a number has no rounding error."""
    if scale == 1:
        return True
    quotient = product.number / scale
    if product.divisors and quotient != 1:
        return False  # a number would go into what is divided, which may be tiny
    if quotient * scale == product.number and abs(frexp(scale)[0]) == 0.5:
        return True
    return quotient * scale == product.number and Fraction(quotient) * Fraction(scale) == Fraction(product.number)


def same(node: Node) -> Node:
    return node


def _negated(finish: Finish) -> Finish:
    return lambda node: make("neg", finish(node))


def _times(product: Monomial, like: Node) -> Finish:
    def finish(node: Node) -> Node:
        factor, divisor = product._replace(divisors=()).node(like), multiplied(product.divisors)
        whole = node if product[:2] == (1.0, ()) else make("mul", factor, node)
        return whole if divisor is None else make("div", whole, divisor)

    return finish
