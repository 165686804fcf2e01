package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// limitFiles sets how many files a process may have open.
func limitFiles(t *testing.T, pid, files int) {
	t.Helper()
	limit := syscall.Rlimit{Cur: uint64(files), Max: uint64(files)}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_NOFILE, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if errno != 0 {
		t.Fatal("prlimit:", errno)
	}
}

// openFiles returns how many files a process has open.
func openFiles(t *testing.T, pid int) int {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "fd"))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// hold opens connections to a node and begins a request on each, which never ends.
func hold(t *testing.T, p *process, count int) {
	t.Helper()
	for range count {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://")) //nolint:noctx // a test
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_, _ = io.WriteString(conn, "GET /status HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	}
}

// metric returns the value of a metric without labels.
func (p *process) metric(t *testing.T, name string) float64 {
	t.Helper()
	status, answer, err := p.call(t.Context(), http.MethodGet, "/metrics", "")
	if err != nil || status != http.StatusOK {
		t.Fatalf("/metrics: %d %v", status, err)
	}
	m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(answer)
	if m == nil {
		t.Fatalf("no metric %s", name)
	}
	v, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestNoDescriptors takes all file descriptors of a node with connections that send
// nothing. The node says so in its log and in a metric, makes room for others, and
// still writes what is posted.
func TestNoDescriptors(t *testing.T) {
	p := startNode(t, t.TempDir(), "--difficulty", "1")
	pid := p.cmd.Process.Pid
	limitFiles(t, pid, openFiles(t, pid)+8)
	hold(t, p, 30)
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	post := func(i int) {
		t.Helper()
		resp, err := client.Post(p.url+"/new_transaction", "application/json", strings.NewReader(fmt.Sprintf(`{"author":"ann","content":"%d"}`, i))) //nolint:noctx // a test
		if err != nil {
			t.Fatalf("post %d: %v", i, err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusCreated {
			t.Errorf("post %d: %s", i, resp.Status)
		}
	}
	for i := range 20 {
		post(i)
	}
	if got := p.metric(t, "lode_http_accept_failures_total"); got == 0 {
		t.Error("no failure is counted")
	}
	if got := p.metric(t, "lode_http_connections_evicted_total"); got == 0 {
		t.Error("no connection was closed to make room")
	}
	p.stop(t, syscall.SIGTERM)
	if log := p.log.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "no file descriptor is left") {
		t.Errorf("the log does not say what is wrong: %s", log)
	}
}

// TestFewDescriptors starts nodes that may have few files open. One that can serve
// fewer connections than asked for says so, and answers although many connections
// want to be held; one that could serve hardly any does not start.
func TestFewDescriptors(t *testing.T) {
	start := func(files int) (*process, error) {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		lode := filepath.Join(t.TempDir(), "lode") // by this name the test's own program is the command
		if err := os.Symlink(self, lode); err != nil {
			t.Fatal(err)
		}
		script := fmt.Sprintf(`ulimit -n %d && exec "$0" node --listen 127.0.0.1:0 --data "$1"`, files)
		return startProcess(exec.Command("sh", "-c", script, lode, t.TempDir())) //nolint:noctx // ended below
	}
	p, err := start(64)
	if err != nil {
		t.Fatal(err)
	}
	defer p.kill()
	hold(t, p, 100)
	// Nobody is slow at first, and all connections are from one address.
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		status, _, err := p.call(t.Context(), http.MethodGet, "/healthz", "")
		if err == nil && status == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the node does not answer: %d %v", status, err)
		}
	}
	p.stop(t, syscall.SIGTERM)
	if log := p.log.String(); !strings.Contains(log, "level=WARN") || !strings.Contains(log, "connections=32 asked=1024 files=64") || strings.Contains(log, "no file descriptor") {
		t.Errorf("the log says: %s", log)
	}

	if p, err := start(40); err == nil {
		p.kill()
		t.Error("a node with 40 descriptors starts")
	} else if !strings.Contains(err.Error(), "only 40 files open, and a node needs 48") {
		t.Errorf("error %v", err)
	}
}
