; The way from Python into a kernel: `enter` is the C function behind every built-in function of a kernel, and follows
; the tables that entry.py writes. $ITEMS is where the items of a tuple are; the other names in capitals are entry.py's.

@gradc_float = external global i8
@gradc_float64 = external global i8
@gradc_int = external global i8
@gradc_ndarray = external global i8
@gradc_true = external global i8
@gradc_false = external global i8
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare void @PyErr_Clear()
declare ptr @PyErr_Occurred()
declare double @PyLong_AsDouble(ptr)
declare i64 @PyLong_AsLongLong(ptr)
declare ptr @PyFloat_FromDouble(double)
declare ptr @PyTuple_New(i64)
declare ptr @PyType_GenericAlloc(ptr, i64)
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare ptr @PyArray_Scalar(ptr, ptr, ptr)
declare ptr @PyArray_Empty(i32, ptr, ptr, i32)
declare ptr @PyDataMem_SetHandler(ptr)
@handler = global ptr null

define ptr @enter(ptr %self, ptr %args, i64 %positional, ptr %keywords) {
entry:
  %items = getelementptr i8, ptr %self, i64 $ITEMS
  %first.array = load ptr, ptr %items, align 8
  %first.at = getelementptr i8, ptr %first.array, i64 16
  %first = load ptr, ptr %first.at, align 8
  %head = load ptr, ptr %first, align 8
  %given = call i64 @given(i64 %positional, ptr %keywords)
  br label %try

try:
  %table = phi ptr [ %head, %entry ], [ %other, %next ]
  %is.none = icmp eq ptr %table, null
  br i1 %is.none, label %fall.back, label %fits

fits:
  %wanted.at = getelementptr i64, ptr %table, i64 3
  %wanted = load i64, ptr %wanted.at, align 8
  %counts = icmp eq i64 %given, %wanted
  br i1 %counts, label %names, label %next

names:
  %names.at = getelementptr i64, ptr %table, i64 4
  %names.own = load ptr, ptr %names.at, align 8
  %is.named = call i1 @named(ptr %names.own, i64 %positional, i64 %given, ptr %keywords)
  br i1 %is.named, label %room, label %next

room:
  %mark = call ptr @llvm.stacksave.p0()
  %steps.count.at = getelementptr i64, ptr %table, i64 5
  %steps.count = load i64, ptr %steps.count.at, align 8
  %registers.at = getelementptr i64, ptr %table, i64 7
  %registers.count = load i64, ptr %registers.at, align 8
  %has.parts = icmp ne i64 %steps.count, 0
  br i1 %has.parts, label %parts, label %frame.room
parts:
  %steps.at = getelementptr i64, ptr %table, i64 6
  %steps = load ptr, ptr %steps.at, align 8
  %registers = alloca ptr, i64 %registers.count, align 16
  %bytes = mul i64 %given, 8
  call void @llvm.memcpy.p0.p0.i64(ptr %registers, ptr %args, i64 %bytes, i1 false)
  %is.apart = call i1 @take.apart(ptr %steps, i64 %steps.count, ptr %registers, i64 %given)
  br i1 %is.apart, label %frame.room, label %give.back

frame.room:
  %from = phi ptr [ %args, %room ], [ %registers, %parts ]
  %size.at = getelementptr i64, ptr %table, i64 18
  %size = load i64, ptr %size.at, align 8
  %frame = alloca i64, i64 %size, align 16
  call void @lay.out(ptr %table, ptr %frame)
  %work = call i64 @read(ptr %table, ptr %from, ptr %frame)
  %is.read = icmp sge i64 %work, 0
  br i1 %is.read, label %run, label %give.back

run:
  br i1 %has.parts, label %run.kept, label %run.plain
run.kept:
  call void @keep(ptr %from, i64 %given, i64 %registers.count)
  %kept.result = call ptr @run(ptr %table, ptr %frame, i64 %work)
  call void @drop(ptr %from, i64 %given, i64 %registers.count)
  br label %has.run
run.plain:
  %plain.result = call ptr @run(ptr %table, ptr %frame, i64 %work)
  br label %has.run
has.run:
  %result = phi ptr [ %kept.result, %run.kept ], [ %plain.result, %run.plain ]
  %tag = ptrtoint ptr %result to i64
  %has.failed = icmp eq i64 %tag, 1
  call void @llvm.stackrestore.p0(ptr %mark)
  br i1 %has.failed, label %next, label %done

give.back:
  call void @llvm.stackrestore.p0(ptr %mark)
  br label %next

next:
  %other = load ptr, ptr %table, align 8
  br label %try

done:
  ret ptr %result

fall.back:
  %otherwise.at = getelementptr ptr, ptr %items, i64 2
  %otherwise = load ptr, ptr %otherwise.at, align 8
  %answer = call ptr @PyObject_Vectorcall(ptr %otherwise, ptr %args, i64 %positional, ptr %keywords)
  ret ptr %answer
}

