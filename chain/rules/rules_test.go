package rules_test

import (
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"

	"github.com/lodepow/lode/pow"
)

func TestCheck(t *testing.T) {
	one, two, three := rulestest.MakeTx(t, "one"), rulestest.MakeTx(t, "two"), rulestest.MakeTx(t, "three")
	signed, err := block.Sign([]byte(`{"author":"a","content":"c"}`), ed25519.NewKeyFromSeed(make([]byte, 32)), rulestest.Time)
	if err != nil {
		t.Fatal(err)
	}
	signedOnly := rulestest.With(rulestest.Easy(), func(c *rules.Config) { c.Signatures = rules.SignaturesRequired })
	small := rulestest.With(rulestest.Easy(), func(c *rules.Config) {
		c.Limits = rules.Limits{BlockBytes: 800, BlockTxs: 3, TxBytes: 60}
	})
	long := rulestest.MakeTx(t, strings.Repeat("c", 100))

	// remake commits to a changed body again and solves the block.
	remake := func(b block.Block) block.Block {
		b.Header.MerkleRoot, _ = block.MerkleRoot(b.IDs())
		return rulestest.Solve(b)
	}
	for name, tc := range map[string]struct {
		params rules.Params
		make   func(on *rulestest.Branch) block.Block
		want   error
	}{
		"empty":        {rulestest.Easy(), func(on *rulestest.Branch) block.Block { return on.Make(1) }, nil},
		"transactions": {rulestest.Easy(), func(on *rulestest.Branch) block.Block { return on.Make(1, one, two, three) }, nil},
		"asert":        {rulestest.Swift(), func(on *rulestest.Branch) block.Block { return on.Make(1, one) }, nil},
		"signed":       {signedOnly, func(on *rulestest.Branch) block.Block { return on.Make(1, signed) }, nil},
		"just small":   {small, func(on *rulestest.Branch) block.Block { return on.Make(1, one, two, three) }, nil},
		"rolled version": {rulestest.Easy(), func(on *rulestest.Branch) block.Block {
			b := on.Make(1)
			b.Header.Version = 0x3fffe000
			return rulestest.Solve(b)
		}, nil},
		"below its parent": {rulestest.Easy(), func(on *rulestest.Branch) block.Block { b := on.Make(0); b.Header.Time -= 4; return rulestest.Solve(b) }, nil},

		"hash too high": {rulestest.Easy(), func(on *rulestest.Branch) block.Block {
			b := on.Make(1)
			for target, _, _ := b.Header.Bits.Decode(); b.Hash().Meets(target); {
				b.Header.Nonce++
			}
			return b
		}, block.HighHash},
		"harder bits": {rulestest.Easy(), func(on *rulestest.Branch) block.Block {
			b := on.Make(1)
			b.Header.Bits = 0x207ffffe
			return rulestest.Solve(b)
		}, block.BadDiffBits},
		"no bits": {rulestest.Easy(), func(on *rulestest.Branch) block.Block { b := on.Make(1); b.Header.Bits = 0; return b }, block.BadDiffBits},
		"easier than the limit": {rulestest.Swift(), func(on *rulestest.Branch) block.Block {
			b := on.Make(1)
			b.Header.Bits = 0x2100ffff
			return rulestest.Solve(b)
		}, block.BadDiffBits},
		"easier than asert wants": {rulestest.Swift(), func(on *rulestest.Branch) block.Block {
			b := on.Make(1)
			if b.Header.Bits == 0x207fffff {
				t.Fatal("the block before should have been early")
			}
			b.Header.Bits = 0x207fffff
			return rulestest.Solve(b)
		}, block.BadDiffBits},
		"median time": {rulestest.Easy(), func(on *rulestest.Branch) block.Block {
			b := on.Make(1)
			b.Header.Time = on.MedianTimePast()
			return rulestest.Solve(b)
		}, block.TimeTooOld},
		"two hours": {rulestest.Easy(), func(on *rulestest.Branch) block.Block {
			b := on.Make(1)
			b.Header.Time = uint32(rulestest.Now().Unix()) + 7200
			return rulestest.Solve(b)
		}, nil},
		"over two hours": {rulestest.Easy(), func(on *rulestest.Branch) block.Block {
			b := on.Make(1)
			b.Header.Time = uint32(rulestest.Now().Unix()) + 7201
			return rulestest.Solve(b)
		}, block.TimeTooNew},
		"over two hours, and wrong": {rulestest.Easy(), func(on *rulestest.Branch) block.Block {
			b := on.Make(1)
			b.Header.Time = uint32(rulestest.Now().Unix()) + 7201
			b.Coinbase.Height++
			return remake(b)
		}, block.CoinbaseHeight},
		"version 1": {rulestest.Easy(), func(on *rulestest.Branch) block.Block {
			b := on.Make(1)
			b.Header.Version = 1
			return rulestest.Solve(b)
		}, block.BadVersion},
		"version 6000…": {rulestest.Easy(), func(on *rulestest.Branch) block.Block {
			b := on.Make(1)
			b.Header.Version = 0x60000000
			return rulestest.Solve(b)
		}, block.BadVersion},
		"version below 0": {rulestest.Easy(), func(on *rulestest.Branch) block.Block {
			b := on.Make(1)
			b.Header.Version = -1
			return rulestest.Solve(b)
		}, block.BadVersion},
		"another parent": {rulestest.Easy(), func(on *rulestest.Branch) block.Block {
			b := on.Make(1)
			b.Header.Prev = pow.Hash{1}
			return rulestest.Solve(b)
		}, block.PrevNotFound},
		"another root": {rulestest.Easy(), func(on *rulestest.Branch) block.Block { b := on.Make(1, one); b.Txs = []block.Tx{two}; return b }, block.BadMerkleRoot},
		"tail repeated": {rulestest.Easy(), func(on *rulestest.Branch) block.Block {
			b := on.Make(1, one, two)
			b.Txs = []block.Tx{one, two, two}
			return b
		}, block.DuplicateTxs},
		"too many": {small, func(on *rulestest.Branch) block.Block {
			return on.Make(1, one, two, three, rulestest.MakeTx(t, "four"))
		}, block.BadLength},
		"too long": {small, func(on *rulestest.Branch) block.Block {
			return on.Make(1, long, rulestest.MakeTx(t, strings.Repeat("d", 600)))
		}, block.BadLength},
		"height 0":   {rulestest.Easy(), func(on *rulestest.Branch) block.Block { b := on.Make(1); b.Coinbase.Height = 0; return remake(b) }, block.CoinbaseHeight},
		"height out": {rulestest.Easy(), func(on *rulestest.Branch) block.Block { b := on.Make(1); b.Coinbase.Height = -1; return b }, block.CoinbaseHeight},
		"tag too long": {rulestest.Easy(), func(on *rulestest.Branch) block.Block {
			b := on.Make(1)
			b.Coinbase.Tag = strings.Repeat("t", 76)
			return b
		}, block.CoinbaseLength},
		"transaction long":   {small, func(on *rulestest.Branch) block.Block { return on.Make(1, long) }, block.TxOversize},
		"zero transaction":   {rulestest.Easy(), func(on *rulestest.Branch) block.Block { return on.Make(1, block.Tx{}) }, block.TxOversize},
		"not signed":         {signedOnly, func(on *rulestest.Branch) block.Block { return on.Make(1, signed, one) }, block.TxUnsigned},
		"twice in the block": {rulestest.Easy(), func(on *rulestest.Branch) block.Block { return on.Make(1, one, two, one) }, block.TxAlreadyMined},
		"mined below":        {rulestest.Easy(), func(on *rulestest.Branch) block.Block { return on.Make(1, one, rulestest.MakeTx(t, "below")) }, block.TxAlreadyMined},
	} {
		t.Run(name, func(t *testing.T) {
			on := rulestest.NewBranch(tc.params)
			for range 11 {
				on.Grow(1)
			}
			below := rulestest.MakeTx(t, "below").ID()
			mined := func(id pow.Hash) (bool, error) { return id == below, nil }
			b := tc.make(on)
			before := on.State
			switch err := on.Check(tc.params, b, rulestest.Now(), mined); {
			case tc.want == nil && err != nil, tc.want != nil && !errors.Is(err, tc.want):
				t.Errorf("error %v, want %v", err, tc.want)
			case err != nil && !errors.As(err, new(block.RuleError)):
				t.Errorf("%v is no rule error", err)
			}
			if on.State != before {
				t.Error("the state has changed")
			}
			// A header alone is judged alike.
			header := []error{block.HighHash, block.BadDiffBits, block.TimeTooOld, block.BadVersion, block.PrevNotFound}
			if err := on.CheckHeader(tc.params, b.Header); slices.Contains(header, tc.want) && !errors.Is(err, tc.want) ||
				!slices.Contains(header, tc.want) && err != nil && b.Coinbase.Validate() == nil {
				t.Errorf("header: error %v", err)
			}
		})
	}
}

