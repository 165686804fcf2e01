package store

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/pow"
)

// Bounds of the changes that share a transaction.
const (
	maxGroup      = 1024
	maxGroupBytes = 16 << 20
)

// request is a change that waits for the committer.
type request struct {
	change
	answer chan error // buffered: the committer never waits for a caller
}

// requests holds requests that are over, for the next ones.
var requests = sync.Pool{New: func() any { return &request{answer: make(chan error, 1)} }}

// Commit implements [chain.Store].
func (s *Store) Commit(c chain.Change) error {
	encoded, err := encode(c) // on this goroutine, so that callers encode in parallel
	if err != nil {
		return err
	}
	r := requests.Get().(*request)
	r.change = encoded
	if err = s.enqueue(r); err == nil {
		err = <-r.answer // after its answer the committer does not touch the request
	}
	r.change = change{}
	requests.Put(r)
	return err
}

func (s *Store) enqueue(r *request) error {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.closed {
		return chain.ErrClosed
	}
	s.queue <- r // the committer empties the queue even while Close waits for the gate
	return nil
}

// commitAll is the committer, the only goroutine that writes. It returns when the
// queue is closed and empty.
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

// next returns a request from the queue, or false if none is waiting. Before it
// gives up, it lets other goroutines run twice: the callers that the last commit
// has answered may have their next change ready, and joining the group is cheaper
// for them than another fsync.
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

