package main

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// fakeBranch is a chain of blocks without transactions that begins at genesis. All its
// blocks have proof of work and would pass every check.
type fakeBranch struct {
	blocks []block.Block
	hashes []pow.Hash // of the blocks
	top    rules.State
}

// newBranch creates a branch of n blocks, which differs from every other one from its
// first block on.
func newBranch(p rules.Params, n int) fakeBranch {
	b := fakeBranch{top: p.GenesisState()}
	start := uint32(time.Now().Unix()) - uint32(n) - 60 //nolint:gosec // until 2106
	for i := range n {
		coinbase := block.Coinbase{Height: int64(i) + 1, Extranonce: rand.Uint64(), Tag: "branch"}
		next := block.Block{Coinbase: coinbase, Header: pow.Header{
			Version: 0x20000000, Prev: b.top.Hash, MerkleRoot: coinbase.ID(), Bits: b.top.NextBits(p),
			Time: start + uint32(i), //nolint:gosec // i is small
		}}
		target, err := next.Header.Bits.Target()
		if err != nil {
			panic(err)
		}
		for !next.Header.Hash().Meets(target) {
			next.Header.Nonce++
		}
		b.top = b.top.Apply(next.Header)
		b.blocks, b.hashes = append(b.blocks, next), append(b.hashes, b.top.Hash)
	}
	return b
}

// tip returns what a peer says that has the branch.
func (b fakeBranch) tip() gossip.Tip {
	return gossip.Tip{Hash: b.top.Hash, Height: b.top.Height, Work: b.top.Work}
}

// headers answers requests for headers as an honest node on this branch does.
func (b fakeBranch) headers(w http.ResponseWriter, r *http.Request) {
	var ask gossip.GetHeaders
	_ = json.NewDecoder(r.Body).Decode(&ask)
	from := 0
	for _, hash := range ask.Locator {
		if i := slices.Index(b.hashes, hash); i >= 0 {
			from = i + 1
			break
		}
	}
	var page []byte
	for _, next := range b.blocks[from:min(len(b.blocks), from+gossip.MaxHeaders)] {
		raw := next.Header.Bytes()
		page = append(page, raw[:]...)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	_, _ = w.Write(page)
}

// giveTo makes the branch a node's chain.
func (b fakeBranch) giveTo(t testing.TB, p *process) {
	t.Helper()
	for _, next := range b.blocks {
		text, err := json.Marshal(next)
		if err != nil {
			t.Fatal(err)
		}
		if status, answer, err := p.call(t.Context(), http.MethodPost, "/add_block", string(text)); status != http.StatusCreated {
			t.Fatalf("/add_block: %d %s %v", status, answer, err)
		}
	}
}

// never answers nothing, until the one who asks gives up.
func never(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// slowly returns a handler that answers requests for blocks with one of the blocks
// that were asked for, and keeps all requests to the same handler at least the given
// time apart. So the branch makes progress, but hardly any.
func (b fakeBranch) slowly(pause time.Duration) http.HandlerFunc {
	var mu sync.Mutex
	var last time.Time
	return func(w http.ResponseWriter, r *http.Request) {
		var ask gossip.GetBlocks
		_ = json.NewDecoder(r.Body).Decode(&ask)
		mu.Lock()
		at := last.Add(pause)
		if now := time.Now(); at.Before(now) {
			at = now
		}
		last = at
		mu.Unlock()
		wait(r.Context(), time.Until(at))
		if r.Context().Err() == nil && len(ask.Hashes) > 0 {
			if i := slices.Index(b.hashes, ask.Hashes[0]); i >= 0 {
				_, _ = w.Write(framed(b.blocks[i]))
			}
		}
	}
}
