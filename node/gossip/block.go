package gossip

import (
	"errors"
	"slices"
	"time"

	"github.com/lodepow/lode/chain/block"

	"github.com/lodepow/lode/pow"
)

const (
	maxWanted       = 64 // announced blocks being fetched; peers of our choice may go beyond
	maxWantedOfPeer = 8
	maxAnnouncers   = 8  // remembered of a block
	maxAccepts      = 16 // announced blocks that wait for the chain
	maxAsked        = 3  // peers that are asked for one block at a time; those of our choice may go beyond

	// maxBehind is how many blocks ago our branch may have had the work of the
	// branch of an announced block that is kept. Further down a block may cost
	// little, and should its branch ever have the most work, a sync fetches it.
	maxBehind = 16

	// askAnother is how long a peer may take for a block before another one that
	// announced it is asked too. Without that, who announces blocks first and
	// does not send them holds them up for a whole timeout.
	askAnother = 2 * time.Second
)

// wantedBlock is a block that was announced and is being fetched.
type wantedBlock struct {
	hash  pow.Hash
	found time.Time // when it was found, by what we are told
	asked []*peer   // the answers of these have not come
	again time.Time // when to ask another one
	next  []*peer   // that announced it too
}

// acceptance is blocks on their way into the chain.
type acceptance struct {
	id     ID
	blocks []block.Block
	from   *peer    // of an announced block
	next   []*peer  // that announced it too
	sync   *syncing // or the sync that they are of
	found  time.Time
}

// heardBlock hears that a peer has a block.
func (g *Gossip) heardBlock(p *peer, b Announced) {
	p.known.add(b.Hash)
	if s, ok := g.chain.State(b.Hash); ok {
		if s.Work.Cmp(p.tip.Work) > 0 {
			p.tip = Tip{Hash: s.Hash, Height: s.Height, Work: s.Work}
		}
		return
	}
	if g.relay.rejected.has(b.Hash) {
		return
	}
	if i := slices.IndexFunc(g.relay.blocks, func(w *wantedBlock) bool { return w.hash == b.Hash }); i >= 0 {
		if w := g.relay.blocks[i]; !slices.Contains(w.asked, p) {
			w.next = addAnnouncer(w.next, p, maxAnnouncers)
		}
		return
	}
	if a := g.onItsWay(b.Hash); a != nil {
		a.next = addAnnouncer(a.next, p, maxAnnouncers)
		return
	}
	if len(g.relay.blocks) >= maxWanted && !p.out || p.wants >= maxWantedOfPeer {
		p.news = true // its next hello tells more
		return
	}
	g.want(b.Hash, g.now.Add(-min(max(b.Age, 0), maxAge)), p)
}

// addAnnouncer adds a peer to those that have announced something. Peers of our
// choice come first and have room always: the others may be in league and never
// send what they have announced.
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

// want fetches a block from one of the peers.
func (g *Gossip) want(hash pow.Hash, found time.Time, from ...*peer) {
	w := &wantedBlock{hash: hash, found: found, next: from}
	g.relay.blocks = append(g.relay.blocks, w)
	g.fetchBlock(w)
}

// onItsWay returns the acceptance of a block that is here and not in the chain
// yet.
func (g *Gossip) onItsWay(hash pow.Hash) *acceptance {
	if g.accepting != nil && g.accepting.has(hash) {
		return g.accepting
	}
	if i := slices.IndexFunc(g.accepts, func(a *acceptance) bool { return a.has(hash) }); i >= 0 {
		return g.accepts[i]
	}
	return nil
}

// fetchBlock asks the next peer that announced a block. With none left, and none
// asked, the block is not wanted any more.
func (g *Gossip) fetchBlock(w *wantedBlock) {
	var p *peer
	for len(w.next) > 0 && p == nil {
		if !w.next[0].gone {
			p = w.next[0]
		}
		w.next = w.next[1:]
	}
	if p == nil {
		if len(w.asked) == 0 {
			g.unwant(w)
		}
		return
	}
	p.wants++
	w.asked = append(w.asked, p)
	w.again = g.now.Add(askAnother)
	g.ask(p, GetBlocks{[]pow.Hash{w.hash}}, blocksTimeout, func(a Answer, err error) {
		p.wants--
		w.asked = slices.DeleteFunc(w.asked, func(other *peer) bool { return other == p })
		blocks, err := as[Blocks](a, err)
		if err == nil && len(blocks.Blocks) > 1 {
			err = fault(FaultUnrequested, "asked for one block, got more")
		}
		if err == nil && len(blocks.Blocks) == 1 {
			err = g.gotBlock(w, p, blocks.Blocks[0])
		}
		if err != nil {
			g.failed(p, err)
		}
		if (err != nil || len(blocks.Blocks) == 0) && g.wants(w) {
			g.fetchBlock(w)
		}
	})
}

// hurryBlocks asks more peers for the blocks that do not come.
func (g *Gossip) hurryBlocks() {
	for _, w := range slices.Clone(g.relay.blocks) {
		if w.mayHurry() && !g.now.Before(w.again) {
			g.fetchBlock(w)
		}
	}
}

