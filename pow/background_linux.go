package pow

import "syscall"

// lowerPriority makes the calling thread give way to every other that wants to
// run. On Linux a thread has a nice value of its own, whatever POSIX says.
func lowerPriority() {
	const nicest = 19
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), nicest) // always allowed
}
