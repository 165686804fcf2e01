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
	"github.com/lodepow/lode/dashboards"
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
	t.Parallel() // with TestLiveMiners; both wait most of the time
	s := runStory(t)
	t.Run("quiet", s.checkQuiet)
	t.Run("calm", s.checkCalm)
	t.Run("alerts", s.checkAlerts)
	t.Run("alerts at a minute", s.checkSlowAlerts)
	t.Run("panels", func(t *testing.T) {
		checkPanels(t, s.Prometheus, "lode", s.begun, s.stilled, dashboards.All(), whyEmpty)
	})
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
