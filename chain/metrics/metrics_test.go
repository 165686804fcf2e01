package metrics_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/metrics"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
)

// register returns a new chain and a registry with its metrics. The clock stands
// still, so that everything takes no time.
func register(t *testing.T, c chain.Config) (*chain.Chain, *prometheus.Registry) {
	t.Helper()
	c.Store, c.Now = chain.NewMemStore(), rulestest.Now
	opened, err := chain.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewPedanticRegistry()
	if err := metrics.Register(reg, opened); err != nil {
		t.Fatal(err)
	}
	return opened, reg
}

// Dashboards and alerts rely on every name, help text, type, label and bucket, and
// rates need a series that has been 0 before. The file has what a new chain exports.
func TestExpositionOfANewChain(t *testing.T) {
	params, err := rules.Tutorial(2)
	if err != nil {
		t.Fatal(err)
	}
	_, reg := register(t, chain.Config{Params: params})
	want, err := os.ReadFile("testdata/new.txt")
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	got, golden := strings.Split(w.Body.String(), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(got), len(golden)) {
		if i >= len(got) || i >= len(golden) || got[i] != golden[i] {
			t.Fatalf("the exposition differs from line %d of the file on:\n%s", i+1, strings.Join(got[min(i, len(got)):], "\n"))
		}
	}
	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
}

// values returns the exported values by series. A histogram is exported as its
// count and its sum.
func values(t *testing.T, reg prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if problems, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, label := range m.GetLabel() {
				name += " " + label.GetValue()
			}
			if h := m.GetHistogram(); h != nil {
				all[name+" count"], all[name+" sum"] = float64(h.GetSampleCount()), h.GetSampleSum()
				continue
			}
			all[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return all
}

func TestValues(t *testing.T) {
	c, reg := register(t, chain.Config{Params: rulestest.Easy(), PoolTxs: 1})
	accept := func(b block.Block) {
		t.Helper()
		if _, err := c.Accept(b); err != nil && !errors.As(err, new(block.RuleError)) {
			t.Fatal(err)
		}
	}
	a := rulestest.NewBranch(c.Params())
	a.Grow(1000)
	b := a.Fork("b")
	for range 17 {
		a.Grow(30)
		b.Grow(30)
	}
	mined := rulestest.MakeTx(t, "mined")
	b.Grow(7, mined)
	for _, made := range a.Blocks {
		accept(made)
	}
	for _, made := range b.Blocks[1:] {
		accept(made)
	}
	accept(a.Blocks[0])
	bad := b.Make(1)
	bad.Header.Version = 1
	accept(rulestest.Solve(bad))
	b.Grow(1)
	orphan := b.Grow(1)
	accept(orphan)

	one := rulestest.MakeTx(t, "one")
	for _, tx := range []block.Tx{mined, one, one, rulestest.MakeTx(t, "two")} {
		_, _ = c.AddTx(tx)
	}

	settled, _ := c.HashAt(10)
	fingerprint, err := strconv.ParseUint(settled.String()[52:], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	tip := c.Tip()
	got := values(t, reg)
	for series, want := range map[string]float64{
		"lode_chain_height":                           19,
		"lode_chain_work_hashes":                      40,
		"lode_chain_next_block_hashes":                2,
		"lode_chain_tip_timestamp_seconds":            float64(tip.Time),
		"lode_chain_stale_blocks":                     17,
		"lode_chain_settled_height":                   10,
		"lode_chain_settled_fingerprint":              float64(fingerprint),
		"lode_chain_held_blocks":                      1,
		"lode_chain_blocks_total best":                19,
		"lode_chain_blocks_total side":                17,
		"lode_chain_blocks_total known":               1,
		"lode_chain_blocks_total held":                1,
		"lode_chain_refused_total bad-version":        1,
		"lode_chain_reorg_depth_blocks count":         1,
		"lode_chain_reorg_depth_blocks sum":           17,
		"lode_chain_block_interval_seconds count":     1 + 17 + 18,
		"lode_chain_block_interval_seconds sum":       17*30 + 17*30 + 7,
		"lode_chain_verify_duration_seconds count":    37, // the orphan too, and not the bad version
		"lode_chain_accept_duration_seconds count":    36,
		"lode_mempool_transactions":                   1,
		"lode_mempool_bytes":                          float64(one.Size()),
		"lode_mempool_max_transactions":               1,
		"lode_mempool_received_total added":           1,
		"lode_mempool_received_total known":           1,
		"lode_mempool_received_total full":            1,
		"lode_mempool_received_total refused":         1,
		"lode_mempool_received_total failed":          0,
		"lode_mempool_refused_total tx-already-mined": 1,
	} {
		if value, ok := got[series]; !ok || value != want {
			t.Errorf("%s is %v, want %v", series, value, want)
		}
	}
}

// Durations are exported in seconds.
func TestDurations(t *testing.T) {
	now := rulestest.Now()
	c, err := chain.Open(chain.Config{Params: rulestest.Easy(), Store: chain.NewMemStore(), Now: func() time.Time {
		now = now.Add(time.Second)
		return now
	}})
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewPedanticRegistry()
	if err := metrics.Register(reg, c); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Accept(rulestest.NewBranch(c.Params()).Make(1)); err != nil {
		t.Fatal(err)
	}
	got := values(t, reg)
	check, accept := got["lode_chain_verify_duration_seconds sum"], got["lode_chain_accept_duration_seconds sum"]
	if check < 1 || accept < check+1 || accept > 10 {
		t.Errorf("a check of %v seconds in %v seconds, on a clock that goes on by one whenever it is read", check, accept)
	}
}

// When the registry refuses the metrics nothing is attached to the chain.
func TestRegisterTwice(t *testing.T) {
	c, reg := register(t, chain.Config{Params: rulestest.Easy()})
	if err := metrics.Register(reg, c); err == nil {
		t.Fatal("registered twice")
	}
	if _, err := c.Accept(rulestest.NewBranch(c.Params()).Make(1)); err != nil {
		t.Fatal(err)
	}
	if got := values(t, reg)["lode_chain_blocks_total best"]; got != 1 {
		t.Errorf("one block counts as %v", got)
	}
}
