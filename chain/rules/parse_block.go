package rules

import (
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// ParseBlock reads a block of the network. It looks at the proof of work and
// at the number of transactions before it verifies any signature, so that a
// block that cost nothing costs little to refuse.
func (p Params) ParseBlock(data []byte) (block.Block, error) {
	genesis, _ := p.Genesis()
	return block.ParseJSON(data, func(h pow.Header, txs int) error {
		if h != genesis { // which has rules of its own
			if err := p.CheckHeader(h); err != nil {
				return err
			}
		}
		if most := p.config.Limits.BlockTxs; txs > most {
			return block.Reject(block.BadLength, "%d transactions, at most %d are allowed", txs, most)
		}
		return nil
	})
}
