package node

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestLoopbackHasNoBoundOfItsOwn checks that the bound for each IP address does not apply to
// this machine.
func TestLoopbackHasNoBoundOfItsOwn(t *testing.T) {
	l := newCrowd(t, 6, 2)
	for range 6 {
		l.want("127.0.0.1", true)
	}
}

// TestStatesOfConnections checks that only the state idle means that the node waits for a
// request, and that a connection of another kind is left alone.
func TestStatesOfConnections(t *testing.T) {
	l := newCrowd(t, 2, 2)
	c := l.want("192.0.2.1", true)
	l.serve(c)
	for _, state := range []http.ConnState{http.StateNew, http.StateActive, http.StateHijacked, http.StateClosed} {
		if l.onState(c, state); c.wait.isIdle() {
			t.Errorf("in the state %s the node waits for a request", state)
		}
	}
	if l.onState(c, http.StateIdle); !c.wait.isIdle() {
		t.Error("in the state idle the node does not wait for a request")
	}
	l.onState(&fakeConn{}, http.StateIdle)
}

// TestHandlerPassesRequestsOn checks that a request is handled though its connection is not
// known, and that a request without a body stays one.
func TestHandlerPassesRequestsOn(t *testing.T) {
	l := newCrowd(t, 2, 2)
	c := l.want("192.0.2.1", true)
	served := 0
	h := l.handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		served++
		if r.Body != nil && r.Body != http.NoBody {
			t.Error("a request without a body has one")
		}
	}))
	for i, known := range []bool{false, true} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		if known {
			r = r.WithContext(l.onConn(t.Context(), c))
			r.Body = nil
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		if served != i+1 {
			t.Errorf("%d requests are served, want %d", served, i+1)
		}
	}
}
