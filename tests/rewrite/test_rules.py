"""Which rules are tried for which nodes."""

from rule_graphs import EXACT, FAST, FINAL, KERNEL, STABLE

import gradc
from gradc.rewrite.engine import Selection


def test_what_a_rule_calls_is_in_every_match():
    tables = EXACT + STABLE + FINAL + KERNEL + FAST
    assert [rule.text for rule in tables if rule.needed & ~rule.pattern.ops] == []


def test_ops_that_come_late_bring_their_rules():
    """A form that no rule fitted is looked up again for a node with more below it."""
    stages = gradc.compile("(x*y - z*w) + (x - softplus(x))").stages
    assert "softplus(x) - x -> softplus(-x)" in str(stages["rewritten"])


def test_only_what_may_be_needed_is_read():
    few, all_ops = Selection(STABLE).with_ops(0), Selection(STABLE).with_ops(-1)
    assert 0 < sum(map(len, few.by_op.values())) < sum(map(len, all_ops.by_op.values())) == len(STABLE)
