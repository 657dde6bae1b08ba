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
}
