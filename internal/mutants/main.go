package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"sync"
	"time"
)

type options struct {
	targets  string
	accepted string
	list     bool
	only     int
	sample   int
	jobs     int
	verbose  bool
	paths    []string
}

func main() {
	var o options
	flag.StringVar(&o.targets, "targets", "internal/mutants/targets.txt", "file that lists what is mutated, and its tests")
	flag.StringVar(&o.accepted, "accepted", "internal/mutants/accepted.txt", "file that lists the mutants that make no difference")
	flag.BoolVar(&o.list, "list", false, "list the mutants and test nothing")
	flag.IntVar(&o.only, "only", 0, "the only mutant to test, by its number")
	flag.IntVar(&o.sample, "sample", 0, "how many mutants to test, chosen by their names (0: all)")
	flag.IntVar(&o.jobs, "jobs", max(1, runtime.NumCPU()/2), "how many mutants to test at once")
	flag.BoolVar(&o.verbose, "v", false, "show each mutant that is found, and by which test")
	flag.Parse()
	o.paths = flag.Args()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1) //nolint:gocritic // stop need not run
	}
}

// run tests the mutants and returns an error if one survives.
func run(ctx context.Context, o options) error {
	targets, err := readTargets(o.targets, o.paths)
	if err != nil {
		return err
	}
	accepted, err := readAccepted(o.accepted)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	mutants, err := prepare(ctx, dir, targets)
	if err != nil {
		return err
	}
	for _, name := range accepted.missing(mutants) {
		return fmt.Errorf("%s lists a mutant that does not exist (any more): %s", o.accepted, name)
	}
	mutants = choose(mutants, accepted, o)
	if o.list {
		for _, m := range mutants {
			fmt.Printf("%5d  line %d, %s\n", m.id, m.line, m.name)
		}
		return nil
	}
	start := time.Now()
	if err := build(ctx, dir, targets); err != nil {
		return err
	}
	fmt.Printf("%d mutants, %d accepted; compiled and tested without mutants in %v\n", len(mutants), len(accepted), time.Since(start).Round(time.Second))
	survivors, err := testAll(ctx, targets, mutants, o)
	if err != nil {
		return err
	}
	fmt.Printf("%d of %d mutants were found in %v\n", len(mutants)-len(survivors), len(mutants), time.Since(start).Round(time.Second))
	if len(survivors) > 0 {
		return fmt.Errorf("%d mutants survive: add tests that fail on them, or list them in %s with the reason", len(survivors), o.accepted)
	}
	return nil
}

// choose returns the mutants that are to be tested.
func choose(mutants []mutant, accepted acceptances, o options) []mutant {
	mutants = slices.DeleteFunc(mutants, func(m mutant) bool {
		_, ok := accepted[m.name]
		return ok || o.only > 0 && m.id != o.only
	})
	if o.sample == 0 || o.sample >= len(mutants) {
		return mutants
	}
	order := func(m mutant) uint64 {
		h := fnv.New64a()
		_, _ = h.Write([]byte(m.name))
		return h.Sum64()
	}
	slices.SortFunc(mutants, func(a, b mutant) int { return cmp.Compare(order(a), order(b)) })
	mutants = mutants[:o.sample]
	slices.SortFunc(mutants, func(a, b mutant) int { return a.id - b.id })
	return mutants
}

// testAll tests the mutants and returns those that survive.
func testAll(ctx context.Context, targets []*target, mutants []mutant, o options) ([]mutant, error) {
	programs := map[string][]*program{}
	for _, t := range targets {
		for _, file := range t.files {
			programs[file] = t.tests
		}
	}
	var mu sync.Mutex // guards survivors, failure and the output
	var survivors []mutant
	var failure error
	queue := make(chan mutant)
	var workers sync.WaitGroup
	for range o.jobs {
		workers.Go(func() {
			for m := range queue {
				by, err := findMutant(ctx, m, programs[m.file])
				mu.Lock()
				switch {
				case ctx.Err() != nil || err != nil:
					failure = cmp.Or(failure, err, ctx.Err())
				case by == "":
					survivors = append(survivors, m)
					fmt.Printf("SURVIVES %5d  line %d, %s\n", m.id, m.line, m.name)
				case o.verbose:
					fmt.Printf("found    %5d  line %d, %s: by %s\n", m.id, m.line, m.name, by)
				}
				mu.Unlock()
			}
		})
	}
	for _, m := range mutants {
		if ctx.Err() == nil {
			queue <- m
		}
	}
	close(queue)
	workers.Wait()
	return survivors, failure
}
