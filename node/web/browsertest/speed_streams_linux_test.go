package browsertest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// measureOpenPages measures the processor time of a node while 64 pages of it are open, and
// while 64 browsers have stalled, compared with the same node without readers. Meanwhile
// another node gets a post every 2.5 s and mines a block every 10 s, both of which the
// measured node gets from it; so it does not mine itself.
//
// Windows of the same kind differ several times from one another, so the test judges the
// medians of many. It also prints the least windows, as other work on the machine only adds
// to the processor time.
func measureOpenPages(t *testing.T, lode string) {
	node := startProcess(t, lode, t.TempDir(), "127.0.0.1:0", "--mine", "off")
	other := startProcess(t, lode, t.TempDir(), "127.0.0.1:0")
	join(t, other, node)
	for i := range 30 {
		other.post(t, "ann", fmt.Sprintf("Post %d from the time before the pages were opened.", i))
	}
	other.mine(t)
	const (
		window  = 5 * time.Second
		readers = 64
	)
	kinds := []string{"none", "open pages", "stalled browsers"}
	used := map[string]samples{}
	memory := map[string]int64{}
	const rounds = 8
	for round := range rounds {
		for _, kind := range kinds {
			ctx, leave := context.WithCancel(t.Context())
			var group sync.WaitGroup
			fetched := &counter{}
			switch kind {
			case "open pages":
				for i := range readers {
					openPage(ctx, t, &group, node.url, fmt.Sprintf("127.0.0.%d", 1+i%2), fetched)
				}
			case "stalled browsers":
				for i := range readers {
					openStalled(ctx, t, node.url, fmt.Sprintf("127.0.0.%d", 1+i%2))
				}
			}
			if kind != "none" {
				eventually(t, "all streams are open", func() bool { return streams(t, node.url) == fmt.Sprint(readers) })
			}
			before := fetched.get()
			quietly(t, func() {
				begun, end := processorTime(t, node.pid), time.After(window)
				for step := range 2 {
					other.post(t, "ben", fmt.Sprintf("Post %d of round %d while pages are open.", step, round))
					time.Sleep(window / 4)
				}
				if round%2 == 1 {
					other.mine(t)
				}
				<-end
				took := processorTime(t, node.pid) - begun
				used[kind] = append(used[kind], 100*took.Seconds()/window.Seconds())
				t.Logf("round %d, %s: %.3f ms of processor time in %v", round, kind, float64(took.Microseconds())/1000, window)
			})
			if kind == "open pages" {
				t.Logf("round %d: the pages have fetched %d times", round, fetched.get()-before)
				if fetched.get() == before {
					t.Error("the open pages have fetched nothing")
				}
			}
			memory[kind] = max(memory[kind], residentKiB(t, node.pid))
			leave()
			group.Wait()
			eventually(t, "no stream is open", func() bool { return streams(t, node.url) == "0" })
		}
	}
	for _, kind := range kinds {
		t.Logf("%s: median %.3f %% of a core, least %.3f %%, greatest %.3f %%, %d KiB of memory at most", kind, used[kind].at(0.5), least(used[kind]), slices.Max(used[kind]), memory[kind])
	}
	for _, kind := range kinds[1:] {
		more := used[kind].at(0.5) - used["none"].at(0.5)
		t.Logf("%d %s: more than without, of a core: %.3f %% by the medians, %.3f %% by the least windows; asked 1 %%", readers, kind, more, least(used[kind])-least(used["none"]))
		if more > slack {
			t.Errorf("%d %s take %.3f %% of a core, more than %d times what is asked for", readers, kind, more, slack)
		}
	}
}

// least returns the mean of the least window without a block and the least one with a block,
// which come in turns.
func least(windows samples) float64 {
	var each [2]float64
	for i, w := range windows {
		if i < 2 || w < each[i%2] {
			each[i%2] = w
		}
	}
	return (each[0] + each[1]) / 2
}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

func (c *counter) get() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// clientFrom returns a client whose connections come from an IP address of this machine.
func clientFrom(t testing.TB, ip string, receive int) *http.Client {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}, Timeout: patience}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if tcp, ok := conn.(*net.TCPConn); ok && receive > 0 {
			err = tcp.SetReadBuffer(receive)
		}
		return conn, err
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// get asks for something, and fails the test if the node does not answer, unless the context
// has ended.
func get(ctx context.Context, t testing.TB, c *http.Client, url, fragment string) *http.Response {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Error(err)
		return nil
	}
	req.Header.Set("Accept", "text/html, text/event-stream")
	if fragment != "" {
		req.Header.Set("X-Lode-Fragment", fragment)
	}
	resp, err := c.Do(req)
	if err != nil {
		if ctx.Err() == nil {
			t.Error(err)
		}
		return nil
	}
	return resp
}

// openPage does what an open page of the feed does: it hears the events, and fetches the
// list of posts and the link below it, in one request, after each block and each change of what
// waits. What comes within 5 ms causes one request, and requests begin 150 ms apart at least.
func openPage(ctx context.Context, t testing.TB, group *sync.WaitGroup, url, from string, fetched *counter) {
	t.Helper()
	c := clientFrom(t, from, 0)
	fetch := func() {
		if resp := get(ctx, t, c, url+"/", "feed older"); resp != nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			fetched.add()
		}
	}
	fetch() // a page that has been loaded has connections, which it keeps
	events := get(ctx, t, c, url+"/events", "")
	if events == nil {
		return
	}
	due := make(chan struct{}, 1)
	group.Go(func() {
		defer close(due)
		defer func() { _ = events.Body.Close() }()
		lines := bufio.NewScanner(events.Body)
		told := false // the first event about what waits says what the page has shown already
		for lines.Scan() {
			kind, ok := strings.CutPrefix(lines.Text(), "event: ")
			if !ok || kind == "tip" || kind == "mining" || kind == "pending" && !told {
				told = told || kind == "pending"
				continue
			}
			select {
			case due <- struct{}{}:
			default:
			}
		}
	})
	group.Go(func() {
		for range due {
			time.Sleep(5 * time.Millisecond)
			select {
			case <-due:
			default:
			}
			fetch()
			time.Sleep(150 * time.Millisecond)
		}
	})
}

// openStalled opens a stream of events and never reads it.
func openStalled(ctx context.Context, t testing.TB, url, from string) {
	t.Helper()
	const receive = 4096 // bytes that the system takes for the browser
	if resp := get(ctx, t, clientFrom(t, from, receive), url+"/events", ""); resp != nil {
		context.AfterFunc(ctx, func() { _ = resp.Body.Close() })
	}
}

func streams(t testing.TB, url string) string {
	t.Helper()
	return metric(t.(*testing.T), url, "lode_http_event_streams")
}

// processorTime returns the processor time that a process has used.
func processorTime(t testing.TB, pid int) time.Duration {
	t.Helper()
	var ts unix.Timespec
	// The number of the clock of another process, as clock_getcpuclockid(3) makes it.
	if err := unix.ClockGettime(int32(^pid<<3|2), &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

// residentKiB returns the memory of a process.
func residentKiB(t testing.TB, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kib int64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return kib
}
