package pow

import (
	"log/slog"
	"math"
	"slices"
)

// The limits of a check. A check of a kernel that is well takes checkChunks chunks,
// about 2 ms, and a comparison twice comparePairs, 3 to 8 ms.
const (
	checkChunks  = 9
	checkTries   = 3 // a kernel is slow only if it was in each of them, because others may have used the core
	comparePairs = 15

	// SlowKernel is how many times as many cycles as expected a hash takes if something
	// is wrong with the place of the program in memory. Bad places cost factors of 2.4 to
	// 3.6. A busy neighbour on the same physical core costs up to 2, which is no fault.
	SlowKernel = 2.3

	// Two kernels are close if their expected cycles differ by less than a factor of
	// closeKernels. A rival replaces the kernel in use if it is clearlyFaster times as
	// fast, so that the engine does not switch to and fro.
	closeKernels  = 1.1
	clearlyFaster = 1.02
)

// remedy is something that may make a slow kernel fast again.
type remedy struct {
	what  string // what happened to the program
	apply func() error
}

// selector checks the speed of kernels, and selects another one if there is a reason.
//
// The order of the table is a choice for a family of processors. It cannot know what is
// special about a machine or a moment. On Zen 5, one of many copies of a program was
// seen to run a kernel 3.6 times slower than the others, for as long as its text stayed
// in the same page frames of memory.
type selector struct {
	slicer   func(k Kernel, versions int) sliceFunc // tests replace it
	remedies []remedy                               // that have not been tried
	log      *slog.Logger
	warned   string // name of the kernel that the log says is slow
}

// isSlow reports whether a kernel takes far more cycles than expected.
func isSlow(k Kernel, s Speed) bool {
	return k.ExpectedCycles() > 0 && s.Cycles > SlowKernel*k.ExpectedCycles()
}

// check measures a kernel. If it is slow, check tries the remedies one after the other.
// If none helps, it returns the fastest of the others, if one of them is faster.
func (c *selector) check(k Kernel, others []Kernel) (Kernel, Speed) {
	s := c.measure(k)
	if !isSlow(k, s) {
		if c.warned == k.name {
			c.warned = ""
			c.log.Info("the kernel is as fast as it should be again", "kernel", k.name, "cycles", rounded(s.Cycles))
		}
		return k, s
	}
	if c.warned != k.name {
		c.warned = k.name
		c.log.Warn("the kernel is slow: the core is shared with other load, or the program lies badly in memory",
			"kernel", k.name, "cycles", rounded(s.Cycles), "expected", k.ExpectedCycles())
	}
	for len(c.remedies) > 0 {
		r := c.remedies[0]
		c.remedies = c.remedies[1:]
		if err := r.apply(); err != nil {
			c.log.Info("the program cannot have "+r.what, "err", err)
			continue
		}
		if s = c.measure(k); !isSlow(k, s) {
			c.warned = ""
			c.log.Info("the kernel is as fast as it should be, since the program had "+r.what, "kernel", k.name, "cycles", rounded(s.Cycles))
			return k, s
		}
		c.log.Info("it has not helped that the program had "+r.what, "cycles", rounded(s.Cycles))
	}

	best, least := k, s
	for _, other := range others {
		if other.SelfTest() != nil {
			continue
		}
		o := speedOf(c.slicer(other, k.versions), checkChunks)
		if o.Cycles*clearlyFaster <= least.Cycles {
			best, least = other, o
		}
	}
	if best.name != k.name {
		c.log.Warn("another kernel is faster here and takes over", "kernel", best.name, "cycles", rounded(least.Cycles), "before", k.name)
		return best, c.measure(best)
	}
	return k, s
}

// rounded rounds a number for the log.
func rounded(x float64) float64 { return math.Round(100*x) / 100 }

// measure returns the speed of a kernel. A kernel that seems slow is measured again, and
// its best result counts.
func (c *selector) measure(k Kernel) (least Speed) {
	for try := range checkTries {
		s := speedOf(c.slicer(k, k.versions), checkChunks)
		if try == 0 || s.Cycles < least.Cycles {
			least = s
		}
		if !isSlow(k, least) {
			break
		}
	}
	return least
}

// compare returns the fastest of a kernel and those of the others that are close to it.
// The decision is made by measuring both in turns, so that other load has little
// influence on it.
func (c *selector) compare(k Kernel, others []Kernel) Kernel {
	for _, rival := range others {
		versions := closeIn(k, rival)
		if versions == 0 || rival.SelfTest() != nil {
			continue
		}
		times := timesFaster(c.slicer(k, versions), c.slicer(rival, versions), comparePairs)
		if times >= clearlyFaster {
			c.log.Info("a kernel that is close in the table is faster here and takes over", "kernel", rival.name, "before", k.name, "times", rounded(times))
			k = rival
		}
	}
	return k
}

// closeIn returns the number of versions in which two kernels are so close that only a
// measurement can tell which is faster, or 0 if they are not. Two kernels that run the
// same loop for a single version are compared with many only.
func closeIn(a, b Kernel) int {
	versions := MaxVersions
	x, y := a.measured.In(versions), b.measured.In(versions)
	if x == 0 || y == 0 {
		versions = 1
		x, y = a.measured.In(1), b.measured.In(1)
	}
	if max(x, y) >= closeKernels*min(x, y) { // also if one of them is 0, which is not known
		return 0
	}
	return versions
}

// alternatives returns the kernels of a table that can run here, without k.
func alternatives(table []Kernel, k Kernel) []Kernel {
	return slices.DeleteFunc(slices.Clone(table), func(o Kernel) bool { return len(o.missing) > 0 || o.name == k.name })
}
