"""Every stage of a program as text, for golden files and pages: a line of a graph is written where it first appears.

Left out are the stages whose texts depend on the processor.
"""

import re
from collections.abc import Iterator

from gradc.compiler import STAGES, Compilation
from gradc.ir.text import SPAN_COLUMN

MACHINES = ("llvm", "asm")
GRAPHS = ("graph", "rewritten", "adjoint", "derivative", "lowered")
NODE = re.compile(r"(?P<name>t\d+) = (?P<value>.*?)(?: +# (?P<comment>.*))?")
NAME = re.compile(r"\bt\d+\b")
HEAD = ("input ", "check ", "indices ")
ALWAYS = ("# ", "output ")


def stage_texts(compilation: Compilation) -> dict[str, str]:
    """The texts of the stages in order.

    A node keeps its name from graph to graph and is written once, or again if its comment has changed. Always written
    are the rules that led to a graph, its outputs, and after `without` the inputs and checks that it has lost: no
    graph can change without a change of its text.
    """
    texts = {stage: compilation.stage_text(stage) for stage in STAGES if stage not in MACHINES}
    texts["python"] = "\n".join(compilation.function.lines) + "\n"
    names: dict[str, str] = {}
    written: dict[str, str] = {}
    for stage in GRAPHS:
        texts[stage] = "".join(f"{line}\n" for line in _news(texts[stage].splitlines(), names, written))
    return texts


def _news(lines: list[str], names: dict[str, str], written: dict[str, str]) -> Iterator[str]:
    """What a graph adds. `names` are those of all nodes so far, by value; `written` is what was last written, by the
    name of the node, or by the line itself where it is no node's."""
    here: dict[str, str] = {}
    heads = set()
    for line in lines:
        node = NODE.fullmatch(line)
        text = NAME.sub(lambda name: here.get(name[0], name[0]), node["value"] if node else line)
        key = text
        if node:
            key = here[node["name"]] = names.setdefault(text, f"t{len(names)}")
            text = f"{key} = {text}"
            if node["comment"]:
                text = f"{text:<{SPAN_COLUMN - 2}}  # {node['comment']}"
        elif text.startswith(HEAD):
            heads.add(key)
        if text.startswith(ALWAYS) or written.get(key) != text:
            yield text
        written[key] = text
    for lost in [key for key in written if key.startswith(HEAD) and key not in heads]:
        yield f"without {written.pop(lost)}"
