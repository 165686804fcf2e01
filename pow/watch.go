package pow

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// compareEvery is how long a choice between close kernels holds. A busy moment must
	// not decide for a whole run.
	compareEvery = time.Hour

	// checkAgain is when a slow kernel is measured again: the load that slowed it down
	// may have ended.
	checkAgain = time.Minute
)

// CheckKernel measures the kernel in use on the calling goroutine. Call it before the
// first search. It takes a few milliseconds, and longer only if the kernel is slow.
//
// Which kernel is the fastest on a family of processors is known beforehand, and [New]
// chooses by that. CheckKernel does two things that need a measurement. If a hash takes
// more than 2.3 times the cycles that it should take on processors of this family, something
// is wrong on this machine: CheckKernel says so in the log, moves the program to other
// memory if the system has a way, and as a last remedy changes to another kernel. And if
// another kernel is expected to be about as fast, it measures both and uses the faster.
//
// It changes only a kernel that New has chosen, not one that was asked for by name. The
// answers of searches do not depend on the kernel.
func (e *Engine) CheckKernel() { e.checkKernel(true) }

// WatchKernel measures again from time to time, until the context ends: the kernel in
// use every minute while it is slow, and those that are about as fast every hour.
func (e *Engine) WatchKernel(ctx context.Context) {
	compared := e.clock()
	for {
		wait := compareEvery - e.clock().Sub(compared)
		if e.kernelIsSlow() {
			wait = min(wait, checkAgain)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		compare := e.clock().Sub(compared) >= compareEvery
		if compare {
			compared = e.clock()
		}
		e.checkKernel(compare)
	}
}

// checkKernel checks the kernel in use, unless an earlier check found it well, and
// compares it with others if compare is set.
func (e *Engine) checkKernel(compare bool) {
	e.checking.Lock()
	defer e.checking.Unlock()

	k := e.Kernel()
	var others []Kernel
	if !e.asked {
		others = alternatives(e.table, k)
	}
	last := e.speed.Load()
	if last == nil || isSlow(k, *last) {
		next, speed := e.selector.check(k, others)
		if last != nil && next.name == k.name {
			// Searches run now, perhaps on the same core. So the best result is the truth.
			speed.Cycles = min(speed.Cycles, last.Cycles)
			speed.HashRate = max(speed.HashRate, last.HashRate)
		}
		e.speed.Store(&speed)
		if next.name != k.name {
			e.use(next)
			return
		}
	}
	if !compare {
		return
	}
	if next := e.selector.compare(k, others); next.name != k.name {
		speed := e.selector.measure(next)
		e.use(next)
		e.speed.Store(&speed)
	}
}

func (e *Engine) kernelIsSlow() bool {
	last := e.speed.Load()
	return last != nil && isSlow(e.Kernel(), *last)
}

// KernelSpeed returns the speed of the kernel in use, as [Engine.CheckKernel] has
// measured it. It returns false if that has not been called.
func (e *Engine) KernelSpeed() (Speed, bool) {
	if s := e.speed.Load(); s != nil {
		return *s, true
	}
	return Speed{}, false
}

// KernelCount is what searches have done with one kernel.
type KernelCount struct {
	Kernel          string
	Hashes, Refused uint64 // see [Engine.Hashes] and [Engine.Refused]
}

// kernelCounts divides the counts of an engine among the kernels that it uses one after
// another.
type kernelCounts struct {
	mu              sync.Mutex
	counts          []KernelCount // one for each kernel, in the order of their first use
	current         int           // the index of the kernel in use
	hashes, refused uint64        // of the engine, as far as they are in counts
}

// settle adds what the engine has done since the last call to the kernel in use. The
// caller holds mu.
func (c *kernelCounts) settle(hashes, refused uint64) {
	if len(c.counts) > 0 {
		now := &c.counts[c.current]
		now.Hashes += hashes - c.hashes
		now.Refused += refused - c.refused
	}
	c.hashes, c.refused = hashes, refused
}

// begin makes a kernel the one in use. The caller holds mu.
func (c *kernelCounts) begin(kernel string) {
	c.current = slices.IndexFunc(c.counts, func(k KernelCount) bool { return k.Kernel == kernel })
	if c.current < 0 {
		c.current = len(c.counts)
		c.counts = append(c.counts, KernelCount{Kernel: kernel})
	}
}

// use makes the engine use a kernel from now on. A search that is under way goes on with
// it, and the chunks that are being searched are counted for it.
func (e *Engine) use(k Kernel) {
	c := &e.byKernel
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle(e.hashes.Load(), e.refused.Load())
	c.begin(k.name)
	e.kernel.Store(&k)
}

// KernelCounts returns the counts for each kernel that the engine has used, in the order
// of their first use. Most engines use one.
func (e *Engine) KernelCounts() []KernelCount {
	c := &e.byKernel
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle(e.hashes.Load(), e.refused.Load())
	return slices.Clone(c.counts)
}
