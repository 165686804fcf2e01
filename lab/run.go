package lab

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/lodepow/lode/lab/blocks"
)

// Options say how to run a plan. They do not change the results.
type Options struct {
	Threads int // 0: one for each core

	// Shard says which part of the replicas to run. The zero Shard is all of them.
	Shard Shard

	// Done has replicas of an earlier run of the same plan, which are not run again.
	Done []Replica

	// Finished, if set, is called for each replica as it ends, never by two goroutines
	// at the same time. An error ends the run.
	Finished func(Replica) error

	// Observe, if set, is asked for each replica that is run, and returns a function that
	// gets the blocks of the replica as their fates are settled (see blocks.Options). It is
	// called by several goroutines at the same time.
	Observe func(point, number int) func(blocks.Block)

	// Progress, if set, is called in the same way after Finished.
	Progress func(Progress)
}

// Progress tells how far a run is after a replica.
type Progress struct {
	Points   int  // of the plan
	Ended    int  // points that have all their replicas
	Point    int  // that the replica belongs to
	Replicas int  // of this point, so far
	Complete bool // whether this was the last one of this point
	Metric   string
	Estimate // of the metric at this point
}

// Run runs the replicas of a plan, or of a shard of it, and returns them in the order of
// points and numbers. If the context is cancelled, it returns those that have ended, and
// the context's error.
//
// Whether a point needs more replicas depends on its replicas in the order of their
// numbers, and not on which of them end first. Replicas that have been run beyond the
// last one that counts are thrown away.
func Run(ctx context.Context, p *Plan, o Options) ([]Replica, error) {
	if err := o.Shard.check(p); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := newSchedule(p, o)
	threads := o.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	s.threads = threads
	stop := context.AfterFunc(ctx, s.wake)
	defer stop()
	var workers sync.WaitGroup
	for range threads {
		workers.Go(func() {
			for job, ok := s.next(ctx); ok; job, ok = s.next(ctx) {
				r, err := runReplica(ctx, p, job, max(1, threads/(len(p.Points)*p.Replicas)), o.Observe)
				if err == nil {
					err = s.finish(r)
				}
				if err != nil {
					cancel(err)
				}
			}
		})
	}
	workers.Wait()
	return s.results(), context.Cause(ctx)
}

// job is a replica to run.
type job struct{ point, number int }

func runReplica(ctx context.Context, p *Plan, j job, threads int, observe func(point, number int) func(blocks.Block)) (Replica, error) {
	x := p.Points[j.point].Experiment
	seed := p.Seed + uint64(j.number)
	o := blocks.Options{Threads: threads}
	if observe != nil {
		o.Observe = observe(j.point, j.number)
	}
	r, err := Simulate(ctx, x, seed, o)
	if err != nil {
		if ctx.Err() != nil {
			return Replica{}, err
		}
		return Replica{}, fmt.Errorf("point %d, seed %d: %w", j.point, seed, err)
	}
	metrics := Metrics(x)
	values := make([]float64, len(metrics))
	for i, m := range metrics {
		values[i] = m.Of(r)
	}
	return Replica{Point: j.point, Number: j.number, Seed: seed, Engine: r.Engine, Hash: r.Hash, Values: values, Course: courseOf(x, r)}, nil
}
