; elements that are NaN once more: zeros of a side whose elements may be absent add nothing
define internal void @sparse.$T(ptr %out, i64 %o0, i64 %o1, ptr %left, i64 %l0, i64 %l1, ptr %right, i64 %r0, i64 %r1, i64 %m, i64 %n, i64 %k, i1 %l.absent, i1 %r.absent) {
entry:
  %some.rows = icmp sgt i64 %m, 0
  %some.columns = icmp sgt i64 %n, 0
  %some = and i1 %some.rows, %some.columns
  br i1 %some, label %row, label %done
row:
  %i = phi i64 [ 0, %entry ], [ %i.next, %row.end ]
  br label %column
column:
  %j = phi i64 [ 0, %row ], [ %j.next, %column.end ]
  %out.i = mul i64 %i, %o0
  %out.j = mul i64 %j, %o1
  %out.ij = add i64 %out.i, %out.j
  %at = getelementptr $REAL, ptr %out, i64 %out.ij
  %element = load $REAL, ptr %at, align $ALIGN
  %is.nan = fcmp uno $REAL %element, %element
  br i1 %is.nan, label %start, label %column.end
start:
  %any = icmp sgt i64 %k, 0
  br i1 %any, label %term, label %end
term:
  %p = phi i64 [ 0, %start ], [ %p.next, %term ]
  %sum = phi $REAL [ 0.0, %start ], [ %sum.next, %term ]
  %l.i = mul i64 %i, %l0
  %l.p = mul i64 %p, %l1
  %l.ip = add i64 %l.i, %l.p
  %l.at = getelementptr $REAL, ptr %left, i64 %l.ip
  %l = load $REAL, ptr %l.at, align $ALIGN
  %r.p = mul i64 %p, %r0
  %r.j = mul i64 %j, %r1
  %r.pj = add i64 %r.p, %r.j
  %r.at = getelementptr $REAL, ptr %right, i64 %r.pj
  %r = load $REAL, ptr %r.at, align $ALIGN
  %l.zero = fcmp oeq $REAL %l, 0.0
  %r.zero = fcmp oeq $REAL %r, 0.0
  %l.none = and i1 %l.zero, %l.absent
  %r.none = and i1 %r.zero, %r.absent
  %none = or i1 %l.none, %r.none
  %product = fmul $REAL %l, %r
  %added = fadd $REAL %sum, %product
  %sum.next = select i1 %none, $REAL %sum, $REAL %added
  %p.next = add i64 %p, 1
  %p.more = icmp slt i64 %p.next, %k
  br i1 %p.more, label %term, label %end
end:
  %total = phi $REAL [ 0.0, %start ], [ %sum.next, %term ]
  store $REAL %total, ptr %at, align $ALIGN
  br label %column.end
column.end:
  %j.next = add i64 %j, 1
  %j.more = icmp slt i64 %j.next, %n
  br i1 %j.more, label %column, label %row.end
row.end:
  %i.next = add i64 %i, 1
  %i.more = icmp slt i64 %i.next, %m
  br i1 %i.more, label %row, label %done
done:
  ret void
}
