package web

import (
	"context"
	"sync"

	"github.com/lodepow/lode/pow"
)

// summary is what the pages remember of a block, so that lists of blocks need not read it
// again.
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

// summarize returns the summary of a block, which it reads if it is not remembered.
func (w *Web) summarize(ctx context.Context, hash pow.Hash) (summary, error) {
	if s, ok := w.summaries.get(hash); ok {
		return s, nil
	}
	records, err := w.records(ctx, hash)
	if err != nil {
		return summary{}, err
	}
	s := summary{txs: records.Len(), bytes: records.Size(), tag: records.Coinbase.Tag}
	w.summaries.put(hash, s)
	return s, nil
}
