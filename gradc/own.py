"""Functions of one's own: `gradc.op` makes them, and checks the derivatives that are stated for them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from inspect import Parameter, signature
from typing import Any

import numpy as np

from gradc.construct.calls import CallArguments
from gradc.construct.elementwise import elementwise
from gradc.construct.functions import FUNCTIONS, Builtin
from gradc.construct.template import instantiate
from gradc.frontends.text import TextProgram
from gradc.function import Function
from gradc.ir import own
from gradc.ir.graph import Node, input_node, topological
from gradc.ir.interpret import run
from gradc.ir.ops import REAL
from gradc.ir.types import Type
from gradc.language.diagnostics import Error
from gradc.language.errors.expressions import CONSTANTS
from gradc.language.source import Source
from gradc.language.syntax import Call, walk

Interval = tuple[float, float]

POINTS = 40
"""At how many points of its domain a derivative is checked."""

EXACT, NEAR = 1e-8, 1e-5
"""How far it may be from the derivative that gradc finds, and from a difference quotient, in parts of the larger."""

MAX_NESTED = 50
"""How deep functions may be made of one another."""


def op(
    function: str | Callable[..., float],
    /,
    *,
    partials: Mapping[str, Any] | None = None,
    domain: Mapping[str, Interval] | None = None,
    functions: Iterable[NamedFunction] = (),
    check: bool = True,
) -> NamedFunction:
    """A function of your own, which works element by element, with the derivatives that you state.

    function: its text, such as `"softstep(x, k) = x / (k + abs(x))"`. Or a Numba function of numbers (`@njit`), which
        kernels call for each element; where it raises an exception, they have NaN.
    partials: for each parameter the derivative with respect to it, which is used instead of the one that gradc would
        find: text of the parameters and of `out`, the value; or a Numba function of the same parameters, or a function
        that `op` made. Of a text they may all be left out; of a Numba function each one may, and is then an error where
        it is needed. Second derivatives are those of the partials.
    domain: for each parameter the lowest and the highest number at which its derivatives are checked; by default -4
        and 4.
    functions: others that the texts call.
    check: whether to compare the partials with difference quotients, and those of a text with the derivatives that
        gradc finds. Leave it out for a derivative that is meant to be another one.

    Raises `gradc.Error` G0403 for a partial that is wrong, with the point, what it gives there and what it should.

    >>> softstep = gradc.op(
    ...     "softstep(x, k) = x / (k + abs(x))",
    ...     partials={"x": "k / (k + abs(x))**2", "k": "-out / (k + abs(x))"},
    ...     domain={"k": (0.1, 5)},
    ... )
    >>> f = gradc.compile("softstep(a*t, 2)", functions=[softstep])
    >>> f.value_and_grad(a=1.0, t=2.0)
    (0.5, Gradients(a=0.25, t=0.125))
    """
    for given, what in ((partials, "partials"), (domain, "domain")):
        if given is not None and not isinstance(given, Mapping):
            raise Error(
                "G0604", f"{what} is a dict with an entry for each parameter, not {type(given).__name__}",
                help='as in `partials={"x": "2*x"}`' if what == "partials" else 'as in `domain={"x": (0.1, 5)}`',
            )  # fmt: skip
    made = NamedFunction(function, dict(partials or {}), dict(domain or {}), tuple(functions))
    if check and made.stated:
        _check(made)
    return made


class NamedFunction:
    """A function of your own: pass it to `gradc.compile(..., functions=[...])`, whose program calls it by its name. It
    can be called with numbers and arrays too, and in Python functions that gradc traces."""

    depth: int
    """How deep it is made of others."""

    def __init__(
        self, function: Any, partials: dict[str, Any], domain: dict[str, Interval], functions: tuple[NamedFunction, ...]
    ):
        self._made_of = (function, partials, domain, functions)
        self.functions = functions
        self.depth = 1 + max((each.depth for each in (*functions, *_functions_in(partials))), default=0)
        if self.depth > MAX_NESTED:
            raise Error("G0502", f"functions of one's own are nested more than {MAX_NESTED} deep")
        self.compiled: Any = None if isinstance(function, str) else _numba(function)
        if self.compiled is None:
            program = TextProgram(Source(function, "op"), functions)
            self.name, self.params = _head(program)
        else:
            self.name, self.params = _signature(self.compiled)
        if self.name in FUNCTIONS or self.name in CONSTANTS:
            raise Error("G0305", f"gradc has a function `{self.name}` already", help="choose another name")
        if "out" in self.params:
            raise Error(
                "G0305", f"`out` is the value of `{self.name}` in its partials, and no parameter",
                help="choose another name"
            )  # fmt: skip
        self.domain = _intervals(self.name, self.params, domain)
        if self.compiled is not None:
            _check_call(self)
        _check_partials(self, partials)
        self.stated = tuple(name for name in self.params if partials.get(name) is not None)
        texts = tuple(_partial(self, name, partials.get(name)) for name in self.params)
        text = "" if self.compiled is not None else _called_by_rows(program)
        self.row = self._row(text, texts)

    def _row(self, text: str, texts: tuple[str | None, ...]) -> str:
        """The name of its row, from what is in it."""
        code = text
        if self.compiled is not None:
            found = self.compiled.py_func.__code__
            code = f"{found.co_code.hex()} {found.co_consts!r} {found.co_names}"
        digest = hashlib.sha256(repr((self.name, self.params, code, texts)).encode()).hexdigest()[:12]
        columns: dict[str, Any] = {
            "partials": texts if self.stated or self.compiled is not None else (),
            "domain": tuple(self.domain[name] for name in self.params), "symbol": self.name, "cost": 20,
        }  # fmt: skip
        name = f"{self.name}_{digest}"
        if self.compiled is None:
            return own.add(name, self.params, _evaluated(text, self.params), lowered=text, **columns)
        compiled, count = self.compiled, len(self.params)
        orders = tuple(each for each in self.params if each not in self.stated)
        reference = np.vectorize(compiled, otypes=[float])
        return own.add(
            name, self.params, reference, (compiled, lambda: _address(compiled, count)), orders=orders, **columns
        )

    def __repr__(self) -> str:
        return f"<function {self.name}({', '.join(self.params)})>"

    def __reduce__(self) -> tuple[Any, ...]:
        return NamedFunction, self._made_of

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)

    @cached_property
    def builtin(self) -> Builtin:
        """How programs find it."""
        is_written_out = self.compiled is None and not self.stated
        return Builtin(self.row, self.params, len(self.params), _written_out if is_written_out else elementwise)

    @cached_property
    def _function(self) -> Function:
        return Function(self._program(), wrt=None)

    def _program(self, text: str = "") -> TextProgram:
        """A program of its parameters that calls it."""
        call = f"{self.name}({', '.join(self.params)})"
        return TextProgram(Source(text or call, "op"), (self, *self.functions)).in_order(self.params)


# ---------------------------------------------------------------- from what was given


def _functions_in(partials: Mapping[str, Any]) -> list[NamedFunction]:
    return [each for each in partials.values() if isinstance(each, NamedFunction)]


def _head(program: TextProgram) -> tuple[str, tuple[str, ...]]:
    """The name and the parameters of a text that defines a function, and nothing else."""
    tree, found = program.tree, program.signature
    if tree.function is None or tree.statements or found.declared or found.results:
        raise Error(
            "G0604", "the text of a function is its name with its parameters, and one value", tree.result.span,
            help="as in `softstep(x, k) = x / (k + abs(x))`; statements stand in braces, `f(x) = {u = x*x; u + 1}`",
        )  # fmt: skip
    node = program.elaborate({name: Type("f64", (7,)) for name in found.inputs}).graph.results[0]
    for part in topological((node,)):
        is_cast = part.op == "cast"
        if part.row.kind not in ("source", "elementwise") and part.op != "broadcast" and not is_cast:
            raise Error(
                "G0604", f"`{tree.function.name.id}` does not work element by element", tree.result.span,
                label=f"`{part.op}` needs whole arrays", help="define it in the program: `def f(x) = ...`",
            )  # fmt: skip
    return tree.function.name.id, found.inputs


def _numba(function: Any) -> Any:
    """A function that Numba compiles."""
    if not hasattr(function, "py_func") or not hasattr(function, "signatures"):
        what = f"`{function.__name__}` is" if hasattr(function, "__name__") else f"{type(function).__name__} is"
        raise Error(
            "G0604", f"{what} neither text nor a function that Numba compiles",
            help="put `@numba.njit` before its `def`, or write it as text: `gradc.op(\"f(x) = ...\")`",
        )  # fmt: skip
    return function


def _signature(compiled: Any) -> tuple[str, tuple[str, ...]]:
    name, parameters = compiled.py_func.__name__, signature(compiled.py_func).parameters
    plain = all(each.kind is Parameter.POSITIONAL_OR_KEYWORD for each in parameters.values())
    if not name.isidentifier() or not parameters or not plain:
        raise Error(
            "G0604", f"`{name}` cannot be called by a name with numbers",
            help="`def` it under a name, with a parameter for each number",
        )  # fmt: skip
    return name, tuple(parameters)


def _check_call(function: NamedFunction) -> None:
    """Refuse a Numba function that takes or gives anything else than numbers."""
    point = [sum(function.domain[name]) / 2 for name in function.params]
    try:
        value = function.compiled(*point)
    except Exception as error:  # whatever Numba, or the function, makes of it
        said = str(error).strip().partition("\n")[0]
        raise Error(
            "G0604", f"Numba cannot compute `{function.name}` of numbers: {said}",
            help="it takes a number for each parameter and returns one, and raises nothing in its `domain`",
        ) from None  # fmt: skip
    if not isinstance(value, (int, float)):
        raise Error(
            "G0604", f"`{function.name}` returns {type(value).__name__}, not a number", help="return one float",
        )  # fmt: skip


def _intervals(name: str, params: Sequence[str], domain: Mapping[str, Interval]) -> dict[str, Interval]:
    for each, interval in domain.items():
        if each not in params:
            raise Error(
                "G0604", f"`{name}` has no parameter `{each}`, of which a domain is stated", help=_listed(params)
            )
        try:
            low, high = map(float, interval)
        except (TypeError, ValueError):
            low, high = 0.0, 0.0
        if not -np.inf < low < high < np.inf:
            raise Error("G0604", f"the domain of `{each}` is two numbers, the lower one first", help="as in (0.1, 5)")
    return {each: domain.get(each, REAL) for each in params}


def _listed(params: Sequence[str]) -> str:
    return f"its parameters are {', '.join(params)}"


def _check_partials(function: NamedFunction, partials: Mapping[str, Any]) -> None:
    for name in partials:
        if name not in function.params:
            raise Error(
                "G0604", f"`{function.name}` has no parameter `{name}`, of which a partial is stated",
                help=_listed(function.params),
            )  # fmt: skip
    missing = [name for name in function.params if partials.get(name) is None]
    if function.compiled is None and partials and missing:
        raise Error(
            "G0604", f"`{function.name}` has partials for {len(partials)} of its {len(function.params)} parameters",
            help=f'state {", ".join(missing)} too, as text ("0" where there is none), or leave all of them out',
        )  # fmt: skip


def _partial(function: NamedFunction, name: str, given: Any) -> str | None:
    """A partial as the text of a row."""
    if given is None:
        return None
    if isinstance(given, str):
        program = TextProgram(Source(given, "partial"), function.functions)
        for each in program.signature.inputs:
            if each not in (*function.params, "out"):
                raise Error(
                    "G0301", f"`{each}` is no parameter of `{function.name}`", program.source.whole,
                    help=f"{_listed(function.params)}; `out` is its value",
                )  # fmt: skip
        return _called_by_rows(program)
    partial = given if isinstance(given, NamedFunction) else NamedFunction(given, {}, {}, ())
    if len(partial.params) != len(function.params):
        raise Error(
            "G0604",
            f"the partial of `{function.name}` for `{name}` takes {len(partial.params)} numbers, "
            f"not {len(function.params)}",
            help=_listed(function.params),
        )  # fmt: skip
    row = partial.row
    return f"{row}({', '.join(function.params)})"


def _called_by_rows(program: TextProgram) -> str:
    """The text of a program that calls functions of one's own by the names of their rows."""
    text, tree = program.text, program.tree
    parts = [*(statement.value for statement in tree.statements if hasattr(statement, "value")), tree.result]
    calls = {call.function_span.start: call for part in parts for call in walk(part) if isinstance(call, Call)}
    for at in sorted(calls, reverse=True):
        call = calls[at]
        if call.function in program.own:
            text = text[:at] + program.own[call.function].name + text[call.function_span.stop :]
    return text


