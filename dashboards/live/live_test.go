package live

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node"
	"github.com/lodepow/lode/node/gossip"
)

// The durations of the parts of the test.
const (
	warmUp  = 20 * time.Second
	quiet   = 70 * time.Second
	trouble = 270 * time.Second // at least; see waitApart
	healing = 25 * time.Second
	still   = 15 * time.Second

	slowInterval = time.Minute     // between the scrapes and evaluations of the slow Prometheus
	mostTrouble  = 5 * time.Minute // longest time until an alert must have noticed the split

	calm = "lode-calm" // the job of the network on which nothing goes wrong
)

// story is a network watched by a Prometheus, with the times of what happened to it.
type story struct {
	*Prometheus
	slow    *Prometheus // scrapes and evaluates once a minute
	a, b, c *watched    // mine, and are connected with each other
	killed  *Node       // is killed while it runs
	full    *Node       // has a limit on the size of its files

	// Two nodes of a network of their own, the job calm, on which nothing ever goes wrong.
	// The first mines, and the second follows.
	calm [2]*watched

	// The parts of the story begin at these times: begun (after the warm-up), split
	// (trouble begins), healed (the network is whole again), and stilled (no more
	// blocks are mined).
	begun, split, healed, stilled time.Time

	// The causes of alerts: c is cut off, the clock of b is turned back, one node is
	// killed, one has its disk filled, and a receives invalid blocks.
	cut, turned, death, filled, sentBadBlocks moment
}

// moment is the time of an action, as an interval, because on a busy machine any
// action may take long.
type moment struct{ from, to time.Time }

// during runs f and returns when it ran.
func during(f func()) moment {
	from := time.Now()
	f()
	return moment{from, time.Now()}
}

// TestLive watches nodes with a real Prometheus: first without trouble, then while
// several things go wrong at once, and then after they have been repaired. It checks
// the alerts, runs every query of the dashboards, and compares some metrics with the
// nodes' own counts.
func TestLive(t *testing.T) {
	if os.Getenv("LODE_PROMETHEUS") == "" {
		t.Skip("NOT TESTED: dashboards and alerts on a live Prometheus, which takes seven to ten minutes; set LODE_PROMETHEUS=1")
	}
	s := runStory(t)
	t.Run("quiet", s.checkQuiet)
	t.Run("calm", s.checkCalm)
	t.Run("alerts", s.checkAlerts)
	t.Run("alerts at a minute", s.checkSlowAlerts)
	t.Run("panels", s.checkPanels)
	t.Run("hash rate", s.checkHashRate)
	t.Run("intervals", s.checkIntervals)
	t.Run("series", s.checkSeries)
}

