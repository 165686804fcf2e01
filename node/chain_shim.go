package node

import (
	"fmt"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/pow"
)

// netChain is a chain as package p2p wants it.
type netChain struct{ *chain.Chain }

func (c netChain) State(hash pow.Hash) (chain.State, bool) {
	tip := c.Tip()
	if tip.Hash == hash {
		return tip, true
	}
	s := chain.Genesis(c.Params())
	info, ok := c.Header(hash)
	if !ok || info.Invalid {
		return s, false
	}
	var headers []pow.Header
	for info.Height > 0 {
		headers = append(headers, info.Header)
		info, _ = c.Header(info.Header.Prev)
	}
	for i := len(headers) - 1; i >= 0; i-- {
		s = s.Apply(headers[i])
	}
	return s, true
}

func (c netChain) RawBlock(hash pow.Hash) ([]byte, error) {
	b, err := c.Block(hash)
	if err != nil {
		return nil, err
	}
	return b.AppendBinary(nil)
}

func (c netChain) FindPending(id pow.Hash) (chain.Tx, bool) {
	place, err := c.FindTx(id)
	return place.Tx, err == nil && place.Pending
}

func (c netChain) HasPending(id pow.Hash) bool { _, ok := c.FindPending(id); return ok }

func (c netChain) PendingIDs(from, limit int) (ids []pow.Hash) {
	for _, tx := range c.Pending(from, limit) {
		ids = append(ids, tx.ID())
	}
	return ids
}

func (c netChain) AcceptAll(blocks []chain.Block) (taken int, err error) {
	for _, b := range blocks {
		outcome, err := c.Accept(b)
		if err != nil {
			return taken, err
		}
		if outcome == chain.Held {
			return taken, fmt.Errorf("block %s is held", b.Hash())
		}
		taken++
	}
	return taken, nil
}
