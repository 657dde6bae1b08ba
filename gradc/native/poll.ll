; What a kernel that runs long calls now and then.

declare i32 @PyErr_CheckSignals()
declare i32 @PyGILState_Ensure()
declare void @PyGILState_Release(i32)

; whether the user has interrupted the process
define i32 @poll() {
  %state = call i32 @PyGILState_Ensure()
  %signals = call i32 @PyErr_CheckSignals()
  call void @PyGILState_Release(i32 %state)
  ret i32 %signals
}
