package pow

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/pow/internal/sha256d"
)

// fakeMachine measures kernels without running them: it knows the cycles of a hash.
type fakeMachine struct {
	sync.Mutex
	cycles map[string]float64
	busy   int // number of slices that take ten times as long, from the next on
	slices int // measured so far
}

func (m *fakeMachine) slicer(k Kernel, _ int) sliceFunc {
	return func() slice {
		m.Lock()
		defer m.Unlock()
		const hashes = 1000
		m.slices++
		took := m.cycles[k.name] * hashes
		if m.busy > 0 {
			m.busy--
			took *= 10
		}
		return slice{hashes: hashes, took: time.Duration(took), cycle: 1e-9}
	}
}

// set changes the cycles of a hash.
func (m *fakeMachine) set(kernel string, cycles float64) {
	m.Lock()
	defer m.Unlock()
	m.cycles[kernel] = cycles
}

func (m *fakeMachine) measured() int {
	m.Lock()
	defer m.Unlock()
	return m.slices
}

// fakeKernel returns a kernel that works, and whose expected cycles are given.
func fakeKernel(name string, cycles sha256d.Cycles) Kernel {
	k := Kernels()[0]
	k.name, k.measured, k.versions = name, cycles, 1
	return k
}

func fakeSelector(m *fakeMachine, log *strings.Builder, remedies ...remedy) *selector {
	return &selector{slicer: m.slicer, remedies: remedies, log: slog.New(slog.NewTextHandler(log, nil))}
}

func TestCheck(t *testing.T) {
	first := fakeKernel("first", sha256d.Cycles{One: 50, Sixteen: 40})
	second := fakeKernel("second", sha256d.Cycles{One: 100})
	unknown := fakeKernel("unknown", sha256d.Cycles{})
	broken := broken("broken", func(_ sha256d.Candidate, all int) sha256d.Candidate { return sha256d.Candidate{Hashes: all} })
	type speeds = map[string]float64
	for _, tc := range []struct {
		what     string
		kernel   Kernel
		cycles   speeds
		busy     int
		remedies []error // what each remedy returns
		cures    int     // number of the remedy that makes the kernel fast, from 1; 0 is none
		applied  int     // remedies that were tried
		want     string
		speed    float64
		log      string // part of the log; empty if nothing must be logged
	}{
		{"as expected", first, speeds{"first": 55}, 0, []error{nil}, 0, 0, "first", 55, ""},
		{"just fast enough", first, speeds{"first": 100}, 0, []error{nil}, 0, 0, "first", 100, ""},
		{"nobody knows what to expect", unknown, speeds{"unknown": 1e6}, 0, []error{nil}, 0, 0, "unknown", 1e6, ""},
		{"a few slices were disturbed", first, speeds{"first": 55}, checkChunks / 2, nil, 0, 0, "first", 55, ""},
		{"all slices but one try were disturbed", first, speeds{"first": 55}, 2 * checkChunks, nil, 0, 0, "first", 55, ""},
		{"cured by the first remedy", first, speeds{"first": 190}, 0, []error{nil, nil}, 1, 1, "first", 55, "since the program had remedy 1"},
		{"cured by the second", first, speeds{"first": 190}, 0, []error{nil, nil}, 2, 2, "first", 55, "since the program had remedy 2"},
		{"cured by the second, the first fails", first, speeds{"first": 190}, 0, []error{errors.New("no huge pages"), nil}, 2, 2, "first", 55, "no huge pages"},
		{"another kernel is faster", first, speeds{"first": 190, "second": 101, "broken": 1}, 0, []error{nil}, 0, 1, "second", 101, "takes over"},
		{"the others are slower", first, speeds{"first": 190, "second": 189, "broken": 1}, 0, []error{nil}, 0, 1, "first", 190, "the kernel is slow"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			var log strings.Builder
			m := &fakeMachine{cycles: tc.cycles, busy: tc.busy}
			applied := 0
			var remedies []remedy
			for i, err := range tc.remedies {
				remedies = append(remedies, remedy{"remedy " + string(rune('1'+i)), func() error {
					if applied++; applied == tc.cures {
						m.cycles["first"] = 55
					}
					return err
				}})
			}
			c := fakeSelector(m, &log, remedies...)
			k, s := c.check(tc.kernel, []Kernel{broken, second})
			if k.name != tc.want || math.Abs(s.Cycles-tc.speed) > 1e-6 || s.HashRate <= 0 || applied != tc.applied {
				t.Errorf("%s at %+v after %d remedies, want %s at %v cycles after %d", k.name, s, applied, tc.want, tc.speed, tc.applied)
			}
			if (tc.log == "") != (log.Len() == 0) || !strings.Contains(log.String(), tc.log) {
				t.Errorf("log %q, want %q", log.String(), tc.log)
			}
			if len(c.remedies) != len(tc.remedies)-tc.applied {
				t.Errorf("%d remedies are left after %d of %d", len(c.remedies), tc.applied, len(tc.remedies))
			}
		})
	}
}

