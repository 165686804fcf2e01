package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/lodepow/lode/node/internal/slots"
)

// route is a path, or a set of paths, with its handlers.
type route struct {
	pattern  string             // has at most one {id}; also the value of the label route
	methods  map[string]handler // by HTTP method
	allow    string             // value of the header Allow
	slots    room               // unbounded for what is answered from memory
	params   []string           // names of the query parameters that it takes
	texts    []string           // names of further ones, whose value is any text
	anyQuery bool               // the handler parses the query itself
	guarded  bool               // requests need the token
	network  http.Handler       // not nil: serves the route to other nodes, in place of methods
	stream   bool               // the answer lasts until the client leaves
}

// handler answers a request, or returns an error for the API to answer with; see
// explain.
type handler func(w *writer, r *http.Request) error

// room bounds how many requests to some routes are served at once. The zero value
// does not.
type room struct {
	*slots.Slots
	what string // those requests in words, for the sentence that refuses more
}

// take takes a slot, or returns the refusal of a request for which there is none.
func (r room) take() error {
	if r.Take() {
		return nil
	}
	return problem{
		status: http.StatusServiceUnavailable, retryAfter: "1",
		sentence: fmt.Sprintf("the node serves %d %s already: try again in a moment", r.Most(), r.what),
	}
}

func (a *API) addRoutes() {
	requests := room{slots.New(a.limits.requests), "requests"}
	waiters := room{slots.New(maxMineWaiters), "calls that wait for a block"}
	registrations := room{slots.New(a.limits.registrations), "calls that wait for another node"}
	scrapes := room{slots.New(maxScrapes), "readers of metrics"}
	streams := room{slots.New(a.limits.streams), "event streams"}
	pages := room{slots.New(a.limits.pages), "pages"}
	get := func(h handler) map[string]handler {
		return map[string]handler{http.MethodGet: h, http.MethodHead: h}
	}
	post := func(h handler) map[string]handler { return map[string]handler{http.MethodPost: h} }
	page := []string{"from", "limit"}
	a.routes = []*route{
		{pattern: "/", slots: pages, methods: get(a.getIndex), anyQuery: true},
		{pattern: "/new_transaction", slots: requests, methods: post(a.newTransaction)},
		{pattern: "/chain", slots: requests, methods: get(a.getChain), params: page},
		{pattern: "/pending_tx", slots: requests, methods: get(a.getPending), params: page},
		// HEAD is not served: it must not change anything, but mining does.
		{pattern: "/mine", slots: waiters, methods: map[string]handler{http.MethodGet: a.mine, http.MethodPost: a.mine}, guarded: true},
		{pattern: "/miner", slots: requests, methods: post(a.setMiner), guarded: true},
		{pattern: "/add_block", slots: requests, methods: post(a.addBlock)},
		{pattern: "/headers", slots: requests, methods: get(a.getHeaders), params: []string{"from", "limit", "after"}},
		{pattern: "/blocks/{id}", slots: requests, methods: get(a.getBlock)},
		{pattern: "/branches", slots: requests, methods: get(a.getBranches), params: []string{"limit"}},
		{pattern: "/txs", slots: requests, methods: get(a.getTxs), params: []string{"key", "before", "limit"}, texts: []string{"author"}},
		{pattern: "/tx/{id}", slots: requests, methods: get(a.getTx)},
		{pattern: "/tx/{id}/proof", slots: requests, methods: get(a.getProof)},
		{pattern: "/register_node", slots: registrations, methods: post(a.registerNode), guarded: true},
		{pattern: "/register_with", slots: registrations, methods: post(a.registerWith), guarded: true},
		{pattern: "/peers", methods: get(a.getPeers)},
		{pattern: "/status", methods: get(a.getStatus)},
		{pattern: "/events", slots: streams, methods: get(a.getEvents), stream: true},
		{pattern: "/healthz", methods: get(a.getHealth)},
		{pattern: "/metrics", slots: scrapes, methods: get(a.getMetrics), anyQuery: true},
		{pattern: "/openapi.yaml", methods: get(a.getOpenAPI)},
	}
	a.static = map[string]*route{}
	for _, rt := range a.routes {
		methods := []string{http.MethodOptions}
		for m := range rt.methods {
			methods = append(methods, m)
		}
		slices.Sort(methods)
		rt.allow = strings.Join(methods, ", ")
		if !strings.Contains(rt.pattern, "{") {
			a.static[rt.pattern] = rt
		}
	}
	a.other = &route{pattern: "other"}
	if a.next != nil {
		a.other.slots = pages
	}
	if a.config.Network != nil {
		for _, path := range a.config.Paths {
			a.static[path] = &route{pattern: path, network: a.config.Network}
		}
	}
}

// find returns the route of a path that cleanPath has returned, and the part of
// the path that takes the place of {id}.
func (a *API) find(path string) (rt *route, id string) {
	if rt := a.static[path]; rt != nil {
		return rt, ""
	}
	for _, rt := range a.routes {
		before, after, ok := strings.Cut(rt.pattern, "{id}")
		if !ok {
			continue
		}
		id, ok := strings.CutPrefix(path, before)
		if !ok {
			continue
		}
		id, ok = strings.CutSuffix(id, after)
		if ok && id != "" && !strings.Contains(id, "/") {
			return rt, id
		}
	}
	return a.other, ""
}

// cleanPath replaces several slashes in a row by one and drops those at the end.
// The original's clients join addresses and paths by hand, and post to
// {address}//register_node. [http.ServeMux] would answer with a redirect, by which
// they would lose their post.
func cleanPath(path string) string {
	if !strings.Contains(path, "//") && (len(path) < 2 || path[len(path)-1] != '/') {
		return path
	}
	clean := make([]byte, 0, len(path))
	for i := range len(path) {
		if path[i] == '/' && len(clean) > 0 && clean[len(clean)-1] == '/' {
			continue
		}
		clean = append(clean, path[i])
	}
	if n := len(clean); n > 1 && clean[n-1] == '/' {
		clean = clean[:n-1]
	}
	return string(clean)
}
