; Threads that share the chunks of a loop, as threads.py describes it; the names in capitals are there.

declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_detach(i64)
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_broadcast(ptr)
declare i32 @pthread_key_create(ptr, ptr)
declare i32 @pthread_setspecific(i64, ptr)
declare ptr @pthread_getspecific(i64)
declare i32 @pthread_sigmask(i32, ptr, ptr)
declare i32 @sigfillset(ptr)
declare i32 @sched_yield()
declare i32 @clock_gettime(i32, ptr)
declare i32 @gradc_signals()
$DECLARED

@threads = global i64 1                      ; how many may work at once, the caller among them
@is.ready = internal global i64 0            ; whether the lock, the signal and the key are there
@lock = internal global [$BYTES x i8] zeroinitializer, align 64
@wake = internal global [$BYTES x i8] zeroinitializer, align 64
@key = internal global i64 0                 ; what a helper has is not null
@helpers = global i64 0                      ; the threads that were started
@busy = internal global i64 0, align 64      ; whether a loop is being shared
@open = internal global i64 0, align 64      ; the number of the loop that helpers may join; 0 if none
@inside = internal global i64 0, align 64    ; the helpers that are in it
@sleeping = internal global i64 0, align 64
@next = internal global i64 0, align 64      ; the chunk that nobody has taken yet
@places = internal global i64 0, align 64    ; how many more helpers may join
@number = internal global i64 0
@body = internal global ptr null
@frame = internal global ptr null
@context = internal global ptr null
@count = internal global i64 0
@failed = internal global i64 0              ; the first chunk that failed, and with which status
@status = internal global i64 0
@stop = internal global i64 0                ; whether the user has interrupted the loop

