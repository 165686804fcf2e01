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
	flag.IntVar(&o.jobs, "jobs", min(2, runtime.NumCPU()), "how many test programs to run at once")
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
	fmt.Printf("%d mutants, %d accepted\n", len(mutants), len(accepted))
	survivors, err := testAll(ctx, dir, targets, mutants, o)
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

// testAll tests the mutants and returns those that survive. The programs of tests have
// their turns one after another, and each gets the mutants that are left.
func testAll(ctx context.Context, dir string, targets []*target, mutants []mutant, o options) ([]mutant, error) {
	reached := make([]int, len(mutants)) // by how many tests
	found := make([]bool, len(mutants))
	for number, pkg := range testPackages(targets) {
		var left []int // indexes of the mutants that this package has to find
		for i, m := range mutants {
			if !found[i] && slices.ContainsFunc(targets, func(t *target) bool { return slices.Contains(t.files, m.file) && slices.Contains(t.tests, pkg) }) {
				left = append(left, i)
			}
		}
		if len(left) == 0 {
			continue
		}
		start := time.Now()
		p, err := build(ctx, dir, number, pkg)
		if err != nil {
			return nil, err
		}
		if err := p.measure(ctx, dir, o.jobs); err != nil {
			return nil, err
		}
		fmt.Printf("%s: compiled, and %d tests run without mutants, in %v\n", pkg, len(p.tests), time.Since(start).Round(time.Second))
		err = inParallel(o.jobs, left, func(i int) error {
			tests, by, err := p.find(ctx, mutants[i])
			reached[i] += tests
			found[i] = by != ""
			if o.verbose {
				fmt.Printf("%5d  line %d, %s: in %s, %s\n", mutants[i].id, mutants[i].line, mutants[i].name, pkg, cmp.Or(by, "nothing fails"))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	var survivors []mutant
	for i, m := range mutants {
		if !found[i] {
			survivors = append(survivors, m)
			fmt.Printf("SURVIVES %5d  line %d, %s: %d tests reach it\n", m.id, m.line, m.name, reached[i])
		}
	}
	return survivors, nil
}

// testPackages returns the packages whose tests have to find mutants of the targets, each
// once.
func testPackages(targets []*target) (packages []string) {
	for _, t := range targets {
		for _, pkg := range t.tests {
			if !slices.Contains(packages, pkg) {
				packages = append(packages, pkg)
			}
		}
	}
	return packages
}

// inParallel calls do with each of the items, as many at once as there are jobs. After
// an error it begins no more, and returns one of the errors.
func inParallel[T any](jobs int, items []T, do func(T) error) error {
	queue := make(chan T)
	failed := make(chan error, jobs)
	var workers sync.WaitGroup
	for range jobs {
		workers.Go(func() {
			for item := range queue {
				if err := do(item); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	var err error
	for _, item := range items {
		select {
		case queue <- item:
			continue
		case err = <-failed:
		}
		break
	}
	close(queue)
	workers.Wait()
	close(failed)
	return cmp.Or(err, <-failed)
}
