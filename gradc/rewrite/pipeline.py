"""The passes in order."""

from __future__ import annotations

from functools import cache

from gradc.rewrite.engine import Rule, rules
from gradc.rewrite.rules import EXACT, FAST, FINAL, KERNEL, STABLE


@cache
def algebraic(fast_math: bool) -> tuple[Rule, ...]:
    """What a program is rewritten with: derivatives are taken afterwards."""
    return rules(EXACT) + rules(STABLE) + (rules(FAST) if fast_math else ())


@cache
def final(fast_math: bool) -> tuple[Rule, ...]:
    """What a program and its derivatives are rewritten with, when no further derivative is taken."""
    return algebraic(fast_math) + rules(FINAL)


@cache
def for_kernels(fast_math: bool) -> tuple[Rule, ...]:
    """What a graph is rewritten with before and after lowering; no derivative is taken afterwards."""
    return rules(EXACT) + rules(KERNEL) + (rules(FAST) if fast_math else ())
