package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/pow"
)

type kernelsCmd struct {
	Kernel string `type:"kernel" env:"LODE_KERNEL" placeholder:"NAME" help:"Show the choice as if this kernel had been requested."`
}

func (*kernelsCmd) Help() string {
	return `Each kernel that this CPU can run is measured for a fraction of a second on one
core, for a job with as many versions as it is made for. Kernels that share work
between versions are of use only where the work allows to roll the version, so the
rate of 16 versions does not compare with that of one.

The cycles are those of the core that hashes, and those that were once measured on a
processor of the same family. Twice as many mean that the core is shared with other
load, or that the program lies badly in memory.`
}

// measureChunks is the number of chunks for which each kernel is measured. A chunk takes
// at most 0.4 ms.
const measureChunks = 200

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
	fmt.Fprintln(table, "kernel\tlanes\tchunk\tversions\tone core\tcycles/hash\texpected\tmade of")
	for _, k := range pow.Kernels() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		rate, cycles := "needs "+strings.Join(k.Missing(), " "), ""
		if len(k.Missing()) == 0 {
			speed := k.Measure(measureChunks)
			rate, cycles = hashRate(speed.HashRate), known(speed.Cycles)
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\n",
			k.Name(), k.Lanes(), k.Chunk(), k.Versions(), rate, cycles, known(k.ExpectedCycles()), k.About())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "\nchosen    %s: %s\n", chosen.Name(), why)
	return err
}

// known formats a number of cycles, or the lack of it.
func known(cycles float64) string {
	if cycles == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", cycles)
}