// runStory starts the network and Prometheus, and lets everything in the story
// happen.
func runStory(t *testing.T) *story {
	params := network(t)
	s := &story{
		a: newWatched(t, "a", params, node.Continuous),
		b: newWatched(t, "b", params, node.Continuous),
		c: newWatched(t, "c", params, node.Continuous),
	}
	s.a.open(nil, nil)
	s.b.open([]gossip.Address{s.a.peer()}, nil)
	s.c.open([]gossip.Address{s.a.peer()}, nil)
	s.calm = [2]*watched{newWatched(t, "miner", params, node.Continuous), newWatched(t, "follower", params, node.OnDemand)}
	s.calm[0].open(nil, nil)
	s.calm[1].open([]gossip.Address{s.calm[0].peer()}, nil)
	s.startProcesses(t, params)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)

	targets := []Target{
		{Name: "a", Addr: s.a.addr()},
		{Name: "b", Addr: s.b.addr()},
		{Name: "c", Addr: s.c.addr()},
		{Name: "killed", Addr: s.killed.Addr()},
		{Name: "full", Addr: s.full.Addr()},
		{Name: "miner", Addr: s.calm[0].addr(), Job: calm},
		{Name: "follower", Addr: s.calm[1].addr(), Job: calm},
	}
	listen, err := FreeAddr(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if s.Prometheus, err = StartPrometheus(t.Context(), t.TempDir(), listen, targets...); err != nil {
		t.Fatal(err)
	}
	s.endWith(t, s.Prometheus)
	if listen, err = FreeAddr(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if s.slow, err = startPrometheus(t.Context(), t.TempDir(), listen, slowInterval, targets...); err != nil {
		t.Fatal(err)
	}
	s.endWith(t, s.slow)

	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	clients.Go(func() { s.actAsClient(ctx) })
	defer clients.Wait()
	defer cancel()

	wait(t, warmUp)
	s.begun = time.Now()
	wait(t, quiet)

	// Now c is isolated from the others, b's clock is turned back by ten minutes, one
	// node is killed, one receives more than fits on its disk, and a receives invalid
	// blocks.
	s.split = time.Now()
	s.cut = during(func() {
		s.c.close()
		s.c.open(nil, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")})
	})
	s.turned = during(func() { s.b.clock.Store(int64(-10 * time.Minute)) })
	s.death = during(s.killed.Kill)
	s.filled = during(func() { s.fill(t) })
	s.sentBadBlocks = during(func() { s.sendBadBlocks(t) })
	wait(t, trouble)
	s.waitApart(t)

	s.healed = time.Now()
	s.b.clock.Store(0)
	s.c.close()
	s.c.open([]gossip.Address{s.a.peer(), s.b.peer()}, nil)
	wait(t, healing)

	// With their clocks turned back the nodes stop mining, so that counts do not
	// change while they are compared.
	for _, n := range []*watched{s.a, s.b, s.c} {
		n.clock.Store(int64(-10 * time.Minute))
	}
	wait(t, still)
	s.stilled = time.Now()
	return s
}

// endWith stops a Prometheus at the end of the test.
func (s *story) endWith(t *testing.T, p *Prometheus) {
	t.Cleanup(func() {
		p.Close()
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
}

// waitApart waits until an alert has noticed that the network is split, but not
// beyond mostTrouble. The time depends on how many blocks the two sides mine.
func (s *story) waitApart(t *testing.T) {
	t.Helper()
	const alert = `ALERTS{alertname=~"LodeNodesDisagree|LodeNodeBehind", alertstate="firing", job="lode", instance!="full"}`
	for end := time.Now().Add(mostTrouble - trouble); time.Now().Before(end); wait(t, time.Second) {
		found, err := s.Query(t.Context(), alert, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			return
		}
	}
}

// wait waits for the given time. It ends the test if the test's context ends.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal(context.Cause(t.Context()))
	}
}

// startProcesses starts the two nodes that must be separate processes: the one that
// is killed, and the one with a file size limit.
func (s *story) startProcesses(t *testing.T, p rules.Params) {
	t.Helper()
	dir := t.TempDir()
	lode := filepath.Join(dir, "lode")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", lode, "../../cmd/lode")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "network.json")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(name string, before ...string) *Node {
		command := slices.Concat(before, []string{lode, "node", "--network", file, "--listen", "127.0.0.1:0", "--stratum", "127.0.0.1:0",
			"--data", filepath.Join(dir, name), "--peer", string(s.a.peer())})
		n, err := StartNode(t.Context(), command...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := n.Stop(); err != nil {
				t.Error(err)
			}
		})
		return n
	}
	s.killed = run("killed")
	// The unit of the limit is 512 bytes, so it is 1 MiB.
	s.full = run("full", "sh", "-c", `ulimit -f 2048 && exec "$@"`, "sh")
}

// actAsClient behaves like clients of the nodes until the context ends: it posts
// transactions, reads the chain, makes invalid requests, and follows events.
func (s *story) actAsClient(ctx context.Context) {
	var stream sync.WaitGroup
	stream.Go(func() { ask(ctx, http.MethodGet, "http://"+s.a.addr()+"/events", nil) })
	defer stream.Wait()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		node := []*watched{s.a, s.b, s.c}[i%3].addr()
		post(ctx, node, fmt.Sprint("number ", i))
		ask(ctx, http.MethodGet, "http://"+node+"/chain?limit=3", nil)
		ask(ctx, http.MethodGet, "http://"+node+"/nowhere", nil)
		if i%10 == 0 {
			ask(ctx, http.MethodPost, "http://"+node+"/new_transaction", []byte(`{"author":"tester"}`))
			post(ctx, node, strings.Repeat("x", 70_000))
		}
	}
}

// fill posts large transactions to the node with the file size limit until it answers
// that it has no space.
func (s *story) fill(t *testing.T) {
	t.Helper()
	for i := range 1000 {
		if post(t.Context(), s.full.Addr(), fmt.Sprint(i, strings.Repeat("x", 60_000))) == http.StatusInsufficientStorage {
			return
		}
	}
	t.Error("the node with a file size limit still accepts posts after 1000 large ones")
}

