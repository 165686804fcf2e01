package pow

import (
	"slices"
	"testing"
)

// An engine that changes its kernel again and again counts for each kernel what was done
// with it, and remembers no more than one count for each.
func TestKernelCountsOfManyChanges(t *testing.T) {
	first, second := Kernels()[0], Kernels()[1]
	e := testEngine(t, first, 1)
	for range 1000 {
		e.hashes.Add(3)
		e.use(second)
		e.hashes.Add(5)
		e.refused.Add(1)
		e.use(first)
	}
	e.hashes.Add(7)
	want := []KernelCount{{first.name, 3007, 0}, {second.name, 5000, 1000}}
	for range 2 { // to ask changes nothing
		if got := e.KernelCounts(); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if n := len(e.byKernel.counts); n != 2 {
		t.Errorf("%d counts are remembered, want 2", n)
	}
}
