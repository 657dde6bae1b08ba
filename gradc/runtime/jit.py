"""Kernels in Numba: compiled for the calls of `Function`, and callable from users' own `@njit` code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numba
import numpy as np
from numba import types
from numba.core.errors import TypingError
from numba.core.imputils import lower_constant, lower_getattr_generic
from numba.core.registry import cpu_target
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import models, overload, register_model

from gradc.compiler import Compilation
from gradc.emit.names import Names
from gradc.ir.types import DTYPES, Type
from gradc.program import Signature
from gradc.runtime.arguments import bind, fit, listed, size_names
from gradc.runtime.generated import load
from gradc.runtime.specialise import Specialiser

NUMBA_SCALARS: dict[str, types.Type] = {
    "f64": types.float64, "f32": types.float32, "i64": types.int64, "bool": types.boolean,
}  # fmt: skip


def compiled(compilation: Compilation) -> Callable[..., Any]:
    """The compilation's kernel, compiled for contiguous arrays; it accepts read-only ones as they are."""
    function = kernel_function(compilation)
    if not hasattr(function, "compile"):  # NUMBA_DISABLE_JIT leaves it as it is
        return np.errstate(all="ignore")(function)
    signature = tuple(numba_type(node.type) for node in compilation.loops.inputs)
    function.targetoptions["no_cfunc_wrapper"] = True
    function.compile(signature)
    function.disable_compile()
    return function


def numba_type(type: Type) -> types.Type:
    scalar = NUMBA_SCALARS[type.dtype]
    return types.Array(scalar, type.rank, "C", readonly=True) if type.shape else scalar


# ---------------------------------------------------------------- kernels inside the user's @njit code


class NumbaKernel:
    """Numba functions for use inside `@njit`, called as the methods of a function are:

        value(x, y)                            value_and_grad(x, y) -> (value, (x_bar, y_bar))
        grad(x, y) -> (x_bar, y_bar)           vjp(upstream, x, y) -> (x_bar, y_bar)
        jvp((x_dot, y_dot), x, y) -> value_dot
        hvp((x_dot, y_dot), x, y) -> (x_bar_dot, y_bar_dot)

    They take scalars and arrays, in the order of the program's inputs or by name, and are specialised where they are
    called. Names that Python or the generated code needs, such as `lambda`, end in an underscore here. For a single
    input in `wrt` the tangent may stand without a tuple.
    All arrays must have equal sizes along an axis; inside Numba code a size of 1 does not broadcast.
    """

    def __init__(self, specialiser: Specialiser):
        self._specialiser = specialiser

    @cached_property
    def value(self) -> Any:
        return polymorphic(self._specialiser, "value")

    @cached_property
    def value_and_grad(self) -> Any:
        return polymorphic(self._specialiser, "value_and_grad")

    @cached_property
    def grad(self) -> Any:
        return polymorphic(self._specialiser, "grad")

    @cached_property
    def vjp(self) -> Any:
        return polymorphic(self._specialiser, "vjp")

    @cached_property
    def jvp(self) -> Any:
        return polymorphic(self._specialiser, "jvp")

    @cached_property
    def hvp(self) -> Any:
        return polymorphic(self._specialiser, "hvp")

    @property
    def _numba_type_(self) -> types.Type:
        return KernelType(self)


ACCEPTED = (
    "they take real numbers, integers and booleans, and NumPy arrays of them; make an array of a list by "
    "`np.array(...)`, and pass the real and the imaginary part of a complex number separately"
)
"""What inputs may be inside Numba code."""


@dataclass(frozen=True)
class Form:
    """A function inside Numba code: the transform that it comes from, what it takes before the inputs, what it returns
    of the kernel's result."""

    transform: str
    first: str = ""
    part: str = ""

    def transform_for(self, specialiser: Specialiser) -> str:
        """The transform, which gives all results of a program with several."""
        return specialiser.all_results(self.transform)


FORMS = {
    "value": Form("value"),
    "value_and_grad": Form("value_and_grad"),
    "grad": Form("value_and_grad", part="[1]"),
    "vjp": Form("vjp", first="upstream"),
    "jvp": Form("jvp", first="tangents", part="[0]"),
    "hvp": Form("hvp", first="tangents"),
}


