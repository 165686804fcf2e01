package mine

import (
	"context"
	"time"
)

// Source is anything that wants proof of work. Its methods may be called by many
// goroutines at once, because one source can serve a [Loop] and any number of
// sessions.
type Source interface {
	// Offer returns what to mine at present. It does not wait for the network or
	// for work to arrive: a source that receives work from elsewhere keeps the
	// latest, and one that has none says so in the offer.
	//
	// An error means that there is no offer and no signal to wait for. The caller
	// asks again after a pause.
	Offer() (Offer, error)

	// Submit hands in a solution of any work that the source has offered, stale
	// ones included: a block is worth having even if its work is no longer the
	// newest. It returns when ctx ends, at the latest.
	//
	// An outcome other than Accepted may come with an error that explains it. If
	// the outcome is Unanswered, the error says why, and the same solution may be
	// submitted again.
	Submit(ctx context.Context, s Solution) (Outcome, error)
}

// Namer is a source that can write the name of a miner into its blocks.
type Namer interface {
	Source

	// Name returns the same work with the name of a miner in its coinbase, under an ID
	// of its own. The source takes solutions of both. The work must be one that the
	// source has offered, as it was offered. The source may shorten the name.
	Name(w Work, miner string) (Work, error)
}

// Offer is the present work of a source, with the signals that tell how long it is
// worth mining. A [Lifetime] makes the signals.
type Offer struct {
	// Work is what to mine. Nil means that there is nothing to mine at present.
	// Then Newer is closed when there may be something.
	Work *Work

	// Newer is closed when the source has newer work, for example with more
	// transactions. The work at hand is still accepted, so the miner asks for the
	// newer one at its convenience.
	Newer <-chan struct{}

	// Stale is closed when the work is no longer accepted: another block has been
	// found, or the connection is gone. The miner stops at once. Newer is closed,
	// too.
	Stale <-chan struct{}

	// Wait, if it is not zero, is the time after which to ask again even if Newer
	// has not been closed. Only offers without work have it.
	Wait time.Duration
}

// Lifetime makes the signals of the offers of a source. Its methods must not be
// called at the same time, so the source must guard it with a lock.
//
// A lifetime is newest, then outdated, then over, and never goes back. Lifetimes
// on the same parent share one end.
type Lifetime struct {
	newer, stale *signal
}

// signal is a channel that is closed once.
type signal struct {
	c      chan struct{}
	closed bool
}

func newSignal() *signal { return &signal{c: make(chan struct{})} }

func (s *signal) close() {
	if !s.closed {
		s.closed = true
		close(s.c)
	}
}

// NewLifetime begins the lifetime of the first offer on a parent.
func NewLifetime() Lifetime { return Lifetime{newer: newSignal(), stale: newSignal()} }

// Offer returns an offer of the work, or of nothing if it is nil, with the signals
// of this lifetime.
func (l Lifetime) Offer(w *Work) Offer {
	return Offer{Work: w, Newer: l.newer.c, Stale: l.stale.c}
}

// Outdate tells the holders of the offer that there is newer work.
func (l Lifetime) Outdate() { l.newer.close() }

// End tells the holders of the offer, and of all earlier offers on the same
// parent, that their work is stale.
func (l Lifetime) End() {
	l.newer.close()
	l.stale.close()
}

// Next outdates the offer and begins the lifetime of the next one on the same
// parent. The end of the next one is the end of this one, too.
func (l Lifetime) Next() Lifetime {
	l.Outdate()
	return Lifetime{newer: newSignal(), stale: l.stale}
}

// IsOutdated reports whether there is newer work.
func (l Lifetime) IsOutdated() bool { return l.newer.closed }

// IsOver reports whether the work is stale.
func (l Lifetime) IsOver() bool { return l.stale.closed }

// Outcome is the answer of a source to a solution.
type Outcome int

// Outcomes of [Source.Submit].
const (
	Unanswered Outcome = iota // the source could not be asked, or has not answered in time
	Accepted                  // counted as a share, or the block is the new tip
	Stale                     // too late: the work is no longer accepted
	Duplicate                 // submitted before
	Low                       // the hash does not meet the target that the source has in mind
	Invalid                   // refused for any other reason
	Lost                      // a valid block, but another one on the same parent was faster
)

// String returns the outcome as a word: unanswered, accepted, stale, duplicate,
// low, invalid, lost.
func (o Outcome) String() string {
	if o < 0 || int(o) >= len(Outcomes()) {
		return "unknown"
	}
	return [...]string{"unanswered", "accepted", "stale", "duplicate", "low", "invalid", "lost"}[o]
}

// Outcomes returns all outcomes, for tables and labels.
func Outcomes() []Outcome {
	return []Outcome{Unanswered, Accepted, Stale, Duplicate, Low, Invalid, Lost}
}
