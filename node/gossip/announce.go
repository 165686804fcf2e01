package gossip

import (
	"errors"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/pow"
)

const (
	maxBlockNews  = 16   // blocks to be announced to a peer; the oldest make room
	maxTxNews     = 8192 // transactions; beyond, comparing mempools has to do
	announceRetry = time.Second
	maxAge        = time.Hour // of a block, as announced
	maxFound      = 256       // blocks whose age is known
)

// relay is what is known of the blocks and transactions on their way.
type relay struct {
	blocks   []*wantedBlock // being fetched, in the order in which they came
	rejected idSet          // blocks that broke a rule
	recent   idSet          // transactions that need not be fetched

	foundAt map[pow.Hash]time.Time
	found   []pow.Hash // the keys, the oldest first
}

func newRelay() relay { return relay{foundAt: map[pow.Hash]time.Time{}} }

// setFound takes down when a block was found, as far as that is known.
func (r *relay) setFound(hash pow.Hash, at time.Time) {
	if _, ok := r.foundAt[hash]; ok {
		return
	}
	if len(r.found) >= maxFound {
		delete(r.foundAt, r.found[0])
		r.found = r.found[1:]
	}
	r.foundAt[hash] = at
	r.found = append(r.found, hash)
}

// onChanged passes on what is new here, whoever it came from.
func (g *Gossip) onChanged(ev chain.Event) {
	switch ev.Kind {
	case chain.EventTip, chain.EventReorg:
		g.relay.setFound(ev.Tip.Hash, g.now)
		if g.sync == nil || !g.sync.behind() {
			g.announceTip()
		}
		for _, id := range ev.Returned {
			g.announceTx(id)
		}
	case chain.EventTx:
		id := ev.Tx.ID()
		g.relay.recent.add(id)
		g.announceTx(id)
	}
}

func (g *Gossip) announceTip() {
	tip := g.chain.Tip()
	at, ok := g.relay.foundAt[tip.Hash]
	if !ok {
		at = g.now
	}
	for _, p := range g.peers {
		if p.up && p.known.add(tip.Hash) {
			if len(p.blocks) >= maxBlockNews {
				p.blocks = p.blocks[1:]
			}
			p.blocks = append(p.blocks, Announced{Hash: tip.Hash, Age: g.now.Sub(at)})
			g.announce(p)
		}
	}
}

func (g *Gossip) announceTx(id pow.Hash) {
	for _, p := range g.peers {
		if p.up && len(p.txs) < maxTxNews && p.known.add(id) {
			p.txs = append(p.txs, id)
			g.announce(p)
		}
	}
}

func (p *peer) hasNews() bool { return len(p.blocks)+len(p.txs) > 0 }

// announce sends a peer what is new, unless an announcement is under way. It
// then takes along what has gathered meanwhile.
func (g *Gossip) announce(p *peer) {
	if !p.up || p.announcing || !p.hasNews() || p.theirs == (Session{}) || g.now.Before(p.nextAnnounce) {
		return
	}
	a := Announce{Blocks: p.blocks}
	n := min(len(p.txs), MaxAnnounced-len(a.Blocks))
	a.Txs = p.txs[:n:n]
	p.blocks, p.txs = nil, p.txs[n:]
	p.announcing = true
	g.ask(p, a, announceTimeout, func(answer Answer, err error) {
		p.announcing = false
		_, err = as[Done](answer, err)
		if p.gone {
			return
		}
		if err != nil {
			p.blocks = append(a.Blocks, p.blocks...)
			p.blocks = p.blocks[max(0, len(p.blocks)-maxBlockNews):]
			p.txs = append(a.Txs, p.txs...)
			if len(p.txs) > maxTxNews {
				p.txs = p.txs[:maxTxNews]
			}
			p.nextAnnounce = g.now.Add(announceRetry)
			g.failed(p, err)
			return
		}
		p.fails = 0
		g.noteNews(NoteAnnounced, p, len(a.Blocks), len(a.Txs))
		g.announce(p)
	})
}

func (g *Gossip) noteNews(kind NoteKind, p *peer, blocks, txs int) {
	if blocks > 0 {
		g.note(Note{Kind: kind, Peer: p.address, Out: p.out, Reason: "block", Count: blocks})
	}
	if txs > 0 {
		g.note(Note{Kind: kind, Peer: p.address, Out: p.out, Reason: "tx", Count: txs})
	}
}

// onAnnounce hears what a peer has.
func (g *Gossip) onAnnounce(ev Incoming, a Announce) (Answer, *Refusal) {
	p := g.bySession[ev.Session]
	if p == nil || !p.up {
		return nil, refuse(UnknownSession, "say hello first")
	}
	var r Refusal
	if errors.As(CheckRequest(a), &r) {
		return nil, &r
	}
	p.seen = g.now
	g.noteNews(NoteHeard, p, len(a.Blocks), len(a.Txs))
	for _, b := range a.Blocks {
		g.heardBlock(p, b)
	}
	for _, id := range a.Txs {
		g.heardTx(p, id)
	}
	return Done{}, nil
}
