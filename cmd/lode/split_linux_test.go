package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/lodepow/lode/pow"
)

// splitNetwork holds the parameters of the network in TestSplit, but for the bits of the first
// block. A block is due every 2 seconds, so that many are found in a minute. The half-life is
// so short that the difficulty adjusts to the machine within seconds.
const splitNetwork = `{
 "name": "split",
 "difficulty": {"rule": "asert", "bits": %q, "spacing": 2, "half_life": 20}
}`

// hasSlowKernel reports whether this build searches without assembly: some ten times more
// slowly than any other. Where blocks must be neither so easy that they flood a network of
// fast kernels, nor so hard that it takes minutes to find a few, the difficulty depends on it.
func hasSlowKernel(t *testing.T) bool {
	t.Helper()
	engine, err := pow.New(pow.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	name := engine.Kernel().Name()
	return name == "portable" || name == "stdlib"
}

const (
	splitNodes  = 8
	splitRecent = 100              // number of latest blocks that look compares
	splitAgree  = 30 * time.Second // time to agree after the cable is mended
	splitDepth  = 3                // maximum number of blocks above the latest common one
)

// TestSplit runs eight nodes that mine all the time, cuts the cable between four of
// them and the other four for LODE_SPLIT seconds (default 3), and mends it. Clients
// post to both sides throughout. Within 30 seconds after that all nodes must share a
// block at most three below the highest tip, and no transaction may be lost or
// appear twice.
func TestSplit(t *testing.T) {
	if testing.Short() {
		t.Skip("eight processes")
	}
	if ranInNewNetwork(t) {
		return
	}
	seconds, err := strconv.Atoi(os.Getenv("LODE_SPLIT"))
	if err != nil {
		seconds = 3
	}
	bits := "1e03ffff" // four million hashes
	if hasSlowKernel(t) {
		bits = "1e3fffff" // a quarter of a million
	}
	params := filepath.Join(t.TempDir(), "split.json")
	if err := os.WriteFile(params, fmt.Appendf(nil, splitNetwork, bits), 0o600); err != nil {
		t.Fatal(err)
	}
	l := newLAN(t)
	var nodes []*process
	for i := 1; i <= splitNodes; i++ {
		flags := []string{"--network", params, "--mine", "continuous", "--workers", "1", "--tag", strconv.Itoa(i)}
		if i > 1 {
			flags = append(flags, "--peer", l.address(i-1))
		}
		nodes = append(nodes, l.start(i, i > splitNodes/2, flags...))
	}
	begin := time.Now()
	inTheEnd(t, "eight nodes agree", func() bool {
		v := look(t, nodes)
		return v.low >= 8 && v.depth() <= splitDepth
	})
	t.Logf("all agree on a chain of %d blocks after %v", look(t, nodes).low, since(begin))

	var posted posts
	ctx, stopPosting := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for i, n := range nodes {
		clients.Go(func() { posted.post(ctx, n, i) })
	}
	defer clients.Wait()
	defer stopPosting()

	time.Sleep(time.Second)
	l.cut()
	begin = time.Now()
	time.Sleep(time.Duration(seconds) * time.Second)
	var left, right, all view
	inTheEnd(t, "the sides have grown apart", func() bool {
		left, right, all = look(t, nodes[:splitNodes/2]), look(t, nodes[splitNodes/2:]), look(t, nodes)
		return all.common+splitDepth < min(left.common, right.common)
	})
	t.Logf("%v apart: heights %d and %d, the last common block is %d; the nodes of each side agree up to %d and %d blocks below the tip",
		since(begin), left.high, right.high, all.common, left.depth(), right.depth())

	l.join()
	begin = time.Now()
	for v := look(t, nodes); v.depth() > splitDepth; v = look(t, nodes) {
		if time.Since(begin) > splitAgree {
			t.Fatalf("%v after the cable was mended: heights %d to %d, but the last common block is %d", since(begin), v.low, v.high, v.common)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("agreed %v after the cable was mended", since(begin))
	worst := int64(0)
	for begin := time.Now(); time.Since(begin) < 2*time.Second; time.Sleep(100 * time.Millisecond) {
		worst = max(worst, look(t, nodes).depth())
	}
	t.Logf("in the 2 s after that the last common block was at most %d blocks below a tip", worst)
	stopPosting()
	clients.Wait()
	posted.check(t, nodes)
}

func since(t time.Time) time.Duration { return time.Since(t).Round(time.Millisecond) }

// view compares the chains of some nodes at about the same moment: the heights of the
// lowest and of the highest tip, and of the latest block that all nodes have.
type view struct{ low, high, common int64 }

// depth returns how many blocks the latest common block is below the highest tip.
func (v view) depth() int64 { return v.high - v.common }

// look asks all nodes at the same time for their latest blocks and compares them.
func look(t *testing.T, nodes []*process) view {
	t.Helper()
	v, err := tryLook(t.Context(), nodes)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// tryLook is look for nodes that may not answer.
func tryLook(ctx context.Context, nodes []*process) (view, error) {
	chains := make([]map[int64]string, len(nodes))
	tips := make([]int64, len(nodes))
	first, err := nodes[0].tryStatus(ctx)
	if err != nil {
		return view{}, err
	}
	from := first.Height - splitRecent
	failures := make([]error, len(nodes))
	var group sync.WaitGroup
	for i, n := range nodes {
		group.Go(func() {
			var page struct {
				Headers []struct {
					Height int64
					Hash   string
				}
			}
			status, answer, err := n.call(ctx, http.MethodGet, fmt.Sprintf("/headers?from=%d", max(from, 0)), "")
			if err != nil || status != http.StatusOK || json.Unmarshal(answer, &page) != nil {
				failures[i] = fmt.Errorf("/headers: %d %.200s %w", status, answer, err)
			}
			hashes := map[int64]string{}
			for _, h := range page.Headers {
				hashes[h.Height], tips[i] = h.Hash, h.Height
			}
			chains[i] = hashes
		})
	}
	group.Wait()
	if err := errors.Join(failures...); err != nil {
		return view{}, err
	}
	v := view{low: tips[0], high: tips[0]}
	for _, tip := range tips {
		v.low, v.high = min(v.low, tip), max(v.high, tip)
	}
	for height := v.low; height >= 0; height-- {
		same := true
		for _, hashes := range chains {
			same = same && hashes[height] != "" && hashes[height] == chains[0][height]
		}
		if same {
			v.common = height
			break
		}
	}
	return v, nil
}

// posts records the answers to all posts of the clients.
type posts struct {
	mu      sync.Mutex
	taken   map[string]bool // contents of the acknowledged transactions
	refused []string        // descriptions of all other answers
}

const postEvery = 200 * time.Millisecond // pause between two posts to one node

// post posts transactions to a node until the context ends, and records the answers.
func (p *posts) post(ctx context.Context, n *process, who int) {
	for i := 0; ctx.Err() == nil; i++ {
		content := fmt.Sprintf("%d/%d", who, i)
		body, _ := json.Marshal(map[string]string{"author": "ann", "content": content})
		status, answer, err := n.call(context.WithoutCancel(ctx), http.MethodPost, "/new_transaction", string(body))
		p.mu.Lock()
		if p.taken == nil {
			p.taken = map[string]bool{}
		}
		if err == nil && status == http.StatusCreated {
			p.taken[content] = true
		} else {
			p.refused = append(p.refused, fmt.Sprintf("%s: %d %s %v", content, status, answer, err))
		}
		p.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(postEvery):
		}
	}
}

// check waits until the chain of every node contains all acknowledged transactions. It
// fails the test if a post was refused or a transaction appears twice.
func (p *posts) check(t *testing.T, nodes []*process) {
	t.Helper()
	for _, r := range p.refused {
		t.Errorf("a post was not acknowledged: %s", r)
	}
	begin := time.Now()
	for i, n := range nodes {
		inTheEnd(t, fmt.Sprintf("all transactions are in the chain of node %d", i+1), func() bool {
			times, err := n.contents(t.Context())
			if err != nil {
				t.Logf("node %d: %v", i+1, err) // the answer ends early if a reorg happens meanwhile
				return false
			}
			lost := 0
			for content := range p.taken {
				if times[content] == 0 {
					lost++
				}
			}
			for content, k := range times {
				if _, ours := p.taken[content]; k > 1 || !ours {
					t.Fatalf("node %d has %q %d times", i+1, content, k)
				}
			}
			return lost == 0
		})
	}
	t.Logf("the chain of each node contains %d transactions, each once; the last ones %v after the last post", len(p.taken), since(begin))
	if len(p.taken) < 50 {
		t.Error("too few transactions for this test to show anything")
	}
}

// contents returns how often each content appears in the chain.
func (p *process) contents(ctx context.Context) (map[string]int, error) {
	status, answer, err := p.call(ctx, http.MethodGet, "/chain", "")
	if err != nil {
		return nil, err
	}
	var c struct {
		Chain []struct {
			Transactions []struct{ Content string }
		}
	}
	if err := json.Unmarshal(answer, &c); err != nil || status != http.StatusOK {
		return nil, fmt.Errorf("%d %.200s %w", status, answer, err)
	}
	times := map[string]int{}
	for _, b := range c.Chain {
		for _, tx := range b.Transactions {
			times[tx.Content]++
		}
	}
	return times, nil
}
