"""Functions of every module that needs them, in LLVM's own language: memory, and products of matrices."""

from __future__ import annotations

from collections.abc import Iterable

ROOM = """
; memory for so many bytes in a slot, unless it has that much already; says whether there is none
define internal i1 @room(ptr %slot, ptr %room, i64 %bytes) {
  %has = load i64, ptr %room, align 8
  %fits = icmp sge i64 %has, %bytes
  br i1 %fits, label %done, label %grow
grow:
  %old = load ptr, ptr %slot, align 8
  call void @free(ptr %old)
  store ptr null, ptr %slot, align 8
  store i64 -1, ptr %room, align 8
  %padded = add i64 %bytes, 64
  %new = call ptr @malloc(i64 %padded)
  %failed = icmp eq ptr %new, null
  br i1 %failed, label %none, label %keep
keep:
  store ptr %new, ptr %slot, align 8
  store i64 %bytes, ptr %room, align 8
  br label %done
done:
  ret i1 false
none:
  ret i1 true
}
"""

PRODUCT = """
; out = left @ right, of m x k and k x n elements; the strides of an axis are in elements
define internal void @product.{t}(ptr %out, i64 %o0, i64 %o1, ptr %left, i64 %l0, i64 %l1, ptr %right, i64 %r0, i64 %r1, i64 %m, i64 %n, i64 %k) {{
entry:
  %mn = mul i64 %m, %n
  %mnk = mul i64 %mn, %k
  %is.small = icmp ult i64 %mnk, {small}
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
  %numbers = alloca [2 x {llvm}]
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
  %zero = getelementptr {llvm}, ptr %numbers, i64 1
  store {llvm} 1.0, ptr %numbers
  store {llvm} 0.0, ptr %zero
  call void @gradc_{gemm}(ptr %letters, ptr %tl.at, ptr %sizes, ptr %s1, ptr %s2, ptr %numbers, ptr %right, ptr %s3, ptr %left, ptr %s4, ptr %zero, ptr %out, ptr %s5)
  ret void
loops:
  %some.rows = icmp sgt i64 %m, 0
  %some.columns = icmp sgt i64 %n, 0
  %some = and i1 %some.rows, %some.columns
  br i1 %some, label %row, label %done
row:
  %i = phi i64 [ 0, %loops ], [ %i.next, %row.end ]
  %left.i = mul i64 %i, %l0
  %left.row = getelementptr {llvm}, ptr %left, i64 %left.i
  %out.i = mul i64 %i, %o0
  %out.row = getelementptr {llvm}, ptr %out, i64 %out.i
  %wide.a = icmp eq i64 %r1, 1
  %wide.b = icmp eq i64 %o1, 1
  %wide.c = and i1 %wide.a, %wide.b
  %wide.n = and i64 %n, {mask}
  %wide.stop = select i1 %wide.c, i64 %wide.n, i64 0
  %any.wide = icmp sgt i64 %wide.stop, 0
  br i1 %any.wide, label %wide, label %narrow.start
wide:
  %j = phi i64 [ 0, %row ], [ %j.next, %wide.end ]
  %right.j = getelementptr {llvm}, ptr %right, i64 %j
  %w.some = icmp sgt i64 %k, 0
  br i1 %w.some, label %wide.term, label %wide.end
wide.term:
  %p = phi i64 [ 0, %wide ], [ %p.next, %wide.term ]
  %sum = phi {vector} [ zeroinitializer, %wide ], [ %sum.next, %wide.term ]
  %l.p = mul i64 %p, %l1
  %l.at = getelementptr {llvm}, ptr %left.row, i64 %l.p
  %l.one = load {llvm}, ptr %l.at, align {align}
  %l.first = insertelement {vector} poison, {llvm} %l.one, i64 0
  %l.all = shufflevector {vector} %l.first, {vector} poison, <{lanes} x i32> zeroinitializer
  %r.p = mul i64 %p, %r0
  %r.at = getelementptr {llvm}, ptr %right.j, i64 %r.p
  %r.some = load {vector}, ptr %r.at, align {align}
  %sum.next = call {vector} @llvm.fma.v{lanes}{t}({vector} %l.all, {vector} %r.some, {vector} %sum)
  %p.next = add i64 %p, 1
  %p.more = icmp slt i64 %p.next, %k
  br i1 %p.more, label %wide.term, label %wide.end
wide.end:
  %total = phi {vector} [ zeroinitializer, %wide ], [ %sum.next, %wide.term ]
  %out.j = getelementptr {llvm}, ptr %out.row, i64 %j
  store {vector} %total, ptr %out.j, align {align}
  %j.next = add i64 %j, {lanes}
  %j.more = icmp slt i64 %j.next, %wide.stop
  br i1 %j.more, label %wide, label %narrow.start
narrow.start:
  %first = phi i64 [ 0, %row ], [ %wide.stop, %wide.end ]
  %any.narrow = icmp slt i64 %first, %n
  br i1 %any.narrow, label %narrow, label %row.end
narrow:
  %c = phi i64 [ %first, %narrow.start ], [ %c.next, %narrow.end ]
  %c.right = mul i64 %c, %r1
  %right.c = getelementptr {llvm}, ptr %right, i64 %c.right
  %n.some = icmp sgt i64 %k, 0
  br i1 %n.some, label %term, label %narrow.end
term:
  %q = phi i64 [ 0, %narrow ], [ %q.next, %term ]
  %so.far = phi {llvm} [ 0.0, %narrow ], [ %so.far.next, %term ]
  %l.q = mul i64 %q, %l1
  %l.q.at = getelementptr {llvm}, ptr %left.row, i64 %l.q
  %l.q.one = load {llvm}, ptr %l.q.at, align {align}
  %r.q = mul i64 %q, %r0
  %r.q.at = getelementptr {llvm}, ptr %right.c, i64 %r.q
  %r.q.one = load {llvm}, ptr %r.q.at, align {align}
  %so.far.next = call {llvm} @llvm.fma.{t}({llvm} %l.q.one, {llvm} %r.q.one, {llvm} %so.far)
  %q.next = add i64 %q, 1
  %q.more = icmp slt i64 %q.next, %k
  br i1 %q.more, label %term, label %narrow.end
narrow.end:
  %element = phi {llvm} [ 0.0, %narrow ], [ %so.far.next, %term ]
  %c.out = mul i64 %c, %o1
  %out.c = getelementptr {llvm}, ptr %out.row, i64 %c.out
  store {llvm} %element, ptr %out.c, align {align}
  %c.next = add i64 %c, 1
  %c.more = icmp slt i64 %c.next, %n
  br i1 %c.more, label %narrow, label %row.end
row.end:
  %i.next = add i64 %i, 1
  %i.more = icmp slt i64 %i.next, %m
  br i1 %i.more, label %row, label %done
done:
  ret void
}}
"""

