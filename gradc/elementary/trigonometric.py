"""Trigonometric functions and their inverses.

Polynomials are minimax (Remez); reductions follow Cody and Waite, Software Manual for the Elementary Functions, and
Muller, Elementary Functions, chapter 11, with `fma`.
"""

TRIGONOMETRIC = {
    # abs(x) in quarter turns; the low bits are the nearest whole number, below 2**20.
    "quarters(x)": "fma(abs(x), 0.6366197723675814, 6755399441055744.0)",
    # abs(x) less its quarter turns. The first two steps are exact: half of pi in 53, 33 and 53 bits.
    "rest_exact(x)": "fma(quarters(x) - 6755399441055744.0, -1.5707963267948966, abs(x))",
    "rest(x)": "fma(quarters(x) - 6755399441055744.0, -6.12323399538461e-17, rest_exact(x))",
    "rest_low(x)": """
        k = quarters(x) - 6755399441055744.0
        fma(k, -3.5215598651832e-27, fma(k, -6.12323399538461e-17, rest_exact(x) - rest(x)))
    """,
    "rest_square(x)": "fma(rest(x), rest(x), (rest(x) + rest(x)) * rest_low(x))",
    "sin_of_rest(x)": """
        r = rest(x)
        s = rest_square(x)
        p = polynomial(s, -0.16666666666666632, 0.008333333333322425, -0.00019841269829816966, 2.755731369523491e-06,
                       -2.505075865467846e-08, 1.5896827999822757e-10)
        r + fma(r * s, p, rest_low(x))
    """,
    "cos_of_rest(x)": """
        polynomial(rest_square(x), 1, -0.5, 0.0416666666666666, -0.0013888888888874138, 2.480158728949196e-05,
                   -2.755731435527846e-07, 2.0875723689118957e-09, -1.1359670090876896e-11)
    """,
    "sin(x)": """
        k = bits(quarters(x))
        size = where(shift_left(k, 63) < 0, cos_of_rest(x), sin_of_rest(x))
        sign = bit_and(bit_xor(shift_left(k, 62), bits(x)), -9223372036854775808)
        rare(abs(x) >= 1e6, sin_large(x), from_bits(bit_xor(bits(size), sign)))
    """,
    "cos(x)": """
        k = bits(quarters(x))
        size = where(shift_left(k, 63) < 0, sin_of_rest(x), cos_of_rest(x))
        sign = bit_and(shift_left(k + 1, 62), -9223372036854775808)
        rare(abs(x) >= 1e6, cos_large(x), from_bits(bit_xor(bits(size), sign)))
    """,
    "tan(x)": """
        r = rest(x)
        s = rest_square(x)
        p = polynomial(s, 0.33333333333332715, 0.13333333333422503, 0.05396825392313638, 0.02186948968869119,
                       0.008863218103799381, 0.00359229814477677, 0.00145470562516113, 0.0005952746185236602,
                       0.00022178848959582154, 0.00013769232823792596, -2.7964886418636153e-05, 9.084767118271338e-05,
                       -4.5602133271402975e-05, 2.1031591538741668e-05)
        z = s * p
        z_low = fma(fma(r + r, rest_low(x), fma(r, r, -s)), p, fma(s, p, -z))
        part = fma(r, z, fma(r, z_low, fma(rest_low(x), z, rest_low(x))))
        t = r + part
        low = (r - t) + part
        inverse = -1 / t
        turned = fma(inverse, fma(inverse, low, fma(inverse, t, 1)), inverse)
        size = where(shift_left(bits(quarters(x)), 63) < 0, turned, t)
        sign = bit_and(bits(x), -9223372036854775808)
        rare(abs(x) >= 1e6, tan_large(x), from_bits(bit_xor(bits(size), sign)))
    """,
}
