"""The rules of a stage, for tests of single rules."""

from gradc.rewrite.engine import Rule
from gradc.rewrite.pipeline import PASSES, Rewrite


def first_rules(stage: str) -> tuple[Rule, ...]:
    """The rules of the first pass of a stage that has any."""
    return next(step for step in PASSES[stage] if isinstance(step, Rewrite)).rules()
