package blocks

import (
	"encoding/binary"
	"hash"
	"math"
	"math/bits"
	"time"
)

// Times summarises durations at constant memory. Two Times are == if they have seen the
// same durations in some order.
type Times struct {
	Count    int64
	Min, Max time.Duration
	sum      uint128
	squares  uint128 // of microseconds, rounded down

	// counts has 16 classes for each power of two, so that a quantile is exact to 1/16.
	counts [64 * 16]int64
}

type uint128 struct{ high, low uint64 }

func (u *uint128) add(high, low uint64) {
	var carry uint64
	u.low, carry = bits.Add64(u.low, low, 0)
	u.high, _ = bits.Add64(u.high, high, carry)
}

func (u uint128) float() float64 { return float64(float64(u.high)*0x1p64) + float64(u.low) }

// add adds a duration; a negative one counts as 0.
func (t *Times) add(d time.Duration) {
	d = max(d, 0)
	if t.Count == 0 || d < t.Min {
		t.Min = d
	}
	t.Max = max(t.Max, d)
	t.Count++
	t.sum.add(0, uint64(d))
	micros := uint64(d / time.Microsecond)
	t.squares.add(bits.Mul64(micros, micros))
	t.counts[timesClass(uint64(d))]++
}

// timesClass returns the class of a number: the number itself if it is below 16, and
// otherwise 16 for each power of two.
func timesClass(x uint64) int {
	if x < 16 {
		return int(x)
	}
	shift := bits.Len64(x) - 5
	return (shift+1)*16 + int(x>>shift&15)
}

// timesBound returns the least number of a class.
func timesBound(class int) uint64 {
	if class < 16 {
		return uint64(class)
	}
	return uint64(16+class%16) << (class/16 - 1)
}

// Mean returns the mean, or 0 if there are no durations.
func (t *Times) Mean() time.Duration {
	if t.Count == 0 {
		return 0
	}
	return time.Duration(t.sum.float() / float64(t.Count))
}

// Deviation returns the standard deviation.
func (t *Times) Deviation() time.Duration {
	if t.Count < 2 {
		return 0
	}
	n := float64(t.Count)
	mean := t.sum.float() / n / 1e3
	variance := max(0, t.squares.float()/n-float64(mean*mean)) * n / (n - 1)
	return time.Duration(math.Sqrt(variance) * 1e3)
}

// Quantile returns the duration that the given share of the durations does not exceed.
// It is too small by at most a sixteenth. Without durations it is 0.
func (t *Times) Quantile(share float64) time.Duration {
	if t.Count == 0 {
		return 0
	}
	want := int64(math.Ceil(share * float64(t.Count)))
	var sum int64
	for class, n := range t.counts {
		if sum += n; sum >= want && n > 0 {
			return min(max(time.Duration(timesBound(class)), t.Min), t.Max)
		}
	}
	return t.Max
}

// Classes calls f with the bounds of each class of durations that is not empty, and with
// the number of durations d for which from <= d < to.
func (t *Times) Classes(f func(from, to time.Duration, count int64)) {
	for class, n := range t.counts {
		if n > 0 {
			f(time.Duration(timesBound(class)), time.Duration(timesBound(class+1)), n)
		}
	}
}

// writeTo writes the summary to a hash.
func (t *Times) writeTo(h hash.Hash) {
	writeInts(h, t.Count, int64(t.Min), int64(t.Max), int64(t.sum.high), int64(t.sum.low), int64(t.squares.high), int64(t.squares.low))
	writeInts(h, t.counts[:]...)
}

// writeInts writes numbers in little-endian order.
func writeInts(h hash.Hash, numbers ...int64) {
	var b [8]byte
	for _, n := range numbers {
		binary.LittleEndian.PutUint64(b[:], uint64(n))
		h.Write(b[:])
	}
}
