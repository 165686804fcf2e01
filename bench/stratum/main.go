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
// If the machine is quiet for some seconds at a time only, -only makes one measurement for
// each call, and -from prints the ratio of the results that were collected in a file:
//
//	go run ./bench/stratum -only inside  -settle 1s -for 3s >>results.txt
//	go run ./bench/stratum -only stratum -settle 1s -for 3s >>results.txt
//	go run ./bench/stratum -from results.txt
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
	"slices"
	"syscall"
	"time"
)

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
	only := flags.String("only", "", "make one measurement: inside or stratum")
	from := flags.String("from", "", "file with results of earlier calls: print their ratio and measure nothing")
	flags.StringVar(&s.cpus, "cpus", "", "numbers of the two CPUs to run on, such as 0,1; if empty and the machine has more than two, 0,1")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *rounds < 1 || s.length <= 0 || s.settle < 0 || flags.NArg() > 0 {
		return errors.New("want -rounds of at least 1, a positive -for, and no arguments besides flags")
	}
	if !slices.Contains([]string{"", "inside", "stratum"}, *only) {
		return fmt.Errorf("-only %q: want inside or stratum", *only)
	}
	if *from != "" {
		return reportFile(*from)
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

	switch *only {
	case "inside":
		_, err := s.inside(ctx, dir)
		return err
	case "stratum":
		_, err := s.overStratum(ctx, dir)
		return err
	}
	fmt.Printf("goos: %s\ngoarch: %s\ncpus: %d, used: %s\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), cmp.Or(s.cpus, "all"))
	var inside, over []result
	for round := range *rounds {
		order := []func() error{
			func() error { return add(&inside, func() (result, error) { return s.inside(ctx, dir) }) },
			func() error { return add(&over, func() (result, error) { return s.overStratum(ctx, dir) }) },
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

func add(to *[]result, measure func() (result, error)) error {
	v, err := measure()
	*to = append(*to, v)
	return err
}
