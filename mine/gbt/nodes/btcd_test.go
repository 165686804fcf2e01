package nodes

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"
)

const btcdPackage = "github.com/btcsuite/btcd"

// btcdProgram is the name of the btcd that TestMain has built.
var btcdProgram string

// TestMain builds the btcd of this module's go.mod, and runs the tests.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		folder, err := os.MkdirTemp("", "lode-btcd")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(folder)
		btcdProgram = filepath.Join(folder, "btcd")
		if out, err := exec.CommandContext(context.Background(), "go", "build", "-o", btcdProgram, btcdPackage).CombinedOutput(); err != nil {
			panic(fmt.Sprintf("build btcd: %v\n%s", err, out))
		}
		return m.Run()
	}())
}

// btcd is a running node on simnet, without peers.
type btcd struct {
	node
	cmd *exec.Cmd
	log *output
}

// output collects what a process writes, and can be read while it runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// startBtcd starts a node with its data in the folder. If listen is empty, the node
// chooses a free port. The test ends it, at the latest when it is over itself.
func startBtcd(t *testing.T, folder, listen string) *btcd {
	t.Helper()
	config := filepath.Join(folder, "btcd.conf")
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	b := &btcd{log: &output{}}
	b.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), btcdProgram,
		"--simnet", "--configfile="+config, "--datadir="+filepath.Join(folder, "data"), "--logdir="+filepath.Join(folder, "log"),
		"--rpclisten="+listen, "--rpcuser="+user, "--rpcpass="+password, "--notls", "--nolisten", "--nodnsseed", "--utxocachemaxsize=16")
	b.cmd.Stdout, b.cmd.Stderr = b.log, b.log
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.kill()
		if t.Failed() {
			t.Logf("btcd: %s", b.log)
		}
	})
	listening := regexp.MustCompile(`RPC server listening on (\S+)`)
	within(t, time.Minute, "btcd listens", func() bool {
		found := listening.FindStringSubmatch(b.log.String())
		if found != nil {
			b.url = "http://" + found[1]
		}
		return found != nil
	})
	return b
}

// kill ends the node without a warning, as a crash does.
func (b *btcd) kill() {
	if b.cmd.ProcessState == nil {
		_ = b.cmd.Process.Kill()
		_ = b.cmd.Wait()
	}
}
