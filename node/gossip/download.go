package gossip

import (
	"errors"
	"slices"
	"time"

	"github.com/lodepow/lode/chain/block"

	"github.com/lodepow/lode/pow"
)

const (
	window        = 16 // batches under way or waiting for the chain
	batchesOfPeer = 3  // under way to one peer
	acceptBlocks  = 2048
	acceptBytes   = 4 << 20

	// hurryBatch is how long a peer may take for the batch that all others wait
	// for before another peer is asked for it too, one of batchAsked.
	hurryBatch = 4 * time.Second
	batchAsked = 3
)

// download is the blocks of a branch: hashes in order, and the first of them in
// batches that are being fetched.
type download struct {
	hashes  []pow.Hash // not in a batch yet
	batches []*batch   // in order
	taken   int        // by the chain
	lacking []*peer    // that do not have them
}

// batch is blocks asked for at once.
type batch struct {
	hashes []pow.Hash
	asked  []*peer       // the answers of these have not come
	again  time.Time     // when to ask another one, if the others wait for this one
	from   *peer         // who has answered
	blocks []block.Block // the answer
	done   bool
}

// idle reports whether somebody is to be asked for the batch.
func (b *batch) idle() bool { return !b.done && len(b.asked) == 0 }

func (d *download) add(hashes []pow.Hash) { d.hashes = append(d.hashes, hashes...) }

// left returns how many blocks the chain has not taken.
func (d *download) left() int {
	n := len(d.hashes)
	for _, b := range d.batches {
		n += len(b.hashes)
	}
	return n
}

// assign has batches fetched, as many at once as the window holds.
func (g *Gossip) assign(s *syncing) {
	for {
		i := slices.IndexFunc(s.batches, (*batch).idle)
		if i < 0 && (len(s.batches) >= window || len(s.hashes) == 0) {
			return
		}
		p := g.leastLoaded(s, nil)
		if p == nil {
			break
		}
		if i < 0 {
			n := min(len(s.hashes), MaxBlocks)
			i = len(s.batches)
			s.batches = append(s.batches, &batch{hashes: s.hashes[:n:n]})
			s.hashes = s.hashes[n:]
		}
		g.fetchBatch(s, s.batches[i], p)
	}
	if !slices.ContainsFunc(s.batches, func(b *batch) bool { return !b.idle() }) && !s.asking {
		// Headers without blocks, so far.
		s.source.stalls++
		s.source.syncAfter = g.now.Add(syncRetry)
		g.endSync("nobody")
	}
}

// hurryBatches asks one more peer for the batch that the others wait for, if it
// does not come.
func (g *Gossip) hurryBatches() {
	if g.sync == nil {
		return
	}
	b := g.sync.first()
	if b == nil || g.now.Before(b.again) {
		return
	}
	if p := g.leastLoaded(g.sync, b.asked); p != nil {
		g.fetchBatch(g.sync, b, p)
		return
	}
	b.again = g.now.Add(hurryBatch)
}

// first returns the batch that the others wait for, if one more peer may be asked
// for it.
func (d *download) first() *batch {
	i := slices.IndexFunc(d.batches, func(b *batch) bool { return !b.done })
	if i < 0 || len(d.batches[i].asked) == 0 || len(d.batches[i].asked) >= batchAsked {
		return nil
	}
	return d.batches[i]
}

// leastLoaded returns the peer to ask for the next batch: of those that claim
// more work than we have, the one with the fewest batches under way.
func (g *Gossip) leastLoaded(s *syncing, without []*peer) *peer {
	var best *peer
	least := batchesOfPeer
	for _, p := range g.peers {
		if !p.up || !g.ahead(p) || slices.Contains(s.lacking, p) || slices.Contains(without, p) {
			continue
		}
		load := 0
		for _, b := range s.batches {
			if slices.Contains(b.asked, p) {
				load++
			}
		}
		if load < least {
			best, least = p, load
		}
	}
	return best
}

