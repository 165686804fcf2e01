//go:build unix

package p2p

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestBookThatIsNoFile checks that New does not wait for a file that is no regular one,
// and says what it is.
func TestBookThatIsNoFile(t *testing.T) {
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	if err := syscall.Mkfifo(at("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(at("pipe"), at("link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(at("folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	var listen net.ListenConfig
	socket, err := listen.Listen(t.Context(), "unix", at("s"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = socket.Close() }()
	for path, want := range map[string]string{
		at("pipe"): "a named pipe", at("link"): "a named pipe", at("folder"): "a folder", at("s"): "a socket", "/dev/zero": "a device",
	} {
		config := testConfig(newTestChain(t))
		config.Book = path
		failed := make(chan error, 1)
		go func() {
			_, err := New(config)
			failed <- err
		}()
		select {
		case err := <-failed:
			if err == nil || !strings.Contains(err.Error(), path+" is "+want+", want a regular file") {
				t.Errorf("%s: %v", path, err)
			}
		case <-time.After(20 * time.Second): // only a test that fails waits for so long
			t.Fatalf("%s: New is still waiting", path)
		}
	}
}
