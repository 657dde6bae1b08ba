"""Error functions, hypotenuses and roots. Polynomials are minimax (Remez)."""

SPECIAL = {
    # erf(x) / x - 1 for abs(x) < 1; 2 / sqrt(pi) - 1 at 0.
    "erf_near(x)": """
        polynomial(x * x, 0.12837916709551256, -0.37612638903183515, 0.11283791670943973, -0.026866170643076302,
                   0.0052239776058214124, -0.0008548325914723991, 0.00012055293131328348, -1.4924703583344648e-05,
                   1.644702220313526e-06, -1.6205463455549985e-07, 1.3707250907662204e-08, -7.772415915366913e-10)
    """,
    # Farther out exp(x * x) * erfc(x) is a polynomial in 1 / (x + 3), exact to exp(x * x) * 2**-57.
    "erf(x)": """
        p = polynomial(1 / (abs(x) + 3) - 0.1875, 0.22392935763140878, 2.3715697251254464, 11.127869360590253,
                       41.02269137836727, 113.85751724150411, 212.25323402296652, 157.9132042040664,
                       -367.92961790146774, -1007.0029001162555, 395.2154751619042, 4962.482919497483,
                       -5521.147873635903)
        far = copysign(fma(exp(-x * x), -p, 1), x)
        where(abs(x) < 1, fma(x, erf_near(x), x), far)
    """,
    # exp(x * x) * erfc(x) * (x + 3), in the manner of Shepherd and Laframboise, Mathematics of Computation 36 (1981):
    # what rounding took from x * x, x + 3 and the quotient is put right.
    "erfc(x)": """
        square = -x * x
        e = exp(square)
        d = abs(x) + 3
        w = 1 / d
        correction = fma(-w, abs(x) - (d - 3), fma(-w, d, 1))
        p = polynomial(fma(w, correction, w - 0.125), 0.885637101864549, 3.837291544674679, 14.327854933924293,
                       44.864366926299034, 111.89447554013847, 196.34918013938844, 133.9974949443095,
                       -431.29993174635166, -1390.0539878234774, -297.9798642073156, 6686.6031418887615,
                       9581.842941263205, -30566.67689271062, -83861.50438780163, 160205.6388611266,
                       636159.396383941, -1138532.5154749344, -3843301.3439240274, 9522245.505134966)
        q = w * p
        tail = fma(e, q, e * fma(fma(-x, x, -square) + correction, q, fma(w, p, -q)))
        size = where(abs(x) > 30, 0, tail)
        far = where(x < 0, 2 - size, size)
        where(abs(x) < 1, fma(-x, erf_near(x), 1 - x), far)
    """,
    # The larger is scaled to [0.5, 8) by a power of two; a tangent step puts the root right, its slope from a shift of
    # the bits.
    "hypot(x, y)": """
        larger = where(abs(y) > abs(x), abs(y), abs(x))
        smaller = where(abs(y) > abs(x), abs(x), abs(y))
        power = bit_and(bits(larger), 9205357638345293824)
        scale = from_bits(9209861237972664320 - power)
        a = larger * scale
        b = smaller * scale
        square = a * a
        sum = fma(b, b, square)
        h = sqrt(sum)
        rest = fma(b, b, fma(-h, h, square)) + fma(a, a, -square)
        half_inverse = from_bits(6905965810799687593 - shift_right(bits(sum), 1))
        size = fma(rest, half_inverse, h) * from_bits(bit_or(power, 4503599627370496))
        where(abs(x) == inf or abs(y) == inf, inf, size)
    """,
    # The inverse root to a tenth by dividing the bits by 3 (Kahan), then to 1e-7; c + c_low is abs(x) / root**2.
    "cbrt(x)": """
        tiny = abs(x) < 2.2250738585072014e-308
        a = where(tiny, abs(x) * 18014398509481984.0, abs(x))
        digits = from_bits(bit_or(shift_right(bits(a), 12), 4841369599423283200))
        guess = from_bits(shift_left(bits(fma(digits, -0.3333333333333333, 7504458596656436.0)), 12))
        near = fma(-(a * guess), guess * guess, 1)
        y = guess * polynomial(near, 1.000000004823499, 0.33332903688864884, 0.2222147706698497, 0.1744818858920054,
                               0.1458347975552474)
        p = a * y
        c = p * y
        c_low = fma(fma(a, y, -p), y, fma(p, y, -c))
        h = fma(-c_low, y, fma(-c, y, 1))
        root = c + fma(c * h, fma(h, 0.5555555555555556, 0.6666666666666666), c_low)
        size = copysign(where(tiny, root * 3.814697265625e-06, root), x)
        where(abs(x) == inf, x, size)
    """,
}
