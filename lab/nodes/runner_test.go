package nodes

import (
	"crypto/sha256"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// Events come out in order of time. Events of the same time come out in the order in
// which they were pushed.
func TestQueueOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var q queue
	var now, lastAt time.Duration
	count, last := 0, -1
	pop := func() {
		at, _ := q.next()
		now = at
		q.pop().do()
	}
	done := 0
	for range 50 {
		for range rng.IntN(100) {
			at, number := now+time.Duration(rng.IntN(20)), count
			count++
			q.push(at, func() {
				if at < lastAt || at == lastAt && number < last {
					t.Fatalf("event %d of %d comes after event %d of %d", number, at, last, lastAt)
				}
				lastAt, last = at, number
				done++
			})
		}
		for range rng.IntN(100) {
			if _, ok := q.next(); ok {
				pop()
			}
		}
	}
	for _, ok := q.next(); ok; _, ok = q.next() {
		pop()
	}
	if done != count {
		t.Errorf("%d events came out, %d were put in", done, count)
	}
}

func TestLink(t *testing.T) {
	const n = 20000
	rng := rand.New(rand.NewPCG(3, 4))
	l := Link{Delay: 100 * time.Millisecond, Jitter: 10 * time.Millisecond, Loss: 0.3}
	var lost int
	var sum time.Duration
	for i := range n {
		delay, gone := l.draw(rng, mix(uint64(i)))
		if gone {
			lost++
			continue
		}
		if delay < l.Delay/2 {
			t.Fatalf("a delay of %s, want at least half of %s", delay, l.Delay)
		}
		sum += delay
	}
	if rate := float64(lost) / n; math.Abs(rate-l.Loss) > 0.015 { // four deviations
		t.Errorf("%.3f of the messages are lost, want %.3f", rate, l.Loss)
	}
	mean := float64(sum) / float64(n-lost)
	if want := float64(l.Delay + l.Jitter); math.Abs(mean-want) > 0.02*want {
		t.Errorf("a delay of %v on average, want %v", time.Duration(mean), time.Duration(want))
	}
	// Without jitter the delay of a pair is constant, in both directions.
	fixed := Link{Delay: time.Second}
	first, _ := fixed.draw(rng, 17)
	again, _ := fixed.draw(rng, 17)
	if first != again {
		t.Errorf("delays of %s and %s on one link without jitter", first, again)
	}
}

// Whatever happens to a request, its sender gets exactly one answer or error, and in
// time.
func TestExchange(t *testing.T) {
	const timeout = time.Second
	for _, tt := range []struct {
		name   string
		set    func(*Net, *Script)
		err    error
		within time.Duration
	}{
		{"answered", func(*Net, *Script) {}, nil, 200 * time.Millisecond},
		{"lost", func(n *Net, _ *Script) { n.SetLink(Link{Delay: time.Millisecond, Loss: 1}) }, errTimeout, timeout},
		{"too slow", func(n *Net, _ *Script) { n.SetLink(Link{Delay: time.Minute}) }, errTimeout, timeout},
		{"split", func(_ *Net, s *Script) { s.group = 1 }, errTimeout, timeout},
		{"down", func(_ *Net, s *Script) { s.up = false }, errRefused, 200 * time.Millisecond},
		{"closed", func(n *Net, _ *Script) { n.SetLink(Link{Delay: 50 * time.Millisecond, Same: true, Closed: true}) }, errRefused, 100 * time.Millisecond},
		{"closed and slow", func(n *Net, _ *Script) { n.SetLink(Link{Delay: time.Minute, Closed: true}) }, errRefused, timeout},
		{"twice", func(n *Net, _ *Script) { n.SetLink(Link{Delay: time.Millisecond, Duplicate: 1}) }, nil, 200 * time.Millisecond},
		{"silent", func(_ *Net, s *Script) {
			s.Answer = func(gossip.Request) (gossip.Answer, error) { return nil, ErrSilent }
		}, errTimeout, timeout},
		{"refused", func(_ *Net, s *Script) {
			s.Answer = func(gossip.Request) (gossip.Answer, error) { return nil, gossip.Refusal{Reason: gossip.Full} }
		}, gossip.Refusal{Reason: gossip.Full}, 200 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := New(1, pollers(Config{Nodes: 1}))
			s := n.AddScript()
			tt.set(n, s)
			var at []time.Duration
			var got error
			n.send(&n.Nodes[0].host, s.Address(), gossip.Session{}, gossip.GetAddresses{}, timeout, func(_ gossip.Answer, err error) {
				at, got = append(at, n.Now()), err
			})
			n.RunFor(time.Hour)
			if len(at) != 1 || at[0] > tt.within || !errors.Is(got, tt.err) {
				t.Fatalf("told at %v: %v, want %v once within %s", at, got, tt.err, tt.within)
			}
			if want := map[string]int{"answered": 1, "twice": 2}[tt.name]; want > 0 && s.Requests["getaddresses"] != want {
				t.Errorf("the request came %d times, want %d", s.Requests["getaddresses"], want)
			}
		})
	}
}

