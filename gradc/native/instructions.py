"""LLVM instructions for ops on scalars and on vectors: the same ones, so the same bits, for every number of lanes."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from gradc.elementary.functions import FUNCTIONS
from gradc.elementary.template import template

TYPES = {"f64": "double", "f32": "float", "i64": "i64", "bool": "i1"}
"""LLVM's names for element types."""
SUFFIXES = {"f64": "f64", "f32": "f32", "i64": "i64", "bool": "i1"}


class Value(NamedTuple):
    """An LLVM value; `lanes` is 0 for a scalar."""

    text: str
    dtype: str
    lanes: int = 0

    @property
    def type(self) -> str:
        return llvm_type(self.dtype, self.lanes)

    @property
    def typed(self) -> str:
        return f"{self.type} {self.text}"


def llvm_type(dtype: str, lanes: int = 0) -> str:
    return f"<{lanes} x {TYPES[dtype]}>" if lanes else TYPES[dtype]


def number(value: float | int | bool, dtype: str, lanes: int = 0) -> Value:
    """A constant."""
    if dtype == "bool":
        text = "true" if value else "false"
    elif dtype == "i64":
        text = str(int(value))
    else:
        if dtype == "f32":
            (value,) = struct.unpack("f", struct.pack("f", _within_f32(float(value))))
        text = f"0x{struct.unpack('Q', struct.pack('d', value))[0]:016X}"
    return Value(f"splat ({TYPES[dtype]} {text})" if lanes else text, dtype, lanes)


def _within_f32(value: float) -> float:
    return value if abs(value) < 3.4028235677973366e38 or value != value else float("inf") * (1 if value > 0 else -1)


_FLOATS = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
_INTEGERS = {"add": "add", "sub": "sub", "mul": "mul"}
_BITS = {"shift_left": "shl", "shift_right": "lshr", "bit_and": "and", "bit_or": "or", "bit_xor": "xor"}
_COMPARED = {
    "lt": ("olt", "slt"), "le": ("ole", "sle"), "gt": ("ogt", "sgt"), "ge": ("oge", "sge"), "eq": ("oeq", "eq"),
    "ne": ("une", "ne"),
}  # fmt: skip
_INTRINSICS = {
    "sqrt": "sqrt", "floor": "floor", "ceil": "ceil", "round": "rint", "trunc": "trunc", "fma": "fma",
    "copysign": "copysign",
}  # fmt: skip


