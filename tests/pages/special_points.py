"""Kinks and special points: what a program gives where a derivative needs a convention, one row each.

The rows are tested in every engine that answers at once, and docs/numerics.md is written from them.
"""

inf, nan = float("inf"), float("nan")

KINKS = [
    # program, point, value, gradients, in words
    (
        "where(x > 0, log(x), 0)",
        (0.0,),
        0.0,
        (0.0,),
        "the untaken side of `where` has no influence, even where it is infinite",
    ),
    ("sqrt(x) if x > 0 else x", (0.0,), 0.0, (1.0,), "the same for a conditional"),
    ("where(x > 1, exp(x**2), x)", (1e3,), inf, (inf,), "a side that is taken keeps its infinity"),
    ("max(x, y)", (2.0, 2.0), 2.0, (0.5, 0.5), "two inputs that tie in `max` share the gradient"),
    ("min(x, y)", (2.0, 2.0), 2.0, (0.5, 0.5), "and in `min`"),
    ("max(x, y, z)", (2.0, 2.0, 2.0), 2.0, (0.25, 0.25, 0.5), "among three inputs `max` is nested, so pairs share"),
    ("max(x, 0)", (0.0,), 0.0, (0.0,), "a constant takes nothing and gives nothing: relu'(0) = 0"),
    ("max(0, 1 - x)", (1.0,), 0.0, (0.0,), "a hinge at its margin contributes nothing"),
    ("clip(x, 0, 1)", (0.0,), 0.0, (0.0,), "clip is flat at its lower bound"),
    ("clip(x, 0, 1)", (1.0,), 1.0, (0.0,), "and at its upper one"),
    ("abs(x)", (0.0,), 0.0, (0.0,), "abs'(0) = 0"),
    ("sign(x)", (0.0,), 0.0, (0.0,), "sign'(0) = 0"),
    ("hypot(x, y)", (0.0, 0.0), 0.0, (0.0, 0.0), "hypot and norm have gradient 0 at the origin"),
    ("arctan2(y, x)", (0.0, 0.0), 0.0, (nan, nan), "an angle has no slope at the origin, whatever way one takes"),
    (
        "x*sqrt(y)",
        (0.0, 0.0),
        0.0,
        (0.0, 0.0),
        "a factor that stays zero makes the product flat, however steep the other is",
    ),
    ("sqrt(w*d**2)", (2.0, 0.0), 0.0, (0.0, 0.0), "the root of a weighted square is a norm"),
    ("sqrt(x*y)", (0.0, 4.0), 0.0, (inf, 0.0), "a root that rises without bound says so"),
    ("sqrt(x)*cbrt(x)", (0.0,), 0.0, (nan,), "zero times infinity is NaN where nothing is known of the limit"),
    (
        "normal_cdf((b - m)/s)",
        (inf, 0.0, 1.0),
        1.0,
        (0.0, 0.0, 0.0),
        "nothing arrives from beyond the tails of a normal",
    ),
    ("erf(x/s)", (1.0, 0.0), 1.0, (0.0, 0.0), "distribution, however steep what lies there"),
    ("x**y", (3.0, 0.0), 1.0, (0.0, 1.0986122886681098), "x**0 has gradient 0 in x everywhere"),
    ("x**y", (0.0, 0.0), 1.0, (0.0, -inf), "at x = 0 too; 0**y falls from 1 to 0 at y = 0"),
    ("x**y", (0.0, 2.0), 0.0, (0.0, 0.0), "0**y for y > 0 has derivative 0 in y"),
    ("sigmoid(x)", (1000.0,), 1.0, (0.0,), "a saturated sigmoid has gradient 0, never NaN"),
    ("sigmoid(x)", (-1000.0,), 0.0, (0.0,), "on both sides"),
    ("1/(1+exp(-x))", (-1000.0,), 0.0, (0.0,), "also when it is written out"),
    ("tanh(x)", (1000.0,), 1.0, (0.0,), "and tanh"),
    ("softplus(x)", (1000.0,), 1000.0, (1.0,), "softplus reaches its asymptotes exactly"),
    ("log(1+exp(x))", (-1000.0,), 0.0, (0.0,), "written out too"),
    ("logaddexp(x, y)", (1000.0, -1000.0), 1000.0, (1.0, 0.0), "log-sum-exp gives all to the largest"),
    ("sqrt(x**2 + y**2)", (1e300, 0.0), 1e300, (1.0, 0.0), "no overflow on the way"),
    ("log(x)", (-1.0,), nan, (-1.0,), "outside its domain a value is NaN"),
    ("xlogy(x, y)", (0.0, 2.0), 0.0, (0.6931471805599453, 0.0), "x log y is smooth at x = 0 where y is positive"),
    ("xlogy(x, y)", (0.0, 0.0), 0.0, (0.0, 0.0), "at x = 0 it is 0 and flat where log y is not finite"),
    (
        "log(1 - exp(x))",
        (0.0,),
        -inf,
        (-inf,),
        "at the end of a domain a slope has the sign that it has on the way there",
    ),
    ("log(exp(x) - exp(y))", (2.0, 2.0), -inf, (inf, -inf), "from the side where there is a value"),
    ("x**0.25", (inf,), inf, (0.0,), "a root has slope 0 at infinity, its limit"),
    ("log(1 + x**2)", (1e200,), 921.0340371976183, (2e-200,), "nor where only a square is too large"),
    ("floor(x)", (1.5,), 1.0, (0.0,), "no gradient passes through rounding"),
]