SPARSE = """
; elements that are NaN once more: zeros of a side whose elements may be absent add nothing
define internal void @sparse.{t}(ptr %out, i64 %o0, i64 %o1, ptr %left, i64 %l0, i64 %l1, ptr %right, i64 %r0, i64 %r1, i64 %m, i64 %n, i64 %k, i1 %l.absent, i1 %r.absent) {{
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
  %at = getelementptr {llvm}, ptr %out, i64 %out.ij
  %element = load {llvm}, ptr %at, align {align}
  %is.nan = fcmp uno {llvm} %element, %element
  br i1 %is.nan, label %start, label %column.end
start:
  %any = icmp sgt i64 %k, 0
  br i1 %any, label %term, label %end
term:
  %p = phi i64 [ 0, %start ], [ %p.next, %term ]
  %sum = phi {llvm} [ 0.0, %start ], [ %sum.next, %term ]
  %l.i = mul i64 %i, %l0
  %l.p = mul i64 %p, %l1
  %l.ip = add i64 %l.i, %l.p
  %l.at = getelementptr {llvm}, ptr %left, i64 %l.ip
  %l = load {llvm}, ptr %l.at, align {align}
  %r.p = mul i64 %p, %r0
  %r.j = mul i64 %j, %r1
  %r.pj = add i64 %r.p, %r.j
  %r.at = getelementptr {llvm}, ptr %right, i64 %r.pj
  %r = load {llvm}, ptr %r.at, align {align}
  %l.zero = fcmp oeq {llvm} %l, 0.0
  %r.zero = fcmp oeq {llvm} %r, 0.0
  %l.none = and i1 %l.zero, %l.absent
  %r.none = and i1 %r.zero, %r.absent
  %none = or i1 %l.none, %r.none
  %product = fmul {llvm} %l, %r
  %added = fadd {llvm} %sum, %product
  %sum.next = select i1 %none, {llvm} %sum, {llvm} %added
  %p.next = add i64 %p, 1
  %p.more = icmp slt i64 %p.next, %k
  br i1 %p.more, label %term, label %end
end:
  %total = phi {llvm} [ 0.0, %start ], [ %sum.next, %term ]
  store {llvm} %total, ptr %at, align {align}
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
}}
"""

SMALL_PRODUCT = 4096
"""Multiplications of a product up to which it is not worth calling BLAS."""
GEMM = {"f64": "dgemm", "f32": "sgemm"}
LLVM_TYPES = {"f64": "double", "f32": "float"}


def text(names: Iterable[str], declared: set[str], doubles: int) -> str:
    """The functions with these names; what they declare is added to `declared`."""
    parts = []
    for name in sorted(names):
        if name == "room":
            declared |= {"declare ptr @malloc(i64)", "declare void @free(ptr)"}
            parts.append(ROOM)
            continue
        kind, _, t = name.partition(".")
        lanes = max(2, doubles) * (2 if t == "f32" else 1)
        llvm = LLVM_TYPES[t]
        fields = {
            "t": t, "llvm": llvm, "align": 8 if t == "f64" else 4, "lanes": lanes, "vector": f"<{lanes} x {llvm}>",
            "mask": -lanes, "small": SMALL_PRODUCT, "gemm": GEMM[t],
        }  # fmt: skip
        if kind == "product":
            declared |= {
                f"declare {llvm} @llvm.fma.{t}({llvm}, {llvm}, {llvm})",
                f"declare <{lanes} x {llvm}> @llvm.fma.v{lanes}{t}(<{lanes} x {llvm}>, <{lanes} x {llvm}>, <{lanes} x {llvm}>)",
                "declare i32 @llvm.smax.i32(i32, i32)",
                f"declare void @gradc_{GEMM[t]}(ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr)",
            }
        parts.append((PRODUCT if kind == "product" else SPARSE).format(**fields))
    return "\n".join(parts)
