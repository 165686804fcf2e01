package rules_test

import (
	"crypto/ed25519"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/pow"
)

// Each row breaks one rule, or only just keeps it, or breaks several. It names the
// reason and the stage at which the block fails.
func TestStages(t *testing.T) {
	one, two, three := rulestest.MakeTx(t, "one"), rulestest.MakeTx(t, "two"), rulestest.MakeTx(t, "three")
	below := rulestest.MakeTx(t, "below") // in a block of the branch
	signed, err := block.Sign([]byte(`{"author":"a","content":"c"}`), ed25519.NewKeyFromSeed(make([]byte, 32)), rulestest.Time)
	if err != nil {
		t.Fatal(err)
	}
	easy, swift := rulestest.Easy(), rulestest.Swift()
	swift2016, swiftLwma := rulestest.Swift2016(), rulestest.SwiftLwma()
	signedOnly := rulestest.With(easy, func(c *rules.Config) { c.Signatures = rules.SignaturesRequired })
	small := rulestest.With(easy, func(c *rules.Config) {
		c.Limits = rules.Limits{BlockBytes: 800, BlockTxs: 3, TxBytes: 60}
	})
	long := rulestest.MakeTx(t, strings.Repeat("c", 100))
	const good = rules.Stage(-1)
	latest := uint32(rulestest.Now().Unix()) + 7200 // the latest time that the clock allows

	type maker = func(on *rulestest.Branch) block.Block
	// empty and with make a good block.
	with := func(txs ...block.Tx) maker {
		return func(on *rulestest.Branch) block.Block { return on.Make(1, txs...) }
	}
	empty := with()
	// header changes the header of a block and solves it again.
	header := func(of maker, change func(on *rulestest.Branch, h *pow.Header)) maker {
		return func(on *rulestest.Branch) block.Block {
			b := of(on)
			change(on, &b.Header)
			return rulestest.Solve(b)
		}
	}
	// body changes the body under a header that stays.
	body := func(of maker, change func(b *block.Block)) maker {
		return func(on *rulestest.Branch) block.Block {
			b := of(on)
			change(&b)
			return b
		}
	}
	// committed changes the body, commits to it and solves the block again.
	committed := func(of maker, change func(b *block.Block)) maker {
		return func(on *rulestest.Branch) block.Block {
			b := body(of, change)(on)
			b.Header.MerkleRoot, _ = block.MerkleRoot(b.IDs())
			return rulestest.Solve(b)
		}
	}
	version := func(v uint32) func(*rulestest.Branch, *pow.Header) {
		return func(_ *rulestest.Branch, h *pow.Header) { h.Version = int32(v) }
	}
	bits := func(bits pow.Bits) func(*rulestest.Branch, *pow.Header) {
		return func(_ *rulestest.Branch, h *pow.Header) { h.Bits = bits }
	}
	at := func(time uint32) func(*rulestest.Branch, *pow.Header) {
		return func(_ *rulestest.Branch, h *pow.Header) { h.Time = time }
	}
	old := func(on *rulestest.Branch, h *pow.Header) { h.Time = on.MedianTimePast() }
	orphan := func(_ *rulestest.Branch, h *pow.Header) { h.Prev = pow.Hash{1} }
	unsolved := func(of maker) maker {
		return body(of, func(b *block.Block) {
			for target, _, _ := b.Header.Bits.Decode(); b.Hash().Meets(target); {
				b.Header.Nonce++
			}
		})
	}
	unsolvable := func(bits pow.Bits) maker {
		return body(empty, func(b *block.Block) { b.Header.Bits = bits })
	}
	height := func(plus int64) func(*block.Block) { return func(b *block.Block) { b.Coinbase.Height += plus } }
	txs := func(txs ...block.Tx) func(*block.Block) { return func(b *block.Block) { b.Txs = txs } }
	tag := func(size int) func(*block.Block) {
		return func(b *block.Block) { b.Coinbase.Tag = strings.Repeat("t", size) }
	}

	for _, tc := range []struct {
		name   string
		params rules.Params
		make   maker
		stage  rules.Stage // good: the block passes them all
		want   error
	}{
		{"empty", easy, empty, good, nil},
		{"transactions", easy, with(one, two, three), good, nil},
		{"asert", swift, with(one), good, nil},
		{"bitcoin2016", swift2016, with(one), good, nil},
		{"lwma", swiftLwma, with(one), good, nil},
		{"signed", signedOnly, with(signed), good, nil},
		{"just small enough", small, with(one, two, three), good, nil},
		{"rolled version", easy, header(empty, version(0x3fffe000)), good, nil},
		{"earlier than its parent", easy, header(empty, func(on *rulestest.Branch, h *pow.Header) { h.Time = on.Time - 4 }), good, nil},
		{"longest tag", easy, committed(empty, tag(block.MaxTag)), good, nil},
		{"two hours ahead", easy, header(empty, at(latest)), good, nil},

		{"no bits", easy, unsolvable(0), rules.Header, block.BadDiffBits},
		{"negative bits", swift, unsolvable(0x01810000), rules.Header, block.BadDiffBits},
		{"harder bits than the fixed ones", easy, header(empty, bits(0x207ffffe)), rules.Header, block.BadDiffBits},
		{"easier bits than the limit", swift, header(empty, bits(0x2100ffff)), rules.Header, block.BadDiffBits},
		{"easier bits than the limit of bitcoin2016", swift2016, header(empty, bits(0x2100ffff)), rules.Header, block.BadDiffBits},
		{"easier bits than the limit of lwma", swiftLwma, header(empty, bits(0x2100ffff)), rules.Header, block.BadDiffBits},
		{"hash above the target", easy, unsolved(empty), rules.Header, block.HighHash},
		{"version 1", easy, header(empty, version(1)), rules.Header, block.BadVersion},
		{"version 60000000", easy, header(empty, version(0x60000000)), rules.Header, block.BadVersion},
		{"version ffffffff", easy, header(empty, version(0xffffffff)), rules.Header, block.BadVersion},

		{"height -1 in the coinbase", easy, body(empty, func(b *block.Block) { b.Coinbase.Height = -1 }), rules.Body, block.CoinbaseHeight},
		{"tag too long", easy, body(empty, tag(block.MaxTag+1)), rules.Body, block.CoinbaseLength},
		{"too many transactions", small, with(one, two, three, rulestest.MakeTx(t, "four")), rules.Body, block.BadLength},
		{"too many bytes", small, with(long, rulestest.MakeTx(t, strings.Repeat("d", 600))), rules.Body, block.BadLength},
		{"other transactions than the root's", easy, body(with(one), txs(two)), rules.Body, block.BadMerkleRoot},
		{"last transaction repeated", easy, body(with(one, two), txs(one, two, two)), rules.Body, block.DuplicateTxs},

		{"transaction too long", small, with(long), rules.Txs, block.TxOversize},
		{"zero transaction", easy, with(block.Tx{}), rules.Txs, block.TxOversize},
		{"not signed", signedOnly, with(signed, one), rules.Txs, block.TxUnsigned},
		{"twice in the block", easy, with(one, two, one), rules.Txs, block.TxAlreadyMined},
		{"twice and nothing else", easy, with(one, one), rules.Txs, block.TxAlreadyMined},

		{"another parent", easy, header(empty, orphan), rules.Parent, block.PrevNotFound},

		{"harder bits than asert wants", swift, header(empty, bits(0x1f7fffff)), rules.Place, block.BadDiffBits},
		{"easier bits than asert wants", swift, header(empty, func(_ *rulestest.Branch, h *pow.Header) {
			if h.Bits == 0x207fffff {
				t.Fatal("the block before should have been early")
			}
			h.Bits = 0x207fffff
		}), rules.Place, block.BadDiffBits},
		{"bits of the parent where bitcoin2016 wants others", swift2016, header(empty, func(on *rulestest.Branch, h *pow.Header) { h.Bits = on.Bits }), rules.Place, block.BadDiffBits},
		{"bits of the parent where lwma wants others", swiftLwma, header(empty, func(on *rulestest.Branch, h *pow.Header) { h.Bits = on.Bits }), rules.Place, block.BadDiffBits},
		{"not after the median time", easy, header(empty, old), rules.Place, block.TimeTooOld},
		{"height 0", easy, committed(empty, func(b *block.Block) { b.Coinbase.Height = 0 }), rules.Place, block.CoinbaseHeight},
		{"height one too high", easy, committed(empty, height(1)), rules.Place, block.CoinbaseHeight},

		{"over two hours ahead", easy, header(empty, at(latest+1)), rules.Clock, block.TimeTooNew},

		{"mined below", easy, with(one, below), rules.Mined, block.TxAlreadyMined},

		// Blocks with two faults: the earlier stage gives the verdict.
		{"header before body", easy, unsolved(body(with(one), txs(two))), rules.Header, block.HighHash},
		{"body before transactions", small, body(with(long), txs(long, long)), rules.Body, block.BadMerkleRoot},
		{"transactions before parent", small, header(with(long), orphan), rules.Txs, block.TxOversize},
		{"parent before place", easy, header(header(empty, orphan), old), rules.Parent, block.PrevNotFound},
		{"parent before clock", easy, header(header(empty, orphan), at(latest+1)), rules.Parent, block.PrevNotFound},
		{"place before clock", easy, header(committed(empty, height(1)), at(latest+1)), rules.Place, block.CoinbaseHeight},
		{"place before mined", easy, header(with(below), old), rules.Place, block.TimeTooOld},
		{"clock before mined", easy, header(with(below), at(latest+1)), rules.Clock, block.TimeTooNew},
	} {
		t.Run(tc.name, func(t *testing.T) {
			on := rulestest.NewBranch(tc.params)
			for range 11 {
				on.Grow(1)
			}
			b := tc.make(on)
			subject := rules.Subject{
				Block: b, Hash: b.Hash(), Branch: on.State, Now: rulestest.Now(),
				Mined: func(id pow.Hash) (bool, error) { return id == below.ID(), nil },
			}
			stage, err := tc.params.Judge(&subject, rules.Header, rules.Mined)
			if tc.stage == good {
				if err != nil {
					t.Errorf("stage %s: %v, want none", stage, err)
				}
			} else if stage != tc.stage || !errors.Is(err, tc.want) || !errors.As(err, new(block.RuleError)) {
				t.Errorf("stage %s: %v, want stage %s: %v", stage, err, tc.stage, tc.want)
			}

			// The checks of a header alone agree, as far as a header shows it.
			want := tc.want
			if !slices.Contains([]error{block.HighHash, block.BadDiffBits, block.BadVersion, block.PrevNotFound, block.TimeTooOld}, want) {
				want = nil
			}
			if b.Header.Prev != on.Hash {
				want = block.PrevNotFound
			}
			if err := on.CheckHeader(tc.params, b.Header); !errors.Is(err, want) {
				t.Errorf("on its branch the header has the error %v, want %v", err, want)
			}
			if tc.stage != rules.Header {
				want = nil
			}
			if err := tc.params.CheckHeader(b.Header); !errors.Is(err, want) {
				t.Errorf("by itself the header has the error %v, want %v", err, want)
			}
		})
	}
}