// mayHurry reports whether one more peer may be asked.
func (w *wantedBlock) mayHurry() bool {
	return len(w.next) > 0 && (len(w.asked) < maxAsked || w.next[0].out)
}

func (g *Gossip) wants(w *wantedBlock) bool { return slices.Contains(g.relay.blocks, w) }

func (g *Gossip) unwant(w *wantedBlock) {
	g.relay.blocks = slices.DeleteFunc(g.relay.blocks, func(other *wantedBlock) bool { return other == w })
}

// gotBlock hands a block to the chain, or begins a sync if its parent is
// unknown. The error is a fault of the peer.
func (g *Gossip) gotBlock(w *wantedBlock, p *peer, b block.Block) error {
	if got := b.Hash(); got != w.hash {
		return fault(FaultUnrequested, "asked for block %s, got %s", w.hash, got)
	}
	if err := g.params.CheckHeader(b.Header); err != nil {
		return headerFault(err)
	}
	p.fails = 0
	if !g.wants(w) {
		return nil // another peer was faster
	}
	g.unwant(w)
	_, known := g.chain.State(b.Header.Prev)
	if known = known || g.onItsWay(b.Header.Prev) != nil; !known || len(g.accepts) >= maxAccepts {
		p.news = true
		g.greetSoon(p)
		return nil
	}
	if g.farBehind(b.Header) {
		return nil
	}
	g.relay.setFound(w.hash, w.found)
	g.accepts = append(g.accepts, &acceptance{
		blocks: []block.Block{b}, from: p, next: slices.Concat(w.asked, w.next), found: w.found})
	g.acceptNext()
	return nil
}

// farBehind reports whether a block's branch has no more work than ours had
// maxBehind blocks ago. Of one whose parent is on its way too it says no.
func (g *Gossip) farBehind(h pow.Header) bool {
	parent, ok := g.chain.State(h.Prev)
	if !ok {
		return false
	}
	hash, _ := g.chain.HashAt(max(0, g.chain.Tip().Height-maxBehind))
	past, ok := g.chain.State(hash)
	return ok && parent.Apply(h).Work.Cmp(past.Work) <= 0
}

func (a *acceptance) has(hash pow.Hash) bool {
	return slices.ContainsFunc(a.blocks, func(b block.Block) bool { return b.Hash() == hash })
}

func headerFault(err error) Fault {
	if errors.Is(err, block.HighHash) {
		return fault(FaultWork, "%v", err)
	}
	return fault(FaultInvalid, "%v", err)
}

// acceptNext hands the chain what waits: announced blocks before those of the
// sync.
func (g *Gossip) acceptNext() {
	if g.accepting != nil {
		return
	}
	var next *acceptance
	if len(g.accepts) > 0 {
		next, g.accepts = g.accepts[0], g.accepts[1:]
	} else if g.sync != nil {
		if next = g.sync.ready(); next != nil {
			next.sync = g.sync
		}
	}
	if next == nil {
		return
	}
	next.id = g.newID()
	g.accepting = next
	g.do(Accept{ID: next.id, Blocks: next.blocks})
}

func (g *Gossip) onAccepted(ev Accepted) {
	a := g.accepting
	if a == nil || a.id != ev.ID {
		return
	}
	g.accepting = nil
	if a.from != nil {
		g.acceptedOne(a, ev.Err)
	} else if a.sync == g.sync {
		g.acceptedSync(a, ev)
	}
	g.acceptNext()
}

// acceptedOne is the outcome of a block that was announced.
func (g *Gossip) acceptedOne(a *acceptance, err error) {
	hash := a.blocks[0].Hash()
	if err == nil {
		if s, ok := g.chain.State(hash); ok && s.Work.Cmp(a.from.tip.Work) > 0 {
			a.from.tip = Tip{Hash: s.Hash, Height: s.Height, Work: s.Work}
		}
		if g.chain.Tip().Hash == hash {
			g.note(Note{Kind: NotePropagated, Peer: a.from.address, Out: a.from.out, Hash: hash, Took: g.now.Sub(a.found)})
		}
		return
	}
	var rule block.RuleError
	if !errors.As(err, &rule) || rule.Reason == block.TimeTooNew || rule.Reason == block.PrevNotFound {
		return // not the peer's fault, and its next hello brings the block up again
	}
	if !ofBody(rule) {
		g.relay.rejected.add(hash)
	}
	g.ban(a.from, fault(FaultInvalid, "block %s: %v", hash, err))
	if ofBody(rule) {
		g.want(hash, a.found, a.next...)
	}
}

// ofBody reports whether a block is refused for a body that need not be the one
// that the header commits to. Another peer may have the right one, so that says
// nothing of the hash.
func ofBody(rule block.RuleError) bool {
	switch rule.Reason {
	case block.BadMerkleRoot, block.DuplicateTxs, block.BadLength, block.CoinbaseShape, block.CoinbaseLength, block.CoinbaseMissing:
		return true
	}
	return false
}
