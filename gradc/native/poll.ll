; What a kernel that runs long calls now and then.

declare i32 @PyErr_CheckSignals()
declare i32 @PyGILState_Ensure()
declare void @PyGILState_Release(i32)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)

; whether the user has interrupted the process; a kernel that holds the interpreter's lock lets others have it first
define i32 @poll() {
entry:
  %state = call i32 @PyGILState_Ensure()
  %is.held = icmp eq i32 %state, 0
  br i1 %is.held, label %yield, label %look
yield:
  %thread = call ptr @PyEval_SaveThread()
  call void @PyEval_RestoreThread(ptr %thread)
  br label %look
look:
  %signals = call i32 @PyErr_CheckSignals()
  call void @PyGILState_Release(i32 %state)
  ret i32 %signals
}
