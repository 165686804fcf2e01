package pow

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCompactBitsOfBitcoinCore(t *testing.T) {
	type vector struct {
		Bits      Bits
		TargetHex *string `json:"target_hex"`
		Negative  bool
		Overflow  bool
		Recompact *Bits
	}
	vectors := readJSON[[]vector](t, "testdata/compact_bits_bitcoin_core.json")
	if len(vectors) < 15 {
		t.Fatalf("only %d vectors", len(vectors))
	}
	for _, v := range vectors {
		t.Run(v.Bits.String(), func(t *testing.T) {
			target, negative, overflow := v.Bits.Decode()
			if negative != v.Negative || overflow != v.Overflow {
				t.Errorf("negative %v, overflow %v; want %v, %v", negative, overflow, v.Negative, v.Overflow)
			}
			if v.TargetHex != nil {
				if want := fmt.Sprintf("%064s", *v.TargetHex); target.String() != want {
					t.Errorf("target %s, want %s", target, want)
				}
			}
			if v.Recompact != nil {
				if got := compact(target, negative); got != *v.Recompact {
					t.Errorf("compacted again: %s, want %s", got, *v.Recompact)
				}
			}
			var want error
			switch {
			case v.Negative:
				want = ErrBitsNegative
			case v.Overflow:
				want = ErrBitsOverflow
			case target.IsZero():
				want = ErrBitsZero
			}
			if _, err := v.Bits.Target(); !errors.Is(err, want) {
				t.Errorf("as a target: error %v, want %v", err, want)
			}
		})
	}
}

// The compact form stands for the number mantissa * 256^(size-3).
func TestBitsAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Bits(rapid.Uint32().Draw(t, "bits"))
		if rapid.Bool().Draw(t, "near the top") {
			b = b&0x00ffffff | Bits(rapid.Uint32Range(29, 36).Draw(t, "size"))<<24
		}
		mantissa := big.NewInt(int64(b & 0x7fffff))
		size := int(b >> 24)
		want := new(big.Int)
		if size <= 3 {
			want.Rsh(mantissa, uint(8*(3-size)))
		} else {
			want.Lsh(mantissa, uint(8*(size-3)))
		}

		target, negative, overflow := b.Decode()
		if got := want.Cmp(two256) >= 0; got != overflow {
			t.Fatalf("overflow %v of %x", overflow, want)
		}
		if overflow {
			return
		}
		equal(t, "target", target.n, want)
		// Bitcoin Core looks at the sign after it has shifted the mantissa, and zero
		// is never negative.
		if want := b&0x800000 != 0 && want.Sign() != 0; negative != want {
			t.Fatalf("negative %v, want %v", negative, want)
		}
	})
}

func TestTargetBitsRoundDown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		target := Target{anyUint256().Draw(t, "target")}
		b := target.Bits()
		back, negative, overflow := b.Decode()
		if negative || overflow {
			t.Fatalf("%s became %s: negative %v, overflow %v", target, b, negative, overflow)
		}
		lost := new(big.Int).Sub(target.n.big(), back.n.big())
		if lost.Sign() < 0 || lost.BitLen() > max(0, target.n.bitLen()-15) {
			t.Fatalf("%s became %s", target, back)
		}
		if again := back.Bits(); again != b {
			t.Fatalf("%s is not stable: %s", b, again)
		}
	})
}

func TestZerosTarget(t *testing.T) {
	for zeros := range 256 {
		target := ZerosTarget(zeros)
		want := new(big.Int).Lsh(big.NewInt(1), uint(256-zeros))
		want.Sub(want, big.NewInt(1))
		if target.n.big().Cmp(want) != 0 {
			t.Errorf("%d zeros: %s, want %x", zeros, target, want)
		}
		if target.Zeros() != zeros {
			t.Errorf("the target of %d zeros has %d leading zeros", zeros, target.Zeros())
		}
	}
	for _, zeros := range []int{-1, 256} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("ZerosTarget(%d) did not panic", zeros)
				}
			}()
			ZerosTarget(zeros)
		}()
	}
}

func TestDifficulty(t *testing.T) {
	for _, tc := range []struct {
		bits Bits
		want float64
	}{
		{0x1d00ffff, 1},
		{0x1b0404cb, 16307.420938523983}, // the example of Bitcoin's wiki
		{0x207fffff, 4.656542373906925e-10},
		{0x1c05a3f4, 45.38582234101263}, // block 67,071
	} {
		target, err := tc.bits.Target()
		if err != nil {
			t.Fatal(err)
		}
		if got := target.Difficulty(); math.Abs(got/tc.want-1) > 1e-15 {
			t.Errorf("difficulty of %s is %v, want %v", tc.bits, got, tc.want)
		}
	}
	if got := (Target{}).Difficulty(); !math.IsInf(got, 1) {
		t.Errorf("difficulty of no target is %v, want infinity", got)
	}
}