func TestCompare(t *testing.T) {
	chosen := fakeKernel("chosen", sha256d.Cycles{One: 98, Sixteen: 83})
	rival := fakeKernel("rival", sha256d.Cycles{One: 104, Sixteen: 90})
	third := fakeKernel("third", sha256d.Cycles{One: 106})
	far := fakeKernel("far", sha256d.Cycles{One: 200, Sixteen: 180})
	unknown := fakeKernel("unknown", sha256d.Cycles{})
	for _, tc := range []struct {
		what   string
		cycles map[string]float64
		busy   int
		want   string
	}{
		{"as the table says", map[string]float64{"chosen": 83, "rival": 90, "third": 106}, 0, "chosen"},
		{"the rival is faster", map[string]float64{"chosen": 83, "rival": 80, "third": 106}, 0, "rival"},
		{"the rival is faster, but hardly", map[string]float64{"chosen": 83, "rival": 82, "third": 106}, 0, "chosen"},
		{"both rivals are faster", map[string]float64{"chosen": 83, "rival": 80, "third": 70}, 0, "third"},
		{"the machine is busy at first", map[string]float64{"chosen": 83, "rival": 90, "third": 106}, comparePairs - 2, "chosen"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			var log strings.Builder
			tc.cycles["far"], tc.cycles["unknown"] = 1, 1 // these are not close, so they are never measured
			c := fakeSelector(&fakeMachine{cycles: tc.cycles, busy: tc.busy}, &log)
			if got := c.compare(chosen, []Kernel{rival, third, far, unknown}); got.name != tc.want {
				t.Errorf("%s, want %s; log %q", got.name, tc.want, log.String())
			}
		})
	}
}

func TestCloseIn(t *testing.T) {
	for _, tc := range []struct {
		a, b sha256d.Cycles
		want int
	}{
		{sha256d.Cycles{One: 98.7, Sixteen: 82.8}, sha256d.Cycles{One: 104.2, Sixteen: 89.7}, 16}, // Zen 4: sha-ni, avx512-roll
		{sha256d.Cycles{One: 98.7, Sixteen: 82.8}, sha256d.Cycles{One: 104.2, Sixteen: 104.2}, 0}, // Zen 4: sha-ni, avx512
		{sha256d.Cycles{One: 47.1, Sixteen: 41.5}, sha256d.Cycles{One: 47.1, Sixteen: 48.0}, 0},   // Zen 5: avx512-roll, avx512
		{sha256d.Cycles{One: 100}, sha256d.Cycles{One: 109.9, Sixteen: 90}, 1},
		{sha256d.Cycles{One: 100}, sha256d.Cycles{One: 110.1}, 0},
		{sha256d.Cycles{One: 1}, sha256d.Cycles{One: closeKernels}, 0},
		{sha256d.Cycles{One: 100}, sha256d.Cycles{}, 0},
		{sha256d.Cycles{}, sha256d.Cycles{}, 0},
	} {
		a, b := Kernel{measured: tc.a}, Kernel{measured: tc.b}
		if got, back := closeIn(a, b), closeIn(b, a); got != tc.want || back != tc.want {
			t.Errorf("%v and %v are close in %d versions, the other way round %d, want %d", tc.a, tc.b, got, back, tc.want)
		}
	}
}

// watched returns an engine that uses the first of two close kernels, on a machine that
// the test controls. Both kernels are real, so searches work.
func watched(t *testing.T, m *fakeMachine, asked bool) (*Engine, *strings.Builder) {
	t.Helper()
	var log strings.Builder
	first := fakeKernel("first", sha256d.Cycles{One: 100})
	e := testEngine(t, first, 1)
	e.asked = asked
	e.table = []Kernel{first, fakeKernel("second", sha256d.Cycles{One: 105}), {name: "elsewhere", missing: []string{"a unit"}}}
	e.selector = fakeSelector(m, &log)
	return e, &log
}

