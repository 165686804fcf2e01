package pow

import (
	"errors"
	"sync/atomic"
)

// Stats is a snapshot of what an engine is and has done. The counts are of all
// searches since the engine was made.
type Stats struct {
	Kernel  string // name of the kernel in use
	Workers int    // goroutines that a search hashes on

	Hashes  uint64 // see [Engine.Hashes]
	Refused uint64 // see [Engine.Refused]

	Active    int    // searches under way
	Found     uint64 // searches that ended with an answer
	Exhausted uint64 // searches that tried their whole space in vain
	Cancelled uint64 // searches that ended because their context did
}

// Stats returns a snapshot. The fields are read one after another while searches
// go on, so they need not agree with each other to the last hash.
func (e *Engine) Stats() Stats {
	return Stats{
		Kernel:    e.kernel.name,
		Workers:   e.workers,
		Hashes:    e.Hashes(),
		Refused:   e.Refused(),
		Active:    int(e.searches.active.Load()),
		Found:     e.searches.found.Load(),
		Exhausted: e.searches.exhausted.Load(),
		Cancelled: e.searches.cancelled.Load(),
	}
}

// searchCounts counts searches. A search that was refused, because its job makes
// no sense, is not counted.
type searchCounts struct {
	active                      atomic.Int64
	found, exhausted, cancelled atomic.Uint64
}

func (s *searchCounts) begin() { s.active.Add(1) }

// end counts a search that ended with that error.
func (s *searchCounts) end(err error) {
	s.active.Add(-1)
	switch {
	case err == nil:
		s.found.Add(1)
	case errors.Is(err, ErrExhausted):
		s.exhausted.Add(1)
	default:
		s.cancelled.Add(1)
	}
}
