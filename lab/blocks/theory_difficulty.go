package blocks

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/lodepow/lode/chain/rules"
)

// Each closed form below is followed by a function that measures the same in a run.

// AsertStep returns the mean time between blocks under the rule asert at a given time
// after the hash rate has been multiplied by factor. The result is relative to the
// intended interval, and the time is in half-lives of the rule.
//
// Without the noise of the search, the target is 2 to the power of the delay against the
// schedule in half-lives, and the delay grows by a second less a block's worth for each
// second. The relative rate z of blocks follows z' = ln 2 (1-z) z, with the time in
// half-lives, which is the logistic equation. So the error of the interval halves in each
// half-life: it is 1 + (1/factor - 1) 2^-t. (The rule: Toomim and Lundeberg,
// specification of ASERT for Bitcoin Cash of 2020-11-15.)
func AsertStep(factor, halfLives float64) float64 {
	return 1 + (1/factor-1)*math.Exp2(-halfLives)
}

// AsertRecovery returns after how many half-lives the error of the interval falls below the
// tolerance, such as 0.1, once the hash rate has been multiplied by factor.
func AsertRecovery(factor, tolerance float64) float64 {
	return max(0, math.Log2(math.Abs(1/factor-1)/tolerance))
}

// MeasureAsertStep returns what [AsertStep] predicts, for each of the times in half-lives:
// the mean time that the block in question took by its difficulty and the hash rate,
// relative to the intended interval. A half-life is a thousand intervals, so that the
// noise of one run is about 2 %.
func MeasureAsertStep(ctx context.Context, factor float64, halfLives []float64, seed uint64) ([]float64, error) {
	const spacing, blocks = 600, 1000
	p, err := rules.New(rules.Config{Name: "asert-step", Difficulty: rules.Difficulty{
		Rule: rules.RuleAsert, Bits: 0x1e0fffff, Limit: 0x207fffff, Spacing: spacing, HalfLife: spacing * blocks,
	}})
	if err != nil {
		return nil, err
	}
	const halfLife = spacing * blocks * time.Second
	step := 2 * halfLife
	last := 0.0
	for _, h := range halfLives {
		last = max(last, h)
	}
	// While it recovers from a larger hash rate, the chain gets log2(factor) half-lives
	// ahead of the schedule.
	x := Experiment{
		Nodes: 1, Params: p, Blocks: int((3 + last + math.Abs(math.Log2(factor))) * blocks),
		Power: Power{Steps: []PowerStep{{At: step, Factor: factor}}},
	}
	result := make([]float64, len(halfLives))
	_, err = Run(ctx, x, seed, Options{Observe: func(b Block) {
		for i, h := range halfLives {
			// The first block is at the time of the step itself: the last one before may
			// have been found at the old rate.
			if at := step + time.Duration(h*float64(halfLife)); b.Found >= at && result[i] == 0 {
				result[i] = b.Expected.Seconds() / spacing
			}
		}
	}})
	return result, err
}

// Warp is a window of a timewarp attack.
type Warp struct {
	Difficulty float64 // relative to that before the attack
	Elapsed    float64 // from the beginning of the attack to the end of the window, in windows of the intended length
}

// Timewarp returns the first windows of a timewarp attack on the rule bitcoin2016 by all
// miners together, without noise. The window k lasts as long as its difficulty says, but
// seems to last from the beginning of the attack, so that the next difficulty is divided
// by all the time that has elapsed. The first two windows have the old difficulty, and
// the difficulty falls by a factor of 2.8 a window in the end.
//
// The sum of all windows is finite, 2.82 of them, so that any difficulty is reached within
// 39.5 days. BIP 54 says 38 days for the worst case.
func Timewarp(windows int) []Warp {
	list := make([]Warp, windows)
	difficulty, elapsed := 1.0, 0.0
	for i := range list {
		elapsed += difficulty
		list[i] = Warp{difficulty, elapsed}
		difficulty /= min(4, max(0.25, elapsed))
	}
	return list
}

