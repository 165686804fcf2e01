package mine

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/pow"
)

func TestJobNonces(t *testing.T) {
	for _, tc := range []struct {
		rate float64
		want uint64
	}{{0, firstNonces}, {1, firstNonces}, {16e6, 2e6}, {1e15, 1 << 32}} {
		if got := jobNonces(tc.rate, 16); got != tc.want {
			t.Errorf("at %v H/s: %d nonces, want %d", tc.rate, got, tc.want)
		}
	}
}

// A cursor goes through exactly the extranonces of its space, each with all nonces,
// and begins the next round only with a time that no header of an earlier round
// has. The clock may jump in either direction.
func TestCursorRepeatsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole, err := NewSpace([]byte{7}, rapid.IntRange(0, 2).Draw(t, "rolled"))
		if err != nil {
			t.Fatal(err)
		}
		n := rapid.IntRange(1, int(whole.Last())+1).Draw(t, "parts")
		parts, err := whole.Split(n)
		if err != nil {
			t.Fatal(err)
		}
		space := parts[rapid.IntRange(0, n-1).Draw(t, "part")]
		w := Work{Bits: 0x207fffff, Extranonces: space, MinTime: 1000}
		if rapid.Bool().Draw(t, "bounded") {
			w.MaxTime = 1000 + rapid.Uint32Range(0, 50).Draw(t, "max time")
		}
		c := newCursor(w, rapid.Uint64().Draw(t, "start"))

		var (
			clock    = int64(1000)
			round    = map[string]uint64{} // nonces tried with each extranonce
			roundMin = uint32(math.MaxUint32)
			before   = uint32(0) // greatest time of the rounds before
			latest   = uint32(0)
			rounds   int
		)
		for range 500 {
			clock += rapid.Int64Range(-3, 4).Draw(t, "clock")
			count := rapid.SampledFrom([]uint64{nonceSpace, nonceSpace, nonceSpace / 2, nonceSpace/2 + 1, 1 << 31}).Draw(t, "count")
			extranonce, job, ok := c.next(time.Unix(clock, 0), count)
			full := uint64(len(round)) == space.Last()+1
			for _, nonces := range round {
				full = full && nonces == nonceSpace
			}
			if !ok {
				if !full {
					t.Fatalf("exhausted after %d of %d extranonces", len(round), space.Last()+1)
				}
				continue
			}
			if full {
				rounds++
				clear(round)
				before, roundMin = latest, math.MaxUint32
			}
			at := job.Header.Time
			if at < w.MinTime || w.MaxTime != 0 && at > w.MaxTime {
				t.Fatalf("time %d, want %d to %d", at, w.MinTime, w.MaxTime)
			}
			latest, roundMin = max(latest, at), min(roundMin, at)
			if rounds > 0 && roundMin <= before {
				t.Fatalf("round %d has a header of time %d, the rounds before one of %d", rounds, roundMin, before)
			}
			e := string(extranonce)
			if !space.Contains(extranonce) || job.Header.MerkleRoot != w.root(extranonce) {
				t.Fatalf("extranonce %x is none of the space, or not that of the job", e)
			}
			if uint64(job.First) != round[e] || job.Count == 0 || job.Count > count || uint64(job.First)+job.Count > nonceSpace {
				t.Fatalf("%d nonces from %d after %d were tried", job.Count, job.First, round[e])
			}
			// A search ends in one of three ways.
			done := job.Count
			switch rapid.IntRange(0, 2).Draw(t, "end") {
			case 0:
				c.advance(done)
			case 1: // cancelled
				done = rapid.Uint64Range(0, job.Count).Draw(t, "searched")
				c.advance(done)
			case 2: // solved
				done = rapid.Uint64Range(1, job.Count).Draw(t, "found")
				c.markSolved(uint32(uint64(job.First) + done - 1))
			}
			round[e] += done
		}
	})
}

