package main

import (
	"context"
	"runtime"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/pow"
)

// engineFlags are the flags of every command that searches.
type engineFlags struct {
	Workers int    `type:"workers" env:"LODE_WORKERS" placeholder:"N" help:"Goroutines that hash; by default one for each core this process may use."`
	Kernel  string `type:"kernel" env:"LODE_KERNEL" placeholder:"NAME" help:"Kernel to hash with; by default the first that 'lode kernels' lists as able to run."`
}

// newEngine creates the engine that the flags describe and sets GOMAXPROCS for it.
func (f engineFlags) newEngine() (*pow.Engine, error) {
	engine, err := pow.New(pow.Config{Workers: f.Workers, Kernel: f.Kernel})
	if err != nil {
		return nil, cli.UsageError{Err: err}
	}
	setProcs(engine)
	return engine, nil
}

// setProcs sets GOMAXPROCS to one more than the number of workers or of cores,
// whichever is smaller. If every P ran a busy worker, a request would have to wait
// until a worker yields, which takes up to a few milliseconds.
func setProcs(engine *pow.Engine) {
	cores := runtime.GOMAXPROCS(0) // Go takes the CPU limit of a container into account
	runtime.GOMAXPROCS(min(engine.Workers(), cores) + 1)
}

// watchKernel checks the engine's kernel, which takes a few milliseconds, and begins to
// check it from time to time. The caller must call stop, which ends that.
func watchKernel(ctx context.Context, engine *pow.Engine) (stop func()) {
	engine.CheckKernel()
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		engine.WatchKernel(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}
