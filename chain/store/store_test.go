package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

func isNotFound(err error) bool { return errors.Is(err, chain.ErrNotFound) }

func TestEmptyStore(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "a", "b"))
	tip, pending, err := s.Load(func(pow.Header) error { return errors.New("a header") })
	if err != nil || tip != (pow.Hash{}) || len(pending) != 0 {
		t.Errorf("tip %s, %d pending, error %v", tip, len(pending), err)
	}
	if _, err := s.Block(pow.Hash{7}); !isNotFound(err) {
		t.Errorf("a block: %v", err)
	}
	if _, err := s.FindTx(pow.Hash{7}); !isNotFound(err) {
		t.Errorf("a transaction: %v", err)
	}
	mustCommit(t, s, chain.Change{})
}

func TestBlocksAndBranches(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	trunk := testBranch(pow.Hash{}, 0, "trunk", 3, 2)
	ours := testBranch(trunk[2].Hash(), 3, "ours", 2, 3)
	// The longer branch shares a transaction with ours.
	theirs := testBranch(trunk[2].Hash(), 3, "theirs", 3, 2)
	theirs[1] = testBlock(theirs[0].Hash(), 4, "theirs", ours[0].Txs[1])
	theirs[2] = testBlock(theirs[1].Hash(), 5, "theirs")

	mustCommit(t, s, chain.Change{Blocks: trunk, Connect: hashes(trunk), AddPending: pendingOf(5, "p5", "p6", "p7")})
	mustCommit(t, s, chain.Change{Blocks: ours, Connect: hashes(ours), RemovePending: []uint64{6, 99}})
	mustCommit(t, s, chain.Change{Blocks: theirs[:2]}) // a side branch so far

	check := func(s *Store, active, stale []block.Block, pending ...uint64) {
		t.Helper()
		var order []pow.Hash
		tip, waiting, err := s.Load(func(h pow.Header) error { order = append(order, h.Hash()); return nil })
		if err != nil {
			t.Fatal(err)
		}
		if want := active[len(active)-1].Hash(); tip != want {
			t.Errorf("tip %s, want %s", tip, want)
		}
		seen := map[pow.Hash]bool{{}: true}
		for i, hash := range order {
			raw, err := s.Block(hash)
			if err != nil {
				t.Fatal(err)
			}
			b, err := block.Parse(raw)
			if err != nil || b.Hash() != hash || !seen[b.Header.Prev] {
				t.Errorf("block %d: %s, parent first %v, error %v", i, b.Hash(), seen[b.Header.Prev], err)
			}
			seen[hash] = true
		}
		at := make(map[pow.Hash]pow.Hash)
		for _, b := range stale {
			for _, tx := range b.Txs {
				at[tx.ID()] = pow.Hash{}
			}
		}
		for _, b := range active {
			for _, tx := range b.Txs {
				at[tx.ID()] = b.Hash()
			}
			if raw, err := s.Block(b.Hash()); err != nil || string(raw) != binaryOf(t, b) {
				t.Errorf("block %s was stored as another one (%v)", b.Hash(), err)
			}
		}
		for id, want := range at {
			got, err := s.FindTx(id)
			if got != want || isNotFound(err) != (want == pow.Hash{}) {
				t.Errorf("transaction %s in %s (%v), want %s", id, got, err, want)
			}
		}
		var seqs []uint64
		for _, p := range waiting {
			seqs = append(seqs, p.Seq)
			if want := testTx(fmt.Sprintf("p%d", p.Seq)); p.Tx != want {
				t.Errorf("pending %d is %s, want %s", p.Seq, p.Tx, want)
			}
		}
		if fmt.Sprint(seqs) != fmt.Sprint(pending) {
			t.Errorf("pending %v, want %v", seqs, pending)
		}
	}
	ourChain, theirChain := slices.Concat(trunk, ours), slices.Concat(trunk, theirs)
	check(s, ourChain, theirs, 5, 7)

	mustCommit(t, s, chain.Change{
		Blocks:        theirs[1:], // the first of them is already stored
		Disconnect:    reversed(hashes(ours)),
		Connect:       hashes(theirs),
		AddPending:    pendingOf(8, "p8"),
		RemovePending: []uint64{7},
	})
	check(s, theirChain, ours, 5, 8)
	mustClose(t, s)
	check(mustOpen(t, dir), theirChain, ours, 5, 8)
}

func TestBytesAreTheCallers(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	b := testBlock(pow.Hash{}, 0, "a", testTx("x"))
	mustCommit(t, s, chain.Change{Blocks: []block.Block{b}})
	raw, err := s.Block(b.Hash())
	if err != nil {
		t.Fatal(err)
	}
	clear(raw)
	if raw, err = s.Block(b.Hash()); err != nil || string(raw) != binaryOf(t, b) {
		t.Errorf("the block has changed (%v)", err)
	}
}