; the status of a loop in `count` chunks, each of which is a call of `body`
define i64 @share(ptr %body, ptr %frame, ptr %context, i64 %count) {
entry:
  %asked = alloca i64, align 8
  %start = call i64 @now()
  store i64 %start, ptr %asked, align 8
  %threads = load atomic i64, ptr @threads monotonic, align 8
  %is.one = icmp sle i64 %threads, 1
  br i1 %is.one, label %alone, label %try
try:
  %taken = cmpxchg ptr @busy, i64 0, i64 1 seq_cst seq_cst
  %is.free = extractvalue {i64, i1} %taken, 1
  br i1 %is.free, label %together, label %alone
together:
  %most = call i64 @llvm.smin.i64(i64 %threads, i64 %count)
  %wanted = sub i64 %most, 1
  call void @start(i64 %wanted)
  store ptr %body, ptr @body, align 8
  store ptr %frame, ptr @frame, align 8
  store ptr %context, ptr @context, align 8
  store i64 %count, ptr @count, align 8
  store i64 %count, ptr @failed, align 8
  store i64 0, ptr @status, align 8
  store atomic i64 0, ptr @stop monotonic, align 8
  store atomic i64 0, ptr @next monotonic, align 8
  store atomic i64 %wanted, ptr @places monotonic, align 8
  %before = load i64, ptr @number, align 8
  %number = add i64 %before, 1
  store i64 %number, ptr @number, align 8
  store atomic i64 %number, ptr @open seq_cst, align 8
  %sleeping = load atomic i64, ptr @sleeping seq_cst, align 8
  %any = icmp sgt i64 %sleeping, 0
  br i1 %any, label %call, label %work
call:
  %locked = call i32 @pthread_mutex_lock(ptr @lock)
  %woken = call i32 @pthread_cond_broadcast(ptr @wake)
  %unlocked = call i32 @pthread_mutex_unlock(ptr @lock)
  br label %work
work:
  call void @work(ptr %asked)
  store atomic i64 0, ptr @open seq_cst, align 8
  br label %wait
wait:
  %turn = phi i64 [ 0, %work ], [ %turn.next, %again ]
  %inside = load atomic i64, ptr @inside seq_cst, align 8
  %is.done = icmp eq i64 %inside, 0
  br i1 %is.done, label %done, label %spin
spin:
  %turn.next = add i64 %turn, 1
  %is.long = icmp ugt i64 %turn.next, $PATIENT
  br i1 %is.long, label %yield, label %pause
yield:
  %yielded = call i32 @sched_yield()
  br label %again
pause:
  $PAUSE
  br label %again
again:
  br label %wait
done:
  %status = load i64, ptr @status, align 8
  store atomic i64 0, ptr @busy seq_cst, align 8
  ret i64 %status

alone:
  %k = phi i64 [ 0, %entry ], [ 0, %try ], [ %k.next, %alone.next ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %one, label %fine
one:
  %own = call i64 @one(ptr %body, ptr %frame, ptr %context, i64 %k, ptr %asked)
  %is.fine = icmp eq i64 %own, 0
  br i1 %is.fine, label %alone.next, label %wrong
alone.next:
  %k.next = add i64 %k, 1
  br label %alone
fine:
  ret i64 0
wrong:
  ret i64 %own
}

; the status of a chunk. After it the user may interrupt the loop, if Python has not been asked for some time: that takes
; the interpreter's lock, for which others may be waiting. Helpers have no time at which they asked
define internal i64 @one(ptr %body, ptr %frame, ptr %context, i64 %k, ptr %asked) {
  %status = call i64 %body(ptr %frame, ptr %context, i64 %k)
  %is.fine = icmp eq i64 %status, 0
  %asks = icmp ne ptr %asked, null
  %may.ask = and i1 %is.fine, %asks
  br i1 %may.ask, label %time, label %done
time:
  %now = call i64 @now()
  %before = load i64, ptr %asked, align 8
  %since = sub i64 %now, %before
  %is.due = icmp ugt i64 %since, $OFTEN
  br i1 %is.due, label %ask, label %done
ask:
  store i64 %now, ptr %asked, align 8
  %signal = call i32 @poll()
  %is.told = icmp ne i32 %signal, 0
  %after = select i1 %is.told, i64 $INTERRUPTED, i64 0
  ret i64 %after
done:
  ret i64 %status
}

; nanoseconds of a clock that only goes forwards
define internal i64 @now() {
  %time = alloca [2 x i64], align 8
  %failed = call i32 @clock_gettime(i32 $CLOCK, ptr %time)
  %nanoseconds.at = getelementptr i64, ptr %time, i64 1
  %seconds = load i64, ptr %time, align 8
  %nanoseconds = load i64, ptr %nanoseconds.at, align 8
  %whole = mul i64 %seconds, 1000000000
  %all = add i64 %whole, %nanoseconds
  ret i64 %all
}

; takes chunks as long as there are any
define internal void @work(ptr %asked) {
entry:
  %is.caller = icmp ne ptr %asked, null
  %body = load ptr, ptr @body, align 8
  %frame = load ptr, ptr @frame, align 8
  %context = load ptr, ptr @context, align 8
  %count = load i64, ptr @count, align 8
  br label %take
take:
  %k = atomicrmw add ptr @next, i64 1 seq_cst
  %more = icmp slt i64 %k, %count
  br i1 %more, label %one, label %done
one:
  %status = call i64 @one(ptr %body, ptr %frame, ptr %context, i64 %k, ptr %asked)
  %is.fine = icmp eq i64 %status, 0
  br i1 %is.fine, label %take, label %wrong
wrong:
  %locked = call i32 @pthread_mutex_lock(ptr @lock)
  store atomic i64 %count, ptr @next seq_cst, align 8
  %is.interrupted = icmp eq i64 %status, $INTERRUPTED
  br i1 %is.interrupted, label %interrupted, label %first
interrupted:  ; a helper that ends so was told to by the caller
  br i1 %is.caller, label %tell, label %over
tell:
  store i64 -1, ptr @failed, align 8
  store i64 %status, ptr @status, align 8
  store atomic i64 1, ptr @stop seq_cst, align 8
  br label %over
first:
  %failed = load i64, ptr @failed, align 8
  %is.first = icmp slt i64 %k, %failed
  br i1 %is.first, label %keep, label %over
keep:
  store i64 %k, ptr @failed, align 8
  store i64 %status, ptr @status, align 8
  br label %over
over:
  %unlocked = call i32 @pthread_mutex_unlock(ptr @lock)
  br label %done
done:
  ret void
}

; starts helpers until there are as many as wanted
define internal void @start(i64 %wanted) {
entry:
  %thread = alloca i64, align 8
  %all = alloca [$BYTES x i8], align 16
  %usual = alloca [$BYTES x i8], align 16
  %has = load i64, ptr @helpers, align 8
  %enough = icmp sge i64 %has, %wanted
  br i1 %enough, label %done, label %prepare
prepare:
  %ready = load i64, ptr @is.ready, align 8
  %is.ready = icmp ne i64 %ready, 0
  br i1 %is.ready, label %mask, label %make
make:
  %lock = call i32 @pthread_mutex_init(ptr @lock, ptr null)
  %wake = call i32 @pthread_cond_init(ptr @wake, ptr null)
  %key = call i32 @pthread_key_create(ptr @key, ptr null)
  store i64 1, ptr @is.ready, align 8
  br label %mask
mask:  ; signals are for the threads of Python
  %filled = call i32 @sigfillset(ptr %all)
  %masked = call i32 @pthread_sigmask(i32 $BLOCK_SIGNALS, ptr %all, ptr %usual)
  br label %more
more:
  %k = phi i64 [ %has, %mask ], [ %k.next, %started ]
  %is.more = icmp slt i64 %k, %wanted
  br i1 %is.more, label %create, label %unmask
create:
  %failed = call i32 @pthread_create(ptr %thread, ptr null, ptr @help, ptr null)
  %is.fine = icmp eq i32 %failed, 0
  br i1 %is.fine, label %started, label %unmask
started:
  %id = load i64, ptr %thread, align 8
  %detached = call i32 @pthread_detach(i64 %id)
  %k.next = add i64 %k, 1
  store i64 %k.next, ptr @helpers, align 8
  br label %more
unmask:
  %unmasked = call i32 @pthread_sigmask(i32 $SET_SIGNALS, ptr %usual, ptr null)
  br label %done
done:
  ret void
}

; a helper: waits for a loop, first awake, then asleep, and joins it
define internal ptr @help(ptr %nothing) {
entry:
  %key = load i64, ptr @key, align 8
  %marked = call i32 @pthread_setspecific(i64 %key, ptr @key)
  br label %idle
idle:
  %seen = phi i64 [ 0, %entry ], [ %seen.next, %leave ]
  br label %look
look:
  %turn = phi i64 [ 0, %idle ], [ %turn.next, %pause ]
  %open = load atomic i64, ptr @open seq_cst, align 8
  %is.open = icmp ne i64 %open, 0
  %is.new = icmp ne i64 %open, %seen
  %is.mine = and i1 %is.open, %is.new
  br i1 %is.mine, label %join, label %spin
spin:
  %turn.next = add i64 %turn, 1
  %is.long = icmp ugt i64 %turn.next, $SPINS
  br i1 %is.long, label %tired, label %pause
pause:
  $PAUSE
  br label %look
tired:
  %locked = call i32 @pthread_mutex_lock(ptr @lock)
  %one.more = atomicrmw add ptr @sleeping, i64 1 seq_cst
  br label %asleep
asleep:
  %now = load atomic i64, ptr @open seq_cst, align 8
  %now.open = icmp ne i64 %now, 0
  %now.new = icmp ne i64 %now, %seen
  %now.mine = and i1 %now.open, %now.new
  br i1 %now.mine, label %awake, label %sleep
sleep:
  %slept = call i32 @pthread_cond_wait(ptr @wake, ptr @lock)
  br label %asleep
awake:
  %one.less = atomicrmw sub ptr @sleeping, i64 1 seq_cst
  %unlocked = call i32 @pthread_mutex_unlock(ptr @lock)
  br label %join
join:
  %came = atomicrmw add ptr @inside, i64 1 seq_cst
  %which = load atomic i64, ptr @open seq_cst, align 8
  %still = icmp ne i64 %which, 0
  br i1 %still, label %place, label %leave
place:
  %left = atomicrmw sub ptr @places, i64 1 seq_cst
  %has.place = icmp sgt i64 %left, 0
  br i1 %has.place, label %work, label %leave
work:
  call void @work(ptr null)
  br label %leave
leave:
  %seen.next = phi i64 [ %seen, %join ], [ %which, %place ], [ %which, %work ]
  %went = atomicrmw sub ptr @inside, i64 1 seq_cst
  br label %idle
}

; whether the user has interrupted the process; helpers cannot ask Python, and are told
define i32 @poll() {
  %ready = load i64, ptr @is.ready, align 8
  %is.ready = icmp ne i64 %ready, 0
  br i1 %is.ready, label %who, label %ask
who:
  %key = load i64, ptr @key, align 8
  %mark = call ptr @pthread_getspecific(i64 %key)
  %is.helper = icmp ne ptr %mark, null
  br i1 %is.helper, label %told, label %ask
told:
  %stop = load atomic i64, ptr @stop seq_cst, align 8
  %short = trunc i64 %stop to i32
  ret i32 %short
ask:
  %signals = call i32 @gradc_signals()
  ret i32 %signals
}

; after a fork the child has no helpers, and nobody holds the lock
define void @forget() {
  store i64 0, ptr @is.ready, align 8
  store i64 0, ptr @helpers, align 8
  store i64 0, ptr @busy, align 8
  store i64 0, ptr @open, align 8
  store i64 0, ptr @inside, align 8
  store i64 0, ptr @sleeping, align 8
  ret void
}

declare i64 @llvm.smin.i64(i64, i64)
