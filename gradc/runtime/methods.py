"""The public methods of a function by name, in terms of what its calls give for arguments that are bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gradc.language.diagnostics import Error
from gradc.native import entry
from gradc.runtime.results import Gradients

MATRIX = "*args, compact=None, sparse=None, **kwargs"
SIGNATURES = {
    "value": "*args, out=None, **kwargs",
    "value_and_grad": "*args, out=None, **kwargs",
    "grad": "*args, out=None, **kwargs",
    "vjp": "upstream, /, *args, **kwargs",
    "jvp": "tangents, /, *args, **kwargs",
    "hvp": "tangents, /, *args, **kwargs",
    "jacobian": MATRIX,
    "value_and_jacobian": MATRIX,
    "hessian": "*args, compact=None, sparse=None, diagonal=None, **kwargs",
    "value_grad_and_hessian": "*args, compact=None, sparse=None, diagonal=None, **kwargs",
    "gauss_newton": MATRIX,
}
"""The parameters of the methods that a native kernel can answer alone."""


class Methods:
    """What calls of numbers and arrays, and those of Python functions, have in common."""

    inputs: tuple[str, ...]
    tables: dict[str, entry.Tables]
    """What leads to native kernels, by the name of the public function."""

    def short(self, name: str, doc: str = "") -> Callable[..., Any]:
        """What answers calls of a method: without Python code on the way where it can."""
        otherwise: Callable[..., Any] = getattr(self, name)
        if name not in self.tables:
            return otherwise
        parameters = SIGNATURES[name]
        self_and = f"($self, {parameters})" if "/" in parameters else f"($self, /, {parameters})"
        return entry.function(name, self.tables[name], otherwise, f"{name}{self_and}\n--\n\n{doc}")

    def vjp(self, upstream: Any, /, *args: Any, **kwargs: Any) -> Gradients:
        return self.vjp_at(upstream, self.bind(args, kwargs))

    def jvp(self, tangents: Any, /, *args: Any, **kwargs: Any) -> Any:
        return self.jvp_at(tangents, self.bind(args, kwargs))

    def hvp(self, tangents: Any, /, *args: Any, **kwargs: Any) -> Gradients:
        return self.hvp_at(tangents, self.bind(args, kwargs))

    def derivatives(self, order: Any, /, *args: Any, **kwargs: Any) -> Any:
        return self.derivatives_at(order, self.bind(args, kwargs))

    def jacobian(self, /, *args: Any, compact: Any = None, sparse: Any = None, **kwargs: Any) -> Any:
        return self.value_and_jacobian(*args, compact=compact, sparse=sparse, **kwargs)[1]

    def value_and_jacobian(
        self, /, *args: Any, compact: Any = None, sparse: Any = None, **kwargs: Any
    ) -> tuple[Any, Any]:
        kwargs, (is_compact, is_sparse) = self._options(args, kwargs, compact=compact, sparse=sparse)
        bound = self.bind(args, kwargs)
        return self.value_and_sparse_jacobian_at(bound) if is_sparse else self.value_and_jacobian_at(bound, is_compact)

    def hessian(
        self, /, *args: Any, compact: Any = None, sparse: Any = None, diagonal: Any = None, **kwargs: Any
    ) -> Any:
        return self.value_grad_and_hessian(*args, compact=compact, sparse=sparse, diagonal=diagonal, **kwargs)[2]

    def value_grad_and_hessian(
        self, /, *args: Any, compact: Any = None, sparse: Any = None, diagonal: Any = None, **kwargs: Any
    ) -> tuple[Any, Gradients, Any]:
        kwargs, (is_compact, is_sparse, is_diagonal) = self._options(
            args, kwargs, compact=compact, sparse=sparse, diagonal=diagonal
        )
        bound = self.bind(args, kwargs)
        if is_diagonal:
            return self.value_grad_and_diagonal_at(bound)
        if is_sparse:
            return self.value_grad_and_sparse_hessian_at(bound)
        return self.value_grad_and_hessian_at(bound, is_compact)

    def gauss_newton(
        self, /, *args: Any, compact: Any = None, sparse: Any = None, **kwargs: Any
    ) -> tuple[Any, Gradients, Any]:
        kwargs, (is_compact, is_sparse) = self._options(args, kwargs, compact=compact, sparse=sparse)
        bound = self.bind(args, kwargs)
        return self.sparse_gauss_newton_at(bound) if is_sparse else self.gauss_newton_at(bound, is_compact)

    def _options(
        self, args: Sequence[Any], kwargs: dict[str, Any], **options: Any
    ) -> tuple[dict[str, Any], tuple[bool, ...]]:
        """Our own keywords apart from inputs, which may have any name."""
        chosen = []
        for name, value in options.items():
            if value is not None and name in self.inputs[len(args) :]:
                kwargs, value = {**kwargs, name: value}, None
            chosen.append(bool(value))
        if sum(chosen) > 1:
            asked = " and ".join(f"`{name}`" for name, is_asked in zip(options, chosen) if is_asked)
            raise Error("G0601", f"{asked} are different forms of a matrix", help="ask for one of them")
        return kwargs, tuple(chosen)

    # ------------------------------------------------------------ for arguments that are bound

    bind: Callable[[Sequence[Any], Mapping[str, Any]], Any]
    vjp_at: Callable[[Any, Any], Gradients]
    jvp_at: Callable[[Any, Any], Any]
    hvp_at: Callable[[Any, Any], Gradients]
    derivatives_at: Callable[[Any, Any], Any]
    value_and_jacobian_at: Callable[[Any, bool], tuple[Any, Gradients]]
    value_and_sparse_jacobian_at: Callable[[Any], tuple[Any, Any]]
    value_grad_and_hessian_at: Callable[[Any, bool], tuple[Any, Gradients, Gradients]]
    value_grad_and_sparse_hessian_at: Callable[[Any], tuple[Any, Gradients, Any]]
    value_grad_and_diagonal_at: Callable[[Any], tuple[Any, Gradients, Gradients]]
    gauss_newton_at: Callable[[Any, bool], tuple[Any, Gradients, Gradients]]
    sparse_gauss_newton_at: Callable[[Any], tuple[Any, Gradients, Any]]
