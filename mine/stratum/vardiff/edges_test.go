package vardiff

import (
	"math"
	"testing"
	"time"
)

// A clock that stands still, jumps or steps back costs at most a change that is made good
// again. It is never taken for a negative time.
func TestClock(t *testing.T) {
	for name, step := range map[string]func(time.Duration) time.Duration{
		"steps back by an hour": func(at time.Duration) time.Duration {
			if at > 20*time.Minute {
				at -= time.Hour
			}
			return at
		},
		"steps back by a second, all the time": func(at time.Duration) time.Duration {
			return at - (at/(10*time.Second))*time.Second
		},
		"jumps by an hour": func(at time.Duration) time.Duration {
			if at > 20*time.Minute {
				at += time.Hour
			}
			return at
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(New(Config{}), 1, 0.1)
			s.step = step
			s.run(25 * time.Minute)
			if off := s.off(); off < 0.6 || off > 1.6 {
				t.Errorf("the difficulty is %.2f of the ideal one", off)
			}
			if n := s.changesSince(20*time.Minute - 1); n > 10 {
				t.Errorf("%d changes since the step", n)
			}
			e := s.a.(*Controller).Estimate(s.clock())
			if e.Over < 0 || e.Over > Window || e.Rate < 0 {
				t.Errorf("%+v", e)
			}
		})
	}
	stands := New(Config{})
	stands.Out(simStart, stands.Difficulty())
	for range 1000 {
		stands.Share(simStart, stands.Difficulty())
	}
	if d := stands.Difficulty(); math.IsNaN(d) || math.IsInf(d, 0) || d <= DefaultStart {
		t.Errorf("a thousand shares at once: difficulty %v", d)
	}
}

// Shares that come at once raise the difficulty again and again if each job goes out. It
// stays a number, and within the bounds.
func TestEndlessRise(t *testing.T) {
	for _, limit := range []float64{0, 1e6, math.Inf(1)} {
		v := New(Config{})
		v.Limit(limit)
		for range 10_000 {
			v.Out(simStart, v.Difficulty())
			v.Share(simStart, v.Difficulty())
		}
		want := limit
		if limit != 1e6 {
			want = math.MaxFloat64
		}
		if d := v.Difficulty(); d != want {
			t.Errorf("limit %v: difficulty %v, want %v", limit, d, want)
		}
	}
}

// A miner that starts is silent for a while, and then sends all the shares of its real
// rate. The difficulty has not sunk far, and rises after a few shares.
func TestBootThenFlood(t *testing.T) {
	const rate = 1e14 / Hashes
	for seed := range uint64(20) {
		s := newSim(New(Config{Start: rate * 60 / DefaultRate}), seed, 0)
		s.run(2 * time.Minute)
		if s.out >= s.changes[0].difficulty {
			t.Fatal("the difficulty has not sunk, though a slow miner would need that")
		}
		s.rate = rate
		s.shares = 0
		s.run(30 * time.Second)
		if off := s.off(); off < 0.5 || off > 1.6 {
			t.Errorf("seed %d: %.2f of the ideal difficulty after 30 s", seed, off)
		}
		if s.shares > 200 {
			t.Errorf("seed %d: a flood of %d shares", seed, s.shares)
		}
	}
}

// The bounds hold: a share is never harder than a block.
func TestBounds(t *testing.T) {
	v := New(Config{Start: 5, Least: 1})
	v.Limit(2)
	if got := v.Difficulty(); got != 2 {
		t.Errorf("difficulty %v above that of the network", got)
	}
	v.Limit(0.5) // below the least
	if got := v.Difficulty(); got != 0.5 {
		t.Errorf("difficulty %v above that of the network", got)
	}
	v.Limit(math.Inf(1))
	for _, bad := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		v.Suggest(bad)
	}
	if got := v.Difficulty(); got != 0.5 {
		t.Errorf("difficulty %v after suggestions that make no sense", got)
	}
	v.Suggest(1234567)
	if got := v.Difficulty(); got != 1230000 {
		t.Errorf("difficulty %v, want three digits", got)
	}
	v.Suggest(1e-30)
	if got := v.Difficulty(); got != 1 {
		t.Errorf("difficulty %v below the least", got)
	}

	s := newSim(New(Config{}), 3, 1e6)
	s.a.(*Controller).Limit(7)
	s.job()
	s.run(10 * time.Second)
	if s.out != 7 {
		t.Errorf("difficulty %v, the network's is 7", s.out)
	}
	s.a.(*Controller).Limit(1e9)
	s.run(10 * time.Second)
	if s.out <= 7 {
		t.Error("the difficulty stays down when the network's has risen")
	}
}

// A difficulty that the miner has not been told is not built upon: shares of the job at
// hand, however many, do not raise it again and again.
func TestRaisedWithTheJob(t *testing.T) {
	v := New(Config{Start: 1})
	v.Out(simStart, 1)
	now := simStart
	for range 2000 { // a hundred times too fast, and no job goes out
		now = now.Add(12 * time.Millisecond)
		v.Share(now, 1)
	}
	if got := v.Difficulty(); got < 70 || got > 140 {
		t.Errorf("difficulty %v, want about 100", got)
	}
}

func TestMeter(t *testing.T) {
	var m Meter
	if e := m.Estimate(simStart); e != (Estimate{}) {
		t.Errorf("%+v", e)
	}
	now := simStart
	for range 600 {
		now = now.Add(time.Second)
		m.Share(now, Worth{Share: 2})
	}
	e := m.Estimate(now)
	if want := 2 * Hashes; math.Abs(e.Rate/want-1) > 0.05 || e.Low > want || e.High < want || e.Over > Window || e.Over < Window-bucket {
		t.Errorf("%+v, want a rate of %v", e, want)
	}
	if e = m.Estimate(now.Add(time.Hour)); e.Shares != 0 || e.Rate != 0 {
		t.Errorf("after an hour of silence: %+v", e)
	}
}

// A meter begins with Begin, or with a share, even if it is asked for an estimate before.
func TestMeterBegins(t *testing.T) {
	for name, begin := range map[string]func(*Meter, time.Time) (shares uint64){
		"Begin": func(m *Meter, now time.Time) uint64 { m.Begin(now); return 0 },
		"Share": func(m *Meter, now time.Time) uint64 { m.Share(now, Worth{}); return 1 },
	} {
		var m Meter
		now := simStart
		for range 3 {
			now = now.Add(time.Minute)
			if e := m.Estimate(now); e != (Estimate{}) {
				t.Errorf("%s: %+v before the beginning", name, e)
			}
			if age := m.Age(now); age != 0 {
				t.Errorf("%s: an age of %v before the beginning", name, age)
			}
		}
		shares := begin(&m, now)
		m.Begin(now.Add(20 * time.Second)) // a later call changes nothing
		if e := m.Estimate(now.Add(time.Minute)); e != (Estimate{Over: time.Minute, Shares: shares}) {
			t.Errorf("%s: %+v a minute after the beginning", name, e)
		}
		if age := m.Age(now.Add(time.Hour)); age != time.Hour {
			t.Errorf("%s: an age of %v an hour after the beginning", name, age)
		}
	}
}

// In no time, shares tell nothing about a rate, not even that it is high.
func TestMeterWithoutTime(t *testing.T) {
	var m Meter
	m.Share(simStart, Worth{Share: 2})
	m.Share(simStart, Worth{Share: 2})
	if e := m.Estimate(simStart); e != (Estimate{Shares: 2}) {
		t.Errorf("%+v", e)
	}
}