func (g *Gossip) fetchBatch(s *syncing, b *batch, p *peer) {
	b.asked = append(b.asked, p)
	b.again = g.now.Add(hurryBatch)
	g.ask(p, GetBlocks{b.hashes}, blocksTimeout, func(a Answer, err error) {
		b.asked = slices.DeleteFunc(b.asked, func(other *peer) bool { return other == p })
		if g.sync != s || b.done { // or another peer was faster
			if err != nil {
				s.lack(p)
				g.failed(p, err)
			}
			if g.sync == s {
				g.goOn(s)
			}
			return
		}
		blocks, err := as[Blocks](a, err)
		if err == nil {
			err = g.gotBatch(s, b, p, blocks.Blocks)
		}
		if err != nil {
			s.lack(p)
			var f Fault
			if !errors.As(err, &f) && !p.gone {
				g.note(Note{Kind: NoteSyncStalled, Peer: p.address, Out: p.out, Reason: "blocks", Detail: err.Error()})
			}
			g.failed(p, err)
		}
		g.goOn(s)
	})
}

func (d *download) lack(p *peer) {
	if !slices.Contains(d.lacking, p) {
		d.lacking = append(d.lacking, p)
	}
}

// gotBatch takes the blocks of an answer, which may be fewer than were asked
// for; then the rest is a batch of its own. The error is a fault of the peer.
func (g *Gossip) gotBatch(s *syncing, b *batch, p *peer, blocks []block.Block) error {
	if len(blocks) > len(b.hashes) {
		return fault(FaultUnrequested, "asked for %d blocks, got %d", len(b.hashes), len(blocks))
	}
	for i, blk := range blocks {
		if got := blk.Hash(); got != b.hashes[i] {
			return fault(FaultUnrequested, "asked for block %s, got %s", b.hashes[i], got)
		}
	}
	if len(blocks) == 0 {
		s.lack(p)
		return nil
	}
	p.fails = 0
	b.blocks, b.from, b.done = blocks, p, true
	if n := len(blocks); n < len(b.hashes) {
		rest := &batch{hashes: b.hashes[n:]}
		b.hashes = b.hashes[:n:n]
		s.batches = slices.Insert(s.batches, slices.Index(s.batches, b)+1, rest)
	}
	return nil
}

// ready returns the blocks that come next, or nil if they are not there yet.
func (d *download) ready() *acceptance {
	var a acceptance
	size := 0
	for _, b := range d.batches {
		if !b.done || len(a.blocks) > 0 && (len(a.blocks)+len(b.blocks) > acceptBlocks || size > acceptBytes) {
			break
		}
		a.blocks = append(a.blocks, b.blocks...)
		for _, blk := range b.blocks {
			size += blk.Size()
		}
	}
	if len(a.blocks) == 0 {
		return nil
	}
	return &a
}

// acceptedSync is what the chain said of the blocks that ready returned.
func (g *Gossip) acceptedSync(a *acceptance, ev Accepted) {
	s := g.sync
	for n := ev.Taken; n > 0; {
		b := s.batches[0]
		k := min(n, len(b.hashes))
		b.hashes, b.blocks = b.hashes[k:], b.blocks[k:]
		n -= k
		if len(b.hashes) == 0 {
			s.batches = s.batches[1:]
		}
	}
	s.taken += ev.Taken
	g.note(Note{Kind: NoteSynced, Count: ev.Taken})
	if ev.Err != nil {
		g.refusedSync(s, a.blocks[min(ev.Taken, len(a.blocks)-1)], ev.Err)
		return
	}
	g.goOn(s)
}

// refusedSync ends a sync because of a block that the chain did not take. A body
// that does not belong to its header is the fault of who sent it; all else that
// is wrong with a block is also the fault of who gave its header as part of its
// best chain.
func (g *Gossip) refusedSync(s *syncing, bad block.Block, err error) {
	sender, source := s.batches[0].from, s.source
	g.after = g.now.Add(syncRetry)
	var rule block.RuleError
	switch {
	case !errors.As(err, &rule):
		g.endSync("store")
	case rule.Reason == block.TimeTooNew:
		source.stalls++ // no fault, but others may have what can be taken
		g.endSync(string(rule.Reason))
	case ofBody(rule):
		g.after = g.now
		g.endSync("body")
		g.ban(sender, fault(FaultInvalid, "block %s: %v", bad.Hash(), err))
	default:
		g.relay.rejected.add(bad.Hash())
		g.after = g.now
		g.endSync("invalid")
		g.ban(source, fault(FaultInvalid, "block %s: %v", bad.Hash(), err))
	}
}
