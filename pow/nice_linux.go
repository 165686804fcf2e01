package pow

import (
	"runtime"
	"syscall"
)

// nicely calls f on a thread with the lowest priority, so that every other thread
// runs first. POSIX has one nice value for the whole process, but Linux has one for
// each thread.
//
// The thread cannot be used for anything else afterwards, because only a privileged
// process may raise a priority again. So the calling goroutine stays locked to it,
// and has to end when nicely has returned; then the thread ends, too. The main
// thread of a process never ends, so it must keep its priority: a goroutine that
// runs on it waits there, while another goroutine calls f on another thread.
func nicely(f func()) {
	runtime.LockOSThread()
	if syscall.Gettid() == syscall.Getpid() {
		defer runtime.UnlockOSThread()
		done := make(chan struct{})
		go func() {
			defer close(done)
			nicely(f)
		}()
		<-done
		return
	}
	const nicest = 19
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), nicest) // lowering is always permitted
	f()
}
