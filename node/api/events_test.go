package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/chain/block"
)

// sse is an event as a client reads it.
type sse struct{ id, kind, data string }

// readEvents reads events until the connection ends. Heartbeats get the kind ":".
func readEvents(body io.Reader, to chan<- sse) {
	defer close(to)
	var e sse
	for lines := bufio.NewScanner(body); lines.Scan(); {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "id":
			e.id = value
		case "event":
			e.kind = value
		case "data":
			e.data = value
		case ":":
			e.kind = ":"
		case "":
			if e != (sse{}) {
				to <- e
			}
			e = sse{}
		}
	}
}

// listen opens a stream. last, if it is not empty, is the id to resume from.
func listen(t *testing.T, dial func(string) io.ReadWriteCloser, last string) chan sse {
	t.Helper()
	request := "GET /events HTTP/1.1\nHost: x\n"
	if last != "" {
		request += "Last-Event-ID: " + last + "\n"
	}
	conn := dial(request + "\n")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil) //nolint:bodyclose // ends with the connection
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatal(answer.Status, answer.Header)
	}
	events := make(chan sse, 10_000)
	go readEvents(answer.Body, events)
	return events
}

// drain returns the events that have arrived by now.
func drain(events chan sse) (got []sse) {
	synctest.Wait()
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return append(got, sse{kind: "end"})
			}
			got = append(got, e)
		default:
			return got
		}
	}
}

func kinds(events []sse) string {
	var words []string
	for _, e := range events {
		words = append(words, e.kind)
	}
	return strings.Join(words, " ")
}

func eventsTest(t *testing.T, limits limits, test func(t *testing.T, n *testNode, dial func(string) io.ReadWriteCloser)) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t, testSetup{limits: limits})
		pipe := servePipes(t, n)
		test(t, n, func(request string) io.ReadWriteCloser { return pipe(request) })
	})
}

func TestEvents(t *testing.T) {
	eventsTest(t, limits{}, func(t *testing.T, n *testNode, dial func(string) io.ReadWriteCloser) {
		events := listen(t, dial, "")
		got := drain(events)
		if kinds(got) != "tip pending" || !strings.Contains(got[0].data, `"height":0`) || got[1].data != `{"transactions":0,"bytes":0}` {
			t.Fatalf("at the start: %v", got)
		}

		n.grow(1)
		got = drain(events)
		if kinds(got) != "block pending" || got[0].id == "" || !strings.Contains(got[0].data, `"height":1,"hash":"`+n.chain.Tip().Hash.String()) {
			t.Fatalf("after a block: %v", got)
		}

		// Many posts make one event.
		for i := range 50 {
			n.post(fmt.Sprint(i))
		}
		time.Sleep(time.Second)
		if got = drain(events); kinds(got) != "pending" || !strings.Contains(got[0].data, `"transactions":50`) {
			t.Fatalf("after posts: %v", got)
		}

		genesis, _ := n.chain.HashAt(0)
		first := n.child(genesis, 1, blockOptions{salt: 1})
		second := n.child(first.Hash(), 2, blockOptions{salt: 2})
		for _, b := range []block.Block{first, second} {
			if _, err := n.chain.Accept(b); err != nil {
				t.Fatal(err)
			}
		}
		got = drain(events)
		// What is pending is said with the reorg, or with the side block if the reorg follows at once.
		got = slices.DeleteFunc(got, func(e sse) bool { return e.kind == "pending" })
		if kinds(got) != "side reorg" || !strings.HasSuffix(got[1].data, `"connected":2,"disconnected":1}`) {
			t.Fatalf("after a reorg: %v", got)
		}

		n.miner.hold = make(chan struct{})
		go n.do("GET", "/mine", "")
		time.Sleep(1100 * time.Millisecond)
		got = drain(events)
		if !strings.Contains(kinds(got), "mining") || !strings.Contains(got[len(got)-1].data, `"active":true,"height":3`) {
			t.Fatalf("while mining: %v", got)
		}
		close(n.miner.hold)
		time.Sleep(time.Second)
		got = drain(events)
		if kinds(got) != "block pending mining" && kinds(got) != "block mining pending" {
			t.Fatalf("after mining: %v", got)
		}

		time.Sleep(31 * time.Second)
		if got = drain(events); kinds(got) != ": :" {
			t.Fatalf("in silence: %v", got)
		}

		n.api.Close()
		if got = drain(events); kinds(got) != "end" {
			t.Fatalf("after the end: %v", got)
		}
	})
}

