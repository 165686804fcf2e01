package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lodepow/lode/cmd/internal/cli"
)

// TestNodeStopsWhileMining checks that SIGTERM ends a node within 5 seconds although
// a search is running and a client waits for its block.
func TestNodeStopsWhileMining(t *testing.T) {
	p := startNode(t, t.TempDir(), "--difficulty", "30", "--mine", "pending")
	status, _, err := p.call(t.Context(), http.MethodPost, "/new_transaction", `{"author":"ann","content":"never mined"}`)
	if err != nil || status != http.StatusCreated {
		t.Fatal(status, err)
	}
	go func() { // a client that waits for a block that is never found
		_, _, _ = p.call(t.Context(), http.MethodGet, "/mine", "")
	}()
	var s struct{ Mining struct{ Active bool } }
	for !s.Mining.Active {
		p.getJSON(t, "/status", &s)
	}
	if took := p.stop(t, syscall.SIGTERM); took > 5*time.Second || p.cmd.ProcessState.ExitCode() != 0 {
		t.Errorf("ended after %v with %v: %s", took, p.cmd.ProcessState, p.log)
	}
}

// TestSecondNodeIsRefused checks that two nodes cannot share a data folder.
func TestSecondNodeIsRefused(t *testing.T) {
	data := t.TempDir()
	startNode(t, data)
	start := time.Now()
	if _, err := tryNode(data); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("error %v", err)
	}
	// The process must not wait until the other one ends. On a loaded machine it takes
	// seconds only to start.
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("it took %v to refuse", took)
	}
}

// TestOtherNetworkIsRefused checks that a node does not open the chain of a network
// with other parameters, and leaves it intact.
func TestOtherNetworkIsRefused(t *testing.T) {
	data := t.TempDir()
	p := startNode(t, data)
	p.stop(t, syscall.SIGTERM)
	for _, flags := range [][]string{{"--network", "lab"}, {"--difficulty", "3"}} {
		if _, err := tryNode(data, flags...); err == nil || !strings.Contains(err.Error(), "network") {
			t.Errorf("%v: error %v", flags, err)
		}
	}
	p = startNode(t, data)
	p.stop(t, syscall.SIGTERM)
}

func TestNodeRefusesBadFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "net.json")
	if err := os.WriteFile(file, []byte(`{"name":"x","hardness":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		flags []string
		want  string
	}{
		{[]string{"--mine", "sometimes"}, "must be one of"},
		{[]string{"--difficulty", "99"}, "want 0 to 63"},
		{[]string{"--difficulty", "3", "--network", "lab"}, "--difficulty applies to the network tutorial only"},
		{[]string{"--network", "nowhere"}, "want tutorial, lab or a file"},
		{[]string{"--network", file}, "hardness"},
		{[]string{"--listen", "nonsense"}, "listen"},
		{[]string{"--kernel", "gpu"}, "no kernel is called"},
		{[]string{"--tag", strings.Repeat("x", 80)}, "miner tag has 80 bytes"},
	} {
		if _, err := tryNode(t.TempDir(), tc.flags...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: error %v, want %q", tc.flags, err, tc.want)
		}
	}
}

// TestDeafNodeIsRefused checks that limits with which a node could serve nobody are
// refused like other mistakes in the command line.
func TestDeafNodeIsRefused(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // so that a node that does start ends at once
	for _, tc := range []struct{ flag, want string }{
		{"--connections=-5", "want 1 or more"},
		{"--connections=0", "want 1 or more"},
		{"--connections-each=0", "want 1 or more"},
		{"--pool-txs=-1", "want 1 or more"},
		{"--pool-txs=0", "want 1 or more"},
		{"--pool-bytes=-1", "want 65536 or more"},
		{"--pool-bytes=100", "want 65536 or more"},
		{"--inbound=-1", "want 0 or more"},
		{"--inbound-each=0", "want 1 or more"},
		{"--outbound=-1", "want 0 or more"},
		{"--addresses=0", "want 1 or more"},
		{"--peer-requests=0", "want 1 or more"},
		{"--peer-bodies=-2", "want 1 or more"},
		{"--peer-rate=NaN", "want 0.001 to 1000000000 a second"},
		{"--peer-rate=+Inf", "want 0.001 to 1000000000 a second"},
		{"--peer-rate=-1", "want 0.001 to 1000000000 a second"},
		{"--peer-rate=0", "want 0.001 to 1000000000 a second"},
		{"--peer-hellos=NaN", "want 0.001 to 1000000000 a second"},
		{"--peer-hellos=1e300", "want 0.001 to 1000000000 a second"},
		{"--ban-time=-1h", "want a time longer than 0"},
		{"--ban-time=0s", "want a time longer than 0"},
		{"--workers=-1", "want 1 to 4096"},
		{"--workers=0", "leave the flag out"},
	} {
		var out, errs strings.Builder
		code := run(ctx, []string{"node", "--listen", "127.0.0.1:0", "--data", t.TempDir(), tc.flag}, cli.Std{Out: &out, Err: &errs})
		text := errs.String()
		if name, _, _ := strings.Cut(tc.flag, "="); code != cli.ExitUsage || !strings.Contains(text, name) || !strings.Contains(text, tc.want) {
			t.Errorf("%s: exit status %d, %q; want %d and %q", tc.flag, code, text, cli.ExitUsage, tc.want)
		}
	}
	t.Setenv("LODE_CONNECTIONS", "-5") // a variable is the same as its flag
	var out, errs strings.Builder
	if code := run(ctx, []string{"node", "--listen", "127.0.0.1:0", "--data", t.TempDir()}, cli.Std{Out: &out, Err: &errs}); code != cli.ExitUsage || !strings.Contains(errs.String(), "--connections=-5") {
		t.Errorf("LODE_CONNECTIONS=-5: exit status %d, %q", code, errs.String())
	}
}

// TestPost posts to a node with lode post, with a signature and without.
func TestPost(t *testing.T) {
	p := startNode(t, t.TempDir(), "--difficulty", "1")
	key := filepath.Join(t.TempDir(), "key.pem")
	lode := func(args ...string) string {
		t.Helper()
		var out, errs strings.Builder
		if code := run(t.Context(), args, cli.Std{Out: &out, Err: &errs}); code != 0 {
			t.Fatalf("lode %v: exit status %d: %s", args, code, errs.String())
		}
		return strings.TrimSpace(out.String())
	}
	public := lode("key", "new", key)
	lode("post", "--node", p.url, "--author", "ann", "--field", "mood=fine", "hello")
	lode("post", "--node", p.url+"/", "--author", "ann", "--key", key, "it was me")
	var pending []struct {
		Author, Content, Mood string
		PublicKey             string `json:"public_key"`
	}
	p.getJSON(t, "/pending_tx", &pending)
	if len(pending) != 2 || pending[0].Mood != "fine" || pending[0].PublicKey != "" || pending[1].PublicKey != public || pending[1].Content != "it was me" {
		t.Errorf("%+v", pending)
	}

	var out, errs strings.Builder
	code := run(t.Context(), []string{"post", "--node", p.url, "--author", "ann", ""}, cli.Std{Out: &out, Err: &errs})
	if code != cli.ExitFailed || !strings.Contains(errs.String(), "400 Bad Request: ") || !strings.Contains(errs.String(), "content") {
		t.Errorf("an empty post: %d, %s", code, errs.String())
	}
}
