"""Kernels in Numba: compiled for the calls of `Function`, and callable from users' own `@njit` code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numba
import numpy as np
from numba import types
from numba.core.imputils import lower_constant, lower_getattr
from numba.core.registry import cpu_target
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import models, overload, register_model

from gradc.compiler import Compilation
from gradc.emit.names import Names
from gradc.ir.types import DTYPES, Type
from gradc.program import Signature
from gradc.runtime.arguments import size_names
from gradc.runtime.generated import load
from gradc.runtime.specialise import Specialiser

NUMBA_SCALARS: dict[str, types.Type] = {
    "f64": types.float64, "f32": types.float32, "i64": types.int64, "bool": types.boolean,
}  # fmt: skip


def compiled(compilation: Compilation) -> Callable[..., Any]:
    """The compilation's kernel, compiled for contiguous arrays; it accepts read-only ones as they are."""
    function = load(compilation.python)[compilation.transform.name]
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
    """Numba functions for use inside `@njit`: `value(x, y)` and `value_and_grad(x, y) -> (value, (x_bar, y_bar))`.

    They take scalars and arrays, in the order of the program's inputs or by name, and are specialised where they are
    called. Names that Python or the generated code needs, such as `lambda`, end in an underscore here.
    All arrays must have equal sizes along an axis; inside Numba code a size of 1 does not broadcast.
    """

    def __init__(self, specialiser: Specialiser):
        self.value = polymorphic(specialiser, "value")
        self.value_and_grad = polymorphic(specialiser, "value_and_grad")

    @property
    def _numba_type_(self) -> types.Type:
        return KernelType(self)


def polymorphic(specialiser: Specialiser, transform: str) -> Any:
    """An `@njit` function that becomes the kernel for whatever types it is called with.

    Its parameters are called as in the emitted modules. No input starts with two underscores, so our own names do.
    """
    free = Names(set())
    names = [free.new(name) for name in specialiser.inputs]
    arguments = ", ".join(names)

    def specialise(*argument_types: types.Type) -> Callable[..., Any] | None:
        integers = specialiser.program.signature.integers
        found = [gradc_type(argument, name in integers) for name, argument in zip(specialiser.inputs, argument_types)]
        if None in found:
            return None
        compilation = specialiser.compilation(
            transform, _named_sizes(specialiser.program.signature, [t for t in found if t is not None])
        )
        kernel = load(compilation.python)[transform]
        converted = ", ".join(map(_conversion, names, argument_types, compilation.types.values()))
        source = f"def __implementation({arguments}):\n    return __kernel({converted})\n"
        namespace = {"__name__": load.__module__, "__kernel": kernel, "np": np}
        exec(source, namespace)
        return namespace["__implementation"]

    namespace: dict[str, Any] = {"__name__": load.__module__, "__specialise": specialise}
    exec(
        f"def __target({arguments}):\n    raise NotImplementedError\n"
        f"def __typing({arguments}):\n    return __specialise({arguments})\n"
        f"def {transform}({arguments}):\n    return __target({arguments})\n",
        namespace,
    )
    overload(namespace["__target"], jit_options={"nogil": True, "error_model": "numpy"})(namespace["__typing"])
    return numba.njit(nogil=True, error_model="numpy")(namespace[transform])


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
    """The Numba type of a `Function`: called, it is its value kernel; it has the attribute `kernel`."""

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


@infer_getattr
class _KernelAttributes(AttributeTemplate):
    key = KernelType

    def resolve_value(self, kernel: KernelType) -> types.Type:
        return types.Dispatcher(kernel.kernel.value)

    def resolve_value_and_grad(self, kernel: KernelType) -> types.Type:
        return types.Dispatcher(kernel.kernel.value_and_grad)


@lower_getattr(FunctionType, "kernel")
@lower_getattr(KernelType, "value")
@lower_getattr(KernelType, "value_and_grad")
def _attribute(context, builder, type, value):
    return context.get_dummy_value()


@lower_constant(KernelType)
@lower_constant(FunctionType)
def _constant(context, builder, type, value):
    return context.get_dummy_value()


cpu_target.target_context.refresh()  # Numba may be in the middle of compiling the code that made it import this module
