package gbt

import (
	"maps"
	"time"

	"github.com/lodepow/lode/mine"
)

// Stats are the numbers of a source since it was made.
type Stats struct {
	Status

	Templates    uint64    // that the node has sent
	TemplateTime time.Time // when the latest came; zero: none yet
	Works        uint64    // that were made of them
	Failures     uint64    // how often the node gave no work

	// Solutions are the attempts to submit a block, by their outcome. A block that the
	// node has not answered is submitted again, and each attempt counts.
	Solutions map[mine.Outcome]uint64
}

// Stats returns the numbers of the source at present.
func (s *Source) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.counts
	stats.Status = s.status
	stats.Solutions = maps.Clone(s.counts.Solutions)
	return stats
}
