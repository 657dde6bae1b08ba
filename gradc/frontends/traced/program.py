"""Programs that are Python functions: they are called once for each kind of arguments, with stand-ins for these."""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from types import CodeType
from typing import Any

import numpy as np

from gradc.construct.builder import GraphBuilder
from gradc.construct.elaborate import Reading, elaborate
from gradc.frontends.traced.errors import Wanted
from gradc.frontends.traced.places import Places
from gradc.frontends.traced.session import Tracing
from gradc.frontends.traced.structure import TakenApart, take_apart
from gradc.frontends.traced.values import TracedArray
from gradc.ir.graph import Node
from gradc.ir.types import Type
from gradc.language.diagnostics import Error
from gradc.program import Elaborated, Signature


class PythonProgram:
    """A function that computes with NumPy. Its parameters without defaults are the inputs, and those of `optional`."""

    def __init__(self, function: Callable[..., Any], optional: frozenset[str] = frozenset()):
        self.function = function
        self.optional = optional
        self.call_signature = _call_signature(function)
        names = [
            name for name, parameter in self.call_signature.parameters.items()
            if name in optional
            or (parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD)
        ]  # fmt: skip
        self.signature = Signature(tuple(names))

    def __reduce__(self) -> tuple[Any, ...]:
        module, path = (getattr(self.function, name, None) for name in ("__module__", "__qualname__"))
        if module and path and getattr(_found(module, path), "program", None) is not None:
            return _under_decorator, (module, path, self.optional)
        return PythonProgram, (self.function, self.optional)

    def with_inputs(self, names: Iterable[str]) -> PythonProgram:
        """The same where parameters with defaults are inputs too, if they are among these names."""
        return PythonProgram(self.function, self.optional | (set(names) & set(self.call_signature.parameters)))

    def inside(self, tracing: Tracing) -> Callable[..., Any]:
        """The function with what a run has around it: one of this program, or of another function that calls it."""
        return tracing.surroundings.around(_plain(self.function))

    @property
    def name(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)

    @cached_property
    def text(self) -> str:
        """The function's own text; where it is not known, its name."""
        try:
            return textwrap.dedent(inspect.getsource(self.function)).strip()
        except (OSError, TypeError):
            return f"{self.name}{self.call_signature}"

    @property
    def syntax(self) -> str:
        return self.text

    def elaborate(self, types: Mapping[str, Type]) -> Elaborated:
        """The graph where each parameter is one number or array of its type."""
        parts = {name: take_apart(0.0, name) for name in self.signature.inputs}
        try:
            instance = trace(self, parts, {name: types[name] for name in self.signature.inputs}, {})
        except Wanted as wanted:
            raise Error(
                "G0804", "the function needs to know sizes or whole numbers here", wanted.span,
                help="call it with arguments first: it is traced again for each size that it asks for",
            ) from None  # fmt: skip
        if len(instance.elaborated.graph.outputs) > 1:
            raise Error(
                "G0804", "the function returns several values", help="return one of them here, or an array of them"
            )
        if instance.data:
            raise Error(
                "G0804", f"the function reads the array `{next(iter(instance.data))}` from its surroundings",
                help="pass it as an argument here; in calls it can stay where it is",
            )  # fmt: skip
        return instance.elaborated


def _found(module: str, qualname: str) -> Any:
    """What a module has under a name now: where a decorator stood, what it made of the function."""
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found


def _under_decorator(module: str, qualname: str, optional: frozenset[str]) -> PythonProgram:
    """The program of a function that a module has compiled, as `@gradc.function` does."""
    import_module(module)
    return PythonProgram(_found(module, qualname).program.function, optional)


@dataclass(frozen=True)
class TracedProgram:
    """A program for one kind of arguments: every type is known, and so is the graph."""

    text: str
    syntax: str
    signature: Signature
    elaborated: Elaborated
    data: Mapping[str, np.ndarray]
    """What the function read from its surroundings, by the inputs that it became."""

    def elaborate(self, types: Mapping[str, Type]) -> Elaborated:
        return self.elaborated


