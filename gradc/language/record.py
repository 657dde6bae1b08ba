"""Small records that never change and that programs have many of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import dataclass_transform


@dataclass_transform(frozen_default=True, eq_default=False)
def record(cls: type) -> type:
    """Make a class a small record, immutable to the type checker: to enforce it at run time makes each one four
    times as slow to create, and a program has many."""
    return dataclass(eq=False, repr=False, slots=True)(cls)
