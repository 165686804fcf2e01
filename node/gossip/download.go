package gossip

import (
	"errors"
	"slices"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

const (
	window        = 16      // batches that are being fetched, or wait for the chain
	batchesOfPeer = 3       // batches that one peer is asked for at a time
	batchAsked    = 3       // peers that are asked for one batch
	acceptBlocks  = 2048    // blocks in one Accept
	acceptBytes   = 4 << 20 // total size of the blocks in one Accept; the last batch may exceed it
)

// download is the blocks of a branch that the chain does not have yet: first the
// batches, then the other hashes, in the order of the branch.
type download struct {
	batches []*batch
	hashes  []pow.Hash
	taken   int       // blocks that the chain has added
	takenAt time.Time // when it added the latest
	lacking []*peer   // peers that do not have the blocks
	senders []*peer   // peers that have sent blocks
}

// batch is a run of blocks that are asked for together.
type batch struct {
	hashes []pow.Hash
	asked  []*peer   // peers whose answer is due
	again  time.Time // when another peer may be asked, should the others wait for this batch
	from   *peer     // the peer that has sent the blocks; nil: they are still to come
	blocks []block.Block
}

// done reports whether the blocks are there.
func (b *batch) done() bool { return b.from != nil }

// idle reports whether the batch waits for a peer that can be asked.
func (b *batch) idle() bool { return !b.done() && len(b.asked) == 0 }

func (d *download) add(hashes []pow.Hash) { d.hashes = append(d.hashes, hashes...) }

// left returns how many blocks the chain has not added yet.
func (d *download) left() int {
	n := len(d.hashes)
	for _, b := range d.batches {
		n += len(b.hashes)
	}
	return n
}

// assign requests batches from peers until the window is full. The sync ends if no
// peer can be asked and nothing else is under way.
func (y *syncer) assign(s *syncing) {
	for {
		i := slices.IndexFunc(s.batches, (*batch).idle)
		if i < 0 && (len(s.batches) >= window || len(s.hashes) == 0) {
			break
		}
		p := y.leastLoaded(s, nil)
		if p == nil {
			if !slices.ContainsFunc(s.batches, func(b *batch) bool { return !b.idle() }) && s.request == nil {
				y.end("nobody")
				y.charge(s.source, "blocks", "no peer has the blocks of its headers")
				return
			}
			break
		}
		if i < 0 {
			n := min(len(s.hashes), MaxBlocks)
			i = len(s.batches)
			s.batches = append(s.batches, &batch{hashes: s.hashes[:n:n]})
			s.hashes = s.hashes[n:]
		}
		y.fetchBatch(s, s.batches[i], p)
	}
	y.setHurry(s)
}

// setHurry sets the timer for the batch that the others wait for.
func (y *syncer) setHurry(s *syncing) {
	if b := s.first(); b != nil {
		y.timers.set(&y.hurry, b.again)
	} else {
		y.timers.stop(&y.hurry)
	}
}

// hurryBatch asks one more peer for the batch that the others wait for.
func (y *syncer) hurryBatch() {
	s := y.current
	if s == nil {
		return
	}
	if b := s.first(); b != nil {
		if p := y.leastLoaded(s, b.asked); p != nil {
			y.fetchBatch(s, b, p)
		} else {
			b.again = y.now.Add(y.config.HurryBatch)
		}
	}
	y.setHurry(s)
}

// first returns the batch that the others wait for, or nil if no further peer may
// be asked for it.
func (d *download) first() *batch {
	i := slices.IndexFunc(d.batches, func(b *batch) bool { return !b.done() })
	if i < 0 || len(d.batches[i].asked) == 0 || len(d.batches[i].asked) >= batchAsked {
		return nil
	}
	return d.batches[i]
}

// leastLoaded returns the peer to ask for a batch: of those that claim more work
// than this node has, one of this node's choice, then one that stalls less often,
// then the one that is being asked for the fewest batches. A peer that came to this
// node is asked for a second batch at the same time only when it has sent blocks of
// this sync, so that peers that send nothing hold up little.
func (y *syncer) leastLoaded(s *syncing, without []*peer) *peer {
	var best *peer
	least := 0
	for _, p := range y.peers.all {
		if !p.phase.proven() || !y.isAhead(p) || slices.Contains(s.lacking, p) || slices.Contains(without, p) {
			continue
		}
		load := 0
		for _, b := range s.batches {
			if slices.Contains(b.asked, p) {
				load++
			}
		}
		most := batchesOfPeer
		if !p.out && !slices.Contains(s.senders, p) {
			most = 1
		}
		if load < most && (best == nil || preferred(p, load, best, least)) {
			best, least = p, load
		}
	}
	return best
}

// preferred reports whether p, which is being asked for a number of batches, is a
// better peer to ask for one more than the other.
func preferred(p *peer, load int, other *peer, otherLoad int) bool {
	if p.out != other.out {
		return p.out
	}
	if p.sync.stalls != other.sync.stalls {
		return p.sync.stalls < other.sync.stalls
	}
	return load < otherLoad
}

// fetchBatch asks a peer for a batch.
func (y *syncer) fetchBatch(s *syncing, b *batch, p *peer) {
	if !y.stall.isSet() {
		y.setStall(s)
	}
	b.asked = append(b.asked, p)
	b.again = y.now.Add(y.config.HurryBatch)
	y.ask(p, GetBlocks{b.hashes}, y.config.BlocksTimeout, func(a Answer, err error) {
		b.asked = slices.DeleteFunc(b.asked, func(other *peer) bool { return other == p })
		if y.current != s || b.done() {
			if err != nil {
				s.lack(p)
				y.fail(p, err)
			}
			y.goOn(s)
			return
		}
		blocks, err := as[Blocks](a, err)
		if err == nil {
			err = y.onBatch(s, b, p, blocks.Blocks)
		}
		if err != nil {
			s.lack(p)
			var f Fault
			if !errors.As(err, &f) && p.phase != closed {
				y.note(p, Note{Kind: NoteSyncStalled, Reason: "blocks", Detail: err.Error()})
			}
			y.fail(p, err)
		}
		y.goOn(s)
	})
}

// lack records that a peer does not have the blocks.
func (d *download) lack(p *peer) {
	if !slices.Contains(d.lacking, p) {
		d.lacking = append(d.lacking, p)
	}
}

// onBatch handles the blocks that a peer has sent. If they are fewer than those
// asked for, the others become a batch that is fetched next. The error is a fault
// of the peer.
func (y *syncer) onBatch(s *syncing, b *batch, p *peer, blocks []block.Block) error {
	if len(blocks) > len(b.hashes) {
		return fault(FaultUnrequested, "asked for %d blocks, got %d", len(b.hashes), len(blocks))
	}
	for i, received := range blocks {
		if got := received.Hash(); got != b.hashes[i] {
			return fault(FaultUnrequested, "asked for block %s, got %s", b.hashes[i], got)
		}
	}
	if len(blocks) == 0 {
		s.lack(p)
		return nil
	}
	p.fails = 0
	if !slices.Contains(s.senders, p) {
		s.senders = append(s.senders, p)
	}
	b.blocks, b.from = blocks, p
	if n := len(blocks); n < len(b.hashes) {
		rest := &batch{hashes: b.hashes[n:]}
		b.hashes = b.hashes[:n:n]
		s.batches = slices.Insert(s.batches, slices.Index(s.batches, b)+1, rest)
	}
	return nil
}

// ready returns the next blocks for the chain, or nil if they are not there yet.
func (y *syncer) ready() *acceptance {
	s := y.current
	if s == nil {
		return nil
	}
	a := &acceptance{}
	size := 0
	for _, b := range s.batches {
		if !b.done() || len(a.blocks) > 0 && (len(a.blocks)+len(b.blocks) > acceptBlocks || size > acceptBytes) {
			break
		}
		a.blocks = append(a.blocks, b.blocks...)
		a.hashes = append(a.hashes, b.hashes...)
		for _, next := range b.blocks {
			size += next.Size()
		}
	}
	if len(a.blocks) == 0 {
		return nil
	}
	a.done = func(ev Accepted) {
		if y.current == s {
			y.onAccepted(s, a, ev)
		}
	}
	return a
}

// onAccepted handles the chain's answer to blocks of the sync under way.
func (y *syncer) onAccepted(s *syncing, a *acceptance, ev Accepted) {
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
	if ev.Taken > 0 {
		s.takenAt = y.now
		if s.left() > 0 {
			y.setStall(s)
		} else {
			y.timers.stop(&y.stall) // only headers are to come, if anything
		}
	}
	y.do(Note{Kind: NoteSynced, Count: ev.Taken})
	if ev.Err != nil {
		y.onRefused(s, a.blocks[min(ev.Taken, len(a.blocks)-1)], ev.Err)
		return
	}
	y.goOn(s)
}

// onRefused ends a sync because the chain has refused a block. The peer that sent
// the block is to blame for a body that does not belong to the header; for any
// other breach of the rules it is the peer that has the header on its best branch.
func (y *syncer) onRefused(s *syncing, bad block.Block, err error) {
	sender, source := s.batches[0].from, s.source
	y.notBefore = y.now.Add(y.config.SyncRetry)
	var rule block.RuleError
	switch {
	case !errors.As(err, &rule):
		y.end("store")
	case rule.Reason == block.TimeTooNew:
		// Nobody is to blame: one of the two clocks is wrong. The next sync is with
		// another peer, which may have blocks that can be added.
		y.notBefore = y.now
		source.sync.notBefore = y.now.Add(y.config.SyncRetry)
		y.end(string(rule.Reason))
	case ofBody(rule):
		y.notBefore = y.now
		y.end("body")
		y.ban(sender, fault(FaultInvalid, "block %s: %v", bad.Hash(), err))
	default:
		y.relay.rejected.add(bad.Hash())
		y.notBefore = y.now
		y.end("invalid")
		y.ban(source, fault(FaultInvalid, "block %s: %v", bad.Hash(), err))
	}
}
