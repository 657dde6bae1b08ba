; out = left @ right, of m x k and k x n elements; the strides of an axis are in elements. Larger products are made in
; parts, a few rows and columns of the result each, which threads may take, and between which the user may interrupt
; them. With `low` the product is added to `out`, and what rounding loses to `low`, which has as many elements. Returns a
; status.
define i64 @$NAME(ptr %out, i64 %o0, i64 %o1, ptr %left, i64 %l0, i64 %l1, ptr %right, i64 %r0, i64 %r1, i64 %m, i64 %n, i64 %k, ptr %low) {
entry:
  %words = alloca [16 x i64], align 8
  %is.alone = icmp eq ptr %low, null
  %mn = mul i64 %m, %n
  %mnk = mul i64 %mn, %k
  %is.small = icmp ult i64 %mnk, $PARTED
  br i1 %is.small, label %whole, label %cut
whole:
  call void @block.$T(ptr %out, i64 %o0, i64 %o1, ptr %left, i64 %l0, i64 %l1, ptr %right, i64 %r0, i64 %r1, i64 %m, i64 %n, i64 %k, i1 %is.alone, ptr %low)
  ret i64 0
cut:  ; broad parts are as large as the caches like, thin ones small enough for BLAS to call no threads of its own
  %is.high = icmp uge i64 %m, 2
  %is.wide = icmp uge i64 %n, 4
  %is.broad = and i1 %is.high, %is.wide
  %eighth = udiv i64 %m, 8
  %sixth = udiv i64 %eighth, 6
  %sixes = mul i64 %sixth, 6
  %some.rows = call i64 @llvm.umax.i64(i64 %sixes, i64 $LEAST)
  %broad.rows = call i64 @llvm.umin.i64(i64 %some.rows, i64 $ROWS)
  %nk.all = mul i64 %n, %k
  %nk = call i64 @llvm.umax.i64(i64 %nk.all, i64 1)
  %few.rows = udiv i64 $THIN, %nk
  %thin.rows = call i64 @llvm.umax.i64(i64 %few.rows, i64 1)
  %height = select i1 %is.broad, i64 %broad.rows, i64 %thin.rows
  %width = select i1 %is.broad, i64 $WIDTH, i64 $THIN
  %m.more = add i64 %m, %height
  %m.last = sub i64 %m.more, 1
  %rows = udiv i64 %m.last, %height
  %n.more = add i64 %n, %width
  %n.last = sub i64 %n.more, 1
  %columns = udiv i64 %n.last, %width
  %parts = mul i64 %rows, %columns
  %out.at = getelementptr i64, ptr %words, i64 0
  store ptr %out, ptr %out.at, align 8
  %o0.at = getelementptr i64, ptr %words, i64 1
  store i64 %o0, ptr %o0.at, align 8
  %o1.at = getelementptr i64, ptr %words, i64 2
  store i64 %o1, ptr %o1.at, align 8
  %left.at = getelementptr i64, ptr %words, i64 3
  store ptr %left, ptr %left.at, align 8
  %l0.at = getelementptr i64, ptr %words, i64 4
  store i64 %l0, ptr %l0.at, align 8
  %l1.at = getelementptr i64, ptr %words, i64 5
  store i64 %l1, ptr %l1.at, align 8
  %right.at = getelementptr i64, ptr %words, i64 6
  store ptr %right, ptr %right.at, align 8
  %r0.at = getelementptr i64, ptr %words, i64 7
  store i64 %r0, ptr %r0.at, align 8
  %r1.at = getelementptr i64, ptr %words, i64 8
  store i64 %r1, ptr %r1.at, align 8
  %m.at = getelementptr i64, ptr %words, i64 9
  store i64 %m, ptr %m.at, align 8
  %n.at = getelementptr i64, ptr %words, i64 10
  store i64 %n, ptr %n.at, align 8
  %k.at = getelementptr i64, ptr %words, i64 11
  store i64 %k, ptr %k.at, align 8
  %height.at = getelementptr i64, ptr %words, i64 12
  store i64 %height, ptr %height.at, align 8
  %width.at = getelementptr i64, ptr %words, i64 13
  store i64 %width, ptr %width.at, align 8
  %columns.at = getelementptr i64, ptr %words, i64 14
  store i64 %columns, ptr %columns.at, align 8
  %low.at = getelementptr i64, ptr %words, i64 15
  store ptr %low, ptr %low.at, align 8
  %status = call i64 @shared(ptr @part.$T, ptr %words, ptr null, i64 %parts)
  ret i64 %status
}

