package live

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// firing returns the time at which each alert on the given job first fired in a
// Prometheus, by "name instance".
func (s *story) firing(t *testing.T, p *Prometheus, job string) map[string]time.Time {
	t.Helper()
	return firing(t, p, job, s.begun.Add(-warmUp), s.stilled)
}

// firing returns the time between two others at which each alert on the given job first
// fired in a Prometheus, by "name instance".
func firing(t *testing.T, p *Prometheus, job string, from, to time.Time) map[string]time.Time {
	t.Helper()
	found, err := p.QueryRange(t.Context(), fmt.Sprintf(`ALERTS{alertstate="firing", job=~"%s|"}`, job), from, to, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	first := map[string]time.Time{}
	for _, series := range found {
		name := series.Labels["alertname"] + " " + series.Labels["instance"]
		if at := series.Points[0].Time; first[name].IsZero() || at.Before(first[name]) {
			first[name] = at
		}
	}
	return first
}

// expected is an alert that must fire.
type expected struct {
	name   string // with the instance, as in the result of firing
	cause  moment
	within time.Duration // from the cause, as docs/monitoring.md states it
}

// check checks that the alert fires after its cause and within the documented time, plus
// some slack for a busy machine on which Prometheus itself was late.
func (e expected) check(t *testing.T, first map[string]time.Time, slack time.Duration) {
	t.Helper()
	at, ok := first[e.name]
	took := at.Sub(e.cause.to).Round(100 * time.Millisecond)
	switch {
	case !ok:
		t.Errorf("%s does not fire", e.name)
	case at.Before(e.cause.from):
		t.Errorf("%s fires %s before its cause", e.name, e.cause.from.Sub(at))
	case took > e.within+slack:
		t.Errorf("%s fires after %s, want it within %s plus a slack of %s", e.name, took, e.within, slack)
	default:
		t.Logf("%s fires after %s; documented: within %s", e.name, took, e.within)
	}
}

// checkQuiet checks that no alert fires before the trouble begins. That is too short for
// scrapes a minute, see checkCalm.
func (s *story) checkQuiet(t *testing.T) {
	for _, p := range []*Prometheus{s.Prometheus, s.slow} {
		for name, at := range s.firing(t, p, "lode") {
			if at.Before(s.split) {
				t.Errorf("%s fires %s after the start, although nothing is wrong", name, at.Sub(s.begun.Add(-warmUp)).Round(time.Second))
			}
		}
	}
}

// checkCalm checks that no alert ever fires on the network on which nothing goes wrong,
// with scrapes every 5 seconds or every minute. The rules must have had values for as long
// as the slow Prometheus allows, because without values no alert can fire.
func (s *story) checkCalm(t *testing.T) {
	for _, p := range []*Prometheus{s.Prometheus, s.slow} {
		for name, at := range s.firing(t, p, calm) {
			t.Errorf("%s fires %s after the start, although nothing is wrong on its network", name, at.Sub(s.begun.Add(-warmUp)).Round(time.Second))
		}
	}
	least := int(s.stilled.Sub(s.begun)/slowInterval) - 4 // a rate needs two scrapes, and then an evaluation
	for _, series := range []string{
		`up{job="lode-calm"} == 1`,
		`instance:lode_hashes:rate5m{job="lode-calm", instance="miner"} > 0`,
		`instance:lode_chain_tip:age_seconds{job="lode-calm"}`,
		`job:lode_chain_height:spread{job="lode-calm"}`,
		`instance:lode_peers:sum{job="lode-calm"} == 1`,
	} {
		found, err := s.slow.QueryRange(t.Context(), series, s.begun, s.stilled, slowInterval)
		if err != nil || len(found) == 0 {
			t.Errorf("%s: %v, %v: the calm network shows nothing", series, found, err)
		}
		for _, f := range found {
			if len(f.Points) < least {
				t.Errorf("%s has %d values in %s, want %d at least", series, len(f.Points), s.stilled.Sub(s.begun).Round(time.Second), least)
			}
		}
	}
}

// checkSlowAlerts checks that alerts also fire with a scrape and an evaluation a
// minute, and that the hash rate is recorded. docs/monitoring.md adds a scrape and two
// evaluations to the times that it states, which are three minutes here.
func (s *story) checkSlowAlerts(t *testing.T) {
	first := s.firing(t, s.slow, "lode")
	slack := s.slack(t) + 3*slowInterval
	stalled := s.b.stalled(s.turned.to)
	for _, want := range []expected{
		{"LodeNodeDown killed", s.death, 75 * time.Second},
		{"LodeHashingStalled b", moment{stalled, stalled}, 105 * time.Second},
		{"LodeDiskFull full", s.filled, 0},
		{"LodeBlocksRefused a", s.sentBadBlocks, 0},
	} {
		want.check(t, first, slack)
	}
	found, err := s.slow.Query(t.Context(), `instance:lode_hashes:rate5m{instance=~"a|c"} > 0`, s.healed)
	if err != nil || len(found) != 2 {
		t.Errorf("hash rates %v, %v: want those of a and c", found, err)
	}
}

// late returns the greatest delay of a sample between two times, beyond the configured
// interval, in the samples of a selector.
func late(t *testing.T, p *Prometheus, selector string, from, to time.Time) time.Duration {
	t.Helper()
	found, err := p.Query(t.Context(), fmt.Sprintf("%s[%ds]", selector, int(to.Sub(from).Seconds())), to)
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: %v, %v", selector, found, err)
	}
	var most time.Duration
	for _, series := range found {
		for i := 1; i < len(series.Points); i++ {
			most = max(most, series.Points[i].Time.Sub(series.Points[i-1].Time)-Interval)
		}
	}
	return most
}