func TestOdds(t *testing.T) {
	target := ZerosTarget(8)
	if got := target.Probability(); got != 1.0/256 {
		t.Errorf("probability %v, want 1/256", got)
	}
	for _, tc := range []struct {
		hashes uint64
		want   float64
	}{{0, 0}, {1, 1.0 / 256}, {256, 1 - math.Pow(255.0/256, 256)}, {1 << 20, 1}} {
		if got := target.Odds(tc.hashes); math.Abs(got-tc.want) > 1e-12 {
			t.Errorf("odds of %d hashes %v, want %v", tc.hashes, got, tc.want)
		}
	}
	if got := (Target{}).Odds(1 << 60); got != 0 {
		t.Errorf("odds against no target %v, want 0", got)
	}
	if got := ZerosTarget(0).Odds(1); got != 1 {
		t.Errorf("odds of a target that every hash meets: %v, want 1", got)
	}
	// Here p is so small that 1 - p is 1 in floating point.
	if got, want := ZerosTarget(80).Odds(1<<40), math.Exp2(-40); math.Abs(got/want-1) > 1e-9 {
		t.Errorf("odds %v, want %v", got, want)
	}
}

func TestWorkAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		target := Target{anyUint256().Draw(t, "target")}
		if target.IsZero() {
			target = ZerosTarget(0)
		}
		want := new(big.Int).Add(target.n.big(), big.NewInt(1))
		want.Div(two256, want)
		equal(t, "work", target.Work().n, want)

		v := Work{anyUint256().Draw(t, "v")}
		sum := new(big.Int).Add(want, v.Big())
		if sum.Cmp(two256) >= 0 {
			sum.Sub(two256, big.NewInt(1))
		}
		equal(t, "sum", target.Work().Add(v).n, sum)
	})
	if got := (Target{}).Work(); got != (Work{}) {
		t.Errorf("work of no target is %s, want none", got)
	}
	// nBits 1d00ffff is worth 0x100010001 hashes, the chainwork of Bitcoin's genesis.
	if got, want := difficultyOne().Work().Big(), big.NewInt(0x100010001); got.Cmp(want) != 0 {
		t.Errorf("work of difficulty 1 is %x, want %x", got, want)
	}
}

func TestRetargetsOfBitcoinCore(t *testing.T) {
	type vector struct {
		Name             string
		LastRetargetTime uint32 `json:"last_retarget_time"`
		LastTime         uint32 `json:"last_time"`
		LastHeight       uint32 `json:"last_height"`
		LastBits         Bits   `json:"last_bits"`
		Expect           Bits
	}
	rule := BitcoinRetarget()
	for _, v := range readJSON[[]vector](t, "testdata/retarget_bitcoin_core_pow_tests.json") {
		t.Run(v.Name, func(t *testing.T) {
			if !rule.Boundary(v.LastHeight + 1) {
				t.Errorf("height %d is not a boundary", v.LastHeight+1)
			}
			if got := rule.Next(v.LastBits, v.LastRetargetTime, v.LastTime); got != v.Expect {
				t.Errorf("bits %s, want %s", got, v.Expect)
			}
		})
	}
}

func TestRetargetAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := Retarget{
			Limit:    Target{anyUint256().Draw(t, "limit")}.Bits(),
			Interval: rapid.Uint32Range(2, 1<<16).Draw(t, "interval"),
			Spacing:  rapid.Uint32Range(1, 1<<16).Draw(t, "spacing"),
		}
		last := Target{anyUint256().Draw(t, "last")}.Bits()
		first, end := rapid.Uint32().Draw(t, "first"), rapid.Uint32().Draw(t, "end")

		should := int64(rule.Interval) * int64(rule.Spacing)
		took := max(1, min(max(int64(end)-int64(first), should/4), should*4))
		old, _, _ := last.Decode()
		want := new(big.Int).Mul(old.n.big(), big.NewInt(took))
		want.Div(want, big.NewInt(should))
		limit, _, _ := rule.Limit.Decode()
		if want.Cmp(limit.n.big()) > 0 {
			want = limit.n.big()
		}
		if got, want := rule.Next(last, first, end), (Target{fromBig(want)}).Bits(); got != want {
			t.Fatalf("bits %s, want %s", got, want)
		}
	})
}

func FuzzParseBits(f *testing.F) {
	f.Add("1d00ffff")
	f.Add("+1d00fff")
	f.Fuzz(func(t *testing.T, s string) {
		b, err := ParseBits(s)
		if err == nil && b.String() != strings.ToLower(s) {
			t.Errorf("%q came back as %q", s, b)
		}
	})
}

func FuzzParseTarget(f *testing.F) {
	f.Add(ZerosTarget(32).String())
	f.Add("00")
	f.Fuzz(func(t *testing.T, s string) {
		target, err := ParseTarget(s)
		if err != nil {
			return
		}
		if target.String() != strings.ToLower(s) {
			t.Errorf("%q came back as %q", s, target)
		}
		text, err := json.Marshal([]any{target, target.Work()})
		if err != nil {
			t.Fatal(err)
		}
		var again Target
		var work Work
		if err := json.Unmarshal(text, &[]any{&again, &work}); err != nil || again != target || work != target.Work() {
			t.Errorf("%s came back as %s and %s (%v)", text, again, work, err)
		}
	})
}
