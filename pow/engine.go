package pow

import (
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lodepow/lode/internal/observe"
)

// MaxWorkers is the largest number of workers that an engine can have.
const MaxWorkers = 4096

// Config is the configuration of an [Engine]. The zero value uses every core and
// the fastest kernel.
type Config struct {
	Workers int          // goroutines that hash in each search; 0 means GOMAXPROCS
	Kernel  string       // name of a kernel; empty means that [Choose] picks one
	Logger  *slog.Logger // nil means that nothing is logged

	// Nice lowers the priority of the threads of long searches to the lowest, so that
	// other programs on the machine run first. It has an effect on Linux only.
	//
	// The program that searches pays for it. While other programs keep all cores
	// busy, the kernel hardly runs these threads. Each stop of the garbage collector
	// waits for all threads, so the whole program then stalls, for half a second or
	// more. To leave cores to others without that, use fewer Workers.
	Nice bool

	// Now is the clock that measures durations for observers; nil means time.Now.
	Now func() time.Time
}

// Engine searches jobs. Any number of searches can run at the same time, and each
// of them has the full number of workers. For 100 µs after a search, goroutines of the
// engine may still wait for the next one, so an engine must not be used both inside and
// outside of a bubble of testing/synctest.
type Engine struct {
	kernel  atomic.Pointer[Kernel] // in use
	workers int
	nice    bool
	now     func() time.Time // see Config.Now

	// These decide when workers yield and how. Only tests change them.
	clock     func() time.Time
	gosched   func() // to other goroutines
	yieldCore func() // to other threads
	procs     func() int
	isFree    func(procs int) bool // whether a P is
	cpus      int                  // cores on which the program may run

	noWayBefore atomic.Int64 // Unix time in nanoseconds; see giveWay

	hashes    atomic.Uint64 // computed by all searches so far
	byWorker  []workerCount // the same by worker, in the order of their numbers
	refused   atomic.Uint64 // see [Engine.Refused]
	searches  searchCounts
	standbys  standbys
	observers observe.List[Observer]

	// What [Engine.CheckKernel] needs and finds out.
	table    []Kernel // of all kernels
	asked    bool     // whether the kernel was asked for by name
	selector *selector
	checking sync.Mutex // held during a check
	speed    atomic.Pointer[Speed]
	byKernel kernelCounts // see [Engine.KernelCounts]
}

// New returns an engine. It chooses the kernel, which has to pass a self-test.
func New(c Config) (*Engine, error) {
	kernel, why, err := Choose(c.Kernel)
	if err != nil {
		return nil, err
	}
	if c.Logger != nil {
		c.Logger.Info("kernel chosen", "kernel", kernel.name, "why", why)
	}
	e, err := newEngine(kernel, c)
	if err != nil {
		return nil, err
	}
	e.asked = c.Kernel != ""
	return e, nil
}

func newEngine(kernel Kernel, c Config) (*Engine, error) {
	if c.Workers < 0 || c.Workers > MaxWorkers {
		return nil, fmt.Errorf("%d workers: want 1 to %d, or 0 for one per core", c.Workers, MaxWorkers)
	}
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Engine{
		workers: c.Workers, nice: c.Nice, now: c.Now, byWorker: make([]workerCount, c.Workers),
		clock: time.Now, gosched: runtime.Gosched, yieldCore: yieldCore, procs: func() int { return runtime.GOMAXPROCS(0) }, isFree: isFree, cpus: runtime.NumCPU(),
		table:    Kernels(),
		selector: &selector{slicer: Kernel.slicer, remedies: textRemedies(), log: c.Logger},
	}
	e.use(kernel)
	return e, nil
}

// Kernel returns the kernel in use. It stays the same unless [Engine.CheckKernel] or
// [Engine.WatchKernel] is called.
func (e *Engine) Kernel() Kernel { return *e.kernel.Load() }

// Workers returns the number of goroutines that hash in each search.
func (e *Engine) Workers() int { return e.workers }

// Hashes returns the number of hashes computed by all searches so far. It grows
// while a search runs, one chunk at a time. For one search alone, see [Progress].
func (e *Engine) Hashes() uint64 { return e.hashes.Load() }

// WorkerHashes returns the number of hashes that each worker has computed so far. Searches
// that run at the same time have a worker with each number, and are counted together.
func (e *Engine) WorkerHashes() []uint64 {
	counts := make([]uint64, len(e.byWorker))
	for i := range e.byWorker {
		counts[i] = e.byWorker[i].hashes.Load()
	}
	return counts
}

// workerCount is the count of one worker. It fills a cache line, so that workers do not
// wait for each other.
type workerCount struct {
	hashes atomic.Uint64
	_      [56]byte
}

// Refused returns the number of candidates whose whole hash turned out not to
// meet the target.
//
// A kernel compares the most significant word only. If that word decides, because
// the target is at most 32 zero bits followed by ones, no candidate is refused.
// For other targets a few are: hashes whose word equals that of the target and
// whose remaining words are too large.
func (e *Engine) Refused() uint64 { return e.refused.Load() }
