package main

import (
	"context"

	"github.com/lodepow/lode/bench/report/page"
	"github.com/lodepow/lode/cmd/internal/benchcmd"
	"github.com/lodepow/lode/cmd/internal/cli"
)

type benchCmd struct {
	benchcmd.Flags
	Out string `placeholder:"DIR" help:"Folder to write to: bench.txt, bench.csv and bench.json with the single searches, report.html and its charts as SVG and PNG. Standard output then contains only the report."`
}

func (*benchCmd) Help() string {
	return `Measures the kernels, whole searches, scaling over workers and the other work of a
node, and then prints a report. Each round runs every benchmark once, so that slow
changes of the machine's speed affect all of them alike. No Go toolchain is needed.

With --zeros, --workers or --kernel only whole searches are measured: every difficulty
with every number of workers and every kernel.

The output has the format of go test -bench, which benchstat and lodelab report read.
The description of the machine and the report are lines that begin with #. Keep the
machine otherwise idle while the command runs. An interrupt ends the run early: the
finished samples are kept and reported, and the exit status is 1.`
}

// Run measures, writes the results as they come, and then the report with its charts.
func (c *benchCmd) Run(ctx context.Context, s cli.Std) error {
	return c.Flags.Run(ctx, s, benchcmd.Output{Dir: c.Out, Write: page.WriteDir})
}
