package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"time"
)

// writer writes the answer to one request, and carries what the API knows of that
// request.
type writer struct {
	http.ResponseWriter
	route  *route
	id     string     // the part of the path that takes the place of {id}
	query  url.Values // nil if there is none
	status int        // 0 as long as nothing has been sent

	variesByOrigin bool // the answer depends on the header Origin; see allowOrigin
	trusted        bool // the request is from a page of an origin that may use the API
}

// WriteHeader implements [http.ResponseWriter].
func (w *writer) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
		if w.variesByOrigin {
			w.Header().Add("Vary", "Origin")
		}
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

// Unwrap gives an [http.ResponseController] access to the wrapped writer.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// readBy sets the deadline for reading the request; the zero time removes it. The
// error is ignored, because a recorder in a test has no deadlines.
func (w *writer) readBy(t time.Time) {
	_ = http.NewResponseController(w.ResponseWriter).SetReadDeadline(t)
}

// writeBy sets the deadline for writing the answer, like readBy.
func (w *writer) writeBy(t time.Time) {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(t)
}

// Handler returns the API itself.
func (a *API) Handler() http.Handler { return a }

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	path := cleanPath(r.URL.Path)
	w := &writer{ResponseWriter: rw}
	if hasDoubtfulEnd(r) {
		w.Header().Set("Connection", "close")
	}
	w.route, w.id = a.find(path)
	a.begin(w.route)
	start := a.now()
	defer a.finish(w, r, start)
	if err := a.serve(w, r, path); err != nil {
		a.fail(w, r, err)
	}
}

// hasDoubtfulEnd reports whether a proxy in front of the node may disagree with
// [net/http] on where the request ends. net/http ignores Content-Length where there is
// Transfer-Encoding, and Transfer-Encoding in HTTP/1.0, and does not tell. What then
// looks like a second request may be part of the body of the first, which somebody
// else has sent (request smuggling), so the connection must end with this answer; see
// RFC 9112, section 6.1.
func hasDoubtfulEnd(r *http.Request) bool {
	return len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1)
}

// finish counts the request. If its handler has panicked, finish logs that and
// answers with status 500, or cuts the connection if an answer has begun. It must
// be deferred.
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
		// Part of an answer has been sent. Cut the connection, so that the client
		// does not take it for the whole.
		panic(http.ErrAbortHandler)
	}
}

// serve checks what all requests have to fulfil and calls the route's handler.
func (a *API) serve(w *writer, r *http.Request, path string) error {
	rt := w.route
	if rt.network != nil {
		if err := a.allow(w, r); err != nil {
			return err
		}
		rt.network.ServeHTTP(w, withPath(r, path))
		return nil
	}
	deadline := time.Now().Add(a.limits.timeout)
	if r.Body != nil && r.Body != http.NoBody {
		w.readBy(deadline)
		deadline = deadline.Add(a.limits.timeout) // the answer begins after the body
	}
	w.writeBy(deadline)
	header := w.Header()
	header["Cache-Control"] = noStoreValue
	header["X-Content-Type-Options"] = noSniffValue
	if rt == a.other {
		return a.servePage(w, r, path)
	}
	a.allowOrigin(w, r)
	handle, ok := rt.methods[r.Method]
	switch {
	case ok:
	case r.Method == http.MethodOptions:
		a.answerOptions(w, r)
		return nil
	default:
		header.Set("Allow", rt.allow)
		return refuse(http.StatusMethodNotAllowed, "%s takes %s, not %.20s", rt.pattern, rt.allow, r.Method)
	}

	if err := rt.slots.take(); err != nil {
		return err
	}
	defer rt.slots.Free()

	if err := a.allow(w, r); err != nil {
		return err
	}
	if r.URL.RawQuery != "" && !rt.anyQuery {
		var err error
		if w.query, err = parseQuery(r.URL.RawQuery, slices.Concat(rt.params, rt.texts)); err != nil {
			return err
		}
	}
	return handle(w, r)
}

// withPath returns the request with another path. The original stays unchanged.
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
