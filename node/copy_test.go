package node

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The copy of a request keeps nothing of it once its handler has returned, also if that
// has panicked, and the next request uses its memory.
func TestCopyOfARequest(t *testing.T) {
	l := newLimitListener(nil, 1, 1, slog.New(slog.DiscardHandler))
	ours, theirs := net.Pipe()
	defer func() { _, _ = ours.Close(), theirs.Close() }()
	c := newLimitedConn(ours, l)
	var copies []*http.Request
	handler := l.handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		copies = append(copies, r)
		if body, err := io.ReadAll(r.Body); string(body) != "body" || err != nil {
			t.Errorf("body %q, error %v", body, err)
		}
		if r.URL.Path == "/panic" {
			panic(http.ErrAbortHandler)
		}
	}))
	for _, path := range []string{"/", "/panic", "/"} {
		ctx := context.WithValue(t.Context(), connKey{}, c)
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader("body"))
		body := r.Body
		func() {
			defer func() { _ = recover() }()
			handler.ServeHTTP(httptest.NewRecorder(), r)
		}()
		if r.Body != body {
			t.Error("the body of the server's request was replaced")
		}
		if c.request.Method != "" || c.request.Body != nil || c.request.body.ReadCloser != nil {
			t.Errorf("after %s the copy keeps %+v", path, &c.request.Request)
		}
	}
	if len(copies) != 3 || copies[0] != copies[1] || copies[1] != copies[2] {
		t.Errorf("%d requests use memory of their own", len(copies))
	}
}
