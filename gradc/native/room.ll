; memory for so many bytes in a slot, unless it has that much already; says whether there is none
define internal i1 @room(ptr %slot, ptr %room, i64 %bytes) {
  %has = load i64, ptr %room, align 8
  %fits = icmp sge i64 %has, %bytes
  br i1 %fits, label %done, label %grow
grow:
  %old = load ptr, ptr %slot, align 8
  call void @gradc_give(ptr %old)
  store ptr null, ptr %slot, align 8
  store i64 -1, ptr %room, align 8
  %new = call ptr @gradc_take(i64 %bytes)
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
