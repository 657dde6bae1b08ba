; out = left @ right, of m x k and k x n elements; the strides of an axis are in elements
define internal void @product.$T(ptr %out, i64 %o0, i64 %o1, ptr %left, i64 %l0, i64 %l1, ptr %right, i64 %r0, i64 %r1, i64 %m, i64 %n, i64 %k) {
entry:
  %mn = mul i64 %m, %n
  %mnk = mul i64 %mn, %k
  %is.small = icmp ult i64 %mnk, $SMALL
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
  br i1 %fits, label %blas, label %loops
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
  %zero = getelementptr $REAL, ptr %numbers, i64 1
  store $REAL 1.0, ptr %numbers
  store $REAL 0.0, ptr %zero
  call void @gradc_$GEMM(ptr %letters, ptr %tl.at, ptr %sizes, ptr %s1, ptr %s2, ptr %numbers, ptr %right, ptr %s3, ptr %left, ptr %s4, ptr %zero, ptr %out, ptr %s5)
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
  %w.some = icmp sgt i64 %k, 0
  br i1 %w.some, label %wide.term, label %wide.end
wide.term:
  %p = phi i64 [ 0, %wide ], [ %p.next, %wide.term ]
  %sum = phi $VECTOR [ zeroinitializer, %wide ], [ %sum.next, %wide.term ]
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
  %total = phi $VECTOR [ zeroinitializer, %wide ], [ %sum.next, %wide.term ]
  %out.j = getelementptr $REAL, ptr %out.row, i64 %j
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
  %n.some = icmp sgt i64 %k, 0
  br i1 %n.some, label %term, label %narrow.end
term:
  %q = phi i64 [ 0, %narrow ], [ %q.next, %term ]
  %so.far = phi $REAL [ 0.0, %narrow ], [ %so.far.next, %term ]
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
  %element = phi $REAL [ 0.0, %narrow ], [ %so.far.next, %term ]
  %c.out = mul i64 %c, %o1
  %out.c = getelementptr $REAL, ptr %out.row, i64 %c.out
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