def trace(
    program: PythonProgram, parts: Mapping[str, TakenApart], types: Mapping[str, Type], values: Mapping[str, Any],
    static: Mapping[str, Any] | None = None,
) -> TracedProgram:  # fmt: skip
    """Call the function with arguments put together like `parts`, whose leaves have these types by name; `values` are
    what they are, where the function may ask, and `static` those that it gets as they are.

    Raises `Wanted` where it needs to know more.
    """
    static = static or {}
    runs: list[Tracing] = []

    def read(builder: GraphBuilder, inputs: dict[str, Node]) -> Reading:
        places = Places(_run.__code__)
        tracing = Tracing(builder, inputs, values, places)
        runs.append(tracing)
        given = {
            name: each.structure.filled(
                static[leaf] if leaf in static else TracedArray(tracing, inputs[leaf]) for leaf in each.names
            )
            for name, each in parts.items()
        }
        function = program.inside(tracing)
        bound = program.call_signature.bind_partial()
        bound.arguments.update(given)
        result, called = _run(function, bound.args, bound.kwargs, tracing)
        return Reading(result, tracing.evaluator.spans, tracing.names, called)

    sources: Callable[..., bool] = lambda source: source in runs[-1].places.sources.values()  # noqa: E731
    signature = Signature(tuple(types), dict(types))
    elaborated = elaborate(signature, types, read, sources)
    data = runs[-1].data
    inputs = {node.name: node.type for node in elaborated.graph.inputs}
    fixed = {**{name: inputs[name] for name in data}, **types}
    whole = Signature(tuple(inputs), fixed, results=runs[-1].called)
    return TracedProgram(program.text, program.syntax, whole, elaborated, data)


def _run(
    function: Callable[..., Any], args: Any, keywords: Any, tracing: Tracing
) -> tuple[Node | tuple[Node, ...], tuple[str, ...]]:
    """The user's function, and what it returns as nodes, with their names: frames below this one are the user's."""
    try:
        value = function(*args, **keywords)
    except (Error, Wanted):
        raise
    except Exception as error:
        if tracing.wanted is not None:  # NumPy took it for an error of its own
            raise tracing.wanted from None
        ours = _behind(error)
        raise (ours or _explained(error, tracing)) from (None if ours else error)
    if tracing.wanted is not None:
        raise tracing.wanted
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    span = tracing.places.whole(code if isinstance(code, CodeType) else _run.__code__)
    return tracing.results(value, span), tracing.called


def _behind(error: BaseException) -> Error | None:
    """Our error that a library caught, to raise one of its own, as NumPy does where an element is assigned."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and not isinstance(found, Error) and id(found) not in seen:
        seen.add(id(found))
        found = found.__cause__ or found.__context__
    return found if isinstance(found, Error) else None


def _explained(error: Exception, tracing: Tracing) -> Exception:
    """An error of Python's about a traced value as ours; any other as it is."""
    said = str(error)
    if not re.search(r"\bTraced(Array|Size)\b", said) and not isinstance(error, RecursionError):
        error.add_note("raised while gradc traced the function: arguments are stand-ins without values there")
        return error
    said = re.sub(r"(?i:an object of type |object of type |type )?'?\bTracedArray\b'?", "a traced value", said)
    said = re.sub(r"(?i:an object of type |object of type |type )?'?\bTracedSize\b'?", "a size", said)
    return Error(
        "G0801", said.split("\n")[0].rstrip("."), tracing.places.raised(error.__traceback__),
        help="write it with functions of NumPy, which know traced values",
    )  # fmt: skip


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function under decorators such as `jax.jit`; of an object with `__call__` the method."""
    if inspect.isroutine(function) or isinstance(function, (partial, type)) or hasattr(function, "__wrapped__"):
        return function
    return type(function).__call__.__get__(function)


def _call_signature(function: Callable[..., Any]) -> inspect.Signature:
    if isinstance(function, type):
        raise Error("G0804", f"`{function.__name__}` is a class, not a function", help="pass a function")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise Error("G0804", "generators and coroutines cannot be traced", help="pass a function that returns a value")
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        name = getattr(function, "__name__", type(function).__name__)
        raise Error(
            "G0804", f"`{name}` does not tell its parameters",
            help=f"wrap it, as in `lambda x: {name}(x)`",
        ) from None  # fmt: skip
