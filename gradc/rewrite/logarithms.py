"""Logarithms of moved values and of sums of terms: steps that no text can state."""

from __future__ import annotations

from gradc.construct.ordered import log_of_running_sum
from gradc.ir.graph import Node, broadcast, build, constant, make
from gradc.ir.ops import others
from gradc.rewrite.conditions import SIDE_CONDITIONS
from gradc.rewrite.terms import Monomial, monomial

MOST_TERMS = 8
"""Terms of a sum whose logarithm is taken in parts."""


def with_logarithm_inside(node: Node) -> Node:
    """`log(move(e))` as `move(log(e))`: the logarithm of an exponential is the simpler value."""
    if node.op != "log" or not node.args[0].row.keeps_elements or not SIDE_CONDITIONS["e"].holds(node.args[0]):
        return node
    inner, moves = _unmoved(node.args[0])
    return _moved(make("log", inner), moves)


def _unmoved(node: Node) -> tuple[Node, list[Node]]:
    """What lies below the ops that only move its elements, and these."""
    moves = []
    while node.row.keeps_elements:
        moves.append(node)
        node = node.args[0]
    return node, moves


def _moved(node: Node, moves: list[Node]) -> Node:
    for move in reversed(moves):
        node = build(move.op, (node, *move.args[1:]), move.attrs)
    return node


def with_terms_scaled(node: Node) -> Node:
    """`log(w*exp(a) + (1 - w)*exp(b))`, where the factors may have any sign, with the largest term taken out."""
    whole = node.args[0]
    if not whole.row.is_sum or SIDE_CONDITIONS["e"].holds(whole):
        return node
    terms = _terms(whole)
    if len(terms) > MOST_TERMS or any(term.op == "const" for term, _ in terms):
        return node
    if len(terms) == 2 and all(SIDE_CONDITIONS["e"].holds(term) for term, _ in terms):
        return node
    products = [monomial(term) for term, _ in terms]
    split = [_exponential_apart(product) for product in products]
    overflows = any(SIDE_CONDITIONS["u"].holds(factor) for product in products for factor in product.factors)
    if not all(logarithm for _, logarithm in split) and not overflows:
        return node
    zero = constant(0.0, node.type)
    logs = [zero if found is None else found for _, found in split]
    sizes = [
        logarithm if factor == ONE else make("add", make("log", make("abs", factor.node(node))), logarithm)
        for (factor, _), logarithm in zip(split, logs)
    ]
    largest = sizes[0]
    for size in sizes[1:]:
        largest = make("maximum", largest, size)
    total = None
    for (factor, _), logarithm, (_, is_negative) in zip(split, logs, terms):
        scaled = make("exp_shifted", logarithm, largest)
        scaled = scaled if factor == ONE else make("mul", factor.node(node), scaled)
        if total is None:
            total = make("neg", scaled) if is_negative else scaled
        else:
            total = make("sub" if is_negative else "add", total, scaled)
    assert total is not None
    return make("sub", make("log", total), make("shifted", zero, largest))


def with_products_scaled(node: Node) -> Node:
    """`log(x @ exp(y))` with the largest element of what is summed taken out of each exponential."""
    whole, moves = _unmoved(node.args[0])
    if whole.op != "contract":
        return node
    *all_labels, labels = whole.attrs
    args, taken_out = [], []
    for arg, arg_labels in zip(whole.args, all_labels):
        if SIDE_CONDITIONS["e"].holds(arg):
            logs = make("log", arg)
            axes = tuple(axis for axis, label in enumerate(arg_labels) if label not in labels)
            kept = others(len(arg_labels), axes)
            largest = make("max", logs, attrs=(axes,)) if axes else logs
            arg = make("exp_shifted", logs, broadcast(largest, arg.shape, kept))
            places = tuple(labels.index(arg_labels[axis]) for axis in kept)
            taken_out.append(broadcast(_in_order(largest, places), whole.shape, tuple(sorted(places))))
        args.append(arg)
    if not taken_out:
        return node
    result = make("log", make("contract", *args, attrs=whole.attrs))
    for largest in taken_out:
        result = make("sub", result, make("shifted", constant(0.0, result.type), largest))
    return _moved(result, moves)


def with_running_sums_scaled(node: Node) -> Node:
    """`log(cumsum(exp(x)))`, each sum relative to its largest term."""
    whole = node.args[0]
    if whole.op != "cumsum" or whole.attrs[1]:
        return node
    weights, logarithm = _exponential_apart(monomial(whole.args[0]))
    if logarithm is None:
        return node
    return log_of_running_sum(logarithm, whole.attrs[0], None if weights == ONE else weights.node(node))


def _in_order(node: Node, places: tuple[int, ...]) -> Node:
    """A value whose axes go to these places, with its axes in the order of the places."""
    order = tuple(sorted(range(len(places)), key=lambda axis: places[axis]))
    return node if order == tuple(range(len(order))) else make("transpose", node, attrs=(order,))


ONE = Monomial(1.0, (), ())


def _terms(node: Node) -> list[tuple[Node, bool]]:
    """The terms of a sum, each with whether it is taken off."""
    found: list[tuple[Node, bool]] = []
    stack = [(node, False)]
    while stack:
        part, is_negative = stack.pop()
        if part.row.is_sum and len(stack) + len(found) < MOST_TERMS + 1:
            left, right = part.args
            stack += [(right, is_negative != (part.op == "sub")), (left, is_negative)]
        elif part.op == "neg":
            stack.append((part.args[0], not is_negative))
        else:
            found.append((part, is_negative))
    return found


def _exponential_apart(term: Monomial) -> tuple[Monomial, Node | None]:
    """A term without its exponentials, and the logarithm of these; None where there are none."""
    is_exponential = SIDE_CONDITIONS["e"].holds
    logs = [make("log", factor) for factor in term.factors if is_exponential(factor)]
    logs += [make("neg", make("log", divisor)) for divisor in term.divisors if is_exponential(divisor)]
    rest = term._replace(
        factors=tuple(factor for factor in term.factors if not is_exponential(factor)),
        divisors=tuple(divisor for divisor in term.divisors if not is_exponential(divisor)),
    )
    if not logs:
        return rest, None
    total = logs[0]
    for found in logs[1:]:
        total = make("add", total, found)
    return rest, total
