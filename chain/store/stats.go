package store

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/lodepow/lode/chain"
)

// Stats are a store's numbers. The counts begin when it is opened.
type Stats struct {
	Changes uint64 // changes made durable

	// Changes that were not made, by reason.
	NoSpace uint64 // the disk was full, or a quota or limit was reached; a later change may succeed
	Broken  uint64 // the store had given up, or gave up on this change
	Refused uint64 // the change does not fit what is stored

	GivenUp bool  // the store refuses all changes until it is opened again
	Size    int64 // of chain.db in bytes; -1 if it cannot be told
	Free    int64 // free space on the disk in bytes, ignoring quotas and limits; -1 if it cannot be told
}

// Stats returns a snapshot. It reads the fields one after another while changes
// go on, so they need not be consistent with each other.
func (s *Store) Stats() Stats {
	stats := Stats{
		Changes: s.counts.changes.Load(),
		NoSpace: s.counts.noSpace.Load(),
		Broken:  s.counts.broken.Load(),
		Refused: s.counts.refused.Load(),
		GivenUp: s.counts.givenUp.Load(),
		Size:    -1,
		Free:    freeBytes(filepath.Dir(s.path)),
	}
	if info, err := os.Stat(s.path); err == nil {
		stats.Size = info.Size()
	}
	return stats
}

// counts are written by the committer and read by Stats.
type counts struct {
	changes, noSpace, broken, refused atomic.Uint64
	givenUp                           atomic.Bool
}

// countFailure counts a change that was not made.
func (s *Store) countFailure(err error) {
	switch {
	case errors.Is(err, chain.ErrMined): // an answer like others, see chain.Change.Unmined
	case s.broken != nil:
		s.counts.broken.Add(1)
	case errors.Is(err, chain.ErrNoSpace):
		s.counts.noSpace.Add(1)
	default:
		s.counts.refused.Add(1)
	}
}

// Observer is a set of functions that a store calls as events happen. Nil
// functions are skipped. The committer calls them and waits for them, so they
// must be quick and must not change the store.
type Observer struct {
	// Committed is called when a group of changes is on the disk, before the
	// calls of Commit return. took is the time to write the group in one
	// transaction, or in one record of the journal, and to sync it.
	Committed func(changes int, took time.Duration)
}

// Observe attaches an observer to the store; it stays attached. It may be called at any
// time and more than once; a commit that is already under way may miss the new
// observer.
func (s *Store) Observe(o Observer) { s.observers.Add(o) }

// tellCommitted tells the observers that a group of changes is on the disk.
func (s *Store) tellCommitted(changes int, took time.Duration) {
	for _, o := range s.observers.All() {
		if o.Committed != nil {
			o.Committed(changes, took)
		}
	}
}
