package pow

import (
	"encoding"
	"errors"
	"math"
	"math/big"
	"testing"
)

func targetOf(n uint64) Target { return Target{uint256{n}} }

// At each size of the compact form, the first target that needs another form.
func TestBitsEdges(t *testing.T) {
	for _, tc := range []struct {
		target Target
		want   Bits
	}{
		{targetOf(0), 0},
		{targetOf(1), 0x01010000},
		{targetOf(0x40), 0x01400000},
		{targetOf(0x7f), 0x017f0000},
		{targetOf(0x80), 0x02008000},
		{targetOf(0x100), 0x02010000},
		{targetOf(0x7fff), 0x027fff00},
		{targetOf(0x8000), 0x03008000},
		{targetOf(0x10000), 0x03010000},
		{targetOf(0x7fffff), 0x037fffff},
		{targetOf(0x800000), 0x04008000},
		{targetOf(0x12345678), 0x04123456},
		{targetOf(0x92345678), 0x05009234},
		{ZerosTarget(1), 0x207fffff},
		{ZerosTarget(0), 0x2100ffff},
	} {
		if got := tc.target.Bits(); got != tc.want {
			t.Errorf("bits of %s are %s, want %s", tc.target, got, tc.want)
		}
		if got, want := compact(tc.target, true), tc.want|bitsSign; got != want && tc.want != 0 {
			t.Errorf("bits of minus %s are %s, want %s", tc.target, got, want)
		}
	}
	if got := compact(Target{}, true); got != 0 {
		t.Errorf("minus zero has the bits %s, want 0", got)
	}
}

// A number of more than 256 bits is no target. One byte of size more leaves room for
// one digit less in the mantissa.
func TestBitsOverflowEdges(t *testing.T) {
	for size := Bits(31); size <= 36; size++ {
		for _, mantissa := range []Bits{0, 1, 0xff, 0x100, 0xffff, 0x10000, 0x7fffff} {
			b := size<<24 | mantissa
			n := new(big.Int).Lsh(big.NewInt(int64(mantissa)), 8*(uint(size)-3))
			var want error
			switch {
			case mantissa == 0:
				want = ErrBitsZero
			case n.BitLen() > 256:
				want = ErrBitsOverflow
			}
			target, err := b.Target()
			if !errors.Is(err, want) || err == nil && target.n.big().Cmp(n) != 0 {
				t.Errorf("bits %s: target %s, error %v; want %x, %v", b, target, err, n, want)
			}
			if _, negative, overflow := b.Decode(); negative || overflow != errors.Is(want, ErrBitsOverflow) {
				t.Errorf("bits %s: negative %v, overflow %v", b, negative, overflow)
			}
		}
	}
}

// Bits and targets come back from their text. What is no such text is refused and
// changes nothing.
func TestBitsAndTargetText(t *testing.T) {
	const digits = "00000000ffff0000000000000000000000000000000000000000000000000000" // 64 of them
	for _, s := range []string{"1d00ffff", "ffffffff", "00000000"} {
		var b Bits
		if err := b.UnmarshalText([]byte(s)); err != nil || b.String() != s {
			t.Errorf("%s came back as %s (%v)", s, b, err)
		}
	}
	var target Target
	if err := target.UnmarshalText([]byte(digits)); err != nil || target.String() != digits || target != difficultyOne() {
		t.Errorf("%s came back as %s (%v)", digits, target, err)
	}
	bits := Bits(7)
	for _, tc := range []struct {
		into encoding.TextUnmarshaler
		text string
	}{
		{&bits, ""}, {&bits, "1d00fff"}, {&bits, "1d00fffff"}, {&bits, "1d00fffg"}, {&bits, "+1d00fff"},
		{&target, ""}, {&target, digits[2:]}, {&target, digits + "00"}, {&target, digits[1:]}, {&target, digits[1:] + "g"},
	} {
		if err := tc.into.UnmarshalText([]byte(tc.text)); err == nil {
			t.Errorf("%q was read into a %T", tc.text, tc.into)
		}
	}
	if bits != 7 || target != difficultyOne() {
		t.Errorf("refused texts left %s and %s", bits, target)
	}
}

