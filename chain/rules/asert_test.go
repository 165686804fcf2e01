package rules

import (
	"fmt"
	"math"
	"math/big"
	"os"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// bitcoinCash returns the rule of Bitcoin Cash with an anchor at height 1.
func bitcoinCash(bits pow.Bits) Asert {
	return Asert{Height: 1, Bits: bits, Spacing: 600, HalfLife: 172_800, Limit: 0x1d00ffff}
}

func TestAsertRuns(t *testing.T) {
	for run, iterations := range map[string]int{"run01": 10, "run02": 10, "run03": 10, "run04": 225, "run05": 225, "run06": 1000} {
		t.Run(run, func(t *testing.T) {
			data, err := os.ReadFile("testdata/aserti3-2d/" + run)
			if err != nil {
				t.Fatal(err)
			}

			var rule Asert
			lines := 0
			for line := range strings.Lines(string(data)) {
				line = strings.TrimSpace(line)
				if key, value, ok := strings.Cut(strings.TrimLeft(line, "# "), ": "); ok && strings.HasPrefix(line, "##") {
					switch key {
					case "anchor nBits":
						rule = bitcoinCash(parseRunBits(t, value))
					case "anchor height", "anchor ancestor time":
						if want := map[string]string{"anchor height": "1", "anchor ancestor time": "0"}[key]; value != want {
							t.Fatalf("%s is %s, want %s", key, value, want)
						}
					}
					continue
				}
				fields := strings.Fields(line)
				if len(fields) != 4 || strings.HasPrefix(line, "#") {
					continue
				}
				lines++
				height, err := strconv.ParseInt(fields[1], 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				time, err := strconv.ParseInt(fields[2], 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := rule.Next(height, time), parseRunBits(t, fields[3]); got != want {
					t.Errorf("%s: bits %s, want %s", line, got, want)
				}
			}
			if lines != iterations {
				t.Errorf("%d lines, want %d", lines, iterations)
			}
		})
	}
}

func parseRunBits(t *testing.T, s string) pow.Bits {
	t.Helper()
	b, err := pow.ParseBits(strings.TrimPrefix(s, "0x"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// modelNext computes what [Asert.Next] does with big integers, as the specification
// is written.
func modelNext(a Asert, height, time int64) pow.Bits {
	big64 := big.NewInt
	late := new(big.Int).Mul(big64(int64(a.Spacing)), big64(height-a.Height+1))
	late.Sub(big64(time-a.ParentTime), late)
	exponent := late.Quo(late.Mul(late, big64(65536)), big64(int64(a.HalfLife))) // truncated

	shifts := new(big.Int).Rsh(exponent, 16) // floored
	x := new(big.Int).Sub(exponent, new(big.Int).Lsh(shifts, 16))
	factor := new(big.Int)
	for _, c := range []int64{5127, 971821376, 195766423245049} { // Horner's scheme
		factor.Mul(factor.Add(factor, big64(c)), x)
	}
	factor.Add(factor, new(big.Int).Lsh(big64(1), 47))
	factor.Add(factor.Rsh(factor, 48), big64(65536))

	anchor, limit := bigTarget(a.Bits), bigTarget(a.Limit)
	next := anchor.Mul(anchor, factor)
	switch n := shifts.Int64() - 16; {
	case n < -2000:
		next.SetInt64(0)
	case n < 0:
		next.Rsh(next, uint(-n))
	default:
		next.Lsh(next, uint(min(n, 2000)))
	}
	if next.Sign() == 0 {
		next.SetInt64(1)
	}
	if next.Cmp(limit) > 0 {
		return a.Limit
	}
	var b [32]byte
	next.FillBytes(b[:])
	return pow.TargetFromBytes(b).Bits()
}

func bigTarget(b pow.Bits) *big.Int {
	target, _, _ := b.Decode()
	raw := target.Bytes()
	return new(big.Int).SetBytes(raw[:])
}

// anyBits generates the shortest compact form of any positive target.
func anyBits() *rapid.Generator[pow.Bits] {
	return rapid.Custom(func(t *rapid.T) pow.Bits {
		b := pow.Bits(rapid.Uint32Range(1, 0x7fffff).Draw(t, "mantissa")) | pow.Bits(rapid.Uint32Range(1, 32).Draw(t, "size"))<<24
		target, err := b.Target()
		if err != nil {
			return 0x2100ffff
		}
		return target.Bits()
	})
}

func anyAsert() *rapid.Generator[Asert] {
	return rapid.Custom(func(t *rapid.T) Asert {
		a := Asert{
			Height:     rapid.Int64Range(0, 10).Draw(t, "anchor height"),
			ParentTime: rapid.Int64Range(-1<<32, 1<<32).Draw(t, "anchor time"),
			Bits:       anyBits().Draw(t, "anchor bits"),
			Spacing:    rapid.Uint32().Draw(t, "spacing"),
			HalfLife:   max(1, rapid.Uint32().Draw(t, "half-life")),
			Limit:      anyBits().Draw(t, "limit"),
		}
		if bigTarget(a.Bits).Cmp(bigTarget(a.Limit)) > 0 {
			a.Bits, a.Limit = a.Limit, a.Bits
		}
		return a
	})
}

func TestAsertAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := anyAsert().Draw(t, "rule")
		height := rapid.OneOf(rapid.Int64Range(0, 5000), rapid.Int64Range(0, block.MaxHeight)).Draw(t, "height")
		time := rapid.Int64Range(0, math.MaxUint32).Draw(t, "time")
		if rapid.Bool().Draw(t, "near the schedule") {
			late := rapid.Int64Range(-20, 20).Draw(t, "half-lives")*int64(a.HalfLife) + rapid.Int64Range(-3, 3).Draw(t, "seconds")
			time = a.ParentTime + int64(a.Spacing)*(height-a.Height+1) + late
		}
		if got, want := a.Next(height, time), modelNext(a, height, time); got != want {
			t.Fatalf("bits %s, want %s", got, want)
		}
	})
}

func TestAsertFactor(t *testing.T) {
	before := uint64(0)
	for frac := range uint64(1 << 16) {
		got := asertFactor(frac)
		exact := math.Exp2(float64(frac)/65536) * 65536
		// Allow for 0.013%, the error of the cubic, and for rounding.
		if math.Abs(float64(got)-exact) > exact*0.00013+0.5 {
			t.Fatalf("2^(%d/65536) is %d/65536, want about %.1f", frac, got, exact)
		}
		if got < before || got >= 2<<16 {
			t.Fatalf("2^(%d/65536) is %d/65536, after %d", frac, got, before)
		}
		before = got
	}
	if got := asertFactor(0); got != 1<<16 {
		t.Errorf("2^0 is %d/65536", got)
	}
}

// A later parent makes the next block easier, and a higher parent makes it harder.
func TestAsertIsMonotonic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := anyAsert().Draw(t, "rule")
		height := rapid.Int64Range(0, 5000).Draw(t, "height")
		time := rapid.Int64Range(0, math.MaxUint32).Draw(t, "time")
		at := bigTarget(a.Next(height, time))
		if later := bigTarget(a.Next(height, time+rapid.Int64Range(0, 1<<20).Draw(t, "later"))); later.Cmp(at) < 0 {
			t.Fatalf("a later parent made target %x harder: %x", at, later)
		}
		if higher := bigTarget(a.Next(height+rapid.Int64Range(0, 1<<10).Draw(t, "higher"), time)); higher.Cmp(at) > 0 {
			t.Fatalf("a higher parent made target %x easier: %x", at, higher)
		}
		if at.Sign() <= 0 || at.Cmp(bigTarget(a.Limit)) > 0 {
			t.Fatalf("target %x is not from 1 to the limit", at)
		}
	})
}

