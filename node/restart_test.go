package node

import (
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/chain/store"
	"github.com/lodepow/lode/pow"
)

// TestRestart opens a node on a long chain: LODE_BLOCKS blocks, or 200,000. The goal
// for a million blocks is at most 200 bytes of memory a block, which the test
// checks, and at most 5 s, which it only prints.
func TestRestart(t *testing.T) {
	blocks, err := strconv.Atoi(os.Getenv("LODE_BLOCKS"))
	if err != nil {
		blocks = 200_000
	}
	p := rulestest.MustNew(rules.Config{Name: "long", Difficulty: rules.Difficulty{Bits: 0x207fffff}})
	data := t.TempDir()
	tip := generate(t, p, data, blocks)

	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	n, err := Open(t.Context(), Config{Params: p, Data: data, Listen: "127.0.0.1:0", Workers: 1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if got := n.Chain().Tip(); got.Hash != tip || got.Height != int64(blocks) {
		t.Errorf("tip %s at height %d, want %s at %d", got.Hash, got.Height, tip, blocks)
	}
	perBlock := (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / float64(blocks)
	t.Logf("%d blocks: opened in %v, %.0f bytes a block", blocks, took, perBlock)
	if perBlock > 200 {
		t.Errorf("%.0f bytes a block in memory, want at most 200", perBlock)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

// generate fills a store with a chain of blocks without transactions and returns
// the hash of its tip.
func generate(t *testing.T, p rules.Params, data string, blocks int) pow.Hash {
	t.Helper()
	s, err := store.Open(data, store.Options{NetworkID: p.ID(), NetworkName: p.Name()})
	if err != nil {
		t.Fatal(err)
	}
	header, coinbase := p.Genesis()
	target, err := p.Difficulty().Bits.Target()
	if err != nil {
		t.Fatal(err)
	}
	change := chain.Change{Blocks: []block.Block{{Header: header, Coinbase: coinbase}}, Connect: []pow.Hash{header.Hash()}}
	for height := 1; height <= blocks; height++ {
		coinbase := block.Coinbase{Height: int64(height)}
		header = pow.Header{
			Version: 0x20000000, Prev: header.Hash(), MerkleRoot: coinbase.ID(),
			Time: header.Time + 1, Bits: p.Difficulty().Bits,
		}
		for !header.Hash().Meets(target) {
			header.Nonce++
		}
		change.Blocks = append(change.Blocks, block.Block{Header: header, Coinbase: coinbase})
		change.Connect = append(change.Connect, header.Hash())
		if len(change.Blocks) == 10_000 || height == blocks {
			if err := s.Commit(change); err != nil {
				t.Fatal(err)
			}
			change = chain.Change{}
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return header.Hash()
}
