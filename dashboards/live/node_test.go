package live

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

const spacing = 2 // seconds between blocks

// network returns the parameters of a network whose first difficulty suits the speed
// of this machine.
func network(t *testing.T) rules.Params {
	t.Helper()
	engine, err := pow.New(pow.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	start := time.Now()
	_, _ = engine.Search(ctx, pow.Job{Target: pow.ZerosTarget(255)})
	rate := float64(engine.Hashes()) / time.Since(start).Seconds()
	p, err := rules.New(rules.Config{Name: "watched", Difficulty: rules.Difficulty{
		Rule: rules.RuleAsert, Bits: pow.ZerosTarget(int(math.Log2(rate * spacing))).Bits(), Spacing: spacing, HalfLife: 10 * spacing,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// watched is a node in this process, which makes it possible to change its clock and
// to observe its engine and chain directly.
type watched struct {
	t      *testing.T
	name   string
	config node.Config
	clock  atomic.Int64 // how far the node's clock is ahead of the real one, in nanoseconds

	node      *node.Node
	stop      context.CancelFunc
	done      chan struct{} // closed when the node has ended
	connected atomic.Int64  // number of blocks connected since the node was last started

	mu      sync.Mutex
	samples []Point // the engine's count of hashes over time
}

func newWatched(t *testing.T, name string, p rules.Params, mode node.Mode) *watched {
	n := &watched{t: t, name: name}
	n.config = node.Config{
		Params: p, Data: t.TempDir(), Listen: "127.0.0.1:0", Mine: mode, Tag: name, Workers: 1,
		Now: func() time.Time { return time.Now().Add(time.Duration(n.clock.Load())) },
	}
	t.Cleanup(n.close)
	return n
}

// open starts the node, with the given peers and the given prefixes of addresses that
// it accepts. It listens on a free port the first time, and on the same port later.
func (n *watched) open(peers []gossip.Address, allow []netip.Prefix) {
	n.t.Helper()
	n.config.Peers, n.config.Allow = peers, allow
	n.config.Registry = prometheus.NewRegistry()
	var err error
	if n.node, err = node.Open(n.t.Context(), n.config); err != nil {
		n.t.Fatal(err)
	}
	n.config.Listen = n.node.Addr().String()
	n.connected.Store(0)
	n.node.Chain().Subscribe(func(e chain.Event) { n.connected.Add(int64(len(e.Connected))) })
	ctx, stop := context.WithCancel(context.Background())
	n.stop, n.done = stop, make(chan struct{})
	go func() {
		defer close(n.done)
		var tasks sync.WaitGroup
		tasks.Go(func() { n.sample(ctx) })
		if err := n.node.Run(ctx); err != nil {
			n.t.Errorf("node %s: %v", n.name, err)
		}
		stop()
		tasks.Wait()
	}()
}

func (n *watched) close() {
	if n.stop != nil {
		n.stop()
		<-n.done
	}
}

func (n *watched) addr() string { return n.config.Listen }

func (n *watched) peer() gossip.Address {
	a, err := gossip.ParseAddress("http://" + n.addr())
	if err != nil {
		n.t.Fatal(err)
	}
	return a
}

// sample records the engine's count of hashes, with the real time, until the context
// ends.
func (n *watched) sample(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			n.mu.Lock()
			n.samples = append(n.samples, Point{time.Now(), float64(n.node.Engine().Hashes())})
			n.mu.Unlock()
		}
	}
}

// hashesAt returns the engine's count of hashes at the given time, interpolated
// between two samples. It returns NaN if there are no samples around that time.
func (n *watched) hashesAt(at time.Time) float64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, s := range n.samples {
		if i > 0 && !s.Time.Before(at) {
			before := n.samples[i-1]
			share := at.Sub(before.Time).Seconds() / s.Time.Sub(before.Time).Seconds()
			return before.Value + share*(s.Value-before.Value)
		}
	}
	return math.NaN()
}

// stalled returns the first time after the given one from which the engine's count
// stayed the same for more than a minute, or the zero time if it never did.
func (n *watched) stalled(after time.Time) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	last := Point{Time: after}
	for _, s := range n.samples {
		switch {
		case s.Time.Before(after):
		case s.Value != last.Value:
			last = s
		case s.Time.Sub(last.Time) > time.Minute:
			return last.Time
		}
	}
	return time.Time{}
}

// ask sends a request to a node and returns the status of the answer, or 0 if there is
// no answer.
func ask(ctx context.Context, method, url string, body []byte) int {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
	_ = resp.Body.Close()
	return resp.StatusCode
}

// post posts a transaction and returns the status of the answer.
func post(ctx context.Context, addr, content string) int {
	body, _ := json.Marshal(map[string]string{"author": "tester", "content": content})
	return ask(ctx, http.MethodPost, "http://"+addr+"/new_transaction", body)
}

// badBlocks returns blocks on top of a chain's tip, each invalid for a different
// reason, by that reason. They have the least difficulty that the network allows.
func badBlocks(t *testing.T, c *chain.Chain) map[block.Reason]block.Block {
	t.Helper()
	template, err := c.Template(chain.TemplateOptions{Tag: "bad", Empty: true})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := pow.New(pow.Config{})
	if err != nil {
		t.Fatal(err)
	}
	make := func(change func(*pow.Header)) block.Block {
		job := template.Job(1, uint32(time.Now().Unix()))
		job.Header.Bits = c.Params().Difficulty().Limit
		change(&job.Header)
		job.Versions = nil
		r, err := engine.Search(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		return template.Block(r.Header, 1)
	}
	unsolved := make(func(*pow.Header) {})
	for target, _ := unsolved.Header.Bits.Target(); unsolved.Hash().Meets(target); {
		unsolved.Header.Nonce++
	}
	return map[block.Reason]block.Block{
		block.HighHash:      unsolved,
		block.BadDiffBits:   make(func(*pow.Header) {}),
		block.BadVersion:    make(func(h *pow.Header) { h.Version = 1 }),
		block.BadMerkleRoot: make(func(h *pow.Header) { h.MerkleRoot[0]++ }),
	}
}
