"""LLVM instructions for ops on scalars and on vectors: the same ones, so the same bits, for every number of lanes."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from gradc.elementary.functions import FUNCTIONS
from gradc.elementary.template import template
from gradc.ir.ops import OPS
from gradc.ir.own import SYMBOL as OWN_SYMBOL
from gradc.loops.compiled import SYMBOL

TYPES = {"f64": "double", "f32": "float", "i64": "i64", "bool": "i1"}
"""LLVM's names for element types."""
BYTES = {"f64": 8, "f32": 4, "i64": 8, "bool": 1}
"""What an element takes in memory."""
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


def like(value: float | int, other: Value) -> Value:
    """A constant of the type of another value."""
    return number(value, other.dtype, other.lanes)


def is_float(value: Value) -> bool:
    return value.dtype in ("f64", "f32")


def suffix(value: Value) -> str:
    """A type in the name of an intrinsic."""
    return (f"v{value.lanes}" if value.lanes else "") + SUFFIXES[value.dtype]


class Known:
    """The values that a block has computed, by their instructions. `mark` remembers a state, to which `restored` leads
    back once what was written since is no longer known."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.addresses: dict[str, str] = {}
        """The addresses of arrays, which may move."""
        self.order: list[str] = []

    def _table(self, text: str) -> dict[str, str]:
        return self.addresses if text.startswith("load ptr") else self.values

    def name(self, text: str) -> str | None:
        return self._table(text).get(text)

    def add(self, text: str, name: str) -> None:
        table = self._table(text)
        table[text] = name
        if table is self.values:
            self.order.append(text)

    def mark(self, addresses: bool = True) -> Remembered:
        return Remembered(self, len(self.order), dict(self.addresses) if addresses else {})


class Remembered(NamedTuple):
    """A state of what is known."""

    known: Known
    length: int
    addresses: dict[str, str]

    def restored(self) -> Known:
        while len(self.known.order) > self.length:
            del self.known.values[self.known.order.pop()]
        self.known.addresses = dict(self.addresses)
        return self.known


class Writer:
    """Writes instructions, line by line, into the current block of a function. Values that a block has computed once
    are not computed again in it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.declared: set[str] = set()
        self.called: set[str] = set()
        """Scalar functions of the module that are called."""
        self.elsewhere: set[tuple[str, int]] = set()
        """Elementary functions of the module that are called, and their lanes."""
        self.count = 0
        self.known = Known()

    # ------------------------------------------------------------ lines

    def name(self, stem: str = "t") -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def line(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def label(self, label: str) -> None:
        self.lines.append(f"{label}:")
        self.known = Known()

    def emit(self, text: str, dtype: str, lanes: int = 0) -> Value:
        """A pure instruction, or the value of an equal one in this block."""
        found = self.known.name(text)
        if found is None:
            found = f"%{self.name()}"
            self.known.add(text, found)
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

    def intrinsic(self, name: str, args: Sequence[Value], dtype: str) -> Value:
        lanes = args[0].lanes
        function = f"{llvm_type(dtype, lanes)} @llvm.{name}.{suffix(args[0])}"
        self.declare(f"declare {function}({', '.join(arg.type for arg in args)})")
        return self.emit(f"call {function}({', '.join(arg.typed for arg in args)})", dtype, lanes)

    def binary(self, instruction: str, x: Value, y: Value, dtype: str = "") -> Value:
        return self.emit(f"{instruction} {x.typed}, {y.text}", dtype or x.dtype, x.lanes)

    def op(self, op: str, args: Sequence[Value], dtype: str) -> Value:
        """An op of the table, or a primitive of elementary functions. Arguments have one type but for conditions."""
        args, _ = self.alike(args)
        made = INSTRUCTIONS.get(op)
        if made:
            return made(self, args, dtype)
        if op in OPS and OPS[op].scipy:
            return self.cast(self.from_scipy(OPS[op].scipy, [self.cast(arg, "f64") for arg in args]), dtype)
        if op in OPS and OPS[op].owned:
            return self.cast(self.from_user(op, [self.cast(arg, "f64") for arg in args]), dtype)
        if op not in FUNCTIONS:
            return self.cast(self.one_by_one(op, [self.cast(arg, "f64") for arg in args]), dtype)
        return self.elementary(op, args, dtype)

    def compare(self, ordered: str, signed: str, x: Value, y: Value) -> Value:
        (x, y), _ = self.alike((x, y))
        if is_float(x):
            return self.binary(f"fcmp {ordered}", x, y, "bool")
        if x.dtype == "bool":
            signed = signed.replace("s", "u")
        return self.binary(f"icmp {signed}", x, y, "bool")

    def less(self, x: Value, y: Value) -> Value:
        return self.compare("olt", "slt", x, y)

    def equal(self, x: Value, y: Value) -> Value:
        return self.compare("oeq", "eq", x, y)

    def either(self, x: Value, y: Value) -> Value:
        return self.binary("or", x, y)

    def select(self, condition: Value, x: Value, y: Value) -> Value:
        (condition, x, y), lanes = self.alike((condition, x, y))
        return self.emit(f"select {condition.typed}, {x.typed}, {y.typed}", x.dtype, lanes)

    def cast(self, value: Value, dtype: str) -> Value:
        """Another element type. A float beyond the range of integers becomes the nearest one, NaN becomes 0."""
        if value.dtype == dtype:
            return value
        to = llvm_type(dtype, value.lanes)
        if dtype == "bool":
            return self.compare("une", "ne", value, like(0, value))
        if is_float(value) and dtype == "i64":
            function = f"{to} @llvm.fptosi.sat.{suffix(Value('', 'i64', value.lanes))}.{suffix(value)}"
            self.declare(f"declare {function}({value.type})")
            return self.emit(f"call {function}({value.typed})", dtype, value.lanes)
        if value.dtype == "bool":
            how = "zext" if dtype == "i64" else "uitofp"
        elif value.dtype == "i64":
            how = "sitofp"
        else:
            how = "fptrunc" if dtype == "f32" else "fpext"
        return self.emit(f"{how} {value.typed} to {to}", dtype, value.lanes)

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

    def outlined(self, name: str, args: Sequence[Value], dtype: str) -> Value:
        """A call of an elementary function, which the module has once for each number of lanes."""
        lanes = args[0].lanes
        kind = llvm_type("f64", lanes)
        self.elsewhere.add((name, lanes))
        shown = ", ".join(self.cast(arg, "f64").typed for arg in args)
        return self.cast(self.emit(f"call {kind} @{name}.{lanes}({shown})", "f64", lanes), dtype)

    def one_by_one(self, name: str, args: Sequence[Value]) -> Value:
        """A scalar function, called for each lane."""
        scalar = SCALAR_FUNCTIONS[name]
        self.called.add(scalar)
        lanes = args[0].lanes
        made = [
            self.emit(f"call double @{scalar}({', '.join(self.lane(arg, k).typed for arg in args)})", "f64")
            for k in range(lanes or 1)
        ]
        return self.gathered(made) if lanes else made[0]

    def from_scipy(self, name: str, args: Sequence[Value]) -> Value:
        """A compiled function of SciPy's, called for each lane; its last argument is one that Cython adds."""
        symbol = f"{SYMBOL}{name}"
        self.declare(f"declare double @{symbol}({'double, ' * len(args)}i32) nounwind willreturn memory(none)")
        lanes = args[0].lanes
        made = [
            self.emit(f"call double @{symbol}({', '.join(self.lane(arg, k).typed for arg in args)}, i32 0)", "f64")
            for k in range(lanes or 1)
        ]
        return self.gathered(made) if lanes else made[0]

    def from_user(self, op: str, args: Sequence[Value]) -> Value:
        """A user's Numba function, called for each lane."""
        symbol = f"{OWN_SYMBOL}{op}"
        self.declare(f"declare double @{symbol}({', '.join(['double'] * len(args))}) nounwind")
        lanes = args[0].lanes
        made = [
            self.emit(f"call double @{symbol}({', '.join(self.lane(arg, k).typed for arg in args)})", "f64")
            for k in range(lanes or 1)
        ]
        return self.gathered(made) if lanes else made[0]

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
        known = self.known.mark()
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
        self.known = known.restored()
        return self.emit(f"phi {usual.type} [ {usual.text}, %{start} ], [ {value.text}, %{last} ]", "f64", lanes)

    def _rare_lane(self, condition: Value, usual: Value, function: str, args: Sequence[Value], types: str) -> Value:
        start, some, done = (self.name(stem) for stem in ("usual", "rare", "done"))
        known = self.known.mark()
        self.line(f"br label %{start}")
        self.label(start)
        self.line(f"br i1 {condition.text}, label %{some}, label %{done}, !prof !0")
        self.label(some)
        called = self.emit(f"call double @{function}({', '.join(arg.typed for arg in args)})", "f64")
        self.line(f"br label %{done}")
        self.label(done)
        self.known = known.restored()
        self._last = done
        return self.emit(f"phi double [ {usual.text}, %{start} ], [ {called.text}, %{some} ]", "f64")


def elementary_function(name: str, lanes: int) -> tuple[str, Writer]:
    """The definition of an elementary function that is called, and what wrote it."""
    writer = Writer()
    args = [Value(f"%x{k}", "f64", lanes) for k, _ in enumerate(template(name).params)]
    result = writer.elementary(name, args, "f64")
    head = f"define internal {result.type} @{name}.{lanes}({', '.join(arg.typed for arg in args)}) noinline {{"
    return "\n".join([head, "entry:", *writer.lines, f"  ret {result.typed}", "}"]), writer


def elementary_declaration(name: str, lanes: int) -> str:
    """What a module has that calls it and does not define it."""
    kind = llvm_type("f64", lanes)
    return f"declare {kind} @{name}.{lanes}({', '.join([kind] * len(template(name).params))})"


SCALAR_FUNCTIONS = {
    row.name: row.python.partition("(")[0] for row in OPS.values() if row.python.startswith("_") and not row.of_integers
}
"""The functions of `gradc.loops.support` that are ops."""

METADATA = '!0 = !{!"branch_weights", i32 1, i32 2000}'
"""What instructions refer to: a branch that is rarely taken."""

# ---------------------------------------------------------------- the instructions of each op

Instruction = Callable[[Writer, list[Value], str], Value]


def _binary(of_floats: str, of_integers: str) -> Instruction:
    return lambda w, args, dtype: w.binary(of_floats if is_float(args[0]) else of_integers, args[0], args[1])


def _comparison(ordered: str, signed: str) -> Instruction:
    return lambda w, args, dtype: w.compare(ordered, signed, *args)


def _intrinsic(name: str) -> Instruction:
    return lambda w, args, dtype: w.intrinsic(name, args, dtype)


def _bits(instruction: str) -> Instruction:
    return lambda w, args, dtype: w.binary(instruction, args[0], args[1])


def _bitcast(to: str) -> Instruction:
    return lambda w, args, dtype: w.emit(
        f"bitcast {args[0].typed} to {llvm_type(to, args[0].lanes)}", to, args[0].lanes
    )


def _neg(w: Writer, args: list[Value], dtype: str) -> Value:
    (x,) = args
    return w.emit(f"fneg {x.typed}", dtype, x.lanes) if is_float(x) else w.binary("sub", like(0, x), x)


def _abs(w: Writer, args: list[Value], dtype: str) -> Value:
    (x,) = args
    return w.intrinsic("fabs", args, dtype) if is_float(x) else w.select(w.less(x, like(0, x)), _neg(w, args, dtype), x)


def _sign(w: Writer, args: list[Value], dtype: str) -> Value:
    (x,) = args
    zero = like(0, x)
    below = w.select(w.less(x, zero), like(-1, x), w.select(w.equal(x, zero), zero, x))
    return w.select(w.less(zero, x), like(1, x), below)


def _extreme(ordered: str, signed: str) -> Instruction:
    """The larger or the smaller of two, and NaN if either is NaN."""

    def extreme(w: Writer, args: list[Value], dtype: str) -> Value:
        x, y = args
        if not is_float(x):
            return w.select(w.binary(f"icmp {signed}", x, y, "bool"), x, y)
        if not y.text.startswith("%"):  # a number, which is not NaN
            return w.select(w.binary(f"fcmp u{ordered}", x, y, "bool"), x, y)
        is_nan = w.binary("fcmp uno", x, x, "bool")
        return w.select(w.either(w.binary(f"fcmp o{ordered}", x, y, "bool"), is_nan), x, y)

    return extreme


def _mask(w: Writer, args: list[Value], dtype: str) -> Value:
    condition, x = args
    return w.select(condition, x, like(0, x))


def _quotient(w: Writer, args: list[Value], dtype: str) -> Value:
    """`x // y`, as NumPy has it."""
    x, y = args
    zero = like(0, x)
    if not is_float(x):
        safe, is_special = _safe_divisor(w, y)
        quotient, rest = w.binary("sdiv", x, safe), w.binary("srem", x, safe)
        is_below = _is_below(w, rest, safe)
        floored = w.select(is_below, w.binary("sub", quotient, like(1, x)), quotient)
        return w.select(is_special, w.select(w.equal(y, zero), zero, w.binary("sub", zero, x)), floored)
    rest = w.binary("frem", x, y)
    quotient = w.binary("fdiv", w.binary("fsub", x, rest), y)
    quotient = w.select(_is_below(w, rest, y), w.binary("fsub", quotient, like(1, x)), quotient)
    floor = w.intrinsic("floor", [quotient], dtype)
    is_less = w.less(like(0.5, x), w.binary("fsub", quotient, floor))
    rounded = w.select(is_less, w.binary("fadd", floor, like(1, x)), floor)
    divided = w.binary("fdiv", x, y)
    signed = w.select(w.equal(quotient, zero), w.intrinsic("copysign", [zero, divided], dtype), rounded)
    return w.select(w.equal(y, zero), divided, signed)


def _rest(w: Writer, args: list[Value], dtype: str) -> Value:
    """`x % y`, as NumPy has it."""
    x, y = args
    zero = like(0, x)
    if not is_float(x):
        safe, is_special = _safe_divisor(w, y)
        rest = w.binary("srem", x, safe)
        return w.select(is_special, zero, w.select(_is_below(w, rest, safe), w.binary("add", rest, safe), rest))
    rest = w.binary("frem", x, y)
    adjusted = w.select(_is_below(w, rest, y), w.binary("fadd", rest, y), rest)
    return w.select(w.equal(rest, zero), w.intrinsic("copysign", [zero, y], dtype), adjusted)


def _safe_divisor(w: Writer, y: Value) -> tuple[Value, Value]:
    """A divisor for which there is a quotient, and whether it stands for 0 or -1."""
    is_special = w.either(w.equal(y, like(0, y)), w.equal(y, like(-1, y)))
    return w.select(is_special, like(1, y), y), is_special


def _is_below(w: Writer, rest: Value, y: Value) -> Value:
    """Whether a remainder is not zero and its sign is not that of the divisor."""
    zero = like(0, y)
    differs = w.binary("xor", w.less(rest, zero), w.less(y, zero))
    return w.binary("and", differs, w.compare("une", "ne", rest, zero))


INSTRUCTIONS: dict[str, Instruction] = {
    "add": _binary("fadd", "add"), "sub": _binary("fsub", "sub"), "mul": _binary("fmul", "mul"),
    "div": _binary("fdiv", "sdiv"), "floordiv": _quotient, "mod": _rest,
    "square": lambda w, args, dtype: w.op("mul", (*args, *args), dtype),
    "neg": _neg, "abs": _abs, "sign": _sign,
    "maximum": _extreme("ge", "sge"), "minimum": _extreme("le", "sle"),
    "clamp_min": _extreme("ge", "sge"), "clamp_max": _extreme("le", "sle"),
    "sqrt": _intrinsic("sqrt"), "floor": _intrinsic("floor"), "ceil": _intrinsic("ceil"), "trunc": _intrinsic("trunc"),
    "round": _intrinsic("rint"), "fma": _intrinsic("fma"), "copysign": _intrinsic("copysign"),
    "lt": _comparison("olt", "slt"), "le": _comparison("ole", "sle"), "gt": _comparison("ogt", "sgt"),
    "ge": _comparison("oge", "sge"), "eq": _comparison("oeq", "eq"), "ne": _comparison("une", "ne"),
    "and": _bits("and"), "or": _bits("or"), "not": lambda w, args, dtype: w.binary("xor", args[0], like(True, args[0])),
    "where": lambda w, args, dtype: w.select(*args), "mask": _mask,
    "cast": lambda w, args, dtype: w.cast(args[0], dtype),
    "integer": lambda w, args, dtype: w.cast(args[0], "i64"), "number": lambda w, args, dtype: w.cast(args[0], "f64"),
    "bits": _bitcast("i64"), "from_bits": _bitcast("f64"),
    "shift_left": _bits("shl"), "shift_right": _bits("lshr"),
    "bit_and": _bits("and"), "bit_or": _bits("or"), "bit_xor": _bits("xor"),
}  # fmt: skip
"""What writes each op; the others are elementary functions."""
