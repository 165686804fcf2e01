package web

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lodepow/lode/chain"
)

//go:embed templates
var templateFiles embed.FS

// page is what the templates of a page get.
type page struct {
	Name       string // for scripts: feed, mining, explorer, block, tx, network, …
	Title      string
	Network    string // the name of the network
	NetworkID  string
	Tip        string // its hash
	Signatures string // optional or required
	Token      bool   // the node requires a token
	Height     int64  // of the tip
	Pending    int    // posts that wait for a block
	Nav        []navItem
	Notice     *notice // what a form has done; nil: nothing
	Error      string  // why a form did not do what it should; "": it did, or there was none
	Search     string  // what the reader has typed into the search box of the explorer
	Body       any     // what the page is about
}

// navItem is a link at the top of every page.
type navItem struct {
	Title, Path string
	Current     bool
}

// answer is what a handler returns: a page, or the address of another one.
type answer struct {
	status   int    // 0: 200
	page     string // the template, such as "feed"
	data     page   // Name, Title and Body, and what differs from page to page
	redirect string // a path of this node; "": none. The status is then 303 unless it is set
	made     bool   // what is sent has been made already, and is the body
	madeBody
}

// problem is a failure that a page tells the reader of.
type problem struct {
	status   int
	sentence string // what was wrong and what to do
}

// Error implements error.
func (p problem) Error() string { return p.sentence }

