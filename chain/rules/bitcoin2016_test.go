package rules

import (
	"encoding/json"
	"math/big"
	"os"
	"testing"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// bitcoin returns a network with the difficulty rule of Bitcoin's main chain.
func bitcoin(t testing.TB) Params {
	t.Helper()
	p, err := New(Config{Name: "bitcoin", Difficulty: Difficulty{
		Rule: RuleBitcoin2016, Bits: 0x1d00ffff, Limit: 0x1d00ffff, Spacing: 600, Window: 2016,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Bitcoin Core's retargets, three of them from the main chain. Each is played through a
// state: the blocks of a window have even distances, and only its first and last matter.
func TestBitcoin2016AgainstBitcoinCore(t *testing.T) {
	text, err := os.ReadFile("../../pow/testdata/retarget_bitcoin_core_pow_tests.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name             string
		LastRetargetTime uint32   `json:"last_retarget_time"`
		LastHeight       int64    `json:"last_height"`
		LastTime         uint32   `json:"last_time"`
		LastBits         pow.Bits `json:"last_bits"`
		Expect           pow.Bits
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) != 4 {
		t.Fatal(len(vectors), err)
	}
	p := bitcoin(t)
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			first := v.LastHeight - 2015
			s := p.EmptyState()
			if first > 0 {
				s.Height = first - 1
			} else {
				s = p.GenesisState()
			}
			for height := s.Height + 1; height <= v.LastHeight; height++ {
				if height > first && height > 1 {
					if got := s.NextBits(p); got != v.LastBits {
						t.Fatalf("height %d, within the window: bits %s, want %s", height, got, v.LastBits)
					}
				}
				share := float64(height-first) / 2015
				s = s.Apply(pow.Header{Time: v.LastRetargetTime + uint32(share*float64(v.LastTime-v.LastRetargetTime)+0.5), Bits: v.LastBits})
			}
			if s.Time != v.LastTime {
				t.Fatalf("the last time is %d, want %d", s.Time, v.LastTime)
			}
			if got := s.NextBits(p); got != v.Expect {
				t.Errorf("bits %s, want %s", got, v.Expect)
			}
		})
	}
}

// The first window is measured from block 1 and not from genesis, which would make the
// second window four times easier on every new network.
func TestBitcoin2016FirstWindow(t *testing.T) {
	p := mustNew(t, Config{Name: "new", Difficulty: Difficulty{Rule: RuleBitcoin2016, Bits: 0x1d00ffff, Window: 10, Spacing: 100}})
	s := p.GenesisState()
	for height := int64(1); height < 10; height++ {
		if got := s.NextBits(p); got != 0x1d00ffff {
			t.Fatalf("block %d has bits %s", height, got)
		}
		s = s.Apply(pow.Header{Time: 2_000_000_000 + uint32(height)*125, Bits: s.NextBits(p)})
	}
	// Eight spacings of 125 seconds are a thousand, as long as the window should take.
	if got := s.NextBits(p); got != 0x1d00ffff {
		t.Errorf("bits %s after a window that took its time, want 1d00ffff", got)
	}
	if s.FirstTime != 2_000_000_125 {
		t.Errorf("the window counts from %d, want the time of block 1", s.FirstTime)
	}
}

// On any branch, the bits are those of a model that looks back at the blocks themselves
// and computes with big integers.
func TestBitcoin2016AgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := rapid.Uint32Range(minWindow, 12).Draw(t, "window")
		spacing := rapid.SampledFrom([]uint32{1, 7, 600, maxSpacing}).Draw(t, "spacing")
		d := Difficulty{Rule: RuleBitcoin2016, Bits: anyBits().Draw(t, "bits"), Limit: anyBits().Draw(t, "limit"), Spacing: spacing, Window: window}
		if bigTarget(d.Bits).Cmp(bigTarget(d.Limit)) > 0 {
			d.Bits, d.Limit = d.Limit, d.Bits
		}
		p := mustNew(t, Config{Name: "model", Difficulty: d})
		s := p.GenesisState()
		chain := []Stamp{{Time: GenesisTime, Bits: genesisBits}}
		now := int64(2_000_000_000)
		for range rapid.IntRange(1, 40).Draw(t, "blocks") {
			want := d.Bits
			switch n := uint32(len(chain)); {
			case n > 1 && n%window != 0:
				want = chain[n-1].Bits
			case n > 1:
				want = modelRetarget(d, chain[n-1], chain[max(1, n-window)])
			}
			if got := s.NextBits(p); got != want {
				t.Fatalf("height %d: bits %s, want %s", len(chain), got, want)
			}
			now += rapid.Int64Range(-int64(spacing), 6*int64(spacing)).Draw(t, "seconds")
			chain = append(chain, Stamp{uint32(now), want})
			s = s.Apply(pow.Header{Time: uint32(now), Bits: want})
		}
	})
}

func modelRetarget(d Difficulty, last, first Stamp) pow.Bits {
	should := int64(d.Window) * int64(d.Spacing)
	took := int64(last.Time) - int64(first.Time)
	if took < should/4 {
		took = should / 4
	}
	if took > should*4 {
		took = should * 4
	}
	if took < 1 {
		took = 1
	}
	next := bigTarget(last.Bits)
	next.Mul(next, big.NewInt(took)).Quo(next, big.NewInt(should))
	return compactBig(next, d.Limit)
}

// compactBig returns the bits of a target that is at least 1 and at most the limit's.
func compactBig(target *big.Int, limit pow.Bits) pow.Bits {
	if target.Cmp(bigTarget(limit)) > 0 {
		return limit
	}
	if target.Sign() == 0 {
		target = big.NewInt(1)
	}
	var b [32]byte
	target.FillBytes(b[:])
	return pow.TargetFromBytes(b).Bits()
}

// No height and no time makes the rules return bits that are none, even on a state that
// does not know its past.
func TestNextBitsAreBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := mustNew(t, anyConfig().Draw(t, "network"))
		s := State{
			Height: rapid.Int64Range(0, block.MaxHeight-1).Draw(t, "height"), Bits: p.Difficulty().Bits,
			Time: rapid.Uint32().Draw(t, "time"), FirstTime: rapid.Uint32().Draw(t, "first time"),
		}
		if next, err := s.NextBits(p).Target(); err != nil || p.Difficulty().Rule != RuleFixed && bigTarget(next.Bits()).Cmp(bigTarget(p.Difficulty().Limit)) > 0 {
			t.Fatalf("bits %s: %v", s.NextBits(p), err)
		}
	})
}
