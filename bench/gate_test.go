package bench

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/lodepow/lode/pow"
)

// fake returns a floor of 2 whose pairs scatter by 10 % around the given ratio. One
// pair in ten is off by a factor of up to ten in either direction.
func fake(r *rand.Rand, ratio float64) Floor {
	return Floor{Name: "fake", Least: 2, Pair: func(context.Context) (float64, error) {
		noise := math.Exp(0.1 * r.NormFloat64())
		if r.IntN(10) == 0 {
			noise = math.Exp((2*r.Float64() - 1) * math.Log(10))
		}
		return ratio * noise, nil
	}}
}

// TestGate simulates many runs of the gate. If the true ratio equals the floor, the
// gate must fail no more often than GateAlpha permits; a fifth below the floor it
// must fail nearly always, and a quarter above it never.
func TestGate(t *testing.T) {
	const runs = 2000
	r := rand.New(rand.NewPCG(6, 7))
	for _, tc := range []struct {
		ratio       float64
		least, most int
	}{{2, 0, 3}, {2.5, 0, 0}, {1.6, runs * 95 / 100, runs}, {1, runs * 99 / 100, runs}} {
		failed := 0
		for range runs {
			verdicts, err := Gate(t.Context(), []Floor{fake(r, tc.ratio)})
			if err != nil {
				t.Fatal(err)
			}
			if verdicts[0].Fails {
				failed++
			}
		}
		t.Logf("ratio %v, floor 2: %d of %d fail", tc.ratio, failed, runs)
		if failed < tc.least || failed > tc.most {
			t.Errorf("ratio %v, floor 2: %d of %d fail", tc.ratio, failed, runs)
		}
	}
}

// TestGateDisturbed checks that disturbed pairs are discarded, and that the gate
// draws no conclusion if too few pairs remain.
func TestGateDisturbed(t *testing.T) {
	disturbed := func(every int) Floor {
		n := 0
		return Floor{Least: 2, Pair: func(context.Context) (float64, error) {
			if n++; n%every == 0 {
				return 1, nil
			}
			return 0, ErrDisturbed
		}}
	}
	verdicts, err := Gate(t.Context(), []Floor{disturbed(1), disturbed(2), disturbed(3)})
	if err != nil {
		t.Fatal(err)
	}
	if v := verdicts[0]; v.Pairs != GatePairs || !v.Fails || v.Unchecked {
		t.Errorf("none disturbed: %+v", v)
	}
	if v := verdicts[1]; v.Pairs != GatePairs/2 || !v.Fails || v.Unchecked {
		t.Errorf("half disturbed: %+v", v)
	}
	if v := verdicts[2]; v.Fails || !v.Unchecked {
		t.Errorf("two of three disturbed: %+v", v)
	}
}

func TestSignTest(t *testing.T) {
	for _, tc := range []struct {
		k, n int
		want float64
	}{{0, 10, 1}, {10, 10, 1. / 1024}, {9, 10, 11. / 1024}, {5, 9, 0.5}} {
		if got := signTest(tc.k, tc.n); math.Abs(got-tc.want) > 1e-12 {
			t.Errorf("%d of %d: %v, want %v", tc.k, tc.n, got, tc.want)
		}
	}
}

// TestFloors checks that every kernel that runs on this machine has a floor, and
// that each pair yields a positive ratio. It also checks that two workers are
// compared only where there are two cores.
func TestFloors(t *testing.T) {
	floors, err := Floors(2)
	if err != nil {
		t.Fatal(err)
	}
	if len(floors) < 4 {
		t.Errorf("%d floors, want at least 4", len(floors))
	}
	for _, f := range floors {
		ratio, err := f.Pair(t.Context())
		if errors.Is(err, ErrDisturbed) {
			continue
		}
		if err != nil || !(ratio > 0) || f.Least <= 0 {
			t.Errorf("%s: ratio %v, floor %v, %v", f.Name, ratio, f.Least, err)
		}
	}
	if one, err := Floors(1); err != nil || len(one) != len(floors)-1 {
		t.Errorf("on one core: %d floors, %v", len(one), err)
	}
	broken := errors.New("broken")
	_, err = Gate(t.Context(), []Floor{{Pair: func(context.Context) (float64, error) { return 0, broken }}})
	if !errors.Is(err, broken) {
		t.Error(err)
	}
}

// The floors follow from the lanes of the kernels: four vectors of AVX-512 are more than
// two of AVX2, which have as many lanes as one of AVX-512.
func TestKernelFloor(t *testing.T) {
	want := map[string]float64{
		"avx512-roll": 4, "avx512": 4, "sha-ni": 1.6, "avx2": 1.6, "armv8-sha2": 1.6,
		"minio": 0.95, "stdlib": 0.95, "portable": 0.2,
	}
	for _, k := range pow.Kernels() {
		if got := kernelFloor(k); got != want[k.Name()] {
			t.Errorf("%s with %d lanes: the floor is %v, want %v", k.Name(), k.Lanes(), got, want[k.Name()])
		}
	}
}
