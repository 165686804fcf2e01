package store

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/pow"
)

// Bounds of what shares a transaction.
const (
	maxGroup      = 1024
	maxGroupBytes = 16 << 20
)

// request is a change on its way to the committer.
type request struct {
	change
	answer chan error
}

// Commit implements [chain.Store].
func (s *Store) Commit(c chain.Change) error {
	encoded, err := encode(c) // here, where it may take another core
	if err != nil {
		return err
	}
	r := &request{change: encoded, answer: make(chan error, 1)}
	if err := s.enqueue(r); err != nil {
		return err
	}
	return <-r.answer
}

func (s *Store) enqueue(r *request) error {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.closed {
		return chain.ErrClosed
	}
	s.queue <- r // the committer takes it even while Close waits for the gate
	return nil
}

// commitAll is the committer: the one goroutine that writes.
func (s *Store) commitAll() {
	defer close(s.done)
	debug.SetPanicOnFault(true)
	var group []*request
	for r := range s.queue {
		group = append(group[:0], r)
		for size := r.size; size < maxGroupBytes && len(group) < maxGroup; {
			r, ok := s.next()
			if !ok {
				break
			}
			group = append(group, r)
			size += r.size
		}
		s.commit(group)
		clear(group)
	}
}

// next returns what waits in the queue. Those whom the last commit has answered
// get a chance to come back first: a fsync costs more than they do.
func (s *Store) next() (*request, bool) {
	for range 2 {
		select {
		case r, ok := <-s.queue:
			return r, ok
		default:
			runtime.Gosched()
		}
	}
	return nil, false
}

// commit answers every request of the group.
func (s *Store) commit(group []*request) {
	for len(group) > 0 {
		failed, err := s.write(group)
		switch {
		case err == nil:
			s.counts.changes.Add(uint64(len(group)))
			for _, r := range group {
				r.answer <- nil
			}
			return
		case failed >= 0:
			s.countFailure(err)
			group[failed].answer <- err
			group = slices.Delete(group, failed, failed+1) // the others try again
		case errors.Is(err, chain.ErrNoSpace) && len(group) > 1 && s.broken == nil:
			for i := range group { // some may be small enough
				s.commit(slices.Clone(group[i : i+1]))
			}
			return
		default:
			for _, r := range group {
				s.countFailure(err)
				r.answer <- err
			}
			return
		}
	}
}

// write makes the changes durable in one transaction. If it is one of them that
// fails, write says which one. After an error nothing is changed.
func (s *Store) write(group []*request) (failed int, err error) {
	if s.broken != nil {
		return -1, s.broken
	}
	start := time.Now()
	w, failed, err := s.apply(group)
	if err != nil {
		if s.rollBack(w); failed < 0 {
			s.giveUp(err)
		}
		return failed, err
	}
	if s.hooks.beforeSync != nil {
		if err := s.hooks.beforeSync(); err != nil {
			s.rollBack(w)
			return -1, err
		}
	}
	if err := w.commit(); err != nil {
		s.rollBack(w)
		err, goOn := diskError(err)
		if !goOn {
			s.giveUp(err)
		}
		return -1, err
	}
	s.tellCommitted(len(group), time.Since(start))
	s.state = w.state
	for hash, b := range w.fresh {
		s.blocks.add(hash, b.number)
	}
	if s.hooks.afterSync != nil {
		if err := s.hooks.afterSync(); err != nil {
			s.giveUp(err)
			return -1, err
		}
	}
	return -1, nil
}

func (s *Store) apply(group []*request) (w *writer, failed int, err error) {
	defer guard(&err)()
	failed = -1 // and so it stays if something panics
	tx, err := s.db.Begin(true)
	if err != nil {
		return nil, failed, fmt.Errorf("write to the store: %w", err)
	}
	w = &writer{store: s, tx: tx, state: s.state, fresh: make(map[pow.Hash]fresh)}
	w.openBuckets()
	for i, r := range group {
		if err := w.apply(&r.change); err != nil {
			return w, i, err
		}
	}
	return w, failed, w.finish()
}

// rollBack ends a transaction that bbolt may have ended already.
func (s *Store) rollBack(w *writer) {
	if w == nil {
		return
	}
	var err error
	func() {
		defer guard(&err)()
		_ = w.tx.Rollback()
	}()
	if err != nil {
		s.stuck = true
		s.giveUp(err)
	}
}

// giveUp refuses all further changes.
func (s *Store) giveUp(err error) {
	if s.broken == nil {
		s.broken = fmt.Errorf("the store takes no changes until it is opened again: %w", err)
		s.counts.givenUp.Store(true)
		s.log.Error("the store takes no changes until it is opened again", "err", err)
	}
}