func TestEventsResume(t *testing.T) {
	eventsTest(t, limits{history: 4}, func(t *testing.T, n *testNode, dial func(string) io.ReadWriteCloser) {
		events := listen(t, dial, "")
		n.grow(2)
		got := drain(events)
		// What is pending is said with the first block, the second one, or both.
		got = slices.DeleteFunc(got, func(e sse) bool { return e.kind == "pending" })
		if kinds(got) != "tip block block" {
			t.Fatal(kinds(got))
		}
		last := ""
		for _, e := range got {
			if e.id != "" {
				last = e.id
			}
		}

		n.grow(3)
		got = drain(listen(t, dial, last))
		if strings.Count(kinds(got), "block") != 3 || strings.Contains(kinds(got), "reset") {
			t.Errorf("three blocks later: %s", kinds(got))
		}
		n.grow(2)
		got = drain(listen(t, dial, last))
		if kinds(got) != "tip reset pending" {
			t.Errorf("past the history: %s", kinds(got))
		}
		for _, id := range []string{"x", "-", "0-0", "-1", n.api.feed.epoch + "-99", n.api.feed.epoch + "-9223372036854775807", n.api.feed.epoch + "--1"} {
			if got := drain(listen(t, dial, id)); kinds(got) != "tip reset pending" {
				t.Errorf("id %q: %s", id, kinds(got))
			}
		}
	})
}

func TestEventsSlowClient(t *testing.T) {
	eventsTest(t, limits{history: 4, timeout: time.Hour}, func(t *testing.T, n *testNode, dial func(string) io.ReadWriteCloser) {
		conn := dial("GET /events HTTP/1.1\nHost: x\n\n")
		synctest.Wait()
		n.grow(6)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		events := make(chan sse, 100)
		go readEvents(answer.Body, events)
		if got := drain(events); !strings.HasSuffix(kinds(got), "end") {
			t.Errorf("the stream of a client that has missed events goes on: %s", kinds(got))
		}
	})
}

func TestEventsBound(t *testing.T) {
	eventsTest(t, limits{streams: 2}, func(t *testing.T, n *testNode, dial func(string) io.ReadWriteCloser) {
		listen(t, dial, "")
		listen(t, dial, "")
		w := n.do("GET", "/events", "")
		n.want(w, 503, "the node serves 2 event streams already")
		if w.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		n.want(n.do("GET", "/status", ""), 200, "")
	})
}

// TestEventsOfOneAddress checks that one address cannot have all event streams, and that
// the node's own machine may, for a proxy may run there.
func TestEventsOfOneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t, testSetup{limits: limits{streams: 6, streamsEach: 2}})
		open := func(from string) (*httptest.ResponseRecorder, func()) {
			ctx, cancel := context.WithCancel(t.Context())
			r := httptest.NewRequestWithContext(ctx, "GET", "/events", nil)
			r.RemoteAddr = from
			w := httptest.NewRecorder()
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer func() { _ = recover() }() // http.ErrAbortHandler, since the client has gone
				n.api.ServeHTTP(w, r)
			}()
			synctest.Wait()
			return w, func() { cancel(); <-done }
		}
		var ends []func()
		for _, from := range []string{"192.0.2.1:1", "192.0.2.1:2", "[2001:db8::1]:1", "[2001:db8::2]:1"} {
			w, end := open(from)
			n.want(w, 200, "event: tip")
			ends = append(ends, end)
		}
		for from, name := range map[string]string{"192.0.2.1:3": "192.0.2.1", "[2001:db8::3]:1": "2001:db8::"} {
			w, end := open(from)
			end()
			n.want(w, 503, "the node serves 2 event streams of "+name+" already")
		}
		ends[0]()
		for _, from := range []string{"192.0.2.1:4", "127.0.0.1:1", "127.0.0.1:2"} {
			w, end := open(from)
			n.want(w, 200, "event: tip")
			ends[0] = end
			ends = append(ends, end)
		}
		for _, end := range ends {
			end()
		}
	})
}

// TestPendingTextIsShared has streams ask for the pending event. It is made once for each
// change of what is pending.
func TestPendingTextIsShared(t *testing.T) {
	f := newFeed(1, time.Unix(0, 0), nil)
	made := 0
	status := func() poolJSON { made++; return poolJSON{Transactions: made, Bytes: 100 * made} }
	for _, test := range []struct {
		posts uint64
		made  int
	}{{0, 1}, {0, 1}, {1, 2}, {1, 2}, {0, 3}, {5, 4}} {
		text := f.pendingText(test.posts, status)
		want := fmt.Sprintf("event: pending\ndata: {\"transactions\":%d,\"bytes\":%d}\n\n", test.made, 100*test.made)
		if text != want || made != test.made {
			t.Errorf("after %d changes: %q, the %dth one made, want %q", test.posts, text, made, want)
		}
	}
}
