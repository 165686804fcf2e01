package vardiff

import (
	"math"
	"time"
)

// The rate is measured over the latest window, in steps of a bucket.
const (
	window = 5 * time.Minute
	bucket = 10 * time.Second
)

// Estimate is the rate of a miner as its shares show it, in hashes a second. The true
// rate lies between Low and High with a probability of 95 %, if it was constant.
type Estimate struct {
	Rate, Low, High float64
	Over            time.Duration // how long the shares were counted, at most five minutes
	Shares          uint64        // that were counted
}

// Meter counts shares and their difficulty over the latest five minutes. It begins with
// the first call of a method. The zero value is ready for use. It is not safe for use by
// several goroutines at once.
type Meter struct {
	buckets [int(window / bucket)]struct {
		shares        uint64
		work, squares float64 // sums of the difficulties, and of their squares
	}
	last  time.Time     // the latest time that was passed
	since time.Duration // from the beginning of bucket 0 to last
	at    int64         // number of the present bucket
}

// Share counts a share.
func (m *Meter) Share(now time.Time, difficulty float64) {
	m.pass(now)
	b := &m.buckets[m.at%int64(len(m.buckets))]
	b.shares++
	b.work += difficulty
	b.squares += difficulty * difficulty
}

// Estimate returns the rate over the latest five minutes, or since the first call if
// that is not as long ago.
func (m *Meter) Estimate(now time.Time) Estimate {
	m.pass(now)
	var e Estimate
	var work, squares float64
	for _, b := range m.buckets {
		e.Shares += b.shares
		work += b.work
		squares += b.squares
	}
	oldest := max(0, m.at-int64(len(m.buckets))+1)
	e.Over = m.since - time.Duration(oldest)*bucket
	if e.Over <= 0 || e.Shares == 0 {
		return e
	}
	e.Rate = work * Hashes / e.Over.Seconds()
	// The number of shares of one difficulty has a Poisson distribution. Where the
	// difficulty has changed, this many shares of one difficulty would have the same
	// relative spread.
	n := work * work / squares
	low, high := poisson(n)
	e.Low, e.High = e.Rate*low/n, e.Rate*high/n
	return e
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

// poisson returns the ends of the interval that contains the mean of a Poisson
// distribution with a probability of 95 %, if n was drawn. It is the exact interval in
// Byar's approximation, whose error is below a percent from three on.
func poisson(n float64) (low, high float64) {
	const z = 1.96
	if n > 0 {
		low = n * math.Pow(max(0, 1-1/(9*n)-z/(3*math.Sqrt(n))), 3)
	}
	n++
	return low, n * math.Pow(1-1/(9*n)+z/(3*math.Sqrt(n)), 3)
}
