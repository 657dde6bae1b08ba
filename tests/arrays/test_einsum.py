"""`einsum` against NumPy's, its gradients against differences, in every engine that compiles nothing or little."""

import numpy as np
import pytest

import gradc
from gradc.language.parser import parse
from gradc.language.source import Source
from gradc.language.unparse import unparse

SHAPES = {
    "ij,jk->ik": [(3, 4), (4, 5)],
    "ij,jk,kl->il": [(3, 4), (4, 5), (5, 2)],
    "ii": [(3, 3)],
    "ii->i": [(3, 3)],
    "ij->ji": [(3, 4)],
    "ij->": [(3, 4)],
    "ij,jk": [(3, 4), (4, 5)],
    "ba": [(3, 4)],
    "bij,jk->bik": [(2, 3, 4), (4, 5)],
    "i,j->ij": [(3,), (4,)],
    "ij,ij->": [(3, 4), (3, 4)],
    "ij,k->i": [(3, 4), (5,)],
    "bij,bij->b": [(2, 3, 4), (2, 3, 4)],
    "ij,kj->ik": [(3, 4), (5, 4)],
    "i,i,i->": [(4,), (4,), (4,)],
    "vk,skj->svj": [(3, 4), (2, 4, 5)],
    "akb,ck->bca": [(3, 4, 2), (5, 4)],
    "abc,dbec->aed": [(3, 4, 2), (5, 4, 6, 2)],
    "...ij,...jk->...ik": [(2, 3, 4), (2, 4, 5)],
    "...ij,jk": [(2, 3, 4), (4, 5)],
    "...,...": [(3, 4), (4,)],
    "i...,i...->...": [(3, 2), (3, 1)],
    "...ii->...i": [(2, 3, 3)],
    "...->...": [(2, 3)],
    "ij,ij->ij": [(3, 1), (3, 4)],
    "pq,qr->pr": [(3, 1), (4, 5)],
    "pq,pq->": [(1, 4), (3, 1)],
}


@pytest.mark.parametrize("subscripts", SHAPES)
def test_value_and_gradient(subscripts):
    rng = np.random.default_rng(0)
    values = [rng.standard_normal(shape) for shape in SHAPES[subscripts]]
    names = ["a", "b", "c"][: len(values)]
    f = gradc.compile(f'einsum("{subscripts}", {", ".join(names)})', engine="interpreter")
    np.testing.assert_allclose(f(*values), np.einsum(subscripts, *values), rtol=1e-12, atol=1e-12)
    direction = [rng.standard_normal(value.shape) for value in values]
    step = 1e-5
    ahead, behind = ([v + s * d for v, d in zip(values, direction)] for s in (step, -step))
    difference = (np.sum(f(*ahead)) - np.sum(f(*behind))) / (2 * step)
    along = sum(np.sum(bar * d) for bar, d in zip(f.grad(*values), direction))
    np.testing.assert_allclose(along, difference, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "text, message",
    [
        ('einsum("ij,jk->ik", a)', "subscripts for 2 arrays, but 1 given"),
        ("einsum(a, b)", "takes subscripts as its first argument"),
        ('einsum("ij->iz", a)', "`z` cannot be an axis of the result"),
        ('einsum("i->i", a)', "1 subscript for an array with 2 axes"),
        ('einsum("ij,ij->", a, b)', r"incompatible shapes \[3, 4\] and \[5, 6\]"),
        ('einsum("i1->i", a)', "`i1` is not a valid subscript"),
        ('einsum("ij->j->i", a)', "`j->i` is not a valid subscript"),
        ('einsum("i..j", a)', "`i..j` is not a valid subscript"),
        ('einsum("i...->i", a)', "the result lacks the axes"),
        ('sin("ij")', "there are no strings in the language"),
    ],
)
def test_what_is_wrong_is_said(text, message):
    with pytest.raises(gradc.Error, match=message.replace("(", r"\(")):
        f = gradc.compile(text, engine="interpreter")
        f(*[np.ones((3, 4)), np.ones((5, 6))][: len(f.inputs)])


def test_subscripts_print_and_read_back():
    text = 'einsum("ij,jk->ik", A, B)'
    assert unparse(parse(Source(text))) == text
