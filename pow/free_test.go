package pow

import (
	"errors"
	"reflect"
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A worker whose time is up leaves the scheduler alone while a P is free, and asks again
// after the same time.
func TestFreePIsNotWoken(t *testing.T) {
	for _, tc := range []struct {
		what                 string
		procs, cpus, workers int
		free                 bool
		yields, looks        int
	}{
		{"a free P", 2, 2, 1, true, 0, 10},
		{"none that is free", 2, 2, 1, false, 10, 10},
		{"no more Ps than workers", 1, 2, 1, true, 10, 0},
		{"fewer Ps than workers", 1, 3, 2, true, 10, 0},
		{"no more cores than workers", 3, 2, 2, true, 10, 0},
		{"one core more", 3, 3, 2, true, 0, 10},
		{"as many Ps as a worker may look through", mostLooks / 2, 3, 2, true, 0, 10},
		{"more", mostLooks/2 + 1, 3, 2, true, 10, 0},
	} {
		now := time.Unix(0, 0)
		yields, looks := 0, 0
		e := testEngine(t, longKernel(func(int64) { now = now.Add(yieldAfter / 2) }), 1)
		e.workers, e.cpus = tc.workers, tc.cpus
		e.clock = func() time.Time { return now }
		e.gosched = func() { yields++ }
		e.procs = func() int { return tc.procs }
		e.isFree = func(procs int) bool {
			if looks++; procs != tc.procs {
				t.Errorf("%s: a look through %d Ps, want %d", tc.what, procs, tc.procs)
			}
			return tc.free
		}
		s, err := Job{Target: ZerosTarget(200), Count: 64 * 21}.prepare()
		if err != nil {
			t.Fatal(err)
		}
		worker{claims: newClaims(t.Context(), e, s, division{step: 64, workers: 1, long: longSearch})}.work()
		if yields != tc.yields || looks != tc.looks {
			t.Errorf("%s: %d yields after %d looks in ten times yieldAfter, want %d after %d", tc.what, yields, looks, tc.yields, tc.looks)
		}
	}

	e, err := newEngine(Kernels()[0], Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	if reflect.ValueOf(e.isFree).Pointer() != reflect.ValueOf(isFree).Pointer() || e.cpus != runtime.NumCPU() {
		t.Error("an engine does not ask the runtime for a free P and the number of cores")
	}
	if _, err := e.Search(t.Context(), Job{Target: ZerosTarget(200), Count: 1}); !errors.Is(err, ErrExhausted) {
		t.Error(err)
	}
}

// No P is free while a goroutine for each of them runs beside the test, so that one of
// all these has to wait. With more Ps than can be, one is free as soon as none waits.
func TestIsFree(t *testing.T) {
	procs := runtime.GOMAXPROCS(0)
	var began, ended sync.WaitGroup
	var stop atomic.Bool
	for range procs {
		began.Add(1)
		ended.Go(func() {
			began.Done()
			for !stop.Load() {
				continue
			}
		})
	}
	began.Wait()
	for range 100 {
		if isFree(procs) {
			t.Error("a P is free although more goroutines work than there are Ps")
		}
		if isFree(procs + 1) {
			t.Error("a P is free although a goroutine waits for one")
		}
	}
	stop.Store(true)
	ended.Wait()
	for !isFree(procs + 1) { // those of the runtime end soon
		runtime.Gosched()
	}
	running := []metrics.Sample{{Name: "/sched/goroutines/running:goroutines"}}
	for range 100 {
		for metrics.Read(running); running[0].Value.Uint64() > 1; metrics.Read(running) {
			runtime.Gosched()
		}
		if isFree(1) {
			t.Fatal("a P is free although the test runs on the only one")
		}
	}
}
