package metrics

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/chain/store"
)

// fakeStore has the stats that a test gives it.
type fakeStore struct {
	stats     store.Stats
	observers []store.Observer
}

func (s *fakeStore) Stats() store.Stats       { return s.stats }
func (s *fakeStore) Observe(o store.Observer) { s.observers = append(s.observers, o) }

// wantExposition compares everything that Prometheus would read with a file.
func wantExposition(t *testing.T, reg prometheus.Gatherer, file string) {
	t.Helper()
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if got := w.Body.String(); got != string(want) {
		t.Errorf("the exposition is\n%s\nwant that of %s:\n%s", got, file, want)
	}
}

// Dashboards and alerts rely on every name, help text, type, label, bucket and
// initial zero series of the two files.
func TestExposition(t *testing.T) {
	s := &fakeStore{stats: store.Stats{Size: -1, Free: -1}}
	reg := prometheus.NewPedanticRegistry()
	if err := register(reg, s); err != nil {
		t.Fatal(err)
	}
	wantExposition(t, reg, "testdata/new.txt")

	s.stats = store.Stats{Changes: 7, NoSpace: 1, Broken: 2, Refused: 5, GivenUp: true, Size: 32768, Free: 1 << 40}
	for _, took := range []time.Duration{50 * time.Microsecond, 2 * time.Millisecond, 3 * time.Millisecond, 10 * time.Second} {
		for _, o := range s.observers {
			o.Committed(3, took)
		}
	}
	wantExposition(t, reg, "testdata/used.txt")

	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
}

// A registration that the registry refuses must not leave an observer behind.
func TestRegisterTwice(t *testing.T) {
	s := &fakeStore{}
	reg := prometheus.NewPedanticRegistry()
	if err := register(reg, s); err != nil {
		t.Fatal(err)
	}
	if err := register(reg, s); err == nil || len(s.observers) != 1 {
		t.Errorf("registered again: error %v, %d observers, want an error and one observer", err, len(s.observers))
	}
}

// The metrics of a real store follow its commits.
func TestRegister(t *testing.T) {
	p := rulestest.Easy()
	s, err := store.Open(t.TempDir(), store.Options{NetworkID: p.ID(), NetworkName: p.Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	reg := prometheus.NewPedanticRegistry()
	if err := Register(reg, s); err != nil {
		t.Fatal(err)
	}
	change := chain.Change{AddPending: []chain.Pending{{Seq: 1, Tx: rulestest.MakeTx(t, "one")}}}
	if err := s.Commit(change); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(change); err == nil {
		t.Fatal("a sequence number was taken twice")
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			got[f.GetName()] += m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	for name, want := range map[string]float64{
		"lode_store_commit_duration_seconds": 1,
		"lode_store_changes_total":           1,
		"lode_store_failures_total":          1,
		"lode_store_broken":                  0,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if got["lode_store_size_bytes"] <= 0 {
		t.Errorf("the file has %v bytes", got["lode_store_size_bytes"])
	}
}
