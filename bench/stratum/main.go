// Command stratum measures what it costs to mine over Stratum: it compares a node that
// searches on two cores inside its own process with a node whose two miners have a process
// and a worker each, on the same two cores. The node's own processor time counts, because
// it takes it from the miners. It prints results in the format of go test -bench, and at the
// end the ratio with its interval:
//
//	go run ./bench/stratum -rounds 6
//
// The rounds are interleaved: each measures both, and the order alternates. With the
// defaults a round takes half a minute. Nothing else should run on the machine meanwhile.
//
// The command runs only on Linux, because it reads /proc. If the machine has more cores
// than two, it needs the program taskset to give the processes two of them.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/lodepow/lode/bench/stats"
)

// wanted is the part of the hash rate inside one process that is wanted over Stratum.
const wanted = 0.97

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "stratum:", err)
		os.Exit(1)
	}
}

// setup says how to measure.
type setup struct {
	lode       string        // path of the program
	difficulty string        // of the network, as lode node takes it
	cpus       string        // list for taskset; "": all
	settle     time.Duration // before each measurement
	length     time.Duration // of each measurement
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("stratum", flag.ContinueOnError)
	var s setup
	rounds := flags.Int("rounds", 6, "number of rounds; an interval of 95 % needs at least 6")
	flags.DurationVar(&s.length, "for", 10*time.Second, "length of a measurement; a round has two of them")
	flags.DurationVar(&s.settle, "settle", 5*time.Second, "time from the start of the processes to the measurement")
	flags.StringVar(&s.difficulty, "difficulty", "8", "difficulty of the network: 8 takes 4.3 billion hashes to a block on average")
	flags.StringVar(&s.lode, "lode", "", "path of the lode program to measure; if empty, ./cmd/lode is built")
	flags.StringVar(&s.cpus, "cpus", "", "numbers of the two CPUs to run on, such as 0,1; if empty and the machine has more than two, 0,1")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *rounds < 1 || s.length <= 0 || s.settle < 0 || flags.NArg() > 0 {
		return errors.New("want -rounds of at least 1, a positive -for, and no arguments besides flags")
	}
	if s.cpus == "" && runtime.NumCPU() > 2 {
		s.cpus = "0,1"
	}
	dir, err := os.MkdirTemp("", "stratum-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // nothing depends on it
	if s.lode == "" {
		s.lode = filepath.Join(dir, "lode")
		build := exec.CommandContext(ctx, "go", "build", "-o", s.lode, "github.com/lodepow/lode/cmd/lode")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("build cmd/lode: %w", err)
		}
	}

	fmt.Printf("goos: %s\ngoarch: %s\ncpus: %d, used: %s\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), cmp.Or(s.cpus, "all"))
	var inside, over []float64
	for round := range *rounds {
		order := []func() error{
			func() error { return add(&inside, func() (float64, error) { return s.inside(ctx, dir) }) },
			func() error { return add(&over, func() (float64, error) { return s.overStratum(ctx, dir) }) },
		}
		if round%2 == 1 {
			order[0], order[1] = order[1], order[0]
		}
		for _, measure := range order {
			if err := measure(); err != nil {
				return fmt.Errorf("round %d: %w", round+1, err)
			}
		}
	}
	return report(inside, over)
}

func add(to *[]float64, measure func() (float64, error)) error {
	v, err := measure()
	*to = append(*to, v)
	return err
}

// report prints the ratio of the pairs. It returns an error if the ratio is too low.
func report(inside, over []float64) error {
	ratio, err := stats.PairedRatio(inside, over, 0.95)
	if errors.Is(err, stats.ErrTooFew) {
		fmt.Printf("over Stratum / inside: %.4f, median of %d rounds, too few for an interval\n", ratio.Center, len(inside))
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Printf("over Stratum / inside: %.4f (%.0f %% confidence: %.4f to %.4f, %d rounds)\n", ratio.Center, 100*ratio.Confidence, ratio.Lo, ratio.Hi, ratio.N)
	switch {
	case ratio.Lo >= wanted:
		fmt.Printf("at least %.2f: yes\n", wanted)
	case ratio.Hi < wanted:
		return fmt.Errorf("the ratio is below %.2f", wanted)
	default:
		fmt.Printf("at least %.2f: not decided, measure more rounds on a quiet machine\n", wanted)
	}
	return nil
}
