package node

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestBodyHasEnded looks at a connection when the handler of its request has returned. The
// node waits for the client only if the client may have to send more: after a body of known
// length of which the handler has read each byte, it does not, although the handler has not
// asked for what comes next. If it has read each byte of a body in chunks, that depends on
// whether the last chunk, which has no bytes, has arrived already.
func TestBodyHasEnded(t *testing.T) {
	for _, tc := range []struct {
		name    string
		chunked bool
		sent    int   // bytes of the body
		read    int64 // bytes that the handler reads; one more than were sent: up to the end
		waits   bool
	}{
		{"length, nothing read", false, 100, 0, true},
		{"length, all but a byte read", false, 100, 99, true},
		{"length, each byte read", false, 100, 100, false},
		{"length, read to the end", false, 100, 101, false},
		{"long, each byte read", false, 1 << 20, 1 << 20, false},
		{"no body", false, 0, 0, false},
		{"chunks, nothing read", true, 100, 0, true},
		{"chunks, read to the end", true, 100, 101, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			l := newLimitListener(ln, 4, 4, slog.New(slog.DiscardHandler))
			waits := make(chan bool, 1)
			serve := l.handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if n, err := io.CopyN(io.Discard, r.Body, tc.read); n != min(tc.read, int64(tc.sent)) {
					t.Errorf("%d bytes read: %v", n, err)
				}
			}))
			s := &http.Server{
				Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					serve.ServeHTTP(w, r)
					waiting, _, _ := r.Context().Value(connKey{}).(*limitedConn).wait.state(time.Now())
					waits <- waiting
				}),
				ConnContext: l.onConn, ConnState: l.onState, ReadHeaderTimeout: time.Minute,
			}
			served := make(chan struct{})
			go func() { defer close(served); _ = s.Serve(l) }()
			defer func() { _ = s.Shutdown(context.Background()); <-served }()

			var body io.Reader = strings.NewReader(strings.Repeat("x", tc.sent))
			if tc.chunked {
				body = io.MultiReader(body) // of a length that the client does not know
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+ln.Addr().String(), body)
			if err != nil {
				t.Fatal(err)
			}
			r.Close = true
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if got := <-waits; got != tc.waits {
				t.Errorf("the node waits for the client: %v, want %v", got, tc.waits)
			}
		})
	}
}
