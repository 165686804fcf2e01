package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/lodepow/lode/chain/block"
)

// TestDefaults compares the defaults with what the documentation of Config says.
func TestDefaults(t *testing.T) {
	for _, u := range []string{"http://a", "https://a:8000/behind/a/proxy"} {
		c, err := New(Config{URL: u})
		if err != nil {
			t.Fatal(err)
		}
		if c.timeout != 30*time.Second || c.retries != 4 || c.outage != 10*time.Minute {
			t.Errorf("timeout %v, %d retries, outage %v", c.timeout, c.retries, c.outage)
		}
		if largest := int64(2 * 32 << 20); c.most < largest || c.most > largest+64<<10 {
			t.Errorf("an answer may have %d bytes, the largest block has %d", c.most, largest)
		}
		c.Close()
	}
	c, err := New(Config{URL: "http://a", Transport: http.DefaultTransport})
	if err != nil {
		t.Fatal(err)
	}
	c.Close() // must leave the transport of others alone
}

// TestBoundHidesNoError checks that readAll returns an error that comes together with the
// bytes beyond the bound.
func TestBoundHidesNoError(t *testing.T) {
	broken := errors.New("broken")
	body := iotest.DataErrReader(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)))
	if _, err := readAll(body, 2); !errors.Is(err, broken) {
		t.Errorf("error %v, want the one of the body", err)
	}
}

// TestHeaders looks at the headers of calls with a body and without one, and of a stream.
func TestHeaders(t *testing.T) {
	seen := make(chan http.Header, 1)
	c, _ := serve(t, Config{Retries: -1}, func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header
		_, _ = io.WriteString(w, "{}")
	})
	for _, tc := range []struct {
		name                string
		call                func(*Client, context.Context) error
		accept, contentType string
	}{
		{"status", status, "application/json", ""},
		{"mine", mine, "application/json", ""},
		{"post", post, "application/json", "application/json"},
		{"events", func(c *Client, ctx context.Context) error { _, err := follow(ctx, c); return err }, "text/event-stream", ""},
	} {
		_ = tc.call(c, t.Context()) // the answer is not one to each of them
		h := <-seen
		if h.Get("Accept") != tc.accept || h.Get("Content-Type") != tc.contentType {
			t.Errorf("%s accepts %q and sends %q, want %q and %q", tc.name, h.Get("Accept"), h.Get("Content-Type"), tc.accept, tc.contentType)
		}
		for _, name := range []string{"Authorization", "Accept-Encoding"} {
			if _, ok := h[name]; ok {
				t.Errorf("%s sends the header %s: %q", tc.name, name, h.Get(name))
			}
		}
	}
}

// TestRetryAfter reads the header Retry-After at the ends of what it may be.
func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-1": 0, "1.5": 0, "0": time.Second, "1": time.Second, "29": 29 * time.Second,
		"2147483647": 2147483647 * time.Second, "2147483648": 0,
		"Thu, 01 Jan 2026 00:00:05 GMT": 5 * time.Second, "Thu, 01 Jan 2026 00:00:00 GMT": time.Second, "Wed, 31 Dec 2025 00:00:00 GMT": time.Second,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// TestBackOff draws waits. They are between a half and the whole of a time that doubles from
// 0.1 s to 10 s.
func TestBackOff(t *testing.T) {
	for n, want := range map[int]time.Duration{0: 100 * time.Millisecond, 1: 200 * time.Millisecond, 6: 6400 * time.Millisecond, 7: 10 * time.Second, 1000: 10 * time.Second} {
		var least, most time.Duration
		for i := range 1000 {
			d := backOff(n)
			if i == 0 || d < least {
				least = d
			}
			most = max(most, d)
		}
		if least <= want/2 || least > want*3/4 || most > want || most < want*3/4 {
			t.Errorf("after %d failures: from %v to %v, want %v to %v", n+1, least, most, want/2, want)
		}
	}
}

