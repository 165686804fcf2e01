package gossip

import (
	"slices"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// maxAccepts bounds the announced blocks that wait for the chain.
const maxAccepts = 16

// acceptance is a run of blocks that waits for the chain or has been handed to it.
type acceptance struct {
	blocks []block.Block
	hashes []pow.Hash // of the blocks
	id     ID         // of the Accept; zero while the blocks wait
	next   []*peer    // further peers that have announced the block, if it is an announced one
	done   func(Accepted)
}

// intake hands blocks to the chain, one Accept at a time: announced blocks first,
// then those of a sync.
type intake struct {
	*host
	queue   []*acceptance // announced blocks
	current *acceptance   // with the chain; nil: none

	// ready returns the next blocks of the sync under way, or nil.
	ready func() *acceptance
}

func (in *intake) full() bool { return len(in.queue) >= maxAccepts }

// find returns the acceptance that has a block, or nil.
func (in *intake) find(hash pow.Hash) *acceptance {
	if in.current != nil && slices.Contains(in.current.hashes, hash) {
		return in.current
	}
	for _, a := range in.queue {
		if slices.Contains(a.hashes, hash) {
			return a
		}
	}
	return nil
}

// add queues an announced block.
func (in *intake) add(a *acceptance) {
	in.queue = append(in.queue, a)
	in.handOver()
}

// handOver hands the next blocks to the chain, unless it has some already.
func (in *intake) handOver() {
	if in.current != nil {
		return
	}
	if len(in.queue) > 0 {
		in.current, in.queue = in.queue[0], in.queue[1:]
	} else if in.current = in.ready(); in.current == nil {
		return
	}
	in.current.id = in.newID()
	in.do(Accept{ID: in.current.id, Blocks: in.current.blocks})
}

func (in *intake) onAccepted(ev Accepted) {
	a := in.current
	if a == nil || a.id != ev.ID {
		return
	}
	in.current = nil
	a.done(ev)
	in.handOver()
}
