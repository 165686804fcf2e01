package gossip

import (
	"errors"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

const (
	maxUnbacked = 3 // how often a peer's headers may have less work than it claims before it is dropped
	maxPasses   = 4 // over headers that change while they are read
)

// askHeaders asks the source for a page of headers. A source that has stalled before
// gets more time.
func (y *syncer) askHeaders(locator []pow.Hash) {
	s := y.current
	p := s.source
	timeout := min(y.config.HeadersTimeout, time.Duration(1+p.sync.stalls)*y.config.FirstHeadersTimeout)
	s.request = y.ask(p, GetHeaders{locator}, timeout, func(a Answer, err error) {
		if y.current != s {
			return
		}
		s.request = nil
		page, err := as[Headers](a, err)
		if err == nil {
			p.fails = 0
			err = y.onHeaders(s, page.Headers)
		}
		if err != nil {
			// The chain keeps the blocks that it has, and the next sync goes on from there.
			y.end("headers")
			y.charge(p, "headers", err.Error())
			y.fail(p, err)
		}
	})
}

// onHeaders handles a page of headers. The error is a fault of the source.
func (y *syncer) onHeaders(s *syncing, page []pow.Header) error {
	if len(page) > MaxHeaders {
		return fault(FaultOversize, "%d headers, at most %d", len(page), MaxHeaders)
	}
	more := len(page) == MaxHeaders
	if len(page) > 0 && (s.pages == 0 || page[0].Prev != s.last.Hash) {
		// A new pass begins. The source may have changed its branch between two pages.
		start, ok := y.config.Chain.State(page[0].Prev)
		if !ok {
			return fault(FaultUnconnected, "header %s builds on %s, which was not asked for", page[0].Hash(), page[0].Prev)
		}
		s.passes++
		if s.passes > maxPasses || s.phase >= collecting && s.pages > 0 {
			y.endUnbacked(s, "changed")
			return nil
		}
		s.start, s.last, s.pages, s.read = start, start, 0, 0
	}
	s.pages++
	s.read += len(page)
	hashes, err := y.checkHeaders(s, page)
	if err != nil {
		return err
	}
	enough := s.last.Work.Cmp(y.tip().Work) > 0
	if enough {
		y.raiseTip(s.source, s.last)
	}
	switch {
	case s.phase == collecting && !enough && (s.read >= s.measured || !more):
		y.endUnbacked(s, "changed")
	case s.phase >= collecting || enough && s.pages == 1:
		if s.phase == measuring {
			y.noteBegin(s)
			s.phase = collecting
		}
		if enough {
			s.phase = max(s.phase, proved)
		}
		if !more {
			s.phase = complete
		}
		s.add(hashes)
		y.goOn(s)
	case enough:
		y.noteBegin(s)
		s.phase, s.measured, s.pages, s.read = collecting, s.read, 0, 0
		s.last = s.start
		y.askHeaders([]pow.Hash{s.start.Hash})
	case more:
		y.askHeaders([]pow.Hash{s.last.Hash})
	default:
		y.endUnbacked(s, "less-work")
	}
	return nil
}

func (y *syncer) noteBegin(s *syncing) {
	y.note(s.source, Note{Kind: NoteSyncBegins, Count: int(max(0, s.target()-s.start.Height))})
}

// checkHeaders applies the rules to a page of headers, each on top of the one
// before. It returns the hashes of the blocks that this node does not have.
func (y *syncer) checkHeaders(s *syncing, page []pow.Header) (hashes []pow.Hash, err error) {
	pageHashes := make([]pow.Hash, len(page))
	pow.HashHeaders(pageHashes, page)
	for i, h := range page {
		if err := s.last.CheckHashedHeader(y.params, h, pageHashes[i]); err != nil {
			if errors.Is(err, block.PrevNotFound) {
				return nil, fault(FaultUnconnected, "%v", err)
			}
			return nil, headerFault(err)
		}
		s.last = s.last.ApplyHashed(h, pageHashes[i])
		if y.relay.rejected.has(s.last.Hash) {
			return nil, fault(FaultInvalid, "block %s was refused before", s.last.Hash)
		}
		if _, known := y.config.Chain.State(s.last.Hash); known && len(hashes) == 0 && s.left() == 0 {
			if s.pages == 1 {
				s.start = s.last
			}
			continue
		}
		hashes = append(hashes, s.last.Hash)
	}
	return hashes, nil
}

// endUnbacked ends a sync with a peer whose branch has no more work than this
// node's tip. The peer is to blame if it has claimed more.
func (y *syncer) endUnbacked(s *syncing, reason string) {
	p := s.source
	y.end(reason)
	claimed := p.tip.Work
	p.tip = Tip{Hash: s.last.Hash, Height: s.last.Height, Work: s.last.Work}
	if claimed.Cmp(y.tip().Work) <= 0 {
		return
	}
	p.sync.unbacked++
	p.sync.notBefore = y.now.Add(y.config.SyncRetry)
	if p.sync.unbacked >= maxUnbacked {
		y.book.markFailed(p.address, y.now, y.config.UnbackedWait)
		y.drop(p, "unbacked", "it claims work that its headers do not show")
	}
}
