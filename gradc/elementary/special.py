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
        size = where(abs(x) > 28, 28, abs(x))
        far = copysign(fma(exp(-(size * size)), -p, 1), x)
        where(abs(x) < 1, fma(x, erf_near(x), x), far)
    """,
    # exp(x * x) * erfc(x) * (x + 3), in the manner of Shepherd and Laframboise, Mathematics of Computation 36 (1981):
    # what rounding took from x * x, x + 3 and the quotient is put right.
    "erfc(x)": """
        size = where(abs(x) > 28, 28, abs(x))
        square = size * size
        e = exp(-square)
        d = abs(x) + 3
        w = 1 / d
        correction = fma(-w, abs(x) - (d - 3), fma(-w, d, 1))
        t = fma(w, correction, w - 0.12640380859375)
        p = polynomial(t, 0.8910522848592266, 3.877785158207658, 14.518126373394912, 45.49655739784895,
                       113.27657772318436, 197.45975663903164, 129.68249153271213, -446.92979769894225,
                       -1393.2214620907198, -203.09303897010562, 6830.523583118383, 9054.199849702984,
                       -32067.585860299863, -80583.09566436097, 173324.97066123152, 609578.3325168445,
                       -1227380.8375837759, -3602687.9626297234, 9522245.505134966)
        q = w * p
        tail = fma(e, q, e * fma(correction - fma(size, size, -square), q, fma(w, p, -q)))
        beyond = where(abs(x) > 28, 0, tail)
        far = where(x < 0, 2 - beyond, beyond)
        where(abs(x) < 1, fma(-x, erf_near(x), 1 - x), far)
    """,
    # The same with exp(x * x / 2), as the density has it: LLVM computes it once for both.
    "normal_cdf(x)": """
        near = fma(x, polynomial(x * x, 0.3989422804014327, -0.06649038006690533, 0.009973557010030725,
                                 -0.0011873282153926981, 0.00011543468684674832, -9.444652377757379e-06,
                                 6.659574015260505e-07, -4.12038250008311e-08, 2.24695843656909e-09,
                                 -9.564146898215272e-11), 0.5)
        size = where(abs(x) > 40, 40, abs(x))
        half = -0.5 * size
        square = half * size
        e = exp(square)
        d = abs(x) + 4
        w = 1 / d
        correction = fma(-w, abs(x) - (d - 4), fma(-w, d, 1))
        t = fma(w, correction, w - 0.10455322265625)
        p = polynomial(t, 0.6654333117520309, 3.961513165341596, 19.516133951370055, 76.43406439059156,
                       217.44116128822048, 328.56121277953645, -418.33968013959463, -3334.225696671295,
                       -3094.330313959947, 24814.12490339122, 59185.71253124818, -208608.85612769893,
                       -766406.9043763253, 2287780.8352605007, 9337250.153426727, -32617118.057294335,
                       -102722600.21086003, 510807808.09292066, 631952541.9737394, -5888956608.006004,
                       6426833364.255039)
        q = w * p
        tail = fma(e, q, e * fma(correction + fma(half, size, -square), q, fma(w, p, -q)))
        beyond = where(abs(x) > 39, 0, tail)
        where(abs(x) < 0.85, near, where(x > 0, 1 - beyond, beyond))
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
