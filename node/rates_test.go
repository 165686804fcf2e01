package node

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
)

// fakeCounter is a counter that a test sets.
type fakeCounter struct{ hashes []uint64 }

func (c *fakeCounter) WorkerHashes() []uint64 { return append([]uint64(nil), c.hashes...) }

func (c *fakeCounter) Hashes() (sum uint64) {
	for _, n := range c.hashes {
		sum += n
	}
	return sum
}

// The rates are those of the last seconds, however often they are asked for.
func TestRates(t *testing.T) {
	now := time.Unix(1000, 0)
	c := &fakeCounter{hashes: []uint64{5, 7}}
	r := newRates(c, func() time.Time { return now })
	check := func(first, second float64) {
		t.Helper()
		workers, sum := r.state()
		if len(workers) != 2 || math.Abs(workers[0].Rate-first) > 1e-6 || math.Abs(workers[1].Rate-second) > 1e-6 || workers[0].Hashes != c.hashes[0] || sum != c.Hashes() {
			t.Errorf("workers %+v, %d hashes, want rates of %v and %v", workers, sum, first, second)
		}
	}
	check(0, 0) // no time has passed
	for range 100 {
		now = now.Add(100 * time.Millisecond)
		c.hashes[0] += 10 // 100 a second
		c.hashes[1] += 20
		check(100, 200)
	}
	for range 3 { // a pause: the first look may still include the time before
		now = now.Add(2 * time.Second)
		_, _ = r.state()
	}
	check(0, 0)
	// The workers search for an hour in which nobody asks. The mean over the hour is not
	// what they do now.
	now = now.Add(time.Hour)
	c.hashes[0] += 1_000_000
	check(0, 0)
	now = now.Add(time.Second)
	c.hashes[0] += 100
	check(100, 0)
	now = now.Add(longestSpan - time.Second) // somebody who asks this seldom gets the mean
	c.hashes[0] += 119 * 100
	check(100, 0)
	now = now.Add(longestSpan)
	c.hashes[0] += 120 * 50
	check(50, 0)
}

// A miner has workers of its own only if it searches itself, and if its engine counts what
// each of them does.
func TestStateOfWorkers(t *testing.T) {
	c, err := chain.Open(chain.Config{Params: rules.Lab(), Store: chain.NewMemStore()})
	if err != nil {
		t.Fatal(err)
	}
	counts, err := pow.New(pow.Config{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		what     string
		engine   mine.Engine
		noSearch bool
		want     int
	}{
		{"an engine that counts", counts, false, 2},
		{"an engine that does not count", struct{ mine.Engine }{counts}, false, 0},
		{"others search", counts, true, 0},
	} {
		m, err := NewMiner(MinerConfig{Chain: c, Engine: tc.engine, NoSearch: tc.noSearch})
		if err != nil {
			t.Fatal(err)
		}
		if s := m.State(); len(s.Workers) != tc.want {
			t.Errorf("%s: the state names %d workers, want %d", tc.what, len(s.Workers), tc.want)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		m.Run(ctx) // closes the source
	}
}
