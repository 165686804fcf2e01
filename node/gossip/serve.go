package gossip

import (
	"fmt"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// Source is the part of a [chain.Chain] from which [Serve] answers requests.
type Source interface {
	HeadersAfter(locator []pow.Hash, limit int) []pow.Header
	Block(hash pow.Hash) (block.Block, error)
	FindPending(id pow.Hash) (block.Tx, bool)
	PendingIDs(from, limit int) []pow.Hash
	PendingCount() (txs, bytes int)
}

// Serve answers a request that only reads the chain. That is every such request
// except GetAddresses, which [Gossip.Addresses] answers. The error is a [Refusal]
// if the request asks for more than the protocol allows.
func Serve(s Source, r Request) (Answer, error) {
	if err := CheckRequest(r); err != nil {
		return nil, err
	}
	switch r := r.(type) {
	case GetHeaders:
		return Headers{s.HeadersAfter(r.Locator, MaxHeaders)}, nil
	case GetBlocks:
		return serveBlocks(s, r), nil
	case GetTxs:
		return serveTxs(s, r), nil
	case GetPool:
		total, _ := s.PendingCount()
		return Pool{IDs: s.PendingIDs(r.From, r.Limit), Total: total}, nil
	}
	return nil, fmt.Errorf("gossip: %T is not a request that only reads", r)
}

func serveBlocks(s Source, r GetBlocks) Answer {
	var a Blocks
	size := 0
	for _, hash := range r.Hashes {
		b, err := s.Block(hash)
		if err != nil { // the block is unknown, or damaged, which is no concern of other nodes
			break
		}
		if size += b.Size(); size > BlocksBytes && len(a.Blocks) > 0 {
			break
		}
		a.Blocks = append(a.Blocks, b)
	}
	return a
}

func serveTxs(s Source, r GetTxs) Answer {
	var a Txs
	size := 0
	for _, id := range r.IDs {
		tx, ok := s.FindPending(id)
		if !ok {
			continue
		}
		if size += tx.Size(); size > TxsBytes && len(a.Txs) > 0 {
			break
		}
		a.Txs = append(a.Txs, tx)
	}
	return a
}

// CheckRequest returns a [Refusal] if a request asks for more, or contains more,
// than the protocol allows.
func CheckRequest(r Request) error {
	over := func(what string, n, most int) error {
		if n > most {
			return *refuse(BadRequest, "%d %s, at most %d", n, what, most)
		}
		return nil
	}
	switch r := r.(type) {
	case Announce:
		return over("blocks and transactions", len(r.Blocks)+len(r.Txs), MaxAnnounced)
	case GetHeaders:
		return over("hashes in the locator", len(r.Locator), MaxLocator)
	case GetBlocks:
		return over("blocks", len(r.Hashes), MaxBlocks)
	case GetTxs:
		return over("transactions", len(r.IDs), MaxTxs)
	case GetPool:
		if r.From < 0 || r.Limit < 1 {
			return *refuse(BadRequest, "from %d, limit %d: want from at least 0 and limit at least 1", r.From, r.Limit)
		}
		return over("ids", r.Limit, MaxPoolPage)
	}
	return nil
}
