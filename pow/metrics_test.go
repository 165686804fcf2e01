package pow

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
)

func gather(t testing.TB, e *Engine) map[string]*dto.MetricFamily {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(e)
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

func TestMetricsLint(t *testing.T) {
	problems, err := testutil.CollectAndLint(testEngine(t, runnable(t)[0], 2))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestMetricsCount(t *testing.T) {
	e := testEngine(t, runnable(t)[0], 2)
	easy, hopeless := ZerosTarget(0), ZerosTarget(200)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, s := range []struct {
		ctx context.Context
		job Job
	}{
		{t.Context(), Job{Target: easy}},
		{t.Context(), Job{Target: easy}},
		{t.Context(), Job{Target: hopeless, Count: 1234}},
		{cancelled, Job{Target: easy}},
		{t.Context(), Job{Target: easy, First: 1, Count: nonces}}, // refused, so not a search
	} {
		_, _ = e.Search(s.ctx, s.job)
	}

	m := gather(t, e)
	got := map[string]float64{}
	for _, metric := range m["lode_searches_total"].GetMetric() {
		got[metric.GetLabel()[0].GetValue()] = metric.GetCounter().GetValue()
	}
	for outcome, want := range map[string]float64{"found": 2, "exhausted": 1, "cancelled": 1} {
		if got[outcome] != want {
			t.Errorf("%s: %v, want %v", outcome, got[outcome], want)
		}
	}
	if len(got) != 3 {
		t.Errorf("outcomes %v", got)
	}

	hashes := m["lode_hashes_total"].GetMetric()[0]
	if got := hashes.GetCounter().GetValue(); got != float64(e.Hashes()) || got < 1236 {
		t.Errorf("%v hashes exported, the engine counts %d", got, e.Hashes())
	}
	if got := hashes.GetLabel()[0].GetValue(); got != e.Kernel().Name() {
		t.Errorf("hashes of kernel %q, want %q", got, e.Kernel().Name())
	}
	if got := m["lode_kernel_info"].GetMetric()[0].GetGauge().GetValue(); got != 1 {
		t.Errorf("kernel info is %v, want 1", got)
	}
}

// TestCancelLatency cancels a search that is under way for long.
func TestCancelLatency(t *testing.T) {
	e := testEngine(t, runnable(t)[0], 2)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := e.Search(ctx, Job{Target: ZerosTarget(200)})
		done <- err
	}()
	for e.Hashes() < 4*longSearch*uint64(e.kernel.chunk) {
		time.Sleep(time.Millisecond)
	}
	if got := gather(t, e)["lode_searches_active"].GetMetric()[0].GetGauge().GetValue(); got != 1 {
		t.Errorf("%v searches active, want 1", got)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}

	m := gather(t, e)
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

// BenchmarkMetrics is what a search that is found pays for all its metrics, but
// for the count of hashes.
func BenchmarkMetrics(b *testing.B) {
	e := testEngine(b, runnable(b)[0], 1)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	for b.Loop() {
		e.metrics.active.Inc()
		context.AfterFunc(ctx, func() {})()
		e.metrics.active.Dec()
		e.metrics.countSearch(nil)
		e.metrics.timeToBlock.Observe(1)
		e.metrics.observeCancel(time.Time{}, nil)
	}
}
