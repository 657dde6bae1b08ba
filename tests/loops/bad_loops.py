"""Loop IR that is wrong: the text, and what the checker says of which line."""

HEAD = "kernel(x: f64[n], i: i64[n], a: f64)\n  size n = x.shape[0]\n"
LOOP = "for k0 in 0 to n"

BAD = {
    "an unknown array": (
        "  allocate y: f64[n]\n  %0 = a\n  return value = %0\n".replace("allocate y", "fill z with 0.0\n  allocate y"),
        "`z` is not defined above",
    ),
    "an array before it is made": (
        "  fill y with 0.0\n  allocate y: f64[n]\n  return value = a\n",
        "not defined above",
    ),
    "an array after its loop": (
        f"  parallel {LOOP}\n    allocate y: f64[n]\n  y[0] = a\n  return value = a\n",
        "the array `y` is used before it is made",
    ),
    "an array that is made twice": (
        "  allocate y: f64[n]\n  allocate y: f64[n]\n  return value = y\n",
        "is made twice",
    ),
    "a value before its definition": ("  %0 = exp(%1)\n  return value = %0\n", "`%1` is not defined above"),
    "a value after its loop": (
        f"  parallel {LOOP}\n    %0 = x[k0]\n  %1 = exp(%0)\n  return value = %1\n",
        "a value is used before it is defined, or after its loop",
    ),
    "a value that is defined twice": ("  %0 = exp(a)\n  %0 = exp(a)\n  return value = %0\n", "`%0` is defined twice"),
    "a reduction read before it has ended": (
        f"  open sum total %0 = 0.0\n  sequential {LOOP}\n    sum %0 <- x[k0]\n    %1 = exp(%0)\n  return value = %0\n",
        "a reduction is read before it has ended",
    ),
    "a sum with an error that is never closed": (
        "  open sum total %0 = 0.0\n  open sum error %1 of %0 = 0.0\n  sum %0 with %1 <- a\n  return value = %0\n",
        "a sum is read before it is closed",
    ),
    "terms of another reduction": (
        f"  open sum total %0 = 0.0\n  reduction {LOOP}\n    max %0 <- x[k0]\n  return value = %0\n",
        "terms of a max are combined into a sum",
    ),
    "too many indices": ("  %0 = x[0, 0]\n  return value = %0\n", "`x` has 1 axes and 2 indices"),
    "an index that is no whole number": (
        "  %0 = exp(a)\n  %1 = x[%0]\n  return value = %1\n",
        "an index is f64, not i64",
    ),
    "a loop variable outside its loop": (
        f"  parallel {LOOP}\n    %0 = x[k0]\n  %1 = x[k0]\n  return value = %1\n",
        "there is no loop over `k0` here",
    ),
    "an unknown size": ("  allocate y: f64[m]\n  return value = y\n", "the size `m` is not known here"),
    "no return": ("  %0 = exp(a)\n", "the kernel does not end with what it returns"),
    "statements behind the return": ("  return value = a\n  %0 = exp(a)\n  return value = %0\n", "follow the return"),
    "a store of another type": ("  allocate y: i64[n]\n  y[0] = a\n  return value = y\n", "the value is f64, not i64"),
    "an op of another type": ("  %0 = add(a, True)\n  return value = %0\n", "`add` does not go with f64, bool"),
    "an input that is written to": ("  x[0] = a\n  return value = a\n", "the input `x` is written to"),
    "a condition that is a number": (
        '  raise ValueError "no" if exp(a)\n  return value = a\n',
        "a condition is f64, not bool",
    ),
    "matrices that do not multiply": (
        "  allocate y: f64[n, 2]\n  p: f64[2, 2] = y @ y\n  return value = p\n",
        "shapes [n, 2] and [n, 2] do not multiply to [2, 2]",
    ),
    "two stores into one place": (
        f"  allocate y: f64[n]\n  parallel {LOOP}\n    y[0] = x[k0]\n  return value = y\n",
        "the iterations of this loop need a sequential order",
    ),
    "stores where an inner loop says": (
        f"  allocate y: f64[n]\n  parallel {LOOP}\n    parallel for k1 in 0 to n\n      y[k1] = x[k0]\n"
        "  return value = y\n",
        "the iterations of this loop need a sequential order",
    ),
    "stores into places that meet": (
        f"  allocate y: f64[n]\n  parallel {LOOP}\n    parallel for k1 in 0 to n\n      y[k1 + k0] = a\n"
        "  return value = y\n",
        "the iterations of this loop need a sequential order",
    ),
    "stores where indices say": (
        f"  allocate y: f64[n]\n  parallel {LOOP}\n    %0 = i[k0]\n    y[%0] = x[k0]\n  return value = y\n",
        "the iterations of this loop need a sequential order",
    ),
    "a neighbour that another iteration writes": (
        f"  allocate y: f64[n]\n  parallel {LOOP}\n    y[k0] = x[k0]\n    %0 = y[k0 + 1]\n  return value = y\n",
        "the iterations of this loop need a sequential order",
    ),
    "blocks that overlap": (
        "  allocate y: f64[n]\n  parallel for k0 in 0 to n by 2\n    parallel for k1 in k0 to min(k0 + 3, n)\n"
        "      y[k1] = a\n  return value = y\n",
        "the iterations of this loop need a sequential order",
    ),
    "terms combined by a parallel loop": (
        f"  open sum total %0 = 0.0\n  parallel {LOOP}\n    sum %0 <- x[k0]\n  return value = %0\n",
        "the iterations of this loop need a reduction order",
    ),
    "terms added into an array by a parallel loop": (
        f"  allocate y: f64[n] zeros\n  parallel {LOOP}\n    %0 = i[k0]\n    sum y[%0] <- x[k0]\n  return value = y\n",
        "the iterations of this loop need a reduction order",
    ),
    "a carry in a loop that reduces": (
        f"  allocate y: f64[n]\n  open carry %0 of y = 0.0\n  reduction {LOOP}\n    y[k0] = %0\n"
        "    update %0 <- x[k0]\n  return value = y\n",
        "the iterations of this loop need a sequential order",
    ),
    "a kernel that is left": ("  leave if True\n  return value = a\n", "there is no loop to leave here"),
    "a parallel loop that is left": (
        f"  allocate y: f64[n]\n  parallel {LOOP}\n    y[k0] = x[k0]\n    leave if True\n  return value = y\n",
        "a parallel loop is not left before its end",
    ),
    "a loop that is left in the middle": (
        f"  allocate y: f64[n]\n  sequential {LOOP}\n    leave if True\n    y[k0] = x[k0]\n  return value = y\n",
        "a loop is left at the end of its body",
    ),
    "a loop that is left for a number": (
        f"  allocate y: f64[n]\n  sequential {LOOP}\n    y[k0] = x[k0]\n    leave if a\n  return value = y\n",
        "a condition is f64, not bool",
    ),
    "a size that is no whole number": (
        "  %0 = exp(a)\n  size m = %0\n  allocate y: f64[m]\n  return value = y\n",
        "a size is f64, not i64",
    ),
    "scratch that hands on": (
        f"  allocate y: f64[1] zeros\n  parallel {LOOP}\n    %0 = y[0]\n    %1 = add(%0, x[k0])\n    y[0] = %1\n"
        "  return value = a\n",
        "the iterations of this loop need a sequential order",
    ),
}
