package chain

import (
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
)

func TestOrphansAreTakenWithTheirParent(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	a := rulestest.NewBranch(c.Params())
	for range 6 {
		a.Grow(1)
	}
	for _, i := range []int{5, 2, 4, 3, 5, 1} {
		c.want(Held, a.Blocks[i])
	}
	c.want(Best, a.Blocks[0])
	c.wantTip(a)
	if len(c.held.blocks) != 0 || c.held.bytes != 0 || len(c.held.order) != 0 || len(c.held.byParent) != 0 {
		t.Errorf("the held blocks are not empty: %+v", c.held)
	}
}

func TestOrphansOfARefusedBlock(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	a := rulestest.NewBranch(c.Params())
	bad := a.Make(1)
	bad.Header.Time = rules.GenesisTime // the median time past, and so too old
	bad = rulestest.Solve(bad)
	a.Put(bad)
	c.want(Held, a.Grow(1))
	c.want(Held, a.Grow(1))
	c.want(block.TimeTooOld, bad)
	c.want(block.DuplicateInvalid, a.Blocks[1])
	c.want(block.DuplicateInvalid, a.Blocks[2])
	c.want(block.BadPrev, a.Make(1))
	c.wantTip(rulestest.NewBranch(c.Params()))
}

func TestHeldBlocksAreBounded(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy(), Orphans: 3})
	a := rulestest.NewBranch(c.Params())
	for range 6 {
		a.Grow(1)
	}
	for _, b := range a.Blocks[1:] {
		c.want(Held, b)
	}
	if len(c.held.blocks) != 3 {
		t.Errorf("%d blocks held, want 3", len(c.held.blocks))
	}
	c.want(Best, a.Blocks[0]) // the two oldest held blocks have made room for others
	if c.Len() != 2 {
		t.Errorf("%d blocks, want 2", c.Len())
	}
	c.want(Best, a.Blocks[1])
	c.want(Best, a.Blocks[2])
	c.wantTip(a)

	size := len(encode(t, a.Blocks[0]))
	c = openTest(t, Config{Params: rulestest.Easy(), OrphanBytes: size})
	c.want(Held, a.Blocks[1])
	c.want(Held, a.Blocks[2])
	if len(c.held.blocks) != 1 || c.held.bytes != size {
		t.Errorf("%d blocks of %d bytes held, want 1", len(c.held.blocks), c.held.bytes)
	}
	c = openTest(t, Config{Params: rulestest.Easy(), OrphanBytes: size - 1})
	c.want(block.PrevNotFound, a.Blocks[1])
}

func TestBlocksFromTheFuture(t *testing.T) {
	now := rulestest.Time
	c := openTest(t, Config{Params: rulestest.Easy(), Now: func() time.Time { return now }})
	a := rulestest.NewBranch(c.Params())
	early := uint32(now.Unix()) + 7200 - rules.GenesisTime
	a.Grow(early + 10)
	a.Grow(1)
	a.Grow(100)
	for _, b := range a.Blocks {
		c.want(Held, b)
		c.want(Held, b)
	}
	c.RetryHeld()
	now = now.Add(9 * time.Second)
	c.RetryHeld()
	if c.Len() != 1 {
		t.Fatalf("the chain has %d blocks before the time of the first held one has come", c.Len())
	}
	now = now.Add(time.Second)
	c.RetryHeld()
	if c.Len() != 2 {
		t.Fatalf("%d blocks, want 2: the next is a second later", c.Len())
	}
	now = now.Add(200 * time.Second)
	c.want(Best, a.Grow(1)) // taking any block also tries the held ones again
	c.wantTip(a)
}

// A wrong body says nothing about the hash of its header, so nothing may be
// remembered. The block with the right body is good, and a wrong one is refused in the
// same way when the chain has the right one already, wherever that is.
func TestMutatedBodiesAreForgotten(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	one, two := rulestest.MakeTx(t, "one"), rulestest.MakeTx(t, "two")
	refuse := func(good block.Block) {
		t.Helper()
		for range 2 {
			repeated, other, fewer, long, high, script := good, good, good, good, good, good
			repeated.Txs = []block.Tx{one, two, two}
			c.want(block.DuplicateTxs, repeated)
			other.Txs = []block.Tx{two, one}
			c.want(block.BadMerkleRoot, other)
			fewer.Txs = nil
			c.want(block.BadMerkleRoot, fewer)
			long.Txs = make([]block.Tx, 1<<13)
			c.want(block.BadLength, long)
			high.Coinbase.Height = -1
			c.want(block.CoinbaseHeight, high)
			script.Coinbase.Extranonce++
			c.want(block.BadMerkleRoot, script)
		}
	}
	a := rulestest.NewBranch(c.Params())
	side := a.Fork("side").Grow(1, one, two)
	good := a.Grow(1, one, two)
	refuse(good)
	c.want(Best, good)
	refuse(good)
	c.want(Known, good)
	refuse(side)
	c.want(Side, side)
	refuse(side)
	c.wantTip(a)
}

// A copy with another body of a block that is held is refused, and the held block is
// placed as if the copy had not come.
func TestMutatedBodiesOfHeldBlocks(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	a := rulestest.NewBranch(c.Params())
	first, orphan := a.Grow(1), a.Grow(1, rulestest.MakeTx(t, "one"))
	c.want(Held, orphan)
	copied := orphan
	copied.Txs = []block.Tx{rulestest.MakeTx(t, "two")}
	c.want(block.BadMerkleRoot, copied)
	c.want(Best, first)
	c.wantTip(a)
	c.want(block.BadMerkleRoot, copied)
	c.want(Known, orphan)
}

// Genesis is known, but not with another body.
func TestMutatedGenesis(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	header, coinbase := c.Params().Genesis()
	genesis := block.Block{Header: header, Coinbase: coinbase}
	c.want(Known, genesis)
	genesis.Txs = []block.Tx{rulestest.MakeTx(t, "one")}
	c.want(block.BadMerkleRoot, genesis)
}

func TestRefusedBlocksAreRemembered(t *testing.T) {
	p := rulestest.With(rulestest.Easy(), func(c *rules.Config) { c.Signatures = rules.SignaturesRequired })
	c := openTest(t, Config{Params: p})
	a := rulestest.NewBranch(c.Params())
	bad := a.Make(1, rulestest.MakeTx(t, "one"))
	c.want(block.TxUnsigned, bad)
	c.want(block.TxUnsigned, bad) // the check by itself comes before the memory of refused blocks
	a.Put(bad)
	c.want(block.BadPrev, a.Make(1))

	set := newHashSet(2)
	for _, b := range []block.Block{bad, bad, a.Make(1), a.Make(2)} {
		set.add(b.Hash())
	}
	if len(set.set) != 2 || set.has(bad.Hash()) || !set.has(a.Make(2).Hash()) {
		t.Errorf("the set has %v, want the latest two hashes", set.set)
	}
}
