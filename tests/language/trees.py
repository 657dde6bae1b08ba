"""Random syntax trees, and trees as nested tuples so that they can be compared."""

import ast

from hypothesis import strategies as st

from gradc.language import syntax
from gradc.language.source import Source, Span
from gradc.language.tokens import RESERVED

SPAN = Span(Source(""), 0, 0)
NAMES = ["x", "y", "w0", "_", "x_bar", "lambda", "class", "e", "T", "f64", "in"]


def outline(node):
    """A small tree as nested tuples, without spans."""
    match node:
        case syntax.Literal():
            return type(node.value).__name__, node.value
        case syntax.Name():
            return node.id
        case syntax.Special():
            return "special", node.kind
        case syntax.Unary():
            return node.op, outline(node.operand)
        case syntax.Binary():
            return node.op, outline(node.left), outline(node.right)
        case syntax.Comparison():
            return "compare", node.ops, *map(outline, node.operands)
        case syntax.Conditional():
            return "if", outline(node.test), outline(node.then), outline(node.otherwise)
        case syntax.Call():
            keywords = tuple((name.id, outline(value)) for name, value in node.keywords)
            return "call", node.function, tuple(map(outline, node.args)), keywords
        case syntax.Slice():
            return "slice", *(part and outline(part) for part in (node.start, node.stop, node.step))
        case syntax.Index():
            return "index", outline(node.value), *map(outline, node.items)
        case syntax.Transpose():
            return "transpose", outline(node.value)
        case syntax.List():
            return "list", *map(outline, node.items)
        case syntax.Declare():
            return "declare", node.name.id, node.dtype, *map(outline, node.shape)
        case syntax.Assign():
            return "assign", node.name.id, outline(node.value)
        case syntax.Pattern():
            return "pattern", *map(outline, node.items)
        case syntax.Unpack():
            return "unpack", outline(node.pattern), outline(node.value)
        case syntax.Braced():
            return "block", *map(outline, node.statements), outline(node.result)
        case syntax.Definition():
            parameters = tuple((outline(name), default and outline(default)) for name, default in node.parameters)
            return "define", node.name.id, parameters, outline(node.body)
        case syntax.SyntaxTree():
            return *map(outline, node.statements), outline(node.result)


PYTHON_OPERATORS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.And: "and", ast.Or: "or", ast.USub: "-", ast.UAdd: "+", ast.Not: "not", ast.Lt: "<",
    ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip


def python_outline(text):
    """What Python's own parser makes of an expression, in the same form."""

    def visit(node):
        match node:
            case ast.Constant(value=None | True | False):
                return "special", str(node.value).lower()
            case ast.Constant():
                return type(node.value).__name__, node.value
            case ast.Name():
                return node.id
            case ast.UnaryOp():
                return PYTHON_OPERATORS[type(node.op)], visit(node.operand)
            case ast.BinOp():
                return PYTHON_OPERATORS[type(node.op)], visit(node.left), visit(node.right)
            case ast.BoolOp():
                folded = visit(node.values[0])
                for value in node.values[1:]:
                    folded = PYTHON_OPERATORS[type(node.op)], folded, visit(value)
                return folded
            case ast.Compare():
                ops = tuple(PYTHON_OPERATORS[type(op)] for op in node.ops)
                return "compare", ops, *map(visit, [node.left, *node.comparators])
            case ast.IfExp():
                return "if", visit(node.test), visit(node.body), visit(node.orelse)
            case ast.Call():
                keywords = tuple((keyword.arg, visit(keyword.value)) for keyword in node.keywords)
                return "call", node.func.id, tuple(map(visit, node.args)), keywords
            case ast.Slice():
                return "slice", *(part and visit(part) for part in (node.lower, node.upper, node.step))
            case ast.Subscript():
                items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
                return "index", visit(node.value), *map(visit, items)
            case ast.Attribute(attr="T"):
                return "transpose", visit(node.value)
            case ast.List() | ast.Tuple():
                return "list", *map(visit, node.elts)
        raise AssertionError(ast.dump(node))

    return visit(ast.parse(text.strip(), mode="eval").body)


