package rules

import (
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// ParseBlock reads the JSON form of a block of the network. It checks the proof of
// work and the number of transactions before it parses any transaction and verifies
// its signature, so that a block that cost no work to make costs little to refuse.
func (p Params) ParseBlock(data []byte) (block.Block, error) {
	genesis, _ := p.Genesis()
	return block.ParseJSON(data, func(h pow.Header, txs int) error {
		if h != genesis { // no rule applies to genesis
			if err := p.CheckHeader(h); err != nil {
				return err
			}
		}
		return p.checkCount(txs)
	})
}
