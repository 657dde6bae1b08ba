"""Formulas as people write them, by family, and where each is measured.

A range is the least and the greatest size of a variable; its sizes are spread evenly in their logarithms. `+-` in front
of a range stands for both signs. Variables without a range of their own have that of the family.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np


class Range(NamedTuple):
    least: float
    greatest: float
    signs: tuple[int, ...] = (1,)

    def draw(self, random: np.random.Generator) -> float:
        size = float(np.exp(random.uniform(np.log(self.least), np.log(self.greatest))))
        return float(random.choice(self.signs)) * size


def both(least: float, greatest: float) -> Range:
    return Range(least, greatest, (1, -1))


class Family(NamedTuple):
    """Formulas with the ranges of their variables, by name."""

    name: str
    ranges: dict[str, Range]
    text: str
    """The formulas, with semicolons between them. `A | B` stands for all spellings of their difference."""
    fixed: tuple[float, ...] = ()
    """Further points, of every variable the same."""

    def programs(self) -> Iterator[str]:
        for formula in self.text.split(";"):
            yield from spellings(" ".join(formula.split()))

    def points(self, inputs: tuple[str, ...], count: int, seed: int = 0) -> list[tuple[float, ...]]:
        random = np.random.default_rng(seed)
        drawn = [tuple(self.ranges[name].draw(random) for name in inputs) for _ in range(count)]
        return [*drawn, *(tuple(x for _ in inputs) for x in self.fixed)]


def spellings(formula: str) -> Iterator[str]:
    """`A | B` with its terms exchanged, scaled, halved, negated, and in a longer sum; any other formula as it is."""
    a, bar, b = formula.partition(" | ")
    if bar:
        yield from (f"{a} - {b}", f"{b} - {a}", f"3*{a} - 3*{b}", f"y*{b} - y*{a}", f"({a} - {b})/2", f"-({b}) + {a}")
    else:
        yield formula


SMALL = {"x": both(1e-18, 0.5), "y": Range(0.1, 10)}
WIDE = {"x": both(1e-3, 700), "y": both(1e-3, 700), "z": both(1e-3, 700)}
FAR = {"x": Range(1, 1e15), "h": Range(1e-8, 1), "y": Range(1, 1e15)}

FAMILIES = (
    Family("near one", SMALL, """
        exp(x) | 1; 1 | cos(x); cosh(x) | 1; sqrt(1 + x) | 1; 1 | sqrt(1 - x); 1 | 1/cosh(x); exp(2*x) | 1;
        2**x | 1; 10**x | 1; (1 + x)**3 | 1; (1 + x)**0.3 | 1; 1/(1 + x) | 1; 1/(1 - x) | 1; 1/sqrt(1 + x) | 1;
        sqrt(1 + x**2) | 1; cbrt(1 + x) | 1; 1 | tanh(x); 1 | sigmoid(x); 2*sigmoid(x) | 1; 1 | erf(x);
        1 | erfc(x); 1 | normal_cdf(x); sigmoid(x) | 0.5; normal_cdf(x) | 0.5; exp(x) | exp(-x);
        exp(x) | (1 + x); x | sin(x); tan(x) | x; x | log(1 + x); sinh(x) | x; 1/sin(x) | 1/x; 1/x | 1/tan(x);
        x | arctan(x); x | tanh(x)
    """),
    Family("tails", {"x": Range(1, 26), "y": Range(0.1, 10)}, """
        1 | erf(x); 1 | tanh(x); 1 | sigmoid(x); 1 | normal_cdf(x); 2 | erfc(-x); pi/2 | arctan(x);
        1 | x/sqrt(1 + x**2); 1 | x/(1 + x); 1 | exp(-x); sqrt(x**2 + 1) | x; 1 | sqrt(1 - exp(-x));
        log(1 + x) | log(x); 1 | 2*normal_cdf(-x); 0 | erf(-x) - 1
    """),
    Family("mirrored tails", {"x": Range(1, 26, (-1,)), "y": Range(0.1, 10)}, """
        1 | -erf(x); 1 | -tanh(x); 1 | normal_cdf(-x); sigmoid(x) | 0; 2 | erfc(x); pi/2 | -arctan(x)
    """),
    Family("neighbours", FAR, """
        sqrt(x + 1) - sqrt(x); sqrt(x) - sqrt(x - 1); 1/x - 1/(x + 1); 1/(x + 1) - 1/x; 1/(x - 1) - 1/(x + 1);
        1/(x + 1) - 2/x + 1/(x - 1); log(x + 1) - log(x); log(x) - log(x + h); cbrt(x + 1) - cbrt(x);
        1/sqrt(x) - 1/sqrt(x + 1); arctan(x + 1) - arctan(x); sqrt(x + h) - sqrt(x); (x + h)**2 - x**2;
        (x + 1)**3 - x**3; exp(-1/(x + 1)) - exp(-1/x); sqrt(x**2 + h) - x; x - sqrt(x**2 - 1);
        (x + 1)*log(x + 1) - x*log(x); log(x) - log(x + 1); x**(1/3) - (x - 1)**(1/3); (x + 1)**0.25 - x**0.25;
        sqrt(x**2 + x) - x; arcsinh(x) - log(2*x); sqrt(x + 1) + 1 - sqrt(x); x/(x + 1) - (x - 1)/x;
        (x + 1)/x - x/(x - 1)
    """),
    Family("steps", {"x": both(0.01, 5), "h": both(1e-12, 0.1), "y": both(0.01, 5)}, """
        sin(x + h) - sin(x); cos(x + h) - cos(x); tan(x + h) - tan(x); exp(x + h) - exp(x);
        arctan(x + h) - arctan(x); (sin(x + h) - sin(x))/h; (exp(x + h) - exp(x))/h; ((x + h)**2 - x**2)/h;
        (cos(x - h) - cos(x + h))/(2*h); 1/(x + h) - 1/x; (x + h)**3 - x**3; sinh(x + h) - sinh(x);
        cosh(x + h) - cosh(x); tanh(x + h) - tanh(x); sin(x) - sin(x - h); cos(x) - cos(x + h);
        exp(x) - exp(x - h); sigmoid(x + h) - sigmoid(x)
    """),
    Family("logarithms of tails", {"x": Range(1, 300, (-1,)), "y": both(0.1, 30), "z": Range(0.1, 3)}, """
        log(normal_cdf(x)); log(1 - normal_cdf(-x)); log(0.5*erfc(-x/sqrt(2))); log(erfc(-x)); log(1 + erf(x));
        log((1 + erf(x/sqrt(2)))/2); log(sigmoid(x)); log(1 + tanh(x)); log(normal_pdf(x));
        log(normal_pdf(x)/z); log(exp(-x**2/2)/sqrt(2*pi)); log(sigmoid(x)**2); log(normal_cdf(x)**3);
        log(sqrt(normal_cdf(x))); log(normal_cdf(x)*sigmoid(y)); log(normal_cdf(x)/z);
        log(sigmoid(x)*sigmoid(-x)); log(where(y > 0, normal_cdf(x), normal_pdf(x))); log(1/(1 + exp(-x)));
        log(exp(x)/(1 + exp(x))**2); log(1 - sigmoid(-x)); -log(normal_cdf(x));
        log(2*normal_pdf(x)*normal_cdf(z*x)); log(normal_cdf(x - y));
        log(z*normal_pdf(x) + (1 + z)*normal_pdf(x - y)); log2(normal_cdf(x)); log10(erfc(-x));
        normal_pdf(x)/normal_cdf(x); normal_pdf(x)/erfc(-x); x + normal_pdf(x)/normal_cdf(x);
        log(x**2*normal_pdf(x)); log(1/cosh(x)); log(1/cosh(x)**2)
    """),
    Family("logarithms of differences", {
        "x": Range(1, 800), "y": Range(0.01, 5), "w": Range(0.05, 0.95), "a": Range(300, 900, (-1,)),
        "b": Range(300, 900, (-1,)),
    }, """
        log(exp(x + y) - exp(x)); log(exp(x) - 1); log(1 - exp(-x)); log(exp(x) - exp(-x)); log(sinh(x));
        log(normal_cdf(x/50 + y) - normal_cdf(x/50)); log(normal_cdf(-x/50) - normal_cdf(-x/50 - y));
        log(w*exp(a) + (1 - w)*exp(b)); log(w*exp(-x) + (1 - w)*exp(-x*y)); log(exp(a) + w*exp(b));
        log(1 - w + w*exp(a)); log(sigmoid(x + y) - sigmoid(x)); log(erfc(y) - erfc(y + w)); log(exp(x) + w);
        log(w*normal_pdf(x) + (1 - w)*normal_pdf(y*x)); log(tanh(x)); log(1 - tanh(x));
        log(exp(-x) - exp(-2*x)); log(expm1(x)/x); log(w*exp(a) + (1 - w)*exp(b)) - a
    """),
    Family("quotients", WIDE, """
        exp(-x)*cosh(x); exp(x)/(exp(x) - 1); exp(x)/(1 - exp(x)); 1/(1 - exp(-x)); exp(-x)*sinh(x);
        sinh(x)/exp(x); cosh(x)/exp(x); cosh(x)/cosh(y); sinh(x)/cosh(y); sinh(x)/sinh(y); exp(x)/cosh(y);
        exp(x)/(exp(x) + exp(y)); exp(x)/(exp(x) + exp(y) + exp(z)); (exp(x) - exp(-x))/(exp(x) + exp(-x));
        (exp(x) - 1)/(exp(x) + 1); (exp(2*x) - 1)/(exp(2*x) + 1); exp(x)/(1 + exp(x))**2;
        exp(-x)/(1 + exp(-x))**2; x/(exp(x) - 1); x*exp(x)/(exp(x) - 1); exp(x)*exp(-y); exp(x)/exp(y);
        sigmoid(x)**0.5; sqrt(sigmoid(x)); sigmoid(x)*exp(-x); sigmoid(x)/exp(x); tanh(x)/sinh(x);
        log(cosh(x))/x; exp(x)*sigmoid(-x); log(1 + exp(x))/exp(x); exp(x)/log(1 + exp(x)); cosh(x)/sinh(x);
        1/tanh(x); exp(x)*erfc(sqrt(abs(x))); exp(x**2)*erfc(abs(x)); cosh(x) - abs(sinh(x));
        sinh(x)/(1 + cosh(x)); (exp(x) - exp(y))/(x - y); exp(x)/(exp(x) + 3); 1/(exp(x) + exp(-x)); x/sinh(x);
        x/tanh(x); x**2/sinh(x)**2; 1/(exp(x) - 1) - 1/x; exp(x)/(exp(x) - exp(y))
    """, fixed=(800.0, -800.0)),
    Family("removable", {"x": both(1e-18, 3), "y": both(0.1, 3)}, """
        (exp(x) - 1)/x; log(1 + abs(x))/abs(x); sin(x)/x; (1 - cos(x))/x**2; (x - sin(x))/x**3;
        (exp(x) - 1 - x)/x**2; x/(exp(x) - 1); tan(x)/x; sinh(x)/x; tanh(x)/x; arctan(x)/x; x/sin(x); x/tan(x);
        (cosh(x) - 1)/x**2; (1 - exp(-x))/x; (sqrt(1 + x**2) - 1)/x**2; (1 - cos(x))/x; (1 - cos(x))/sin(x);
        x/sinh(x); expm1(x)/x; log1p(x**2)/x**2; erf(x)/x; x/tanh(x); (exp(x) - exp(-x))/(2*x);
        (1/x - 1/sinh(x)); 1/tanh(x) - 1/x; arcsinh(x)/x; (exp(x) - cos(x))/x; (exp(y*x) - 1)/x; sin(y*x)/x;
        (1 - exp(-y*x))/x; log(1 - exp(-abs(x))); (x*cos(x) - sin(x))/x**2; 3*(sin(x) - x*cos(x))/x**3
    """),
    Family("roots", {
        "a": both(0.1, 10), "b": both(1e2, 1e8), "c": both(0.01, 10), "x": Range(1e-9, 0.1), "y": both(1e-160, 1e160),
    }, """
        (-b + sqrt(b**2 - 4*a*c))/(2*a); (-b - sqrt(b**2 - 4*a*c))/(2*a); -b + sqrt(b**2 - c);
        sqrt(b**2 + a) - sqrt(b**2); sqrt(b*b + c*c) - abs(b); sqrt(y**2 + a**2); y/sqrt(y**2 + 1);
        sqrt(1 + y**2)/y; y**2/(1 + y**2); 1/(1 + y**2); log(1 + y**2); arctan(1/y); sqrt(1 - (1 - x)**2);
        arccos(1 - x); 1 - (1 - x)**2; (1 + x)**2 - 1; sqrt(1 + x) - sqrt(1 - x); sqrt(1 + x)/sqrt(1 - x) - 1;
        log((1 + x)/(1 - x)); log(1 - x) - log(1 + x); log(1 - x)/log(1 + x); 1/(1 - x) - 1/(1 + x);
        (1 - x)**0.5 - 1; x**2 - a**2; sqrt(x**2 + x) - x; (a + x)**2 - a**2; arctan2(y, a); exp(log(x)*c);
        sqrt(x)*sqrt(x); (x**0.5)**2 + c; hypot(y, 1); (c + x) - c; sqrt((exp(2*x) - 1)/(exp(x) - 1))
    """),
    Family("ordinary", {"x": both(0.1, 5), "y": both(0.1, 5), "z": Range(0.1, 5), "t": Range(0.01, 3)}, """
        (x + y)*z; 1/(1 + exp(-(x*y + z))); x*y - y*z; exp(-x**2/(2*z**2)); z*exp(-t*x)*cos(y); log(z) + log(t);
        x**2*y + sin(x); z**x; tanh(x*y); sqrt(x**2 + y**2 + z**2); x/(y + 10);
        0.5*x*(1 + tanh(0.7978845608028654*(x + 0.044715*x**3))); x*normal_cdf(x); x*sigmoid(x);
        (1 - x)**2 + 100*(y - x**2)**2; sin(x)*cos(y); exp(sin(x)) + y; atan2(y, x); z*t/(1 + z*t);
        z*(1 - exp(-t)); t**z*exp(-t); max(x, y)*z; log(1 + x**2 + y**2); 1/(1 + z**4); erf(x/sqrt(2*z));
        x**3 - 3*x*y**2; exp(x)*sin(y); z**0.5*t**1.5; sin(x + y)/(z + 2); lgamma(z); z*log(z); arcsin(tanh(x));
        log(cosh(x)); y*exp(-abs(x)); x**2*exp(-x**2)
    """),
)  # fmt: skip
