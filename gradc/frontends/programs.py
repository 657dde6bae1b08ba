"""From what a user passes to a program."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from gradc.frontends.text import TextProgram
from gradc.language.diagnostics import Error
from gradc.language.source import Source
from gradc.program import OwnFunction, Program


def program_of(
    given: object, inputs: str | Iterable[str] | None = None, functions: Iterable[OwnFunction] = ()
) -> Program:
    """The program in what was passed to `compile`, `trace` or `check`: text, a SymPy expression, a Python function, or
    what is a program already; its inputs in the order of `inputs`."""
    if isinstance(functions, OwnFunction):
        functions = (functions,)
    if not isinstance(functions, Iterable):
        raise Error("G0604", "`functions` is a list of what `gradc.op` makes", help="as in `functions=[softstep]`")
    functions = tuple(functions)
    if functions and not isinstance(given, str):
        raise Error(
            "G0604", "`functions` is for programs as text", help="a Python function calls them by itself: leave it out"
        )  # fmt: skip
    program = TextProgram(Source(given), functions) if isinstance(given, str) else _program_of(given)
    if inputs is None:
        return program
    if not isinstance(program, TextProgram):
        raise Error(
            "G0604", "the inputs of a Python function are in the order of its parameters",
            help="leave `inputs` out, or write a function with another order that calls this one",
        )  # fmt: skip
    return program.in_order(inputs)


def result_of(program: Program, of: str | int | None) -> Program:
    """The program with derivatives of one of its results."""
    if of is None:
        return program
    if not isinstance(program, TextProgram):
        raise Error("G0604", "`of` is for programs as text, which may have several results", help="leave it out")
    return program.of(of)


def _program_of(given: object) -> Program:
    if isinstance(given, Program):
        return given
    sympy = sys.modules.get("sympy")  # whoever has an expression has imported it
    if sympy is not None and isinstance(given, sympy.Basic | sympy.MatrixBase):
        from gradc.frontends.sympy.program import program_of as program_of_sympy

        if type(given) is sympy.Lambda:
            from gradc.frontends.sympy.arguments import program_with

            return program_with(given.signature, given.expr)
        return program_of_sympy(given)
    if callable(given):
        from gradc.frontends.traced.program import PythonProgram

        return PythonProgram(given)
    raise Error("G0604", f"a program is a string, not {type(given).__name__}")