// TestWhenToTryAgain has a busy node name times at the bound, with deadlines that are far away
// and with a context that has ended.
func TestWhenToTryAgain(t *testing.T) {
	var tries atomic.Int64
	c, w := serve(t, Config{Retries: 1}, func(w http.ResponseWriter, _ *http.Request) {
		tries.Add(1)
		w.Header().Set("Retry-After", "30")
		refuse(w, 503, "busy", "no")
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if err := status(c, ctx); !errors.Is(err, Busy) || tries.Load() != 2 || len(w.list) != 1 || w.list[0] != 30*time.Second {
		t.Errorf("%v after %d tries and the waits %v, want two tries and a wait of 30 s", err, tries.Load(), w.list)
	}
	ended, end := context.WithCancel(t.Context())
	c.http.Transport = transport(func(*http.Request) (*http.Response, error) {
		end()
		return nil, errors.New("the cable was pulled")
	})
	if err := status(c, ended); err == nil || len(w.list) != 1 {
		t.Errorf("%v after the waits %v: the client waits although the context has ended", err, w.list)
	}
}

type transport func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestLongestAnswer gets answers that have as many bytes as they may have, and one more.
func TestLongestAnswer(t *testing.T) {
	body := `{"height":7}`
	c, _ := serve(t, Config{}, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
	c.most = int64(len(body))
	if s, err := c.Status(t.Context()); err != nil || s.Height != 7 {
		t.Errorf("an answer of %d bytes: %v", len(body), err)
	}
	c.most--
	if _, err := c.Status(t.Context()); !errors.Is(err, errTooLong) {
		t.Errorf("an answer of one byte more than it may have: %v", err)
	}
}

// TestRefusalsInOtherForms gets refusals that are long, or not in the form that a node gives
// them. What cannot be read as JSON is kept as text.
func TestRefusalsInOtherForms(t *testing.T) {
	body := ""
	c, _ := serve(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, body)
	})
	const frame = `{"reason":"busy","error":""}`
	full := strings.Replace(frame, `""`, `"`+strings.Repeat("x", maxRefusal-len(frame))+`"`, 1)
	for _, tc := range []struct {
		body, sentence string
		reason         block.Reason
	}{
		{`{"error":"no","reason":"busy"}`, "no", Busy},
		{`{"error":"no","reason":5}`, `{"error":"no","reason":5}`, ""},
		{`{"message":"no"}`, `{"message":"no"}`, ""},
		{"no", "no", ""},
		{full, "xx", Busy},
		{full + " ", "xx", Busy},
		{strings.Replace(full, "x", "xx", 1), `{"reason":`, ""},
	} {
		body = tc.body
		var e *Error
		if err := status(c, t.Context()); !errors.As(err, &e) || !strings.HasPrefix(e.Sentence, tc.sentence) || e.Reason != tc.reason {
			t.Errorf("%.40s: %.80v, want the sentence %q and the reason %q", tc.body, err, tc.sentence, tc.reason)
		}
	}
}

// TestOutcomes reads the status of answers to a post and to /mine, also of answers that are
// not those of a node.
func TestOutcomes(t *testing.T) {
	for _, tc := range []struct {
		status int
		body   string
		known  bool
		goesOn bool
	}{
		{200, "{}", true, false}, {201, "{}", false, false}, {202, "{}", false, true}, {299, "{}", false, false},
		{200, "nonsense", false, false}, {202, "nonsense", false, false}, {300, "{}", false, false},
	} {
		c, _ := serve(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tc.status)
			_, _ = io.WriteString(w, tc.body)
		})
		good := tc.body == "{}" && tc.status < 300
		if posted, err := c.Post(t.Context(), "ann", "x"); (err == nil) != good || posted.Known != tc.known {
			t.Errorf("post, %d %s: %+v, %v", tc.status, tc.body, posted, err)
		}
		if mined, err := c.Mine(t.Context()); (err == nil) != good || mined.GoesOn != tc.goesOn {
			t.Errorf("mine, %d %s: %+v, %v", tc.status, tc.body, mined, err)
		}
	}
}

