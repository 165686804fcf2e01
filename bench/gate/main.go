// Command gate exits with status 1 if a kernel, or a second worker, has become
// slow:
//
//	go run ./bench/gate
//
// It compares ratios of interleaved measurements with their floors, and never looks
// at absolute times, so its result does not depend on the speed of the machine.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"text/tabwriter"

	"github.com/lodepow/lode/bench"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	cores := runtime.GOMAXPROCS(0)
	floors, err := bench.Floors(cores)
	if err != nil {
		return err
	}
	runtime.GOMAXPROCS(min(2, cores) + 1) // one more than the workers, as in the command lode
	verdicts, err := bench.Gate(ctx, floors)
	if err != nil {
		return err
	}
	failed := 0
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ratio\tmedian\tfloor\tpairs below\t")
	for _, v := range verdicts {
		word := ""
		switch {
		case v.Unchecked:
			word = "NOT CHECKED: the machine is too busy"
		case v.Fails:
			failed++
			word = "TOO SLOW"
		}
		ratio := fmt.Sprintf("%.2f", v.Median)
		if v.Unchecked {
			ratio = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%.2f\t%d of %d\t%s\n", v.Name, ratio, v.Least, v.Below, v.Pairs, word)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if cores < 2 {
		fmt.Fprintln(w, "NOT CHECKED: two workers over one, because this machine has only one core")
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d ratios are below their floor", failed, len(verdicts))
	}
	return nil
}