// A block whose parent is unknown is judged on the zero State, on which no block
// can be placed, not even one whose parent is the zero hash.
func TestNoBlockFitsOnTheZeroState(t *testing.T) {
	on := rulestest.NewBranch(rulestest.Easy())
	for _, prev := range []pow.Hash{{}, on.Hash} {
		b := on.Make(1)
		b.Header.Prev = prev
		b = rulestest.Solve(b)
		stage, err := on.Params.Judge(&rules.Subject{Block: b, Hash: b.Hash(), Now: rulestest.Now()}, rules.Header, rules.Clock)
		if stage != rules.Parent || !errors.Is(err, block.PrevNotFound) {
			t.Errorf("parent %s: stage %s, error %v", prev, stage, err)
		}
	}
}

// Every stage has a name and an effect. See [rules.Effect].
func TestEffects(t *testing.T) {
	want := map[rules.Stage]rules.Effect{
		rules.Header: rules.Forget, rules.Body: rules.Forget, rules.Txs: rules.Condemn,
		rules.Parent: rules.Wait, rules.Place: rules.Condemn, rules.Clock: rules.Wait, rules.Mined: rules.Condemn,
	}
	names := map[string]bool{}
	for stage := rules.Header; stage <= rules.Mined; stage++ {
		if got := stage.Effect(); got != want[stage] {
			t.Errorf("stage %s has the effect %d, want %d", stage, got, want[stage])
		}
		names[stage.String()] = true
	}
	if len(want) != 7 || len(names) != 7 || names["none"] {
		t.Errorf("stages %v, want seven with names", names)
	}
}

