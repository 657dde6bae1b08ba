; out = left @ right, or more of it, or of out and low: in tiles of a few rows and $COLUMNS columns, whose elements stay in registers. The
; columns of `right` that a tile takes are copied side by side before, $DEPTH terms at a time. There is at least one
; element and one term.
define internal void @panels.$T(ptr %out, i64 %o0, i64 %o1, ptr %left, i64 %l0, i64 %l1, ptr %right, i64 %r0, i64 %r1, i64 %m, i64 %n, i64 %k, i1 %is.first, ptr %low) {
entry:
  %panel = alloca [$PANEL x $REAL], align 64
  br label %terms
terms:
  %p = phi i64 [ 0, %entry ], [ %p.next, %terms.next ]
  %k.left = sub i64 %k, %p
  %depth = call i64 @llvm.umin.i64(i64 %k.left, i64 $DEPTH)
  %p.first = icmp eq i64 %p, 0
  %first = and i1 %is.first, %p.first
  %left.p = mul i64 %p, %l1
  %left.terms = getelementptr $REAL, ptr %left, i64 %left.p
  %right.p = mul i64 %p, %r0
  %right.terms = getelementptr $REAL, ptr %right, i64 %right.p
  br label %columns
columns:
  %j = phi i64 [ 0, %terms ], [ %j.next, %columns.next ]
  %n.left = sub i64 %n, %j
  %width = call i64 @llvm.umin.i64(i64 %n.left, i64 $COLUMNS)
  %right.j = mul i64 %j, %r1
  %right.columns = getelementptr $REAL, ptr %right.terms, i64 %right.j
  call void @pack.$T(ptr %panel, ptr %right.columns, i64 %r0, i64 %r1, i64 %depth, i64 %width)
  %out.j = mul i64 %j, %o1
  %out.columns = getelementptr $REAL, ptr %out, i64 %out.j
  %is.exact = icmp ne ptr %low, null
  %low.j = select i1 %is.exact, i64 %out.j, i64 0
  %low.columns = getelementptr double, ptr %low, i64 %low.j
  br label %rows
rows:
  %i = phi i64 [ 0, %columns ], [ %i.next, %rows.next ]
  %m.left = sub i64 %m, %i
  %left.i = mul i64 %i, %l0
  %left.rows = getelementptr $REAL, ptr %left.terms, i64 %left.i
  %out.i = mul i64 %i, %o0
  %out.rows = getelementptr $REAL, ptr %out.columns, i64 %out.i
  %low.i = select i1 %is.exact, i64 %out.i, i64 0
  %low.rows = getelementptr double, ptr %low.columns, i64 %low.i
$CHOICES
rows.next:
  %height = phi i64 $HEIGHTS
  %i.next = add i64 %i, %height
  %i.more = icmp ult i64 %i.next, %m
  br i1 %i.more, label %rows, label %columns.next
columns.next:
  %j.next = add i64 %j, $COLUMNS
  %j.more = icmp ult i64 %j.next, %n
  br i1 %j.more, label %columns, label %terms.next
terms.next:
  %p.next = add i64 %p, $DEPTH
  %p.more = icmp ult i64 %p.next, %k
  br i1 %p.more, label %terms, label %done
done:
  ret void
}

; columns side by side, term by term; zeros where there are fewer than a tile has
define internal void @pack.$T(ptr %panel, ptr %right, i64 %r0, i64 %r1, i64 %depth, i64 %width) {
entry:
  %is.side = icmp eq i64 %r1, 1
  %is.full = icmp eq i64 %width, $COLUMNS
  %is.row = and i1 %is.side, %is.full
  br i1 %is.row, label %row, label %column
row:
  %p = phi i64 [ 0, %entry ], [ %p.next, %row ]
  %from = mul i64 %p, %r0
  %from.at = getelementptr $REAL, ptr %right, i64 %from
  %some = load <$COLUMNS x $REAL>, ptr %from.at, align $ALIGN
  %to = mul i64 %p, $COLUMNS
  %to.at = getelementptr $REAL, ptr %panel, i64 %to
  store <$COLUMNS x $REAL> %some, ptr %to.at, align 16
  %p.next = add i64 %p, 1
  %p.more = icmp ult i64 %p.next, %depth
  br i1 %p.more, label %row, label %done
column:
  %c = phi i64 [ 0, %entry ], [ %c.next, %column.next ]
  %c.from = mul i64 %c, %r1
  %c.from.at = getelementptr $REAL, ptr %right, i64 %c.from
  %c.to.at = getelementptr $REAL, ptr %panel, i64 %c
  %c.some = icmp ult i64 %c, %width
  br i1 %c.some, label %element, label %zero
element:
  %q = phi i64 [ 0, %column ], [ %q.next, %element ]
  %q.from = mul i64 %q, %r0
  %q.from.at = getelementptr $REAL, ptr %c.from.at, i64 %q.from
  %one = load $REAL, ptr %q.from.at, align $ALIGN
  %q.to = mul i64 %q, $COLUMNS
  %q.to.at = getelementptr $REAL, ptr %c.to.at, i64 %q.to
  store $REAL %one, ptr %q.to.at, align $ALIGN
  %q.next = add i64 %q, 1
  %q.more = icmp ult i64 %q.next, %depth
  br i1 %q.more, label %element, label %column.next
zero:
  %z = phi i64 [ 0, %column ], [ %z.next, %zero ]
  %z.to = mul i64 %z, $COLUMNS
  %z.to.at = getelementptr $REAL, ptr %c.to.at, i64 %z.to
  store $REAL 0.0, ptr %z.to.at, align $ALIGN
  %z.next = add i64 %z, 1
  %z.more = icmp ult i64 %z.next, %depth
  br i1 %z.more, label %zero, label %column.next
column.next:
  %c.next = add i64 %c, 1
  %c.more = icmp ult i64 %c.next, $COLUMNS
  br i1 %c.more, label %column, label %done
done:
  ret void
}
