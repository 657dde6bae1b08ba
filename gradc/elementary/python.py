"""Elementary functions as Python that Numba compiles, and whose loops it vectorises, with the native engine's bits."""

from __future__ import annotations

import re
from functools import cache

from gradc.elementary.functions import FUNCTIONS
from gradc.elementary.template import Step, template

MAX_NESTED = 56
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
    "bits": ("_bits({})", 12, (0,)), "from_bits": ("_from_bits({})", 12, (0,)),
}  # fmt: skip
"""How a primitive is written, how tightly that binds, and how tightly each argument has to, or gets parentheses. Python
shifts with the sign: a mask drops it."""

ATOM = 12


@cache
def is_printable(name: str) -> bool:
    """Whether the function of Python exists: not if single elements are computed by another function, which a loop
    with vectors has no place for, and not if integers are converted."""
    return name in FUNCTIONS and all(step.op in FORMS or step.op == "number" for step in _steps(name))


def _steps(name: str) -> tuple[Step, ...]:
    """A `number` with arguments is a conversion."""
    return tuple(Step("convert", s.args, s.dtype) if s.op == "number" and s.args else s for s in template(name).steps)


@cache
def source(name: str) -> str:
    """The text of the function `_name`."""
    return "\n".join(_Printer(name).lines)


class _Printer:
    def __init__(self, name: str):
        found = template(name)
        self.steps = found.steps
        self.count = len(found.params)
        self.texts: list[tuple[str, int]] = [(param, ATOM) for param in found.params]
        self.taken = set(found.params)
        self.lines = [f"def _{name}({', '.join(found.params)}):"]
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

    def _expression(self, step: Step) -> tuple[str, int]:
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


PRIMITIVES = {
    "_fma": '''
def _fma(x, y, z):
    """x * y + z, rounded once."""
    try:
        (a, b), (c, d), (e, f) = (number.as_integer_ratio() for number in (x, y, z))
        exact = a * c * f + e * b * d
        if exact:
            return np.float64(exact / (b * d * f))
    except (OverflowError, ValueError):  # infinite, or no number
        pass
    return np.float64(x) * y + z


type_callable(_fma)(lambda context: lambda x, y, z: types.float64)
lower_builtin(_fma, *[types.float64] * 3)(lambda context, builder, signature, args: builder.fma(*args))
''',
    "_bits": '''
def _bits(x):
    """The bits of a number as an integer."""
    return struct.unpack("q", struct.pack("d", x))[0]


@lower_builtin(_bits, types.float64)
def _lower_bits(context, builder, signature, args):
    return builder.bitcast(*args, context.get_value_type(types.int64))


type_callable(_bits)(lambda context: lambda x: types.int64)
''',
    "_from_bits": '''
def _from_bits(bits):
    """The number that has these bits."""
    return np.float64(struct.unpack("d", struct.pack("Q", bits & 0xFFFFFFFFFFFFFFFF))[0])


@lower_builtin(_from_bits, types.int64)
def _lower_from_bits(context, builder, signature, args):
    return builder.bitcast(*args, context.get_value_type(types.float64))


type_callable(_from_bits)(lambda context: lambda bits: types.float64)
''',
}
"""Functions of Python that Numba knows an instruction for."""

IMPORTS = "from numba import njit, types\nfrom numba.extending import lower_builtin, type_callable\n"
"""What they need, with `struct` and `np`."""
