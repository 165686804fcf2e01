package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/lodepow/lode/pow"
)

// Floor is the least acceptable ratio of two speeds. A ratio below it means that
// something has become slow.
type Floor struct {
	Name  string
	Least float64

	// Pair measures the tested code and its reference in immediate succession, and
	// returns how many times faster the tested code was. A pair is discarded if
	// its error wraps ErrDisturbed.
	Pair func(context.Context) (float64, error)
}

// ErrDisturbed is the error of a pair that must be discarded, because other
// programs took too much processor time while it was measured.
var ErrDisturbed = errors.New("the machine was busy")

// Verdict is the gate's result for one floor.
type Verdict struct {
	Floor
	Median float64 // median of the measured ratios
	Below  int     // number of pairs below the floor
	Pairs  int     // number of pairs that were not discarded

	// Unchecked is true if the machine was so busy that fewer than leastPairs pairs
	// are left, which are too few to show anything. Fails is then false.
	Unchecked bool
	Fails     bool
}

const (
	// GatePairs is the number of pairs that the gate measures for each floor.
	GatePairs = 41

	// GateAlpha bounds the probability of a false alarm: that a floor fails
	// although the true ratio is at or above it.
	GateAlpha = 1e-4

	// gateSlice is the time for which each side of a pair is measured.
	gateSlice = 4 * time.Millisecond

	// leastPairs is the number of pairs below which the gate draws no conclusion.
	// It leaves some room above the 14 at which a sign test can first fail at
	// GateAlpha.
	leastPairs = 20

	// maxOthersShare is the share of the cores that other programs may use while
	// two workers are compared with one. If they use more, two cores are not
	// really available, and the pair is discarded.
	maxOthersShare = 0.1
)

// Floors returns the floors that the gate checks: each kernel over the plain loop
// with the standard library and, on two cores or more, two workers over one. The
// floors are half to three quarters of the ratio that is reached by the slowest
// kind of core with the necessary instructions; docs/benchmarks.md explains them.
func Floors(cores int) ([]Floor, error) {
	var all []Floor
	baseline := loops()[0]
	for _, k := range pow.Kernels() {
		if missing(k) != "" {
			continue
		}
		all = append(all, Floor{
			Name:  "kernel=" + k.Name() + " over loop-stdlib",
			Least: kernelFloor(k),
			Pair: func(ctx context.Context) (float64, error) {
				return pair(ctx, baseline, Case{Name: k.Name(), Start: func() (*Run, error) { return startScan(k.Scan), nil }})
			},
		})
	}
	if cores < 2 {
		return all, nil
	}
	k, _, err := pow.Choose("")
	if err != nil {
		return nil, err
	}
	one, err := newEngine(k, 1)
	if err != nil {
		return nil, err
	}
	two, err := newEngine(k, 2)
	if err != nil {
		return nil, err
	}
	return append(all, Floor{
		Name:  "workers=2 over workers=1",
		Least: 1.5,
		Pair: func(ctx context.Context) (float64, error) {
			job := pow.Job{Header: pow.BitcoinGenesis(), Target: hopeless(), Count: uint64(256 * k.Chunk())}
			others := watch()
			a, b, err := inTurns(ctx, job, one.Search, two.Search)
			if share := others(); err == nil && share > maxOthersShare {
				return 0, fmt.Errorf("%w: other programs used %.0f %% of the cores", ErrDisturbed, 100*share)
			}
			return a / b, err
		},
	}), nil
}

// kernelFloor returns the floor of a kernel over the plain loop. It is derived
// from the number of lanes rather than from a list of names, so that a new kernel
// has a floor too.
//
// Kernels of 64 lanes reach 6.7 times the plain loop on a core with two 512-bit
// units; kernels of fewer lanes, with or without SHA instructions, reach 2.8
// times or more. Kernels of one lane start from the midstate and must not be
// slower than the loop. The exception is the portable kernel, which uses no SHA
// instructions, whereas the standard library does.
func kernelFloor(k pow.Kernel) float64 {
	switch {
	case k.Lanes() >= 64:
		return 4
	case k.Lanes() > 1:
		return 1.6
	case k.Name() == "portable":
		return 0.2
	default:
		return 0.95
	}
}

// pair measures two cases for one short slice each, and returns the rate of the
// second divided by that of the first.
func pair(ctx context.Context, first, second Case) (float64, error) {
	var rates [2]float64
	for i, c := range []Case{first, second} {
		r, err := c.Measure(ctx, gateSlice)
		if err != nil {
			return 0, err
		}
		rates[i], _ = r.Value("H/s")
	}
	return rates[1] / rates[0], nil
}

// Gate measures all floors in interleaved rounds and decides which of them fail.
//
// It uses a sign test. If the true ratio were at or above the floor, at least half
// of the pairs would lie above it in the long run. A floor fails if the number of
// pairs below it would then have a probability of at most GateAlpha. The test
// assumes nothing about the noise except that it does not favour one side of a
// pair.
func Gate(ctx context.Context, floors []Floor) ([]Verdict, error) {
	ratios := make([][]float64, len(floors))
	for range GatePairs {
		for i, f := range floors {
			ratio, err := f.Pair(ctx)
			if errors.Is(err, ErrDisturbed) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.Name, err)
			}
			ratios[i] = append(ratios[i], ratio)
		}
	}
	var verdicts []Verdict
	for i, f := range floors {
		v := Verdict{Floor: f, Pairs: len(ratios[i]), Unchecked: len(ratios[i]) < leastPairs}
		if v.Unchecked {
			verdicts = append(verdicts, v)
			continue
		}
		v.Median = median(ratios[i])
		for _, ratio := range ratios[i] {
			if !(ratio >= f.Least) {
				v.Below++
			}
		}
		v.Fails = signTest(v.Below, v.Pairs) <= GateAlpha
		verdicts = append(verdicts, v)
	}
	return verdicts, nil
}

// signTest returns the probability of at least k heads in n tosses of a fair coin.
func signTest(k, n int) float64 {
	var sum float64
	for i := k; i <= n; i++ {
		a, _ := math.Lgamma(float64(n + 1))
		b, _ := math.Lgamma(float64(i + 1))
		c, _ := math.Lgamma(float64(n - i + 1))
		sum += math.Exp(a - b - c - float64(n)*math.Ln2)
	}
	return sum
}
