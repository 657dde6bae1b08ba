; Scratch memory, shared by all kernels: large blocks that were given back serve again, since mapping pages anew costs
; more than what is done with them. Before a block stand the address that malloc gave and how many bytes it has.

declare ptr @malloc(i64)
declare void @free(ptr)
$DECLARED

@blocks = internal global [$SLOTS x i64] zeroinitializer, align 64
@turn = internal global i64 0, align 64      ; the slot whose block goes next when all are taken

; memory for so many bytes, at a multiple of 64, in huge pages where it fills some; null if there is none
define ptr @take(i64 %bytes) {
entry:
  %is.large = icmp uge i64 %bytes, $KEPT_FROM
  br i1 %is.large, label %look, label %new
look:
  %k = phi i64 [ 0, %entry ], [ %k.next, %next ]
  %slot = getelementptr [$SLOTS x i64], ptr @blocks, i64 0, i64 %k
  %held = atomicrmw xchg ptr %slot, i64 0 acq_rel
  %some = icmp ne i64 %held, 0
  br i1 %some, label %measure, label %next
measure:
  %found = inttoptr i64 %held to ptr
  %has.at = getelementptr i8, ptr %found, i64 -8
  %has = load i64, ptr %has.at, align 8
  %is.enough = icmp uge i64 %has, %bytes
  %half = lshr i64 %has, 1
  %is.near = icmp ule i64 %half, %bytes
  %fits = and i1 %is.enough, %is.near
  br i1 %fits, label %again, label %back
again:
  ret ptr %found
back:
  %put = cmpxchg ptr %slot, i64 0, i64 %held acq_rel monotonic
  %is.back = extractvalue {i64, i1} %put, 1
  br i1 %is.back, label %next, label %drop
drop:
  call void @release(ptr %found)
  br label %next
next:
  %k.next = add i64 %k, 1
  %k.more = icmp ult i64 %k.next, $SLOTS
  br i1 %k.more, label %look, label %new
new:
  %is.huge = icmp uge i64 %bytes, $HUGE_FROM
  %alignment = select i1 %is.huge, i64 $HUGE, i64 64
  %spare = add i64 %alignment, 128
  %padded = add i64 %bytes, %spare
  %base = call ptr @malloc(i64 %padded)
  %is.none = icmp eq ptr %base, null
  br i1 %is.none, label %none, label %made
made:
  %number = ptrtoint ptr %base to i64
  %most = add i64 %alignment, 15
  %beyond = add i64 %number, %most
  %mask = sub i64 0, %alignment
  %rounded = and i64 %beyond, %mask
  %block = inttoptr i64 %rounded to ptr
  %base.at = getelementptr i8, ptr %block, i64 -16
  store ptr %base, ptr %base.at, align 8
  %bytes.at = getelementptr i8, ptr %block, i64 -8
  store i64 %bytes, ptr %bytes.at, align 8
  br i1 %is.huge, label %advise, label %ready
advise:
  $ADVISE
  br label %ready
ready:
  ret ptr %block
none:
  ret ptr null
}

define internal void @release(ptr %block) {
  %base.at = getelementptr i8, ptr %block, i64 -16
  %base = load ptr, ptr %base.at, align 8
  call void @free(ptr %base)
  ret void
}

; take back a block, or null
define void @give(ptr %block) {
entry:
  %is.none = icmp eq ptr %block, null
  br i1 %is.none, label %done, label %some
some:
  %bytes.at = getelementptr i8, ptr %block, i64 -8
  %bytes = load i64, ptr %bytes.at, align 8
  %is.large = icmp uge i64 %bytes, $KEPT_FROM
  %is.huge = icmp ugt i64 %bytes, $KEPT_TO
  %not.huge = xor i1 %is.huge, true
  %is.kept = and i1 %is.large, %not.huge
  %number = ptrtoint ptr %block to i64
  br i1 %is.kept, label %look, label %drop
look:
  %k = phi i64 [ 0, %some ], [ %k.next, %next ]
  %slot = getelementptr [$SLOTS x i64], ptr @blocks, i64 0, i64 %k
  %put = cmpxchg ptr %slot, i64 0, i64 %number acq_rel monotonic
  %is.put = extractvalue {i64, i1} %put, 1
  br i1 %is.put, label %done, label %next
next:
  %k.next = add i64 %k, 1
  %k.more = icmp ult i64 %k.next, $SLOTS
  br i1 %k.more, label %look, label %replace
replace:
  %turn = atomicrmw add ptr @turn, i64 1 monotonic
  %which = urem i64 %turn, $SLOTS
  %last = getelementptr [$SLOTS x i64], ptr @blocks, i64 0, i64 %which
  %old = atomicrmw xchg ptr %last, i64 %number acq_rel
  %is.old = icmp ne i64 %old, 0
  br i1 %is.old, label %drop.old, label %done
drop.old:
  %old.block = inttoptr i64 %old to ptr
  call void @release(ptr %old.block)
  br label %done
drop:
  call void @release(ptr %block)
  br label %done
done:
  ret void
}
