package api

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// indexJSON says where things are, for programs that ask for / in JSON.
type indexJSON struct {
	Name        string            `json:"name"`
	Version     string            `json:"version"`
	Network     string            `json:"network"`
	Description string            `json:"description"`
	Endpoints   map[string]string `json:"endpoints"` // paths by name
}

// getIndex answers / with the handler of the pages, or with an index for a client that
// prefers JSON.
func (a *API) getIndex(w *writer, r *http.Request) error {
	switch {
	case wantsJSON(r.Header["Accept"]):
		index := indexJSON{
			Name: "lode", Version: a.config.Version, Network: a.chain.Params().Name(), Description: "/openapi.yaml",
			Endpoints: map[string]string{},
		}
		for _, rt := range a.routes {
			if rt.pattern != "/" {
				index.Endpoints[endpointName(rt.pattern)] = rt.pattern
			}
		}
		a.sendJSON(w, r, http.StatusOK, index)
		return nil
	case a.next != nil:
		w.Header().Add("Vary", "Accept")
		a.next.ServeHTTP(w, r)
		return nil
	}
	return refuse(http.StatusNotFound, "there is nothing at %.80q: /openapi.yaml lists what there is", "/")
}

// endpointName returns the name of an endpoint in the index: its path with "_" in place of
// "/", and without the parameter.
func endpointName(pattern string) string {
	name := strings.ReplaceAll(strings.Trim(pattern, "/"), "/", "_")
	return strings.TrimSuffix(strings.ReplaceAll(name, "_{id}", ""), ".yaml")
}

// servePage serves a path that the API does not know, if there is a handler for those. It
// runs with the same deadlines and headers as the rest, which it may replace, and within
// a number of slots.
func (a *API) servePage(w *writer, r *http.Request, path string) error {
	if a.next == nil {
		return refuse(http.StatusNotFound, "there is nothing at %.80q: /openapi.yaml lists what there is", path)
	}
	if err := w.route.slots.take(); err != nil {
		return err
	}
	defer w.route.slots.Free()
	if err := a.allow(w, r); err != nil {
		return err
	}
	if len(r.URL.RawQuery) > maxQuery {
		return refuse(http.StatusRequestURITooLong, "the query has %d bytes, at most %d are read", len(r.URL.RawQuery), maxQuery)
	}
	a.next.ServeHTTP(w, withPath(r, path))
	return nil
}

// Answer is the answer of the API to a call by a page.
type Answer struct {
	Status int // of HTTP; 0 if there is no answer, because the client has left
	Header http.Header
	Body   []byte // JSON
}

// Call makes a request to the API for a request that [Config.Next] serves, so that a form
// without JavaScript has the rules, limits, reasons and metrics of the API. The request has
// the sender, the context and the token of r, and prefers JSON. w is the writer of r,
// whose deadlines the API sets as for any other request. A body is JSON.
//
// Only a page that was asked for with POST may call anything but GET: for those, the API
// has checked that the page which sent them is the node's own.
func (a *API) Call(w http.ResponseWriter, r *http.Request, method, path string, body []byte) Answer {
	if method != http.MethodGet && r.Method != http.MethodPost {
		return Answer{Status: http.StatusMethodNotAllowed, Header: http.Header{}}
	}
	target, err := url.ParseRequestURI(path)
	if err != nil {
		return Answer{Status: http.StatusNotFound, Header: http.Header{}}
	}
	inner := (&http.Request{
		Method: method, URL: target, Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
		Header: http.Header{"Accept": {typeJSON}}, Body: http.NoBody, Host: r.Host, RemoteAddr: r.RemoteAddr, RequestURI: path,
	}).WithContext(r.Context())
	for _, name := range []string{"Authorization", "Idempotency-Key", "Prefer", "X-Forwarded-For", "Forwarded", "Via"} {
		if values, ok := r.Header[name]; ok {
			inner.Header[name] = slices.Clone(values)
		}
	}
	if body != nil {
		inner.Header.Set("Content-Type", typeJSON)
		inner.Body, inner.ContentLength = readCloser{bytes.NewReader(body)}, int64(len(body))
	}
	rec := &callWriter{ResponseWriter: w, header: http.Header{}}
	a.ServeHTTP(rec, inner)
	return Answer{Status: rec.status, Header: rec.header, Body: rec.body.Bytes()}
}

// readCloser is a reader that need not be closed.
type readCloser struct{ *bytes.Reader }

// Close implements [io.Closer].
func (readCloser) Close() error { return nil }

// callWriter keeps the answer to a call in memory. Its deadlines are those of the writer
// of the page, which it wraps.
type callWriter struct {
	http.ResponseWriter
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (w *callWriter) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *callWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write implements [http.ResponseWriter].
func (w *callWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// Unwrap gives an [http.ResponseController] access to the wrapped writer.
func (w *callWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
