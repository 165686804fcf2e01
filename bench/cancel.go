package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/lodepow/lode/pow"
)

// Cancel measures how late a timer fires while every worker is hashing, and how
// long a search takes to return after its context is cancelled. Each kernel is
// measured twice: with GOMAXPROCS equal to the number of workers, and with one
// more, so that the scheduler has a processor (a P) left for timers.
func Cancel(c Config) []Case {
	var cases []Case
	for _, spare := range []int{0, 1} {
		for _, k := range pow.Kernels() {
			cases = append(cases, Case{
				Name:  fmt.Sprintf("Cancel/kernel=%s/spare=%d", k.Name(), spare),
				Skip:  missing(k),
				Procs: c.cores() + spare,
				Start: func() (*Run, error) { return startCancel(k, c.cores()) },
			})
		}
	}
	return cases
}

func startCancel(k pow.Kernel, workers int) (*Run, error) {
	engine, err := newEngine(k, workers)
	if err != nil {
		return nil, err
	}
	var late, took []float64
	return &Run{
		Op: func(parent context.Context) error {
			ctx, cancel := context.WithCancel(parent)
			defer cancel()
			fired := make(chan time.Time, 1)
			after := time.Duration(2000+rand.IntN(2000)) * time.Microsecond
			due := time.Now().Add(after)
			time.AfterFunc(after, func() {
				fired <- time.Now()
				cancel()
			})
			if _, err := engine.Search(ctx, pow.Job{Target: hopeless()}); !errors.Is(err, context.Canceled) {
				return fmt.Errorf("a search ended otherwise than by being cancelled: %w", err)
			}
			if parent.Err() != nil {
				return context.Cause(parent)
			}
			at := <-fired
			took = append(took, time.Since(at).Seconds())
			late = append(late, at.Sub(due).Seconds())
			return nil
		},
		Report: func(int, time.Duration) []Metric {
			slices.Sort(took)
			return []Metric{
				{0, nsPerOp},
				{median(late), "timer-late-p50-sec"},
				{median(took), "return-p50-sec"},
				{took[len(took)*99/100], "return-p99-sec"},
			}
		},
	}, nil
}
