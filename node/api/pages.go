package api

import (
	"net/http"
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
	case wantsJSON(r.Header["Accept"]) && (a.next == nil || wantsJSONOver("text/html", r.Header["Accept"])):
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

// asksForHTML reports whether the client says that it takes HTML, as browsers do.
func asksForHTML(r *http.Request) bool {
	for _, line := range r.Header["Accept"] {
		for element := range splitList(line) {
			if kind, quality, ok := mediaRange(element); ok && kind == "text/html" && quality > 0 {
				return true
			}
		}
	}
	return false
}

// servePage serves a path that the API does not know, if there is a handler for those. It
// runs with the same deadlines and headers as the rest, which it may replace, and within
// a number of slots.
func (a *API) servePage(w *writer, r *http.Request, path string) error {
	if a.next == nil || a.config.Serves != nil && !a.config.Serves(path) && !asksForHTML(r) {
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
