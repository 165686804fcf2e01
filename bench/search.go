package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/lodepow/lode/bench/raw"
	"github.com/lodepow/lode/pow"
)

// calibration is the total time for which Rate measures a kernel.
const calibration = 50 * time.Millisecond

// SearchFunc has the signature of [pow.Engine.Search], or of a substitute for it.
type SearchFunc func(context.Context, pow.Job) (pow.Result, error)

// Search measures complete searches on all cores, as a miner makes them: each
// operation takes a new header and searches until it is solved. The metric tries/op
// shows how lucky the run was, whereas H/s does not depend on luck. All kernels
// search the same headers.
func Search(c Config, zeros ...int) []Case {
	var cases []Case
	for _, z := range zeros {
		for _, k := range pow.Kernels() {
			cases = append(cases, searchCase(c, z, k, c.cores()))
		}
	}
	return cases
}

// searchOps returns the number of searches in a sample when Config.Rate is set. It
// does not depend on the kernel, so tries/op is the same for all kernels.
func searchOps(zeros int) int { return min(1024, 1<<max(0, 17-zeros)) }

func searchCase(c Config, zeros int, k pow.Kernel, workers int) Case {
	one := c.searchesCase(searches{benchmark: "Search", kernel: k.Name(), workers: workers, zeros: zeros, stream: zeros}, func() (SearchFunc, error) {
		engine, err := newEngine(k, workers)
		if err != nil {
			return nil, err
		}
		return engine.Search, nil
	})
	one.Skip = missing(k)
	return one
}

// searchesCase returns a benchmark of the searches s. open returns the function that
// searches.
func (c Config) searchesCase(s searches, open func() (SearchFunc, error)) Case {
	one := Case{
		Name:  fmt.Sprintf("Search/zeros=%d/kernel=%s/workers=%d", s.zeros, s.kernel, s.workers),
		Procs: s.workers + 1,
		Start: func() (*Run, error) {
			search, err := open()
			if err != nil {
				return nil, err
			}
			return s.start(c, search), nil
		},
	}
	if c.Rate > 0 {
		one.Ops = searchOps(s.zeros)
	}
	return one
}

// Tries measures searches over a range of difficulties, with the best kernel on all
// cores.
//
// If c.Rate is set, each sample contains about 0.1 s of searches, and difficulties
// at which one search takes more than a second are omitted. Otherwise each sample
// contains as many searches as fit into its time.
func Tries(c Config, zeros []int) []Case {
	k, _, err := pow.Choose("")
	workers := c.cores()
	var cases []Case
	for _, z := range zeros {
		ops := 0
		if c.Rate > 0 {
			hashes := math.Exp2(float64(z))
			all := c.Rate * float64(workers)
			if hashes > all {
				continue
			}
			// Enough for 0.1 s, but no more than the statistics profit from.
			ops = min(1024, int(math.Ceil(0.1*all/hashes)))
		}
		one := Case{
			Name:  fmt.Sprintf("Tries/zeros=%d", z),
			Procs: workers + 1,
			Ops:   ops,
			Start: func() (*Run, error) {
				engine, err := newEngine(k, workers)
				if err != nil {
					return nil, err
				}
				s := searches{benchmark: "Tries", kernel: k.Name(), workers: workers, zeros: z, stream: triesStream + z}
				return s.start(c, engine.Search), nil
			},
		}
		if err != nil {
			one.Skip = err.Error()
		}
		cases = append(cases, one)
	}
	return cases
}

// triesStream is the offset that gives Tries other streams of headers than Search.
const triesStream = 1000

// searches describes the searches of a benchmark. Each of them takes the next header
// of the stream.
type searches struct {
	benchmark string
	kernel    string
	workers   int
	zeros     int
	stream    int
}

// start returns a run in which each operation searches a new header until it is solved.
func (s searches) start(c Config, search SearchFunc) *Run {
	headers := NewHeaders(c.Seed, c.Round, s.stream)
	target := pow.ZerosTarget(s.zeros)
	energy := c.Energy.start()
	var n int
	var hashes, tries uint64
	return &Run{
		Op: func(ctx context.Context) error {
			header := headers.Next()
			start := time.Now()
			r, err := searchOn(ctx, search, header, target)
			took := time.Since(start)
			if err != nil {
				return err
			}
			hashes += r.Hashes
			tries += r.Tries
			if c.Record != nil {
				c.Record(raw.Search{
					Benchmark: s.benchmark, Seed: c.Seed, Round: c.Round, Zeros: s.zeros, Kernel: s.kernel, Workers: s.workers,
					Search: n, Tries: r.Tries, Hashes: r.Hashes, NS: took.Nanoseconds(),
				})
			}
			n++
			energy.tick()
			return nil
		},
		Report: func(n int, elapsed time.Duration) []Metric {
			return append([]Metric{
				{float64(hashes) / elapsed.Seconds(), "H/s"},
				{float64(tries) / float64(n), "tries/op"},
			}, energy.perHash(hashes)...)
		},
	}
}

// searchOn searches a header until it is solved. If none of its nonces is a solution,
// it goes on with the next time, as a miner does. From 28 zeros on this happens now and
// then. Tries and Hashes of the result are those of all times together.
func searchOn(ctx context.Context, search SearchFunc, header pow.Header, target pow.Target) (pow.Result, error) {
	var tries, hashes uint64
	for {
		r, err := search(ctx, pow.Job{Header: header, Target: target})
		r.Tries += tries
		r.Hashes += hashes
		if !errors.Is(err, pow.ErrExhausted) {
			return r, err
		}
		tries, hashes = r.Tries, r.Hashes
		header.Time++
	}
}

func newEngine(k pow.Kernel, workers int) (*pow.Engine, error) {
	return pow.New(pow.Config{Workers: workers, Kernel: k.Name()})
}
