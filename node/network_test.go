package node

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node/gossip"
)

// liveNode is a node of a test that runs until the test ends.
type liveNode struct {
	*Node
	t    testing.TB
	url  string
	stop func() // stops the node and waits until Run has returned
}

func startLive(t testing.TB, c Config) *liveNode {
	t.Helper()
	if c.Params == (rules.Params{}) {
		params, err := rules.Tutorial(1)
		if err != nil {
			t.Fatal(err)
		}
		c.Params = params
	}
	if c.Data == "" {
		c.Data = t.TempDir()
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	c.Workers = 1
	n, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return runLive(t, n)
}

// runLive runs a node until the test ends.
func runLive(t testing.TB, n *Node) *liveNode {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	stopped := false
	live := &liveNode{Node: n, t: t, url: "http://" + n.Addr().String()}
	live.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(live.stop)
	return live
}

func (n *liveNode) call(method, path, body string) (status int, answer string) {
	n.t.Helper()
	req, err := http.NewRequestWithContext(n.t.Context(), method, n.url+path, strings.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (n *liveNode) want(status int, part, method, path, body string) string {
	n.t.Helper()
	got, answer := n.call(method, path, body)
	if got != status || !strings.Contains(answer, part) {
		n.t.Fatalf("%s %s: %d %s, want %d with %q", method, path, got, answer, status, part)
	}
	return answer
}

// eventually waits until ok returns true. Only a test that fails reaches the time
// limit.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after 30 s it is still not so that %s", what)
		}
	}
}

func (n *liveNode) transactions() (ids []string) {
	n.t.Helper()
	var c struct {
		Chain []struct {
			Transactions []struct{ Content string }
		}
	}
	if err := json.Unmarshal([]byte(n.want(200, "", "GET", "/chain", "")), &c); err != nil {
		n.t.Fatal(err)
	}
	for _, b := range c.Chain {
		for _, tx := range b.Transactions {
			ids = append(ids, tx.Content)
		}
	}
	return ids
}

// TestThreeNodes is a tour: a transaction that is posted to any node can be mined by
// any other, and then every node has it exactly once.
func TestThreeNodes(t *testing.T) {
	a, b := startLive(t, Config{}), startLive(t, Config{})
	register := func(at, with *liveNode) {
		at.want(200, "Registration successful", "POST", "/register_with", fmt.Sprintf(`{"node_address": "%s/"}`, with.url))
	}
	a.want(201, "Success", "POST", "/new_transaction", `{"author":"ann","content":"before"}`)
	a.want(200, "Block #1 is mined.", "GET", "/mine", "")
	register(b, a)
	if got := b.Network().Addresses(); len(got) != 1 || got[0] != a.url {
		t.Errorf("peers %v, want %s", got, a.url)
	}
	if got := a.Network().Addresses(); len(got) != 1 || got[0] != b.url {
		t.Errorf("the first node lists %v right after the registration, want %s", got, b.url)
	}
	if got := b.transactions(); len(got) != 1 || got[0] != "before" {
		t.Errorf("the second node has %v after it has registered, want the first one's transaction", got)
	}
	c := startLive(t, Config{Peers: []gossip.Address{gossip.Address(a.url)}})
	nodes := []*liveNode{a, b, c}
	eventually(t, "each node knows the others", func() bool {
		for _, n := range nodes {
			if len(n.Network().Peers()) != 2 {
				return false
			}
		}
		return true
	})
	for i, n := range nodes {
		n.want(201, "Success", "POST", "/new_transaction", fmt.Sprintf(`{"author":"ann","content":"%d"}`, i))
	}
	for _, n := range nodes {
		eventually(t, "all posts are pending everywhere", func() bool {
			txs, _ := n.Chain().PendingCount()
			return txs == 3
		})
	}
	c.want(200, "Block #2 is mined.", "GET", "/mine", "")
	for _, n := range nodes {
		eventually(t, "the block is everywhere", func() bool { return n.Chain().Tip().Height == 2 })
		if got := strings.Join(n.transactions(), " "); len(n.transactions()) != 4 {
			t.Errorf("transactions %s", got)
		}
		n.want(200, "[]", "GET", "/pending_tx", "")
		n.want(200, "No transactions to mine", "GET", "/mine", "")
	}
}
