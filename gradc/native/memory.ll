; The memory of large results: NumPy's handler (NEP 49), as memory.py describes it; the names in capitals are there.

declare ptr @malloc(i64)
declare void @free(ptr)
$DECLARED
@pool = internal global [$SLOTS x ptr] zeroinitializer
@pooled = internal global i64 0
@oldest = internal global i64 0

; a block has two words before its first byte: what `free` takes, and its size
define ptr @pool.malloc(ptr %context, i64 %bytes) {
entry:
  %is.small = icmp ult i64 %bytes, $POOLED_FROM
  %padded = add i64 %bytes, $LAST_OF_PAGE
  %rounded = and i64 %padded, -$PAGE
  %whole = select i1 %is.small, i64 %bytes, i64 %rounded
  br i1 %is.small, label %fresh, label %look
look:
  %k = phi i64 [ 0, %entry ], [ %k.next, %other ]
  %at = getelementptr [$SLOTS x ptr], ptr @pool, i64 0, i64 %k
  %kept = load ptr, ptr %at, align 8
  %is.none = icmp eq ptr %kept, null
  br i1 %is.none, label %other, label %compare
compare:
  %size.at = getelementptr i8, ptr %kept, i64 -8
  %size = load i64, ptr %size.at, align 8
  %is.same = icmp eq i64 %size, %whole
  br i1 %is.same, label %take, label %other
take:
  store ptr null, ptr %at, align 8
  %all = load i64, ptr @pooled, align 8
  %left = sub i64 %all, %size
  store i64 %left, ptr @pooled, align 8
  ret ptr %kept
other:
  %k.next = add i64 %k, 1
  %more = icmp ult i64 %k.next, $SLOTS
  br i1 %more, label %look, label %fresh
fresh:
  %is.huge = icmp uge i64 %whole, $HUGE_FROM
  %alignment = select i1 %is.huge, i64 $HUGE, i64 64
  %spare = add i64 %alignment, 64
  %asked = add i64 %whole, %spare
  %overflows = icmp ult i64 %asked, %bytes
  br i1 %overflows, label %none, label %ask
ask:
  %base = call ptr @malloc(i64 %asked)
  %failed = icmp eq ptr %base, null
  br i1 %failed, label %none, label %place
place:
  %base.word = ptrtoint ptr %base to i64
  %base.last = add i64 %base.word, %spare
  %mask = sub i64 0, %alignment
  %block.word = and i64 %base.last, %mask
  %shift = sub i64 %block.word, %base.word
  %block = getelementptr i8, ptr %base, i64 %shift
  %own.size = getelementptr i8, ptr %block, i64 -8
  store i64 %whole, ptr %own.size, align 8
  %own.base = getelementptr i8, ptr %block, i64 -16
  store ptr %base, ptr %own.base, align 8
  br i1 %is.huge, label %advise, label %done
advise:
  $ADVISE
  br label %done
done:
  ret ptr %block
none:
  ret ptr null
}

define void @pool.release(ptr %block) {
  %base.at = getelementptr i8, ptr %block, i64 -16
  %base = load ptr, ptr %base.at, align 8
  call void @free(ptr %base)
  ret void
}

define void @pool.free(ptr %context, ptr %block, i64 %bytes) {
entry:
  %is.null = icmp eq ptr %block, null
  br i1 %is.null, label %done, label %look
look:
  %size.at = getelementptr i8, ptr %block, i64 -8
  %size = load i64, ptr %size.at, align 8
  %is.small = icmp ult i64 %size, $POOLED_FROM
  %is.large = icmp ugt i64 %size, $POOL
  %is.out = or i1 %is.small, %is.large
  br i1 %is.out, label %release, label %keep
release:
  call void @pool.release(ptr %block)
  br label %done
keep:  ; in the place of the oldest one, and of others while there is too much
  %k = load i64, ptr @oldest, align 8
  %next = add i64 %k, 1
  %round = and i64 %next, $LAST_SLOT
  store i64 %round, ptr @oldest, align 8
  %at = getelementptr [$SLOTS x ptr], ptr @pool, i64 0, i64 %k
  %old = load ptr, ptr %at, align 8
  %was.empty = icmp eq ptr %old, null
  br i1 %was.empty, label %fits, label %drop
drop:
  %old.size.at = getelementptr i8, ptr %old, i64 -8
  %old.size = load i64, ptr %old.size.at, align 8
  %old.all = load i64, ptr @pooled, align 8
  %old.left = sub i64 %old.all, %old.size
  store i64 %old.left, ptr @pooled, align 8
  store ptr null, ptr %at, align 8
  call void @pool.release(ptr %old)
  br label %fits
fits:
  %all = load i64, ptr @pooled, align 8
  %sum = add i64 %all, %size
  %is.much = icmp ugt i64 %sum, $POOL
  br i1 %is.much, label %keep, label %put
put:
  store ptr %block, ptr %at, align 8
  store i64 %sum, ptr @pooled, align 8
  br label %done
done:
  ret void
}

define ptr @pool.calloc(ptr %context, i64 %count, i64 %each) {
entry:
  %both = call {i64, i1} @llvm.umul.with.overflow.i64(i64 %count, i64 %each)
  %over = extractvalue {i64, i1} %both, 1
  br i1 %over, label %none, label %ask
ask:
  %bytes = extractvalue {i64, i1} %both, 0
  %block = call ptr @pool.malloc(ptr %context, i64 %bytes)
  %failed = icmp eq ptr %block, null
  br i1 %failed, label %none, label %clear
clear:
  call void @llvm.memset.p0.i64(ptr %block, i8 0, i64 %bytes, i1 false)
  ret ptr %block
none:
  ret ptr null
}

define ptr @pool.realloc(ptr %context, ptr %block, i64 %bytes) {
entry:
  %new = call ptr @pool.malloc(ptr %context, i64 %bytes)
  %failed = icmp eq ptr %new, null
  %is.null = icmp eq ptr %block, null
  %is.done = or i1 %failed, %is.null
  br i1 %is.done, label %done, label %copy
copy:
  %size.at = getelementptr i8, ptr %block, i64 -8
  %size = load i64, ptr %size.at, align 8
  %is.less = icmp ult i64 %size, %bytes
  %kept = select i1 %is.less, i64 %size, i64 %bytes
  call void @llvm.memcpy.p0.p0.i64(ptr %new, ptr %block, i64 %kept, i1 false)
  call void @pool.free(ptr %context, ptr %block, i64 %size)
  br label %done
done:
  ret ptr %new
}

declare {i64, i1} @llvm.umul.with.overflow.i64(i64, i64)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
