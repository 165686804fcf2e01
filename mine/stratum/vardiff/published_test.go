package vardiff

import (
	"math"
	"time"
)

// The algorithms in this file are written from descriptions of the published ones. Their
// difficulties are not rounded to whole numbers or powers of two, which would rule out
// slow miners, and they begin at the same difficulty as ours.

// ckpool is that of ckpool. It looks at the difficulty when a share comes, after 72
// shares or 240 s since the latest change. The rate is an average that decays with five
// minutes, or with one minute if the shares come fast, without the bias of its start.
// Nothing changes between half and four thirds of 18 shares a minute.
type ckpool struct {
	diff, out    float64
	begin        time.Time
	last         time.Time
	changed      time.Time
	since        int
	dsps1, dsps5 float64
}

func newCkpool() *ckpool { return &ckpool{diff: DefaultStart} }

func (c *ckpool) aims() float64       { return 18 }
func (c *ckpool) Difficulty() float64 { return c.diff }
func (c *ckpool) Tick(time.Time)      {}

func (c *ckpool) Out(now time.Time, d float64) {
	if c.begin.IsZero() {
		c.begin, c.last, c.changed = now, now, now
	}
	c.out = d
}

func decay(f *float64, add, seconds, interval float64) {
	if seconds <= 0 {
		return
	}
	share := 1 - math.Exp(-seconds/interval)
	*f += (add/seconds - *f) * share
}

func (c *ckpool) Share(now time.Time, d float64) {
	passed := max(now.Sub(c.last).Seconds(), 0.001)
	c.last = now
	c.since++
	decay(&c.dsps1, d, passed, 60)
	decay(&c.dsps5, d, passed, 300)
	if c.since < 72 && now.Sub(c.changed) < 240*time.Second {
		return
	}
	age := now.Sub(c.begin).Seconds()
	rate := c.dsps5 / (1 - math.Exp(-age/300))
	if c.since >= 72 {
		rate = c.dsps1 / (1 - math.Exp(-age/60))
	}
	if ratio := rate / c.diff; ratio > 0.15 && ratio < 0.4 {
		return
	}
	// The first share after a pause is no reason to lower the difficulty.
	if rate*3.33 < c.diff && c.since == 1 {
		c.changed = now
		return
	}
	c.since, c.changed = 0, now
	c.diff = rate * 3.33
}

// sri is the vardiff of the Stratum V2 reference implementation: once a minute it
// compares the shares since the latest change with what was expected, and changes the
// difficulty if they differ by more than a threshold that shrinks with time.
type sri struct {
	aim    float64
	diff   float64
	since  time.Time
	looked time.Time
	shares float64
}

func newSRI(aim float64) *sri { return &sri{aim: aim, diff: DefaultStart} }

func (s *sri) aims() float64                { return s.aim }
func (s *sri) Difficulty() float64          { return s.diff }
func (s *sri) Share(_ time.Time, _ float64) { s.shares++ }
func (s *sri) Out(now time.Time, _ float64) {
	if s.since.IsZero() {
		s.since, s.looked = now, now
	}
}

func (s *sri) Tick(now time.Time) {
	if now.Sub(s.looked) < time.Minute {
		return
	}
	s.looked = now
	passed := now.Sub(s.since).Seconds()
	ratio := s.shares / (passed / 60) / s.aim
	off := 100 * math.Abs(ratio-1)
	var change bool
	for _, t := range []struct{ off, after float64 }{{100, 0}, {60, 60}, {50, 120}, {45, 180}, {30, 240}, {15, 300}} {
		change = change || off >= t.off && passed >= t.after
	}
	if !change {
		return
	}
	switch {
	case s.shares == 0 && passed <= 30:
		ratio = 1 / 1.5
	case s.shares == 0 && passed <= 60:
		ratio = 1 / 2.0
	case s.shares == 0:
		ratio = 1 / 3.0
	case off > 1000 && passed <= 30:
		ratio = 10
	case off > 1000 && passed <= 60:
		ratio = 5
	case off > 1000:
		ratio = 3
	}
	s.diff *= ratio
	s.shares, s.since = 0, now
}

// datum is that of the DATUM gateway: eight shares that come eight times too fast raise
// the difficulty at once by the measured factor; otherwise it doubles or halves when
// the shares come twice or half as fast as they should, seen at every share and at every
// new job.
type datum struct {
	aim    float64
	diff   float64
	since  time.Time
	job    time.Time
	shares int
}

func newDatum(aim float64) *datum { return &datum{aim: aim, diff: DefaultStart} }

func (d *datum) aims() float64       { return d.aim }
func (d *datum) Difficulty() float64 { return d.diff }
func (d *datum) Out(now time.Time, _ float64) {
	if d.since.IsZero() {
		d.job = now
	}
	d.since, d.shares = now, 0
}

func (d *datum) Share(now time.Time, _ float64) {
	d.shares++
	if d.shares < 8 {
		return
	}
	each, aim := now.Sub(d.since).Seconds()/float64(d.shares), 60/d.aim
	if each < aim/8 {
		d.diff *= aim / max(each, 1e-6)
		return
	}
	d.adjust(each, aim)
}

// Tick is called more often than jobs are sent, which is every 40 s.
func (d *datum) Tick(now time.Time) {
	if now.Sub(d.job) < 40*time.Second {
		return
	}
	d.job = now
	passed := now.Sub(d.since).Seconds()
	if d.shares == 0 {
		if passed > 60 {
			d.diff /= 2
		}
		return
	}
	d.adjust(passed/float64(d.shares), 60/d.aim)
}

func (d *datum) adjust(each, aim float64) {
	switch {
	case each < aim/2:
		d.diff *= 2
	case each > aim*2:
		d.diff /= 2
	}
}