; a part of a product
define internal i64 @part.$T(ptr %words, ptr %nothing, i64 %number) {
entry:
  %out.at = getelementptr i64, ptr %words, i64 0
  %out = load ptr, ptr %out.at, align 8
  %o0.at = getelementptr i64, ptr %words, i64 1
  %o0 = load i64, ptr %o0.at, align 8
  %o1.at = getelementptr i64, ptr %words, i64 2
  %o1 = load i64, ptr %o1.at, align 8
  %left.at = getelementptr i64, ptr %words, i64 3
  %left = load ptr, ptr %left.at, align 8
  %l0.at = getelementptr i64, ptr %words, i64 4
  %l0 = load i64, ptr %l0.at, align 8
  %l1.at = getelementptr i64, ptr %words, i64 5
  %l1 = load i64, ptr %l1.at, align 8
  %right.at = getelementptr i64, ptr %words, i64 6
  %right = load ptr, ptr %right.at, align 8
  %r0.at = getelementptr i64, ptr %words, i64 7
  %r0 = load i64, ptr %r0.at, align 8
  %r1.at = getelementptr i64, ptr %words, i64 8
  %r1 = load i64, ptr %r1.at, align 8
  %m.at = getelementptr i64, ptr %words, i64 9
  %m = load i64, ptr %m.at, align 8
  %n.at = getelementptr i64, ptr %words, i64 10
  %n = load i64, ptr %n.at, align 8
  %k.at = getelementptr i64, ptr %words, i64 11
  %k = load i64, ptr %k.at, align 8
  %height.at = getelementptr i64, ptr %words, i64 12
  %height = load i64, ptr %height.at, align 8
  %width.at = getelementptr i64, ptr %words, i64 13
  %width = load i64, ptr %width.at, align 8
  %columns.at = getelementptr i64, ptr %words, i64 14
  %columns = load i64, ptr %columns.at, align 8
  %low.at = getelementptr i64, ptr %words, i64 15
  %low = load ptr, ptr %low.at, align 8
  %is.alone = icmp eq ptr %low, null
  %row = udiv i64 %number, %columns
  %column = urem i64 %number, %columns
  %i = mul i64 %row, %height
  %m.left = sub i64 %m, %i
  %m.here = call i64 @llvm.umin.i64(i64 %m.left, i64 %height)
  %left.i = mul i64 %i, %l0
  %left.rows = getelementptr $REAL, ptr %left, i64 %left.i
  %out.i = mul i64 %i, %o0
  %out.rows = getelementptr $REAL, ptr %out, i64 %out.i
  %j = mul i64 %column, %width
  %n.left = sub i64 %n, %j
  %n.here = call i64 @llvm.umin.i64(i64 %n.left, i64 %width)
  %right.j = mul i64 %j, %r1
  %right.columns = getelementptr $REAL, ptr %right, i64 %right.j
  %out.j = mul i64 %j, %o1
  %out.here = getelementptr $REAL, ptr %out.rows, i64 %out.j
  %low.ij = add i64 %out.i, %out.j
  %low.part = getelementptr double, ptr %low, i64 %low.ij
  %low.here = select i1 %is.alone, ptr null, ptr %low.part
  br label %terms
terms:
  %p = phi i64 [ 0, %entry ], [ %p.next, %terms.next ]
  %k.left = sub i64 %k, %p
  %k.here = call i64 @llvm.umin.i64(i64 %k.left, i64 $TERMS)
  %left.p = mul i64 %p, %l1
  %left.here = getelementptr $REAL, ptr %left.rows, i64 %left.p
  %right.p = mul i64 %p, %r0
  %right.here = getelementptr $REAL, ptr %right.columns, i64 %right.p
  %p.first = icmp eq i64 %p, 0
  %is.first = and i1 %p.first, %is.alone
  call void @block.$T(ptr %out.here, i64 %o0, i64 %o1, ptr %left.here, i64 %l0, i64 %l1, ptr %right.here, i64 %r0, i64 %r1, i64 %m.here, i64 %n.here, i64 %k.here, i1 %is.first, ptr %low.here)
  %p.next = add i64 %p, %k.here
  %p.more = icmp ult i64 %p.next, %k
  br i1 %p.more, label %terms.next, label %done
terms.next:
  %signal = call i32 @gradc_poll()
  %is.interrupted = icmp ne i32 %signal, 0
  br i1 %is.interrupted, label %interrupted, label %terms
done:
  ret i64 0
interrupted:
  ret i64 $INTERRUPTED
}

