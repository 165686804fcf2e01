package live

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
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

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/node"
	"github.com/lodepow/lode/node/gossip"
)

// How long the parts of the test take, of Prometheus's time.
const (
	warmUp  = 20 * time.Second
	quiet   = 70 * time.Second
	trouble = 150 * time.Second
	healing = 25 * time.Second
	still   = 15 * time.Second
)

// story is a network under watch, and when what happened to it.
type story struct {
	*Prometheus
	a, b, c *watched // mine and talk to each other
	killed  *Node
	full    *Node // has a file size limit

	begun, split, healed, stilled time.Time
	refused                       time.Time // when the sixth block was
	firstFull                     time.Time // when a post was the first to find no space
}

// TestLive watches nodes with a real Prometheus while all is well, while all
// sorts of things go wrong, and afterwards, and asks everything that the
// dashboards ask.
func TestLive(t *testing.T) {
	if os.Getenv("LODE_PROMETHEUS") == "" {
		t.Skip("NOT TESTED: dashboards and alerts on a live Prometheus, which takes five minutes; set LODE_PROMETHEUS=1")
	}
	s := tell(t)
	t.Run("quiet", s.checkQuiet)
	t.Run("alerts", s.checkAlerts)
	t.Run("panels", s.checkPanels)
	t.Run("hash rate", s.checkHashRate)
	t.Run("intervals", s.checkIntervals)
	t.Run("series", s.checkSeries)
}

// tell lets the story happen.
func tell(t *testing.T) *story {
	params := network(t)
	s := &story{
		a: newWatched(t, "a", params, node.Continuous),
		b: newWatched(t, "b", params, node.Continuous),
		c: newWatched(t, "c", params, node.Continuous),
	}
	s.a.open(nil, nil)
	s.b.open([]gossip.Address{s.a.peer()}, nil)
	s.c.open([]gossip.Address{s.a.peer()}, nil)
	s.startProcesses(t, params)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)

	targets := []Target{
		{"a", s.a.addr()}, {"b", s.b.addr()}, {"c", s.c.addr()}, {"killed", s.killed.Addr()}, {"full", s.full.Addr()},
	}
	listen, err := FreeAddr(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if s.Prometheus, err = StartPrometheus(t.Context(), t.TempDir(), listen, targets...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})

	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	clients.Go(func() { s.visit(ctx) })
	defer clients.Wait()
	defer cancel()

	wait(t, warmUp)
	s.begun = time.Now()
	wait(t, quiet)

	// c is on its own from here on, b's clock is wrong, one node dies, and one
	// gets more than it has room for.
	s.split = time.Now()
	s.c.close()
	s.c.open(nil, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")})
	s.b.clock.Store(int64(-10 * time.Minute))
	s.killed.Kill()
	s.fill(t)
	s.sendBadBlocks(t)
	wait(t, trouble-time.Since(s.split))

	s.healed = time.Now()
	s.b.clock.Store(0)
	s.c.close()
	s.c.open([]gossip.Address{s.a.peer(), s.b.peer()}, nil)
	wait(t, healing)

	// No more blocks, so that counts do not move while they are compared.
	for _, n := range []*watched{s.a, s.b, s.c} {
		n.clock.Store(int64(-10 * time.Minute))
	}
	wait(t, still)
	s.stilled = time.Now()
	return s
}

func wait(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal(context.Cause(t.Context()))
	}
}

