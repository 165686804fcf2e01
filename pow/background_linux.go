package pow

import "syscall"

// lowerPriority gives the calling thread the lowest priority, so that every other
// thread runs first. POSIX has one nice value for the whole process, but Linux has
// one for each thread.
func lowerPriority() {
	const nicest = 19
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), nicest) // lowering is always permitted
}
