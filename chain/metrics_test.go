package chain

import (
	"strconv"
	"testing"

	"github.com/lodepow/lode/chain/rules/rulestest"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

func gatherChain(t *testing.T, c *Chain) map[string]*dto.Metric {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	first := map[string]*dto.Metric{}
	for _, f := range families {
		first[f.GetName()] = f.GetMetric()[0]
	}
	return first
}

// TestIntervals counts every connecting of a block, in reorgs too, and none of
// those that were there when the chain was opened.
func TestIntervals(t *testing.T) {
	store := NewMemStore()
	c := openTest(t, Config{Params: rulestest.Easy(), Store: store})
	connected, disconnected := 0, 0
	cancel := c.Subscribe(func(e Event) {
		connected += len(e.Connected)
		disconnected += len(e.Disconnected)
	})
	a := rulestest.NewBranch(c.Params())
	c.want(Best, a.Grow(1000))
	b := a.Fork("b")
	for range 15 {
		c.want(Best, a.Grow(30))
	}
	for range 15 {
		c.want(Side, b.Grow(30))
	}
	c.want(Best, b.Grow(7))
	c.want(Best, b.Make(0))
	cancel()

	m := gatherChain(t, c.Chain)
	interval := m["lode_chain_block_interval_seconds"].GetHistogram()
	if got := interval.GetSampleCount(); got != uint64(connected) || got != 1+15+16+1 {
		t.Errorf("%d intervals, %d blocks connected, want 33", got, connected)
	}
	if height := c.Tip().Height; height != int64(connected-disconnected) || disconnected != 15 {
		t.Errorf("height %d, %d connected and %d disconnected", height, connected, disconnected)
	}
	if got := interval.GetSampleSum(); got != 15*30+15*30+7 {
		t.Errorf("%v seconds in all, want 907: genesis's time is no clock's", got)
	}
	if got := m["lode_chain_stale_blocks"].GetGauge().GetValue(); got != 15 {
		t.Errorf("%v stale blocks, want 15", got)
	}
	for _, name := range []string{"lode_chain_verify_duration_seconds", "lode_chain_accept_duration_seconds"} {
		if got := m[name].GetHistogram().GetSampleCount(); got != 33 {
			t.Errorf("%s has %d samples, want 33", name, got)
		}
	}

	settled := int64(m["lode_chain_settled_height"].GetGauge().GetValue())
	hash, _ := c.HashAt(settled)
	want, err := strconv.ParseUint(hash.String()[52:], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	if got := m["lode_chain_settled_fingerprint"].GetGauge().GetValue(); settled != 10 || got != float64(want) {
		t.Errorf("height %d has the fingerprint %v, want that of height 10, %d", settled, got, want)
	}

	m = gatherChain(t, openTest(t, Config{Params: rulestest.Easy(), Store: store}).Chain)
	if got := m["lode_chain_block_interval_seconds"].GetHistogram().GetSampleCount(); got != 0 {
		t.Errorf("%d intervals after opening", got)
	}
	if got := m["lode_chain_stale_blocks"].GetGauge().GetValue(); got != 15 {
		t.Errorf("%v stale blocks after opening, want 15", got)
	}
}
