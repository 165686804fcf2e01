package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"time"
)

// writer is the answer to one request on its way.
type writer struct {
	http.ResponseWriter
	route  *route
	id     string // of the path
	query  url.Values
	status int // 0: nothing is sent yet
}

// WriteHeader implements [http.ResponseWriter].
func (w *writer) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *writer) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets an [http.ResponseController] through.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// readBy and writeBy set deadlines of the connection. A recorder in a test has
// none.
func (w *writer) readBy(t time.Time) {
	_ = http.NewResponseController(w.ResponseWriter).SetReadDeadline(t)
}

func (w *writer) writeBy(t time.Time) {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(t)
}

// Handler returns the API itself.
func (a *API) Handler() http.Handler { return a }

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	path := cleanPath(r.URL.Path)
	w := &writer{ResponseWriter: rw}
	w.route, w.id = a.find(path)
	a.begin(w.route)
	start := a.now()
	defer a.finish(w, r, start)
	if err := a.serve(w, r, path); err != nil {
		a.fail(w, r, err)
	}
}

// finish counts the request and catches what panicked in it.
func (a *API) finish(w *writer, r *http.Request, start time.Time) {
	p := recover()
	if p != nil && p != any(http.ErrAbortHandler) {
		a.log.Error("a request panicked", "route", w.route.pattern, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		if w.status == 0 {
			p = nil
			a.fail(w, r, problem{status: http.StatusInternalServerError, sentence: insideSentence})
		}
	}
	a.end(w, r, a.now().Sub(start))
	if p != nil {
		// Half an answer is sent. Cut the connection, so that nobody takes it
		// for a whole one.
		panic(http.ErrAbortHandler)
	}
}

func (a *API) serve(w *writer, r *http.Request, path string) error {
	rt := w.route
	if rt.network != nil {
		if err := a.allow(w, r); err != nil {
			return err
		}
		rt.network.ServeHTTP(w, withPath(r, path))
		return nil
	}
	if rt == a.other && a.next != nil {
		a.next.ServeHTTP(w, withPath(r, path))
		return nil
	}
	deadline := time.Now().Add(a.limits.timeout)
	if r.Body != nil && r.Body != http.NoBody {
		w.readBy(deadline)
		deadline = deadline.Add(a.limits.timeout) // an answer begins after the body
	}
	w.writeBy(deadline)
	if rt == a.other {
		return refuse(http.StatusNotFound, "there is nothing at %.80q: /openapi.yaml lists what there is", path)
	}

	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	handle, ok := rt.methods[r.Method]
	switch {
	case ok:
	case r.Method == http.MethodOptions:
		header.Set("Allow", rt.allow)
		w.WriteHeader(http.StatusNoContent)
		return nil
	default:
		header.Set("Allow", rt.allow)
		return refuse(http.StatusMethodNotAllowed, "%s takes %s, not %.20s", rt.pattern, rt.allow, r.Method)
	}

	if !rt.slots.Take() {
		return problem{
			status: http.StatusServiceUnavailable, retryAfter: "1",
			sentence: fmt.Sprintf("the node serves %d %s already: try again in a moment", rt.slots.Most(), rt.slots.what),
		}
	}
	defer rt.slots.Free()

	if err := a.allow(w, r); err != nil {
		return err
	}
	if r.URL.RawQuery != "" && !rt.anyQuery {
		var err error
		if w.query, err = parseQuery(r.URL.RawQuery, rt.params); err != nil {
			return err
		}
	}
	return handle(w, r)
}

// withPath returns the request with that path.
func withPath(r *http.Request, path string) *http.Request {
	if r.URL.Path == path {
		return r
	}
	clean := *r
	clean.URL = new(url.URL)
	*clean.URL = *r.URL
	clean.URL.Path, clean.URL.RawPath = path, ""
	return &clean
}

func (a *API) logFailure(w *writer, err error) {
	a.log.Error("a request failed", slog.String("route", w.route.pattern), slog.Any("err", err))
}