// A change that fails has no effect.
func TestRefusedChanges(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	trunk := testBranch(pow.Hash{}, 0, "trunk", 2, 1)
	side := testBranch(trunk[0].Hash(), 1, "side", 1, 1)
	mustCommit(t, s, chain.Change{Blocks: append(trunk[:2:2], side...), Connect: hashes(trunk), AddPending: pendingOf(1, "p")})
	ids := []pow.Hash{trunk[0].Txs[0].ID(), trunk[1].Txs[0].ID(), side[0].Txs[0].ID()}
	before, err := contents(s, ids)
	if err != nil {
		t.Fatal(err)
	}

	more := testBranch(trunk[1].Hash(), 2, "more", 1, 1)
	for name, tc := range map[string]struct {
		change chain.Change
		want   string
	}{
		"connect an unknown block":     {chain.Change{Blocks: more, Connect: []pow.Hash{more[0].Hash(), {9}}}, "not found"},
		"disconnect an unknown block":  {chain.Change{Disconnect: []pow.Hash{{9}}}, "the tip is " + trunk[1].Hash().String()},
		"disconnect below the tip":     {chain.Change{Disconnect: []pow.Hash{trunk[0].Hash()}}, "the tip is"},
		"connect beside the tip":       {chain.Change{Connect: hashes(side)}, "its parent is " + trunk[0].Hash().String()},
		"a sequence number used twice": {chain.Change{Blocks: more, Connect: hashes(more), AddPending: pendingOf(1, "q")}, "taken"},
		"the zero Tx":                  {chain.Change{AddPending: []chain.Pending{{Seq: 2}}}, "zero Tx"},
		"an impossible coinbase":       {chain.Change{Blocks: []block.Block{{Coinbase: block.Coinbase{Height: -1}}}}, "height -1"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := s.Commit(tc.change); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
			if after, err := contents(s, append(ids, more[0].Txs[0].ID())[:len(ids)]); err != nil || after != before {
				t.Errorf("the failed change left\n%s\nwant\n%s(%v)", after, before, err)
			}
			if _, err := s.Block(more[0].Hash()); !isNotFound(err) {
				t.Errorf("its block is there (%v)", err)
			}
		})
	}
}

func TestOtherNetwork(t *testing.T) {
	dir := t.TempDir()
	mustClose(t, mustOpen(t, dir))
	for _, o := range []Options{
		{NetworkID: pow.Hash{1, 2, 3}, NetworkName: "tutorial"},
		{NetworkID: pow.Hash{9}, NetworkName: "lab"},
		{},
	} {
		_, err := Open(dir, o)
		if err == nil || !strings.Contains(err.Error(), `"lab"`) || !strings.Contains(err.Error(), o.NetworkName) || errors.Is(err, chain.ErrDamaged) {
			t.Errorf("%+v: error %v", o, err)
		}
	}
	mustOpen(t, dir)
}

func TestNewerSchema(t *testing.T) {
	dir := t.TempDir()
	mustClose(t, mustOpen(t, dir))
	db, err := bbolt.Open(filepath.Join(dir, fileName), 0o644, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		// A newer schema may have records of any form.
		k := []byte(keySchema)
		return errors.Join(
			tx.Bucket([]byte(bucketMeta)).Put(k, seal(k, []byte{0, 0, 0, 0, 0, 0, 0, schemaJournal + 1})),
			tx.Bucket([]byte(bucketHeaders)).Put([]byte("new"), []byte("form")))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, testOptions()); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("schema %d, this version reads up to %d", schemaJournal+1, schemaJournal)) || errors.Is(err, chain.ErrDamaged) {
		t.Errorf("error %v", err)
	}
}

func TestClosed(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	b := testBlock(pow.Hash{}, 0, "a")
	mustCommit(t, s, chain.Change{Blocks: []block.Block{b}})
	mustClose(t, s)
	mustClose(t, s)
	_, blockErr := s.Block(b.Hash())
	_, txErr := s.FindTx(pow.Hash{})
	_, _, loadErr := s.Load(func(pow.Header) error { return nil })
	for what, err := range map[string]error{"block": blockErr, "tx": txErr, "load": loadErr, "commit": s.Commit(chain.Change{})} {
		if !errors.Is(err, chain.ErrClosed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A file that an interrupted creation has left behind is not taken for a store, and
// Open removes it.
func TestUnfinishedCreation(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, strings.Replace(newName, "*", "123", 1))
	if err := os.WriteFile(left, []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, dir)
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != fileName {
		t.Errorf("the folder has %v (%v), want %s alone", files, err, fileName)
	}
}

func TestHashesThatBeginAlike(t *testing.T) {
	x := newIndex(0)
	x.add(pow.Hash{1, 2, 3, 4, 5}, 10)
	x.add(pow.Hash{1, 2, 3, 4, 6}, 11)
	x.add(pow.Hash{1, 2, 3, 4, 7}, 12)
	if got := fmt.Sprint(x.candidates(pow.Hash{1, 2, 3, 4, 9})); got != "[10 11 12]" {
		t.Errorf("candidates %s", got)
	}
	// The store tells blocks apart that have the same four bytes in the index.
	s := mustOpen(t, t.TempDir())
	blocks := testBranch(pow.Hash{}, 0, "a", 3, 0)
	mustCommit(t, s, chain.Change{Blocks: blocks})
	short := shorten(blocks[2].Hash())
	s.blocks.more[short] = []uint32{s.blocks.first[short]}
	s.blocks.first[short] = 0
	if raw, err := s.Block(blocks[2].Hash()); err != nil || string(raw) != binaryOf(t, blocks[2]) {
		t.Errorf("error %v", err)
	}
}
