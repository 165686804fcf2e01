package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
	"github.com/lodepow/lode/mine/stratum/client"
)

// syncBuffer is a buffer that a process writes and a test reads.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// minerProcess is lode mine as a separate process.
type minerProcess struct {
	cmd  *exec.Cmd
	log  *syncBuffer
	done chan struct{}
}

func startMinerProcess(t *testing.T, args ...string) *minerProcess {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := &minerProcess{cmd: exec.Command(self), log: &syncBuffer{}, done: make(chan struct{})} //nolint:noctx // the tests end it with signals
	m.cmd.Args = append([]string{"lode", "mine"}, args...)
	m.cmd.Stderr = m.log
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(m.done)
		_ = m.cmd.Wait() // the state is read from cmd
	}()
	t.Cleanup(m.kill)
	return m
}

func (m *minerProcess) kill() {
	_ = m.cmd.Process.Kill()
	<-m.done
}

// interrupt ends the miner as a user does, and checks that it ends well.
func (m *minerProcess) interrupt(t *testing.T) {
	t.Helper()
	if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-m.done
	if !m.cmd.ProcessState.Success() || !strings.Contains(m.log.String(), "stopped") {
		t.Errorf("%v\n%s", m.cmd.ProcessState, m.log)
	}
}

// metrics returns the metrics that the miner serves.
func (m *minerProcess) metrics(t *testing.T) string {
	t.Helper()
	var address string
	eventually(t, "the miner serves metrics", func() bool {
		if found := regexp.MustCompile(`url=(http://\S+)`).FindStringSubmatch(m.log.String()); found != nil {
			address = found[1]
		}
		return address != ""
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// value returns the value of a metric, with its labels as they are written, or without
// any if there is only one series.
func value(t *testing.T, text, metric string) float64 {
	t.Helper()
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, metric)
		if !ok || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' ')+1:]), 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	t.Fatalf("no metric %s in\n%s", metric, text)
	return 0
}

// startStratumNode starts a node that does not mine itself, and returns the address for
// its miners.
func startStratumNode(t *testing.T, flags ...string) (*process, string) {
	t.Helper()
	for range 5 {
		l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		_ = l.Close() // so that the node can have the port, unless another program is faster
		p, err := tryNode(t.TempDir(), append([]string{"--mine", "continuous", "--stratum", address, "--stratum-only"}, flags...)...)
		if err == nil {
			t.Cleanup(p.kill)
			return p, "stratum+tcp://" + address
		}
		t.Log(err)
	}
	t.Fatal("no node could be started")
	return nil, ""
}

// TestMiners runs four miners as processes of their own for one node. One is killed and
// another joins. The chain grows by the blocks that the miners have found, no block is
// lost and no share is wrong.
func TestMiners(t *testing.T) {
	node, pool := startStratumNode(t, "--difficulty", "4")
	start := func(name string) *minerProcess {
		return startMinerProcess(t, pool, "-u", name, "--workers", "1", "--metrics", "127.0.0.1:0")
	}
	var miners []*minerProcess
	for i := range 4 {
		miners = append(miners, start(fmt.Sprintf("w%d", i)))
	}
	grown := func(least int64) {
		eventually(t, fmt.Sprintf("height %d", least), func() bool { return node.height(t) >= least })
	}
	grown(2)
	miners[0].kill()
	miners = append(miners[1:], start("late"))
	grown(node.height(t) + 2)
	for _, m := range miners { // each of them works
		eventually(t, "every miner has accepted shares", func() bool {
			return value(t, m.metrics(t), `lode_pool_shares_total{outcome="accepted"}`) > 0
		})
	}
	for _, m := range miners {
		text := m.metrics(t)
		for _, outcome := range []mine.Outcome{mine.Low, mine.Duplicate, mine.Invalid} {
			if n := value(t, text, fmt.Sprintf("lode_pool_shares_total{outcome=%q}", outcome)); n != 0 {
				t.Errorf("%v shares are %v\n%s", n, outcome, m.log)
			}
		}
		m.interrupt(t)
	}
	var text string
	eventually(t, "the chain consists of the blocks of the miners", func() bool {
		height := node.height(t)
		status, answer, err := node.call(t.Context(), http.MethodGet, "/metrics", "")
		if err != nil || status != http.StatusOK {
			t.Fatal(status, err)
		}
		text = string(answer)
		return int64(value(t, text, `lode_stratum_blocks_total{outcome="accepted"}`)) == height
	})
	for _, outcome := range []string{"unanswered", "invalid"} {
		if n := value(t, text, fmt.Sprintf("lode_stratum_blocks_total{outcome=%q}", outcome)); n != 0 {
			t.Errorf("%v blocks are %s", n, outcome)
		}
	}
	for _, outcome := range []string{"low", "duplicate", "version", "time", "malformed", "unauthorized"} {
		if n := value(t, text, fmt.Sprintf("lode_stratum_shares_total{outcome=%q}", outcome)); n != 0 {
			t.Errorf("%v shares are %s", n, outcome)
		}
	}
}

