"""What happens in a call: from the caller's arguments through a kernel for their types to results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from inspect import Parameter
from inspect import Signature as CallSignature
from keyword import iskeyword
from typing import Any

import numpy as np

from gradc.autodiff.families import NoFamily
from gradc.compiler import Compilation, Reach
from gradc.ir.held import DICT, ONE, Parts, parts_of
from gradc.ir.types import Type
from gradc.language.diagnostics import Error, out_of_memory
from gradc.language.parser import collector_paused
from gradc.native.engine import NativeKernel
from gradc.native.entry import Tables
from gradc.program import Program
from gradc.runtime import arguments, binding, dense, matrices, sparse, targets
from gradc.runtime.arguments import Arguments, in_order
from gradc.runtime.entrance import Entrance, of_inputs
from gradc.runtime.forks import compiling
from gradc.runtime.kernel import CHECKING_ENGINES, ENGINES, RUNNABLE, Run
from gradc.runtime.matrices import Compact
from gradc.runtime.methods import Methods
from gradc.runtime.results import Gradients, Results, gradients_type, results, to_python
from gradc.runtime.specialise import Specialiser

MAX_ORDER = 30
"""The highest derivative that `derivatives` gives."""

AskedParts = tuple[Parts, tuple[str, ...]] | tuple[()] | None

DIRECT = {"value": ("value",), "value_and_grad": ("value_and_grad", "grad")}
"""The public functions that a kernel answers alone, whatever the sizes."""

WRITTEN_FROM = 10_000
"""Elements of the caller's arrays from which it pays to do without a copy."""


