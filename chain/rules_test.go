package chain

import (
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/pow"
)

func TestCheck(t *testing.T) {
	one, two, three := MakeTx(t, "one"), MakeTx(t, "two"), MakeTx(t, "three")
	signed, err := Sign([]byte(`{"author":"a","content":"c"}`), ed25519.NewKeyFromSeed(make([]byte, 32)), Time)
	if err != nil {
		t.Fatal(err)
	}
	signedOnly := Easy()
	signedOnly.Signatures = SignaturesRequired
	small := Easy()
	small.Limits = Limits{BlockBytes: 800, BlockTxs: 3, TxBytes: 60}
	long := MakeTx(t, strings.Repeat("c", 100))

	// remake commits to a changed body again and solves the block.
	remake := func(b Block) Block {
		b.Header.MerkleRoot, _ = MerkleRoot(b.IDs())
		return Solve(b)
	}
	for name, tc := range map[string]struct {
		params Params
		make   func(on *Branch) Block
		want   error
	}{
		"empty":            {Easy(), func(on *Branch) Block { return on.Make(1) }, nil},
		"transactions":     {Easy(), func(on *Branch) Block { return on.Make(1, one, two, three) }, nil},
		"asert":            {Swift(), func(on *Branch) Block { return on.Make(1, one) }, nil},
		"signed":           {signedOnly, func(on *Branch) Block { return on.Make(1, signed) }, nil},
		"just small":       {small, func(on *Branch) Block { return on.Make(1, one, two, three) }, nil},
		"rolled version":   {Easy(), func(on *Branch) Block { b := on.Make(1); b.Header.Version = 0x3fffe000; return Solve(b) }, nil},
		"below its parent": {Easy(), func(on *Branch) Block { b := on.Make(0); b.Header.Time -= 4; return Solve(b) }, nil},

		"hash too high": {Easy(), func(on *Branch) Block {
			b := on.Make(1)
			for target, _, _ := b.Header.Bits.Decode(); b.Hash().Meets(target); {
				b.Header.Nonce++
			}
			return b
		}, HighHash},
		"harder bits": {Easy(), func(on *Branch) Block { b := on.Make(1); b.Header.Bits = 0x207ffffe; return Solve(b) }, BadDiffBits},
		"no bits":     {Easy(), func(on *Branch) Block { b := on.Make(1); b.Header.Bits = 0; return b }, BadDiffBits},
		"easier than the limit": {Swift(), func(on *Branch) Block {
			b := on.Make(1)
			b.Header.Bits = 0x2100ffff
			return Solve(b)
		}, BadDiffBits},
		"easier than asert wants": {Swift(), func(on *Branch) Block {
			b := on.Make(1)
			if b.Header.Bits == 0x207fffff {
				t.Fatal("the block before should have been early")
			}
			b.Header.Bits = 0x207fffff
			return Solve(b)
		}, BadDiffBits},
		"median time": {Easy(), func(on *Branch) Block {
			b := on.Make(1)
			b.Header.Time = on.MedianTimePast()
			return Solve(b)
		}, TimeTooOld},
		"two hours": {Easy(), func(on *Branch) Block {
			b := on.Make(1)
			b.Header.Time = uint32(Now().Unix()) + 7200
			return Solve(b)
		}, nil},
		"over two hours": {Easy(), func(on *Branch) Block {
			b := on.Make(1)
			b.Header.Time = uint32(Now().Unix()) + 7201
			return Solve(b)
		}, TimeTooNew},
		"over two hours, and wrong": {Easy(), func(on *Branch) Block {
			b := on.Make(1)
			b.Header.Time = uint32(Now().Unix()) + 7201
			b.Coinbase.Height++
			return remake(b)
		}, CoinbaseHeight},
		"version 1":       {Easy(), func(on *Branch) Block { b := on.Make(1); b.Header.Version = 1; return Solve(b) }, BadVersion},
		"version 6000…":   {Easy(), func(on *Branch) Block { b := on.Make(1); b.Header.Version = 0x60000000; return Solve(b) }, BadVersion},
		"version below 0": {Easy(), func(on *Branch) Block { b := on.Make(1); b.Header.Version = -1; return Solve(b) }, BadVersion},
		"another parent": {Easy(), func(on *Branch) Block {
			b := on.Make(1)
			b.Header.Prev = pow.Hash{1}
			return Solve(b)
		}, PrevNotFound},
		"another root":       {Easy(), func(on *Branch) Block { b := on.Make(1, one); b.Txs = []Tx{two}; return b }, BadMerkleRoot},
		"tail repeated":      {Easy(), func(on *Branch) Block { b := on.Make(1, one, two); b.Txs = []Tx{one, two, two}; return b }, DuplicateTxs},
		"too many":           {small, func(on *Branch) Block { return on.Make(1, one, two, three, MakeTx(t, "four")) }, BadLength},
		"too long":           {small, func(on *Branch) Block { return on.Make(1, long, MakeTx(t, strings.Repeat("d", 600))) }, BadLength},
		"height 0":           {Easy(), func(on *Branch) Block { b := on.Make(1); b.Coinbase.Height = 0; return remake(b) }, CoinbaseHeight},
		"height out":         {Easy(), func(on *Branch) Block { b := on.Make(1); b.Coinbase.Height = -1; return b }, CoinbaseHeight},
		"tag too long":       {Easy(), func(on *Branch) Block { b := on.Make(1); b.Coinbase.Tag = strings.Repeat("t", 76); return b }, CoinbaseLength},
		"transaction long":   {small, func(on *Branch) Block { return on.Make(1, long) }, TxOversize},
		"zero transaction":   {Easy(), func(on *Branch) Block { return on.Make(1, Tx{}) }, TxOversize},
		"not signed":         {signedOnly, func(on *Branch) Block { return on.Make(1, signed, one) }, TxUnsigned},
		"twice in the block": {Easy(), func(on *Branch) Block { return on.Make(1, one, two, one) }, TxAlreadyMined},
		"mined below":        {Easy(), func(on *Branch) Block { return on.Make(1, one, MakeTx(t, "below")) }, TxAlreadyMined},
	} {
		t.Run(name, func(t *testing.T) {
			on := NewBranch(tc.params)
			for range 11 {
				on.Grow(1)
			}
			below := MakeTx(t, "below").ID()
			mined := func(id pow.Hash) (bool, error) { return id == below, nil }
			b := tc.make(on)
			before := on.State
			switch err := on.Check(tc.params, b, Now(), mined); {
			case tc.want == nil && err != nil, tc.want != nil && !errors.Is(err, tc.want):
				t.Errorf("error %v, want %v", err, tc.want)
			case err != nil && !errors.As(err, new(RuleError)):
				t.Errorf("%v is no rule error", err)
			}
			if on.State != before {
				t.Error("the state has changed")
			}
			// A header alone is judged alike.
			header := []error{HighHash, BadDiffBits, TimeTooOld, BadVersion, PrevNotFound}
			if err := on.CheckHeader(tc.params, b.Header); slices.Contains(header, tc.want) && !errors.Is(err, tc.want) ||
				!slices.Contains(header, tc.want) && err != nil && b.Coinbase.Validate() == nil {
				t.Errorf("header: error %v", err)
			}
		})
	}
}

