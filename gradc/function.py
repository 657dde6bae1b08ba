"""`Function`: what `gradc.compile` returns, with the public derivatives, and what `bind` makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import Signature as CallSignature
from inspect import getdoc
from threading import local
from typing import Any, Protocol, cast, overload

from gradc.compiler import Compilation
from gradc.frontends.programs import program_of, result_of
from gradc.ir.memory import bytes_of
from gradc.ir.types import Type
from gradc.language.diagnostics import Error
from gradc.language.spelling import closest
from gradc.program import FromFunction, Guess, OwnFunction, Program, Signature
from gradc.runtime.arguments import MAX_LISTED, listed
from gradc.runtime.calls import Calls
from gradc.runtime.inside_numba import announce
from gradc.runtime.kernel import ENGINES
from gradc.runtime.results import Gradients
from gradc.runtime.specialise import Specialiser
from gradc.runtime.stages import Stages
from gradc.show.trace import Trace, trace_at

announce()

MAX_SHOWN_TEXT = 2_000
"""How much of a long program `help` shows."""


def compile(
    program: str | Program | Callable[..., Any],
    /,
    *,
    inputs: str | Iterable[str] | None = None,
    wrt: str | Iterable[str] | None = None,
    engine: str | None = None,
    fast_math: bool = False,
    memory: int | str | None = None,
    of: str | int | None = None,
    functions: Iterable[OwnFunction] = (),
) -> Function:
    """A function with derivatives from a program in gradc's language, a SymPy expression or a Python function.

    program: text such as `"(x + y) * z"` or `"h = max(0, x); sum(h**2)"`; its free names are the inputs. Or a SymPy
        expression, whose free symbols are the inputs, in the order of their names. Or a Python
        function that computes with NumPy and `scipy.special`: it is called with stand-ins for its arguments, once for
        each kind of them, and what it does becomes the program. Arguments may be lists, tuples and dicts of arrays.
    inputs: the order of positional arguments, as `"t a b c"` or a sequence; by default that in which they appear in
        the program. It may name more than the program uses.
    wrt: the inputs to differentiate, as `"a b c"`, `"a, b, c"` or a sequence; by default every float input.
    engine: `"native"` compiles machine code at the first call for each kind of argument, `"numba"` has Numba compile
        the emitted Python, `"interpreter"` evaluates with NumPy and compiles nothing; by default `"native"`.
    fast_math: also apply the rules that are false for infinities, NaN and signed zeros, such as `x * 0 -> 0`.
    memory: what the gradient of a loop may take for what it keeps of the steps, as `"64 MiB"` or a number of bytes; by
        default 256 MiB. Of longer loops it keeps the states of some steps, and computes the others again.
    of: which result to differentiate, by its name or its place, of a program that ends with several, as in
        `(loss, accuracy)`; by default the first one. `f(...)` returns all of them by name.
    functions: functions of your own that a program as text may call, made by `gradc.op`.

    Raises `gradc.Error`, with the place marked, if the program is wrong.

    >>> f = gradc.compile("(x + y) * z")
    >>> f.inputs
    ('x', 'y', 'z')
    >>> compile("a*exp(-b*t) + c", inputs="t a b c").inputs
    ('t', 'a', 'b', 'c')
    """
    chosen = result_of(program_of(program, inputs, functions), of)
    return Function(chosen, wrt=wrt, engine=engine, fast_math=fast_math, memory=memory)


@overload
def function(definition: Callable[..., Any], /) -> Function: ...
@overload
def function(
    *,
    wrt: str | Iterable[str] | None = None,
    engine: str | None = None,
    fast_math: bool = False,
    memory: int | str | None = None,
) -> Callable[[Callable[..., Any]], Function]: ...
def function(definition: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """A decorator: the function with derivatives, as `compile` makes it, with the same options.

    >>> import numpy as np
    >>> @gradc.function
    ... def loss(w, x, y):
    ...     return np.mean((x @ w - y) ** 2)
    >>> loss.grad(np.array([1.0, 2.0]), np.array([[3.0, 1.0]]), np.array([4.0])).w
    array([6., 2.])
    """
    if definition is None:
        return lambda definition: compile(definition, **options)
    return compile(definition, **options)


def lambdify(
    args: Any,
    expr: Any,
    modules: str | Sequence[str] | None = None,
    printer: Any = None,
    use_imps: bool = True,
    dummify: bool = False,
    cse: bool = False,
    docstring_limit: int | None = 1000,
    *,
    wrt: str | Iterable[str] | None = None,
    engine: str | None = None,
    fast_math: bool = False,
) -> Function:
    """SymPy's `lambdify`, with derivatives: a function of `args` that computes `expr`.

    args: a symbol, or a list of them; functions like x(t), their derivatives, elements, `IndexedBase` and
        `MatrixSymbol` are symbols too. A list or a matrix among them is one argument, an array of its symbols.
    expr: an expression, a matrix, or a list of expressions, whose values are the elements of an array.
    modules: None, `"numpy"` or `"scipy"`, which mean the same here.
    printer: None; gradc has its own.
    use_imps, dummify, cse, docstring_limit: as in SymPy; common parts are always computed once.
    wrt, engine, fast_math: as in `compile`.

    Raises `gradc.Error` for what cannot be taken, with the sub-expression.

    >>> from sympy import symbols, sin
    >>> x, y = symbols("x y")
    >>> f = gradc.lambdify([x, y], x**2 * sin(y))
    >>> f(3.0, 0.0), f.grad(3.0, 0.0)
    (0.0, Gradients(x=0.0, y=9.0))
    """
    from gradc.frontends.sympy.arguments import program_with, reject_modules

    reject_modules(modules, printer)
    return Function(program_with(args, expr), wrt=wrt, engine=engine, fast_math=fast_math)


class KernelFunctions(Protocol):
    """What `Function.kernel` holds: Numba functions of the program's inputs."""

    value: Callable[..., Any]
    value_and_grad: Callable[..., tuple[Any, tuple[Any, ...]]]
    grad: Callable[..., tuple[Any, ...]]
    vjp: Callable[..., tuple[Any, ...]]
    jvp: Callable[..., Any]
    hvp: Callable[..., tuple[Any, ...]]


