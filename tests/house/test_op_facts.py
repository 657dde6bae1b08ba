"""Everything known of an op stands in its row: no other file holds a set of op names."""

import ast
from pathlib import Path

from gradc.ir.ops import OPS

PACKAGE = Path(__file__).parents[2] / "gradc"

WORDS = {"and", "or", "not", "max", "min", "abs"}
"""Names that are words of Python, of the language and of formulas of sizes as well."""

OTHER_NAMES = {
    "bench": "what competitors have for each function",
    "check/reals.py": "what each op means in mpmath's numbers: a witness that does not ask the table",
    "check/symbolic.py": "what reductions mean in SymPy's expressions",
    "frontends/sympy": "SymPy's functions and what each op means in them",
    "construct/calls.py": "functions of the language",
    "construct/functions.py": "functions of the language",
    "elementary": "functions of numbers as straight-line code, and the primitives of that code",
    "frontends/elsewhere.py": "names that other libraries have for functions of the language",
    "frontends/traced": "functions of NumPy, SciPy and Python",
    "language": "words of the text",
    "loops/reader.py": "statements of the loop IR",
    "native/instructions.py": "the machine's instructions, as the printers of other languages have the row's texts",
    "native/scope.py": "arithmetic of sizes",
    "native/scalar.py": "operators and functions of Python's language",
}
"""Where names of ops are names of something else."""


def test_no_set_of_op_names_stands_outside_the_table():
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name != "ir/ops.py" and not any(name == other or name.startswith(other + "/") for other in OTHER_NAMES):
            for node in ast.walk(ast.parse(path.read_text())):
                ops = {literal for literal in literals(node) if literal in OPS}
                if len(ops) > 1 and not ops <= WORDS:
                    found.append(f"gradc/{name}:{node.lineno} {sorted(ops)}")
    assert found == []


def test_such_a_set_is_found():
    for text in (
        '{"exp", "log"}', '("exp", "log")', '["exp", "log"]', '{"exp": 1, "log": 2}', '{1: "exp", 2: "log"}',
        'op == "exp" or op == "log"', 'dict(exp=1, log=2)', '"exp log".split()',
        'match op:\n    case "exp" | "log":\n        pass',
        'match op:\n    case "exp":\n        pass\n    case "log":\n        pass',
    ):  # fmt: skip
        assert any(len(set(literals(node)) & set(OPS)) > 1 for node in ast.walk(ast.parse(text))), text


def literals(node):
    """The texts that a display, a `match`, a chain of comparisons or a call of `dict` or `split` puts side by side."""
    match node:
        case ast.Set() | ast.Tuple() | ast.List():
            parts = node.elts
        case ast.Dict():
            parts = [*node.keys, *node.values]
        case ast.Match():
            patterns = [part for case in node.cases for part in ast.walk(case.pattern)]
            parts = [part.value for part in patterns if isinstance(part, ast.MatchValue)]
        case ast.BoolOp(op=ast.Or()):
            compared = [part for part in node.values if isinstance(part, ast.Compare)]
            parts = [part.comparators[0] for part in compared if ast.dump(part.left) == ast.dump(compared[0].left)]
        case ast.Call(func=ast.Name(id="dict")):
            return [keyword.arg for keyword in node.keywords]
        case ast.Call(func=ast.Attribute(attr="split", value=ast.Constant(value=str(text)))):
            return text.split()
        case _:
            return []
    return [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
