package pow

import (
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// cores are the processors on which the workers of a search run.
//
// A thread that wakes up often begins in the queue of the core from which it was woken,
// although another core is idle: in a virtual machine, Linux takes a core that has halted
// for one that the hypervisor has taken away. It stays there for some milliseconds, in
// which two workers share a core.
type cores struct {
	mu   sync.Mutex
	used unix.CPUSet
}

// settle notes the core of the calling thread. If another worker has settled there, it
// first moves the thread to a core without one, if the thread may run there. The thread
// is not bound to that core: the system may move it again at any time. Errors are
// ignored, because a search is right on any core.
func (c *cores) settle() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c.mu.Lock()
	defer c.mu.Unlock()
	core, ok := currentCore()
	if !ok {
		return
	}
	if c.used.IsSet(core) {
		core = c.move(core)
	}
	c.used.Set(core)
}

// move moves the calling thread away from the used cores, and returns its core.
func (c *cores) move(core int) int {
	var allowed unix.CPUSet
	if unix.SchedGetaffinity(0, &allowed) != nil {
		return core
	}
	if moveTo(freeOf(allowed, c.used), allowed, func(s *unix.CPUSet) error { return unix.SchedSetaffinity(0, s) }) {
		core, _ = currentCore()
	}
	return core
}

// freeOf returns the allowed cores that are not used.
func freeOf(allowed, used unix.CPUSet) unix.CPUSet {
	for i := range allowed {
		allowed[i] &^= used[i]
	}
	return allowed
}

// moveTo moves the calling thread to one of the free cores, and reports whether it has.
// Afterwards the thread may run on the allowed cores again.
//
// The system refuses the latter only if it has meanwhile taken all of the allowed cores
// from the process. The thread may then run on every core that the system lets it have,
// as the other threads of the process may, instead of staying bound to the free ones.
func moveTo(free, allowed unix.CPUSet, bind func(*unix.CPUSet) error) (moved bool) {
	if free.Count() == 0 || bind(&free) != nil {
		return false
	}
	if bind(&allowed) != nil {
		var all unix.CPUSet
		for i := range all {
			all[i]-- // all bits are ones
		}
		_ = bind(&all) // there is nothing else to try
	}
	return true
}

// currentCore returns the number of the core on which the calling thread runs.
func currentCore() (core int, ok bool) {
	var n uint32
	_, _, err := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&n)), 0, 0)
	return int(n), err == 0
}

// yieldCore lets the other threads in the queue of this core run first.
func yieldCore() { _, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }
