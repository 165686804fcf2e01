package web

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// summary is what the pages remember of a block, so that lists of blocks and searches
// for posts need not read it again.
type summary struct {
	txs   int    // without the coinbase
	bytes int    // as the network's limit counts them
	tag   string // in the coinbase: names the miner; any bytes, at most block.MaxTag
}

// summaries remembers the summaries of a bounded number of blocks. A block never
// changes, so a summary is never wrong. The oldest makes room for a new one.
type summaries struct {
	mu     sync.Mutex
	blocks map[pow.Hash]summary
	order  []pow.Hash // a ring of the keys, in order of arrival
	next   int        // the place in the ring of the next key
}

func newSummaries(most int) *summaries {
	return &summaries{blocks: map[pow.Hash]summary{}, order: make([]pow.Hash, 0, most)}
}

func (s *summaries) get(hash pow.Hash) (summary, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.blocks[hash]
	return found, ok
}

func (s *summaries) put(hash pow.Hash, of summary) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.blocks[hash]; ok {
		return
	}
	if len(s.order) < cap(s.order) {
		s.order = append(s.order, hash)
	} else {
		delete(s.blocks, s.order[s.next])
		s.order[s.next] = hash
		s.next = (s.next + 1) % len(s.order)
	}
	s.blocks[hash] = of
}

// summarize returns the summary of a block. If it is not remembered, summarize reads
// the block, but does not parse its transactions.
func (w *Web) summarize(hash pow.Hash) (summary, error) {
	if s, ok := w.summaries.get(hash); ok {
		return s, nil
	}
	raw, err := w.chain.RawBlock(hash)
	if err != nil {
		return summary{}, err
	}
	s, err := summaryOf(raw)
	if err != nil {
		return summary{}, fmt.Errorf("block %s: %w", hash, err)
	}
	w.summaries.put(hash, s)
	return s, nil
}

// summaryOf reads the binary form of a block, which [block.Block.AppendBinary] documents,
// up to the first transaction.
func summaryOf(raw []byte) (summary, error) {
	errCut := errors.New("the stored block ends too early")
	size := len(raw)
	if len(raw) < pow.HeaderSize {
		return summary{}, errCut
	}
	raw = raw[pow.HeaderSize:]
	length, n := binary.Uvarint(raw)
	if n <= 0 || length > uint64(len(raw)-n) {
		return summary{}, errCut
	}
	size -= n
	coinbase, err := block.ParseCoinbase(raw[n : n+int(length)])
	if err != nil {
		return summary{}, err
	}
	raw = raw[n+int(length):]
	count, n := binary.Uvarint(raw)
	if n <= 0 || count > uint64(len(raw)) {
		return summary{}, errCut
	}
	size -= n
	raw = raw[n:]
	for range count { // the lengths of the transactions do not count
		length, n := binary.Uvarint(raw)
		if n <= 0 || length > uint64(len(raw)-n) {
			return summary{}, errCut
		}
		size -= n
		raw = raw[n+int(length):]
	}
	return summary{txs: int(count), bytes: size, tag: coinbase.Tag}, nil
}
