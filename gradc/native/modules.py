"""A module of LLVM's cut into several, which threads compile side by side.

Each has some of the functions that others see, and all that these refer to: what is internal is there once for each
module that needs it, and functions of other modules are declared. So code and data do not change; only constants may be
internal, or each module would have a variable of its own.
"""

from __future__ import annotations

import re

DEFINITION = re.compile(r"^(?:define .*?^}|@[^\n]*|![^\n]*|declare [^\n]*)\n?", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"@([\w.$]+)")
PARAMETER = re.compile(r" %[\w.]+")


def divided(text: str, most: int, shortest: int) -> list[str]:
    """The module, or at most so many that are as long as each other, as far as that goes; none is shorter than
    `shortest` for the functions that only it has. The first has the first function."""
    if most < 2 or len(text) < 2 * shortest:
        return [text]
    found = [match[0].rstrip("\n") for match in DEFINITION.finditer(text)]
    named = {}
    data = []
    for each in found:
        if each.startswith("!"):
            data.append(each)
        else:
            named[_name(each)] = each
    seen = [name for name, each in named.items() if each.startswith("define") and not _is_internal(each)]
    groups: list[list[str]] = [[] for _ in range(min(most, sum(len(each) for each in named.values()) // shortest))]
    lengths = [0] * len(groups)
    for name in sorted(seen, key=lambda name: -len(named[name])):
        place = lengths.index(min(lengths))
        groups[place].append(name)
        lengths[place] += len(named[name])
    groups = [group for group, length in zip(groups, lengths) if length >= shortest]
    rest = [name for name in seen if not any(name in group for group in groups)]
    if len(groups) < 2:
        return [text]
    groups[-1] += rest
    groups.sort(key=lambda group: seen[0] not in group)
    return [_module(group, named, data) for group in groups]


def _module(functions: list[str], named: dict[str, str], data: list[str]) -> str:
    """Some functions and what they refer to."""
    parts = dict.fromkeys(functions)
    for name in parts.copy():
        waiting = [name]
        while waiting:
            for other in NAMED.findall(named[waiting.pop()]):
                if other in named and other not in parts:
                    parts[other] = None
                    if _is_internal(named[other]):
                        waiting.append(other)
    own = set(functions)
    written = [
        named[name] if name in own or _is_internal(named[name]) or not named[name].startswith("define")
        else _declaration(named[name])
        for name in named if name in parts
    ]  # fmt: skip
    return "\n".join([*written, *data, ""])


def _name(definition: str) -> str:
    found = NAMED.search(definition)
    assert found is not None
    return found[1]


def _is_internal(definition: str) -> bool:
    return definition.startswith("define internal ") or " = internal constant " in definition.partition("\n")[0]


def _declaration(definition: str) -> str:
    """What declares a function: its head up to the end of the parameters, without their names."""
    head = definition.partition("\n")[0]
    name = head.index("(", head.index("@"))
    parameters = head[name : head.index(")", name) + 1]
    return f"declare{head[len('define') : name]}{PARAMETER.sub('', parameters)}"