// The whole space of 2^64 extranonces wraps around like a small one.
func TestCursorWraps(t *testing.T) {
	for _, rolled := range []int{1, 8} {
		space := newSpace(t, nil, rolled)
		c := newCursor(Work{Bits: 0x207fffff, Extranonces: space}, math.MaxUint64)
		var got []uint64
		for range 3 {
			extranonce, job, ok := c.next(time.Unix(5, 0), nonceSpace)
			if !ok {
				t.Fatal("exhausted")
			}
			got = append(got, number(extranonce))
			c.advance(job.Count)
		}
		if got[0] != space.Last() || got[1] != 0 || got[2] != 1 {
			t.Errorf("%d rolled bytes: %d, want the last, 0 and 1", rolled, got)
		}
	}
}

// A clock before 1970 or after 2106 does not lead to a time that a header cannot
// hold.
func TestCursorWithAWrongClock(t *testing.T) {
	c := newCursor(Work{Bits: 0x207fffff, MinTime: 10, MaxTime: math.MaxUint32 - 1}, 0)
	for _, tc := range []struct {
		clock int64
		want  uint32
	}{{-5, 10}, {0, 10}, {11, 11}, {1 << 40, math.MaxUint32 - 1}} {
		if got, ok := c.ready(time.Unix(tc.clock, 0)); got != tc.want || !ok {
			t.Errorf("at %d: %d, want %d", tc.clock, got, tc.want)
		}
	}
}

// The same headers under another ID are not searched again: the cursor goes on. A
// source may number its works without looking whether they differ.
func TestCursorGoesOnWithTheSameHeaders(t *testing.T) {
	w := *shareWork("1")
	w.Branch = []pow.Hash{{1}}
	c := newCursor(w, 5)
	if _, _, ok := c.next(time.Unix(100, 0), 1000); !ok {
		t.Fatal("exhausted")
	}
	c.advance(1000)
	same := w
	same.ID, same.Target, same.MinTime, same.Branch = "2", pow.ZerosTarget(9), 50, []pow.Hash{{1}}
	if !c.adopt(same) {
		t.Fatal("the cursor begins anew with the same headers")
	}
	if _, job, _ := c.next(time.Unix(100, 0), 1000); job.First != 1000 || job.Target != same.Target {
		t.Errorf("the next job begins with nonce %d, want 1000", job.First)
	}
	if c.work.ID != "2" {
		t.Errorf("solutions are for work %q, want the latest", c.work.ID)
	}
	for name, edit := range map[string]func(*Work){
		"parent":      func(w *Work) { w.Prev[0]++ },
		"bits":        func(w *Work) { w.Bits++ },
		"version":     func(w *Work) { w.Version++ },
		"before":      func(w *Work) { w.Before = []byte("other") },
		"after":       func(w *Work) { w.After = []byte("other") },
		"branch":      func(w *Work) { w.Branch = []pow.Hash{{2}} },
		"extranonces": func(w *Work) { w.Extranonces.last-- },
	} {
		other := same
		edit(&other)
		if c.adopt(other) {
			t.Errorf("the cursor goes on with another %s", name)
		}
	}
}

// A source that lowers the greatest time of a work has no header searched twice.
func TestCursorKeepsToALoweredMaxTime(t *testing.T) {
	w := *shareWork("1")
	w.Extranonces = Space{}
	c := newCursor(w, 0)
	for _, at := range []int64{100, 101} {
		if _, job, ok := c.next(time.Unix(at, 0), nonceSpace); !ok || int64(job.Header.Time) != at {
			t.Fatalf("at %d: %+v, %v", at, job.Header, ok)
		}
		c.advance(nonceSpace / 2 * uint64(102-at)) // all of the first round, half of the second
	}
	w.MaxTime = 100
	if !c.adopt(w) {
		t.Fatal("the cursor begins anew")
	}
	if _, job, ok := c.next(time.Unix(101, 0), nonceSpace); ok {
		t.Errorf("time %d is searched again", job.Header.Time)
	}
}