// startProcesses starts the two nodes that cannot be goroutines of this process.
func (s *story) startProcesses(t *testing.T, p chain.Params) {
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
		command := slices.Concat(before, []string{lode, "node", "--network", file, "--listen", "127.0.0.1:0",
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
	// In blocks of 512 bytes.
	s.full = run("full", "sh", "-c", `ulimit -f 2048 && exec "$@"`, "sh")
}

// visit does what clients do: posts, looks, errs, and follows the events.
func (s *story) visit(ctx context.Context) {
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

// fill posts to the node with the limit until it has no space.
func (s *story) fill(t *testing.T) {
	t.Helper()
	for i := range 1000 {
		if post(t.Context(), s.full.Addr(), fmt.Sprint(i, strings.Repeat("x", 60_000))) == http.StatusInsufficientStorage {
			s.firstFull = time.Now()
			return
		}
	}
	t.Error("the limit on its files does not stop the node")
}

// sendBadBlocks sends a more blocks than it should stand.
func (s *story) sendBadBlocks(t *testing.T) {
	t.Helper()
	for range 2 {
		bad := badBlocks(t, s.a.node.Chain())
		bad[chain.DuplicateInvalid] = bad[chain.BadDiffBits]
		for _, reason := range []chain.Reason{
			chain.HighHash, chain.BadVersion, chain.BadMerkleRoot, chain.BadDiffBits, chain.DuplicateInvalid,
		} {
			body, err := json.Marshal(bad[reason])
			if err != nil {
				t.Fatal(err)
			}
			if status := ask(t.Context(), http.MethodPost, "http://"+s.a.addr()+"/add_block", body); status != http.StatusBadRequest {
				t.Errorf("%s: status %d", reason, status)
			}
		}
	}
	s.refused = time.Now()
}

// firing returns when each alert fired first, by its name and instance.
func (s *story) firing(t *testing.T) map[string]time.Time {
	t.Helper()
	found, err := s.QueryRange(t.Context(), `ALERTS{alertstate="firing"}`, s.begun.Add(-warmUp), s.stilled, time.Second)
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

func (s *story) checkQuiet(t *testing.T) {
	for name, at := range s.firing(t) {
		if at.Before(s.split) {
			t.Errorf("%s fires %s after the start, and nothing is wrong", name, at.Sub(s.begun.Add(-warmUp)).Round(time.Second))
		}
	}
}

// checkAlerts holds each alert to the time that docs/monitoring.md states.
func (s *story) checkAlerts(t *testing.T) {
	const slack = 10 * time.Second // for a machine that is busy
	first := s.firing(t)
	// A search that is under way when the clock turns goes on to its end.
	stalled := s.b.stalled(s.split)
	t.Logf("b hashed for %s after its clock was turned", stalled.Sub(s.split).Round(100*time.Millisecond))
	for _, want := range []struct {
		name   string
		since  time.Time
		within time.Duration
	}{
		{"LodeNodeDown killed", s.split, 45 * time.Second},
		{"LodeHashingStalled b", stalled, 105 * time.Second},
		{"LodeDiskFull full", s.firstFull, 10 * time.Second},
		{"LodeBlocksRefused a", s.refused, 10 * time.Second},
		{"LodeNoPeers c", s.split, 135 * time.Second},
	} {
		at, ok := first[want.name]
		took := at.Sub(want.since).Round(100 * time.Millisecond)
		switch {
		case !ok:
			t.Errorf("%s does not fire", want.name)
		case took < 0 || took > want.within+slack:
			t.Errorf("%s fires after %s, want it within %s", want.name, took, want.within)
		default:
			t.Logf("%s fires after %s, as it should within %s", want.name, took, want.within)
		}
		delete(first, want.name)
	}
	deep, apart := false, false
	for name, at := range first {
		// Which of the two it is depends on how much the sides mine.
		if name == "LodeNodesDisagree " || strings.HasPrefix(name, "LodeNodeBehind ") && !strings.HasSuffix(name, "full") {
			apart = apart || at.Before(s.healed)
		}
		took := at.Sub(s.healed).Round(100 * time.Millisecond)
		if strings.HasPrefix(name, "LodeDeepReorg ") && took > 0 {
			t.Logf("%s fires %s after the split is healed", name, took)
			deep = true
		} else {
			t.Logf("%s fires too, %s after the split", name, at.Sub(s.split).Round(100*time.Millisecond))
		}
	}
	if !apart {
		t.Error("neither LodeNodesDisagree nor LodeNodeBehind fires while the network is split")
	}
	if !deep {
		t.Error("LodeDeepReorg does not fire when the split is healed")
	}
}

// checkHashRate compares rate() with the engine's own count over the time between
// the first and the last sample that rate() saw.
func (s *story) checkHashRate(t *testing.T) {
	for _, n := range []*watched{s.a, s.b} {
		selector := fmt.Sprintf(`lode_hashes_total{instance=%q}`, n.name)
		raw, err := s.Query(t.Context(), selector+"[60s]", s.split)
		if err != nil || len(raw) != 1 || len(raw[0].Points) < 10 {
			t.Fatalf("%s: %v, %v", selector, raw, err)
		}
		points := raw[0].Points
		from, to := points[0].Time, points[len(points)-1].Time
		rate, err := s.Query(t.Context(), "rate("+selector+"[60s])", s.split)
		if err != nil || len(rate) != 1 {
			t.Fatalf("rate of %s: %v, %v", selector, rate, err)
		}
		exact := (n.hashesAt(to) - n.hashesAt(from)) / to.Sub(from).Seconds()
		seen := rate[0].Points[0].Value
		t.Logf("node %s: %.0f H/s by rate(), %.0f by the engine's count over %s, %+.3f %%",
			n.name, seen, exact, to.Sub(from), 100*(seen/exact-1))
		if !(math.Abs(seen/exact-1) < .01) {
			t.Errorf("node %s: rate() is %v, the engine has done %v hashes a second", n.name, seen, exact)
		}
	}
}

// checkIntervals compares the count of a histogram, as Prometheus has it, with
// the events of the chain.
func (s *story) checkIntervals(t *testing.T) {
	for _, n := range []*watched{s.a, s.b, s.c} {
		selector := fmt.Sprintf(`lode_chain_block_interval_seconds_count{instance=%q}`, n.name)
		found, err := s.Query(t.Context(), selector, s.stilled)
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %v, %v", selector, found, err)
		}
		want := n.connected.Load()
		t.Logf("node %s: %d blocks connected, height %d", n.name, want, n.node.Chain().Tip().Height)
		if got := found[0].Points[0].Value; got != float64(want) || want < 10 {
			t.Errorf("node %s: %v intervals, %d blocks connected", n.name, got, want)
		}
	}
}

// checkSeries sees to it that no label has run away.
func (s *story) checkSeries(t *testing.T) {
	const most = 1500 // of a node; buckets of HTTP are most of them
	found, err := s.Query(t.Context(), `max(count by (instance) ({job="lode", __name__=~"lode_.+"}))`, s.stilled)
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	got := found[0].Points[0].Value
	t.Logf("a node shows at most %v series", got)
	if got > most {
		t.Errorf("a node shows %v series, want at most %d", got, most)
	}
}
