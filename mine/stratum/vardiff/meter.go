package vardiff

import (
	"math"
	"time"

	"github.com/lodepow/lode/mine/stratum"
)

// Window is the time over which a Meter measures.
const Window = 5 * time.Minute

// bucket is in what steps the window moves on.
const bucket = 10 * time.Second

// Estimate is the rate of a miner as its shares show it, in hashes a second. The true
// rate lies between Low and High with a probability of 95 %, if it was constant.
type Estimate struct {
	Rate, Low, High float64
	Over            time.Duration // how long the shares were counted, at most five minutes
	Shares          uint64        // that were counted
}

// Meter counts shares and their difficulty over the latest five minutes. It begins with the
// first call of Begin or Share. The zero value is ready for use. It is not safe for use by
// several goroutines at once.
type Meter struct {
	buckets [int(Window / bucket)]struct {
		shares        uint64
		work, squares float64 // sums of the difficulties, and of their squares
	}
	last  time.Time     // the latest time that was passed
	since time.Duration // from the beginning of bucket 0 to last
	at    int64         // number of the present bucket
}

// Begin begins the measurement; later calls change nothing. It should be called when the miner
// gets its first job. If it were called earlier, the rate would be divided by time in which
// there was nothing to search; if the first share began it, the time until that share would
// be missing, though the miner searched.
func (m *Meter) Begin(now time.Time) { m.pass(now) }

// Age returns how long ago the measurement began; 0 if it has not begun.
func (m *Meter) Age(now time.Time) time.Duration {
	if m.last.IsZero() {
		return 0
	}
	m.pass(now)
	return m.since
}

// Share counts a share. What it says about the time since the first job is spread evenly over
// that time, in place of what was said before.
func (m *Meter) Share(now time.Time, w Worth) {
	m.pass(now)
	b := &m.buckets[m.at%int64(len(m.buckets))]
	b.shares++
	b.work += w.Share
	b.squares += w.Share * w.Share
	begin := m.since - w.Ago
	m.spread(begin, w.Before, -1)
	m.spread(begin, w.Opening, 1)
}

// spread adds some times a work to the buckets of its time that are still there.
func (m *Meter) spread(begin time.Duration, w Work, times float64) {
	n := int64(len(m.buckets))
	for i := max(0, m.at-n+1, int64(begin/bucket)); i <= m.at; i++ {
		part := min(begin+w.For, time.Duration(i+1)*bucket) - max(begin, time.Duration(i)*bucket)
		if part <= 0 {
			continue
		}
		share := times * part.Seconds() / w.For.Seconds()
		b := &m.buckets[i%n]
		b.work = max(0, b.work+share*w.Done)
		b.squares = max(0, b.squares+share*w.Squares)
	}
}

// Estimate returns the rate over the latest five minutes, or since the beginning if that is
// not as long ago. Before the beginning nothing is known.
func (m *Meter) Estimate(now time.Time) Estimate {
	var e Estimate
	if m.last.IsZero() {
		return e
	}
	m.pass(now)
	for _, b := range m.buckets {
		e.Shares += b.shares
	}
	work, squares := m.sums()
	oldest := max(0, m.at-int64(len(m.buckets))+1)
	e.Over = m.since - time.Duration(oldest)*bucket
	if e.Over <= 0 || squares == 0 {
		return e
	}
	// Where the difficulty has changed, the shares are worth differently much. This many
	// equal ones would have the same relative spread. It is one at least: when most of the
	// time of a session's first shares has left the window, less than half a share may
	// remain, and from none no bounds could be told.
	equal := max(1, int(math.Round(work*work/squares)))
	r := stratum.EstimateRate(equal, work*Hashes, e.Over)
	e.Rate, e.Low, e.High = r.Hashes, r.Low, r.High
	return e
}

// sums returns the sums of the buckets.
func (m *Meter) sums() (work, squares float64) {
	for _, b := range m.buckets {
		work += b.work
		squares += b.squares
	}
	return work, squares
}

// pass moves the time forward, and empties the buckets that have become too old. If the
// clock steps back, no time has passed.
func (m *Meter) pass(now time.Time) {
	if !m.last.IsZero() {
		m.since += max(0, now.Sub(m.last))
	}
	m.last = now
	at, n := int64(m.since/bucket), int64(len(m.buckets))
	for i := max(m.at+1, at-n+1); i <= at; i++ {
		clear(m.buckets[i%n : i%n+1])
	}
	m.at = at
}
