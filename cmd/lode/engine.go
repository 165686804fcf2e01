package main

import (
	"runtime"

	"github.com/lodepow/lode/pow"
)

// engineFlags are those of every command that searches.
type engineFlags struct {
	Workers int    `env:"LODE_WORKERS" placeholder:"N" help:"Goroutines that hash; by default one for each core this process may use."`
	Kernel  string `env:"LODE_KERNEL" placeholder:"NAME" help:"Kernel to hash with; by default the first that 'lode kernels' lists as able to run."`
}

// engine makes the engine and gives the scheduler one P more than there are
// workers. With a busy worker on every P, a timer or a signal would wait 8 to
// 20 ms for its turn; with one to spare it waits 0.3 ms, at no loss of hash rate.
func (f engineFlags) engine() (*pow.Engine, error) {
	engine, err := pow.New(pow.Config{Workers: f.Workers, Kernel: f.Kernel})
	if err != nil {
		return nil, usageError{err}
	}
	runtime.GOMAXPROCS(engine.Workers() + 1)
	return engine, nil
}