func TestPoolStatus(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, test := range []struct {
		stats client.Stats
		want  string
	}{
		{client.Stats{}, "0 accepted, 0 refused, connecting"},
		{client.Stats{LastError: "connect: refused"}, "0 accepted, 0 refused, no pool: connect: refused"},
		{client.Stats{
			Pool: "stratum+tcp://a:1", Since: now.Add(-time.Minute), JobTime: now.Add(-3 * time.Second), Difficulty: 0.25, Height: 7,
			Shares:  map[mine.Outcome]uint64{mine.Accepted: 1234, mine.Stale: 2, mine.Low: 1, mine.Unanswered: 1},
			Rejects: map[string]uint64{"Job not found": 2, "a": 1, "b": 1, "c": 1}, Blocks: 1,
			Rate: stratum.Rate{Hashes: 2e6, Low: 1e6, High: 3e6, Shares: 12}, Window: time.Minute,
		}, "pool sees 2 MH/s (1 MH/s to 3 MH/s, 12 shares in 1m0s), 1,234 accepted, 3 refused (2 Job not found, 1 a, 1 b, …), 1 unanswered, 1 blocks, difficulty 0.25, block 7, job of 3s ago"},
	} {
		if got := poolStatus(test.stats, now); got != test.want {
			t.Errorf("\n got %s\nwant %s", got, test.want)
		}
	}
}

func TestMeter(t *testing.T) {
	m := newMeter(2)
	at := time.Unix(0, 0)
	for i, want := range []float64{0, 10, 10, 55, 100} {
		value := []uint64{0, 10, 20, 120, 220}[i]
		if got := m.read(at.Add(time.Duration(i)*time.Second), value); got != want {
			t.Errorf("reading %d: %v, want %v", i, got, want)
		}
	}
}

func TestStatusWriter(t *testing.T) {
	var b bytes.Buffer
	s := &statusWriter{w: &b}
	s.show("one")
	if _, err := io.WriteString(s, "log\n"); err != nil {
		t.Fatal(err)
	}
	s.show("two")
	s.end()
	s.end()
	if got, want := b.String(), "\rone\x1b[K\r\x1b[Klog\n\rtwo\x1b[K\r\x1b[K"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestMineStopsWithABlock interrupts a miner whose block waits for the pool's answer. The
// miner must take the answer before it ends.
func TestMineStopsWithABlock(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	m := startMinerProcess(t, "stratum+tcp://"+listener.Addr().String(), "-u", "w", "--workers", "1")
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	in := stratum.NewReader(conn, stratum.MaxMinerLine)
	for {
		line, err := in.ReadLine()
		if err != nil {
			t.Fatal(err)
		}
		msg, err := stratum.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		answer := stratum.NewAnswer(msg.ID, true).Line()
		switch msg.Method {
		case stratum.MethodSubscribe:
			answer = stratum.Subscribed{Session: "1", Extranonce1: []byte("a"), Extranonce2Size: 4}.Message(msg.ID).Line()
		case stratum.MethodAuthorize: // every other hash is a block
			answer = append(answer, stratum.SetDifficulty{Difficulty: 1e-9}.Message().Line()...)
			answer = append(answer, stratum.Notify{Job: "1", Version: 0x20000000, Bits: 0x207fffff, Time: uint32(time.Now().Unix()), Clean: true}.Message().Line()...)
		case stratum.MethodSubmit:
			if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			// A miner that ends at once closes the connection.
			if err := conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if _, err := in.ReadLine(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the miner has closed the connection or said more: %v", err)
			}
			if _, err := conn.Write(answer); err != nil {
				t.Error(err)
			}
			<-m.done
			if log := m.log.String(); !m.cmd.ProcessState.Success() || !strings.Contains(log, "block solved") || !strings.Contains(log, "outcome=accepted") {
				t.Errorf("%v\n%s", m.cmd.ProcessState, log)
			}
			return
		}
		if _, err := conn.Write(answer); err != nil {
			t.Fatal(err)
		}
	}
}
