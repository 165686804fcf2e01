package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/cmd/internal/cli/clitest"
)

// terminal is a pseudo-terminal: what somebody would see on it, and what they type.
type terminal struct {
	master, slave *os.File

	mu    sync.Mutex
	seen  bytes.Buffer  // guarded by mu
	more  chan struct{} // gets a value after something was seen
	ended chan struct{} // closed when nothing more can be seen
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("NOT TESTED: needs a pseudo-terminal: %v", err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("NOT TESTED: needs a pseudo-terminal: %v", err)
	}
	term := &terminal{master: master, slave: slave, more: make(chan struct{}, 1), ended: make(chan struct{})}
	go func() {
		defer close(term.ended)
		buf := make([]byte, 1024)
		for {
			n, err := master.Read(buf)
			term.mu.Lock()
			term.seen.Write(buf[:n])
			term.mu.Unlock()
			select {
			case term.more <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		err := slave.Close() // ends the reads of the master
		<-term.ended
		if err := errors.Join(err, master.Close()); err != nil {
			t.Error(err)
		}
	})
	return term
}

func (t *terminal) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seen.String()
}

// answer waits until the terminal does not echo what is typed and the n-th question is on
// it, and then types a line.
func (t *terminal) answer(question string, n int, line string) error {
	for strings.Count(t.text(), question) < n {
		select {
		case <-t.more:
		case <-t.ended:
			return fmt.Errorf("the terminal has ended, and only shows %q", t.text())
		}
	}
	for { // the question comes first, then the echo is switched off
		state, err := unix.IoctlGetTermios(int(t.slave.Fd()), unix.TCGETS)
		if err != nil {
			return err
		}
		if state.Lflag&unix.ECHO == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	_, err := io.WriteString(t.master, line+"\n")
	return err
}

// TestKeyTerminal types passphrases on a terminal. They must not be shown.
func TestKeyTerminal(t *testing.T) {
	clitest.UnsetSettings(t)
	file := filepath.Join(t.TempDir(), "key.pem")
	for _, tc := range []struct {
		name    string
		args    []string
		answers [][2]string // question, answer
		code    int
		want    string // on the terminal
	}{
		{"two that differ", []string{"key", "new", file, "--passphrase"}, [][2]string{{"new passphrase: ", "s3cret-a"}, {"the same again: ", "s3cret-b"}}, 1, "the two passphrases differ: no key was written"},
		{"none", []string{"key", "new", file, "--passphrase"}, [][2]string{{"new passphrase: ", ""}}, 1, "the passphrase is empty: no key was written"},
		{"a new key", []string{"key", "new", file, "--passphrase"}, [][2]string{{"new passphrase: ", "s3cret-a"}, {"the same again: ", "s3cret-a"}}, 0, "key.pem, encrypted, and nowhere else"},
		{"a wrong one", []string{"key", "show", file}, [][2]string{{"passphrase of " + file + ": ", "s3cret-b"}}, 1, "wrong passphrase, or the file is damaged"},
		{"the right one", []string{"key", "show", file}, [][2]string{{"passphrase of " + file + ": ", "s3cret-a"}}, 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			term := newTerminal(t)
			typed := make(chan error, 1)
			go func() {
				for _, a := range tc.answers {
					if err := term.answer(a[0], 1, a[1]); err != nil {
						typed <- err
						return
					}
				}
				typed <- nil
			}()
			var out strings.Builder
			code := run(t.Context(), tc.args, cli.Std{In: term.slave, Out: &out, Err: term.slave})
			if err := <-typed; err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(term.slave, "END"); err != nil {
				t.Fatal(err)
			}
			for !strings.Contains(term.text(), "END") {
				<-term.more
			}
			text := term.text()
			if code != tc.code || !strings.Contains(text, tc.want) {
				t.Errorf("exit status %d, want %d with %q; the terminal shows %q", code, tc.code, tc.want, text)
			}
			if strings.Contains(text, "s3cret") {
				t.Errorf("the terminal shows the passphrase: %q", text)
			}
			if code == 0 && len(strings.TrimSpace(out.String())) != 64 {
				t.Errorf("standard output is %q", out.String())
			}
			state, err := unix.IoctlGetTermios(int(term.slave.Fd()), unix.TCGETS)
			if err != nil || state.Lflag&unix.ECHO == 0 {
				t.Errorf("the terminal does not echo any more (error %v)", err)
			}
		})
	}
}
