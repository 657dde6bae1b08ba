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
    # Up to 0.5 a polynomial; beyond by arcsin(x) = pi/2 - 2 arcsin(s), s = sqrt((1 - x) / 2), and s_low what its
    # rounding lost, by a slope from a shift of the bits.
    "arc_square(x)": "where(abs(x) > 0.5, fma(abs(x), -0.5, 0.5), x * x)",
    "arc_root(x)": "where(abs(x) > 0.5, sqrt(arc_square(x)), abs(x))",
    "arc_rest(x)": """
        z = arc_square(x)
        s = arc_root(x)
        p = polynomial(z, 0.16666666666665375, 0.07500000000344786, 0.04464285682198063, 0.03038195939535693,
                       0.02237175194162005, 0.01735979555744812, 0.013884351549165754, 0.012174933780497733,
                       0.006503561788140251, 0.019594216251646146, -0.016326480391225397, 0.03198153348609768)
        slope = from_bits(6905965810799687593 - shift_right(bits(z), 1))
        where(abs(x) > 0.5, fma(s * z, p, fma(-s, s, z) * slope), s * z * p)
    """,
    "arcsin(x)": """
        is_far = abs(x) > 0.5
        base = where(is_far, 1.5707963267948966, 0)
        lead = where(is_far, -2 * arc_root(x), arc_root(x))
        rest = where(is_far, fma(arc_rest(x), -2, 6.123233995736766e-17), arc_rest(x))
        high = base + lead
        copysign(high + (((base - high) + lead) + rest), x)
    """,
    "arccos(x)": """
        is_far = abs(x) > 0.5
        base = where(is_far, where(x < 0, 3.141592653589793, 0), 1.5707963267948966)
        low = where(is_far, where(x < 0, 1.2246467991473532e-16, 0), 6.123233995736766e-17)
        sign = bit_and(bits(x), -9223372036854775808)
        lead = from_bits(bit_xor(bits(where(is_far, 2 * arc_root(x), -arc_root(x))), sign))
        rest = from_bits(bit_xor(bits(where(is_far, 2 * arc_rest(x), -arc_rest(x))), sign))
        high = base + lead
        high + (((base - high) + lead) + (rest + low))
    """,
    # arctan(t + lost) + low less t, for t in [-1, 1]; what rounding takes from the products is put right. The
    # slope, 1 / (1 + t * t), is near 1 + 2.5 * z.
    "arctan_rest(t, lost, low)": """
        s = t * t
        p = horner(s, -0.3333333333333307, 0.1999999999995175, -0.142857142825883, 0.1111111100735114,
                       -0.09090907007991862, 0.07692279891395162, -0.06666404444857463, 0.05880529942038472,
                       -0.052535274025575264, 0.047223505595006834, -0.04219249579934054, 0.03664328739159487,
                       -0.029905957619028714, 0.021987345704778928, -0.01390283798086016, 0.007198073655186457,
                       -0.002885708007316557, 0.0008315948730386645, -0.0001522188996857067, 1.3230789991194803e-05)
        z = s * p
        z_low = fma(fma(t, t, -s), p, fma(s, p, -z))
        fma(t, z, fma(t, z_low, fma(lost, 2.5 * z, lost)) + low)
    """,
    "arctan(x)": """
        a = where(abs(x) > 1e300, 1e300, abs(x))
        inverse = -1 / a
        is_far = a > 1
        t = where(is_far, inverse, a)
        lost = where(is_far, inverse * fma(inverse, a, 1), 0)
        base = where(is_far, 1.5707963267948966, 0)
        low = where(is_far, 6.123233995736766e-17, 0)
        high = base + t
        copysign(high + arctan_rest(t, lost, ((base - high) + t) + low), x)
    """,
    # What rounding takes from the quotient is found at a scale where nothing vanishes, its slope by turning the bits.
    "arctan2(y, x)": """
        is_steep = abs(y) > abs(x)
        larger = where(is_steep, abs(y), abs(x))
        smaller = where(is_steep, abs(x), abs(y))
        is_infinite = smaller == inf and larger == inf
        n = where(is_infinite, 1, smaller)
        d = where(is_infinite, 1, where(larger < 5e-324, 5e-324, larger))
        scale = from_bits(9209861237972664320 - bit_and(bits(d), 9205357638345293824))
        scaled = d * scale
        size = n / d
        slope = from_bits(9213909880883338986 - bits(scaled))
        rest = where(size < 1e-290, 0, fma(-size, scaled, n * scale) * slope)
        is_left = bits(x) < 0
        turn = bit_and(bit_xor(bits(x), where(is_steep, -9223372036854775808, 0)), -9223372036854775808)
        t = from_bits(bit_xor(bits(size), turn))
        lost = from_bits(bit_xor(bits(rest), turn))
        base = where(is_steep, 1.5707963267948966, where(is_left, 3.141592653589793, 0))
        low = where(is_steep, 6.123233995736766e-17, where(is_left, 1.2246467991473532e-16, 0))
        high = base + t
        angle = high + arctan_rest(t, lost, ((base - high) + t) + low)
        from_bits(bit_or(bits(angle), bit_and(bits(y), -9223372036854775808)))
    """,
}
