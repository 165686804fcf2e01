package store

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// blocksVar sets how many blocks TestOpenLong makes.
const blocksVar = "LODE_STORE_TEST_BLOCKS"

// generate stores a chain of blocks, every tenth with a transaction. It commits
// thousands at once, as a node does while it syncs.
func generate(t testing.TB, s *Store, blocks int) (tip pow.Hash) {
	t.Helper()
	const step = 5000
	for height := int64(0); height < int64(blocks); {
		var c chain.Change
		for len(c.Blocks) < step && height < int64(blocks) {
			var txs []block.Tx
			if height%10 == 0 {
				txs = append(txs, testTx(fmt.Sprint(height)))
			}
			b := testBlock(tip, height, "generated", txs...)
			tip = b.Hash()
			c.Blocks, c.Connect = append(c.Blocks, b), append(c.Connect, tip)
			height++
		}
		mustCommit(t, s, c)
	}
	return tip
}

// TestOpenLong opens a store with a long chain and loads its headers. The chain has
// a million blocks with LODE_STORE_TEST_BLOCKS=1000000. How long it takes is logged, and
// judged only then, because a machine may be busy with something else.
func TestOpenLong(t *testing.T) {
	blocks := 50_000
	if testing.Short() {
		blocks = 10_000
	}
	if set := os.Getenv(blocksVar); set != "" {
		var err error
		if blocks, err = strconv.Atoi(set); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	s := mustOpen(t, dir)
	began := time.Now()
	tip := generate(t, s, blocks)
	made := time.Since(began)
	mustClose(t, s)
	info, err := os.Stat(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}

	before := heap()
	began = time.Now()
	s = mustOpen(t, dir)
	opened := time.Since(began)
	last, count := pow.Hash{}, 0
	got, _, err := s.Load(func(h pow.Header) error {
		if h.Prev != last {
			return fmt.Errorf("block %d is on %s, want %s", count, h.Prev, last)
		}
		last = h.Hash()
		count++
		return nil
	})
	loaded := time.Since(began)
	if err != nil || got != tip || last != tip || count != blocks {
		t.Errorf("%d headers, the last %s, tip %s, want %s (%v)", count, last, got, tip, err)
	}
	perBlock := float64(heap()-before) / float64(blocks)
	t.Logf("%d blocks, %d MiB: made in %v, opened in %v, headers loaded after %v, %.0f bytes a block in memory",
		blocks, info.Size()>>20, made.Round(time.Millisecond), opened.Round(time.Millisecond), loaded.Round(time.Millisecond), perBlock)
	if perBlock > 60 {
		t.Errorf("%.0f bytes a block in memory, want at most 60", perBlock)
	}
	if most := 5 * time.Second; loaded > most && os.Getenv(blocksVar) != "" {
		t.Errorf("opened after %v, want at most %v", loaded, most)
	}
	runtime.KeepAlive(s)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A deep reorganization is one change, and it moves the transaction index to the new
// branch.
func TestDeepReorg(t *testing.T) {
	const depth = 1088
	s := mustOpen(t, t.TempDir())
	root := testBlock(pow.Hash{}, 0, "root")
	ours := testBranch(root.Hash(), 1, "ours", depth, 20)
	theirs := testBranch(root.Hash(), 1, "theirs", depth+1, 20)
	mustCommit(t, s, chain.Change{Blocks: append([]block.Block{root}, ours...), Connect: append([]pow.Hash{root.Hash()}, hashes(ours)...)})
	for len(theirs) > 0 { // as a node stores a side branch
		n := min(100, len(theirs))
		mustCommit(t, s, chain.Change{Blocks: theirs[:n]})
		theirs = theirs[n:]
	}
	theirs = testBranch(root.Hash(), 1, "theirs", depth+1, 20)
	began := time.Now()
	mustCommit(t, s, chain.Change{Disconnect: reversed(hashes(ours)), Connect: hashes(theirs)})
	t.Logf("%d blocks back and %d forward, 20 transactions each, in %v", depth, depth+1, time.Since(began).Round(time.Millisecond))
	for i := range depth {
		if at, err := s.FindTx(theirs[i].Txs[7].ID()); err != nil || at != theirs[i].Hash() {
			t.Fatalf("block %d: transaction in %s (%v)", i, at, err)
		}
		if _, err := s.FindTx(ours[i].Txs[7].ID()); !isNotFound(err) {
			t.Fatalf("block %d: a transaction of the old branch is still indexed: %v", i, err)
		}
	}
}
