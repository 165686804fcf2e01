package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/lodepow/lode/mine"
)

// board is what all sessions work on for a while. It does not change; another one takes
// its place.
type board struct {
	number uint64 // counts the boards
	tip    uint64 // counts those whose predecessors have become stale
	offer  mine.Offer
	at     time.Time     // since when the sessions have been able to see it
	since  time.Time     // since when there has been work without a break
	next   chan struct{} // closed when another board has taken the place of this one

	// network is the difficulty of what the source wants: of a block, or of a share of
	// the pool that the work comes from.
	network float64
}

func newBoard() *board { return &board{next: make(chan struct{})} }

// isStale reports whether the source no longer accepts the work.
func (b *board) isStale() bool { return isClosed(b.offer.Stale) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// follow keeps the board up to date until the context ends.
func (s *Server) follow(ctx context.Context) {
	for ctx.Err() == nil {
		offer, err := s.source.Offer()
		if err != nil {
			// Work that is not stale is still worth searching. Stale work is withdrawn, so
			// that no session begins with it.
			s.idles.Log(s.log, slog.LevelWarn, "there is no newer work for the miners", "err", err)
			if s.board.Load().isStale() {
				s.publish(mine.Offer{})
			}
			// A board without work may keep the signal of an offer that is long over.
			var stale <-chan struct{}
			if o := s.board.Load().offer; o.Work != nil {
				stale = o.Stale
			}
			retry := time.NewTimer(time.Second)
			select {
			case <-ctx.Done():
			case <-stale:
			case <-retry.C:
			}
			retry.Stop()
			continue
		}
		s.publish(offer)
		s.wait(ctx, offer)
	}
}

// publish makes the offer the board of all sessions.
func (s *Server) publish(o mine.Offer) {
	old := s.board.Load()
	if o.Work == nil && old.offer.Work == nil {
		return
	}
	b := newBoard()
	b.number, b.tip, b.offer, b.at = old.number+1, old.tip, o, time.Now()
	if old.offer.Work == nil || o.Work == nil || old.isStale() {
		b.tip++
	}
	b.since = old.since
	if old.offer.Work == nil {
		b.since = b.at
	}
	if w := o.Work; w != nil {
		target := w.Target
		if target.IsZero() {
			target, _ = w.Bits.Target() // a source checks its work
		}
		b.network = target.Difficulty()
		s.mu.Lock()
		s.space = w.Extranonces
		s.mu.Unlock()
	}
	s.board.Store(b)
	close(old.next)
}

// wait returns when the source should be asked again: when the work is stale, when
// there is newer work and the present one is old enough, and after refreshEvery.
func (s *Server) wait(ctx context.Context, o mine.Offer) {
	refresh := time.NewTimer(refreshEvery)
	defer refresh.Stop()
	if o.Work == nil {
		if o.Wait > 0 {
			refresh.Reset(o.Wait)
		}
		select {
		case <-ctx.Done():
		case <-o.Newer:
		case <-refresh.C:
		}
		return
	}
	select {
	case <-ctx.Done():
		return
	case <-o.Stale:
		return
	case <-refresh.C:
		return
	case <-o.Newer:
	}
	early := time.NewTimer(jobEvery - time.Since(s.board.Load().at))
	defer early.Stop()
	select {
	case <-ctx.Done():
	case <-o.Stale:
	case <-early.C:
	}
}