def polymorphic(specialiser: Specialiser, name: str) -> Any:
    """An `@njit` function that becomes the kernel for whatever types it is called with.

    Its parameters are called as in the emitted modules. No input starts with two underscores, so our own names do.
    """
    form = FORMS[name]
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        return plain(specialiser, form)
    free = Names(set())
    first = [f"__{form.first}"] if form.first else []
    names = first + [free.new(input) for input in specialiser.inputs]
    arguments = ", ".join(names)

    def specialise(*argument_types: types.Type) -> Callable[..., Any] | None:
        extra, given = argument_types[: len(first)], argument_types[len(first) :]
        integers = specialiser.program.signature.integers
        found = [gradc_type(argument, name in integers) for name, argument in zip(specialiser.inputs, given)]
        for input, argument, kind in zip(specialiser.inputs, given, found):
            if kind is None:
                raise TypingError(f"`{input}` is {argument}, which kernels do not take: {ACCEPTED}")
        compilation = specialiser.compilation(
            form.transform_for(specialiser),
            _named_sizes(specialiser.program.signature, [t for t in found if t is not None]),
        )
        added = compilation.adjoint.inputs[len(found) :]
        texts = list(map(_conversion, names[len(first) :], given, compilation.types.values()))
        for (text, argument), node in zip(_parts(form.first, extra, specialiser.wrt), added):
            found_type = gradc_type(argument, False)
            if found_type is None or found_type.rank != node.type.rank:
                subject = form.first if form.first == "upstream" else node.name
                raise TypingError(f"{subject} must be {_shaped(node.type)}, as what it belongs to; it is {argument}")
            texts.append(_conversion(text, argument, node.type))
        source = f"def __implementation({arguments}):\n    return __kernel({', '.join(texts)}){form.part}\n"
        namespace = {"__name__": load.__module__, "__kernel": kernel_function(compilation), "np": np}
        exec(source, namespace)
        return namespace["__implementation"]

    namespace: dict[str, Any] = {"__name__": load.__module__, "__specialise": specialise}
    exec(
        f"def __target({arguments}):\n    raise NotImplementedError\n"
        f"def __typing({arguments}):\n    return __specialise({arguments})\n"
        f"def {name}({arguments}):\n    return __target({arguments})\n",
        namespace,
    )
    overload(namespace["__target"], jit_options={"nogil": True, "error_model": "numpy"})(namespace["__typing"])
    return numba.njit(nogil=True, error_model="numpy")(namespace[name])


def plain(specialiser: Specialiser, form: Form) -> Callable[..., Any]:
    """The same where `NUMBA_DISABLE_JIT` is set, so that callers are plain Python too."""
    names = Names(set())
    called = tuple(names.new(input) for input in specialiser.inputs)
    kernels: dict[tuple[Type, ...], tuple[Compilation, Callable[..., Any]]] = {}

    def function(*args: Any, **kwargs: Any) -> Any:
        extra, args = (args[:1], args[1:]) if form.first else ((), args)
        if form.first == "tangents" and isinstance(extra[0], tuple):
            (extra,) = extra
        prepared = specialiser.prepare(bind(called, args, kwargs))
        if prepared.types not in kernels:
            compilation = specialiser.compilation(form.transform_for(specialiser), prepared.types)
            kernels[prepared.types] = compilation, compiled(compilation)
        compilation, kernel = kernels[prepared.types]
        sizes = prepared.sizes(compilation.graph)
        nodes = compilation.adjoint.inputs[len(called) :]
        fitted = [fit(node.name, value, node.type, sizes) for node, value in zip(nodes, extra, strict=True)]
        result = kernel(*prepared.arrays, *fitted)
        return result[int(form.part[1])] if form.part else result

    return function


def kernel_function(compilation: Compilation) -> Any:
    """The kernel as a Numba function that is compiled where it is called."""
    return load(compilation.python)[compilation.function_name]


