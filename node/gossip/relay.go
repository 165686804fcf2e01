package gossip

import (
	"errors"
	"slices"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

const (
	maxWanted       = 64 // announced blocks being fetched; peers of this node's choice may exceed it
	maxWantedOfPeer = 8  // of those, blocks that one peer is being asked for
	maxAnnouncers   = 8  // peers that are remembered to have announced a block; peers of this node's choice are added beyond
	maxAsked        = 3  // peers that are asked for one block at a time; peers of this node's choice are added beyond

	// maxBehind bounds by how many blocks this node's branch may be ahead of an
	// announced block that is kept: the block's branch has to have more work than
	// this node's branch had maxBehind blocks ago. Blocks on older ones may cost
	// their miners little. Should such a branch ever have the most work, a sync
	// fetches it.
	maxBehind = 16
)

// relay fetches the blocks that peers announce.
type relay struct {
	*host
	intake   *intake
	news     *announcer
	wanted   []*wantedBlock // being fetched, in the order in which they were announced
	rejected idSet          // blocks that broke a rule

	// missed are peers that have announced a block that was not kept. They are
	// greeted when the sync under way ends, to learn whether they have more work.
	missed []*peer
}

// wantedBlock is an announced block that is being fetched.
type wantedBlock struct {
	hash  pow.Hash
	found time.Time // when it was found, by the announcer's account
	asked []*peer   // peers whose answer is due
	next  []*peer   // further peers that have announced it

	// hurry fires AskAnother after a peer was asked. Without it, a peer that
	// announces blocks first and does not send them would hold each up for a whole
	// timeout.
	hurry timer
}

// onAnnounced handles the announcement of a block by a peer.
func (r *relay) onAnnounced(p *peer, b Announced) {
	r.known.confirm(b.Hash, p)
	if s, ok := r.config.Chain.State(b.Hash); ok {
		r.raiseTip(p, s)
		return
	}
	if r.rejected.has(b.Hash) {
		return
	}
	if w := r.find(b.Hash); w != nil {
		if !slices.Contains(w.asked, p) {
			w.next = addAnnouncer(w.next, p, maxAnnouncers)
		}
		if !w.hurry.isSet() {
			r.askAnother(w)
		}
		return
	}
	if a := r.intake.find(b.Hash); a != nil {
		a.next = addAnnouncer(a.next, p, maxAnnouncers)
		return
	}
	if len(r.wanted) >= maxWanted && !p.out || p.wants >= maxWantedOfPeer {
		r.miss(p)
		return
	}
	r.known.add(b.Hash, p)
	r.want(b.Hash, r.now.Add(-min(max(b.Age, 0), maxAge)), p)
}

// addAnnouncer adds a peer to those that have announced something. There is
// always room for peers of this node's choice, and they come first, because the
// others may be in league and never send what they announce.
func addAnnouncer(peers []*peer, p *peer, most int) []*peer {
	switch {
	case slices.Contains(peers, p):
		return peers
	case p.out:
		return slices.Insert(slices.Clone(peers), 0, p)
	case len(peers) < most:
		return append(peers, p)
	}
	return peers
}

// find returns the block of a hash if it is being fetched.
func (r *relay) find(hash pow.Hash) *wantedBlock {
	for _, w := range r.wanted {
		if w.hash == hash {
			return w
		}
	}
	return nil
}

// pending reports whether a block is being fetched, or waits for the chain.
func (r *relay) pending(hash pow.Hash) bool {
	return r.find(hash) != nil || r.intake.find(hash) != nil
}

// want begins to fetch a block from one of the peers.
func (r *relay) want(hash pow.Hash, found time.Time, from ...*peer) {
	w := &wantedBlock{hash: hash, found: found, next: from}
	w.hurry.fire = func() { r.askAnother(w) }
	r.wanted = append(r.wanted, w)
	r.fetch(w)
}

// unwant ends the fetching of a block.
func (r *relay) unwant(w *wantedBlock) {
	r.timers.stop(&w.hurry)
	r.wanted = slices.DeleteFunc(r.wanted, func(other *wantedBlock) bool { return other == w })
}

func (r *relay) wants(w *wantedBlock) bool { return slices.Contains(r.wanted, w) }

// fetch asks the next peer that has announced a block. If there is none, and no
// answer is due, the block is no longer wanted.
func (r *relay) fetch(w *wantedBlock) {
	var p *peer
	for len(w.next) > 0 && p == nil {
		if w.next[0].phase != closed {
			p = w.next[0]
		}
		w.next = w.next[1:]
	}
	if p == nil {
		if len(w.asked) == 0 {
			r.unwant(w)
		}
		return
	}
	p.wants++
	w.asked = append(w.asked, p)
	r.timers.set(&w.hurry, r.now.Add(r.config.AskAnother))
	r.ask(p, GetBlocks{[]pow.Hash{w.hash}}, r.config.BlocksTimeout, func(a Answer, err error) {
		p.wants--
		w.asked = slices.DeleteFunc(w.asked, func(other *peer) bool { return other == p })
		blocks, err := as[Blocks](a, err)
		if err == nil && len(blocks.Blocks) > 1 {
			err = fault(FaultUnrequested, "asked for one block, got more")
		}
		if err == nil && len(blocks.Blocks) == 1 {
			err = r.onBlock(w, p, blocks.Blocks[0])
		}
		if err != nil {
			r.fail(p, err)
		}
		if (err != nil || len(blocks.Blocks) == 0) && r.wants(w) {
			r.fetch(w)
		}
	})
}

// askAnother asks one more peer for a block that does not come, if one may be
// asked.
func (r *relay) askAnother(w *wantedBlock) {
	if len(w.next) > 0 && (len(w.asked) < maxAsked || w.next[0].out) {
		r.fetch(w)
	}
}

// onBlock handles the block that a peer has sent: it goes to the chain if its parent
// is there or on the way, and is left to a sync otherwise. The error is a fault
// of the peer.
func (r *relay) onBlock(w *wantedBlock, p *peer, b block.Block) error {
	if got := b.Hash(); got != w.hash {
		return fault(FaultUnrequested, "asked for block %s, got %s", w.hash, got)
	}
	if err := r.params.CheckHeader(b.Header); err != nil {
		return headerFault(err)
	}
	p.fails = 0
	if !r.wants(w) {
		return nil // another peer was faster
	}
	r.unwant(w)
	_, known := r.config.Chain.State(b.Header.Prev)
	if known = known || r.intake.find(b.Header.Prev) != nil; !known || r.intake.full() {
		r.miss(p)
		r.greetSoon(p)
		return nil
	}
	if r.farBehind(b) {
		return nil
	}
	r.news.setFound(w.hash, w.found)
	a := &acceptance{blocks: []block.Block{b}, hashes: []pow.Hash{w.hash}, next: slices.Concat(w.asked, w.next)}
	a.done = func(ev Accepted) { r.onAccepted(a, p, w, ev.Err) }
	r.known.add(w.hash, p)
	r.known.addAll(w.hash, a.next...)
	r.intake.add(a)
	return nil
}

// farBehind reports whether a block's branch has at most the work that this
// node's branch had maxBehind blocks ago. A block whose parent is not in the
// chain yet is not far behind.
func (r *relay) farBehind(b block.Block) bool {
	parent, ok := r.config.Chain.State(b.Header.Prev)
	if !ok {
		return false
	}
	hash, _ := r.config.Chain.HashAt(max(0, r.tip().Height-maxBehind))
	past, ok := r.config.Chain.State(hash)
	return ok && parent.Apply(b.Header).Work.Cmp(past.Work) <= 0
}

// onAccepted handles the chain's answer to a block that a peer has sent.
func (r *relay) onAccepted(a *acceptance, from *peer, w *wantedBlock, err error) {
	if err == nil {
		from.brought.block = r.now
		if s, ok := r.config.Chain.State(w.hash); ok {
			r.raiseTip(from, s)
		}
		if r.tip().Hash == w.hash {
			r.note(from, Note{Kind: NotePropagated, Hash: w.hash, Took: r.now.Sub(w.found)})
		}
		return
	}
	var rule block.RuleError
	if !errors.As(err, &rule) || rule.Reason == block.TimeTooNew || rule.Reason == block.PrevNotFound {
		return // not the peer's fault; a sync fetches the block if it matters
	}
	if !ofBody(rule) {
		r.rejected.add(w.hash)
	}
	r.ban(from, fault(FaultInvalid, "block %s: %v", w.hash, err))
	if ofBody(rule) {
		r.want(w.hash, w.found, a.next...)
	}
}

// miss remembers that a peer has announced a block that was not kept.
func (r *relay) miss(p *peer) {
	if !slices.Contains(r.missed, p) {
		r.missed = append(r.missed, p)
	}
}

// greetMissed greets the peers that have announced a block that was not kept.
func (r *relay) greetMissed() {
	missed := r.missed
	r.missed = nil
	for _, p := range missed {
		r.greetSoon(p)
	}
}

func (r *relay) onLost(p *peer, _, _ string) {
	r.missed = slices.DeleteFunc(r.missed, func(other *peer) bool { return other == p })
}
