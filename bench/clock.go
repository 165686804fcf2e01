package bench

import (
	"context"
	"errors"
	"time"

	"github.com/lodepow/lode/internal/cycles"
)

// Clock measures the clock frequency of a core by timing a chain of dependent
// multiplications, each of which takes three cycles on every x86-64 core in use.
// It does so because a program is not always allowed to read a cycle counter, and
// because a core seldom runs at its nominal frequency.
func Clock() []Case {
	c := Case{Name: "Clock", Start: startClock}
	if !cycles.Known {
		c.Skip = "the number of cycles of a multiplication is known only for x86-64"
	}
	return []Case{c}
}

const clockMultiplies = 1 << 16

// startClock reports the fastest of many short slices, because anything else that
// happens on the core can only make it seem slower than it is.
func startClock() (*Run, error) {
	var fastest time.Duration
	x := uint64(3)
	return &Run{
		Op: func(context.Context) error {
			start := time.Now()
			x = cycles.Multiply(x, clockMultiplies)
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
			return []Metric{{0, nsPerOp}, {cycles.ForEach * clockMultiplies / fastest.Seconds(), "Hz"}}
		},
	}, nil
}
