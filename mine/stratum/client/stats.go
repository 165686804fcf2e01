package client

import (
	"errors"
	"math"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
)

const (
	// The pool-side estimate rests on the shares of the last buckets, which are
	// bucketTime long: ten minutes in all.
	bucketTime = 10 * time.Second
	buckets    = 60

	// maxReasons is how many reasons of rejects are counted apart. Those of further
	// texts are counted together, as otherReason.
	maxReasons  = 16
	otherReason = "other"
)

// Stats are the numbers of a client.
type Stats struct {
	Pool       string    // the one that gives work, or ""
	Since      time.Time // of the first work on this connection; zero: no work
	Difficulty float64   // of the present work's shares
	Height     int64     // of the present work; 0: unknown
	JobTime    time.Time // when the present work came
	Versions   int       // how many versions are tried with each nonce

	Connections uint64 // that have given work
	Failures    uint64 // connections that ended or could not be made
	Jobs        uint64 // works that have been offered

	Shares  map[mine.Outcome]uint64 // that were submitted, by what became of them
	Rejects map[string]uint64       // shares that were refused, by the reason
	Blocks  uint64                  // accepted shares that are also blocks
	Hashes  float64                 // that the accepted shares were worth

	// Rate is the hash rate as the pool sees it, over Window.
	Rate   stratum.Rate
	Window time.Duration

	LastError string // why the last connection ended, or ""
}

// stats is what a client counts. Its lock is that of the client.
type stats struct {
	Stats
	ring [buckets]bucket

	worth  float64       // hashes that a share of the present work takes; 0: there is none
	last   time.Time     // until when the exposure has been counted
	passed time.Duration // from the beginning of the connection to last; it never decreases
}

// bucket has the accepted shares of a time of bucketTime, and how many there should have
// been.
type bucket struct {
	number   int64 // of the time, counted from the beginning of the connection
	shares   int
	count    float64 // of shares; see submitted
	exposure float64 // shares that a miner of one hash a second would have found
}

func newStats() stats {
	return stats{Stats: Stats{Shares: map[mine.Outcome]uint64{}, Rejects: map[string]uint64{}}}
}

func (s *stats) connected(pool Pool, now time.Time) {
	s.Pool, s.Since = pool.String(), now
	s.ring, s.worth = [buckets]bucket{}, 0
	s.last, s.passed = now, 0
	s.Connections++
}

func (s *stats) disconnected() {
	s.Pool, s.Since = "", time.Time{}
	s.Difficulty, s.Height, s.JobTime, s.Versions = 0, 0, time.Time{}, 0
	s.ring, s.worth = [buckets]bucket{}, 0
}

func (s *stats) failed(err error) {
	s.Failures++
	s.LastError = err.Error()
}

func (s *stats) jobTaken(now time.Time, w mine.Work) {
	s.pass(now)
	s.worth = 1 / targetOf(w).Probability()
	s.Jobs++
	s.Difficulty, s.Height, s.JobTime, s.Versions = targetOf(w).Difficulty(), w.Height, now, len(w.Versions())
}

func (s *stats) submitted(now time.Time, outcome mine.Outcome, hashes float64, block bool, err error) {
	s.pass(now)
	s.Shares[outcome]++
	switch outcome {
	case mine.Accepted:
		s.Hashes += hashes
		if block {
			s.Blocks++
		}
		b := s.bucket(s.present())
		b.shares++
		if s.worth > 0 {
			// A share of an easier job, which was still under way, counts for less. A
			// harder one counts once, so that a single share does not look like many.
			b.count += min(1, hashes/s.worth)
		}
	case mine.Unanswered:
	default:
		reason := outcome.String()
		var refused *stratum.Error
		if errors.As(err, &refused) {
			reason = refused.Text
		}
		if _, known := s.Rejects[reason]; !known && len(s.Rejects) >= maxReasons {
			reason = otherReason
		}
		s.Rejects[reason]++
	}
}

// present returns the number of the present bucket.
func (s *stats) present() int64 { return int64(s.passed / bucketTime) }

// oldest returns the number of the oldest bucket that counts.
func (s *stats) oldest() int64 { return max(0, s.present()-buckets+1) }

// bucket returns the bucket with that number, which is empty at first.
func (s *stats) bucket(number int64) *bucket {
	b := &s.ring[uint64(number)%buckets]
	if b.number != number {
		*b = bucket{number: number}
	}
	return b
}

// pass counts the exposure until now. If the clock steps back, no time has passed.
func (s *stats) pass(now time.Time) {
	from := s.passed
	if !s.last.IsZero() {
		s.passed += max(0, now.Sub(s.last))
	}
	s.last = now
	if s.worth == 0 {
		return
	}
	from = max(from, time.Duration(s.oldest())*bucketTime)
	for from < s.passed {
		number := int64(from / bucketTime)
		to := min(s.passed, time.Duration(number+1)*bucketTime)
		s.bucket(number).exposure += (to - from).Seconds() / s.worth
		from = to
	}
}

// rate returns the pool-side estimate. The window begins with the first work of the
// connection, and reaches back ten minutes at most.
//
// The estimate is the number of shares divided by the number that a miner of one hash a
// second would have found. The sum of what the shares are worth, divided by the time, would
// not do: while the difficulty is far too high, a miner works for minutes without a share,
// and the many shares after that would make a rate that is too low look certain.
func (s *stats) rate(now time.Time) (stratum.Rate, time.Duration) {
	if s.Since.IsZero() {
		return stratum.Rate{}, 0
	}
	s.pass(now)
	oldest := s.oldest()
	var shares int
	var count, exposure float64
	for _, b := range s.ring {
		if b.number >= oldest {
			shares += b.shares
			count += b.count
			exposure += b.exposure
		}
	}
	window := s.passed - time.Duration(oldest)*bucketTime
	if exposure <= 0 {
		window, exposure = 0, 1 // no time has passed, and nothing is known
	}
	equal := int(math.Round(count))
	if count > 0 {
		equal = max(1, equal) // a few shares of easier jobs are not the same as none
	}
	r := stratum.EstimateRate(equal, count/exposure*window.Seconds(), window)
	if 0 < count && count < 1 {
		r.High /= count // it is that of a whole share, because the present job has been searched without one
	}
	r.Shares = shares
	return r, window
}

// Stats returns the numbers of the client at present.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats.Stats
	s.Shares, s.Rejects = map[mine.Outcome]uint64{}, map[string]uint64{}
	for k, v := range c.stats.Shares {
		s.Shares[k] = v
	}
	for k, v := range c.stats.Rejects {
		s.Rejects[k] = v
	}
	s.Rate, s.Window = c.stats.rate(c.now())
	return s
}