# ---------------------------------------------------------------- what evaluates


def _written_out(call: CallArguments) -> Node:
    """A text without partials: what it says, in the place of the call."""
    node = elementwise(call)
    return instantiate(node.row.lowered, dict(zip(node.row.params, node.args)), dtype=node.type.dtype)


def _evaluated(text: str, params: tuple[str, ...]) -> Callable[..., Any]:
    """A text for NumPy's arrays."""

    def reference(*args: Any) -> Any:
        types = [Type("f32" if np.asarray(arg).dtype == np.float32 else "f64", np.shape(arg)) for arg in args]
        nodes = [input_node(name, type) for name, type in zip(params, types)]
        result = instantiate(text, dict(zip(params, nodes)), dtype=types[-1].dtype)
        return run((result,), dict(zip(nodes, args)), {})[0]

    return reference


_kept: list[Any] = []
"""What holds machine code whose addresses kernels have."""


GUARDED = """def guarded({names}):
    try:
        return function({names})
    except Exception:
        return nan
"""
"""What C calls: it knows no exceptions."""


def _address(function: Any, count: int) -> int:
    """Where the machine code of a Numba function of so many doubles is, for callers in C. NaN where it raises."""
    from numba import cfunc, njit, types

    names = ", ".join(f"x{k}" for k in range(count))
    namespace: dict[str, Any] = {"function": njit(error_model="numpy")(function.py_func), "nan": math.nan}
    exec(GUARDED.format(names=names), namespace)
    made = cfunc(types.float64(*[types.float64] * count), error_model="numpy")(namespace["guarded"])
    _kept.append(made)
    assert made.address is not None
    return made.address


