package browsertest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/client"
	"github.com/lodepow/lode/node"
)

// live is a node that runs until the test ends, and a client of it.
type live struct {
	*client.Client
	node *node.Node
	url  string
	stop func() // stops the node and waits for its end
}

// startNode starts a node with one worker, on a network where a block takes some hashes.
func startNode(t testing.TB, c node.Config) *live {
	t.Helper()
	if c.Params == (rules.Params{}) {
		c.Params = tutorial(t, 2)
	}
	if c.Data == "" {
		c.Data = t.TempDir()
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	c.Workers = 1
	n, err := node.Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	url := "http://" + n.Addr().String()
	calls, err := client.New(client.Config{URL: url, Token: c.Token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(calls.Close)
	return &live{calls, n, url, stop}
}

func tutorial(t testing.TB, zeros int) rules.Params {
	t.Helper()
	params, err := rules.Tutorial(zeros)
	if err != nil {
		t.Fatal(err)
	}
	return params
}

// connect connects two nodes, and returns when each is a peer of the other.
func connect(t testing.TB, a, b *live) {
	t.Helper()
	if err := a.Register(t.Context(), b.url); err != nil {
		t.Fatal(err)
	}
}

// post posts to a node and returns the id of the transaction.
func (n *live) post(t testing.TB, author, content string) string {
	t.Helper()
	posted, err := n.Post(t.Context(), author, content)
	if err != nil {
		t.Fatal(err)
	}
	return posted.ID.String()
}

// mine has a node mine one block, and returns its hash.
func (n *live) mine(t testing.TB) string {
	t.Helper()
	mined, err := n.Mine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !mined.Mined {
		t.Fatalf("nothing was mined: %s", mined.Message)
	}
	return mined.Hash.String()
}

// address returns what the node listens on, as host and port.
func (n *live) address() string { return strings.TrimPrefix(n.url, "http://") }

// eventually waits until something outside of the browser is so.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(look) {
		if time.Now().After(end) {
			t.Fatalf("after %v it is still not so that %s", patience, what)
		}
	}
}

// serve starts a server that is not a node, and returns its URL.
func serve(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}
