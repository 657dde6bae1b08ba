# Somebody who writes a library: reads the module, ships it, and runs it where gradc is not installed.

gradc compile "1/(1+exp(-(w0*x0+w1*x1+w2*x2)))" -o neuron.py
grep -q "^def value_and_grad(w0, x0, w1, x1, w2, x2):" neuron.py

gradc compile "sum((y - a*exp(-b*t))**2)" --wrt a,b --at "t=[0,1,2],y=[3,1,0.5],a=1,b=1" -o decay.py 2>said.txt
grep -q "^d/da" said.txt

# data in a file, a module through a pipe, and one that writes no cache
printf 'time,rate\n0,3\n1,1\n2,0.5\n' >data.csv
gradc eval "sum((y - a*exp(-b*t))**2)" --at t=data.csv:time,y=data.csv:rate,a=1,b=1 --wrt a,b | grep -q "^d/da"
gradc compile "x**2" -o - | grep -q "^def value"
test "$(gradc compile "x**2" --no-cache | grep -c cache)" = 0

# a mistake, and what it means
if gradc eval "x * (y + z" --at x=1,y=2,z=3 2>mistake.txt; then exit 1; fi
grep -q "^error\[G0103\]" mistake.txt
gradc explain G0103 | grep -q "gradc eval"

# the other machine: numpy and numba, and no gradc
cat >other.py <<'PYTHON'
import sys

sys.modules["gradc"] = None

import numpy as np
from decay import value_and_grad as decay
from neuron import value_and_grad

value, grads = value_and_grad(2.0, -1.0, -3.0, -2.0, -3.0, 1.0)
assert round(value, 2) == 0.73, value
assert [round(bar, 2) for bar in grads] == [-0.20, 0.39, -0.39, -0.59, 0.20, -0.59], grads

value, (a_bar, b_bar) = decay(np.array([3.0, 1.0, 0.5]), 1.0, 1.0, np.array([0.0, 1.0, 2.0]))
assert a_bar < 0, a_bar
PYTHON
python other.py

# the same without Numba's compiler
NUMBA_DISABLE_JIT=1 python other.py
