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
	free := allowed
	for i := range free {
		free[i] &^= c.used[i]
	}
	if free.Count() == 0 || unix.SchedSetaffinity(0, &free) != nil {
		return core
	}
	_ = unix.SchedSetaffinity(0, &allowed)
	core, _ = currentCore()
	return core
}

// currentCore returns the number of the core on which the calling thread runs.
func currentCore() (core int, ok bool) {
	var n uint32
	_, _, err := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&n)), 0, 0)
	return int(n), err == 0
}

// yieldCore lets the other threads in the queue of this core run first.
func yieldCore() { _, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }
