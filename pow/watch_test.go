package pow

import (
	"context"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
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

// slicesOf lets a machine's engine be watched for a number of steps in virtual time, and
// returns how many slices were measured in each, and how often the clock was read.
func slicesOf(t *testing.T, e *Engine, m *fakeMachine, steps ...time.Duration) (measured []int, looks []int64) {
	t.Helper()
	var reads atomic.Int64
	e.clock = func() time.Time {
		reads.Add(1)
		return time.Now()
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.WatchKernel(ctx)
	}()
	synctest.Wait()
	for _, d := range steps {
		before, readBefore := m.measured(), reads.Load()
		time.Sleep(d)
		synctest.Wait()
		measured, looks = append(measured, m.measured()-before), append(looks, reads.Load()-readBefore)
	}
	cancel()
	<-done
	return measured, looks
}

// A kernel that is well is compared every hour, and nothing happens in between.
func TestWatchOfAFastKernel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &fakeMachine{cycles: map[string]float64{"first": 110, "second": 120}}
		e, _ := watched(t, m, false)
		e.CheckKernel()
		if n := m.measured(); n != checkChunks+2*comparePairs {
			t.Errorf("%d slices in the first check, want %d", n, checkChunks+2*comparePairs)
		}
		measured, looks := slicesOf(t, e, m, compareEvery-1, 1, compareEvery-1, 1)
		if want := []int{0, 2 * comparePairs, 0, 2 * comparePairs}; !slices.Equal(measured, want) {
			t.Errorf("%v slices, want %v", measured, want)
		}
		if looks[0] != 0 || looks[2] != 0 {
			t.Errorf("the clock was read %v times, want none before the hour is over", looks)
		}
		m.set("second", 90)
		measured, _ = slicesOf(t, e, m, compareEvery)
		if want := 2*comparePairs + checkChunks; measured[0] != want { // the new kernel is measured, too
			t.Errorf("%d slices when another kernel takes over, want %d", measured[0], want)
		}
	})
}

// A slow kernel is checked every minute, and still compared every hour only.
func TestWatchOfASlowKernel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &fakeMachine{cycles: map[string]float64{"first": 300, "second": 400}}
		e, _ := watched(t, m, false)
		e.CheckKernel()
		const check = checkTries*checkChunks + checkChunks
		measured, _ := slicesOf(t, e, m, checkAgain-1, 1, compareEvery-2*checkAgain, checkAgain, checkAgain)
		want := []int{0, check, int(compareEvery/checkAgain-2) * check, check + 2*comparePairs, check}
		if !slices.Equal(measured, want) {
			t.Errorf("%v slices, want %v", measured, want)
		}
	})
}

// While searches run, the speed of a kernel is the best that was measured. That of a
// kernel that takes over is its own.
func TestSpeedOfChecks(t *testing.T) {
	m := &fakeMachine{cycles: map[string]float64{"first": 300, "second": 400}}
	e, _ := watched(t, m, false)
	if e.kernelIsSlow() {
		t.Error("a kernel that was not measured is slow")
	}
	for i, step := range []struct {
		first, second float64
		kernel        string
		cycles        float64
	}{
		{300, 400, "first", 300},
		{350, 400, "first", 300},
		{260, 400, "first", 260},
		{400, 280, "second", 280}, // more than the last speed of the other
		{400, 250, "second", 250},
		{400, 110, "second", 110},
	} {
		m.set("first", step.first)
		m.set("second", step.second)
		e.checkKernel(false)
		s, ok := e.KernelSpeed()
		rate := 1e9 / step.cycles // the machine has 1 GHz
		if e.Kernel().Name() != step.kernel || !ok || math.Abs(s.Cycles-step.cycles) > 1e-6 || math.Abs(s.HashRate-rate) > 1e-3 {
			t.Errorf("check %d: %s at %+v, want %s at %v cycles, %v hashes a second", i, e.Kernel().Name(), s, step.kernel, step.cycles, rate)
		}
	}
}