def _parts(first: str, extra: Sequence[types.Type], wrt: tuple[str, ...]) -> Iterator[tuple[str, types.Type]]:
    """What a call gives before the inputs, one by one: as text, and its type."""
    for argument in extra:
        if first == "upstream" or (len(wrt) == 1 and not isinstance(argument, types.BaseTuple)):
            yield f"__{first}", argument
        elif isinstance(argument, types.BaseTuple) and len(argument) == len(wrt):
            yield from ((f"__tangents[{k}]", part) for k, part in enumerate(cast(Any, argument)))
        else:
            raise TypingError(f"a tuple of {len(wrt)} tangents expected, for {listed(wrt)}; it is {argument}")


def _shaped(type: Type) -> str:
    axes = f"{type.rank} ax{'i' if type.rank == 1 else 'e'}s"
    return f"an array with {axes}" if type.rank else "a scalar"


def gradc_type(argument: types.Type, is_index: bool) -> Type | None:
    """The gradc type of a Numba type; sizes are named later. Integers stay what they are only where the program
    indexes by them. None for a type that is no number or array."""
    argument = types.unliteral(argument)
    shape: tuple[str, ...] = ()
    if isinstance(argument, types.Array):
        shape, argument = ("",) * argument.ndim, argument.dtype
    if argument == types.float32:
        return Type("f32", shape)
    if is_index and isinstance(argument, types.Integer):
        return Type("i64", shape)
    if is_index and isinstance(argument, types.Boolean):
        return Type("bool", shape)
    if isinstance(argument, (types.Float, types.Integer, types.Boolean)):
        return Type("f64", shape)
    return None


def _named_sizes(signature: Signature, found: list[Type]) -> list[Type]:
    fresh = size_names(signature)
    return [
        signature.declared.get(name, Type(type.dtype, tuple(next(fresh) for _ in type.shape)))
        for name, type in zip(signature.inputs, found)
    ]


def _conversion(name: str, argument: types.Type, wanted: Type) -> str:
    """The argument in the element type that the kernel expects."""
    dtype = f"np.{DTYPES[wanted.dtype].name}"
    argument = types.unliteral(argument)
    scalar = argument.dtype if isinstance(argument, types.Array) else argument
    if scalar == types.uint64 and wanted.dtype == "i64":
        name = f"np.minimum({name}, np.uint64({np.iinfo(np.int64).max}))"  # so that it stays out of range
    if isinstance(argument, types.Array):
        return name if argument.dtype == NUMBA_SCALARS[wanted.dtype] else f"{name}.astype({dtype})"
    return f"{dtype}({name})"


# ---------------------------------------------------------------- `f` and `f.kernel` as values in Numba code


class FunctionType(types.Dispatcher):
    """The Numba type of a `Function`: called, it is its value kernel; it has `kernel` and what that has."""

    def __init__(self, kernel: Any):
        self.kernel = kernel
        super().__init__(cast(Any, kernel.value))


class KernelType(types.Opaque):
    """The Numba type of `Function.kernel`."""

    def __init__(self, kernel: Any):
        self.kernel = kernel
        super().__init__(f"gradc.Kernel({id(kernel)})")


register_model(KernelType)(models.OpaqueModel)
register_model(FunctionType)(models.OpaqueModel)


@infer_getattr
class _FunctionAttributes(AttributeTemplate):
    key = FunctionType

    def resolve_kernel(self, function: FunctionType) -> types.Type:
        return KernelType(function.kernel)

    def generic_resolve(self, function: Any, name: str) -> Any:  # type: ignore[override]
        return _method(function.kernel, name) if name != "value" else None


@infer_getattr
class _KernelAttributes(AttributeTemplate):
    key = KernelType

    def generic_resolve(self, kernel: Any, name: str) -> Any:  # type: ignore[override]
        return _method(kernel.kernel, name)


def _method(kernel: Any, name: str) -> types.Type | None:
    return types.Dispatcher(getattr(kernel, name)) if name in FORMS else None


@lower_getattr_generic(FunctionType)
@lower_getattr_generic(KernelType)
def _attribute(context, builder, type, value, name):
    return context.get_dummy_value()


@lower_constant(KernelType)
@lower_constant(FunctionType)
def _constant(context, builder, type, value):
    return context.get_dummy_value()


cpu_target.target_context.refresh()  # Numba may be in the middle of compiling the code that made it import this module