// A node that was stopped while its request was under way gets no answer, even if it
// is up again.
func TestExchangeOfTheDead(t *testing.T) {
	n := New(1, pollers(Config{Nodes: 1}))
	s := n.AddScript()
	n.send(&n.Nodes[0].host, s.Address(), gossip.Session{}, gossip.GetAddresses{}, time.Second, func(gossip.Answer, error) {
		t.Error("told")
	})
	n.Nodes[0].Stop()
	n.Nodes[0].Start()
	n.RunFor(time.Minute)
	if s.Requests["getaddresses"] != 1 {
		t.Error("the request did not come")
	}
}

// Blocks are a Poisson process: the times between them are exponentially distributed,
// and each miner finds its share.
func TestSolver(t *testing.T) {
	n := New(5, pollers(Config{Nodes: 3, Link: Link{Delay: time.Microsecond}}))
	n.Mine(10*time.Second, 1, 2, 1)
	const want = 3000
	n.RunFor(want * 10 * time.Second)
	if got := float64(n.Blocks()); math.Abs(got-want) > 4*math.Sqrt(want) {
		t.Errorf("%v blocks, want %v", got, want)
	}
	var waits []float64
	for range 10000 {
		waits = append(waits, n.solve(10).Seconds())
	}
	slices.Sort(waits)
	// Kolmogorov-Smirnov against 1 - exp(-x/10), at the level of 0.001.
	var most float64
	for i, x := range waits {
		f := 1 - math.Exp(-x/10)
		most = max(most, math.Abs(f-float64(i)/10000), math.Abs(f-float64(i+1)/10000))
	}
	if most > 1.95/100 {
		t.Errorf("the times differ from the exponential distribution by %.4f", most)
	}
	// Count the blocks of the longest branch by miner.
	counts := map[string]int{}
	c := n.Nodes[1].Chain()
	for height := int64(1); height < c.Len(); height++ {
		hash, _ := c.HashAt(height)
		b, err := c.Block(hash)
		if err != nil {
			t.Fatal(err)
		}
		counts[b.Coinbase.Tag]++
	}
	total := float64(c.Len() - 1)
	if share := float64(counts["n1"]) / total; math.Abs(share-0.5) > 0.06 {
		t.Errorf("the miner with half of the hash rate has %.3f of the blocks", share)
	}
}

// Pollers agree on bad links too, and both halves of a split network find blocks.
func TestPollers(t *testing.T) {
	n := New(7, pollers(Config{Nodes: 4, Link: Link{
		Delay: 20 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.1, Duplicate: 0.1, Reorder: 0.1}}))
	n.MineAll(10 * time.Second)
	n.PostEvery(time.Second)
	n.RunFor(5 * time.Minute)
	if depth, a, b := n.Fork(); depth > 3 {
		t.Fatalf("%s and %s are %d blocks apart\n%s", a, b, depth, n)
	}
	n.Split(n.Nodes[:2], n.Nodes[2:])
	n.RunFor(5 * time.Minute)
	if depth, _, _ := n.Fork(); depth < 5 {
		t.Errorf("the halves are %d blocks apart, want many", depth)
	}
	n.Heal()
	n.Nodes[1].Stop()
	n.RunFor(time.Minute)
	n.Nodes[1].Start()
	n.RunFor(time.Minute)
	if !n.RunUntil(time.Hour, func() bool { depth, _, _ := n.Fork(); return depth == 0 }) {
		t.Fatalf("the nodes do not agree after an hour\n%s", n)
	}
	if n.Posted() < 300 {
		t.Errorf("%d transactions posted", n.Posted())
	}
	// Pollers do not pass on transactions, so a post is pending at its own node until
	// that node mines it. None may be lost, and none may be mined twice.
	mined := map[pow.Hash]int{}
	c := n.Nodes[0].Chain() // all nodes have the same branch now
	for height := int64(1); height < c.Len(); height++ {
		hash, _ := c.HashAt(height)
		b, err := c.Block(hash)
		if err != nil {
			t.Fatal(err)
		}
		for _, tx := range b.Txs {
			if mined[tx.ID()]++; mined[tx.ID()] > 1 {
				t.Errorf("post %s was mined twice", tx.ID())
			}
		}
	}
	for _, p := range n.Posts() {
		if !slices.ContainsFunc(n.Nodes, func(node *Node) bool { _, err := node.Chain().FindTx(p.ID); return err == nil }) {
			t.Errorf("post %s is lost", p.ID)
		}
	}
	if faults := n.Faults(); len(faults) > 0 {
		t.Errorf("faults: %v", faults)
	}
}

// The same seed gives the same log, and another seed gives another log.
func TestReplay(t *testing.T) {
	log := func(seed uint64) [32]byte {
		var text strings.Builder
		n := New(seed, pollers(Config{Log: &text, Skew: time.Hour, Link: Link{Delay: time.Millisecond, Loss: 0.1, Reorder: 0.1}}))
		n.MineAll(10 * time.Second)
		n.PostEvery(time.Second)
		n.Churn(20*time.Second, 10*time.Second)
		n.RunFor(3 * time.Minute)
		if strings.Count(text.String(), "\n") < 1000 {
			t.Fatalf("the log has few lines:\n%s", text.String())
		}
		return sha256.Sum256([]byte(text.String()))
	}
	first, again := log(1), log(1)
	if first != again {
		t.Error("two runs of one seed differ")
	}
	if first == log(2) {
		t.Error("two seeds have the same log")
	}
}
