package gossip

import (
	"errors"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"

	"github.com/lodepow/lode/pow"
)

const (
	syncRetry    = 10 * time.Second // after one that did not end well
	unbackedWait = 10 * time.Minute // for a peer whose headers were worth less than it claimed
	maxUnbacked  = 3                // times, after which it is dropped
	maxCollected = 1 << 14          // hashes; then blocks come before more headers
	maxPasses    = 4                // over headers that change while they are read
)

// SyncInfo is the state of a sync.
type SyncInfo struct {
	Active bool
	From   int64 // height at which it began
	Height int64 // of the latest block taken
	Target int64 // height that the peer claims, or that its headers have reached
	Since  time.Time
}

// syncing is a sync under way: headers from one peer, blocks from all that have
// them.
//
// The headers are passed over once and only measured, until their work exceeds
// our tip's. Then the hashes are collected, from the start again unless one page
// was enough. So a branch costs no memory before it has cost its miners more
// than ours.
type syncing struct {
	source *peer
	since  time.Time
	from   int64

	start      rules.State // what the branch stands on
	last       rules.State // at the latest header of this pass
	passes     int
	pages      int // of this pass
	collecting bool
	measured   int  // headers of the first pass; the second must be worth it with as many
	read       int  // headers of this pass
	proved     bool // the collected headers have more work than our tip had
	asking     bool
	complete   bool // there are no more headers

	download
}

// behind reports whether there are blocks to come.
func (s *syncing) behind() bool { return s.collecting && (!s.complete || s.left() > 0) }

// ahead reports whether a peer claims more work than we have.
func (g *Gossip) ahead(p *peer) bool { return p.tip.Work.Cmp(g.chain.Tip().Work) > 0 }

// considerSync begins a sync with the peer that claims the most work, if that is
// more than ours.
func (g *Gossip) considerSync() {
	if g.sync != nil || g.now.Before(g.after) {
		return
	}
	var best *peer
	for _, p := range g.peers {
		if !p.up || !g.ahead(p) || g.now.Before(p.syncAfter) || best != nil && !g.better(p, best) {
			continue
		}
		if g.relay.rejected.has(p.tip.Hash) {
			p.syncAfter = g.now.Add(unbackedWait)
			continue
		}
		// A single block that was announced is on its way already.
		if !g.fetching(p.tip.Hash) {
			best = p
		}
	}
	if best == nil {
		return
	}
	g.sync = &syncing{source: best, since: g.now, from: g.chain.Tip().Height}
	g.askHeaders(g.chain.Locator())
}

// better reports whether a peer should rather be synced with than another: one
// that does not stall, then one of our choice, then one that claims more. Every
// other time after a sync that failed, those of our choice are first: who stalls
// can come to us again and again as somebody new.
func (g *Gossip) better(p, than *peer) bool {
	if g.oursFirst && p.out != than.out {
		return p.out
	}
	if p.stalls != than.stalls {
		return p.stalls < than.stalls
	}
	if p.out != than.out {
		return p.out
	}
	return p.tip.Work.Cmp(than.tip.Work) > 0
}

func (g *Gossip) fetching(hash pow.Hash) bool {
	for _, w := range g.relay.blocks {
		if w.hash == hash {
			return true
		}
	}
	return g.onItsWay(hash) != nil
}

func (g *Gossip) askHeaders(locator []pow.Hash) {
	s := g.sync
	s.asking = true
	// Others are tried soon, and who is slow is given more time the next time.
	timeout := min(headersTimeout, time.Duration(1+s.source.stalls)*firstHeaders)
	g.ask(s.source, GetHeaders{locator}, timeout, func(a Answer, err error) {
		if g.sync != s {
			return
		}
		s.asking = false
		p := s.source
		page, err := as[Headers](a, err)
		if err == nil {
			p.fails = 0
			err = g.onHeaders(s, page.Headers)
		}
		if err != nil {
			// What the chain has taken stays; the next sync goes on from there.
			g.endSync("headers")
			p.stalls++
			p.syncAfter = g.now.Add(syncRetry)
			g.failed(p, err)
		}
	})
}

