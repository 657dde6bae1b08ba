; How many threads OpenBLAS has for itself, as openblas.py describes it; the names in capitals are there.

declare i32 @gradc_openblas_get()
declare void @gradc_openblas_set(i32)

@lock = internal global i64 0, align 8
@inside = internal global i64 0, align 8     ; the routines that run
@usual = internal global i32 0, align 4      ; how many threads it has when none does

; before a routine: one thread
define void @alone() {
  call void @take()
  %before = load i64, ptr @inside, align 8
  %after = add i64 %before, 1
  store i64 %after, ptr @inside, align 8
  %is.first = icmp eq i64 %before, 0
  br i1 %is.first, label %first, label %done
first:
  %usual = call i32 @gradc_openblas_get()
  store i32 %usual, ptr @usual, align 4
  %has.more = icmp ne i32 %usual, 1
  br i1 %has.more, label %one, label %done
one:
  call void @gradc_openblas_set(i32 1)
  br label %done
done:
  store atomic i64 0, ptr @lock seq_cst, align 8
  ret void
}

; after it: as many as before, if no other routine runs and nobody has chosen another number since
define void @together() {
  call void @take()
  %before = load i64, ptr @inside, align 8
  %after = sub i64 %before, 1
  store i64 %after, ptr @inside, align 8
  %is.last = icmp eq i64 %after, 0
  br i1 %is.last, label %last, label %done
last:
  call void @restore()
  br label %done
done:
  store atomic i64 0, ptr @lock seq_cst, align 8
  ret void
}

define internal void @restore() {
  %usual = load i32, ptr @usual, align 4
  %had.more = icmp ne i32 %usual, 1
  %now = call i32 @gradc_openblas_get()
  %is.one = icmp eq i32 %now, 1
  %changed = and i1 %had.more, %is.one
  br i1 %changed, label %set, label %done
set:
  call void @gradc_openblas_set(i32 %usual)
  br label %done
done:
  ret void
}

define internal void @take() {
entry:
  br label %try
try:
  %taken = cmpxchg ptr @lock, i64 0, i64 1 seq_cst seq_cst
  %is.mine = extractvalue {i64, i1} %taken, 1
  br i1 %is.mine, label %done, label %try
done:
  ret void
}

; after a fork no routine runs in the child
define void @forget() {
  %inside = load i64, ptr @inside, align 8
  %any = icmp ne i64 %inside, 0
  br i1 %any, label %reset, label %done
reset:
  store i64 0, ptr @inside, align 8
  call void @restore()
  br label %done
done:
  store atomic i64 0, ptr @lock seq_cst, align 8
  ret void
}
