"""docs/api.md, written from the docstrings of everything public."""

import inspect
import re
from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from inspect import Parameter
from textwrap import fill
from types import FunctionType

import gradc
from gradc.interop import NEIGHBOURS as KNOWN

HEAD = """# The API

Everything public, from its docstrings (`pytest --update tests/pages` writes this page). The
[README](../README.md), [howto.md](howto.md) and [examples.md](examples.md) show how it is used. Arrays are NumPy's;
whatever can go wrong raises `gradc.Error`, whose codes are explained in [errors.md](errors.md).

{contents}

{sections}"""
NEIGHBOURS = [name for name in KNOWN if find_spec(f"gradc.interop.{name}")]
FIRST = ("compile", "function", "lambdify", "trace", "Function", "BoundFunction", "Gradients", "Compact", "Trace",
         "Error")  # fmt: skip
"""What the page begins with."""
PARAMETER = re.compile(r"^(?P<names>\w+(?:, \w+)*): (?P<words>.*)", re.S)


def names() -> list[str]:
    public = [name for name in gradc.__all__ if name != "interop"]
    return [*(name for name in FIRST if name in public), *sorted(set(public) - set(FIRST))]


def page() -> str:
    shown: dict[object, str] = {}
    sections = [section(f"gradc.{name}", getattr(gradc, name), shown) for name in names()]
    for neighbour in NEIGHBOURS:
        module = import_module(f"gradc.interop.{neighbour}")
        public = dict(members_of(module))
        functions = [name for name, value in public.items() if not inspect.isclass(value)]
        sections.append(f"## gradc.interop.{neighbour}\n\n{markdown(module.__doc__ or '')}")
        sections.append(f"```python\nfrom gradc.interop.{neighbour} import {', '.join(functions)}\n```")
        sections += [section(name, value, shown, level=3) for name, value in public.items()]
    titles = [text.split("\n")[0].removeprefix("## ") for text in sections if text.startswith("## ")]
    anchors: list[str] = []
    for title in titles:
        anchor = title.lower().replace(".", "")
        anchors.append(f"{anchor}-{anchors.count(anchor)}" if anchor in anchors else anchor)
    contents = "\n".join(f"- [{title}](#{anchor})" for title, anchor in zip(titles, anchors))
    return HEAD.format(contents=contents, sections="\n\n".join(sections))


def section(title: str, value: object, shown: dict[object, str], level: int = 2) -> str:
    """A function, or a class with its members; those that a class shown before has too are only named."""
    parts = [f"{'#' * level} {title}"]
    if not inspect.isclass(value):
        return "\n\n".join(
            [*parts, f"```python\n{title}{arguments(value)}\n```", markdown(inspect.getdoc(value) or "")]
        )
    own = [base for base in value.__mro__ if base is value or not is_public(base)]
    parts += [markdown(inspect.cleandoc(base.__doc__ or "")) for base in own]
    elsewhere: dict[str, list[str]] = {}
    for name, member in documented(value):
        if member in shown:
            elsewhere.setdefault(shown[member], []).append(f"`{name}`")
            continue
        shown[member] = title
        parts.append(f"{'#' * (level + 1)} `{value.__name__}.{name}`")
        if callable(member):
            parts.append(f"```python\n{name}{arguments(member)}\n```")
        parts.append(markdown(inspect.cleandoc(member.__doc__ or "")))
    parts += [fill(f"As in {other}: {', '.join(members)}.", 120) for other, members in elsewhere.items()]
    return "\n\n".join(part for part in parts if part)


def is_public(owner: type) -> bool:
    """Whether a class has a section of its own, or is not gradc's."""
    module = owner.__module__
    return not module.startswith("gradc") or owner in vars(gradc).values() or module.startswith("gradc.interop.")


def members_of(module: object) -> Iterator[tuple[str, object]]:
    """The public functions and classes that a module defines: functions first."""
    found = [
        (name, value)
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and not name.startswith("_") and value.__doc__
    ]
    yield from (pair for pair in found if inspect.isfunction(pair[1]))
    yield from (pair for pair in found if inspect.isclass(pair[1]))


def documented(owner: type) -> Iterator[tuple[str, object]]:
    """The public members of a class that have a docstring, those of its bases first."""
    found: dict[str, object] = {}
    for base in reversed(owner.__mro__):
        if base.__module__.startswith("gradc"):
            for name, value in vars(base).items():
                value = getattr(value, "__func__", value)
                if (not name.startswith("_") or name in ("__call__", "_asdict", "_replace", "_make")) and is_member(
                    value
                ):
                    found[name] = value
    yield from found.items()


def is_member(value: object) -> bool:
    """Whether a part of a class is a method or a property that says what it is."""
    return isinstance(value, (FunctionType, property, cached_property)) and bool(value.__doc__)


def arguments(value: object) -> str:
    """The parameters of a function with their defaults, without types."""
    texts: list[str] = []
    before = None
    for parameter in inspect.signature(value).parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if before is Parameter.POSITIONAL_ONLY and parameter.kind is not Parameter.POSITIONAL_ONLY:
            texts.append("/")
        if parameter.kind is Parameter.KEYWORD_ONLY and before not in (
            Parameter.KEYWORD_ONLY,
            Parameter.VAR_POSITIONAL,
        ):
            texts.append("*")
        stars = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        default = "" if parameter.default is Parameter.empty else f"={parameter.default!r}"
        texts.append(f"{stars}{parameter.name}{default}")
        before = parameter.kind
    texts += ["/"] * (before is Parameter.POSITIONAL_ONLY)
    return f"({', '.join(texts)})"


def markdown(text: str) -> str:
    """A docstring: examples in blocks of code, parameters as a list."""
    blocks = []
    for block in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        lines = block.split("\n")
        if lines[0].startswith(">>>"):
            blocks.append(f"```python\n{block}\n```")
        elif PARAMETER.match(block) and all(line.startswith(" ") or PARAMETER.match(line) for line in lines):
            items = re.split(r"\n(?! )", block)
            blocks.append("\n".join(re.sub(PARAMETER, r"- `\g<names>`: \g<words>", item) for item in items))
        else:
            blocks.append(block)
    joined = "\n\n".join(blocks)
    return joined.replace("\n```\n\n```python\n>>>", "\n>>>")
