"""Rules serve every spelling of their left side: negated, exchanged, with a factor or a divisor, in a longer sum."""

import mpmath
import pytest
from mpmath import mpf
from rule_graphs import STABLE, by_text, inputs_of, sides

from gradc.check.reals import REALS
from gradc.ir.graph import Node, constant, input_node, make, topological
from gradc.rewrite.engine import Rewriter
from tests.stage_rules import first_rules

RULES = [rule for rule in STABLE if not rule.reduces]
DIFFERENCES = [rule for rule in RULES if rule.is_difference and len(rule.pattern.args) == 2]


NUMBERS = {"i": 2.0, "j": 5.0, "k": 3.0, "n": -2.0}


def both_sides(rule):
    """The two sides of a rule, with numbers where it has numbers."""
    inputs = inputs_of(rule, ())
    known = {name: constant(NUMBERS[name[0]], node.type) for name, node in inputs.items() if name[0] in NUMBERS}
    return sides(rule, inputs | known, None, 0)


TEXTS = {rule.text for rule in STABLE}


def normal(node: Node) -> Node:
    """What the rules make of a node, among them a STABLE one."""
    rewriter = Rewriter(first_rules("rewritten"))
    (result,) = rewriter.rewrite([node])
    assert any(applied.rule in TEXTS for applied in rewriter.applied) or node.ops & ~result.ops, rewriter.applied
    return result


def rewritten(node: Node) -> Node:
    (result,) = Rewriter(first_rules("rewritten")).rewrite([node])
    return result


def are_one(one: Node, other: Node) -> bool:
    """Whether two nodes are the same, or two that rules have made of it: equal without a rounding error."""
    if one is other:
        return True
    inputs = {node for node in topological((one, other)) if node.op == "input"}
    values = {node: mpf(k) / 7 for k, node in enumerate(sorted(inputs, key=lambda node: node.name), 3)}
    with mpmath.workdps(50):
        x, y = REALS.run((one, other), values, {})
        return bool(abs(x - y) <= abs(y) * mpf(10) ** -15)


def spelled(node: Node) -> dict[str, Node]:
    """Spellings of a sum or a difference, by what was done to its terms."""
    a, b = node.args
    w = input_node("w", node.type)
    three = constant(3.0, node.type)
    op = node.op
    return {
        "times a number": make(op, make("mul", three, a), make("mul", three, b)),
        "times a value": make(op, make("mul", a, w), make("mul", w, b)),
        "over a value": make(op, make("div", a, w), make("div", b, w)),
        "exchanged": make(op, b, a),
    }


def finished(kind: str, node: Node, op: str) -> Node:
    w = input_node("w", node.type)
    if kind == "times a number":
        return make("mul", constant(3.0, node.type), node)
    if kind == "times a value":
        return make("mul", w, node)
    if kind == "over a value":
        return make("div", node, w)
    return make("neg", node) if op == "sub" else node


@pytest.mark.parametrize("rule", DIFFERENCES, ids=by_text)
def test_a_difference_in_every_spelling(rule, ran_cases):
    left, _ = both_sides(rule)
    target = normal(left)
    assert target is not left
    for kind, node in spelled(left).items():
        if kind == "exchanged" and rule.apply(node):
            continue  # the rule is about any two values, and takes them in this order as well
        assert are_one(normal(node), rewritten(finished(kind, target, left.op))), kind
    ran_cases(4)


OTHERS = [rule for rule in RULES if not set("epqu") & {name[0] for name in rule.names} and rule.pattern.op != "div"]
"""Those without side conditions; a step takes quotients apart before any rule is tried."""


@pytest.mark.parametrize("rule", OTHERS, ids=by_text)
def test_negated_and_scaled(rule, ran_cases):
    left, right = both_sides(rule)
    for op, args in (("neg", ()), ("mul", (constant(3.0, left.type),)), ("add", (input_node("w", left.type),))):
        if left.type.is_float:
            assert are_one(normal(make(op, *args, left)), rewritten(make(op, *args, right))), op
    ran_cases(3)
