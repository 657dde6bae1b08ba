"""The stages of a function as its user sees them: by name, printable, and callable where they compute something."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, overload

from gradc.compiler import STAGES, Compilation
from gradc.runtime.kernel import RUNNABLE

Runnable = Literal["graph", "rewritten", "adjoint", "derivative", "lowered", "loops", "python", "llvm"]
"""The keys of `RUNNABLE`, for type checkers."""


class Stage:
    """One stage of a program: `print(stage)` shows it."""

    def __init__(self, text: str):
        self.text = text

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


class RunnableStage(Stage):
    """A stage that takes the program's arguments, like the function itself; it is made again for their types.

    A graph is evaluated op by op. Before the adjoint it gives the value, from there on value and gradients.
    """

    def __init__(self, text: str, run: Callable[..., Any]):
        super().__init__(text)
        self.run = run

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self.run(*args, **kwargs)


class Stages(Mapping[str, Stage]):
    """The stages of value and gradients by name, in order. Attributes are those of the `Compilation`."""

    def __init__(self, compilation: Compilation, source: Callable[[], str], run: Callable[..., Any]):
        self._compilation = compilation
        self._source = source
        self._run = run

    @overload
    def __getitem__(self, name: Runnable) -> RunnableStage: ...
    @overload
    def __getitem__(self, name: str) -> Stage: ...
    def __getitem__(self, name: str) -> Stage:
        if name not in STAGES:
            raise KeyError(f"{name!r}; the stages are {', '.join(STAGES)}")
        text = self._source() if name == "python" else self._compilation.stage_text(name)
        if name not in RUNNABLE:
            return Stage(text)
        return RunnableStage(text, lambda *args, **kwargs: self._run(name, args, kwargs))

    def __iter__(self) -> Iterator[str]:
        return iter(STAGES)

    def __len__(self) -> int:
        return len(STAGES)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._compilation, name)

    def __repr__(self) -> str:
        return f"<stages of {' '.join(self._compilation.program.text.split())[:60]!r}: {', '.join(STAGES)}>"
