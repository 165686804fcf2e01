package pow

import (
	"math"
	"slices"
	"time"

	"github.com/lodepow/lode/internal/cycles"
)

// Speed is the speed of a kernel on one core.
type Speed struct {
	HashRate float64 // hashes per second; of the fastest of several slices of time

	// Cycles is the number of cycles of the core that a hash took: the median of the
	// slices. It is 0 on processors on which cycles cannot be measured; see package
	// internal/cycles.
	Cycles float64
}

// slice is one measurement of a kernel: a chunk of hashes.
type slice struct {
	hashes int
	took   time.Duration
	cycle  float64 // length of a cycle in seconds, or 0
}

// cyclesPerHash returns the cycles for each hash, or 0.
func (s slice) cyclesPerHash() float64 {
	if s.cycle == 0 {
		return 0
	}
	return s.took.Seconds() / s.cycle / float64(s.hashes)
}

// sliceFunc measures slices of a kernel, one for each call.
type sliceFunc func() slice

// slicer returns a function that hashes a chunk on the calling goroutine, for a job of
// the given number of versions that has no answer.
func (k Kernel) slicer(versions int) sliceFunc {
	job := Job{Header: BitcoinGenesis(), Target: ZerosTarget(200)} // no hash is known that meets it
	for v := range versions {
		job.Versions = append(job.Versions, int32(0x20000000|v<<13))
	}
	s, err := job.prepare()
	if err != nil {
		panic("pow: the job of a measurement is not valid: " + err.Error())
	}
	nonces := uint64(max(1, k.chunk/versions/k.lanes) * k.lanes)
	s.scan(k.scan, 0, nonces) // the first scan prepares the input
	offset := uint64(0)
	return func() slice {
		return untilTheClockMoves(func() slice {
			var o outcome
			took, cycle := cycles.Time(func() { o = s.scan(k.scan, offset, nonces) })
			offset = (offset + nonces) % (1 << 31)
			return slice{hashes: int(o.hashes), took: took, cycle: cycle}
		})
	}
}

// mostRepeats bounds how often a slice is repeated. At 0.4 ms a chunk, that is a second.
const mostRepeats = 2500

// untilTheClockMoves returns a slice that next has measured. Some systems, such as Wine, have
// a clock that stands still for longer than a chunk takes. There, next is repeated until
// its clock has moved during the hashes and also during the measurement of the cycle, and
// the result is that of all repeats together.
func untilTheClockMoves(next sliceFunc) slice {
	sum := next()
	n := 1
	for ; n < mostRepeats && (sum.took == 0 || cycles.Known && sum.cycle == 0); n++ {
		s := next()
		sum.hashes += s.hashes
		sum.took += s.took
		sum.cycle += s.cycle
	}
	sum.cycle /= float64(n)
	return sum
}

// Measure hashes on the calling goroutine, for a job with as many versions as the
// kernel is made for, and returns its speed. It takes as long as the given number of
// chunks, each of which takes at most 0.4 ms. Measure panics if the kernel cannot run on
// this CPU; see [Kernel.Missing].
func (k Kernel) Measure(chunks int) Speed {
	if len(k.missing) > 0 {
		panic("pow: a kernel that this CPU cannot run was measured: " + k.name)
	}
	return speedOf(k.slicer(k.versions), chunks)
}

func speedOf(next sliceFunc, n int) Speed {
	var best float64
	var perHash []float64
	for range n {
		s := next()
		best = max(best, float64(s.hashes)/s.took.Seconds())
		perHash = append(perHash, s.cyclesPerHash())
	}
	return Speed{HashRate: best, Cycles: median(perHash)}
}

// timesFaster returns how many times faster b is than a: the median of the ratios of n
// pairs of slices, which are measured one right after the other. Other load on the
// machine slows both halves of most pairs down equally.
func timesFaster(a, b sliceFunc, n int) float64 {
	var ratios []float64
	for range n {
		x, y := a(), b()
		ratios = append(ratios, x.took.Seconds()/float64(x.hashes)/(y.took.Seconds()/float64(y.hashes)))
	}
	return median(ratios)
}

// median returns the median, or the higher of the two in the middle. Without values it
// is not a number.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	return values[len(values)/2]
}