// Limits are inclusive: a block of exactly the limit is good, by its bytes and by
// its transactions.
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
		err := rulestest.Judge(p, on.State, b, func(pow.Hash) (bool, error) { return false, nil })
		if tc.want == "" && err != nil || tc.want != "" && !errors.Is(err, tc.want) {
			t.Errorf("%s: error %v, want %q", name, err, tc.want)
		}
	}
	if want := pow.HeaderSize + len(b.Coinbase.Bytes()) + txs[0].Size() + txs[1].Size() + txs[2].Size(); b.Size() != want {
		t.Errorf("size %d, want %d", b.Size(), want)
	}
}

func TestJudgePassesOnTheErrorOfMined(t *testing.T) {
	on := rulestest.NewBranch(rulestest.Easy())
	broken := errors.New("broken")
	err := rulestest.Judge(on.Params, on.State, on.Make(1, rulestest.MakeTx(t, "one")), func(pow.Hash) (bool, error) { return false, broken })
	if !errors.Is(err, broken) || errors.As(err, new(block.RuleError)) {
		t.Errorf("error %v, want %v", err, broken)
	}
}

func TestReasonsAreComplete(t *testing.T) {
	all := block.Reasons()
	slices.Sort(all)
	if unique := slices.Compact(slices.Clone(all)); len(unique) != len(all) || len(all) != 19 {
		t.Errorf("%d reasons, %d unique, want 19: %v", len(all), len(unique), all)
	}
}