; the slots that are always the same
define internal void @lay.out(ptr %table, ptr %frame) {
entry:
  %count.at = getelementptr i64, ptr %table, i64 12
  %count = load i64, ptr %count.at, align 8
  %first.at = getelementptr i64, ptr %table, i64 13
  %first = load ptr, ptr %first.at, align 8
  br label %try
try:
  %k = phi i64 [ 0, %entry ], [ %k.next, %put ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %put, label %done
put:
  %place = mul i64 %k, 2
  %slot.at = getelementptr i64, ptr %first, i64 %place
  %slot = load i64, ptr %slot.at, align 8
  %word.at = getelementptr i64, ptr %slot.at, i64 1
  %word = load i64, ptr %word.at, align 8
  %at = getelementptr i64, ptr %frame, i64 %slot
  store i64 %word, ptr %at, align 8
  %k.next = add i64 %k, 1
  br label %try
done:
  ret void
}

; how many arguments a call has
define internal i64 @given(i64 %positional, ptr %keywords) {
  %is.none = icmp eq ptr %keywords, null
  br i1 %is.none, label %none, label %some
none:
  ret i64 %positional
some:
  %at = getelementptr i8, ptr %keywords, i64 16
  %count = load i64, ptr %at, align 8
  %all = add i64 %positional, %count
  ret i64 %all
}

; whether the keywords are the names of the last arguments, in order
define internal i1 @named(ptr %names, i64 %positional, i64 %given, ptr %keywords) {
entry:
  %items = getelementptr i8, ptr %keywords, i64 $ITEMS
  br label %try
try:
  %k = phi i64 [ %positional, %entry ], [ %k.next, %fits ]
  %more = icmp slt i64 %k, %given
  br i1 %more, label %look, label %yes
look:
  %place = sub i64 %k, %positional
  %name.at = getelementptr ptr, ptr %items, i64 %place
  %name = load ptr, ptr %name.at, align 8
  %own.at = getelementptr ptr, ptr %names, i64 %k
  %own = load ptr, ptr %own.at, align 8
  %same = icmp eq ptr %name, %own
  br i1 %same, label %fits, label %no
fits:
  %k.next = add i64 %k, 1
  br label %try
yes:
  ret i1 true
no:
  ret i1 false
}

; the arguments into the frame; returns how many elements they have, or -1 where one does not fit
define internal i64 @read(ptr %table, ptr %args, ptr %frame) {
entry:
  %count.at = getelementptr i64, ptr %table, i64 8
  %given = load i64, ptr %count.at, align 8
  %inputs.at = getelementptr i64, ptr %table, i64 9
  %inputs = load ptr, ptr %inputs.at, align 8
  br label %try
try:
  %k = phi i64 [ 0, %entry ], [ %k.next, %fits ]
  %work = phi i64 [ 0, %entry ], [ %work.next, %fits ]
  %more = icmp slt i64 %k, %given
  br i1 %more, label %look, label %all
all:
  ret i64 %work
no:
  ret i64 -1
look:
  %word = mul i64 %k, $WORDS
  %input = getelementptr i64, ptr %inputs, i64 %word
  %register.at = getelementptr i64, ptr %input, i64 4
  %register = load i64, ptr %register.at, align 8
  %arg.at = getelementptr ptr, ptr %args, i64 %register
  %arg = load ptr, ptr %arg.at, align 8
  %type.at = getelementptr i8, ptr %arg, i64 8
  %type = load ptr, ptr %type.at, align 8
  %kind = load i64, ptr %input, align 8
  %slot.at = getelementptr i64, ptr %input, i64 3
  %slot = load i64, ptr %slot.at, align 8
  %at = getelementptr i64, ptr %frame, i64 %slot
  switch i64 %kind, label %no [
    i64 0, label %f64
    i64 1, label %f32
    i64 2, label %i64
    i64 3, label %bool
    i64 4, label %array
  ]
f64:
  %f64.is.numpy = icmp eq ptr %type, @gradc_float64
  br i1 %f64.is.numpy, label %f64.numpy, label %f64.python
f64.numpy:
  %f64.held.at = getelementptr i8, ptr %arg, i64 16
  %f64.held = load double, ptr %f64.held.at, align 8
  store double %f64.held, ptr %at, align 8
  br label %fits
f64.python:
  %f64.value = call double @real(ptr %arg, ptr %type)
  %f64.failed = fcmp uno double %f64.value, %f64.value
  br i1 %f64.failed, label %f64.check, label %f64.fine
f64.check:
  %f64.float = icmp eq ptr %type, @gradc_float
  br i1 %f64.float, label %f64.fine, label %no
f64.fine:
  store double %f64.value, ptr %at, align 8
  br label %fits
f32:
  %f32.value = call double @real(ptr %arg, ptr %type)
  %f32.failed = fcmp uno double %f32.value, %f32.value
  br i1 %f32.failed, label %f32.check, label %f32.fine
f32.check:
  %f32.float = icmp eq ptr %type, @gradc_float
  br i1 %f32.float, label %f32.fine, label %no
f32.fine:
  %f32.narrow = fptrunc double %f32.value to float
  store float %f32.narrow, ptr %at, align 4
  br label %fits
i64:
  %i64.is = icmp eq ptr %type, @gradc_int
  br i1 %i64.is, label %i64.read, label %no
i64.read:
  %i64.value = call i64 @PyLong_AsLongLong(ptr %arg)
  %i64.odd = icmp eq i64 %i64.value, -1
  br i1 %i64.odd, label %i64.check, label %i64.fine
i64.check:
  %i64.error = call ptr @PyErr_Occurred()
  %i64.right = icmp eq ptr %i64.error, null
  br i1 %i64.right, label %i64.fine, label %i64.wrong
i64.wrong:
  call void @PyErr_Clear()
  br label %no
i64.fine:
  store i64 %i64.value, ptr %at, align 8
  br label %fits
bool:
  %is.true = icmp eq ptr %arg, @gradc_true
  %is.false = icmp eq ptr %arg, @gradc_false
  %is.bool = or i1 %is.true, %is.false
  br i1 %is.bool, label %bool.fine, label %no
bool.fine:
  %bool.value = zext i1 %is.true to i64
  store i64 %bool.value, ptr %at, align 8
  br label %fits
array:
  %is.array = icmp eq ptr %type, @gradc_ndarray
  br i1 %is.array, label %array.look, label %no
array.look:
  %rank.at = getelementptr i64, ptr %input, i64 2
  %rank = load i64, ptr %rank.at, align 8
  %nd.at = getelementptr i8, ptr %arg, i64 24
  %nd = load i32, ptr %nd.at, align 4
  %rank.own = sext i32 %nd to i64
  %rank.same = icmp eq i64 %rank, %rank.own
  %descr.at = getelementptr i64, ptr %input, i64 1
  %descr = load ptr, ptr %descr.at, align 8
  %descr.own.at = getelementptr i8, ptr %arg, i64 56
  %descr.own = load ptr, ptr %descr.own.at, align 8
  %descr.same = icmp eq ptr %descr, %descr.own
  %flags.at = getelementptr i8, ptr %arg, i64 64
  %flags = load i32, ptr %flags.at, align 4
  %flags.some = and i32 %flags, 257
  %flags.same = icmp eq i32 %flags.some, 257
  %same.a = and i1 %rank.same, %descr.same
  %same = and i1 %same.a, %flags.same
  br i1 %same, label %array.fine, label %no
array.fine:
  %data.at = getelementptr i8, ptr %arg, i64 16
  %data = load ptr, ptr %data.at, align 8
  store ptr %data, ptr %at, align 8
  %dims.at = getelementptr i8, ptr %arg, i64 32
  %dims = load ptr, ptr %dims.at, align 8
  %wanted.at = getelementptr i64, ptr %input, i64 5
  %wanted = load ptr, ptr %wanted.at, align 8
  %any.sizes = icmp eq ptr %wanted, null
  %compared = select i1 %any.sizes, ptr %dims, ptr %wanted
  br label %dim
dim:
  %axis = phi i64 [ 0, %array.fine ], [ %axis.next, %dim.fits ]
  %count = phi i64 [ 1, %array.fine ], [ %count.next, %dim.fits ]
  %dim.at = getelementptr i64, ptr %dims, i64 %axis
  %size = load i64, ptr %dim.at, align 8
  %compared.at = getelementptr i64, ptr %compared, i64 %axis
  %wanted.size = load i64, ptr %compared.at, align 8
  %is.wanted = icmp eq i64 %size, %wanted.size
  br i1 %is.wanted, label %dim.fits, label %no
dim.fits:
  %axis.next = add i64 %axis, 1
  %size.at = getelementptr i64, ptr %at, i64 %axis.next
  store i64 %size, ptr %size.at, align 8
  %count.next = mul i64 %count, %size
  %more.dims = icmp slt i64 %axis.next, %rank
  br i1 %more.dims, label %dim, label %array.done
array.done:
  %work.more = add i64 %work, %count.next
  br label %fits
fits:
  %work.next = phi i64 [ %work, %f64.numpy ], [ %work, %f64.fine ], [ %work, %f32.fine ], [ %work, %i64.fine ], [ %work, %bool.fine ], [ %work.more, %array.done ]
  %k.next = add i64 %k, 1
  br label %try
}

; a float or an integer as a double; NaN for anything else
define internal double @real(ptr %arg, ptr %type) {
  %is.float = icmp eq ptr %type, @gradc_float
  br i1 %is.float, label %float, label %other
float:
  %at = getelementptr i8, ptr %arg, i64 16
  %value = load double, ptr %at, align 8
  ret double %value
other:
  %is.int = icmp eq ptr %type, @gradc_int
  br i1 %is.int, label %int, label %neither
int:
  %number = call double @PyLong_AsDouble(ptr %arg)
  %odd = fcmp oeq double %number, -1.0
  br i1 %odd, label %check, label %fine
check:
  %error = call ptr @PyErr_Occurred()
  %right = icmp eq ptr %error, null
  br i1 %right, label %fine, label %wrong
fine:
  ret double %number
wrong:
  call void @PyErr_Clear()
  br label %neither
neither:
  ret double 0x7FF8000000000000
}

; the outputs of a kernel for a frame; 1 where the kernel or the memory fails, null where the user interrupts
define internal ptr @run(ptr %table, ptr %frame, i64 %work) {
entry:
  %kernel.at = getelementptr i64, ptr %table, i64 1
  %kernel = load ptr, ptr %kernel.at, align 8
  %shapes.at = getelementptr i64, ptr %table, i64 2
  %shapes = load ptr, ptr %shapes.at, align 8
  %count.at = getelementptr i64, ptr %table, i64 10
  %count = load i64, ptr %count.at, align 8
  %outputs.at = getelementptr i64, ptr %table, i64 11
  %outputs = load ptr, ptr %outputs.at, align 8
  %steps.count.at = getelementptr i64, ptr %table, i64 14
  %steps.count = load i64, ptr %steps.count.at, align 8
  %steps.at = getelementptr i64, ptr %table, i64 15
  %steps = load ptr, ptr %steps.at, align 8
  %made.count.at = getelementptr i64, ptr %table, i64 16
  %made.count = load i64, ptr %made.count.at, align 8
  %first.at = getelementptr i64, ptr %table, i64 17
  %first = load i64, ptr %first.at, align 8
  %rank.at = getelementptr i64, ptr %table, i64 19
  %rank = load i64, ptr %rank.at, align 8
  %made = alloca ptr, i64 %made.count, align 16
  %dims = alloca i64, i64 %rank, align 16
  %has.shapes = icmp ne ptr %shapes, null
  br i1 %has.shapes, label %ask, label %start
ask:
  %asked = call i64 %shapes(ptr %frame, ptr %dims)
  %is.right = icmp eq i64 %asked, 0
  br i1 %is.right, label %arrays, label %refuse
refuse:
  ret ptr inttoptr (i64 1 to ptr)
arrays:
  %is.large = icmp sgt i64 %work, $POOLED_WORK
  br i1 %is.large, label %from.pool, label %array
from.pool:
  %own = load ptr, ptr @handler, align 8
  %usual = call ptr @PyDataMem_SetHandler(ptr %own)
  br label %array

array:
  %k = phi i64 [ 0, %arrays ], [ 0, %from.pool ], [ %k.next, %array.next ]
  %dim = phi ptr [ %dims, %arrays ], [ %dims, %from.pool ], [ %dim.next, %array.next ]
  %before = phi ptr [ null, %arrays ], [ %usual, %from.pool ], [ %before, %array.next ]
  %word = mul i64 %k, $WORDS
  %output = getelementptr i64, ptr %outputs, i64 %word
  %own.at = getelementptr ptr, ptr %made, i64 %k
  store ptr null, ptr %own.at, align 8
  %kind = load i64, ptr %output, align 8
  %is.array = icmp eq i64 %kind, $ARRAY
  br i1 %is.array, label %array.make, label %array.next
array.make:
  %descr.at = getelementptr i64, ptr %output, i64 1
  %descr = load ptr, ptr %descr.at, align 8
  %output.rank.at = getelementptr i64, ptr %output, i64 2
  %output.rank = load i64, ptr %output.rank.at, align 8
  %output.nd = trunc i64 %output.rank to i32
  call void @Py_IncRef(ptr %descr)
  %new = call ptr @PyArray_Empty(i32 %output.nd, ptr %dim, ptr %descr, i32 0)
  %no.memory = icmp eq ptr %new, null
  br i1 %no.memory, label %no.array, label %array.keep
array.keep:
  store ptr %new, ptr %own.at, align 8
  %data.at = getelementptr i8, ptr %new, i64 16
  %data = load ptr, ptr %data.at, align 8
  %slot.at = getelementptr i64, ptr %output, i64 3
  %slot = load i64, ptr %slot.at, align 8
  %frame.slot = getelementptr i64, ptr %frame, i64 %slot
  store ptr %data, ptr %frame.slot, align 8
  %dim.more = getelementptr i64, ptr %dim, i64 %output.rank
  br label %array.next
array.next:
  %dim.next = phi ptr [ %dim, %array ], [ %dim.more, %array.keep ]
  %k.next = add i64 %k, 1
  %k.more = icmp slt i64 %k.next, %count
  br i1 %k.more, label %array, label %made.all
made.all:
  call void @set.handler(ptr %before)
  br label %start

start:
  %is.long = icmp sgt i64 %work, $RELEASED_FROM
  br i1 %is.long, label %release, label %hold
hold:
  %held = call i64 %kernel(ptr %frame)
  br label %ran
release:
  %thread = call ptr @PyEval_SaveThread()
  %released = call i64 %kernel(ptr %frame)
  call void @PyEval_RestoreThread(ptr %thread)
  br label %ran
ran:
  %status = phi i64 [ %held, %hold ], [ %released, %release ]
  %is.fine = icmp eq i64 %status, 0
  br i1 %is.fine, label %scalars, label %undo

scalars:
  %has.outputs = icmp sgt i64 %count, 0
  br i1 %has.outputs, label %scalar, label %finish
scalar:
  %s = phi i64 [ 0, %scalars ], [ %s.next, %scalar.next ]
  %s.word = mul i64 %s, $WORDS
  %s.output = getelementptr i64, ptr %outputs, i64 %s.word
  %s.kind = load i64, ptr %s.output, align 8
  %s.slot.at = getelementptr i64, ptr %s.output, i64 3
  %s.slot = load i64, ptr %s.slot.at, align 8
  %s.at = getelementptr i64, ptr %frame, i64 %s.slot
  %s.own.at = getelementptr ptr, ptr %made, i64 %s
  switch i64 %s.kind, label %scalar.other [
    i64 0, label %scalar.float
    i64 $ARRAY, label %scalar.next
  ]
scalar.float:
  %s.float = load double, ptr %s.at, align 8
  %s.object = call ptr @PyFloat_FromDouble(double %s.float)
  store ptr %s.object, ptr %s.own.at, align 8
  br label %scalar.next
scalar.other:
  %s.descr.at = getelementptr i64, ptr %s.output, i64 1
  %s.descr = load ptr, ptr %s.descr.at, align 8
  %s.item = call ptr @PyArray_Scalar(ptr %s.at, ptr %s.descr, ptr null)
  store ptr %s.item, ptr %s.own.at, align 8
  br label %scalar.next
scalar.next:
  %s.next = add i64 %s, 1
  %s.more = icmp slt i64 %s.next, %count
  br i1 %s.more, label %scalar, label %finish

finish:
  call void @drop(ptr %made, i64 0, i64 %first)
  %result = call ptr @put.together(ptr %steps, i64 %steps.count, ptr %made, i64 %count)
  ret ptr %result

no.array:
  call void @set.handler(ptr %before)
  br label %undo.error
undo.error:
  call void @PyErr_Clear()
  br label %undo.arrays
undo:
  br i1 %has.shapes, label %undo.all, label %undone
undo.all:
  br label %undo.arrays
undo.arrays:
  %last = phi i64 [ %k, %undo.error ], [ %count, %undo.all ]
  %why = phi i64 [ -1, %undo.error ], [ %status, %undo.all ]
  call void @drop(ptr %made, i64 0, i64 %last)
  br label %undone
undone:
  %reason = phi i64 [ %status, %undo ], [ %why, %undo.arrays ]
  %is.interrupted = icmp eq i64 %reason, -2
  %nothing = select i1 %is.interrupted, ptr null, ptr inttoptr (i64 1 to ptr)
  ret ptr %nothing
}

; gives NumPy the handler back that it had
define internal void @set.handler(ptr %before) {
  %is.none = icmp eq ptr %before, null
  br i1 %is.none, label %done, label %set
set:
  %own = call ptr @PyDataMem_SetHandler(ptr %before)
  call void @Py_DecRef(ptr %before)
  %is.null = icmp eq ptr %own, null
  br i1 %is.null, label %done, label %drop
drop:
  call void @Py_DecRef(ptr %own)
  br label %done
done:
  ret void
}

declare ptr @llvm.stacksave.p0()
declare void @llvm.stackrestore.p0(ptr)
