"""Exponentials, logarithms, hyperbolic functions, powers.

Arguments are reduced to a power of two and a rest, without tables and branches (Cody and Waite, Software Manual for the
Elementary Functions; Muller, Elementary Functions, 3rd edition, chapters 3 and 11). Coefficients are minimax: Remez in
60 digits, the leading ones rounded one after another and the rest fitted again. Leading terms are a sum of two numbers
where a function would come near its bound: what rounding loses of the sum is added at the end.

`x + 6755399441055744`, which is 1.5 * 2**52, rounds x to the nearest integer k and leaves it in the last bits; with an
integer more it leaves k and the bias of an exponent there, and a shift by 52 makes a power of two of it.
"""

LN2 = 0.6931471805599453
LN2_LOW = 2.3190468138462996e-17
"""The double nearest to the logarithm of 2, and what is missing."""

LN2_SHORT = 0.693147180559663
LN2_SHORT_LOW = 2.8235290563031577e-13
"""The same in 41 bits, whose product with an exponent is exact, and what is missing."""

LOG2_E = 1.4426950408889634
LOG2_E_LOW = 2.0355273740931033e-17

SHIFT = 6755399441055744
"""1.5 * 2**52, whose last bit is worth 1."""

EXPONENTIAL = {
    # ---------------------------------------------------------------- exponentials
    # e**r - 1 - r over r**2, degree 9: to 2**-57.7 of e**r
    "exp(x)": f"""
        below = where(x > 710, 710, x)
        within = where(below < -746, -746, below)
        shifted = fma(within, {LOG2_E}, {SHIFT + 2046})
        k = shifted - {SHIFT + 2046}
        r = fma(k, -{LN2_LOW}, fma(k, -{LN2}, within))
        power = polynomial(
            r, 1, 1, 0.5000000000000011, 0.16666666666666435, 0.041666666666525735, 0.008333333333476432,
            0.001388888894489175, 0.00019841269554167593, 2.4801491701151368e-05, 2.755753638454424e-06,
            2.763077608900984e-07, 2.5018208864322365e-08)
        halved = fma(k, 0.5, {SHIFT + 1023})
        power * from_bits(shift_left(bits(halved), 52)) * from_bits(shift_left(bits(shifted) - bits(halved), 52))
    """,
    # 2**r - 1 over r, degree 10: to 2**-55.4 of 2**r
    "exp2(x)": f"""
        below = where(x > 1025, 1025, x)
        within = where(below < -1080, -1080, below)
        shifted = within + {SHIFT + 2046}
        k = shifted - {SHIFT + 2046}
        r = within - k
        power = polynomial(
            r, 1, 0.6931471805599457, 0.240226506959101, 0.05550410866478786, 0.009618129107605605,
            0.001333355815397283, 0.00015403530443919403, 1.5252726931419985e-05, 1.3215441247425033e-06,
            1.018081562132546e-07, 7.0728552982234295e-09, 4.055624485965812e-10)
        halved = fma(k, 0.5, {SHIFT + 1023})
        power * from_bits(shift_left(bits(halved), 52)) * from_bits(shift_left(bits(shifted) - bits(halved), 52))
    """,
    # e**r - 1 less r, relative to e**r - 1: 2**-55.3
    "exp_tail(r)": """
        r * r * polynomial(
            r, 0.5000000000000007, 0.16666666666666696, 0.04166666666655946, 0.008333333333292023,
            0.001388888893717899, 0.0001984126999015901, 2.480149852445762e-05, 2.755711390087271e-06,
            2.762872600000219e-07, 2.5162182597470094e-08)
    """,
    # 2**k (1 + r + tail) - 1, all halved
    "expm1(x)": f"""
        below = where(x > 710, 710, x)
        within = where(below < -40, -40, below)
        shifted = fma(within, {LOG2_E}, {SHIFT + 1022})
        k = shifted - {SHIFT + 1022}
        scale = from_bits(shift_left(bits(shifted), 52))
        r = fma(k, -{LN2}, within)
        low = k * -{LN2_LOW}
        tail = exp_tail(r + low) + low
        most = scale - 0.5
        high = fma(scale, r, most)
        lost = fma(scale, r, most - high)
        where(abs(x) < 1e-18, x, 2 * (high + fma(scale, tail, lost)))
    """,
    # ---------------------------------------------------------------- hyperbolic functions
    # e**(2a) - 1 over e**(2a) + 1, a = abs(x)
    "tanh(x)": f"""
        size = abs(x)
        within = where(size > 20, 20, size)
        twice = 2 * within
        shifted = fma(twice, {LOG2_E}, {SHIFT + 1023})
        k = shifted - {SHIFT + 1023}
        scale = from_bits(shift_left(bits(shifted), 52))
        r = fma(k, -{LN2}, twice)
        low = k * -{LN2_LOW}
        tail = exp_tail(r + low) + low
        most = scale - 1
        high = fma(scale, r, most)
        lost = fma(scale, tail, fma(scale, r, most - high))
        above = high + lost
        part = 1 / (above + 2)
        quotient = above * part
        rest = high - above + lost
        copysign(fma(fma(-quotient, above + 2, above) + fma(-quotient, rest, rest), part, quotient), x)
    """,
    # a = abs(x) = k log 2 + r by the addition theorems, all over 4; sinh r to 2**-61.6, cosh r to 2**-58
    "sinh(x)": f"""
        size = abs(x)
        within = where(size > 711, 711, size)
        shifted = fma(within, {LOG2_E}, {SHIFT + 1020})
        k = shifted - {SHIFT + 1020}
        r = fma(k, -{LN2}, within)
        up = from_bits(shift_left(bits(shifted), 52))
        down = where(k > 500, 0, from_bits(shift_left({0x4338000000000000 + 2040} - bits(shifted), 52)))
        high = fma(up + down, r, up - down)
        lost = fma(up + down, r, up - down - high)
        tail = fma(up + down, sinh_tail(r, k), (up - down) * cosh_tail(r, k))
        where(size < 1e-10, x, copysign(4 * (high + (lost + tail)), x))
    """,
    "cosh(x)": f"""
        size = abs(x)
        within = where(size > 711, 711, size)
        shifted = fma(within, {LOG2_E}, {SHIFT + 1020})
        k = shifted - {SHIFT + 1020}
        r = fma(k, -{LN2}, within)
        up = from_bits(shift_left(bits(shifted), 52))
        down = where(k > 500, 0, from_bits(shift_left({0x4338000000000000 + 2040} - bits(shifted), 52)))
        high = fma(up - down, r, up + down)
        lost = fma(up - down, r, up + down - high)
        tail = fma(up - down, sinh_tail(r, k), (up + down) * cosh_tail(r, k))
        4 * (high + (lost + tail))
    """,
    # sinh(rest) - r and cosh(rest) - 1, where rest = r - k * 2.3190468138462996e-17
    "sinh_tail(r, k)": f"""
        low = k * -{LN2_LOW}
        rest = r + low
        z = rest * rest
        odd = polynomial(
            z, 0.16666666666666677, 0.008333333333321386, 0.00019841269886818557, 2.7557243448054673e-06,
            2.510932269045025e-08)
        fma(rest * z, odd, low)
    """,
    "cosh_tail(r, k)": f"""
        low = k * -{LN2_LOW}
        rest = r + low
        z = rest * rest
        even = polynomial(
            z, 0.5000000000000013, 0.04166666666651047, 0.001388888894835545, 2.4801488506564913e-05,
            2.7631810026899804e-07)
        z * even
    """,
    # log(a + sqrt(1 + a**2)) = log1p(a + a**2 / (1 + sqrt(1 + a**2))), a = abs(x); of large ones log(2 a)
    "arcsinh(x)": f"""
        size = abs(x)
        is_large = size > 1e16
        within = where(is_large, 0, size)
        square = within * within
        more = square / (1 + sqrt(1 + square))
        high = size + more
        found = log1p_sum(high, size - high + more, where(is_large, {2**52 + 1022}, {2**52 + 1023}))
        copysign(where(size < inf, found, size), x)
    """,
    # log(x + sqrt(x**2 - 1)) = log1p(t + sqrt(t**2 + 2 t)), t = x - 1; of large ones log(2 x)
    "arccosh(x)": f"""
        is_large = x > 1e16
        t = x - 1
        within = where(is_large, 0, t)
        root = sqrt(fma(within, within, 2 * within))
        high = t + root
        found = log1p_sum(high, root - high + t, where(is_large, {2**52 + 1022}, {2**52 + 1023}))
        where(x < 1, nan, where(x < inf, found, x))
    """,
    # (1 + a) / (1 - a) = 2**k (1 + s) / (1 - s), a = abs(x): arctanh a = k/2 log 2 + arctanh s
    "arctanh(x)": f"""
        size = abs(x)
        biased = shift_right(bits(1 + size) - bits(1 - size) + {1981583836043018 + (1023 << 52)}, 52)
        k = from_bits(bit_or(biased, 4841369599423283200)) - 4503599627371519
        scale = from_bits(shift_left(biased, 52))
        is_low = size < 0.5
        v = where(is_low, size, size - 1)
        above = fma(v, 1 + scale, where(is_low, 1 - scale, 2))
        below = fma(v, 1 - scale, where(is_low, 1 + scale, 2))
        s = above / below
        z = s * s
        series = polynomial(
            z, 0.3333333333333321, 0.20000000000085572, 0.14285714265537547, 0.1111111340931743,
            0.09090764551935739, 0.07697586091131589, 0.06555662122133472, 0.07114483140690277)
        most = k * {LN2_SHORT / 2}
        high = most + s
        found = high + (most - high + s + fma(s * z, series, k * {LN2_SHORT_LOW / 2}))
        copysign(where(size < 1, found, where(size == 1, inf, nan)), x)
    """,
    # ---------------------------------------------------------------- logarithms
    # x = 2**k m with m between sqrt(1/2) and sqrt(2), f = m - 1, s = f / (2 + f)
    "log_normal(x)": "where(x < 2.2250738585072014e-308, x * 18014398509481984, x)",
    "log_exponent(x)": f"""
        biased = shift_right(bits(log_normal(x)) + 2638147582215219, 52)
        bias = where(x < 2.2250738585072014e-308, {2**52 + 1077}, {2**52 + 1023})
        from_bits(bit_or(biased, 4841369599423283200)) - bias
    """,
    "log_mantissa(x)": f"""
        from_bits(bit_and(bits(x) + 2638147582215219, {2**52 - 1}) + 4604544271217802189)
    """,
    # log(m) = f - f**2/2 + s (f**2/2 + series), as fdlibm has it; series to 2**-58.5
    "log_series(s)": """
        z = s * s
        z * polynomial(
            z, 0.6666666666666734, 0.39999999999416536, 0.2857142874206872, 0.22222198599573587,
            0.18183563193682595, 0.15314074790678428, 0.14795745562841212)
    """,
    "log_special(x, found)": "where(x > 0, where(x < inf, found, x), where(x == 0, -inf, nan))",
    "log(x)": f"""
        k = log_exponent(x)
        f = log_mantissa(log_normal(x)) - 1
        s = f / (2 + f)
        square = 0.5 * f * f
        most = k * {LN2_SHORT}
        high = most + f
        found = high + (most - high + f - (square - fma(s, square + log_series(s), k * {LN2_SHORT_LOW})))
        log_special(x, found)
    """,
    "log2(x)": f"""
        k = log_exponent(x)
        f = log_mantissa(log_normal(x)) - 1
        s = f / (2 + f)
        square = 0.5 * f * f
        high = f - square
        low = fma(s, square + log_series(s), f - high - square)
        scaled = high * {LOG2_E}
        rest = fma(high, {LOG2_E}, -scaled) + fma(low, {LOG2_E}, high * {LOG2_E_LOW})
        most = k + scaled
        log_special(x, most + (k - most + scaled + rest))
    """,
    "log10(x)": """
        k = log_exponent(x)
        f = log_mantissa(log_normal(x)) - 1
        s = f / (2 + f)
        square = 0.5 * f * f
        high = f - square
        low = fma(s, square + log_series(s), f - high - square)
        scaled = high * 0.4342944819032518
        rest = fma(high, 0.4342944819032518, -scaled) + fma(low, 0.4342944819032518, high * 1.098319650216765e-17)
        part = k * 0.30102999566383914
        most = part + scaled
        log_special(x, most + (part - most + scaled + fma(k, 1.42050232272661e-13, rest)))
    """,
    "log1p(x)": f"""
        found = log1p_sum(x, 0, {2**52 + 1023})
        where(x == 0, x, where(x > -1, where(x < inf, found, x), where(x == -1, -inf, nan)))
    """,
    # log(1 + x + low), where low is less than the last bit of x; a bias less by 1 adds log 2
    "log1p_sum(x, low, bias)": f"""
        u = 1 + x
        part = u - 1
        missing = 1 - (u - part) + (x - part) + low
        biased = shift_right(bits(u) + 2638147582215219, 52)
        k = from_bits(bit_or(biased, 4841369599423283200)) - bias
        f = log_mantissa(u) - 1
        scaled = missing * from_bits(shift_left(2047 - biased, 52))
        g = fma(scaled, 0.5, f)
        rest = fma(scaled, 0.5, f - g)
        s = g / (2 + g)
        square = 0.5 * g * g
        most = k * {LN2_SHORT}
        high = most + g
        small = fma(s, square + log_series(s), fma(k, {LN2_SHORT_LOW}, fma(rest, -2 * s, rest)))
        high + (most - high + g - (square - small))
    """,
    # ---------------------------------------------------------------- powers
    # |x|**y = e**(y log |x|) with log |x| = high + low to 2**-65; the signs, and what C's pow does at the ends
    "power(x, y)": """
        size = abs(x)
        high = power_log(size)
        low = power_log_rest(size)
        capped = where(y > 36893488147419103232, 36893488147419103232, y)
        times = where(capped < -36893488147419103232, -36893488147419103232, capped)
        exponent = times * high
        rest = where(abs(exponent) < 800, fma(times, high, -exponent) + times * low, 0)
        found = power_exp(exponent, rest)
        is_whole = round(y) == y
        is_odd = is_whole and round(0.5 * y) != 0.5 * y
        signed = where(is_odd, copysign(found, x), found)
        where(x == 1 or y == 0, 1, where(x < 0 and x > -inf and not is_whole, nan, signed))
    """,
    # log m = s (2 + z (2/3 + z tail)), z = s**2, in two parts; the tail to 2**-71 of 2
    "power_quotient(x)": """
        f = log_mantissa(log_normal(x)) - 1
        f * (1 / (2 + f))
    """,
    "power_quotient_rest(x)": """
        f = log_mantissa(log_normal(x)) - 1
        d = 2 + f
        s = power_quotient(x)
        (fma(-s, d, f) - s * (2 - d + f)) * (1 / d)
    """,
    "power_tail(z)": """
        z * polynomial(
            z, 0.3999999999999998, 0.2857142857144384, 0.22222222217788937, 0.18181818844116532,
            0.15384558418864405, 0.1333626490786753, 0.1167577181296812, 0.11981831690174491)
    """,
    "power_log(x)": f"""
        s = power_quotient(x)
        cubic = power_cubic(x)
        most = log_exponent(x) * {LN2_SHORT}
        high = 2 * s + cubic
        total = most + high
        where(x == 0, -inf, where(x < inf, total, x))
    """,
    "power_cubic(x)": f"""
        s = power_quotient(x)
        z = s * s
        s * (z * (power_tail(z) + {2 / 3}))
    """,
    "power_log_rest(x)": f"""
        k = log_exponent(x)
        s = power_quotient(x)
        r = power_quotient_rest(x)
        z = s * s
        z_rest = fma(s, s, -z) + 2 * s * r
        tail = power_tail(z)
        c = tail + {2 / 3}
        c_rest = {2 / 3} - c + tail + fma(z_rest, 0.41, 3.700743415417188e-17)
        v = z * c
        v_rest = fma(z, c, -v) + fma(z, c_rest, z_rest * c)
        cubic = power_cubic(x)
        cubic_rest = fma(s, v, -cubic) + fma(s, v_rest, r * v)
        high = 2 * s + cubic
        high_rest = 2 * s - high + cubic + fma(2, r, cubic_rest)
        most = k * {LN2_SHORT}
        total = most + high
        most - total + high + fma(k, {LN2_SHORT_LOW}, high_rest)
    """,
    "power_exp(x, rest)": f"""
        below = where(x > 710, 710, x)
        within = where(below < -746, -746, below)
        shifted = fma(within, {LOG2_E}, {SHIFT + 2046})
        k = shifted - {SHIFT + 2046}
        first = fma(k, -{LN2}, within)
        second = fma(k, -{LN2_LOW}, rest)
        r = first + second
        tail = r * r * polynomial(
            r, 0.5000000000000011, 0.16666666666666435, 0.041666666666525735, 0.008333333333476432,
            0.001388888894489175, 0.00019841269554167593, 2.4801491701151368e-05, 2.755753638454424e-06,
            2.763077608900984e-07, 2.5018208864322365e-08)
        high = 1 + r
        power = high + (1 - high + r + (tail + (first - r + second)))
        halved = fma(k, 0.5, {SHIFT + 1023})
        power * from_bits(shift_left(bits(halved), 52)) * from_bits(shift_left(bits(shifted) - bits(halved), 52))
    """,
}
