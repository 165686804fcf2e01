package node

import (
	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/pow"
)

// netChain is a chain as package p2p wants it.
type netChain struct{ *chain.Chain }

func (c netChain) FindPending(id pow.Hash) (chain.Tx, bool) {
	place, err := c.FindTx(id)
	return place.Tx, err == nil && place.Pending
}
