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

	interval time.Duration // the intended one
}

// Bin is a span of time.
type Bin struct {
	Blocks   int64 // of the main chain
	expected uint128
	errors   int64               // sum, in millionths; see Course
	classes  [timeClasses]uint32 // of the times from a block's parent to it; see timeClass
}

// timeClasses is the number of classes of the times in a bin.
const timeClasses = 128

// timeClass returns the class of a time that is x 64ths of the intended interval: x itself
// if it is below 8, and otherwise 8 classes for each power of two.
func timeClass(x uint64) int {
	if x < 8 {
		return int(x)
	}
	shift := bits.Len64(x) - 4
	return min((shift+1)*8+int(x>>shift&7), timeClasses-1)
}

// timeClassBound returns the least number of a class.
func timeClassBound(class int) uint64 {
	if class < 8 {
		return uint64(class)
	}
	return uint64(8+class%8) << (class/8 - 1)
}

// quantile returns the time that a share of the times in the bin does not exceed, in units of
// the intended interval. It is interpolated in a class that is an eighth wide. It is not known
// (NaN) if it is in the last class, of the times from 3840 intervals on, which has no end.
func (b *Bin) quantile(share float64) float64 {
	want, before := float64(share*float64(b.Blocks)), 0.0
	for class, n := range b.classes {
		if n > 0 && before+float64(n) >= want {
			if class == timeClasses-1 {
				break
			}
			from, to := float64(timeClassBound(class)), float64(timeClassBound(class+1))
			return (from + float64((to-from)*max(0, want-before))/float64(n)) / 64
		}
		before += float64(n)
	}
	return math.NaN()
}

// join adds another bin to the bin.
func (b *Bin) join(other *Bin) {
	b.Blocks += other.Blocks
	b.expected.add(other.expected.high, other.expected.low)
	b.errors += other.errors
	for i, n := range other.classes {
		b.classes[i] += n
	}
}

// Span is a part of a course in the form in which it is written to files. Figures of blocks
// are those of the main chain, and NaN if there are none.
type Span struct {
	From, To float64 // seconds since the start
	Blocks   int64
	Interval float64 // seconds for each block: the length of the span divided by the number

	// The times from a block's parent to it, in seconds, by the time of the block.
	// NaN if longer than 3840 intended intervals.
	Median, Quantile95 float64

	Expected float64 // mean seconds that the blocks took on average at their difficulty and the hash rate of the moment
	Error    float64 // mean of the difficulty's error; see Course
}

// Spans returns the course in at most the given number of spans, but for the part after the
// last block of the main chain, which was found at the given time: [Result.Growth]. There is
// at least one span.
func (c *Course) Spans(most int, last time.Duration) []Span {
	bins, step := c.Bins, c.Step
	for len(bins) > most {
		var half []Bin
		for i := 0; i < len(bins); i += 2 {
			b := bins[i]
			if i+1 < len(bins) {
				b.join(&bins[i+1])
			}
			half = append(half, b)
		}
		bins, step = half, 2*step
	}
	if len(bins) == 0 {
		bins = []Bin{{}}
	}
	list := make([]Span, len(bins))
	for i := range bins {
		b := &bins[i]
		s := &list[i]
		*s = Span{From: (time.Duration(i) * step).Seconds(), To: (time.Duration(i+1) * step).Seconds(), Blocks: b.Blocks, Interval: math.NaN(), Expected: math.NaN(), Error: math.NaN()}
		if i == len(bins)-1 {
			s.To = last.Seconds()
		}
		s.Median, s.Quantile95 = float64(b.quantile(0.5)*c.interval.Seconds()), float64(b.quantile(0.95)*c.interval.Seconds())
		if b.Blocks > 0 {
			n := float64(b.Blocks)
			s.Interval, s.Expected, s.Error = (s.To-s.From)/n, b.expected.float()/n/1e9, float64(b.errors)/n/1e6
		}
	}
	return list
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

// add adds a block of the main chain. took is the time from its parent to it.
func (c *Course) add(found, took, expected time.Duration) {
	for int64(found/c.Step) >= courseBins {
		n := min(courseBins/2, (len(c.Bins)+1)/2)
		for i := range n {
			a, b := c.bin(2*i), c.bin(2*i+1)
			a.join(&b)
			c.Bins[i] = a
		}
		c.Bins = c.Bins[:n]
		c.Step *= 2
	}
	i := int(found / c.Step)
	for len(c.Bins) <= i {
		c.Bins = append(c.Bins, Bin{})
	}
	b := &c.Bins[i]
	b.Blocks++
	b.expected.add(0, uint64(expected))
	b.classes[timeClass(uint64(max(took, 0))/uint64(max(c.interval/64, 1)))]++

	millionths := int64(math.Floor(float64(ln(float64(expected)/float64(c.interval))*1e6) + 0.5))
	b.errors += millionths
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
