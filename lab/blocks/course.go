package blocks

import (
	"hash"
	"math"
	"math/bits"
	"time"

	"github.com/lodepow/lode/pow"
)

// courseBins is the greatest number of bins of a course.
const courseBins = 256

// Course is how block interval and difficulty went over time. Its size does not depend on
// the length of the run: when the bins are full, they are joined in pairs.
type Course struct {
	Step time.Duration // the time that each bin spans, a power of two times the experiment's interval
	Bins []Bin         // from the start of the run on

	// The error of a block of the main chain is the logarithm of the time that it took on
	// average, at the hash rate of the moment, divided by the intended interval. It is 0
	// if the difficulty fits the hash rate, and positive if it is too high. Miners that are
	// away (see [Churn]) count as if they mined. The sums are in millionths.
	blocks  int64
	errors  int64
	squares uint128
}

// Bin is a span of time.
type Bin struct {
	Blocks   int64 // of the main chain
	expected uint128
}

// Expected returns the mean time that the bin's blocks took on average at the hash rate of
// their moments, by their difficulty. It does not have the noise of the search. Without
// blocks it is 0.
func (b *Bin) Expected() time.Duration {
	if b.Blocks == 0 {
		return 0
	}
	return time.Duration(b.expected.float() / float64(b.Blocks))
}

// Interval returns the time from block to block in a bin, by their number. It is not
// known (NaN) for a bin without blocks; the last bin need not be full.
func (c *Course) Interval(bin int) float64 {
	if c.Bins[bin].Blocks == 0 {
		return math.NaN()
	}
	return c.Step.Seconds() / float64(c.Bins[bin].Blocks)
}

// Error returns mean and standard deviation of the error of the difficulty; see [Course].
// A mean of 0.1 says that the difficulty was a tenth too high, and the deviation is how
// far it swings.
func (c *Course) Error() (mean, deviation float64) {
	if c.blocks < 2 {
		return math.NaN(), math.NaN()
	}
	n := float64(c.blocks)
	mean = float64(c.errors) / n / 1e6
	variance := max(0, c.squares.float()/n/1e12-float64(mean*mean)) * n / (n - 1)
	return mean, math.Sqrt(variance)
}

func (c *Course) add(found, expected, interval time.Duration) {
	for int64(found/c.Step) >= courseBins {
		for i := range courseBins / 2 {
			a, b := c.bin(2*i), c.bin(2*i+1)
			a.Blocks += b.Blocks
			a.expected.add(b.expected.high, b.expected.low)
			c.Bins[i] = a
		}
		c.Bins = c.Bins[:min(len(c.Bins), courseBins/2)]
		c.Step *= 2
	}
	i := int(found / c.Step)
	for len(c.Bins) <= i {
		c.Bins = append(c.Bins, Bin{})
	}
	c.Bins[i].Blocks++
	c.Bins[i].expected.add(0, uint64(expected))

	millionths := int64(math.Floor(float64(ln(float64(expected)/float64(interval))*1e6) + 0.5))
	size := uint64(max(millionths, -millionths))
	c.blocks++
	c.errors += millionths
	c.squares.add(bits.Mul64(size, size))
}

// bin returns a bin, which is empty beyond the last one.
func (c *Course) bin(i int) Bin {
	if i < len(c.Bins) {
		return c.Bins[i]
	}
	return Bin{}
}

func (c *Course) writeTo(h hash.Hash) {
	writeInts(h, int64(c.Step), c.blocks, c.errors, int64(c.squares.high), int64(c.squares.low))
	for _, b := range c.Bins {
		writeInts(h, b.Blocks, int64(b.expected.high), int64(b.expected.low))
	}
}

// pace computes how long blocks take on average.
type pace struct {
	first    float64 // hashes of block 1
	interval time.Duration
	stages   []stage

	bits   pow.Bits // the latest ones, which seldom change
	hashes float64  // of a block with these bits
}

// expected returns how long a block with these bits takes on average at the hash rate of
// the moment; present is the part of it that mines.
func (p *pace) expected(b pow.Bits, found int64, present float64) time.Duration {
	if b != p.bits {
		target, _, _ := b.Decode()
		p.bits, p.hashes = b, target.Work().Float()
	}
	rate := present
	for i := range p.stages {
		if p.stages[i].at > found {
			break
		}
		rate = float64(present * p.stages[i].factor)
	}
	return time.Duration(max(1, min(meanOf(p.hashes, p.first, p.interval)/rate, maxSpan)))
}
