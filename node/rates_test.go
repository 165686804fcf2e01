package node

import (
	"math"
	"testing"
	"time"
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
