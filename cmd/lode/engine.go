package main

import (
	"os"
	"runtime"
	"runtime/debug"

	"github.com/lodepow/lode/pow"
)

// engineFlags are those of every command that searches.
type engineFlags struct {
	Workers int    `env:"LODE_WORKERS" placeholder:"N" help:"Goroutines that hash; by default one for each core this process may use."`
	Kernel  string `env:"LODE_KERNEL" placeholder:"NAME" help:"Kernel to hash with; by default the first that 'lode kernels' lists as able to run."`
}

// engine makes the engine and sets GOMAXPROCS for it.
func (f engineFlags) engine() (*pow.Engine, error) {
	engine, err := pow.New(pow.Config{Workers: f.Workers, Kernel: f.Kernel})
	if err != nil {
		return nil, usageError{err}
	}
	setProcs(engine)
	return engine, nil
}

// setProcs gives the scheduler one P more than there are workers, or cores if
// those are fewer. With a busy worker on every P, a timer or a request waits for
// the scheduler to preempt one; see BenchmarkCancel.
func setProcs(engine *pow.Engine) {
	cores := runtime.GOMAXPROCS(0) // of this process: Go looks at the container's limit
	runtime.GOMAXPROCS(min(engine.Workers(), cores) + 1)
}

// gcPercent is how much the heap of a node may grow between collections. Most of
// what grows it are answers to others; Go's own 100 lets a flood of slow readers
// take twice the memory for a few per cent of speed.
const gcPercent = 50

// setMemory leaves the environment's GOGC alone.
func setMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