# ---------------------------------------------------------------- checks


def _check(function: NamedFunction) -> None:
    """Compare each partial with what it should be, at points of the domain."""
    rng = np.random.default_rng(0)
    points, steps = [], []
    for name in function.params:
        low, high = function.domain[name]
        step = 1e-4 * (high - low)
        points.append(rng.uniform(low + 2 * step, high - 2 * step, POINTS))
        steps.append(step)
    total = f"sum({function.name}({', '.join(function.params)}))"
    value = Function(function._program(), wrt=None, engine="interpreter")
    found = Function(function._program(total), wrt=function.stated, engine="interpreter").grad(*points)
    has_value = np.isfinite(np.broadcast_to(np.asarray(value(*points), float), (POINTS,)))
    for name in function.stated:
        stated = np.broadcast_to(np.asarray(found[name], float), (POINTS,))
        at = function.params.index(name)
        expected = _quotients(value, points, at, steps[at])
        wrong = ~_close(stated, expected, NEAR)
        if np.any(wrong) and function.compiled is None:
            derived = _derived(function, points, name)
            expected = np.where(np.isfinite(derived), derived, expected)
            wrong &= ~_close(stated, derived, EXACT)
        known = np.isfinite(expected) & has_value
        if not np.any(known):
            raise Error(
                "G0403", f"the partial of `{function.name}` for `{name}` cannot be checked: nothing is finite there",
                help=f'state a domain, as in `domain={{"{name}": (0.1, 5)}}`',
            )  # fmt: skip
        wrong &= known
        if np.any(wrong):
            worst = int(np.nanargmax(np.where(wrong, np.abs(np.nan_to_num(stated, nan=np.inf) - expected), -1)))
            place = ", ".join(f"{each} = {points[k][worst]:.6g}" for k, each in enumerate(function.params))
            raise Error(
                "G0403",
                f"the partial of `{function.name}` for `{name}` is wrong: at {place} it is {stated[worst]:.8g}, and "
                f"the derivative is {expected[worst]:.8g}, a difference of {stated[worst] - expected[worst]:.2g}",
                help="mend it, or state the `domain` in which it holds; `check=False` takes it as it is",
            )  # fmt: skip


