; Arguments taken apart, and results put together, as the steps say that parts.py writes. A step that takes apart has a
; kind, a register, a type (or an object), a count, and the keys of a dict; what it finds goes into the next registers.
; One that puts together has a kind, a type (or an object), a count, that many registers, and the keys of a dict.

@gradc_tuple = external global i8
declare ptr @PyList_New(i64)
declare ptr @PyDict_New()
declare i64 @PyDict_Size(ptr)
declare i32 @PyDict_Next(ptr, ptr, ptr, ptr)
declare i32 @PyDict_SetItem(ptr, ptr, ptr)

; whether everything is what it was when the steps were written
define internal i1 @take.apart(ptr %steps, i64 %count, ptr %registers, i64 %filled) {
entry:
  %position = alloca i64, align 8
  %key.at = alloca ptr, align 8
  %value.at = alloca ptr, align 8
  br label %try
try:
  %k = phi i64 [ 0, %entry ], [ %k.next, %taken ]
  %step = phi ptr [ %steps, %entry ], [ %step.next, %taken ]
  %top = phi i64 [ %filled, %entry ], [ %top.next, %taken ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %look, label %yes
yes:
  ret i1 true
no:
  ret i1 false
look:
  %kind = load i64, ptr %step, align 8
  %register.at = getelementptr i64, ptr %step, i64 1
  %register = load i64, ptr %register.at, align 8
  %what.at = getelementptr i64, ptr %step, i64 2
  %what = load ptr, ptr %what.at, align 8
  %size.at = getelementptr i64, ptr %step, i64 3
  %size = load i64, ptr %size.at, align 8
  %after = getelementptr i64, ptr %step, i64 4
  %object.at = getelementptr ptr, ptr %registers, i64 %register
  %object = load ptr, ptr %object.at, align 8
  %to = getelementptr ptr, ptr %registers, i64 %top
  %top.next = add i64 %top, %size
  %is.same = icmp eq i64 %kind, $SAME
  br i1 %is.same, label %same, label %typed
same:
  %right = icmp eq ptr %object, %what
  br i1 %right, label %taken, label %no
typed:
  %type.at = getelementptr i8, ptr %object, i64 8
  %type = load ptr, ptr %type.at, align 8
  %is.type = icmp eq ptr %type, %what
  br i1 %is.type, label %container, label %no
container:
  %is.dict = icmp eq i64 %kind, $DICT
  br i1 %is.dict, label %dict, label %sequence

sequence:
  %own.at = getelementptr i8, ptr %object, i64 16
  %own = load i64, ptr %own.at, align 8
  %counts = icmp eq i64 %own, %size
  br i1 %counts, label %items, label %no
items:
  %inside = getelementptr i8, ptr %object, i64 $ITEMS
  %outside.at = getelementptr i8, ptr %object, i64 24
  %outside = load ptr, ptr %outside.at, align 8
  %is.list = icmp eq i64 %kind, $LIST
  %from = select i1 %is.list, ptr %outside, ptr %inside
  %bytes = mul i64 %size, 8
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 %bytes, i1 false)
  br label %taken

dict:
  %dict.size = call i64 @PyDict_Size(ptr %object)
  %dict.counts = icmp eq i64 %dict.size, %size
  br i1 %dict.counts, label %open, label %no
open:
  store i64 0, ptr %position, align 8
  br label %item
item:
  %i = phi i64 [ 0, %open ], [ %i.next, %item.take ]
  %has.item = call i32 @PyDict_Next(ptr %object, ptr %position, ptr %key.at, ptr %value.at)
  %ended = icmp eq i32 %has.item, 0
  br i1 %ended, label %dict.done, label %item.look
item.look:
  %key = load ptr, ptr %key.at, align 8
  %wanted.at = getelementptr ptr, ptr %after, i64 %i
  %wanted = load ptr, ptr %wanted.at, align 8
  %is.key = icmp eq ptr %key, %wanted
  br i1 %is.key, label %item.take, label %no
item.take:
  %value = load ptr, ptr %value.at, align 8
  %item.at = getelementptr ptr, ptr %to, i64 %i
  store ptr %value, ptr %item.at, align 8
  %i.next = add i64 %i, 1
  br label %item
dict.done:
  br label %taken

taken:
  %keys = phi i64 [ 0, %same ], [ 0, %items ], [ %size, %dict.done ]
  %step.next = getelementptr i64, ptr %after, i64 %keys
  %k.next = add i64 %k, 1
  br label %try
}

; keeps what was taken apart alive, whatever others do with the containers
define internal void @keep(ptr %registers, i64 %from, i64 %to) {
entry:
  br label %try
try:
  %k = phi i64 [ %from, %entry ], [ %k.next, %one ]
  %more = icmp slt i64 %k, %to
  br i1 %more, label %one, label %done
one:
  %at = getelementptr ptr, ptr %registers, i64 %k
  %object = load ptr, ptr %at, align 8
  call void @Py_IncRef(ptr %object)
  %k.next = add i64 %k, 1
  br label %try
done:
  ret void
}

