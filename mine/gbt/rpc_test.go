package gbt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// newTestClient returns a client of a node that a handler plays.
func newTestClient(t *testing.T, handler http.HandlerFunc) (*client, *httptest.Server) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	t.Cleanup(server.Close)
	c, err := newClient(Config{URL: "http://" + server.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.http.CloseIdleConnections)
	return c, server
}

// However many calls there are at the same time, the node has a bounded number of
// connections, and each call is answered in the end.
func TestConnectionsAreBounded(t *testing.T) {
	const calls = 5 * maxConns
	hold := make(chan struct{})
	arrived := make(chan struct{}, calls)
	c, server := newTestClient(t, func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-hold
		_, _ = fmt.Fprint(w, `{"result":1,"error":null}`)
	})
	var mu sync.Mutex
	open, most := 0, 0
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		switch state {
		case http.StateNew:
			open++
			most = max(most, open)
		case http.StateClosed:
			open--
		}
	}
	server.Start()
	errs := make(chan error, calls)
	for range calls {
		go func() {
			var result int
			errs <- c.call(t.Context(), "x", nil, maxAnswer, &result)
		}()
	}
	for range maxConns {
		<-arrived
	}
	close(hold)
	for range calls {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if most > maxConns || most == 0 {
		t.Errorf("%d connections at the same time, want at most %d", most, maxConns)
	}
}

// A call that waits for a connection ends with its context.
func TestWaitForConnectionEnds(t *testing.T) {
	hold := make(chan struct{})
	c, server := newTestClient(t, func(http.ResponseWriter, *http.Request) { <-hold })
	server.Start()
	defer close(hold)
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, maxConns)
	for range maxConns {
		go func() {
			var result int
			errs <- c.call(ctx, "x", nil, maxAnswer, &result)
		}()
	}
	short, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	var result int
	if err := c.call(short, "x", nil, maxAnswer, &result); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	cancel()
	for range maxConns {
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled call: %v", err)
		}
	}
}

// An answer may be as long as its limit, and not a byte longer. So may its header.
func TestLongAnswers(t *testing.T) {
	answer := func(size int) string {
		const frame = `{"result":"","error":null}`
		return strings.Replace(frame, `""`, `"`+strings.Repeat("x", size-len(frame))+`"`, 1)
	}
	const limit = 1000
	var size, header atomic.Int64
	c, server := newTestClient(t, func(w http.ResponseWriter, _ *http.Request) {
		if n := int(header.Load()); n > 0 {
			w.Header().Set("X-Long", strings.Repeat("x", n))
		}
		_, _ = fmt.Fprint(w, answer(int(size.Load())))
	})
	server.Start()
	for _, tc := range []struct {
		size, header int64
		want         string
	}{
		{limit - 1, 0, ""},
		{limit, 0, ""},
		{limit + 1, 0, "longer than 1000 bytes"},
		{100 * limit, 0, "longer than 1000 bytes"},
		{limit, maxHeader / 2, ""},
		{limit, 2 * maxHeader, "does not answer"},
	} {
		size.Store(tc.size)
		header.Store(tc.header)
		var result string
		err := c.call(t.Context(), "x", nil, limit, &result)
		if tc.want == "" && (err != nil || len(result) < int(tc.size)-100) || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("answer of %d bytes with a header of %d: %v, want %q", tc.size, tc.header, err, tc.want)
		}
	}
}