class Writer:
    """Writes instructions, line by line, into the current block of a function. Values that a block has computed once
    are not computed again in it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.declared: set[str] = set()
        self.called: set[str] = set()
        """Scalar functions of the module that are called."""
        self.count = 0
        self.known: dict[str, str] = {}

    # ------------------------------------------------------------ lines

    def name(self, stem: str = "t") -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def line(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def label(self, label: str) -> None:
        self.lines.append(f"{label}:")
        self.known = {}

    def emit(self, text: str, dtype: str, lanes: int = 0) -> Value:
        """A pure instruction, or the value of an equal one in this block."""
        found = self.known.get(text)
        if found is None:
            found = self.known[text] = f"%{self.name()}"
            self.lines.append(f"  {found} = {text}")
        return Value(found, dtype, lanes)

    def declare(self, text: str) -> None:
        self.declared.add(text)

    # ------------------------------------------------------------ lanes

    def spread(self, value: Value, lanes: int) -> Value:
        """A scalar in every lane."""
        if value.lanes == lanes:
            return value
        assert not value.lanes
        if not value.text.startswith("%"):
            return Value(f"splat ({value.typed})", value.dtype, lanes)
        wide = llvm_type(value.dtype, lanes)
        first = self.emit(f"insertelement {wide} poison, {value.typed}, i64 0", value.dtype, lanes)
        return self.emit(
            f"shufflevector {first.typed}, {wide} poison, <{lanes} x i32> zeroinitializer", value.dtype, lanes
        )

    def alike(self, values: Sequence[Value]) -> tuple[list[Value], int]:
        """Values with the number of lanes of the widest."""
        lanes = max(value.lanes for value in values)
        return [self.spread(value, lanes) if lanes else value for value in values], lanes

    def lane(self, value: Value, k: int) -> Value:
        if not value.lanes:
            return value
        return self.emit(f"extractelement {value.typed}, i64 {k}", value.dtype)

    def gathered(self, values: Sequence[Value]) -> Value:
        """A vector of scalars."""
        dtype, lanes = values[0].dtype, len(values)
        made = Value("poison", dtype, lanes)
        for k, value in enumerate(values):
            made = self.emit(f"insertelement {made.typed}, {value.typed}, i64 {k}", dtype, lanes)
        return made

    # ------------------------------------------------------------ ops

    def intrinsic(self, name: str, args: Sequence[Value], dtype: str, tail: str = "") -> Value:
        lanes = args[0].lanes
        suffix = (f"v{lanes}" if lanes else "") + SUFFIXES[args[0].dtype]
        types = ", ".join(arg.type for arg in args)
        self.declare(f"declare {llvm_type(dtype, lanes)} @llvm.{name}.{suffix}({types})")
        shown = ", ".join(arg.typed for arg in args)
        return self.emit(f"call {llvm_type(dtype, lanes)} @llvm.{name}.{suffix}({shown})", dtype, lanes)

    def op(self, op: str, args: Sequence[Value], dtype: str) -> Value:
        """An op of the table or a primitive of the elementary functions; arguments of one type but for conditions."""
        args, lanes = self.alike(args)
        first = args[0].dtype
        if op in _COMPARED:
            ordered, signed = _COMPARED[op]
            kind = "fcmp " + ordered if first in ("f64", "f32") else f"icmp {signed}"
            if first == "bool":
                kind = kind.replace("icmp s", "icmp u")
            return self.emit(f"{kind} {args[0].typed}, {args[1].text}", "bool", lanes)
        if op in ("and", "or"):
            return self.emit(f"{op} {args[0].typed}, {args[1].text}", "bool", lanes)
        if op == "not":
            return self.emit(f"xor {args[0].typed}, {number(True, 'bool', lanes).text}", "bool", lanes)
        if op == "where":
            return self.select(args[0], args[1], args[2])
        if op == "neg":
            text = f"fneg {args[0].typed}" if first != "i64" else f"sub {args[0].type} zeroinitializer, {args[0].text}"
            return self.emit(text.replace("i64 zeroinitializer", "i64 0"), dtype, lanes)
        if op == "abs":
            if first == "i64":
                return self.select(self.op("lt", (args[0], number(0, "i64")), "bool"), self.op("neg", args, dtype), args[0])
            return self.intrinsic("fabs", args, dtype)
        if op in _INTRINSICS:
            return self.intrinsic(_INTRINSICS[op], args, dtype)
        if op in _FLOATS and dtype in ("f64", "f32"):
            return self.emit(f"{_FLOATS[op]} {args[0].typed}, {args[1].text}", dtype, lanes)
        if op in _INTEGERS:
            return self.emit(f"{_INTEGERS[op]} {args[0].typed}, {args[1].text}", dtype, lanes)
        if op in _BITS:
            return self.emit(f"{_BITS[op]} {args[0].typed}, {args[1].text}", dtype, lanes)
        if op == "bits":
            return self.emit(f"bitcast {args[0].typed} to {llvm_type('i64', lanes)}", "i64", lanes)
        if op == "from_bits":
            return self.emit(f"bitcast {args[0].typed} to {llvm_type('f64', lanes)}", "f64", lanes)
        if op == "integer":
            return self.cast(args[0], "i64")
        if op == "number":
            return self.cast(args[0], "f64")
        if op in FUNCTIONS:
            return self.elementary(op, args, dtype)
        raise KeyError(op)

    def select(self, condition: Value, x: Value, y: Value) -> Value:
        (condition, x, y), lanes = self.alike((condition, x, y))
        return self.emit(f"select {condition.typed}, {x.typed}, {y.typed}", x.dtype, lanes)

    def cast(self, value: Value, dtype: str) -> Value:
        """Another element type. A float outside the range of integers becomes the nearest, NaN becomes 0."""
        if value.dtype == dtype:
            return value
        lanes, to = value.lanes, llvm_type(dtype, value.lanes)
        if dtype == "bool":
            return self.op("ne", (value, number(0, value.dtype)), "bool")
        if value.dtype == "bool":
            how = "zext" if dtype == "i64" else "uitofp"
        elif value.dtype == "i64":
            how = "sitofp"
        elif dtype == "i64":
            return self._saturating(value)
        else:
            how = "fptrunc" if dtype == "f32" else "fpext"
        return self.emit(f"{how} {value.typed} to {to}", dtype, lanes)

    def _saturating(self, value: Value) -> Value:
        lanes = value.lanes
        suffix = f"v{lanes}" if lanes else ""
        name = f"@llvm.fptosi.sat.{suffix}i64.{suffix}{SUFFIXES[value.dtype]}"
        self.declare(f"declare {llvm_type('i64', lanes)} {name}({value.type})")
        return self.emit(f"call {llvm_type('i64', lanes)} {name}({value.typed})", "i64", lanes)

    # ------------------------------------------------------------ elementary functions

    def elementary(self, name: str, args: Sequence[Value], dtype: str) -> Value:
        """The steps of an elementary function, in f64; the result is rounded to `dtype` at the end."""
        found = [self.cast(arg, "f64") for arg in args]
        lanes = found[0].lanes
        for step in template(name).steps:
            if step.op == "number" and step.value is not None:
                assert not isinstance(step.value, str)
                found.append(number(step.value, step.dtype, lanes))
            elif step.op == "rare":
                assert isinstance(step.value, str)
                condition, usual, *given = [found[k] for k in step.args]
                found.append(self.rare(condition, usual, step.value, given))
            else:
                found.append(self.op(step.op, [found[k] for k in step.args], step.dtype))
        return self.cast(found[-1], dtype)

    def rare(self, condition: Value, usual: Value, function: str, args: Sequence[Value]) -> Value:
        """`usual`, but the result of a scalar function in each lane where the condition holds."""
        self.called.add(function)
        types = ", ".join(["double"] * len(args))
        made = [self._rare_lane(condition, usual, function, args, types)] if not usual.lanes else []
        if made:
            return made[0]
        lanes = usual.lanes
        start, some, done = (self.name(stem) for stem in ("usual", "rare", "done"))
        self.declare(f"declare i1 @llvm.vector.reduce.or.v{lanes}i1(<{lanes} x i1>)")
        is_any = self.emit(f"call i1 @llvm.vector.reduce.or.v{lanes}i1({condition.typed})", "bool")
        self.line(f"br label %{start}")
        known = dict(self.known)
        self.label(start)
        self.line(f"br i1 {is_any.text}, label %{some}, label %{done}, !prof !0")
        self.label(some)
        value, last = usual, some
        for k in range(lanes):
            at = [self.lane(arg, k) for arg in args]
            changed = self._rare_lane(self.lane(condition, k), self.lane(usual, k), function, at, types)
            value = self.emit(f"insertelement {value.typed}, {changed.typed}, i64 {k}", "f64", lanes)
            last = self._last
        self.line(f"br label %{done}")
        self.label(done)
        self.known = known
        return self.emit(f"phi {usual.type} [ {usual.text}, %{start} ], [ {value.text}, %{last} ]", "f64", lanes)

    def _rare_lane(
        self, condition: Value, usual: Value, function: str, args: Sequence[Value], types: str
    ) -> Value:
        start, some, done = (self.name(stem) for stem in ("usual", "rare", "done"))
        known = dict(self.known)
        self.line(f"br label %{start}")
        self.label(start)
        self.line(f"br i1 {condition.text}, label %{some}, label %{done}, !prof !0")
        self.label(some)
        called = self.emit(f"call double @{function}({', '.join(arg.typed for arg in args)})", "f64")
        self.line(f"br label %{done}")
        self.label(done)
        self.known = known
        self._last = done
        return self.emit(f"phi double [ {usual.text}, %{start} ], [ {called.text}, %{some} ]", "f64")


METADATA = '!0 = !{!"branch_weights", i32 1, i32 2000}'
"""What instructions refer to: a branch that is rarely taken."""


def joined(parts: Iterable[str]) -> str:
    return "\n".join(parts)


Instruction = Callable[..., Value]