// onHeaders takes a page. The error is a fault of the source.
func (g *Gossip) onHeaders(s *syncing, page []pow.Header) error {
	if len(page) > MaxHeaders {
		return fault(FaultOversize, "%d headers, at most %d", len(page), MaxHeaders)
	}
	more := len(page) == MaxHeaders
	if len(page) > 0 && (s.pages == 0 || page[0].Prev != s.last.Hash) {
		// A new pass. Between pages the source may have changed its branch.
		start, ok := g.chain.State(page[0].Prev)
		if !ok {
			return fault(FaultUnconnected, "header %s stands on %s, which was not asked for", page[0].Hash(), page[0].Prev)
		}
		s.passes++
		if s.passes > maxPasses || s.collecting && s.pages > 0 {
			g.unbacked(s, "changed")
			return nil
		}
		s.start, s.last, s.pages, s.read = start, start, 0, 0
	}
	s.pages++
	s.read += len(page)
	hashes, err := g.checkHeaders(s, page)
	if err != nil {
		return err
	}
	enough := s.last.Work.Cmp(g.chain.Tip().Work) > 0
	if enough && s.last.Work.Cmp(s.source.tip.Work) > 0 {
		s.source.tip = Tip{Hash: s.last.Hash, Height: s.last.Height, Work: s.last.Work}
	}
	switch {
	case s.collecting && !s.proved && !enough && (s.read >= s.measured || !more):
		g.unbacked(s, "changed")
	case s.collecting || enough && s.pages == 1:
		if !s.collecting {
			s.collecting = true
			g.note(Note{Kind: NoteSyncBegins, Peer: s.source.address, Out: s.source.out, Count: int(max(0, s.target()-s.start.Height))})
		}
		s.add(hashes)
		s.proved = s.proved || enough
		s.complete = !more
		g.goOn(s)
	case enough: // from the start again, to collect
		s.collecting, s.measured, s.pages, s.read = true, s.read, 0, 0
		g.note(Note{Kind: NoteSyncBegins, Peer: s.source.address, Out: s.source.out, Count: int(max(0, s.target()-s.start.Height))})
		s.last = s.start
		g.askHeaders([]pow.Hash{s.start.Hash})
	case more:
		g.askHeaders([]pow.Hash{s.last.Hash})
	default:
		g.unbacked(s, "less-work")
	}
	return nil
}

// checkHeaders checks a page on top of what came before, and returns the hashes
// of the blocks that are not here yet.
func (g *Gossip) checkHeaders(s *syncing, page []pow.Header) (hashes []pow.Hash, err error) {
	for _, h := range page {
		if err := s.last.CheckHeader(g.params, h); err != nil {
			if errors.Is(err, block.PrevNotFound) {
				return nil, fault(FaultUnconnected, "%v", err)
			}
			return nil, headerFault(err)
		}
		s.last = s.last.Apply(h)
		if g.relay.rejected.has(s.last.Hash) {
			return nil, fault(FaultInvalid, "block %s was refused before", s.last.Hash)
		}
		if _, known := g.chain.State(s.last.Hash); known && len(hashes) == 0 && s.left() == 0 {
			if s.pages == 1 {
				s.start = s.last
			}
			continue
		}
		hashes = append(hashes, s.last.Hash)
	}
	return hashes, nil
}

// unbacked ends a sync with a peer whose branch has less work than it claimed,
// or no more than ours has got meanwhile.
func (g *Gossip) unbacked(s *syncing, reason string) {
	p := s.source
	g.endSync(reason)
	claimed := p.tip.Work
	p.tip = Tip{Hash: s.last.Hash, Height: s.last.Height, Work: s.last.Work}
	if claimed.Cmp(g.chain.Tip().Work) <= 0 {
		return
	}
	p.unbacked++
	p.syncAfter = g.now.Add(syncRetry)
	if p.unbacked >= maxUnbacked {
		g.book.failed(p.address, g.now, unbackedWait)
		g.drop(p, "unbacked", "it claims work that its headers do not show")
	}
}

// target is the height that the sync is to reach, as far as that is known.
func (s *syncing) target() int64 { return max(s.source.tip.Height, s.last.Height) }

// goOn asks for whatever is to be asked next.
func (g *Gossip) goOn(s *syncing) {
	if g.sync != s {
		return
	}
	if s.complete && s.left() == 0 {
		s.source.unbacked, s.source.stalls = 0, 0
		if s.taken == 0 { // others were faster
			s.source.syncAfter = g.now.Add(time.Second)
		}
		g.endSync("done")
		return
	}
	if !s.complete && !s.asking && s.left() < maxCollected {
		g.askHeaders([]pow.Hash{s.last.Hash})
	}
	g.assign(s)
	g.acceptNext()
}

// endSync ends the sync under way, and tells peers of the tip that it led to.
func (g *Gossip) endSync(reason string) {
	s := g.sync
	g.sync, g.oursFirst = nil, reason != "done" && !g.oursFirst
	if s.collecting {
		g.note(Note{Kind: NoteSyncEnds, Peer: s.source.address, Out: s.source.out, Reason: reason, Count: s.taken})
	}
	if s.taken > 0 {
		g.announceTip()
	}
	for _, p := range g.peers {
		if p.news {
			p.news = false
			g.greetSoon(p)
		}
	}
}

// lostPeer goes on without a peer that is gone.
func (g *Gossip) lostPeer(p *peer) {
	if s := g.sync; s != nil && s.source == p {
		if !s.complete {
			g.endSync("source")
			return
		}
		g.assign(s)
	}
}

// Sync returns how far the sync under way is.
func (g *Gossip) Sync() SyncInfo {
	s := g.sync
	if s == nil || !s.collecting {
		return SyncInfo{}
	}
	return SyncInfo{Active: true, From: s.start.Height, Height: s.start.Height + int64(s.taken), Target: s.target(), Since: s.since}
}
