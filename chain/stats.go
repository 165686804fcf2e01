package chain

import (
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// Stats is a snapshot of a chain and its mempool. All fields but Held belong to
// the same moment.
type Stats struct {
	Tip      rules.State
	NextBits pow.Bits // of the block after the tip
	Stale    int      // blocks stored beside the active branch

	// Settled is a block of the active branch on which nodes that follow the same
	// chain agree, with few exceptions, because it is at least 6 blocks below the
	// tip; or genesis. Only heights that are multiples of 10 are used, so that
	// nodes which are asked at slightly different moments mostly name the same
	// block.
	SettledHeight int64
	SettledHash   pow.Hash

	// The pending transactions, and the bounds at which the mempool is full.
	PoolTxs, PoolBytes       int
	MaxPoolTxs, MaxPoolBytes int

	Held int // blocks held until their parent or their time comes
}

// See [Stats].
const (
	settledDepth = 6
	settledStep  = 10
)

// Stats returns a snapshot. It never waits for the disk.
func (c *Chain) Stats() Stats {
	c.mu.RLock()
	defer c.mu.RUnlock()
	settled := max(0, c.tip.Height-settledDepth) / settledStep * settledStep
	return Stats{
		Tip:           c.tip,
		NextBits:      c.tip.NextBits(c.params),
		Stale:         int(c.tree.count) - len(c.tree.active),
		SettledHeight: settled,
		SettledHash:   c.tree.at(c.tree.active[settled]).hash,
		PoolTxs:       c.pool.durableTxs,
		PoolBytes:     c.pool.durableBytes,
		MaxPoolTxs:    c.pool.maxTxs,
		MaxPoolBytes:  c.pool.maxBytes,
		Held:          int(c.held.count.Load()),
	}
}
