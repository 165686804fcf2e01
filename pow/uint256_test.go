package pow

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

var two256 = new(big.Int).Lsh(big.NewInt(1), 256)

func (x uint256) big() *big.Int {
	b := x.bytes()
	return new(big.Int).SetBytes(b[:])
}

func fromBig(n *big.Int) uint256 {
	var b [32]byte
	n.FillBytes(b[:])
	return uint256FromBytes(&b)
}

// edgeWords are words at which carries, borrows and wrong digits of the long
// division are likely.
var edgeWords = []uint64{0, 1, 2, 1 << 31, 1 << 32, 1<<63 - 1, 1 << 63, 1<<63 + 1, math.MaxUint64 - 1, math.MaxUint64}

func anyUint256() *rapid.Generator[uint256] {
	word := rapid.OneOf(rapid.Uint64(), rapid.SampledFrom(edgeWords))
	return rapid.Custom(func(t *rapid.T) uint256 {
		var x uint256
		for i := range x {
			x[i] = word.Draw(t, "word")
		}
		return x.shr(rapid.UintRange(0, 256).Draw(t, "shift"))
	})
}

func equal(t *rapid.T, what string, got uint256, want *big.Int) {
	t.Helper()
	if got.big().Cmp(want) != 0 {
		t.Fatalf("%s = %x, want %x", what, got.big(), want)
	}
}

func TestUint256AgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := anyUint256().Draw(t, "x"), anyUint256().Draw(t, "y")
		n := rapid.UintRange(0, 300).Draw(t, "n")
		bx, by := x.big(), y.big()

		if got, want := x.cmp(y), bx.Cmp(by); got != want {
			t.Fatalf("cmp = %d, want %d", got, want)
		}
		if got, want := x.bitLen(), bx.BitLen(); got != want {
			t.Fatalf("bitLen = %d, want %d", got, want)
		}
		if fromBig(bx) != x {
			t.Fatalf("%x changes when it is converted to bytes and back", bx)
		}
		equal(t, "not", x.not(), new(big.Int).Sub(new(big.Int).Sub(two256, bx), big.NewInt(1)))
		equal(t, "shr", x.shr(n), new(big.Int).Rsh(bx, n))
		equal(t, "shl", x.shl(n), new(big.Int).Mod(new(big.Int).Lsh(bx, n), two256))

		sum, carry := x.add(y)
		want := new(big.Int).Add(bx, by)
		equal(t, "add", sum, new(big.Int).Mod(want, two256))
		if (carry == 1) != (want.Cmp(two256) >= 0) {
			t.Fatalf("carry = %d of %x", carry, want)
		}
		if !y.isZero() {
			equal(t, "div", x.div(y), new(big.Int).Div(bx, by))
		}

		wantFloat, _ := new(big.Float).SetInt(bx).Float64()
		if got := x.float(); math.Abs(got-wantFloat) > wantFloat*0x1p-52 {
			t.Fatalf("float = %g, want %g", got, wantFloat)
		}
	})
}

func TestUint256MulDivAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := anyUint256().Draw(t, "x")
		word := rapid.OneOf(rapid.Uint64(), rapid.SampledFrom(edgeWords))
		m, d := word.Draw(t, "m"), max(1, word.Draw(t, "d"))
		quo, ok := x.mulDiv(m, d)
		want := new(big.Int).Mul(x.big(), new(big.Int).SetUint64(m))
		want.Div(want, new(big.Int).SetUint64(d))
		if ok != (want.Cmp(two256) < 0) {
			t.Fatalf("fits: %v, quotient %x", ok, want)
		}
		if ok {
			equal(t, "mulDiv", quo, want)
		}
	})
}

func TestMulDivAndAddAgainstBig(t *testing.T) {
	limit := new(big.Int).Lsh(big.NewInt(1), 256)
	check := func(t *rapid.T, what string, got Target, ok bool, want *big.Int) {
		if fits := want.Cmp(limit) < 0; ok != fits || fits && got.n.big().Cmp(want) != 0 || !fits && !got.IsZero() {
			t.Fatalf("%s: %s (%v), want %x", what, got, ok, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		x, y := anyUint256().Draw(t, "x"), anyUint256().Draw(t, "y")
		m, d := rapid.Uint64().Draw(t, "m"), rapid.Uint64Min(1).Draw(t, "d")
		got, ok := Target{x}.MulDiv(m, d)
		want := new(big.Int).Mul(x.big(), new(big.Int).SetUint64(m))
		check(t, "x * m / d", got, ok, want.Quo(want, new(big.Int).SetUint64(d)))
		got, ok = Target{x}.Add(Target{y})
		check(t, "x + y", got, ok, new(big.Int).Add(x.big(), y.big()))
	})
}

func TestMulShiftAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := anyUint256().Draw(t, "x")
		m := rapid.OneOf(rapid.Uint64(), rapid.SampledFrom(edgeWords)).Draw(t, "m")
		n := rapid.OneOf(rapid.IntRange(-330, 330), rapid.SampledFrom([]int{math.MinInt, -256, 0, 256, math.MaxInt})).Draw(t, "n")
		want := new(big.Int).Mul(x.big(), new(big.Int).SetUint64(m))
		if n >= 0 && want.Sign() != 0 {
			want.Lsh(want, min(uint(n), 1000))
		} else if n < 0 {
			want.Rsh(want, uint(-n))
		}
		got, ok := Target{x}.MulShift(m, n)
		if ok != (want.Cmp(two256) < 0) {
			t.Fatalf("fits: %v, scaled %x", ok, want)
		}
		if !ok {
			want.SetInt64(0)
		}
		equal(t, "scaled", got.n, want)
	})
}

// FuzzDiv looks for wrong digits of the long division, which are so rare that
// random operands almost never show them.
func FuzzDiv(f *testing.F) {
	f.Add(uint64(0), uint64(0), uint64(1<<63), uint64(1<<63-1), uint64(0), uint64(0), uint64(math.MaxUint64), uint64(1<<63))
	f.Add(uint64(3), uint64(0), uint64(0), uint64(1<<63), uint64(1), uint64(0), uint64(0), uint64(1<<61))
	f.Add(uint64(0), uint64(math.MaxUint64-1), uint64(1<<63), uint64(0), uint64(math.MaxUint64), uint64(1<<63), uint64(0), uint64(0))
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g, h, i uint64) {
		x, y := uint256{a, b, c, d}, uint256{e, g, h, i}
		if y.isZero() {
			return
		}
		want := new(big.Int).Div(x.big(), y.big())
		if got := x.div(y).big(); got.Cmp(want) != 0 {
			t.Errorf("%x / %x = %x, want %x", x.big(), y.big(), got, want)
		}
	})
}
