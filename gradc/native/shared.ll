; a loop in chunks: a single one is no reason to look for other threads
define internal i64 @shared(ptr %body, ptr %frame, ptr %context, i64 %count) {
  %is.one = icmp eq i64 %count, 1
  br i1 %is.one, label %one, label %many
one:
  %alone = call i64 %body(ptr %frame, ptr %context, i64 0)
  ret i64 %alone
many:
  %status = call i64 @gradc_share(ptr %body, ptr %frame, ptr %context, i64 %count)
  ret i64 %status
}