def _close(stated: np.ndarray, expected: np.ndarray, part: float) -> np.ndarray:
    with np.errstate(all="ignore"):
        scale = np.maximum(1.0, np.maximum(np.abs(stated), np.abs(expected)))
        return np.abs(stated - expected) <= part * scale


def _quotients(value: Function, points: Sequence[np.ndarray], at: int, step: float) -> np.ndarray:
    """Difference quotients for one parameter, extrapolated from two steps."""

    def quotient(h: float) -> np.ndarray:
        sides = [value(*points[:at], points[at] + side, *points[at + 1 :]) for side in (h, -h)]
        return np.broadcast_to((np.asarray(sides[0]) - np.asarray(sides[1])) / (2 * h), points[at].shape)

    with np.errstate(all="ignore"):
        return (4 * quotient(step / 2) - quotient(step)) / 3


def _derived(function: NamedFunction, points: Sequence[np.ndarray], name: str) -> np.ndarray:
    """The derivative that gradc finds."""
    text, _, domain, functions = function._made_of
    plain = NamedFunction(text, {}, domain, functions)
    total = f"sum({plain.name}({', '.join(plain.params)}))"
    found = Function(plain._program(total), wrt=name, engine="interpreter").grad(*points)
    return np.broadcast_to(np.asarray(found[name], float), (POINTS,))
