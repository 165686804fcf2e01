package main

import (
	"context"
	"errors"

	"github.com/lodepow/lode/cmd/internal/benchcmd"
	"github.com/lodepow/lode/cmd/internal/cli"
)

type benchCmd struct {
	benchcmd.Flags
	Out string `hidden:"" help:"Moved to lodelab."`
}

func (*benchCmd) Help() string {
	return `Measures the kernels, whole searches, scaling over workers and the other work of a
node, and then prints a report as text. Each round runs every benchmark once, so that
slow changes of the machine's speed affect all of them alike. No Go toolchain is
needed. The command lodelab also draws charts.

With --zeros, --workers or --kernel only whole searches are measured: every difficulty
with every number of workers and every kernel.

The output has the format of go test -bench, which benchstat and lodelab report read.
The description of the machine and the report are lines that begin with #. Keep the
machine otherwise idle while the command runs. An interrupt ends the run early: the
finished samples are kept and reported, and the exit status is 1.`
}

// Run measures and writes the results, and then the report, to standard output.
func (c *benchCmd) Run(ctx context.Context, s cli.Std) error {
	if c.Out != "" {
		return cli.UsageError{Err: errors.New("--out, which draws charts, has moved to another command: use 'lodelab bench --out " + c.Out + "', or 'go run ./cmd/lodelab bench --out " + c.Out + "' in the source")}
	}
	return c.Flags.Run(ctx, s, benchcmd.Output{})
}

// reportCmd is what is left of a command that has moved to lodelab.
type reportCmd struct {
	Args []string `arg:"" optional:"" passthrough:"all"`
}

// Run says where the command has gone.
func (*reportCmd) Run() error {
	return cli.UsageError{Err: errors.New("this command has moved: use 'lodelab report' with the same arguments, or 'go run ./cmd/lodelab report' in the source")}
}
