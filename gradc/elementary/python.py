"""Elementary functions as Python that Numba compiles, and whose loops it vectorises, with the native engine's bits."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from gradc.elementary import primitives
from gradc.elementary.template import Operation, template

MAX_NESTED = 52
"""A step with one reader is written into it as long as its text has at most this many characters."""

FORMS: dict[str, tuple[str, int, tuple[int, ...]]] = {
    "where": ("{1} if {0} else {2}", 0, (1, 1, 1)),
    "or": ("{} or {}", 1, (1, 2)), "and": ("{} and {}", 2, (2, 3)), "not": ("not {}", 3, (3,)),
    "lt": ("{} < {}", 4, (5, 5)), "le": ("{} <= {}", 4, (5, 5)), "gt": ("{} > {}", 4, (5, 5)),
    "ge": ("{} >= {}", 4, (5, 5)), "eq": ("{} == {}", 4, (5, 5)), "ne": ("{} != {}", 4, (5, 5)),
    "bit_or": ("{} | {}", 5, (5, 6)), "bit_xor": ("{} ^ {}", 6, (6, 7)), "bit_and": ("{} & {}", 7, (7, 8)),
    "shift_right": ("{} >> {} & {rest}", 7, (11, 11)), "shift_left": ("{} << {}", 8, (11, 11)),
    "add": ("{} + {}", 9, (9, 10)), "sub": ("{} - {}", 9, (9, 10)), "mul": ("{} * {}", 10, (10, 11)),
    "div": ("{} / {}", 10, (10, 11)), "neg": ("-{}", 11, (11,)),
    "abs": ("abs({})", 12, (0,)), "sqrt": ("np.sqrt({})", 12, (0,)), "floor": ("np.floor({})", 12, (0,)),
    "round": ("np.rint({})", 12, (0,)), "trunc": ("np.trunc({})", 12, (0,)),
    "copysign": ("np.copysign({}, {})", 12, (0, 0)), "fma": ("_fma({}, {}, {})", 12, (0, 0, 0)),
    "sin": ("np.sin({})", 12, (0,)), "cos": ("np.cos({})", 12, (0,)),
    "bits": ("_bits({})", 12, (0,)), "from_bits": ("_from_bits({})", 12, (0,)),
}  # fmt: skip
"""How a primitive is written, how tightly that binds, and how tightly each argument has to, or gets parentheses. Python
shifts with the sign: a mask drops it."""

ATOM = 12

CALLED = frozenset({"sin", "cos"})
"""Functions that are NumPy's in texts that use them: their own have steps that Python cannot have."""


@cache
def is_printable(name: str) -> bool:
    """Whether the function of Python exists: not if single elements are computed by another function, which a loop
    with vectors has no place for, and not if integers are converted, or compared after a shift, which in Python drops
    no digits."""
    found = template(name)
    steps = dict(enumerate(found.steps, len(found.params)))
    for step in found.steps:
        computed = [steps[arg].op for arg in step.args if arg in steps and steps[arg].dtype == "i64"]
        is_comparison = step.dtype == "bool" and not {*computed} <= {"bits", "number"}
        if (step.args if step.op == "number" else step.op not in FORMS) or is_comparison:
            return False
    return True


@cache
def source(name: str, called: str) -> str:
    """The text of the function, under a name of its own."""
    return "\n".join(_Printer(name, called).lines)


class _Printer:
    def __init__(self, name: str, called: str):
        found = template(name) if is_printable(name) else template(name, CALLED)
        self.steps = found.steps
        self.count = len(found.params)
        self.texts: list[tuple[str, int]] = [(param, ATOM) for param in found.params]
        self.taken = set(found.params)
        self.lines = [f"def {called}({', '.join(found.params)}):"]
        readers = [arg for step in self.steps for arg in step.args]
        sides = {arg for step in self.steps if step.op == "where" for arg in step.args[1:]}
        last = self.count + len(self.steps) - 1
        for position, (step, hint) in enumerate(zip(self.steps, found.names), self.count):
            text, level = self._expression(step)
            if position == last:
                self.lines.append(f"    return {text}")
            elif step.op == "number":
                self.texts.append((text, level))
            elif hint or readers.count(position) > 1 or position in sides or len(text) > MAX_NESTED:
                given = self._new(hint)
                self.lines.append(f"    {given} = {text}")
                self.texts.append((given, ATOM))
            else:
                self.texts.append((text, level))

    def _expression(self, step: Operation) -> tuple[str, int]:
        if step.op == "number":
            return _number(step.value)
        form, level, least = FORMS[step.op]
        args = [self._within(arg, limit) for arg, limit in zip(step.args, least, strict=True)]
        rest = 0
        if step.op == "shift_right":
            shift = self.steps[step.args[1] - self.count].value
            assert isinstance(shift, int)
            rest = (1 << 64 - shift) - 1
        return form.format(*args, rest=rest), level

    def _within(self, position: int, least: int) -> str:
        text, level = self.texts[position]
        return text if level >= least else f"({text})"

    def _new(self, hint: str) -> str:
        """The hint, or with a number behind it that no other name has."""
        stem, number = hint or "t", 0 if hint else 1
        while (found := f"{stem}{number or ''}") in self.taken:
            number = max(number + 1, 2)
        self.taken.add(found)
        return found


def _number(value: object) -> tuple[str, int]:
    text = repr(value)
    if re.fullmatch("-?(inf|nan)", text):
        text = text.replace("inf", "np.inf").replace("nan", "np.nan")
    return text, 11 if text.startswith("-") else ATOM


# ---------------------------------------------------------------- what modules carry for them

REGISTERED = {
    "_fma": """
type_callable(_fma)(lambda context: lambda x, y, z: types.float64)
lower_builtin(_fma, *[types.float64] * 3)(lambda context, builder, signature, args: builder.fma(*args))
""",
    "_bits": """
type_callable(_bits)(lambda context: lambda x: types.int64)


@lower_builtin(_bits, types.float64)
def _lower_bits(context, builder, signature, args):
    return builder.bitcast(*args, context.get_value_type(types.int64))
""",
    "_from_bits": """
type_callable(_from_bits)(lambda context: lambda bits: types.float64)


@lower_builtin(_from_bits, types.int64)
def _lower_from_bits(context, builder, signature, args):
    return builder.bitcast(*args, context.get_value_type(types.float64))
""",
}
"""What tells Numba the instruction of each primitive."""

IMPORTS = "from numba import njit, types\nfrom numba.extending import lower_builtin, type_callable\n"


@cache
def primitive_texts() -> dict[str, str]:
    """The primitives as modules define them; they need `struct`, `np` and the imports."""
    return {name: f"\n{inspect.getsource(getattr(primitives, name))}\n{text}" for name, text in REGISTERED.items()}


@cache
def function(name: str) -> Callable[..., Any]:
    """The function, run without a compiler."""
    namespace: dict[str, Any] = {"np": np, **{name: getattr(primitives, name) for name in REGISTERED}}
    exec(source(name, "called"), namespace)
    return namespace["called"]