; gives up registers that hold something
define internal void @drop(ptr %registers, i64 %from, i64 %to) {
entry:
  br label %try
try:
  %k = phi i64 [ %from, %entry ], [ %k.next, %dropped ]
  %more = icmp slt i64 %k, %to
  br i1 %more, label %one, label %done
one:
  %at = getelementptr ptr, ptr %registers, i64 %k
  %object = load ptr, ptr %at, align 8
  %is.none = icmp eq ptr %object, null
  br i1 %is.none, label %dropped, label %held
held:
  call void @Py_DecRef(ptr %object)
  br label %dropped
dropped:
  %k.next = add i64 %k, 1
  br label %try
done:
  ret void
}

; what the last step makes, of the outputs in the first registers
define internal ptr @put.together(ptr %steps, i64 %count, ptr %registers, i64 %filled) {
entry:
  br label %try
try:
  %k = phi i64 [ 0, %entry ], [ %k.next, %put ]
  %step = phi ptr [ %steps, %entry ], [ %step.next, %put ]
  %top = phi i64 [ %filled, %entry ], [ %top.next, %put ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %look, label %done
done:
  %last = sub i64 %top, 1
  %last.at = getelementptr ptr, ptr %registers, i64 %last
  %result = load ptr, ptr %last.at, align 8
  ret ptr %result
look:
  %kind = load i64, ptr %step, align 8
  %what.at = getelementptr i64, ptr %step, i64 1
  %what = load ptr, ptr %what.at, align 8
  %size.at = getelementptr i64, ptr %step, i64 2
  %size = load i64, ptr %size.at, align 8
  %places = getelementptr i64, ptr %step, i64 3
  %after = getelementptr i64, ptr %places, i64 %size
  switch i64 %kind, label %same [
    i64 $TUPLE, label %tuple
    i64 $LIST, label %list
    i64 $DICT, label %dict
  ]
same:
  call void @Py_IncRef(ptr %what)
  br label %put
tuple:
  %is.plain = icmp eq ptr %what, @gradc_tuple
  br i1 %is.plain, label %plain, label %own
plain:
  %plain.tuple = call ptr @PyTuple_New(i64 %size)
  br label %tuple.fill
own:
  %own.tuple = call ptr @PyType_GenericAlloc(ptr %what, i64 %size)
  %hash.at = getelementptr i8, ptr %own.tuple, i64 24
  $HASH
  br label %tuple.fill
tuple.fill:
  %new.tuple = phi ptr [ %plain.tuple, %plain ], [ %own.tuple, %own ]
  %inside = getelementptr i8, ptr %new.tuple, i64 $ITEMS
  br label %fill
list:
  %new.list = call ptr @PyList_New(i64 %size)
  %outside.at = getelementptr i8, ptr %new.list, i64 24
  %outside = load ptr, ptr %outside.at, align 8
  br label %fill
fill:
  %sequence = phi ptr [ %new.tuple, %tuple.fill ], [ %new.list, %list ]
  %to = phi ptr [ %inside, %tuple.fill ], [ %outside, %list ]
  br label %next
next:
  %i = phi i64 [ 0, %fill ], [ %i.next, %move ]
  %left = icmp slt i64 %i, %size
  br i1 %left, label %move, label %put
move:
  %place.at = getelementptr i64, ptr %places, i64 %i
  %place = load i64, ptr %place.at, align 8
  %item.at = getelementptr ptr, ptr %registers, i64 %place
  %item = load ptr, ptr %item.at, align 8
  %to.at = getelementptr ptr, ptr %to, i64 %i
  store ptr %item, ptr %to.at, align 8
  %i.next = add i64 %i, 1
  br label %next
dict:
  %new.dict = call ptr @PyDict_New()
  br label %pair
pair:
  %p = phi i64 [ 0, %dict ], [ %p.next, %set ]
  %p.left = icmp slt i64 %p, %size
  br i1 %p.left, label %set, label %put.dict
set:
  %p.place.at = getelementptr i64, ptr %places, i64 %p
  %p.place = load i64, ptr %p.place.at, align 8
  %p.item.at = getelementptr ptr, ptr %registers, i64 %p.place
  %p.item = load ptr, ptr %p.item.at, align 8
  %p.key.at = getelementptr ptr, ptr %after, i64 %p
  %p.key = load ptr, ptr %p.key.at, align 8
  %p.set = call i32 @PyDict_SetItem(ptr %new.dict, ptr %p.key, ptr %p.item)
  call void @Py_DecRef(ptr %p.item)
  %p.next = add i64 %p, 1
  br label %pair
put.dict:
  br label %put
put:
  %made = phi ptr [ %what, %same ], [ %sequence, %next ], [ %new.dict, %put.dict ]
  %keys = phi i64 [ 0, %same ], [ 0, %next ], [ %size, %put.dict ]
  %made.at = getelementptr ptr, ptr %registers, i64 %top
  store ptr %made, ptr %made.at, align 8
  %step.next = getelementptr i64, ptr %after, i64 %keys
  %top.next = add i64 %top, 1
  %k.next = add i64 %k, 1
  br label %try
}