// A block of exactly the limit is good, in its bytes and in its transactions.
func TestLimitsAreInclusive(t *testing.T) {
	txs := []block.Tx{rulestest.MakeTx(t, strings.Repeat("1", 200)), rulestest.MakeTx(t, strings.Repeat("x", 300)), rulestest.MakeTx(t, "three")}
	on := rulestest.NewBranch(rulestest.Easy())
	b := on.Make(1, txs...)
	for name, tc := range map[string]struct {
		limits rules.Limits
		want   block.Reason // "": none
	}{
		"exactly the bytes":           {rules.Limits{BlockBytes: b.Size(), TxBytes: 400}, ""},
		"a byte more":                 {rules.Limits{BlockBytes: b.Size() - 1, TxBytes: 400}, block.BadLength},
		"exactly the transactions":    {rules.Limits{BlockTxs: 3}, ""},
		"a transaction more":          {rules.Limits{BlockTxs: 2}, block.BadLength},
		"exactly a transaction":       {rules.Limits{TxBytes: txs[1].Size()}, ""},
		"a transaction a byte longer": {rules.Limits{TxBytes: txs[1].Size() - 1}, block.TxOversize},
	} {
		p := rulestest.With(rulestest.Easy(), func(c *rules.Config) { c.Limits = tc.limits })
		err := on.Check(p, b, rulestest.Now(), func(pow.Hash) (bool, error) { return false, nil })
		if tc.want == "" && err != nil || tc.want != "" && !errors.Is(err, tc.want) {
			t.Errorf("%s: error %v, want %q", name, err, tc.want)
		}
	}
	if want := pow.HeaderSize + len(b.Coinbase.Bytes()) + txs[0].Size() + txs[1].Size() + txs[2].Size(); b.Size() != want {
		t.Errorf("size %d, want %d", b.Size(), want)
	}
}