class Differentiable:
    """What can be called and differentiated.

    Arguments go by position, in the order of `inputs`, or by name. They broadcast as in NumPy and are never
    modified. Floats compute in float64, or in float32 where every array is float32; integers and booleans are
    taken as float64. For a result that is an array, `grad` and `value_and_grad` differentiate its sum.

    Calls raise `Error` for arguments that do not fit, and G0503 where arrays need more memory than there is.

    `out` takes results into the caller's own NumPy arrays, which have the result's shape and element type; numbers
    need an array without axes, such as `np.empty(())` or `g[0, ...]`. They may be arguments of the same call. Raises
    `Error` G0606, and writes nothing, where an array does not fit, is read-only or has elements in common with
    another one. Where the program has an input `out`, the keyword is that input's, unless it is given by position.
    """

    def __init__(self, calls: Calls):
        self._calls = calls
        self._forward = local()
        self._explain()

    # ------------------------------------------------------------ what it is

    @property
    def program(self) -> Program:
        """The program, as its front end gives it."""
        return self._calls.specialiser.program

    @property
    def text(self) -> str:
        """The program's text."""
        return self.program.text

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs, in the order of positional arguments."""
        return self._calls.inputs

    @property
    def wrt(self) -> tuple[str, ...]:
        """The inputs that derivatives are taken for."""
        return self._calls.wrt

    @property
    def engine(self) -> str:
        """How calls are computed: the name of the engine."""
        return self._calls.engine

    def __repr__(self) -> str:
        text = " ".join(self.text[:1000].split())
        shown = text if len(text) <= 60 else text[:57] + "..."
        bound = f" with {listed(tuple(self._calls.data))} bound" if self._calls.data else ""
        return f"<gradc function of {listed(self.inputs) or 'nothing'}{bound}: {shown}>"

    def bind(self, /, **data: Any) -> BoundFunction:
        """The function of the other inputs, for data that stay the same.

        Data are checked, converted and copied here, once: later changes of an array do not matter, and calls do not
        look at them again. Derivatives are those for the other inputs in `wrt`. Raises `Error` as a call would, for
        sizes of data that do not fit together too.

        >>> f = gradc.compile("sum((y - a*t)**2)").bind(t=[1.0, 2.0], y=[2.0, 4.5])
        >>> f.inputs, f.value_and_grad(2.0)
        (('a',), (0.25, Gradients(a=-2.0)))
        """
        return BoundFunction(self._calls.bind_data(data))

    def _explain(self) -> None:
        """The name that other libraries ask a function for, and the docstring that `help(f)` shows."""
        self.__name__ = self.__qualname__ = str(getattr(self.program, "name", None) or "function")
        text = self.text if len(self.text) <= MAX_SHOWN_TEXT else self.text[:MAX_SHOWN_TEXT] + "..."
        declared = self.program.signature.declared
        inputs = [f"{name}: {declared[name]}" if name in declared else name for name in self.inputs]
        bound = f"\nBound: {listed(tuple(self._calls.data))}." if self._calls.data else ""
        call = ", ".join(self.inputs) if len(self.inputs) <= MAX_LISTED else "..."
        self.__doc__ = f"""{text}

