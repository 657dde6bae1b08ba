"""What each error code means: words, an example that makes it, and what to write instead.

`gradc explain` and docs/errors.md are written from here. An example is a command, or Python after `import gradc` and
`import numpy as np`; the tests run both sides of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import fill

from gradc.language.diagnostics import CODES

GROUPS = {
    "G01": "Syntax",
    "G02": "Types and shapes",
    "G03": "Names and functions",
    "G04": "Derivatives",
    "G05": "Limits",
    "G06": "Arguments of a call",
    "G07": "Files and the command line",
    "G08": "Functions written in Python",
    "G09": "SymPy",
}
"""What the codes that begin alike are about."""


@dataclass(frozen=True)
class Explanation:
    """What the errors of one code have in common, and how one of them comes about."""

    words: str
    wrong: str
    right: str

    def as_text(self, code: str) -> str:
        """The explanation as it is read on a terminal."""
        examples = [("This makes it:", self.wrong), ("Write instead:", self.right)]
        drawn = ["\n".join([title, *(f"    {line}".rstrip() for line in text.split("\n"))]) for title, text in examples]
        return "\n\n".join([f"{code}: {CODES[code]}", fill(self.words, 80), *drawn])


EXPLANATIONS = {
    # ---------------------------------------------------------------- syntax
    "G0101": Explanation(
        "The program contains a character that the language has no use for: a currency sign, a typographic quote, a "
        "letter that is not ASCII. Names are made of the letters a to z and A to Z, digits and underscores.",
        'gradc eval "2 * α" --at x=1',
        'gradc eval "2 * alpha" --at alpha=1',
    ),
    "G0102": Explanation(
        "The program ends or goes on where something else has to come: an operator without its right side, a name "
        "where a number belongs. The place marked is the first one that cannot be read.",
        'gradc eval "x + * 2" --at x=1',
        'gradc eval "x * 2" --at x=1',
    ),
    "G0103": Explanation(
        "A bracket is opened and never closed, closed and never opened, or closed by one of another kind.",
        'gradc eval "x * (y + z" --at x=1,y=2,z=3',
        'gradc eval "x * (y + z)" --at x=1,y=2,z=3',
    ),
    "G0104": Explanation(
        "Two values stand side by side. Multiplication is always written, as in Python: `2*x`, `a*(b + c)`.",
        'gradc eval "2x + 1" --at x=3',
        'gradc eval "2*x + 1" --at x=3',
    ),
    "G0105": Explanation(
        "The program has no result: it is empty, or its last statement gives a name to a value and nothing follows. "
        "The last expression is the result.",
        'gradc eval "y = x**2" --at x=3',
        'gradc eval "y = x**2; y" --at x=3',
    ),
    "G0106": Explanation(
        "A number is not written as one: two points, an exponent without digits, another base, underscores.",
        'gradc eval "x * 1e" --at x=3',
        'gradc eval "x * 1e5" --at x=3',
    ),
    "G0107": Explanation(
        "The operator belongs to another language. Operators are those of Python, and `^` is a power.",
        'gradc eval "1 if x > 0 && y > 0 else 0" --at x=1,y=2',
        'gradc eval "1 if x > 0 and y > 0 else 0" --at x=1,y=2',
    ),
    "G0108": Explanation(
        "This is Python, or another language, that gradc does not have: attributes, loops, `lambda`, `import`, "
        "strings. A program is made of expressions, assignments, declarations of types, and functions of one "
        "expression.",
        'gradc eval "np.exp(x)" --at x=1',
        'gradc eval "exp(x)" --at x=1',
    ),
    # ---------------------------------------------------------------- types and shapes
    "G0201": Explanation(
        "The operands of a product, or the items of a list, do not go together: their shapes or numbers of axes do "
        "not fit. For `@`, the last axis of the left side meets the second-to-last axis of the right one.",
        'gradc compile "A: f64[2, 3]; B: f64[2, 3]; sum(A @ B)"',
        'gradc compile "A: f64[2, 3]; B: f64[2, 3]; sum(A @ B.T)"',
    ),
    "G0202": Explanation(
        "A value is not of the type that is asked for there: a number where a function takes an array, a matrix "
        "where it takes a vector, an unknown element type in a declaration.",
        'gradc compile "x: f65[n]; sum(x**2)"',
        'gradc compile "x: f64[n]; sum(x**2)"',
    ),
    "G0203": Explanation(
        "Shapes broadcast as in NumPy: they are compared from the last axis on, and two sizes fit where they are "
        "equal or where one of them is 1.",
        'gradc compile "x: f64[3]; y: f64[4]; sum(x * y)"',
        'gradc compile "x: f64[3]; y: f64[4]; sum(x[:, None] * y)"',
    ),
    "G0204": Explanation(
        "An index, a slice or an axis names what the array does not have, or is not a whole number.",
        'gradc compile "x: f64[3]; x[3]"',
        'gradc compile "x: f64[3]; x[-1]"',
    ),
    "G0205": Explanation(
        "A tuple, several values in round brackets, stands where one number or array belongs, or is taken apart by "
        "another number of names than it has values. Only names take tuples apart; arrays are written in square "
        "brackets, and their elements taken by index.",
        'gradc eval "(p, v, a) = (x, 2*x); p * v" --at x=1',
        'gradc eval "(p, v) = (x, 2*x); p * v" --at x=1',
    ),
    "G0206": Explanation(
        "The function that `fold`, `scan` or `iterate` does again and again gives back a state of another shape, or of "
        "another number of values, than it was given. A state that begins as a whole number becomes a float where the "
        "function gives one; arrays have to begin with the shape that they keep.",
        'gradc eval "def step(s, x) = s * [x, 1]; sum(fold(step, 1, X))" --at X=[2,3]',
        'gradc eval "def step(s, x) = s * [x, 1]; sum(fold(step, ones(2), X))" --at X=[2,3]',
    ),
    # ---------------------------------------------------------------- names and functions
    "G0301": Explanation(
        "The name cannot be an input. Free names are inputs, but those with two leading underscores are not, and "
        "`e` with an exponent is more likely meant as Euler's number.",
        'gradc eval "e**x" --at x=1',
        'gradc eval "exp(x)" --at x=1',
    ),
    "G0302": Explanation(
        "No function has this name. Functions are called as in NumPy and SciPy; docs/language.md lists them all, "
        "and `def f(x) = ...` adds one.",
        'gradc eval "sinus(x)" --at x=1',
        'gradc eval "sin(x)" --at x=1',
    ),
    "G0303": Explanation(
        "A function is called with more arguments than it takes, or with fewer than it needs.",
        'gradc eval "hypot(x)" --at x=3',
        'gradc eval "hypot(x, y)" --at x=3,y=4',
    ),
    "G0304": Explanation(
        "A function has no keyword argument of this name, or is given it twice.",
        'gradc compile "x: f64[n]; sum(x, axes=0)"',
        'gradc compile "x: f64[n]; sum(x, axis=0)"',
    ),
    "G0305": Explanation(
        "A name stands for one thing in the whole program. Types are declared once, before the name is used; "
        "functions are defined once; a name that is used before it is assigned is an input and stays one.",
        'gradc eval "y = x + 1; x = 2; x*y" --at x=1',
        'gradc eval "y = x + 1; z = 2; z*y" --at x=1',
    ),
    "G0306": Explanation(
        "A function calls itself, directly or through others. A definition may use the functions defined before it.",
        'gradc eval "def f(n) = n*f(n - 1); f(x)" --at x=3',
        'gradc eval "gamma(x + 1)" --at x=3',
    ),
    "G0307": Explanation(
        "The name is known, and cannot stand there: a function without its brackets, an input in a default value.",
        'gradc eval "def scaled(t, by=s) = t*by; scaled(x)" --at x=1,s=2',
        'gradc eval "def scaled(t, by=2) = t*by; scaled(x)" --at x=1',
    ),
    # ---------------------------------------------------------------- derivatives
    "G0401": Explanation(
        "The function has no derivative of closed form for this argument. `wrt` says which inputs derivatives are "
        "wanted for.",
        'gradc compile "jv(n, x)"',
        'gradc compile "jv(n, x)" --wrt x',
    ),
    "G0402": Explanation(
        "`wrt` names the inputs to differentiate with respect to. It takes inputs of the program that are floats, each "
        "once. Derivatives inside a program, as `grad(u, x)`, are for a name before them that stands for floats.",
        'gradc compile "x*y" --wrt z',
        'gradc compile "x*y" --wrt y',
    ),
    "G0403": Explanation(
        "A derivative that was stated for a function of one's own is not the derivative: at some point of the domain "
        "it differs from a difference quotient, and from the derivative that gradc finds for the text.",
        'gradc.op("half_square(x) = x*x/2", partials={"x": "2*x"})',
        'gradc.op("half_square(x) = x*x/2", partials={"x": "x"})',
    ),
    # ---------------------------------------------------------------- limits
    "G0501": Explanation(
        "The text of the program is longer than any that gradc reads, 4 MiB, or a name than 200 letters. Data belong "
        "into inputs.",
        'gradc.compile("x + " * 2_000_000 + "x")',
        'gradc.compile("sum(x)")(np.ones(2_000_000))',
    ),
    "G0502": Explanation(
        "The program has more parts than gradc takes: 1,500,000 names, numbers and operators, or 5,000,000 steps "
        "once its functions are expanded. Functions that call functions that call functions multiply.",
        'gradc.compile("+".join(["x"] * 1_000_000))',
        'gradc.compile("1000000*x")',
    ),
    "G0503": Explanation(
        "The result, or what is needed on the way, does not fit into memory: a dense Jacobian or Hessian with more "
        "than 2**27 elements, arrays that are larger than the machine.",
        'f = gradc.compile("x**2")\nf.jacobian(np.ones(20_000))',
        'f = gradc.compile("x**2")\nf.grad(np.ones(20_000))  # elementwise, so the Jacobian is the diagonal',
    ),
    "G0504": Explanation(
        "The gradient of a loop needs more memory for its states than the function may take, even where it keeps only "
        "those of some steps and computes the others again. The message says how much it needs.",
        'f = gradc.compile("def step(s, x) = s * x; fold(step, 1, X)", memory="64 bytes")\nf.grad(np.ones(1000))',
        'f = gradc.compile("def step(s, x) = s * x; fold(step, 1, X)", memory="4 KiB")\nf.grad(np.ones(1000))',
    ),
    # ---------------------------------------------------------------- arguments of a call
    "G0601": Explanation(
        "The call lacks an input, gives one twice, or names one that the program does not have. Inputs are the free "
        "names, in the order in which they first appear.",
        'gradc eval "(x + y)*z" --at x=1,y=2',
        'gradc eval "(x + y)*z" --at x=1,y=2,z=3',
    ),
    "G0602": Explanation(
        "Arguments are numbers, or what NumPy makes an array of numbers from. Complex numbers, texts, objects and "
        "lists of unequal length are none.",
        'gradc.compile("x**2")(1 + 2j)',
        'gradc.compile("x**2 + y**2")(1, 2)',
    ),
    "G0603": Explanation(
        "The arguments of the call have shapes that do not go together in this program.",
        'gradc eval "x*y" --at x=[1,2],y=[1,2,3]',
        'gradc eval "x*y" --at x=[1,2],y=[3,4]',
    ),
    "G0604": Explanation(
        "An option has a value that it does not take: an engine or a competitor of that name, a program that is no "
        "text.",
        'gradc.compile("x**2", engine="nativ")',
        'gradc.compile("x**2", engine="native")',
    ),
    "G0605": Explanation(
        "`backward` goes back through the last `forward`, of which there was none in this thread.",
        'f = gradc.compile("x**2")\nf.backward(1.0)',
        'f = gradc.compile("x**2")\nf.forward(3.0)\nf.backward(1.0)',
    ),
    "G0606": Explanation(
        "`out` takes NumPy arrays that can be written to, with the shape and the element type of the result, and "
        "without elements in common.",
        'gradc.compile("x**2")(np.ones(3), out=np.empty(3, np.float32))',
        'gradc.compile("x**2")(np.ones(3), out=np.empty(3))',
    ),
    "G0607": Explanation(
        "An objective of `gradc.interop.scipy` is made from a start, data, bounds and fixed parameters by name: "
        "numbers and arrays that are finite, with the start within its bounds.",
        'fit = gradc.compile("sum((y - a*t)**2)")\n'
        'data = {"t": np.arange(3.0), "y": np.ones(3)}\n'
        'gradc.interop.scipy.objective(fit, data=data, start={"a": 1.0}, bounds={"a": (2, 3)})',
        'fit = gradc.compile("sum((y - a*t)**2)")\n'
        'data = {"t": np.arange(3.0), "y": np.ones(3)}\n'
        'gradc.interop.scipy.objective(fit, data=data, start={"a": 2.5}, bounds={"a": (2, 3)})',
    ),
    "G0608": Explanation(
        "A loss by blocks of rows, of `gradc.interop.dask` or `gradc.interop.blocks`, is a sum or a mean over rows, or "
        "is computed from such sums. The marked place takes rows together in another way, or needs a total in every "
        "row.",
        'blocks = [{"y": np.arange(3.0)}, {"y": np.ones(2)}]\n'
        'gradc.interop.blocks.objective("sum((y - mean(y) - a)**2)", blocks, start={"a": 1.0})',
        'blocks = [{"y": np.arange(3.0)}, {"y": np.ones(2)}]\n'
        'gradc.interop.blocks.objective("sum((y - m - a)**2)", blocks, data={"m": 1.0}, start={"a": 1.0})',
    ),
    "G0609": Explanation(
        "A matrix has no inverse, or no Cholesky factor: its rows depend on each other, or it is not positive "
        "definite. The message says what the program calls it and, in a stack, which one it is.",
        'gradc.compile("solve(A, b)")([[1.0, 2.0], [2.0, 4.0]], [1.0, 1.0])',
        'gradc.compile("solve(A, b)")([[1.0, 2.0], [2.0, 5.0]], [1.0, 1.0])',
    ),
    "G0610": Explanation(
        "An iteration with a condition, `iterate(step, start, until=done)`, takes at most `limit` steps, 10,000 unless "
        "it says otherwise. The condition did not hold after any of them: the steps may not converge.",
        'gradc eval "def step(x) = 2 * x; def done(x) = x < 1; iterate(step, a, until=done, limit=50)" --at a=3',
        'gradc eval "def step(x) = x / 2; def done(x) = x < 1; iterate(step, a, until=done, limit=50)" --at a=3',
    ),
    # ---------------------------------------------------------------- files and the command line
    "G0701": Explanation(
        "A file, or a standard stream, cannot be read or written. The reason is the operating system's.",
        'gradc compile "x**2" -o nowhere/square.py',
        'gradc compile "x**2" -o square.py',
    ),
    "G0702": Explanation(
        "A value on the command line cannot be read: it is no number, no list and no file of numbers. Cells of a "
        "file are named by line and column.",
        'gradc eval "x**2" --at x=three',
        'gradc eval "x**2" --at x=3',
    ),
    # ---------------------------------------------------------------- functions written in Python
    "G0801": Explanation(
        "A Python function is traced: it is called with stand-ins for its arguments, which have shapes and no values. "
        "A branch, `float` or a function of `math` asks one of them for its value.",
        "gradc.compile(lambda x: x if x > 0 else -x)(3.0)",
        "gradc.compile(lambda x: np.where(x > 0, x, -x))(3.0)",
    ),
    "G0802": Explanation(
        "A traced array is never changed: the function makes new ones instead of assigning to elements.",
        "def f(x):\n    x[0] = 0.0\n    return np.sum(x**2)\n\n\ngradc.compile(f)(np.ones(3))",
        "def f(x):\n    return np.sum(np.where(np.arange(3) == 0, 0.0, x) ** 2)\n\n\ngradc.compile(f)(np.ones(3))",
    ),
    "G0803": Explanation(
        "A traced function calls a function, or asks for an attribute, that gradc has no counterpart of.",
        "gradc.compile(lambda x: np.sum(np.unique(x)))(np.ones(3))",
        "gradc.compile(lambda x: np.sum(np.sort(x)))(np.ones(3))",
    ),
    "G0804": Explanation(
        "What was passed is no function that can be traced, or it returns something else than one number or array.",
        "gradc.compile(lambda x: None)(3.0)",
        "gradc.compile(lambda x: x**2)(3.0)",
    ),
    # ---------------------------------------------------------------- SymPy
    "G0901": Explanation(
        "A SymPy expression has a part that gradc cannot take: a function that it does not have, a complex number, "
        "an integral that has not been taken, a symbol that is not among the arguments.",
        'import sympy\n\nx = sympy.Symbol("x")\ngradc.compile(x**2 + sympy.I * x)',
        'import sympy\n\nx = sympy.Symbol("x")\ngradc.compile(x**2)',
    ),
    "G0902": Explanation(
        "SymPy has no expression for something that a program does: sorting, rounding, the largest element of an array "
        "whose size is not known.",
        'gradc.compile("median(x)").sympy()',
        'gradc.compile("mean(x)").sympy()',
    ),
}
"""Every code that an error has."""
