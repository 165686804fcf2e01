package pow

import (
	"errors"
	"sync/atomic"
)

// Stats is a snapshot of an engine. The counts cover all searches since the engine
// was made.
type Stats struct {
	Kernel  string // name of the kernel in use
	Workers int    // goroutines that hash in each search

	Hashes  uint64 // see [Engine.Hashes]
	Refused uint64 // see [Engine.Refused]

	Active    int    // searches under way
	Found     uint64 // searches that ended with an answer
	Exhausted uint64 // searches that found no answer in their whole space
	Cancelled uint64 // searches that ended because their context did
}

// Stats returns a snapshot. It reads the fields one after another while searches
// go on, so they need not be consistent with each other.
func (e *Engine) Stats() Stats {
	return Stats{
		Kernel:    e.Kernel().name,
		Workers:   e.workers,
		Hashes:    e.Hashes(),
		Refused:   e.Refused(),
		Active:    int(e.searches.active.Load()),
		Found:     e.searches.found.Load(),
		Exhausted: e.searches.exhausted.Load(),
		Cancelled: e.searches.cancelled.Load(),
	}
}

// searchCounts counts searches. A search is not counted if its job is invalid,
// because then it never begins.
type searchCounts struct {
	active                      atomic.Int64
	found, exhausted, cancelled atomic.Uint64
}

func (s *searchCounts) begin() { s.active.Add(1) }

// end counts a search that has ended with the given error.
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
