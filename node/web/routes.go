package web

import (
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
)

// route is a path, or a set of paths, of which a page is made.
type route struct {
	pattern string // of http.ServeMux, without a method
	handle  func(*http.Request) (answer, error)
	form    bool     // takes POST, not GET
	waits   bool     // the form may wait for seconds
	params  []string // names of the query parameters that it takes

	// chainOnly says that the parts of the page depend on nothing but the chain, what waits
	// and the address, so that they are the same for all readers.
	chainOnly bool
}

// notices are the parameters by which a form tells the next page what it has done.
func withNotice(params ...string) []string { return append(params, "notice", "of") }

func (w *Web) addRoutes() {
	w.routes = []route{
		{pattern: "/{$}", handle: w.feed, params: withNotice("author", "q", "before", "pending"), chainOnly: true},
		{pattern: "/author/{name...}", handle: w.author, params: []string{"before"}, chainOnly: true},
		{pattern: "/account/{key}", handle: w.account, params: []string{"before"}, chainOnly: true},
		{pattern: "/mining", handle: w.mining, params: withNotice()},
		{pattern: "/explorer", handle: w.explorer, params: []string{"before"}, chainOnly: true},
		{pattern: "/explorer/block/{id}", handle: w.blockPage, params: []string{"from"}, chainOnly: true},
		{pattern: "/explorer/tx/{id}", handle: w.txPage, chainOnly: true},
		{pattern: "/explorer/search", handle: w.search, params: []string{"q"}},
		{pattern: "/network", handle: w.network, params: withNotice()},
		{pattern: "/forms/post", handle: w.formPost, form: true},
		{pattern: "/forms/mine", handle: w.formMine, form: true, waits: true},
		{pattern: "/forms/miner", handle: w.formMiner, form: true},
		{pattern: "/forms/connect", handle: w.formConnect, form: true, waits: true},
		{pattern: "/forms/resync", handle: w.formResync, form: true},
	}
	w.addPlain("/accounts", "accounts", "Accounts", nil)
	w.addAPI()
	w.addPlain("/learn", "learn", "Learn", nil)
	for step := 1; step <= 5; step++ {
		w.addPlain(fmt.Sprintf("/learn/%d", step), fmt.Sprintf("learn%d", step), fmt.Sprintf("Learn, step %d", step), step)
	}
	w.mux = http.NewServeMux()
	for _, rt := range w.routes {
		w.mux.HandleFunc(rt.pattern, func(rw http.ResponseWriter, r *http.Request) { w.serve(rw, r, rt) })
	}
	w.mux.HandleFunc("/static/{name...}", w.serveStatic)
	// The node drops slashes at the end of a path. Without patterns for what is left, the
	// mux would lead to the path with the slash, and the browser would go round in circles.
	for _, pattern := range []string{"/", "/author", "/static"} {
		w.mux.HandleFunc(pattern, func(rw http.ResponseWriter, r *http.Request) {
			w.send(rw, r, answer{}, notFound("there is no page at %.80q", r.URL.Path))
		})
	}
}

// addPlain adds a page that is always the same, if it has a template.
func (w *Web) addPlain(path, name, title string, body any) {
	if w.templates[name] == nil {
		return
	}
	dataPage := strings.TrimRight(name, "0123456789")
	w.routes = append(w.routes, route{pattern: path, handle: func(*http.Request) (answer, error) {
		return answer{page: name, data: page{Name: dataPage, Title: title, Body: body}}, nil
	}})
}

// nav returns the links at the top of a page, of those pages that exist.
func (w *Web) nav(path string) []navItem {
	items := []navItem{
		{Title: "Feed", Path: "/"}, {Title: "Mining", Path: "/mining"}, {Title: "Explorer", Path: "/explorer"},
		{Title: "Network", Path: "/network"}, {Title: "Learn", Path: "/learn"}, {Title: "Accounts", Path: "/accounts"}, {Title: "API", Path: "/api"},
	}
	shown := items[:0]
	for _, item := range items {
		switch item.Path {
		case "/learn", "/accounts", "/api":
			if w.templates[item.Path[1:]] == nil {
				continue
			}
		}
		item.Current = path == item.Path || item.Path != "/" && strings.HasPrefix(path, item.Path+"/")
		shown = append(shown, item)
	}
	return shown
}

// Serves reports whether a path, without a query, is that of a page, a form or a file of
// this package, even if what it names does not exist. The node answers all other paths
// as its API does.
func (w *Web) Serves(path string) bool {
	for _, rt := range w.routes {
		if before, _, ok := strings.Cut(rt.pattern, "{"); ok && before != "/" {
			if strings.HasPrefix(path, before) {
				return true
			}
		} else if path == before || ok && path == "/" {
			return true
		}
	}
	return strings.HasPrefix(path, "/static/") || path == "/author" || path == "/static"
}

// ServeHTTP implements [http.Handler].
func (w *Web) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	setHeaders(rw.Header())
	w.mux.ServeHTTP(rw, r)
}

// serve checks what all requests have to fulfil and calls the route's handler.
func (w *Web) serve(rw http.ResponseWriter, r *http.Request, rt route) {
	handle := w.handle
	if isShared(r, rt) {
		handle = w.shared
	}
	a, err := handle(rw, r, rt)
	w.send(rw, r, a, err)
}

func (w *Web) handle(rw http.ResponseWriter, r *http.Request, rt route) (a answer, err error) {
	if rt.form {
		return w.handleForm(rw, r, rt)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		rw.Header().Set("Allow", "GET, HEAD")
		return answer{}, problem{http.StatusMethodNotAllowed, "a page takes GET and HEAD only"}
	}
	if !w.pages.Take() {
		return answer{}, errBusy
	}
	defer w.pages.Free()
	defer w.recoverInto(r, &err)
	if r.Form, err = parseQuery(r.URL.RawQuery, rt.params); err != nil {
		return answer{}, err
	}
	var before page
	w.look(&before)
	a, err = rt.handle(r)
	a.data.Height, a.data.Tip, a.data.Pending = before.Height, before.Tip, before.Pending
	if err == nil && a.data.Notice == nil {
		a.data.Notice = w.noticeOf(r)
	}
	return a, err
}

// recoverInto turns a panic of a handler into an error, so that the reader gets a page.
// It must be deferred.
func (w *Web) recoverInto(r *http.Request, err *error) {
	p := recover()
	if p == nil {
		return
	}
	if p == any(http.ErrAbortHandler) {
		panic(p)
	}
	w.log.Error("a page panicked", "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	*err = problem{http.StatusInternalServerError, "something went wrong inside the node: its log says what"}
}

// parseQuery parses a query. Of a parameter that is there several times, the first
// counts. Parameters that the page does not know are ignored, because other sites add
// their own to the links to a page.
func parseQuery(raw string, takes []string) (url.Values, error) {
	if len(raw) > maxQuery {
		return nil, problem{http.StatusRequestURITooLong, fmt.Sprintf("the query has %d bytes, at most %d are read", len(raw), maxQuery)}
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badRequest("the address cannot be read: its query is not properly escaped")
	}
	known := url.Values{}
	for _, name := range takes {
		if v, ok := values[name]; ok {
			known.Set(name, v[0])
		}
	}
	return known, nil
}

func (w *Web) serveStatic(rw http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		rw.Header().Set("Allow", "GET, HEAD")
		w.send(rw, r, answer{}, problem{http.StatusMethodNotAllowed, "a file takes GET and HEAD only"})
		return
	}
	if !w.static.serve(rw, r, r.PathValue("name")) {
		w.send(rw, r, answer{}, notFound("there is no file %.80q", r.URL.Path))
	}
}
