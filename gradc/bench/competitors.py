"""Who is measured: a competitor is a name and a way to prepare a workload.

To add one, write `prepare` and call `register`. `prepare(workload, inputs)` returns a call without arguments
that computes value and gradients anew, waits until they are there, and returns NumPy arrays and numbers. Inputs
may be handed over in the competitor's own format beforehand; its results are converted only if that is free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

from gradc.bench import array_tape, scalar_tape
from gradc.bench.workload import Answer, Inputs, Workload
from gradc.function import compile as compile_program
from gradc.language.diagnostics import Error
from gradc.language.spelling import closest
from gradc.runtime.kernel import ENGINES

Call = Callable[[], Answer]


def _takes_all(workload: Workload, inputs: Inputs) -> str:
    return ""


@dataclass(frozen=True)
class Competitor:
    """`refuses` says why a workload is not tried, or nothing if it is; `modules` are imported before the clock starts;
    `is_ours` marks the engines of gradc, which the others are compared with;
    one that cannot take any program is left out of `gradc bench EXPR` unless it is named."""

    name: str
    prepare: Callable[[Workload, Inputs], Call]
    refuses: Callable[[Workload, Inputs], str] = _takes_all
    modules: tuple[str, ...] = ()
    is_ours: bool = False
    takes_any_program: bool = True

    def available(self) -> bool:
        """Whether everything it needs is installed."""
        return all(find_spec(module) is not None for module in self.modules)


# ---------------------------------------------------------------- NumPy by hand


def prepare_by_hand(workload: Workload, inputs: Inputs) -> Call:
    """The workload's hand-written function."""
    assert workload.by_hand is not None
    return partial(workload.by_hand, *inputs.values())


def refuses_by_hand(workload: Workload, inputs: Inputs) -> str:
    return "" if workload.by_hand else "nobody wrote this program by hand"


# ---------------------------------------------------------------- gradc


def prepare_engine(engine: str, workload: Workload, inputs: Inputs) -> Call:
    """gradc with one of its engines."""
    function = compile_program(workload.program, wrt=workload.wrt, engine=engine)
    values = tuple(inputs.values())
    return lambda: function.value_and_grad(*values)


ENGINE_MODULES = {"numba": ("numba",), "native": ("llvmlite.binding",)}
"""What an engine imports; the time for this is reported apart from the first call."""


def engines() -> Iterable[Competitor]:
    """gradc, once for each engine."""
    for name in ENGINES:
        yield Competitor(
            f"gradc-{name}", partial(prepare_engine, name), modules=ENGINE_MODULES.get(name, ()), is_ours=True
        )


# ---------------------------------------------------------------- the register

PEERS: dict[str, Competitor] = {}
"""The competitors that are not ours, by name."""


def register(competitor: Competitor) -> None:
    PEERS[competitor.name] = competitor


register(Competitor("numpy", prepare_by_hand, refuses_by_hand, takes_any_program=False))
register(Competitor("numpy-tape", array_tape.prepare, array_tape.refuses))
register(Competitor("naive", scalar_tape.prepare, scalar_tape.refuses))


def chosen(against: Iterable[str] = ()) -> list[Competitor]:
    """gradc's engines and the peers named; all installed peers where none is named.

    Raises `Error` G0604 for an unknown name, or one that is not installed.
    """
    names = tuple(dict.fromkeys(against))
    known = f"the competitors are {', '.join(PEERS)}; a checkout's `python -m bench --against all` runs JAX and others"
    for name in names:
        if name not in PEERS:
            near = closest(name, PEERS)
            raise Error(
                "G0604", f"there is no competitor `{name}`",
                help=f"did you mean `{near}`?" if near else known,
            )  # fmt: skip
        if not PEERS[name].available():
            missing = " ".join(PEERS[name].modules)
            raise Error("G0604", f"competitor `{name}` is not installed", help=f"it needs {missing}")
    peers = [PEERS[name] for name in names] if names else [peer for peer in PEERS.values() if peer.available()]
    return [*engines(), *peers]


def describe(error: BaseException) -> str:
    """One line for an exception."""
    text: Any = getattr(error, "message", None) or str(error)
    first = str(text).strip().splitlines()[0] if str(text).strip() else ""
    return f"{type(error).__name__}: {first}"[:120] if first else type(error).__name__