// slackOf returns by how much alerts may be late, because Prometheus itself was. The rule
// is a recorded series that has a sample at each evaluation.
func slackOf(t *testing.T, p *Prometheus, rule string, from, to time.Time) time.Duration {
	t.Helper()
	const most = 30 * time.Second // more would make checks meaningless
	scrapes, evaluations := late(t, p, "up", from, to), late(t, p, rule, from, to)
	t.Logf("scrapes are up to %s late, evaluations up to %s", scrapes, evaluations)
	return 10*time.Second + min(scrapes+evaluations, most)
}

// slack returns by how much alerts may be late while the network was split.
func (s *story) slack(t *testing.T) time.Duration {
	t.Helper()
	return slackOf(t, s.Prometheus, `instance:lode_hashes:rate5m{instance="a"}`, s.split, s.healed)
}

// checkAlerts checks that each alert fires within the time that docs/monitoring.md
// states, plus some slack for a busy machine on which Prometheus itself was late.
// TestAlerts of package dashboards checks the same times without slack, for the rules alone.
func (s *story) checkAlerts(t *testing.T) {
	slack := s.slack(t)
	first := s.firing(t, s.Prometheus, "lode")
	// A search that is in progress when the clock is turned continues to its end.
	stalled := s.b.stalled(s.turned.to)
	if stalled.IsZero() {
		t.Fatal("b has not stopped hashing, although its clock was turned back")
	}
	t.Logf("b hashed for another %s after its clock was turned back", stalled.Sub(s.turned.to).Round(100*time.Millisecond))
	for _, want := range []expected{
		{"LodeNodeDown killed", s.death, 90 * time.Second},
		{"LodeHashingStalled b", moment{stalled, stalled}, 2 * time.Minute},
		{"LodeDiskFull full", s.filled, 10 * time.Second},
		{"LodeBlocksRefused a", s.sentBadBlocks, 10 * time.Second},
		{"LodeNoPeers c", s.cut, 135 * time.Second},
	} {
		want.check(t, first, slack)
		delete(first, want.name)
	}
	deep, apart := false, false
	for name, at := range first {
		// Which of the two alerts fires depends on how many blocks each side mines.
		if name == "LodeNodesDisagree " || strings.HasPrefix(name, "LodeNodeBehind ") && !strings.HasSuffix(name, "full") {
			apart = apart || at.Before(s.healed)
		}
		took := at.Sub(s.healed).Round(100 * time.Millisecond)
		if strings.HasPrefix(name, "LodeDeepReorg ") && took > 0 {
			t.Logf("%s fires %s after the split has been healed", name, took)
			deep = true
		} else {
			t.Logf("%s also fires, %s after the split", name, at.Sub(s.split).Round(100*time.Millisecond))
		}
	}
	if !apart {
		t.Error("neither LodeNodesDisagree nor LodeNodeBehind fires while the network is split")
	}
	if !deep {
		t.Error("LodeDeepReorg does not fire after the split has been healed")
	}
}
