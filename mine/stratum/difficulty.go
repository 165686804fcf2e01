package stratum

import (
	"fmt"
	"math"
	"math/big"

	"github.com/lodepow/lode/pow"
)

// difficultyOne is the target of difficulty 1: that of bits 1d00ffff.
func difficultyOne() *big.Int { return new(big.Int).Lsh(big.NewInt(0xffff), 208) }

// TargetOf returns the target of a difficulty: that of difficulty 1, divided by it and
// rounded down. The difficulty may be a fraction. Below about 2^-32 every hash meets
// the target; above that of a single hash, the target is 1.
func TargetOf(difficulty float64) (pow.Target, error) {
	if !(difficulty > 0) || math.IsInf(difficulty, 0) {
		return pow.Target{}, fmt.Errorf("difficulty %v: want a number greater than zero", difficulty)
	}
	exact := new(big.Rat).SetFloat64(difficulty)
	n := new(big.Int).Mul(difficultyOne(), exact.Denom())
	n.Quo(n, exact.Num())
	switch {
	case n.Sign() == 0:
		n.SetInt64(1)
	case n.BitLen() > 256:
		return pow.ZerosTarget(0), nil
	}
	var b [32]byte
	n.FillBytes(b[:])
	return pow.TargetFromBytes(b), nil
}