// sendBadBlocks sends invalid blocks to a, more than it takes for LodeBlocksRefused
// to fire.
func (s *story) sendBadBlocks(t *testing.T) {
	t.Helper()
	for range 2 {
		bad := badBlocks(t, s.a.node.Chain())
		bad[block.DuplicateInvalid] = bad[block.BadDiffBits]
		for _, reason := range []block.Reason{
			block.HighHash, block.BadVersion, block.BadMerkleRoot, block.BadDiffBits, block.DuplicateInvalid,
		} {
			body, err := json.Marshal(bad[reason])
			if err != nil {
				t.Fatal(err)
			}
			if status := ask(t.Context(), http.MethodPost, "http://"+s.a.addr()+"/add_block", body); status != http.StatusBadRequest {
				t.Errorf("%s: status %d, want 400", reason, status)
			}
		}
	}
}

// firing returns the time at which each alert on the given job first fired in a
// Prometheus, by "name instance".
func (s *story) firing(t *testing.T, p *Prometheus, job string) map[string]time.Time {
	t.Helper()
	found, err := p.QueryRange(t.Context(), fmt.Sprintf(`ALERTS{alertstate="firing", job=~"%s|"}`, job), s.begun.Add(-warmUp), s.stilled, time.Second)
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
	for _, want := range []struct {
		name   string
		cause  moment
		within time.Duration
	}{
		{"LodeNodeDown killed", s.death, 75 * time.Second},
		{"LodeHashingStalled b", moment{stalled, stalled}, 105 * time.Second},
		{"LodeDiskFull full", s.filled, 0},
		{"LodeBlocksRefused a", s.sentBadBlocks, 0},
	} {
		at, ok := first[want.name]
		took := at.Sub(want.cause.to).Round(time.Second)
		switch {
		case !ok:
			t.Errorf("%s does not fire", want.name)
		case at.Before(want.cause.from):
			t.Errorf("%s fires %s before its cause", want.name, want.cause.from.Sub(at))
		case took > want.within+slack:
			t.Errorf("%s fires after %s, want it within %s and %s more", want.name, took, want.within, slack)
		default:
			t.Logf("%s fires after %s; documented: within %s and three minutes", want.name, took, want.within)
		}
	}
	found, err := s.slow.Query(t.Context(), `instance:lode_hashes:rate5m{instance=~"a|c"} > 0`, s.healed)
	if err != nil || len(found) != 2 {
		t.Errorf("hash rates %v, %v: want those of a and c", found, err)
	}
}

// late returns the greatest delay of a sample, beyond the configured interval, in the
// samples of a selector while the network was split.
func (s *story) late(t *testing.T, selector string) time.Duration {
	t.Helper()
	found, err := s.Query(t.Context(), fmt.Sprintf("%s[%ds]", selector, int(s.healed.Sub(s.split).Seconds())), s.healed)
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

// slack returns by how much alerts may be late, because Prometheus itself was.
func (s *story) slack(t *testing.T) time.Duration {
	t.Helper()
	const most = 30 * time.Second // more would make checks meaningless
	scrapes, evaluations := s.late(t, "up"), s.late(t, `instance:lode_hashes:rate5m{instance="a"}`)
	t.Logf("scrapes are up to %s late, evaluations up to %s", scrapes, evaluations)
	return 10*time.Second + min(scrapes+evaluations, most)
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
	for _, want := range []struct {
		name   string
		cause  moment
		within time.Duration
	}{
		{"LodeNodeDown killed", s.death, 90 * time.Second},
		{"LodeHashingStalled b", moment{stalled, stalled}, 2 * time.Minute},
		{"LodeDiskFull full", s.filled, 10 * time.Second},
		{"LodeBlocksRefused a", s.sentBadBlocks, 10 * time.Second},
		{"LodeNoPeers c", s.cut, 135 * time.Second},
	} {
		at, ok := first[want.name]
		took := at.Sub(want.cause.to).Round(100 * time.Millisecond)
		switch {
		case !ok:
			t.Errorf("%s does not fire", want.name)
		case at.Before(want.cause.from):
			t.Errorf("%s fires %s before its cause", want.name, want.cause.from.Sub(at))
		case took > want.within+slack:
			t.Errorf("%s fires after %s, want it within %s plus a slack of %s", want.name, took, want.within, slack)
		default:
			t.Logf("%s fires after %s; documented: within %s", want.name, took, want.within)
		}
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