// MeasureTimewarp runs a timewarp attack on windows of the given number of blocks, and
// returns what [Timewarp] predicts. Windows of 2016 blocks have a noise of about 2 %.
func MeasureTimewarp(ctx context.Context, windows, blocks int, seed uint64) ([]Warp, error) {
	p, err := rules.New(rules.Config{Name: "timewarp", Difficulty: rules.Difficulty{
		Rule: rules.RuleBitcoin2016, Bits: 0x1b00ffff, Limit: 0x207fffff, Spacing: 600, Window: uint32(blocks),
	}})
	if err != nil {
		return nil, err
	}
	x := Experiment{
		Nodes: 1, Params: p, Blocks: blocks * (windows + 1), // the first window is honest
		Clocks: Clocks{Liars: []Liar{{Warp: true, From: int64(blocks)}}},
	}
	list := make([]Warp, windows)
	begin, base := time.Duration(0), 0.0
	_, err = Run(ctx, x, seed, Options{Observe: func(b Block) {
		target, _, _ := b.Bits.Decode()
		window := int(b.Height)/blocks - 1
		switch {
		case window < 0:
			begin = b.Found
			return
		case base == 0:
			base = target.Work().Float()
		}
		if window < windows {
			list[window] = Warp{target.Work().Float() / base, (b.Found - begin).Seconds() / float64(600*blocks)}
		}
	}})
	return list, err
}

// HoppingCycle returns the block intervals, relative to the intended one, of the cycle into
// which the rule bitcoin2016 falls if the given share of the hash rate comes when the
// difficulty is low and leaves when it is high (Meshkov, Chepurnoy and Jansen, "Revisiting
// Difficulty Control for Blockchain Systems", 2017, describe it as the coin-hopping
// attack). The difficulty of a window fits the hash rate of the one before: windows with
// the difficulty for all and the hash rate of those who stay alternate with windows the
// other way round. The mean is over blocks, and above 1. The share is at most 3/4, beyond
// which the rule's factor of 4 limits the swing.
func HoppingCycle(share float64) (slow, fast, mean float64) {
	stay := 1 - share
	return 1 / stay, stay, (1/stay + stay) / 2
}

// MeasureHoppingCycle returns what [HoppingCycle] predicts, from a number of windows of the
// given number of blocks.
func MeasureHoppingCycle(ctx context.Context, share float64, windows, blocks int, seed uint64) (slow, fast, mean float64, err error) {
	if share < 0.1 || share > 0.75 {
		return 0, 0, 0, fmt.Errorf("a share of %v: want 0.1 to 0.75", share)
	}
	p, err := rules.New(rules.Config{Name: "hopping", Difficulty: rules.Difficulty{
		Rule: rules.RuleBitcoin2016, Bits: 0x1e0fffff, Limit: 0x207fffff, Spacing: 600, Window: uint32(blocks),
	}})
	if err != nil {
		return 0, 0, 0, err
	}
	x := Experiment{
		Nodes: 1, Params: p, Blocks: blocks * (windows + 2),
		Hopping: Hopping{Share: share, Threshold: Dist{Mean: 1 / math.Sqrt(1-share)}},
	}
	var lasted [2]float64 // seconds, of even and of odd windows
	var counts [2]float64
	last := time.Duration(0)
	_, err = Run(ctx, x, seed, Options{Observe: func(b Block) {
		if window := int(b.Height) / blocks; window >= 2 && window < windows+2 {
			lasted[window%2] += (b.Found - last).Seconds() / 600
			counts[window%2]++
		}
		last = b.Found
	}})
	if err != nil {
		return 0, 0, 0, err
	}
	slow, fast = lasted[0]/counts[0], lasted[1]/counts[1]
	return max(slow, fast), min(slow, fast), (lasted[0] + lasted[1]) / (counts[0] + counts[1]), nil
}
