package node

import (
	"errors"
	"os"
	"sync"
	"time"
)

// soonest is how far ahead a deadline is set at most. The next ones are seldom nearer, so
// that they need not be set.
const soonest = 5 * time.Second

// deadline is the deadline of a connection for reading. For each request, the server sets
// several of them. Nearly all are later than the one before, and never come, but to set one
// in the runtime has its price. So a deadline in the runtime stays as it is as long as the
// next ones are later. When it comes too early, retry sets the right one, and the caller
// tries again.
//
// There is nothing like this for writing. A write that a deadline interrupts may not know
// how many bytes have been sent (on Windows, https://go.dev/issue/24727), so it cannot be
// tried again.
type deadline struct {
	setIn func(time.Time) error // sets it in the runtime

	mu     sync.Mutex
	wanted time.Time // zero: none
	isSet  time.Time // the one in the runtime, not later than wanted; zero: none

	// past says that isSet had come when it was set. The server ends a read of its own so,
	// and removes the deadline afterwards. It must then be set anew even if it gets later,
	// because all reads would fail.
	past bool
}

// set sets the deadline. The zero time removes it.
func (d *deadline) set(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = t
	if d.isSet.IsZero() && t.IsZero() || !d.isSet.IsZero() && !d.past && (t.IsZero() || !t.Before(d.isSet)) {
		return nil
	}
	now := time.Now()
	at := now.Add(soonest)
	if !t.IsZero() && t.Before(at) {
		at = t
	}
	d.isSet, d.past = at, !at.After(now)
	return d.setIn(at)
}

// retry reports whether a read that has failed with err is to be tried again, because the
// deadline that made it fail was too early. It sets the right one.
func (d *deadline) retry(err error) bool {
	if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.wanted.IsZero() && !d.wanted.After(time.Now()) {
		return false
	}
	d.isSet, d.past = d.wanted, false
	return d.setIn(d.wanted) == nil
}
