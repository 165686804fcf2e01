package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lodepow/lode/dashboards/live"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// take listens on a free port of this machine until the test ends.
func take(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // ends at once
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// If addresses are taken, the command names all of them and the flags that change them,
// and starts nothing: there is no program at the path of lode.
func TestAddressesTaken(t *testing.T) {
	node, prometheus := take(t), take(t)
	dir := filepath.Join(t.TempDir(), "data")
	err := run(t.Context(), options{
		lode: "/nonexistent/lode", dir: dir,
		listen: prometheus, nodes: "127.0.0.1:0," + node + ",127.0.0.1:port",
	})
	if err == nil {
		t.Fatal("two addresses are taken, and the command goes on")
	}
	lines := strings.Split(err.Error(), "\n")
	want := [][2]string{
		{node + ", the address of node-2, cannot be used (", "): end the program that uses it, or choose another address with -nodes"},
		{"127.0.0.1:port, the address of node-3, cannot be used (", " another address with -nodes"},
		{prometheus + ", the address of Prometheus, cannot be used (", " another address with -listen"},
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d:\n%v", len(lines), len(want), err)
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, want[i][0]) || !strings.HasSuffix(line, want[i][1]) {
			t.Errorf("line %d is %q, want it to begin with %q and to end with %q", i+1, line, want[i][0], want[i][1])
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder for the data: %v, want none", err)
	}
}

// The page on monitoring names the addresses that the command uses, in its table and in
// the configuration for another Prometheus.
func TestAddressesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	nodes := strings.Split(defaultNodes, ",")
	for _, want := range []string{
		"| `" + strings.Join(nodes, "`, `") + "` |",
		"| `" + defaultListen + "` | Prometheus |",
		`- targets: ["` + strings.Join(nodes, `", "`) + `"]`,
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("docs/monitoring.md does not have %s", want)
		}
	}
}

// TestMonitor runs the command with a real Prometheus, on loopback addresses that no
// other program uses, until Prometheus has scraped every node at its fixed address.
func TestMonitor(t *testing.T) {
	if os.Getenv("LODE_PROMETHEUS") == "" {
		t.Skip("NOT TESTED: make monitor with a live Prometheus, which takes half a minute; set LODE_PROMETHEUS=1")
	}
	lode := filepath.Join(t.TempDir(), "lode")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", lode, "../../cmd/lode").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	o := options{
		lode: lode, dir: t.TempDir(), listen: "127.0.81.1:9090",
		nodes: "127.0.81.1:8101,127.0.81.1:8102,127.0.81.1:8103",
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, o) }()

	client := live.NewClient("http://" + o.listen)
	defer client.Close()
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(time.Second) {
		found, err := client.Query(t.Context(), `lode_chain_next_block_hashes`, time.Now())
		if err == nil && len(found) == 3 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("Prometheus has not scraped the nodes: %v, %v", found, err)
		}
		select {
		case err := <-ended:
			t.Fatalf("the command has ended: %v", err)
		default:
		}
	}
	for _, addr := range strings.Split(o.nodes, ",") {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || !strings.Contains(string(text), "lode_build_info{") {
			t.Errorf("%s: %v: no metrics of a node", addr, err)
		}
		series := 0
		for line := range strings.SplitSeq(string(text), "\n") {
			if line != "" && !strings.HasPrefix(line, "#") {
				series++
			}
		}
		t.Logf("%s exports %d series", addr, series)
	}
	http.DefaultClient.CloseIdleConnections()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the command ended with %v", err)
	}
}
