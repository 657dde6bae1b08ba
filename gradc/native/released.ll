; What lets other Python threads run while a kernel does.

declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)

; the status of a kernel for a frame
define i64 @released(ptr %kernel, ptr %frame) {
  %state = call ptr @PyEval_SaveThread()
  %status = call i64 %kernel(ptr %frame)
  call void @PyEval_RestoreThread(ptr %state)
  ret i64 %status
}