func TestCheckKernel(t *testing.T) {
	m := &fakeMachine{cycles: map[string]float64{"first": 110, "second": 90}}
	e, _ := watched(t, m, true)
	if s, ok := e.KernelSpeed(); ok {
		t.Errorf("the speed %+v is known before it was measured", s)
	}
	e.CheckKernel()
	if s, ok := e.KernelSpeed(); !ok || math.Abs(s.Cycles-110) > 1e-6 || e.Kernel().Name() != "first" {
		t.Errorf("kernel %s at %+v, want the one that was asked for", e.Kernel().Name(), s)
	}
	e, _ = watched(t, m, false)
	e.CheckKernel()
	if s, _ := e.KernelSpeed(); math.Abs(s.Cycles-90) > 1e-6 || e.Kernel().Name() != "second" {
		t.Errorf("kernel %s at %+v, want the faster of two that are close", e.Kernel().Name(), s)
	}
}

// The clock is that of the test: nothing waits for real.
func TestWatchKernel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &fakeMachine{cycles: map[string]float64{"first": 300, "second": 400}}
		e, log := watched(t, m, false)
		e.CheckKernel()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			e.WatchKernel(ctx)
		}()
		step := func(d time.Duration) (slices int) {
			before := m.measured()
			time.Sleep(d)
			synctest.Wait()
			return m.measured() - before
		}

		step(time.Second)
		if step(time.Minute) == 0 {
			t.Error("a slow kernel was not measured again after a minute")
		}
		if n := strings.Count(log.String(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings in two minutes, want one: %s", n, log)
		}
		m.set("first", 110)
		m.set("second", 120)
		if step(time.Minute); e.kernelIsSlow() {
			t.Error("the kernel is fast again, and this was not noticed")
		}
		if !strings.Contains(log.String(), "as it should be again") {
			t.Errorf("the log does not say that the kernel is fast again: %s", log)
		}
		if n := step(50 * time.Minute); n != 0 {
			t.Errorf("a kernel that is fast was measured again, %d slices", n)
		}
		m.set("second", 100)
		if step(10 * time.Minute); e.Kernel().Name() != "second" {
			t.Errorf("after an hour the kernel is %s, want the other, which has become faster; log %s", e.Kernel().Name(), log)
		}
		m.set("second", 130)
		if step(30 * time.Minute); e.Kernel().Name() != "second" {
			t.Errorf("after half an hour more the kernel is %s, want no change yet", e.Kernel().Name())
		}
		if step(30 * time.Minute); e.Kernel().Name() != "first" {
			t.Errorf("after another hour the kernel is %s, want the first again", e.Kernel().Name())
		}
		cancel()
		<-done
	})
}

// A search that is under way when the kernel changes has the same answer.
func TestKernelChangesDuringASearch(t *testing.T) {
	var want Result
	for _, change := range []bool{false, true} {
		e := testEngine(t, fakeKernel("first", sha256d.Cycles{}), 1)
		second := fakeKernel("second", sha256d.Cycles{})
		scan := second.scan
		k := e.Kernel()
		calls := 0
		k.scan = func(in *sha256d.Input, first uint32, count int) sha256d.Candidate {
			if calls++; calls == 2 && change {
				e.use(second)
			}
			return scan(in, first, count)
		}
		e.kernel.Store(&k)
		r, err := e.Search(t.Context(), Job{Header: BitcoinGenesis(), Target: ZerosTarget(17)})
		if err != nil {
			t.Fatal(err)
		}
		counts := e.KernelCounts()
		if !change {
			want = r
			continue
		}
		if r.Header != want.Header || r.Tries != want.Tries || r.Searched != want.Searched {
			t.Errorf("answer %+v, without a change %+v", r, want)
		}
		if len(counts) != 2 || counts[0].Kernel != "first" || counts[1].Kernel != "second" ||
			counts[0].Hashes == 0 || counts[1].Hashes == 0 || counts[0].Hashes+counts[1].Hashes != e.Hashes() {
			t.Errorf("counts %+v of %d hashes", counts, e.Hashes())
		}
		e.use(e.Kernel())
		if again := e.KernelCounts(); len(again) != 2 {
			t.Errorf("counts %+v after the same kernel was used again", again)
		}
	}
}

// Every kernel can be measured, and its cycles are known where they can be.
func TestMeasure(t *testing.T) {
	for _, k := range runnable(t) {
		if s := k.Measure(3); s.HashRate <= 0 || (s.Cycles > 0) != (Kernels()[0].Measure(1).Cycles > 0) {
			t.Errorf("%s: %+v", k.Name(), s)
		}
		if k.Versions() != 1 && k.Versions() != MaxVersions {
			t.Errorf("%s is made for %d versions, of which nobody measures a job", k.Name(), k.Versions())
		}
	}
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "cannot run was measured: elsewhere") {
			t.Errorf("a kernel that cannot run was measured: %s", text)
		}
	}()
	Kernel{name: "elsewhere", missing: []string{"a unit"}}.Measure(1)
}