// TestBlockThatCannotBeWritten submits a block with a transaction that is none. Nothing is
// sent.
func TestBlockThatCannotBeWritten(t *testing.T) {
	c, _ := serve(t, Config{}, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	if _, err := c.AddBlock(t.Context(), block.Block{Txs: make([]block.Tx, 1)}); err == nil || errors.As(err, new(*Error)) {
		t.Errorf("%v, want an error before the request", err)
	}
}

// counted starts a server and returns a client of it, and a function that returns how many
// connections it has made.
func counted(t *testing.T, h http.HandlerFunc) (*Client, func() int64) {
	t.Helper()
	var conns atomic.Int64
	server := httptest.NewUnstartedServer(h)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c, err := New(Config{URL: server.URL, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, conns.Load
}

// TestConnectionsAreUsedAgain makes several calls at once, twice, and calls whose answers are
// a little too long to be read. None of them needs a new connection.
func TestConnectionsAreUsedAgain(t *testing.T) {
	const callers = 16
	var group sync.WaitGroup
	arrived := make(chan struct{})
	var release chan struct{}
	c, conns := counted(t, func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
		_, _ = io.WriteString(w, "{}")
	})
	for range 2 {
		release = make(chan struct{})
		for range callers {
			group.Go(func() {
				if err := status(c, t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		for range callers {
			<-arrived
		}
		close(release)
		group.Wait()
	}
	if got := conns(); got != callers {
		t.Errorf("%d connections for %d calls at once, want as many", got, callers)
	}
	for _, code := range []int{http.StatusOK, http.StatusBadRequest} {
		long := strings.Repeat("x", maxRefusal+3<<10)
		c, conns := counted(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(long)))
			w.WriteHeader(code)
			_, _ = io.WriteString(w, long)
		})
		c.most = maxRefusal
		for range 3 {
			if err := status(c, t.Context()); err == nil {
				t.Error("an answer that is too long is no error")
			}
		}
		if got := conns(); got != 1 {
			t.Errorf("status %d: %d connections for 3 calls, want 1", code, got)
		}
	}
}

// TestClose closes the connections of a client, which can still be used.
func TestClose(t *testing.T) {
	c, conns := counted(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") })
	for want := range int64(3) {
		for range 2 {
			if err := status(c, t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := conns(); got != want+1 {
			t.Errorf("%d connections after the client was closed %d times", got, want)
		}
		c.Close()
	}
}

// TestHTTP2 calls a server that speaks HTTP/2.
func TestHTTP2(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"height":%d}`, r.ProtoMajor)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	c, err := New(Config{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.own.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	c.own.TLSClientConfig.NextProtos = nil
	if s, err := c.Status(t.Context()); err != nil || s.Height != 2 {
		t.Errorf("HTTP/%d, %v", s.Height, err)
	}
}

// registry is a context that counts the contexts which are made from it and not cancelled.
type registry struct {
	context.Context
	open atomic.Int64
}

// AfterFunc is called by package context for each of them.
func (r *registry) AfterFunc(func()) func() bool {
	r.open.Add(1)
	return func() bool { r.open.Add(-1); return true }
}

// TestCallsLeaveNothing makes calls. None of them leaves a context behind, which would be kept
// until its timeout.
func TestCallsLeaveNothing(t *testing.T) {
	c, _ := serve(t, Config{}, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	parent := &registry{Context: neverDone{ctx}}
	for range 3 {
		if err := status(c, parent); err != nil {
			t.Fatal(err)
		}
	}
	if got := parent.open.Load(); got != 0 {
		t.Errorf("%d contexts are left", got)
	}
}

// neverDone hides that a context is one of package context, so that AfterFunc is used.
type neverDone struct{ parent context.Context }

func (n neverDone) Deadline() (time.Time, bool) { return n.parent.Deadline() }
func (n neverDone) Done() <-chan struct{}       { return n.parent.Done() }
func (n neverDone) Err() error                  { return n.parent.Err() }
func (n neverDone) Value(any) any               { return nil }
