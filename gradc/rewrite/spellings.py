"""The spellings of a difference: exchanged, negated, with a factor, mirrored. One rule is written for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import inf
from typing import NamedTuple

from gradc.ir.graph import Node, constant, make
from gradc.rewrite.terms import Monomial, monomial, multiplied

MOST_TERMS = 6
"""Terms of a sum of which each two are looked at."""

MOST_LEFT = 2
"""Factors, and divisors, that terms have in rules."""

Finish = Callable[[Node], Node]


class Spelling(NamedTuple):
    """Another difference, and what makes the value of the first one from its value."""

    node: Node
    finish: Finish


class _Term(NamedTuple):
    """A term with its sign taken out."""

    value: Node
    is_negative: bool


def spellings(node: Node) -> Iterator[Spelling]:
    """What else a sum or a difference of two terms is, over the reals: a difference of the same terms exchanged, one of
    them mirrored by an odd function, or with what the terms share taken out, as a factor or a denominator."""
    left, right = _term(node.args[0]), _term(node.args[1])
    if node.op == "sub":
        right = right._replace(is_negative=not right.is_negative)
    for a, b, finish in ((left.value, right.value, same), *_without_shared(left.value, right.value)):
        for spelled, is_negative in _signed(_Term(a, left.is_negative), _Term(b, right.is_negative)):
            if spelled is not node:
                yield Spelling(spelled, _negated(finish) if is_negative else finish)


def pairs(node: Node, concern: Callable[[Node, Node], bool]) -> Iterator[Spelling]:
    """In a sum of more terms, each of one side beside each of the other that some rule may concern, and what adds the
    rest."""
    left = _terms(node.args[0])
    right = [term._replace(is_negative=term.is_negative != (node.op == "sub")) for term in _terms(node.args[1])]
    if left and right and 2 < len(left) + len(right) <= MOST_TERMS:
        for k, one in enumerate(left):
            for j, other in enumerate(right):
                if not concern(one.value, other.value):
                    continue
                rest = [*left[:k], *left[k + 1 :], *right[:j], *right[j + 1 :]]
                for spelled, is_negative in _signed(one, other):
                    yield Spelling(spelled, _plus(rest, is_negative))


def _terms(node: Node) -> list[_Term]:
    """The terms of a sum; none if they are too many."""
    found: list[_Term] = []
    stack = [_term(node)]
    while stack:
        term = stack.pop()
        if term.value.row.is_sum:
            if len(found) + len(stack) + 2 > MOST_TERMS:
                return []
            one, other = map(_term, term.value.args)
            turned = term.is_negative != (term.value.op == "sub")
            stack.append(_Term(other.value, other.is_negative != turned))
            stack.append(_Term(one.value, one.is_negative != term.is_negative))
        else:
            found.append(term)
    return found


def _plus(terms: list[_Term], is_negative: bool) -> Finish:
    """What adds terms to a value, which may have to be taken off."""

    def finish(node: Node) -> Node:
        total = node
        for k, term in enumerate(terms):
            if k == 0 and is_negative:
                value = make("neg", term.value) if term.is_negative else term.value
                total = make("sub", value, node)
            else:
                total = make("sub" if term.is_negative else "add", total, term.value)
        return total

    return finish


def _signed(left: _Term, right: _Term) -> Iterator[tuple[Node, bool]]:
    """Two terms with signs as `a - b` or `a + b`, and whether that is to be negated."""
    if left.is_negative == right.is_negative:
        yield make("add", left.value, right.value), left.is_negative
        for one, other in ((left, right), (right, left)):
            if other.value.row.odd:  # a + f(x) is a - f(-x)
                mirrored = make(other.value.op, make("neg", *other.value.args))
                yield make("sub", one.value, mirrored), one.is_negative
    else:
        yield make("sub", left.value, right.value), left.is_negative
        yield make("sub", right.value, left.value), right.is_negative


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
    """Whether the number of a product over another one has no rounding error."""
    if scale == 1:
        return True
    quotient = product.number / scale
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
