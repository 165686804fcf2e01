package metrics_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	"github.com/lodepow/lode/pow"
	"github.com/lodepow/lode/pow/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// portable returns an engine that counts the same hashes on every machine, and a
// registry with its metrics.
func portable(t testing.TB, c pow.Config) (*pow.Engine, *prometheus.Registry) {
	t.Helper()
	c.Kernel = "portable"
	e, err := pow.New(c)
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewPedanticRegistry()
	if err := metrics.Register(reg, e); err != nil {
		t.Fatal(err)
	}
	return e, reg
}

func gather(t testing.TB, reg prometheus.Gatherer) map[string]*dto.MetricFamily {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*dto.MetricFamily{}
	for _, f := range families {
		byName[f.GetName()] = f
	}
	return byName
}

// wantExposition compares the whole exposition, as Prometheus reads it, with a file.
func wantExposition(t *testing.T, reg prometheus.Gatherer, file string) {
	t.Helper()
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if got := w.Body.String(); got != string(want) {
		gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
		for i, line := range gotLines {
			if i >= len(wantLines) || line != wantLines[i] {
				t.Fatalf("the exposition differs from %s at line %d:\n%s\nwhole:\n%s", file, i+1, line, got)
			}
		}
		t.Fatalf("the exposition is only the beginning of %s:\n%s", file, got)
	}
}

// The two files contain every name, help text, type, label, bucket and initial zero
// series, because dashboards and alerts rely on them. They were written before the
// metrics moved to this package.
func TestExposition(t *testing.T) {
	clock := time.Unix(0, 0)
	e, reg := portable(t, pow.Config{Workers: 1, Now: func() time.Time { return clock }})
	wantExposition(t, reg, "testdata/new.txt")

	genesis := pow.BitcoinGenesis()
	hash := genesis.Hash()
	var below [32]byte // one less than the hash: a candidate that is refused
	for i := range below {
		below[i] = hash[31-i]
	}
	below[31]--
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, s := range []struct {
		ctx context.Context
		job pow.Job
	}{
		{t.Context(), pow.Job{Target: pow.ZerosTarget(0)}},
		{t.Context(), pow.Job{Header: genesis, First: genesis.Nonce}},
		{t.Context(), pow.Job{Target: pow.ZerosTarget(200), Count: 1234}},
		{t.Context(), pow.Job{Header: genesis, First: genesis.Nonce, Count: 1, Target: pow.TargetFromBytes(below)}},
		{cancelled, pow.Job{Target: pow.ZerosTarget(0)}},
		{t.Context(), pow.Job{First: 1, Count: 1 << 32}}, // refused, so it is not counted as a search
	} {
		_, _ = e.Search(s.ctx, s.job)
	}
	for _, took := range []time.Duration{time.Millisecond, 30 * time.Second, 2 * time.Hour} {
		_, err := e.Mine(t.Context(), func() (pow.Job, error) {
			clock = clock.Add(took)
			return pow.Job{Target: pow.ZerosTarget(0)}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	wantExposition(t, reg, "testdata/used.txt")
}

func TestLint(t *testing.T) {
	_, reg := portable(t, pow.Config{})
	problems, err := testutil.GatherAndLint(reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// The counters include searches from before the registration. A second registration in
// the same registry must fail.
func TestRegister(t *testing.T) {
	e, err := pow.New(pow.Config{})
	if err != nil {
		t.Fatal(err)
	}
	job := pow.Job{Target: pow.ZerosTarget(0)}
	if _, err := e.Search(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewPedanticRegistry()
	if err := metrics.Register(reg, e); err != nil {
		t.Fatal(err)
	}
	if err := metrics.Register(reg, e); !errors.As(err, &prometheus.AlreadyRegisteredError{}) {
		t.Errorf("registered a second time: %v, want an AlreadyRegisteredError", err)
	}
	if _, err := e.Mine(t.Context(), func() (pow.Job, error) { return job, nil }); err != nil {
		t.Fatal(err)
	}

	m := gather(t, reg)
	hashes := m["lode_hashes_total"].GetMetric()[0]
	if got := hashes.GetCounter().GetValue(); got != float64(e.Hashes()) || got < 2 {
		t.Errorf("%v hashes exported, the engine counts %d", got, e.Hashes())
	}
	if got := hashes.GetLabel()[0].GetValue(); got != e.Kernel().Name() {
		t.Errorf("hashes of kernel %q, want %q", got, e.Kernel().Name())
	}
	if got := m["lode_time_to_block_seconds"].GetMetric()[0].GetHistogram().GetSampleCount(); got != 1 {
		t.Errorf("%d blocks found, want 1", got)
	}
}

// The latency of a cancel is measured only for long searches, so the test waits until
// one of the two workers has searched at least 100 chunks.
func TestCancelLatency(t *testing.T) {
	e, reg := portable(t, pow.Config{Workers: 2})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := e.Search(ctx, pow.Job{Target: pow.ZerosTarget(200)})
		done <- err
	}()
	for e.Hashes() < 200*uint64(e.Kernel().Chunk()) {
		time.Sleep(time.Millisecond)
	}
	if got := gather(t, reg)["lode_searches_active"].GetMetric()[0].GetGauge().GetValue(); got != 1 {
		t.Errorf("%v searches active, want 1", got)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}

	m := gather(t, reg)
	latency := m["lode_search_cancel_seconds"].GetMetric()[0].GetHistogram()
	if latency.GetSampleCount() != 1 || latency.GetSampleSum() < 0 {
		t.Errorf("cancel latency %v, want one sample", latency)
	}
	if got := m["lode_searches_active"].GetMetric()[0].GetGauge().GetValue(); got != 0 {
		t.Errorf("%v searches active, want 0", got)
	}
	if got := m["lode_workers"].GetMetric()[0].GetGauge().GetValue(); got != 2 {
		t.Errorf("%v workers, want 2", got)
	}
}

// The cycles of a hash are exported once they have been measured, and what is expected
// beside them if it is known.
func TestKernelCycles(t *testing.T) {
	e, err := pow.New(pow.Config{})
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewPedanticRegistry()
	if err := metrics.Register(reg, e); err != nil {
		t.Fatal(err)
	}
	const measured, expected = "lode_kernel_cycles_per_hash", "lode_kernel_expected_cycles_per_hash"
	if m := gather(t, reg); m[measured] != nil || m[expected] != nil {
		t.Errorf("exported %v and %v before the kernel was measured", m[measured], m[expected])
	}
	e.CheckKernel()
	speed, ok := e.KernelSpeed()
	if !ok {
		t.Fatal("the kernel was not measured")
	}
	m := gather(t, reg)
	for _, want := range []struct {
		name  string
		value float64
	}{{measured, speed.Cycles}, {expected, e.Kernel().ExpectedCycles()}} {
		if known := speed.Cycles > 0 && want.value > 0; known != (m[want.name] != nil) {
			t.Errorf("%s is %v, want %v", want.name, m[want.name], want.value)
		} else if known {
			got := m[want.name].GetMetric()[0]
			if got.GetGauge().GetValue() != want.value || got.GetLabel()[0].GetValue() != e.Kernel().Name() {
				t.Errorf("%v, want %v of kernel %s", got, want.value, e.Kernel().Name())
			}
		}
	}
}