func TestCheckPassesOnWhatMinedSays(t *testing.T) {
	on := rulestest.NewBranch(rulestest.Easy())
	broken := errors.New("broken")
	err := on.Check(on.Params, on.Make(1, rulestest.MakeTx(t, "one")), rulestest.Now(), func(pow.Hash) (bool, error) { return false, broken })
	if !errors.Is(err, broken) || errors.As(err, new(block.RuleError)) {
		t.Errorf("error %v, want %v", err, broken)
	}
}

func TestReasonsAreComplete(t *testing.T) {
	all := block.Reasons()
	slices.Sort(all)
	if unique := slices.Compact(slices.Clone(all)); len(unique) != len(all) || len(all) != 18 {
		t.Errorf("%d reasons, %d unique, want 18: %v", len(all), len(unique), all)
	}
}

func TestMedianTimePast(t *testing.T) {
	s := rules.Genesis(rulestest.Easy())
	want := func(want uint32) {
		t.Helper()
		if got := s.MedianTimePast() - rules.GenesisTime; got != want {
			t.Errorf("height %d: genesis + %d, want + %d", s.Height, got, want)
		}
	}
	want(0)
	for i, tc := range []struct{ seconds, want uint32 }{
		{10, 10}, // of an even number the later, as in Bitcoin
		{5, 5}, {7, 7}, {8, 7}, {1, 7}, {2, 5}, {3, 5}, {4, 4}, {9, 5}, {20, 5},
		{6, 6}, {30, 6}, {40, 7}, {50, 8},
	} {
		s = s.Apply(pow.Header{Time: rules.GenesisTime + tc.seconds, Bits: 0x207fffff})
		if s.Height != int64(i+1) {
			t.Fatalf("height %d, want %d", s.Height, i+1)
		}
		want(tc.want)
	}
}

func TestStateWork(t *testing.T) {
	b := rulestest.NewBranch(rulestest.Easy())
	for range 5 {
		b.Grow(1)
	}
	if got := b.Work.Big().Int64(); got != 12 {
		t.Errorf("work %d after six blocks of two hashes, want 12", got)
	}
	if b.Hash != b.Blocks[4].Hash() || b.Bits != 0x207fffff || b.Time != rules.GenesisTime+5 {
		t.Errorf("state %+v", b.State)
	}
}

// Applying a header must be cheap: a store has a million of them.
func BenchmarkCheckHeaderAndApply(b *testing.B) {
	on := rulestest.NewBranch(rulestest.Swift())
	on.Grow(10)
	s := on.State
	h := on.Make(10).Header
	for b.Loop() {
		if err := s.CheckHeader(on.Params, h); err != nil {
			b.Fatal(err)
		}
		_ = s.Apply(h)
	}
	b.ReportMetric(float64(time.Second)/float64(b.Elapsed())*float64(b.N)/1e6, "M/s")
}