// The target is close to anchor * 2^(late / half-life).
func TestAsertAgainstFloat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Asert{Height: 1, Bits: 0x1c00ffff, Spacing: 10, HalfLife: 600, Limit: 0x207fffff}
		late := rapid.Int64Range(-20*600, 20*600).Draw(t, "late")
		height := rapid.Int64Range(1, 1_000_000).Draw(t, "height")
		got, _ := new(big.Float).SetInt(bigTarget(a.Next(height, 10*height+late))).Float64()
		anchor, _ := new(big.Float).SetInt(bigTarget(a.Bits)).Float64()
		want := anchor * math.Exp2(float64(late)/600)
		// The last term, 2^-15, allows for the rounding to the compact form.
		if math.Abs(got/want-1) > 0.00013+1.0/65536+1.0/32768 {
			t.Fatalf("%d s late: target %g, want about %g", late, got, want)
		}
	})
}

func TestAsertClamps(t *testing.T) {
	a := bitcoinCash(0x1a2b3c4d)
	for _, tc := range []struct {
		height, time int64
		want         pow.Bits
	}{
		{1, math.MaxUint32, a.Limit},
		{block.MaxHeight, 0, 0x01010000},
		{2, -1 << 40, 0x01010000},
		{2, 1 << 40, a.Limit},
	} {
		if got := a.Next(tc.height, tc.time); got != tc.want {
			t.Errorf("after height %d at %d: bits %s, want %s", tc.height, tc.time, got, tc.want)
		}
	}
}

func ExampleAsert() {
	rule := Asert{Height: 1, Bits: 0x1e0fffff, Spacing: 10, HalfLife: 600, Limit: 0x2000ffff}
	onTime := int64(10 * 100)
	fmt.Println(rule.Next(100, onTime))
	fmt.Println(rule.Next(100, onTime+600)) // a half-life late: twice as easy
	fmt.Println(rule.Next(100, onTime-600)) // a half-life early: twice as hard
	// Output:
	// 1e0fffff
	// 1e1ffffe
	// 1e07ffff
}
