package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/pow"
)

type kernelsCmd struct {
	Kernel string `env:"LODE_KERNEL" placeholder:"NAME" help:"Show the choice as if this kernel had been requested."`
}

const measureFor = 200 * time.Millisecond // for each kernel

// Run prints the table of kernels with the rate that each reaches on one core, and
// the kernel that an engine would use.
func (c *kernelsCmd) Run(ctx context.Context, s cli.Std) error {
	chosen, why, err := pow.Choose(c.Kernel)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	cpu, features := pow.CPU()
	if len(features) == 0 {
		features = []string{"none that a kernel needs"}
	}
	if _, err := fmt.Fprintf(s.Out, "cpu       %s\nfeatures  %s\n\n", cpu, strings.Join(features, " ")); err != nil {
		return err
	}

	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "kernel\tlanes\tchunk\tone core\tmade of")
	for _, k := range pow.Kernels() {
		rate := "needs " + strings.Join(k.Missing(), " ")
		if len(k.Missing()) == 0 {
			r, err := measure(ctx, k)
			if err != nil {
				return err
			}
			rate = hashRate(r)
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%s\t%s\n", k.Name(), k.Lanes(), k.Chunk(), rate, k.About())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "\nchosen    %s: %s\n", chosen.Name(), why)
	return err
}

// measure runs a kernel on this goroutine and returns its rate in hashes per
// second. It returns the best of several short runs, because other processes may
// interrupt some of them.
func measure(ctx context.Context, k pow.Kernel) (float64, error) {
	var best float64
	job := pow.Job{Header: pow.BitcoinGenesis(), Target: pow.ZerosTarget(200), Count: uint64(16 * k.Chunk())}
	for start := time.Now(); time.Since(start) < measureFor; {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		began := time.Now()
		r, _ := k.Scan(job) // no hash has 200 leading zero bits, so the scan covers the whole range
		best = max(best, float64(r.Hashes)/time.Since(began).Seconds())
		job.First += uint32(job.Count)
	}
	return best, nil
}
