package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/lodepow/lode/pow"
)

// Floor is a ratio below which something has become slow.
type Floor struct {
	Name  string
	Least float64

	// Pair measures both sides, one right after the other, and returns how many
	// times faster the thing in question was. A pair whose error wraps
	// ErrDisturbed does not count.
	Pair func(context.Context) (float64, error)
}

// ErrDisturbed is the error of a pair during which others had too much of the
// machine for it to mean anything.
var ErrDisturbed = errors.New("the machine was busy")

// Verdict is what a gate found.
type Verdict struct {
	Floor
	Median float64
	Below  int // pairs under the floor
	Pairs  int

	// Unchecked says that the machine was too busy: too few pairs count.
	Unchecked bool
	Fails     bool
}

const (
	// GatePairs is how many pairs the gate measures of each floor.
	GatePairs = 41

	// GateAlpha is how likely it is at most that a floor fails whose ratio is
	// really at or above it.
	GateAlpha = 1e-4

	gateSlice = 4 * time.Millisecond

	// leastPairs is of how many a sign test can fail at GateAlpha, with some room.
	leastPairs = 20

	// othersMay have that share of the cores while two workers are held against
	// one: with more there are not two cores to be had.
	othersMay = 0.1
)

// Floors returns what the gate asks: each kernel against the plain loop with the
// standard library, and two workers against one. The ratios are half to three
// quarters of what the slowest kind of core that has the instructions reaches;
// docs/benchmarks.md has the reasons.
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
				return pair(ctx, baseline, Case{Name: k.Name(), Start: func() (*Run, error) { return startScan(k), nil }})
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
			if share := others(); err == nil && share > othersMay {
				return 0, fmt.Errorf("%w: others had %.0f %% of the cores", ErrDisturbed, 100*share)
			}
			return a / b, err
		},
	}), nil
}

// kernelFloor goes by what a kernel is made of, so that a new one has a floor
// too. Vectors of 16 lanes reach 6.7 times the plain loop where a core has two
// 512-bit units, of 8 lanes and SHA instructions 2.8 or more; one lane starts from
// the midstate and must not lose to the loop, but for the portable kernel, which
// has no SHA instructions where the loop has.
func kernelFloor(k pow.Kernel) float64 {
	switch {
	case k.Lanes() >= 16:
		return 4
	case k.Lanes() > 1:
		return 1.6
	case k.Name() == "portable":
		return 0.2
	default:
		return 0.95
	}
}

// pair measures two cases in short slices and returns the second one's rate over
// the first one's.
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

// Gate measures the floors in turns and says which fail: those of which so many
// pairs are below the floor that it would be unlikely, at GateAlpha, if half of
// them or more were above it in the long run. This is a sign test; it asks nothing
// of the noise but that it does not favour one side of a pair.
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

// signTest returns the probability of at least k heads in n throws of a coin.
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