// The hardest and the easiest targets, for which a hash more or less counts.
func TestProbabilityAndWorkEdges(t *testing.T) {
	for _, tc := range []struct {
		target      Target
		probability float64
		work        *big.Int
	}{
		{Target{}, 0, new(big.Int)},
		{targetOf(1), math.Exp2(-255), new(big.Int).Lsh(big.NewInt(1), 255)},
		{targetOf(3), math.Exp2(-254), new(big.Int).Lsh(big.NewInt(1), 254)},
		{ZerosTarget(1), 0.5, big.NewInt(2)},
		{ZerosTarget(0), 1, big.NewInt(1)},
	} {
		if got := tc.target.Probability(); got != tc.probability {
			t.Errorf("probability of %s is %g, want %g", tc.target, got, tc.probability)
		}
		if got := tc.target.Work().Big(); got.Cmp(tc.work) != 0 {
			t.Errorf("work of %s is %d, want %d", tc.target, got, tc.work)
		}
		if got := tc.target.IsZero(); got != (tc.target == Target{}) {
			t.Errorf("%s is zero: %v", tc.target, got)
		}
	}
}

func TestTargetMulShiftEdges(t *testing.T) {
	for _, tc := range []struct {
		target Target
		m      uint64
		n      int
		want   Target
		ok     bool
	}{
		{targetOf(3), 5, 2, targetOf(60), true},
		{targetOf(3), 5, -2, targetOf(3), true},
		{targetOf(1), 1, 255, Target{uint256{0, 0, 0, 1 << 63}}, true},
		{targetOf(1), 1, 256, Target{}, false},
		{ZerosTarget(0), 2, 0, Target{}, false},
		{ZerosTarget(0), 2, -1, ZerosTarget(0), true},
	} {
		if got, ok := tc.target.MulShift(tc.m, tc.n); got != tc.want || ok != tc.ok {
			t.Errorf("%s * %d * 2^%d = %s, %v; want %s, %v", tc.target, tc.m, tc.n, got, ok, tc.want, tc.ok)
		}
	}
}

func TestRetargetEdges(t *testing.T) {
	rule := Retarget{Limit: 0x2100ffff, Interval: 10, Spacing: 100} // 1000 seconds
	tiny := Retarget{Limit: 0x2100ffff, Interval: 2, Spacing: 1}    // a quarter of 2 seconds is less than one
	const begin = 1_000_000
	for _, tc := range []struct {
		rule Retarget
		last Bits
		took int64
		want Bits
	}{
		{rule, 0x1b400000, 1000, 0x1b400000},
		{rule, 0x1b400000, 500, 0x1b200000},
		{rule, 0x1b400000, 251, 0x1b101062}, // 0x400000 * 251 / 1000 = 0x101062.4
		{rule, 0x1b400000, 250, 0x1b100000},
		{rule, 0x1b400000, 249, 0x1b100000},
		{rule, 0x1b400000, -5, 0x1b100000}, // the last header is earlier than the first
		{rule, 0x1b100000, 3999, 0x1b3ffbe7},
		{rule, 0x1b100000, 4000, 0x1b400000},
		{rule, 0x1b100000, 4001, 0x1b400000},
		{rule, 0x2100ffff, 1000, 0x2100ffff}, // exactly the limit
		{rule, 0x2100fffe, 1001, 0x2100ffff}, // over the limit
		{rule, 0x2100ffff, 4000, 0x2100ffff}, // over 256 bits, and less than the limit without the bits above these
		{tiny, 0x1b400000, 0, 0x1b200000},    // as if it had taken a second
	} {
		if got := tc.rule.Next(tc.last, begin, uint32(begin+tc.took)); got != tc.want {
			t.Errorf("%s after %d seconds of %d: bits %s, want %s", tc.last, tc.took, tc.rule.Interval*tc.rule.Spacing, got, tc.want)
		}
	}
	for height, want := range map[uint32]bool{0: true, 1: false, 9: false, 10: true, 11: false, 20: true} {
		if got := rule.Boundary(height); got != want {
			t.Errorf("height %d is a boundary: %v, want %v", height, got, want)
		}
	}
}
