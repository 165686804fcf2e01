package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/store/powerfail"
)

// TestSyncFails lets the kernel refuse a sync of the store for lack of space. The node
// says that its disk has failed, to clients and to health checks, and does not promise
// that a later change will work. It ends with an error, and the next start has everything
// that was acknowledged, read anew from the disk.
func TestSyncFails(t *testing.T) {
	if testing.Short() {
		t.Skip("a node under strace")
	}
	for _, errno := range []string{"ENOSPC", "EIO"} {
		t.Run(errno, func(t *testing.T) { testSyncFails(t, errno) })
	}
}

func testSyncFails(t *testing.T, errno string) {
	folder := t.TempDir()
	data := filepath.Join(folder, "data")
	p := startNode(t, data, "--difficulty", "1")
	var ids []string
	post := func(p *process, content string) (int, string) {
		tx := signed("ann", content, 0)
		status, answer, err := p.call(t.Context(), http.MethodPost, "/new_transaction", tx.String())
		if err != nil {
			t.Fatal(err)
		}
		if status == http.StatusCreated {
			ids = append(ids, tx.ID().String())
		}
		return status, string(answer)
	}
	if status, answer := post(p, "before"); status != http.StatusCreated {
		t.Fatalf("%d %s", status, answer)
	}
	p.stop(t, os.Kill) // so that the file is not closed

	// Every thread's first sync of data fails. The node needs none until it is asked.
	trace := filepath.Join(folder, "trace")
	p, pid := startTraced(t, trace, []string{"-e", "inject=fdatasync:error=" + errno + ":when=1"}, data)
	if status, answer, err := p.call(t.Context(), http.MethodGet, "/healthz", ""); err != nil || status != http.StatusOK {
		t.Errorf("/healthz: %d %s %v", status, answer, err)
	}
	for i := range 3 {
		status, answer := post(p, fmt.Sprint("during ", i))
		if status != http.StatusServiceUnavailable || !strings.Contains(answer, "disk has failed") || strings.Contains(answer, "when it has space") {
			t.Errorf("post %d: %d %s", i, status, answer)
		}
	}
	status, answer, err := p.call(t.Context(), http.MethodGet, "/healthz", "")
	if err != nil || status != http.StatusServiceUnavailable || !strings.Contains(string(answer), "disk has failed") {
		t.Errorf("/healthz: %d %s %v", status, answer, err)
	}
	if status, answer, err := p.call(t.Context(), http.MethodGet, "/tx/"+ids[0], ""); err != nil || status != http.StatusOK {
		t.Errorf("a read: %d %s %v", status, answer, err)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.done
	if code := p.cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(p.log.String(), "start the node again") {
		t.Errorf("the node ended with status %d, want 1: %s", code, p.log)
	}

	// The next start makes the kernel forget what it may only believe to be on the disk.
	p, pid = startTraced(t, trace, nil, data)
	if status, answer := post(p, "after"); status != http.StatusCreated {
		t.Errorf("after the restart: %d %s", status, answer)
	}
	for _, id := range ids {
		if status, answer, err := p.call(t.Context(), http.MethodGet, "/tx/"+id, ""); err != nil || status != http.StatusOK {
			t.Errorf("%s is lost: %d %s %v", id, status, answer, err)
		}
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.done
	if first := forgets(t, trace); !first {
		t.Error("Open has not synced the file and told the kernel to forget it before it read the file")
	}

	// A file that was closed is not read from the disk anew.
	p, pid = startTraced(t, trace, nil, data)
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.done
	if forgets(t, trace) {
		t.Error("Open has told the kernel to forget a file that was closed")
	}
}

// forgets reports whether the node in a trace has synced its file and told the kernel
// to forget it before it mapped the file.
func forgets(t *testing.T, trace string) bool {
	t.Helper()
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	calls, _, err := powerfail.Parse(f, 1)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range calls {
		path := c.Path(0)
		if c.Name == "mmap" && len(c.Args) > 4 {
			path = c.Path(4)
		}
		if strings.HasSuffix(path, "chain.db") {
			names = append(names, c.Name)
		}
	}
	t.Logf("%.6s", names)
	sync, forget, read := slices.Index(names, "fsync"), slices.Index(names, "fadvise64"), slices.Index(names, "mmap")
	return sync >= 0 && sync < forget && forget < read
}

// startTraced starts a node under strace, which records its system calls. It returns
// the process of strace and the process id of the node.
func startTraced(t *testing.T, trace string, inject []string, data string, flags ...string) (p *process, pid int) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("NOT TESTED: the system calls of a node: there is no strace")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	lode := filepath.Join(t.TempDir(), "lode") // the name makes the test binary the command
	if err := os.Symlink(self, lode); err != nil {
		t.Fatal(err)
	}
	args := slices.Concat(powerfail.Flags(), inject,
		[]string{"-o", trace, lode, "node", "--listen", "127.0.0.1:0", "--data", data, "--difficulty", "1"}, flags)
	p, err = startProcess(exec.Command(strace, args...)) //nolint:noctx // the tests end it with signals
	if err != nil {
		if strings.Contains(strings.ToLower(err.Error()), "ptrace") {
			t.Skipf("NOT TESTED: the system calls of a node: strace may trace nothing here: %v", err)
		}
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	for deadline := time.Now().Add(5 * time.Second); pid == 0; time.Sleep(time.Millisecond) {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", p.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(string(children), &pid); err != nil && time.Now().After(deadline) {
			t.Fatal("strace has no child")
		}
	}
	return p, pid
}
