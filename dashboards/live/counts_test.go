package live

import (
	"fmt"
	"testing"
	"time"
)

// checkHashRate compares PromQL's rate() with the engine's own count, over the time
// between the first and the last sample that rate() used.
func (s *story) checkHashRate(t *testing.T) {
	for _, n := range []*watched{s.a, s.b} {
		at := s.split
		samples := func(metric string) []Point {
			found, err := s.Query(t.Context(), fmt.Sprintf("%s{instance=%q}[60s]", metric, n.name), at)
			if err != nil || len(found) != 1 || len(found[0].Points) < 10 {
				t.Fatalf("%s of %s: %v, %v", metric, n.name, found, err)
			}
			return found[0].Points
		}
		points := samples("lode_hashes_total")
		at = points[len(points)-1].Time // evaluated any later, rate() would extrapolate beyond this sample
		points = samples("lode_hashes_total")
		from, to := points[0].Time, at
		rate, err := s.Query(t.Context(), fmt.Sprintf("rate(lode_hashes_total{instance=%q}[60s])", n.name), at)
		if err != nil || len(rate) != 1 {
			t.Fatalf("rate of %s: %v, %v", n.name, rate, err)
		}
		// The node read its count at some moment between the sample's timestamp and
		// the end of the scrape, which bounds the rate from below and from above.
		took := map[time.Time]time.Duration{}
		for _, p := range samples("scrape_duration_seconds") {
			took[p.Time] = time.Duration(p.Value * float64(time.Second))
		}
		seconds := to.Sub(from).Seconds()
		least := (n.hashesAt(to) - n.hashesAt(from.Add(took[from]))) / seconds
		most := (n.hashesAt(to.Add(took[to])) - n.hashesAt(from)) / seconds
		exact := (n.hashesAt(to) - n.hashesAt(from)) / seconds
		seen := rate[0].Points[0].Value
		t.Logf("node %s: %.0f H/s by rate(), %.0f by the engine's count over %s, %+.3f %%; the scrapes took %s and %s",
			n.name, seen, exact, to.Sub(from), 100*(seen/exact-1), took[from], took[to])
		if !(seen > .99*least && seen < 1.01*most) {
			t.Errorf("node %s: rate() is %v H/s, but the engine computed %v H/s, or between %v and %v", n.name, seen, exact, least, most)
		}
	}
}

// checkIntervals compares the count of a histogram in Prometheus with the number of
// blocks in the chain's events.
func (s *story) checkIntervals(t *testing.T) {
	for _, n := range []*watched{s.a, s.b, s.c} {
		selector := fmt.Sprintf(`lode_chain_block_interval_seconds_count{instance=%q}`, n.name)
		found, err := s.Query(t.Context(), selector, s.stilled)
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %v, %v", selector, found, err)
		}
		want := n.connected.Load()
		t.Logf("node %s: %d blocks connected, height %d", n.name, want, n.node.Chain().Tip().Height)
		if got := found[0].Points[0].Value; got != float64(want) || want == 0 {
			t.Errorf("node %s: the histogram counts %v intervals, but %d blocks were connected", n.name, got, want)
		}
	}
}

// checkSeries checks that no label of a metric takes an unbounded number of values.
func (s *story) checkSeries(t *testing.T) {
	const most = 1000 // series of a node, among them buckets of HTTP routes that were used
	found, err := s.Query(t.Context(), `max(count by (instance) ({job="lode", __name__=~"lode_.+"}))`, s.stilled)
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	got := found[0].Points[0].Value
	t.Logf("a node exports at most %v series", got)
	if got > most {
		t.Errorf("a node exports %v series, want at most %d", got, most)
	}
}