// A block of exactly the limit is good, in its bytes and in its transactions.
func TestLimitsAreInclusive(t *testing.T) {
	txs := []Tx{MakeTx(t, "one"), MakeTx(t, strings.Repeat("x", 300)), MakeTx(t, "three")}
	on := NewBranch(Easy())
	b := on.Make(1, txs...)
	for name, tc := range map[string]struct {
		limits Limits
		want   Reason // "": none
	}{
		"exactly the bytes":           {Limits{BlockBytes: b.Size(), TxBytes: 400}, ""},
		"a byte more":                 {Limits{BlockBytes: b.Size() - 1, TxBytes: 400}, BadLength},
		"exactly the transactions":    {Limits{BlockTxs: 3}, ""},
		"a transaction more":          {Limits{BlockTxs: 2}, BadLength},
		"exactly a transaction":       {Limits{TxBytes: txs[1].Size()}, ""},
		"a transaction a byte longer": {Limits{TxBytes: txs[1].Size() - 1}, TxOversize},
	} {
		p := Easy()
		p.Limits = tc.limits
		err := on.Check(p, b, Now(), func(pow.Hash) (bool, error) { return false, nil })
		if tc.want == "" && err != nil || tc.want != "" && !errors.Is(err, tc.want) {
			t.Errorf("%s: error %v, want %q", name, err, tc.want)
		}
	}
	if want := pow.HeaderSize + len(b.Coinbase.Bytes()) + txs[0].Size() + txs[1].Size() + txs[2].Size(); b.Size() != want {
		t.Errorf("size %d, want %d", b.Size(), want)
	}
}

func TestCheckPassesOnWhatMinedSays(t *testing.T) {
	on := NewBranch(Easy())
	broken := errors.New("broken")
	err := on.Check(on.Params, on.Make(1, MakeTx(t, "one")), Now(), func(pow.Hash) (bool, error) { return false, broken })
	if !errors.Is(err, broken) || errors.As(err, new(RuleError)) {
		t.Errorf("error %v, want %v", err, broken)
	}
}

func TestReasonsAreComplete(t *testing.T) {
	all := Reasons()
	slices.Sort(all)
	if unique := slices.Compact(slices.Clone(all)); len(unique) != len(all) || len(all) != 18 {
		t.Errorf("%d reasons, %d unique, want 18: %v", len(all), len(unique), all)
	}
}

func TestMedianTimePast(t *testing.T) {
	s := Genesis(Easy())
	want := func(want uint32) {
		t.Helper()
		if got := s.MedianTimePast() - GenesisTime; got != want {
			t.Errorf("height %d: genesis + %d, want + %d", s.Height, got, want)
		}
	}
	want(0)
	for i, tc := range []struct{ seconds, want uint32 }{
		{10, 10}, // of an even number the later, as in Bitcoin
		{5, 5}, {7, 7}, {8, 7}, {1, 7}, {2, 5}, {3, 5}, {4, 4}, {9, 5}, {20, 5},
		{6, 6}, {30, 6}, {40, 7}, {50, 8},
	} {
		s = s.Apply(pow.Header{Time: GenesisTime + tc.seconds, Bits: 0x207fffff})
		if s.Height != int64(i+1) {
			t.Fatalf("height %d, want %d", s.Height, i+1)
		}
		want(tc.want)
	}
}

func TestStateWork(t *testing.T) {
	b := NewBranch(Easy())
	for range 5 {
		b.Grow(1)
	}
	if got := b.Work.Big().Int64(); got != 12 {
		t.Errorf("work %d after six blocks of two hashes, want 12", got)
	}
	if b.Hash != b.Blocks[4].Hash() || b.Bits != 0x207fffff || b.Time != GenesisTime+5 {
		t.Errorf("state %+v", b.State)
	}
}

// Applying a header must be cheap: a store has a million of them.
func BenchmarkCheckHeaderAndApply(b *testing.B) {
	on := NewBranch(Swift())
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
