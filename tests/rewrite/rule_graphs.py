"""What the loops over the rules share: both sides of a rule as graphs, and test points."""

from __future__ import annotations

import itertools

import numpy as np

from gradc.construct.template import instantiate
from gradc.ir.graph import Node, broadcast, input_node, make
from gradc.ir.types import Type
from gradc.rewrite import rules as tables
from gradc.rewrite.conditions import NUMBERS, is_short
from gradc.rewrite.engine import Rule, rules

EXACT, STABLE, FINAL, KERNEL, FAST, REJECTED = (
    rules(getattr(tables, name)) for name in ("EXACT", "STABLE", "FINAL", "KERNEL", "FAST", "REJECTED")
)

TINY = 5e-324
SPECIALS = [
    0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, 3.7, -0.3, TINY, -TINY, 2.3e-308, 1e-300, -1e300, 1.7e308, -1.7e308,
    np.inf, -np.inf, np.nan,
]  # fmt: skip


def by_text(rule: Rule) -> str:
    """The identity of a test over rules."""
    return " ".join(rule.text.split())


def inputs_of(rule: Rule, shape: tuple, reduced: tuple = (), dtype: str = "f64") -> dict[str, Node]:
    """Inputs for the names of a rule; those that begin with `s` have the shape of its reductions' results."""

    def type_of(name: str) -> Type:
        return Type(
            "bool" if name.startswith("c") else dtype,
            reduced if rule.type_of(name).rank < _rank(rule) else shape,
        )

    return {name: input_node(name, type_of(name)) for name in rule.names}


def _rank(rule: Rule) -> int:
    return 1 if rule.reduces else 0


VALUES_OF_FORM = {"e": "exp", "p": "exp", "u": "exp", "q": "square"}
"""A value of each form is this op of an input."""

DOMAINS = {"k": lambda x: 0 < x < np.inf, "n": lambda x: -np.inf < x < 0, "i": is_short, "j": is_short}
"""Which numbers a name may stand for, by its first letter."""


def values_for(name: str, values: list[float]) -> list[float]:
    """Those of the values that a name may stand for."""
    return list(filter(DOMAINS.get(name[0]), values)) if name[0] in NUMBERS else values


def sides(rule: Rule, inputs: dict[str, Node], axes: tuple[int, ...] | None = None, rank: int = 0) -> tuple[Node, Node]:
    """The two sides of a rule over some inputs, neither of them rewritten."""
    dtype = next((node.type.dtype for node in inputs.values() if node.type.is_float), "f64")
    forms = {name: VALUES_OF_FORM.get(name[0]) for name in inputs}
    bound = {name: make(op, inputs[name]) if op else inputs[name] for name, op in forms.items()}
    left, right = (instantiate(text, bound, dtype=dtype, axes=axes, rank=rank) for text in rule.sides)
    return left, broadcast(right, left.shape) if right.is_constant else right


def combinations(rule: Rule, values: list[float], dtype: str = "f64") -> dict[str, np.ndarray]:
    """Every combination of the values for the names of a rule, as columns."""
    choices = [(False, True) if name.startswith("c") else values_for(name, values) for name in rule.names]
    columns = zip(*itertools.product(*choices))
    numpy_type = np.float64 if dtype == "f64" else np.float32
    with np.errstate(over="ignore"):
        return {
            name: np.array(column, bool if name.startswith("c") else numpy_type)
            for name, column in zip(rule.names, columns)
        }
