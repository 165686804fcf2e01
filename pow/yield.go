package pow

import (
	"runtime/metrics"
	"sync"
	"time"
)

// letOthersRun lets other goroutines run, and the program's threads that wait for a core.
//
// If no goroutine waits and a P is free, whatever becomes ready finds that P: a thread of
// ours sleeps until a timer is due or bytes arrive, and all that it needs then is a core.
// Giving way lets it have this one. runtime.Gosched would wake another thread for the
// free P, which finds nothing to do. That takes ten times as long.
func (e *Engine) letOthersRun() {
	if e.procs() > e.workers && !e.waiting() && e.giveWay() {
		return
	}
	e.gosched()
}

const (
	// longWay is how long giving way takes only if another program has got the core. A
	// thread of ours works on it for some 20 µs until it moves to another core.
	longWay = 500 * time.Microsecond

	// noWay is for how long an engine does not give way after that. So it loses the core
	// for at most one turn of another program a second, some milliseconds.
	noWay = time.Second
)

// giveWay lets other threads in the queue of the caller's core run first: those that
// have been woken for the search may be among them, and they will move to another core.
// It reports whether it has: there may be no way on this system, and a program that has
// got the core for long may still be there.
func (e *Engine) giveWay() bool {
	before := e.clock()
	if before.UnixNano() < e.noWayBefore.Load() {
		return false
	}
	given := e.yieldCore()
	if after := e.clock(); after.Sub(before) > longWay {
		e.noWayBefore.Store(after.Add(noWay).UnixNano())
	}
	return given
}

// goroutinesWait reports whether goroutines wait for a P. It takes less than 0.1 µs.
func goroutinesWait() bool {
	s := samples.Get().(*[1]metrics.Sample)
	defer samples.Put(s)
	metrics.Read(s[:])
	return s[0].Value.Kind() != metrics.KindUint64 || s[0].Value.Uint64() > 0
}

// samples holds what goroutinesWait reads into, because that cannot be on the stack.
var samples = sync.Pool{New: func() any {
	return &[1]metrics.Sample{{Name: "/sched/goroutines/runnable:goroutines"}}
}}
