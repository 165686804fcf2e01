package bench

import (
	"context"
	"errors"
	"runtime"
	"time"
)

// Clock measures the clock of a core by a chain of multiplications, of which one
// takes three cycles on every x86-64 core in use. A program may not always read
// a counter of cycles, and the nominal clock is seldom the real one.
func Clock() []Case {
	c := Case{Name: "Clock", Start: startClock}
	if runtime.GOARCH != "amd64" {
		c.Skip = "how many cycles a multiplication takes is known for x86-64 alone"
	}
	return []Case{c}
}

const (
	clockMultiplies = 1 << 16
	cyclesForEach   = 3
)

// startClock reports the fastest of many short slices: whatever else happens on
// the core only makes it seem slower.
func startClock() (*Run, error) {
	var fastest time.Duration
	x := uint64(3)
	return &Run{
		Op: func(context.Context) error {
			start := time.Now()
			x = multiply(x, clockMultiplies)
			took := time.Since(start)
			if x%2 == 0 {
				return errors.New("a product of odd numbers is even") // so that it is needed
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

// multiply makes so many multiplications of which each needs the one before.
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
