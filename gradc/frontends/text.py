"""Programs in gradc's own language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from gradc.frontends.order import ordered
from gradc.frontends.resolve import resolve
from gradc.ir.graph import Node, size_node
from gradc.ir.types import Type
from gradc.language.diagnostics import Error
from gradc.language.parser import collector_paused, parse
from gradc.language.source import Source
from gradc.language.spelling import closest
from gradc.language.syntax import Assign, Definition, Unpack, names_in, results_of, target_of
from gradc.program import Elaborated

if TYPE_CHECKING:
    from gradc.construct.builder import GraphBuilder
    from gradc.construct.elaborate import Reading
    from gradc.construct.expressions import Evaluator
    from gradc.construct.functions import Builtin
    from gradc.program import OwnFunction


class TextProgram:
    """A program in gradc's language. Raises `Error`, with the place marked, if it is wrong."""

    def __init__(self, source: Source, functions: Iterable[OwnFunction] = ()):
        self.source = source
        self.functions = tuple(functions)
        self.own = _by_name(self.functions)
        with collector_paused():
            self.tree = parse(source)
            self.signature = resolve(self.tree, self.own)

    def in_order(self, inputs: str | Iterable[str]) -> Self:
        """The same program with its inputs in another order, as in `"t a b c"`. Raises `Error` for names that are
        missing, repeated or no inputs."""
        given = [target_of(each) for each in self.tree.statements if isinstance(each, (Assign, Unpack))]
        values = {name.id: name.span for target in given for name in names_in(target)}
        program = type(self).__new__(type(self))
        vars(program).update(vars(self), signature=ordered(self.signature, inputs, values))
        return program

    def of(self, result: str | int | None) -> Self:
        """The same program with derivatives of another one of its results. Raises `Error` for what is none."""
        if result is None:
            return self
        names = self.signature.results
        if isinstance(result, int) and not isinstance(result, bool) and 0 <= result < max(len(names), 1):
            place = result
        elif result in names:
            place = names.index(str(result))
        else:
            near = closest(str(result), names)
            raise Error(
                "G0604", f"of={result!r} is no result of the program",
                help=f"did you mean {near!r}?" if near else f"the results are {', '.join(names)}" if names else
                "a program has several results if it ends with a tuple, as in `(loss, accuracy)`",
            )  # fmt: skip
        program = type(self).__new__(type(self))
        vars(program).update(vars(self), signature=replace(self.signature, of=place))
        return program

    def __reduce__(self) -> tuple:
        return _rebuild, (self.source.text, self.source.name, self.signature.inputs, self.signature.of, self.functions)

    @property
    def text(self) -> str:
        return self.source.text

    @property
    def definitions(self) -> str:
        """What determines the program besides its text: the functions of its user's own."""
        return " ".join(f"{name}={builtin.name}" for name, builtin in self.own.items())

    @property
    def name(self) -> str | None:
        """What the function is called that the program is, if it is one."""
        return self.tree.function.name.id if self.tree.function is not None else None

    @property
    def syntax(self) -> str:
        """The program printed from its tree."""
        from gradc.language.unparse import unparse

        return unparse(self.tree)

    def elaborate(self, types: Mapping[str, Type]) -> Elaborated:
        """The graph for these types of the undeclared inputs."""
        from gradc.construct.elaborate import elaborate

        return elaborate(self.signature, types, self._read, lambda source: source is self.source)

    def _read(self, builder: GraphBuilder, inputs: dict[str, Node]) -> Reading:
        from gradc.construct.derivatives import Variables
        from gradc.construct.elaborate import Reading
        from gradc.construct.expressions import Evaluator
        from gradc.construct.functions import FUNCTIONS

        dtype = builder.float_dtype
        sizes = {name: size_node(name, dtype) for name in self.signature.sizes}
        variables = Variables(self._differentiated)
        if variables.names:
            from gradc.frontends.inner import derivatives

            builder.differentiate = derivatives(variables)
        builtins = FUNCTIONS | self.own if self.own else FUNCTIONS
        evaluator = Evaluator(builder, dtype, globals=sizes | inputs, builtins=builtins, variables=variables)
        for statement in self.tree.statements:
            match statement:
                case Definition():
                    evaluator.define(statement)
                case Assign() | Unpack():
                    evaluator.assign(statement)
        results = evaluator.written_out(self._results(evaluator))
        return Reading(
            results,
            evaluator.spans,
            {node: name for name, node in evaluator.globals.items() if isinstance(node, Node) and node.args},
        )

    @cached_property
    def _differentiated(self) -> frozenset[str]:
        """The names that derivatives inside the program are taken for."""
        from gradc.construct.derivatives import FUNCTIONS, differentiated

        return differentiated(self.tree) if any(name in self.text for name in FUNCTIONS) else frozenset()

    def _results(self, evaluator: Evaluator) -> tuple[Node, ...]:
        names, result = self.signature.results, self.tree.result
        if not names:
            return (evaluator.number(result),)
        value = evaluator.evaluate(result, evaluator.globals)
        assert isinstance(value, tuple)
        from gradc.construct.joined import number

        spans = [item.span for item in results_of(self.tree)] or [result.span] * len(names)
        return tuple(number(evaluator.builder, item, span) for item, span in zip(value, spans, strict=True))


def _by_name(functions: tuple[OwnFunction, ...]) -> dict[str, Builtin]:
    """Functions of a user's own by their names, checked."""
    found: dict[str, OwnFunction] = {}
    for each in functions:
        if not hasattr(each, "builtin"):
            raise Error(
                "G0604", f"`functions` takes what `gradc.op` makes, not {type(each).__name__}",
                help='as in `functions=[gradc.op("f(x) = ...")]`',
            )  # fmt: skip
        if found.setdefault(each.name, each) is not each:
            raise Error("G0305", f"two functions are called `{each.name}`", help="choose another name for one of them")
    return {name: each.builtin for name, each in found.items()}


def _rebuild(
    text: str, name: str, inputs: tuple[str, ...], of: int = 0, functions: tuple[OwnFunction, ...] = ()
) -> TextProgram:
    return TextProgram(Source(text, name), functions).in_order(inputs).of(of)
