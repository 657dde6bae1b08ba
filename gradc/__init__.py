"""gradc turns mathematics into compiled gradients: an expression in, a fused value-and-gradient kernel out.

>>> import gradc
>>> f = gradc.compile("(x + y) * z")
>>> value, grads = f.value_and_grad(x=-2.0, y=5.0, z=-4.0)
>>> value, grads
(-12.0, Gradients(x=-4.0, y=-4.0, z=3.0))
"""

from gradc import interop
from gradc.function import BoundFunction, Function, compile, function, lambdify
from gradc.language.diagnostics import Error
from gradc.native.threads import get_threads, set_threads
from gradc.own import NamedFunction, op
from gradc.runtime.matrices import Compact
from gradc.runtime.results import Gradients, Results
from gradc.show.trace import Trace, trace
from gradc.version import __version__ as __version__

__all__ = [
    "BoundFunction",
    "Compact",
    "Error",
    "Function",
    "Gradients",
    "NamedFunction",
    "Results",
    "Trace",
    "compile",
    "function",
    "get_threads",
    "interop",
    "lambdify",
    "op",
    "set_threads",
    "trace",
]
