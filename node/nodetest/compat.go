package nodetest

import (
	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/pow"
)

type full struct{ *chain.Chain }

func (c full) State(hash pow.Hash) (chain.State, bool)  { return chain.State{}, false }
func (c full) HasPending(id pow.Hash) bool              { return false }
func (c full) PendingIDs(from, limit int) []pow.Hash    { return nil }
func (c full) FindPending(id pow.Hash) (chain.Tx, bool) { return chain.Tx{}, false }
func (c full) AcceptAll(blocks []chain.Block) (int, error) {
	for i, b := range blocks {
		if _, err := c.Accept(b); err != nil {
			return i, err
		}
	}
	return len(blocks), nil
}
