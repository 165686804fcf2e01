package client

import (
	"math"
	"testing"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
)

// The rate does not depend on what the clock is set to meanwhile.
func TestRateWhenClockIsSet(t *testing.T) {
	const step = 4 * time.Second // between two shares
	target := pow.ZerosTarget(32)
	worth := 1 / target.Probability()
	for _, tc := range []struct {
		name string
		set  time.Duration
	}{
		{"not set", 0},
		{"back by less than a bucket", -bucketTime / 2},
		{"back by minutes", -3 * time.Minute},
		{"back by an hour", -time.Hour},
	} {
		t.Run(tc.name, func(t *testing.T) {
			now := time.Unix(1_700_000_003, 0) // without a monotonic reading, so it can step back
			s := newStats()
			s.connected(Pool{Host: "pool", Port: 3333}, now)
			s.jobTaken(now, mine.Work{Bits: 0x1d00ffff, Target: target})
			for range 75 {
				now = now.Add(step)
				s.submitted(now, mine.Accepted, worth, false, nil)
			}
			now = now.Add(tc.set)
			s.pass(now)
			for i := range 50 {
				now = now.Add(step)
				s.submitted(now, mine.Accepted, worth, false, nil)
				r, window := s.rate(now)
				if want := worth / step.Seconds(); math.Abs(r.Hashes/want-1) > 1e-9 || r.Shares != 76+i || window != time.Duration(r.Shares)*step {
					t.Fatalf("%v of %d shares in %v, want %v", r.Hashes, r.Shares, window, want)
				}
			}
		})
	}
}

// A share of a job that was much easier than the present one counts for little, but the
// interval is not that of a miner without a share.
func TestRateOfEasyShare(t *testing.T) {
	now := time.Unix(1_700_000_003, 0)
	s := newStats()
	s.connected(Pool{Host: "pool", Port: 3333}, now)
	s.jobTaken(now, mine.Work{Bits: 0x1d00ffff, Target: pow.ZerosTarget(40)})
	now = now.Add(time.Minute)
	s.submitted(now, mine.Accepted, 1/pow.ZerosTarget(32).Probability(), false, nil)
	r, _ := s.rate(now)
	silence := 3.7 / pow.ZerosTarget(40).Probability() / time.Minute.Seconds() // the highest rate with a minute without a share
	if r.Shares != 1 || r.High < silence || !(0 < r.Low && r.Low < r.Hashes && r.Hashes < r.High) || math.IsInf(r.High, 1) {
		t.Errorf("%+v", r)
	}
}
