"""Calls of functions written in Python: from arguments with parts to the calls of a program for their kind."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from gradc.compiler import Compilation
from gradc.frontends.traced.errors import Wanted
from gradc.frontends.traced.program import PythonProgram, TracedProgram, trace
from gradc.frontends.traced.structure import Structure, TakenApart, distinct, take_apart
from gradc.frontends.traced.values import tracing_in
from gradc.ir.held import DICT, LEAF, ONE, SAME, Held, Parts, parts_of, tuple_of
from gradc.ir.types import Type
from gradc.language.diagnostics import Error
from gradc.program import Program, Signature
from gradc.runtime import arguments, binding
from gradc.runtime.calls import Calls
from gradc.runtime.entrance import Argument, Entrance
from gradc.runtime.forks import compiling
from gradc.runtime.methods import Methods
from gradc.runtime.results import Gradients, gradients, gradients_type
from gradc.runtime.specialise import Specialiser

MAX_GUESSES = 100
"""How many combinations of ranks are tried for a function that has not been called yet."""

MAX_RUNS = 1_000
"""How often a function is traced before it is given up, each time with more that it asked for."""


@dataclass(frozen=True)
class Asked:
    """What a function needs to know of its arguments, as far as runs have shown."""

    sizes: frozenset[tuple[str, int]] = frozenset()
    static: frozenset[str] = frozenset()
    integers: frozenset[str] = frozenset()

    def and_also(self, wanted: Wanted) -> Asked:
        """All this, and what a run asked for."""
        return Asked(self.sizes | wanted.sizes, self.static | wanted.static, self.integers | wanted.integers)

    def answers(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """The answers for some arguments: they tell which trace is theirs."""
        return (
            frozenset([(name, axis, np.shape(values[name])[axis]) for name, axis in self.sizes]),
            frozenset([(name, int(values[name])) for name in self.static]),
            self.integers,
        )


NOTHING = Asked()


@dataclass(frozen=True)
class Parameter:
    """One of the parameters that derivatives are for: how its argument is put together, and its leaves by name."""

    name: str
    structure: Structure
    leaves: tuple[str, ...]

    def filled(self, values: Mapping[str, Any]) -> Any:
        """Derivatives in the form of the argument, None for what has none."""
        return self.structure.filled(values.get(leaf) for leaf in self.leaves)

    def order(self, parts: TakenApart) -> tuple[str, ...]:
        """The leaves in the order of a value with the same parts, whose dicts may have another order."""
        named = tuple(parts.names)
        return named if set(named) == set(self.leaves) else self.leaves


class Instance:
    """The calls for one kind of arguments."""

    def __init__(self, calls: Calls, taken: Sequence[int], parameters: Sequence[Parameter]):
        self.calls = calls
        self.taken = taken
        """Which of the leaves are passed on: the others are fixed."""
        self.parameters = parameters
        self._short: dict[str, Callable[..., Any]] = {}

    def run(self, name: str, leaves: Sequence[Any], out: Any = None) -> Any:
        """`value`, `value_and_grad` or `grad` by leaves."""
        short = self._short.get(name)
        if short is None:
            short = self.calls.short(name)
            if name in self.calls.tables:
                self._short[name] = short
        return short(*leaves) if out is None else short(*leaves, out=out)

    def gradients(self, values: Gradients) -> Gradients:
        """Derivatives by leaf as derivatives by parameter."""
        by_leaf = dict(zip(self.calls.wrt, tuple(values)))
        return gradients(
            tuple(each.name for each in self.parameters), [each.filled(by_leaf) for each in self.parameters]
        )

    def tangents(self, given: Any) -> dict[str, Any]:
        """Tangents by parameter as tangents by leaf."""
        names = tuple(each.name for each in self.parameters)
        if isinstance(given, Mapping) and set(given) <= set(names):
            values = arguments.bind(names, (), given, "tangent")
        elif len(names) == 1 and not (isinstance(given, (tuple, list)) and len(given) == 1):
            values = [given]
        else:
            values = arguments.bind(names, tuple(given), {}, "tangent")
        found: dict[str, Any] = {}
        for parameter, value in zip(self.parameters, values):
            if parameter.leaves == (parameter.name,):
                found[parameter.name] = value
                continue
            parts = take_apart(value, parameter.name)
            if len(parts.leaves) != len(parameter.leaves):
                raise Error(
                    "G0601", f"the tangent of `{parameter.name}` has other parts than the argument",
                    help="put it together in the same way",
                )  # fmt: skip
            found |= dict(zip(parameter.order(parts), parts.leaves))
        return {leaf: found[leaf] for leaf in self.calls.wrt}

    def tangent_parts(self, given: Any) -> tuple[Parts, tuple[str, ...]] | None:
        """The parts of tangents by parameter, and the leaves in their order; None where calls go the long way."""
        by_name = {each.name: each for each in self.parameters}
        (head, *_), values = parts_of(given, (tuple, list, dict, gradients_type(tuple(by_name))))
        order = tuple(given) if head.kind == DICT else tuple(by_name)
        is_each = head.kind != LEAF and len(values) == len(by_name) and by_name.keys() == set(order)
        if not is_each and len(by_name) > 1:
            return None
        made: list[Held] = [head] if is_each else []
        leaves: list[str] = []
        for name, value in zip(order, values) if is_each else [(*by_name, given)]:
            found = take_apart(value, name)
            parts = found.structure.parts([ONE[0]] * len(found.leaves))
            if parts is None:
                return None
            made += parts
            leaves += by_name[name].order(found)
        return (made, tuple(leaves)) if set(leaves) == set(self.calls.wrt) else None

    @property
    def is_plain(self) -> bool:
        """Whether leaves and parameters are the same."""
        return all(each.leaves == (each.name,) for each in self.parameters)


Bound = tuple[Instance, list[Any]]
"""The arguments of a call: for which kind they are, and those leaves that it takes."""


class TracedCalls(Methods):
    """The calls of a function written in Python. It offers what `Calls` does."""

    def __init__(self, specialiser: Specialiser, engine: str, data: Mapping[str, Any] | None = None):
        assert isinstance(specialiser.program, PythonProgram)
        self.specialiser, self.engine = specialiser, engine
        self.program: PythonProgram = specialiser.program
        self.data = dict(data or {})
        self.inputs = tuple(name for name in specialiser.inputs if name not in self.data)
        self.tables: dict[str, Any] = {}
        self._bound = {name: take_apart(value, name) for name, value in self.data.items()}
        self._asked: dict[Any, Asked] = {}
        self._instances: dict[Any, Instance] = {}
        self._latest: Instance | None = None
        parameters = self.program.call_signature.parameters
        self._is_simple = self.inputs == tuple(name for name in parameters if name not in self.data) and all(
            parameter.kind is parameter.POSITIONAL_OR_KEYWORD for parameter in parameters.values()
        )
        left = [each for name, each in parameters.items() if name not in self.data]
        self.call_signature = inspect.Signature(left) if self.data else self.program.call_signature

    def __reduce__(self) -> tuple[Any, ...]:
        return TracedCalls, (self.specialiser, self.engine, self.data)

    @property
    def wrt(self) -> tuple[str, ...]:
        return self.specialiser.wrt

    def bind_data(self, given: Mapping[str, Any]) -> TracedCalls:
        """The calls of the same function with more parameters bound."""
        known = [name for name in self.program.call_signature.parameters if name not in self.data]
        for name in given:
            if name not in known:
                raise arguments.unknown(name, tuple(known))
        added = {name: _own(name, value) for name, value in given.items()}
        specialiser = replace(self.specialiser, wrt=tuple(name for name in self.wrt if name not in added))
        return TracedCalls(specialiser, self.engine, self.data | added)

    # ------------------------------------------------------------ what a function offers

    def value(self, /, *args: Any, out: Any = None, **kwargs: Any) -> Any:
        tracing = tracing_in([*args, *kwargs.values()]) if out is None else None
        if tracing is not None:  # a function that is being traced calls this one
            given = {**self.data, **self._given(args, kwargs)} if self.data else kwargs
            return self.program.inside(tracing)(*(() if self.data else args), **given)
        instance, leaves = self.bind(args, self._with_out(out, args, kwargs))
        return instance.run("value", leaves, None if "out" in self._names else out)

    def value_and_grad(self, /, *args: Any, out: Any = None, **kwargs: Any) -> tuple[Any, Gradients]:
        instance, leaves = self._for_gradients(self.bind(args, self._with_out(out, args, kwargs)))
        wanted = None if "out" in self._names else self._targets(instance, out)
        value, grads = instance.run("value_and_grad", leaves, wanted)
        return value, grads if instance.is_plain else instance.gradients(grads)

    def grad(self, /, *args: Any, out: Any = None, **kwargs: Any) -> Gradients:
        instance, leaves = self._for_gradients(self.bind(args, self._with_out(out, args, kwargs)))
        wanted = None if "out" in self._names else self._targets(instance, out)
        grads: Gradients = instance.run("grad", leaves, wanted)
        return grads if instance.is_plain else instance.gradients(grads)

    def value_at(self, bound: Bound) -> Any:
        return bound[0].run("value", bound[1])

    @staticmethod
    def kept(bound: Bound) -> Bound:
        """The arguments of a call, copied."""
        return bound[0], [given if arguments.is_weak(given) else np.array(given) for given in bound[1]]

    def vjp_at(self, upstream: Any, bound: Bound) -> Gradients:
        instance, leaves = self._for_gradients(bound)
        return instance.gradients(instance.calls.vjp_at(upstream, leaves))

    def jvp_at(self, tangents: Any, bound: Bound) -> Any:
        instance, leaves = self._for_gradients(bound)
        return instance.calls.jvp_at(instance.tangents(tangents), leaves, instance.tangent_parts(tangents))

    def hvp_at(self, tangents: Any, bound: Bound) -> Gradients:
        instance, leaves = self._for_gradients(bound)
        parts = instance.tangent_parts(tangents)
        return instance.gradients(instance.calls.hvp_at(instance.tangents(tangents), leaves, parts))

    def derivatives_at(self, order: Any, bound: Bound) -> Any:
        instance, leaves = self._for_gradients(bound)
        return instance.calls.derivatives_at(order, leaves)

    def value_and_jacobian_at(self, bound: Bound, compact: bool = False) -> tuple[Any, Gradients]:
        instance, leaves = self._for_gradients(bound)
        value, blocks = instance.calls.value_and_jacobian_at(leaves, compact)
        return value, instance.gradients(blocks)

    def value_grad_and_hessian_at(self, bound: Bound, compact: bool = False) -> tuple[Any, Gradients, Gradients]:
        instance, leaves = self._for_gradients(bound)
        return self._in_lines(instance, *instance.calls.value_grad_and_hessian_at(leaves, compact))

    def gauss_newton_at(self, bound: Bound, compact: bool = False) -> tuple[Any, Gradients, Gradients]:
        instance, leaves = self._for_gradients(bound)
        return self._in_lines(instance, *instance.calls.gauss_newton_at(leaves, compact))

    def sparse_gauss_newton_at(self, bound: Bound) -> tuple[Any, Gradients, Any]:
        instance, leaves = self._for_gradients(bound)
        value, grads, matrix = instance.calls.sparse_gauss_newton_at(leaves)
        return value, instance.gradients(grads), matrix

    def value_grad_and_diagonal_at(self, bound: Bound) -> tuple[Any, Gradients, Gradients]:
        instance, leaves = self._for_gradients(bound)
        value, grads, second = instance.calls.value_grad_and_diagonal_at(leaves)
        return value, instance.gradients(grads), instance.gradients(second)

    @staticmethod
    def _in_lines(
        instance: Instance, value: Any, grads: Gradients, rows: Gradients
    ) -> tuple[Any, Gradients, Gradients]:
        """Lines by leaf as lines by parameter."""
        by_leaf = {leaf: instance.gradients(row) for leaf, row in zip(instance.calls.wrt, tuple(rows))}
        names = tuple(each.name for each in instance.parameters)
        lines = gradients(names, [each.filled(by_leaf) for each in instance.parameters])
        return value, instance.gradients(grads), lines

    def value_and_sparse_jacobian_at(self, bound: Bound) -> tuple[Any, Any]:
        instance, leaves = self._for_gradients(bound)
        return instance.calls.value_and_sparse_jacobian_at(leaves)

    def value_grad_and_sparse_hessian_at(self, bound: Bound) -> tuple[Any, Gradients, Any]:
        instance, leaves = self._for_gradients(bound)
        value, grads, matrix = instance.calls.value_grad_and_sparse_hessian_at(leaves)
        return value, instance.gradients(grads), matrix

    def stage(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        instance, leaves = self.bind(args, kwargs)
        found = instance.calls.stage(name, leaves, {})
        return (found[0], instance.gradients(found[1])) if isinstance(found, tuple) else found

    @cached_property
    def kernel(self) -> Any:
        """The functions for Numba code, where every parameter is a number or an array; None where some are bound."""
        if self.data:
            return None
        from gradc.runtime.jit import NumbaKernel

        return NumbaKernel(self.specialiser)

    def example(self) -> Calls:
        """The calls for the kind of arguments that came last; before the first call for the least ranks that fit."""
        if self._latest is None:
            self._latest = self._guessed()
        return self._latest.calls

    def _guessed(self) -> Instance:
        """A kind of arguments for which the function can be traced: numbers, or vectors and matrices where it has to
        be."""
        first: Error | None = None
        names = self.inputs
        ranks = (
            sorted(product(range(3), repeat=len(names)), key=sum)
            if len(names) <= 4
            else [(k,) * len(names) for k in range(3)]
        )
        for found in ranks[:MAX_GUESSES]:
            try:
                given = {name: np.zeros((2, 3)[:rank]) if rank else 0.5 for name, rank in zip(names, found)}
                return self.bind((), given)[0]
            except Error as error:
                first = first or error
            except Exception as error:
                first = first or Error("G0804", arguments.first_line(error))
        assert first is not None
        raise Error(
            "G0804", f"`{self.program.name}` was not called yet, and what its arguments are cannot be guessed",
            first.span, help="call it once; its stages are those for the arguments that came last",
        )  # fmt: skip

    # ------------------------------------------------------------ from arguments to instances

    @property
    def _names(self) -> Mapping[str, Any]:
        return self.call_signature.parameters

    def _with_out(self, out: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        return {**kwargs, "out": out} if out is not None and "out" in self._names else kwargs

    @staticmethod
    def _targets(instance: Instance, out: Any) -> Any:
        if out is not None and not instance.is_plain:
            raise Error("G0606", "`out` takes gradients of arrays, not of arguments with parts", help="leave `out` out")
        return out

    def _for_gradients(self, bound: Bound) -> Bound:
        if not bound[0].parameters:
            shown = arguments.listed([f"`{name}`" for name in self.wrt]) or "nothing"
            raise Error(
                "G0402", f"there is nothing to differentiate: {shown} holds whole numbers that the function asks for",
                help="pass floats, as in 3.0",
            )  # fmt: skip
        return bound

    def at_point(
        self, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Program, dict[str, Any], tuple[str, ...]]:
        instance, leaves = self.bind(args, kwargs)
        return instance.calls.at_point(leaves, {})

    def suggested(self) -> Compilation | None:
        """The stages for the kind of arguments that came last; the function is not traced for the sake of this."""
        return None if self._latest is None else self._latest.calls.shown

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Bound:
        """The kind of the arguments of a call, and the leaves that it takes."""
        parts = self._parts(args, kwargs)
        leaves = [leaf for each in parts.values() for leaf in each.leaves]
        names = [name for each in parts.values() for name in each.names]
        if tracing_in(leaves) is not None:
            return self._inside(parts, dict(zip(names, leaves)))
        key = tuple([(name, each.structure) for name, each in parts.items()]), tuple([_kind(leaf) for leaf in leaves])
        asked = self._asked.get(key, NOTHING)
        values = dict(zip(names, leaves)) if asked.sizes or asked.static else {}
        whole = key, asked.answers(values)
        instance = self._instances.get(whole)
        if instance is None:
            with compiling:
                instance, whole = self._traced(key, parts, dict(zip(names, leaves)))
                self._instances[whole] = instance
        self._latest = instance
        return instance, [leaves[k] for k in instance.taken]

    def _inside(self, parts: Mapping[str, TakenApart], leaves: Mapping[str, Any]) -> Bound:
        """The arguments of a call by a function that is being traced: they have types and no values."""
        caller = next(leaf for leaf in leaves.values() if hasattr(type(leaf), "inlined"))
        values, types = caller.typed(leaves)
        try:
            traced = trace(self.program, parts, types, {})
        except Wanted as wanted:
            raise caller.asked_by(wanted, types) from None
        instance = self._instance(traced, parts, types)
        return instance, [values[name] for name in instance.calls.inputs]

    def _parts(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, TakenApart]:
        """The arguments by parameter, taken apart."""
        if self._is_simple and not kwargs and len(args) == len(self.inputs) and not self.data:
            given: Mapping[str, Any] = dict(zip(self.inputs, args))
        else:
            given = self._given(args, kwargs)
        parts, used = {}, set(self.program.call_signature.parameters)
        for name in self.program.call_signature.parameters:
            if name in self._bound:
                parts[name] = self._bound[name]
            elif name in given:
                parts[name] = take_apart(given[name], name)
            else:
                continue
            if parts[name].names != [name]:
                named = distinct(parts[name].names, used)
                used |= set(named)
                parts[name] = replace(parts[name], names=named)
        return parts

    def _given(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        try:
            given = dict(self.call_signature.bind(*args, **kwargs).arguments)
        except TypeError as error:
            for name in kwargs:
                if name not in self._names and not any(p.kind is p.VAR_KEYWORD for p in self._names.values()):
                    raise arguments.unknown(name, tuple(self._names)) from None
            raise Error(
                "G0601", f"{error}", help=f"the function is `{self.program.name}{self.call_signature}`"
            ) from None
        for name in self.inputs:
            parameter = self._names.get(name)
            if name not in given and parameter is not None and parameter.default is not parameter.empty:
                given[name] = parameter.default
        return given

    def _traced(self, key: Any, parts: Mapping[str, TakenApart], values: Mapping[str, Any]) -> tuple[Instance, Any]:
        """The calls for arguments of a kind: the function is traced until it has what it needs to know."""
        asked = self._asked.get(key, NOTHING)
        before_error: Asked | None = None
        conditions = {name for name, value in values.items() if np.asarray(value).dtype.kind == "b"}
        for _ in range(MAX_RUNS):
            known = asked.answers(values)
            if (key, known) in self._instances:
                return self._instances[key, known], (key, known)
            static = {name: int(values[name]) for name in asked.static}
            names = [name for name in values if name not in static]
            signature = Signature(tuple(names), integers=asked.integers | conditions)
            prepared = arguments.prepare(signature, [values[name] for name in names])
            types = {name: _asked_type(name, type, values[name], asked) for name, type in zip(names, prepared.types)}
            try:
                traced = trace(self.program, parts, types, values, static)
            except Wanted as wanted:
                asked = self._asked[key] = asked.and_also(wanted)
                assert asked.answers(values) != known, "a function asks again for what it knows"
                continue
            except Error:
                every = frozenset([(name, axis) for name in names for axis in range(np.ndim(values[name]))])
                if every <= asked.sizes:
                    self._asked[key] = before_error or asked
                    raise
                before_error = asked  # where sizes have names it failed: numbers may do, and say more
                asked = self._asked[key] = replace(asked, sizes=asked.sizes | every)
                continue
            return self._instance(traced, parts, types), (key, known)
        raise Error("G0502", "the function asks for ever more sizes of its arguments")

    def _entrance(
        self, parts: Mapping[str, TakenApart], parameters: Sequence[Parameter], calls: Calls
    ) -> Entrance | None:
        """What leads calls for these arguments to kernels: numbers that the trace holds have to be the same objects."""
        taken: list[Argument] = []
        inputs: list[str] = []
        for name in self.inputs:
            each = parts[name]
            is_read = [leaf in calls.inputs for leaf in each.names]
            held = (ONE[0] if read else Held(SAME, value) for read, value in zip(is_read, each.leaves))
            found = each.structure.parts(held)
            if found is None:
                return None
            taken.append((name, found))
            inputs += [leaf for leaf, read in zip(each.names, is_read) if read]
        gradients = _gradient_parts(parameters, calls.wrt)
        return None if gradients is None else Entrance(self.tables, taken, inputs, gradients)

    def _instance(self, traced: TracedProgram, parts: Mapping[str, TakenApart], types: Mapping[str, Type]) -> Instance:
        floats = {name for name, type in types.items() if type.is_float}
        parameters = []
        for name in self.wrt:
            each = parts[name]
            if floats.isdisjoint(each.names):
                if set(self.wrt) != set(self.inputs):
                    what = "whole numbers" if each.names else f"{type(each.structure.filled([])).__name__}"
                    raise Error("G0402", f"wrt names `{name}`, which is {what}: only floats have a gradient")
                continue
            parameters.append(Parameter(name, each.structure.without_values(), tuple(each.names)))
        wrt = tuple(leaf for each in parameters for leaf in each.leaves if leaf in floats)
        specialiser = replace(self.specialiser, program=traced, wrt=wrt)
        data = {name: binding.own(array) for name, array in traced.data.items()}
        for each in self._bound.values():
            for leaf, value in zip(each.names, each.leaves):
                if leaf in types:
                    data[leaf] = binding.converted(traced.signature, leaf, value)
        calls = Calls(specialiser, self.engine, data)
        names = [name for each in parts.values() for name in each.names]
        taken = [k for k, name in enumerate(names) if name in calls.inputs]
        instance = Instance(calls, taken, parameters)
        if instance.is_plain and calls.inputs == self.inputs and calls.wrt == self.wrt:
            calls.share(self.tables)
        elif (
            self._is_simple
            and parameters
            and tracing_in([leaf for each in parts.values() for leaf in each.leaves]) is None
        ):
            entrance = self._entrance(parts, parameters, calls)
            calls.entrances += [entrance] if entrance is not None else []
        return instance


def _gradient_parts(parameters: Sequence[Parameter], wrt: Sequence[str]) -> Parts | None:
    """The parts of gradients by parameter; None where the entry cannot put them together."""
    kind = gradients_type(tuple(each.name for each in parameters))
    made: list[Held] = [tuple_of(len(parameters), kind)]
    for each in parameters:
        parts = each.structure.parts(ONE[0] if leaf in wrt else Held(SAME, None) for leaf in each.leaves)
        if parts is None:
            return None
        made += parts
    return made


def _kind(leaf: Any) -> Any:
    """What distinguishes arguments whose types differ."""
    if type(leaf) is np.ndarray:
        return leaf.dtype, tuple([size == 1 for size in leaf.shape])
    if isinstance(leaf, (float, int)):
        return type(leaf)
    array = np.asarray(leaf)
    return type(leaf), array.dtype, tuple([size == 1 for size in array.shape])


def _asked_type(name: str, type: Type, value: Any, asked: Asked) -> Type:
    """A type with the sizes that the function asks for as numbers."""
    shape = np.shape(value)
    return type.with_shape(
        tuple(shape[axis] if (name, axis) in asked.sizes else size for axis, size in enumerate(type.shape))
    )


def _own(name: str, value: Any) -> Any:
    """A copy of bound data that nobody else has."""
    parts = take_apart(value, name)
    return parts.structure.filled(
        leaf if isinstance(leaf, (int, float)) else np.array(arguments.as_array(f"argument `{name}`", leaf))
        for leaf in parts.leaves
    )
