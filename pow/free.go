package pow

import "runtime/metrics"

// mostLooks bounds the workers of an engine times the Ps with which its workers look for
// a free P. A look takes the lock of the scheduler and goes through all Ps, and each
// worker looks every yieldAfter, so beyond this it could hold up the whole program.
const mostLooks = 1024

// hasFree reports whether a P is free and no goroutine waits for one. It does not look if
// there are too many Ps to look through, or no more than workers. Nor does it if workers
// keep all cores busy: the thread of a free P may then wait for a core for many
// milliseconds, and until then the timers of a worker's P depend on the worker.
func (e *Engine) hasFree() bool {
	procs := e.procs()
	return e.workers < min(procs, e.cpus) && e.workers*procs <= mostLooks && e.isFree(procs)
}

// isFree reports whether fewer goroutines run than there are Ps, and none waits for one.
// Then a thread without a goroutine waits for timers, also those of other Ps, and for the
// network. The exception is a P whose goroutine is in a system call: it counts as free, and
// no thread waits until the call ends or the runtime takes the P, within about 10 ms.
func isFree(procs int) bool {
	state := []metrics.Sample{{Name: "/sched/goroutines/running:goroutines"}, {Name: "/sched/goroutines/runnable:goroutines"}}
	metrics.Read(state)
	for _, s := range state {
		if s.Value.Kind() != metrics.KindUint64 {
			return false // a later version of Go does not count it
		}
	}
	return state[0].Value.Uint64() < uint64(procs) && state[1].Value.Uint64() == 0
}
