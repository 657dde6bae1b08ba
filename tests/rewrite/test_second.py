"""Second derivatives of what every STABLE rule leads to, at hard points, beside those of the plain form.

`second_derivatives.txt` says how often each of them is nearer to the truth; `pytest --update` counts anew.
"""
