package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lodepow/lode/pow"
)

// TestTour follows the README's tour with three nodes. A transaction posted to one
// node is mined on another and appears once in every chain. Then a node with its own
// shorter chain joins, and its transactions are mined again.
func TestTour(t *testing.T) {
	one := startNode(t, t.TempDir())
	two := startNode(t, t.TempDir(), "--peer", one.url)
	three := startNode(t, t.TempDir())
	eventually(t, "the first two know each other", func() bool { return one.peers(t) == 1 && two.peers(t) == 1 })

	one.post(t, "from the first")
	two.post(t, "from the second")
	eventually(t, "both posts are pending on both", func() bool { return one.pending(t) == 2 && two.pending(t) == 2 })
	two.mine(t)
	eventually(t, "the block is on the first", func() bool { return one.height(t) == 1 })

	three.post(t, "from the third")
	three.mine(t)
	one.post(t, "more work")
	one.mine(t)
	one.post(t, "still pending")
	three.post(t, "pending apart")
	three.register(t, one)
	nodes := []*process{one, two, three}
	for _, n := range nodes {
		eventually(t, "every node has the chain with more work, and the transactions of the other chain are pending again", func() bool {
			return n.height(t) == 2 && n.pending(t) == 3 && n.peers(t) == 2
		})
	}
	three.mine(t)
	for _, n := range nodes {
		eventually(t, "all is mined", func() bool { return n.height(t) == 3 && n.pending(t) == 0 })
		n.wantContents(t, "from the first", "from the second", "from the third", "more work", "still pending", "pending apart")
	}
}

// TestJoinWithMoreWork is the opposite case: the node that registers has the chain
// with more work, so the other node reorganises. It also checks that a restarted node
// reconnects to the peers that it remembers.
func TestJoinWithMoreWork(t *testing.T) {
	data := t.TempDir()
	one, two := startNode(t, t.TempDir()), startNode(t, data)
	one.post(t, "loses")
	one.mine(t)
	for i := range 3 {
		two.post(t, fmt.Sprintf("wins %d", i))
		two.mine(t)
	}
	two.register(t, one)
	eventually(t, "the first has the second's chain, and its own post is pending again", func() bool { return one.height(t) == 3 && one.pending(t) == 1 })
	eventually(t, "the post is pending on the second, too", func() bool { return two.pending(t) == 1 })
	one.mine(t)
	for _, n := range []*process{one, two} {
		eventually(t, "all is mined", func() bool { return n.height(t) == 4 && n.pending(t) == 0 })
		n.wantContents(t, "loses", "wins 0", "wins 1", "wins 2")
	}

	two.stop(t, syscall.SIGTERM)
	one.post(t, "while the second was away")
	one.mine(t)
	two = startNode(t, data)
	eventually(t, "the second remembers the first", func() bool { return two.height(t) == 5 })
	two.wantContents(t, "loses", "wins 0", "wins 1", "wins 2", "while the second was away")
}

// eventually polls until ok returns true, and fails the test after a minute. The
// minute is far longer than any condition should take; no test depends on it.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after a minute still not true: %s", what)
		}
	}
}

// inTheEnd polls until ok returns true, for as long as the test may run. It is for what takes
// an unknown number of hashes: a slow kernel on a busy machine may need minutes for them.
func inTheEnd(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline, bounded := t.Deadline()
	for ; !ok(); time.Sleep(10 * time.Millisecond) {
		if bounded && time.Until(deadline) < 20*time.Second { // enough to end the processes and to say what was not true
			t.Fatalf("until the time limit of the tests it is not true: %s", what)
		}
	}
}

// want sends a POST request and fails the test unless the answer has the given status and
// contains part.
func (p *process) want(t testing.TB, status int, part, path, body string) {
	t.Helper()
	got, answer, err := p.call(t.Context(), http.MethodPost, path, body)
	if err != nil || got != status || !strings.Contains(string(answer), part) {
		t.Fatalf("POST %s: %d %s %v, want %d with %q", path, got, answer, err, status, part)
	}
}

func (p *process) post(t testing.TB, content string) {
	t.Helper()
	p.want(t, http.StatusCreated, "", "/new_transaction", fmt.Sprintf(`{"author":"ann","content":%q}`, content))
}

func (p *process) mine(t testing.TB) {
	t.Helper()
	p.want(t, http.StatusOK, `"mined":true`, "/mine", "")
}

// mineSlowly is mine without a limit for how long the answer may take, for blocks of many
// hashes.
func (p *process) mineSlowly(t testing.TB) {
	t.Helper()
	patient := &process{url: p.url, client: &http.Client{Transport: p.client.Transport}}
	patient.mine(t)
}

func (p *process) register(t testing.TB, with *process) {
	t.Helper()
	p.want(t, http.StatusOK, "Registration successful", "/register_with", fmt.Sprintf(`{"node_address":"%s/"}`, with.url))
}

// nodeStatus contains the fields of /status that the tests read.
type nodeStatus struct {
	Height    int64
	Hash      pow.Hash
	Chainwork pow.Work
	Peers     int
	Mempool   struct{ Transactions int }
}

func (p *process) status(t testing.TB) (s nodeStatus) {
	t.Helper()
	p.getJSON(t, "/status", &s)
	return s
}

// tryStatus is status for a node that may not answer.
func (p *process) tryStatus(ctx context.Context) (s nodeStatus, err error) {
	status, answer, err := p.call(ctx, http.MethodGet, "/status", "")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("/status: %d %s", status, answer)
	}
	if err == nil {
		err = json.Unmarshal(answer, &s)
	}
	return s, err
}

func (p *process) height(t testing.TB) int64 { t.Helper(); return p.status(t).Height }
func (p *process) peers(t testing.TB) int    { t.Helper(); return p.status(t).Peers }
func (p *process) pending(t testing.TB) int  { t.Helper(); return p.status(t).Mempool.Transactions }

// wantContents fails the test unless the chain contains exactly these contents, each once.
func (p *process) wantContents(t testing.TB, want ...string) {
	t.Helper()
	var c struct {
		Chain []struct {
			Transactions []struct{ Content string }
		}
	}
	p.getJSON(t, "/chain", &c)
	var got []string
	for _, b := range c.Chain {
		for _, tx := range b.Transactions {
			got = append(got, tx.Content)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the chain has %q, want %q", got, want)
	}
}
