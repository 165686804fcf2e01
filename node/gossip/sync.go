package gossip

import (
	"slices"
	"time"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

const (
	maxStalls    = 3       // how often syncs may stall for want of a peer's answers before it is dropped
	maxCollected = 1 << 14 // hashes collected before blocks are fetched for them

	advancing = time.Second // after a block of a sync, in which tips are not announced
)

// syncer finds peers that claim more work than this node has, and follows their
// branches. It follows one at a time.
type syncer struct {
	*host
	relay  *relay
	news   *announcer
	intake *intake

	current   *syncing  // nil: no sync is under way
	notBefore time.Time // no sync begins earlier
	wake      timer     // for the next sync that may begin
	hurry     timer     // for the batch that holds up the sync under way
	stall     timer     // ends the sync under way if the chain takes no block of it; set while blocks are to come
}

// syncState is what the syncer keeps of a peer.
type syncState struct {
	unbacked  int       // how often its headers had less work than it claimed
	stalls    int       // how often its headers, blocks that it was asked for, or all blocks of its branch did not arrive
	notBefore time.Time // no sync with it begins earlier
}

// syncPhase says how far the headers of a sync have been read.
type syncPhase uint8

const (
	measuring  syncPhase = iota // headers are checked and counted, but not kept
	collecting                  // the branch has shown more work; its headers are read again and their hashes kept
	proved                      // the collected headers have more work than this node's tip had
	complete                    // the peer has no more headers
)

// String returns the phase as a word.
func (p syncPhase) String() string {
	return [...]string{"measuring", "collecting", "proved", "complete"}[p]
}

// syncing is a sync under way. Its headers come from one peer, the source, and
// its blocks from every peer that has them.
//
// The headers are read once without keeping them, until they have more work than
// this node's tip. Then their hashes are collected, which takes a second pass
// unless one page was enough. So a branch takes no memory before it has cost its
// miners more than this node's branch has cost.
type syncing struct {
	source  *peer
	since   time.Time
	phase   syncPhase
	request *request // for headers, under way; nil: none

	start    rules.State // the block that the branch builds on
	last     rules.State // the latest header of this pass
	passes   int
	pages    int // read in this pass
	read     int // headers read in this pass
	measured int // headers that the first pass took to show more work; the second may take no more

	download
}

// behind reports whether the sync under way has blocks to come.
func (y *syncer) behind() bool {
	s := y.current
	return s != nil && s.phase >= collecting && (s.phase < complete || s.left() > 0)
}

// advances reports whether the sync under way has taken a block a moment ago and has
// more to come. Each of its blocks becomes the tip for a moment then, which is not worth
// announcing. A sync whose blocks do not come must not keep this node from announcing
// the blocks that it finds or gets otherwise.
func (y *syncer) advances() bool {
	return y.behind() && y.now.Sub(y.current.takenAt) < advancing
}

// target is the height that the sync is expected to reach.
func (s *syncing) target() int64 { return max(s.source.tip.Height, s.last.Height) }

// consider begins a sync with the best peer that claims more work than this node
// has. If it has to wait for one, it sets the timer. A sync with a peer that came to
// this node gives way to one with a peer of this node's choice: anybody can come with
// headers whose blocks arrive slowly or never, and return under a new name. The chain
// keeps the blocks that it has already taken.
func (y *syncer) consider() {
	if s := y.current; len(y.ahead) == 0 || s != nil && (s.source.out || !slices.ContainsFunc(y.ahead, y.mayReplace)) {
		return
	}
	if y.current != nil {
		y.end("replaced")
	}
	y.ahead = slices.DeleteFunc(y.ahead, func(p *peer) bool { return !y.isAhead(p) })
	var best *peer
	var wait time.Time // until the first of the others may be synced with; zero: none has to wait
	for _, p := range y.ahead {
		if y.relay.rejected.has(p.tip.Hash) && !y.now.Before(p.sync.notBefore) {
			p.sync.notBefore = y.now.Add(y.config.UnbackedWait)
		}
		if from := later(y.notBefore, p.sync.notBefore); from.After(y.now) {
			if wait.IsZero() || from.Before(wait) {
				wait = from
			}
			continue
		}
		// A single block that was announced needs no sync.
		if (best == nil || y.better(p, best)) && !y.relay.pending(p.tip.Hash) {
			best = p
		}
	}
	if best == nil {
		if !wait.IsZero() {
			y.timers.set(&y.wake, wait)
		}
		return
	}
	y.current = &syncing{source: best, since: y.now}
	y.askHeaders(y.config.Chain.Locator())
}

// mayReplace reports whether a sync with the peer may begin now, in place of one with
// a peer that came to this node.
func (y *syncer) mayReplace(p *peer) bool {
	return p.out && p.phase.proven() && y.isAhead(p) && !later(y.notBefore, p.sync.notBefore).After(y.now) &&
		!y.relay.rejected.has(p.tip.Hash) && !y.relay.pending(p.tip.Hash)
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// better reports whether a sync with p is preferable to one with the other peer:
// first comes a peer of this node's choice, since a node that stalls can return again
// and again under a new name; then one that stalls less often, then one that claims
// more work. A peer that has stalled waits before its next turn, so it cannot keep
// out the others.
func (y *syncer) better(p, other *peer) bool {
	if p.out != other.out {
		return p.out
	}
	if p.sync.stalls != other.sync.stalls {
		return p.sync.stalls < other.sync.stalls
	}
	return p.tip.Work.Cmp(other.tip.Work) > 0
}

// goOn asks for what a sync needs next, unless it has ended.
func (y *syncer) goOn(s *syncing) {
	if y.current != s {
		return
	}
	if s.phase == complete && s.left() == 0 {
		s.source.sync.unbacked, s.source.sync.stalls = 0, 0
		for _, p := range s.senders {
			p.sync.stalls = 0
		}
		if s.taken == 0 { // other peers were faster
			s.source.sync.notBefore = y.now.Add(y.config.SyncLeast)
		}
		y.end("done")
		return
	}
	if s.phase < complete && s.request == nil && s.left() < maxCollected {
		y.askHeaders([]pow.Hash{s.last.Hash})
	}
	y.assign(s)
	y.intake.handOver()
}

// end ends the sync under way. It announces the tip that the sync has led to, and
// greets the peers whose announcements were not followed meanwhile.
func (y *syncer) end(reason string) {
	s := y.current
	y.current = nil
	y.timers.stop(&y.hurry)
	y.timers.stop(&y.stall)
	if s.phase >= collecting {
		y.note(s.source, Note{Kind: NoteSyncEnds, Reason: reason, Count: s.taken})
	}
	if s.taken > 0 {
		y.news.announceTip()
	}
	y.relay.greetMissed()
}

// charge records that a sync has stalled because a peer did not send what it was asked
// for. The peer's next turn comes later with each charge, and after maxStalls it is
// dropped.
func (y *syncer) charge(p *peer, what, detail string) {
	if p.phase == closed {
		return
	}
	p.sync.stalls++
	p.sync.notBefore = y.now.Add(y.config.SyncRetry << min(p.sync.stalls-1, maxStalls))
	if p.sync.stalls >= maxStalls {
		y.book.markFailed(p.address, y.now, y.config.SyncRetry)
		y.drop(p, "stalled", "it does not send the "+what+" that it was asked for: "+detail)
	}
}

// setStall sets the time at which the sync under way ends if the chain has taken no
// further block by then. A source that has stalled before gets more time, since its
// line may only be slow.
func (y *syncer) setStall(s *syncing) {
	y.timers.set(&y.stall, y.now.Add(time.Duration(1+s.source.sync.stalls)*y.config.SyncStall))
}

// endStalled ends a sync of which the chain has taken no block for too long. It
// charges the source, and every peer that owes blocks: a peer that offers headers has to
// make sure that their blocks can be had.
func (y *syncer) endStalled() {
	s := y.current
	if s == nil {
		return
	}
	if y.intake.current != nil { // the chain is to blame, not a peer
		y.setStall(s)
		return
	}
	late := []*peer{s.source}
	for _, b := range s.batches {
		for _, p := range b.asked {
			if !slices.Contains(late, p) {
				late = append(late, p)
			}
		}
	}
	y.end("stalled")
	for _, p := range late {
		if p.phase != closed {
			y.note(p, Note{Kind: NoteSyncStalled, Reason: "blocks", Detail: "no block of the sync has come for too long"})
		}
		y.charge(p, "blocks", "no block of the sync has come for too long")
	}
}

// onLost goes on without a peer that is gone, if all headers of its branch have
// been read.
func (y *syncer) onLost(p *peer, _, _ string) {
	s := y.current
	if s == nil || s.source != p {
		return
	}
	if s.phase < complete {
		y.end("source")
		return
	}
	y.assign(s)
}

// SyncInfo is the state of a sync.
type SyncInfo struct {
	Active bool
	From   int64 // height at which it began
	Height int64 // of the latest block that was added
	Target int64 // height that the source claims, or that its headers have reached
	Since  time.Time
}

// Progress returns how many blocks a second a sync adds, and how long it will
// take at that rate. Both are 0 if nothing is known yet.
func (s SyncInfo) Progress(now time.Time) (perSecond float64, left time.Duration) {
	seconds := now.Sub(s.Since).Seconds()
	if !s.Active || seconds <= 0 || s.Height <= s.From {
		return 0, 0
	}
	perSecond = float64(s.Height-s.From) / seconds
	return perSecond, time.Duration(float64(max(s.Target-s.Height, 0)) / perSecond * float64(time.Second))
}