Inputs: {listed(inputs) or "none"}.{bound}
Derivatives for: {listed(self.wrt) or "none"}.

f({call})                 the value; arguments by position or by name, numbers or arrays that broadcast
f.value_and_grad({call})  the value and its gradients
f.grad, f.forward, f.backward, f.vjp, f.jvp, f.hvp, f.jacobian, f.hessian, f.derivatives: see help(gradc.Function)
"""

    @property
    def __signature__(self) -> CallSignature:
        """The inputs as parameters; those that Python reserves, such as `lambda`, go by position or `**{...}`."""
        return self._calls.call_signature

    def trace(self, /, *args: Any, **kwargs: Any) -> Trace:
        """Every gate of the program as written, at one point: its value, its local gradients, what flows back.

        `print` shows the table, `trace.svg()` and notebooks the picture, and `trace.save("graph.png")` writes it.

        >>> gradc.compile("(x + y) * z").trace(-2.0, 5.0, -4.0)
        <trace of 2 gates: value -12>
        """
        return trace_at(*self._calls.at_point(args, kwargs))

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        """What notebooks show: the graph, the text, and the formula in LaTeX."""
        from gradc.show.notebook import of_function

        return of_function(self, self._calls.suggested)

    # ------------------------------------------------------------ values and gradients

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """The value: a float, or an array of the shape that NumPy broadcasting gives.

        out: an array that takes the value and is returned.
        """
        if self._value is not None:
            return self._value(*args, **kwargs)
        return self._answer("value", args, kwargs, "_value")

    _value: Callable[..., Any] | None = None
    """What answers calls from the first one on that a native kernel can answer alone."""

    def value_and_grad(self, /, *args: Any, out: Any = None, **kwargs: Any) -> tuple[Any, Gradients]:
        """The value, and its gradients as a named tuple in the order of `wrt`, each shaped like its input.

        out: arrays that take the gradients and are returned in their place, as a sequence in the order of `wrt` with
            None for those that are to be new, as a mapping by name, or as one array for one gradient; or a pair of
            an array for the value and such arrays for the gradients.

        >>> import numpy as np
        >>> x, x_bar = np.array([1.0, 2.0]), np.empty(2)
        >>> value, grads = gradc.compile("sum(x**2) * a").value_and_grad(x, 3.0, out={"x": x_bar})
        >>> x_bar, grads.x is x_bar, grads.a
        (array([ 6., 12.]), True, 5.0)
        """
        kwargs = kwargs if out is None else {**kwargs, "out": out}
        found: tuple[Any, Gradients] = self._answer("value_and_grad", args, kwargs)
        return found

    def grad(self, /, *args: Any, out: Any = None, **kwargs: Any) -> Gradients:
        """The gradients alone.

        out: arrays that take them, as in `value_and_grad`.
        """
        kwargs = kwargs if out is None else {**kwargs, "out": out}
        found: Gradients = self._answer("grad", args, kwargs)
        return found

    def _answer(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], attribute: str = "") -> Any:
        """What `Calls` gives. From the second call of a native kernel on, its entry takes the place of the method;
        whoever kept the method before comes here."""
        attribute = attribute or name
        short = self.__dict__.get(attribute)
        if short is None:
            if name not in self._calls.tables:
                return getattr(self._calls, name)(*args, **kwargs)
            short = self._calls.short(name, getdoc(getattr(Differentiable, name, None)) or "")
            self.__dict__[attribute] = short
        return short(*args, **kwargs)

    def forward(self, /, *args: Any, **kwargs: Any) -> Any:
        """The value; a copy of the arguments is kept for `backward`, one in each thread."""
        bound = self._calls.bind(args, kwargs)
        value = self._calls.value_at(bound)
        self._forward.bound = self._calls.kept(bound)
        return value

    def backward(self, upstream: Any = 1.0) -> Gradients:
        """The gradients at the arguments of the last `forward`, for an upstream gradient of the result's shape
        (or one that broadcasts to it). Raises `Error` G0605 if there was no `forward`."""
        bound = getattr(self._forward, "bound", None)
        if bound is None:
            raise Error("G0605", "backward was called before forward", help="call f.forward(...) first")
        return self._calls.vjp_at(upstream, bound)

    # ------------------------------------------------------------ products with vectors

    def vjp(self, upstream: Any, /, *args: Any, **kwargs: Any) -> Gradients:
        """The vector-Jacobian product: gradients of `sum(upstream * value)`, shaped like the inputs.

        upstream: of the result's shape, or broadcasting to it.
        """
        found: Gradients = self._answer("vjp", (upstream, *args), kwargs)
        return found

    def jvp(self, tangents: Any, /, *args: Any, **kwargs: Any) -> Any:
        """The Jacobian-vector product: the derivative of the value along `tangents`, shaped like the value.

        tangents: one for each input in `wrt`, as a sequence or a mapping by name; each of its input's shape,
            or broadcasting to it.
        """
        return self._answer("jvp", (tangents, *args), kwargs)

    def hvp(self, tangents: Any, /, *args: Any, **kwargs: Any) -> Gradients:
        """The Hessian-vector product: the derivative of `grad` along `tangents` (as in `jvp`)."""
        found: Gradients = self._answer("hvp", (tangents, *args), kwargs)
        return found

    def derivatives(self, order: int, /, *args: Any, **kwargs: Any) -> Any:
        """The value and its derivatives for one number: an array whose element k is the k-th derivative.

        order: that of the last one, from 0 to 30. By Taylor coefficients, at a cost that grows with its square.

        The first axis is that of the orders, the others are the value's. `wrt` has to name one input. Where that is an
        array, the derivatives are along ones: of an elementwise program those at every element. Raises `Error` G0402
        for several inputs, G0604 for another order.

        >>> gradc.compile("exp(2*x)").derivatives(3, 0.0)
        array([1., 2., 4., 8.])
        """
        return self._calls.derivatives(order, *args, **kwargs)

    # ------------------------------------------------------------ dense matrices

    @overload
    def jacobian(self, /, *args: Any, compact: Any = None, sparse: None = None, **kwargs: Any) -> Gradients: ...
    @overload
    def jacobian(self, /, *args: Any, compact: Any = None, sparse: Any, **kwargs: Any) -> Any: ...
    def jacobian(self, /, *args: Any, compact: bool | None = None, sparse: bool | None = None, **kwargs: Any) -> Any:
        """The Jacobian: `jacobian(...)["a"]` has the result's shape followed by a's.

        compact: whether blocks are `Compact`: without the zeros where an element of the result depends only on the
            element of the input with the same index, as in elementwise programs.
        sparse: whether it is one SciPy array in CSR format instead, a `scipy.sparse.csr_array`: a row for each element
            of the result in C order, a column for each element of the inputs in `wrt`, one after the other, each in
            C order. It has an entry wherever an element of the result depends on one of the inputs, whatever its value.

        All of it is one kernel: a sweep forwards for all elements of the inputs, or backwards for all elements of the
        result, whichever are fewer. A sparse one takes one sweep for each group of columns, or rows, without common
        entries; pattern and groups are kept for the next call with the same shapes and indices.

        Where the program has an input `compact` or `sparse`, the keyword is that input's.

        Raises `Error` G0503 where it would have more than 2**27 elements.

        >>> import numpy as np
        >>> gradc.compile("x[1:] * x[:-1]").jacobian(np.arange(4.0), sparse=True).toarray()
        array([[1., 0., 0., 0.],
               [0., 2., 1., 0.],
               [0., 0., 3., 2.]])
        """
        return self._answer("jacobian", args, _chosen_options(kwargs, compact=compact, sparse=sparse))

    def value_and_jacobian(
        self, /, *args: Any, compact: bool | None = None, sparse: bool | None = None, **kwargs: Any
    ) -> tuple[Any, Any]:
        """The value and the Jacobian, as `jacobian` gives it, from one kernel.

        Raises `Error` as `jacobian` does.

        >>> gradc.compile("x * y").value_and_jacobian(3.0, 5.0)
        (15.0, Gradients(x=5.0, y=3.0))
        """
        kwargs = _chosen_options(kwargs, compact=compact, sparse=sparse)
        found: tuple[Any, Any] = self._answer("value_and_jacobian", args, kwargs)
        return found

    @overload
    def hessian(
        self, /, *args: Any, compact: Any = None, sparse: None = None, diagonal: Any = None, **kwargs: Any
    ) -> Gradients: ...
    @overload
    def hessian(self, /, *args: Any, compact: Any = None, sparse: Any, diagonal: Any = None, **kwargs: Any) -> Any: ...
    def hessian(
        self,
        /,
        *args: Any,
        compact: bool | None = None,
        sparse: bool | None = None,
        diagonal: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """The Hessian: `hessian(...)["a"]["b"]` has a's shape followed by b's. Of an array, that of its sum.

        compact: whether blocks are `Compact`, as in `jacobian`: that of `sum(exp(x))` is a diagonal.
        sparse: whether it is one SciPy array in CSR format instead, with rows and columns in the order that the columns
            of `jacobian` have.
        diagonal: whether it is only the second derivative with respect to each element, shaped like the inputs.

        Where the program has an input with the name of a keyword, the keyword is that input's. Raises `Error` G0503
        where it would have more than 2**27 elements, G0601 where two of these forms are asked for.

        >>> import numpy as np
        >>> gradc.compile("sum(x**3) * y").hessian(np.array([1.0, 2.0]), 5.0, diagonal=True)
        Gradients(x=array([30., 60.]), y=0.0)
        """
        kwargs = _chosen_options(kwargs, compact=compact, sparse=sparse, diagonal=diagonal)
        return self._answer("hessian", args, kwargs)

    def value_grad_and_hessian(
        self,
        /,
        *args: Any,
        compact: bool | None = None,
        sparse: bool | None = None,
        diagonal: bool | None = None,
        **kwargs: Any,
    ) -> tuple[Any, Gradients, Any]:
        """The value, the gradients and the Hessian, as `hessian` gives it, from one kernel. Raises `Error` as `hessian`
        does.

        >>> gradc.compile("x**2 * y").value_grad_and_hessian(3.0, 5.0)[0:2]
        (45.0, Gradients(x=30.0, y=9.0))
        """
        kwargs = _chosen_options(kwargs, compact=compact, sparse=sparse, diagonal=diagonal)
        found: tuple[Any, Gradients, Any] = self._answer("value_grad_and_hessian", args, kwargs)
        return found

    def gauss_newton(
        self, /, *args: Any, compact: bool | None = None, sparse: bool | None = None, **kwargs: Any
    ) -> tuple[Any, Gradients, Any]:
        """For residuals r with the Jacobian J: r, the gradients `J.T @ r` of half the sum of squares, and `J.T @ J`,
        which stands for its Hessian in the Gauss-Newton method; the matrix has the form of `hessian`.

        compact, sparse: as in `hessian`. All of it is one kernel; where it is sparse, r and J come from the kernel and
        SciPy multiplies them. Raises `Error` as `hessian` does.

        >>> import numpy as np
        >>> f = gradc.compile("a*t - y", wrt="a")
        >>> f.gauss_newton(2.0, np.array([1.0, 2.0]), np.array([2.0, 5.0]))
        (array([ 0., -1.]), Gradients(a=-2.0), Gradients(a=Gradients(a=5.0)))
        """
        kwargs = _chosen_options(kwargs, compact=compact, sparse=sparse)
        found: tuple[Any, Gradients, Any] = self._answer("gauss_newton", args, kwargs)
        return found


class Function(Differentiable):
    """A program that can be called and differentiated: what `compile` returns."""

    def __init__(
        self,
        program: Program,
        *,
        wrt: str | Iterable[str] | None = None,
        engine: str | None = None,
        fast_math: bool = False,
        memory: int | str | None = None,
    ):
        names = None if wrt is None else _names(wrt)
        if names is not None and isinstance(program, FromFunction):
            program = program.with_inputs(names)
        most = None if memory is None else bytes_of(memory)
        specialiser = Specialiser(program, _chosen(names, program.signature), bool(fast_math), most)
        super().__init__(_calls(specialiser, _engine(engine)))
        wrapped = getattr(program, "function", None)
        if wrapped is not None:
            self.__name__ = getattr(wrapped, "__name__", type(wrapped).__name__)
            self.__qualname__ = getattr(wrapped, "__qualname__", self.__name__)
            self.__module__ = getattr(wrapped, "__module__", None) or __name__
            self.__doc__ = f"{getdoc(wrapped) or ''}\n\n{self.__doc__}".strip()
            self.__wrapped__ = wrapped

    def __reduce__(self) -> tuple[Any, ...]:
        specialiser = self._calls.specialiser
        return _rebuild, (self.program, self.wrt, self.engine, specialiser.fast_math, specialiser.memory)

    # ------------------------------------------------------------ inside Numba code

    @property
    def kernel(self) -> KernelFunctions:
        """Numba functions for use inside `@njit` code: `value(...)`, `value_and_grad(...)`, which returns
        `(value, (x_bar, y_bar, ...))`, `grad`, `vjp`, `jvp` and `hvp`. The function itself can be called there too, and
        has them as attributes."""
        kernel: KernelFunctions = self._calls.kernel
        return kernel

    @property
    def _numba_type_(self) -> Any:
        from gradc.runtime.jit import FunctionType

        return FunctionType(self.kernel)

    # ------------------------------------------------------------ stages

    @property
    def stages(self) -> Stages:
        """Every stage of value and gradients by name, for the types that declarations and the text suggest; of a
        Python function, for the arguments that came last.

        >>> f = gradc.compile("(x + y) * z")
        >>> ", ".join(f.stages)
        'syntax, graph, rewritten, adjoint, derivative, lowered, schedule, loops, python, llvm, asm'
        >>> print(f.stages["syntax"])
        (x + y) * z
        <BLANKLINE>
        >>> f.stages["derivative"](x=-2.0, y=5.0, z=-4.0)  # graphs run, on NumPy
        (-12.0, Gradients(x=-4.0, y=-4.0, z=3.0))
        """
        return Stages(self._calls.example().shown, self.source_for, self._calls.stage)

    def sympy(self) -> Any:
        """The program as a SymPy expression, for the types that declarations and the text suggest.

        Inputs are symbols of their names, or the ones that the program was made of. Reductions are sums and products
        over indices that count from 0. A result with axes is a `Matrix`, an `Array`, a `MatrixExpr` or an
        `ArrayComprehension`. Raises `Error` G0902 for what SymPy has no expression for.

        >>> gradc.compile("sum((y - a*t)**2)", wrt="a").sympy()
        Sum((-a*t[i] + y[i])**2, (i, 0, n - 1))
        """
        from gradc.frontends.sympy.writer import expression_of

        return expression_of(self.stages.graph, getattr(self.program, "symbols", {}))

    def latex(self) -> str:
        """The program as LaTeX, in the way of SymPy.

        >>> print(gradc.compile("1/(1+exp(-x))").latex())
        \\frac{1}{1 + e^{- x}}
        """
        from gradc.frontends.sympy.writer import latex_of

        return latex_of(self.sympy())

    def stages_for(self, types: Sequence[Type]) -> Compilation:
        """Every stage for these types of the inputs, in order."""
        specialiser = self._calls.specialiser
        return specialiser.compilation(specialiser.all_results("value_and_grad"), types)

    @property
    def source(self) -> str:
        """The Python module with `value` and `value_and_grad`, for the types that declarations and the text suggest;
        it needs numpy and numba only, and scipy for functions that SciPy computes (its first lines say so)."""
        return self.source_for()

    @property
    def types(self) -> dict[str, Type]:
        """The types of the inputs where no arguments tell them: declared, or guessed from how the program uses them.

        >>> {name: str(type) for name, type in gradc.compile("W @ x + b").types.items()}
        {'W': 'f64[n, m]', 'x': 'f64[m]', 'b': 'f64[n]'}
        """
        return dict(self._calls.example().shown.types)

    @property
    def guess(self) -> Guess:
        """Those of `types` that are not declared."""
        return self._calls.example().shown.guess

    def source_for(self, types: Sequence[Type] | None = None, *, cache: bool = True) -> str:
        """The Python module for these types of the inputs, in order; by default those of `source`.

        cache: whether Numba keeps the module's machine code on disk, beside it or in the user's cache directory.
        """
        if types is not None:
            return self._calls.specialiser.source(types, cache=cache)
        example = self._calls.example()
        return example.specialiser.source(tuple(example.shown.types.values()), example.shown.guess, cache=cache)


class BoundFunction(Differentiable):
    """A function some of whose inputs are bound to data: what `Function.bind` returns."""

    @property
    def data(self) -> dict[str, Any]:
        """The data by name: read-only arrays in the element type that kernels read, and numbers."""
        return dict(self._calls.data)

    def __reduce__(self) -> tuple[Any, ...]:
        return BoundFunction, (self._calls,)


def _calls(specialiser: Specialiser, engine: str) -> Calls:
    """The calls of a program: those of a Python function may have arguments with parts."""
    if not isinstance(specialiser.program, FromFunction):
        return Calls(specialiser, engine)
    from gradc.runtime.traced import TracedCalls

    return cast(Calls, TracedCalls(specialiser, engine))


def _chosen_options(kwargs: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The keywords of a call, with those of our own that are given."""
    return kwargs | {name: value for name, value in options.items() if value is not None}


