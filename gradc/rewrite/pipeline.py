"""The passes in order."""

from __future__ import annotations

from functools import cache

from gradc.rewrite.engine import Rule, rules
from gradc.rewrite.rules import EXACT, FAST, KERNEL, STABLE


@cache
def algebraic(fast_math: bool) -> tuple[Rule, ...]:
    """What a program and its derivatives are rewritten with: they may be differentiated again afterwards."""
    return rules(EXACT) + rules(STABLE) + (rules(FAST) if fast_math else ())


@cache
def for_kernels(fast_math: bool) -> tuple[Rule, ...]:
    """What a graph is rewritten with before and after lowering; no derivative is taken afterwards."""
    return rules(EXACT) + rules(KERNEL) + (rules(FAST) if fast_math else ())