class Calls(Methods):
    """The calls of a function: its kernels by the types of arguments, made when they are first needed.

    It knows nothing of the `Function` that holds it: kernels live exactly as long as somebody can call them.
    """

    def __init__(self, specialiser: Specialiser, engine: str, data: Mapping[str, Any] | None = None):
        self.specialiser = specialiser
        self.engine = engine
        self.data = {name: binding.own(value) for name, value in (data or {}).items()}
        """What the function is bound to, by the names of inputs, as `binding.converted` gives it."""
        self.inputs = tuple(name for name in specialiser.inputs if name not in self.data)
        """The inputs that a call takes: all but those that are bound."""
        self._places = [k for k, name in enumerate(specialiser.inputs) if name not in self.data]
        self._filled = [self.data.get(name) for name in specialiser.inputs]
        self._specialised: dict[tuple[Any, ...], tuple[Compilation, Run]] = {}
        self._planned: dict[tuple[Any, ...], Compilation] = {}
        self._ready: dict[tuple[Any, ...], Run] = {}
        self.plans: dict[Any, matrices.MatrixPlan] = {}
        """How to get matrices, by the kinds and shapes of arguments."""
        self.patterns: dict[Any, sparse.SparsePlan] = {}
        self.index_nodes: dict[Any, list[Any]] = {}
        """The same for sparse matrices, and the arrays of indices that decide their patterns."""
        self._gradients_type = gradients_type(specialiser.wrt)
        self.entrances: list[Entrance] = []
        """What calls of public functions go through to native kernels."""
        self.share({})
        self._led: set[Any] = set()
        """The kinds of calls for which there is such a way."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Calls, (self.specialiser, self.engine, self.data)

    @property
    def wrt(self) -> tuple[str, ...]:
        return self.specialiser.wrt

    def share(self, tables: dict[str, Tables]) -> None:
        """Let these tables lead to the kernels of the function."""
        self.tables = tables
        self.entrances = [of_inputs(tables, self.inputs, self._gradients_type, len(self.wrt))]

    def bind_data(self, given: Mapping[str, Any]) -> Calls:
        """The calls of the same function with more inputs bound."""
        for name in given:
            if name not in self.inputs:
                raise arguments.unknown(name, self.inputs)
        signature = self.specialiser.program.signature
        added = {name: binding.converted(signature, name, value) for name, value in given.items()}
        data = self.data | added
        specialiser = replace(self.specialiser, wrt=tuple(name for name in self.wrt if name not in added))
        binding.check_together(specialiser, data)
        return Calls(specialiser, self.engine, data)

    # ------------------------------------------------------------ what a function offers

    def value(self, /, *args: Any, out: Any = None, **kwargs: Any) -> Any:
        if out is not None and self._is_input(args):
            kwargs, out = {**kwargs, "out": out}, None
        if self.results:
            values = self.run("values", args, kwargs)
            if out is not None:
                raise Error("G0606", "`out` takes one result, and the program has several", help="leave it out")
            return self._named(values)
        (value,) = self.run("value", args, kwargs)
        return to_python(value) if out is None else targets.write([value], [out], ["the value"])[0]

    def value_and_grad(self, /, *args: Any, out: Any = None, **kwargs: Any) -> tuple[Any, Gradients]:
        if out is not None:
            if not self._is_input(args):
                return self._write_all(targets.value_and_gradient_targets(out, self.wrt), args, kwargs)
            kwargs = {**kwargs, "out": out}
        if self.results:
            outputs = self.run("values_and_grad", args, kwargs)
            return self._named(outputs[: len(self.results)]), self._gradients(outputs[len(self.results) :])
        value, *bars = self.run("value_and_grad", args, kwargs)
        return to_python(value), self._gradients(bars)

    def grad(self, /, *args: Any, out: Any = None, **kwargs: Any) -> Gradients:
        if out is not None and not self._is_input(args):
            return self._write_all([None, *targets.gradient_targets(out, self.wrt)], args, kwargs)[1]
        return self.value_and_grad(*args, out=out, **kwargs)[1]

    def _named(self, values: Sequence[Any]) -> Results:
        """Several results under their names."""
        return results(self.results, [to_python(value) for value in values])

    @property
    def results(self) -> tuple[str, ...]:
        """What the results are called, where there are several."""
        return self.specialiser.program.signature.results

    @property
    def call_signature(self) -> CallSignature:
        """The inputs as parameters; those that Python reserves, such as `lambda`, go by position or `**{...}`."""
        if any(map(iskeyword, self.inputs)):
            return CallSignature(
                [Parameter("args", Parameter.VAR_POSITIONAL), Parameter("kwargs", Parameter.VAR_KEYWORD)]
            )
        return CallSignature([Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in self.inputs])

    def value_at(self, bound: Sequence[Any]) -> Any:
        return self.value(*bound)

    @staticmethod
    def kept(bound: Sequence[Any]) -> Sequence[Any]:
        """The arguments of a call, copied."""
        try:
            return [given if arguments.is_weak(given) else np.array(given) for given in bound]
        except MemoryError:
            raise out_of_memory() from None

    def example(self) -> Calls:
        """The calls whose stages and source are shown: these."""
        return self

    def _is_input(self, args: Sequence[Any]) -> bool:
        """Whether the keyword `out` of a call with these positional arguments is an input's name."""
        return "out" in self.inputs[len(args) :]

    def _write_all(
        self, wanted: Sequence[Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Any, Gradients]:
        """The value and the gradients, written into the caller's arrays where there is one."""
        if self.results and wanted[0] is not None:
            raise Error("G0606", "`out` takes one result, and the program has several", help="leave None for them")
        if self.results:
            found, grads = self.value_and_grad(*args, **kwargs)
            names = [f"the gradient of `{name}`" for name in self.wrt]
            written = targets.write(list(grads), wanted[1:], names)
            made = [to_python(output) if target is None else target for output, target in zip(written, wanted[1:])]
            return found, tuple.__new__(self._gradients_type, made)
        outputs = self._written(wanted, args, kwargs)
        if outputs is None:
            names = ["the value", *(f"the gradient of `{name}`" for name in self.wrt)]
            outputs = targets.write(self.run("value_and_grad", args, kwargs), wanted, names)
        value, *bars = [to_python(output) if target is None else target for output, target in zip(outputs, wanted)]
        return value, tuple.__new__(self._gradients_type, bars)

    def _written(self, wanted: Sequence[Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Sequence[Any] | None:
        """The same without copies, where the arrays are large and a native kernel can write into them as they are."""
        if sum(target.size for target in wanted if isinstance(target, np.ndarray)) < WRITTEN_FROM:
            return None
        prepared = self.prepare(self.bind(args, kwargs))
        compilation, run = self.specialise("value_and_grad", prepared.types)
        if any(check.norm is not None for check in compilation.graph.index_checks):
            return None  # whether the result is one is known at the end only
        try:
            return run.into(prepared.arrays, wanted) if isinstance(run, NativeKernel) else None
        except (ValueError, IndexError, MemoryError):
            return None  # the long way says what does not fit

    def vjp_at(self, upstream: Any, bound: Sequence[Any]) -> Gradients:
        found = self.run_with("vjp", bound, [(arguments.UPSTREAM, upstream)])
        self._lead_product("vjp", bound, ONE, [upstream], ())
        return self._gradients(found)

    def jvp_at(self, tangents: Any, bound: Sequence[Any], asked: AskedParts = ()) -> Any:
        (value_dot,) = self._along("jvp", tangents, bound, asked)
        return to_python(value_dot)

    def hvp_at(self, tangents: Any, bound: Sequence[Any], asked: AskedParts = ()) -> Gradients:
        return self._gradients(self._along("hvp", tangents, bound, asked))

    def _along(self, transform: str, tangents: Any, bound: Sequence[Any], asked: AskedParts) -> Sequence[Any]:
        """The outputs of a derivative along tangents. `asked` tells the parts that the caller gave them in, and for
        which inputs these are, where that was not as `tangents` have them; None where calls go no shorter way."""
        given = self._tangents(tangents)
        found = self.run_with(transform, bound, given)
        if asked is None:
            return found
        if asked:
            parts, names = asked
            leaves = [dict(zip(self.wrt, given))[name][1] for name in names]
        else:
            parts, leaves = parts_of(tangents, (tuple, list, dict, self._gradients_type))
            if len(parts) != 1 + len(given):
                parts, leaves = ONE, [tangents]
            names = tuple(tangents) if parts[0].kind == DICT else self.wrt
        self._lead_product(transform, bound, parts, leaves, names)
        return found

    def _lead_product(
        self, transform: str, bound: Sequence[Any], parts: Parts, leaves: Sequence[Any], names: Sequence[str]
    ) -> None:
        """Lead such calls straight to the kernel: with an argument of these parts before the others, in which the
        tangents of some inputs are, or the upstream gradient."""
        key = transform, arguments.ready_key(bound), arguments.ready_key(leaves), tuple(parts)
        if key in self._led or None in key:
            return
        self._led.add(key)
        prepared = self.prepare(bound)
        compilation = self.specialise(transform, prepared.types)[0]
        seeds = [node.name for node in compilation.adjoint.inputs[len(prepared.arrays) :]]
        by_input = dict(zip(self.wrt, seeds)) if names else {}
        self._lead(transform, transform, bound, first=parts, seeds=[by_input[name] for name in names] or seeds)

    def derivatives_at(self, order: Any, bound: Sequence[Any]) -> Any:
        if isinstance(order, bool) or not isinstance(order, (int, np.integer)) or not 0 <= order <= MAX_ORDER:
            raise Error("G0604", f"an order is a whole number from 0 to {MAX_ORDER}, not {order!r}")
        if len(self.wrt) != 1:
            raise Error(
                "G0402", f"derivatives of higher order are for one input, and here are {len(self.wrt)}",
                help='choose one, as in wrt="x"',
            )  # fmt: skip
        return np.stack([np.asarray(each) for each in self.run_with(f"derivatives{int(order)}", bound, [])])

    def value_and_jacobian_at(self, bound: Sequence[Any], compact: bool = False) -> tuple[Any, Gradients]:
        plan = matrices.plan(self, bound, "Jacobian", compact)
        if plan is None:
            (value,) = self.run("value", bound, {})
            blocks = self._jacobian_by_products(self.prepare(bound), np.shape(value))
        else:
            value, *given = self._run_plan(plan, bound, ("jacobian", "value_and_jacobian"))
            if plan.is_whole:
                return to_python(value), self._gradients(given)
            blocks = matrices.jacobian(plan, np.shape(value), given)
        return to_python(value), self._gradients(blocks if compact else map(matrices.full, blocks))

    def value_grad_and_hessian_at(
        self, bound: Sequence[Any], compact: bool = False
    ) -> tuple[Any, Gradients, Gradients]:
        plan = matrices.plan(self, bound, "Hessian", compact)
        if plan is not None:
            return self._square(plan, bound, compact, ("hessian", "value_grad_and_hessian"))
        value, *bars = self.run("value_and_grad", bound, {})
        return self._in_lines(value, bars, self._hessian_by_products(self.prepare(bound)), compact)

    def gauss_newton_at(self, bound: Sequence[Any], compact: bool = False) -> tuple[Any, Gradients, Gradients]:
        plan = matrices.plan(self, bound, "Gauss-Newton matrix", compact)
        if plan is not None:
            return self._square(plan, bound, compact, ("gauss_newton",))
        (value,) = self.run("value", bound, {})
        found = self._jacobian_by_products(self.prepare(bound), np.shape(value))
        return self._in_lines(value, *matrices.products(value, found), compact)

    def _run_plan(self, plan: matrices.MatrixPlan, bound: Sequence[Any], names: Sequence[str]) -> Sequence[Any]:
        """The outputs of a plan; where they are the matrix itself, calls like this one go straight to its kernel."""
        outputs = self.run(plan.transform, bound, {})
        key = plan.transform, arguments.ready_key(bound), tuple([np.shape(value) for value in bound])
        if plan.is_whole and key not in self._led and key[1] is not None:
            self._led.add(key)
            for name in names:
                self._lead(name, plan.transform, bound, is_sized=True)
        return outputs

    def sparse_gauss_newton_at(self, bound: Sequence[Any]) -> tuple[Any, Gradients, Any]:
        value, matrix = self.value_and_sparse_jacobian_at(bound)
        shapes = [x.shape for x in self.wrt_arrays(self.prepare(bound))]
        parts = np.split(matrix.T @ np.ravel(value), np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1])
        square = (matrix.T @ matrix).tocsr()
        square.sort_indices()
        return value, self._gradients(part.reshape(shape)[()] for part, shape in zip(parts, shapes)), square

    def value_grad_and_diagonal_at(self, bound: Sequence[Any]) -> tuple[Any, Gradients, Gradients]:
        prepared = self.prepare(bound)
        try:
            value, *rest = self.run_prepared("diagonal", prepared, [])
        except NoFamily:
            lines = self._hessian_by_products(prepared)
            value, *rest = self.run_prepared("value_and_grad", prepared, [])
            rest += [matrices.own_elements(line[k]) for k, line in enumerate(lines)]
        count = len(self.wrt)
        return to_python(value), self._gradients(rest[:count]), self._gradients(rest[count:])

    def _square(
        self, plan: matrices.MatrixPlan, bound: Sequence[Any], compact: bool, names: Sequence[str]
    ) -> tuple[Any, Gradients, Gradients]:
        """The value, gradients and a matrix of inputs by inputs."""
        outputs, count = self._run_plan(plan, bound, names), len(self.wrt)
        (value, *bars), rest = outputs[: 1 + count], outputs[1 + count :]
        if plan.is_whole:
            lines = [self._gradients(rest[k * count : (k + 1) * count]) for k in range(count)]
            return to_python(value), self._gradients(bars), self._gradients(lines)
        return self._in_lines(value, bars, matrices.hessian(plan, rest), compact)

    def _in_lines(
        self, value: Any, bars: Sequence[Any], lines: Sequence[Sequence[Compact]], compact: bool
    ) -> tuple[Any, Gradients, Gradients]:
        blocks = [self._gradients(line if compact else map(matrices.full, line)) for line in lines]
        return to_python(value), self._gradients(bars), self._gradients(blocks)

    def value_and_sparse_jacobian_at(self, bound: Sequence[Any]) -> tuple[Any, Any]:
        (value,), matrix = sparse.run(self, bound, "Jacobian")
        return to_python(value), matrix

    def value_grad_and_sparse_hessian_at(self, bound: Sequence[Any]) -> tuple[Any, Gradients, Any]:
        (value, *bars), matrix = sparse.run(self, bound, "Hessian")
        return to_python(value), self._gradients(bars), matrix

    def _jacobian_by_products(self, prepared: Arguments, shape: tuple[int, ...]) -> list[Compact]:
        """The blocks, one product with a unit vector at a time."""
        inputs = self.wrt_arrays(prepared)
        blocks = dense.jacobian(
            lambda upstream: self.run_prepared("vjp", prepared, [(arguments.UPSTREAM, upstream)]),
            lambda tangents: self.run_prepared("jvp", prepared, self._tangents(tuple(tangents)))[0],
            shape,
            inputs,
        )
        return [Compact(block, (), shape, x.shape) for block, x in zip(blocks, inputs)]

    def _hessian_by_products(self, prepared: Arguments) -> list[list[Compact]]:
        inputs = self.wrt_arrays(prepared)
        lines = dense.hessian(
            lambda tangents: self.run_prepared("hvp", prepared, self._tangents(tuple(tangents))), inputs
        )
        return [
            [Compact(block, (), x.shape, y.shape) for block, y in zip(line, inputs)] for line, x in zip(lines, inputs)
        ]

    def stage(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """What a stage that runs gives for these arguments: the value, from the adjoint on the gradients too."""
        prepared = self.prepare(self.bind(args, kwargs))
        compilation = self.specialiser.compilation(self.specialiser.all_results("value_and_grad"), prepared.types)
        try:
            outputs = RUNNABLE[name](compilation)(prepared.arrays, prepared.sizes(compilation.graph))
        except np.linalg.LinAlgError as error:
            raise no_answer(str(error)) from None
        count = len(self.results) or 1
        value = self._named(outputs[:count]) if self.results else to_python(outputs[0])
        return value if name in ("graph", "rewritten") else (value, self._gradients(outputs[count:]))

    # ------------------------------------------------------------ running

    def at_point(
        self, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Program, dict[str, Any], tuple[str, ...]]:
        """The program of a call, the values of its inputs, and those that derivatives are for."""
        return self.specialiser.program, dict(zip(self.inputs, self.bind(args, kwargs))) | self.data, self.wrt

    def suggested(self) -> Compilation | None:
        """What `shown` is; None where nothing suggests types yet."""
        return self.shown

    @cached_property
    def shown(self) -> Compilation:
        """Value and gradients for the types that declarations and the text suggest."""
        types = self.specialiser.default_types()
        transform = self.specialiser.all_results("value_and_grad")
        return self.specialiser.compilation(transform, types, self.specialiser.guess(types))

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """The arguments of a call in the order of the inputs."""
        return arguments.bind(self.inputs, args, kwargs)

    def run(self, transform: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Sequence[Any]:
        """The outputs for a call. Arguments like those of an earlier call go straight to its kernel."""
        given = args if not kwargs and len(args) == len(self.inputs) else self.bind(args, kwargs)
        key = transform, arguments.ready_key(given)
        ready = self._ready.get(key)
        if ready is not None:
            try:
                return ready(given, {})
            except (ValueError, IndexError, MemoryError):
                pass  # the long way says what does not fit
        result = self.run_with(transform, given, [])
        if key[1] is not None and self.engine in CHECKING_ENGINES:
            prepared = self.prepare(given)
            if prepared.is_as_passed(self._places, given):
                run = self.specialise(transform, prepared.types)[1]
                self._ready[key] = partial(run_filled, run, prepared.arrays, self._places) if self.data else run
                for name in DIRECT.get(transform, ()):
                    self._lead(name, transform, given)
        return result

    def _lead(self, name: str, transform: str, given: Sequence[Any], is_sized: bool = False, **seeds: Any) -> None:
        """Lead calls of a public function straight to a native kernel, where their arguments are as it reads them.
        `is_sized` says that it is for arrays of these sizes alone. Numbers are taken for Python's, as they do not say
        whether a call computes in float32."""
        if arguments.ready_key(given) is None or self.engine not in CHECKING_ENGINES:
            return
        prepared = self.prepare(given)
        numbers = [float(value) if type(value) is np.float64 else value for value in given]
        if not prepared.is_as_passed(self._places, given) or self.prepare(numbers).types != prepared.types:
            return
        run = self.specialise(transform, prepared.types)[1]
        if isinstance(run, NativeKernel):
            arrays = dict(zip(self.specialiser.inputs, prepared.arrays))
            data = {name: array for name, array in arrays.items() if name in self.data}
            shapes = {name: np.shape(arrays[name]) for name in self.inputs if is_sized and np.ndim(arrays[name])}
            for entrance in self.entrances:
                entrance.lead(name, run, data, shapes, **seeds)

    def run_with(self, transform: str, bound: Sequence[Any], extra: list[tuple[str, Any]]) -> Sequence[Any]:
        """The outputs of a compiled derivative; `extra` holds upstream or tangents, with names for messages."""
        for value in bound:
            if hasattr(type(value), "inlined"):  # a function that is being traced calls this one
                given = filled(self._filled, self._places, bound) if self.data else bound
                outputs: Sequence[Any] = value.inlined(self.specialiser, transform, given, [each for _, each in extra])
                return outputs
        return self.run_prepared(transform, self.prepare(bound), extra)

    def run_prepared(
        self, transform: str, prepared: Arguments, extra: list[tuple[str, Any]], reach: Reach = "checked"
    ) -> Sequence[Any]:
        compilation, run = self.specialise(transform, prepared.types, reach)
        if not extra and self.engine in CHECKING_ENGINES:
            try:
                return run(prepared.arrays, {})
            except (ValueError, IndexError, MemoryError):
                pass  # what follows says what does not fit
        sizes = prepared.sizes(compilation.graph, computed=False)
        added: list[Any] = []
        if extra:
            nodes = compilation.adjoint.inputs[len(prepared.arrays) :]
            added = [arguments.fit(name, value, node.type, sizes) for (name, value), node in zip(extra, nodes)]
        try:
            return run([*prepared.arrays, *added], sizes)
        except MemoryError:
            raise out_of_memory() from None
        except np.linalg.LinAlgError as error:
            raise no_answer(str(error)) from None
        except (ValueError, IndexError) as error:
            if isinstance(error, ValueError) and compilation.is_too_much(sizes):
                return self.run_prepared(transform, prepared, extra, "segments")
            prepared.sizes(compilation.graph)
            raise

    def prepare(self, bound: Sequence[Any]) -> Arguments:
        """The arguments of a call and the data that are bound, ready for a kernel, and their types."""
        return self.specialiser.prepare(filled(self._filled, self._places, bound) if self.data else bound)

    def specialise(self, transform: str, types: tuple[Type, ...], reach: Reach = "checked") -> tuple[Compilation, Run]:
        """The kernel for these types of the inputs, and its compilation, made once, whoever asks first."""
        key = transform, types, reach
        found = self._specialised.get(key)
        if found is None:
            with compiling, collector_paused():
                found = self._specialised.get(key)
                if found is None:
                    compilation = self.planned(transform, types, reach)
                    found = self._specialised[key] = compilation, ENGINES[self.engine](compilation)
        return found

    def planned(self, transform: str, types: tuple[Type, ...], reach: Reach = "checked") -> Compilation:
        """The compilation for these types of the inputs, made once: no kernel yet."""
        key = transform, types, reach
        found = self._planned.get(key)
        if found is None:
            found = self._planned.setdefault(key, self.specialiser.compilation(transform, types, None, reach))
        return found

    @cached_property
    def kernel(self) -> Any:
        """The functions for Numba code; None where inputs are bound."""
        if self.data:
            return None
        from gradc.runtime.jit import NumbaKernel

        return NumbaKernel(self.specialiser)

    # ------------------------------------------------------------ by name

    def _gradients(self, values: Iterable[Any]) -> Gradients:
        return tuple.__new__(
            self._gradients_type,
            [value if isinstance(value, (tuple, Compact)) else to_python(value) for value in values],
        )

    def wrt_arrays(self, prepared: Arguments) -> list[np.ndarray]:
        arrays = dict(zip(self.specialiser.inputs, prepared.arrays))
        return [np.asarray(arrays[name]) for name in self.wrt]

    def _tangents(self, tangents: Any) -> list[tuple[str, Any]]:
        if isinstance(tangents, Mapping):
            values = arguments.bind(self.wrt, (), tangents, "tangent")
        elif len(self.wrt) == 1 and not (isinstance(tangents, (tuple, list)) and len(tangents) == 1):
            values = [tangents]
        elif isinstance(tangents, Iterable) and not (isinstance(tangents, np.ndarray) and tangents.ndim == 0):
            values = arguments.bind(self.wrt, tuple(tangents), {}, "tangent")
        else:
            raise Error(
                "G0601", f"{len(self.wrt)} tangents expected, not one {type(tangents).__name__}",
                help=in_order(self.wrt),
            )  # fmt: skip
        return list(zip((f"the tangent of `{name}`" for name in self.wrt), values))


def filled(values: Sequence[Any], places: Sequence[int], given: Sequence[Any]) -> list[Any]:
    """The values with others in some places."""
    result = list(values)
    for k, value in zip(places, given):
        result[k] = value
    return result


def run_filled(
    run: Run, arrays: Sequence[Any], places: Sequence[int], given: Sequence[Any], sizes: dict[str, int]
) -> Sequence[Any]:
    """A run of a kernel for arguments beside which the others are known."""
    return run(filled(arrays, places, given), sizes)


HELP = {
    "singular": "its rows depend on each other: leave out those that others give, or add to the diagonal",
    "definite": "it has to be symmetric with positive eigenvalues: a small number added to the diagonal helps",
    "found": "look for elements that are out of all proportion: LAPACK gives up on few others",
}
"""What to do about a matrix, by the last word of what is wrong with it."""


def no_answer(message: str) -> Error:
    """The error for a matrix of which a program asks what it does not have."""
    return Error("G0609", message, help=HELP.get(message.rpartition(" ")[2], ""))
