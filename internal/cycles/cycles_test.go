package cycles_test

import (
	"math/big"
	"testing"

	"github.com/lodepow/lode/internal/cycles"
)

// The result is a power: x to the n+1, modulo 2^64.
func TestMultiply(t *testing.T) {
	modulus := new(big.Int).Lsh(big.NewInt(1), 64)
	for _, x := range []uint64{0, 1, 3, 1<<63 | 5} {
		for _, n := range []int{0, 8, 64} {
			want := new(big.Int).Exp(new(big.Int).SetUint64(x), big.NewInt(int64(n+1)), modulus)
			if got := cycles.Multiply(x, n); got != want.Uint64() {
				t.Errorf("%d multiplied %d times by itself is %d, want %d", x, n, got, want)
			}
		}
	}
}

func TestTime(t *testing.T) {
	runs := 0
	took, cycle := cycles.Time(func() { runs++ })
	if runs != 1 || took < 0 || (cycle > 0) != cycles.Known {
		t.Errorf("ran the work %d times, in %v at %v s a cycle; cycles are known: %v", runs, took, cycle, cycles.Known)
	}
}