def _names(wrt: str | Iterable[str]) -> list[str]:
    """The names in `wrt`."""
    if not isinstance(wrt, Iterable):
        raise Error(
            "G0604", f"wrt takes the names of inputs, not {type(wrt).__name__}",
            help='as in wrt="x y" or wrt=["x", "y"]',
        )  # fmt: skip
    return wrt.replace(",", " ").split() if isinstance(wrt, str) else list(wrt)


def _chosen(names: list[str] | None, signature: Signature) -> tuple[str, ...]:
    """The inputs to differentiate, checked."""
    differentiable = tuple(filter(signature.is_float, signature.inputs))
    if names is None:
        return differentiable
    known = set(signature.inputs)
    chosen: dict[str, None] = {}
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise _no_input(str(name), signature.inputs)
        if name not in differentiable:
            what = f"declared {signature.declared[name]}" if name in signature.declared else "an array of indices"
            raise Error("G0402", f"wrt names `{name}`, which is {what}: only floats have a gradient")
        if name in chosen:
            raise Error("G0402", f"wrt names `{name}` twice")
        chosen[name] = None
    return tuple(chosen)


def _no_input(name: str, inputs: tuple[str, ...]) -> Error:
    """The error for a name in `wrt` that is not an input's."""
    whose = "of the program" if inputs else "of a program without inputs"
    near = closest(name, inputs)
    help = f"did you mean `{near}`?" if near else f"the inputs are {listed(inputs)}" if inputs else None
    return Error("G0402", f"wrt names `{name}`, which is not an input {whose}", help=help)


def _engine(name: str | None) -> str:
    """The engine of that name; the first of the table for None."""
    if name is None:
        return next(iter(ENGINES))
    if name in tuple(ENGINES):
        return name
    near = closest(str(name), ENGINES)
    raise Error(
        "G0604", f"there is no engine {name!r}",
        help=f"did you mean {near!r}?" if near else f"the engines are {', '.join(ENGINES)}",
    )  # fmt: skip


def _rebuild(
    program: Program, wrt: tuple[str, ...], engine: str, fast_math: bool, memory: int | None = None
) -> Function:
    return Function(program, wrt=wrt, engine=engine, fast_math=fast_math, memory=memory)