// commit makes the changes of a group durable and answers every request. If one
// change fails, the others are tried again without it.
func (s *Store) commit(group []*request) {
	group = s.answerMined(group)
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
			group = slices.Delete(group, failed, failed+1)
		case errors.Is(err, chain.ErrNoSpace) && len(group) > 1: // the store has not given up
			for i := range group { // some of them may fit on the disk
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

// answerMined answers those changes of a group that are refused because one of their
// transactions is in a block, and returns the others. All searches of the group share one
// transaction that reads.
func (s *Store) answerMined(group []*request) []*request {
	if !slices.ContainsFunc(group, func(r *request) bool { return len(r.unmined) > 0 }) {
		return group
	}
	var refused map[*request]error // nil for nearly all groups
	err := s.view(func(tx *bbolt.Tx) error {
		txs := tx.Bucket([]byte(bucketTxs)).Cursor()
		for _, r := range group {
			for i := range r.unmined {
				_, mined, err := findTx(txs, &r.unmined[i])
				if mined {
					err = errMined(r.unmined[i])
				}
				if err != nil {
					if refused == nil {
						refused = map[*request]error{}
					}
					refused[r] = err
					break
				}
			}
		}
		return nil
	})
	if err == nil && refused == nil {
		return group
	}
	return slices.DeleteFunc(group, func(r *request) bool {
		refusal := refused[r]
		if err != nil && len(r.unmined) > 0 {
			refusal = err
		}
		if refusal != nil {
			s.countFailure(refusal)
			r.answer <- refusal
		}
		return refusal != nil
	})
}

// errMined is the refusal of a change with a transaction that is in a block.
func errMined(id pow.Hash) error { return fmt.Errorf("transaction %s: %w", id, chain.ErrMined) }

// write makes the changes durable, by the journal or in one transaction. If one of them
// does not fit what is stored, failed is its index; otherwise failed is -1. After an error
// the files have none of the changes, unless the store is now broken.
func (s *Store) write(group []*request) (failed int, err error) {
	if s.broken != nil {
		return -1, s.broken
	}
	if taken, failed, err := s.writeJournal(group); taken {
		return failed, err
	}
	return s.transact(group, 0)
}

// transact makes the changes of a group, and what the journal has, durable in one
// transaction. It also writes a schema, unless that is 0. The results are those of write.
// Nothing else may write to the database once there is a journal, because its records
// count only as long as the database stays as it is.
func (s *Store) transact(group []*request, schema uint32) (failed int, err error) {
	start := time.Now()
	w, failed, err := s.apply(group, schema)
	if err != nil {
		if s.rollBack(w); failed < 0 {
			return -1, s.giveUp(err)
		}
		return failed, err
	}
	txid := uint64(w.tx.ID())
	s.writeAhead(w.tx.Size())
	if s.hooks.beforeSync != nil && len(group) > 0 {
		if err := s.hooks.beforeSync(); err != nil {
			s.rollBack(w)
			return -1, err
		}
	}
	if err := s.commitWriter(w, txid); err != nil {
		s.rollBack(w)
		err, goOn := diskError(err)
		if !goOn {
			return -1, s.giveUp(err)
		}
		return -1, s.goOn(err)
	}
	for hash, b := range w.fresh {
		s.blocks.add(hash, b.number)
	}
	if len(group) == 0 {
		return -1, nil
	}
	s.tellCommitted(len(group), time.Since(start))
	if s.hooks.afterSync != nil {
		if err := s.hooks.afterSync(); err != nil {
			err, _ = diskError(err)
			return -1, s.giveUp(err)
		}
	}
	return -1, nil
}

// commitWriter commits a transaction. The database then has what the journal has.
func (s *Store) commitWriter(w *writer, txid uint64) error {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	if err := w.commit(); err != nil {
		return err
	}
	s.state, s.txid, s.lastSeq = w.state, txid, w.lastSeq
	s.journal.rebase(base{txid, w.state.sum()})
	return nil
}

// goOn returns err, after which the store can go on because it is as it was before.
// It gives up instead if it is not: a write of the meta page that failed half-way may
// have made the transaction count.
func (s *Store) goOn(err error) error {
	if s.broken != nil {
		return s.broken // for lack of a rollback
	}
	if errTx := s.isAt(s.txid); errTx != nil {
		return s.giveUp(fmt.Errorf("%w, after %w", errTx, err))
	}
	return err
}

// apply begins a transaction, and applies what the journal has and the changes of a group
// in it. failed is the index of the change that caused the error, or -1.
func (s *Store) apply(group []*request, schema uint32) (w *writer, failed int, err error) {
	defer guard(&err)()
	failed = -1 // also if something panics
	tx, err := s.begin()
	if err != nil {
		return nil, failed, fmt.Errorf("write to the store: %w", err)
	}
	w = &writer{store: s, tx: tx, state: s.state, lastSeq: s.lastSeq, fresh: make(map[pow.Hash]fresh)}
	w.openBuckets()
	for _, p := range s.journal.posts { // checkKeys has looked at their numbers
		if err := w.addPending(p); err != nil {
			return w, failed, err
		}
	}
	for i, r := range group {
		if err := w.apply(&r.change); err != nil {
			return w, i, err
		}
	}
	return w, failed, w.finish(schema)
}

// begin begins a transaction that writes. If bbolt panics, it holds its locks for
// ever.
func (s *Store) begin() (tx *bbolt.Tx, err error) {
	defer guard(&err)()
	s.stuck = true
	tx, err = s.db.Begin(true)
	s.stuck = false
	return tx, err
}

// rollBack rolls back a transaction, which bbolt may have ended already. If bbolt
// panics, it may still hold its locks, so the store gives up.
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
		_ = s.giveUp(err)
	}
}

// giveUp makes the store refuse all further changes, for the reason err, unless it
// has given up before. It returns the error with which it refuses them.
func (s *Store) giveUp(err error) error {
	if s.broken == nil {
		s.broken = fmt.Errorf("%w: %w", chain.ErrBroken, err)
		s.counts.givenUp.Store(true)
		close(s.gaveUp)
		s.log.Error("the store takes no changes until it is opened again", "err", err)
	}
	return s.broken
}

// Broken returns a channel that is closed when the store gives up. It then refuses
// all changes until it is opened again, and [Store.Err] says why.
func (s *Store) Broken() <-chan struct{} { return s.gaveUp }

// Err returns the error, which wraps [chain.ErrBroken], with which the store refuses
// all changes, or nil if it has not given up.
func (s *Store) Err() error {
	select {
	case <-s.gaveUp:
		return s.broken // never changes again
	default:
		return nil
	}
}