func badRequest(format string, args ...any) error {
	return problem{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return problem{http.StatusNotFound, fmt.Sprintf(format, args...)}
}

var errBusy = problem{http.StatusServiceUnavailable, "the node makes as many pages as it can at the moment: try again in a moment"}

// Policy is the content security policy of every answer. A page may use the files of the
// node and nothing else: no script, style or handler within the page, no form that leads
// away, and no frame around the page.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// fragmentHeader is the header with which a script asks for parts of a page only. It names
// them with spaces between.
const fragmentHeader = "X-Lode-Fragment"

// loadTemplates parses the template of each page together with the layout and with the
// parts that pages share.
func (w *Web) loadTemplates() (map[string]*template.Template, error) {
	base, err := template.New("layout.html").Funcs(w.functions()).ParseFS(templateFiles, "templates/layout.html", "templates/*parts.html")
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	pages := map[string]*template.Template{}
	for _, name := range names {
		short := strings.TrimSuffix(strings.TrimPrefix(name, "templates/"), ".html")
		if short == "layout" || strings.HasSuffix(short, "parts") {
			continue
		}
		clone, err := base.Clone()
		if err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
		if pages[short], err = clone.ParseFS(templateFiles, name); err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
	}
	return pages, nil
}

// functions returns the functions that templates can call.
func (w *Web) functions() template.FuncMap {
	return template.FuncMap{
		"static":     w.static.url,
		"hasStatic":  w.static.has,
		"short":      short,
		"number":     number,
		"rate":       describeRate,
		"figure":     figure,
		"duration":   describeSeconds,
		"bytes":      describeBytes,
		"time":       describeTime,
		"iso":        func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"percent":    func(f float64) string { return fmt.Sprintf("%.1f %%", f) },
		"float":      func(n uint64) float64 { return float64(n) },
		"neg":        func(f float64) float64 { return -f },
		"negative":   func(n int64) int64 { return -n },
		"deref":      func(f *float64) float64 { return *f },
		"zeros":      markZeros,
		"tokenField": func(p page, id string) tokenField { return tokenField{p.Token, id} },
	}
}

// tokenField is what the template of the field for the token gets.
type tokenField struct {
	Token bool
	For   string // the id of the field
}

// markZeros returns a number in hex with its leading zeros set apart. The digits are the
// node's own, so they need no escaping.
func markZeros(hex string, zeros int) template.HTML {
	return template.HTML(`<span class="zeros">` + template.HTMLEscapeString(hex[:zeros]) + `</span>` + template.HTMLEscapeString(hex[zeros:]))
}

var fragmentName = regexp.MustCompile(`^[a-z][a-z-]{0,31}$`)

// render makes a page, or the fragments of it that the request asks for, one after another.
func (w *Web) render(r *http.Request, a answer) ([]byte, error) {
	t, ok := w.templates[a.page]
	if !ok {
		return nil, fmt.Errorf("there is no template %q", a.page)
	}
	names := []string{"layout.html"}
	if fragments := r.Header.Get(fragmentHeader); fragments != "" && a.page != "problem" {
		var err error
		if names, err = fragmentTemplates(t, fragments); err != nil {
			return nil, err
		}
	}
	params := w.chain.Params()
	p := a.data
	p.Network, p.NetworkID, p.Signatures, p.Token = params.Name(), params.ID().String(), string(params.Signatures()), w.token
	if p.Tip == "" {
		w.look(&p)
	}
	p.Nav = w.nav(r.URL.Path)
	buf := w.buffers.Get().(*bytes.Buffer)
	buf.Reset()
	for _, name := range names {
		if err := t.ExecuteTemplate(buf, name, p); err != nil {
			return nil, fmt.Errorf("template %s: %w", a.page, err)
		}
	}
	if buf.Cap() > keptBuffer {
		return buf.Bytes(), nil // it is not used again, so the page needs no memory of its own
	}
	body := bytes.Clone(buf.Bytes())
	w.buffers.Put(buf)
	return body, nil
}

// fragmentTemplates returns the names of the templates of fragments.
func fragmentTemplates(t *template.Template, fragments string) ([]string, error) {
	names := strings.Split(fragments, " ")
	if len(names) > maxFragments {
		return nil, badRequest("this asks for %d fragments at once, at most %d are made", len(names), maxFragments)
	}
	for i, name := range names {
		if slices.Contains(names[:i], "frag-"+name) {
			return nil, badRequest("this asks for the fragment %.40q twice", name)
		}
		if !fragmentName.MatchString(name) || t.Lookup("frag-"+name) == nil {
			return nil, notFound("this page has no fragment %.40q", name)
		}
		names[i] = "frag-" + name
	}
	return names, nil
}

// look writes into a page where the chain is. It is called before the page is made: what
// comes meanwhile is then news for the scripts, which compare their first events with this.
func (w *Web) look(p *page) {
	tip := w.chain.Tip()
	p.Height, p.Tip = tip.Height, tip.Hash.String()
	p.Pending, _ = w.chain.PendingCount()
}

// setHeaders sets the headers that every answer has. The referrer is not withheld from
// the node itself: a browser that withholds it sends a form with the header "Origin:
// null", which cannot be told from a form of another origin.
func setHeaders(header http.Header) {
	header["Content-Security-Policy"] = policyValue
	header["X-Content-Type-Options"] = noSniffValue
	header["Referrer-Policy"] = sameOriginValue
	header["Cross-Origin-Resource-Policy"] = sameOriginValue
}

// Values of headers that all answers share, so nothing may change their elements.
var (
	policyValue     = []string{Policy}
	noSniffValue    = []string{"nosniff"}
	sameOriginValue = []string{"same-origin"}
	noStoreValue    = []string{"no-store"}
	htmlValue       = []string{"text/html; charset=utf-8"}
)

// send writes a page, or the page that tells of the error.
func (w *Web) send(rw http.ResponseWriter, r *http.Request, a answer, err error) {
	header := rw.Header()
	header["Cache-Control"] = noStoreValue
	header.Add("Vary", fragmentHeader) // the API may have set it
	body := a.body
	switch {
	case err != nil || a.redirect != "":
	case !a.made:
		body, err = w.render(r, a)
	default:
		header.Add("Vary", "Accept-Encoding")
		if a.gzipped != nil && acceptsGzip(r.Header.Get("Accept-Encoding")) {
			header.Set("Content-Encoding", "gzip")
			body = a.gzipped
		}
	}
	if err != nil {
		p := w.explain(r, err)
		if p.status == http.StatusServiceUnavailable {
			header.Set("Retry-After", "1")
		}
		a = answer{status: p.status, page: "problem", data: page{Name: "problem", Title: http.StatusText(p.status), Body: p.sentence}}
		if body, err = w.render(r, a); err != nil {
			w.log.Error("the page of an error cannot be made", "err", err)
			http.Error(rw, "something went wrong inside the node: its log says what", http.StatusInternalServerError)
			return
		}
	}
	if a.redirect != "" {
		header.Set("Location", a.redirect)
		if a.status == 0 {
			a.status = http.StatusSeeOther
		}
		rw.WriteHeader(a.status)
		return
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	header["Content-Type"] = htmlValue
	header.Set("Content-Length", strconv.Itoa(len(body)))
	// The error is ignored, because a recorder in a test has no deadlines.
	_ = http.NewResponseController(rw).SetWriteDeadline(time.Now().Add(writeWait))
	rw.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = rw.Write(body) // an error means that the client has left
	}
}

// explain turns an error into what the reader is told. The details of a failure inside
// the node are for the log.
func (w *Web) explain(r *http.Request, err error) problem {
	var p problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, chain.ErrNotFound):
		return problem{http.StatusNotFound, "the node does not have this"}
	case errors.Is(err, chain.ErrClosed), errors.Is(err, chain.ErrBroken):
		return problem{http.StatusServiceUnavailable, "the node is shutting down, or its disk has failed"}
	case r.Context().Err() != nil:
		return problem{http.StatusServiceUnavailable, "the request was given up"}
	}
	w.log.Error("a page failed", "path", r.URL.Path, "err", err)
	return problem{http.StatusInternalServerError, "something went wrong inside the node: its log says what"}
}
