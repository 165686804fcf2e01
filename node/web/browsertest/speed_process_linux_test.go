package browsertest

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lodepow/lode/client"
)

// buildLode builds the command lode and returns its path.
func buildLode(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lode")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./cmd/lode")
	cmd.Dir = filepath.Join("..", "..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build lode: %v\n%s", err, out)
	}
	return path
}

// process is a node that runs as a process of its own, as that of a reader does.
type process struct {
	*client.Client
	url, data string
	pid       int
	stop      func() // ends the process as SIGTERM does, and waits for its end
}

// startProcess starts a node of the tutorial's network on a folder, which listens on an
// address; "127.0.0.1:0" for any port.
func startProcess(t testing.TB, lode, data, listen string, flags ...string) *process {
	t.Helper()
	args := append([]string{"node", "--listen", listen, "--data", data, "--workers", "1", "--difficulty", "1"}, flags...)
	cmd := exec.CommandContext(context.Background(), lode, args...)
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the node has ended: %v\n%s", err, log.String())
		}
	})
	t.Cleanup(stop)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the node does not listen: %v", err)
	}
	var url string
	if _, err := fmt.Sscanf(line, "lode: listening on %s ", &url); err != nil {
		t.Fatalf("the node says %q", line)
	}
	calls, err := client.New(client.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(calls.Close)
	return &process{calls, url, data, cmd.Process.Pid, stop}
}

// join connects two nodes.
func join(t testing.TB, a, b *process) {
	t.Helper()
	if err := a.Register(t.Context(), b.url); err != nil {
		t.Fatal(err)
	}
}

func (n *process) post(t testing.TB, author, content string) string {
	t.Helper()
	posted, err := n.Post(t.Context(), author, content)
	if err != nil {
		t.Fatal(err)
	}
	return posted.ID.String()
}

// mine mines a block, and returns its height and when the node's answer was there.
func (n *process) mine(t testing.TB) (height int64, answered time.Time) {
	t.Helper()
	mined, err := n.Mine(t.Context())
	answered = time.Now()
	if err != nil {
		t.Fatal(err)
	}
	if !mined.Mined {
		t.Fatalf("nothing was mined: %s", mined.Message)
	}
	return mined.Height, answered
}