names = st.sampled_from(NAMES)
numbers = st.one_of(st.integers(0, 2**70), st.floats(min_value=0, allow_nan=False, allow_infinity=False)).map(
    lambda value: syntax.Literal(SPAN, value)
)
name_nodes = names.map(lambda id: syntax.Name(SPAN, id))
specials = st.sampled_from(["none", "true", "false"]).map(lambda kind: syntax.Special(SPAN, kind))
markers = st.sampled_from(["ellipsis", "newaxis"]).map(lambda kind: syntax.Special(SPAN, kind))


def is_special(node):
    return isinstance(node, syntax.Special)


def compound(inner):
    """One more level on top of the trees of `inner`."""
    plain = inner.filter(lambda node: not is_special(node))
    part = st.none() | inner
    item = plain | markers | st.builds(lambda *parts: syntax.Slice(SPAN, *parts), part, part, part)
    indexed = plain.filter(lambda node: not isinstance(node, syntax.Literal))
    items = st.lists(inner, max_size=3).map(tuple)
    keywords = st.lists(st.tuples(name_nodes, inner), max_size=2).map(tuple)
    chain = st.lists(st.tuples(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), inner), min_size=1, max_size=3)
    binary_ops = st.sampled_from("+ - * / // % ** @ and or".split())
    return st.one_of(
        st.builds(lambda op, a: syntax.Unary(SPAN, op, a), st.sampled_from(["-", "+", "not"]), inner),
        st.builds(lambda op, a, b: syntax.Binary(SPAN, op, a, b), binary_ops, inner, inner),
        st.builds(
            lambda first, rest: syntax.Comparison(
                SPAN, (first, *(operand for _, operand in rest)), tuple(op for op, _ in rest)
            ),
            inner,
            chain,
        ),
        st.builds(lambda a, b, c: syntax.Conditional(SPAN, a, b, c), inner, inner, inner),
        st.builds(lambda f, args, kw: syntax.Call(SPAN, f, SPAN, args, kw), names, items, keywords),
        st.builds(
            lambda value, parts: syntax.Index(SPAN, value, tuple(parts)),
            indexed,
            st.lists(item, min_size=1, max_size=3),
        ),
        st.builds(lambda a: syntax.Transpose(SPAN, a), inner),
        st.builds(lambda a: syntax.List(SPAN, a), items),
    )


expressions = st.recursive(numbers | name_nodes | specials, compound, max_leaves=12)
shapes = st.lists(name_nodes | st.integers(0, 99).map(lambda size: syntax.Literal(SPAN, size)), max_size=3).map(tuple)
patterns = st.recursive(
    name_nodes,
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(lambda items: syntax.Pattern(SPAN, tuple(items))),
    max_leaves=5,
).filter(lambda target: isinstance(target, syntax.Pattern))
parameters = st.lists(st.tuples(name_nodes, st.none() | expressions) | st.tuples(patterns, st.none()), max_size=3).map(
    tuple
)
assignments = st.builds(lambda name, value: syntax.Assign(SPAN, name, value), name_nodes, expressions) | st.builds(
    lambda pattern, value: syntax.Unpack(SPAN, pattern, value), patterns, expressions
)
blocks = st.builds(
    lambda body, result: syntax.Braced(SPAN, tuple(body), result), st.lists(assignments, max_size=3), expressions
)
bodies = expressions | blocks
statements = st.one_of(
    assignments,
    st.builds(lambda name, ps, body: syntax.Definition(SPAN, name, ps, body), name_nodes, parameters, bodies),
    st.builds(
        lambda name, dtype, shape: syntax.Declare(SPAN, name, dtype, shape),
        name_nodes,
        st.sampled_from(["f64", "f32", "i64", "bool"]),
        shapes,
    ),
)
programs = st.builds(
    lambda body, result: syntax.SyntaxTree(SPAN.source, tuple(body), result),
    st.lists(statements, max_size=3),
    expressions,
)
assert not RESERVED & set(NAMES)
