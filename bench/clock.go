package bench

import (
	"context"
	"errors"
	"runtime"
	"time"
)

// Clock measures the clock frequency of a core by timing a chain of dependent
// multiplications, each of which takes three cycles on every x86-64 core in use.
// It does so because a program is not always allowed to read a cycle counter, and
// because a core seldom runs at its nominal frequency.
func Clock() []Case {
	c := Case{Name: "Clock", Start: startClock}
	if runtime.GOARCH != "amd64" {
		c.Skip = "the number of cycles of a multiplication is known only for x86-64"
	}
	return []Case{c}
}

const (
	clockMultiplies = 1 << 16
	cyclesForEach   = 3 // latency of a 64-bit multiplication, on x86-64
)

// startClock reports the fastest of many short slices, because anything else that
// happens on the core can only make it seem slower than it is.
func startClock() (*Run, error) {
	var fastest time.Duration
	x := uint64(3)
	return &Run{
		Op: func(context.Context) error {
			start := time.Now()
			x = multiply(x, clockMultiplies)
			took := time.Since(start)
			if x%2 == 0 {
				// The check keeps the compiler from removing the multiplications.
				return errors.New("a product of odd numbers is even")
			}
			if fastest == 0 || took < fastest {
				fastest = took
			}
			return nil
		},
		Report: func(int, time.Duration) []Metric {
			return []Metric{{0, nsPerOp}, {cyclesForEach * clockMultiplies / fastest.Seconds(), "Hz"}}
		},
	}, nil
}

// multiply multiplies n times, n being a multiple of 8. Each multiplication needs
// the result of the one before, so a core cannot overlap them.
func multiply(x uint64, n int) uint64 {
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
