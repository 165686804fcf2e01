package node

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

func benchNode(b *testing.B) *Node {
	b.Helper()
	n, err := Open(b.Context(), Config{Params: rules.Lab(), Data: b.TempDir(), Listen: "127.0.0.1:0", Registry: prometheus.NewRegistry()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := n.Close(); err != nil {
			b.Error(err)
		}
	})
	return n
}

func scrape(b *testing.B, n *Node) {
	w := httptest.NewRecorder()
	n.api.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		b.Errorf("status %d", w.Code)
	}
}

// BenchmarkScrape is the time of one core that an answer to Prometheus takes.
func BenchmarkScrape(b *testing.B) {
	n := benchNode(b)
	b.ReportAllocs()
	for b.Loop() {
		scrape(b, n)
	}
}

// BenchmarkScraped compares the hash rate of all cores, with a scrape every 5
// seconds and without any, in turns. An op is a pair of searches of some 5
// seconds each.
func BenchmarkScraped(b *testing.B) {
	n := benchNode(b)
	start := time.Now()
	if _, err := n.engine.Search(b.Context(), pow.Job{Target: pow.ZerosTarget(255), Count: 1 << 26}); !errors.Is(err, pow.ErrExhausted) {
		b.Fatal(err)
	}
	count := uint64(min(5/time.Since(start).Seconds()*(1<<26), 1<<32))
	run := func(scraped bool) float64 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			if scraped {
				scrape(b, n)
			}
		}()
		start := time.Now()
		r, _ := n.engine.Search(b.Context(), pow.Job{Target: pow.ZerosTarget(255), Count: count})
		took := time.Since(start).Seconds()
		<-done
		return float64(r.Hashes) / took
	}
	var ratios []float64
	for i := 0; b.Loop(); i++ {
		var with, without float64
		if i%2 == 0 {
			with, without = run(true), run(false)
		} else {
			without, with = run(false), run(true)
		}
		ratios = append(ratios, with/without)
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "with/without")
	b.ReportMetric(ratios[len(ratios)/4], "quartile1")
	b.ReportMetric(ratios[len(ratios)*3/4], "quartile3")
}
