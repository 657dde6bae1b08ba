"""A student of backpropagation: the lecture's two examples on the terminal, then pictures in a notebook."""

import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def typed(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


# ---------------------------------------------------------------- the terminal

code, table, _ = typed("gradc", "trace", "(x+y)*z", "--at", "x=-2,y=5,z=-4")
assert code == 0 and "[2]  *     (x+y)*z    -12" in table and "d/dz   3" in table

code, table, _ = typed("gradc", "trace", "x*y + sin(x)", "--at", "x=2,y=3")
assert "fork x  2.58385 = 3 from [1] + -0.416147 from [2]" in table, table

NEURON = "1/(1+exp(-(w0*x0+w1*x1+w2*x2)))"
AT = "w0=2,x0=-1,w1=-3,x1=-2,w2=-3,x2=1"
for suffix in ("svg", "png", "pdf", "html", "dot", "txt"):
    code, _, said = typed("gradc", "trace", NEURON, "--at", AT, "-o", f"neuron.{suffix}")
    assert code == 0 and said == f"wrote neuron.{suffix}\n", said
root = ElementTree.parse("neuron.svg").getroot()
texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
assert {"w0", "x2", "*-1", "exp", "+1", "1/x", "0.731", "-0.393", "0.198"} & set(texts) >= {"w0", "exp", "0.731"}, texts

code, _, said = typed("gradc", "trace", NEURON, "--at", AT, "-o", "neuron.jpg")
assert code == 1 and ".svg, .png, .pdf" in said and not Path("neuron.jpg").exists()

code, table, _ = typed("gradc", "trace", "softmax_cross_entropy(s, y)", "--at", "s=[[1,2,3],[0,1,0]],y=[0,1]")
assert "softmax_cross_entropy  softmax_cross_entropy(s, y)" in table and "logsumexp" not in table, table
code, table, _ = typed("gradc", "trace", "sigmoid(x)*gelu(x)", "--at", "x=1", "--unfold")
assert "normal_cdf" in table

# ---------------------------------------------------------------- the notebook

CELLS = [
    "import gradc\nf = gradc.compile('1/(1+exp(-(w0*x0+w1*x1+w2)))')\nf",
    "f.trace(w0=2, x0=-1, w1=-3, x1=-2, w2=-3)",
    "f.grad(w0=2, x0=-1, w1=-3, x1=-2, w2=-3)",
    "gradc.trace('x*x*x', x=2.0)",
]
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS])
NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
shown = [cell.outputs[-1].data for cell in notebook.cells]

for bundle in (shown[0], shown[1], shown[3]):
    ElementTree.fromstring(bundle["image/svg+xml"])
    assert "<svg" in bundle["text/html"]
assert shown[0]["text/plain"].startswith("<gradc function of w0, x0, w1, x1, w2: 1/(1+exp(")
assert shown[1]["text/plain"] == "<trace of 8 gates: value 0.731059>"
assert "0.197" in shown[1]["image/svg+xml"]
assert "<th>d/dw0</th>" in shown[2]["text/html"] and r"\begin{aligned}" in shown[2]["text/latex"]
assert "Σ 12" in shown[3]["image/svg+xml"]
nbformat.validate(notebook)
