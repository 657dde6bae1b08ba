; Where there are no POSIX threads: loops are done chunk by chunk.

declare i32 @gradc_signals()

@threads = global i64 1

; the status of a loop in `count` chunks, each of which is a call of `body`
define i64 @share(ptr %body, ptr %frame, ptr %context, i64 %count) {
entry:
  br label %try
try:
  %k = phi i64 [ 0, %entry ], [ %k.next, %next ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %one, label %fine
one:
  %status = call i64 %body(ptr %frame, ptr %context, i64 %k)
  %is.fine = icmp eq i64 %status, 0
  br i1 %is.fine, label %ask, label %wrong
ask:
  %signal = call i32 @gradc_signals()
  %is.told = icmp ne i32 %signal, 0
  br i1 %is.told, label %stop, label %next
next:
  %k.next = add i64 %k, 1
  br label %try
fine:
  ret i64 0
wrong:
  ret i64 %status
stop:
  ret i64 $INTERRUPTED
}

define i32 @poll() {
  %signals = call i32 @gradc_signals()
  ret i32 %signals
}

define void @forget() {
  ret void
}
