package pow

import (
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"
)

// MaxWorkers is the most goroutines that a search hashes on.
const MaxWorkers = 4096

// Config says how to search. Its zero value uses every core and the best
// kernel.
type Config struct {
	Workers int    // goroutines that hash; 0: as many as GOMAXPROCS
	Kernel  string // name of a kernel; "": chosen by [Choose]
	Logger  *slog.Logger

	// Background makes long searches give way to whatever else wants to run, by
	// the priority of their threads. It has an effect on Linux only.
	Background bool

	// Now is the clock by which observers are told durations. Nil means time.Now.
	Now func() time.Time
}

// Engine searches jobs. Any number of searches can run at once, each with all
// the workers. [Engine.Stats] and [Engine.Observe] tell what it does; package
// pow/metrics exports that to Prometheus.
type Engine struct {
	kernel     Kernel
	workers    int
	background bool
	now        func() time.Time

	hashes    atomic.Uint64 // done by all searches so far
	refused   atomic.Uint64 // see Refused
	searches  searchCounts
	observers atomic.Pointer[[]Observer] // nil before the first; the slice is replaced, never changed
}

// New makes an engine. The kernel is chosen and self-tested here, once.
func New(c Config) (*Engine, error) {
	kernel, why, err := Choose(c.Kernel)
	if err != nil {
		return nil, err
	}
	if c.Logger != nil {
		c.Logger.Info("kernel chosen", "kernel", kernel.name, "why", why)
	}
	return newEngine(kernel, c)
}

func newEngine(kernel Kernel, c Config) (*Engine, error) {
	if c.Workers < 0 || c.Workers > MaxWorkers {
		return nil, fmt.Errorf("%d workers: want 1 to %d, or 0 for one a core", c.Workers, MaxWorkers)
	}
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Engine{kernel: kernel, workers: c.Workers, background: c.Background, now: c.Now}, nil
}

// Kernel returns the kernel in use.
func (e *Engine) Kernel() Kernel { return e.kernel }

// Workers returns the number of goroutines that a search hashes on.
func (e *Engine) Workers() int { return e.workers }

// Hashes returns the number of hashes done by all searches so far. It grows
// while a search runs, a chunk at a time.
func (e *Engine) Hashes() uint64 { return e.hashes.Load() }

// Refused returns the number of candidates of the kernel that were no answers
// when the whole hash was compared. A kernel compares the most significant word,
// so there are a few where the target goes into the next word, and none where the
// word decides: a target of 32 or fewer zero bits and then ones.
func (e *Engine) Refused() uint64 { return e.refused.Load() }