func TestMedianTimePast(t *testing.T) {
	s := rulestest.Easy().GenesisState()
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

// On a long branch with random times, the median is that of the latest eleven blocks,
// wherever the oldest of them is in the state's ring. A state that only has its exported
// fields and the latest blocks is the same state again, whatever it knew before. That is
// so on the networks of all rules.
func TestStateOfALongBranch(t *testing.T) {
	for _, p := range rulestest.EachRule() {
		t.Run(string(p.Difficulty().Rule), func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			other := rulestest.Easy().GenesisState()
			for range 20 {
				other = other.Apply(pow.Header{Time: random.Uint32(), Bits: 0x207fffff})
			}
			s := p.GenesisState()
			if s.FirstTime != 0 {
				t.Errorf("at genesis the rule counts from %d, want 0", s.FirstTime)
			}
			latest := []rules.Stamp{{Time: rules.GenesisTime, Bits: 0x207fffff}} // the top block first
			for range 100 {
				next := rules.Stamp{Time: random.Uint32(), Bits: 0x207fffff - pow.Bits(random.IntN(1000))}
				s = s.Apply(pow.Header{Time: next.Time, Bits: next.Bits})
				latest = append([]rules.Stamp{next}, latest[:min(len(latest), p.StateSpan()-1)]...)

				var sorted []uint32
				for _, b := range latest[:min(len(latest), rules.MedianSpan)] {
					sorted = append(sorted, b.Time)
				}
				slices.Sort(sorted)
				if got, want := s.MedianTimePast(), sorted[len(sorted)/2]; got != want {
					t.Fatalf("height %d: median %d, want %d of %d", s.Height, got, want, sorted)
				}
				restored := other
				restored.Height, restored.Hash, restored.Work = s.Height, s.Hash, s.Work
				restored.Time, restored.Bits, restored.FirstTime = s.Time, s.Bits, s.FirstTime
				if restored = p.RestoreState(restored, latest); restored != s {
					t.Fatalf("height %d: restored %+v, want %+v", s.Height, restored, s)
				}
			}
		})
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
