"""Exponentials, logarithms and powers."""

EXPONENTIAL = {
    "exp(x)": """
        shifted = fma(x, 1.4426950408889634, 6755399441055744.0)
        k = shifted - 6755399441055744.0
        r = fma(k, -0.6931471805599453, x)
        s = fma(k, -2.3190468138462996e-17, r)
        polynomial(s, 1, 1, 0.5, 0.16666666666666666) * from_bits(shift_left(bits(shifted) + 1023, 52))
    """,
}