; one block: the terms of the first one are all there is, those of others are added to what `out` has, or `out` and `low`
define internal void @block.$T(ptr %out, i64 %o0, i64 %o1, ptr %left, i64 %l0, i64 %l1, ptr %right, i64 %r0, i64 %r1, i64 %m, i64 %n, i64 %k, i1 %is.first, ptr %low) {
entry:
  %mn = mul i64 %m, %n
  %mnk = mul i64 %mn, %k
  %is.small = icmp ult i64 %mnk, $SMALL
  %is.high = icmp uge i64 %m, 2
  %is.wide = icmp uge i64 %n, 4
  %is.broad = and i1 %is.high, %is.wide
  %is.plain = icmp eq ptr %low, null
  br i1 %is.plain, label %plain, label %gathered
gathered:  ; tiles in registers, as few as there may be
  %is.nothing = icmp eq i64 %mnk, 0
  br i1 %is.nothing, label %done, label %panels
plain:
  br i1 %is.small, label %loops, label %strides
strides:
  %o.side = icmp eq i64 %o1, 1
  %l.side = icmp eq i64 %l1, 1
  %l.down = icmp eq i64 %l0, 1
  %r.side = icmp eq i64 %r1, 1
  %r.down = icmp eq i64 %r0, 1
  %l.fits = or i1 %l.side, %l.down
  %r.fits = or i1 %r.side, %r.down
  %fits.a = and i1 %l.fits, %r.fits
  %fits.b = and i1 %fits.a, %o.side
  %most.a = or i64 %m, %n
  %most.b = or i64 %most.a, %k
  %most.c = or i64 %most.b, %o0
  %most.d = or i64 %most.c, %l0
  %most.e = or i64 %most.d, %r0
  %most.f = or i64 %most.e, %l1
  %most = or i64 %most.f, %r1
  %is.int = icmp ult i64 %most, 2147483647
  %fits = and i1 %fits.b, %is.int
  %is.thin = xor i1 %is.broad, true
  %is.blas = and i1 %fits, %is.thin
  br i1 %is.blas, label %blas, label %own
own:
  br i1 %is.broad, label %panels, label %loops
panels:
  call void @panels.$T(ptr %out, i64 %o0, i64 %o1, ptr %left, i64 %l0, i64 %l1, ptr %right, i64 %r0, i64 %r1, i64 %m, i64 %n, i64 %k, i1 %is.first, ptr %low)
  ret void
blas:
  %letters = alloca [2 x i8]
  %sizes = alloca [6 x i32]
  %numbers = alloca [2 x $REAL]
  %tr = select i1 %r.side, i8 78, i8 84
  %tl = select i1 %l.side, i8 78, i8 84
  %tl.at = getelementptr i8, ptr %letters, i64 1
  store i8 %tr, ptr %letters
  store i8 %tl, ptr %tl.at
  %r.ld = select i1 %r.side, i64 %r0, i64 %r1
  %l.ld = select i1 %l.side, i64 %l0, i64 %l1
  %n32 = trunc i64 %n to i32
  %m32 = trunc i64 %m to i32
  %k32 = trunc i64 %k to i32
  %r32.a = trunc i64 %r.ld to i32
  %l32.a = trunc i64 %l.ld to i32
  %o32.a = trunc i64 %o0 to i32
  %r.rows = select i1 %r.side, i32 %n32, i32 %k32
  %l.rows = select i1 %l.side, i32 %k32, i32 %m32
  %r32 = call i32 @llvm.smax.i32(i32 %r32.a, i32 %r.rows)
  %l32 = call i32 @llvm.smax.i32(i32 %l32.a, i32 %l.rows)
  %o32 = call i32 @llvm.smax.i32(i32 %o32.a, i32 %n32)
  %s1 = getelementptr i32, ptr %sizes, i64 1
  %s2 = getelementptr i32, ptr %sizes, i64 2
  %s3 = getelementptr i32, ptr %sizes, i64 3
  %s4 = getelementptr i32, ptr %sizes, i64 4
  %s5 = getelementptr i32, ptr %sizes, i64 5
  store i32 %n32, ptr %sizes
  store i32 %m32, ptr %s1
  store i32 %k32, ptr %s2
  store i32 %r32, ptr %s3
  store i32 %l32, ptr %s4
  store i32 %o32, ptr %s5
  %before = getelementptr $REAL, ptr %numbers, i64 1
  %share = select i1 %is.first, $REAL 0.0, $REAL 1.0
  store $REAL 1.0, ptr %numbers
  store $REAL %share, ptr %before
  call void @gradc_$GEMM(ptr %letters, ptr %tl.at, ptr %sizes, ptr %s1, ptr %s2, ptr %numbers, ptr %right, ptr %s3, ptr %left, ptr %s4, ptr %before, ptr %out, ptr %s5)
  ret void
loops:
  %some.rows = icmp sgt i64 %m, 0
  %some.columns = icmp sgt i64 %n, 0
  %some = and i1 %some.rows, %some.columns
  br i1 %some, label %row, label %done
row:
  %i = phi i64 [ 0, %loops ], [ %i.next, %row.end ]
  %left.i = mul i64 %i, %l0
  %left.row = getelementptr $REAL, ptr %left, i64 %left.i
  %out.i = mul i64 %i, %o0
  %out.row = getelementptr $REAL, ptr %out, i64 %out.i
  %wide.a = icmp eq i64 %r1, 1
  %wide.b = icmp eq i64 %o1, 1
  %wide.c = and i1 %wide.a, %wide.b
  %wide.n = and i64 %n, $MASK
  %wide.stop = select i1 %wide.c, i64 %wide.n, i64 0
  %any.wide = icmp sgt i64 %wide.stop, 0
  br i1 %any.wide, label %wide, label %narrow.start
wide:
  %j = phi i64 [ 0, %row ], [ %j.next, %wide.end ]
  %right.j = getelementptr $REAL, ptr %right, i64 %j
  %out.j = getelementptr $REAL, ptr %out.row, i64 %j
  br i1 %is.first, label %wide.start, label %wide.load
wide.load:
  %w.before = load $VECTOR, ptr %out.j, align $ALIGN
  br label %wide.start
wide.start:
  %w.zero = phi $VECTOR [ zeroinitializer, %wide ], [ %w.before, %wide.load ]
  %w.some = icmp sgt i64 %k, 0
  br i1 %w.some, label %wide.term, label %wide.end
wide.term:
  %p = phi i64 [ 0, %wide.start ], [ %p.next, %wide.term ]
  %sum = phi $VECTOR [ %w.zero, %wide.start ], [ %sum.next, %wide.term ]
  %l.p = mul i64 %p, %l1
  %l.at = getelementptr $REAL, ptr %left.row, i64 %l.p
  %l.one = load $REAL, ptr %l.at, align $ALIGN
  %l.first = insertelement $VECTOR poison, $REAL %l.one, i64 0
  %l.all = shufflevector $VECTOR %l.first, $VECTOR poison, <$LANES x i32> zeroinitializer
  %r.p = mul i64 %p, %r0
  %r.at = getelementptr $REAL, ptr %right.j, i64 %r.p
  %r.some = load $VECTOR, ptr %r.at, align $ALIGN
  %sum.next = call $VECTOR @llvm.fma.v$LANES$T($VECTOR %l.all, $VECTOR %r.some, $VECTOR %sum)
  %p.next = add i64 %p, 1
  %p.more = icmp slt i64 %p.next, %k
  br i1 %p.more, label %wide.term, label %wide.end
wide.end:
  %total = phi $VECTOR [ %w.zero, %wide.start ], [ %sum.next, %wide.term ]
  store $VECTOR %total, ptr %out.j, align $ALIGN
  %j.next = add i64 %j, $LANES
  %j.more = icmp slt i64 %j.next, %wide.stop
  br i1 %j.more, label %wide, label %narrow.start
narrow.start:
  %first = phi i64 [ 0, %row ], [ %wide.stop, %wide.end ]
  %any.narrow = icmp slt i64 %first, %n
  br i1 %any.narrow, label %narrow, label %row.end
narrow:
  %c = phi i64 [ %first, %narrow.start ], [ %c.next, %narrow.end ]
  %c.right = mul i64 %c, %r1
  %right.c = getelementptr $REAL, ptr %right, i64 %c.right
  %c.out = mul i64 %c, %o1
  %out.c = getelementptr $REAL, ptr %out.row, i64 %c.out
  br i1 %is.first, label %term.start, label %term.load
term.load:
  %n.before = load $REAL, ptr %out.c, align $ALIGN
  br label %term.start
term.start:
  %n.zero = phi $REAL [ 0.0, %narrow ], [ %n.before, %term.load ]
  %n.some = icmp sgt i64 %k, 0
  br i1 %n.some, label %term, label %narrow.end
term:
  %q = phi i64 [ 0, %term.start ], [ %q.next, %term ]
  %so.far = phi $REAL [ %n.zero, %term.start ], [ %so.far.next, %term ]
  %l.q = mul i64 %q, %l1
  %l.q.at = getelementptr $REAL, ptr %left.row, i64 %l.q
  %l.q.one = load $REAL, ptr %l.q.at, align $ALIGN
  %r.q = mul i64 %q, %r0
  %r.q.at = getelementptr $REAL, ptr %right.c, i64 %r.q
  %r.q.one = load $REAL, ptr %r.q.at, align $ALIGN
  %so.far.next = call $REAL @llvm.fma.$T($REAL %l.q.one, $REAL %r.q.one, $REAL %so.far)
  %q.next = add i64 %q, 1
  %q.more = icmp slt i64 %q.next, %k
  br i1 %q.more, label %term, label %narrow.end
narrow.end:
  %element = phi $REAL [ %n.zero, %term.start ], [ %so.far.next, %term ]
  store $REAL %element, ptr %out.c, align $ALIGN
  %c.next = add i64 %c, 1
  %c.more = icmp slt i64 %c.next, %n
  br i1 %c.more, label %narrow, label %row.end
row.end:
  %i.next = add i64 %i, 1
  %i.more = icmp slt i64 %i.next, %m
  br i1 %i.more, label %row, label %done
done:
  ret void
}
