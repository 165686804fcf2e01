package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/lodepow/lode/chain"
)

func TestMetrics(t *testing.T) {
	dir := t.TempDir()
	var fault error
	s := openWith(t, dir, hooks{afterSync: func() error { return fault }})
	hook, held, syncs := holdFirst()
	s.hooks.beforeSync = hook
	var changes []chain.Change
	for i := range uint64(10) {
		changes = append(changes, chain.Change{AddPending: pendingOf(i/2, "x")}) // every other number is taken
	}
	refused := 0
	for _, err := range gather(t, s, held, changes) {
		if err != nil {
			refused++
		}
	}
	s.hooks.beforeSync = func() error { return fmt.Errorf("%w: as the test wants it", chain.ErrNoSpace) }
	noSpace := s.Commit(chain.Change{AddPending: pendingOf(100, "x")})
	s.hooks.beforeSync = nil
	fault = errors.New("as the test wants it")
	broken := []error{
		s.Commit(chain.Change{AddPending: pendingOf(101, "x")}),
		s.Commit(chain.Change{AddPending: pendingOf(102, "x")}),
	}
	if refused != 5 || !errors.Is(noSpace, chain.ErrNoSpace) || broken[0] == nil || broken[1] == nil {
		t.Fatalf("%d refused, %v, %v", refused, noSpace, broken)
	}

	info, err := os.Stat(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(s)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	for name, want := range map[string]float64{
		// The last write was made, too, but nobody was told so.
		"lode_store_commit_duration_seconds": float64(syncs.Load()) + 1,
		"lode_store_changes_total":           5,
		"lode_store_failures_total no-space": 1,
		"lode_store_failures_total refused":  5,
		"lode_store_failures_total broken":   2,
		"lode_store_broken":                  1,
		"lode_store_size_bytes":              float64(info.Size()),
	} {
		if got[name] != want {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
	if free := got["lode_store_free_bytes"]; free <= 0 {
		t.Errorf("%v bytes free", free) // NaN where the test of a full disk does not run either
	}

	problems, err := testutil.CollectAndLint(s)
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
}
