// Package cycles measures time in cycles of the core that runs the caller.
//
// A program is not always allowed to read a cycle counter, and a core seldom runs at
// its nominal frequency. But the number of cycles of some work is known: that of a
// chain of multiplications, each of which needs the result of the one before. Timed in
// the same moment as other work, it tells how long a cycle was.
package cycles

import (
	"runtime"
	"time"
)

// Known is whether the number of cycles of a multiplication is known. It is not on
// other processors than those of x86-64: on those of ARM it depends on the model.
const Known = runtime.GOARCH == "amd64"

// ForEach is the latency of a multiplication of 64 bits in cycles (uops.info: IMUL R64,
// R64) on the x86-64 cores of Intel's Core and Xeon and of AMD's Zen. Intel's small cores
// and AMD's before Zen take 5 or 6, and numbers of cycles come out too small there.
const ForEach = 3

// Multiply multiplies n times, n being a multiple of 8. Each multiplication needs the
// result of the one before, so a core cannot overlap them.
//
// The product of an odd x is odd. The caller must check that or use the product in some
// other way, because the compiler could otherwise leave out the multiplications. It is
// not inlined, because the compiler would fold multiplications by a constant.
//
//go:noinline
func Multiply(x uint64, n int) uint64 {
	y := x
	for range n / 8 {
		x *= y
		x *= y
		x *= y
		x *= y
		x *= y
		x *= y
		x *= y
		x *= y
	}
	return x
}

// slice is the number of multiplications before and after the work, which take about 3
// µs each.
const slice = 4096

// Time runs work, and returns how long it took and how long a cycle was meanwhile. The
// latter is in seconds, because it is less than a nanosecond. It is zero unless [Known]
// is true.
//
// Anything else that runs on the core meanwhile is counted with one of the two, so use
// the median of several results.
func Time(work func()) (took time.Duration, cycle float64) {
	if !Known {
		start := time.Now()
		work()
		return time.Since(start), 0
	}
	start := time.Now()
	x := Multiply(3, slice)
	began := time.Now()
	work()
	ended := time.Now()
	x = Multiply(x, slice)
	chains := began.Sub(start) + time.Since(ended)
	if x%2 == 0 {
		panic("cycles: a product of odd numbers is even")
	}
	return ended.Sub(began), chains.Seconds() / (2 * slice * ForEach)
}
